using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Orleans.GrainDirectory;

namespace Loyalty.Grains;

/// <summary>
/// An actor of the kernel as a grain. Orleans says when and where it is in memory; its turns are the kernel's, so calls interleave while an append is under way and
/// are answered when it is durable. A failed or unknown append, and a fence by the journal's version check, deactivate the grain.
/// </summary>
[GrainDirectory(ShardDirectory.Name)]
public abstract class ActorGrain : IGrainBase, IActorOwner
{
    private readonly SiloActors _actors;
    private HostedActor? _actor;

    /// <param name="context">The activation.</param>
    /// <param name="actors">What the silo's grains share.</param>
    protected ActorGrain(IGrainContext context, SiloActors actors)
    {
        GrainContext = context;
        _actors = actors;
        Id = GrainTypes.ActorOf(context.GrainId);
    }

    /// <inheritdoc />
    public IGrainContext GrainContext { get; }

    /// <summary>The actor.</summary>
    protected ActorId Id { get; }

    /// <summary>Loads the actor from the journal.</summary>
    public async Task OnActivateAsync(CancellationToken token)
    {
        var actor = _actors.Open(Id, this);
        try
        {
            await actor.Loaded.WaitAsync(token);
        }
        catch
        {
            actor.Close();
            throw;
        }

        _actor = actor;
        _actors.Enter(actor);
    }

    /// <summary>Whatever it had to say is in the journal already.</summary>
    public Task OnDeactivateAsync(DeactivationReason reason, CancellationToken token)
    {
        if (_actor is not null)
        {
            _actors.Leave(_actor);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc cref="IActorGrain.Touch" />
    public ValueTask Touch() => _actor is null ? ValueTask.FromException(new InvalidOperationException($"{Id} is not loaded")) : default;

    /// <inheritdoc cref="IActorGrain.Wake" />
    public ValueTask<Answer<Snapshot>> Wake() => AskAsync<Snapshot>(new WakeCommand(Id));

    /// <inheritdoc cref="IActorGrain.TakeSnapshot" />
    public ValueTask<Answer<Snapshot>> TakeSnapshot() => AskAsync<Snapshot>(new SnapshotCommand(Id));

    /// <inheritdoc cref="IActorGrain.Deliver" />
    public ValueTask<Answer<bool>> Deliver(ActorId sender, long sequence, ReadOnlyMemory<byte> message) =>
        AskAsync<bool>(new EffectCommand(Id, sender, sequence, message));

    /// <inheritdoc cref="IActorGrain.DeliverKeyed" />
    public ValueTask<Answer<bool>> DeliverKeyed(ActorId sender, long sequence, ReadOnlyMemory<byte> message, string id) =>
        AskAsync<bool>(new EffectCommand(Id, sender, sequence, message, id));

    /// <inheritdoc />
    void IActorOwner.OnPoisoned() => Deactivate("the store failed or another activation wrote; it is loaded again when it is needed");

    /// <inheritdoc />
    void IActorOwner.OnPassivated() => Deactivate("not used lately, and its memory is wanted");

    /// <summary>Has the actor decide; the answer comes when it is durable.</summary>
    protected ValueTask<Answer<T>> AskAsync<T>(Command command)
    {
        ArgumentNullException.ThrowIfNull(command);
        var waiter = new Waiter<T>();
        command.Observer = waiter;
        return _actor!.Send(command)
            ? new(waiter.Task)
            : new(new Answer<T>(CommandStatus.Unavailable, "the actor is leaving this silo; send the request again", default));
    }

    private void Deactivate(string reason) => GrainContext.Deactivate(new(DeactivationReasonCode.ApplicationRequested, reason));

    private sealed class Waiter<T>() : TaskCompletionSource<Answer<T>>(TaskCreationOptions.RunContinuationsAsynchronously), ICommandObserver
    {
        public void OnCompleted(Command command) => SetResult(new(command.Status, command.Problem, command.Reply is T reply ? reply : default));
    }
}
