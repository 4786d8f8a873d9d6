using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Loyalty;
using Orleans.Concurrency;

namespace Loyalty.Grains;

/// <summary>A member.</summary>
[GrainType(ActorIds.MemberKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class MemberGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IMemberGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> RecordPurchase(Purchase purchase) => AskAsync<RequestOutcome>(new RecordPurchase(Id, purchase));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> ExplainPurchase(Purchase purchase) => AskAsync<RequestOutcome>(new RecordPurchase(Id, purchase) { Explain = true });

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> RecordActivity(Activity activity, bool explain) => AskAsync<RequestOutcome>(new RecordActivity(activity) { Explain = explain });

    /// <inheritdoc />
    public ValueTask<Answer<MemberQuote>> Quote(Purchase purchase, bool explain) => AskAsync<MemberQuote>(new QuotePurchase(Id.Key, purchase) { Explain = explain });

    /// <inheritdoc />
    public ValueTask<Answer<MemberReply>> SetAttributes(MemberAttributes attributes) => AskAsync<MemberReply>(new SetAttributes(Id.Key, attributes));

    /// <inheritdoc />
    public ValueTask<Answer<MemberCampaignsView>> GetCampaigns() => AskAsync<MemberCampaignsView>(new GetMemberCampaigns(Id.Key));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> RecordReturn(Return request) => AskAsync<RequestOutcome>(new RecordReturn(Id, request));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> AdjustPoints(Adjustment adjustment) => AskAsync<RequestOutcome>(new AdjustPoints(adjustment));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> Import(MemberImport import) => AskAsync<RequestOutcome>(new ImportMember(import));

    /// <inheritdoc />
    public ValueTask<Answer<MemberReply>> Enrol(Enrolment enrolment) => AskAsync<MemberReply>(new EnrolMember(enrolment));

    /// <inheritdoc />
    public ValueTask<Answer<MemberReply>> ChangeStatus(MemberStatus status, string reason, string author) =>
        AskAsync<MemberReply>(new ChangeStatus(Id.Key, status, reason, author));

    /// <inheritdoc />
    public ValueTask<Answer<MemberReply>> ReplaceAlternativeIds(AlternativeId[] ids) => AskAsync<MemberReply>(new ReplaceAlternativeIds(Id.Key, ids));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> OpenHold(Hold hold, RewardDefinition? reward) => AskAsync<RequestOutcome>(new OpenHoldCommand(hold, reward));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> RedeemPoints(Redemption redemption, RewardDefinition? reward) =>
        AskAsync<RequestOutcome>(new RedeemPoints(redemption, reward));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> CommitHold(HoldCommit commit) => AskAsync<RequestOutcome>(new CommitHold(commit));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> CancelHold(HoldCancel cancel) => AskAsync<RequestOutcome>(new CancelHold(cancel));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> ReverseRedemption(Reversal reversal) => AskAsync<RequestOutcome>(new ReverseRedemption(reversal));

    /// <inheritdoc />
    public ValueTask<Answer<HoldView>> GetHold(string hold) => AskAsync<HoldView>(new GetHold(Id.Key, hold));

    /// <inheritdoc />
    public ValueTask<Answer<HoldView[]>> ListHolds() => AskAsync<HoldView[]>(new ListHolds(Id.Key));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> TransferPoints(Transfer transfer) => AskAsync<RequestOutcome>(new TransferPoints(transfer));

    /// <inheritdoc />
    public ValueTask<Answer<TransferView>> GetTransfer(string transfer) => AskAsync<TransferView>(new GetTransfer(Id.Key, transfer));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> AskHousehold(HouseholdRequest ask) => AskAsync<RequestOutcome>(new AskHousehold(ask));

    /// <inheritdoc />
    public ValueTask<Answer<HouseholdAskView>> GetHouseholdAsk(string ask) => AskAsync<HouseholdAskView>(new GetHouseholdAsk(Id.Key, ask));

    /// <inheritdoc />
    public ValueTask<Answer<MemberReply>> Get() => AskAsync<MemberReply>(new GetMember(Id.Key));

    /// <inheritdoc />
    public ValueTask<Answer<Domain.Exchange.StepAnswer>> DoStep(ReadOnlyMemory<byte> step) => AskAsync<Domain.Exchange.StepAnswer>(ExchangeSteps.CommandOf(Id, step));
}

/// <summary>A household.</summary>
[GrainType(ActorIds.HouseholdKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class HouseholdGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IHouseholdGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<HouseholdView>> Get() => AskAsync<HouseholdView>(new GetHousehold(Id.Key));
}

/// <summary>A reward.</summary>
[GrainType(ActorIds.RewardKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class RewardGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IRewardGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<RewardReply>> Put(RewardDefinition definition) => AskAsync<RewardReply>(new PutReward(definition));

    /// <inheritdoc />
    public ValueTask<Answer<RewardReply>> Withdraw(string reason, string author) => AskAsync<RewardReply>(new WithdrawReward(Id.Key, reason, author));

    /// <inheritdoc />
    public ValueTask<Answer<RewardReply>> Get() => AskAsync<RewardReply>(new GetReward(Id.Key));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> ChangeStock(StockChange change) => AskAsync<RequestOutcome>(new ChangeStock(change));
}

/// <summary>Which rewards there are.</summary>
[GrainType(ActorIds.RewardsKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class RewardsGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IRewardsGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<bool>> Add(string reward) => AskAsync<bool>(new AddReward(reward));

    /// <inheritdoc />
    public ValueTask<Answer<string[]>> List() => AskAsync<string[]>(new ListRewards());
}

/// <summary>Anonymous sales of a store's day.</summary>
[GrainType(ActorIds.SalesKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class SalesGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), ISalesGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> RecordPurchase(Purchase purchase) => AskAsync<RequestOutcome>(new RecordPurchase(Id, purchase));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> RecordReturn(Return request) => AskAsync<RequestOutcome>(new RecordReturn(Id, request));
}

/// <summary>Who has an alternative id.</summary>
[GrainType(ActorIds.DirectoryKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class DirectoryGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IDirectoryGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<bool>> Claim(string member, long memberVersion) => AskAsync<bool>(new ClaimAlternativeId(AlternativeId, member, memberVersion));

    /// <inheritdoc />
    public ValueTask<Answer<bool>> Release(string member, long memberVersion) => AskAsync<bool>(new ReleaseAlternativeId(AlternativeId, member, memberVersion));

    /// <inheritdoc />
    public ValueTask<Answer<string>> Find() => AskAsync<string>(new FindMember(AlternativeId));

    private AlternativeId AlternativeId => ActorIds.AlternativeIdOf(Id);
}

/// <summary>The program's versions.</summary>
[GrainType(ActorIds.ProgramKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class ProgramGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IProgramGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<PublishReply>> Publish(ReadOnlyMemory<byte> json, bool onlyIfNone) => AskAsync<PublishReply>(new PublishProgram(json, onlyIfNone));

    /// <inheritdoc />
    public ValueTask<Answer<PublishReply>> Get() => AskAsync<PublishReply>(new GetPrograms());
}

/// <summary>How far a reader of the journal came.</summary>
[GrainType(ActorIds.FeedKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class FeedGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IFeedGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<FeedProgress>> Advance(FeedProgress progress) => AskAsync<FeedProgress>(new AdvanceFeed(Id, progress));

    /// <inheritdoc />
    public ValueTask<Answer<FeedProgress>> Get() => AskAsync<FeedProgress>(new GetFeed(Id));
}
