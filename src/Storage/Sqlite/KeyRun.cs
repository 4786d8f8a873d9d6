using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>
/// Request keys on disk, sorted, never changed: chunk rows of up to <see cref="EntriesPerChunk"/> entries (key 16, position 8), and in memory the first key of
/// each chunk and a filter, both of which are stored too: reading them back at 2 bytes per key is twelve times less than reading all chunks.
/// </summary>
internal sealed class KeyRun(long id, int level, long keys, RequestKey[] firstKeys, BloomFilter filter)
{
    public const int EntrySize = 24;

    /// <summary>A chunk, its checksum and its row fit one page of 16 KiB.</summary>
    public const int EntriesPerChunk = 679;

    public const int PartBytesMax = EntriesPerChunk * EntrySize;

    public long Id => id;

    public int Level => level;

    public long Keys => keys;

    public BloomFilter Filter => filter;

    public ReadOnlySpan<RequestKey> FirstKeys => firstKeys;

    public int Chunks => firstKeys.Length;

    /// <summary>The chunk that holds the key if any does; -1: none can.</summary>
    public int ChunkOf(RequestKey key)
    {
        int low = 0, high = firstKeys.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            if (KeyPosition.Compare(firstKeys[middle], key) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high;
    }
}

/// <summary>Rows of the table <c>key_part</c>: a run's chunks, index and filter in pieces of a page.</summary>
internal static class KeyParts
{
    public const int Chunk = 0;
    public const int Index = 1;
    public const int Filter = 2;
    private const int KindShift = 30;

    public static long RowId(long run, int kind, int part) => (run << 32) | ((long)kind << KindShift) | (uint)part;

    /// <summary>The content of a row with its checksum behind it.</summary>
    public static byte[] Seal(ReadOnlySpan<byte> content)
    {
        var sealedPart = new byte[content.Length + 8];
        content.CopyTo(sealedPart);
        BinaryPrimitives.WriteUInt64LittleEndian(sealedPart.AsSpan(content.Length), XxHash3.HashToUInt64(content));
        return sealedPart;
    }

    /// <exception cref="JournalCorruptException">The checksum fails.</exception>
    public static ReadOnlySpan<byte> Open(ReadOnlySpan<byte> part, long rowId)
    {
        if (part.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(part[^8..]) != XxHash3.HashToUInt64(part[..^8]))
        {
            throw new JournalCorruptException($"Row {rowId} of the request key index fails its checksum.");
        }

        return part[..^8];
    }

    public static void WriteEntry(Span<byte> at, in KeyPosition entry)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(at, entry.Key.High);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], entry.Key.Low);
        BinaryPrimitives.WriteInt64LittleEndian(at[16..], entry.Position);
    }

    public static KeyPosition ReadEntry(ReadOnlySpan<byte> at) => new(
        new(BinaryPrimitives.ReadUInt64LittleEndian(at), BinaryPrimitives.ReadUInt64LittleEndian(at[8..])),
        BinaryPrimitives.ReadInt64LittleEndian(at[16..]));

    /// <summary>Position of the key in a chunk; 0: not in it.</summary>
    public static long Find(ReadOnlySpan<byte> chunk, RequestKey key)
    {
        int low = 0, high = (chunk.Length / KeyRun.EntrySize) - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var entry = ReadEntry(chunk[(middle * KeyRun.EntrySize)..]);
            var order = KeyPosition.Compare(entry.Key, key);
            if (order == 0)
            {
                return entry.Position;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return 0;
    }

    /// <summary>First keys as they are stored.</summary>
    public static byte[] EncodeIndex(ReadOnlySpan<RequestKey> keys)
    {
        var bytes = new byte[keys.Length * 16];
        for (var i = 0; i < keys.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 16), keys[i].High);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan((i * 16) + 8), keys[i].Low);
        }

        return bytes;
    }
}

/// <summary>Reads runs through one connection; for one thread.</summary>
internal sealed class KeyRunReader(Db db)
{
    private readonly Statement part = db.Prepare("SELECT data FROM key_part WHERE id = ?1");

    /// <summary>The position, 0 when absent, -1 when the run's rows are gone: it was merged away meanwhile.</summary>
    public long Find(KeyRun run, RequestKey key)
    {
        var chunk = run.ChunkOf(key);
        if (chunk < 0)
        {
            return 0;
        }

        var rowId = KeyParts.RowId(run.Id, KeyParts.Chunk, chunk);
        try
        {
            return part.Bind(1, rowId).Step() ? KeyParts.Find(KeyParts.Open(part.Blob(0), rowId), key) : -1;
        }
        finally
        {
            part.Reset();
        }
    }

    public byte[] ReadPart(long run, int kind, int number)
    {
        var rowId = KeyParts.RowId(run, kind, number);
        try
        {
            return part.Bind(1, rowId).Step()
                ? KeyParts.Open(part.Blob(0), rowId).ToArray()
                : throw new JournalCorruptException($"Row {rowId} of the request key index is missing.");
        }
        finally
        {
            part.Reset();
        }
    }

    /// <summary>Brings a run's index and filter to memory.</summary>
    public KeyRun Load(long id, int level, long keys, int chunks)
    {
        var firstKeys = new RequestKey[chunks];
        var perPart = KeyRun.PartBytesMax / 16;
        for (var i = 0; i < chunks; i += perPart)
        {
            var bytes = ReadPart(id, KeyParts.Index, i / perPart);
            for (var k = 0; k < bytes.Length / 16; k++)
            {
                firstKeys[i + k] = new(
                    BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(k * 16)), BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan((k * 16) + 8)));
            }
        }

        var filter = new BloomFilter(keys);
        var size = filter.Bytes.Length;
        for (int at = 0, number = 0; at < size; number++)
        {
            var bytes = ReadPart(id, KeyParts.Filter, number);
            filter.Load(at, bytes);
            at += bytes.Length;
        }

        return new(id, level, keys, firstKeys, filter);
    }
}
