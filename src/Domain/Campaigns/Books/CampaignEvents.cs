using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>A fact of a campaign's books. Facts carry results: applying them needs no program and no clock.</summary>
public abstract record CampaignEvent;

/// <summary>The draft is this now; an approval of the former one is gone.</summary>
/// <param name="Json">UTF-8 JSON that was valid when it was saved.</param>
/// <param name="Author">Who saved it.</param>
/// <param name="At">When.</param>
public sealed record DraftSaved(ReadOnlyMemory<byte> Json, string Author, Instant At) : CampaignEvent;

/// <summary>The draft may be published.</summary>
/// <param name="Author">Who approved: not the author of the draft.</param>
/// <param name="At">When.</param>
public sealed record DraftApproved(string Author, Instant At) : CampaignEvent;

/// <summary>The draft became a version, for ever.</summary>
/// <param name="Version">1, 2, 3 …</param>
/// <param name="From">First instant of the sales that it judges; not before <paramref name="At"/>.</param>
/// <param name="Json">The definition.</param>
/// <param name="Author">Who published it.</param>
/// <param name="ApprovedBy">Null: nobody had to.</param>
/// <param name="At">When.</param>
public sealed record VersionPublished(int Version, Instant From, ReadOnlyMemory<byte> Json, string Author, string? ApprovedBy, Instant At) : CampaignEvent;

/// <summary>Paused, resumed or ended.</summary>
/// <param name="Status"><see cref="CampaignStatus.Paused"/>, <see cref="CampaignStatus.Active"/> or <see cref="CampaignStatus.Ended"/>.</param>
/// <param name="At">Holds for sales at or after it.</param>
/// <param name="Author">Who; empty: the campaign itself, at its <c>until</c>.</param>
/// <param name="Reason">Why.</param>
public sealed record CampaignStatusSet(CampaignStatus Status, Instant At, string Author, string Reason) : CampaignEvent;

/// <summary>The first version's time came.</summary>
/// <param name="At">Its <c>from</c>.</param>
public sealed record CampaignBegan(Instant At) : CampaignEvent;

/// <summary>A process may spend a piece of the budget.</summary>
/// <param name="Lease">Number within the campaign, counted from 1.</param>
/// <param name="Purse">Of which purse.</param>
/// <param name="Holder">The process.</param>
/// <param name="Nonce">The holder's number of the request: a request that comes twice is granted once.</param>
/// <param name="Granted">How much; 0: only returns are credited to it.</param>
/// <param name="Slots">How many purchases and returns may use it.</param>
public sealed record LeaseGranted(long Lease, PurseKey Purse, string Holder, long Nonce, long Granted, int Slots) : CampaignEvent;

/// <summary>What a lease comes to now.</summary>
/// <param name="Lease">Which.</param>
/// <param name="Granted">All that was granted of it, less what was handed back; below 0 when more was returned than granted.</param>
/// <param name="Spent">By purchases that are durable, less what returns gave back; never above <paramref name="Granted"/>.</param>
/// <param name="Sequence">The holder's number of the message: older ones are passed over.</param>
public sealed record LeaseMoved(long Lease, long Granted, long Spent, long Sequence) : CampaignEvent;

/// <summary>A lease ended; what was not spent of it is free.</summary>
/// <param name="Lease">Which.</param>
/// <param name="Spent">In all.</param>
/// <param name="FromJournal">The holder was dead or unsure: counted from the journal, and nothing can be spent of it any more.</param>
public sealed record LeaseSettled(long Lease, long Spent, bool FromJournal) : CampaignEvent;

/// <summary>Purses of periods that began up to that day are added up into one number; nothing can be spent of them any more.</summary>
/// <param name="Through">The last first day of a period.</param>
public sealed record PursesFolded(LocalDate Through) : CampaignEvent;

/// <summary>A purse within its campaign.</summary>
/// <param name="In">What it counts.</param>
/// <param name="Period">How long its period is.</param>
/// <param name="Store">When the budget is by store, else null.</param>
/// <param name="Start">First day of the period; the earliest day for a campaign's whole life.</param>
public readonly record struct PurseKey(BudgetMeasure In, CampaignPeriod Period, string? Store, LocalDate Start)
{
    /// <summary>The key of a purse as decisions name it.</summary>
    public static PurseKey Of(CampaignBudget budget, BudgetPurse purse)
    {
        ArgumentNullException.ThrowIfNull(budget);
        return new(budget.In, budget.Period, purse.Store, budget.Period == CampaignPeriod.Campaign ? LocalDate.MinIsoValue : purse.PeriodStart);
    }

    /// <summary>The purse that a sale in a store on a day is paid from.</summary>
    public static PurseKey Of(CampaignBudget budget, string store, LocalDate day)
    {
        ArgumentNullException.ThrowIfNull(budget);
        return new(budget.In, budget.Period, budget.ByStore ? store : null, StartOf(budget.Period, day));
    }

    /// <summary>The first day of the period that a day is in.</summary>
    public static LocalDate StartOf(CampaignPeriod period, LocalDate day) => period switch
    {
        CampaignPeriod.Day => day,
        CampaignPeriod.Week => day.PlusDays(1 - (int)day.DayOfWeek),
        CampaignPeriod.Month => new(day.Year, day.Month, 1),
        _ => LocalDate.MinIsoValue,
    };
}
