using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>
/// How records lie in a block. All numbers little-endian, hashes as <see cref="Hash128"/> writes them.
/// <code>
/// block   magic 4 | format 2 | flags 2 | commit 8 | seq 8 | index in commit 4 | records 4 | records' bytes 4 | totals' bytes 4   = 40
///         records … | totals (last block of a commit only) | checksum 8 (XxHash3 of all before it)
/// record  length 4 | checksum 4 (XxHash3 of all behind it, low half) | first version 8 | events 4 | key bytes 2 | kind bytes 1 | reserved 1
///         recorded at 8 | wake at 8 | chain 16 | position of the actor's previous record 8 | request keys 4 | event bytes 4      = 72
///         kind | key | request keys (17 each: high 8, low 8, unique 1) | events
/// totals  position 8 | records 8 | events 8 | measures 4 | each: name bytes 2, name, sum 8
/// </code>
/// The block's checksum guards what recovery reads; the record's own lets one record be proved alone, and reading go on behind a broken one.
/// XxHash3 because it is the fastest checksum at hand (many GB/s) and the enemy here is a torn or rotten page; forgery is the chain's matter.
/// </summary>
internal static class BlockFormat
{
    public const uint Magic = 0x314B4C42; // "BLK1"
    public const ushort Format = 1;
    public const ushort LastOfCommit = 1;
    public const int HeaderSize = 40;
    public const int TrailerSize = 8;
    public const int RecordHeaderSize = 72;
    public const int RequestKeySize = 17;
    public const int OffsetBits = 24;

    /// <summary>A block must stay below 16 MiB, or a position could not say where in it a record starts.</summary>
    public const int BlockBytesMax = 1 << OffsetBits;

    public static long Position(long seq, int offset) => (seq << OffsetBits) | (uint)offset;

    public static long Seq(long position) => position >> OffsetBits;

    public static int Offset(long position) => (int)(position & (BlockBytesMax - 1));

    public static int RecordSize(in AppendEntry entry) =>
        RecordHeaderSize + Encoding.UTF8.GetByteCount(entry.Actor.Kind) + Encoding.UTF8.GetByteCount(entry.Actor.Key)
        + (entry.KeyCount * RequestKeySize) + entry.PayloadLength;
}

/// <summary>Fills one block after the other in a buffer that it keeps.</summary>
internal sealed class BlockBuilder
{
    private byte[] buffer = new byte[128 * 1024];
    private long commit;
    private int index;

    public long Seq { get; private set; }

    public int Records { get; private set; }

    public int Length { get; private set; }

    public long LastPosition { get; private set; }

    public void Start(long seq, long commitNumber, int indexInCommit)
    {
        Seq = seq;
        commit = commitNumber;
        index = indexInCommit;
        Records = 0;
        Length = BlockFormat.HeaderSize;
    }

