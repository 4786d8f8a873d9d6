using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>A fact of a member's books. Facts carry results, not rules: applying them needs no program.</summary>
public abstract record MemberEvent;

/// <summary>The member joined, by enrolment or (<paramref name="Automatic"/>) by its first sale.</summary>
/// <param name="At">When.</param>
/// <param name="On">The day of <paramref name="At"/>.</param>
/// <param name="Automatic">By a sale.</param>
/// <param name="IsFirst">False: a sale had enrolled the member before; when it joined does not change.</param>
/// <param name="AlternativeIds">By which it is found.</param>
/// <param name="Fingerprint">Of the enrolment; 0 when there was none.</param>
public sealed record MemberEnrolled(Instant At, LocalDate On, bool Automatic, bool IsFirst, AlternativeId[] AlternativeIds, UInt128 Fingerprint) : MemberEvent;

/// <summary>A purchase and what it earned.</summary>
/// <param name="Purchase">As it was sent.</param>
/// <param name="ProgramVersion">The version that judged it.</param>
/// <param name="Tier">The level that judged it, or null.</param>
/// <param name="Day">Of the sale, in the program's time zone.</param>
/// <param name="Awards">What was earned.</param>
/// <param name="ProgressPoints">What counts towards a tier by points.</param>
public sealed record PurchaseRecorded(Purchase Purchase, int ProgramVersion, string? Tier, LocalDate Day, Award[] Awards, long ProgressPoints) : MemberEvent
{
    /// <summary>What campaigns did beside giving; null: no campaign had to do with it.</summary>
    public CampaignFacts? Campaigns { get; init; }

    /// <summary>The points that paid for a part of it; null: none.</summary>
    public TenderTaken? Tender { get; init; }

    /// <summary>What was paid with money, minor units.</summary>
    public long Money => MemberState.Sum(Purchase.Lines) - (Tender?.Tender.Amount ?? 0);
}

/// <summary>A return that was applied.</summary>
/// <param name="Return">As it was sent.</param>
/// <param name="Day">The day whose progress changed: the purchase's, or (without receipt) the return's.</param>
/// <param name="After">What is left of the purchase; null without receipt.</param>
/// <param name="Takes">What each rule takes back; below 0: what it gives now that something else is gone.</param>
/// <param name="Postings">Where the points were taken.</param>
/// <param name="Spend">Taken off the day's spend.</param>
/// <param name="ProgressPoints">Taken off the day's base points.</param>
/// <param name="Visits">Taken off the day's visits, 0 or 1.</param>
/// <param name="Waited">Whether it had arrived before the purchase.</param>
public sealed record ReturnRecorded(
    Return Return, LocalDate Day, PurchaseState? After, TakeBack[] Takes, Posting[] Postings, long Spend, long ProgressPoints, int Visits, bool Waited)
    : MemberEvent
{
    /// <summary>What it changed for campaigns; null: nothing.</summary>
    public CampaignFacts? Campaigns { get; init; }

    /// <summary>What came back of the points that had paid for a part of it; null: it was paid with money.</summary>
    public TenderReturned? Tender { get; init; }
}

/// <summary>An activity and what it earned.</summary>
/// <param name="Activity">As it was sent; of a sign-up as the engine made it.</param>
/// <param name="ProgramVersion">The version that judged it.</param>
/// <param name="Tier">The level that judged it, or null.</param>
/// <param name="Day">Of the activity, in the program's time zone.</param>
/// <param name="Awards">What was earned.</param>
public sealed record ActivityRecorded(Activity Activity, int ProgramVersion, string? Tier, LocalDate Day, Award[] Awards) : MemberEvent
{
    /// <summary>What campaigns did beside giving; null: no campaign had to do with it.</summary>
    public CampaignFacts? Campaigns { get; init; }
}

/// <summary>What is known of the member was replaced.</summary>
public sealed record AttributesSet(MemberAttributes Attributes) : MemberEvent;

/// <summary>A return whose purchase is not known yet.</summary>
public sealed record ReturnWaits(Return Return) : MemberEvent;

/// <summary>Points lapsed.</summary>
public sealed record PointsLapsed(string Unit, Lot[] Lots, Instant At) : MemberEvent;

/// <summary>The standing changed: another level, or the same kept longer.</summary>
/// <param name="From">Before.</param>
/// <param name="To">After.</param>
/// <param name="Reason">Why.</param>
/// <param name="ReviewedOn">The day of the last review that led to it; the earliest day when there was none.</param>
public sealed record TierChanged(HeldTier From, HeldTier To, TierChangeReason Reason, LocalDate ReviewedOn) : MemberEvent;

