using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Loyalty.Domain.Encoding;
using Loyalty.Runtime.Journal;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Runtime.Kernel;

/// <summary>
/// Many actors, one turn at a time. Takes commands from a queue, decides them, gathers what they append into batches for the journal, and answers when
/// the batches are durable. Runs on whatever thread the scheduler gives it, never on two at once.
/// </summary>
internal sealed class Shard : IThreadPoolWorkItem
{
    private const int MessagesPerRun = 256;
    private const int WarmedTogether = 16;

    private readonly EmbeddedHost _host;
    private readonly IJournal _journal;
    private readonly KernelOptions _options;
    private readonly ILogger _logger;
    private readonly IReadOnlyDictionary<string, ActorKind> _kinds;
    private readonly ConcurrentQueue<object> _signals = new();
    private readonly ConcurrentQueue<object> _commands = new();
    private readonly Dictionary<ActorId, ActorCell> _cells = [];
    private readonly List<ActorCell> _ring = [];
    private readonly Dictionary<RequestKey, (PendingAppends Appends, int Index)> _inFlight = [];
    private readonly Stack<PendingAppends> _pool = new();
    private readonly Turn _turn;
    private readonly ByteWriter _kernelEntries = new();
    private readonly ByteWriter _snapshot = new();
    private readonly long _maxBytes;
    private readonly ActorCell?[] _warmed = new ActorCell?[WarmedTogether];
    private PendingAppends _current = new();
    private int _warmth;
    private int _hand;
    private int _scheduled;
    private int _queued;
    private int _waitingForJournal;
    private long _bytes;
    private long _nowMs;
    private long _decided;
    private long _passivated;
    private long _loaded;

    public Shard(EmbeddedHost host, IJournal journal, IReadOnlyDictionary<string, ActorKind> kinds, KernelOptions options, ILogger logger)
    {
        _host = host;
        _journal = journal;
        _kinds = kinds;
        _options = options;
        _logger = logger;
        _maxBytes = options.MaxActorBytes / options.Shards;
        _turn = new Turn { KeySeed = journal.KeySeed };
    }

    public ShardFigures Figures => new(
        Volatile.Read(ref _queued), _ring.Count, Volatile.Read(ref _bytes), Volatile.Read(ref _waitingForJournal), Volatile.Read(ref _decided),
        Volatile.Read(ref _loaded), Volatile.Read(ref _passivated));

    /// <summary>Queues a command, or completes it as busy.</summary>
    public void Post(Command command)
    {
        if (Interlocked.Increment(ref _queued) > _options.MaxQueuedPerShard)
        {
            Interlocked.Decrement(ref _queued);
            command.Complete(CommandStatus.Busy, "the engine's queue is full");
            return;
        }

        _commands.Enqueue(command);
        Schedule();
    }

    /// <summary>Queues commands in one message. All or none are taken.</summary>
    public void Post(Command[] commands)
    {
        if (Interlocked.Add(ref _queued, commands.Length) > _options.MaxQueuedPerShard)
        {
            Interlocked.Add(ref _queued, -commands.Length);
            foreach (var command in commands)
            {
                command.Complete(CommandStatus.Busy, "the engine's queue is full");
            }

            return;
        }

        _commands.Enqueue(commands);
        Schedule();
    }

    /// <summary>Runs until there is nothing to do, or yields after a while so that other shards get a thread.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        var messages = 0;
        while (messages < MessagesPerRun)
        {
            if (_signals.TryDequeue(out var signal))
            {
                ReadClock();
                Receive(signal);
            }
            else if (_waitingForJournal < _options.MaxInFlightPerShard && _commands.TryDequeue(out var message))
            {
                ReadClock();
                Take(message);
            }
            else
            {
                break;
            }

            messages++;
        }

