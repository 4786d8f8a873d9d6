using NodaTime;

namespace Loyalty.Domain.Tests.Model;

/// <summary>Points set aside: docs/SPENDING.md, without rewards and tender.</summary>
internal sealed partial class ModelMember
{
    private readonly List<ModelHold> _holds = [];
    private readonly Dictionary<string, string> _endedHolds = [];
    private readonly Dictionary<string, ModelHold> _redeemed = [];

    /// <summary>Points of the unit in open holds.</summary>
    public long Held(string unit) => _holds.Where(hold => hold.Unit == unit).Sum(hold => hold.Points);

    /// <summary>Opens a hold.</summary>
    public ModelOutcome OpenHold(Instant now, string id, string unit, long points, int seconds)
    {
        BringUpToDate(now);
        List<string> codes = [.. WhyNotSpend(now, unit, points)];
        if (_holds.Count >= 64)
        {
            codes.Add("too-many-holds");
        }

        if (seconds is < 1 or > 86_400)
        {
            codes.Add("hold-too-long");
        }

        if (codes.Count > 0)
        {
            return ModelOutcome.Refused(codes);
        }

        _holds.Add(new(id, unit, now + Duration.FromSeconds(seconds), Spend(now, unit, points, "held")));
        return ModelOutcome.Done();
    }

    /// <summary>Redeems a hold, or part of it.</summary>
    public ModelOutcome CommitHold(Instant now, string id, long? points)
    {
        BringUpToDate(now);
        if (_holds.Find(hold => hold.Id == id) is not { } hold)
        {
            return ModelOutcome.Refused([.. WhyNoHold(id), .. WhyNotStatus()]);
        }

        List<string> codes = [.. WhyNotStatus()];
        if (points > hold.Points)
        {
            codes.Add("more-than-held");
        }

        if (codes.Count > 0)
        {
            return ModelOutcome.Refused(codes);
        }

        var (redeemed, rest) = Split(hold.Lots, points ?? hold.Points);
        End(hold, "hold-committed");
        _redeemed[id] = hold with { Lots = redeemed };
        Book(hold.Unit).Move("held", "redeemed", redeemed.Sum(lot => lot.Points));
        Free(hold.Unit, rest, "held");
        BringUpToDate(now);
        return ModelOutcome.Done();
    }

    /// <summary>Gives a hold up.</summary>
    public ModelOutcome CancelHold(Instant now, string id)
    {
        BringUpToDate(now);
        if (_holds.Find(hold => hold.Id == id) is not { } hold)
        {
            return ModelOutcome.Refused(WhyNoHold(id));
        }

        End(hold, "hold-cancelled");
        Free(hold.Unit, hold.Lots, "held");
        BringUpToDate(now);
        return ModelOutcome.Done();
    }

    /// <summary>Spends in one step.</summary>
    public ModelOutcome Redeem(Instant now, string id, string unit, long points)
    {
        BringUpToDate(now);
        var codes = WhyNotSpend(now, unit, points).ToList();
        if (codes.Count > 0)
        {
            return ModelOutcome.Refused(codes);
        }

        _redeemed[id] = new(id, unit, now, Spend(now, unit, points, "redeemed"));
        return ModelOutcome.Done();
    }

    /// <summary>Gives redeemed points back.</summary>
    public ModelOutcome Reverse(Instant now, string id, long? points)
    {
        BringUpToDate(now);
        if (IsClosed)
        {
            return ModelOutcome.Refused("member-closed");
        }

        if (!_redeemed.TryGetValue(id, out var redemption))
        {
            return ModelOutcome.Refused("not-redeemed");
        }

        var wanted = points ?? redemption.Points;
        if (wanted > redemption.Points || redemption.Points == 0)
        {
            return ModelOutcome.Refused("more-than-redeemed");
        }

        var (kept, back) = Split(redemption.Lots, redemption.Points - wanted);
        _redeemed[id] = redemption with { Lots = kept };
        Free(redemption.Unit, back, "redeemed");
        BringUpToDate(now);
        return ModelOutcome.Done();
    }

    private void EndOverdueHolds(Instant now)
    {
        while (!IsClosed && _holds.Where(hold => hold.Until <= now).OrderBy(hold => hold.Until).FirstOrDefault() is { } hold)
        {
            End(hold, "hold-timed-out");
            Free(hold.Unit, hold.Lots, "held");
        }
    }

    private void EndAllHolds()
    {
        foreach (var hold in _holds.ToList())
        {
            End(hold, "hold-closed");
            Free(hold.Unit, hold.Lots, "held");
        }
    }

    private void End(ModelHold hold, string how)
    {
        _holds.Remove(hold);
        _endedHolds[hold.Id] = how;
    }

    /// <summary>The engine cannot tell a redemption in one step that was given back in part from a hold that was.</summary>
    private IEnumerable<string> WhyNoHold(string id) => _endedHolds.TryGetValue(id, out var end) ? [end] : _redeemed.ContainsKey(id) ? ["no-hold", "hold-committed"] : ["no-hold"];

    private IEnumerable<string> WhyNotStatus() => IsClosed ? ["member-closed"] : IsBlocked ? ["member-blocked"] : [];

    private IEnumerable<string> WhyNotSpend(Instant now, string unit, long points)
    {
        foreach (var code in WhyNotStatus())
        {
            yield return code;
        }

        if (plan.At(now).Units.All(known => known.Id != unit))
        {
            yield return "unknown-unit";
        }
        else if (Balance(unit, now).Available < points)
        {
            yield return "not-enough-points";
        }
    }

    /// <summary>Takes usable points in the order of spending.</summary>
    private List<(ModelLotKey Lot, long Points)> Spend(Instant now, string unit, long points, string account)
    {
        var (book, taken, rest) = (Book(unit), new List<(ModelLotKey, long)>(), points);
        foreach (var lot in book.InOrder().Where(lot => lot.Available <= Day(now)))
        {
            var part = book.TakeFrom(lot, rest);
            if (part > 0)
            {
                taken.Add((lot, part));
            }

            rest -= part;
        }

        book.Move("member", account, points);
        return taken;
    }

    /// <summary>Points come back: debt first, then their lots.</summary>
    private void Free(string unit, IReadOnlyList<(ModelLotKey Lot, long Points)> lots, string account)
    {
        foreach (var (lot, points) in lots)
        {
            Put(unit, lot, points);
            Book(unit).Move(account, "member", points);
        }
    }

    private static (List<(ModelLotKey Lot, long Points)> First, List<(ModelLotKey Lot, long Points)> Others) Split(List<(ModelLotKey Lot, long Points)> lots, long points)
    {
        var (first, rest) = (new List<(ModelLotKey, long)>(), new List<(ModelLotKey, long)>());
        foreach (var (lot, there) in lots)
        {
            var part = Math.Min(there, points);
            points -= part;
            if (part > 0)
            {
                first.Add((lot, part));
            }

            if (there > part)
            {
                rest.Add((lot, there - part));
            }
        }

        return (first, rest);
    }

    private sealed record ModelHold(string Id, string Unit, Instant Until, List<(ModelLotKey Lot, long Points)> Lots)
    {
        public long Points => Lots.Sum(lot => lot.Points);
    }
}
