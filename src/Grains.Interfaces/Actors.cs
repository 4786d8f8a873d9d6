using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Orleans.Concurrency;

namespace Loyalty.Grains;

/// <summary>Names of the grain types: those of the actors' kinds, so that an actor's id is a grain's id.</summary>
public static class GrainTypes
{
    /// <summary>The grain of an actor.</summary>
    public static GrainId Of(ActorId actor) => GrainId.Create(actor.Kind, actor.Key);

    /// <summary>The actor of a grain.</summary>
    public static ActorId ActorOf(GrainId grain) => new(grain.Type.ToString()!, grain.Key.ToString()!);
}

/// <summary>How a call to a grain ended, with its reply when it was done.</summary>
/// <typeparam name="T">The reply; <see cref="CommandStatus.Done"/> may bring none.</typeparam>
/// <param name="Status">How it ended.</param>
/// <param name="Problem">Why not, for people; null when it was done.</param>
/// <param name="Reply">The reply.</param>
[GenerateSerializer, Immutable, Alias("loyalty.answer`1")]
public sealed record Answer<T>([property: Id(0)] CommandStatus Status, [property: Id(1)] string? Problem, [property: Id(2)] T? Reply);

/// <summary>What every actor understands from the engine itself.</summary>
[Alias("loyalty.actor")]
public interface IActorGrain : IGrainWithStringKey
{
    /// <summary>Brings the actor to memory and does nothing else.</summary>
    [Alias("touch")]
    ValueTask Touch();

    /// <summary>Does what is due. Reply: a snapshot when nothing changed (the wake-up time may have), else none.</summary>
    [Alias("wake")]
    ValueTask<Answer<Snapshot>> Wake();

    /// <summary>Reply: a snapshot; none for an actor without events.</summary>
    [Alias("snapshot")]
    ValueTask<Answer<Snapshot>> TakeSnapshot();

    /// <summary>Brings an effect of another actor; applied once however often it comes.</summary>
    [Alias("deliver")]
    ValueTask<Answer<bool>> Deliver(ActorId sender, long sequence, [Immutable] ReadOnlyMemory<byte> message);

    /// <summary>Brings a keyed effect of another actor; applied once for all times, by its id.</summary>
    [Alias("deliver-keyed")]
    ValueTask<Answer<bool>> DeliverKeyed(ActorId sender, long sequence, [Immutable] ReadOnlyMemory<byte> message, string id);
}

/// <summary>A member's books: balances, lots, tier. The key is the member's id, 1 to 128 characters.</summary>
[Alias("loyalty.member")]
public interface IMemberGrain : IExchangeStepGrain
{
    /// <summary>Records a purchase of this member.</summary>
    [Alias("purchase")]
    ValueTask<Answer<RequestOutcome>> RecordPurchase([Immutable] Purchase purchase);

    /// <summary>Records a purchase of this member, and says why campaigns gave nothing.</summary>
    [Alias("explain-purchase")]
    ValueTask<Answer<RequestOutcome>> ExplainPurchase([Immutable] Purchase purchase);

    /// <summary>Records an activity.</summary>
    [Alias("activity")]
    ValueTask<Answer<RequestOutcome>> RecordActivity([Immutable] Activity activity, bool explain);

    /// <summary>What a purchase would earn now; none: the member is not known, and the program does not enrol by itself.</summary>
    [Alias("quote")]
    ValueTask<Answer<MemberQuote>> Quote([Immutable] Purchase purchase, bool explain);

    /// <summary>Replaces what is known of the member.</summary>
    [Alias("set-attributes")]
    ValueTask<Answer<MemberReply>> SetAttributes([Immutable] MemberAttributes attributes);

    /// <summary>What is known of the member, and how far it has come; none: not known.</summary>
    [Alias("campaigns")]
    ValueTask<Answer<MemberCampaignsView>> GetCampaigns();

    /// <summary>Records a return of goods.</summary>
    [Alias("return")]
    ValueTask<Answer<RequestOutcome>> RecordReturn([Immutable] Return request);

    /// <summary>Gives or takes points by hand.</summary>
    [Alias("adjust")]
    ValueTask<Answer<RequestOutcome>> AdjustPoints([Immutable] Adjustment adjustment);

    /// <summary>Brings the member in from another system; its alternative ids have been claimed.</summary>
    [Alias("import")]
    ValueTask<Answer<RequestOutcome>> Import([Immutable] MemberImport import);

    /// <summary>Enrols the member; its alternative ids have been claimed.</summary>
    [Alias("enrol")]
    ValueTask<Answer<MemberReply>> Enrol([Immutable] Enrolment enrolment);

    /// <summary>Blocks, unblocks or closes.</summary>
    [Alias("change-status")]
    ValueTask<Answer<MemberReply>> ChangeStatus(MemberStatus status, string reason, string author);

    /// <summary>Replaces the alternative ids; the new ones have been claimed.</summary>
    [Alias("replace-ids")]
    ValueTask<Answer<MemberReply>> ReplaceAlternativeIds([Immutable] AlternativeId[] ids);

    /// <summary>Opens a hold.</summary>
    [Alias("hold")]
    ValueTask<Answer<RequestOutcome>> OpenHold([Immutable] Hold hold, [Immutable] RewardDefinition? reward);

    /// <summary>Spends points in one step.</summary>
    [Alias("redeem")]
    ValueTask<Answer<RequestOutcome>> RedeemPoints([Immutable] Redemption redemption, [Immutable] RewardDefinition? reward);

    /// <summary>Redeems a hold, or part of it.</summary>
    [Alias("commit-hold")]
    ValueTask<Answer<RequestOutcome>> CommitHold([Immutable] HoldCommit commit);