        Flush();
        Passivate();
        Volatile.Write(ref _scheduled, 0);
        Interlocked.MemoryBarrier();
        if (!_signals.IsEmpty || (!_commands.IsEmpty && _waitingForJournal < _options.MaxInFlightPerShard))
        {
            Schedule();
        }
    }

    /// <summary>
    /// For each message, behind the queue: a command never meets a time before it was sent. Whole milliseconds, as they are stored: memory and replay must not differ.
    /// </summary>
    private void ReadClock()
    {
        var nowMs = _host.Clock.GetCurrentInstant().ToUnixTimeMilliseconds();
        if (nowMs != _nowMs)
        {
            _nowMs = nowMs;
            _turn.Now = Instant.FromUnixTimeMilliseconds(nowMs);
        }
    }

    private void Schedule()
    {
        if (Interlocked.CompareExchange(ref _scheduled, 1, 0) == 0)
        {
            _host.Scheduler.Schedule(this);
        }
    }

    private void Signal(object signal)
    {
        _signals.Enqueue(signal);
        Schedule();
    }

    private void Take(object message)
    {
        if (message is Command[] commands)
        {
            Interlocked.Add(ref _queued, -commands.Length);
            for (var from = 0; from < commands.Length; from += WarmedTogether)
            {
                var together = commands.AsSpan(from, Math.Min(WarmedTogether, commands.Length - from));
                Warm(together);
                foreach (var command in together)
                {
                    Handle(command);
                }
            }
        }
        else
        {
            Interlocked.Decrement(ref _queued);
            Handle((Command)message);
        }
    }

    /// <summary>
    /// Reads a little of each actor that the next commands are about. Most lie in memory that no cache holds, and a processor waits for many reads that do not depend on
    /// each other at once, but for a chain of them one by one.
    /// </summary>
    private void Warm(ReadOnlySpan<Command> commands)
    {
        var sum = 0;
        Span<int> found = stackalloc int[WarmedTogether];
        for (var i = 0; i < commands.Length; i++)
        {
            found[i] = _cells.TryGetValue(commands[i].Target, out _warmed[i]!) ? 1 : 0;
        }

        for (var i = 0; i < commands.Length; i++)
        {
            if (found[i] != 0 && _warmed[i]!.State is { } state)
            {
                sum += _warmed[i]!.Kind.Warm(state.Value);
            }
        }

        _warmth = sum;
    }

    private void Receive(object signal)
    {
        switch (signal)
        {
            case PendingAppends appends:
                Finish(appends);
                break;
            case LoadFinished loaded:
                Finish(loaded);
                break;
            case LookupFinished lookup:
                Finish(lookup);
                break;
            case DeliveryFinished delivery:
                Finish(delivery);
                break;
        }
    }

    private void Handle(Command command)
    {
        ref var cell = ref CollectionsMarshal.GetValueRefOrAddDefault(_cells, command.Target, out _);
        if (cell is null)
        {
            if (!_kinds.TryGetValue(command.Target.Kind, out var kind))
            {
                _cells.Remove(command.Target);
                command.Complete(CommandStatus.Unavailable, $"no actor kind '{command.Target.Kind}' runs here");
                return;
            }

            cell = new ActorCell(command.Target, kind) { RingIndex = _ring.Count };
            _ring.Add(cell);
            var created = cell;
            Load(created);
            Handle(created, command);
            return;
        }

        cell.IsReferenced = true;
        Handle(cell, command);
    }

    private void Handle(ActorCell cell, Command command)
    {
        if (cell.IsSuspended)
        {
            cell.Waiting ??= new Queue<Command>();
            if (cell.Waiting.Count >= _options.MaxWaitingPerActor)
            {
                command.Complete(CommandStatus.Busy, $"too many commands wait for {cell.Id}");
            }
            else
            {
                cell.Waiting.Enqueue(command);
            }

            return;
        }

        if (cell.IsPoisoned)
        {
            // Removed from the shard already, or about to be: what waited behind the failure fails with it.
            command.Complete(CommandStatus.Unavailable, "the store failed; send the request again");
            return;
        }

        if (!LookUp(cell, command))
        {
            Decide(cell, command);
        }
    }

    // ------------------------------------------------------------------ loading

    private void Load(ActorCell cell)
    {
        cell.IsSuspended = true;
        ValueTask<LoadedActor> task;
        try
        {
            task = _journal.LoadAsync(cell.Id);
        }
        catch (Exception e)
        {
            Finish(new LoadFinished(cell, null, e));
            return;
        }

        if (task.IsCompletedSuccessfully)
        {
            Finish(new LoadFinished(cell, task.Result, null));
        }
        else
        {
            _ = AwaitLoad(cell, task);
        }
    }

    private async Task AwaitLoad(ActorCell cell, ValueTask<LoadedActor> task)
    {
        try
        {
            Signal(new LoadFinished(cell, await task.ConfigureAwait(false), null));
        }
        catch (Exception e)
        {
            Signal(new LoadFinished(cell, null, e));
        }
    }

    private void Finish(LoadFinished loaded)
    {
        var cell = loaded.Cell;
        var error = loaded.Error;
        if (error is null)
        {
            try
            {
                cell.State = ActorState.Of(cell.Kind, cell.Id, loaded.Actor!);
                _loaded++;
                cell.DurableEffect = cell.State.LastEffect;
                cell.WakeAtMs = WakeAt(cell);
                Weigh(cell);
            }
            catch (Exception e)
            {
                // Whatever is wrong with the records of one actor, the others of the shard go on.
                error = e;
            }
        }

        if (error is not null)
        {
            _logger.LogError(error, "{Actor} cannot be loaded", cell.Id);
            cell.IsSuspended = false;
            Poison(cell);
            Resume(cell);
            return;
        }

        cell.IsSuspended = false;
        Resume(cell);
        Deliver(cell);
    }

    /// <summary>Handles what waited, until something suspends the actor again.</summary>
    private void Resume(ActorCell cell)
    {
        while (!cell.IsSuspended && cell.Waiting is { Count: > 0 } waiting)
        {
            Handle(cell, waiting.Dequeue());
        }
    }

    // ------------------------------------------------------------------ identity

    /// <summary>
    /// Finds earlier records that the command's ids lead to. Usually there are none, and the journal's filter says so at once.
    /// </summary>
    /// <returns>True when the command was answered or has to wait.</returns>
    private bool LookUp(ActorCell cell, Command command)
    {
        if (command.RequestId is { } requestId && !command.RequestLookedUp)
        {
            command.RequestLookedUp = true;
            var key = RequestKey.Of(KeyScopes.Request, requestId, _journal.KeySeed);
            command.RequestKey = key;
            if (_inFlight.TryGetValue(key, out var pending))
            {
                return AnswerFromInFlight(cell, command, pending.Appends, pending.Index);
            }

            if (_journal.MightContain(key))
            {
                Suspend(cell, command, key, isRecall: false);
                return true;
            }
        }

        return command.RecallId is { } recallId && !command.RecallLookedUp && Recall(cell, command, recallId);
    }

    private bool AnswerFromInFlight(ActorCell cell, Command command, PendingAppends appends, int index)
    {
        if (!ReferenceEquals(appends.Cells[index], cell))
        {
            // Another actor is deciding the same id at this moment; which of the two was first is known when that is durable.
            command.Complete(CommandStatus.Busy, "the same id is being decided for another member; send the request again");
            return true;
        }

        if (!cell.Kind.Replay(command, cell.Id, StoredEvents(appends, index)))
        {
            return false;
        }

        Follow(cell, command);
        return true;
    }

    private bool Recall(ActorCell cell, Command command, string id)
    {
        // What is left of a purchase stands in its latest return, if it has one; else in the purchase itself. What is not in flight here is
        // durable or does not exist, so all that is in flight is looked at first.
        var left = RequestKey.Of(KeyScopes.Left, id, _journal.KeySeed);
        var request = RequestKey.Of(KeyScopes.Request, id, _journal.KeySeed);
        if (_inFlight.TryGetValue(left, out var pending) || _inFlight.TryGetValue(request, out pending))
        {
            if (!ReferenceEquals(pending.Appends.Cells[pending.Index], cell))
            {
                // Of another actor, or of this one before it was thrown away: that can fail without taking this decision along.
                command.Complete(CommandStatus.Busy, "what the request is about is being recorded at this moment; send the request again");
                return true;
            }

            command.RecallLookedUp = true;
            command.Recalled = ToRecord(pending.Appends, pending.Index);
            return false;
        }

        var returned = _journal.MightContain(left);
        if (returned || _journal.MightContain(request))
        {
            Suspend(cell, command, returned ? left : request, isRecall: true);
            return true;
        }

        command.RecallLookedUp = true;
        return false;
    }

    private void Suspend(ActorCell cell, Command command, RequestKey key, bool isRecall)
    {
        cell.IsSuspended = true;
        _ = FindAsync(cell, command, key, isRecall);
    }

    private async Task FindAsync(ActorCell cell, Command command, RequestKey key, bool isRecall)
    {
        try
        {
            var record = await _journal.FindAsync(key).ConfigureAwait(false);
            if (record is null && isRecall)
            {
                record = await _journal.FindAsync(RequestKey.Of(KeyScopes.Request, command.RecallId!, _journal.KeySeed)).ConfigureAwait(false);
            }

            Signal(new LookupFinished(cell, command, record, isRecall, null));
        }
        catch (Exception e)
        {
            Signal(new LookupFinished(cell, command, null, isRecall, e));
        }
    }

    private void Finish(LookupFinished lookup)
    {
        var (cell, command) = (lookup.Cell, lookup.Command);
        cell.IsSuspended = false;
        if (lookup.Error is not null)
        {
            _logger.LogError(lookup.Error, "the history of {Actor} cannot be read", cell.Id);
            command.Complete(CommandStatus.Unavailable, "the store cannot be read; send the request again");
        }
        else if (cell.IsPoisoned)
        {
            command.Complete(CommandStatus.Unavailable, "the store failed; send the request again");
        }
        else if (lookup.IsRecall)
        {
            command.RecallLookedUp = true;
            command.Recalled = lookup.Record;
            Decide(cell, command);
        }
        else
        {
            Answer(cell, command, lookup.Record);
        }

        Resume(cell);
    }

    /// <summary>Answers a request from the record that its id led to, or handles it as a new one.</summary>
    private void Answer(ActorCell cell, Command command, JournalRecord? record)
    {
        bool isKnown;
        try
        {
            isKnown = record is not null
                && _kinds.TryGetValue(record.Actor.Kind, out var kind)
                && kind.Replay(command, record.Actor, ActorState.KindPart(record.Events.Span, out _));
        }
        catch (Exception e)
        {
            _logger.LogError(e, "the record of {Actor} at position {Position} cannot be read", record!.Actor, record.Position);
            command.Complete(CommandStatus.Unavailable, "what was recorded under this id cannot be read; it is logged");
            return;
        }

        if (isKnown)
        {
            Follow(cell, command);
        }
        else
        {
            Handle(cell, command);
        }
    }

    // ------------------------------------------------------------------ deciding

    private void Decide(ActorCell cell, Command command)
    {
        var state = cell.State!;
        _turn.Clear();
        _turn.Version = state.Version;
        _turn.Command = command;
        _kernelEntries.Clear();
        var kernelEvents = 0;
        try
        {
            switch (command)
            {
                case SnapshotCommand:
                    command.Reply = state.Version == 0 ? null : state.ToSnapshot(_snapshot, _kernelEntries, cell.WakeAtMs);
                    _kernelEntries.Clear();
                    break;
                case EffectCommand effect when state.Correspondence?.HasReceived(effect.Sender, effect.Sequence) == true:
                    break;
                case EffectCommand effect:
                    cell.Kind.Decide(state.Value, command, _turn);
                    Correspondence.WriteReceived(_kernelEntries, effect.Sender, effect.Sequence);
                    kernelEvents++;
                    break;
                case EffectDeliveredCommand delivered:
                    Correspondence.WriteDelivered(_kernelEntries, delivered.Sequence);
                    kernelEvents++;
                    break;
                default:
                    cell.Kind.Decide(state.Value, command, _turn);
                    break;
            }
        }
        catch (Exception e)
        {
            // A decider that throws is a defect of the engine, not of the request: nothing of the turn is kept.
            _logger.LogCritical(e, "{Actor} failed to decide {Command}", cell.Id, command.GetType().Name);
            Debug.Fail(e.ToString());
            command.Complete(CommandStatus.Unavailable, "the engine failed on this request; it is logged");
            Poison(cell);
            return;
        }

        _decided++;
        var sequence = state.Correspondence?.NextSequence ?? 1;
        foreach (var (target, message) in _turn.Effects)
        {
            Correspondence.WriteRaised(_kernelEntries, new(sequence++, target, message));
            kernelEvents++;
        }

        if (_turn.EventCount + kernelEvents == 0)
        {
            if (command is WakeCommand)
            {
                Deliver(cell);
                cell.WakeAtMs = WakeAt(cell);
                if (cell.WakeAtMs != 0 && cell.WakeAtMs <= _nowMs)
                {
                    // What is due cannot be done now (an effect that its receiver does not take): again later, not at once and for ever.
                    cell.WakeAtMs = _nowMs + Math.Max(1, (long)_options.WakeInterval.TotalMilliseconds);
                }

                command.Reply = state.Version == 0 ? null : state.ToSnapshot(_snapshot, _kernelEntries, cell.WakeAtMs);
            }

            Follow(cell, command);
            return;
        }

        if (_kernelEntries.Length > 0)
        {
            state.Correspond(_kernelEntries.Written);
        }

        Append(cell, command, _turn.EventCount + kernelEvents);
    }

    private void Append(ActorCell cell, Command command, int events)
    {
        var state = cell.State!;
        var batch = _current.Batch;
        var start = batch.Payload.WrittenCount;
        _snapshot.Clear();
        _snapshot.Bytes(_kernelEntries.Written);
        _snapshot.Raw(_turn.Events.Written);
        var stored = batch.Payload.GetSpan(_snapshot.Length);
        _snapshot.Written.CopyTo(stored);
        batch.Payload.Advance(_snapshot.Length);

        var hash = Hash128.Next(state.Hash, cell.Id, state.Version + 1, _nowMs, _snapshot.Written);
        var (expected, expectedHash) = (state.Version, state.Hash);
        state.Advance(events, hash);
        cell.WakeAtMs = WakeAt(cell);
        var index = batch.Entries.Count;
        var keyStart = batch.Keys.Count;
        batch.Keys.AddRange(CollectionsMarshal.AsSpan(_turn.Keys));
        var measureStart = batch.Measures.Count;
        batch.Measures.AddRange(CollectionsMarshal.AsSpan(_turn.Measures));
        batch.Entries.Add(new AppendEntry
        {
            Actor = cell.Id,
            ActorHash = cell.Hash,
            ExpectedVersion = expected,
            ExpectedHash = expectedHash,
            EventCount = events,
            PayloadStart = start,
            PayloadLength = _snapshot.Length,
            KeyStart = keyStart,
            KeyCount = _turn.Keys.Count,
            MeasureStart = measureStart,
            MeasureCount = _turn.Measures.Count,
            Hash = hash,
            RecordedAtMs = _nowMs,
            WakeAtMs = cell.WakeAtMs,
        });
        foreach (var key in CollectionsMarshal.AsSpan(_turn.Keys))
        {
            _inFlight[key.Key] = (_current, index);
        }

        _current.Cells.Add(cell);
        _current.Commands.Add(command);
        _current.Effects.Add(state.LastEffect);
        cell.InFlight++;
        cell.LastAppend = _current;
        _waitingForJournal++;
        Weigh(cell);
        if (index + 1 >= _options.MaxBatch)
        {
            Flush();
        }
    }

    /// <summary>Answers a command that changed nothing: at once, or with the newest append that it saw.</summary>
    private void Follow(ActorCell cell, Command command)
    {
        if (cell.InFlight > 0)
        {
            _waitingForJournal++;
            cell.LastAppend!.Followers.Add((cell, command));
        }
        else
        {
            command.Complete(CommandStatus.Done);
        }
    }

    private void Flush()
    {
        if (_current.Batch.Entries.Count == 0)
        {
            return;
        }

        var appends = _current;
        _current = _pool.Count > 0 ? _pool.Pop() : new PendingAppends();
        appends.Batch.Completed ??= _ => Signal(appends);
        try
        {
            _journal.Append(appends.Batch);
        }
        catch (Exception e)
        {
            // It did not take the batch, so it will not complete it.
            _logger.LogError(e, "The store refused a batch");
            foreach (ref var entry in CollectionsMarshal.AsSpan(appends.Batch.Entries))
            {
                entry.Outcome = AppendOutcome.Failed;
            }

            Signal(appends);
        }
    }

    private void Finish(PendingAppends appends)
    {
        var entries = CollectionsMarshal.AsSpan(appends.Batch.Entries);
        _waitingForJournal -= entries.Length + appends.Followers.Count;
        for (var i = 0; i < entries.Length; i++)
        {
            ref readonly var entry = ref entries[i];
            var cell = appends.Cells[i];
            cell.InFlight--;
            foreach (var key in CollectionsMarshal.AsSpan(appends.Batch.Keys).Slice(entry.KeyStart, entry.KeyCount))
            {
                // A later append may have taken over a key that moves on ("what is left of a purchase").
                if (_inFlight.TryGetValue(key.Key, out var holder) && ReferenceEquals(holder.Appends, appends) && holder.Index == i)
                {
                    _inFlight.Remove(key.Key);
                }
            }

            var command = appends.Commands[i];
            if (entry.Outcome == AppendOutcome.Appended)
            {
                // True even if the actor is poisoned meanwhile: it is durable.
                cell.DurableEffect = Math.Max(cell.DurableEffect, appends.Effects[i]);
                command.Complete(CommandStatus.Done);
            }
            else
            {
                Poison(cell);
                command.Complete(
                    entry.Outcome == AppendOutcome.Duplicate ? CommandStatus.Busy : CommandStatus.Unavailable,
                    entry.Outcome == AppendOutcome.Duplicate
                        ? "the same id was decided for another member at this moment; send the request again"
                        : "the store did not take it, or did not say; send the same request again");
            }
        }

        foreach (var (cell, command) in appends.Followers)
        {
            if (cell.IsPoisoned)
            {
                command.Complete(CommandStatus.Unavailable, "the store failed; send the request again");
            }
            else
            {
                command.Complete(CommandStatus.Done);
            }
        }

        foreach (var cell in appends.Cells)
        {
            if (ReferenceEquals(cell.LastAppend, appends))
            {
                cell.LastAppend = null;
            }

            Deliver(cell);
        }

        appends.Clear();
        _pool.Push(appends);
    }

    /// <summary>Throws an actor's memory away. The next command loads it again.</summary>
    private void Poison(ActorCell cell)
    {
        if (cell.IsPoisoned)
        {
            return;
        }

        cell.IsPoisoned = true;
        Remove(cell);
        cell.State = null;
        if (!cell.IsSuspended)
        {
            Resume(cell);
        }
    }

    // ------------------------------------------------------------------ effects

    /// <summary>Sends the oldest effect on its way, when it is durable. One at a time, so that receivers see a sender's effects in order.</summary>
    private void Deliver(ActorCell cell)
    {
        if (cell.IsDelivering || cell.IsPoisoned || cell.State?.Correspondence?.Outbox is not { Count: > 0 } outbox
            || outbox.First() is var effect && effect.Sequence > cell.DurableEffect)
        {
            return;
        }

        cell.IsDelivering = true;
        _host.Send(new EffectCommand(effect.Target, cell.Id, effect.Sequence, effect.Message)
        {
            Observer = new DeliveryObserver(this, cell),
        });
    }

    private void Finish(DeliveryFinished delivery)
    {
        var cell = delivery.Cell;
        cell.IsDelivering = false;
        if (cell.IsPoisoned)
        {
            return;
        }

        if (delivery.Effect.Status == CommandStatus.Done)
        {
            Handle(new EffectDeliveredCommand(cell.Id, delivery.Effect.Sequence));
        }

        // Otherwise the actor is due at once (see WakeAt) and the waker brings it back.
    }

    private sealed class DeliveryObserver(Shard shard, ActorCell cell) : ICommandObserver
    {
        public void OnCompleted(Command command) => shard.Signal(new DeliveryFinished(cell, (EffectCommand)command));
    }

    // ------------------------------------------------------------------ memory

    private long WakeAt(ActorCell cell)
    {
        var state = cell.State!;

        // Undelivered effects are due now: after a crash the waker finds their sender.
        return state.Correspondence is { Outbox.Count: > 0 } ? _nowMs : cell.Kind.WakeAtMs(state.Value, _turn.Now);
    }

    private void Weigh(ActorCell cell)
    {
        var bytes = 400 + (cell.Id.Key.Length * 2) + cell.Kind.EstimateBytes(cell.State!.Value);
        _bytes += bytes - cell.Bytes;
        cell.Bytes = bytes;
    }

    private void Remove(ActorCell cell)
    {
        if (!_cells.TryGetValue(cell.Id, out var current) || !ReferenceEquals(current, cell))
        {
            return;
        }

        _cells.Remove(cell.Id);
        _bytes -= cell.Bytes;
        var last = _ring[^1];
        _ring[cell.RingIndex] = last;
        last.RingIndex = cell.RingIndex;
        _ring.RemoveAt(_ring.Count - 1);
    }

    /// <summary>While memory is over its bound, drops actors that were not used since the hand last passed. What they are is in the journal.</summary>
    private void Passivate()
    {
        for (var steps = 0; _bytes > _maxBytes && steps < 4096 && _ring.Count > 0; steps++)
        {
            _hand = _hand >= _ring.Count ? 0 : _hand;
            var cell = _ring[_hand];
            if (!cell.IsIdle)
            {
                _hand++;
            }
            else if (cell.IsReferenced)
            {
                cell.IsReferenced = false;
                _hand++;
            }
            else
            {
                Remove(cell);
                _passivated++;
            }
        }
    }

    private static ReadOnlySpan<byte> StoredEvents(PendingAppends appends, int index)
    {
        var entry = appends.Batch.Entries[index];
        return ActorState.KindPart(appends.Batch.Payload.WrittenSpan.Slice(entry.PayloadStart, entry.PayloadLength), out _);
    }

    private static JournalRecord ToRecord(PendingAppends appends, int index)
    {
        var entry = appends.Batch.Entries[index];
        return new(
            entry.Actor, entry.ExpectedVersion + 1, entry.EventCount, 0, entry.RecordedAtMs, entry.WakeAtMs, entry.Hash,
            appends.Batch.Payload.WrittenSpan.Slice(entry.PayloadStart, entry.PayloadLength).ToArray());
    }

    private sealed record LoadFinished(ActorCell Cell, LoadedActor? Actor, Exception? Error);

    private sealed record LookupFinished(ActorCell Cell, Command Command, JournalRecord? Record, bool IsRecall, Exception? Error);

    private sealed record DeliveryFinished(ActorCell Cell, EffectCommand Effect);
}

/// <summary>What the ids of records name.</summary>
public static class KeyScopes
{
    /// <summary>A request: unique in the books for ever.</summary>
    public const string Request = "request";

    /// <summary>What is left of a purchase: the newest record counts.</summary>
    public const string Left = "left";
}

/// <summary>Figures of a shard for operators.</summary>
/// <param name="Queued">Commands that wait.</param>
/// <param name="Actors">Actors in memory.</param>
/// <param name="ActorBytes">Their estimated bytes.</param>
/// <param name="InFlight">Commands whose answer waits for an append to be durable.</param>
/// <param name="Decided">Commands decided since the start.</param>
/// <param name="Loaded">Actors loaded since the start.</param>
/// <param name="Passivated">Actors dropped for memory since the start.</param>
public readonly record struct ShardFigures(int Queued, int Actors, long ActorBytes, int InFlight, long Decided, long Loaded, long Passivated);
