using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>Points were set aside. docs/SPENDING.md, "Holds".</summary>
/// <param name="Hold">Its id: that of the request which asked for it.</param>
/// <param name="Purpose">What for.</param>
/// <param name="Request">As it was sent; null when another kind of request, recorded beside it, needs the hold.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Lots">What was taken, in the order of spending.</param>
/// <param name="ExpiresAt">The first instant at which it is over; null: whoever opened it ends it.</param>
/// <param name="Reward">What it pays for, or null.</param>
public sealed record HoldOpened(string Hold, HoldPurpose Purpose, Spending? Request, string Unit, Lot[] Lots, Instant? ExpiresAt, HeldReward? Reward) : MemberEvent;

/// <summary>The reward of a hold is reserved: the hold can be committed.</summary>
public sealed record HoldGranted(string Hold) : MemberEvent;

/// <summary>A hold was redeemed, or part of it.</summary>
/// <param name="Hold">Which.</param>
/// <param name="Request">As it was sent; null: it was committed by what opened it.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Redeemed">The lots that are gone, in the order of spending.</param>
/// <param name="Freed">The lots that came back.</param>
/// <param name="Repaid">Points that came back and repaid debt.</param>
/// <param name="Account">Where the redeemed points went.</param>
/// <param name="Reward">What they paid for, or null.</param>
public sealed record HoldCommitted(
    string Hold, HoldCommit? Request, string Unit, Lot[] Redeemed, Lot[] Freed, long Repaid, string Account, HeldReward? Reward) : MemberEvent;

/// <summary>A hold ended without a redemption.</summary>
/// <param name="Hold">Which.</param>
/// <param name="Request">As it was sent; null: nobody asked for it.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Freed">The lots that came back.</param>
/// <param name="Repaid">Points that came back and repaid debt.</param>
/// <param name="End">How.</param>
/// <param name="At">When: of a time-out the moment in which its time was over; the engine can notice later.</param>
/// <param name="Refusal">Why, when it was <see cref="HoldEnd.Refused"/>.</param>
/// <param name="Reward">What it was to pay for, or null.</param>
public sealed record HoldReleased(
    string Hold, HoldCancel? Request, string Unit, Lot[] Freed, long Repaid, HoldEnd End, Instant At, Refusal? Refusal, HeldReward? Reward) : MemberEvent;

/// <summary>Points were spent in one step.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Lots">What was taken, in the order of spending.</param>
public sealed record PointsRedeemed(Redemption Request, string Unit, Lot[] Lots) : MemberEvent;

/// <summary>Redeemed points came back.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="After">What is left of the redemption.</param>
/// <param name="Freed">The lots that came back.</param>
/// <param name="Repaid">Points that came back and repaid debt.</param>
public sealed record RedemptionReversed(Reversal Request, RedemptionState After, Lot[] Freed, long Repaid) : MemberEvent;

/// <summary>What a hold is for.</summary>
public enum HoldPurpose : byte
{
    /// <summary>To be committed or cancelled by who asked for it.</summary>
    Hold,

    /// <summary>A redemption of a reward in one step: commits itself when the reward is granted.</summary>
    Redemption,

    /// <summary>An exchange with a partner, which ends it.</summary>
    Exchange,
}

/// <summary>How a hold ended.</summary>
public enum HoldEnd : byte
{
    /// <summary>It did not yet.</summary>
    None,

    /// <summary>Redeemed, all or part.</summary>
    Committed,

    /// <summary>Given up.</summary>
    Cancelled,

    /// <summary>Its time was over.</summary>
    TimedOut,

    /// <summary>What it was for was not to be had.</summary>
    Refused,

    /// <summary>The member was closed.</summary>
    Closed,
}

/// <summary>A reward that points pay for.</summary>
/// <param name="Reward">Id of the reward.</param>
/// <param name="Quantity">How many.</param>
/// <param name="Money">What is to be paid beside, for all of them, minor units.</param>
/// <param name="CountedFrom">First day of the period in which it counts for the member's limit; null: the reward has no limit.</param>
/// <param name="CountedThrough">Last day of that period; null: it has no end, or there is no limit.</param>
public sealed record HeldReward(string Reward, int Quantity, long Money, LocalDate? CountedFrom, LocalDate? CountedThrough);

/// <summary>What is left of a redemption after its reversals so far.</summary>
/// <param name="Id">Of the redemption in one step, or of the hold.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Lots">What is redeemed still, in the order of spending.</param>
/// <param name="Reward">What it paid for, or null.</param>
public sealed record RedemptionState(string Id, string Unit, Lot[] Lots, HeldReward? Reward);

