using System.Buffers.Binary;
using System.IO.Hashing;
using Loyalty.Domain.Encoding;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Grains.Storage;

/// <summary>Snapshots: one record for each actor, guarded by its ETag, so that an older one never replaces a newer.</summary>
internal sealed class SnapshotStore(RecordStore store, int inlineBytesMax)
{
    private const uint Magic = 0x31534B4C;
    private const int Attempts = 3;

    /// <exception cref="JournalUnavailableException">The provider failed.</exception>
    /// <exception cref="JournalCorruptException">It fails its checksum.</exception>
    public async Task<Snapshot?> LoadAsync(ActorId actor)
    {
        for (LargeBody? missing = null; ;)
        {
            if (await ReadAsync(actor).ConfigureAwait(false) is var stored && stored?.Large is null)
            {
                return stored?.Snapshot;
            }

            try
            {
                return stored.Snapshot with { State = await stored.Large.LoadAsync(store).ConfigureAwait(false) };
            }
            catch (JournalCorruptException) when (stored.Large != missing)
            {
                // Its parts go when a newer one is stored: look again, and believe it if it is still the same.
                missing = stored.Large;
            }
        }
    }

    /// <summary>Stores the snapshot, unless a newer one is there.</summary>
    /// <param name="snapshot">Of a durable version.</param>
    /// <param name="isFirst">There is none for certain.</param>
    /// <returns>The version that is stored now.</returns>
    /// <exception cref="JournalUnavailableException">It is not stored, or whether it is is not known: saving it again is right.</exception>
    public async Task<long> SaveAsync(Snapshot snapshot, bool isFirst)
    {
        LargeBody? large = null;
        for (var attempt = 1; ; attempt++)
        {
            var before = isFirst && attempt == 1 ? null : await ReadAsync(snapshot.Actor).ConfigureAwait(false);
            if (before is not null && before.Snapshot.Version > snapshot.Version)
            {
                return before.Snapshot.Version;
            }

            try
            {
                if (large is null && snapshot.State.Length > inlineBytesMax)
                {
                    var made = LargeBody.Of(snapshot.State.Span, inlineBytesMax);
                    await made.StoreAsync(store, snapshot.State).ConfigureAwait(false);
                    large = made;
                }

                await store.WriteAsync(NameOf(snapshot.Actor), Encode(snapshot, large), before?.ETag).ConfigureAwait(false);
                if (before?.Large is { } replaced && replaced != large)
                {
                    await replaced.ClearAsync(store).ConfigureAwait(false);
                }

                return snapshot.Version;
            }
            catch (Exception e) when (e is not JournalCorruptException)
            {
                if (attempt == Attempts)
                {
                    throw e as JournalUnavailableException ?? new JournalUnavailableException($"The snapshot of {snapshot.Actor} was not stored: {e.Message}", e);
                }
            }
        }
    }

    /// <summary>Short and of letters and digits only, whatever the key is: providers replace some characters, and names must stay apart.</summary>
    private static string NameOf(ActorId actor) => $"snapshot-{Hash128.Next(Hash128.Zero, actor, 0, 0, [])}";

    private static byte[] Encode(Snapshot snapshot, LargeBody? large)
    {
        var writer = new ByteWriter();
        writer.Text(snapshot.Actor.Kind);
        writer.Text(snapshot.Actor.Key);
        writer.VarUInt((ulong)snapshot.Version);
        writer.Wide(new(snapshot.Hash.High, snapshot.Hash.Low));
        writer.VarInt(snapshot.WakeAtMs);
        writer.Flag(large is not null);
        if (large is null)
        {
            writer.Raw(snapshot.State.Span);
        }
        else
        {
            large.Write(writer);
        }

        var bytes = new byte[12 + writer.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(4), XxHash3.HashToUInt64(writer.Written));
        writer.Written.CopyTo(bytes.AsSpan(12));
        return bytes;
    }

    private async Task<Stored?> ReadAsync(ActorId actor)
    {
        if (await store.ReadAsync(NameOf(actor)).ConfigureAwait(false) is not { } stored)
        {
            return null;
        }

        var bytes = stored.Bytes;
        if (bytes.Length < 12 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic || XxHash3.HashToUInt64(bytes.AsSpan(12)) != BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(4)))
        {
            throw new JournalCorruptException($"The snapshot of {actor} fails its checksum.");
        }

        try
        {
            var reader = new ByteReader(bytes.AsSpan(12));
            var whose = new ActorId(reader.Text() ?? string.Empty, reader.Text() ?? string.Empty);
            var (version, hash, wakeAt) = ((long)reader.VarUInt(), reader.Wide(), reader.VarInt());
            var large = reader.Flag() ? LargeBody.Read(ref reader) : null;
            var state = large is null ? bytes.AsMemory(bytes.Length - reader.Rest.Length) : default;
            return whose == actor
                ? new(new(actor, version, new((ulong)(hash >> 64), (ulong)hash), wakeAt, state), large, stored.ETag)
                : throw new FormatException($"it is of {whose}");
        }
        catch (FormatException e)
        {
            throw new JournalCorruptException($"The snapshot of {actor}: {e.Message}.");
        }
    }

    private sealed record Stored(Snapshot Snapshot, LargeBody? Large, string? ETag);
}
