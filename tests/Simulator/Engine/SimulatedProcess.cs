using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Simulator.Store;
using Microsoft.Extensions.Logging;

namespace Loyalty.Simulator.Engine;

#pragma warning disable CA1001 // A process that is killed closes nothing; its background work is never started.
/// <summary>One run of the engine from its start to its death.</summary>
internal sealed class SimulatedProcess : IShardScheduler, IActorHost, ILogger
{
    private readonly World _world;
    private readonly SimulatedJournal _journal;
    private readonly ProgramSource _programs = new();
    private readonly EmbeddedHost _host;
    private readonly Func<Faults> _faults;
    private readonly Defects _defects;
    private readonly SimulatedStore _store;

    public SimulatedProcess(string name, World world, SimulatedStore store, Func<Faults> faults, KernelOptions options, bool isExclusive)
    {
        (Name, _world, _faults) = (name, world, faults);
        _journal = new(world, store, faults, isExclusive) { Process = this };
        _defects = store.Defects;
        _store = store;
        var kinds = LoyaltyEngine.Kinds(_programs).Select(kind => kind is MemberKind members && _defects != Defects.None ? new MistakenMembers(members, _defects, SendEarly) : kind).ToList();
        _host = new(_journal, kinds, options, world.Clock, this, this, outward: this);
        Engine = new(this, new JournalBooks(_journal), _programs, world.Clock);
    }

    public string Name { get; }

    /// <summary>Until it dies.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>The program is loaded: clients are served.</summary>
    public bool IsReady { get; private set; }

    /// <summary>It stands still until this step.</summary>
    public long PausedUntil { get; set; }

    public LoyaltyEngine Engine { get; }

    public EmbeddedHost Host => _host;

    public IJournal Journal => _journal;

    /// <summary>Versions of the program that it knows.</summary>
    public int KnownPrograms => _programs.IsLoaded ? _programs.Current.Versions.Count : 0;

    string IActorHost.Description => "simulated";

    bool IActorHost.IsOrleans => false;

    TaskCreationOptions IActorHost.Continuations => TaskCreationOptions.None;

    /// <summary>Loads the program. When that fails, the process dies, and an operator starts another.</summary>
    public async Task StartAsync(ReadOnlyMemory<byte> firstProgram)
    {
        try
        {
            var errors = await Engine.StartAsync(firstProgram).ConfigureAwait(false);
            _world.Require(errors.Count == 0, $"the first program is refused: {string.Join("; ", errors)}");
            IsReady = true;
            _world.Note(Name + " is ready");
        }
        catch (JournalUnavailableException e)
        {
            _world.Note($"{Name} cannot start: {e.Message}");
            Die();
        }
    }

    /// <summary>Adopts what others published, as a silo does every second.</summary>
    public async Task LookForProgramsAsync()
    {
        try
        {
            var versions = await ProgramKind.ReadAsync(_journal).ConfigureAwait(false);
            if (versions.Count > 0)
            {
                _programs.Adopt(new(versions));
            }
        }
        catch (Exception e) when (e is JournalUnavailableException or JournalCorruptException)
        {
            // Again at the next look.
        }
    }

    /// <summary>Nothing of it runs any more; what is durable stays.</summary>
    public void Die()
    {
        if (IsAlive)
        {
            IsAlive = false;
            IsReady = false;
            _journal.Crash();
            _world.Note(Name + " dies");
        }
    }

    void IShardScheduler.Schedule(IThreadPoolWorkItem item) => _world.Post(this, item.Execute);

    void IActorHost.Send(Command command)
    {
        if (command is not EffectCommand effect)
        {
            Defer(command);
            _host.Send(command);
            return;
        }

        // Messages between actors travel: late, in any order, twice, or not at all (then their sender is told that nobody knows).
        if (_world.Dice.Chance(_faults().Doubled))
        {
            var isNew = _defects.HasFlag(Defects.EffectAppliedTwice);
            var double_ = new EffectCommand(effect.Target, effect.Sender, effect.Sequence + (isNew ? 1 : 0), effect.Message, effect.RequestId);
            _world.Post(this, () => _host.Send(double_), _world.Dice.Next(0, 200));
        }

        if (_world.Dice.Chance(_faults().Lost))
        {
            _world.Post(this, () => effect.Complete(CommandStatus.Unavailable, "the message was lost"), _world.Dice.Next(0, 50));
            return;
        }

        _world.Post(this, () => _host.Send(effect), _world.Dice.Chance(_faults().Slow) ? _world.Dice.Next(5, 300) : 0);
    }

    /// <summary>A planted mistake: messages go before what raised them is durable.</summary>
    private void SendEarly(Command command, Turn turn)
    {
        long sequence = 1;
        foreach (var record in _store.Find(command.Target)?.Records ?? [])
        {
            ActorState.KindPart(record.Written.Events.Span, out var entries);
            var reader = new Loyalty.Domain.Encoding.ByteReader(entries);
            while (!reader.AtEnd)
            {
                Correspondence.ReadEntry(ref reader, out var raised, out _, out _);
                sequence = raised is { } one ? one.Sequence + 1 : sequence;
            }
        }

        foreach (var (target, message, id) in turn.Effects)
        {
            var effect = new EffectCommand(target, command.Target, sequence++, message, id);
            _world.Post(this, () => _host.Send(effect));
        }
    }

    void IActorHost.Send(ReadOnlySpan<Command> commands)
    {
        foreach (var command in commands)
        {
            Defer(command);
        }

        _host.Send(commands);
    }

    /// <summary>Who asked goes on a little later, not in the middle of a turn: other threads do so in life.</summary>
    private void Defer(Command command)
    {
        if (command.Observer is { } observer and not IAtOnce)
        {
            command.Observer = new Deferred(this, observer);
        }
    }

    private sealed class Deferred(SimulatedProcess process, ICommandObserver observer) : ICommandObserver
    {
        public void OnCompleted(Command command) => process._world.Post(process, () => observer.OnCompleted(command));
    }

    ValueTask<IReadOnlyList<SiloFigures>> IActorHost.ReadFiguresAsync() => _host.ReadFiguresAsync();

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel == LogLevel.Critical)
        {
            _world.Fail($"{formatter(state, exception)}: {exception}");
        }
        else if (_world.Trace is not null && logLevel == LogLevel.Error)
        {
            _world.Note($"{Name} logs: {formatter(state, exception)}: {exception?.Message}");
        }
    }
}

/// <summary>An observer that looks at the books in the very moment of the answer.</summary>
internal interface IAtOnce;
