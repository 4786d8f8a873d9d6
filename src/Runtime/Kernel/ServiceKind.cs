using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;

namespace Loyalty.Runtime.Kernel;

/// <summary>
/// A receiver of effects that is no actor: it asks other actors, or somebody outside the books, and answers the sender. Effects for it are handed over in the sender's own process. The kernel promises what it
/// promises of every effect: it comes at least once, after what raised it is durable, and again after a crash. So what is asked must be safe to ask twice. An answer
/// (<see cref="Command.Reply"/> of the effect, when it ends <see cref="CommandStatus.Done"/>) is decided on by the sender in the same turn that notes the delivery: <see cref="EffectDeliveredCommand"/>.
/// </summary>
public abstract class ServiceKind : ActorKind
{
    /// <summary>Takes an effect and completes it sometime, on any thread. Called within the sender's turn: must be quick and must not throw.</summary>
    /// <param name="effect">The effect.</param>
    /// <param name="host">Reaches the actors.</param>
    public abstract void Receive(EffectCommand effect, IActorHost host);

    /// <inheritdoc />
    public sealed override object Create(string key) => throw NoActor();

    /// <inheritdoc />
    public sealed override void Apply(object state, ReadOnlySpan<byte> events) => throw NoActor();

    /// <inheritdoc />
    public sealed override void Decide(object state, Command command, Turn turn) => throw NoActor();

    /// <inheritdoc />
    public sealed override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => throw NoActor();

    /// <inheritdoc />
    public sealed override int EstimateBytes(object state) => throw NoActor();

    /// <inheritdoc />
    public sealed override void WriteSnapshot(object state, ByteWriter writer) => throw NoActor();

    /// <inheritdoc />
    public sealed override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes) => throw NoActor();

    /// <inheritdoc />
    public sealed override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger) => throw NoActor();

    private NotSupportedException NoActor() => new($"{Name} is a service, not an actor: it has no books");
}
