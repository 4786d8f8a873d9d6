using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>A command about a campaign's definition or status. Reply: <see cref="CampaignReply"/>.</summary>
public abstract class CampaignCommand(string campaign) : Command(ActorIds.Campaign(campaign))
{
    /// <summary>Which campaign.</summary>
    public string Campaign { get; } = campaign;
}

/// <summary>Saves the draft. The same again changes nothing.</summary>
public sealed class SaveCampaignDraft(string campaign, ReadOnlyMemory<byte> json, string author) : CampaignCommand(campaign)
{
    /// <summary>The definition, UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Json { get; } = json;

    /// <summary>Who.</summary>
    public string Author { get; } = author;
}

/// <summary>Approves the draft as it stands. Again changes nothing.</summary>
public sealed class ApproveCampaign(string campaign, string author) : CampaignCommand(campaign)
{
    /// <summary>Who: another than the draft's author.</summary>
    public string Author { get; } = author;
}

/// <summary>Makes the draft the next version. When there is no draft and a version, that is the answer.</summary>
public sealed class PublishCampaign(string campaign, string author) : CampaignCommand(campaign)
{
    /// <summary>Who.</summary>
    public string Author { get; } = author;
}

/// <summary>Pauses, resumes or ends. Again changes nothing.</summary>
public sealed class SetCampaignStatus(string campaign, CampaignStatus status, string author, string reason) : CampaignCommand(campaign)
{
    /// <summary><see cref="CampaignStatus.Paused"/>, <see cref="CampaignStatus.Active"/> or <see cref="CampaignStatus.Ended"/>.</summary>
    public CampaignStatus NewStatus { get; } = status;

    /// <summary>Who.</summary>
    public string Author { get; } = author;

    /// <summary>Why.</summary>
    public string Reason { get; } = reason;
}

/// <summary>Asks for a campaign.</summary>
public sealed class GetCampaign(string campaign) : CampaignCommand(campaign);

/// <summary>What a command about a campaign comes to.</summary>
/// <param name="View">The campaign after it; null: it is not known.</param>
/// <param name="Errors">What of the definition is wrong; then nothing was done.</param>
/// <param name="Refusal">Why nothing was done; null: done, or see the errors.</param>
public sealed record CampaignReply(CampaignView? View, IReadOnlyList<FieldError> Errors, Refusal? Refusal);

/// <summary>A campaign as it stands.</summary>
/// <param name="Id">Id.</param>
/// <param name="Name">Of the newest version, or of the draft.</param>
/// <param name="Status">Now.</param>
/// <param name="Revision">Counts every change.</param>
/// <param name="Draft">Null: none.</param>
/// <param name="Versions">Oldest first.</param>
/// <param name="Changes">Oldest first.</param>
public sealed record CampaignView(
    string Id, string Name, CampaignStatus Status, long Revision, CampaignDraft? Draft, IReadOnlyList<CampaignVersionView> Versions, IReadOnlyList<StatusEntry> Changes);

/// <summary>A published version.</summary>
/// <param name="Version">1, 2, 3 …</param>
/// <param name="From">First instant of the sales that it judges.</param>
/// <param name="Json">The definition, UTF-8 JSON.</param>
/// <param name="Author">Who published it.</param>
/// <param name="ApprovedBy">Null: nobody had to.</param>
/// <param name="At">When it was published.</param>
public sealed record CampaignVersionView(int Version, Instant From, ReadOnlyMemory<byte> Json, string Author, string? ApprovedBy, Instant At);

/// <summary>Asks for the accounts of a campaign's budget. Reply: <see cref="BudgetView"/>; null: no such campaign.</summary>
/// <param name="campaign">Which.</param>
/// <param name="store">Only purses of that store; null: of all.</param>
/// <param name="day">Only purses whose period began on that day; null: of all.</param>
public sealed class GetBudget(string campaign, string? store = null, LocalDate? day = null) : Command(ActorIds.Campaign(campaign))
{
    /// <summary>Purses that one answer shows, the newest periods first.</summary>
    public const int MaxPurses = 1000;

    /// <summary>Leases that one answer shows, the newest first.</summary>
    public const int MaxLeases = 1000;

