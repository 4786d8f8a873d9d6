using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Holds, redemptions and rewards.</summary>
public sealed partial class LoyaltyEngine
{
    /// <summary>How long a caller waits for a reward to decide; then it is told that the hold is still reserving.</summary>
    public static readonly TimeSpan RewardPatience = TimeSpan.FromSeconds(5);

    /// <summary>Opens a hold.</summary>
    /// <returns>How it ended.</returns>
    public Task<SpendingEnd> HoldAsync(Hold hold) => SpendAsync(hold, reward => new OpenHoldCommand(hold, reward));

    /// <summary>Spends points in one step.</summary>
    /// <returns>How it ended.</returns>
    public Task<SpendingEnd> RedeemAsync(Redemption redemption) => SpendAsync(redemption, reward => new RedeemPoints(redemption, reward));

    /// <summary>Whose hold or redemption it is; null: there is none of that id.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read.</exception>
    public async ValueTask<string?> FindHolderAsync(string hold) =>
        await Books.FindActorAsync(hold).ConfigureAwait(false) is { Kind: ActorIds.MemberKind } member ? member.Key : null;

    /// <summary>Puts an entry of the catalogue, which is listed from then on.</summary>
    /// <returns>The command that ended it: <see cref="PutReward"/>, or <see cref="AddReward"/> when there is no room or it was not done.</returns>
    public async Task<Command> PutRewardAsync(RewardDefinition definition)
    {
        var added = await Host.AskAsync(new AddReward(definition.Id)).ConfigureAwait(false);
        return added.Status != CommandStatus.Done || added.Reply is false
            ? added
            : await Host.AskAsync<Command>(new PutReward(definition)).ConfigureAwait(false);
    }

    /// <summary>The catalogue, by id.</summary>
    /// <param name="after">Begins behind this id; empty: at the beginning.</param>
    /// <param name="count">At most so many.</param>
    /// <returns>The page and, when there are more, the id behind which they begin; or null and what was not done.</returns>
    public async Task<(IReadOnlyList<RewardView>? Page, string? Next, Command Command)> ListRewardsAsync(string after, int count)
    {
        var list = await Host.AskAsync(new ListRewards()).ConfigureAwait(false);
        if (list is not { Status: CommandStatus.Done, Reply: string[] ids })
        {
            return (null, null, list);
        }

        var wanted = ids.Where(id => string.CompareOrdinal(id, after) > 0).Take(count + 1).ToArray();
        var commands = await Host.AskAllAsync([.. wanted.Take(count).Select(id => new GetReward(id))]).ConfigureAwait(false);
        if (Array.Find(commands, command => command.Status != CommandStatus.Done) is { } failed)
        {
            return (null, null, failed);
        }

        return ([.. commands.Select(command => (command.Reply as RewardReply)?.View).OfType<RewardView>()], wanted.Length > count ? wanted[count - 1] : null, list);
    }

    private async Task<SpendingEnd> SpendAsync(Spending spending, Func<RewardDefinition?, SpendingCommand> make)
    {
        RewardDefinition? reward = null;
        if (spending.Reward is { } id)
        {
            var look = await Host.AskAsync(new GetReward(id)).ConfigureAwait(false);
            reward = (look.Reply as RewardReply)?.View?.Definition;
            if (reward is null)
            {
                return new(look, null);
            }
        }

        var command = await Host.AskAsync(make(reward)).ConfigureAwait(false);
        if (reward is null || command is not { Status: CommandStatus.Done, Outcome.Kind: OutcomeKind.Recorded })
        {
            return new(command, null);
        }

        // The reward decides within milliseconds; what it decided is in the member's books, and only there.
        var started = Environment.TickCount64;
        for (var delay = 1; ; delay = Math.Min(delay * 2, 50))
        {
            var look = await Host.AskAsync(new GetHold(spending.Member, spending.Id)).ConfigureAwait(false);
            if (look is { Status: CommandStatus.Done, Reply: HoldView { Status: not HoldStatus.Reserving } view })
            {
                return new(command, view);
            }

            if (Environment.TickCount64 - started > RewardPatience.TotalMilliseconds)
            {
                return new(command, look.Reply as HoldView);
            }

            await Task.Delay(delay).ConfigureAwait(false);
        }
    }
}

/// <summary>How a request that spends ended.</summary>
/// <param name="Command">The <see cref="SpendingCommand"/>; or the <see cref="GetReward"/> that found no reward, or was not done.</param>
/// <param name="Hold">With a reward: what its hold has come to; null without one, and when the request was not recorded.</param>
public sealed record SpendingEnd(Command Command, HoldView? Hold);
