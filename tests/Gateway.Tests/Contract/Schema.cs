using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Loyalty.Gateway.Tests;

/// <summary>Checks JSON against the part of JSON Schema 2020-12 that openapi.json uses. A keyword it does not know is an error, so that nothing is taken for checked.</summary>
internal sealed class Schema(JsonElement document)
{
    /// <summary>Everything that is wrong with the value, with its path; empty: it is valid.</summary>
    public List<string> Check(JsonElement schema, JsonElement value)
    {
        var errors = new List<string>();
        Check(schema, value, "$", errors);
        return errors;
    }

    /// <summary>The schema or response that a <c>$ref</c> names, or what is there.</summary>
    public JsonElement Resolve(JsonElement element)
    {
        while (element.TryGetProperty("$ref", out var reference))
        {
            element = document;
            foreach (var name in reference.GetString()![2..].Split('/'))
            {
                element = element.GetProperty(name);
            }
        }

        return element;
    }

    private void Check(JsonElement schema, JsonElement value, string path, List<string> errors)
    {
        foreach (var keyword in schema.EnumerateObject())
        {
            var (name, wanted) = (keyword.Name, keyword.Value);
            var isRight = name switch
            {
                "$ref" => CheckIn(Resolve(schema), value, path, errors),
                "allOf" => wanted.EnumerateArray().All(one => CheckIn(one, value, path, errors)),
                "anyOf" => wanted.EnumerateArray().Any(one => Check(one, value).Count == 0),
                "not" => Check(wanted, value).Count > 0,
                "const" => JsonElement.DeepEquals(wanted, value),
                "enum" => wanted.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value)),
                "type" => wanted.ValueKind == JsonValueKind.Array ? wanted.EnumerateArray().Any(one => IsOf(one, value)) : IsOf(wanted, value),
                "format" => value.ValueKind is JsonValueKind.Null || IsIn(wanted.GetString()!, value),
                "minimum" => value.ValueKind != JsonValueKind.Number || value.GetDecimal() >= wanted.GetDecimal(),
                "maximum" => value.ValueKind != JsonValueKind.Number || value.GetDecimal() <= wanted.GetDecimal(),
                "exclusiveMinimum" => value.ValueKind != JsonValueKind.Number || value.GetDecimal() > wanted.GetDecimal(),
                "multipleOf" => value.ValueKind != JsonValueKind.Number || value.GetDecimal() % wanted.GetDecimal() == 0,
                "minLength" => value.ValueKind != JsonValueKind.String || Length(value) >= wanted.GetInt32(),
                "maxLength" => value.ValueKind != JsonValueKind.String || Length(value) <= wanted.GetInt32(),
                "pattern" => value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, wanted.GetString()!, RegexOptions.CultureInvariant),
                "minItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= wanted.GetInt32(),
                "maxItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() <= wanted.GetInt32(),
                "uniqueItems" => value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Select(item => item.GetRawText()).Distinct().Count() == value.GetArrayLength(),
                "items" => value.ValueKind != JsonValueKind.Array
                    || value.EnumerateArray().Select((item, index) => CheckIn(wanted, item, $"{path}[{index}]", errors)).ToArray().All(ok => ok),
                "properties" => value.ValueKind != JsonValueKind.Object || wanted.EnumerateObject()
                    .Where(property => value.TryGetProperty(property.Name, out _))
                    .Select(property => CheckIn(property.Value, value.GetProperty(property.Name), $"{path}.{property.Name}", errors)).ToArray().All(ok => ok),
                "required" => value.ValueKind != JsonValueKind.Object || wanted.EnumerateArray().All(one => value.TryGetProperty(one.GetString()!, out _)),
                "additionalProperties" when wanted.ValueKind == JsonValueKind.Object => value.ValueKind != JsonValueKind.Object || value.EnumerateObject()
                    .Where(property => !schema.TryGetProperty("properties", out var named) || !named.TryGetProperty(property.Name, out _))
                    .Select(property => CheckIn(wanted, property.Value, $"{path}.{property.Name}", errors)).ToArray().All(ok => ok),
                "additionalProperties" => value.ValueKind != JsonValueKind.Object
                    || value.EnumerateObject().All(property => schema.GetProperty("properties").TryGetProperty(property.Name, out _)),
                "dependentRequired" => value.ValueKind != JsonValueKind.Object || wanted.EnumerateObject().All(rule =>
                    !value.TryGetProperty(rule.Name, out _) || rule.Value.EnumerateArray().All(one => value.TryGetProperty(one.GetString()!, out _))),
                "description" or "default" or "example" or "contentMediaType" or "x-line-schema" => true,
                _ => throw new InvalidOperationException($"the validator does not know the keyword '{name}'"),
            };
            if (!isRight)
            {
                errors.Add($"{path} breaks {name} {wanted.GetRawText()}: {(value.GetRawText() is { Length: > 200 } text ? text[..200] : value.GetRawText())}");
            }
        }
    }

    private bool CheckIn(JsonElement schema, JsonElement value, string path, List<string> errors)
    {
        var before = errors.Count;
        Check(schema, value, path, errors);
        return errors.Count == before;
    }

    private static int Length(JsonElement value) => new StringInfo(value.GetString()!).String.EnumerateRunes().Count();

    private static bool IsOf(JsonElement type, JsonElement value) => type.GetString() switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "number" => value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out _),
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) && decimal.Truncate(number) == number,
        var other => throw new InvalidOperationException($"the validator does not know the type '{other}'"),
    };

    private static bool IsIn(string format, JsonElement value) => format switch
    {
        "int64" => value.ValueKind != JsonValueKind.Number || value.TryGetInt64(out _),
        "date" => value.ValueKind != JsonValueKind.String || DateOnly.TryParseExact(value.GetString(), "yyyy-MM-dd", out _),
        "date-time" => value.ValueKind != JsonValueKind.String
            || (Regex.IsMatch(value.GetString()!, @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$") && DateTimeOffset.TryParse(value.GetString(), out _)),
        _ => throw new InvalidOperationException($"the validator does not know the format '{format}'"),
    };
}
