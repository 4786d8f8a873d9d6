using System.Buffers.Text;
using System.Text;

namespace Loyalty.Load.Http;

/// <summary>
/// Reads HTTP/1.1 answers from a stream, one after the other: Content-Length, chunked, and bodies that end with the connection.
/// It exists because HttpClient costs several times the CPU, and the client shares the machine with the engine it measures.
/// Throws <see cref="IOException"/> when the connection ends early and <see cref="InvalidDataException"/> when it is no HTTP.
/// </summary>
internal sealed class HttpAnswerReader(Stream stream)
{
    public const int HeadBytesMax = 32 * 1024;

    private readonly byte[] buffer = new byte[2 * HeadBytesMax];
    private int start;
    private int end;
    private Framing framing;
    private long left;
    private bool chunkEndPending;
    private bool bodyDone = true;

    private enum Framing
    {
        Length,
        Chunked,
        UntilClose,
    }

    public int Status { get; private set; }

    /// <summary>False when the server will close the connection after this answer.</summary>
    public bool KeepsAlive { get; private set; }

    /// <summary>Seconds of Retry-After, 0 when there is none.</summary>
    public int RetryAfterSeconds { get; private set; }

    /// <summary>Reads status line and header fields; passes over 1xx answers. The body of the answer before must have been read.</summary>
    public void ReadHead()
    {
        do
        {
            ReadOneHead();
        }
        while (Status is >= 100 and < 200);
    }

    /// <summary>Reads head and whole body.</summary>
    public void ReadWhole(ByteBuffer body)
    {
        ReadHead();
        while (ReadBody(body))
        {
        }
    }

    /// <summary>
    /// Appends what has arrived of the body, at least one byte (blocks until then). False, with nothing appended, at the body's end.
    /// </summary>
    public bool ReadBody(ByteBuffer sink)
    {
        bool appended = false;
        while (!bodyDone)
        {
            if (framing == Framing.Chunked && left == 0)
            {
                // What has been read is handed over before waiting for more of a chunk's head.
                if (appended && !ChunkHeadIsBuffered())
                {
                    return true;
                }

                ReadChunkHead();
                continue;
            }

            if (start == end)
            {
                if (appended)
                {
                    return true;
                }

                if (!Fill())
                {
                    bodyDone = framing == Framing.UntilClose ? true : throw new EndOfStreamException("The connection ended within an answer.");
                    return false;
                }
            }

            int count = (int)Math.Min(left, end - start);
            sink.Append(buffer.AsSpan(start, count));
            start += count;
            left -= count;
            appended = true;
            if (left == 0)
            {
                chunkEndPending = framing == Framing.Chunked;
                bodyDone = framing == Framing.Length;
            }
        }

        return appended;
    }

