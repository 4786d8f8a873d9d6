using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary>Reads members of another system, each from a line: a JSON object, or a row of CSV under a head line. docs/IMPORT.md.</summary>
internal sealed class MemberImportReader(string import)
{
    private static readonly string[] Columns =
        ["member", .. AlternativeId.Types, "enrolledAt", "tier", "tierSince", "tierThrough", "lots", "debts", "progress"];

    private static readonly SearchValues<char> Separators = SearchValues.Create(" ;");

    private readonly List<FieldError> _errors = [];
    private readonly ArrayBufferWriter<byte> _row = new();
    private string[]? _columns;

    /// <summary>What is wrong with the line that was read last.</summary>
    public IReadOnlyList<FieldError> Errors => _errors;

    /// <summary>The member of the line that was read last, as far as it can be told.</summary>
    public string? Member { get; private set; }

    /// <summary>Reads the head line of CSV; the errors say what is wrong with it.</summary>
    public bool ReadHead(ReadOnlySpan<byte> line)
    {
        _errors.Clear();
        var text = line.StartsWith(Encoding.UTF8.Preamble) ? line[Encoding.UTF8.Preamble.Length..] : line;
        var columns = Split(Encoding.UTF8.GetString(text));
        foreach (var column in columns.Where(column => !Columns.Contains(column)))
        {
            _errors.Add(new(column, $"is not a column here; known are {string.Join(", ", Columns)}"));
        }

        foreach (var twice in columns.GroupBy(column => column).Where(group => group.Count() > 1))
        {
            _errors.Add(new(twice.Key, "is there twice"));
        }

        if (!columns.Contains("member"))
        {
            _errors.Add(new("member", "is missing in the head line"));
        }

        _columns = [.. columns];
        return _errors.Count == 0;
    }

