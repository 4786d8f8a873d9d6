using System.Diagnostics;
using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Postgres;

/// <summary>
/// The only thread of this process that appends. It takes everything that waits (up to a limit), makes one plan of it, and sends that as one statement: one message there, one back, one
/// commit. While the server works the next batches gather.
/// </summary>
internal sealed class PostgresWriter : IDisposable
{
    private const int EntryOverhead = 192;
    private const int KeyOverhead = 17;
    private const int TriesMax = 64;
    private static readonly TimeSpan ReconnectDelayMin = TimeSpan.FromMilliseconds(100);

    private readonly PostgresJournalOptions options;
    private readonly PostgresServer server;
    private readonly BooksView view;
    private readonly KnownKeys keys;
    private readonly HashSet<string> measureNames;
    private readonly Guid id = Guid.NewGuid();
    private readonly Thread thread;
    private readonly object gate = new();
    private readonly Queue<(AppendBatch Batch, long Bytes)> appends = new();
    private readonly List<AppendBatch> group = [];
    private readonly List<(AppendBatch Batch, int Entry)> taken = [];
    private readonly List<(AppendBatch Batch, int Entry, AppendOutcome Outcome)> refused = [];
    private readonly Dictionary<ActorId, (long Version, Guid Chain)> refusedHeads = [];
    private readonly AppendPlan plan;
    private AppendConnection? connection;
    private long queuedBytes;
    private long seq;
    private bool resent;
    private bool waiting;
    private bool stopping;
    private bool isDown;
    private TimeSpan delay = ReconnectDelayMin;
    private long retryAt;

    public PostgresWriter(PostgresJournalOptions options, PostgresServer server, BooksView view, KnownKeys keys, HashSet<string> measureNames)
    {
        (this.options, this.server, this.view, this.keys, this.measureNames) = (options, server, view, keys, measureNames);
        plan = new(options.RecordBytesMax, measureNames);
        thread = new(Loop) { IsBackground = true, Name = "journal writer" };
    }

    /// <summary>For tests: called before (false) and after (true) a group is committed; what it throws looks like the connection's own failure.</summary>
    internal Action<bool>? CommitFault { get; set; }

    public void Start() => thread.Start();

    public void Append(AppendBatch batch)
    {
        var bytes = batch.Payload.WrittenCount + ((long)batch.Entries.Count * EntryOverhead) + ((long)batch.Keys.Count * KeyOverhead);
        lock (gate)
        {
            if (!stopping && !isDown && (queuedBytes == 0 || queuedBytes + bytes <= options.QueueBytesMax))
            {
                AppendChecks.SetAll(batch, AppendOutcome.Pending);
                queuedBytes += bytes;
                appends.Enqueue((batch, bytes));
                if (waiting)
                {
                    Monitor.Pulse(gate);
                }

                return;
            }
        }

        // Not on this thread: the caller may hold what its callback wants.
        AppendChecks.SetAll(batch, AppendOutcome.Failed);
        ThreadPool.UnsafeQueueUserWorkItem(static b => b.Completed?.Invoke(b), batch, preferLocal: false);
    }

