using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Kernel;

/// <summary>
/// A message to an actor and, later, its result. Used once. The host completes it on a thread of its own; whoever waits is told through
/// <see cref="Observer"/>.
/// </summary>
public abstract class Command(ActorId target)
{
    /// <summary>To whom.</summary>
    public ActorId Target { get; set; } = target;

    /// <summary>The sender's id when the command is a request with an identity; null: a question, or an order that is idempotent by itself.</summary>
    public virtual string? RequestId => null;

    /// <summary>What <see cref="RequestId"/> names: <see cref="KeyScopes.Request"/> unless it is the id of an effect.</summary>
    internal virtual string RequestScope => KeyScopes.Request;

    /// <summary>The id of an earlier request that the decision needs to see; null: none.</summary>
    public virtual string? RecallId => null;

    /// <summary>What <see cref="RecallId"/> names: null, a purchase or what is left of it; else the scope of the key that a record has with it.</summary>
    public virtual string? RecallScope => null;

    /// <summary>Who is told when the command ends. Called on an engine thread: must be quick and must not throw.</summary>
    public ICommandObserver? Observer { get; set; }

    /// <summary>For the observer's own use: the place of the command among its siblings.</summary>
    public int Slot { get; set; }

    /// <summary>How it ended.</summary>
    public CommandStatus Status { get; private set; }

    /// <summary>The reply, when it was <see cref="CommandStatus.Done"/>, else null; of a type that the command's documentation names.</summary>
    public object? Reply { get; set; }

    /// <summary>Why not, when it was not done; for people.</summary>
    public string? Problem { get; private set; }

    /// <summary>Set by the kernel before the decision: the newest record that <see cref="RecallId"/> leads to.</summary>
    public JournalRecord? Recalled { get; internal set; }

    /// <summary>How often its decision was put off (<see cref="Turn.Later"/>).</summary>
    public int PutOffs { get; internal set; }

    /// <summary>The key of <see cref="RequestId"/>, once it is looked up.</summary>
    internal RequestKey RequestKey { get; set; }

    internal bool RequestLookedUp { get; set; }

    internal bool RecallLookedUp { get; set; }

    /// <summary>The journal is asked for the id, whatever its filter says.</summary>
    internal bool AsksJournal { get; private set; }

    /// <summary>Makes it as if it had not been handled yet, and sure to find what is durable under its id; false: that was done before.</summary>
    internal bool AskJournal()
    {
        if (AsksJournal)
        {
            return false;
        }

        AsksJournal = true;
        RequestLookedUp = RecallLookedUp = false;
        Recalled = null;
        Reply = null;
        return true;
    }

    /// <summary>Ends it and tells the observer. For hosts: whoever takes a command completes it once.</summary>
    /// <param name="status">How it ended.</param>
    /// <param name="problem">Why not, for people; null when it was done.</param>
    public void Complete(CommandStatus status, string? problem = null)
    {
        Status = status;
        Problem = problem;
        if (status != CommandStatus.Done)
        {
            // It was made from a state that is not durable, or half-way.
            Reply = null;
        }

        Observer?.OnCompleted(this);
    }
}

/// <summary>How a command ended.</summary>
public enum CommandStatus : byte
{
    /// <summary>Not yet.</summary>
    Pending,

    /// <summary>Decided, and durable if it changed anything.</summary>
    Done,

    /// <summary>A queue is full; nothing was done; again a little later is right.</summary>
    Busy,

    /// <summary>The store failed or the outcome is not known; the same request again is right and safe.</summary>
    Unavailable,
}

/// <summary>Is told when a command ends.</summary>
public interface ICommandObserver
{
    /// <summary>The command has its status and reply.</summary>
    void OnCompleted(Command command);
}

/// <summary>Wakes an actor: it does what is due. Reply: a <see cref="Snapshot"/> when nothing changed (its wake-up time may), else null.</summary>
public sealed class WakeCommand(ActorId target) : Command(target);

/// <summary>Asks for a snapshot. Reply: a <see cref="Snapshot"/>; null for an actor without events.</summary>
public sealed class SnapshotCommand(ActorId target) : Command(target);

/// <summary>An effect of another actor, delivered at least once and applied once. Reply: none.</summary>
/// <param name="target">The receiver.</param>
/// <param name="sender">The actor that raised it.</param>
/// <param name="sequence">Counted by the sender from 1.</param>
/// <param name="message">Understood by the receiver's kind.</param>
/// <param name="id">Of a keyed effect: what it is known by to the receiver, for ever, whoever brings it and however often; null: known by sender and sequence.</param>
public sealed class EffectCommand(ActorId target, ActorId sender, long sequence, ReadOnlyMemory<byte> message, string? id = null) : Command(target)
{
    /// <inheritdoc />
    public override string? RequestId => id;

    internal override string RequestScope => KeyScopes.Effect;

    /// <summary>The actor that raised it.</summary>
    public ActorId Sender { get; } = sender;

    /// <summary>Counted by the sender from 1.</summary>
    public long Sequence { get; } = sequence;

    /// <summary>Understood by the receiver's kind.</summary>
    public ReadOnlyMemory<byte> Message { get; } = message;
}

/// <summary>
/// Notes that the receiver of an effect has it durably. Sent by the kernel to the actor that raised it; its kind decides on it only when a <see cref="ServiceKind"/> answered. Reply: none.
/// </summary>
/// <param name="target">Who raised the effect.</param>
/// <param name="sequence">Which effect.</param>
/// <param name="answer">What the service answered; null: nothing.</param>
public sealed class EffectDeliveredCommand(ActorId target, long sequence, object? answer = null) : Command(target)
{
    /// <summary>Which effect.</summary>
    public long Sequence { get; } = sequence;

    /// <summary>What the service answered; null: nothing.</summary>
    public object? Answer { get; } = answer;
}
