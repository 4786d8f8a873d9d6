using System.Buffers.Binary;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>
/// Writes full tails of request keys as sorted runs and merges runs, on its own thread; what it has made goes to disk through the writer, a few
/// rows at a time. Each key is written once for each level: about log8 of (all keys / keys of a tail) times.
/// </summary>
internal sealed class KeyKeeper : IDisposable
{
    private const int RowsPerJob = 24;
    private readonly KeyIndex keys;
    private readonly JournalWriter writer;
    private readonly SqliteJournalOptions options;
    private readonly Thread thread;
    private readonly SemaphoreSlim wake = new(0);
    private readonly CancellationTokenSource stopping = new();
    private readonly Queue<long> garbage;
    private long nextRun;

    public KeyKeeper(KeyIndex keys, JournalWriter writer, SqliteJournalOptions options, long nextRun, IEnumerable<long> garbage)
    {
        (this.keys, this.writer, this.options, this.nextRun) = (keys, writer, options, nextRun);
        this.garbage = new(garbage);
        thread = new(Loop) { IsBackground = true, Name = "journal keys" };
    }

    public void Start() => thread.Start();

    public void Wake() => wake.Release();

    /// <summary>Ends the work at its next step; the writer must still run.</summary>
    public void Stop()
    {
        stopping.Cancel();
        thread.Join();
    }

    public void Dispose()
    {
        wake.Dispose();
        stopping.Dispose();
    }

    private void Loop()
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                keys.PrepareSpare();
                while (FlushOldest() || Merge() || DropGarbage())
                {
                    keys.PrepareSpare();
                }

