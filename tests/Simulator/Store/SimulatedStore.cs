using System.IO.Hashing;
using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Simulator.Engine;

namespace Loyalty.Simulator.Store;

/// <summary>A record at rest, with a checksum over what is stored.</summary>
internal sealed class StoredRecord(JournalRecord record, int programs)
{
    private readonly ulong _checksum = XxHash3.HashToUInt64(record.Events.Span);

    /// <summary>As it lies there, damaged or not.</summary>
    public JournalRecord AtRest { get; private set; } = record;

    /// <summary>As it was written: for the auditor.</summary>
    public JournalRecord Written { get; } = record;

    /// <summary>How many versions of the program the process knew that decided it.</summary>
    public int Programs { get; } = programs;

    /// <summary>Turns over a bit.</summary>
    public void Flip(int bit)
    {
        var bytes = Written.Events.ToArray();
        bytes[bit / 8 % bytes.Length] ^= (byte)(1 << (bit % 8));
        AtRest = Written with { Events = bytes };
    }

    /// <summary>Restored from a copy.</summary>
    public void Restore() => AtRest = Written;

    /// <summary>What a reader gets.</summary>
    /// <exception cref="JournalCorruptException">The checksum does not match.</exception>
    public JournalRecord Read(bool isUnchecked = false) =>
        isUnchecked || ReferenceEquals(AtRest, Written) || XxHash3.HashToUInt64(AtRest.Events.Span) == _checksum
            ? AtRest
            : throw new JournalCorruptException($"the record at position {Written.Position} fails its checksum");
}

/// <summary>A snapshot at rest.</summary>
internal sealed class StoredSnapshot(Snapshot snapshot)
{
    private readonly ulong _checksum = XxHash3.HashToUInt64(snapshot.State.Span);

    public Snapshot AtRest { get; private set; } = snapshot;

    public Snapshot Written { get; } = snapshot;

    public void Flip(int bit)
    {
        var bytes = Written.State.ToArray();
        bytes[bit / 8 % bytes.Length] ^= (byte)(1 << (bit % 8));
        AtRest = Written with { State = bytes };
    }

    public void Restore() => AtRest = Written;

    public Snapshot Read(bool isUnchecked = false) =>
        isUnchecked || ReferenceEquals(AtRest, Written) || XxHash3.HashToUInt64(AtRest.State.Span) == _checksum
            ? AtRest
            : throw new JournalCorruptException($"the snapshot of {Written.Actor} fails its checksum");
}

/// <summary>What one actor has at rest.</summary>
internal sealed class StoredActor(ActorId id)
{
    public ActorId Id { get; } = id;

    public List<StoredRecord> Records { get; } = [];

    public StoredSnapshot? Snapshot { get; set; }

    public long WakeAtMs { get; set; }

    public long Version => Records.Count == 0 ? 0 : Records[^1].Written.LastVersion;

    public Hash128 Hash => Records.Count == 0 ? default : Records[^1].Written.Hash;
}

/// <summary>What is durable, whatever happens to processes. The plain form of what every store promises.</summary>
internal sealed class SimulatedStore
{
    private readonly Dictionary<ActorId, StoredActor> _actors = [];
    private readonly Dictionary<RequestKey, StoredRecord> _keys = [];
    private readonly Dictionary<string, long> _sums = [];

    /// <summary>In commit order; the position of a record is its place, from 1.</summary>
    public List<StoredRecord> Records { get; } = [];

    public IReadOnlyDictionary<ActorId, StoredActor> Actors => _actors;

    public IReadOnlyDictionary<RequestKey, StoredRecord> Keys => _keys;

    public IReadOnlyDictionary<string, long> Sums => _sums;

    public long Events { get; private set; }

    public long TailStart { get; set; }

    /// <summary>Until this step commits fail.</summary>
    public long FullUntil { get; set; }

    /// <summary>What is damaged at rest now.</summary>
    public Action? Repair { get; set; }

    public Defects Defects { get; init; }

    public StoredActor? Find(ActorId actor) => _actors.GetValueOrDefault(actor);

    /// <summary>Appends one entry, or says why not.</summary>
    public AppendOutcome Append(AppendBatch batch, ref AppendEntry entry, int programs)
    {
        var actor = _actors.GetValueOrDefault(entry.Actor);
        var first = entry.ExpectedVersion + 1;
        if (entry.ExpectedVersion != (actor?.Version ?? 0) || entry.ExpectedHash != (actor?.Hash ?? default))
        {
            if (!Defects.HasFlag(Defects.NoVersionCheck))
            {
                return AppendOutcome.Stale;
            }

            first = (actor?.Version ?? 0) + 1;
        }

        var keys = CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount);
        foreach (var key in keys)
        {
            if (key.Unique && _keys.ContainsKey(key.Key) && !Defects.HasFlag(Defects.NoUniqueKeys))
            {
                return AppendOutcome.Duplicate;
            }
        }

        if (actor is null)
        {
            _actors.Add(entry.Actor, actor = new(entry.Actor));
        }

        var record = new StoredRecord(
            new(entry.Actor, first, entry.EventCount, Records.Count + 1, entry.RecordedAtMs, entry.WakeAtMs, entry.Hash,
                batch.Payload.WrittenSpan.Slice(entry.PayloadStart, entry.PayloadLength).ToArray()),
            programs);
        foreach (var key in keys)
        {
            _keys[key.Key] = record;
        }

        foreach (var measure in CollectionsMarshal.AsSpan(batch.Measures).Slice(entry.MeasureStart, entry.MeasureCount))
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_sums, measure.Name, out _) += measure.Delta;
        }

        Records.Add(record);
        actor.Records.Add(record);
        actor.WakeAtMs = entry.WakeAtMs;
        Events += entry.EventCount;
        entry.Position = Records.Count;
        return AppendOutcome.Appended;
    }

    /// <summary>Stores a snapshot if its version is durable and not older than the stored one.</summary>
    public void Save(Snapshot snapshot)
    {
        var actor = _actors.GetValueOrDefault(snapshot.Actor);
        if (actor is null || snapshot.Version > actor.Version || snapshot.Version < (actor.Snapshot?.Written.Version ?? 0))
        {
            return;
        }

        actor.Snapshot = new(snapshot with { State = snapshot.State.ToArray() });
        if (snapshot.Version == actor.Version)
        {
            actor.WakeAtMs = snapshot.WakeAtMs;
        }
    }

    /// <summary>Actors with records up to the position that no snapshot covers.</summary>
    public IEnumerable<ActorId> Unsaved(long position) =>
        _actors.Values.Where(actor => actor.Records.Exists(r => r.Written.Position <= position && r.Written.LastVersion > (actor.Snapshot?.Written.Version ?? 0)))
            .Select(actor => actor.Id);
}