    /// <summary>Commits what was appended and ends.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.Pulse(gate);
        }

        thread.Join();
        if (connection is not null)
        {
            try
            {
                connection.Forget(id);
            }
            catch (Exception e) when (PostgresServer.IsTrouble(e))
            {
                // The row stays; one that is a month old is removed at the next opening of any process.
            }

            connection.Dispose();
        }
    }

    private void Loop()
    {
        while (true)
        {
            group.Clear();
            long groupBytes = 0;
            var groupRecords = 0;
            lock (gate)
            {
                while (appends.Count == 0 && !stopping)
                {
                    if (connection is null && Stopwatch.GetElapsedTime(retryAt) >= TimeSpan.Zero)
                    {
                        break;
                    }

                    waiting = true;
                    _ = connection is null ? Monitor.Wait(gate, -Stopwatch.GetElapsedTime(retryAt)) : Monitor.Wait(gate);
                    waiting = false;
                }

                if (stopping && appends.Count == 0)
                {
                    return;
                }

                while (appends.TryPeek(out var next)
                    && (group.Count == 0 || (groupBytes + next.Bytes <= options.CommitBytesMax && groupRecords + next.Batch.Entries.Count <= options.CommitRecordsMax)))
                {
                    appends.Dequeue();
                    group.Add(next.Batch);
                    groupBytes += next.Bytes;
                    groupRecords += next.Batch.Entries.Count;
                }
            }

            if (TryConnect())
            {
                CommitGroup();
            }
            else
            {
                EndPending(AppendOutcome.Failed);
            }

            lock (gate)
            {
                queuedBytes -= groupBytes;
            }

            foreach (var batch in group)
            {
                batch.Completed?.Invoke(batch);
            }
        }
    }

    /// <summary>False: there is no connection, and what waits has to fail. After a failure, attempts are made by the loop itself, at growing distances.</summary>
    private bool TryConnect()
    {
        if (connection is not null)
        {
            return true;
        }

        if (isDown && Stopwatch.GetElapsedTime(retryAt) < TimeSpan.Zero)
        {
            return false;
        }

        try
        {
            connection = new(server);
            delay = ReconnectDelayMin;
            if (isDown)
            {
                options.OnTrouble?.Invoke($"{server.Description}: connected again.");
            }

            lock (gate)
            {
                isDown = false;
            }

            return true;
        }
        catch (Exception e) when (PostgresServer.IsTrouble(e))
        {
            if (!isDown)
            {
                options.OnTrouble?.Invoke($"{server.Explain(e).Message} Appends fail until it can be reached.");
            }

            GoDown();
            return false;
        }
    }

    /// <summary>No connection: from now on appends fail at once, and those that wait fail now.</summary>
    private void GoDown()
    {
        connection?.Dispose();
        connection = null;
        server.Forget();
        List<AppendBatch> lost = [];
        lock (gate)
        {
            isDown = true;
            retryAt = Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency);
            while (appends.TryDequeue(out var next))
            {
                queuedBytes -= next.Bytes;
                lost.Add(next.Batch);
            }
        }

        delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, options.ReconnectDelayMax.Ticks));
        foreach (var batch in lost)
        {
            AppendChecks.SetAll(batch, AppendOutcome.Failed);
        }

        // In order behind the batches of the group, which are told first.
        group.AddRange(lost);
    }

    private void CommitGroup()
    {
        refusedHeads.Clear();
        resent = false;
        for (var tries = 1; ; tries++)
        {
            MakePlan();
            if (plan.Records == 0 || tries > TriesMax)
            {
                if (tries > TriesMax)
                {
                    options.OnTrouble?.Invoke($"{server.Description}: a group was refused {TriesMax} times, each time for another reason; what is left of it failed.");
                    EndPending(AppendOutcome.Failed);
                }

                break;
            }

            var answer = Send();
            if (answer == SendAnswer.Written)
            {
                break;
            }

            if (answer == SendAnswer.Ended)
            {
                return;
            }
        }

        // What contradicts the group itself, now that the group is durable.
        foreach (var (batch, at, outcome) in refused)
        {
            Refuse(batch, at, outcome);
        }
    }

    private void MakePlan()
    {
        plan.Clear();
        taken.Clear();
        refused.Clear();
        foreach (var batch in group)
        {
            var entries = CollectionsMarshal.AsSpan(batch.Entries);
            for (var i = 0; i < entries.Length; i++)
            {
                ref var entry = ref entries[i];
                if (entry.Outcome != AppendOutcome.Pending)
                {
                    continue;
                }

                var answer = plan.Add(batch, entry, refusedHeads);
                switch (answer)
                {
                    case PlanAnswer.Taken:
                        taken.Add((batch, i));
                        break;
                    case PlanAnswer.Stale:
                        refused.Add((batch, i, AppendOutcome.Stale));
                        break;
                    case PlanAnswer.Duplicate:
                        refused.Add((batch, i, AppendOutcome.Duplicate));
                        break;
                    default:
                        entry.Outcome = AppendOutcome.Failed;
                        options.OnTrouble?.Invoke(answer switch
                        {
                            PlanAnswer.TooLarge => $"A record of {entry.Actor} has {entry.PayloadLength} bytes; the limit is {options.RecordBytesMax}. It was not written.",
                            PlanAnswer.NotText => $"A record of {entry.Actor.Kind} names an actor or a measure by what is no text. It was not written.",
                            _ => $"A record of {entry.Actor} brings a new measure, but there are {AppendPlan.MeasureNamesMax} already. It was not written.",
                        });
                        break;
                }
            }
        }

        plan.Finish();
    }

    private SendAnswer Send()
    {
        seq++;
        try
        {
            CommitFault?.Invoke(false);
            var refusals = connection!.Append(id, seq, plan, view, out var positionBefore);
            CommitFault?.Invoke(true);
            if (refusals is null)
            {
                Publish(positionBefore);
                return SendAnswer.Written;
            }

            foreach (var refusal in refusals)
            {
                var (batch, at) = taken[refusal.Offset - 1];
                if (refusal.Version >= 0)
                {
                    refusedHeads[batch.Entries[at].Actor] = (refusal.Version, refusal.Chain);
                }

                Refuse(batch, at, refusal.Version >= 0 ? AppendOutcome.Stale : AppendOutcome.Duplicate);
            }

            return SendAnswer.Refused;
        }
        catch (Exception e) when (PostgresServer.IsTrouble(e))
        {
            if (connection!.IsRefusal(e))
            {
                options.OnTrouble?.Invoke($"A group commit failed: {server.Explain(e).Message}");
                EndPending(AppendOutcome.Failed);
                return SendAnswer.Ended;
            }

            options.OnTrouble?.Invoke($"The connection was lost during a group commit: {server.Explain(e).Message}");
            return Settle();
        }
    }

    /// <summary>The connection is gone and nobody said whether the group is in the books: the server is asked as soon as it can be reached.</summary>
    private SendAnswer Settle()
    {
        connection!.Dispose();
        connection = null;
        server.Forget();
        var started = Stopwatch.GetTimestamp();
        for (var pause = ReconnectDelayMin; ; pause *= 2)
        {
            try
            {
                connection = new(server);
                var positionBefore = connection.Settle(id, seq);
                if (positionBefore < 0)
                {
                    // It is not, and cannot come any more.
                    if (resent)
                    {
                        EndPending(AppendOutcome.Failed);
                        return SendAnswer.Ended;
                    }

                    resent = true;
                    options.OnTrouble?.Invoke($"{server.Description}: connected again; the group was not in the books and is sent again.");
                    return SendAnswer.Refused;
                }

                options.OnTrouble?.Invoke($"{server.Description}: connected again; the group is in the books.");
                Publish(positionBefore);
                return SendAnswer.Written;
            }
            catch (Exception e) when (PostgresServer.IsTrouble(e))
            {
                connection?.Dispose();
                connection = null;
                if (Stopwatch.GetElapsedTime(started) + pause >= options.SettleTimeout || IsStopping())
                {
                    options.OnTrouble?.Invoke($"{server.Explain(e).Message} Whether the last group of records is in the books is not known; appends fail until it can be reached.");
                    EndPending(AppendOutcome.Unknown);
                    GoDown();
                    return SendAnswer.Ended;
                }
            }

            Thread.Sleep(pause);
        }
    }

    private bool IsStopping()
    {
        lock (gate)
        {
            return stopping;
        }
    }

    private void Publish(long positionBefore)
    {
        for (var i = 0; i < taken.Count; i++)
        {
            var (batch, at) = taken[i];
            ref var entry = ref CollectionsMarshal.AsSpan(batch.Entries)[at];
            entry.Outcome = AppendOutcome.Appended;
            entry.Position = positionBefore + i + 1;
            keys.Add(CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount));
        }
    }

    private void Refuse(AppendBatch batch, int at, AppendOutcome outcome)
    {
        ref var entry = ref CollectionsMarshal.AsSpan(batch.Entries)[at];
        entry.Outcome = outcome;
        if (outcome == AppendOutcome.Duplicate)
        {
            // Which one it was does not matter: whoever asks for another finds nothing.
            foreach (ref readonly var key in CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount))
            {
                if (key.Unique)
                {
                    keys.Surprise(key.Key);
                }
            }
        }
    }

    private void EndPending(AppendOutcome outcome)
    {
        foreach (var batch in group)
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

    private enum SendAnswer
    {
        /// <summary>The plan is durable.</summary>
        Written,

        /// <summary>Some entries have their answer now; the rest is to be planned again.</summary>
        Refused,

        /// <summary>Every entry has its answer.</summary>
        Ended,
    }
}
