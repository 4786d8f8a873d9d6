using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using NodaTime;

namespace Loyalty.Domain.Encoding;

/// <summary>Writes the compact form of events and snapshots into one growing buffer that is used again and again. Not thread-safe.</summary>
public sealed class ByteWriter
{
    private byte[] _buffer = new byte[1024];

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>What was written; valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    /// <summary>Begins again.</summary>
    public void Clear() => Length = 0;

    /// <summary>An unsigned number, 7 bits a byte, low bits first.</summary>
    public void VarUInt(ulong value)
    {
        Reserve(10);
        var at = Length;
        while (value >= 0x80)
        {
            _buffer[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _buffer[at++] = (byte)value;
        Length = at;
    }

    /// <summary>A signed number, zigzag.</summary>
    public void VarInt(long value) => VarUInt((ulong)((value << 1) ^ (value >> 63)));

    /// <summary>A count or length; not negative.</summary>
    public void Count(int value) => VarUInt((uint)value);

    /// <summary>One byte.</summary>
    public void Byte(byte value)
    {
        Reserve(1);
        _buffer[Length++] = value;
    }

    /// <summary>One byte, 0 or 1.</summary>
    public void Flag(bool value) => Byte(value ? (byte)1 : (byte)0);

    /// <summary>UTF-8 with its length; null is told from empty.</summary>
    public void Text(string? value)
    {
        if (value is null)
        {
            Byte(0);
            return;
        }

        var max = value.Length * 3;
        Reserve(max + 5);
        if (max < 0x7f)
        {
            // The length fits in one byte whatever the text is: write the text behind it at once.
            var written = System.Text.Encoding.UTF8.GetBytes(value, _buffer.AsSpan(Length + 1));
            _buffer[Length] = (byte)(written + 1);
            Length += written + 1;
            return;
        }

        VarUInt((uint)System.Text.Encoding.UTF8.GetByteCount(value) + 1);
        Length += System.Text.Encoding.UTF8.GetBytes(value, _buffer.AsSpan(Length));
    }

    /// <summary>Bytes with their length.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        Count(value.Length);
        Raw(value);
    }

    /// <summary>Bytes without their length.</summary>
    public void Raw(ReadOnlySpan<byte> value)
    {
        Reserve(value.Length);
        value.CopyTo(_buffer.AsSpan(Length));
        Length += value.Length;
    }

    /// <summary>128 bits.</summary>
    public void Wide(UInt128 value)
    {
        Reserve(16);
        BinaryPrimitives.WriteUInt128LittleEndian(_buffer.AsSpan(Length), value);
        Length += 16;
    }

    /// <summary>An instant, whole milliseconds.</summary>
    public void Time(Instant value) => VarInt(value.ToUnixTimeMilliseconds());

    /// <summary>A day as year, month and day packed into one number; null is 0.</summary>
    public void Day(LocalDate? value) => VarUInt(value is { } day ? Pack(day) : 0);

    /// <summary>A decimal without its trailing zeros, as digits and scale.</summary>
    public void Number(decimal value)
    {
        var scale = 0;
        while (scale < 6 && decimal.Truncate(value) != value)
        {
            value *= 10m;
            scale++;
        }

        Byte((byte)scale);
        VarInt((long)value);
    }

    /// <summary>Puts a length in front of what <paramref name="body"/> writes.</summary>
    public void Framed<T>(T value, Action<ByteWriter, T> body)
    {
        var start = Length;
        Reserve(5);
        Length += 5;
        body(this, value);
        var size = Length - start - 5;

        // Always five bytes would waste three of them on most events: write the short form and close the gap.
        var head = size < 0x80 ? 1 : size < 0x4000 ? 2 : 5;
        Buffer.BlockCopy(_buffer, start + 5, _buffer, start + head, size);
        Length = start;
        VarUInt((uint)size);
        while (Length - start < head)
        {
            _buffer[Length - 1] |= 0x80;
            _buffer[Length++] = 0;
        }

        Length += size;
    }

    private static ulong Pack(LocalDate day) => (((ulong)(uint)(day.Year + 10000) * 16) + (uint)day.Month) * 32 + (uint)day.Day;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Reserve(int count)
    {
        if (_buffer.Length - Length < count)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, Length + count));
        }
    }
}
