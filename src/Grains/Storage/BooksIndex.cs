using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Grains.Storage;

/// <summary>
/// What a <see cref="GrainStorageJournal"/> knows in memory about all durable records: heads of actors, request keys, sums, who is unsaved and who is due. Changed by the writer
/// (<see cref="Apply"/>) and by saved snapshots; read from any thread.
/// </summary>
internal sealed class BooksIndex
{
    private const int Stripes = 64;
    private const long DueBucketMs = 3_600_000;
    private readonly Lock _gate = new();
    private readonly Dictionary<ActorId, ActorHead> _actors = [];
    private readonly Dictionary<RequestKey, long>[] _keys = new Dictionary<RequestKey, long>[Stripes];
    private readonly Dictionary<string, long> _sums = [];
    private readonly SortedSet<ActorHead> _unsaved = new(HashOrder.Instance);
    private readonly SortedDictionary<long, HashSet<ActorHead>> _due = [];
    private readonly List<(long Records, long Bytes)> _segments = [];
    private long _position;
    private long _records;
    private long _events;
    private long _bytes;
    private long _tailStart;
    private long _keyCount;

    public BooksIndex(long tailStart)
    {
        _tailStart = tailStart;
        for (var i = 0; i < Stripes; i++)
        {
            _keys[i] = [];
        }
    }

    public long Keys => Volatile.Read(ref _keyCount);

    public int Actors
    {
        get
        {
            lock (_gate)
            {
                return _actors.Count;
            }
        }
    }

    public CheckpointState Checkpoint
    {
        get
        {
            lock (_gate)
            {
                var (records, bytes) = UpTo(_tailStart);
                return new(_position, _records - records, _bytes - bytes, _unsaved.Count);
            }
        }
    }

    public long TailStart
    {
        get
        {
            lock (_gate)
            {
                return _tailStart;
            }
        }
    }

    public long? Find(RequestKey key)
    {
        var stripe = Stripe(key);
        lock (stripe)
        {
            return stripe.TryGetValue(key, out var position) ? position : null;
        }
    }

    public ActorView? Find(ActorId actor)
    {
        lock (_gate)
        {
            return _actors.TryGetValue(actor, out var head) ? new(head.Version, head.Hash, head.LastPosition, head.NeverSaved) : null;
        }
    }

    public JournalTotals Totals()
    {
        lock (_gate)
        {
            return new(_position, _records, _events, new Dictionary<string, long>(_sums));
        }
    }

    /// <summary>Takes over records that are durable now, in commit order, all at once for whoever looks.</summary>
    /// <param name="entries">They all lie in the newest segment.</param>
    /// <param name="bodyOf">The body of an entry.</param>
    /// <param name="isOpening">The books are being opened: what snapshots there are is not known.</param>
    public void Apply(IReadOnlyList<StoredEntry> entries, Func<StoredEntry, ReadOnlyMemory<byte>> bodyOf, bool isOpening)
    {
        lock (_gate)
        {
            foreach (var entry in entries)
            {
                var (record, body) = (entry.Head, bodyOf(entry));
                var (keys, measures, _) = StoredEntry.ReadBody(body);
                var number = Segment.NumberOf(record.Position);
                while (_segments.Count < number)
                {
                    _segments.Add((_records, _bytes));
                }

                foreach (var key in keys)
                {
                    var stripe = Stripe(key.Key);
                    lock (stripe)
                    {
                        if (!stripe.ContainsKey(key.Key))
                        {
                            _keyCount++;
                        }

                        stripe[key.Key] = record.Position;
                    }
                }

                foreach (var measure in measures)
                {
                    CollectionsMarshal.GetValueRefOrAddDefault(_sums, measure.Name, out _) += measure.Delta;
                }

                ref var head = ref CollectionsMarshal.GetValueRefOrAddDefault(_actors, record.Actor, out _);
                head ??= new(record.Actor, record.Actor.StableHash()) { NeverSaved = !isOpening };
                (head.Version, head.Hash, head.LastPosition) = (record.LastVersion, record.Hash, record.Position);
                if (head.FirstUnsaved == 0 && record.Position > _tailStart)
                {
                    head.FirstUnsaved = record.Position;
                    _unsaved.Add(head);
                }

                SetWake(head, record.WakeAtMs);
                _position = record.Position;
                _records++;
                _events += record.EventCount;
                _bytes += body.Length;
            }
        }
    }

    public IReadOnlyList<ActorId> Due(long nowMs, int count, HashRange range)
    {
        var due = new List<ActorHead>();
        lock (_gate)
        {
            foreach (var (hour, heads) in _due)
            {
                if (hour * DueBucketMs > nowMs || due.Count >= count)
                {
                    break;
                }

                due.AddRange(heads.Where(head => head.WakeAtMs <= nowMs && range.Contains(head.StableHash)).OrderBy(head => head.WakeAtMs).Take(count - due.Count));
            }
        }

        return [.. due.Select(head => head.Actor)];
    }

