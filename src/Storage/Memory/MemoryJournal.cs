using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage;

/// <summary>
/// A journal that forgets everything with the process: for tests and the simulator. It is the plain model of what a store does; nothing
/// in it is bounded but by memory, and nothing is fast. Faults are injected through <see cref="MemoryJournalOptions.Fault"/>.
/// </summary>
public sealed class MemoryJournal : IJournal
{
    private readonly MemoryJournalOptions options;
    private readonly Books books;
    private readonly Queue<AppendBatch> queue = new();
    private bool pumping;
    private bool closed;
    private bool crashed;

    /// <summary>Empty books.</summary>
    public MemoryJournal(MemoryJournalOptions? options = null)
        : this(options ?? new(), new Books())
    {
    }

    private MemoryJournal(MemoryJournalOptions options, Books books)
    {
        this.options = options;
        this.books = books;
    }

    /// <inheritdoc />
    public string Description => "memory journal (nothing survives the process)";

    /// <inheritdoc />
    public long KeySeed => options.KeySeed;

    /// <inheritdoc />
    public bool IsExclusive => true;

    /// <inheritdoc />
    public CheckpointState Checkpoint
    {
        get
        {
            lock (books)
            {
                var tail = books.Records.Skip((int)books.TailStart);
                return new(books.Records.Count, books.Records.Count - books.TailStart, tail.Sum(r => (long)r.Events.Length), books.Unsaved(books.Records.Count).Count());
            }
        }
    }

    /// <summary>
    /// What a new process finds after this one was killed: everything durable, nothing else. This journal completes no batch any more and
    /// refuses further calls.
    /// </summary>
    public MemoryJournal Crash(MemoryJournalOptions? newOptions = null)
    {
        lock (books)
        {
            (closed, crashed) = (true, true);
            queue.Clear();
            return new(newOptions ?? options, books);
        }
    }

    /// <inheritdoc />
    public void Append(AppendBatch batch)
    {
        AppendChecks.Check(batch);
        lock (books)
        {
            if (crashed)
            {
                return;
            }

            if (!closed)
            {
                queue.Enqueue(batch);
                if (pumping)
                {
                    return;
                }

                pumping = true;
            }
        }

        if (closed)
        {
            AppendChecks.SetAll(batch, AppendOutcome.Failed);
            batch.Completed?.Invoke(batch);
            return;
        }

        if (options.CompleteInline)
        {
            _ = Pump();
        }
        else
        {
            _ = Task.Run(Pump);
        }
    }

    /// <inheritdoc />
    public bool MightContain(RequestKey key)
    {
        lock (books)
        {
            return books.Keys.ContainsKey(key);
        }
    }

    /// <inheritdoc />
    public ValueTask<JournalRecord?> FindAsync(RequestKey key) =>
        Read(() => books.Keys.TryGetValue(key, out var position) ? books.Records[(int)position - 1] : null);

    /// <inheritdoc />
    public ValueTask<LoadedActor> LoadAsync(ActorId actor)
    {
        AppendChecks.CheckActor(actor);
        return Read(() =>
        {
            var row = books.Actors.GetValueOrDefault(actor);
            return row is null
                ? new LoadedActor(null, [])
                : new LoadedActor(row.Snapshot, [.. row.Records.Where(r => r.FirstVersion > (row.Snapshot?.Version ?? 0))]);
        });
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count)
    {
        AppendChecks.CheckActor(actor);
        AppendChecks.CheckCount(count);
        return Read<IReadOnlyList<JournalRecord>>(() =>
        {
            var all = books.Actors.GetValueOrDefault(actor)?.Records ?? [];
            if (before != 0 && !all.Exists(r => r.Position == before))
            {
                throw new ArgumentException($"Position {before} is not a record of {actor}.", nameof(before));
            }

            return [.. all.Where(r => before == 0 || r.Position < before).Reverse().Take(count)];
        });
    }

    /// <inheritdoc />
    public IEnumerable<JournalRecord> ReadAll(long after)
    {
        lock (books)
        {
            return books.Records.Skip((int)Math.Min(after, int.MaxValue)).ToList();
        }
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range) =>
        Read<IReadOnlyList<ActorId>>(() =>
            [.. books.Actors.Where(a => a.Value.WakeAtMs != 0 && a.Value.WakeAtMs <= nowMs && range.Contains(a.Key.StableHash())).OrderBy(a => a.Value.WakeAtMs).Take(count).Select(a => a.Key)]);

    /// <inheritdoc />
    public JournalTotals Totals()
    {
        lock (books)
        {
            return new(books.Records.Count, books.Records.Count, books.Events, new Dictionary<string, long>(books.Sums));
        }
    }

    /// <inheritdoc />
    public IReadOnlyList<ActorId> UnsavedActors(long position, int count, HashRange range)
    {
        lock (books)
        {
            return [.. books.Unsaved(position).Where(a => range.Contains(a.StableHash())).OrderBy(a => a.StableHash()).Take(count)];
        }
    }

