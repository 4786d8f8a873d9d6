using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>A journal between the kernel and another one, where tests hold reads up, make them fail, or make the filter wrong.</summary>
internal sealed class HookedJournal(IJournal inner) : IJournal
{
    /// <summary>Awaited before an actor is loaded; may throw. Null: no wait.</summary>
    public Func<ActorId, Task?>? BeforeLoad { get; set; }

    /// <summary>Awaited before a key is looked up; may throw.</summary>
    public Func<RequestKey, Task?>? BeforeFind { get; set; }

    /// <summary>Thrown by <see cref="Append"/>, as a store does that is closed.</summary>
    public Exception? OnAppend { get; set; }

    /// <summary>True: the filter says of every key that it may be there.</summary>
    public bool FilterIsFull { get; set; }

    /// <summary>The sizes of the batches, in order.</summary>
    public List<int> Batches { get; } = [];

    public string Description => inner.Description;

    public long KeySeed => inner.KeySeed;

    public bool IsExclusive { get; init; } = inner.IsExclusive;

    public CheckpointState Checkpoint => inner.Checkpoint;

    public ValueTask<LoadedActor> LoadAsync(ActorId actor)
    {
        return BeforeLoad?.Invoke(actor) is { } wait ? Later() : inner.LoadAsync(actor);

        async ValueTask<LoadedActor> Later()
        {
            await wait.ConfigureAwait(false);
            return await inner.LoadAsync(actor).ConfigureAwait(false);
        }
    }

    public void Append(AppendBatch batch)
    {
        if (OnAppend is not null)
        {
            throw OnAppend;
        }

        Batches.Add(batch.Entries.Count);
        inner.Append(batch);
    }

    public bool MightContain(RequestKey key) => FilterIsFull || inner.MightContain(key);

    public async ValueTask<JournalRecord?> FindAsync(RequestKey key)
    {
        if (BeforeFind?.Invoke(key) is { } wait)
        {
            await wait.ConfigureAwait(false);
        }

        return await inner.FindAsync(key).ConfigureAwait(false);
    }

    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count) => inner.ReadHistoryAsync(actor, before, count);

    public IEnumerable<JournalRecord> ReadAll(long after) => inner.ReadAll(after);

    public ValueTask<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range) => inner.DueAsync(nowMs, count, range);

    public JournalTotals Totals() => inner.Totals();

    public IReadOnlyList<ActorId> UnsavedActors(long position, int count, HashRange range) => inner.UnsavedActors(position, count, range);

    public ValueTask SaveSnapshotsAsync(IReadOnlyList<Snapshot> snapshots) => inner.SaveSnapshotsAsync(snapshots);

    public ValueTask<bool> CompleteCheckpointAsync(long position) => inner.CompleteCheckpointAsync(position);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
