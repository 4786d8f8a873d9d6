using System.Buffers;
using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Postgres;

/// <summary>Why an entry is not in a plan.</summary>
internal enum PlanAnswer : byte
{
    Taken,
    Stale,
    Duplicate,
    TooLarge,
    NotText,
    TooManyMeasures,
}

/// <summary>
/// One group commit as the arrays that the database function <c>append</c> takes. Entries of one actor are chained here: the database sees only where the first begins and the last
/// ends. Used again and again, by one thread at a time.
/// </summary>
internal sealed class AppendPlan(int recordBytesMax, HashSet<string> measureNames)
{
    /// <summary>More names than this are a mistake: a name per member, for instance.</summary>
    public const int MeasureNamesMax = 10_000;

    private readonly Dictionary<ActorId, (int Head, int LastOffset)> heads = [];
    private readonly Dictionary<RequestKey, int> keys = [];
    private readonly Dictionary<RequestKey, int> latest = [];
    private readonly Dictionary<string, long> measures = new(StringComparer.Ordinal);
    private int knownHeads;

    // One for each actor.
    public List<long> HeadHash { get; } = [];

    public List<string> HeadActor { get; } = [];

    public List<long> HeadExpected { get; } = [];

    public List<Guid> HeadExpectedChain { get; } = [];

    public List<long> HeadVersion { get; } = [];

    public List<Guid> HeadChain { get; } = [];

    public List<long> HeadWake { get; } = [];

    public List<int> HeadFirst { get; } = [];

    public List<int> HeadLast { get; } = [];

    public int NewHeads { get; private set; }

    // One for each record.
    public List<string> RecordActor { get; } = [];

    public List<int> RecordLink { get; } = [];

    public List<long> RecordVersion { get; } = [];

    public List<int> RecordEvents { get; } = [];

    public List<long> RecordAt { get; } = [];

    public List<long> RecordWake { get; } = [];

    public List<Guid> RecordChain { get; } = [];

    public List<long> RecordChecksum { get; } = [];

    public List<int> RecordStart { get; } = [];

    public List<int> RecordLength { get; } = [];

    public ArrayBufferWriter<byte> Payload { get; } = new(1 << 20);

    public List<Guid> UniqueKey { get; } = [];

    public List<int> UniqueRecord { get; } = [];

    public List<Guid> LatestKey { get; } = [];

    public List<int> LatestRecord { get; } = [];

    public List<string> MeasureName { get; } = [];

    public List<long> MeasureDelta { get; } = [];

    public long Events { get; private set; }

    public int Records => RecordLink.Count;

    public void Clear()
    {
        heads.Clear();
        keys.Clear();
        latest.Clear();
        measures.Clear();
        knownHeads = 0;
        HeadHash.Clear();
        HeadActor.Clear();
        HeadExpected.Clear();
        HeadExpectedChain.Clear();
        HeadVersion.Clear();
        HeadChain.Clear();
        HeadWake.Clear();
        HeadFirst.Clear();
        HeadLast.Clear();
        NewHeads = 0;
        RecordActor.Clear();
        RecordLink.Clear();
        RecordVersion.Clear();
        RecordEvents.Clear();
        RecordAt.Clear();
        RecordWake.Clear();
        RecordChain.Clear();
        RecordChecksum.Clear();
        RecordStart.Clear();
        RecordLength.Clear();
        Payload.ResetWrittenCount();
        UniqueKey.Clear();
        UniqueRecord.Clear();
        LatestKey.Clear();
        LatestRecord.Clear();
        MeasureName.Clear();
        MeasureDelta.Clear();
        Events = 0;
    }

    /// <summary>
    /// Takes the entry as the next record, if what is before it allows. <paramref name="refusedHeads"/> is where actors stand whose entries the database has just refused.
    /// </summary>
    public PlanAnswer Add(AppendBatch batch, in AppendEntry entry, Dictionary<ActorId, (long Version, Guid Chain)> refusedHeads)
    {
        var expectedChain = Rows.ToUuid(entry.ExpectedHash);
        ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(heads, entry.Actor);
        var isChained = !System.Runtime.CompilerServices.Unsafe.IsNullRef(ref known);
        if (isChained)
        {
            if (HeadVersion[known.Head] != entry.ExpectedVersion || HeadChain[known.Head] != expectedChain)
            {
                return PlanAnswer.Stale;
            }
        }
        else if ((refusedHeads.Count > 0 && refusedHeads.TryGetValue(entry.Actor, out var head) && (head.Version != entry.ExpectedVersion || head.Chain != expectedChain))
            || (entry.ExpectedVersion == 0 && entry.ExpectedHash != default))
        {
            return PlanAnswer.Stale;
        }

        var entryKeys = CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount);
        var entryMeasures = CollectionsMarshal.AsSpan(batch.Measures).Slice(entry.MeasureStart, entry.MeasureCount);
        if (Objection(entry, isChained, entryKeys, entryMeasures) is var objection && objection != PlanAnswer.Taken)
        {
            return objection;
        }

