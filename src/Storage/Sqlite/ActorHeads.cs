using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>Where an actor stands after a record.</summary>
internal readonly record struct HeadValue(long Version, long Position, Hash128 Chain, long WakeAtMs);

/// <summary>What the journal keeps in memory about one actor. Guarded by its shard's lock; changed by the writer only.</summary>
internal sealed class ActorHead(ActorId actor, ulong hash)
{
    /// <summary>Whether a snapshot row exists is not known.</summary>
    public const long SavedUnknown = -1;

    public readonly ActorId Actor = actor;
    public readonly ulong Hash = hash;

    /// <summary>After the newest record, durable or still in the commit under way.</summary>
    public HeadValue Latest;

    /// <summary>After the newest durable record, while <see cref="Latest"/> is not.</summary>
    public HeadValue Durable;

    /// <summary>Version of the stored snapshot; 0: there is none; <see cref="SavedUnknown"/>.</summary>
    public long SavedVersion;

    /// <summary>No record before this position lacks a snapshot; 0: none at all does.</summary>
    public long FirstUnsaved;

    /// <summary>A snapshot of this version covers every record up to <see cref="PlannedPosition"/>; 0: not planned.</summary>
    public long PlannedVersion;

    public long PlannedPosition;

    public HeadValue At(long durablePosition) => Latest.Position <= durablePosition ? Latest : Durable;
}

/// <summary>
/// Heads of all actors with records that no snapshot covers ("unsaved"), and a bounded cache of others. Split in shards by the order in which
/// snapshots lie on disk, so that no walk over all heads ever holds a lock for long, and so that the shards' order is the table's order.
/// </summary>
internal sealed class ActorHeads
{
    private const int ShardBits = 8;
    private readonly Shard[] shards;
    private readonly int cleanPerShard;
    private readonly Lock planGate = new();
    private long planPosition = -1;
    private int planShard;
    private int planNext;
    private ActorHead[] plan = [];
    private int unsaved;
    private long saves;

    public ActorHeads(int cleanMax)
    {
        cleanPerShard = Math.Max(2, cleanMax >> ShardBits);
        shards = new Shard[1 << ShardBits];
        for (var i = 0; i < shards.Length; i++)
        {
            shards[i] = new();
        }
    }

    /// <summary>Actors with records that no snapshot covers.</summary>
    public int Unsaved => Volatile.Read(ref unsaved);

    /// <summary>Counts stored snapshots of all shards. Raised before a head may leave memory.</summary>
    public long Saves => Volatile.Read(ref saves);

    public Shard ShardOf(ulong hash) => shards[hash >> (64 - ShardBits)];

    /// <summary>The head, or null. The generation tells later whether a head may have come and gone since.</summary>
    public bool TryRead(ActorId actor, ulong hash, long durablePosition, out HeadValue value, out long savedVersion, out bool unsavedRecords, out long generation)
    {
        var shard = ShardOf(hash);
        lock (shard)
        {
            generation = shard.Generation;
            if (shard.TryGet(new(hash, actor), out var head))
            {
                value = head.At(durablePosition);
                savedVersion = head.SavedVersion;
                unsavedRecords = head.FirstUnsaved != 0;
                return true;
            }
        }

        value = default;
        savedVersion = ActorHead.SavedUnknown;
        unsavedRecords = false;
        return false;
    }

    /// <summary>Remembers what a reader found on disk, unless the actor's snapshot may have changed since it looked.</summary>
    public void AddClean(ActorId actor, ulong hash, in HeadValue value, long savedVersion, long generation)
    {
        var shard = ShardOf(hash);
        lock (shard)
        {
            if (shard.Generation == generation && !shard.TryGet(new(hash, actor), out _))
            {
                shard.AddClean(new(actor, hash) { Latest = value, Durable = value, SavedVersion = savedVersion }, cleanPerShard);
            }
        }
    }

    /// <summary>
    /// Writer only: the head if its actor has unsaved records, as nearly all that are appended to have. Without a lock, because only the writer changes which those are; so the
    /// processor can look for many heads at once.
    /// </summary>
    public ActorHead? GetUnsaved(ActorId actor, ulong hash) => ShardOf(hash).Unsaved.GetValueOrDefault(new(hash, actor));

    /// <summary>Writer only.</summary>
    public ActorHead? Get(ActorId actor, ulong hash)
    {
        var shard = ShardOf(hash);
        lock (shard)
        {
            return shard.TryGet(new(hash, actor), out var head) ? head : null;
        }
    }

