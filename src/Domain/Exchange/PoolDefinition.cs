using NodaTime;

namespace Loyalty.Domain.Exchange;

/// <summary>One version of a partner's pool. Immutable; made by <see cref="PoolParser"/>. docs/EXCHANGE.md lists every field.</summary>
public sealed record PoolDefinition
{
    /// <summary>The pool's id.</summary>
    public required string Id { get; init; }

    /// <summary>1 for the first version, counted up.</summary>
    public required int Version { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>The program's unit.</summary>
    public required string Unit { get; init; }

    /// <summary>The partner's unit, as the books name it.</summary>
    public required string PartnerUnit { get; init; }

    /// <summary>Takes no new exchanges.</summary>
    public required bool IsPaused { get; init; }

    /// <summary>Name of the connector by which the partner is called; null: it is not.</summary>
    public required string? Connector { get; init; }

    /// <summary>How far below zero the free points may go; 0 for a prepaid pool.</summary>
    public required long PointsCredit { get; init; }

    /// <summary>How far below zero the free partner units may go; 0 for a prepaid pool.</summary>
    public required long UnitsCredit { get; init; }

    /// <summary>Whether the credits are possible at all.</summary>
    public required bool IsPostpaid { get; init; }

    /// <summary>By rising first day.</summary>
    public required IReadOnlyList<PoolRate> Rates { get; init; }

    /// <summary>Null: points do not go out.</summary>
    public required ExchangeLimits? Out { get; init; }

    /// <summary>Null: partner units do not come in.</summary>
    public required ExchangeLimits? In { get; init; }

    /// <summary>Null: nothing is earned at this partner.</summary>
    public required ExchangeLimits? Earn { get; init; }

    /// <summary>Paid by the member, in points.</summary>
    public required Fee MemberFee { get; init; }

    /// <summary>Owed by the partner, in minor units of the program's currency.</summary>
    public required Fee ServiceFee { get; init; }

    /// <summary>Alert below so many free points; null: never.</summary>
    public required long? LowPoints { get; init; }

    /// <summary>Alert below so many free partner units; null: never.</summary>
    public required long? LowUnits { get; init; }

    /// <summary>What a statement covers.</summary>
    public required SettlementPeriod Settlement { get; init; }

    /// <summary>How the partner is asked again.</summary>
    public required RetryPolicy Retry { get; init; }

    /// <summary>Actors that the pool is spread over; 1: the pool itself.</summary>
    public required int Shards { get; init; }

    /// <summary>The definition as it was given (UTF-8 JSON).</summary>
    public required ReadOnlyMemory<byte> Source { get; init; }

    /// <summary>Limits of a direction; null: it is not offered.</summary>
    public ExchangeLimits? LimitsOf(ExchangeDirection direction) => direction switch
    {
        ExchangeDirection.Out => Out,
        ExchangeDirection.In => In,
        _ => Earn,
    };

    /// <summary>The rate of a day, or null when none is in force yet.</summary>
    public PoolRate? RateOn(LocalDate day)
    {
        for (var i = Rates.Count - 1; i >= 0; i--)
        {
            if (Rates[i].From <= day)
            {
                return Rates[i];
            }
        }

        return null;
    }
}

/// <summary>Rates from a day on.</summary>
/// <param name="From">The first day, in the program's time zone.</param>
/// <param name="Out">Partner units for a point; null: not offered.</param>
/// <param name="In">Points for a partner unit; null: not offered.</param>
public sealed record PoolRate(LocalDate From, Ratio? Out, Ratio? In);

/// <summary>Limits of one direction.</summary>
/// <param name="Min">Of the amount that is asked for; 1 or more.</param>
/// <param name="Max">Of the amount that is asked for.</param>
/// <param name="Step">The amount is a multiple of it.</param>
/// <param name="MemberDay">Points of one member a day; null: no limit.</param>
/// <param name="Day">Points of the pool a day; null: no limit.</param>
public sealed record ExchangeLimits(long Min, long Max, long Step, long? MemberDay, long? Day);

/// <summary>How a partner is asked again whose answer is not known.</summary>
/// <param name="Attempts">Calls until an operator is needed, 1 to 100.</param>
/// <param name="FirstSeconds">Before the second call; doubled each time.</param>
/// <param name="MaxSeconds">The longest distance.</param>
public readonly record struct RetryPolicy(int Attempts, int FirstSeconds, int MaxSeconds)
{
    /// <summary>When nothing is said.</summary>
    public static readonly RetryPolicy Default = new(12, 2, 300);

    /// <summary>The distance after so many calls (1 or more) without an answer.</summary>
    public Duration After(int calls) => Duration.FromSeconds(Math.Min(MaxSeconds, (double)FirstSeconds * Math.Pow(2, Math.Min(40, calls - 1))));
}

/// <summary>What a statement covers.</summary>
public enum SettlementPeriod : byte
{
    /// <summary>A day: <c>2026-03-05</c>.</summary>
    Day,

    /// <summary>From Monday on: <c>2026-W10</c>.</summary>
    Week,

    /// <summary>A month: <c>2026-03</c>.</summary>
    Month,
}
