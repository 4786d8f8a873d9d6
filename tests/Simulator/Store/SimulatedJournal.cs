using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Simulator.Engine;

namespace Loyalty.Simulator.Store;

/// <summary>One process's way to the store: group commits, latency and faults.</summary>
/// <param name="world">Decides.</param>
/// <param name="store">What is durable.</param>
/// <param name="faults">How often things go wrong; asked each time.</param>
/// <param name="isExclusive">Whether no other process writes.</param>
internal sealed class SimulatedJournal(World world, SimulatedStore store, Func<Faults> faults, bool isExclusive) : IJournal
{
    private readonly Queue<(AppendBatch Batch, int Programs)> _queue = new();
    private readonly Queue<List<AppendBatch>> _answers = new();
    private readonly HashSet<RequestKey> _seen = [];
    private bool _commits;

    private bool IsUnchecked => store.Defects.HasFlag(Defects.NoChecksum);

    /// <summary>Whose journal this is.</summary>
    public SimulatedProcess Process { get; set; } = null!;

    public string Description => "simulated journal";

    public long KeySeed => 0x10A17;

    public bool IsExclusive => isExclusive;

    public CheckpointState Checkpoint
    {
        get
        {
            long bytes = 0;
            for (var i = (int)store.TailStart; i < store.Records.Count; i++)
            {
                bytes += store.Records[i].Written.Events.Length;
            }

            return new(store.Records.Count, store.Records.Count - store.TailStart, bytes, store.Unsaved(store.Records.Count).Count());
        }
    }

    public void Append(AppendBatch batch)
    {
        if (world.Dice.Chance(faults().QueueFull))
        {
            // Refused at once, before others that wait.
            foreach (ref var entry in CollectionsMarshal.AsSpan(batch.Entries))
            {
                entry.Outcome = AppendOutcome.Failed;
            }

            world.Post(Process, () => batch.Completed!(batch));
            return;
        }

        if (store.Defects.HasFlag(Defects.ReplyBeforeDurable))
        {
            // Copied, since the kernel uses the batch again when it is told.
            var copy = Copy(batch);
            Later(() => Commit(copy, Process.KnownPrograms, tell: false));
            foreach (ref var entry in CollectionsMarshal.AsSpan(batch.Entries))
            {
                entry.Outcome = AppendOutcome.Appended;
            }

            world.Post(Process, () => batch.Completed!(batch));
            return;
        }

        _queue.Enqueue((batch, Process.KnownPrograms));
        if (!_commits)
        {
            _commits = true;
            Later(CommitGroup);
        }
    }

    public bool MightContain(RequestKey key) =>
        (isExclusive ? store.Keys.ContainsKey(key) : _seen.Contains(key)) || world.Dice.Chance(faults().FilterErrs);

    public ValueTask<JournalRecord?> FindAsync(RequestKey key) => Read(() =>
    {
        _seen.Add(key);
        return store.Keys.TryGetValue(key, out var record) ? record.Read(IsUnchecked) : null;
    });

