using System.Text;

namespace Loyalty.Load.Drive;

/// <summary>One request of the workload: place <paramref name="Index"/> in the sequence of a connection.</summary>
/// <param name="Basket">Where on the shelf the basket begins.</param>
/// <param name="Returned">Index of the purchase that a return gives back from; -1 for a purchase.</param>
/// <param name="Spend">What it adds to the member's net spend; negative for a return.</param>
internal readonly record struct Slot(int Connection, long Index, int Member, int Basket, int Lines, long Returned, long Spend)
{
    public bool IsReturn => Returned >= 0;
}

/// <summary>
/// The requests of a run as a pure function of connection and index: what was sent can be found out again later from the options alone.
/// Immutable and thread-safe.
/// </summary>
internal sealed class Workload
{
    public const long IndexMax = 1L << 32;

    /// <summary>A return gives back the first line of the purchase so many requests before it on the same connection.</summary>
    public const int ReturnDistance = 7;

    /// <summary>A retry repeats the request so many requests before it on the same connection.</summary>
    public const int RetryDistance = 5;

    private const int Stores = 200;

    private readonly Zipf zipf;
    private readonly BasketShelf shelf;
    private readonly uint returnsBelow;
    private readonly uint retriesBelow;
    private readonly byte[] prefix;
    private readonly byte[] memberPrefix;

    public Workload(WorkloadOptions options)
    {
        Options = options;
        zipf = new Zipf(options.Members, options.Zipf);
        shelf = new BasketShelf(options.Seed);
        returnsBelow = (uint)(options.ReturnsPercent / 100 * uint.MaxValue);
        retriesBelow = (uint)(options.RetriesPercent / 100 * uint.MaxValue);
        prefix = Encoding.ASCII.GetBytes(options.Prefix);
        memberPrefix = Encoding.ASCII.GetBytes(options.MemberPrefix ?? options.Prefix);
        int linesMax = options.Vary ? (2 * options.Lines) - 1 : options.Lines;
        RequestBytesMax = 256 + (2 * prefix.Length) + memberPrefix.Length + (linesMax * shelf.LineBytesMax);
        IdLength = prefix.Length + 12;
    }

    public WorkloadOptions Options { get; }

    /// <summary>No request is longer.</summary>
    public int RequestBytesMax { get; }

    public int IdLength { get; }

    public Slot At(int connection, long index)
    {
        ulong bits = Bits(connection, index);
        if (IsReturn(connection, index, bits))
        {
            Slot bought = At(connection, index - ReturnDistance);
            return bought with { Index = index, Lines = 1, Returned = bought.Index, Spend = -shelf.Amount(bought.Basket) };
        }

        ulong more = Mix.Bits(bits);
        int basket = (int)(more & (BasketShelf.LineCount - 1));
        int lines = Options.Vary ? 1 + (int)((more >> 16) % (ulong)((2 * Options.Lines) - 1)) : Options.Lines;
        long spend = 0;
        for (int i = 0; i < lines; i++)
        {
            spend += shelf.Amount(basket + i);
        }

        return new Slot(connection, index, zipf.Rank(Mix.Bits(more)), basket, lines, -1, spend);
    }

    /// <summary>Whether the request <see cref="RetryDistance"/> before this one is sent again after it.</summary>
    public bool RetriesAfter(int connection, long index) =>
        index >= RetryDistance && (uint)(Bits(connection, index) >> 32) < retriesBelow;

    /// <summary>Writes the request as JSON; the same slot and time give the same bytes.</summary>
    /// <param name="to">At least <see cref="RequestBytesMax"/> bytes.</param>
    /// <param name="inStream">With `type`, which only a stream knows.</param>
    /// <returns>The length.</returns>
    public int Render(in Slot slot, ReadOnlySpan<byte> at, bool inStream, Span<byte> to)
    {
        int end = 0;
        if (!inStream)
        {
            end = Put(to, end, "{\"id\":\""u8);
        }
        else
        {
            end = Put(to, end, slot.IsReturn ? "{\"type\":\"return\",\"id\":\""u8 : "{\"type\":\"purchase\",\"id\":\""u8);
        }

        end += WriteId(slot.Connection, slot.Index, to[end..]);
        if (slot.IsReturn)
        {
            end = Put(to, end, "\",\"purchase\":\""u8);
            end += WriteId(slot.Connection, slot.Returned, to[end..]);
        }

        end = Put(to, end, "\",\"member\":\""u8);
        end += WriteMember(slot.Member, to[end..]);
        end = Put(to, end, "\",\"store\":\"S"u8);
        end = PutDigits(to, end, slot.Basket % Stores, 3);
        end = Put(to, end, "\",\"channel\":\"till\",\"at\":\""u8);
        end = Put(to, end, at);
        end = Put(to, end, "\",\"currency\":\"GBP\",\"lines\":["u8);
        for (int i = 0; i < slot.Lines; i++)
        {
            end = Put(to, end, slot.IsReturn ? shelf.Returned(slot.Basket + i) : shelf.Line(slot.Basket + i));
            to[end++] = (byte)',';
        }

        to[end - 1] = (byte)']';
        to[end++] = (byte)'}';
        return end;
    }

    /// <summary>Prefix, connection (three hexadecimal digits), index (eight).</summary>
    public int WriteId(int connection, long index, Span<byte> to)
    {
        prefix.CopyTo(to);
        PutHex(to[prefix.Length..], (ulong)connection, 3);
        to[prefix.Length + 3] = (byte)'-';
        PutHex(to[(prefix.Length + 4)..], (ulong)index, 8);
        return IdLength;
    }

    public int WriteMember(int member, Span<byte> to)
    {
        to[0] = (byte)'M';
        memberPrefix.CopyTo(to[1..]);
        to[memberPrefix.Length + 1] = (byte)'-';
        return PutDigits(to, memberPrefix.Length + 2, member, 8);
    }

    public string MemberId(int member)
    {
        Span<byte> id = stackalloc byte[memberPrefix.Length + 10];
        return Encoding.ASCII.GetString(id[..WriteMember(member, id)]);
    }

    private static int Put(Span<byte> to, int end, ReadOnlySpan<byte> piece)
    {
        piece.CopyTo(to[end..]);
        return end + piece.Length;
    }

    private static int PutDigits(Span<byte> to, int end, int value, int width)
    {
        for (int i = end + width - 1; i >= end; i--)
        {
            to[i] = (byte)('0' + (value % 10));
            value /= 10;
        }

        return end + width;
    }

    private static void PutHex(Span<byte> to, ulong value, int width)
    {
        for (int i = width - 1; i >= 0; i--)
        {
            to[i] = "0123456789abcdef"u8[(int)(value & 15)];
            value >>= 4;
        }
    }

    /// <summary>A purchase is given back from at most once, and a return never: so it goes by what stands before.</summary>
    private bool IsReturn(int connection, long index, ulong bits) =>
        (uint)bits < returnsBelow
        && index >= ReturnDistance
        && !IsReturn(connection, index - ReturnDistance, Bits(connection, index - ReturnDistance));

    private ulong Bits(int connection, long index) =>
        Mix.Bits(Mix.Bits(Options.Seed ^ 0x5DEECE66DUL) + ((ulong)connection << 40) + (ulong)index);
}