        var offset = Records + 1;
        var hash = entry.ActorHash != 0 ? entry.ActorHash : entry.Actor.StableHash();
        var chain = Rows.ToUuid(entry.Hash);
        if (isChained)
        {
            RecordActor.Add(HeadActor[known.Head]);
            RecordLink.Add(known.LastOffset);
            HeadVersion[known.Head] = entry.ExpectedVersion + entry.EventCount;
            HeadChain[known.Head] = chain;
            HeadWake[known.Head] = entry.WakeAtMs;
            HeadLast[known.Head] = offset;
            known.LastOffset = offset;
        }
        else
        {
            var actor = entry.Actor.ToString();
            var isNew = entry.ExpectedVersion == 0;
            RecordActor.Add(actor);
            RecordLink.Add(isNew ? 0 : -++knownHeads);
            NewHeads += isNew ? 1 : 0;
            heads.Add(entry.Actor, (HeadHash.Count, offset));
            HeadHash.Add(Rows.Signed(hash));
            HeadActor.Add(actor);
            HeadExpected.Add(entry.ExpectedVersion);
            HeadExpectedChain.Add(expectedChain);
            HeadVersion.Add(entry.ExpectedVersion + entry.EventCount);
            HeadChain.Add(chain);
            HeadWake.Add(entry.WakeAtMs);
            HeadFirst.Add(offset);
            HeadLast.Add(offset);
        }

        AddRecord(batch, entry, hash, chain);
        foreach (ref readonly var key in entryKeys)
        {
            if (key.Unique && keys.TryAdd(key.Key, offset))
            {
                UniqueKey.Add(Rows.ToUuid(key.Key));
                UniqueRecord.Add(offset);
            }
        }

        foreach (ref readonly var key in entryKeys)
        {
            if (!key.Unique)
            {
                keys[key.Key] = offset;
                latest[key.Key] = offset;
            }
        }

        foreach (ref readonly var measure in entryMeasures)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(measures, measure.Name, out _) += measure.Delta;
        }

        return PlanAnswer.Taken;
    }

    /// <summary>No entry comes any more. Keys and heads are sorted as their indices are: one walk over neighbouring pages instead of one for each.</summary>
    public void Finish()
    {
        SortHeads();
        CollectionsMarshal.AsSpan(UniqueKey).Sort(CollectionsMarshal.AsSpan(UniqueRecord));
        foreach (var (key, offset) in latest)
        {
            LatestKey.Add(Rows.ToUuid(key));
            LatestRecord.Add(offset);
        }

        CollectionsMarshal.AsSpan(LatestKey).Sort(CollectionsMarshal.AsSpan(LatestRecord));
        foreach (var (name, delta) in measures)
        {
            MeasureName.Add(name);
            MeasureDelta.Add(delta);
        }
    }

    private void SortHeads()
    {
        var order = new int[HeadHash.Count];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        CollectionsMarshal.AsSpan(HeadHash).Sort(order.AsSpan());
        Follow(HeadActor);
        Follow(HeadExpected);
        Follow(HeadExpectedChain);
        Follow(HeadVersion);
        Follow(HeadChain);
        Follow(HeadWake);
        Follow(HeadFirst);
        Follow(HeadLast);

        void Follow<T>(List<T> values)
        {
            T[] sorted = [.. order.Select(at => values[at])];
            sorted.CopyTo(CollectionsMarshal.AsSpan(values));
        }
    }

    private PlanAnswer Objection(in AppendEntry entry, bool isChained, ReadOnlySpan<KeyEntry> entryKeys, ReadOnlySpan<Measure> entryMeasures)
    {
        foreach (ref readonly var key in entryKeys)
        {
            if (key.Unique && keys.ContainsKey(key.Key))
            {
                return PlanAnswer.Duplicate;
            }
        }

        if (entry.PayloadLength > recordBytesMax)
        {
            return PlanAnswer.TooLarge;
        }

        if (!isChained && !Rows.IsStorable(entry.Actor))
        {
            return PlanAnswer.NotText;
        }

        foreach (ref readonly var measure in entryMeasures)
        {
            if (measures.ContainsKey(measure.Name))
            {
                continue;
            }

            // Two plans share the names.
            lock (measureNames)
            {
                if (measureNames.Contains(measure.Name))
                {
                    continue;
                }

                if (!Rows.IsStorable(measure.Name))
                {
                    return PlanAnswer.NotText;
                }

                if (measureNames.Count >= MeasureNamesMax)
                {
                    return PlanAnswer.TooManyMeasures;
                }

                measureNames.Add(measure.Name);
            }
        }

        return PlanAnswer.Taken;
    }

    private void AddRecord(AppendBatch batch, in AppendEntry entry, ulong hash, Guid chain)
    {
        var events = batch.Payload.WrittenSpan.Slice(entry.PayloadStart, entry.PayloadLength);
        RecordVersion.Add(entry.ExpectedVersion + 1);
        RecordEvents.Add(entry.EventCount);
        RecordAt.Add(entry.RecordedAtMs);
        RecordWake.Add(entry.WakeAtMs);
        RecordChain.Add(chain);
        RecordChecksum.Add(Rows.RecordChecksum(hash, entry.ExpectedVersion + 1, entry.EventCount, entry.RecordedAtMs, entry.WakeAtMs, entry.Hash, events));
        RecordStart.Add(Payload.WrittenCount + 1);
        RecordLength.Add(events.Length);
        Payload.Write(events);
        Events += entry.EventCount;
    }
}
