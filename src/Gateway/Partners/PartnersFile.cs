using System.Text.Json;
using Loyalty.Domain.Validation;
using Loyalty.Gateway.Hosting;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Partners;

/// <summary>
/// The partners' connectors of a process, from <c>partners.json</c> in the data folder: a list of <c>{"name", "url", "secret", "timeoutSeconds"}</c>. A secret that begins with <c>env:</c> names an environment variable. Without the file
/// no partner is called from this process.
/// </summary>
internal static class PartnersFile
{
    private const string FileName = "partners.json";

    /// <summary>Reads the file (that of the environment variable <c>Loyalty__Partners</c>, or the one in the data folder), and sends alarms to the log.</summary>
    /// <exception cref="UserError">It is not valid.</exception>
    public static PartnerConnectors Load(string? dataFolder, ILogger logger)
    {
        var connectors = new PartnerConnectors { Alarms = (code, text) => logger.LogWarning("Alarm {Code}: {Text}", code, text) };
        var file = Environment.GetEnvironmentVariable("Loyalty__Partners") is { Length: > 0 } named ? named : dataFolder is null ? null : Path.Combine(dataFolder, FileName);
        if (file is null || !File.Exists(file))
        {
            return connectors;
        }

        var errors = new List<FieldError>();
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file), new JsonDocumentOptions { MaxDepth = 8, CommentHandling = JsonCommentHandling.Skip });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Array || root.GetArrayLength() > 200)
            {
                errors.Add(new("", "is no list of at most 200 partners"));
            }

            for (var i = 0; errors.Count == 0 && i < root.GetArrayLength(); i++)
            {
                Add(connectors, new JsonFields(root[i], $"[{i}]", errors));
            }
        }
        catch (JsonException e)
        {
            errors.Add(new("", $"is not JSON: {e.Message}"));
        }

        return errors.Count == 0 ? connectors : throw new UserError($"{file} is not valid:\n" + string.Join('\n', errors.Select(error => $"  {error.Field} {error.Message}")));
    }

    private static void Add(PartnerConnectors connectors, JsonFields fields)
    {
        var (name, url, secret) = (fields.Text("name", 32), fields.Text("url", 1000), fields.Text("secret", 1000));
        var seconds = fields.Whole("timeoutSeconds", 1, 14, 10);
        fields.RefuseUnknown();
        if (secret.StartsWith("env:", StringComparison.Ordinal))
        {
            secret = Environment.GetEnvironmentVariable(secret[4..]) ?? "";
        }

        if (secret.Length < 16)
        {
            fields.Error("secret", "has less than 16 characters, or names an environment variable that is not set");
        }

        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http") || (address.Scheme == "http" && !address.IsLoopback))
        {
            fields.Error("url", $"is '{url}'; an https address is needed (http only on this machine)");
            return;
        }

        if (secret.Length >= 16)
        {
            connectors.Add(name, new HttpPartnerConnector(address, secret, TimeSpan.FromSeconds(seconds), TimeProvider.System));
        }
    }
}
