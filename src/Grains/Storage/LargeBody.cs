using System.IO.Hashing;
using Loyalty.Domain.Encoding;
using Loyalty.Runtime.Journal;

namespace Loyalty.Grains.Storage;

/// <summary>
/// Bytes too large for one stored record: they lie in parts of their own, written before what refers to them. A crash in between leaves parts that nobody refers to; they do no harm.
/// </summary>
/// <param name="Id">Names the parts.</param>
/// <param name="Length">Bytes in all.</param>
/// <param name="PartBytes">Bytes of each part but the last.</param>
/// <param name="Hash">XxHash3 of all.</param>
internal sealed record LargeBody(Guid Id, int Length, int PartBytes, ulong Hash)
{
    /// <summary>Bytes that one may have.</summary>
    public const int LengthMax = 256 << 20;

    private int Parts => (Length + PartBytes - 1) / PartBytes;

    public static LargeBody Of(ReadOnlySpan<byte> bytes, int partBytes) => new(Guid.NewGuid(), bytes.Length, partBytes, XxHash3.HashToUInt64(bytes));

    public async Task StoreAsync(RecordStore store, ReadOnlyMemory<byte> bytes)
    {
        for (var part = 0; part < Parts; part++)
        {
            var start = part * PartBytes;
            await store.WriteAsync(Name(part), bytes[start..Math.Min(start + PartBytes, Length)].ToArray(), null).ConfigureAwait(false);
        }
    }

    /// <exception cref="JournalCorruptException">A part is missing or altered.</exception>
    public async Task<byte[]> LoadAsync(RecordStore store)
    {
        var all = new byte[Length];
        for (var part = 0; part < Parts; part++)
        {
            var start = part * PartBytes;
            var expected = Math.Min(PartBytes, Length - start);
            if (await store.ReadAsync(Name(part)).ConfigureAwait(false) is not { } stored || stored.Bytes.Length != expected)
            {
                throw new JournalCorruptException($"{Name(part)} of the books is missing or cut short.");
            }

            stored.Bytes.CopyTo(all, start);
        }

        return XxHash3.HashToUInt64(all) == Hash ? all : throw new JournalCorruptException($"The parts of {Id:n} in the books fail their checksum.");
    }

    public async Task ClearAsync(RecordStore store)
    {
        for (var part = 0; part < Parts; part++)
        {
            await store.ClearAsync(Name(part)).ConfigureAwait(false);
        }
    }

    public void Write(ByteWriter to)
    {
        Span<byte> id = stackalloc byte[16];
        Id.TryWriteBytes(id);
        to.Raw(id);
        to.VarUInt((uint)Length);
        to.VarUInt((uint)PartBytes);
        to.VarUInt(Hash);
    }

    public static LargeBody Read(ref ByteReader from)
    {
        var large = new LargeBody(new(from.Raw(16)), (int)from.VarUInt(), (int)from.VarUInt(), from.VarUInt());
        return large is { Length: >= 0 and <= LengthMax, PartBytes: > 0 } ? large : throw new FormatException("a large body of no possible size");
    }

    private string Name(int part) => $"part-{Id:n}-{part}";
}
