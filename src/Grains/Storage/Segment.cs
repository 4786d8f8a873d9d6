using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Loyalty.Domain.Encoding;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Grains.Storage;

/// <summary>
/// Records in commit order, as one stored record. The newest segment is written anew by each group commit; a sealed one never changes. Immutable.
/// </summary>
/// <remarks>
/// Layout, little-endian: <c>LBK1</c>; XxHash3 of all that follows (8); number (4); records (4); records in all segments before (8); commit (8); owner (16); the hash in
/// the segment before (8); sealed (1); the owner's name, UTF-8 with its length in a byte; the records, each with its length.
/// </remarks>
internal sealed class Segment
{
    public const int RecordsMax = (1 << IndexBits) - 1;
    private const int IndexBits = 20;
    private const uint Magic = 0x314B424C;
    private const int FixedBytes = 62;
    private readonly int[] _starts;

    private Segment(byte[] bytes, int[] starts) => (Bytes, _starts) = (bytes, starts);

    /// <summary>As stored.</summary>
    public byte[] Bytes { get; }

    public ulong Hash => BinaryPrimitives.ReadUInt64LittleEndian(Bytes.AsSpan(4));

    /// <summary>From 1.</summary>
    public int Number => BinaryPrimitives.ReadInt32LittleEndian(Bytes.AsSpan(12));

    public int Count => _starts.Length;

    public long RecordsBefore => BinaryPrimitives.ReadInt64LittleEndian(Bytes.AsSpan(20));

    /// <summary>Counts the writes of the books; never used twice by one owner.</summary>
    public long Commit => BinaryPrimitives.ReadInt64LittleEndian(Bytes.AsSpan(28));

    /// <summary>Who wrote it: a new number each time that books are opened.</summary>
    public Guid Owner => new(Bytes.AsSpan(36, 16));

    public string OwnerName => Encoding.UTF8.GetString(Bytes, FixedBytes, Bytes[FixedBytes - 1]);

    public ulong PreviousHash => BinaryPrimitives.ReadUInt64LittleEndian(Bytes.AsSpan(52));

    public bool IsSealed => Bytes[60] != 0;

    /// <summary>The records.</summary>
    public ReadOnlySpan<byte> Body => Bytes.AsSpan(FixedBytes + Bytes[FixedBytes - 1]);

    public static long Position(int number, int index) => ((long)number << IndexBits) | (uint)(index + 1);

    public static int NumberOf(long position) => (int)(position >> IndexBits);

    public static int IndexOf(long position) => (int)(position & RecordsMax) - 1;

    /// <summary>The first segment, or the one after <paramref name="previous"/>; in memory only.</summary>
    public static Segment After(Segment? previous) =>
        Make((previous?.Number ?? 0) + 1, previous is null ? 0 : previous.RecordsBefore + previous.Count, previous?.Hash ?? 0, default, [], default, string.Empty, 0, false, []);

    /// <summary>This segment with more records (framed, beginning at <paramref name="starts"/> within <paramref name="added"/>), as written by an owner.</summary>
    public Segment With(Guid owner, string ownerName, long commit, ReadOnlySpan<byte> added, IReadOnlyCollection<int> starts, bool isSealed)
    {
        var name = Encoding.UTF8.GetBytes(ownerName);
        var shift = FixedBytes + name.Length - (Bytes.Length - Body.Length);
        var addedAt = Bytes.Length + shift;
        int[] all = [.. _starts.Select(start => start + shift), .. starts.Select(start => start + addedAt)];
        return Make(Number, RecordsBefore, PreviousHash, Body, added, owner, ownerName, commit, isSealed, all);
    }

    /// <exception cref="JournalCorruptException">It fails its checksum or is not of this format.</exception>
    public static Segment Parse(int number, byte[] bytes)
    {
        if (bytes.Length < FixedBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
        {
            throw new JournalCorruptException($"Segment {number} of the books is not of a known format; a newer program may have written it.");
        }

        var count = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(16));
        if (XxHash3.HashToUInt64(bytes.AsSpan(12)) != BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(4))
            || BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12)) != number || count is < 0 or > RecordsMax)
        {
            throw new JournalCorruptException($"Segment {number} of the books fails its checksum.");
        }

        var starts = new int[count];
        try
        {
            var reader = new ByteReader(bytes.AsSpan(FixedBytes + bytes[FixedBytes - 1]));
            for (var i = 0; i < count; i++)
            {
                starts[i] = bytes.Length - reader.Rest.Length;
                reader.Bytes();
            }

            return reader.AtEnd ? new(bytes, starts) : throw new FormatException("bytes are left over");
        }
        catch (FormatException e)
        {
            throw new JournalCorruptException($"Segment {number} of the books: {e.Message}.");
        }
    }

    /// <exception cref="JournalCorruptException">Its fields make no sense.</exception>
    public StoredEntry Read(int index)
    {
        try
        {
            var reader = new ByteReader(Bytes.AsSpan(_starts[index]));
            var length = reader.Count();
            return StoredEntry.Read(Bytes.AsMemory(Bytes.Length - reader.Rest.Length, length), Position(Number, index));
        }
        catch (FormatException e)
        {
            throw new JournalCorruptException($"Record {index} in segment {Number} of the books: {e.Message}.");
        }
    }

    private static Segment Make(
        int number, long recordsBefore, ulong previousHash, ReadOnlySpan<byte> body, ReadOnlySpan<byte> added, Guid owner, string ownerName, long commit, bool isSealed, int[] starts)
    {
        var name = Encoding.UTF8.GetBytes(ownerName);
        var bytes = new byte[FixedBytes + name.Length + body.Length + added.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), number);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), starts.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(20), recordsBefore);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(28), commit);
        owner.TryWriteBytes(bytes.AsSpan(36));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(52), previousHash);
        bytes[60] = isSealed ? (byte)1 : (byte)0;
        bytes[61] = checked((byte)name.Length);
        name.CopyTo(bytes.AsSpan(FixedBytes));
        body.CopyTo(bytes.AsSpan(FixedBytes + name.Length));
        added.CopyTo(bytes.AsSpan(FixedBytes + name.Length + body.Length));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(4), XxHash3.HashToUInt64(bytes.AsSpan(12)));
        return new(bytes, starts);
    }
}

