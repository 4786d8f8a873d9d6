using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Postgres;

/// <summary>Batches that share a commit, and the plan made of them. Has two owners in turn: the thread that fills it and the one that sends it.</summary>
internal sealed class AppendGroup(PostgresJournalOptions options, HashSet<string> measureNames)
{
    private static readonly Dictionary<ActorId, (long Version, Guid Chain)> NoHeads = [];
    private int records;

    public AppendPlan Plan { get; } = new(options.RecordBytesMax, measureNames);

    public List<AppendBatch> Batches { get; } = [];

    /// <summary>The entry of each record of the plan.</summary>
    public List<(AppendBatch Batch, int Entry)> Taken { get; } = [];

    /// <summary>Entries that contradict earlier ones of the plan, and the outcome they have if the plan becomes durable as it is.</summary>
    public List<(AppendBatch Batch, int Entry, AppendOutcome Outcome)> Refused { get; } = [];

    public long Bytes { get; private set; }

    public bool HasRoomFor(AppendBatch batch, long bytes) =>
        Batches.Count == 0 || (Bytes + bytes <= options.CommitBytesMax && records + batch.Entries.Count <= options.CommitRecordsMax);

    /// <summary>The batch belongs to the group from now on; its entries are added next.</summary>
    public void Reserve(AppendBatch batch, long bytes)
    {
        Batches.Add(batch);
        Bytes += bytes;
        records += batch.Entries.Count;
    }

    public void Add(AppendBatch batch, Action<string>? onTrouble) => Add(batch, NoHeads, onTrouble);

    /// <summary>Makes the plan anew of what has no outcome yet.</summary>
    public void PlanAgain(Dictionary<ActorId, (long Version, Guid Chain)> refusedHeads, Action<string>? onTrouble)
    {
        Plan.Clear();
        Taken.Clear();
        Refused.Clear();
        foreach (var batch in Batches)
        {
            Add(batch, refusedHeads, onTrouble);
        }

        Plan.Finish();
    }

    public void EndPending(AppendOutcome outcome)
    {
        foreach (var batch in Batches)
        {
            foreach (ref var entry in CollectionsMarshal.AsSpan(batch.Entries))
            {
                if (entry.Outcome == AppendOutcome.Pending)
                {
                    entry.Outcome = outcome;
                }
            }
        }
    }

    public void Clear()
    {
        Plan.Clear();
        Taken.Clear();
        Refused.Clear();
        Batches.Clear();
        Bytes = 0;
        records = 0;
    }

    private void Add(AppendBatch batch, Dictionary<ActorId, (long Version, Guid Chain)> refusedHeads, Action<string>? onTrouble)
    {
        var entries = CollectionsMarshal.AsSpan(batch.Entries);
        for (var i = 0; i < entries.Length; i++)
        {
            ref var entry = ref entries[i];
            if (entry.Outcome != AppendOutcome.Pending)
            {
                continue;
            }

            switch (Plan.Add(batch, entry, refusedHeads))
            {
                case PlanAnswer.Taken:
                    Taken.Add((batch, i));
                    break;
                case PlanAnswer.Stale:
                    Refused.Add((batch, i, AppendOutcome.Stale));
                    break;
                case PlanAnswer.Duplicate:
                    Refused.Add((batch, i, AppendOutcome.Duplicate));
                    break;
                case var answer:
                    entry.Outcome = AppendOutcome.Failed;
                    onTrouble?.Invoke(answer switch
                    {
                        PlanAnswer.TooLarge => $"A record of {entry.Actor} has {entry.PayloadLength} bytes; the limit is {options.RecordBytesMax}. It was not written.",
                        PlanAnswer.NotText => $"A record of a {entry.Actor.Kind} names an actor or a measure by what is no text. It was not written.",
                        _ => $"A record of {entry.Actor} brings a new measure, but there are {AppendPlan.MeasureNamesMax} already. It was not written.",
                    });
                    break;
            }
        }
    }
}
