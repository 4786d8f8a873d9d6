using System.Diagnostics;
using System.Runtime.InteropServices;
using Loyalty.Runtime.Journal;
using SQLitePCL;

namespace Loyalty.Storage.Sqlite;

/// <summary>
/// The only thread that writes. It takes everything that waits (up to a limit), checks versions and keys, packs records into blocks, commits
/// them in one transaction, and tells the callers; while it waits for the disk the next batches gather. Between commits it does slices of other
/// writing and completes checkpoints of SQLite's log.
/// </summary>
internal sealed class JournalWriter
{
    private const int EntryOverhead = 192;
    private const int WarmedTogether = 16;
    private readonly SqliteJournalOptions options;
    private readonly JournalState state;
    private readonly Thread thread;
    private readonly object gate = new();
    private readonly Queue<(AppendBatch Batch, long Bytes)> appends = new();
    private readonly Queue<WriterJob> jobs = new();
    private readonly BlockBuilder block = new();
    private readonly List<AppendBatch> group = [];
    private readonly List<(ActorHead Head, bool WasClean)> touched = [];
    private readonly ActorHead?[] warmed = new ActorHead?[WarmedTogether];
    private readonly List<RequestKey> putKeys = [];
    private readonly List<(long Last, int Records, int Bytes)> written = [];
    private long queuedBytes;
    private bool waiting;
    private bool stopping;
    private bool began;
    private bool lazySync;
    private bool mustReconcile;
    private int indexInCommit;
    private long warmth;
    private WriterDb? db;

    public JournalWriter(SqliteJournalOptions options, JournalState state, WriterDb db)
    {
        (this.options, this.state, this.db) = (options, state, db);
        Log = new(options, this);
        thread = new(Loop) { IsBackground = true, Name = "journal writer" };
    }

    /// <summary>Moves SQLite's log to the file.</summary>
    public WalKeeper Log { get; }

    public KeyKeeper? Keys { get; set; }

    /// <summary>For tests: called before (false) and after (true) SQLite commits; what it throws looks like SQLite's own failure.</summary>
    internal Action<bool>? CommitFault { get; set; }

    public void Start()
    {
        thread.Start();
        Log.Start();
    }

    public void Append(AppendBatch batch)
    {
        var bytes = batch.Payload.WrittenCount + ((long)batch.Entries.Count * EntryOverhead) + ((long)batch.Keys.Count * BlockFormat.RequestKeySize);
        lock (gate)
        {
            if (!stopping && (queuedBytes == 0 || queuedBytes + bytes <= options.QueueBytesMax))
            {
                queuedBytes += bytes;
                appends.Enqueue((batch, bytes));
                if (waiting)
                {
                    Monitor.Pulse(gate);
                }

                return;
            }
        }

        // Not on this thread: the caller may hold what its callback wants.
        AppendChecks.SetAll(batch, AppendOutcome.Failed);
        ThreadPool.UnsafeQueueUserWorkItem(static b => b.Completed?.Invoke(b), batch, preferLocal: false);
    }

    public Task RunAsync(WriterJob job)
    {
        lock (gate)
        {
            if (stopping)
            {
                job.Done.SetException(Closing());
                return job.Done.Task;
            }

            jobs.Enqueue(job);
            if (waiting)
            {
                Monitor.Pulse(gate);
            }
        }

        return job.Done.Task;
    }

    public Task SaveAsync(IReadOnlyList<Snapshot> snapshots) => RunAsync(new SnapshotJob(snapshots, state));

