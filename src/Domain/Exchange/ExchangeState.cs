using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Domain.Exchange;

/// <summary>Where an exchange stands. docs/EXCHANGE.md, "The saga".</summary>
public enum ExchangeStage : byte
{
    /// <summary>Not begun.</summary>
    None,

    /// <summary>The pool is asked to reserve.</summary>
    Reserving,

    /// <summary>The member is asked to hold.</summary>
    Holding,

    /// <summary>The partner is called.</summary>
    Asking,

    /// <summary>The partner's answer is not known; it is asked at a time.</summary>
    Waiting,

    /// <summary>An operator is needed.</summary>
    Parked,

    /// <summary>The pool commits.</summary>
    Committing,

    /// <summary>The member commits.</summary>
    Crediting,

    /// <summary>The member gets its hold back.</summary>
    Freeing,

    /// <summary>The pool gets its reservation back.</summary>
    Releasing,

    /// <summary>Complete, for ever.</summary>
    Completed,

    /// <summary>Undone, for ever.</summary>
    Undone,
}

/// <summary>How an operator resolves a parked exchange.</summary>
public enum ExchangeResolution : byte
{
    /// <summary>The partner is asked again.</summary>
    Retry = 1,

    /// <summary>The partner did it.</summary>
    Completed = 2,

    /// <summary>The partner did not do it and will not.</summary>
    Cancelled = 3,
}

/// <summary>A fact of an exchange.</summary>
public abstract record ExchangeEvent(Instant At);

/// <summary>It began.</summary>
/// <param name="Request">The request.</param>
/// <param name="At">When.</param>
/// <param name="Shard">Which of the pool's actors is asked first; 0: the main one.</param>
public sealed record ExchangeStarted(ExchangeRequest Request, Instant At, int Shard = 0) : ExchangeEvent(At);

/// <summary>The step under way was answered.</summary>
public sealed record ExchangeStepped(StepAnswer Answer, Instant At) : ExchangeEvent(At);

/// <summary>The partner is asked for the status.</summary>
public sealed record ExchangeAsked(Instant At) : ExchangeEvent(At);

/// <summary>An operator resolved it.</summary>
public sealed record ExchangeResolved(ExchangeResolution Resolution, string Reason, string Author, string? Reference, Instant At) : ExchangeEvent(At);

/// <summary>One exchange: where it stands. Changed by <see cref="Apply"/> alone.</summary>
public sealed class ExchangeState(string id)
{
    /// <summary>The exchange's id.</summary>
    public string Id { get; } = id;

    /// <summary>The request; null: not begun.</summary>
    public ExchangeRequest? Request { get; private set; }

    /// <summary>Where it stands.</summary>
    public ExchangeStage Stage { get; private set; }

    /// <summary>Which of the pool's actors is asked to reserve; 0: the main one.</summary>
    public int Shard { get; private set; }

    /// <summary>What the pool reserved; null: not yet, or refused.</summary>
    public Reservation? Reservation { get; private set; }

    /// <summary>Calls of the partner since it began or was resolved.</summary>
    public int Calls { get; private set; }

    /// <summary>The call under way asks for the status.</summary>
    public bool IsQuery { get; private set; }

    /// <summary>When the partner is asked again, while waiting.</summary>
    public Instant NextCallAt { get; private set; }

    /// <summary>The partner's reference.</summary>
    public string? Reference { get; private set; }

    /// <summary>Why it is undone, or will be.</summary>
    public Refusal? Refusal { get; private set; }

    /// <summary>Why the partner's answer was not known; null: it was, or nobody asked.</summary>
    public string? Problem { get; private set; }

    /// <summary>When it began.</summary>
    public Instant StartedAt { get; private set; }

    /// <summary>When it last changed.</summary>
    public Instant ChangedAt { get; private set; }

    /// <summary>Complete or undone.</summary>
    public bool IsOver => Stage is ExchangeStage.Completed or ExchangeStage.Undone;

    /// <summary>The step under way; null: none.</summary>
    public ExchangeStep? Step() => Stage switch
    {
        ExchangeStage.Reserving => new ReservePool(Request!, Shard),
        ExchangeStage.Holding => new HoldPoints(Reservation!),
        ExchangeStage.Asking => new CallPartner(Reservation!, IsQuery, Calls),
        ExchangeStage.Committing => new CommitPool(Id, Reservation!.Pool, Reservation.Shard, Reference),
        ExchangeStage.Crediting => new CreditMember(Id, Reservation!.Member),
        ExchangeStage.Freeing => new FreePoints(Id, Reservation!.Member),
        ExchangeStage.Releasing => new ReleasePool(Id, Reservation!.Pool, Reservation.Shard),
        _ => null,
    };

