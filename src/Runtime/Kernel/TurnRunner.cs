using System.Diagnostics;
using System.Runtime.InteropServices;
using Loyalty.Domain.Encoding;
using Loyalty.Runtime.Journal;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Runtime.Kernel;

/// <summary>
/// The turns of many actors, one at a time: decides commands, gathers what they append into batches for the journal, and answers when the batches are durable.
/// Who calls, on which thread and how the actors come here, a subclass says; never are two calls under way at once.
/// </summary>
internal abstract class TurnRunner
{
    private readonly IActorHost _host;
    private readonly IClock _clock;
    private readonly IJournal _journal;
    private readonly ILogger _logger;
    private readonly IReadOnlyDictionary<string, ActorKind> _kinds;
    private readonly List<ActorCell> _ring = [];
    private readonly Dictionary<RequestKey, (PendingAppends Appends, int Index)> _inFlight = [];
    private readonly Stack<PendingAppends> _pool = new();
    private readonly Turn _turn;
    private readonly ByteWriter _kernelEntries = new();
    private readonly ByteWriter _snapshot = new();
    private readonly long _maxBytes;
    private PendingAppends _current = new();
    private int _hand;
    private int _waitingForJournal;
    private long _bytes;
    private long _nowMs;
    private long _decided;
    private long _passivated;
    private long _loaded;

    /// <param name="host">Takes effects to their receivers.</param>
    /// <param name="clock">The engine's clock.</param>
    /// <param name="journal">Where the events rest.</param>
    /// <param name="kinds">What runs here, by name.</param>
    /// <param name="options">Bounds; those of memory are shared by all runners.</param>
    /// <param name="logger">For failures.</param>
    protected TurnRunner(
        IActorHost host, IClock clock, IJournal journal, IReadOnlyDictionary<string, ActorKind> kinds, KernelOptions options, ILogger logger)
    {
        _host = host;
        _clock = clock;
        _journal = journal;
        _kinds = kinds;
        Options = options;
        _logger = logger;
        _maxBytes = options.MaxActorBytes / options.Shards;
        _turn = new Turn { KeySeed = journal.KeySeed };
    }

    protected KernelOptions Options { get; }

    /// <summary>As many answers wait for the journal as may: no command should be handled now.</summary>
    protected bool IsFull => _waitingForJournal >= Options.MaxInFlightPerShard;

    /// <summary>Something waits to be handed to the journal.</summary>
    protected bool HasUnsent => _current.Batch.Entries.Count > 0;

    /// <summary>Figures for operators, with so many commands queued.</summary>
    protected ShardFigures FiguresWith(int queued) => new(
        queued, _ring.Count, Volatile.Read(ref _bytes), Volatile.Read(ref _waitingForJournal), Volatile.Read(ref _decided),
        Volatile.Read(ref _loaded), Volatile.Read(ref _passivated));

    /// <summary>Brings a signal (from any thread) to <see cref="Receive"/>, in a call of its own.</summary>
    protected abstract void Signal(object signal);

    /// <summary>The actor is loaded, or cannot be.</summary>
    protected virtual void OnLoaded(ActorCell cell, Exception? error)
    {
    }

    /// <summary>The actor's memory was thrown away.</summary>
    protected abstract void OnPoisoned(ActorCell cell);

    /// <summary>The actor is not used and its memory is wanted.</summary>
    protected abstract void OnPassivated(ActorCell cell);

    /// <summary>The activation that came after one that was thrown away, when this runner made it; null: none, or somebody else's.</summary>
    protected virtual ActorCell? Successor(ActorCell cell) => null;

    /// <summary>Has a command handled again whose actor was thrown away, on a new one; false: it cannot be done.</summary>
    protected abstract bool HandleAgain(Command command);

    /// <summary>The kind of an actor, or null when it does not run here.</summary>
    protected ActorKind? KindOf(ActorId actor) => _kinds.GetValueOrDefault(actor.Kind);