    /// <summary>Commits what was appended, ends what waits, closes the file.</summary>
    public void Stop()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.Pulse(gate);
        }

        thread.Join();
        Log.Dispose();
        if (db is not null)
        {
            try
            {
                db.Db.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            }
            catch (DbException)
            {
                // The log stays and is read at the next opening.
            }

            db.Dispose();
            db = null;
        }
    }

    private JournalUnavailableException Closing() => new($"The journal {options.Path} is closing.");

    private void Loop()
    {
        while (true)
        {
            WriterJob? job = null;
            bool ending;
            group.Clear();
            long groupBytes = 0;
            lock (gate)
            {
                while (appends.Count == 0 && jobs.Count == 0 && !stopping && !Log.WantsFinish)
                {
                    waiting = true;
                    Monitor.Wait(gate);
                    waiting = false;
                }

                while (appends.TryPeek(out var next) && (groupBytes == 0 || groupBytes + next.Bytes <= options.CommitBytesMax))
                {
                    appends.Dequeue();
                    group.Add(next.Batch);
                    groupBytes += next.Bytes;
                }

                ending = stopping && group.Count == 0;
                if (!ending)
                {
                    jobs.TryPeek(out job);
                }
            }

            if (group.Count > 0)
            {
                CommitGroup();
                lock (gate)
                {
                    queuedBytes -= groupBytes;
                }
            }

            if (job is not null)
            {
                RunSlice(job);
            }

            if (Log.WantsFinish && db is not null)
            {
                Log.Finish(db.Db);
            }

            if (ending)
            {
                foreach (var left in jobs)
                {
                    left.Done.TrySetException(Closing());
                }

                return;
            }
        }
    }

    public void WakeUp()
    {
        lock (gate)
        {
            if (waiting)
            {
                Monitor.Pulse(gate);
            }
        }
    }

    private void CommitGroup()
    {
        touched.Clear();
        putKeys.Clear();
        written.Clear();
        began = false;
        indexInCommit = 0;
        var committing = false;
        try
        {
            EnsureOpen();
            block.Start(state.DurableSeq + 1, state.CommitNumber + 1, 0);
            foreach (var batch in group)
            {
                var entries = CollectionsMarshal.AsSpan(batch.Entries);
                for (var from = 0; from < entries.Length; from += WarmedTogether)
                {
                    AddTogether(batch, entries.Slice(from, Math.Min(WarmedTogether, entries.Length - from)));
                }
            }

            if (block.Records > 0)
            {
                WriteBlock(state.Totals);
                committing = true;
                CommitFault?.Invoke(false);
                db!.Commit();
                CommitFault?.Invoke(true);
                Publish();
            }
        }
        catch (Exception e) when (e is DbException or JournalUnavailableException or JournalCorruptException)
        {
            Fail(e, committing);
        }

        foreach (var batch in group)
        {
            batch.Completed?.Invoke(batch);
        }
    }

    /// <summary>
    /// Adds entries after reading what they will need. Of 100,000 actors most heads lie in memory that no cache holds, and a processor waits for many reads that do not depend on
    /// each other at once.
    /// </summary>
    private void AddTogether(AppendBatch batch, Span<AppendEntry> entries)
    {
        var keys = CollectionsMarshal.AsSpan(batch.Keys);
        long sum = 0;
        for (var i = 0; i < entries.Length; i++)
        {
            ref readonly var entry = ref entries[i];
            warmed[i] = entry.ActorHash != 0 ? state.Heads.GetUnsaved(entry.Actor, entry.ActorHash) : null;
            foreach (ref readonly var key in keys.Slice(entry.KeyStart, entry.KeyCount))
            {
                sum += state.Keys.Warm(key.Key);
            }
        }

        for (var i = 0; i < entries.Length; i++)
        {
            sum += warmed[i]?.Latest.Version ?? 0;
        }

        warmth = sum;
        for (var i = 0; i < entries.Length; i++)
        {
            ref var entry = ref entries[i];
            entry.Position = 0;
            entry.Outcome = Add(batch, ref entry, warmed[i]);
        }
    }

    private AppendOutcome Add(AppendBatch batch, ref AppendEntry entry, ActorHead? head)
    {
        if (head is null)
        {
            var hash = entry.ActorHash != 0 ? entry.ActorHash : entry.Actor.StableHash();
            head = state.Heads.Get(entry.Actor, hash) ?? ReadHead(entry, hash);
        }

        if (head.Latest.Version != entry.ExpectedVersion || head.Latest.Chain != entry.ExpectedHash)
        {
            return AppendOutcome.Stale;
        }

        var keys = CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount);
        foreach (ref readonly var key in keys)
        {
            if (key.Unique && state.Keys.Contains(key.Key, db!.Keys))
            {
                return AppendOutcome.Duplicate;
            }
        }

        var measures = CollectionsMarshal.AsSpan(batch.Measures).Slice(entry.MeasureStart, entry.MeasureCount);
        var size = BlockFormat.RecordSize(entry);
        if (size > options.RecordBytesMax || !state.Totals.HasRoomFor(measures))
        {
            options.OnTrouble?.Invoke(size > options.RecordBytesMax
                ? $"A record of {entry.Actor} has {size} bytes; the limit is {options.RecordBytesMax}. It was not written."
                : $"A record of {entry.Actor} brings a new measure, but there are {RunningTotals.MeasureNamesMax} already. It was not written.");
            return AppendOutcome.Failed;
        }

        if (block.Records > 0 && block.Length + size > options.BlockBytesMax)
        {
            WriteBlock(null);
            block.Start(block.Seq + 1, state.CommitNumber + 1, ++indexInCommit);
        }

        var position = block.Add(entry, batch, size, head.Latest.Position);
        var wasClean = state.Heads.Advance(
            head, new(entry.ExpectedVersion + entry.EventCount, position, entry.Hash, entry.WakeAtMs), state.DurablePosition);
        touched.Add((head, wasClean));
        foreach (ref readonly var key in keys)
        {
            state.Keys.Put(key.Key, position, state.DurablePosition);
            putKeys.Add(key.Key);
        }

        state.Totals.Add(position, entry.EventCount, measures);
        entry.Position = position;
        return AppendOutcome.Appended;
    }

    private ActorHead ReadHead(in AppendEntry entry, ulong hash)
    {
        HeadValue value = default;
        var known = state.Snapshots.MightContain(hash) && db!.TryReadHead(entry.Actor, hash, out value);
        var head = new ActorHead(entry.Actor, hash) { Latest = value, Durable = value, SavedVersion = known ? value.Version : 0 };
        state.Heads.Add(head);
        return head;
    }

    private void WriteBlock(RunningTotals? totals)
    {
        if (!began)
        {
            if (lazySync)
            {
                db!.Db.Execute("PRAGMA synchronous = FULL");
                lazySync = false;
            }

            db!.Begin();
            began = true;
        }

        var records = block.Records;
        var data = block.Finish(totals);
        db!.InsertBlock(block.Seq, data);
        written.Add((block.LastPosition, records, data.Length));
    }

    private void Publish()
    {
        state.Totals.Commit();
        state.DurableSeq = block.Seq;
        state.CommitNumber++;
        state.DurablePosition = state.Totals.Position;
        long bytes = 0;
        foreach (var (last, records, length) in written)
        {
            state.Tail.Add(last, records, length);
            bytes += length;
        }

        if (state.Keys.FreezeIfFull(state.DurablePosition))
        {
            Keys?.Wake();
        }

        Log.Wrote(bytes);
    }

    private void Fail(Exception failure, bool committing)
    {
        // Newest first: a head touched twice goes back to the same durable value, and its first touch knows whether it was clean.
        for (var i = touched.Count - 1; i >= 0; i--)
        {
            state.Heads.Rollback(touched[i].Head, touched[i].WasClean);
        }

        state.Keys.Rollback(putKeys, state.DurablePosition);
        state.Totals.Rollback();
        db?.Db.RollbackQuietly();
        var full = failure is DbException { IsFull: true };
        // A full disk refuses before the commit mark is written. After any other error at the commit the log may or may not hold it.
        var unknown = committing && !full;
        if (failure is DbException && !full)
        {
            CloseBroken();
        }

        mustReconcile |= committing;
        foreach (var batch in group)
        {
            foreach (ref var entry in CollectionsMarshal.AsSpan(batch.Entries))
            {
                entry.Outcome = unknown && entry.Outcome == AppendOutcome.Appended ? AppendOutcome.Unknown : AppendOutcome.Failed;
                entry.Position = 0;
            }
        }

        options.OnTrouble?.Invoke($"A group commit failed: {(failure is DbException known ? JournalFile.Explain(options.Path, known).Message : failure.Message)}");
        try
        {
            // Now rather than at the next append: who was told "unknown" loads the actor to see.
            EnsureOpen();
        }
        catch (Exception e) when (e is DbException or JournalUnavailableException or JournalCorruptException)
        {
            // The next append tries again.
        }
    }

    private void EnsureOpen()
    {
        db ??= new(JournalFile.OpenWriter(options.Path, options.WalBytes));
        if (mustReconcile)
        {
            state.Replay(db.Db, state.DurableSeq + 1, state.DurablePosition, state.DurablePosition);
            mustReconcile = false;
        }
    }

    private void CloseBroken()
    {
        db?.Dispose();
        db = null;
        mustReconcile = true;
    }

    private void RunSlice(WriterJob job)
    {
        try
        {
            EnsureOpen();
            var deadline = Stopwatch.GetTimestamp() + (long)(options.SliceMax.TotalSeconds * Stopwatch.Frequency);
            if (!lazySync)
            {
                // What a slice writes is needed only once a later, synced commit says so: it lies before that in the log.
                db!.Db.Execute("PRAGMA synchronous = NORMAL");
                lazySync = true;
            }

            db!.Begin();
            var done = job.Slice(db, deadline);
            if (done && job.Durable)
            {
                db.Commit();
                Sync();
            }
            else
            {
                db.Commit();
            }

            job.Committed();
            Log.Wrote(1 << 16);
            if (done)
            {
                EndJob();
                job.Done.SetResult();
            }
        }
        catch (Exception e) when (e is DbException or JournalUnavailableException or JournalCorruptException)
        {
            db?.Db.RollbackQuietly();
            job.RolledBack();
            EndJob();
            if (e is DbException { IsFull: false })
            {
                CloseBroken();
            }

            job.Done.SetException(e is DbException known ? JournalFile.Explain(options.Path, known) : e);
        }
    }

    private void EndJob()
    {
        lock (gate)
        {
            jobs.Dequeue();
        }
    }

    /// <summary>An empty synced transaction: everything before it in the log is on disk after it.</summary>
    private void Sync()
    {
        db!.Db.Execute("PRAGMA synchronous = FULL");
        lazySync = false;
        db.Begin();
        db.SetMeta("holder", Environment.ProcessId);
        db.Commit();
    }
}
