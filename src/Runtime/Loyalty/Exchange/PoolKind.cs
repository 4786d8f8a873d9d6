using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Partners' pools as actors: <see cref="PoolDecider"/> behind the kernel. docs/EXCHANGE.md is the specification.</summary>
public sealed class PoolKind(ProgramSource programs) : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.PoolKind;

    /// <inheritdoc />
    public override object Create(string key) => new PoolState(ActorIds.PoolOf(key).Pool, ActorIds.PoolOf(key).Shard);

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ((PoolState)state).Apply(PoolCodec.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentNullException.ThrowIfNull(turn);
        var pool = (PoolState)state;
        var raised = Raised(turn);
        raised.Clear();
        var decider = new PoolDecider(pool, programs.ContextOf(turn), raised);
        switch (command)
        {
            case StepCommand step:
                command.Reply = Do(pool, step, decider, turn);
                break;
            case FundPool fund:
                command.Reply = Fund(pool, fund, decider, turn);
                break;
            case EffectCommand effect:
                PoolMessages.Decide(pool, decider, effect, turn);
                break;
            case GetPool:
                decider.BringUpToDate();
                command.Reply = new PoolReply(PoolView.Of(pool), []);
                break;
            case WakeCommand:
                decider.BringUpToDate();
                PoolMessages.GiveBack(pool, decider, turn);
                break;
            case PublishPool publish:
                var errors = decider.Publish(publish.Json);
                PoolMessages.Tell(pool, raised, turn);
                command.Reply = new PoolReply(PoolView.Of(pool), errors);
                break;
            default:
                throw new InvalidOperationException($"pools do not understand {command.GetType().Name}");
        }

        foreach (var fact in raised)
        {
            switch (fact)
            {
                case PoolPeriodClosed closed:
                    turn.AddKey(KeyScopes.Request, PeriodKey(command.Target, closed.Name), unique: true);
                    break;
                case PoolAlerted alert:
                    turn.AddEffect(AlarmService.Id, AlarmService.Message(
                        alert.IsLow ? "pool-low" : "pool-filled", $"pool {pool.Id} has {alert.Free} {(alert.IsPoints ? pool.Definition!.Unit : pool.Definition!.PartnerUnit)} free"));
                    break;
            }

            PoolCodec.Write(turn.Events, fact);
            PoolLedger.Post(fact, turn);
        }

        turn.EventCount += raised.Count;
    }

    /// <summary>The request id under which the record is found that closed a period. No sender's id begins like this: ids have no control characters.</summary>
    public static string PeriodKey(ActorId pool, string period) => $"\u0001period:{pool.Key}|{period}";

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events)
    {
        ArgumentNullException.ThrowIfNull(command);
        Request? recorded = null;
        RequestRefused? refused = null;
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            switch (PoolCodec.Read(ref reader))
            {
                case PoolReserved { Reservation: var reservation } when command is StepCommand { Step: ReservePool step } && step.Exchange == reservation.Exchange:
                    command.Reply = new StepAnswer(StepResult.Done, null, reservation);
                    break;
                case PoolFunded { Funding: var funding } when funding.Id == command.RequestId:
                    recorded = funding;
                    break;
                case PoolRefused { Refused: var e } when e.RequestId == command.RequestId:
                    refused = e;
                    break;
            }
        }

        command.Reply = command switch
        {
            RequestCommand request => Outcomes.Replay(request, actor, null, recorded, refused, null),
            StepCommand when refused is not null => StepAnswer.Refused(refused.Refusal),
            _ => command.Reply,
        };
        return command.Reply is not null;
    }

    /// <inheritdoc />
    public override long WakeAtMs(object state, Instant now) =>
        programs.IsLoaded && PoolDecider.WakeAt((PoolState)state, programs.Current.Latest.Calendar) is { } at ? at.ToUnixTimeMilliseconds() : 0;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => ((PoolState)state).EstimateBytes();

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer) => PoolCodec.Write(writer, (PoolState)state);

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes) => PoolCodec.ReadSnapshot(ActorIds.PoolOf(key).Pool, bytes, ActorIds.PoolOf(key).Shard);

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            PoolLedger.Post(PoolCodec.Read(ref reader), ledger);
        }
    }

    private static StepAnswer Do(PoolState pool, StepCommand command, PoolDecider decider, Turn turn)
    {
        switch (command.Step)
        {
            case ReservePool step:
                var refusal = decider.Reserve(step.Request, out var reservation);
                if (refusal is not null && pool.Shard > 0)
                {
                    // A shard refuses nothing: it has only a part of the pool.
                    PoolMessages.Ask(pool, decider, turn);
                    return new(StepResult.Elsewhere);
                }

                turn.AddKey(KeyScopes.Request, command.RequestId!, unique: true);
                if (refusal is not null)
                {
                    decider.Refuse(command.RequestId!, Fingerprint.Of(step.Request), refusal);
                    return StepAnswer.Refused(refusal);
                }

                return new(StepResult.Done, null, reservation);
            case CommitPool step:
                decider.Commit(step.Exchange, step.Reference);
                return StepAnswer.Done;
            case ReleasePool step:
                decider.Release(step.Exchange);
                return StepAnswer.Done;
            case ParkAtPool step:
                decider.Park(step.Exchange, step.IsParked);
                return StepAnswer.Done;
            default:
                throw new InvalidOperationException($"pool {pool.Id} does not understand {command.Step.GetType().Name}");
        }
    }

    private static RequestOutcome Fund(PoolState pool, FundPool fund, PoolDecider decider, Turn turn)
    {
        if (pool.Definition is null)
        {
            return new(OutcomeKind.Unknown, null, null, new("unknown-pool", "pool", $"there is no pool '{pool.Id}'"), false);
        }

        var refusal = decider.Fund(fund.Funding);
        turn.AddKey(KeyScopes.Request, fund.RequestId!, unique: true);
        if (refusal is not null)
        {
            decider.Refuse(fund.RequestId!, Fingerprint.Of(fund.Funding), refusal);
        }

        return new(refusal is null ? OutcomeKind.Recorded : OutcomeKind.Refused, null, null, refusal, false);
    }

    private static List<PoolEvent> Raised(Turn turn)
    {
        if (!turn.Cache.TryGetValue(typeof(List<PoolEvent>), out var cached))
        {
            turn.Cache[typeof(List<PoolEvent>)] = cached = new List<PoolEvent>();
        }

        return (List<PoolEvent>)cached;
    }
}