    /// <summary>
    /// For each message, behind the queue: a command never meets a time before it was sent. Whole milliseconds, as they are stored: memory and replay must not differ.
    /// </summary>
    protected void ReadClock()
    {
        var nowMs = _clock.GetCurrentInstant().ToUnixTimeMilliseconds();
        if (nowMs != _nowMs)
        {
            _nowMs = nowMs;
            _turn.Now = Instant.FromUnixTimeMilliseconds(nowMs);
        }
    }

    /// <summary>Takes an actor in, and begins to load it.</summary>
    protected void Enter(ActorCell cell)
    {
        cell.RingIndex = _ring.Count;
        cell.UsedAtMs = _nowMs;
        _ring.Add(cell);
        Load(cell);
    }

    protected void Receive(object signal)
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
            case PreparationFinished prepared:
                Finish(prepared);
                break;
        }
    }


    protected void Handle(ActorCell cell, Command command)
    {
        if (cell.IsSuspended)
        {
            cell.Waiting ??= new Queue<Command>();
            if (cell.Waiting.Count >= Options.MaxWaitingPerActor)
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
        if (cell.IsPoisoned)
        {
            // It is to be loaded again.
            cell.IsSuspended = false;
            OnLoaded(cell, error);
            Resume(cell);
            return;
        }

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
            OnLoaded(cell, error);
            Resume(cell);
            return;
        }

        cell.IsSuspended = false;
        OnLoaded(cell, null);
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
            var key = RequestKey.Of(command.RequestScope, requestId, _journal.KeySeed);
            command.RequestKey = key;
            if (_inFlight.TryGetValue(key, out var pending))
            {
                return AnswerFromInFlight(cell, command, pending.Appends, pending.Index);
            }

            if (command.AsksJournal || _journal.MightContain(key))
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

        // A keyed effect has no reply but that it is applied.
        if (command is not EffectCommand && !cell.Kind.Replay(command, cell.Id, StoredEvents(appends, index)))
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
        var left = RequestKey.Of(command.RecallScope ?? KeyScopes.Left, id, _journal.KeySeed);
        var request = command.RecallScope is null ? RequestKey.Of(KeyScopes.Request, id, _journal.KeySeed) : left;
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

        // In books that others write too, no filter knows all purchases.
        var returned = !_journal.IsExclusive || _journal.MightContain(left);
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
            if (record is null && isRecall && command.RecallScope is null)
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
            isKnown = record is not null && (command is EffectCommand { RequestId: { } effect }
                ? Received(record, effect)
                : _kinds.TryGetValue(record.Actor.Kind, out var kind)
                    && kind.Replay(command, record.Actor, ActorState.KindPart(record.Events.Span, out _)));
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

    private static bool Received(JournalRecord record, string effect)
    {
        ActorState.KindPart(record.Events.Span, out var kernelPart);
        return Correspondence.HasReceivedKeyed(kernelPart, effect);
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
            if (command is not (SnapshotCommand or EffectCommand or EffectDeliveredCommand or WakeCommand) && !IsPrepared(cell, command))
            {
                return;
            }

            switch (command)
            {
                case SnapshotCommand:
                    command.Reply = state.Version == 0 ? null : state.ToSnapshot(_snapshot, _kernelEntries, cell.WakeAtMs);
                    _kernelEntries.Clear();
                    break;
                case EffectCommand { RequestId: { } id } effect:
                    cell.Kind.Decide(state.Value, command, _turn);
                    _turn.AddKey(KeyScopes.Effect, id, unique: true);
                    Correspondence.WriteReceivedKeyed(_kernelEntries, effect.Sender, id);
                    kernelEvents++;
                    break;
                case EffectCommand effect when state.Correspondence?.HasReceived(effect.Sender, effect.Sequence) == true:
                    break;
                case EffectCommand effect:
                    cell.Kind.Decide(state.Value, command, _turn);
                    Correspondence.WriteReceived(_kernelEntries, effect.Sender, effect.Sequence);
                    kernelEvents++;
                    break;
                case EffectDeliveredCommand delivered when state.Correspondence?.IsUnderWay(delivered.Sequence) != true:
                    break;
                case EffectDeliveredCommand delivered:
                    if (delivered.Answer is not null)
                    {
                        cell.Kind.Decide(state.Value, command, _turn);
                    }

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
            UndoReservations();
            command.Complete(CommandStatus.Unavailable, "the engine failed on this request; it is logged");
            Poison(cell);
            return;
        }

        _decided++;
        var sequence = state.Correspondence?.NextSequence ?? 1;
        foreach (var (target, message, id) in _turn.Effects)
        {
            Correspondence.WriteRaised(_kernelEntries, new(sequence++, target, message, id));
            kernelEvents++;
        }

        if (_turn.EventCount + kernelEvents == 0)
        {
            UndoReservations();
            if (command is WakeCommand)
            {
                Deliver(cell);
                cell.WakeAtMs = WakeAt(cell);
                if (cell.WakeAtMs != 0 && cell.WakeAtMs <= _nowMs)
                {
                    // What is due cannot be done now (an effect that its receiver does not take): again later, not at once and for ever.
                    cell.WakeAtMs = _nowMs + Math.Max(1, (long)Options.WakeInterval.TotalMilliseconds);
                }

                command.Reply = state.Version == 0 ? null : state.ToSnapshot(_snapshot, _kernelEntries, cell.WakeAtMs);
            }

            Follow(cell, command);
            if (command is WakeCommand && !_journal.IsExclusive)
            {
                LookAgain(cell);
            }

            return;
        }

        if (_kernelEntries.Length > 0)
        {
            state.Correspond(_kernelEntries.Written);
        }

        Append(cell, command, _turn.EventCount + kernelEvents);
    }

    /// <summary>
    /// The journal says that the actor is due, and in its memory nothing is: in books that others write too, another activation may have written since, and this one would be woken in vain for
    /// ever. What comes next for the actor loads it.
    /// </summary>
    private void LookAgain(ActorCell cell)
    {
        if (cell.IsIdle && !cell.IsPoisoned)
        {
            Leave(cell);
            OnPassivated(cell);
            _passivated++;
        }
    }

    /// <summary>Asks the kind whether the decision has what it needs. If not, it is taken up again when that is there; what comes for the actor meanwhile waits behind it.</summary>
    private bool IsPrepared(ActorCell cell, Command command)
    {
        cell.Kind.Prepare(cell.State!.Value, command, _turn);
        if (_turn.Problem is null && _turn.Missing is null)
        {
            return true;
        }

        // What it has already is not kept while it waits for the rest.
        UndoReservations();
        if (_turn.Problem is { } problem)
        {
            command.Complete(CommandStatus.Unavailable, problem);
            return false;
        }

        var missing = _turn.Missing!;
        if (command.PutOffs >= Options.MaxPutOffs)
        {
            command.Complete(CommandStatus.Unavailable, "what the decision needs did not come; send the same request again");
            return false;
        }

        command.PutOffs++;
        cell.IsSuspended = true;
        missing.Then(() => Signal(new PreparationFinished(cell, command)));
        return false;
    }

    private void Finish(PreparationFinished prepared)
    {
        var (cell, command) = (prepared.Cell, prepared.Command);
        cell.IsSuspended = false;
        if (cell.IsPoisoned)
        {
            command.Complete(CommandStatus.Unavailable, "the store failed; send the request again");
        }
        else
        {
            Decide(cell, command);
        }

        Resume(cell);
    }

    private void UndoReservations()
    {
        foreach (var reservation in CollectionsMarshal.AsSpan(_turn.Reservations))
        {
            reservation.Undo(isCertain: true);
        }

        _turn.Reservations.Clear();
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

        foreach (var reservation in CollectionsMarshal.AsSpan(_turn.Reservations))
        {
            _current.Reservations.Add((index, reservation));
        }

        _current.Cells.Add(cell);
        _current.Commands.Add(command);
        _current.Effects.Add(state.LastEffect);
        cell.InFlight++;
        cell.LastAppend = _current;
        _waitingForJournal++;
        Weigh(cell);
        if (index + 1 >= Options.MaxBatch)
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

    /// <summary>Hands what was gathered to the journal.</summary>
    protected void Flush()
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

    /// <summary>
    /// Nothing was written, and what stands in the way is durable: the id, or (in books that others write too) another activation's events. A new look finds it.
    /// </summary>
    private bool IsWorthAnotherTurn(AppendOutcome outcome) =>
        outcome == AppendOutcome.Duplicate || (outcome == AppendOutcome.Stale && !_journal.IsExclusive);

    private void Finish(PendingAppends appends)
    {
        var entries = CollectionsMarshal.AsSpan(appends.Batch.Entries);
        _waitingForJournal -= entries.Length + appends.Followers.Count;

        // Before anybody is answered: who has read the answer of a return finds its part of the budget free.
        foreach (var (entry, reservation) in CollectionsMarshal.AsSpan(appends.Reservations))
        {
            if (entries[entry].Outcome == AppendOutcome.Appended)
            {
                reservation.Keep();
            }
            else
            {
                reservation.Undo(entries[entry].Outcome != AppendOutcome.Unknown);
            }
        }

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
                if (cell.IsPoisoned && Successor(cell) is { IsPoisoned: false } successor && (successor.State?.Version ?? 0) < entry.ExpectedVersion + entry.EventCount)
                {
                    // Loaded while this was under way, and without it: who has been told of this and asks now must not be answered from before.
                    Poison(successor);
                }

                command.Complete(CommandStatus.Done);
            }
            else
            {
                Poison(cell);
                if (IsWorthAnotherTurn(entry.Outcome) && command.AskJournal() && HandleAgain(command))
                {
                    continue;
                }

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
        Leave(cell);
        OnPoisoned(cell);
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
        var command = new EffectCommand(effect.Target, cell.Id, effect.Sequence, effect.Message, effect.Id)
        {
            Observer = new DeliveryObserver(this, cell),
        };
        if (KindOf(effect.Target) is ServiceKind service)
        {
            service.Receive(command, _host);
        }
        else
        {
            _host.Send(command);
        }
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
            var answer = KindOf(delivery.Effect.Target) is ServiceKind ? delivery.Effect.Reply : null;
            Handle(cell, new EffectDeliveredCommand(cell.Id, delivery.Effect.Sequence, answer));
        }

        // Otherwise the actor is due at once (see WakeAt) and the waker brings it back.
    }

    private sealed class DeliveryObserver(TurnRunner runner, ActorCell cell) : ICommandObserver
    {
        public void OnCompleted(Command command) => runner.Signal(new DeliveryFinished(cell, (EffectCommand)command));
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

    /// <summary>The actor counts no more. Again does nothing.</summary>
    protected void Leave(ActorCell cell)
    {
        _bytes -= cell.Bytes;
        cell.Bytes = 0;
        if (cell.RingIndex < 0)
        {
            return;
        }

        var last = _ring[^1];
        _ring[cell.RingIndex] = last;
        last.RingIndex = cell.RingIndex;
        _ring.RemoveAt(_ring.Count - 1);
        cell.RingIndex = -1;
    }

    /// <summary>While memory is over its bound, drops actors that were not used since the hand last passed. What they are is in the journal.</summary>
    protected void Passivate()
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
                Leave(cell);
                OnPassivated(cell);
                _passivated++;
            }
        }
    }

    /// <summary>Notes that the actor is used.</summary>
    protected void Touch(ActorCell cell)
    {
        cell.IsReferenced = true;
        cell.UsedAtMs = _nowMs;
    }

    /// <summary>Lets actors of the ring below a place leave that were not used lately, and returns how far it came: 0 at the end.</summary>
    protected int PassivateIdle(int from)
    {
        const int AtOnce = 4096;
        var before = _nowMs - (long)Options.IdleAge.TotalMilliseconds;
        var index = Math.Min(from, _ring.Count) - 1;
        for (var steps = 0; index >= 0 && steps < AtOnce; steps++, index--)
        {
            // Whoever leaves is replaced by the last one, which was looked at already.
            var cell = _ring[index];
            if (cell.IsIdle && cell.UsedAtMs < before)
            {
                Leave(cell);
                OnPassivated(cell);
                _passivated++;
            }
        }

        return Math.Max(0, index + 1);
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

    private sealed record PreparationFinished(ActorCell Cell, Command Command);

    private sealed record DeliveryFinished(ActorCell Cell, EffectCommand Effect);
}

