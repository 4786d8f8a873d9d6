using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Tests.Programs;
using Loyalty.Domain.Validation;
using Xunit;
using Utf8 = System.Text.Encoding;

namespace Loyalty.Domain.Tests.Campaigns;

/// <summary>The JSON Schema that editors use says the same as the parser.</summary>
public class CampaignSchema
{
    private static readonly JsonSchema Schema = JsonSchema.FromText(Utf8.UTF8.GetString(CampaignParser.Schema.Span));
    private static readonly EvaluationOptions Strict = new() { RequireFormatValidation = true };

    /// <summary>What a schema cannot say: it compares fields, looks into the program, or calculates.</summary>
    private static readonly string[] BeyondSchemas =
    [
        "the address says", "it would end before", "nothing lies between", "would never hold", "cannot have and lack", "no level of the program", "list it there first", "which no store of the program",
        "cannot match and not match", "no unit of the program", "nothing to multiply", "at most 1000 points", "at most 1000 are possible", "at most 1000000 for each", "no value of the unit",
        "first give", "no cause of the program", "full again without end", "earlier step", "nothing would ever be given", "the program has no tiers",
    ];

    public static TheoryData<string> Documents() => [.. CampaignDefinitions.Complete];

    [Theory]
    [MemberData(nameof(Documents))]
    public void What_the_parser_reads_the_schema_allows(string json) => Assert.True(Allows(json));

    [Fact]
    public void Shapes_that_the_parser_refuses_the_schema_refuses() =>
        Assert.All(Mistakes.Shape, mistake => Assert.False(Allows(Mistakes.Make(mistake.Document, mistake.Path, mistake.Json)), $"{mistake.Path}: {mistake.Json}"));

    [Fact]
    public void What_a_schema_cannot_say_it_does_not_say() =>
        Assert.All(Mistakes.Meaning, mistake => Assert.True(Allows(Mistakes.Make(mistake.Document, mistake.Path, mistake.Json)), $"{mistake.Path}: {mistake.Json}"));

    [Fact]
    public void Parser_and_schema_agree_on_definitions_with_anything_anywhere()
    {
        var random = new Random(20261128);
        string[] values =
        [
            "null", "0", "1", "2", "-1", "0.5", "1.00001", "7.5", "1000001", "1000000000000000000", "true", "false", "\"\"", "\"month\"", "\"purchase\"", "\"points\"", "\"2026-06-06\"", "\"12:00\"", "\"bonus\"",
            "\"x-y\"", "\"gold\"", "[]", "{}", "[1]", "[\"a\"]", "[\"a\", \"a\"]", "[{}]", "[null]", "{ \"every\": 3 }", "{ \"activity\": \"review\" }", "{ \"award\": \"first\" }", "{ \"points\": { \"day\": null } }",
            "{ \"type\": \"bonus\", \"unit\": \"points\", \"points\": 1 }", "{ \"day\": 5 }", "{ \"skus\": [\"q\"] }", "{ \"what\": {}, \"withinDays\": 3 }", "{ \"in\": \"uses\", \"amount\": 3 }",
            "{ \"unit\": \"stamps\", \"size\": 3, \"gives\": [{ \"type\": \"bonus\", \"unit\": \"points\", \"points\": 1 }] }",
        ];
        var agreed = (Allowed: 0, Refused: 0);
        for (var i = 0; i < 3000; i++)
        {
            var json = CampaignDefinitions.Complete[random.Next(CampaignDefinitions.Complete.Length)];
            for (var changes = random.Next(1, 3); changes > 0; changes--)
            {
                var paths = Paths(JsonNode.Parse(json)!, "").ToList();
                json = Definitions.Changed(json, paths[random.Next(paths.Count)], random.Next(5) == 0 ? null : values[random.Next(values.Length)]);
            }

            var errors = new List<FieldError>();
            var isRead = CampaignParser.Parse(Utf8.UTF8.GetBytes(json), "c", 1, CampaignDefinitions.Program, null, errors) is not null;
            var isBeyond = errors.Count > 0 && errors.TrueForAll(error => BeyondSchemas.Any(fragment => error.Message.Contains(fragment, StringComparison.Ordinal)));
            var allows = Allows(json);
            Assert.True(allows == (isRead || isBeyond), $"the schema {(allows ? "allows" : "refuses")}, the parser says [{string.Join("; ", errors)}]:\n{json}");
            agreed = allows ? (agreed.Allowed + 1, agreed.Refused) : (agreed.Allowed, agreed.Refused + 1);
        }

        Assert.True(agreed.Allowed > 100 && agreed.Refused > 1000, $"one-sided: {agreed}");
    }

    private static IEnumerable<string> Paths(JsonNode node, string path)
    {
        if (path.Length > 0)
        {
            yield return path;
        }

        var children = node switch
        {
            JsonObject fields => fields.Select(field => (path.Length == 0 ? field.Key : $"{path}.{field.Key}", field.Value)).Append((path.Length == 0 ? "challenge" : $"{path}.points", null)),
            JsonArray items => items.Select((item, i) => ($"{path}[{i}]", item)),
            _ => [],
        };
        foreach (var (child, value) in children)
        {
            if (value is null)
            {
                yield return child;
            }
            else
            {
                foreach (var inner in Paths(value, child))
                {
                    yield return inner;
                }
            }
        }
    }

    private static bool Allows(string json)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json);
        }
        catch (JsonException)
        {
            return false;
        }

        using (document)
        {
            return Schema.Evaluate(document.RootElement, Strict).IsValid;
        }
    }
}
