using Loyalty.Domain.Ledger;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What the books know of a hold or redemption that a request names.</summary>
/// <param name="Found">How the look-up ended; <see cref="RecallResult.NoPurchase"/>: a request that is neither.</param>
/// <param name="Last">The latest fact about it: opened, committed, released, redeemed or reversed; null unless it is this member's.</param>
public readonly record struct RecalledSpending(RecallResult Found, MemberEvent? Last);

/// <summary>Holds, redemptions, reversals. docs/SPENDING.md is the specification.</summary>
public readonly ref partial struct MemberDecider
{
    /// <summary>Opens a hold, or refuses it.</summary>
    /// <param name="hold">The request.</param>
    /// <param name="reward">The entry of the catalogue that it names, as it stands; null when it names none.</param>
    public Refusal? Record(Hold hold, RewardDefinition? reward)
    {
        BringUpToDate();
        var policy = _context.Program.Redemption;
        var seconds = hold.Seconds ?? policy.HoldSeconds;
        if (seconds < 1 || seconds > policy.MaxHoldSeconds)
        {
            return new("hold-too-long", "seconds", $"is {seconds}; 1 to {policy.MaxHoldSeconds} are possible");
        }

        return Open(hold, HoldPurpose.Hold, reward, _context.Now + Duration.FromSeconds(seconds));
    }

    /// <summary>Spends points in one step, or refuses. A redemption of a reward is a hold until the reward has decided (<see cref="DecideReward"/>).</summary>
    /// <param name="redemption">The request.</param>
    /// <param name="reward">The entry of the catalogue that it names, as it stands; null when it names none.</param>
    public Refusal? Record(Redemption redemption, RewardDefinition? reward)
    {
        BringUpToDate();
        if (reward is not null)
        {
            return Open(redemption, HoldPurpose.Redemption, reward, null);
        }

        if ((CheckStatus() ?? CheckRules(redemption.Unit!, redemption.Points)) is { } refusal)
        {
            return refusal;
        }

        var lots = Spendable(redemption.Unit!, redemption.Points, out refusal);
        if (lots is not null)
        {
            Raise(new PointsRedeemed(redemption, redemption.Unit!, lots));
        }

        return refusal;
    }

    /// <summary>Redeems a hold, all or part, or refuses.</summary>
    /// <param name="commit">The request.</param>
    /// <param name="recalled">What is known of the hold, for the words of a refusal.</param>
    public Refusal? Record(HoldCommit commit, RecalledSpending recalled)
    {
        BringUpToDate();
        var hold = _state.FindHold(commit.Hold);
        if ((CheckHold(hold, commit.Hold, recalled) ?? CheckStatus()) is { } refusal)
        {
            return refusal;
        }

        if (!hold!.IsGranted)
        {
            return new("hold-reserving", "hold", $"{commit.Hold} waits for its reward; ask for it before it is committed");
        }

        var points = commit.Points ?? hold.Points;
        if (points > hold.Points)
        {
            return new("more-than-held", "points", $"is {points}; {commit.Hold} holds {hold.Points} {hold.Unit}");
        }

        if (hold.Reward is not null && points < hold.Points)
        {
            return new("partial-reward", "points", $"is {points}; a reward is committed whole, with its {hold.Points} {hold.Unit}");
        }

        CommitHold(hold, commit, points, Accounts.Redeemed);
        BringUpToDate();
        return null;
    }

    /// <summary>Gives a hold up, or refuses.</summary>
    /// <param name="cancel">The request.</param>
    /// <param name="recalled">What is known of the hold, for the words of a refusal.</param>
    public Refusal? Record(HoldCancel cancel, RecalledSpending recalled)
    {
        BringUpToDate();
        var hold = _state.FindHold(cancel.Hold);
        if (CheckHold(hold, cancel.Hold, recalled) is { } refusal)
        {
            return refusal;
        }

        ReleaseHold(hold!, HoldEnd.Cancelled, _context.Now, cancel);
        BringUpToDate();
        return null;
    }

    /// <summary>Gives redeemed points back, or refuses.</summary>
    /// <param name="reversal">The request.</param>
    /// <param name="recalled">What is known of the redemption.</param>
    public Refusal? Record(Reversal reversal, RecalledSpending recalled)
    {
        BringUpToDate();
        if (_state.Status == MemberStatus.Closed)
        {
            return CheckStatus();
        }

        var before = recalled.Last switch
        {
            HoldCommitted e when e.Account == Accounts.Redeemed => new RedemptionState(e.Hold, e.Unit, e.Redeemed, e.Reward),
            PointsRedeemed e => new(e.Request.Id, e.Unit, e.Lots, null),
            RedemptionReversed e => e.After,
            _ => null,
        };
        if (before is null)
        {
            return new("not-redeemed", "redemption", $"{reversal.Redemption} is no redemption of member {_state.Id}, or was not completed: there is nothing to give back");
        }

        var redeemed = Lot.Sum(before.Lots);
        var points = reversal.Points ?? redeemed;
        if (points > redeemed || redeemed == 0)
        {
            return new("more-than-redeemed", "points", $"is {points}; {redeemed} {before.Unit} are left of redemption {before.Id}");
        }

        if (before.Reward is not null && points < redeemed)
        {
            return new("partial-reward", "points", $"is {points}; a reward is given back whole, with its {redeemed} {before.Unit}");
        }

        if ((_state.FindBook(before.Unit)?.Balance ?? 0) > MaxBalance - points)
        {
            return new("balance-limit", "points", $"is {points}; the balance would pass {MaxBalance}, the most a member can have");
        }

        var (kept, back) = Split(before.Lots, redeemed - points);
        var (freed, repaid) = RepayFirst(before.Unit, back);
        Raise(new RedemptionReversed(reversal, before with { Lots = kept }, freed, repaid));
        BringUpToDate();
        return null;
    }

    /// <summary>The reward of a hold decided. What has ended meanwhile stays ended.</summary>
    /// <param name="id">Of the hold.</param>
    /// <param name="refusal">Why it is not to be had; null: it is reserved.</param>
    public void DecideReward(string id, Refusal? refusal)
    {
        BringUpToDate();
        if (_state.FindHold(id) is not { IsGranted: false } hold)
        {
            return;
        }

        if (refusal is not null)
        {
            ReleaseHold(hold, HoldEnd.Refused, _context.Now, refusal: refusal);
        }
        else
        {
            Raise(new HoldGranted(id));
            if (hold.Purpose == HoldPurpose.Redemption)
            {
                CommitHold(hold, null, hold.Points, Accounts.Redeemed);
            }
        }

        BringUpToDate();
        Answer();
    }

    /// <summary>Takes points into a hold that another request, recorded beside it, needs and ends; or refuses. Status and the unit's rules are the caller's to check.</summary>
    /// <param name="id">Of the hold: that of the request.</param>
    /// <param name="purpose">What for.</param>
    /// <param name="unit">Of which unit.</param>
    /// <param name="points">1 or more.</param>
    public Refusal? OpenHold(string id, HoldPurpose purpose, string unit, long points)
    {
        var lots = Spendable(unit, points, out var refusal);
        if (lots is null)
        {
            return refusal;
        }

        if (CheckRoom() is { } full)
        {
            return full;
        }

        Raise(new HoldOpened(id, purpose, null, unit, lots, null, null));
        return null;
    }

    /// <summary>Redeems an open hold to an account; what is not redeemed comes back.</summary>
    /// <param name="hold">Open.</param>
    /// <param name="request">What asked for it, or null.</param>
    /// <param name="points">1 to what it holds.</param>
    /// <param name="account">Where the points go.</param>
    public void CommitHold(OpenHold hold, HoldCommit? request, long points, string account)
    {
        var (redeemed, back) = Split(hold.Lots, points);
        var (freed, repaid) = RepayFirst(hold.Unit, back);
        Raise(new HoldCommitted(hold.Id, request, hold.Unit, redeemed, freed, repaid, account, hold.Reward));
    }

    /// <summary>Ends an open hold; its points come back. What of them is past its day lapses with the next <see cref="BringUpToDate"/>.</summary>
    /// <param name="hold">Open.</param>
    /// <param name="end">How.</param>
    /// <param name="at">When.</param>
    /// <param name="request">What asked for it, or null.</param>
    /// <param name="refusal">Why, when it was refused.</param>
    public void ReleaseHold(OpenHold hold, HoldEnd end, Instant at, HoldCancel? request = null, Refusal? refusal = null)
    {
        var (freed, repaid) = RepayFirst(hold.Unit, hold.Lots);
        Raise(new HoldReleased(hold.Id, request, hold.Unit, freed, repaid, end, at, refusal, hold.Reward));
    }

    /// <summary>Ends the holds whose time is over.</summary>
    private void EndOverdueHolds()
    {
        while (_state.Holds is { Open.Count: > 0 } holds && FirstToEnd(holds) is { } hold && hold.ExpiresAt <= _context.Now)
        {
            ReleaseHold(hold, HoldEnd.TimedOut, hold.ExpiresAt!.Value);
        }
    }

    /// <summary>Ends every hold because the member is closed; or says why that is not possible now.</summary>
    private Refusal? EndAllHolds()
    {
        foreach (var hold in _state.Holds?.Open ?? [])
        {
            if (hold.WaitsForAnother)
            {
                return new("holds-open", "", $"hold {hold.Id} of member {_state.Id} waits for {(hold.Reward is { } reward ? $"reward {reward.Reward}" : "a partner")}; close the member a little later");
            }
        }

        while (_state.Holds is { Open: [var first, ..] })
        {
            ReleaseHold(first, HoldEnd.Closed, _context.Now);
        }

        return null;
    }

    /// <summary>The hold whose time is over first, or null: none has a time.</summary>
    private static OpenHold? FirstToEnd(HoldBook holds)
    {
        OpenHold? first = null;
        foreach (var hold in holds.Open)
        {
            first = hold.ExpiresAt is { } at && (first is null || at < first.ExpiresAt) ? hold : first;
        }

        return first;
    }

    private Refusal? Open(Spending spending, HoldPurpose purpose, RewardDefinition? reward, Instant? expiresAt)
    {
        var unit = reward?.Unit ?? spending.Unit!;
        var points = reward is null ? spending.Points : checked(reward.Points * spending.Quantity);
        HeldReward? held = null;
        var refusal = CheckStatus() ?? (reward is null ? CheckRules(unit, points) : CheckReward(reward, spending.Quantity, out held)) ?? CheckRoom();
        if (refusal is not null)
        {
            return refusal;
        }

        if (Spendable(unit, points, out refusal) is { } lots)
        {
            Raise(new HoldOpened(spending.Id, purpose, spending, unit, lots, expiresAt, held));
        }

        return refusal;
    }

    private Refusal? CheckRoom() => _state.Holds is { Open.Count: >= HoldBook.MaxOpen }
        ? new("too-many-holds", "", $"{HoldBook.MaxOpen} holds of member {_state.Id} are open already; commit or cancel some")
        : null;

    private Refusal? CheckRules(string unit, long points)
    {
        if (_context.Program.FindUnit(unit) is null)
        {
            return new("unknown-unit", "unit", $"is '{unit}'; the program has {string.Join(", ", _context.Program.Units.Select(u => u.Id))}");
        }

        var rule = _context.Program.Redemption.Of(unit);
        return points < rule.Minimum ? new("below-minimum", "points", $"is {points}; at least {rule.Minimum} {unit} are spent at once")
            : points > rule.Maximum ? new("above-maximum", "points", $"is {points}; at most {rule.Maximum} {unit} are spent at once")
            : points % rule.Step != 0 ? new("wrong-step", "points", $"is {points}; a multiple of {rule.Step} {unit} is needed")
            : null;
    }

    private Refusal? CheckReward(RewardDefinition reward, int quantity, out HeldReward? held)
    {
        held = new(reward.Id, quantity, checked(reward.Money * quantity), null, null);
        if (_context.Program.FindUnit(reward.Unit) is null)
        {
            return new("unknown-unit", "reward", $"{reward.Id} costs {reward.Unit}; the program has no such unit");
        }

        var level = Tiers?.IndexOf(_state.Tier.Level) > 0 ? _state.Tier.Level! : RewardDefinition.NoTier;
        if (reward.Tiers.Count > 0 && !reward.Tiers.Contains(level))
        {
            return new("wrong-tier", "reward", $"{reward.Id} is for {string.Join(", ", reward.Tiers)}; member {_state.Id} has {level}");
        }

        if (reward.Limit is not { } limit)
        {
            return null;
        }

        var (from, through) = limit.Around(_context.Today);
        held = held with { CountedFrom = from, CountedThrough = through };
        var had = _state.Holds?.CountOf(reward.Id, from) ?? 0;
        return had + quantity > limit.Quantity
            ? new("reward-limit", "quantity", $"is {quantity}; member {_state.Id} has {had} of {reward.Id}, and {limit.Quantity} are possible")
            : _state.Holds?.CanCount(reward.Id, from, _context.Today) == false
                ? new("too-many-rewards", "reward", $"{HoldBook.MaxCounts} rewards with a limit are counted for member {_state.Id} already")
                : null;
    }

    private Refusal? CheckHold(OpenHold? hold, string id, RecalledSpending recalled)
    {
        if (hold is not null)
        {
            return hold.Purpose == HoldPurpose.Hold ? null : new("no-hold", "hold", $"{id} is no hold to be committed or cancelled");
        }

        // It may have ended in this very turn, which the recalled record does not know.
        var last = recalled.Last;
        foreach (var fact in _raised)
        {
            last = fact is HoldReleased released && released.Hold == id ? fact : last;
        }

        return last switch
        {
            HoldCommitted or RedemptionReversed => new("hold-committed", "hold", $"{id} is committed already"),
            HoldReleased { End: HoldEnd.Cancelled } => new("hold-cancelled", "hold", $"{id} is cancelled already"),
            HoldReleased { End: HoldEnd.TimedOut } e => new("hold-timed-out", "hold", $"the time of {id} was over at {e.At}; the engine's clock says {_context.Now}"),
            HoldReleased { End: HoldEnd.Closed } => new("hold-closed", "hold", $"{id} ended when member {_state.Id} was closed"),
            HoldReleased e => new("hold-refused", "hold", $"{id} was refused: {e.Refusal?.Detail}"),
            _ => new("no-hold", "hold", $"{id} is no hold, or was refused"),
        };
    }

    /// <summary>The lots that so many points are taken from today, or null and a refusal.</summary>
    private Lot[]? Spendable(string unit, long points, out Refusal? refusal)
    {
        var lots = new List<Lot>();
        var book = _state.FindBook(unit);
        long available = 0;
        foreach (var lot in book is null ? default : book.Lots)
        {
            if (lot.Id.AvailableOn > _context.Today)
            {
                continue;
            }

            if (available < points)
            {
                lots.Add(new(lot.Id, Math.Min(lot.Points, points - available)));
            }

            available += lot.Points;
        }

        available -= book?.Debt ?? 0;
        if (available >= points)
        {
            refusal = null;
            return [.. lots];
        }

        refusal = new("not-enough-points", "points", $"is {points}; {Math.Max(0, available)} {unit} are available");
        return null;
    }

    /// <summary>The first so many points of lots, and the rest.</summary>
    internal static (Lot[] First, Lot[] Left) Split(Lot[] lots, long points)
    {
        var whole = 0;
        while (whole < lots.Length && lots[whole].Points <= points)
        {
            points -= lots[whole++].Points;
        }

        if (points == 0)
        {
            return (lots[..whole], lots[whole..]);
        }

        var (first, rest) = (lots[..(whole + 1)], lots[whole..]);
        first[whole] = new(lots[whole].Id, points);
        rest[0] = new(lots[whole].Id, lots[whole].Points - points);
        return (first, rest);
    }

    /// <summary>Points that come back repay debt before they are in lots again.</summary>
    private (Lot[] Freed, long Repaid) RepayFirst(string unit, Lot[] back)
    {
        var repaid = Math.Min(_state.FindBook(unit)?.Debt ?? 0, Lot.Sum(back));
        return (repaid == 0 ? back : Split(back, repaid).Left, repaid);
    }
}