    public IReadOnlyList<ActorId> Unsaved(long position, int count, HashRange range)
    {
        lock (_gate)
        {
            return _unsaved.Count == 0
                ? []
                : [.. _unsaved.GetViewBetween(HashOrder.From(range.First), HashOrder.To(range.Last)).Where(head => head.FirstUnsaved <= position).Take(count).Select(head => head.Actor)];
        }
    }

    /// <summary>Whether nothing up to the position is unsaved.</summary>
    public bool IsSaved(long position)
    {
        lock (_gate)
        {
            return position <= _position && !_unsaved.Any(head => head.FirstUnsaved <= position);
        }
    }

    public void MoveTail(long position)
    {
        lock (_gate)
        {
            _tailStart = Math.Max(_tailStart, position);
        }
    }

    /// <summary>A snapshot is being written: from now on one may exist.</summary>
    public void Saving(ActorId actor)
    {
        lock (_gate)
        {
            _actors[actor].NeverSaved = false;
        }
    }

    /// <summary>A snapshot of the version is stored. False: the actor has later records; say with <see cref="SavedUntil"/> where they begin.</summary>
    public bool TrySaved(ActorId actor, long version, long wakeAtMs)
    {
        lock (_gate)
        {
            var head = _actors[actor];
            if (head.Version != version)
            {
                return false;
            }

            if (head.FirstUnsaved != 0)
            {
                _unsaved.Remove(head);
                head.FirstUnsaved = 0;
            }

            SetWake(head, wakeAtMs);
            return true;
        }
    }

    /// <summary>A snapshot is stored that covers everything before this record of the actor.</summary>
    public void SavedUntil(ActorId actor, long firstUnsaved)
    {
        lock (_gate)
        {
            var head = _actors[actor];
            if (head.FirstUnsaved != 0)
            {
                head.FirstUnsaved = Math.Max(head.FirstUnsaved, firstUnsaved);
            }
        }
    }

    private Dictionary<RequestKey, long> Stripe(RequestKey key) => _keys[(key.Low ^ key.High >> 7) % Stripes];

    private void SetWake(ActorHead head, long wakeAtMs)
    {
        if (head.WakeAtMs == wakeAtMs)
        {
            return;
        }

        if (head.WakeAtMs != 0 && _due.TryGetValue(head.WakeAtMs / DueBucketMs, out var before))
        {
            before.Remove(head);
            if (before.Count == 0)
            {
                _due.Remove(head.WakeAtMs / DueBucketMs);
            }
        }

        head.WakeAtMs = wakeAtMs;
        if (wakeAtMs != 0)
        {
            if (!_due.TryGetValue(wakeAtMs / DueBucketMs, out var heads))
            {
                _due.Add(wakeAtMs / DueBucketMs, heads = []);
            }

            heads.Add(head);
        }
    }

    /// <summary>Records and bytes up to a position; the bytes of a part of a segment are taken by its share of records.</summary>
    private (long Records, long Bytes) UpTo(long position)
    {
        var number = Segment.NumberOf(position);
        if (number == 0 || number > _segments.Count)
        {
            return (0, 0);
        }

        var (records, bytes) = _segments[number - 1];
        var (recordsEnd, bytesEnd) = number < _segments.Count ? _segments[number] : (_records, _bytes);
        var within = Segment.IndexOf(position) + 1;
        return (records + within, bytes + ((bytesEnd - bytes) * within / Math.Max(1, recordsEnd - records)));
    }

    private sealed class ActorHead(ActorId actor, ulong stableHash)
    {
        public readonly ActorId Actor = actor;
        public readonly ulong StableHash = stableHash;
        public long Version;
        public Hash128 Hash;
        public long LastPosition;
        public long FirstUnsaved;
        public long WakeAtMs;

        /// <summary>It began in this process, and no snapshot of it was ever begun: nobody needs to look for one.</summary>
        public bool NeverSaved;
    }

    /// <summary>By stable hash; kind and key decide among the same.</summary>
    private sealed class HashOrder : IComparer<ActorHead>
    {
        public static readonly HashOrder Instance = new();
        private const string Last = "\uffff";

        public static ActorHead From(ulong hash) => new(new(string.Empty, string.Empty), hash);

        public static ActorHead To(ulong hash) => new(new(Last, Last), hash);

        public int Compare(ActorHead? x, ActorHead? y)
        {
            var order = x!.StableHash.CompareTo(y!.StableHash);
            order = order != 0 ? order : string.CompareOrdinal(x.Actor.Kind, y.Actor.Kind);
            return order != 0 ? order : string.CompareOrdinal(x.Actor.Key, y.Actor.Key);
        }
    }
}

/// <summary>An actor's head at one moment.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Hash">Its chain.</param>
/// <param name="LastPosition">Its newest record.</param>
/// <param name="NeverSaved">There is no snapshot of it for certain.</param>
internal readonly record struct ActorView(long Version, Hash128 Hash, long LastPosition, bool NeverSaved);