/// <summary>A hold that has not ended.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Purpose">What for.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Lots">The lots it keeps, in the order of spending.</param>
/// <param name="ExpiresAt">The first instant at which it is over; null: whoever opened it ends it.</param>
/// <param name="Reward">What it pays for, or null.</param>
/// <param name="IsGranted">False: it waits for its reward.</param>
public sealed record OpenHold(string Id, HoldPurpose Purpose, string Unit, Lot[] Lots, Instant? ExpiresAt, HeldReward? Reward, bool IsGranted)
{
    /// <summary>What it holds.</summary>
    public long Points { get; } = Lot.Sum(Lots);

    /// <summary>Another actor has to decide before it can end: a reward's stock, a partner's pool.</summary>
    public bool WaitsForAnother => !IsGranted || Purpose == HoldPurpose.Exchange;
}

/// <summary>How many of a reward a member has in a period, holds included.</summary>
/// <param name="Reward">Id of the reward.</param>
/// <param name="From">First day of the period.</param>
/// <param name="Through">Its last day; null: none.</param>
/// <param name="Quantity">How many; above 0.</param>
public readonly record struct RewardCount(string Reward, LocalDate From, LocalDate? Through, long Quantity);

/// <summary>Open holds of a member and what it has of rewards with a limit. Most members have none of both.</summary>
public sealed class HoldBook
{
    /// <summary>Holds that may be open.</summary>
    public const int MaxOpen = 64;

    /// <summary>Counts of limited rewards that are kept.</summary>
    public const int MaxCounts = 256;

    private readonly List<OpenHold> _open = [];
    private readonly List<RewardCount> _counts = [];

    /// <summary>In the order in which they were opened.</summary>
    public IReadOnlyList<OpenHold> Open => _open;

    /// <summary>In the order in which they began.</summary>
    public IReadOnlyList<RewardCount> Counts => _counts;

    /// <summary>Nothing is kept here.</summary>
    public bool IsEmpty => _open.Count == 0 && _counts.Count == 0;

    /// <summary>The open hold of that id, or null.</summary>
    public OpenHold? Find(string id)
    {
        foreach (var hold in _open)
        {
            if (string.Equals(hold.Id, id, StringComparison.Ordinal))
            {
                return hold;
            }
        }

        return null;
    }

    /// <summary>Points of a unit in open holds.</summary>
    public long Held(string unit)
    {
        long held = 0;
        foreach (var hold in _open)
        {
            held += string.Equals(hold.Unit, unit, StringComparison.Ordinal) ? hold.Points : 0;
        }

        return held;
    }

    /// <summary>How many of a reward the member has in the period that begins on that day.</summary>
    public long CountOf(string reward, LocalDate from) => _counts.Find(count => count.From == from && count.Reward == reward).Quantity;

    /// <summary>Whether one count more can be kept on that day.</summary>
    public bool CanCount(string reward, LocalDate from, LocalDate today) =>
        _counts.Count < MaxCounts || CountOf(reward, from) > 0 || _counts.Exists(count => count.Through < today);

    internal void Add(OpenHold hold) => _open.Add(hold);

    internal OpenHold Remove(string id)
    {
        var hold = Find(id) ?? throw new InvalidOperationException($"hold {id} is not open");
        _open.Remove(hold);
        return hold;
    }

    internal void Grant(string id)
    {
        var index = _open.FindIndex(hold => hold.Id == id);
        _open[index >= 0 ? index : throw new InvalidOperationException($"hold {id} is not open")] = _open[index] with { IsGranted = true };
    }

    internal void Restore(RewardCount count) => _counts.Add(count);

    /// <summary>Counts more (or less) of a reward; when there is no room the period that ended first is forgotten.</summary>
    internal void Count(HeldReward? reward, int sign)
    {
        if (reward?.CountedFrom is not { } from)
        {
            return;
        }

        var index = _counts.FindIndex(count => count.From == from && count.Reward == reward.Reward);
        var quantity = (index >= 0 ? _counts[index].Quantity : 0) + (sign * (long)reward.Quantity);
        if (index >= 0)
        {
            _counts.RemoveAt(index);
        }

        if (quantity <= 0)
        {
            return;
        }

        if (_counts.Count >= MaxCounts)
        {
            var ended = 0;
            for (var i = 1; i < _counts.Count; i++)
            {
                ended = (_counts[i].Through ?? LocalDate.MaxIsoValue) < (_counts[ended].Through ?? LocalDate.MaxIsoValue) ? i : ended;
            }

            _counts.RemoveAt(ended);
        }

        _counts.Add(new(reward.Reward, from, reward.CountedThrough, quantity));
    }
}
