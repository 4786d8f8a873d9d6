using System.Buffers.Binary;
using NodaTime;

namespace Loyalty.Domain.Encoding;

/// <summary>Reads what <see cref="ByteWriter"/> wrote. Every read checks that the bytes are there.</summary>
public ref struct ByteReader(ReadOnlySpan<byte> source)
{
    private static readonly long MinTime = Instant.MinValue.ToUnixTimeMilliseconds();
    private static readonly long MaxTime = Instant.MaxValue.ToUnixTimeMilliseconds();

    private ReadOnlySpan<byte> _rest = source;

    /// <summary>Nothing is left. Fields that a later schema version added are absent then.</summary>
    public readonly bool AtEnd => _rest.IsEmpty;

    /// <summary>What is left.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>See <see cref="ByteWriter.VarUInt"/>.</summary>
    public ulong VarUInt()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new FormatException("a number is longer than 64 bits");
    }

    /// <summary>See <see cref="ByteWriter.VarInt"/>.</summary>
    public long VarInt()
    {
        var value = VarUInt();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>See <see cref="ByteWriter.Count"/>. Each counted thing has at least one byte, so a larger count is refused.</summary>
    public int Count()
    {
        var value = VarUInt();
        return value <= (ulong)_rest.Length ? (int)value : throw new FormatException($"{value} things are announced and {_rest.Length} bytes are left");
    }

    /// <summary>See <see cref="ByteWriter.Byte"/>.</summary>
    public byte Byte() => Raw(1)[0];

    /// <summary>See <see cref="ByteWriter.Flag"/>.</summary>
    public bool Flag() => Byte() != 0;

    /// <summary>See <see cref="ByteWriter.Text"/>.</summary>
    public string? Text()
    {
        var length = VarUInt();
        if (length > (ulong)_rest.Length + 1)
        {
            throw new FormatException($"a text of {length} bytes is announced and {_rest.Length} are left");
        }

        return length == 0 ? null : System.Text.Encoding.UTF8.GetString(Raw((int)length - 1));
    }

    /// <summary>See <see cref="ByteWriter.Bytes"/>.</summary>
    public ReadOnlySpan<byte> Bytes() => Raw(Count());

    /// <summary>So many bytes.</summary>
    public ReadOnlySpan<byte> Raw(int count)
    {
        if (count > _rest.Length)
        {
            throw new FormatException($"{count} bytes are needed and {_rest.Length} are left");
        }

        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    /// <summary>See <see cref="ByteWriter.Wide"/>.</summary>
    public UInt128 Wide() => BinaryPrimitives.ReadUInt128LittleEndian(Raw(16));

    /// <summary>See <see cref="ByteWriter.Time"/>.</summary>
    public Instant Time()
    {
        var milliseconds = VarInt();
        return milliseconds >= MinTime && milliseconds <= MaxTime
            ? Instant.FromUnixTimeMilliseconds(milliseconds)
            : throw new FormatException($"{milliseconds} ms is no time");
    }

    /// <summary>See <see cref="ByteWriter.Day"/>.</summary>
    public LocalDate? Day()
    {
        var packed = VarUInt();
        if (packed == 0)
        {
            return null;
        }

        var (year, month, day) = (packed < 20_000 * 512 ? (int)(packed / 512) - 10_000 : int.MaxValue, (int)(packed / 32 % 16), (int)(packed % 32));
        return year is >= -9998 and <= 9999 && month is >= 1 and <= 12 && day >= 1 && day <= CalendarSystem.Iso.GetDaysInMonth(year, month)
            ? new LocalDate(year, month, day)
            : throw new FormatException($"{packed} is no day");
    }

    /// <summary>A day that cannot be absent.</summary>
    public LocalDate SomeDay() => Day() ?? throw new FormatException("a day is missing");

    /// <summary>See <see cref="ByteWriter.Number"/>.</summary>
    public decimal Number()
    {
        var scale = Byte();
        decimal value = VarInt();
        for (; scale > 0; scale--)
        {
            value /= 10m;
        }

        return value;
    }
}
