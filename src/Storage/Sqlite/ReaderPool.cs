using System.Collections.Concurrent;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>
/// Threads that read, each with a connection. A thread takes many reads at a time and does them in one read transaction: SQLite's
/// bookkeeping for a transaction costs as much as a lookup.
/// </summary>
internal sealed class ReaderPool : IDisposable
{
    private const int ReadsPerTransaction = 64;
    private readonly SqliteJournalOptions options;
    private readonly JournalState state;
    private readonly BlockingCollection<IRead> queue;
    private readonly Thread[] threads;

    public ReaderPool(SqliteJournalOptions options, JournalState state)
    {
        (this.options, this.state) = (options, state);
        queue = new(new ConcurrentQueue<IRead>(), options.ReadQueueMax);
        threads = [.. Enumerable.Range(1, options.ReaderThreads).Select(i => new Thread(Loop) { IsBackground = true, Name = $"journal reader {i}" })];
    }

    private interface IRead
    {
        void Run(Reader reader);

        void Fail(Exception failure);
    }

    public void Start() => Array.ForEach(threads, t => t.Start());

    /// <exception cref="JournalUnavailableException">Too many reads wait, or the journal is closed.</exception>
    public Task<T> ReadAsync<T>(Func<Reader, T> read)
    {
        var item = new Read<T>(read);
        try
        {
            if (queue.TryAdd(item))
            {
                return item.Task;
            }
        }
        catch (InvalidOperationException)
        {
            return Task.FromException<T>(new JournalUnavailableException($"The journal {options.Path} is closed."));
        }

        return Task.FromException<T>(new JournalUnavailableException($"{options.ReadQueueMax} reads of the journal wait already; try again later."));
    }

    public void Dispose()
    {
        queue.CompleteAdding();
        Array.ForEach(threads, t => t.Join());
        queue.Dispose();
    }

    private void Loop()
    {
        Reader? reader = null;
        var batch = new List<IRead>(ReadsPerTransaction);
        while (queue.TryTake(out var first, Timeout.Infinite))
        {
            batch.Clear();
            batch.Add(first);
            while (batch.Count < ReadsPerTransaction && queue.TryTake(out var next))
            {
                batch.Add(next);
            }

            try
            {
                reader ??= new(JournalFile.OpenReader(options.Path), state, new(options.BlockCacheBytes, options.BlockBytesMax + BlockFormat.TrailerSize));
                // Heads are looked at before the transaction starts: what a head says is then never newer than what the transaction sees.
                reader.Begin();
            }
            catch (Exception e) when (e is DbException or JournalUnavailableException or JournalCorruptException)
            {
                batch.ForEach(r => r.Fail(e is DbException d ? JournalFile.Explain(options.Path, d) : e));
                reader?.Dispose();
                reader = null;
                continue;
            }

            foreach (var read in batch)
            {
                try
                {
                    read.Run(reader);
                }
                catch (DbException e)
                {
                    read.Fail(JournalFile.Explain(options.Path, e));
                }
                catch (Exception e) when (e is JournalUnavailableException or JournalCorruptException or ArgumentException)
                {
                    read.Fail(e);
                }
            }

            reader.End();
        }

        reader?.Dispose();
    }

    private sealed class Read<T>(Func<Reader, T> read) : TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously), IRead
    {
        public void Run(Reader reader) => SetResult(read(reader));

        public void Fail(Exception failure) => TrySetException(failure);
    }
}

/// <summary>One reading connection and what it does; for one thread.</summary>
internal sealed class Reader : IDisposable
{
    public static readonly LoadedActor Nothing = new(null, []);
    private readonly Db db;
    private readonly JournalState state;
    private readonly Statement begin;
    private readonly Statement end;
    private readonly Statement block;
    private readonly Statement due;
    private readonly SnapshotRows snapshots;
    private readonly KeyRunReader keys;
    private readonly BlockCache cache;
    private long seenPosition;
    private long seenSaves;
    private bool open;

    public Reader(Db db, JournalState state, BlockCache cache)
    {
        (this.db, this.state, this.cache) = (db, state, cache);
        begin = db.Prepare("BEGIN");
        end = db.Prepare("COMMIT");
        block = db.Prepare("SELECT data FROM block WHERE seq = ?1");
        due = db.Prepare("SELECT due, hash, kind, key FROM snapshot WHERE hash >> 52 = ?1 AND due IS NOT NULL ORDER BY due");
        snapshots = new(db);
        keys = new(db);
    }

    public void Begin()
    {
        // Everything durable at this moment is seen by the transaction, because its first read comes later.
        seenPosition = state.DurablePosition;
        seenSaves = state.Heads.Saves;
        begin.Run();
        open = true;
    }

    public void End()
    {
        open = false;
        try
        {
            end.Run();
        }
        catch (DbException)
        {
            db.RollbackQuietly();
        }
    }

    public void Dispose() => db.Dispose();