    /// <summary>Changes the state by a fact.</summary>
    /// <exception cref="InvalidOperationException">The fact does not fit: the books are damaged.</exception>
    public void Apply(ExchangeEvent fact)
    {
        ArgumentNullException.ThrowIfNull(fact);
        ChangedAt = fact.At;
        switch (fact)
        {
            case ExchangeStarted e:
                (Request, StartedAt, Stage, Shard) = (e.Request, e.At, ExchangeStage.Reserving, e.Shard);
                break;
            case ExchangeStepped e:
                Stage = Next(e.Answer, e.At);
                break;
            case ExchangeAsked:
                (Stage, IsQuery) = (ExchangeStage.Asking, true);
                Calls++;
                break;
            case ExchangeResolved { Resolution: ExchangeResolution.Retry }:
                (Stage, Calls, IsQuery) = (ExchangeStage.Asking, 1, true);
                break;
            case ExchangeResolved { Resolution: ExchangeResolution.Completed } e:
                (Stage, Reference) = (ExchangeStage.Committing, e.Reference);
                break;
            case ExchangeResolved e:
                (Stage, Refusal) = (ExchangeStage.Freeing, new("cancelled", "", $"cancelled by {e.Author}: {e.Reason}"));
                break;
            default:
                throw new InvalidOperationException($"no rule applies {fact.GetType().Name}");
        }
    }

    private ExchangeStage Next(StepAnswer answer, Instant at)
    {
        Refusal = answer.Result == StepResult.Refused ? answer.Refusal : Refusal;
        switch (Stage, answer.Result)
        {
            case (ExchangeStage.Reserving, StepResult.Done):
                Reservation = answer.Reservation!;
                return ExchangeStage.Holding;
            case (ExchangeStage.Reserving, StepResult.Elsewhere) when Shard > 0:
                Shard = 0;
                return ExchangeStage.Reserving;
            case (ExchangeStage.Reserving, StepResult.Refused):
                return ExchangeStage.Undone;
            case (ExchangeStage.Holding, StepResult.Done):
                (Calls, IsQuery) = Reservation!.Connector is null ? (0, false) : (1, false);
                return Reservation.Connector is null ? ExchangeStage.Committing : ExchangeStage.Asking;
            case (ExchangeStage.Holding, StepResult.Refused):
                return ExchangeStage.Releasing;
            case (ExchangeStage.Asking, StepResult.Done):
                (Reference, Problem) = (answer.Reference, null);
                return ExchangeStage.Committing;
            case (ExchangeStage.Asking, StepResult.Refused):
                Problem = null;
                return ExchangeStage.Freeing;
            case (ExchangeStage.Asking, _):
                Problem = answer.Refusal?.Detail;
                if (Calls >= Reservation!.Retry.Attempts)
                {
                    return ExchangeStage.Parked;
                }

                if (answer.Result == StepResult.NotKnown)
                {
                    // The same request again; should the first one still be on its way, its id makes them one.
                    IsQuery = false;
                    Calls++;
                    return ExchangeStage.Asking;
                }

                NextCallAt = at + Reservation.Retry.After(Calls);
                return ExchangeStage.Waiting;
            case (ExchangeStage.Committing, StepResult.Done):
                return ExchangeStage.Crediting;
            case (ExchangeStage.Crediting, StepResult.Done):
                return ExchangeStage.Completed;
            case (ExchangeStage.Freeing, StepResult.Done):
                return ExchangeStage.Releasing;
            case (ExchangeStage.Releasing, StepResult.Done):
                return ExchangeStage.Undone;
            default:
                throw new InvalidOperationException($"exchange {Id} is {Stage}, which {answer.Result} does not answer");
        }
    }

    internal void Restore(
        ExchangeRequest request, ExchangeStage stage, Reservation? reservation, int calls, bool isQuery, Instant nextCallAt, string? reference, Refusal? refusal, string? problem,
        Instant startedAt, Instant changedAt, int shard)
    {
        Shard = shard;
        (Request, Stage, Reservation, Calls, IsQuery, NextCallAt) = (request, stage, reservation, calls, isQuery, nextCallAt);
        (Reference, Refusal, Problem, StartedAt, ChangedAt) = (reference, refusal, problem, startedAt, changedAt);
    }
}
