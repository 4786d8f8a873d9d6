using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>One version of a campaign. docs/CAMPAIGNS.md is the specification. Immutable; made by CampaignParser.</summary>
public sealed record CampaignDefinition
{
    /// <summary>Short name, at most 32 characters.</summary>
    public required string Id { get; init; }

    /// <summary>1 for the first published version, counted up; 0: a draft.</summary>
    public required int Version { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>First instant of the sale's own time that this version judges; null in a draft that begins with its publication.</summary>
    public required Instant? From { get; init; }

    /// <summary>First instant that it no more judges; null: for ever.</summary>
    public required Instant? Until { get; init; }

    /// <summary>What it reacts to.</summary>
    public required CampaignTrigger Trigger { get; init; }

    /// <summary>Null: always.</summary>
    public required CampaignWhen? When { get; init; }

    /// <summary>Null: everybody.</summary>
    public required CampaignWho? Who { get; init; }

    /// <summary>Null: everywhere.</summary>
    public required CampaignWhere? Where { get; init; }

    /// <summary>Null: all lines.</summary>
    public required CampaignWhat? What { get; init; }

    /// <summary>What each request is given; empty when only progress is.</summary>
    public required IReadOnlyList<CampaignGive> Gives { get; init; }

    /// <summary>Null: none.</summary>
    public required StampCard? Card { get; init; }

    /// <summary>Null: none.</summary>
    public required Challenge? Challenge { get; init; }

    /// <summary>Null: none.</summary>
    public required Streak? Streak { get; init; }

    /// <summary>Higher is judged first; equals by id.</summary>
    public required int Priority { get; init; }

    /// <summary>Exclusive group; null: none.</summary>
    public required string? Group { get; init; }

    /// <summary>Null: none.</summary>
    public required CampaignCaps? Caps { get; init; }

    /// <summary>Null: none.</summary>
    public required CampaignBudget? Budget { get; init; }

    /// <summary>Of 10,000 members so many never get it.</summary>
    public required int HoldoutPerTenThousand { get; init; }

    /// <summary>Null: none.</summary>
    public required Leaderboard? Leaderboard { get; init; }

    /// <summary>The definition as it was given (UTF-8 JSON).</summary>
    public required ReadOnlyMemory<byte> Source { get; init; }

    /// <summary>Whether a member never gets it: the campaign's hold-out, by a stable hash of both ids.</summary>
    public bool HoldsOut(string member) => CampaignPeriods.IsHeldOut(Id, member, HoldoutPerTenThousand);

    /// <summary>What its awards are called: <c>campaign:weekend-double</c>.</summary>
    public string Rule => field ??= $"campaign:{Id}";

    /// <summary>What the awards of a finished card, challenge or streak are called.</summary>
    public string DoneRule => field ??= $"campaign:{Id}:done";
}

/// <summary>What a campaign reacts to; all null: a purchase.</summary>
/// <param name="Activity">A type of activity.</param>
/// <param name="Award">Another campaign that gives something to the same request.</param>
public sealed record CampaignTrigger(string? Activity, string? Award)
{
    /// <summary>A purchase.</summary>
    public static readonly CampaignTrigger Purchase = new(null, null);
}

/// <summary>At which days and hours.</summary>
/// <param name="Dates">Null: all.</param>
/// <param name="Weekdays">Bit 0 Monday … bit 6 Sunday; 127: all.</param>
/// <param name="Hours">Minutes of the day, <c>To</c> excluded; From above To spans midnight; null: all.</param>
/// <param name="StoreZone">By the store's clock, not the program's.</param>
public sealed record CampaignWhen(IReadOnlySet<LocalDate>? Dates, int Weekdays, IReadOnlyList<(int FromMinute, int ToMinute)>? Hours, bool StoreZone);

/// <summary>For which members; null fields do not matter.</summary>
/// <param name="Tiers">Level ids; <c>none</c>: no level.</param>
/// <param name="Tags">One of them.</param>
/// <param name="NoTags">None of them.</param>
/// <param name="JoinedWithinDays">At most so many days after the enrolment day.</param>
/// <param name="FirstPurchase">No visit so far.</param>
/// <param name="Birthday">Around the birthday.</param>
/// <param name="Visit">Number of the visit or activity.</param>
/// <param name="AbsentDays">At least so many days since the last visit day.</param>
/// <param name="Bought">Bought before.</param>
public sealed record CampaignWho(
    IReadOnlyList<string>? Tiers, IReadOnlyList<string>? Tags, IReadOnlyList<string>? NoTags, int? JoinedWithinDays, bool FirstPurchase,
    BirthdayWindow? Birthday, VisitNumber? Visit, int? AbsentDays, BoughtBefore? Bought);

/// <summary>Days around a birthday, or its month.</summary>
public sealed record BirthdayWindow(int DaysBefore, int DaysAfter, bool WholeMonth);

/// <summary>Every n-th, or one of the numbers.</summary>
/// <param name="Every">0: see <paramref name="Numbers"/>.</param>
/// <param name="Numbers">Ascending.</param>
public sealed record VisitNumber(int Every, IReadOnlyList<int> Numbers);

/// <summary>Something that was bought in the days before.</summary>
public sealed record BoughtBefore(CampaignWhat What, int WithinDays, decimal Quantity);

/// <summary>In which stores and channels; null fields do not matter.</summary>
public sealed record CampaignWhere(IReadOnlySet<string>? Stores, IReadOnlySet<string>? StoreGroups, IReadOnlySet<string>? Channels);

/// <summary>Which lines count, and how much of them there must be.</summary>
public sealed record CampaignWhat(
    IReadOnlySet<string>? Skus, IReadOnlySet<string>? Categories, IReadOnlySet<string>? Brands,
    IReadOnlySet<string>? NotSkus, IReadOnlySet<string>? NotCategories, IReadOnlySet<string>? NotBrands,
    decimal MinimumQuantity, long MinimumAmount, long BasketAmount);

/// <summary>One thing that is given.</summary>
public abstract record CampaignGive
{
    /// <summary><c>round(amount × points / per)</c> of a unit.</summary>
    public sealed record Rate(string Unit, long Points, long Per) : CampaignGive;

