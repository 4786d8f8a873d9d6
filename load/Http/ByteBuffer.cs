namespace Loyalty.Load.Http;

/// <summary>Bytes that are appended at the end and taken from the front; keeps its memory. Not thread-safe.</summary>
internal sealed class ByteBuffer
{
    private byte[] bytes = new byte[16 * 1024];
    private int start;
    private int end;

    public ReadOnlySpan<byte> Filled => bytes.AsSpan(start, end - start);

    public int Length => end - start;

    public void Clear() => start = end = 0;

    public void Append(ReadOnlySpan<byte> more)
    {
        if (bytes.Length - end < more.Length)
        {
            MakeRoom(more.Length);
        }

        more.CopyTo(bytes.AsSpan(end));
        end += more.Length;
    }

    /// <summary>Drops <paramref name="count"/> bytes from the front.</summary>
    public void Take(int count)
    {
        start += count;
        if (start == end)
        {
            start = end = 0;
        }
    }

    private void MakeRoom(int count)
    {
        int filled = end - start;
        if (bytes.Length < 2 * (filled + count))
        {
            byte[] larger = new byte[Math.Max(bytes.Length * 2, 2 * (filled + count))];
            bytes.AsSpan(start, filled).CopyTo(larger);
            bytes = larger;
        }
        else
        {
            bytes.AsSpan(start, filled).CopyTo(bytes);
        }

        start = 0;
        end = filled;
    }
}
