using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What campaigns did with a purchase, a return or an activity, beside the awards in its own list. docs/CAMPAIGNS.md.</summary>
public sealed record CampaignFacts
{
    /// <summary>What a later return of the purchase needs; null for activities and for returns without receipt.</summary>
    public PurchaseCampaigns? Left { get; init; }

    /// <summary>Given to causes or, below 0, taken back from them.</summary>
    public Donation[] Donations { get; init; } = [];

    /// <summary>Added to the tier's progress of the day or, below 0, taken off it; null: nothing.</summary>
    public CreditedProgress? Credit { get; init; }

    /// <summary>Changes of what is counted for the member.</summary>
    public TallyChange[] Tallies { get; init; } = [];

    /// <summary>Cards, challenges and streaks that this request completed; what they gave is among its awards.</summary>
    public CampaignDone[] Done { get; init; } = [];

    /// <summary>Stamps that went to the books' account of redeemed ones (below 0) or, of a card that is not complete any more, came back (above 0).</summary>
    public Posting[] Stamps { get; init; } = [];

    /// <summary>Completions that a return undid: of each campaign the newest of that day.</summary>
    public UndoneCampaign[] Undone { get; init; } = [];

    /// <summary>What was taken from leases of budgets, or given back to them.</summary>
    public BudgetSpend[] Spends { get; init; } = [];
}

/// <summary>What campaigns have given for what is left of a purchase, and how they were judged at the sale.</summary>
/// <param name="Store">Of the sale.</param>
/// <param name="Judged">In the order of judging; the conditions of these held.</param>
/// <param name="Donations">What is left of them; points above 0.</param>
/// <param name="Credit">What is left of it; null: none.</param>
public sealed record PurchaseCampaigns(string Store, JudgedCampaign[] Judged, Donation[] Donations, CreditedProgress? Credit)
{
    /// <summary>No campaign had to do with the purchase.</summary>
    public static readonly PurchaseCampaigns None = new("", [], [], null);
}

/// <summary>A campaign whose conditions held at a sale.</summary>
/// <param name="Campaign">Id.</param>
/// <param name="Version">That judged it.</param>
/// <param name="Roles">What it was to the sale.</param>
/// <param name="Room">What caps and budget left then, in points of the campaign's first unit; <see cref="long.MaxValue"/>: neither bounds it.</param>
/// <param name="Spent">What it holds of its budget, in the budget's measure.</param>
public readonly record struct JudgedCampaign(string Campaign, int Version, CampaignRoles Roles, long Room, long Spent);

/// <summary>What a campaign was to a sale.</summary>
[Flags]
public enum CampaignRoles : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Its conditions held, so it gives something now or may after a return.</summary>
    Judged = 1,

    /// <summary>It gives something for what is left.</summary>
    Gave = 2,

    /// <summary>The sale brought progress to its challenge or streak.</summary>
    Progress = 4,

    /// <summary>The sale was counted for its <c>bought</c>.</summary>
    Counted = 8,

    /// <summary>It gave something at the sale, whatever came back since.</summary>
    GaveThen = 16,
}

/// <summary>Points of a member for a cause.</summary>
/// <param name="Rule">Which rule.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Cause">Whose account.</param>
/// <param name="Points">Given or, below 0, taken back.</param>
public readonly record struct Donation(string Rule, string Unit, string Cause, long Points);

/// <summary>Tier progress without points.</summary>
/// <param name="Basis">Of what.</param>
/// <param name="Amount">Minor units of money, points or visits.</param>
public readonly record struct CreditedProgress(TierBasis Basis, long Amount);

/// <summary>A change of something that is counted for a member and a campaign.</summary>
/// <param name="Campaign">Which campaign.</param>
/// <param name="Count">What is counted.</param>
/// <param name="Day">On which day, or in the period that begins then; the earliest day for what is counted once for ever.</param>
/// <param name="By">Up or down.</param>
public readonly record struct TallyChange(string Campaign, TallyKind Count, LocalDate Day, long By);

/// <summary>What is counted for a member and a campaign. Stored for ever.</summary>
public enum TallyKind : byte
{
    /// <summary>Points of the campaign's first unit.</summary>
    Points = 0,

    /// <summary>Requests that were given something.</summary>
    Uses = 1,

    /// <summary>Bought, in millionths of a piece.</summary>
    Bought = 2,

    /// <summary>Requests that counted for a streak, by the first day of the period.</summary>
    Streak = 3,

    /// <summary>Completions of a card, challenge or streak.</summary>
    Done = 4,

    /// <summary>Activities of a type.</summary>
    Activities = 5,

    /// <summary>The first step of a challenge; the others follow, 16 in all.</summary>
    Step = 16,
}

/// <summary>A card, challenge or streak was completed.</summary>
/// <param name="Campaign">Which.</param>
/// <param name="Version">That judged it.</param>
/// <param name="Day">Of the request that completed it.</param>
/// <param name="Awards">What it gave.</param>
/// <param name="StampUnit">Unit of the stamps of a card; null: it was no card.</param>
/// <param name="Stamps">From which lots they were taken.</param>
public sealed record CampaignDone(string Campaign, int Version, LocalDate Day, Award[] Awards, string? StampUnit, Lot[] Stamps);

/// <summary>A completion was undone.</summary>
public readonly record struct UndoneCampaign(string Campaign, LocalDate Day);
