using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Loyalty;
using Orleans.Concurrency;

namespace Loyalty.Grains;

/// <summary>A campaign.</summary>
[GrainType(ActorIds.CampaignKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class CampaignGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), ICampaignGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<CampaignReply>> SaveDraft(ReadOnlyMemory<byte> json, string author) => AskAsync<CampaignReply>(new SaveCampaignDraft(Id.Key, json, author));

    /// <inheritdoc />
    public ValueTask<Answer<CampaignReply>> Approve(string author) => AskAsync<CampaignReply>(new ApproveCampaign(Id.Key, author));

    /// <inheritdoc />
    public ValueTask<Answer<CampaignReply>> Publish(string author) => AskAsync<CampaignReply>(new PublishCampaign(Id.Key, author));

    /// <inheritdoc />
    public ValueTask<Answer<CampaignReply>> SetStatus(CampaignStatus status, string author, string reason) =>
        AskAsync<CampaignReply>(new SetCampaignStatus(Id.Key, status, author, reason));

    /// <inheritdoc />
    public ValueTask<Answer<CampaignReply>> Get() => AskAsync<CampaignReply>(new GetCampaign(Id.Key));

    /// <inheritdoc />
    public ValueTask<Answer<BudgetView>> GetBudget(string? store, int? day) => AskAsync<BudgetView>(new GetBudget(Id.Key, store, WireDays.Day(day)));

    /// <inheritdoc />
    public ValueTask<Answer<LeaseAnswer>> ChangeLease(PurseKey purse, string holder, LeaseMessage message) =>
        AskAsync<LeaseAnswer>(new ChangeLease(Id.Key, purse, holder, message));

    /// <inheritdoc />
    public ValueTask<Answer<long[]>> ReportLeases(string holder, LeaseReport[] reports) => AskAsync<long[]>(new ReportLeases(Id.Key, holder, reports));

    /// <inheritdoc />
    public ValueTask<Answer<bool>> SettleLease(long lease, long spent, int[] unusedSlots) => AskAsync<bool>(new SettleLease(Id.Key, lease, spent, unusedSlots));
}

/// <summary>The list of campaigns.</summary>
[GrainType(ActorIds.CampaignsKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class CampaignsGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), ICampaignsGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<bool>> List(CampaignEntry entry) => AskAsync<bool>(new ListCampaign(entry));

    /// <inheritdoc />
    public ValueTask<Answer<CampaignList>> Get() => AskAsync<CampaignList>(new GetCampaigns());
}

/// <summary>A leader board.</summary>
[GrainType(ActorIds.BoardKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class BoardGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IBoardGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<long>> Advance(BoardBatch batch) => AskAsync<long>(new AdvanceBoard(Id, batch));

    /// <inheritdoc />
    public ValueTask<Answer<BoardView>> Get() => AskAsync<BoardView>(new GetBoard(Id));
}
