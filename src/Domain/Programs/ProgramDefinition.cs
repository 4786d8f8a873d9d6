using NodaTime;

namespace Loyalty.Domain.Programs;

/// <summary>One version of a loyalty program: everything that is a decision of the program's manager. Immutable; made by <see cref="ProgramParser"/>.</summary>
public sealed class ProgramDefinition
{
    /// <summary>1 for the first version, counted up.</summary>
    public required int Version { get; init; }

    /// <summary>The first instant of a sale that this version judges.</summary>
    public required Instant EffectiveFrom { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>ISO 4217 code of every amount.</summary>
    public required string Currency { get; init; }

    /// <summary>The zone whose days are the program's days.</summary>
    public required BusinessCalendar Calendar { get; init; }

    /// <summary>What members collect. At least one.</summary>
    public required IReadOnlyList<UnitDefinition> Units { get; init; }

    /// <summary>How sales earn.</summary>
    public required IReadOnlyList<EarnRule> Earn { get; init; }

    /// <summary>How a fraction of a point is rounded.</summary>
    public required RoundingMode Rounding { get; init; }

    /// <summary>True: each line is rounded by itself; false: the purchase is.</summary>
    public required bool RoundEachLine { get; init; }

    /// <summary>Null: the program has no tiers.</summary>
    public required TierPolicy? Tiers { get; init; }

    /// <summary>What happens when points to be taken back are spent already.</summary>
    public required NegativeBalancePolicy NegativeBalance { get; init; }

    /// <summary>True: a sale of an unknown member enrols it; false: it is refused (404).</summary>
    public required bool EnrolUnknownMembers { get; init; }

    /// <summary>How far ahead of the engine's clock a sale's time may be.</summary>
    public required Duration ClockSkew { get; init; }

    /// <summary>The definition as it was given (UTF-8 JSON).</summary>
    public required ReadOnlyMemory<byte> Source { get; init; }

    /// <summary>The unit with that id, or null.</summary>
    public UnitDefinition? FindUnit(string id)
    {
        for (var i = 0; i < Units.Count; i++)
        {
            if (string.Equals(Units[i].Id, id, StringComparison.Ordinal))
            {
                return Units[i];
            }
        }

        return null;
    }
}

/// <summary>Something that members collect: points, stamps, miles, cash back.</summary>
/// <param name="Id">Short name used in the books.</param>
/// <param name="Name">For people.</param>
/// <param name="PendingDays">Days after the sale's day until the points can be spent; 0: at once.</param>
/// <param name="Expiry">When they lapse.</param>
public sealed record UnitDefinition(string Id, string Name, int PendingDays, ExpiryPolicy Expiry);

/// <summary><paramref name="Points"/> of a unit for each <paramref name="Per"/> minor units of money: an exact fraction.</summary>
/// <param name="Id">The rule's name in awards and statements; <c>base</c> unless the program says otherwise.</param>
/// <param name="Unit">Which unit.</param>
/// <param name="Points">Numerator, 1 to 1,000,000.</param>
/// <param name="Per">Denominator, minor units of money, 1 to 1,000,000,000.</param>
/// <param name="TierBonus">Whether the tier's bonus applies.</param>
public sealed record EarnRule(string Id, string Unit, long Points, long Per, bool TierBonus);

/// <summary>How a fraction of a point is rounded.</summary>
public enum RoundingMode
{
    /// <summary>Towards zero.</summary>
    Down,

    /// <summary>To the nearest, a half away from zero.</summary>
    HalfUp,

    /// <summary>To the nearest, a half to the even neighbour.</summary>
    HalfEven,
}

/// <summary>What happens when points to be taken back are spent already.</summary>
public enum NegativeBalancePolicy
{
    /// <summary>The member owes them; later points repay the debt first.</summary>
    Debt,

    /// <summary>The balance stops at zero; the rest is written off.</summary>
    Zero,

    /// <summary>The return is refused.</summary>
    Refuse,
}
