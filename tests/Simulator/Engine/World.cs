using System.Runtime.CompilerServices;
using NodaTime;

namespace Loyalty.Simulator.Engine;

/// <summary>
/// Everything that can happen next, one thing at a time on one thread, in an order that the seed decides: this is the scheduler, the network, the disk's
/// latency and the clock of a simulated system. Delays are counted in steps, not in time.
/// </summary>
internal sealed class World(ulong seed, bool traces)
{
    private readonly List<Event> _ready = [];
    private readonly PriorityQueue<Event, (long Step, long Number)> _later = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _number;
    private ulong _digest = seed;

    /// <summary>Decides what happens.</summary>
    public Dice Dice { get; } = new(seed);

    /// <summary>The clock of all processes.</summary>
    public SimulatedClock Clock { get; } = new();

    /// <summary>Counts what happens, and jumps over times in which nothing does: in steps delays are measured.</summary>
    public long Step { get; private set; }

    /// <summary>Things that have happened.</summary>
    public long Happened { get; private set; }

    /// <summary>The first violation; nothing after it counts.</summary>
    public string? Violation { get; private set; }

    /// <summary>Depends on everything that happened, in order: two runs of a seed have the same.</summary>
    public ulong Digest => _digest;

    /// <summary>What happened, in words; null when nobody asked for it.</summary>
    public List<string>? Trace { get; } = traces ? [] : null;

    /// <summary>Nothing is left to happen.</summary>
    public bool IsQuiet => _ready.Count == 0 && _later.Count == 0;

    /// <summary>Lets something happen later.</summary>
    /// <param name="owner">The process it happens in; when that has died, it does not happen. Null: outside.</param>
    /// <param name="action">What happens.</param>
    /// <param name="delay">Not before so many other things; 0: any time.</param>
    public void Post(SimulatedProcess? owner, Action action, long delay = 0)
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            throw new InvalidOperationException("something of the engine runs on a thread that the simulation does not know");
        }

        var e = new Event(owner, action);
        if (delay <= 0)
        {
            _ready.Add(e);
        }
        else
        {
            _later.Enqueue(e, (Step + delay, _number++));
        }
    }

    /// <summary>Lets one thing happen; false: there is none.</summary>
    public bool RunOne()
    {
        if (_ready.Count == 0)
        {
            if (!_later.TryPeek(out _, out var next))
            {
                return false;
            }

            Step = Math.Max(Step, next.Step);
        }

        while (_later.TryPeek(out var due, out var at) && at.Step <= Step)
        {
            _later.Dequeue();
            _ready.Add(due);
        }

        var index = Dice.Next(_ready.Count);
        var chosen = _ready[index];
        _ready[index] = _ready[^1];
        _ready.RemoveAt(_ready.Count - 1);
        Step++;
        Happened++;
        if (chosen.Owner is { } owner)
        {
            if (!owner.IsAlive)
            {
                return true;
            }

            if (owner.PausedUntil > Step)
            {
                _later.Enqueue(chosen, (owner.PausedUntil, _number++));
                return true;
            }
        }

        try
        {
            chosen.Action();
        }
        catch (Exception e)
        {
            Fail($"an exception that nobody catches: {e}");
        }

        return true;
    }

    /// <summary>Notes something for the trace and the digest.</summary>
    public void Note(string what, long number = 0)
    {
        foreach (var c in what)
        {
            _digest = (_digest ^ c) * 0x100000001B3;
        }

        _digest = (_digest ^ (ulong)number) * 0x100000001B3;
        Trace?.Add($"{Step,6} {Clock.GetCurrentInstant()} {what}{(number == 0 ? "" : $" {number}")}");
    }

    /// <summary>Notes a violation. It does not throw: engine code would catch it.</summary>
    public void Fail(string what)
    {
        if (Violation is null)
        {
            Violation = what;
            Trace?.Add($"{Step,6} VIOLATION {what}");
        }
    }

    /// <summary>Notes a violation unless the condition holds.</summary>
    public bool Require(bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] Unless what)
    {
        if (!condition)
        {
            Fail(what.Take());
        }

        return condition;
    }

    private readonly record struct Event(SimulatedProcess? Owner, Action Action);
}

/// <summary>A clock that only the simulation moves, also back.</summary>
internal sealed class SimulatedClock : IClock
{
    /// <summary>Unix milliseconds.</summary>
    public long NowMs { get; set; }

    /// <inheritdoc />
    public Instant GetCurrentInstant() => Instant.FromUnixTimeMilliseconds(NowMs);
}
