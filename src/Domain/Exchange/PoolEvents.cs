using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Domain.Exchange;

/// <summary>A fact of a pool. Facts carry results: applying them needs no program and no clock.</summary>
public abstract record PoolEvent;

/// <summary>A version of the pool was published.</summary>
/// <param name="Definition">The version.</param>
/// <param name="At">When.</param>
/// <param name="On">The day of <paramref name="At"/>: with the first version the first period begins.</param>
public sealed record PoolDefined(PoolDefinition Definition, Instant At, LocalDate On) : PoolEvent;

/// <summary>Liquidity was put in or taken out by hand.</summary>
/// <param name="Funding">As it was sent.</param>
/// <param name="IsPoints">Points; else partner units.</param>
/// <param name="At">When.</param>
/// <param name="Line">Of the statement.</param>
public sealed record PoolFunded(PoolFunding Funding, bool IsPoints, Instant At, long Line) : PoolEvent;

/// <summary>What an exchange will move is reserved.</summary>
public sealed record PoolReserved(Reservation Reservation) : PoolEvent;

/// <summary>An exchange is complete as to the pool.</summary>
/// <param name="Reservation">What it moved.</param>
/// <param name="At">When.</param>
/// <param name="Reference">The partner's own, or the operator's; null: none.</param>
/// <param name="Line">Of the statement.</param>
public sealed record PoolCommitted(Reservation Reservation, Instant At, string? Reference, long Line) : PoolEvent;

/// <summary>A reservation is free again.</summary>
public sealed record PoolReleased(Reservation Reservation) : PoolEvent;

/// <summary>A reservation or a funding was refused by a rule; the refusal is its outcome for ever.</summary>
public sealed record PoolRefused(RequestRefused Refused) : PoolEvent;

/// <summary>An exchange needs an operator, or (<paramref name="IsParked"/> false) does not any more.</summary>
public sealed record PoolParked(string Exchange, bool IsParked) : PoolEvent;

/// <summary>Free liquidity fell below the alert's level, or rose to it again.</summary>
/// <param name="IsPoints">Of points; else of partner units.</param>
/// <param name="IsLow">Fell below.</param>
/// <param name="Free">What is free now.</param>
public sealed record PoolAlerted(bool IsPoints, bool IsLow, long Free) : PoolEvent;

/// <summary>Liquidity went between a pool's main actor and one of its shards: the lease of a shard, or what it gives back.</summary>
/// <param name="Shard">The other side: at the main actor the shard, at a shard 0.</param>
/// <param name="Change">Of what is free here; nothing when a shard asked in vain.</param>
/// <param name="At">When.</param>
/// <param name="Line">Of the statement; 0 when nothing changed.</param>
public sealed record PoolMoved(int Shard, Position Change, Instant At, long Line) : PoolEvent;

/// <summary>A shard asked the main actor for liquidity.</summary>
public sealed record PoolAsked(Instant At) : PoolEvent;

/// <summary>A period is over: what its statement says beside the lines.</summary>
/// <param name="Period">Its sums.</param>
/// <param name="From">The first instant in it.</param>
/// <param name="Until">The first instant not in it.</param>
/// <param name="Name">Of the period: <c>2026-03</c>.</param>
public sealed record PoolPeriodClosed(PoolPeriod Period, Instant From, Instant Until, string Name) : PoolEvent;

/// <summary>What an exchange moves, by the terms that were in force when it was reserved.</summary>
public sealed record Reservation
{
    /// <summary>The exchange.</summary>
    public required string Exchange { get; init; }

    /// <summary>Of which pool.</summary>
    public required string Pool { get; init; }

    /// <summary>Whose points.</summary>
    public required string Member { get; init; }

    /// <summary>The member's account at the partner; null: none was given.</summary>
    public required string? Account { get; init; }

    /// <summary>Which way.</summary>
    public required ExchangeDirection Direction { get; init; }

    /// <summary>The program's unit.</summary>
    public required string Unit { get; init; }

    /// <summary>The partner's unit.</summary>
    public required string PartnerUnit { get; init; }