    /// <summary>Writer only: a head that it read from disk and is about to append to.</summary>
    public void Add(ActorHead head)
    {
        var shard = ShardOf(head.Hash);
        lock (shard)
        {
            shard.AddClean(head, cleanPerShard);
        }
    }

    /// <summary>Writer only: a record was added. Readers do not see it before the durable position reaches it. True: the head was clean before.</summary>
    public bool Advance(ActorHead head, in HeadValue value, long durablePosition)
    {
        var shard = ShardOf(head.Hash);
        lock (shard)
        {
            if (head.Latest.Position <= durablePosition)
            {
                head.Durable = head.Latest;
            }

            Debug.Assert(value.Position > head.Latest.Position && value.Version > head.Latest.Version, "Heads only move forward.");
            head.Latest = value;
            if (value.WakeAtMs != 0 && value.WakeAtMs < shard.WakeAtLeast)
            {
                shard.WakeAtLeast = value.WakeAtMs;
            }

            if (head.FirstUnsaved != 0)
            {
                return false;
            }

            head.FirstUnsaved = value.Position;
            shard.MoveToUnsaved(head);
        }

        Interlocked.Increment(ref unsaved);
        return true;
    }

    /// <summary>Writer only: the commit failed; the head goes back to what is durable.</summary>
    public void Rollback(ActorHead head, bool wasClean)
    {
        var shard = ShardOf(head.Hash);
        lock (shard)
        {
            head.Latest = head.Durable;
            if (!wasClean || head.FirstUnsaved == 0)
            {
                return;
            }

            head.FirstUnsaved = 0;
            shard.MoveToClean(head, cleanPerShard);
        }

        Interlocked.Decrement(ref unsaved);
    }

    /// <summary>Writer only: a snapshot was stored.</summary>
    public void Saved(ActorHead head, long version, long wakeAtMs)
    {
        Interlocked.Increment(ref saves);
        var shard = ShardOf(head.Hash);
        lock (shard)
        {
            shard.Generation++;
            head.SavedVersion = version;
            if (version < head.Latest.Version)
            {
                if (head.PlannedVersion != 0 && version >= head.PlannedVersion)
                {
                    head.FirstUnsaved = Math.Max(head.FirstUnsaved, head.PlannedPosition + 1);
                }

                return;
            }

            head.Latest = head.Latest with { WakeAtMs = wakeAtMs };
            head.Durable = head.Latest;
            head.PlannedVersion = 0;
            if (head.FirstUnsaved == 0)
            {
                return;
            }

            head.FirstUnsaved = 0;
            shard.MoveToClean(head, cleanPerShard);
        }

        Interlocked.Decrement(ref unsaved);
    }

    /// <summary>A snapshot of an actor without a head was stored: what readers found before may be old now.</summary>
    public void SavedElsewhere(ulong hash)
    {
        Interlocked.Increment(ref saves);
        var shard = ShardOf(hash);
        lock (shard)
        {
            shard.Generation++;
        }
    }

    /// <summary>Actors with unsaved records at or before the position, in the snapshot table's order; the same ones again until they are saved.</summary>
    public IReadOnlyList<ActorId> UnsavedActors(long position, int count, Func<long> durablePosition)
    {
        lock (planGate)
        {
            var upTo = Math.Min(position, durablePosition());
            if (upTo != planPosition)
            {
                planPosition = upTo;
                planShard = 0;
                planNext = 0;
                plan = PlanShard(shards[0], upTo, durablePosition);
            }

            var found = new List<ActorId>(Math.Min(count, 4096));
            var (shard, next, candidates) = (planShard, planNext, plan);
            var leading = true;
            while (found.Count < count)
            {
                if (next == candidates.Length)
                {
                    if (++shard == shards.Length)
                    {
                        break;
                    }

                    (next, candidates) = (0, PlanShard(shards[shard], upTo, durablePosition));
                    if (leading)
                    {
                        (planShard, planNext, plan) = (shard, 0, candidates);
                    }

                    continue;
                }

                var head = candidates[next++];
                if (IsUnsavedAt(head, upTo))
                {
                    found.Add(head.Actor);
                    leading = false;
                }
                else if (leading)
                {
                    planNext = next;
                }
            }

            return found;
        }
    }

