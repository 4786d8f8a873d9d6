using System.Buffers.Binary;
using System.IO.Hashing;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>The writer's connection and its statements.</summary>
internal sealed class WriterDb : IDisposable
{
    private readonly Statement begin;
    private readonly Statement commit;
    private readonly Statement insertBlock;
    private readonly Statement insertPart;
    private readonly Statement deleteParts;
    private readonly Statement saveSnapshot;
    private readonly Statement setMeta;
    private readonly SnapshotRows snapshots;

    public WriterDb(Db db)
    {
        Db = db;
        begin = db.Prepare("BEGIN IMMEDIATE");
        commit = db.Prepare("COMMIT");
        insertBlock = db.Prepare("INSERT INTO block(seq, data) VALUES(?1, ?2)");
        insertPart = db.Prepare("INSERT INTO key_part(id, data) VALUES(?1, ?2)");
        deleteParts = db.Prepare("DELETE FROM key_part WHERE id IN (SELECT id FROM key_part WHERE id >= ?1 AND id < ?2 LIMIT ?3)");
        setMeta = db.Prepare("UPDATE meta SET value = ?2 WHERE name = ?1");
        saveSnapshot = db.Prepare("""
            INSERT INTO snapshot(hash, kind, key, version, position, chain, due, state, checksum) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT(hash, kind, key) DO UPDATE SET version = excluded.version, position = excluded.position, chain = excluded.chain,
                due = excluded.due, state = excluded.state, checksum = excluded.checksum WHERE excluded.version >= version
            """);
        snapshots = new(db);
        Keys = new(db);
    }

    public Db Db { get; }

    public KeyRunReader Keys { get; }

    public void Begin() => begin.Run();

    public void Commit() => commit.Run();

    public void InsertBlock(long seq, ReadOnlySpan<byte> data) => insertBlock.Bind(1, seq).Bind(2, data).Run();

    public void InsertPart(long id, ReadOnlySpan<byte> data) => insertPart.Bind(1, id).Bind(2, data).Run();

    /// <summary>True: there may be more.</summary>
    public bool DeleteParts(long run, int count)
    {
        deleteParts.Bind(1, run << 32).Bind(2, (run + 1) << 32).Bind(3, count).Run();
        return SQLitePCL.raw.sqlite3_changes(Db.Handle) == count;
    }

    public void InsertRun(KeyRun run) =>
        Db.Execute($"INSERT INTO key_run(run, level, keys, chunks) VALUES({run.Id}, {run.Level}, {run.Keys}, {run.Chunks})");

    public void DeleteRun(long run) => Db.Execute($"DELETE FROM key_run WHERE run = {run}");

    public void SetMeta(string name, long value) => setMeta.Bind(1, name).Bind(2, value).Run();

    public bool TryReadHead(ActorId actor, ulong hash, out HeadValue head) => snapshots.TryReadHead(actor, hash, out head);

    public void SaveSnapshot(Snapshot snapshot, ulong hash, long position)
    {
        Span<byte> chain = stackalloc byte[Hash128.Size];
        snapshot.Hash.WriteTo(chain);
        saveSnapshot.Bind(1, SnapshotRows.RowHash(hash)).Bind(2, snapshot.Actor.Kind).Bind(3, snapshot.Actor.Key)
            .Bind(4, snapshot.Version).Bind(5, position).Bind(6, chain).Bind(8, snapshot.State.Span)
            .Bind(9, SnapshotRows.Checksum(hash, snapshot.Version, position, chain, snapshot.WakeAtMs, snapshot.State.Span));
        _ = snapshot.WakeAtMs == 0 ? saveSnapshot.BindNull(7) : saveSnapshot.Bind(7, snapshot.WakeAtMs);
        saveSnapshot.Run();
    }

    public void Dispose() => Db.Dispose();
}

/// <summary>Reads rows of the table <c>snapshot</c>; for one thread.</summary>
internal sealed class SnapshotRows(Db db)
{
    private readonly Statement read = db.Prepare(
        "SELECT version, position, chain, due, state, checksum FROM snapshot WHERE hash = ?1 AND kind = ?2 AND key = ?3");

    /// <summary>Signed, in the same order.</summary>
    public static long RowHash(ulong hash) => (long)(hash ^ 0x8000_0000_0000_0000);

    public static ulong HashOfRow(long rowHash) => (ulong)rowHash ^ 0x8000_0000_0000_0000;

    public static long Checksum(ulong hash, long version, long position, ReadOnlySpan<byte> chain, long due, ReadOnlySpan<byte> state)
    {
        Span<byte> fixedPart = stackalloc byte[48];
        BinaryPrimitives.WriteUInt64LittleEndian(fixedPart, hash);
        BinaryPrimitives.WriteInt64LittleEndian(fixedPart[8..], version);
        BinaryPrimitives.WriteInt64LittleEndian(fixedPart[16..], position);
        BinaryPrimitives.WriteInt64LittleEndian(fixedPart[24..], due);
        chain.CopyTo(fixedPart[32..]);
        return (long)XxHash3.HashToUInt64(state, (long)XxHash3.HashToUInt64(fixedPart));
    }

    /// <exception cref="JournalCorruptException">The row fails its checksum.</exception>
    public Snapshot? Read(ActorId actor, ulong hash, out long position)
    {
        position = 0;
        try
        {
            if (!Find(actor, hash))
            {
                return null;
            }

            var state = read.Blob(4).ToArray();
            var head = Head(actor, hash, state);
            position = head.Position;
            return new(actor, head.Version, head.Chain, head.WakeAtMs, state);
        }
        finally
        {
            read.Reset();
        }
    }

    /// <summary>Where a snapshotted actor stands.</summary>
    public bool TryReadHead(ActorId actor, ulong hash, out HeadValue head)
    {
        try
        {
            if (!Find(actor, hash))
            {
                head = default;
                return false;
            }

            head = Head(actor, hash, read.Blob(4));
            return true;
        }
        finally
        {
            read.Reset();
        }
    }

    private bool Find(ActorId actor, ulong hash) => read.Bind(1, RowHash(hash)).Bind(2, actor.Kind).Bind(3, actor.Key).Step();

    private HeadValue Head(ActorId actor, ulong hash, ReadOnlySpan<byte> state)
    {
        var chain = read.Blob(2);
        var due = read.IsNull(3) ? 0 : read.Long(3);
        if (chain.Length != Hash128.Size || Checksum(hash, read.Long(0), read.Long(1), chain, due, state) != read.Long(5))
        {
            throw new JournalCorruptException($"The snapshot of {actor} fails its checksum.");
        }

        return new(read.Long(0), read.Long(1), Hash128.Read(chain), due);
    }
}
