using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Loyalty.Gateway.Hosting;
using Command = System.CommandLine.Command;

namespace Loyalty.Gateway.Commands;

/// <summary><c>import-members FILE</c>: sends members of another system to a running engine, and writes what was wrong with which line.</summary>
internal static class ImportMembersCommand
{
    public static Command Create()
    {
        var data = DataFolder.Option();
        var file = new Argument<string>("FILE") { Description = "Members, a line each: .csv, or .ndjson (docs/IMPORT.md)." };
        var import = new Option<string>("--import") { Description = "The import's own id: the same file can be sent again under it, and brings each member in once.", Required = true };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only says what it would come to." };
        var errors = new Option<string?>("--errors") { Description = "Where the errors go, as CSV. Default: FILE.errors.csv." };
        var url = new Option<string>("--url")
        {
            Description = "The engine. Environment: LOYALTY_URL.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("LOYALTY_URL") is { Length: > 0 } set ? set : "http://127.0.0.1:8080",
        };
        var key = new Option<string?>("--key") { Description = "A key with scope admin. Environment: LOYALTY_KEY. Default: the development key of the data folder." };
        var command = new Command("import-members", "Brings members of another system into a running engine: balances, lots, standing, progress.") { file, import, dryRun, errors, url, key, data };
        command.SetAction((parsed, stop) => RunAsync(
            parsed.GetValue(file)!, parsed.GetValue(import)!, parsed.GetValue(dryRun), parsed.GetValue(errors) ?? parsed.GetValue(file)! + ".errors.csv",
            parsed.GetValue(url)!, parsed.GetValue(key) ?? KeyOf(parsed.GetValue(data)!), stop));
        return command;
    }

    private static string? KeyOf(string dataFolder)
    {
        var file = Path.Combine(dataFolder, "dev-key");
        return Environment.GetEnvironmentVariable("LOYALTY_KEY") is { Length: > 0 } key ? key : File.Exists(file) ? File.ReadAllText(file).Trim() : null;
    }

    private static async Task<int> RunAsync(string file, string import, bool dryRun, string errorFile, string url, string? key, CancellationToken stop)
    {
        var type = Path.GetExtension(file).ToLowerInvariant() switch
        {
            ".csv" => "text/csv",
            ".ndjson" or ".jsonl" => "application/x-ndjson",
            var other => throw new UserError($"FILE ends with '{other}'; .csv or .ndjson is needed."),
        };
        if (!File.Exists(file))
        {
            throw new UserError($"There is no file {Path.GetFullPath(file)}.");
        }

        if (!Uri.TryCreate(url, UriKind.Absolute, out var address))
        {
            throw new UserError($"--url is '{url}'; http://HOST:PORT is needed.");
        }

        using var client = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        try
        {
            using var body = new StreamContent(File.OpenRead(file), 1 << 16);
            body.Headers.ContentType = new(type);
            using var answer = await client.PostAsync(new Uri($"/v1/imports/members?import={Uri.EscapeDataString(import)}&dryRun={(dryRun ? "true" : "false")}", UriKind.Relative), body, stop).ConfigureAwait(false);
            using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false));
            if (!answer.IsSuccessStatusCode)
            {
                throw new UserError($"The engine says {(int)answer.StatusCode}: {(json.RootElement.TryGetProperty("detail", out var detail) ? detail.GetString() : "")}");
            }

            return Report(json.RootElement, errorFile);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException or UnauthorizedAccessException)
        {
            throw new UserError($"The members were not all sent to {address}: {e.Message} Send the file again with the same --import: each member is brought in once.");
        }
    }

    private static int Report(JsonElement report, string errorFile)
    {
        string[] names = ["members", "imported", "replayed", "malformed", "refused", "unavailable"];
        Console.Error.WriteLine((report.GetProperty("dryRun").GetBoolean() ? "dry run, nothing was changed: " : "") + string.Join(", ", names.Select(name => $"{report.GetProperty(name).GetInt64():N0} {name}")));
        foreach (var unit in report.GetProperty("units").EnumerateArray())
        {
            Console.Error.WriteLine($"  {unit.GetProperty("points").GetInt64():N0} {unit.GetProperty("unit").GetString()}, debt {unit.GetProperty("debt").GetInt64():N0}");
        }

        var count = report.GetProperty("errorCount").GetInt64();
        if (count == 0)
        {
            return 0;
        }

        using var writer = new StreamWriter(errorFile, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        writer.WriteLine("line,member,code,field,reason");
        foreach (var error in report.GetProperty("errors").EnumerateArray())
        {
            writer.WriteLine(string.Join(',', error.GetProperty("line").GetInt64().ToString(System.Globalization.CultureInfo.InvariantCulture),
                Quoted(error.TryGetProperty("member", out var member) ? member.GetString()! : ""), error.GetProperty("code").GetString(),
                Quoted(error.GetProperty("field").GetString()!), Quoted(error.GetProperty("reason").GetString()!)));
        }

        var listed = report.GetProperty("errors").GetArrayLength();
        Console.Error.WriteLine($"{count:N0} errors{(listed < count ? $", the first {listed:N0}" : "")} in {errorFile}");
        return 1;
    }

    private static string Quoted(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