/// <summary>What the ids of records name.</summary>
public static class KeyScopes
{
    /// <summary>A request: unique in the books for ever.</summary>
    public const string Request = "request";

    /// <summary>A keyed effect: unique in the books for ever.</summary>
    public const string Effect = "effect";

    /// <summary>What is left of a purchase: the newest record counts.</summary>
    public const string Left = "left";

    /// <summary>Whom a referral brought: each friend once in the books.</summary>
    public const string Friend = "friend";

    /// <summary>A slot of a budget's lease: one record uses it, or the settlement of the lease takes it away.</summary>
    public const string Lease = "lease";
}

/// <summary>Figures of a process that runs actors, for operators.</summary>
/// <param name="Name">The silo's address, or <c>embedded</c>.</param>
/// <param name="Actors">Its actors and commands.</param>
/// <param name="MaxActorBytes">The bound of <see cref="ShardFigures.ActorBytes"/>.</param>
/// <param name="Checkpoints">Checkpoints completed since the start.</param>
/// <param name="WorkingSetBytes">Memory of the process.</param>
/// <param name="HeapBytes">Of which managed.</param>
/// <param name="Gen0">Collections of the youngest generation since the start.</param>
/// <param name="Gen2">Collections of all generations since the start.</param>
/// <param name="GcPausePercent">Share of the time that the process stood still for collections, 0 to 100.</param>
/// <param name="StartedAtMs">When the process started, Unix milliseconds.</param>
public sealed record SiloFigures(
    string Name, ShardFigures Actors, long MaxActorBytes, long Checkpoints, long WorkingSetBytes, long HeapBytes, int Gen0, int Gen2, double GcPausePercent, long StartedAtMs)
{
    /// <summary>With the figures of this process.</summary>
    public static SiloFigures OfThisProcess(string name, ShardFigures actors, long maxActorBytes, long checkpoints) => new(
        name, actors, maxActorBytes, checkpoints, Environment.WorkingSet, GC.GetTotalMemory(false), GC.CollectionCount(0), GC.CollectionCount(2),
        GC.GetGCMemoryInfo().PauseTimePercentage, new DateTimeOffset(Process.GetCurrentProcess().StartTime.ToUniversalTime(), TimeSpan.Zero).ToUnixTimeMilliseconds());
}

/// <summary>Figures of a shard for operators.</summary>
/// <param name="Queued">Commands that wait.</param>
/// <param name="Actors">Actors in memory.</param>
/// <param name="ActorBytes">Their estimated bytes.</param>
/// <param name="InFlight">Commands whose answer waits for an append to be durable.</param>
/// <param name="Decided">Commands decided since the start.</param>
/// <param name="Loaded">Actors loaded since the start.</param>
/// <param name="Passivated">Actors dropped for memory since the start.</param>
public readonly record struct ShardFigures(int Queued, int Actors, long ActorBytes, int InFlight, long Decided, long Loaded, long Passivated)
{
    /// <summary>All together.</summary>
    public static ShardFigures Sum(IEnumerable<ShardFigures> figures) =>
        figures.Aggregate(default(ShardFigures), static (sum, one) => new(
            sum.Queued + one.Queued, sum.Actors + one.Actors, sum.ActorBytes + one.ActorBytes, sum.InFlight + one.InFlight,
            sum.Decided + one.Decided, sum.Loaded + one.Loaded, sum.Passivated + one.Passivated));
}
