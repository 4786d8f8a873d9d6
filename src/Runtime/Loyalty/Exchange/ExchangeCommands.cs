using Loyalty.Domain.Exchange;
using Loyalty.Domain.Members;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>
/// A step of an exchange, for the pool or the member that does it. Reply: <see cref="StepAnswer"/>. Reserving and holding have an identity of their own: whatever is doubled, they are decided once for ever.
/// </summary>
/// <param name="target">The pool's or member's actor.</param>
/// <param name="step">The step.</param>
public sealed class StepCommand(ActorId target, ExchangeStep step) : Command(target)
{
    private readonly string? _requestId = step.RequestId;

    /// <summary>The step.</summary>
    public ExchangeStep Step { get; } = step;

    /// <inheritdoc />
    public override string? RequestId => _requestId;
}

/// <summary>Begins an exchange. Reply: <see cref="RequestOutcome"/> without fact and answer; how it goes on tells <see cref="GetExchange"/>.</summary>
/// <param name="request">The request.</param>
/// <param name="shards">Shards of its pool, as far as the sender knows; 1: none.</param>
public sealed class StartExchange(ExchangeRequest request, int shards = 1) : RequestCommand(ActorIds.Exchange(request.Id), request)
{
    /// <summary>Shards of its pool, as far as the sender knows; 1: none.</summary>
    public int Shards { get; } = shards;

    /// <summary>The request.</summary>
    public ExchangeRequest Exchange { get; } = request;
}

/// <summary>Asks how an exchange stands. Reply: <see cref="ExchangeReply"/>.</summary>
public sealed class GetExchange(string id) : Command(ActorIds.Exchange(id));

/// <summary>An operator resolves a parked exchange. Reply: <see cref="ExchangeReply"/>.</summary>
/// <param name="id">Of the exchange.</param>
/// <param name="resolution">How.</param>
/// <param name="reason">Why.</param>
/// <param name="author">Who decided.</param>
/// <param name="reference">The partner's, of <see cref="ExchangeResolution.Completed"/>; may be null.</param>
public sealed class ResolveExchange(string id, ExchangeResolution resolution, string reason, string author, string? reference) : Command(ActorIds.Exchange(id))
{
    /// <summary>How.</summary>
    public ExchangeResolution Resolution { get; } = resolution;

    /// <summary>Why.</summary>
    public string Reason { get; } = reason;

    /// <summary>Who decided.</summary>
    public string Author { get; } = author;

    /// <summary>The partner's.</summary>
    public string? Reference { get; } = reference;
}

/// <summary>An exchange as it stands; both null: there is none.</summary>
/// <param name="State">A copy that nobody changes.</param>
/// <param name="Refusal">Why it was not resolved.</param>
public sealed record ExchangeReply(ExchangeState? State, Refusal? Refusal);

/// <summary>Publishes a version of a pool. Reply: <see cref="PoolReply"/>.</summary>
public sealed class PublishPool(string pool, ReadOnlyMemory<byte> json) : Command(ActorIds.Pool(pool))
{
    /// <summary>The definition.</summary>
    public ReadOnlyMemory<byte> Json { get; } = json;
}

/// <summary>Asks how a pool stands. Reply: <see cref="PoolReply"/>.</summary>
public sealed class GetPool(ActorId pool) : Command(pool)
{
    /// <summary>The pool's main actor.</summary>
    public GetPool(string pool)
        : this(ActorIds.Pool(pool))
    {
    }
}

/// <summary>Puts liquidity in or takes it out. Reply: <see cref="RequestOutcome"/> without fact and answer.</summary>
public sealed class FundPool(PoolFunding funding) : RequestCommand(ActorIds.Pool(funding.Pool), funding)
{
    /// <summary>The request.</summary>
    public PoolFunding Funding { get; } = funding;
}

/// <summary>A pool as it stands; the view is null when there is none.</summary>
/// <param name="View">After what was asked.</param>
/// <param name="Errors">What is wrong with the new version; empty: nothing.</param>
public sealed record PoolReply(PoolView? View, IReadOnlyList<FieldError> Errors);

/// <summary>What is told about a pool.</summary>
/// <param name="Definition">The newest version.</param>
/// <param name="Free">What can be reserved.</param>
/// <param name="Reserved">What open reservations will pay out.</param>
/// <param name="OpenCount">How many are open.</param>
/// <param name="Parked">The first of those that need an operator, at most <see cref="MaxParked"/>.</param>
/// <param name="ParkedCount">How many need one.</param>
/// <param name="IsLowOnPoints">The alert is on.</param>
/// <param name="IsLowOnUnits">The alert is on.</param>
/// <param name="Period">The running period with the figures of now.</param>
/// <param name="FirstPeriod">The first day of the first period.</param>
/// <param name="Lines">Lines of all statements.</param>
public sealed record PoolView(
    PoolDefinition Definition, Position Free, Position Reserved, int OpenCount, IReadOnlyList<string> Parked, int ParkedCount, bool IsLowOnPoints, bool IsLowOnUnits,
    PoolPeriod Period, LocalDate FirstPeriod, long Lines)
{
    /// <summary>Parked exchanges that are listed.</summary>
    public const int MaxParked = 100;

    internal static PoolView? Of(PoolState state) => state.Definition is not { } definition
        ? null
        : new(
            definition, state.Free, state.Reserved, state.Open.Count, [.. state.Parked.Take(MaxParked)], state.Parked.Count, state.IsLowOnPoints, state.IsLowOnUnits,
            state.PeriodNow(), state.FirstPeriod, state.Lines);
}
