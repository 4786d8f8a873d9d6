using System.Collections.Concurrent;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Grains;

/// <summary>
/// What the grains of a silo share: the journal, the kernel that runs their turns, the program, and where each of them is in this process. Whoever is in the same
/// process hands a command to the activation's actor itself; a call through Orleans is needed only to bring an actor to memory or to reach another silo.
/// </summary>
public sealed class SiloActors
{
    private readonly Lazy<HostedActors> _actors;
    private readonly ConcurrentDictionary<ActorId, HostedActor> _here = new();

    /// <param name="journal">The books; not disposed.</param>
    /// <param name="programs">The program's versions on this silo.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="clock">The engine's clock.</param>
    /// <param name="host">Reaches every actor of the cluster.</param>
    /// <param name="holder">What this silo is to leases of budgets.</param>
    /// <param name="loggers">For failures.</param>
    /// <param name="connectors">The partners' systems; null: none is called from this silo.</param>
    public SiloActors(
        IJournal journal, ProgramSource programs, KernelOptions options, IClock clock, Func<IActorHost> host, Func<LeaseHolder> holder, ILoggerFactory loggers,
        PartnerConnectors? connectors = null)
    {
        ArgumentNullException.ThrowIfNull(programs);
        Journal = journal;
        Programs = programs;
        Options = options;
        // Not before they are needed: a journal may be open only when the silo has started so far.
        _actors = new(() =>
        {
            var deferring = new DeferringHost(host);
            programs.Campaigns.Leases.Open(deferring, journal, holder(), new(), loggers.CreateLogger<LeaseBook>());
            return new(journal, LoyaltyEngine.Kinds(programs, connectors), options, clock, deferring, new ThreadPoolScheduler(), loggers.CreateLogger<HostedActors>());
        });
    }

    /// <summary>The books.</summary>
    public IJournal Journal { get; }

    /// <summary>The program's versions on this silo.</summary>
    public ProgramSource Programs { get; }

    /// <summary>The kernel's bounds.</summary>
    public KernelOptions Options { get; }

    /// <summary>Figures of the actors of this silo.</summary>
    public ShardFigures Figures => Actors.Figures;

    private HostedActors Actors => _actors.Value;

    /// <summary>Actors whose activations are in this process.</summary>
    public IEnumerable<ActorId> Here => _here.Keys;

    /// <summary>Hands a command to its actor if that is in this process.</summary>
    /// <returns>False: it is not; nothing was done.</returns>
    public bool TrySend(Command command)
    {
        ArgumentNullException.ThrowIfNull(command);
        return _here.TryGetValue(command.Target, out var actor) && actor.Send(command);
    }

    /// <summary>Reads the program's versions and the list of campaigns from the books, and adopts what is newer.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public async Task RefreshProgramAsync()
    {
        if (await ProgramKind.ReadAsync(Journal).ConfigureAwait(false) is { Count: > 0 } versions)
        {
            Programs.Adopt(new(versions));
        }

        await Programs.Campaigns.RefreshAsync(Journal).ConfigureAwait(false);
    }

    /// <summary>Lets actors go that the map gives to other silos: the next call brings them to memory there.</summary>
    public int MoveAway(ShardMap map, SiloAddress here)
    {
        ArgumentNullException.ThrowIfNull(map);
        var moved = 0;
        foreach (var (id, actor) in _here)
        {
            if (!map.OwnerOf(id).Equals(here))
            {
                actor.Dismiss();
                moved++;
            }
        }

        return moved;
    }

    /// <summary>
    /// Lets actors go that were loaded between two moments (<see cref="Environment.TickCount64"/>): silos disagreed then about who has them, so another silo may have written after they were
    /// loaded, and what is in memory here would answer questions with what was so before.
    /// </summary>
    /// <returns>How many were let go, at most <paramref name="count"/>.</returns>
    public int Reload(long fromMs, long toMs, int count)
    {
        var gone = 0;
        foreach (var (_, actor) in _here)
        {
            if (actor.OpenedAtMs >= fromMs && actor.OpenedAtMs <= toMs)
            {
                actor.Dismiss();
                if (++gone == count)
                {
                    break;
                }
            }
        }

        return gone;
    }

    /// <summary>Lets actors go that were not used for <see cref="KernelOptions.IdleAge"/>.</summary>
    public void PassivateIdle() => Actors.PassivateIdle();

    internal HostedActor Open(ActorId actor, IActorOwner owner) => Actors.Open(actor, owner);

    internal void Enter(HostedActor actor) => _here[actor.Id] = actor;

    internal void Leave(HostedActor actor)
    {
        _here.TryRemove(new(actor.Id, actor));
        actor.Close();
    }

    /// <summary>Takes commands out of the kernel's lock before they go on their way.</summary>
    private sealed class DeferringHost(Func<IActorHost> host) : IActorHost
    {
        public string Description => host().Description;

        public bool IsOrleans => true;

        public ValueTask<IReadOnlyList<SiloFigures>> ReadFiguresAsync() => host().ReadFiguresAsync();

        public void Send(Command command) => ThreadPool.UnsafeQueueUserWorkItem(
            static x =>
            {
                IActorHost target;
                try
                {
                    target = x.host();
                }
                catch (ObjectDisposedException)
                {
                    x.command.Complete(CommandStatus.Unavailable, "the silo is stopping; send the same request again");
                    return;
                }

                target.Send(x.command);
            },
            (host, command), preferLocal: false);

        public void Send(ReadOnlySpan<Command> commands)
        {
            foreach (var command in commands)
            {
                Send(command);
            }
        }
    }
}
