using NodaTime;

namespace Loyalty.Domain.Rewards;

/// <summary>An entry of the catalogue of rewards. docs/SPENDING.md, "Rewards". Immutable.</summary>
/// <param name="Id">Letters, digits, <c>-</c>, <c>_</c>, at most 32.</param>
/// <param name="Revision">1, 2, 3 …: each change of the entry.</param>
/// <param name="Name">For people.</param>
/// <param name="Type">What it is.</param>
/// <param name="Unit">Of which unit the price is.</param>
/// <param name="Points">Price of one, 1 to 10^12.</param>
/// <param name="Money">What is to be paid beside for one, minor units, 0 to 10^12.</param>
/// <param name="LimitedStock">Whether it has a stock.</param>
/// <param name="Limit">What one member may have; null: no limit.</param>
/// <param name="Tiers">Levels that may have it, <see cref="NoTier"/> for members without one; empty: all.</param>
/// <param name="ValidFrom">First instant at which it can be held; null: always was.</param>
/// <param name="ValidUntil">First instant at which it cannot be held any more; null: never.</param>
public sealed record RewardDefinition(
    string Id, int Revision, string Name, RewardType Type, string Unit, long Points, long Money, bool LimitedStock, RewardLimit? Limit,
    IReadOnlyList<string> Tiers, Instant? ValidFrom, Instant? ValidUntil)
{
    /// <summary>How <see cref="Tiers"/> names members without a level.</summary>
    public const string NoTier = "none";

    /// <summary>Whether it is its time.</summary>
    public bool IsValidAt(Instant now) => (ValidFrom is not { } from || from <= now) && (ValidUntil is not { } until || now < until);

    /// <summary>Whether another revision says the same.</summary>
    public bool Says(RewardDefinition other) =>
        this with { Revision = 0, Tiers = [] } == other with { Revision = 0, Tiers = [] } && Tiers.SequenceEqual(other.Tiers, StringComparer.Ordinal);
}

/// <summary>What a reward is.</summary>
public enum RewardType : byte
{
    /// <summary>Goods.</summary>
    Goods,

    /// <summary>A benefit.</summary>
    Perk,

    /// <summary>Something to live through.</summary>
    Experience,
}

/// <summary>What one member may have of a reward.</summary>
/// <param name="Quantity">So many, 1 to 1,000,000 …</param>
/// <param name="Period">… in each.</param>
public sealed record RewardLimit(int Quantity, RewardPeriod Period)
{
    /// <summary>The first and the last day of the period of a day; of <see cref="RewardPeriod.Member"/> the earliest day, and none.</summary>
    public (LocalDate From, LocalDate? Through) Around(LocalDate day) => Period switch
    {
        RewardPeriod.Day => (day, day),
        RewardPeriod.Week => day.PlusDays(1 - (int)day.DayOfWeek) is var monday ? (monday, monday.PlusDays(6)) : default,
        RewardPeriod.Month => (new(day.Year, day.Month, 1), day.With(DateAdjusters.EndOfMonth)),
        RewardPeriod.Year => (new(day.Year, 1, 1), new LocalDate(day.Year, 12, 31)),
        _ => (LocalDate.MinIsoValue, null),
    };
}

/// <summary>For how long a limit counts.</summary>
public enum RewardPeriod : byte
{
    /// <summary>A day of the program.</summary>
    Day,

    /// <summary>Monday to Sunday.</summary>
    Week,

    /// <summary>A calendar month.</summary>
    Month,

    /// <summary>A calendar year.</summary>
    Year,

    /// <summary>For ever.</summary>
    Member,
}