    /// <summary>The base earn again, <c>(factor − 1)</c> times.</summary>
    /// <param name="Unit">Which unit's base earn.</param>
    /// <param name="ExtraTenThousandths">(factor − 1) × 10,000.</param>
    /// <param name="WithTier">The tier's bonus too.</param>
    public sealed record Multiplier(string Unit, long ExtraTenThousandths, bool WithTier) : CampaignGive;

    /// <summary>Once.</summary>
    public sealed record Bonus(string Unit, long Points) : CampaignGive;

    /// <summary>For each so many bought.</summary>
    public sealed record Each(string Unit, long Points, decimal Quantity) : CampaignGive;

    /// <summary>Tier progress without points.</summary>
    public sealed record TierCredit(long Amount) : CampaignGive;

    /// <summary>Points for a cause.</summary>
    /// <param name="Unit">Of which unit.</param>
    /// <param name="Cause">Id of a cause of the program.</param>
    /// <param name="Points">Once, or for each <paramref name="Per"/>.</param>
    /// <param name="Per">Minor units of money; 0: once.</param>
    public sealed record Donation(string Unit, string Cause, long Points, long Per) : CampaignGive;
}

/// <summary>So many stamps are a reward.</summary>
public sealed record StampCard(string Unit, long Size, IReadOnlyList<CampaignGive.Bonus> Gives);

/// <summary>Several steps.</summary>
/// <param name="Steps">1 to 16.</param>
/// <param name="WithinDays">Null: since the campaign's first version began.</param>
/// <param name="Repeat">Again and again.</param>
/// <param name="Gives">When it is complete.</param>
public sealed record Challenge(IReadOnlyList<ChallengeStep> Steps, int? WithinDays, bool Repeat, IReadOnlyList<CampaignGive.Bonus> Gives);

/// <summary>A step of a challenge.</summary>
/// <param name="Name">For people.</param>
/// <param name="Counts">What is counted.</param>
/// <param name="What">Of which goods; null: all.</param>
/// <param name="Activity">Type, when activities are counted.</param>
/// <param name="Target">Visits, activities, whole quantity, or minor units of money.</param>
public sealed record ChallengeStep(string Name, StepCount Counts, CampaignWhat? What, string? Activity, long Target);

/// <summary>What a step counts.</summary>
public enum StepCount
{
    /// <summary>Purchases with a matching line.</summary>
    Visits,

    /// <summary>Matching quantity, in millionths inside the books.</summary>
    Quantity,

    /// <summary>Matching amount.</summary>
    Amount,

    /// <summary>Activities of a type.</summary>
    Activities,
}

/// <summary>Periods in a row.</summary>
public sealed record Streak(CampaignPeriod Period, int Length, long MinimumAmount, bool Repeat, IReadOnlyList<CampaignGive.Bonus> Gives);

/// <summary>Spans of days; weeks begin on Monday.</summary>
public enum CampaignPeriod
{
    /// <summary>The campaign's whole life.</summary>
    Campaign,

    /// <summary>A day.</summary>
    Day,

    /// <summary>Monday to Sunday.</summary>
    Week,

    /// <summary>A calendar month.</summary>
    Month,
}

/// <summary>What one member can get, in points of the first give's unit or in uses; null: no cap. <c>WhenShortNone</c>: nothing rather than a part.</summary>
public sealed record CampaignCaps(
    long? PointsPerPurchase, long? PointsPerDay, long? PointsPerWeek, long? PointsPerMonth, long? PointsPerMember,
    long? UsesPerDay, long? UsesPerWeek, long? UsesPerMonth, long? UsesPerMember, bool WhenShortNone);

/// <summary>What all members together can get.</summary>
public sealed record CampaignBudget(BudgetMeasure In, long Amount, bool ByStore, CampaignPeriod Period, bool WhenShortNone);

/// <summary>What a budget is counted in.</summary>
public enum BudgetMeasure
{
    /// <summary>Points of the first give's unit.</summary>
    Points,

    /// <summary>Minor units of money: the points at the unit's value, rounded up.</summary>
    Money,

    /// <summary>Requests that were given something.</summary>
    Uses,
}

/// <summary>Ranks members by what the campaign gave.</summary>
public sealed record Leaderboard(CampaignPeriod Period, int Places);