    private void ReadOneHead()
    {
        int length;
        while ((length = buffer.AsSpan(start, end - start).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (end - start > HeadBytesMax)
            {
                throw new InvalidDataException($"The head of an answer is longer than {HeadBytesMax} bytes.");
            }

            if (!Fill())
            {
                throw new EndOfStreamException("The connection ended before an answer.");
            }
        }

        ReadOnlySpan<byte> head = buffer.AsSpan(start, length);
        start += length + 4;
        ParseHead(head);
    }

    private void ParseHead(ReadOnlySpan<byte> head)
    {
        if (head.Length < 12 || !head.StartsWith("HTTP/1."u8) || !Utf8Parser.TryParse(head.Slice(9, 3), out int status, out int used) || used != 3)
        {
            throw new InvalidDataException("The answer is not HTTP/1.1.");
        }

        Status = status;
        KeepsAlive = head[7] == '1';
        RetryAfterSeconds = 0;
        framing = Framing.UntilClose;
        left = long.MaxValue;
        chunkEndPending = false;
        int lineEnd = head.IndexOf("\r\n"u8);
        while (lineEnd >= 0)
        {
            head = head[(lineEnd + 2)..];
            lineEnd = head.IndexOf("\r\n"u8);
            ParseField(lineEnd < 0 ? head : head[..lineEnd]);
        }

        if (status is 204 or 304 || status < 200)
        {
            framing = Framing.Length;
            left = 0;
        }

        bodyDone = framing == Framing.Length && left == 0;
    }

    private void ParseField(ReadOnlySpan<byte> line)
    {
        int colon = line.IndexOf((byte)':');
        if (colon < 0)
        {
            throw new InvalidDataException("A header field of the answer has no colon.");
        }

        ReadOnlySpan<byte> name = line[..colon];
        ReadOnlySpan<byte> value = line[(colon + 1)..].Trim((byte)' ');

        // The three names differ in length, so that most fields cost one comparison.
        switch (name.Length)
        {
            case 14 when Ascii.EqualsIgnoreCase(name, "content-length"u8):
                if (framing != Framing.Chunked)
                {
                    framing = Framing.Length;
                    left = Utf8Parser.TryParse(value, out long length, out int used) && used == value.Length && length >= 0
                        ? length
                        : throw new InvalidDataException("The answer has a Content-Length that is no number.");
                }

                break;
            case 17 when Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8):
                framing = Ascii.EqualsIgnoreCase(value, "chunked"u8)
                    ? Framing.Chunked
                    : throw new InvalidDataException("The answer has a transfer encoding other than chunked.");
                left = 0;
                break;
            case 10 when Ascii.EqualsIgnoreCase(name, "connection"u8):
                KeepsAlive = !Ascii.EqualsIgnoreCase(value, "close"u8);
                break;
            case 11 when Ascii.EqualsIgnoreCase(name, "retry-after"u8):
                RetryAfterSeconds = Utf8Parser.TryParse(value, out int seconds, out _) ? Math.Clamp(seconds, 0, 3600) : 0;
                break;
        }
    }

    private bool ChunkHeadIsBuffered()
    {
        ReadOnlySpan<byte> waiting = buffer.AsSpan(start, end - start);
        if (chunkEndPending)
        {
            int chunkEnd = waiting.IndexOf((byte)'\n');
            if (chunkEnd < 0)
            {
                return false;
            }

            waiting = waiting[(chunkEnd + 1)..];
        }

        return waiting.IndexOf((byte)'\n') >= 0;
    }

    private void ReadChunkHead()
    {
        if (chunkEndPending)
        {
            if (ReadLine().Length != 0)
            {
                throw new InvalidDataException("A chunk of the answer is longer than it said.");
            }

            chunkEndPending = false;
        }

        ReadOnlySpan<byte> line = ReadLine();
        if (!Utf8Parser.TryParse(line, out long size, out int used, 'x') || size < 0 || (used < line.Length && line[used] is not ((byte)';' or (byte)' ')))
        {
            throw new InvalidDataException("A chunk of the answer has no size.");
        }

        left = size;
        if (size == 0)
        {
            while (ReadLine().Length != 0)
            {
            }

            bodyDone = true;
        }
    }

    private ReadOnlySpan<byte> ReadLine()
    {
        int length;
        while ((length = buffer.AsSpan(start, end - start).IndexOf("\r\n"u8)) < 0)
        {
            if (end - start > HeadBytesMax || !Fill())
            {
                throw new EndOfStreamException("The connection ended within a chunked answer.");
            }
        }

        ReadOnlySpan<byte> line = buffer.AsSpan(start, length);
        start += length + 2;
        return line;
    }

    /// <summary>Reads once from the stream; false at its end.</summary>
    private bool Fill()
    {
        if (start == end)
        {
            start = end = 0;
        }
        else if (end == buffer.Length)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            end -= start;
            start = 0;
        }

        int count = stream.Read(buffer, end, buffer.Length - end);
        end += count;
        return count > 0;
    }
}
