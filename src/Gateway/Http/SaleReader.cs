using System.Text.Json;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>
/// Reads purchases and returns from JSON: by hand, because this is the hot path (a generated reader is several times as slow), and strictly: unknown,
/// repeated and missing fields, wrong types and values out of range are all reported. What is in its usual form is read by <see cref="PlainSaleReader"/>. Used again for
/// many requests; not thread-safe.
/// </summary>
internal sealed class SaleReader
{
    private const int MaxErrors = 20;
    private static readonly StringPool Names = new(1 << 14);
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 16, CommentHandling = JsonCommentHandling.Disallow };

    private readonly List<SaleLine> _lines = new(64);
    private List<FieldError>? _errors;

    private enum Field
    {
        Type,
        Id,
        Purchase,
        Member,
        Store,
        Channel,
        At,
        Currency,
        Tender,
        Lines,
        Sku,
        Category,
        Brand,
        Quantity,
        Amount,
        Unknown,
    }

    /// <summary>What was wrong with the last request.</summary>
    public IReadOnlyList<FieldError> Errors => _errors ?? [];

    /// <summary>The id of the last request, if it could be read.</summary>
    public string? Id { get; private set; }

    /// <summary>The id of a request that has none; null: each must have one.</summary>
    public string? UsualId { get; init; }

    /// <summary>Reads a request.</summary>
    /// <param name="json">One JSON object.</param>
    /// <param name="isReturn">What it is when it does not say.</param>
    /// <param name="mixed">Whether <c>type</c> may say otherwise (in streams).</param>
    /// <returns>A <see cref="Purchase"/> or <see cref="Return"/>, or null when there are <see cref="Errors"/>.</returns>
    public Request? Read(ReadOnlySpan<byte> json, bool isReturn, bool mixed)
    {
        _errors = null;
        _lines.Clear();
        if (new PlainSaleReader(json, Names, _lines).Read(isReturn, mixed) is { } plain)
        {
            Id = plain.Id;
            return plain;
        }

        return ReadAnything(json, isReturn, mixed);
    }

    /// <summary>Reads what <see cref="PlainSaleReader"/> gave up, and finds everything that is wrong with it.</summary>
    internal Request? ReadAnything(ReadOnlySpan<byte> json, bool isReturn, bool mixed)
    {
        _errors = null;
        Id = null;
        _lines.Clear();
        try
        {
            var reader = new Utf8JsonReader(json, Options);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                Error("", "is no JSON object");
                return null;
            }

            var request = ReadRequest(ref reader, isReturn, mixed);
            if (reader.Read())
            {
                Error("", "has something behind the JSON object");
            }

            return _errors is null ? request : null;
        }
        catch (JsonException e)
        {
            _errors = null;
            Error("", $"is not valid JSON: {(e.Message.Length > 200 ? e.Message[..200] : e.Message)}");
            return null;
        }
    }

    private Request? ReadRequest(ref Utf8JsonReader reader, bool isReturn, bool mixed)
    {
        string? purchase = null, member = null, store = null, channel = null, currency = null;
        Instant? at = null;
        Tender? tender = null;
        var seen = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = FieldOf(ref reader);
            if (field is Field.Unknown or > Field.Lines)
            {
                Error(NameOf(ref reader), "is not a field here; known are id, purchase (returns), member, store, channel, at, currency, lines, tender (purchases)");
                reader.Read();
                reader.Skip();
                continue;
            }

            if ((seen & (1 << (int)field)) != 0)
            {
                Error(Name(field), "is given twice");
            }

            seen |= 1 << (int)field;
            reader.Read();
            switch (field)
            {
                case Field.Type:
                    switch (Text(ref reader, "type", RequestLimits.NameLength, Names))
                    {
                        case "purchase":
                            isReturn = Kind("purchase", isReturn, false, mixed);
                            break;
                        case "return":
                            isReturn = Kind("return", isReturn, true, mixed);
                            break;
                        case { } other:
                            Error("type", $"is '{other}'; needed is purchase or return");
                            break;
                    }

                    break;
                case Field.Id: Id = Text(ref reader, "id", RequestLimits.IdLength, null); break;
                case Field.Purchase: purchase = Text(ref reader, "purchase", RequestLimits.IdLength, null, optional: true); break;
                case Field.Member: member = Text(ref reader, "member", RequestLimits.IdLength, null, optional: true); break;
                case Field.Store: store = Text(ref reader, "store", RequestLimits.NameLength, Names); break;
                case Field.Channel: channel = Text(ref reader, "channel", RequestLimits.NameLength, Names, optional: true); break;
                case Field.Currency: currency = Text(ref reader, "currency", 3, Names); break;
                case Field.At: at = Time(ref reader); break;
                case Field.Tender: tender = ReadTender(ref reader); break;
                case Field.Lines: ReadLines(ref reader); break;
            }
        }

        if (UsualId is null || (seen & (1 << (int)Field.Id)) != 0)
        {
            Missing(seen, Field.Id, "the sender's own id of the request, 1 to 128 characters");
        }
        else
        {
            Id = UsualId;
        }

        Missing(seen, Field.Store, "the store, 1 to 64 characters");
        Missing(seen, Field.At, "the time of the sale with its offset, for example 2026-03-01T12:34:56+00:00");
        Missing(seen, Field.Currency, "an ISO 4217 code, for example GBP");
        Missing(seen, Field.Lines, "1 to 1000 lines");
        if (!isReturn && (seen & (1 << (int)Field.Purchase)) != 0)
        {
            Error("purchase", "is not a field of a purchase; a return has it");
        }

        if (isReturn && (seen & (1 << (int)Field.Tender)) != 0)
        {
            Error("tender", "is not a field of a return; a purchase has it");
        }

        if (_errors is not null)
        {
            return null;
        }

        return isReturn
            ? new Return { Id = Id!, Purchase = purchase, Member = member, Store = store!, Channel = channel, At = at!.Value, Currency = currency!, Lines = [.. _lines] }
            : new Purchase { Id = Id!, Member = member, Store = store!, Channel = channel, At = at!.Value, Currency = currency!, Lines = [.. _lines], Tender = tender };
    }

    private Tender? ReadTender(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Wrong(ref reader, "tender", "an object with unit, points and amount");
            return null;
        }

        string? unit = null;
        long points = 0, amount = 0;
        var seen = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.ValueIsEscaped ? 0
                : reader.ValueTextEquals("unit"u8) ? 1 : reader.ValueTextEquals("points"u8) ? 2 : reader.ValueTextEquals("amount"u8) ? 4 : 0;
            var name = $"tender.{NameOf(ref reader)}";
            reader.Read();
            if (field == 0)
            {
                Error(name, "is not a field here; known are unit, points, amount");
                reader.Skip();
                continue;
            }

            if ((seen & field) != 0)
            {
                Error(name, "is given twice");
            }

            seen |= field;
            switch (field)
            {
                case 1: unit = Text(ref reader, name, 32, Names); break;
                case 2: points = Positive(ref reader, name); break;
                case 4: amount = Positive(ref reader, name); break;
            }
        }

        foreach (var (field, name) in new[] { (1, "unit"), (2, "points"), (4, "amount") })
        {
            if ((seen & field) == 0)
            {
                Error($"tender.{name}", field == 1 ? "is missing; the unit of the points is needed" : "is missing; a whole number from 1 to 1000000000000 is needed");
            }
        }

        return new(unit ?? "", points, amount);
    }

    private long Positive(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number) && number is >= 1 and <= RequestLimits.Amount)
        {
            return number;
        }

        Wrong(ref reader, name, "a whole number from 1 to 1000000000000");
        return 1;
    }

    private bool Kind(string name, bool expected, bool found, bool mixed)
    {
        if (expected != found && !mixed)
        {
            Error("type", $"is {name}; this address takes {(expected ? "returns" : "purchases")} (only streams may mix them)");
        }

        return found;
    }

    private void ReadLines(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            Wrong(ref reader, "lines", "a list of 1 to 1000 lines");
            return;
        }

        long sum = 0;
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (count++ >= RequestLimits.Lines)
            {
                if (count == RequestLimits.Lines + 1)
                {
                    Error("lines", $"are more than {RequestLimits.Lines}; split the sale");
                }

                reader.Skip();
                continue;
            }

            if (reader.TokenType != JsonTokenType.StartObject)
            {
                Wrong(ref reader, $"lines[{count - 1}]", "an object");
                continue;
            }

            var line = ReadLine(ref reader, count - 1);
            _lines.Add(line);
            sum += line.Amount;
        }

        if (count == 0)
        {
            Error("lines", "is empty; 1 to 1000 lines are needed");
        }

        if (sum > RequestLimits.Amount)
        {
            Error("lines", $"add up to {sum}; at most {RequestLimits.Amount} minor units are possible");
        }
    }

    private SaleLine ReadLine(ref Utf8JsonReader reader, int index)
    {
        string? sku = null, category = null, brand = null;
        decimal quantity = 0;
        long amount = 0;
        var seen = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = FieldOf(ref reader);
            if (field is Field.Unknown or < Field.Sku)
            {
                Error(At(index, NameOf(ref reader)), "is not a field here; known are sku, category, brand, quantity, amount");
                reader.Read();
                reader.Skip();
                continue;
            }

            if ((seen & (1 << (int)field)) != 0)
            {
                Error(At(index, Name(field)), "is given twice");
            }

            seen |= 1 << (int)field;
            reader.Read();
            switch (field)
            {
                case Field.Sku: sku = Text(ref reader, "sku", RequestLimits.IdLength, Names, false, index); break;
                case Field.Category: category = Text(ref reader, "category", RequestLimits.NameLength, Names, true, index); break;
                case Field.Brand: brand = Text(ref reader, "brand", RequestLimits.NameLength, Names, true, index); break;
                case Field.Quantity:
                    if (reader.TokenType != JsonTokenType.Number || !reader.TryGetDecimal(out quantity) || quantity <= 0m || quantity > RequestLimits.Quantity
                        || (quantity.Scale > RequestLimits.QuantityDecimals && decimal.Round(quantity, RequestLimits.QuantityDecimals) != quantity))
                    {
                        Wrong(ref reader, At(index, "quantity"), "a number above 0, at most 1000000000, with at most 6 decimals");
                    }

                    break;
                case Field.Amount:
                    if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out amount) || amount < 0 || amount > RequestLimits.Amount)
                    {
                        amount = 0;
                        Wrong(ref reader, At(index, "amount"), "what was paid for the line, a whole number of minor units from 0 to 1000000000000");
                    }

                    break;
            }
        }

        if ((seen & (1 << (int)Field.Sku)) == 0)
        {
            Error(At(index, "sku"), "is missing; the article is needed, 1 to 128 characters");
        }

        if ((seen & (1 << (int)Field.Quantity)) == 0)
        {
            Error(At(index, "quantity"), "is missing; a number above 0 is needed");
        }

        if ((seen & (1 << (int)Field.Amount)) == 0)
        {
            Error(At(index, "amount"), "is missing; what was paid for the line is needed, in minor units");
        }

        return new(sku ?? "", category, brand, quantity, amount);
    }

    private string? Text(ref Utf8JsonReader reader, string name, int maxLength, StringPool? pool, bool optional = false, int line = -1)
    {
        if (reader.TokenType == JsonTokenType.Null && optional)
        {
            return null;
        }

        if (reader.TokenType != JsonTokenType.String)
        {
            Wrong(ref reader, At(line, name), $"a text of 1 to {maxLength} characters");
            return null;
        }

        var place = 0;
        var isPlain = !reader.ValueIsEscaped && reader.ValueSpan.Length <= maxLength * 3;
        if (pool is not null && isPlain && pool.Find(reader.ValueSpan, out place) is { } known && known.Length <= maxLength)
        {
            return known;
        }

        if (reader.ValueSpan.Length > maxLength * 6)
        {
            Error(At(line, name), $"has more than {maxLength} characters");
            return null;
        }

        string text;
        try
        {
            text = reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            Error(At(line, name), "is not valid Unicode text (UTF-8)");
            return null;
        }

        if (text.Length == 0 || text.Length > maxLength)
        {
            Error(At(line, name), $"has {text.Length} characters; 1 to {maxLength} are needed");
            return null;
        }

        foreach (var c in text)
        {
            if (char.IsControl(c))
            {
                Error(At(line, name), "has a control character; printable ones are needed");
                return null;
            }
        }

        if (pool is not null && isPlain)
        {
            pool.Add(text, place);
        }

        return text;
    }

    private Instant? Time(ref Utf8JsonReader reader)
    {
        // The framework takes a time without offset for local time of the machine, which it never is. Some writers escape the plus sign.
        Span<byte> unescaped = stackalloc byte[64];
        try
        {
            var span = reader.TokenType != JsonTokenType.String || reader.ValueSpan.Length > unescaped.Length ? default
                : reader.ValueIsEscaped ? unescaped[..reader.CopyString(unescaped)] : reader.ValueSpan;
            var hasOffset = span.Length >= 20 && (span[^1] == (byte)'Z' || (span[^6] is (byte)'+' or (byte)'-' && span[^3] == (byte)':'));
            if (hasOffset && reader.TryGetDateTimeOffset(out var time))
            {
                return Instant.FromUnixTimeMilliseconds(time.ToUnixTimeMilliseconds());
            }
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, escaped.
        }

        Wrong(ref reader, "at", "a time with seconds and offset, for example 2026-03-01T12:34:56+00:00");
        return null;
    }

    private static Field FieldOf(ref Utf8JsonReader reader) => reader.ValueIsEscaped ? Field.Unknown : reader.ValueSpan.Length switch
    {
        2 => reader.ValueTextEquals("id"u8) ? Field.Id : reader.ValueTextEquals("at"u8) ? Field.At : Field.Unknown,
        3 => reader.ValueTextEquals("sku"u8) ? Field.Sku : Field.Unknown,
        4 => reader.ValueTextEquals("type"u8) ? Field.Type : Field.Unknown,
        5 => reader.ValueTextEquals("lines"u8) ? Field.Lines
            : reader.ValueTextEquals("store"u8) ? Field.Store
            : reader.ValueTextEquals("brand"u8) ? Field.Brand : Field.Unknown,
        6 => reader.ValueTextEquals("amount"u8) ? Field.Amount : reader.ValueTextEquals("member"u8) ? Field.Member
            : reader.ValueTextEquals("tender"u8) ? Field.Tender : Field.Unknown,
        7 => reader.ValueTextEquals("channel"u8) ? Field.Channel : Field.Unknown,
        8 => reader.ValueTextEquals("quantity"u8) ? Field.Quantity
            : reader.ValueTextEquals("category"u8) ? Field.Category
            : reader.ValueTextEquals("currency"u8) ? Field.Currency
            : reader.ValueTextEquals("purchase"u8) ? Field.Purchase : Field.Unknown,
        _ => Field.Unknown,
    };

    private static string Name(Field field) => char.ToLowerInvariant(field.ToString()[0]) + field.ToString()[1..];

    private static string NameOf(ref Utf8JsonReader reader)
    {
        try
        {
            var name = reader.GetString()!;
            name = new string([.. name.Select(c => char.IsControl(c) ? '?' : c)]);
            return name.Length > 64 ? name[..(char.IsHighSurrogate(name[63]) ? 63 : 64)] + "…" : name;
        }
        catch (InvalidOperationException)
        {
            return "?";
        }
    }

    private static string At(int line, string name) => line < 0 ? name : $"lines[{line}].{name}";

    private void Missing(int seen, Field field, string needed)
    {
        if ((seen & (1 << (int)field)) == 0)
        {
            Error(Name(field), $"is missing; needed is {needed}");
        }
    }

    private void Wrong(ref Utf8JsonReader reader, string field, string needed)
    {
        var found = reader.TokenType switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "a list",
            JsonTokenType.Null => "null",
            _ => System.Text.Encoding.UTF8.GetString(reader.ValueSpan[..Math.Min(reader.ValueSpan.Length, 40)]),
        };
        Error(field, $"is {found}; needed is {needed}");
        reader.Skip();
    }

    private void Error(string field, string message)
    {
        _errors ??= [];
        if (_errors.Count < MaxErrors)
        {
            _errors.Add(new(field, message));
        }
    }
}