                wake.Wait(stopping.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is JournalUnavailableException or JournalCorruptException or DbException)
            {
                if (stopping.IsCancellationRequested)
                {
                    return;
                }

                // The keys stay in memory and in the blocks; nothing is lost by waiting.
                options.OnTrouble?.Invoke($"Writing the request key index failed and will be tried again: {e.Message}");
                stopping.Token.WaitHandle.WaitOne(500);
            }
        }
    }

    private bool FlushOldest()
    {
        if (keys.State.Frozen is not [.., var oldest])
        {
            return false;
        }

        // Its keys are in the filter of the tail already: the run goes on with a filter of its own exact size.
        var sorted = oldest.Tail.Sorted();
        var build = new RunBuilder(this, nextRun++, 0, sorted.Length);
        foreach (ref readonly var entry in sorted.AsSpan())
        {
            build.Add(entry);
        }

        build.Finish(
            db => db.SetMeta("key_tail_start", oldest.UpTo),
            run => keys.Publish(oldest, run));
        return true;
    }

    private bool Merge()
    {
        var level = keys.State.Runs.GroupBy(r => r.Level).FirstOrDefault(g => g.Count() >= options.KeyRunsPerLevelMax);
        if (level is null)
        {
            return false;
        }

        var inputs = level.OrderBy(r => r.Id).Take(options.KeyRunsPerLevelMax).ToArray();
        using var db = JournalFile.OpenReader(options.Path);
        var build = new RunBuilder(this, nextRun++, level.Key + 1, inputs.Sum(r => r.Keys));
        var queue = new PriorityQueue<RunCursor, KeyPosition>();
        var reader = new KeyRunReader(db);
        foreach (var input in inputs)
        {
            var cursor = new RunCursor(input, reader);
            if (cursor.Next())
            {
                queue.Enqueue(cursor, cursor.Current);
            }
        }

        KeyPosition? last = null;
        while (queue.TryDequeue(out var cursor, out var entry))
        {
            // Positions grow with time: of equal keys the one with the larger position is the newest.
            if (last is { } held)
            {
                if (held.Key == entry.Key)
                {
                    entry = entry.Position > held.Position ? entry : held;
                }
                else
                {
                    build.Add(held);
                }
            }

            last = entry;
            if (cursor.Next())
            {
                queue.Enqueue(cursor, cursor.Current);
            }
        }

        if (last is { } rest)
        {
            build.Add(rest);
        }

        build.Finish(
            writerDb =>
            {
                foreach (var input in inputs)
                {
                    writerDb.DeleteRun(input.Id);
                }
            },
            run => keys.Publish(inputs, run));
        foreach (var input in inputs)
        {
            garbage.Enqueue(input.Id);
        }

        return true;
    }

    /// <summary>Removes rows of runs that nothing names any more, some at a time.</summary>
    private bool DropGarbage()
    {
        if (!garbage.TryPeek(out var run))
        {
            return false;
        }

        stopping.Token.ThrowIfCancellationRequested();
        var more = false;
        writer.RunAsync(new DelegateJob((db, _) =>
        {
            more = db.DeleteParts(run, RowsPerJob * 4);
            return true;
        })).GetAwaiter().GetResult();
        if (!more)
        {
            garbage.Dequeue();
        }

        return true;
    }

    private sealed class RunCursor(KeyRun run, KeyRunReader reader)
    {
        private byte[] chunk = [];
        private int number = -1;
        private int at;

        public KeyPosition Current { get; private set; }

        public bool Next()
        {
            if (at >= chunk.Length)
            {
                if (++number == run.Chunks)
                {
                    return false;
                }

                chunk = reader.ReadPart(run.Id, KeyParts.Chunk, number);
                at = 0;
            }

            Current = KeyParts.ReadEntry(chunk.AsSpan(at));
            at += KeyRun.EntrySize;
            return true;
        }
    }

    /// <summary>Takes sorted entries, gives rows to the writer.</summary>
    private sealed class RunBuilder(KeyKeeper keeper, long id, int level, long capacity)
    {
        private readonly BloomFilter filter = new(capacity);
        private readonly List<RequestKey> firstKeys = [];
        private readonly byte[] chunk = new byte[KeyRun.PartBytesMax];
        private List<(long Id, byte[] Data)> rows = [];
        private int filled;

        public void Add(in KeyPosition entry)
        {
            if (filled == 0)
            {
                firstKeys.Add(entry.Key);
            }

            filter.Add(entry.Key.High, entry.Key.Low);
            KeyParts.WriteEntry(chunk.AsSpan(filled), entry);
            filled += KeyRun.EntrySize;
            if (filled == chunk.Length)
            {
                EndChunk();
            }
        }

        public void Finish(Action<WriterDb> alongside, Action<KeyRun> publish)
        {
            if (filled > 0)
            {
                EndChunk();
            }

            WriteAll(KeyParts.Index, KeyParts.EncodeIndex(firstKeys.ToArray()));
            WriteAll(KeyParts.Filter, filter.Bytes.ToArray());
            Flush();
            var run = new KeyRun(id, level, capacity, [.. firstKeys], filter);
            keeper.writer.RunAsync(new DelegateJob(
                (db, _) =>
                {
                    db.InsertRun(run);
                    alongside(db);
                    return true;
                },
                committed: () => publish(run),
                durable: true)).GetAwaiter().GetResult();
        }

        private void EndChunk()
        {
            Write(KeyParts.RowId(id, KeyParts.Chunk, firstKeys.Count - 1), chunk.AsSpan(0, filled));
            filled = 0;
            // A long merge must not hold up full tails: they cost memory and lengthen a restart.
            if (level > 0 && rows.Count == 0)
            {
                while (keeper.FlushOldest())
                {
                }
            }
        }

        private void WriteAll(int kind, ReadOnlySpan<byte> bytes)
        {
            // Index parts hold whole keys: the size is a multiple of 16 below the maximum.
            var size = KeyRun.PartBytesMax / 16 * 16;
            for (var number = 0; !bytes.IsEmpty; number++)
            {
                var length = Math.Min(size, bytes.Length);
                Write(KeyParts.RowId(id, kind, number), bytes[..length]);
                bytes = bytes[length..];
            }
        }

        private void Write(long row, ReadOnlySpan<byte> content)
        {
            rows.Add((row, KeyParts.Seal(content)));
            if (rows.Count == RowsPerJob)
            {
                Flush();
            }
        }

        private void Flush()
        {
            keeper.stopping.Token.ThrowIfCancellationRequested();
            var batch = rows;
            rows = [];
            keeper.writer.RunAsync(new DelegateJob((db, _) =>
            {
                foreach (var (row, data) in batch)
                {
                    db.InsertPart(row, data);
                }

                return true;
            })).GetAwaiter().GetResult();
        }
    }
}
