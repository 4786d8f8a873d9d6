using System.Text;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Tests;

/// <summary>Appends as an engine would: knows each actor's version and chain.</summary>
public sealed class Books(IJournal journal, Books? earlier = null)
{
    public const long RecordedAt = 1_700_000_000_000;
    private readonly Dictionary<ActorId, (long Version, Hash128 Chain)> actors = earlier is null ? [] : new(earlier.actors);

    public static AppendBatch Batch() => new();

    public static void Add(
        AppendBatch batch, ActorId actor, long expected, string text, int events = 1, long wakeAt = 0,
        KeyEntry[]? keys = null, Measure[]? measures = null, Hash128 hash = default, Hash128 expectedHash = default)
    {
        var entry = new AppendEntry
        {
            Actor = actor,
            ExpectedVersion = expected,
            ExpectedHash = expectedHash,
            EventCount = events,
            PayloadStart = batch.Payload.WrittenCount,
            KeyStart = batch.Keys.Count,
            KeyCount = keys?.Length ?? 0,
            MeasureStart = batch.Measures.Count,
            MeasureCount = measures?.Length ?? 0,
            Hash = hash,
            RecordedAtMs = RecordedAt,
            WakeAtMs = wakeAt,
        };
        entry.PayloadLength = Encoding.UTF8.GetBytes(text, batch.Payload.GetSpan(Encoding.UTF8.GetByteCount(text)));
        batch.Payload.Advance(entry.PayloadLength);
        batch.Keys.AddRange(keys ?? []);
        batch.Measures.AddRange(measures ?? []);
        batch.Entries.Add(entry);
    }

    public static Task Send(IJournal journal, AppendBatch batch)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        batch.Completed = _ => done.SetResult();
        journal.Append(batch);
        return done.Task;
    }

    public static Snapshot Snap(ActorId actor, long version, string state, long wakeAt = 0) =>
        new(actor, version, new(1, (ulong)version), wakeAt, Encoding.UTF8.GetBytes(state));

    public long Version(ActorId actor) => actors.GetValueOrDefault(actor).Version;

    public Hash128 Chain(ActorId actor) => actors.GetValueOrDefault(actor).Chain;

    public async Task<AppendOutcome> Try(
        ActorId actor, string text, int events = 1, long wakeAt = 0, KeyEntry[]? keys = null, Measure[]? measures = null) =>
        (await TryEntry(actor, text, events, wakeAt, keys, measures)).Outcome;

    /// <summary>Must succeed; returns the position.</summary>
    public async Task<long> Append(
        ActorId actor, string text, int events = 1, long wakeAt = 0, KeyEntry[]? keys = null, Measure[]? measures = null)
    {
        var entry = await TryEntry(actor, text, events, wakeAt, keys, measures);
        Assert.Equal(AppendOutcome.Appended, entry.Outcome);
        return entry.Position;
    }

    public async Task Snapshot(ActorId actor, string state, long wakeAt = 0) =>
        await journal.SaveSnapshotsAsync([new(actor, Version(actor), Chain(actor), wakeAt, Encoding.UTF8.GetBytes(state))]);

    private async Task<AppendEntry> TryEntry(ActorId actor, string text, int events, long wakeAt, KeyEntry[]? keys, Measure[]? measures)
    {
        var (version, chain) = actors.GetValueOrDefault(actor);
        var next = Hash128.Next(chain, actor, version + 1, RecordedAt, Encoding.UTF8.GetBytes(text));
        var batch = Batch();
        Add(batch, actor, version, text, events, wakeAt, keys, measures, next, chain);
        await Send(journal, batch);
        if (batch.Entries[0].Outcome == AppendOutcome.Appended)
        {
            actors[actor] = (version + events, next);
        }

        return batch.Entries[0];
    }
}
