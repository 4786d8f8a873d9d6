using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>
/// Request keys of the newest records: an open-addressed table that the writer fills and any thread reads under its lock. Keys are put in before
/// their commit is durable; who reads says up to which position it believes.
/// </summary>
internal sealed class KeyTail
{
    private readonly Lock gate = new();
    private readonly BloomFilter filter;
    private Slot[] slots;

    /// <param name="capacity">Keys it is made for; it grows beyond when one huge commit demands it.</param>
    public KeyTail(int capacity)
    {
        filter = new(capacity);
        slots = new Slot[Math.Max(16, capacity + (capacity / 2))];
    }

    public int Count { get; private set; }

    public BloomFilter Filter => filter;

    /// <summary>The newest position with the key that is at most the given one; 0: none.</summary>
    public long Find(RequestKey key, long upTo)
    {
        lock (gate)
        {
            ref readonly var slot = ref slots[IndexOf(slots, key)];
            return slot.Position == 0 ? 0 : slot.Position <= upTo ? slot.Position : slot.Previous;
        }
    }

    /// <summary>Writer only: whether any record, durable or of the commit under way, has it.</summary>
    public bool Contains(RequestKey key) => filter.MightContain(key.High, key.Low) && Find(key, long.MaxValue) != 0;

    /// <summary>Writer only: reads the place where the key is or will be, for the processor's cache; the result means nothing.</summary>
    public long Warm(RequestKey key) => slots[Place(slots, key)].Position;

    /// <summary>Writer only.</summary>
    public void Put(RequestKey key, long position, long durablePosition)
    {
        lock (gate)
        {
            ref var slot = ref slots[IndexOf(slots, key)];
            if (!slot.Used)
            {
                slot.Used = true;
                slot.Key = key;
                Count++;
            }

            if (slot.Position <= durablePosition)
            {
                slot.Previous = slot.Position;
            }

            slot.Position = position;
            if (Count > slots.Length / 4 * 3)
            {
                Grow();
            }
        }

        filter.Add(key.High, key.Low);
    }

    /// <summary>Writer only: takes back keys whose commit failed. The filter keeps them: it may say yes too often, never no.</summary>
    public void Rollback(IReadOnlyList<RequestKey> keys, long durablePosition)
    {
        lock (gate)
        {
            foreach (var key in keys)
            {
                ref var slot = ref slots[IndexOf(slots, key)];
                if (slot.Position > durablePosition)
                {
                    slot.Position = slot.Previous;
                    slot.Previous = 0;
                }
            }
        }
    }

    /// <summary>All keys, sorted. For a tail that no longer changes.</summary>
    public KeyPosition[] Sorted()
    {
        var entries = new KeyPosition[Count];
        var order = new ulong[Count];
        var count = 0;
        lock (gate)
        {
            foreach (ref readonly var slot in slots.AsSpan())
            {
                if (slot.Used && slot.Position != 0)
                {
                    order[count] = slot.Key.High;
                    entries[count++] = new(slot.Key, slot.Position);
                }
            }
        }

        // By plain numbers, which is several times as fast as by a comparison of keys. Equal high halves are next to never, but they are possible.
        Array.Sort(order, entries, 0, count);
        for (int from = 0, to; from < count; from = to)
        {
            for (to = from + 1; to < count && order[to] == order[from]; to++)
            {
            }

            if (to - from > 1)
            {
                entries.AsSpan(from, to - from).Sort(static (a, b) => a.CompareTo(b));
            }
        }

        Array.Resize(ref entries, count);
        return entries;
    }

    private static int Place(Slot[] slots, RequestKey key) => (int)Math.BigMul(BloomFilter.Mix(key.High, key.Low).Place, (ulong)slots.Length, out _);

    private static int IndexOf(Slot[] slots, RequestKey key)
    {
        var index = Place(slots, key);
        while (slots[index].Used && slots[index].Key != key)
        {
            index = index + 1 == slots.Length ? 0 : index + 1;
        }

        return index;
    }

    private void Grow()
    {
        var grown = new Slot[slots.Length * 2];
        foreach (ref readonly var slot in slots.AsSpan())
        {
            if (slot.Used)
            {
                grown[IndexOf(grown, slot.Key)] = slot;
            }
        }

        slots = grown;
    }

    private struct Slot
    {
        public RequestKey Key;
        public long Position;

        /// <summary>The newest durable position with the key while <see cref="Position"/> is not durable.</summary>
        public long Previous;
        public bool Used;
    }
}

/// <summary>A key and where its record lies.</summary>
internal readonly record struct KeyPosition(RequestKey Key, long Position) : IComparable<KeyPosition>
{
    public int CompareTo(KeyPosition other) => Compare(Key, other.Key);

    public static int Compare(RequestKey a, RequestKey b)
    {
        var order = a.High.CompareTo(b.High);
        return order != 0 ? order : a.Low.CompareTo(b.Low);
    }

    public static bool operator <(KeyPosition left, KeyPosition right) => left.CompareTo(right) < 0;

    public static bool operator >(KeyPosition left, KeyPosition right) => left.CompareTo(right) > 0;

    public static bool operator <=(KeyPosition left, KeyPosition right) => left.CompareTo(right) <= 0;

    public static bool operator >=(KeyPosition left, KeyPosition right) => left.CompareTo(right) >= 0;
}