    /// <summary>Adds a record and returns its position.</summary>
    public long Add(in AppendEntry entry, AppendBatch batch, int size, long previous)
    {
        Reserve(size);
        var offset = Length;
        var record = buffer.AsSpan(offset, size);
        var keys = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount);
        BinaryPrimitives.WriteInt32LittleEndian(record, size);
        BinaryPrimitives.WriteInt64LittleEndian(record[8..], entry.ExpectedVersion + 1);
        BinaryPrimitives.WriteInt32LittleEndian(record[16..], entry.EventCount);
        var at = BlockFormat.RecordHeaderSize;
        var kind = Encoding.UTF8.GetBytes(entry.Actor.Kind, record[at..]);
        at += kind;
        var key = Encoding.UTF8.GetBytes(entry.Actor.Key, record[at..]);
        at += key;
        BinaryPrimitives.WriteUInt16LittleEndian(record[20..], (ushort)key);
        record[22] = (byte)kind;
        record[23] = 0;
        BinaryPrimitives.WriteInt64LittleEndian(record[24..], entry.RecordedAtMs);
        BinaryPrimitives.WriteInt64LittleEndian(record[32..], entry.WakeAtMs);
        entry.Hash.WriteTo(record[40..]);
        BinaryPrimitives.WriteInt64LittleEndian(record[56..], previous);
        BinaryPrimitives.WriteInt32LittleEndian(record[64..], keys.Length);
        BinaryPrimitives.WriteInt32LittleEndian(record[68..], entry.PayloadLength);
        foreach (ref readonly var requestKey in keys)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(record[at..], requestKey.Key.High);
            BinaryPrimitives.WriteUInt64LittleEndian(record[(at + 8)..], requestKey.Key.Low);
            record[at + 16] = requestKey.Unique ? (byte)1 : (byte)0;
            at += BlockFormat.RequestKeySize;
        }

        batch.Payload.WrittenSpan.Slice(entry.PayloadStart, entry.PayloadLength).CopyTo(record[at..]);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], (uint)XxHash3.HashToUInt64(record[8..]));
        Length += size;
        Records++;
        return LastPosition = BlockFormat.Position(Seq, offset);
    }

    /// <summary>Completes the block. Totals are given for the last block of a commit only.</summary>
    public ReadOnlySpan<byte> Finish(RunningTotals? totals)
    {
        var recordsEnd = Length;
        if (totals is not null)
        {
            Reserve(totals.EncodedSize);
            Length += totals.Encode(buffer.AsSpan(Length));
        }

        Reserve(BlockFormat.TrailerSize);
        var block = buffer.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(block, BlockFormat.Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(block[4..], BlockFormat.Format);
        BinaryPrimitives.WriteUInt16LittleEndian(block[6..], totals is null ? (ushort)0 : BlockFormat.LastOfCommit);
        BinaryPrimitives.WriteInt64LittleEndian(block[8..], commit);
        BinaryPrimitives.WriteInt64LittleEndian(block[16..], Seq);
        BinaryPrimitives.WriteInt32LittleEndian(block[24..], index);
        BinaryPrimitives.WriteInt32LittleEndian(block[28..], Records);
        BinaryPrimitives.WriteInt32LittleEndian(block[32..], recordsEnd - BlockFormat.HeaderSize);
        BinaryPrimitives.WriteInt32LittleEndian(block[36..], Length - recordsEnd);
        BinaryPrimitives.WriteUInt64LittleEndian(block[Length..], XxHash3.HashToUInt64(block[..Length]));
        Length += BlockFormat.TrailerSize;
        return block[..Length];
    }

    private void Reserve(int size)
    {
        if (buffer.Length - Length < size)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, Length + size));
        }
    }
}