    public ValueTask<LoadedActor> LoadAsync(ActorId actor) => Read(() =>
    {
        var row = store.Find(actor);
        var snapshot = row?.Snapshot?.Read(IsUnchecked);
        return new LoadedActor(snapshot, row is null ? [] : [.. row.Records.Where(r => r.Written.FirstVersion > (snapshot?.Version ?? 0)).Select(r => r.Read(IsUnchecked))]);
    });

    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count) => Read<IReadOnlyList<JournalRecord>>(() =>
        [.. (store.Find(actor)?.Records ?? []).Where(r => before == 0 || r.Written.Position < before).Reverse().Take(count).Select(r => r.Read(IsUnchecked))]);

    public IEnumerable<JournalRecord> ReadAll(long after) => store.Records.Skip((int)after).Select(record => record.Read(IsUnchecked)).ToList();

    public ValueTask<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range) => Read<IReadOnlyList<ActorId>>(() =>
        [.. store.Actors.Values.Where(a => a.WakeAtMs != 0 && a.WakeAtMs <= nowMs && range.Contains(a.Id.StableHash())).OrderBy(a => a.WakeAtMs).Take(count).Select(a => a.Id)]);

    public JournalTotals Totals() => new(store.Records.Count, store.Records.Count, store.Events, new Dictionary<string, long>(store.Sums));

    public IReadOnlyList<ActorId> UnsavedActors(long position, int count, HashRange range) =>
        [.. store.Unsaved(position).Where(a => range.Contains(a.StableHash())).OrderBy(a => a.StableHash()).Take(count)];

    public ValueTask SaveSnapshotsAsync(IReadOnlyList<Snapshot> snapshots)
    {
        if (world.Dice.Chance(faults().ReadFails) || store.FullUntil > world.Step)
        {
            return ValueTask.FromException(new JournalUnavailableException("the simulated store is full"));
        }

        return new(Read(() =>
        {
            foreach (var snapshot in snapshots)
            {
                store.Save(snapshot);
            }

            return true;
        }).AsTask());
    }

    public ValueTask<bool> CompleteCheckpointAsync(long position)
    {
        if (position > store.Records.Count || store.Unsaved(position).Any())
        {
            return new(false);
        }

        store.TailStart = Math.Max(store.TailStart, position);
        return new(true);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The process dies: of what was on its way to the disk, each entry has arrived or not. Behind one that has not, the same actor's later ones do not fit.</summary>
    public void Crash()
    {
        while (_queue.TryDequeue(out var waiting))
        {
            foreach (ref var entry in CollectionsMarshal.AsSpan(waiting.Batch.Entries))
            {
                if (world.Dice.Chance(0.5))
                {
                    store.Append(waiting.Batch, ref entry, waiting.Programs);
                }
            }
        }
    }

    private void Later(Action commit) => world.Post(Process, commit, world.Dice.Chance(faults().Slow) ? world.Dice.Next(5, 300) : 0);

    private void CommitGroup()
    {
        var group = new List<AppendBatch>();
        var count = world.Dice.Next(1, _queue.Count + 1);
        var fault = Fault();
        while (count-- > 0)
        {
            var (batch, programs) = _queue.Dequeue();
            Commit(batch, programs, tell: true, fault);
            group.Add(batch);
        }

        _commits = _queue.Count > 0;
        if (_commits)
        {
            Later(CommitGroup);
        }

        // The answer takes its way too: a crash in between loses it, not what is durable. Answers keep the order of commits.
        _answers.Enqueue(group);
        world.Post(Process, () =>
        {
            foreach (var batch in _answers.Dequeue())
            {
                batch.Completed!(batch);
            }
        });
    }

    private AppendOutcome Fault()
    {
        var rates = faults();
        if (world.Dice.Chance(rates.StoreFull))
        {
            store.FullUntil = world.Step + world.Dice.Next(20, 200);
        }

        return store.FullUntil > world.Step || world.Dice.Chance(rates.AppendFails) ? AppendOutcome.Failed
            : world.Dice.Chance(rates.AnswerLost) ? AppendOutcome.Unknown
            : AppendOutcome.Pending;
    }

    private void Commit(AppendBatch batch, int programs, bool tell, AppendOutcome fault = AppendOutcome.Pending)
    {
        foreach (ref var entry in CollectionsMarshal.AsSpan(batch.Entries))
        {
            entry.Position = 0;
            var outcome = fault == AppendOutcome.Failed || (fault == AppendOutcome.Unknown && world.Dice.Chance(0.5))
                ? fault : store.Append(batch, ref entry, programs);
            if (outcome is AppendOutcome.Appended or AppendOutcome.Duplicate)
            {
                foreach (var key in CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount))
                {
                    _seen.Add(key.Key);
                }
            }

            if (tell)
            {
                entry.Outcome = fault == AppendOutcome.Unknown ? fault : outcome;
            }

            world.Note("append", (entry.Position << 3) + (long)outcome);
        }
    }

    private ValueTask<T> Read<T>(Func<T> read)
    {
        if (world.Dice.Chance(faults().ReadFails))
        {
            return ValueTask.FromException<T>(new JournalUnavailableException("the simulated store cannot be read"));
        }

        if (world.Dice.Chance(0.5) && !world.Dice.Chance(faults().Slow))
        {
            try
            {
                return new(read());
            }
            catch (JournalCorruptException e)
            {
                return ValueTask.FromException<T>(e);
            }
        }

        // The continuation runs where the result is set: there is one thread.
        var result = new TaskCompletionSource<T>();
        var early = world.Dice.Chance(0.3);
        var (value, error) = early ? Try(read) : default;
        world.Post(
            Process,
            () =>
            {
                if (!early)
                {
                    (value, error) = Try(read);
                }

                if (error is null)
                {
                    result.SetResult(value!);
                }
                else
                {
                    result.SetException(error);
                }
            },
            world.Dice.Chance(faults().Slow) ? world.Dice.Next(5, 300) : 0);
        return new(result.Task);
    }

    private static (T? Value, Exception? Error) Try<T>(Func<T> read)
    {
        try
        {
            return (read(), null);
        }
        catch (JournalCorruptException e)
        {
            return (default, e);
        }
    }

    private static AppendBatch Copy(AppendBatch batch)
    {
        var copy = new AppendBatch();
        copy.Entries.AddRange(batch.Entries);
        copy.Keys.AddRange(batch.Keys);
        copy.Measures.AddRange(batch.Measures);
        batch.Payload.WrittenSpan.CopyTo(copy.Payload.GetSpan(batch.Payload.WrittenCount));
        copy.Payload.Advance(batch.Payload.WrittenCount);
        return copy;
    }
}
