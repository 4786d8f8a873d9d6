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

    /// <summary>The stores that campaigns know by group or by their own clock; sales come from any store, listed or not. By id.</summary>
    public required IReadOnlyDictionary<string, StoreDefinition> Stores { get; init; }

    /// <summary>What points can be donated to.</summary>
    public required IReadOnlyList<CauseDefinition> Causes { get; init; }

    /// <summary>True: a campaign is published only after another author than the draft's last one has approved it.</summary>
    public required bool CampaignApproval { get; init; }

    /// <summary>How points may be spent.</summary>
    public RedemptionPolicy Redemption { get; init; } = RedemptionPolicy.Default;

    /// <summary>Which points members may give each other.</summary>
    public TransferPolicy Transfers { get; init; } = TransferPolicy.None;

    /// <summary>What households may be; null: there are none.</summary>
    public HouseholdPolicy? Households { get; init; }

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

    /// <summary>The store, or null when the program does not list it.</summary>
    public StoreDefinition? FindStore(string id) => Stores.GetValueOrDefault(id);
}

/// <summary>Something that members collect: points, stamps, miles, cash back.</summary>
/// <param name="Id">Short name used in the books.</param>
/// <param name="Name">For people.</param>
/// <param name="PendingDays">Days after the sale's day until the points can be spent; 0: at once.</param>
/// <param name="Expiry">When they lapse.</param>
/// <param name="Kind">What it is to people.</param>
/// <param name="Value">What it costs the retailer; null: the program does not say. Of <see cref="UnitKind.Cash"/> it is 1 for 1.</param>
public sealed record UnitDefinition(string Id, string Name, int PendingDays, ExpiryPolicy Expiry, UnitKind Kind, UnitValue? Value);

/// <summary>What a unit is to people. The books treat all kinds alike.</summary>
public enum UnitKind
{
    /// <summary>Points.</summary>
    Points,

    /// <summary>Stamps of a card.</summary>
    Stamps,

    /// <summary>Miles.</summary>
    Miles,

    /// <summary>Minor units of money.</summary>
    Cash,

    /// <summary>Something to be proud of.</summary>
    Badge,

    /// <summary>A right to something: a free coffee, early access.</summary>
    Entitlement,
}

/// <summary><paramref name="Money"/> minor units of money for <paramref name="Points"/> points: an exact fraction.</summary>
/// <param name="Money">Numerator, minor units of money, 0 to 1,000,000,000.</param>
/// <param name="Points">Denominator, 1 to 1,000,000,000.</param>
public readonly record struct UnitValue(long Money, long Points)
{
    /// <summary>What so many points cost, rounded up, in minor units of money; <see cref="long.MaxValue"/> when it is more than that. Points are not negative.</summary>
    public long Of(long points)
    {
        var money = (((Int128)points * Money) + Points - 1) / Points;
        return money > long.MaxValue ? long.MaxValue : (long)money;
    }
}

/// <summary>A store as campaigns see it.</summary>
/// <param name="Id">As sales name it.</param>
/// <param name="Zone">Its clock, or null: the program's.</param>
/// <param name="Groups">The groups it belongs to, at most <see cref="ProgramParser.MaxGroupsOfStore"/>.</param>
public sealed record StoreDefinition(string Id, BusinessCalendar? Zone, IReadOnlyList<string> Groups);

/// <summary>A cause. What is donated lies in its account <c>cause:&lt;id&gt;</c>.</summary>
/// <param name="Id">Short name.</param>
/// <param name="Name">For people.</param>
public sealed record CauseDefinition(string Id, string Name);

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