/// <summary>A block's header, checked.</summary>
internal readonly record struct BlockHeader(long Commit, long Seq, int Index, int Records, int RecordsEnd, int TotalsEnd, bool IsLast)
{
    /// <summary>Reads and proves a block; says in words what is wrong with it. With <paramref name="trustContent"/> the checksum is not computed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> block, long seq, bool trustContent, out BlockHeader header, out string? problem)
    {
        header = default;
        if (block.Length < BlockFormat.HeaderSize + BlockFormat.TrailerSize || BinaryPrimitives.ReadUInt32LittleEndian(block) != BlockFormat.Magic)
        {
            problem = $"block {seq} is not a journal block";
            return false;
        }

        var format = BinaryPrimitives.ReadUInt16LittleEndian(block[4..]);
        if (format != BlockFormat.Format)
        {
            problem = $"block {seq} has format {format}; this program reads format {BlockFormat.Format}";
            return false;
        }

        header = new(
            BinaryPrimitives.ReadInt64LittleEndian(block[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(block[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(block[24..]),
            BinaryPrimitives.ReadInt32LittleEndian(block[28..]),
            BlockFormat.HeaderSize + BinaryPrimitives.ReadInt32LittleEndian(block[32..]),
            BlockFormat.HeaderSize + BinaryPrimitives.ReadInt32LittleEndian(block[32..]) + BinaryPrimitives.ReadInt32LittleEndian(block[36..]),
            (BinaryPrimitives.ReadUInt16LittleEndian(block[6..]) & BlockFormat.LastOfCommit) != 0);
        if (header.Seq != seq || header.RecordsEnd < BlockFormat.HeaderSize || header.TotalsEnd != block.Length - BlockFormat.TrailerSize
            || header.RecordsEnd > header.TotalsEnd)
        {
            problem = $"block {seq} has a header that contradicts itself";
            return false;
        }

        var end = block.Length - BlockFormat.TrailerSize;
        if (!trustContent && BinaryPrimitives.ReadUInt64LittleEndian(block[end..]) != XxHash3.HashToUInt64(block[..end]))
        {
            problem = $"block {seq} fails its checksum";
            return false;
        }

        problem = null;
        return true;
    }
}

/// <summary>One record where it lies in its block.</summary>
internal readonly ref struct RecordView
{
    private readonly ReadOnlySpan<byte> record;
    private readonly int kindLength;
    private readonly int keyLength;

    private RecordView(ReadOnlySpan<byte> record, long position)
    {
        this.record = record;
        Position = position;
        keyLength = BinaryPrimitives.ReadUInt16LittleEndian(record[20..]);
        kindLength = record[22];
    }

    public long Position { get; }

    public int Length => record.Length;

    public long FirstVersion => BinaryPrimitives.ReadInt64LittleEndian(record[8..]);

    public int EventCount => BinaryPrimitives.ReadInt32LittleEndian(record[16..]);

    public long LastVersion => FirstVersion + EventCount - 1;

    public long RecordedAtMs => BinaryPrimitives.ReadInt64LittleEndian(record[24..]);

    public long WakeAtMs => BinaryPrimitives.ReadInt64LittleEndian(record[32..]);

    public Hash128 Hash => Hash128.Read(record[40..]);

    public long Previous => BinaryPrimitives.ReadInt64LittleEndian(record[56..]);

    public int KeyCount => BinaryPrimitives.ReadInt32LittleEndian(record[64..]);

    public ReadOnlySpan<byte> Kind => record.Slice(BlockFormat.RecordHeaderSize, kindLength);

    public ReadOnlySpan<byte> Key => record.Slice(BlockFormat.RecordHeaderSize + kindLength, keyLength);

    public ReadOnlySpan<byte> Events => record[(KeysStart + (KeyCount * BlockFormat.RequestKeySize))..];

    private int KeysStart => BlockFormat.RecordHeaderSize + kindLength + keyLength;

    public KeyEntry RequestKeyAt(int index)
    {
        var at = record[(KeysStart + (index * BlockFormat.RequestKeySize))..];
        return new(new(BinaryPrimitives.ReadUInt64LittleEndian(at), BinaryPrimitives.ReadUInt64LittleEndian(at[8..])), at[16] != 0);
    }

    /// <summary>Reads the record at the offset. Its framing is always checked; its checksum unless the block's was.</summary>
    /// <param name="block">The whole block.</param>
    /// <param name="seq">The block's number.</param>
    /// <param name="offset">Where the record starts.</param>
    /// <param name="end">Where the block's records end.</param>
    /// <param name="checkSum">Whether to compute the record's own checksum.</param>
    /// <param name="view">The record.</param>
    /// <param name="length">Its length where the framing allows to go on behind it, otherwise 0.</param>
    public static bool TryRead(ReadOnlySpan<byte> block, long seq, int offset, int end, bool checkSum, out RecordView view, out int length)
    {
        view = default;
        length = 0;
        if (offset < BlockFormat.HeaderSize || offset + BlockFormat.RecordHeaderSize > end)
        {
            return false;
        }

        var claimed = BinaryPrimitives.ReadInt32LittleEndian(block[offset..]);
        if (claimed < BlockFormat.RecordHeaderSize || claimed > end - offset)
        {
            return false;
        }

        length = claimed;
        var record = block.Slice(offset, claimed);
        var inner = (long)BlockFormat.RecordHeaderSize + record[22] + BinaryPrimitives.ReadUInt16LittleEndian(record[20..])
            + ((long)BinaryPrimitives.ReadUInt32LittleEndian(record[64..]) * BlockFormat.RequestKeySize) + BinaryPrimitives.ReadUInt32LittleEndian(record[68..]);
        if (inner != claimed || (checkSum && BinaryPrimitives.ReadUInt32LittleEndian(record[4..]) != (uint)XxHash3.HashToUInt64(record[8..])))
        {
            return false;
        }

        view = new(record, BlockFormat.Position(seq, offset));
        return true;
    }

    public ActorId Actor() => new(KindNames.Get(Kind), Encoding.UTF8.GetString(Key));

    public JournalRecord ToRecord(ActorId actor) =>
        new(actor, FirstVersion, EventCount, Position, RecordedAtMs, WakeAtMs, Hash, Events.ToArray());
}

/// <summary>Kinds are few and repeated in every record: one string each.</summary>
internal static class KindNames
{
    private const int NamesMax = 64;
    private static string[] names = [];

    public static string Get(ReadOnlySpan<byte> utf8)
    {
        Span<char> text = stackalloc char[256];
        var length = Encoding.UTF8.GetChars(utf8, text);
        foreach (var name in Volatile.Read(ref names))
        {
            if (text[..length].SequenceEqual(name))
            {
                return name;
            }
        }

        var added = new string(text[..length]);
        var known = Volatile.Read(ref names);
        if (known.Length < NamesMax)
        {
            // Losing a race costs a second string, nothing else.
            Volatile.Write(ref names, [.. known, added]);
        }

        return added;
    }
}
