using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>
/// The JSON of answers as UTF-8, in one growing buffer that is used again and again. The caller brings names, commas and braces as ready bytes; texts, numbers and times
/// come out exactly as a <see cref="System.Text.Json.Utf8JsonWriter"/> of <see cref="HttpReplies"/> writes them, at a third of its cost. Not thread-safe.
/// </summary>
internal sealed class AnswerText
{
    private const int NumberLength = 20;
    private const int TimeLength = 33;

    /// <summary>Printable ASCII but quotation mark and backslash: written as it is.</summary>
    private static readonly SearchValues<char> Plain =
        SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(code => (char)code).Where(c => c is not ('"' or '\\'))]);

    private byte[] _buffer = new byte[16 * 1024];
    private int _length;

    /// <summary>What was written; valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    /// <summary>Begins again; the memory of an unusually large answer is given back.</summary>
    public void Clear()
    {
        _length = 0;
        if (_buffer.Length > 1 << 20)
        {
            _buffer = new byte[16 * 1024];
        }
    }

    /// <summary>Bytes that are JSON already.</summary>
    public void Raw(ReadOnlySpan<byte> json)
    {
        json.CopyTo(Reserve(json.Length));
        _length += json.Length;
    }

    /// <summary>A text in quotation marks, escaped where it must be.</summary>
    public void Text(string value)
    {
        if (value.AsSpan().ContainsAnyExcept(Plain))
        {
            value = JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(value);
        }

        var room = Reserve((value.Length * 3) + 2);
        room[0] = (byte)'"';
        var written = Encoding.UTF8.GetBytes(value, room[1..]);
        room[written + 1] = (byte)'"';
        _length += written + 2;
    }

    /// <summary>A whole number.</summary>
    public void Number(long value)
    {
        Utf8Formatter.TryFormat(value, Reserve(NumberLength), out var written);
        _length += written;
    }

    /// <summary>A time in UTC in quotation marks, without trailing zeros of the second: <c>"2026-03-01T12:34:56.5Z"</c>.</summary>
    public void Time(Instant value)
    {
        var room = Reserve(TimeLength);
        room[0] = (byte)'"';
        Utf8Formatter.TryFormat(value.ToDateTimeUtc(), room[1..], out var written, new StandardFormat('O'));

        // 2026-03-01T12:34:56.5000000Z: the zone's letter moves up to the last digit that counts.
        var end = written - 1;
        while (room[end] == (byte)'0')
        {
            end--;
        }

        end += room[end] == (byte)'.' ? 0 : 1;
        room[end] = (byte)'Z';
        room[end + 1] = (byte)'"';
        _length += end + 2;
    }

    private Span<byte> Reserve(int count)
    {
        if (_buffer.Length - _length < count)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        }

        return _buffer.AsSpan(_length);
    }
}