    public LoadedActor Load(ActorId actor, ulong hash)
    {
        // The head first; the row may then be newer, never older.
        var known = state.Heads.TryRead(actor, hash, state.DurablePosition, out var head, out var saved, out _, out var generation);
        if (known && head.Version == 0)
        {
            return Nothing;
        }

        if (known)
        {
            See(head.Position);
        }
        else
        {
            SeeSnapshots();
        }

        Snapshot? snapshot = null;
        if (saved != 0 && state.Snapshots.MightContain(hash))
        {
            snapshot = snapshots.Read(actor, hash, out var position);
            if (!known)
            {
                head = snapshot is null ? default : new(snapshot.Version, position, snapshot.Hash, snapshot.WakeAtMs);
            }
        }

        if (!known)
        {
            state.Heads.AddClean(actor, hash, head, snapshot?.Version ?? 0, generation);
        }

        if (head.Version <= (snapshot?.Version ?? 0))
        {
            return snapshot is null ? Nothing : new(snapshot, []);
        }

        var later = new List<JournalRecord>();
        var at = head.Position;
        var expected = head.Version;
        while (at != 0 && expected > (snapshot?.Version ?? 0))
        {
            at = Walk(actor, at, ref expected, later);
        }

        later.Reverse();
        return new(snapshot, later);
    }

    public IReadOnlyList<JournalRecord> History(ActorId actor, ulong hash, long before, int count)
    {
        var durable = state.DurablePosition;
        long at, version;
        if (before == 0)
        {
            if (!state.Heads.TryRead(actor, hash, durable, out var head, out _, out _, out _))
            {
                SeeSnapshots();
                _ = snapshots.TryReadHead(actor, hash, out head);
            }

            (at, version) = (head.Position, head.Version);
        }
        else
        {
            See(Math.Min(before, durable));
            var start = before > durable ? null : TryRecordAt(actor, before);
            (at, version) = start ?? throw new ArgumentException($"Position {before} is not a record of {actor}.", nameof(before));
        }

        See(at);
        var found = new List<JournalRecord>(Math.Min(count, 64));
        while (at != 0 && found.Count < count)
        {
            at = Walk(actor, at, ref version, found);
        }

        return found;
    }

    public JournalRecord? Find(RequestKey key)
    {
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var position = state.Keys.Find(key, state.DurablePosition, keys);
            if (position == 0)
            {
                return null;
            }

            if (position > 0)
            {
                See(position);
                var bytes = Block(BlockFormat.Seq(position), out var recordsEnd);
                return RecordView.TryRead(bytes, BlockFormat.Seq(position), BlockFormat.Offset(position), recordsEnd, checkSum: true, out var record, out _)
                    ? record.ToRecord(record.Actor())
                    : throw new JournalCorruptException($"The record at position {position} fails its checksum.");
            }

            // The run was merged away while we looked: a newer view has the merged one.
            Renew();
        }

