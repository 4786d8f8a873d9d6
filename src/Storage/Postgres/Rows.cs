using System.Buffers.Binary;
using System.IO.Hashing;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Npgsql;

namespace Loyalty.Storage.Postgres;

/// <summary>How actors, hashes and checksums stand in the tables.</summary>
internal static class Rows
{
    /// <summary>Columns of a record as <see cref="ReadRecord"/> takes them, from a table or subquery named <c>r</c>.</summary>
    public const string RecordColumns = "r.position, r.first_version, r.event_count, r.recorded_at, r.wake_at, r.chain, r.checksum, r.actor, r.events";

    /// <summary>Signed, in the same order.</summary>
    public static long Signed(ulong hash) => (long)(hash ^ 0x8000_0000_0000_0000);

    public static Guid ToUuid(ulong high, ulong low)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, high);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], low);
        return new(bytes, bigEndian: true);
    }

    public static Guid ToUuid(Hash128 chain) => ToUuid(chain.High, chain.Low);

    public static Guid ToUuid(RequestKey key) => ToUuid(key.High, key.Low);

    public static Hash128 ToChain(Guid uuid)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = uuid.TryWriteBytes(bytes, bigEndian: true, out _);
        return Hash128.Read(bytes);
    }

    /// <summary>Whether PostgreSQL can hold the text: it has no character 0, and no halves of characters.</summary>
    public static bool IsStorable(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
        {
            return false;
        }

        for (var i = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]))
            {
                if (!char.IsHighSurrogate(text[i]) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                {
                    return false;
                }

                i++;
            }
        }

        return true;
    }

    public static bool IsStorable(ActorId actor) => IsStorable(actor.Kind) && IsStorable(actor.Key);

    /// <summary>The reverse of <see cref="ActorId.ToString"/>: a kind has no slash.</summary>
    public static ActorId ToActor(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? throw new JournalCorruptException($"'{text}' names no actor.") : new(text[..slash], text[(slash + 1)..]);
    }

    /// <summary>Of everything in a record but its place, which the database gives it.</summary>
    public static long RecordChecksum(ulong actorHash, long firstVersion, int eventCount, long recordedAtMs, long wakeAtMs, Hash128 chain, ReadOnlySpan<byte> events)
    {
        Span<byte> head = stackalloc byte[56];
        BinaryPrimitives.WriteUInt64LittleEndian(head, actorHash);
        BinaryPrimitives.WriteInt64LittleEndian(head[8..], firstVersion);
        BinaryPrimitives.WriteInt64LittleEndian(head[16..], eventCount);
        BinaryPrimitives.WriteInt64LittleEndian(head[24..], recordedAtMs);
        BinaryPrimitives.WriteInt64LittleEndian(head[32..], wakeAtMs);
        chain.WriteTo(head[40..]);
        return (long)XxHash3.HashToUInt64(events, (long)XxHash3.HashToUInt64(head));
    }

    public static long SnapshotChecksum(ulong actorHash, Snapshot snapshot)
    {
        Span<byte> head = stackalloc byte[40];
        BinaryPrimitives.WriteUInt64LittleEndian(head, actorHash);
        BinaryPrimitives.WriteInt64LittleEndian(head[8..], snapshot.Version);
        BinaryPrimitives.WriteInt64LittleEndian(head[16..], snapshot.WakeAtMs);
        snapshot.Hash.WriteTo(head[24..]);
        return (long)XxHash3.HashToUInt64(snapshot.State.Span, (long)XxHash3.HashToUInt64(head));
    }

    /// <summary>A record from columns in the order of <see cref="RecordColumns"/>, beginning at <paramref name="at"/>.</summary>
    /// <exception cref="JournalCorruptException">It fails its checksum.</exception>
    public static JournalRecord ReadRecord(NpgsqlDataReader row, int at, ActorId? known = null)
    {
        var position = row.GetInt64(at);
        var text = row.GetString(at + 7);
        var actor = known ?? ToActor(text);
        var record = new JournalRecord(
            actor, row.GetInt64(at + 1), row.GetInt32(at + 2), position, row.GetInt64(at + 3), row.GetInt64(at + 4), ToChain(row.GetGuid(at + 5)),
            row.GetFieldValue<byte[]>(at + 8));
        var expected = RecordChecksum(
            actor.StableHash(), record.FirstVersion, record.EventCount, record.RecordedAtMs, record.WakeAtMs, record.Hash, record.Events.Span);
        return expected == row.GetInt64(at + 6) && (known is null || text == actor.ToString())
            ? record
            : throw new JournalCorruptException($"The record at position {position} ({text}) fails its checksum.");
    }
}
