using System.Diagnostics;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>Writing that is not an append: done in slices, each a transaction of its own, between group commits.</summary>
internal abstract class WriterJob
{
    /// <summary>Ends when the last slice is committed, or with the failure of one.</summary>
    public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether the last slice must be on disk when <see cref="Done"/> ends. Others become durable with the next append at the latest.</summary>
    public virtual bool Durable => false;

    /// <summary>Works until the deadline (<see cref="Stopwatch"/> ticks) at most, inside a transaction. True: it was the last slice.</summary>
    public abstract bool Slice(WriterDb db, long deadline);

    /// <summary>The slice is committed.</summary>
    public virtual void Committed()
    {
    }

    /// <summary>The slice was rolled back and the job ends.</summary>
    public virtual void RolledBack()
    {
    }
}

/// <summary>A job in a lambda.</summary>
internal sealed class DelegateJob(Func<WriterDb, long, bool> slice, Action? committed = null, bool durable = false) : WriterJob
{
    public override bool Durable => durable;

    public override bool Slice(WriterDb db, long deadline) => slice(db, deadline);

    public override void Committed() => committed?.Invoke();
}

/// <summary>Stores snapshots, sorted as they lie on disk.</summary>
internal sealed class SnapshotJob : WriterJob
{
    private readonly (ulong Hash, Snapshot Snapshot)[] snapshots;
    private readonly List<(ActorHead? Head, ulong Hash, long Version, long WakeAtMs)> written = [];
    private readonly JournalState state;
    private int next;

    public SnapshotJob(IReadOnlyList<Snapshot> snapshots, JournalState state)
    {
        this.state = state;
        this.snapshots = [.. snapshots.Select(s => (s.Actor.StableHash(), s))];
        Array.Sort(this.snapshots, static (a, b) => a.Item1.CompareTo(b.Item1));
    }

    public override bool Slice(WriterDb db, long deadline)
    {
        written.Clear();
        while (next < snapshots.Length)
        {
            var (hash, snapshot) = snapshots[next++];
            var head = state.Heads.Get(snapshot.Actor, hash);
            HeadValue value;
            if (head is not null)
            {
                value = head.Latest;
            }
            else if (!db.TryReadHead(snapshot.Actor, hash, out value))
            {
                continue;
            }

            if (snapshot.Version > value.Version || snapshot.Version < 1 || (head is not null && snapshot.Version < head.SavedVersion))
            {
                continue;
            }

            // The position is needed only when the snapshot is all there is of the actor: then the head is at it.
            state.Snapshots.Add(hash);
            state.DueBuckets.Changed(hash, snapshot.WakeAtMs);
            db.SaveSnapshot(snapshot, hash, snapshot.Version == value.Version ? value.Position : 0);
            written.Add((head, hash, snapshot.Version, snapshot.WakeAtMs));
            if (Stopwatch.GetTimestamp() >= deadline)
            {
                break;
            }
        }

        return next == snapshots.Length;
    }

    public override void Committed()
    {
        foreach (var (head, hash, version, wakeAtMs) in written)
        {
            // Once more: a reader may have looked through the bucket after it was announced and before the commit.
            state.DueBuckets.Changed(hash, wakeAtMs);
            if (head is null)
            {
                state.Heads.SavedElsewhere(hash);
            }
            else
            {
                state.Heads.Saved(head, version, wakeAtMs);
            }
        }
    }
}