        throw new JournalUnavailableException("The request key index changes too fast to be read; try again.");
    }

    public IReadOnlyList<ActorId> Due(long nowMs, int count)
    {
        // Unsaved actors first: one whose snapshot is stored meanwhile is then found twice, not missed.
        var found = new List<(long At, ActorId Actor)>();
        var durable = state.DurablePosition;
        state.Heads.Due(nowMs, durable, count, found);
        found.Sort(static (a, b) => a.At.CompareTo(b.At));
        var seen = found.Select(f => f.Actor).ToHashSet();
        // Marks before the view: what is saved after it keeps its bucket a candidate.
        var buckets = state.DueBuckets.Candidates(nowMs);
        Renew();
        foreach (var (bucket, mark) in buckets)
        {
            if (found.Count >= count)
            {
                // The rest stay candidates.
                break;
            }

            var earliest = DueIn(bucket, nowMs, count, durable, seen, found);
            state.DueBuckets.Looked(bucket, mark, earliest);
        }

        return [.. found.OrderBy(f => f.At).Take(count).Select(f => f.Actor)];
    }

    /// <summary>Adds what is due in a bucket, at most so many, and returns the earliest time that is left in it.</summary>
    private long DueIn(int bucket, long nowMs, int count, long durable, HashSet<ActorId> seen, List<(long At, ActorId Actor)> found)
    {
        var taken = 0;
        var earliest = long.MaxValue;
        due.Bind(1, DueBuckets.Number(bucket));
        while (due.Step())
        {
            var at = due.Long(0);
            if (at > nowMs || taken == count)
            {
                earliest = Math.Min(earliest, at);
                break;
            }

            var actor = new ActorId(due.Text(2), due.Text(3));
            // An unsaved actor's own word counts, not its old snapshot's; and the bucket is looked through again when its next snapshot is stored, not before.
            if (state.Heads.TryRead(actor, SnapshotRows.HashOfRow(due.Long(1)), durable, out var head, out _, out var unsaved, out _)
                && unsaved && (head.WakeAtMs == 0 || head.WakeAtMs > nowMs))
            {
                continue;
            }

            earliest = Math.Min(earliest, at);
            if (seen.Add(actor))
            {
                found.Add((at, actor));
                taken++;
            }
        }

        due.Reset();
        return earliest;
    }

    /// <summary>Makes sure that the transaction sees everything up to the position.</summary>
    private void See(long position)
    {
        if (seenPosition < position)
        {
            Renew();
        }
    }

    /// <summary>Makes sure that the transaction sees every snapshot whose actor may have left memory.</summary>
    private void SeeSnapshots()
    {
        if (seenSaves != state.Heads.Saves)
        {
            Renew();
        }
    }

    private void Renew()
    {
        if (open)
        {
            End();
        }

        Begin();
    }

    /// <summary>Adds the record and returns the position of the one before it.</summary>
    private long Walk(ActorId actor, long position, ref long version, List<JournalRecord> into)
    {
        var bytes = Block(BlockFormat.Seq(position), out var recordsEnd);
        if (!RecordView.TryRead(bytes, BlockFormat.Seq(position), BlockFormat.Offset(position), recordsEnd, checkSum: true, out var record, out _))
        {
            throw new JournalCorruptException($"The record of {actor} at position {position} fails its checksum.");
        }

        if (record.LastVersion != version || record.Actor() != actor || record.Previous >= position || (record.Previous == 0) != (record.FirstVersion == 1))
        {
            throw new JournalCorruptException($"The record at position {position} is not the one that brought {actor} to version {version}.");
        }

        into.Add(record.ToRecord(actor));
        version = record.FirstVersion - 1;
        return record.Previous;
    }

    private (long At, long Version)? TryRecordAt(ActorId actor, long position)
    {
        var seq = BlockFormat.Seq(position);
        if (seq < 1 || !TryBlock(seq, out var recordsEnd, out var bytes))
        {
            return null;
        }

        // The position comes from outside: only where the framing from the block's start leads is a record.
        var offset = BlockFormat.HeaderSize;
        while (offset < BlockFormat.Offset(position) && RecordView.TryRead(bytes, seq, offset, recordsEnd, checkSum: false, out _, out var length))
        {
            offset += length;
        }

        return offset == BlockFormat.Offset(position)
            && RecordView.TryRead(bytes, seq, offset, recordsEnd, checkSum: true, out var record, out _)
            && record.Actor() == actor
            ? (record.Previous, record.FirstVersion - 1)
            : null;
    }

    private ReadOnlySpan<byte> Block(long seq, out int recordsEnd) =>
        TryBlock(seq, out recordsEnd, out var bytes) ? bytes : throw new JournalCorruptException($"Block {seq} of the journal {db.Path} is missing.");

    /// <summary>The bytes are valid until the next block is asked for.</summary>
    private bool TryBlock(long seq, out int recordsEnd, out ReadOnlySpan<byte> bytes)
    {
        if (!cache.TryGet(seq, out bytes))
        {
            try
            {
                if (!block.Bind(1, seq).Step())
                {
                    recordsEnd = 0;
                    return false;
                }

                bytes = cache.Add(seq, block.Blob(0));
            }
            finally
            {
                block.Reset();
            }
        }

        // Records prove themselves; only the frame is needed here.
        recordsEnd = BlockHeader.TryRead(bytes, seq, trustContent: true, out var header, out var problem)
            ? header.RecordsEnd
            : throw new JournalCorruptException($"In the journal {db.Path}, {problem}.");
        return true;
    }
}

/// <summary>
/// Recently read blocks, up to a number of bytes: in two generations, like the cache of heads. Blocks never change. The memory of those that are dropped is used again:
/// what lives as long as these is expensive for the garbage collector.
/// </summary>
internal sealed class BlockCache(int bytesMax, int usualSize)
{
    private readonly Stack<byte[]> free = new();
    private Dictionary<long, (byte[] Buffer, int Length)> young = [];
    private Dictionary<long, (byte[] Buffer, int Length)> old = [];
    private long youngBytes;

    /// <summary>The block is valid until the next call.</summary>
    public bool TryGet(long seq, out ReadOnlySpan<byte> block)
    {
        if (!young.TryGetValue(seq, out var known) && old.Remove(seq, out known))
        {
            Keep(seq, known);
        }

        block = known.Buffer.AsSpan(0, known.Length);
        return known.Buffer is not null;
    }

    /// <summary>Takes a copy, which is valid until the next call.</summary>
    public ReadOnlySpan<byte> Add(long seq, ReadOnlySpan<byte> block)
    {
        var isUsual = block.Length <= usualSize && block.Length > usualSize / 2;
        var buffer = !isUsual ? new byte[block.Length] : free.TryPop(out var used) ? used : new byte[usualSize];
        block.CopyTo(buffer);
        Keep(seq, (buffer, block.Length));
        return buffer.AsSpan(0, block.Length);
    }

    private void Keep(long seq, (byte[] Buffer, int Length) block)
    {
        if (youngBytes + block.Buffer.Length > bytesMax / 2)
        {
            foreach (var (buffer, _) in old.Values)
            {
                if (buffer.Length == usualSize)
                {
                    free.Push(buffer);
                }
            }

            old.Clear();
            (old, young) = (young, old);
            youngBytes = 0;
        }

        young[seq] = block;
        youngBytes += block.Buffer.Length;
    }
}
