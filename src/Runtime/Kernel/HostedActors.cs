using Loyalty.Runtime.Journal;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Runtime.Kernel;

/// <summary>Rules the life of a <see cref="HostedActor"/>. Called within the kernel's lock: must be quick and must not throw.</summary>
public interface IActorOwner
{
    /// <summary>An append failed, or the actor could not be loaded: its memory is thrown away, and every command ends unavailable until there is a new one.</summary>
    void OnPoisoned();

    /// <summary>The actor was not used lately and its memory is wanted. It still works.</summary>
    void OnPassivated();
}

/// <summary>
/// The kernel for hosts that decide themselves when an actor is in memory and where, such as Orleans: the same turns, group commits and promises as in the
/// <see cref="EmbeddedHost"/>. One of them serves all actors of a process.
/// </summary>
public sealed class HostedActors
{
    private readonly ActorLane[] _lanes;
    private readonly Dictionary<string, ActorKind> _kinds;

    /// <param name="journal">Where the events rest; not disposed.</param>
    /// <param name="kinds">What runs here.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="clock">The engine's clock.</param>
    /// <param name="host">Takes effects to their receivers, wherever they live; must not run their turns within the call.</param>
    /// <param name="scheduler">Hands what was gathered to the journal.</param>
    /// <param name="logger">For failures.</param>
    public HostedActors(
        IJournal journal, IEnumerable<ActorKind> kinds, KernelOptions options, IClock clock, IActorHost host, IShardScheduler scheduler, ILogger<HostedActors> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        Options = options;
        _kinds = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
        _lanes = [.. Enumerable.Range(0, options.Shards).Select(_ => new ActorLane(host, scheduler, clock, journal, _kinds, options, logger))];
    }

    /// <summary>The bounds.</summary>
    public KernelOptions Options { get; }

    /// <summary>Figures of all actors together.</summary>
    public ShardFigures Figures => ShardFigures.Sum(_lanes.Select(lane => lane.Figures));

    /// <summary>Lets actors leave memory that were not used since <see cref="KernelOptions.IdleAge"/>; to be called now and then.</summary>
    public void PassivateIdle()
    {
        foreach (var lane in _lanes)
        {
            lane.PassivateIdle();
        }
    }

    /// <summary>Brings an actor to memory; <see cref="HostedActor.Loaded"/> says when it is there. Commands sent before wait for it.</summary>
    /// <exception cref="ArgumentException">No such kind runs here.</exception>
    public HostedActor Open(ActorId actor, IActorOwner owner)
    {
        if (!_kinds.TryGetValue(actor.Kind, out var kind))
        {
            throw new ArgumentException($"no actor kind '{actor.Kind}' runs here", nameof(actor));
        }

        var cell = new ActorCell(actor, kind);
        var hosted = new HostedActor(_lanes[HashRange.ShardOf(cell.Hash, _lanes.Length)], cell, owner);
        hosted.Open();
        return hosted;
    }
}

/// <summary>One actor in memory, for its owner.</summary>
public sealed class HostedActor
{
    private readonly ActorLane _lane;
    private readonly ActorCell _cell;
    private readonly IActorOwner _owner;
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal HostedActor(ActorLane lane, ActorCell cell, IActorOwner owner)
    {
        (_lane, _cell, _owner) = (lane, cell, owner);
        cell.Owner = this;
    }

    /// <summary>Which actor.</summary>
    public ActorId Id => _cell.Id;

    /// <summary>When it began to be loaded, by <see cref="Environment.TickCount64"/>.</summary>
    public long OpenedAtMs { get; } = Environment.TickCount64;

    /// <summary>Ends when the actor is in memory.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read.</exception>
    /// <exception cref="JournalCorruptException">What is stored of the actor cannot be trusted.</exception>
    public Task Loaded => _loaded.Task;

    /// <summary>Makes the command's turn, now or when the actor is loaded; its observer is told when it is durable.</summary>
    /// <returns>False: the actor has left memory, or is about to; nothing was done, and another activation is the right one to ask.</returns>
    public bool Send(Command command) => _lane.Send(_cell, command);

    /// <summary>Ends the actor's life in memory. Commands that come later are not taken.</summary>
    public void Close() => _lane.Close(_cell);

    /// <summary>Asks the owner to let the actor leave memory.</summary>
    public void Dismiss() => _owner.OnPassivated();

    internal void Open() => _lane.Open(_cell);

    internal void OnLoaded(Exception? error)
    {
        if (error is null)
        {
            _loaded.SetResult();
        }
        else
        {
            _loaded.SetException(error);
        }
    }

    internal void OnPoisoned() => _owner.OnPoisoned();

    internal void OnPassivated() => _owner.OnPassivated();
}
