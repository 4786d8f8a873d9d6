using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>A request that spends points of a member, or undoes that.</summary>
public abstract class SpendingCommand(string member, Request request) : RequestCommand(ActorIds.Member(member), request);

/// <summary>Opens a hold.</summary>
/// <param name="hold">The request.</param>
/// <param name="reward">The entry of the catalogue that it names, as it stands; null when it names none.</param>
public sealed class OpenHoldCommand(Hold hold, RewardDefinition? reward) : SpendingCommand(hold.Member, hold)
{
    /// <summary>The request.</summary>
    public Hold Hold { get; } = hold;

    /// <summary>The entry of the catalogue.</summary>
    public RewardDefinition? Reward { get; } = reward;
}

/// <summary>Spends points in one step.</summary>
/// <param name="redemption">The request.</param>
/// <param name="reward">The entry of the catalogue that it names, as it stands; null when it names none.</param>
public sealed class RedeemPoints(Redemption redemption, RewardDefinition? reward) : SpendingCommand(redemption.Member, redemption)
{
    /// <summary>The request.</summary>
    public Redemption Redemption { get; } = redemption;

    /// <summary>The entry of the catalogue.</summary>
    public RewardDefinition? Reward { get; } = reward;
}

/// <summary>Redeems a hold, or part of it.</summary>
public sealed class CommitHold(HoldCommit commit) : SpendingCommand(commit.Member, commit)
{
    /// <summary>The request.</summary>
    public HoldCommit Commit { get; } = commit;

    /// <inheritdoc />
    public override string? RecallId => Commit.Hold;
}

/// <summary>Gives a hold up.</summary>
public sealed class CancelHold(HoldCancel cancel) : SpendingCommand(cancel.Member, cancel)
{
    /// <summary>The request.</summary>
    public HoldCancel Cancel { get; } = cancel;

    /// <inheritdoc />
    public override string? RecallId => Cancel.Hold;
}

/// <summary>Gives redeemed points back.</summary>
public sealed class ReverseRedemption(Reversal reversal) : SpendingCommand(reversal.Member, reversal)
{
    /// <summary>The request.</summary>
    public Reversal Reversal { get; } = reversal;

    /// <inheritdoc />
    public override string? RecallId => Reversal.Redemption;
}

/// <summary>Asks for a hold, or a redemption in one step. Reply: <see cref="HoldView"/>, or null when the member has none of that id.</summary>
/// <param name="member">Whose.</param>
/// <param name="hold">Its id.</param>
public sealed class GetHold(string member, string hold) : Command(ActorIds.Member(member))
{
    /// <summary>Its id.</summary>
    public string Hold { get; } = hold;

    /// <inheritdoc />
    public override string? RecallId => Hold;
}

/// <summary>Asks for a member's open holds. Reply: <see cref="HoldView"/>[], in the order in which they were opened; null when the member is not known.</summary>
/// <param name="member">Whose.</param>
public sealed class ListHolds(string member) : Command(ActorIds.Member(member));

/// <summary>A hold as it stands.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Member">Whose.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">Held; once it has ended: redeemed still, less what was reversed.</param>
/// <param name="ExpiresAt">While it is open: the first instant at which it is over; null: it has no time.</param>
/// <param name="Reward">What it pays for, or null.</param>
/// <param name="Refusal">Why, when it was refused.</param>
/// <param name="Answer">Balances and tier when it came to this; null while it is open.</param>
public sealed record HoldView(
    string Id, string Member, HoldStatus Status, string Unit, long Points, Instant? ExpiresAt, HeldReward? Reward, Refusal? Refusal, RequestAnswered? Answer);

/// <summary>Where a hold stands.</summary>
public enum HoldStatus : byte
{
    /// <summary>Waits for its reward.</summary>
    Reserving,

    /// <summary>Can be committed.</summary>
    Open,

    /// <summary>Redeemed.</summary>
    Committed,

    /// <summary>Given up.</summary>
    Cancelled,

    /// <summary>Its time was over.</summary>
    TimedOut,

    /// <summary>What it was for was not to be had.</summary>
    Refused,

    /// <summary>The member was closed.</summary>
    Closed,

    /// <summary>Redeemed, and given back whole.</summary>
    Reversed,
}
