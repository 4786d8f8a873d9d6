using System.Buffers;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>
/// Reads the JSON that nearly every till sends: known fields once each, plain ASCII without escapes, numbers without exponent, everything within its limits. At the first thing that is
/// different it gives up, and <see cref="SaleReader"/> reads the request from its beginning: only there it is decided what is wrong. So this reader may know less
/// than the other, but never more: what it accepts means the same there (<c>PlainSaleReaderTests</c>).
/// </summary>
internal ref struct PlainSaleReader(ReadOnlySpan<byte> json, StringPool names, List<SaleLine> lines)
{
    private const int AmountDigits = 12;
    private const int QuantityDigits = 9;

    /// <summary>Printable ASCII but quotation mark and backslash.</summary>
    private static readonly SearchValues<byte> Plain =
        SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(code => (byte)code).Where(b => b is not ((byte)'"' or (byte)'\\'))]);

    private readonly ReadOnlySpan<byte> _json = json;
    private int _at;

    private enum Fields
    {
        None = 0,
        Type = 1,
        Id = 2,
        Purchase = 4,
        Member = 8,
        Store = 16,
        Channel = 32,
        At = 64,
        Currency = 128,
        Lines = 256,
        Sku = 512,
        Category = 1024,
        Brand = 2048,
        Quantity = 4096,
        Amount = 8192,
        Tender = 16384,
        Unit = 32768,
        Points = 65536,
    }

    /// <summary>Reads the request, or returns null: <see cref="SaleReader"/> has to.</summary>
    /// <param name="isReturn">What it is when it does not say.</param>
    /// <param name="mixed">Whether <c>type</c> may say otherwise.</param>
    public Request? Read(bool isReturn, bool mixed)
    {
        const Fields Needed = Fields.Id | Fields.Store | Fields.At | Fields.Currency | Fields.Lines;
        string? id = null, purchase = null, member = null, store = null, channel = null, currency = null;
        var at = default(Instant);
        Tender? tender = null;
        var found = isReturn;
        var seen = Fields.None;
        if (!Take((byte)'{'))
        {
            return null;
        }

        do
        {
            var field = RequestField();
            bool isRead;
            switch (field)
            {
                case Fields.Type: isRead = Kind(out found) && (mixed || found == isReturn); break;
                case Fields.Id: isRead = Text(RequestLimits.IdLength, out id); break;
                case Fields.Purchase: isRead = Text(RequestLimits.IdLength, out purchase); break;
                case Fields.Member: isRead = Null() || Text(RequestLimits.IdLength, out member); break;
                case Fields.Store: isRead = Name(RequestLimits.NameLength, out store); break;
                case Fields.Channel: isRead = Null() || Name(RequestLimits.NameLength, out channel); break;
                case Fields.Currency: isRead = Name(3, out currency); break;
                case Fields.At: isRead = Time(out at); break;
                case Fields.Lines: isRead = Lines(); break;
                case Fields.Tender: isRead = TenderOf(out tender); break;
                default: return null;
            }

            if (!isRead || (seen & field) != 0)
            {
                return null;
            }

            seen |= field;
        }
        while (Take((byte)','));

        if (!Take((byte)'}') || (seen & Needed) != Needed || (!found && purchase is not null) || (found && (seen & Fields.Tender) != 0))
        {
            return null;
        }

        SkipSpace();
        if (_at != _json.Length)
        {
            return null;
        }

        return found
            ? new Return { Id = id!, Purchase = purchase, Member = member, Store = store!, Channel = channel, At = at, Currency = currency!, Lines = [.. lines] }
            : new Purchase { Id = id!, Member = member, Store = store!, Channel = channel, At = at, Currency = currency!, Lines = [.. lines], Tender = tender };
    }

    private bool TenderOf(out Tender? tender)
    {
        const Fields Needed = Fields.Unit | Fields.Points | Fields.Amount;
        tender = null;
        if (Null())
        {
            return true;
        }

        string? unit = null;
        long points = 0, amount = 0;
        var seen = Fields.None;
        if (!Take((byte)'{'))
        {
            return false;
        }

        do
        {
            SkipSpace();
            var rest = _json[_at..];
            var field = rest.Length < 2 ? Fields.None : rest[1] switch
            {
                (byte)'u' => Field("\"unit\""u8, Fields.Unit),
                (byte)'p' => Field("\"points\""u8, Fields.Points),
                (byte)'a' => Field("\"amount\""u8, Fields.Amount),
                _ => Fields.None,
            };
            var isRead = field switch
            {
                Fields.Unit => Name(32, out unit),
                Fields.Points => Digits(AmountDigits, out points),
                Fields.Amount => Digits(AmountDigits, out amount),
                _ => false,
            };
            if (!isRead || (seen & field) != 0)
            {
                return false;
            }

            seen |= field;
        }
        while (Take((byte)','));
        tender = new(unit!, points, amount);
        return Take((byte)'}') && (seen & Needed) == Needed && points > 0 && amount > 0;
    }

    private bool Lines()
    {
        if (!Take((byte)'['))
        {
            return false;
        }

        long sum = 0;
        do
        {
            if (lines.Count == RequestLimits.Lines || !Line(out var line))
            {
                return false;
            }

            lines.Add(line);
            sum += line.Amount;
        }
        while (Take((byte)','));
        return sum <= RequestLimits.Amount && Take((byte)']');
    }

    private bool Line(out SaleLine line)
    {
        const Fields Needed = Fields.Sku | Fields.Quantity | Fields.Amount;
        string? sku = null, category = null, brand = null;
        decimal quantity = 0;
        long amount = 0;
        var seen = Fields.None;
        line = default;
        if (!Take((byte)'{'))
        {
            return false;
        }

        do
        {
            var field = LineField();
            bool isRead;
            switch (field)
            {
                case Fields.Sku: isRead = Name(RequestLimits.IdLength, out sku); break;
                case Fields.Category: isRead = Null() || Name(RequestLimits.NameLength, out category); break;
                case Fields.Brand: isRead = Null() || Name(RequestLimits.NameLength, out brand); break;
                case Fields.Quantity: isRead = Quantity(out quantity); break;
                case Fields.Amount: isRead = Digits(AmountDigits, out amount); break;
                default: return false;
            }

            if (!isRead || (seen & field) != 0)
            {
                return false;
            }

            seen |= field;
        }
        while (Take((byte)','));
        line = new(sku!, category, brand, quantity, amount);
        return Take((byte)'}') && (seen & Needed) == Needed;
    }

    private Fields RequestField()
    {
        SkipSpace();
        var rest = _json[_at..];
        return rest.Length < 2 ? Fields.None : rest[1] switch
        {
            (byte)'t' when rest.Length > 2 => rest[2] == (byte)'y' ? Field("\"type\""u8, Fields.Type) : Field("\"tender\""u8, Fields.Tender),
            (byte)'i' => Field("\"id\""u8, Fields.Id),
            (byte)'p' => Field("\"purchase\""u8, Fields.Purchase),
            (byte)'m' => Field("\"member\""u8, Fields.Member),
            (byte)'s' => Field("\"store\""u8, Fields.Store),
            (byte)'a' => Field("\"at\""u8, Fields.At),
            (byte)'l' => Field("\"lines\""u8, Fields.Lines),
            (byte)'c' when rest.Length > 2 => rest[2] == (byte)'h' ? Field("\"channel\""u8, Fields.Channel) : Field("\"currency\""u8, Fields.Currency),
            _ => Fields.None,
        };
    }

    private Fields LineField()
    {
        SkipSpace();
        var rest = _json[_at..];
        return rest.Length < 2 ? Fields.None : rest[1] switch
        {
            (byte)'s' => Field("\"sku\""u8, Fields.Sku),
            (byte)'c' => Field("\"category\""u8, Fields.Category),
            (byte)'b' => Field("\"brand\""u8, Fields.Brand),
            (byte)'q' => Field("\"quantity\""u8, Fields.Quantity),
            (byte)'a' => Field("\"amount\""u8, Fields.Amount),
            _ => Fields.None,
        };
    }

    private Fields Field(ReadOnlySpan<byte> name, Fields field)
    {
        if (!_json[_at..].StartsWith(name))
        {
            return Fields.None;
        }

        _at += name.Length;
        return Take((byte)':') ? field : Fields.None;
    }

    private bool Kind(out bool isReturn)
    {
        isReturn = Word("\"return\""u8);
        return isReturn || Word("\"purchase\""u8);
    }

    private bool Null() => Word("null"u8);

    private bool Word(ReadOnlySpan<byte> word)
    {
        SkipSpace();
        if (!_json[_at..].StartsWith(word))
        {
            return false;
        }

        _at += word.Length;
        return true;
    }

    /// <summary>A text that comes again and again.</summary>
    private bool Name(int maxLength, out string? name)
    {
        name = null;
        if (!Value(maxLength, out var value))
        {
            return false;
        }

        name = names.Find(value, out var place);
        if (name is null)
        {
            name = System.Text.Encoding.ASCII.GetString(value);
            names.Add(name, place);
        }

        return true;
    }

    private bool Text(int maxLength, out string? text)
    {
        if (!Value(maxLength, out var value))
        {
            text = null;
            return false;
        }

        text = System.Text.Encoding.ASCII.GetString(value);
        return true;
    }

    private bool Value(int maxLength, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!Take((byte)'"'))
        {
            return false;
        }

        var rest = _json[_at..];
        var length = rest.IndexOfAnyExcept(Plain);
        if (length <= 0 || length > maxLength || rest[length] != (byte)'"')
        {
            return false;
        }

        value = rest[..length];
        _at += length + 1;
        return true;
    }

    private bool Quantity(out decimal quantity)
    {
        quantity = 0;
        if (!Digits(QuantityDigits, out var whole))
        {
            return false;
        }

        quantity = whole;
        if (_at < _json.Length && _json[_at] == (byte)'.')
        {
            _at++;
            if (!Decimals(out var digits, out var scale))
            {
                return false;
            }

            for (var i = 0; i < scale; i++)
            {
                whole *= 10;
            }

            var all = whole + digits;
            quantity = new decimal((int)all, (int)(all >> 32), 0, isNegative: false, (byte)scale);
        }

        return quantity > 0m;
    }

    private bool Decimals(out long digits, out int scale)
    {
        digits = 0;
        for (scale = 0; _at < _json.Length && (uint)(_json[_at] - '0') <= 9; scale++, _at++)
        {
            if (scale == RequestLimits.QuantityDecimals)
            {
                return false;
            }

            digits = (digits * 10) + (_json[_at] - '0');
        }

        return scale > 0;
    }

    /// <summary>A whole number without sign; leading zeros are no JSON.</summary>
    private bool Digits(int most, out long number)
    {
        SkipSpace();
        number = 0;
        var start = _at;
        while (_at < _json.Length && (uint)(_json[_at] - '0') <= 9)
        {
            number = (number * 10) + (_json[_at++] - '0');
            if (_at - start > most)
            {
                return false;
            }
        }

        var count = _at - start;
        return count == 1 || (count > 1 && _json[start] != (byte)'0');
    }

    /// <summary><c>2026-03-01T12:34:56</c>, decimals of the second or none, <c>Z</c> or an offset.</summary>
    private bool Time(out Instant time)
    {
        time = default;
        if (!Value(RequestLimits.NameLength, out var text) || text.Length < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
        {
            return false;
        }

        var (year, month, day) = ((Pair(text, 0) * 100) + Pair(text, 2), Pair(text, 5), Pair(text, 8));
        var (hour, minute, second) = (Pair(text, 11), Pair(text, 14), Pair(text, 17));
        if ((Pair(text, 0) | Pair(text, 2) | month | day | hour | minute | second) < 0 || year is < 1970 or > 9998 || month is < 1 or > 12
            || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }

        var at = 19;
        var milliseconds = 0;
        if (text[at] == '.')
        {
            // Seven digits at most, as the framework reads them; what is below a millisecond is cut off.
            var unit = 100;
            for (at++; at < text.Length && (uint)(text[at] - '0') <= 9; at++, unit /= 10)
            {
                milliseconds += (text[at] - '0') * unit;
            }

            if (at is 20 or > 27)
            {
                return false;
            }
        }

        var offset = 0;
        var zone = text[at..];
        if (zone is not [(byte)'Z'])
        {
            if (zone is not [(byte)'+' or (byte)'-', _, _, (byte)':', _, _] || Pair(zone, 1) is not (>= 0 and < 14 and var hours) || Pair(zone, 4) is not (>= 0 and < 60 and var minutes))
            {
                return false;
            }

            offset = ((hours * 60) + minutes) * (zone[0] == '-' ? -1 : 1);
        }

        var utc = new DateTime(year, month, day, hour, minute, second).AddMinutes(-offset);
        time = Instant.FromUnixTimeMilliseconds(((utc.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond) + milliseconds);
        return true;

        // Below 0 when they are no two digits.
        static int Pair(ReadOnlySpan<byte> text, int at)
        {
            var (tens, ones) = ((uint)(text[at] - '0'), (uint)(text[at + 1] - '0'));
            return tens <= 9 && ones <= 9 ? (int)((tens * 10) + ones) : int.MinValue;
        }
    }

    private bool Take(byte token)
    {
        SkipSpace();
        if (_at >= _json.Length || _json[_at] != token)
        {
            return false;
        }

        _at++;
        return true;
    }

    private void SkipSpace()
    {
        while (_at < _json.Length && _json[_at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
        {
            _at++;
        }
    }
}
