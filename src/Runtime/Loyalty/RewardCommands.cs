using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Puts an entry of the catalogue. Reply: <see cref="RewardReply"/>.</summary>
public sealed class PutReward(RewardDefinition definition) : Command(ActorIds.Reward(definition.Id))
{
    /// <summary>The entry; its revision does not matter.</summary>
    public RewardDefinition Definition { get; } = definition;
}

/// <summary>Ends an entry for new holds. Reply: <see cref="RewardReply"/>.</summary>
public sealed class WithdrawReward(string reward, string reason, string author) : Command(ActorIds.Reward(reward))
{
    /// <summary>Why.</summary>
    public string Reason { get; } = reason;

    /// <summary>Who decided.</summary>
    public string Author { get; } = author;
}

/// <summary>Asks for a reward. Reply: <see cref="RewardReply"/>.</summary>
public sealed class GetReward(string reward) : Command(ActorIds.Reward(reward));

/// <summary>Changes the stock of a reward. Reply: <see cref="RequestOutcome"/> with a <see cref="StockChanged"/>.</summary>
public sealed class ChangeStock(StockChange change) : RequestCommand(ActorIds.Reward(change.Reward), change)
{
    /// <summary>The request.</summary>
    public StockChange Change { get; } = change;
}

/// <summary>What a command about a reward comes to.</summary>
/// <param name="View">The reward after it; null: there is none.</param>
/// <param name="Refusal">Why nothing was done; null: done.</param>
/// <param name="Replayed">It had been done before.</param>
public sealed record RewardReply(RewardView? View, Refusal? Refusal, bool Replayed = false);

/// <summary>A reward as it stands.</summary>
/// <param name="Definition">The entry.</param>
/// <param name="IsWithdrawn">Ended for new holds.</param>
/// <param name="Free">In stock and not reserved; 0 without a stock.</param>
/// <param name="Reserved">Reserved by holds.</param>
/// <param name="Redeemed">Redeemed, less what was reversed.</param>
public sealed record RewardView(RewardDefinition Definition, bool IsWithdrawn, long Free, long Reserved, long Redeemed);

/// <summary>Notes that there is a reward of an id. Reply: whether there is room for it (<see cref="bool"/>).</summary>
public sealed class AddReward(string reward) : Command(ActorIds.Rewards)
{
    /// <summary>Its id.</summary>
    public string Reward { get; } = reward;
}

/// <summary>Asks which rewards there are. Reply: their ids in order (<see cref="string"/>[]).</summary>
public sealed class ListRewards() : Command(ActorIds.Rewards);
