using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Campaigns: their definitions, their life and their budgets.</summary>
public sealed partial class LoyaltyEngine
{
    /// <summary>Sends a command about a campaign. What it changed is known to every process that answers when this returns.</summary>
    /// <returns>The command; its reply is a <see cref="CampaignReply"/>, without a view when the campaign is not known.</returns>
    public async Task<T> AskCampaignAsync<T>(T command)
        where T : CampaignCommand
    {
        ArgumentNullException.ThrowIfNull(command);
        await Host.AskAsync<Command>(command).ConfigureAwait(false);
        if (command is not GetCampaign && command is { Status: CommandStatus.Done, Reply: CampaignReply { View: { } view, Errors.Count: 0, Refusal: null } })
        {
            await TellAsync(EntryOf(view)).ConfigureAwait(false);
        }

        return command;
    }

    /// <summary>Saves a campaign's draft.</summary>
    public Task<SaveCampaignDraft> SaveCampaignDraftAsync(string campaign, ReadOnlyMemory<byte> json, string author) =>
        AskCampaignAsync(new SaveCampaignDraft(campaign, json, author));

    /// <summary>Approves a campaign's draft.</summary>
    public Task<ApproveCampaign> ApproveCampaignAsync(string campaign, string author) => AskCampaignAsync(new ApproveCampaign(campaign, author));

    /// <summary>Publishes a campaign's draft as its next version; purchases are judged by it when this returns.</summary>
    public Task<PublishCampaign> PublishCampaignAsync(string campaign, string author) => AskCampaignAsync(new PublishCampaign(campaign, author));

    /// <summary>Pauses, resumes or ends a campaign.</summary>
    public Task<SetCampaignStatus> SetCampaignStatusAsync(string campaign, CampaignStatus status, string author, string reason) =>
        AskCampaignAsync(new SetCampaignStatus(campaign, status, author, reason));

    /// <summary>Asks for a campaign.</summary>
    public Task<GetCampaign> GetCampaignAsync(string campaign) => AskCampaignAsync(new GetCampaign(campaign));

    /// <summary>Asks for all campaigns. Reply: <see cref="CampaignList"/>.</summary>
    public Task<GetCampaigns> ListCampaignsAsync() => Host.AskAsync(new GetCampaigns());

    /// <summary>Asks for the accounts of a campaign's budget. Reply: <see cref="BudgetView"/>, or none: the campaign is not known.</summary>
    /// <param name="campaign">Which.</param>
    /// <param name="store">Only purses of that store; null: of all.</param>
    /// <param name="day">Only purses whose period began on that day; null: of all.</param>
    public Task<GetBudget> GetBudgetAsync(string campaign, string? store = null, LocalDate? day = null) => Host.AskAsync(new GetBudget(campaign, store, day));

    /// <summary>Asks for a campaign's leader board. It is a second or two behind the books.</summary>
    /// <param name="campaign">Which.</param>
    /// <param name="day">A day of the period; null: today, in the program's time zone.</param>
    /// <returns>The command that ended it: <see cref="GetBoard"/> with a <see cref="BoardView"/>, or a <see cref="GetCampaign"/> that was not done, or whose campaign is not known or has no board. And the board's period.</returns>
    public async Task<(Command Command, CampaignPeriod Period, LocalDate Start)> GetLeaderboardAsync(string campaign, LocalDate? day = null)
    {
        var asked = await GetCampaignAsync(campaign).ConfigureAwait(false);
        var board = (asked.Reply as CampaignReply)?.View?.Versions
            .Select(version => CampaignParser.Parse(version.Json, campaign, version.Version, null, null, []) is { } definition ? CampaignBoard.Of(definition) : null)
            .LastOrDefault(board => board is not null);
        if (board is null)
        {
            return (asked, default, default);
        }

        var (period, on) = (board.Leaderboard.Period, day ?? Programs.Current.Latest.Calendar.DayOf(Clock.GetCurrentInstant()));
        return (await Host.AskAsync(new GetBoard(BoardKind.Id(campaign, period, on))).ConfigureAwait(false), period, CampaignPeriods.StartOf(period, on));
    }

    /// <summary>Records an activity.</summary>
    public Task<RecordActivity> RecordActivityAsync(Domain.Requests.Activity activity, bool explain = false) => Host.AskAsync(new RecordActivity(activity) { Explain = explain });

    /// <summary>Asks what a purchase of a member would earn now. Reply: <see cref="Domain.Members.MemberQuote"/>, or none: the member is not known, and the program does not enrol by itself.</summary>
    /// <exception cref="ArgumentException">The purchase has no member: nobody earns.</exception>
    public Task<QuotePurchase> QuoteAsync(Domain.Requests.Purchase purchase, bool explain = false)
    {
        ArgumentNullException.ThrowIfNull(purchase);
        return Host.AskAsync(new QuotePurchase(purchase.Member ?? throw new ArgumentException("a quote needs a member", nameof(purchase)), purchase) { Explain = explain });
    }

    /// <summary>Replaces what is known of a member. Reply: <see cref="MemberReply"/>, without a view and a refusal when the member is not known.</summary>
    public Task<SetAttributes> SetAttributesAsync(string member, Domain.Members.MemberAttributes attributes) => Host.AskAsync(new SetAttributes(member, attributes));

    /// <summary>Asks what is known of a member and how far it has come. Reply: <see cref="MemberCampaignsView"/>, or none: not known.</summary>
    public Task<GetMemberCampaigns> GetMemberCampaignsAsync(string member) => Host.AskAsync(new GetMemberCampaigns(member));

    /// <summary>Reads which campaigns there are, and lets this process have leases, when its actors run in it alone. Silos do both themselves.</summary>
    private async Task StartCampaignsAsync()
    {
        if (Host.IsOrleans)
        {
            return;
        }

        var command = await ListCampaignsAsync().ConfigureAwait(false);
        if (command.Reply is not CampaignList list)
        {
            throw new JournalUnavailableException($"the campaigns cannot be loaded: {command.Problem}");
        }

        Programs.Campaigns.Adopt(list.Entries);
        if (Books is JournalBooks { Journal: var journal } && !Programs.Campaigns.Leases.IsOpen)
        {
            Programs.Campaigns.Leases.Open(Host, journal, LeaseHolder.Alone($"embedded-{Guid.NewGuid():N}"));
        }
    }

    /// <summary>The list of campaigns, and by it every process, learns of a change. The campaign tells it by itself, too, should this fail: a little later then.</summary>
    private async Task TellAsync(CampaignEntry entry)
    {
        await Host.AskAsync(new ListCampaign(entry)).ConfigureAwait(false);
        Programs.Campaigns.Adopt([entry]);
    }

    private static CampaignEntry EntryOf(CampaignView view) => new(
        view.Id, view.Revision, view.Name, view.Draft is not null, [.. view.Versions.Select(version => new CampaignEntryVersion(version.From, version.Json))],
        [.. view.Changes.Select(entry => entry.Change)]);
}
