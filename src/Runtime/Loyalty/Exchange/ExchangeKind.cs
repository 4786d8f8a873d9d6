using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>
/// Exchanges as actors, one each: the saga. Its outbox holds the step under way, for <see cref="ExchangeService"/>; the answer to a step and the next step are one record. docs/EXCHANGE.md, "The saga".
/// </summary>
public sealed class ExchangeKind : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.ExchangeKind;

    /// <inheritdoc />
    public override object Create(string key) => new ExchangeState(key);

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ((ExchangeState)state).Apply(ExchangeCodec.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentNullException.ThrowIfNull(turn);
        var exchange = (ExchangeState)state;
        switch (command)
        {
            case StartExchange start:
                turn.AddKey(KeyScopes.Request, start.RequestId!, unique: true);
                var shard = start.Shards > 1 ? 1 + Journal.HashRange.ShardOf(start.Target.StableHash(), start.Shards) : 0;
                Raise(exchange, new ExchangeStarted(start.Exchange, turn.Now, shard), turn);
                command.Reply = new RequestOutcome(OutcomeKind.Recorded, null, null, null, false);
                break;
            case EffectDeliveredCommand { Answer: StepAnswer answer }:
                Raise(exchange, new ExchangeStepped(answer, turn.Now), turn);
                break;
            case WakeCommand when exchange.Stage == ExchangeStage.Waiting && exchange.NextCallAt <= turn.Now:
                Raise(exchange, new ExchangeAsked(turn.Now), turn);
                break;
            case WakeCommand:
                break;
            case GetExchange:
                command.Reply = new ExchangeReply(Copy(exchange), null);
                break;
            case ResolveExchange resolve when exchange.Stage == ExchangeStage.Parked:
                Raise(exchange, new ExchangeResolved(resolve.Resolution, resolve.Reason, resolve.Author, resolve.Reference, turn.Now), turn);
                command.Reply = new ExchangeReply(Copy(exchange), null);
                break;
            case ResolveExchange:
                command.Reply = new ExchangeReply(
                    Copy(exchange), exchange.Request is null ? null : new("not-parked", "", $"exchange {exchange.Id} is {exchange.Stage.ToString().ToLowerInvariant()}; only a parked one is resolved by hand"));
                break;
            default:
                throw new InvalidOperationException($"exchanges do not understand {command.GetType().Name}");
        }
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events)
    {
        ArgumentNullException.ThrowIfNull(command);
        Request? recorded = null;
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            recorded = ExchangeCodec.Read(ref reader) is ExchangeStarted started && started.Request.Id == command.RequestId ? started.Request : recorded;
        }

        command.Reply = command is RequestCommand request ? Outcomes.Replay(request, actor, null, recorded, null, null) : null;
        return command.Reply is not null;
    }

    /// <inheritdoc />
    public override long WakeAtMs(object state, Instant now) =>
        state is ExchangeState { Stage: ExchangeStage.Waiting } waiting ? waiting.NextCallAt.ToUnixTimeMilliseconds() : 0;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 1200;

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer) => ExchangeCodec.Write(writer, (ExchangeState)state);

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes) => ExchangeCodec.ReadSnapshot(key, bytes);

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
        // The postings are the pool's and the member's.
    }

    private static void Raise(ExchangeState exchange, ExchangeEvent fact, Turn turn)
    {
        var before = exchange.Stage;
        exchange.Apply(fact);
        ExchangeCodec.Write(turn.Events, fact);
        turn.EventCount++;
        if (before == ExchangeStage.Parked || exchange.Stage == ExchangeStage.Parked)
        {
            var isParked = exchange.Stage == ExchangeStage.Parked;
            var reservation = exchange.Reservation!;
            turn.AddEffect(ExchangeService.Id, ExchangeService.Message(new ParkAtPool(exchange.Id, reservation.Pool, reservation.Shard, isParked)));
            turn.AddEffect(AlarmService.Id, AlarmService.Message(
                isParked ? "exchange-parked" : "exchange-resolved",
                isParked ? $"exchange {exchange.Id} with {reservation.Pool} needs an operator: {exchange.Problem}" : $"exchange {exchange.Id} with {reservation.Pool} was resolved by hand"));
        }

        if (exchange.Step() is { } step)
        {
            turn.AddEffect(ExchangeService.Id, ExchangeService.Message(step));
        }
    }

    private static ExchangeState? Copy(ExchangeState exchange)
    {
        if (exchange.Request is null)
        {
            return null;
        }

        var writer = new ByteWriter();
        ExchangeCodec.Write(writer, exchange);
        return ExchangeCodec.ReadSnapshot(exchange.Id, writer.Written);
    }
}
