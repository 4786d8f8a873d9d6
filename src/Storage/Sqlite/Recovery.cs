using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>What the writer keeps in memory, rebuilt from blocks: at opening, and after a failure whose outcome had to be looked up.</summary>
internal sealed class JournalState(ActorHeads heads, KeyIndex keys, RunningTotals totals, TailSize tail, SnapshotPresence snapshots)
{
    private long durablePosition;

    public ActorHeads Heads => heads;

    public KeyIndex Keys => keys;

    public RunningTotals Totals => totals;

    public TailSize Tail => tail;

    public SnapshotPresence Snapshots => snapshots;

    public DueBuckets DueBuckets { get; } = new();

    /// <summary>The newest durable record.</summary>
    public long DurablePosition
    {
        get => Volatile.Read(ref durablePosition);
        set => Volatile.Write(ref durablePosition, value);
    }

    /// <summary>The newest durable block.</summary>
    public long DurableSeq { get; set; }

    public long CommitNumber { get; set; }

    /// <summary>Takes over all blocks from a number on. Heads are rebuilt from records after one position, keys from records after another.</summary>
    /// <exception cref="JournalCorruptException">A block or the order of blocks is not as it was written: nothing is served from such a file.</exception>
    public void Replay(Db db, long fromSeq, long headsAfter, long keysAfter)
    {
        using var read = db.Prepare("SELECT seq, data FROM block WHERE seq >= ?1 ORDER BY seq");
        read.Bind(1, fromSeq);
        var expected = fromSeq;
        var isLast = true;
        while (read.Step())
        {
            var seq = read.Long(0);
            var block = read.Blob(1);
            if (seq != expected++)
            {
                throw Corrupt(db, $"block {expected - 1} is missing");
            }

            if (!BlockHeader.TryRead(block, seq, trustContent: false, out var header, out var problem))
            {
                throw Corrupt(db, problem!);
            }

            Apply(db, block, header, headsAfter, keysAfter);
            isLast = header.IsLast;
            if (isLast)
            {
                totals.Restore(block[header.RecordsEnd..header.TotalsEnd]);
                DurableSeq = seq;
                CommitNumber = header.Commit;
                DurablePosition = totals.Position;
            }
        }

        if (!isLast)
        {
            throw Corrupt(db, $"the last block ({expected - 1}) does not end a commit");
        }
    }

    /// <summary>Takes over the last commit only, when there is no tail to replay.</summary>
    public void RestoreTotals(Db db)
    {
        if (db.Scalar("SELECT max(seq) FROM block") is not { } seq)
        {
            return;
        }

        using var read = db.Prepare("SELECT data FROM block WHERE seq = ?1");
        read.Bind(1, seq).Step();
        var block = read.Blob(0);
        if (!BlockHeader.TryRead(block, seq, trustContent: false, out var header, out var problem))
        {
            throw Corrupt(db, problem!);
        }

        if (!header.IsLast)
        {
            throw Corrupt(db, $"the last block ({seq}) does not end a commit");
        }

        totals.Restore(block[header.RecordsEnd..header.TotalsEnd]);
        DurableSeq = seq;
        CommitNumber = header.Commit;
        DurablePosition = totals.Position;
    }

    private static JournalCorruptException Corrupt(Db db, string what) =>
        new($"The journal {db.Path} is damaged: {what}. It is not opened, so that nothing is built on it. Verify it to see what can be read, and restore a backup.");

    private void Apply(Db db, ReadOnlySpan<byte> block, in BlockHeader header, long headsAfter, long keysAfter)
    {
        var offset = BlockFormat.HeaderSize;
        var records = 0;
        var last = 0L;
        while (offset < header.RecordsEnd)
        {
            if (!RecordView.TryRead(block, header.Seq, offset, header.RecordsEnd, checkSum: false, out var record, out var length))
            {
                throw Corrupt(db, $"block {header.Seq} has a broken record at byte {offset}");
            }

            offset += length;
            records++;
            last = record.Position;
            if (record.Position > headsAfter)
            {
                Advance(record);
            }

            if (record.Position > keysAfter)
            {
                for (var i = 0; i < record.KeyCount; i++)
                {
                    keys.Put(record.RequestKeyAt(i).Key, record.Position, long.MaxValue);
                }
            }
        }

        keys.FreezeIfFull(last);
        if (last > headsAfter)
        {
            tail.Add(last, records, block.Length);
        }
    }

    private void Advance(in RecordView record)
    {
        var actor = record.Actor();
        var hash = actor.StableHash();
        var head = heads.Get(actor, hash);
        if (head is null)
        {
            // Whether it has a snapshot is looked up when it is loaded.
            head = new ActorHead(actor, hash) { SavedVersion = ActorHead.SavedUnknown };
            heads.Add(head);
        }

        if (record.Position > head.Latest.Position)
        {
            heads.Advance(head, new(record.LastVersion, record.Position, record.Hash, record.WakeAtMs), long.MaxValue);
        }
    }
}
