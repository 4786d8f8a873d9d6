using System.Globalization;
using System.Text;
using Loyalty.Load.Gateway;

namespace Loyalty.Load.Streams;

/// <summary>
/// The lines of one stream request, rendered, with what is needed to judge their answers. At most <see cref="LinesMax"/> lines and
/// about <see cref="BytesMax"/> bytes. Reused from request to request.
/// </summary>
internal sealed class LineBatch(int linesMax)
{
    public const int BytesMax = 1024 * 1024;
    private const int HeadRoom = 2048;

    private readonly int[] ends = new int[linesMax];
    private readonly long[] tags = new long[linesMax];
    private readonly long[] dueTicks = new long[linesMax];
    private readonly byte[] attempts = new byte[linesMax];
    private byte[] bytes = new byte[HeadRoom + (256 * 1024)];
    private int end = HeadRoom;

    public int LinesMax => linesMax;

    public int Count { get; private set; }

    /// <summary>How many lines have been answered; the next answer belongs to the line with this index.</summary>
    public int Answered { get; set; }

    public bool IsFull => Count == linesMax || end - HeadRoom >= BytesMax;

    public void Clear()
    {
        end = HeadRoom;
        Count = 0;
        Answered = 0;
    }

    /// <summary>Room for one line of up to <paramref name="bytesMax"/> bytes; <see cref="Close"/> says how much of it was used.</summary>
    public Span<byte> Open(int bytesMax)
    {
        if (bytes.Length - end < bytesMax)
        {
            Array.Resize(ref bytes, Math.Max(bytes.Length * 2, end + bytesMax));
        }

        return bytes.AsSpan(end);
    }

    /// <param name="written">Length of the line with its line feed.</param>
    /// <param name="tag">Whatever names the request to the one who judges the answer.</param>
    /// <param name="due">When the request was due, as <see cref="System.Diagnostics.Stopwatch"/> ticks; 0 for "when it is sent".</param>
    /// <param name="attempt">How often the line was sent before.</param>
    public void Close(int written, long tag, long due, byte attempt = 0)
    {
        end += written;
        ends[Count] = end;
        tags[Count] = tag;
        dueTicks[Count] = due;
        attempts[Count] = attempt;
        Count++;
    }

    public long Tag(int index) => tags[index];

    public long Due(int index) => dueTicks[index];

    public byte Attempt(int index) => attempts[index];

    public ReadOnlySpan<byte> Line(int index)
    {
        int from = index == 0 ? HeadRoom : ends[index - 1];
        return bytes.AsSpan(from, ends[index] - from);
    }

    /// <summary>Lines that have no due time are due now.</summary>
    public void StampDue(long now)
    {
        for (int i = 0; i < Count; i++)
        {
            if (dueTicks[i] == 0)
            {
                dueTicks[i] = now;
            }
        }
    }

    /// <summary>Head and body as one piece, to go out in one write.</summary>
    public ReadOnlySpan<byte> Request(GatewayTarget target)
    {
        ReadOnlySpan<byte> first = "POST /v1/purchases HTTP/1.1\r\nContent-Type: application/x-ndjson\r\n"u8;
        byte[] length = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"Content-Length: {end - HeadRoom}\r\n\r\n"));
        int from = HeadRoom - first.Length - target.HeadFields.Length - length.Length;
        Span<byte> head = bytes.AsSpan(from, HeadRoom - from);
        first.CopyTo(head);
        target.HeadFields.CopyTo(head[first.Length..]);
        length.CopyTo(head[(first.Length + target.HeadFields.Length)..]);
        return bytes.AsSpan(from, end - from);
    }
}