/// <summary>The oldest days were folded away; the walk begins after <paramref name="On"/> from now on.</summary>
public sealed record TierHistoryFolded(LocalDate On, HeldTier Standing) : MemberEvent;

/// <summary>Points given or taken by hand.</summary>
public sealed record PointsAdjusted(Adjustment Adjustment, LocalDate Day, Posting[] Postings) : MemberEvent;

/// <summary>Blocked, unblocked or closed; closing forfeits what is left.</summary>
public sealed record StatusChanged(MemberStatus Status, string Reason, string Author, Posting[] Postings) : MemberEvent;

/// <summary>The member is found by these ids now, and not by its former ones.</summary>
public sealed record AlternativeIdsReplaced(AlternativeId[] AlternativeIds) : MemberEvent;

/// <summary>A request was refused by a rule; the refusal is its outcome for ever.</summary>
public sealed record RequestRefused(string RequestId, UInt128 Fingerprint, Refusal Refusal) : MemberEvent;

/// <summary>What the sender of a request was told beside the facts before it: so that the same request gets the same answer again.</summary>
/// <param name="Balances">After the request.</param>
/// <param name="Tier">After the request; null: none.</param>
public sealed record RequestAnswered(Balance[] Balances, string? Tier) : MemberEvent;

/// <summary>Points that a rule gave.</summary>
/// <param name="Rule">Which rule.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">Above 0.</param>
/// <param name="IsTierBonus">Bonuses are no tier progress.</param>
/// <param name="Lot">Where they lie, unless they repaid debt.</param>
public readonly record struct Award(string Rule, string Unit, long Points, bool IsTierBonus, LotId Lot);

/// <summary>Points that a rule takes back.</summary>
public readonly record struct TakeBack(string Rule, string Unit, long Points);

/// <summary>A movement of points of one member.</summary>
/// <param name="Unit">Of which unit.</param>
/// <param name="Place">Where they were taken from or put.</param>
/// <param name="Lot">Which lot, where the place is one.</param>
/// <param name="Points">Put (above 0) or taken (below 0).</param>
public readonly record struct Posting(string Unit, PostingPlace Place, LotId Lot, long Points);

/// <summary>Where a posting happens.</summary>
public enum PostingPlace : byte
{
    /// <summary>A lot of the member.</summary>
    Lot,

    /// <summary>What had lapsed: the member's balance does not change.</summary>
    Lapsed,

    /// <summary>The member's debt: taking grows it, putting repays it.</summary>
    Debt,

    /// <summary>Written off: the member's balance does not change.</summary>
    WrittenOff,
}

/// <summary>A level with its dates.</summary>
/// <param name="Level">Id of the level; null: none.</param>
/// <param name="Since">Since that day.</param>
/// <param name="Through">Kept through that day, without grace; null: for ever.</param>
public readonly record struct HeldTier(string? Level, LocalDate Since, LocalDate? Through)
{
    /// <summary>No level.</summary>
    public static readonly HeldTier None = new(null, LocalDate.MinIsoValue, null);
}

/// <summary>Why a standing changed.</summary>
public enum TierChangeReason : byte
{
    /// <summary>Progress.</summary>
    Progress,

    /// <summary>The kept period and the grace ended.</summary>
    Review,

    /// <summary>A return, or a sale that arrived late, changed a past day.</summary>
    Rejudged,
}

/// <summary>Whether a member takes part.</summary>
public enum MemberStatus : byte
{
    /// <summary>Not enrolled.</summary>
    Unknown,

    /// <summary>Takes part.</summary>
    Active,

    /// <summary>Keeps its points; sales and adjustments are refused.</summary>
    Blocked,

    /// <summary>Ended; for ever.</summary>
    Closed,
}

/// <summary>A unit's balance as members see it.</summary>
/// <param name="Unit">Which unit.</param>
/// <param name="Available">Can be spent; below 0: debt.</param>
/// <param name="Pending">Cannot be spent yet.</param>
/// <param name="Held">Held by open redemptions.</param>
public readonly record struct Balance(string Unit, long Available, long Pending, long Held);

/// <summary>A request was understood and a rule forbids it.</summary>
/// <param name="Code">Stable, for programs: <c>wrong-currency</c>.</param>
/// <param name="Field">Which field; empty: the request.</param>
/// <param name="Detail">What is wrong and what would be right.</param>
public sealed record Refusal(string Code, string Field, string Detail);
