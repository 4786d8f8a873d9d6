using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Stages;

/// <summary>Appends records of many actors, several group commits in flight.</summary>
internal sealed class JournalLoad(IJournal journal, ActorId[] actors, byte[] body) : IDisposable
{
    private const int BatchRecords = 512;
    private readonly long[] _versions = new long[actors.Length];
    private readonly Hash128[] _chains = new Hash128[actors.Length];
    private readonly Random _random = new(1);
    private long _next;

    /// <summary>Appends so many records and waits until the last is durable; returns the records appended.</summary>
    public long Append(int records)
    {
        var batches = records / BatchRecords;
        using var done = new CountdownEvent(batches);
        long appended = 0;
        for (var b = 0; b < batches; b++)
        {
            var batch = new AppendBatch
            {
                Completed = finished =>
                {
                    Interlocked.Add(ref appended, finished.Entries.Count(entry => entry.Outcome == AppendOutcome.Appended));
                    done.Signal();
                },
            };
            for (var i = 0; i < BatchRecords; i++)
            {
                Add(batch, i);
            }

            journal.Append(batch);
        }

        done.Wait();
        return appended == records ? appended : throw new InvalidOperationException($"{records - appended} records were not appended");
    }

    public void Dispose() => journal.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private void Add(AppendBatch batch, int index)
    {
        var at = _random.Next(actors.Length);
        var start = batch.Payload.WrittenCount;
        body.CopyTo(batch.Payload.GetSpan(body.Length));
        batch.Payload.Advance(body.Length);
        batch.Keys.Add(new(RequestKey.Of("request", $"POS-{++_next}", journal.KeySeed), true));
        batch.Measures.Add(new("account:points:issued", -12));
        batch.Measures.Add(new("account:points:member", 12));
        batch.Measures.Add(new("count:member-purchases", 1));
        // The chain is a stage of its own: any 128 bits will do here.
        var chain = new Hash128((ulong)_next, (ulong)at);
        batch.Entries.Add(new()
        {
            Actor = actors[at],
            ExpectedVersion = _versions[at],
            ExpectedHash = _chains[at],
            EventCount = 2,
            PayloadStart = start,
            PayloadLength = body.Length,
            KeyStart = index,
            KeyCount = 1,
            MeasureStart = index * 3,
            MeasureCount = 3,
            Hash = chain,
            RecordedAtMs = 1_700_000_000_000,
            WakeAtMs = 1_800_000_000_000,
        });
        _versions[at] += 2;
        _chains[at] = chain;
    }
}
