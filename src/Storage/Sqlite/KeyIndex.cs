using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>A tail of keys that is full and waits to be written as a run. <paramref name="UpTo"/>: no key of a later record is in it.</summary>
internal sealed record FrozenTail(KeyTail Tail, long UpTo);

/// <summary>All request keys: what is in memory and what is in runs. Never changed, only replaced, so that a reader sees one moment.</summary>
/// <param name="Tail">Newest.</param>
/// <param name="Frozen">Newest first.</param>
/// <param name="Runs">Newest first.</param>
internal sealed record KeyState(KeyTail Tail, FrozenTail[] Frozen, KeyRun[] Runs);

/// <summary>Finds records by request key. Only the writer changes it; <see cref="MightContain"/> asks without a lock.</summary>
internal sealed class KeyIndex
{
    private readonly int tailMax;
    private KeyState state;
    private KeyTail? spare;

    public KeyIndex(int tailMax, IEnumerable<KeyRun> runs)
    {
        this.tailMax = tailMax;
        state = new(new(tailMax), [], Order(runs));
    }

    public KeyState State => Volatile.Read(ref state);

    public bool MightContain(RequestKey key)
    {
        var (place, bits) = BloomFilter.Mix(key.High, key.Low);
        var now = State;
        if (now.Tail.Filter.MightContainMixed(place, bits))
        {
            return true;
        }

        foreach (var frozen in now.Frozen)
        {
            if (frozen.Tail.Filter.MightContainMixed(place, bits))
            {
                return true;
            }
        }

        foreach (var run in now.Runs)
        {
            if (run.Filter.MightContainMixed(place, bits))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The newest position with the key that is at most the given one: 0 none, -1 runs changed on the way, look again.</summary>
    public long Find(RequestKey key, long upTo, KeyRunReader reader)
    {
        var now = State;
        var position = now.Tail.Find(key, upTo);
        foreach (var frozen in now.Frozen)
        {
            if (position != 0)
            {
                return position;
            }

            position = frozen.Tail.Find(key, upTo);
        }

        foreach (var run in now.Runs)
        {
            if (position != 0)
            {
                return position;
            }

            if (run.Filter.MightContain(key.High, key.Low))
            {
                position = reader.Find(run, key);
            }
        }

        return position;
    }

    /// <summary>Writer only: whether a record, of the commit under way included, has the key.</summary>
    public bool Contains(RequestKey key, KeyRunReader reader) => MightContain(key) && Find(key, long.MaxValue, reader) != 0;

    /// <summary>Writer only: reads what <see cref="Contains"/> and <see cref="Put"/> will, for the processor's cache; the result means nothing.</summary>
    public long Warm(RequestKey key) => state.Tail.Warm(key) + (MightContain(key) ? 1 : 0);

    /// <summary>Writer only.</summary>
    public void Put(RequestKey key, long position, long durablePosition) => state.Tail.Put(key, position, durablePosition);

    /// <summary>Writer only.</summary>
    public void Rollback(IReadOnlyList<RequestKey> keys, long durablePosition) => state.Tail.Rollback(keys, durablePosition);

    /// <summary>Writer only, between commits: a full tail is set aside to be written. True: there is work for the keeper.</summary>
    public bool FreezeIfFull(long durablePosition)
    {
        if (state.Tail.Count < tailMax)
        {
            return false;
        }

        var next = Interlocked.Exchange(ref spare, null) ?? new KeyTail(tailMax);
        Volatile.Write(ref state, state with { Tail = next, Frozen = [new(state.Tail, durablePosition), .. state.Frozen] });
        return true;
    }

    /// <summary>Makes the next tail ahead of time: clearing its memory takes longer than a commit.</summary>
    public void PrepareSpare()
    {
        if (Volatile.Read(ref spare) is null)
        {
            Volatile.Write(ref spare, new KeyTail(tailMax));
        }
    }

    /// <summary>Writer only: the oldest frozen tail is a run now.</summary>
    public void Publish(FrozenTail flushed, KeyRun run) =>
        Volatile.Write(ref state, state with { Frozen = [.. state.Frozen.Where(f => f != flushed)], Runs = Order([run, .. state.Runs]) });

    /// <summary>Writer only: runs were merged into one.</summary>
    public void Publish(IReadOnlyCollection<KeyRun> merged, KeyRun run) =>
        Volatile.Write(ref state, state with { Runs = Order([run, .. state.Runs.Where(r => !merged.Contains(r))]) });

    // Runs of a lower level are newer than all of a higher one; within a level numbers grow with time.
    private static KeyRun[] Order(IEnumerable<KeyRun> runs) => [.. runs.OrderBy(r => r.Level).ThenByDescending(r => r.Id)];
}
