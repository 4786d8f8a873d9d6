using System.Collections.Concurrent;
using Loyalty.Runtime.Journal;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Runtime.Kernel;

/// <summary>
/// Runs actors whose lives somebody else rules: turns are made on the caller's thread, one at a time by a lock; what they append is gathered and goes to the
/// journal together, on a thread of the scheduler.
/// </summary>
internal sealed class ActorLane : TurnRunner, IThreadPoolWorkItem
{
    private readonly Lock _gate = new();
    private readonly IActorHost _host;
    private readonly IShardScheduler _scheduler;
    private readonly ConcurrentQueue<object> _signals = new();
    private readonly Queue<(ActorCell Cell, Command Command)> _held = new();
    private int _scheduled;

    public ActorLane(
        IActorHost host, IShardScheduler scheduler, IClock clock, IJournal journal, IReadOnlyDictionary<string, ActorKind> kinds, KernelOptions options, ILogger logger)
        : base(host, clock, journal, kinds, options, logger) => (_host, _scheduler) = (host, scheduler);

    public ShardFigures Figures => FiguresWith(_held.Count);

    /// <summary>Takes an actor in, and begins to load it.</summary>
    public void Open(ActorCell cell)
    {
        lock (_gate)
        {
            ReadClock();
            Enter(cell);
        }

        ScheduleIfNeeded();
    }

    /// <summary>Decides a command; it completes when it is durable. Beyond the bound of what may wait for the journal, commands queue; beyond that they end busy.</summary>
    /// <returns>False: the actor has left memory, or is about to; nothing was done.</returns>
    public bool Send(ActorCell cell, Command command)
    {
        lock (_gate)
        {
            if (cell.IsPoisoned)
            {
                return false;
            }

            if (_held.Count == 0 && !IsFull)
            {
                ReadClock();
                Touch(cell);
                Handle(cell, command);
            }
            else if (_held.Count < Options.MaxQueuedPerShard)
            {
                _held.Enqueue((cell, command));
            }
            else
            {
                command.Complete(CommandStatus.Busy, "the engine's queue is full");
            }
        }

        ScheduleIfNeeded();
        return true;
    }

    /// <summary>Lets actors leave that were not used lately, a few thousand at a time so that turns do not wait long.</summary>
    public void PassivateIdle()
    {
        for (var from = int.MaxValue; from > 0;)
        {
            lock (_gate)
            {
                ReadClock();
                from = PassivateIdle(from);
            }
        }
    }

    /// <summary>The actor is not used any more; what it still has under way ends as it ends.</summary>
    public void Close(ActorCell cell)
    {
        lock (_gate)
        {
            // Whatever still comes for it finds nobody.
            cell.IsPoisoned = true;
            cell.State = null;
            Leave(cell);
        }
    }

    /// <summary>Takes what has happened and hands what was gathered to the journal.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_signals.TryDequeue(out var signal))
                {
                    ReadClock();
                    Receive(signal);
                }
                else if (_held.Count > 0 && !IsFull)
                {
                    ReadClock();
                    var (cell, command) = _held.Dequeue();
                    Handle(cell, command);
                }
                else
                {
                    break;
                }
            }

            Flush();
            Passivate();
            Volatile.Write(ref _scheduled, 0);
        }

        ScheduleIfNeeded();
    }

    protected override void Signal(object signal)
    {
        _signals.Enqueue(signal);
        Schedule();
    }

    protected override void OnLoaded(ActorCell cell, Exception? error) => cell.Owner!.OnLoaded(error);

    protected override void OnPoisoned(ActorCell cell) => cell.Owner!.OnPoisoned();

    protected override void OnPassivated(ActorCell cell) => cell.Owner!.OnPassivated();

    /// <summary>The host brings another activation, wherever it will be.</summary>
    protected override bool HandleAgain(Command command)
    {
        _host.Send(command);
        return true;
    }

    private void ScheduleIfNeeded()
    {
        Interlocked.MemoryBarrier();
        if (HasUnsent || !_signals.IsEmpty)
        {
            Schedule();
        }
    }

    private void Schedule()
    {
        if (Interlocked.CompareExchange(ref _scheduled, 1, 0) == 0)
        {
            _scheduler.Schedule(this);
        }
    }
}
