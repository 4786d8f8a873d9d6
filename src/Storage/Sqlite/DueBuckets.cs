namespace Loyalty.Storage.Sqlite;

/// <summary>
/// The index of wake-up times on disk is split by the actor's hash, so that snapshots written in the table's order change few of its pages: in one
/// index by time alone each snapshot would change a page of its own. This remembers which parts can hold an actor that is due.
/// </summary>
internal sealed class DueBuckets
{
    /// <summary>Parts of the index; <c>hash &gt;&gt; 52</c> in the table's signed numbers is one.</summary>
    public const int Count = 4096;
    private const int First = -Count / 2;
    private readonly Lock gate = new();
    private readonly long[] atLeast = new long[Count];
    private readonly int[] changes = new int[Count];

    /// <summary>The value of the index's expression.</summary>
    public static long Number(int bucket) => bucket + First;

    public static int Of(ulong hash) => (int)(hash >> 52);

    /// <summary>Writer only, before and after a snapshot is committed: a reader sees it from the commit on, and may have looked in between. 0: never due.</summary>
    public void Changed(ulong hash, long due)
    {
        if (due == 0)
        {
            return;
        }

        lock (gate)
        {
            var bucket = Of(hash);
            changes[bucket]++;
            atLeast[bucket] = Math.Min(atLeast[bucket], due);
        }
    }

    /// <summary>Buckets that may hold an actor due at the time (of all of them before the first <see cref="Looked"/>), with a mark to give back.</summary>
    public List<(int Bucket, int Mark)> Candidates(long nowMs)
    {
        var found = new List<(int, int)>();
        lock (gate)
        {
            for (var i = 0; i < Count; i++)
            {
                if (atLeast[i] <= nowMs)
                {
                    found.Add((i, changes[i]));
                }
            }
        }

        return found;
    }

    /// <summary>A reader saw the whole bucket: nothing in it is due earlier.</summary>
    public void Looked(int bucket, int mark, long earliest)
    {
        lock (gate)
        {
            if (changes[bucket] == mark)
            {
                atLeast[bucket] = earliest;
            }
        }
    }
}