    /// <summary>Which store's purses.</summary>
    public string? Store { get; } = store;

    /// <summary>Which period's purses.</summary>
    public LocalDate? Day { get; } = day;
}

/// <summary>The accounts of a budget.</summary>
/// <param name="Campaign">Whose.</param>
/// <param name="Budget">As the newest version says; null: it has none.</param>
/// <param name="Purses">At most <see cref="GetBudget.MaxPurses"/>.</param>
/// <param name="Leases">Open ones, at most <see cref="GetBudget.MaxLeases"/>.</param>
/// <param name="FoldedThrough">Purses of periods that began up to that day are closed; null: none.</param>
public sealed record BudgetView(
    string Campaign, CampaignBudget? Budget, IReadOnlyList<PurseView> Purses, IReadOnlyList<LeaseEntry> Leases, LocalDate? FoldedThrough);

/// <summary>One purse: amount = spent + leased + free (free is 0 when a newer version gives less than is spent and leased).</summary>
/// <param name="Purse">Which.</param>
/// <param name="Amount">In all, as the newest version says.</param>
/// <param name="Spent">Known to be spent: settled, or reported by those who hold leases, every few seconds.</param>
/// <param name="Leased">Held by processes and not reported as spent.</param>
/// <param name="Free">Held by nobody.</param>
public sealed record PurseView(PurseKey Purse, long Amount, long Spent, long Leased, long Free);

/// <summary>A process's message about one of its leases. Reply: <see cref="LeaseAnswer"/>.</summary>
public sealed class ChangeLease(string campaign, PurseKey purse, string holder, LeaseMessage message) : Command(ActorIds.Campaign(campaign))
{
    /// <summary>Of which purse.</summary>
    public PurseKey Purse { get; } = purse;

    /// <summary>The process.</summary>
    public string Holder { get; } = holder;

    /// <summary>What it wants.</summary>
    public LeaseMessage Message { get; } = message;
}

/// <summary>What a process has spent of its leases so far. Reply: numbers of those that are not open any more (an array of <see cref="long"/>).</summary>
public sealed class ReportLeases(string campaign, string holder, LeaseReport[] reports) : Command(ActorIds.Campaign(campaign))
{
    /// <summary>The process.</summary>
    public string Holder { get; } = holder;

    /// <summary>Lease by lease.</summary>
    public LeaseReport[] Reports { get; } = reports;
}

/// <summary>What is spent of a lease.</summary>
/// <param name="Lease">Which.</param>
/// <param name="Sequence">The holder's number of the message.</param>
/// <param name="Spent">By what is durable.</param>
public readonly record struct LeaseReport(long Lease, long Sequence, long Spent);

/// <summary>
/// Ends the lease of a holder that is dead or unsure, as the journal says: its slots that no purchase has used are taken by this record, so that none can use them later. If one does at this moment,
/// the command ends <see cref="CommandStatus.Busy"/>, and the journal has to be read again. Reply: whether it was open (<see cref="bool"/>).
/// </summary>
public sealed class SettleLease(string campaign, long lease, long spent, int[] unusedSlots) : Command(ActorIds.Campaign(campaign))
{
    /// <summary>Which lease.</summary>
    public long Lease { get; } = lease;

    /// <summary>By the records of its used slots.</summary>
    public long Spent { get; } = spent;

    /// <summary>The others.</summary>
    public int[] UnusedSlots { get; } = unusedSlots;
}

/// <summary>Tells the list of campaigns about one. Reply: whether the list has it, or a newer state of it (<see cref="bool"/>).</summary>
public sealed class ListCampaign(CampaignEntry entry) : Command(ActorIds.Campaigns)
{
    /// <summary>The campaign.</summary>
    public CampaignEntry Entry { get; } = entry;
}

/// <summary>Asks for all campaigns. Reply: <see cref="CampaignList"/>.</summary>
public sealed class GetCampaigns() : Command(ActorIds.Campaigns);

/// <summary>All campaigns.</summary>
/// <param name="Entries">By id.</param>
public sealed record CampaignList(IReadOnlyList<CampaignEntry> Entries);
