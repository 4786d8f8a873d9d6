namespace Loyalty.Domain.Campaigns;

/// <summary>Why a campaign in force gave nothing to a request. Stable, for programs. docs/CAMPAIGNS.md, "Combination".</summary>
public static class SkipReasons
{
    /// <summary>It reacts to something else, or the campaign that triggers it gave nothing.</summary>
    public const string NotTriggered = "not-triggered";

    /// <summary>Not on this day or at this hour.</summary>
    public const string NotNow = "not-now";

    /// <summary>Not in this store or channel.</summary>
    public const string NotHere = "not-here";

    /// <summary>Not for this member.</summary>
    public const string NotForMember = "not-for-member";

    /// <summary>The member belongs to the share that never gets it.</summary>
    public const string HoldOut = "hold-out";

    /// <summary>The goods do not match, or are too few, or what it gives for them comes to 0.</summary>
    public const string NotInBasket = "not-in-basket";

    /// <summary>Another campaign of its group gave something.</summary>
    public const string Exclusive = "exclusive";

    /// <summary>The member has had all it can get.</summary>
    public const string Cap = "cap";

    /// <summary>The budget leaves nothing.</summary>
    public const string Budget = "budget";
}

/// <summary>A campaign in force that gave nothing.</summary>
/// <param name="Campaign">Its id.</param>
/// <param name="Reason">One of <see cref="SkipReasons"/>.</param>
public readonly record struct SkippedCampaign(string Campaign, string Reason);