    /// <summary>What the member pays (out), or the pool pays (in, earn); the fee is part of it.</summary>
    public required long Points { get; init; }

    /// <summary>Of <see cref="Points"/>, what goes to the program.</summary>
    public required long Fee { get; init; }

    /// <summary>Partner units; 0 of earn.</summary>
    public required long Units { get; init; }

    /// <summary>Null of earn.</summary>
    public required Ratio? Rate { get; init; }

    /// <summary>Owed by the partner, minor units of money.</summary>
    public required long ServiceFee { get; init; }

    /// <summary>The day whose limits it counts in.</summary>
    public required LocalDate Day { get; init; }

    /// <summary>The pool's version.</summary>
    public required int Version { get; init; }

    /// <summary>Which of the pool's actors holds it; 0: the main one.</summary>
    public required int Shard { get; init; }

    /// <summary>The partner is called by it; null: it is not.</summary>
    public required string? Connector { get; init; }

    /// <summary>How the partner is asked again.</summary>
    public required RetryPolicy Retry { get; init; }

    /// <summary>Points of the member a day in this direction; null: no limit.</summary>
    public required long? MemberDay { get; init; }

    /// <summary>What the member pays or gets.</summary>
    public long MemberPoints => Direction == ExchangeDirection.In ? Points - Fee : Points;

    /// <summary>Change of the pool's points when it is committed.</summary>
    public long PointsChange => Direction == ExchangeDirection.Out ? Points - Fee : -Points;

    /// <summary>Change of the pool's partner units when it is committed.</summary>
    public long UnitsChange => Direction == ExchangeDirection.Out ? -Units : Units;

    /// <summary>Points that are reserved until then.</summary>
    public long ReservedPoints => Direction == ExchangeDirection.Out ? 0 : Points;

    /// <summary>Partner units that are reserved until then.</summary>
    public long ReservedUnits => Direction == ExchangeDirection.Out ? Units : 0;
}

/// <summary>Points and partner units.</summary>
public readonly record struct Position(long Points, long Units)
{
    /// <summary>Both added.</summary>
    public static Position operator +(Position left, Position right) => new(checked(left.Points + right.Points), checked(left.Units + right.Units));

    /// <summary>Both added.</summary>
    public static Position Add(Position left, Position right) => left + right;
}

/// <summary>What was exchanged in one direction in a period.</summary>
/// <param name="Count">Exchanges.</param>
/// <param name="Points">Gross.</param>
/// <param name="Fees">Of the points, what went to the program.</param>
/// <param name="Units">Partner units.</param>
/// <param name="ServiceFees">Minor units of money.</param>
public readonly record struct DirectionSums(long Count, long Points, long Fees, long Units, long ServiceFees)
{
    internal DirectionSums With(Reservation line) => new(
        Count + 1, checked(Points + line.Points), checked(Fees + line.Fee), checked(Units + line.Units), checked(ServiceFees + line.ServiceFee));
}

/// <summary>The sums of a period.</summary>
/// <param name="Start">Its first day.</param>
/// <param name="Opening">The position at its beginning.</param>
/// <param name="Closing">The position at its end (of the running period: now).</param>
/// <param name="Reserved">Of the closing position, what is reserved by exchanges under way.</param>
/// <param name="Funded">Put in less taken out by hand.</param>
/// <param name="Out">Points that went out.</param>
/// <param name="In">Partner units that came in.</param>
/// <param name="Earn">Earned at the partner.</param>
/// <param name="FirstLine">Number of its first line.</param>
/// <param name="Lines">How many it has.</param>
/// <param name="OpeningHash">The chain before its first line, hexadecimal.</param>
/// <param name="ClosingHash">The chain after its last line, hexadecimal.</param>
public sealed record PoolPeriod(
    LocalDate Start, Position Opening, Position Closing, Position Reserved, Position Funded, DirectionSums Out, DirectionSums In, DirectionSums Earn,
    long FirstLine, long Lines, string OpeningHash, string ClosingHash);
