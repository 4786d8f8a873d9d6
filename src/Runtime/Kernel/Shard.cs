using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Loyalty.Domain.Encoding;
using Loyalty.Runtime.Journal;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Runtime.Kernel;

/// <summary>
/// Runs actors of the embedded host: takes commands from a queue and brings actors to memory as they are needed. Runs on whatever thread the scheduler
/// gives it, never on two at once.
/// </summary>
internal sealed class Shard : TurnRunner, IThreadPoolWorkItem
{
    private const int MessagesPerRun = 256;
    private const int WarmedTogether = 16;

    private readonly IShardScheduler _scheduler;
    private readonly ConcurrentQueue<object> _signals = new();
    private readonly ConcurrentQueue<object> _commands = new();
    private readonly Dictionary<ActorId, ActorCell> _cells = [];
    private readonly ActorCell?[] _warmed = new ActorCell?[WarmedTogether];
    private int _warmth;
    private int _scheduled;
    private int _queued;

    public Shard(
        IActorHost host, IShardScheduler scheduler, IClock clock, IJournal journal, IReadOnlyDictionary<string, ActorKind> kinds, KernelOptions options, ILogger logger)
        : base(host, clock, journal, kinds, options, logger) => _scheduler = scheduler;

    public ShardFigures Figures => FiguresWith(Volatile.Read(ref _queued));

    /// <summary>Queues a command, or completes it as busy.</summary>
    public void Post(Command command)
    {
        if (Interlocked.Increment(ref _queued) > Options.MaxQueuedPerShard)
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
        if (Interlocked.Add(ref _queued, commands.Length) > Options.MaxQueuedPerShard)
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
            else if (!IsFull && _commands.TryDequeue(out var message))
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
        if (!_signals.IsEmpty || (!_commands.IsEmpty && !IsFull))
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

    protected override void Signal(object signal)
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

    private void Handle(Command command)
    {
        ref var cell = ref CollectionsMarshal.GetValueRefOrAddDefault(_cells, command.Target, out _);
        if (cell is null)
        {
            if (KindOf(command.Target) is not { } kind)
            {
                _cells.Remove(command.Target);
                command.Complete(CommandStatus.Unavailable, $"no actor kind '{command.Target.Kind}' runs here");
                return;
            }

            cell = new ActorCell(command.Target, kind);
            var created = cell;
            Enter(created);
            Handle(created, command);
            return;
        }

        cell.IsReferenced = true;
        Handle(cell, command);
    }

    protected override void OnPoisoned(ActorCell cell) => Forget(cell);

    protected override void OnPassivated(ActorCell cell) => Forget(cell);

    protected override ActorCell? Successor(ActorCell cell) => _cells.GetValueOrDefault(cell.Id);

    protected override bool HandleAgain(Command command)
    {
        Handle(command);
        return true;
    }

    /// <summary>The next command makes another one.</summary>
    private void Forget(ActorCell cell)
    {
        if (_cells.TryGetValue(cell.Id, out var current) && ReferenceEquals(current, cell))
        {
            _cells.Remove(cell.Id);
        }
    }
}