    /// <summary>True: no record at or before the position lacks a snapshot. Stays true once it is: records only come behind.</summary>
    public bool AllSaved(long position)
    {
        foreach (var shard in shards)
        {
            lock (shard)
            {
                foreach (var head in shard.Unsaved.Values)
                {
                    if (head.FirstUnsaved <= position)
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }

    /// <summary>Actors with unsaved records that are due, at most so many: of a million that are due in one night, not all are looked at for each few hundred that are woken.</summary>
    public void Due(long nowMs, long durablePosition, int count, List<(long At, ActorId Actor)> due)
    {
        foreach (var shard in shards)
        {
            lock (shard)
            {
                if (shard.WakeAtLeast > nowMs)
                {
                    continue;
                }

                if (due.Count >= count)
                {
                    return;
                }

                var least = long.MaxValue;
                foreach (var head in shard.Unsaved.Values)
                {
                    var at = head.At(durablePosition).WakeAtMs;
                    if (at != 0 && at <= nowMs)
                    {
                        if (due.Count >= count)
                        {
                            // The shard was not looked through: it may hold more.
                            return;
                        }

                        due.Add((at, head.Actor));
                    }

                    least = Math.Min(least, Math.Min(at == 0 ? long.MaxValue : at, head.Latest.WakeAtMs == 0 ? long.MaxValue : head.Latest.WakeAtMs));
                }

                shard.WakeAtLeast = least;
            }
        }
    }

    private static bool IsUnsavedAt(ActorHead head, long position) => Volatile.Read(ref head.FirstUnsaved) is > 0 and var first && first <= position;

    private static ActorHead[] PlanShard(Shard shard, long position, Func<long> durablePosition)
    {
        var durable = durablePosition();
        List<ActorHead> candidates;
        lock (shard)
        {
            candidates = new(shard.Unsaved.Count);
            foreach (var head in shard.Unsaved.Values)
            {
                if (head.FirstUnsaved > position)
                {
                    continue;
                }

                // Later records of this actor lie behind both what is durable now and its own newest durable record.
                var value = head.At(durable);
                head.PlannedVersion = value.Version;
                head.PlannedPosition = Math.Max(durable, value.Position);
                candidates.Add(head);
            }
        }

        candidates.Sort(static (a, b) =>
        {
            var order = a.Hash.CompareTo(b.Hash);
            order = order != 0 ? order : string.CompareOrdinal(a.Actor.Kind, b.Actor.Kind);
            return order != 0 ? order : string.CompareOrdinal(a.Actor.Key, b.Actor.Key);
        });
        return [.. candidates];
    }

    public readonly struct HeadKey(ulong hash, ActorId actor) : IEquatable<HeadKey>
    {
        private readonly ulong hash = hash;
        private readonly ActorId actor = actor;

        public bool Equals(HeadKey other) => hash == other.hash && actor.Equals(other.actor);

        public override bool Equals([NotNullWhen(true)] object? obj) => obj is HeadKey other && Equals(other);

        public override int GetHashCode() => (int)hash;
    }

    public sealed class Shard
    {
        /// <summary>Changed by the writer only, under the lock; others read it under the lock.</summary>
        public readonly Dictionary<HeadKey, ActorHead> Unsaved = [];

        // A cache in two generations: when the young one is full it becomes the old one, and the old one is dropped.
        private Dictionary<HeadKey, ActorHead> young = [];
        private Dictionary<HeadKey, ActorHead> old = [];

        /// <summary>Counts stored snapshots, so that a slow reader does not bring back what they replaced.</summary>
        public long Generation;

        /// <summary>No unsaved actor of the shard wants to be woken earlier.</summary>
        public long WakeAtLeast = long.MaxValue;

        public bool TryGet(HeadKey key, [MaybeNullWhen(false)] out ActorHead head)
        {
            if (Unsaved.TryGetValue(key, out head) || young.TryGetValue(key, out head))
            {
                return true;
            }

            if (old.Remove(key, out head))
            {
                young[key] = head;
                return true;
            }

            return false;
        }

        public void AddClean(ActorHead head, int limit)
        {
            if (young.Count >= limit / 2)
            {
                (old, young) = (young, []);
            }

            young[new(head.Hash, head.Actor)] = head;
        }

        public void MoveToUnsaved(ActorHead head)
        {
            var key = new HeadKey(head.Hash, head.Actor);
            _ = young.Remove(key) || old.Remove(key);
            Unsaved.Add(key, head);
        }

        public void MoveToClean(ActorHead head, int limit)
        {
            Unsaved.Remove(new(head.Hash, head.Actor));
            AddClean(head, limit);
        }
    }
}
