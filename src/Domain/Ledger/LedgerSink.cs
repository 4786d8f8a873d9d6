namespace Loyalty.Domain.Ledger;

/// <summary>Takes the postings and counts of facts, for the trial balance and the key figures.</summary>
public interface ILedgerSink
{
    /// <summary>Moves points between two accounts of a unit.</summary>
    /// <param name="unit">Which unit.</param>
    /// <param name="from">See <see cref="Accounts"/>.</param>
    /// <param name="to">See <see cref="Accounts"/>.</param>
    /// <param name="points">0 or more.</param>
    void Post(string unit, string from, string to, long points);

    /// <summary>Adds to a counter.</summary>
    void Count(string counter, long delta);
}

/// <summary>The accounts of each unit. They sum to zero. docs/RULES.md, "Books".</summary>
public static class Accounts
{
    /// <summary>What the program issued; below 0.</summary>
    public const string Issued = "issued";

    /// <summary>What members have, less their debt: the liability.</summary>
    public const string Member = "member";

    /// <summary>Taken back for returned goods.</summary>
    public const string Returned = "returned";

    /// <summary>Lapsed unused.</summary>
    public const string Expired = "expired";

    /// <summary>Could not be taken back.</summary>
    public const string WrittenOff = "written-off";

    /// <summary>Given or taken by hand.</summary>
    public const string Adjusted = "adjusted";

    /// <summary>In open holds: spent, but not for good.</summary>
    public const string Held = "held";

    /// <summary>Spent.</summary>
    public const string Redeemed = "redeemed";

    /// <summary>Brought from another system; below 0.</summary>
    public const string Imported = "imported";

    /// <summary>On their way between members and households.</summary>
    public const string InTransit = "in-transit";

    /// <summary>In the pools of households.</summary>
    public const string Household = "household";

    /// <summary>Fees of transfers.</summary>
    public const string Fees = "fees";

    /// <summary>Left when members were closed.</summary>
    public const string Forfeited = "forfeited";
}

/// <summary>Counters of sales.</summary>
public static class Counters
{
    /// <summary>Purchases by members.</summary>
    public const string MemberPurchases = "member-purchases";

    /// <summary>Their amounts, minor units.</summary>
    public const string MemberAmount = "member-amount";

    /// <summary>Returns by members.</summary>
    public const string MemberReturns = "member-returns";

    /// <summary>Their amounts, minor units.</summary>
    public const string MemberReturnedAmount = "member-returned-amount";

    /// <summary>Purchases by nobody known.</summary>
    public const string AnonymousPurchases = "anonymous-purchases";

    /// <summary>Their amounts, minor units.</summary>
    public const string AnonymousAmount = "anonymous-amount";

    /// <summary>Returns by nobody known.</summary>
    public const string AnonymousReturns = "anonymous-returns";

    /// <summary>Their amounts, minor units.</summary>
    public const string AnonymousReturnedAmount = "anonymous-returned-amount";

    /// <summary>Members enrolled, closed ones included.</summary>
    public const string Members = "members";

    /// <summary>Activities of members.</summary>
    public const string Activities = "activities";

    /// <summary>Surveys with a score of 9 or 10.</summary>
    public const string Promoters = "survey-promoters";

    /// <summary>Surveys with a score of 7 or 8.</summary>
    public const string Passives = "survey-passives";

    /// <summary>Surveys with a score of 0 to 6.</summary>
    public const string Detractors = "survey-detractors";

    /// <summary>Reviews with a score.</summary>
    public const string Reviews = "scored-reviews";

    /// <summary>The sum of their scores.</summary>
    public const string ReviewScores = "review-scores";

    /// <summary>Requests refused by a rule.</summary>
    public const string Refusals = "refusals";
}
