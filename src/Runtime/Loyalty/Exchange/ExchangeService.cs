using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>
/// Does the steps of exchanges: takes a step from an exchange's outbox, sends it to the pool or the member, or calls the partner, and answers the exchange. Whatever it is asked twice is safe to do twice: the pool and
/// the member decide once (<see cref="StepCommand"/>), the partner knows the exchange's id.
/// </summary>
public sealed class ExchangeService(PartnerConnectors connectors) : ServiceKind
{
    /// <summary>The kind's name.</summary>
    public const string ServiceName = "exchange-step";

    /// <summary>To whom exchanges send their steps.</summary>
    public static readonly ActorId Id = new(ServiceName, "main");

    /// <inheritdoc />
    public override string Name => ServiceName;

    /// <summary>A step as an effect's message.</summary>
    public static byte[] Message(ExchangeStep step)
    {
        var writer = new ByteWriter();
        ExchangeStepCodec.Write(writer, step);
        return writer.Written.ToArray();
    }

    /// <inheritdoc />
    public override void Receive(EffectCommand effect, IActorHost host)
    {
        ArgumentNullException.ThrowIfNull(effect);
        ArgumentNullException.ThrowIfNull(host);
        var reader = new ByteReader(effect.Message.Span);
        var step = ExchangeStepCodec.ReadStep(ref reader);
        if (step is CallPartner call)
        {
            _ = CallAsync(call, effect);
            return;
        }

        host.Send(new StepCommand(TargetOf(step), step) { Observer = new Answering(effect, step) });
    }

    private static ActorId TargetOf(ExchangeStep step) => step switch
    {
        ReservePool s => ActorIds.Pool(s.Request.Pool, s.Shard),
        CommitPool s => ActorIds.Pool(s.Pool, s.Shard),
        ReleasePool s => ActorIds.Pool(s.Pool, s.Shard),
        ParkAtPool s => ActorIds.Pool(s.Pool, s.Shard),
        HoldPoints s => ActorIds.Member(s.Reservation.Member),
        CreditMember s => ActorIds.Member(s.Member),
        FreePoints s => ActorIds.Member(s.Member),
        _ => throw new InvalidOperationException($"nobody does {step.GetType().Name}"),
    };

    private async Task CallAsync(CallPartner call, EffectCommand effect)
    {
        effect.Reply = await connectors.CallAsync(call).ConfigureAwait(false);
        effect.Complete(CommandStatus.Done);
    }

    /// <summary>Hands the answer of a pool or member to the exchange; one that could not be asked is asked again when the exchange is next woken.</summary>
    private sealed class Answering(EffectCommand effect, ExchangeStep step) : ICommandObserver
    {
        public void OnCompleted(Command command)
        {
            effect.Reply = step is ParkAtPool ? null : command.Reply;
            effect.Complete(command.Status, command.Problem);
        }
    }
}

/// <summary>Brings what people should look at to the engine's alarms: low pools, exchanges that need an operator. At least once each.</summary>
public sealed class AlarmService(PartnerConnectors connectors) : ServiceKind
{
    /// <summary>The kind's name.</summary>
    public const string ServiceName = "alarm";

    /// <summary>To whom alarms are sent.</summary>
    public static readonly ActorId Id = new(ServiceName, "main");

    /// <inheritdoc />
    public override string Name => ServiceName;

    /// <summary>An alarm as an effect's message.</summary>
    /// <param name="code">Stable, for programs.</param>
    /// <param name="text">For people.</param>
    public static byte[] Message(string code, string text)
    {
        var writer = new ByteWriter();
        writer.Text(code);
        writer.Text(text);
        return writer.Written.ToArray();
    }

    /// <inheritdoc />
    public override void Receive(EffectCommand effect, IActorHost host)
    {
        ArgumentNullException.ThrowIfNull(effect);
        var reader = new ByteReader(effect.Message.Span);
        connectors.Raise(reader.Text()!, reader.Text()!);
        effect.Complete(CommandStatus.Done);
    }
}
