using System.Text;
using System.Text.Json;
using Loyalty.Gateway.Http;

namespace Loyalty.Gateway.Tests;

/// <summary>The OpenAPI document, and whether a reply keeps to it.</summary>
internal static class Contract
{
    /// <summary>The document that is built into the gateway.</summary>
    public static readonly JsonElement Document = JsonDocument.Parse(OperationsEndpoint.ReadResource("openapi.json")).RootElement;

    private static readonly Schema Schemas = new(Document);

    /// <summary>Every operation: method in capitals, path template, the operation.</summary>
    public static IEnumerable<(string Method, string Path, JsonElement Operation)> Operations =>
        from path in Document.GetProperty("paths").EnumerateObject()
        from method in path.Value.EnumerateObject()
        select (method.Name.ToUpperInvariant(), path.Name, method.Value);

    /// <summary>What is wrong with a value, by the schema of that name.</summary>
    public static List<string> CheckSchema(string name, JsonElement value) =>
        Schemas.Check(Document.GetProperty("components").GetProperty("schemas").GetProperty(name), value);

    /// <summary>What is wrong with a value, by a schema of the document.</summary>
    public static List<string> Check(JsonElement schema, JsonElement value) => Schemas.Check(schema, value);

    /// <summary>What a reference of the document names.</summary>
    public static JsonElement Resolve(JsonElement element) => Schemas.Resolve(element);

    /// <summary>Fails unless the document says that this request may have this reply.</summary>
    public static void Check(string method, string target, int status, Func<string, string?> header, byte[] body)
    {
        var response = ResponseOf(method, target.Split('?')[0], status);
        var said = $"{method} {target} was answered {status} {header("Content-Type")}: {(body.Length > 2000 ? "…" : Encoding.UTF8.GetString(body))}";
        foreach (var needed in response.TryGetProperty("headers", out var headers) ? headers.EnumerateObject().ToArray() : [])
        {
            Assert.True(header(needed.Name) is { Length: > 0 }, $"{said}\nThe header {needed.Name} is missing.");
        }

        var type = header("Content-Type")?.Split(';')[0];
        if (type is null && body.Length == 0)
        {
            return;
        }

        Assert.True(response.GetProperty("content").TryGetProperty(type ?? "", out var media), $"{said}\nThe content type is not in the contract.");
        var schema = media.GetProperty("schema");
        if (type == "application/x-ndjson")
        {
            var lineSchema = schema.GetProperty("x-line-schema");
            foreach (var line in Encoding.UTF8.GetString(body).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                using var json = JsonDocument.Parse(line);
                var errors = Schemas.Check(lineSchema, json.RootElement);
                Assert.True(errors.Count == 0, $"{method} {target} was answered with a line that breaks the contract: {line}\n{string.Join('\n', errors)}");
            }
        }
        else
        {
            using var json = type!.EndsWith("json", StringComparison.Ordinal) ? JsonDocument.Parse(body) : JsonSerializer.SerializeToDocument(Encoding.UTF8.GetString(body));
            var errors = Schemas.Check(schema, json.RootElement);
            Assert.True(errors.Count == 0, $"{said}\n{string.Join('\n', errors)}");
        }
    }

    private static JsonElement ResponseOf(string method, string path, int status)
    {
        var template = Document.GetProperty("paths").EnumerateObject()
            .FirstOrDefault(one => Matches(one.Name.Split('/'), path.Split('/'))).Value;
        if (template.ValueKind == JsonValueKind.Object && template.TryGetProperty(method.ToLowerInvariant(), out var operation))
        {
            Assert.True(
                operation.GetProperty("responses").TryGetProperty(status.ToString(), out var response), $"{method} {path} was answered {status}, which the contract does not know.");
            return Schemas.Resolve(response);
        }

        var expected = template.ValueKind == JsonValueKind.Object ? (405, "Method") : (404, "NotFound");
        Assert.True(status == expected.Item1, $"{method} {path} is not in the contract, and was answered {status}.");
        return Document.GetProperty("components").GetProperty("responses").GetProperty(expected.Item2);
    }

    private static bool Matches(string[] template, string[] path) =>
        template.Length == path.Length && template.Zip(path).All(pair => pair.First == pair.Second || (pair.First.StartsWith('{') && pair.Second.Length > 0));
}
