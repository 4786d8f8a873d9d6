using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Loyalty;
using NodaTime;
using Orleans.Concurrency;

namespace Loyalty.Grains;

/// <summary>A campaign: draft, versions, status and the accounts of its budget. The key is its id.</summary>
[Alias("loyalty.campaign")]
public interface ICampaignGrain : IActorGrain
{
    /// <summary>Saves the draft.</summary>
    [Alias("save-draft")]
    ValueTask<Answer<CampaignReply>> SaveDraft([Immutable] ReadOnlyMemory<byte> json, string author);

    /// <summary>Approves the draft.</summary>
    [Alias("approve")]
    ValueTask<Answer<CampaignReply>> Approve(string author);

    /// <summary>Makes the draft the next version. Silos are told by whoever asked (<see cref="ICampaignsGrain.List"/>).</summary>
    [Alias("publish")]
    ValueTask<Answer<CampaignReply>> Publish(string author);

    /// <summary>Pauses, resumes or ends.</summary>
    [Alias("set-status")]
    ValueTask<Answer<CampaignReply>> SetStatus(CampaignStatus status, string author, string reason);

    /// <summary>The campaign as it stands.</summary>
    [Alias("get")]
    ValueTask<Answer<CampaignReply>> Get();

    /// <summary>The accounts of its budget; none: it is not known.</summary>
    [Alias("get-budget")]
    ValueTask<Answer<BudgetView>> GetBudget(string? store, int? day);

    /// <summary>A silo's message about one of its leases.</summary>
    [Alias("change-lease")]
    ValueTask<Answer<LeaseAnswer>> ChangeLease(PurseKey purse, string holder, LeaseMessage message);

    /// <summary>What a silo has spent so far. Reply: numbers of leases that are not open any more.</summary>
    [Alias("report-leases")]
    ValueTask<Answer<long[]>> ReportLeases(string holder, [Immutable] LeaseReport[] reports);

    /// <summary>Ends a lease as the journal says. Reply: whether it was open.</summary>
    [Alias("settle-lease")]
    ValueTask<Answer<bool>> SettleLease(long lease, long spent, [Immutable] int[] unusedSlots);
}

/// <summary>The list of campaigns. There is one, with the key <c>main</c>.</summary>
[Alias("loyalty.campaigns")]
public interface ICampaignsGrain : IActorGrain
{
    /// <summary>Takes a campaign's state, unless it has a newer one. Silos are told by whoever asked (<see cref="ISiloGrain.RefreshProgram"/>).</summary>
    [Alias("list")]
    ValueTask<Answer<bool>> List([Immutable] CampaignEntry entry);

    /// <summary>All campaigns.</summary>
    [Alias("get")]
    ValueTask<Answer<CampaignList>> Get();
}

/// <summary>A leader board. The key is <c>campaign|period|first day</c>.</summary>
[Alias("loyalty.board")]
public interface IBoardGrain : IActorGrain
{
    /// <summary>Takes what the journal says. Reply: up to which position it considers all records.</summary>
    [Alias("advance")]
    ValueTask<Answer<long>> Advance([Immutable] BoardBatch batch);

    /// <summary>The board.</summary>
    [Alias("get")]
    ValueTask<Answer<BoardView>> Get();
}

/// <summary>Days between silos.</summary>
public static class WireDays
{
    private static readonly LocalDate Epoch = new(1970, 1, 1);

    /// <summary>Days since 1970-01-01.</summary>
    public static int? Number(LocalDate? day) => day is { } date ? Period.DaysBetween(Epoch, date) : null;

    /// <summary>The day.</summary>
    public static LocalDate? Day(int? number) => number is { } days ? Epoch.PlusDays(days) : null;
}
