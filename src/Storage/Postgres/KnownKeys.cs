using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Postgres;

/// <summary>
/// Which request keys may be in the books, as far as this process can tell without asking. What it has seen itself is in two Bloom filters, of which the older is dropped when the
/// younger is full. What others wrote, or this process before its last start, it cannot know; it is careful for a while when that turns out to matter.
/// </summary>
internal sealed class KnownKeys
{
    private readonly int keysMax;
    private readonly int suspiciousLookups;
    private readonly Lock gate = new();
    private BloomFilter young;
    private BloomFilter? old;
    private int youngKeys;
    private int suspicion;

    public KnownKeys(int keysMax, int suspiciousLookups)
    {
        (this.keysMax, this.suspiciousLookups, suspicion) = (keysMax, suspiciousLookups, suspiciousLookups);
        young = new(keysMax);
    }

    /// <summary>Lookups left that are answered "perhaps" whatever the key.</summary>
    public int Suspicion => Math.Max(0, Volatile.Read(ref suspicion));

    public bool MightContain(RequestKey key) => IsSeen(key) || (Volatile.Read(ref suspicion) > 0 && Interlocked.Decrement(ref suspicion) >= 0);

    public void Add(RequestKey key)
    {
        lock (gate)
        {
            AddLocked(key);
        }
    }

    public void Add(ReadOnlySpan<KeyEntry> keys)
    {
        lock (gate)
        {
            foreach (ref readonly var key in keys)
            {
                AddLocked(key.Key);
            }
        }
    }

    /// <summary>A key turned out to be in the books. If it was not known here, others may be like it: old files are sent again, perhaps.</summary>
    public void Surprise(RequestKey key)
    {
        if (!IsSeen(key))
        {
            Add(key);
            Volatile.Write(ref suspicion, suspiciousLookups);
        }
    }

    private bool IsSeen(RequestKey key)
    {
        // Young first: when the two change places between the questions, no key is missed.
        if (Volatile.Read(ref young).MightContain(key.High, key.Low))
        {
            return true;
        }

        return Volatile.Read(ref old)?.MightContain(key.High, key.Low) == true;
    }

    private void AddLocked(RequestKey key)
    {
        if (youngKeys == keysMax)
        {
            Volatile.Write(ref old, young);
            Volatile.Write(ref young, new(keysMax));
            youngKeys = 0;
        }

        young.Add(key.High, key.Low);
        youngKeys++;
    }
}