    /// <summary>Gives a hold up.</summary>
    [Alias("cancel-hold")]
    ValueTask<Answer<RequestOutcome>> CancelHold([Immutable] HoldCancel cancel);

    /// <summary>Gives redeemed points back.</summary>
    [Alias("reverse")]
    ValueTask<Answer<RequestOutcome>> ReverseRedemption([Immutable] Reversal reversal);

    /// <summary>A hold, or a redemption in one step, as it stands; none: there is none of that id.</summary>
    [Alias("get-hold")]
    ValueTask<Answer<HoldView>> GetHold(string hold);

    /// <summary>Open holds, in the order in which they were opened; none: the member is not known.</summary>
    [Alias("list-holds")]
    ValueTask<Answer<HoldView[]>> ListHolds();

    /// <summary>Gives points to another member.</summary>
    [Alias("transfer")]
    ValueTask<Answer<RequestOutcome>> TransferPoints([Immutable] Transfer transfer);

    /// <summary>A transfer that the member sent, as it stands; none: there is none of that id.</summary>
    [Alias("get-transfer")]
    ValueTask<Answer<TransferView>> GetTransfer(string transfer);

    /// <summary>Asks a household for something, on behalf of the member.</summary>
    [Alias("ask-household")]
    ValueTask<Answer<RequestOutcome>> AskHousehold([Immutable] HouseholdRequest ask);

    /// <summary>A request to a household as it stands; none: there is none of that id.</summary>
    [Alias("get-household-ask")]
    ValueTask<Answer<HouseholdAskView>> GetHouseholdAsk(string ask);

    /// <summary>The member as it stands after all that is due.</summary>
    [Alias("get")]
    ValueTask<Answer<MemberReply>> Get();
}

/// <summary>Anonymous sales of a store's day. The key is <c>store|yyyy-mm-dd</c>.</summary>
[Alias("loyalty.sales")]
public interface ISalesGrain : IActorGrain
{
    /// <summary>Counts a purchase without a member.</summary>
    [Alias("purchase")]
    ValueTask<Answer<RequestOutcome>> RecordPurchase([Immutable] Purchase purchase);

    /// <summary>Counts a return without a member.</summary>
    [Alias("return")]
    ValueTask<Answer<RequestOutcome>> RecordReturn([Immutable] Return request);
}

/// <summary>Who has an alternative id. The key is <c>type:value</c>.</summary>
[Alias("loyalty.directory")]
public interface IDirectoryGrain : IActorGrain
{
    /// <summary>Claims the id for a member. Reply: whether the member has it now.</summary>
    [Alias("claim")]
    ValueTask<Answer<bool>> Claim(string member, long memberVersion);

    /// <summary>Releases the id if the member has it.</summary>
    [Alias("release")]
    ValueTask<Answer<bool>> Release(string member, long memberVersion);

    /// <summary>Reply: the member's id, or none.</summary>
    [Alias("find")]
    ValueTask<Answer<string>> Find();
}

/// <summary>How far a reader of the journal came with one part of the actors. The key is <c>name|shard</c>.</summary>
[Alias("loyalty.feed")]
public interface IFeedGrain : IActorGrain
{
    /// <summary>Notes that all up to there is done. Reply: what is noted now.</summary>
    [Alias("advance")]
    ValueTask<Answer<FeedProgress>> Advance(FeedProgress progress);

    /// <summary>Reply: what is noted; all zero: nothing yet.</summary>
    [Alias("get")]
    ValueTask<Answer<FeedProgress>> Get();
}

/// <summary>A household and its pool. The key is its id.</summary>
[Alias("loyalty.household")]
public interface IHouseholdGrain : IActorGrain
{
    /// <summary>The household as it stands; without members: there is none.</summary>
    [Alias("get")]
    ValueTask<Answer<HouseholdView>> Get();
}

/// <summary>A reward and its stock. The key is its id.</summary>
[Alias("loyalty.reward")]
public interface IRewardGrain : IActorGrain
{
    /// <summary>Puts the entry of the catalogue.</summary>
    [Alias("put")]
    ValueTask<Answer<RewardReply>> Put([Immutable] RewardDefinition definition);

    /// <summary>Ends it for new holds.</summary>
    [Alias("withdraw")]
    ValueTask<Answer<RewardReply>> Withdraw(string reason, string author);

    /// <summary>The reward as it stands.</summary>
    [Alias("get")]
    ValueTask<Answer<RewardReply>> Get();

    /// <summary>Puts more in stock, or takes out.</summary>
    [Alias("change-stock")]
    ValueTask<Answer<RequestOutcome>> ChangeStock([Immutable] StockChange change);
}

/// <summary>Which rewards there are. There is one, with the key <c>main</c>.</summary>
[Alias("loyalty.rewards")]
public interface IRewardsGrain : IActorGrain
{
    /// <summary>Notes that there is a reward of the id. Reply: whether there is room for it.</summary>
    [Alias("add")]
    ValueTask<Answer<bool>> Add(string reward);

    /// <summary>The ids of all rewards, in order.</summary>
    [Alias("list")]
    ValueTask<Answer<string[]>> List();
}

/// <summary>The program's versions. There is one, with the key <c>main</c>.</summary>
[Alias("loyalty.program")]
public interface IProgramGrain : IActorGrain
{
    /// <summary>Publishes a version, or says what is wrong with it. Silos are told by whoever asked (<see cref="ISiloGrain.RefreshProgram"/>).</summary>
    /// <param name="json">The definition.</param>
    /// <param name="onlyIfNone">Does nothing when there is a version already.</param>
    [Alias("publish")]
    ValueTask<Answer<PublishReply>> Publish([Immutable] ReadOnlyMemory<byte> json, bool onlyIfNone);

    /// <summary>All versions.</summary>
    [Alias("get")]
    ValueTask<Answer<PublishReply>> Get();
}
