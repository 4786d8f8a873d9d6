using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;
using Loyalty.Domain.Encoding;
using Loyalty.Runtime.Journal;

namespace Loyalty.Grains.Storage;

/// <summary>The record that begins the books: their format, their key seed, and up to where everything is covered by snapshots.</summary>
/// <param name="KeySeed">See <see cref="IJournal.KeySeed"/>.</param>
/// <param name="TailStart">Everything up to this position is covered by snapshots.</param>
/// <param name="ETag">As read or written.</param>
internal sealed record BooksHead(long KeySeed, long TailStart, string? ETag)
{
    private const string Name = "head";
    private const uint Magic = 0x31484B4C;
    private const int Format = 1;

    /// <summary>Reads the head, or begins new books.</summary>
    public static async Task<BooksHead> OpenAsync(RecordStore store)
    {
        if (await ReadAsync(store).ConfigureAwait(false) is { } head)
        {
            return head;
        }

        try
        {
            return await new BooksHead(BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8)), 0, null).WriteAsync(store).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Somebody else began them at the same moment, or the answer was lost.
            return await ReadAsync(store).ConfigureAwait(false) ?? throw new JournalUnavailableException($"The grain storage cannot begin books: {e.Message}", e);
        }
    }

    /// <summary>Moves the start of the tail; never back.</summary>
    /// <exception cref="JournalUnavailableException">It was not written.</exception>
    public static async Task MoveTailAsync(RecordStore store, long position)
    {
        var head = await ReadAsync(store).ConfigureAwait(false) ?? throw new JournalUnavailableException("The head of the books has disappeared from the grain storage.");
        if (head.TailStart >= position)
        {
            return;
        }

        try
        {
            await (head with { TailStart = position }).WriteAsync(store).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            throw new JournalUnavailableException($"The grain storage cannot write the head of the books: {e.Message}", e);
        }
    }

    private static async Task<BooksHead?> ReadAsync(RecordStore store)
    {
        if (await store.ReadAsync(Name).ConfigureAwait(false) is not { } stored)
        {
            return null;
        }

        var bytes = stored.Bytes.AsSpan();
        if (bytes.Length < 12 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic || XxHash3.HashToUInt64(bytes[12..]) != BinaryPrimitives.ReadUInt64LittleEndian(bytes[4..]))
        {
            throw new JournalCorruptException("The head of the books fails its checksum.");
        }

        var reader = new ByteReader(bytes[12..]);
        var format = reader.VarUInt();
        return format == Format
            ? new(reader.VarInt(), reader.VarInt(), stored.ETag)
            : throw new JournalCorruptException($"The books are of format {format}, this program knows format {Format}; a newer program wrote them.");
    }

    private async Task<BooksHead> WriteAsync(RecordStore store)
    {
        var writer = new ByteWriter();
        writer.VarUInt(Format);
        writer.VarInt(KeySeed);
        writer.VarInt(TailStart);
        var bytes = new byte[12 + writer.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(4), XxHash3.HashToUInt64(writer.Written));
        writer.Written.CopyTo(bytes.AsSpan(12));
        return this with { ETag = await store.WriteAsync(Name, bytes, ETag).ConfigureAwait(false) };
    }
}
