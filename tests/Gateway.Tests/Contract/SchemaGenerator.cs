using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

/// <summary>Makes values from the schemas of openapi.json: mostly valid ones with names that exist, and now and then something that breaks a rule somewhere.</summary>
internal sealed class SchemaGenerator(Random random)
{
    private static readonly string[] Odd =
    [
        "null", "{}", "[]", "-1", "0", "1e999", "1e-7", "9223372036854775807", "9223372036854775808", "\"\"", "\"\\u0000\"", "true", "[[[[[[]]]]]]", "\"9999-12-31T23:59:59Z\"", "\"2026-02-30\"", "\"EUR\"", "\"🎁\"",
        "0.00000000000000000001", "\" \"", "\"../../etc\"", "{\"$ref\":\"#\"}", "\"2026-03-10T11:00:00\"",
    ];

    private int _number;

    /// <summary>How likely each value is replaced by something odd, 0 to 1.</summary>
    public double Oddness { get; set; }

    /// <summary>A value by a schema; <paramref name="name"/> is that of its property.</summary>
    public JsonNode? Make(JsonElement schema, string name = "", int depth = 0)
    {
        if (random.NextDouble() < Oddness)
        {
            var odd = Odd[random.Next(Odd.Length)];
            return odd.Contains("e999", StringComparison.Ordinal) ? JsonValue.Create(new string('x', 2000)) : JsonNode.Parse(odd);
        }

        schema = Contract.Resolve(schema);
        if (schema.TryGetProperty("const", out var constant))
        {
            return JsonNode.Parse(constant.GetRawText());
        }

        if (schema.TryGetProperty("enum", out var values))
        {
            return JsonNode.Parse(values[random.Next(values.GetArrayLength())].GetRawText());
        }

        if (schema.TryGetProperty("anyOf", out var choices))
        {
            return Make(choices[random.Next(choices.GetArrayLength())], name, depth + 1);
        }

        if (schema.TryGetProperty("allOf", out var parts))
        {
            var all = new JsonObject();
            foreach (var part in parts.EnumerateArray().Select(part => Make(part, name, depth + 1)).OfType<JsonObject>())
            {
                foreach (var property in part.ToArray())
                {
                    all[property.Key] = property.Value?.DeepClone();
                }
            }

            return all;
        }

        return TypeOf(schema) switch
        {
            "object" => MakeObject(schema, depth),
            "array" => MakeArray(schema, name, depth),
            "integer" => JsonValue.Create(Whole(schema, name)),
            "number" => JsonValue.Create(random.Next(1, 500) / 4m),
            "boolean" => JsonValue.Create(random.Next(2) == 0),
            "null" => null,
            _ => JsonValue.Create(Text(schema, name)),
        };
    }

    private string TypeOf(JsonElement schema)
    {
        if (!schema.TryGetProperty("type", out var type))
        {
            return schema.TryGetProperty("properties", out _) ? "object" : "string";
        }

        return type.ValueKind == JsonValueKind.Array ? type[random.Next(type.GetArrayLength())].GetString()! : type.GetString()!;
    }

    private JsonObject MakeObject(JsonElement schema, int depth)
    {
        var made = new JsonObject();
        var required = schema.TryGetProperty("required", out var names) ? names.EnumerateArray().Select(one => one.GetString()!).ToHashSet() : [];
        foreach (var property in schema.TryGetProperty("properties", out var properties) ? properties.EnumerateObject().ToArray() : [])
        {
            var isWanted = required.Contains(property.Name) ? random.NextDouble() >= Oddness / 2 : depth < 6 && random.Next(3) == 0;
            if (isWanted)
            {
                made[property.Name] = Make(property.Value, property.Name, depth + 1);
            }
        }

        if (random.NextDouble() < Oddness / 2)
        {
            made["unknown"] = 1;
        }

        return made;
    }

    private JsonArray MakeArray(JsonElement schema, string name, int depth)
    {
        var least = schema.TryGetProperty("minItems", out var minimum) ? minimum.GetInt32() : 0;
        var made = new JsonArray();
        for (var count = Math.Max(least, random.Next(least, 3)); count > 0; count--)
        {
            made.Add(schema.TryGetProperty("items", out var items) ? Make(items, name, depth + 1) : "x");
        }

        return made;
    }

    private long Whole(JsonElement schema, string name)
    {
        var least = schema.TryGetProperty("minimum", out var minimum) && minimum.TryGetInt64(out var low) ? low : name is "points" or "change" ? -50 : 0;
        var most = schema.TryGetProperty("maximum", out var maximum) && maximum.TryGetInt64(out var high) ? high : long.MaxValue;
        return random.Next(12) switch { 0 => least, 1 => most, _ => Math.Min(most, Math.Max(least, random.Next(1, 500))) };
    }

    private string Text(JsonElement schema, string name) => name switch
    {
        "id" => $"fuzz-{Interlocked.Increment(ref _number)}-{random.Next(1000)}",
        "member" => random.Next(6) == 0 ? "M-nobody" : "M-fuzz",
        "purchase" => "fuzz-1",
        "currency" => "GBP",
        "unit" or "memberUnit" or "programUnit" => "points",
        "hold" or "redemption" => "hold-fuzz",
        "reward" => "reward-fuzz",
        "pool" => "pool-fuzz",
        "type" => "card",
        "at" or "enrolledAt" or "from" or "until" => $"2026-03-{random.Next(1, 12):00}T11:00:00Z",
        _ when schema.TryGetProperty("format", out var format) => format.GetString() == "date" ? "2026-03-10" : "2026-03-10T11:00:00Z",
        _ => random.Next(4) switch { 0 => "S1", 1 => "points", 2 => random.Next(100).ToString(CultureInfo.InvariantCulture), _ => "word" },
    };
}
