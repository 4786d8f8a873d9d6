using System.Text.Json;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Domain.Validation;

/// <summary>
/// Reads one JSON object field by field, collecting everything that is wrong instead of stopping at the first: missing, unknown and repeated
/// fields, wrong types, values out of range. For documents that people write; the purchase path has its own reader.
/// </summary>
public sealed class JsonFields
{
    private readonly Dictionary<string, JsonElement> _fields = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<FieldError> _errors;
    private readonly string _path;

    /// <summary>Takes the object at <paramref name="path"/>; reports when it is none.</summary>
    public JsonFields(JsonElement element, string path, List<FieldError> errors)
    {
        _errors = errors;
        _path = path;
        if (element.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new(path, $"is {Describe(element.ValueKind)}; an object is needed"));
            return;
        }

        IsObject = true;
        foreach (var property in element.EnumerateObject())
        {
            string name;
            try
            {
                name = property.Name;
            }
            catch (InvalidOperationException)
            {
                errors.Add(new(path, "has a field whose name is no valid Unicode text"));
                continue;
            }

            if (!_fields.TryAdd(name, property.Value))
            {
                errors.Add(new(Path(name), "is given twice"));
            }
        }
    }

    /// <summary>False: something else stood there, and that was reported.</summary>
    public bool IsObject { get; }

    /// <summary>The path of a field of this object.</summary>
    public string Path(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    /// <summary>Adds an error about a field.</summary>
    public void Error(string name, string message) => _errors.Add(new(Path(name), message));

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string name) => _fields.TryGetValue(name, out var value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>Reports a field that cannot be beside what else was given; absent or null it is right.</summary>
    public void Exclude(string name, string message)
    {
        _used.Add(name);
        if (Has(name))
        {
            Error(name, message);
        }
    }

    /// <summary>A string of 1 to <paramref name="maxLength"/> printable characters.</summary>
    public string Text(string name, int maxLength, string? fallback = null)
    {
        if (!Take(name, fallback is null, $"a text of 1 to {maxLength} characters", out var value))
        {
            return fallback ?? "";
        }

        if (value.ValueKind != JsonValueKind.String)
        {
            Error(name, $"is {Describe(value.ValueKind)}; a text is needed");
            return fallback ?? "";
        }

        if (TextOf(value) is not { } text)
        {
            Error(name, "is not valid Unicode text");
            return fallback ?? "";
        }

        if (text.Length == 0 || text.Length > maxLength || text.Any(char.IsControl))
        {
            Error(name, $"has {text.Length} characters or unprintable ones; 1 to {maxLength} printable ones are needed");
            return fallback ?? "";
        }

        return text;
    }

    /// <summary>A whole number within the bounds, both included.</summary>
    public long Whole(string name, long min, long max, long? fallback = null)
    {
        if (!Take(name, fallback is null, $"a whole number from {min} to {max}", out var value))
        {
            return fallback ?? min;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var number) || number < min || number > max)
        {
            Error(name, $"is {Shown(value)}; a whole number from {min} to {max} is needed");
            return fallback ?? min;
        }

        return number;
    }

    /// <summary>A decimal within the bounds, both included, with at most <paramref name="maxScale"/> decimals.</summary>
    public decimal Fraction(string name, decimal min, decimal max, int maxScale, decimal? fallback = null)
    {
        if (!Take(name, fallback is null, $"a number from {min} to {max}", out var value))
        {
            return fallback ?? min;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDecimal(out var number) || number < min || number > max
            || decimal.Round(number, maxScale) != number)
        {
            Error(name, $"is {Shown(value)}; a number from {min} to {max} with at most {maxScale} decimals is needed");
            return fallback ?? min;
        }

        return number;
    }

    /// <summary>One of the given words; returns its index.</summary>
    public int Choice(string name, string[] words, int? fallback = null)
    {
        if (!Take(name, fallback is null, $"one of {string.Join(", ", words)}", out var value))
        {
            return fallback ?? 0;
        }

        var index = TextOf(value) is { } word ? Array.IndexOf(words, word) : -1;
        if (index < 0)
        {
            Error(name, $"is {Shown(value)}; one of {string.Join(", ", words)} is needed");
            return fallback ?? 0;
        }

        return index;
    }

    /// <summary>A time with offset; null when it is absent, as it may be, or wrong.</summary>
    public Instant? Time(string name)
    {
        if (!Take(name, required: false, "a time", out var value))
        {
            return null;
        }

        if (TextOf(value) is { Length: <= 40 } text && OffsetDateTimePattern.Rfc3339.Parse(text) is { Success: true, Value: var time })
        {
            try
            {
                return time.ToInstant();
            }
            catch (OverflowException)
            {
                // The last hours of 9999 with an offset that leads beyond them.
            }
        }

        Error(name, $"is {Shown(value)}; a time with seconds and offset is needed, for example 2026-03-01T12:34:56+00:00");
        return null;
    }

    /// <summary>True or false.</summary>
    public bool Flag(string name, bool fallback)
    {
        if (!Take(name, required: false, "true or false", out var value))
        {
            return fallback;
        }

        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            Error(name, $"is {Describe(value.ValueKind)}; true or false is needed");
            return fallback;
        }

        return value.GetBoolean();
    }

    /// <summary>A nested object, or null when it is absent and may be.</summary>
    public JsonFields? Nested(string name, bool required) =>
        Take(name, required, "an object", out var value) ? new JsonFields(value, Path(name), _errors) : null;

    /// <summary>The elements of an array with between <paramref name="min"/> and <paramref name="max"/> elements, with their paths.</summary>
    public IReadOnlyList<(JsonElement Element, string Path)> List(string name, int min, int max)
    {
        if (!Take(name, min > 0, $"a list of {min} to {max}", out var value))
        {
            return [];
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() < min || value.GetArrayLength() > max)
        {
            Error(name, $"is {(value.ValueKind == JsonValueKind.Array ? $"a list of {value.GetArrayLength()}" : Describe(value.ValueKind))}; a list of {min} to {max} is needed");
            return [];
        }

        return [.. value.EnumerateArray().Select((element, index) => (element, $"{Path(name)}[{index}]"))];
    }

    /// <summary>
    /// Different texts of 1 to <paramref name="maxLength"/> printable characters, between <paramref name="min"/> and <paramref name="max"/> of them; null when the field is absent, as it may be.
    /// </summary>
    public IReadOnlyList<string>? Words(string name, int min, int max, int maxLength)
    {
        if (!Has(name))
        {
            Known(name);
            return null;
        }

        var words = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (element, path) in List(name, min, max))
        {
            if (TextOf(element) is not { Length: > 0 } word || word.Length > maxLength || word.Any(char.IsControl))
            {
                _errors.Add(new(path, $"is {Shown(element)}; a text of 1 to {maxLength} printable characters is needed"));
            }
            else if (!seen.Add(word))
            {
                _errors.Add(new(path, $"is {Shown(element)} once more; each is listed once"));
            }
            else
            {
                words.Add(word);
            }
        }

        return words;
    }

    /// <summary>The value as it stands, for fields that have several forms; null when it is absent, as it may be.</summary>
    public JsonElement? Raw(string name) => Take(name, required: false, "", out var value) ? value : null;

    /// <summary>Says that the field is one of this object's, though it was not read.</summary>
    public void Known(string name) => _used.Add(name);

    /// <summary>Reports every field that nobody asked for.</summary>
    public void RefuseUnknown()
    {
        foreach (var name in _fields.Keys.Where(name => !_used.Contains(name)))
        {
            Error(name, $"is not a field here; known are {string.Join(", ", _used.Order(StringComparer.Ordinal))}");
        }
    }

    /// <summary>The text, or null when the element is none or is no valid Unicode (an escaped half of a surrogate pair).</summary>
    public static string? TextOf(JsonElement element)
    {
        try
        {
            return element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private bool Take(string name, bool required, string needed, out JsonElement value)
    {
        _used.Add(name);
        if (_fields.TryGetValue(name, out value) && value.ValueKind != JsonValueKind.Null)
        {
            return true;
        }

        if (required)
        {
            Error(name, $"is missing; {needed} is needed");
        }

        return false;
    }

    /// <summary>The value for a message, at most 40 characters of it.</summary>
    public static string Shown(JsonElement value)
    {
        // Of a text that is not valid Unicode not even the raw text can be had.
        var text = value.ValueKind == JsonValueKind.String && TextOf(value) is null ? "not valid Unicode text" : value.GetRawText();
        return text.Length > 40 ? text[..(char.IsHighSurrogate(text[39]) ? 39 : 40)] + "…" : text;
    }

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
