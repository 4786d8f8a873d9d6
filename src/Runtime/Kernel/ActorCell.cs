using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Kernel;

/// <summary>One actor in memory. Touched only within its shard's turns.</summary>
internal sealed class ActorCell(ActorId id, ActorKind kind)
{
    public readonly ActorId Id = id;
    public readonly ActorKind Kind = kind;
    public readonly ulong Hash = id.StableHash();

    /// <summary>Who rules its life; null in the embedded host.</summary>
    public HostedActor? Owner;

    /// <summary>Null until it is loaded.</summary>
    public ActorState? State;

    /// <summary>Commands that came while the actor was loading or a look-up was under way, in order.</summary>
    public Queue<Command>? Waiting;

    /// <summary>Loading, looking something up, or waiting for what a decision needs: commands wait.</summary>
    public bool IsSuspended;

    /// <summary>An append failed: the memory is thrown away; what was decided on it fails too.</summary>
    public bool IsPoisoned;

    /// <summary>Appends under way.</summary>
    public int InFlight;

    /// <summary>The newest append under way: what depends on it is answered with it.</summary>
    public PendingAppends? LastAppend;

    /// <summary>The newest effect that is durable: up to it effects may be sent.</summary>
    public long DurableEffect;

    /// <summary>When the actor wants to be woken, as last computed.</summary>
    public long WakeAtMs;

    /// <summary>Estimated bytes, as last counted by the shard.</summary>
    public int Bytes;

    /// <summary>Used since the passivation hand last passed.</summary>
    public bool IsReferenced = true;

    /// <summary>When a host that rules its life last sent it a command, Unix milliseconds.</summary>
    public long UsedAtMs;

    /// <summary>Place in the shard's ring of residents.</summary>
    public int RingIndex = -1;

    /// <summary>An effect of this actor is on its way.</summary>
    public bool IsDelivering;

    public bool IsIdle => !IsSuspended && InFlight == 0 && Waiting is not { Count: > 0 } && !IsDelivering;
}

/// <summary>A batch of appends of one shard, with the commands that are answered when it is durable.</summary>
internal sealed class PendingAppends
{
    public readonly AppendBatch Batch = new();

    /// <summary>The cell of each entry.</summary>
    public readonly List<ActorCell> Cells = [];

    /// <summary>The command of each entry.</summary>
    public readonly List<Command> Commands = [];

    /// <summary>The newest effect that the actor of each entry had raised with it.</summary>
    public readonly List<long> Effects = [];

    /// <summary>What the entries' decisions took outside their actors, in the order of the entries.</summary>
    public readonly List<(int Entry, IReservation Reservation)> Reservations = [];

    /// <summary>Commands that changed nothing but saw what is in this batch.</summary>
    public readonly List<(ActorCell Cell, Command Command)> Followers = [];

    public void Clear()
    {
        Batch.Clear();
        Cells.Clear();
        Commands.Clear();
        Effects.Clear();
        Reservations.Clear();
        Followers.Clear();
    }
}