    /// <inheritdoc />
    public ValueTask SaveSnapshotsAsync(IReadOnlyList<Snapshot> snapshots)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        lock (books)
        {
            ThrowIfClosed();
            foreach (var snapshot in snapshots)
            {
                var row = books.Actors.GetValueOrDefault(snapshot.Actor);
                if (row is null || snapshot.Version > row.Version || snapshot.Version < (row.Snapshot?.Version ?? 0))
                {
                    continue;
                }

                row.Snapshot = snapshot with { State = snapshot.State.ToArray() };
                if (snapshot.Version == row.Version)
                {
                    row.WakeAtMs = snapshot.WakeAtMs;
                }
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask<bool> CompleteCheckpointAsync(long position)
    {
        lock (books)
        {
            ThrowIfClosed();
            if (position > books.Records.Count || books.Unsaved(position).Any())
            {
                return new(false);
            }

            books.TailStart = Math.Max(books.TailStart, position);
            return new(true);
        }
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        lock (books)
        {
            closed = true;
        }

        return ValueTask.CompletedTask;
    }

    private async Task Pump()
    {
        while (true)
        {
            AppendBatch? batch;
            lock (books)
            {
                if (!queue.TryPeek(out batch))
                {
                    pumping = false;
                    return;
                }
            }

            var fault = options.Fault?.Invoke(batch) ?? MemoryFault.None;
            if (fault.Until is { IsCompleted: false })
            {
                await fault.Until.ConfigureAwait(false);
            }

            lock (books)
            {
                // A crash while this batch waited took it along.
                if (!queue.TryPeek(out var still) || still != batch)
                {
                    continue;
                }

                queue.Dequeue();
                Apply(batch, fault.Kind);
            }

            batch.Completed?.Invoke(batch);
        }
    }

    private void Apply(AppendBatch batch, MemoryFaultKind fault)
    {
        foreach (ref var entry in CollectionsMarshal.AsSpan(batch.Entries))
        {
            entry.Position = 0;
            entry.Outcome = fault switch
            {
                MemoryFaultKind.Fail => AppendOutcome.Failed,
                MemoryFaultKind.UnknownNotWritten => AppendOutcome.Unknown,
                _ => books.Append(batch, ref entry),
            };
            if (fault == MemoryFaultKind.UnknownButWritten)
            {
                entry.Outcome = AppendOutcome.Unknown;
                entry.Position = 0;
            }
        }
    }

    private ValueTask<T> Read<T>(Func<T> read)
    {
        lock (books)
        {
            ThrowIfClosed();
            return new(read());
        }
    }

    private void ThrowIfClosed()
    {
        if (closed)
        {
            throw new JournalUnavailableException("The memory journal is closed.");
        }
    }

    /// <summary>What is durable; outlives a simulated crash.</summary>
    private sealed class Books
    {
        public readonly List<JournalRecord> Records = [];
        public readonly Dictionary<ActorId, ActorRow> Actors = [];
        public readonly Dictionary<RequestKey, long> Keys = [];
        public readonly Dictionary<string, long> Sums = [];
        public long Events;
        public long TailStart;

        public AppendOutcome Append(AppendBatch batch, ref AppendEntry entry)
        {
            var row = Actors.GetValueOrDefault(entry.Actor);
            if (entry.ExpectedVersion != (row?.Version ?? 0) || entry.ExpectedHash != (row?.Records[^1].Hash ?? default))
            {
                return AppendOutcome.Stale;
            }

            var keys = CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount);
            foreach (var key in keys)
            {
                if (key.Unique && Keys.ContainsKey(key.Key))
                {
                    return AppendOutcome.Duplicate;
                }
            }

            var position = Records.Count + 1;
            foreach (var key in keys)
            {
                Keys[key.Key] = position;
            }

            foreach (var measure in CollectionsMarshal.AsSpan(batch.Measures).Slice(entry.MeasureStart, entry.MeasureCount))
            {
                CollectionsMarshal.GetValueRefOrAddDefault(Sums, measure.Name, out _) += measure.Delta;
            }

            var record = new JournalRecord(
                entry.Actor, entry.ExpectedVersion + 1, entry.EventCount, position, entry.RecordedAtMs, entry.WakeAtMs, entry.Hash,
                batch.Payload.WrittenSpan.Slice(entry.PayloadStart, entry.PayloadLength).ToArray());
            if (row is null)
            {
                Actors.Add(entry.Actor, row = new());
            }

            Records.Add(record);
            Events += entry.EventCount;
            row.Records.Add(record);
            row.WakeAtMs = entry.WakeAtMs;
            entry.Position = position;
            return AppendOutcome.Appended;
        }

        public IEnumerable<ActorId> Unsaved(long position) =>
            Actors.Where(a => a.Value.Records.Exists(r => r.Position <= position && r.LastVersion > (a.Value.Snapshot?.Version ?? 0))).Select(a => a.Key);
    }

    private sealed class ActorRow
    {
        public readonly List<JournalRecord> Records = [];
        public Snapshot? Snapshot;
        public long WakeAtMs;

        public long Version => Records.Count == 0 ? 0 : Records[^1].LastVersion;
    }
}
