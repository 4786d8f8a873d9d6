using System.Diagnostics;
using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Postgres;

/// <summary>
/// Appends for this process, with two threads. The planner takes batches as they come and makes one plan of what waits; the sender sends a plan as one statement: one message there, one
/// back, one commit. While the server works on one plan the next is made, and grows until the server is free.
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
    private readonly Guid id = Guid.NewGuid();
    private readonly Thread planner;
    private readonly Thread sender;
    private readonly object gate = new();
    private readonly Queue<(AppendBatch Batch, long Bytes)> appends = new();
    private readonly Dictionary<ActorId, (long Version, Guid Chain)> refusedHeads = [];
    private AppendGroup filling;
    private AppendGroup spare;
    private AppendGroup? ready;
    private AppendConnection? connection;
    private long queuedBytes;
    private long seq;
    private bool isSenderIdle;
    private bool stopping;
    private bool planned;
    private bool isDown;
    private bool resent;
    private TimeSpan delay = ReconnectDelayMin;
    private long retryAt;

    public PostgresWriter(PostgresJournalOptions options, PostgresServer server, BooksView view, KnownKeys keys, HashSet<string> measureNames)
    {
        (this.options, this.server, this.view, this.keys) = (options, server, view, keys);
        filling = new(options, measureNames);
        spare = new(options, measureNames);
        planner = new(Plan) { IsBackground = true, Name = "journal planner" };
        sender = new(SendAll) { IsBackground = true, Name = "journal sender" };
    }

    /// <summary>For tests: called before (false) and after (true) a group is committed; what it throws looks like the connection's own failure.</summary>
    internal Action<bool>? CommitFault { get; set; }

    public void Start()
    {
        planner.Start();
        sender.Start();
    }

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
                Monitor.PulseAll(gate);
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
            Monitor.PulseAll(gate);
        }

        planner.Join();
        sender.Join();
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

    // ------------------------------------------------------------------ the planner's thread

    private void Plan()
    {
        var taken = new List<(AppendBatch Batch, long Bytes)>();
        while (true)
        {
            taken.Clear();
            lock (gate)
            {
                while (!HasRoomForNext() && !(filling.Batches.Count > 0 && isSenderIdle && ready is null) && !(stopping && appends.Count == 0 && filling.Batches.Count == 0))
                {
                    Monitor.Wait(gate);
                }

                // A few at a time, so that a sender that becomes free meanwhile does not wait long.
                while (taken.Count < 8 && HasRoomForNext())
                {
                    taken.Add(appends.Dequeue());
                    filling.Reserve(taken[^1].Batch, taken[^1].Bytes);
                }

                if (taken.Count == 0 && filling.Batches.Count == 0)
                {
                    planned = true;
                    Monitor.PulseAll(gate);
                    return;
                }
            }

            foreach (var (batch, _) in taken)
            {
                filling.Add(batch, options.OnTrouble);
            }

            if (taken.Count == 0)
            {
                filling.Plan.Finish();
                lock (gate)
                {
                    ready = filling;
                    filling = spare;
                    Monitor.PulseAll(gate);
                }
            }
        }
    }

    private bool HasRoomForNext() => appends.TryPeek(out var next) && filling.HasRoomFor(next.Batch, next.Bytes);

    // ------------------------------------------------------------------ the sender's thread

    private void SendAll()
    {
        while (true)
        {
            AppendGroup? group;
            lock (gate)
            {
                isSenderIdle = true;
                Monitor.PulseAll(gate);
                while (ready is null && !planned)
                {
                    if (connection is not null)
                    {
                        Monitor.Wait(gate);
                    }
                    else if (Stopwatch.GetElapsedTime(retryAt) is var late && (late >= TimeSpan.Zero || !Monitor.Wait(gate, -late)))
                    {
                        break;
                    }
                }

                (group, ready) = (ready, null);
                if (group is null && planned)
                {
                    return;
                }

                isSenderIdle = group is null;
            }

            if (TryConnect() && group is not null)
            {
                Commit(group);
            }

            if (group is not null)
            {
                End(group);
            }
        }
    }

    private void End(AppendGroup group)
    {
        // What has no outcome was not sent.
        group.EndPending(AppendOutcome.Failed);
        lock (gate)
        {
            queuedBytes -= group.Bytes;
        }

        foreach (var batch in group.Batches)
        {
            batch.Completed?.Invoke(batch);
        }

        group.Clear();
        lock (gate)
        {
            spare = group;
        }
    }

    /// <summary>False: there is no connection, and what waits has to fail. After a failure, attempts are made by the loop itself, at growing distances.</summary>
    private bool TryConnect()
    {
        if (connection is not null)
        {
            return true;
        }

        if (Stopwatch.GetElapsedTime(retryAt) < TimeSpan.Zero)
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

    /// <summary>No connection: from now on appends fail at once, and those that wait fail as soon as the sender gets them.</summary>
    private void GoDown()
    {
        connection?.Dispose();
        connection = null;
        server.Forget();
        lock (gate)
        {
            isDown = true;
        }

        retryAt = Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency);
        delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, options.ReconnectDelayMax.Ticks));
    }

    private void Commit(AppendGroup group)
    {
        refusedHeads.Clear();
        resent = false;
        for (var tries = 1; group.Plan.Records > 0; tries++)
        {
            var answer = Send(group);
            if (answer == SendAnswer.Written)
            {
                break;
            }

            if (answer == SendAnswer.Ended)
            {
                return;
            }

            if (tries == TriesMax)
            {
                options.OnTrouble?.Invoke($"{server.Description}: a group was refused {TriesMax} times, each time for another reason; what is left of it failed.");
                group.EndPending(AppendOutcome.Failed);
                return;
            }

            group.PlanAgain(refusedHeads, options.OnTrouble);
        }

        // What contradicts the group itself, now that the group is durable.
        foreach (var (batch, at, outcome) in group.Refused)
        {
            Refuse(batch, at, outcome);
        }
    }

    private SendAnswer Send(AppendGroup group)
    {
        seq++;
        try
        {
            CommitFault?.Invoke(false);
            var refusals = connection!.Append(id, seq, group.Plan, view, out var positionBefore);
            CommitFault?.Invoke(true);
            if (refusals is null)
            {
                Publish(group, positionBefore);
                return SendAnswer.Written;
            }

            foreach (var refusal in refusals)
            {
                var (batch, at) = group.Taken[refusal.Offset - 1];
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
                group.EndPending(AppendOutcome.Failed);

                // A new connection for the next one: the server may have become a standby, or the statement prepared on this one is out of date.
                connection.Dispose();
                connection = null;
                server.Forget();
                return SendAnswer.Ended;
            }

            options.OnTrouble?.Invoke($"The connection was lost during a group commit: {server.Explain(e).Message}");
            return Settle(group);
        }
    }

    /// <summary>The connection is gone and nobody said whether the group is in the books: the server is asked as soon as it can be reached.</summary>
    private SendAnswer Settle(AppendGroup group)
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
                        group.EndPending(AppendOutcome.Failed);
                        return SendAnswer.Ended;
                    }

                    resent = true;
                    options.OnTrouble?.Invoke($"{server.Description}: connected again; the group was not in the books and is sent again.");
                    return SendAnswer.Refused;
                }

                options.OnTrouble?.Invoke($"{server.Description}: connected again; the group is in the books.");
                Publish(group, positionBefore);
                return SendAnswer.Written;
            }
            catch (Exception e) when (PostgresServer.IsTrouble(e))
            {
                connection?.Dispose();
                connection = null;
                if (Stopwatch.GetElapsedTime(started) + pause >= options.SettleTimeout || IsStopping())
                {
                    options.OnTrouble?.Invoke($"{server.Explain(e).Message} Whether the last group of records is in the books is not known; appends fail until it can be reached.");
                    foreach (var (batch, at) in group.Taken)
                    {
                        // Who asks for one of them again is to look.
                        var entry = batch.Entries[at];
                        keys.Add(CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount));
                    }

                    group.EndPending(AppendOutcome.Unknown);
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

    private void Publish(AppendGroup group, long positionBefore)
    {
        for (var i = 0; i < group.Taken.Count; i++)
        {
            var (batch, at) = group.Taken[i];
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