/// <summary>One record of a segment, its body not yet looked into.</summary>
/// <param name="Head">All but the events, which are empty here.</param>
/// <param name="Previous">Position of the actor's record before; 0: none.</param>
/// <param name="Inline">The body; empty when <paramref name="Large"/> says where it is.</param>
/// <param name="Large">Where a body is that is too large for a segment.</param>
internal readonly record struct StoredEntry(JournalRecord Head, long Previous, ReadOnlyMemory<byte> Inline, LargeBody? Large)
{
    private static readonly string[] Kinds = ["member", "sales", "directory", "program"];

    public static void Write(ByteWriter to, in AppendEntry entry, long previous, ReadOnlySpan<byte> body, LargeBody? large)
    {
        to.Text(entry.Actor.Kind);
        to.Text(entry.Actor.Key);
        to.VarUInt((ulong)entry.ExpectedVersion + 1);
        to.VarUInt((uint)entry.EventCount);
        to.VarInt(entry.RecordedAtMs);
        to.VarInt(entry.WakeAtMs);
        to.Wide(new(entry.Hash.High, entry.Hash.Low));
        to.VarUInt((ulong)previous);
        to.Flag(large is not null);
        if (large is null)
        {
            to.Raw(body);
        }
        else
        {
            large.Write(to);
        }
    }

    public static void WriteBody(ByteWriter to, ReadOnlySpan<KeyEntry> keys, ReadOnlySpan<Measure> measures, ReadOnlySpan<byte> events)
    {
        to.Count(keys.Length);
        foreach (ref readonly var key in keys)
        {
            to.Wide(new(key.Key.High, key.Key.Low));
            to.Flag(key.Unique);
        }

        to.Count(measures.Length);
        foreach (ref readonly var measure in measures)
        {
            to.Text(measure.Name);
            to.VarInt(measure.Delta);
        }

        to.Raw(events);
    }

    public static StoredEntry Read(ReadOnlyMemory<byte> record, long position)
    {
        var reader = new ByteReader(record.Span);
        var kind = reader.Text() ?? throw new FormatException("a record without a kind");
        var actor = new ActorId(Array.Find(Kinds, known => known == kind) ?? string.Intern(kind), reader.Text() ?? throw new FormatException("a record without a key"));
        var (first, events) = ((long)reader.VarUInt(), (int)reader.VarUInt());
        var (recordedAt, wakeAt, hash) = (reader.VarInt(), reader.VarInt(), reader.Wide());
        var previous = (long)reader.VarUInt();
        var isLarge = reader.Flag();
        var large = isLarge ? LargeBody.Read(ref reader) : null;
        var head = new JournalRecord(actor, first, events, position, recordedAt, wakeAt, new((ulong)(hash >> 64), (ulong)hash), ReadOnlyMemory<byte>.Empty);
        return new(head, previous, isLarge ? default : record[^reader.Rest.Length..], large);
    }

    /// <summary>What a body holds. The events come last.</summary>
    public static (KeyEntry[] Keys, Measure[] Measures, ReadOnlyMemory<byte> Events) ReadBody(ReadOnlyMemory<byte> body)
    {
        var reader = new ByteReader(body.Span);
        var keys = new KeyEntry[reader.Count()];
        for (var i = 0; i < keys.Length; i++)
        {
            var wide = reader.Wide();
            keys[i] = new(new((ulong)(wide >> 64), (ulong)wide), reader.Flag());
        }

        var measures = new Measure[reader.Count()];
        for (var i = 0; i < measures.Length; i++)
        {
            measures[i] = new(reader.Text() ?? throw new FormatException("a measure without a name"), reader.VarInt());
        }

        return (keys, measures, body[^reader.Rest.Length..]);
    }
}