    /// <summary>Reads a row under the head line, or null.</summary>
    public MemberImport? ReadRow(ReadOnlySpan<byte> line)
    {
        _errors.Clear();
        Member = null;
        var cells = Split(Encoding.UTF8.GetString(line));
        if (_errors.Count == 0 && cells.Count != _columns!.Length)
        {
            _errors.Add(new("", $"has {cells.Count} cells; the head line has {_columns.Length}"));
        }

        if (_errors.Count > 0)
        {
            return null;
        }

        // A row is written as the JSON of the same member, and read as that: what is right, and how errors are named, is the same for both.
        _row.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_row))
        {
            Write(json, name => Array.IndexOf(_columns!, name) is >= 0 and var at ? cells[at] : "");
        }

        return _errors.Count > 0 ? null : ReadJson(_row.WrittenMemory);
    }

    /// <summary>Reads a JSON object, or null.</summary>
    public MemberImport? ReadJson(ReadOnlyMemory<byte> line)
    {
        _errors.Clear();
        Member = null;
        try
        {
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 8 });
            var fields = new JsonFields(document.RootElement, "", _errors);
            if (_errors.Count > 0)
            {
                return null;
            }

            var member = fields.Text("member", RequestLimits.IdLength);
            Member = member.Length > 0 ? member : null;
            var read = new MemberImport
            {
                Id = MemberImport.IdOf(import, member),
                Import = import,
                Member = member,
                AlternativeIds = MembersEndpoint.ReadAlternativeIds(fields),
                EnrolledAt = MembersEndpoint.ReadTime(fields, "enrolledAt"),
                Tier = ReadTier(fields),
                Lots = [.. fields.List("lots", 0, ImportLimits.Lots).Select(one => ReadLot(one.Element, one.Path))],
                Debts = [.. fields.List("debts", 0, ImportLimits.Debts).Select(one => ReadDebt(one.Element, one.Path))],
                Days = [.. fields.List("progress", 0, ImportLimits.Days).Select(one => ReadDay(one.Element, one.Path))],
            };
            fields.RefuseUnknown();
            return _errors.Count == 0 ? read : null;
        }
        catch (JsonException e)
        {
            _errors.Add(new("", $"is not valid JSON: {e.Message}"));
            return null;
        }
    }

    private static ImportedTier? ReadTier(JsonFields fields)
    {
        if (fields.Nested("tier", required: false) is not { } tier)
        {
            return null;
        }

        var read = new ImportedTier(tier.Text("level", 32), Day(tier, "since") ?? Missing(tier, "since"), Day(tier, "through"));
        tier.RefuseUnknown();
        return read;
    }

    private ImportedLot ReadLot(JsonElement element, string path)
    {
        var lot = new JsonFields(element, path, _errors);
        var never = lot.Raw("lastDay") is { ValueKind: JsonValueKind.String } word && word.ValueEquals("never"u8);
        var read = new ImportedLot(
            lot.Text("unit", 32), lot.Whole("points", 1, RequestLimits.Amount), Day(lot, "earnedOn") ?? Missing(lot, "earnedOn"), Day(lot, "availableOn"),
            never ? null : Day(lot, "lastDay", "; or 'never'"), never);
        lot.RefuseUnknown();
        return read;
    }

    private ImportedDebt ReadDebt(JsonElement element, string path)
    {
        var debt = new JsonFields(element, path, _errors);
        var read = new ImportedDebt(debt.Text("unit", 32), debt.Whole("points", 1, RequestLimits.Amount));
        debt.RefuseUnknown();
        return read;
    }

    private ImportedDay ReadDay(JsonElement element, string path)
    {
        var day = new JsonFields(element, path, _errors);
        var read = new ImportedDay(
            Day(day, "day") ?? Missing(day, "day"), day.Whole("spend", 0, RequestLimits.Amount, 0), day.Whole("points", 0, RequestLimits.Amount, 0),
            day.Whole("visits", 0, 1_000_000, 0));
        day.RefuseUnknown();
        return read;
    }

    internal static LocalDate? Day(JsonFields fields, string name, string or = "")
    {
        if (fields.Raw(name) is not { } value)
        {
            return null;
        }

        if (JsonFields.TextOf(value) is { } text && LocalDatePattern.Iso.Parse(text) is { Success: true, Value: { Year: >= 1900 and <= 9000 } day })
        {
            return day;
        }

        fields.Error(name, $"is {JsonFields.Shown(value)}; a day from 1900 to 9000 is needed, for example 2026-03-31{or}");

        // Something, so that it is not taken for missing as well.
        return new LocalDate(2000, 1, 1);
    }

    private static LocalDate Missing(JsonFields fields, string name)
    {
        fields.Error(name, "is missing; a day is needed, for example 2026-03-31");
        return default;
    }

    private void Write(Utf8JsonWriter json, Func<string, string> cell)
    {
        json.WriteStartObject();
        json.WriteString("member"u8, cell("member"));
        json.WriteStartArray("alternativeIds"u8);
        foreach (var type in AlternativeId.Types)
        {
            foreach (var value in Parts(cell(type)))
            {
                json.WriteStartObject();
                json.WriteString("type"u8, type);
                json.WriteString("value"u8, value);
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
        Text("enrolledAt", "enrolledAt");
        if (cell("tier").Length + cell("tierSince").Length + cell("tierThrough").Length > 0)
        {
            json.WriteStartObject("tier"u8);
            Text("level", "tier");
            Text("since", "tierSince");
            Text("through", "tierThrough");
            json.WriteEndObject();
        }

        List("lots", 3, 5, "unit:points:earnedOn[:lastDay[:availableOn]]", "unit", "points", "earnedOn", "lastDay", "availableOn");
        List("debts", 2, 2, "unit:points", "unit", "points");
        List("progress", 2, 4, "day:spend[:points[:visits]]", "day", "spend", "points", "visits");
        json.WriteEndObject();

        void Text(string name, string column)
        {
            if (cell(column) is { Length: > 0 } text)
            {
                json.WriteString(name, text);
            }
        }

        void List(string column, int min, int max, string form, params string[] names)
        {
            json.WriteStartArray(column);
            foreach (var (part, i) in Parts(cell(column)).Select((part, i) => (part, i)))
            {
                var values = part.Split(':');
                if (values.Length < min || values.Length > max)
                {
                    _errors.Add(new($"{column}[{i}]", $"is '{(part.Length > 60 ? part[..60] + "…" : part)}'; {form} is needed"));
                    continue;
                }

                json.WriteStartObject();
                for (var field = 0; field < values.Length; field++)
                {
                    if (names[field] is "points" or "spend" or "visits" && long.TryParse(values[field], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
                    {
                        json.WriteNumber(names[field], number);
                    }
                    else if (values[field].Length > 0)
                    {
                        json.WriteString(names[field], values[field]);
                    }
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }
    }

    private static IEnumerable<string> Parts(string cell)
    {
        for (var start = 0; start < cell.Length;)
        {
            var length = cell.AsSpan(start).IndexOfAny(Separators);
            length = length < 0 ? cell.Length - start : length;
            if (length > 0)
            {
                yield return cell.Substring(start, length);
            }

            start += length + 1;
        }
    }

    /// <summary>Cells of a line: separated by commas, in double quotes where they hold some; a quote within quotes is doubled. A cell does not go over lines.</summary>
    private List<string> Split(string line)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        for (var i = 0; ;)
        {
            cell.Clear();
            if (i < line.Length && line[i] == '"')
            {
                for (i++; ; i++)
                {
                    if (i >= line.Length)
                    {
                        _errors.Add(new("", "has a quote that does not end in the line"));
                        return cells;
                    }

                    if (line[i] != '"')
                    {
                        cell.Append(line[i]);
                    }
                    else if (i + 1 < line.Length && line[i + 1] == '"')
                    {
                        cell.Append(line[i++]);
                    }
                    else
                    {
                        i++;
                        break;
                    }
                }
            }

            var comma = line.IndexOf(',', i);
            var end = comma < 0 ? line.Length : comma;
            cells.Add(cell.Append(line.AsSpan(i, end - i)).ToString().Trim());
            if (comma < 0)
            {
                return cells;
            }

            i = comma + 1;
        }
    }
}
