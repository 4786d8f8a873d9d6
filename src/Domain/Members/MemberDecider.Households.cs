using Loyalty.Domain.Households;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>A member in its household. docs/HOUSEHOLDS.md is the specification.</summary>
public readonly ref partial struct MemberDecider
{
    /// <summary>Asks the household, or refuses. It is under way until the household has answered (<see cref="EndHouseholdAsk"/>).</summary>
    public Refusal? Record(HouseholdRequest request)
    {
        BringUpToDate();
        if ((CheckStatus() ?? CheckHouseholdAsk(request)) is { } refusal)
        {
            return refusal;
        }

        Lot[]? lots = [];
        if (request.Ask == HouseholdAsk.Contribute && (lots = Spendable(request.Unit!, request.Points, out refusal)) is null)
        {
            return refusal;
        }

        var debts = new List<(string, long)>();
        for (var book = request.Ask == HouseholdAsk.Leave ? _state.FirstBook : null; book is not null; book = book.Next)
        {
            if (book.Debt > 0)
            {
                debts.Add((book.Unit, book.Debt));
            }
        }

        Raise(new HouseholdAsked(request, lots, [.. debts]));
        return null;
    }

    /// <summary>The household has answered.</summary>
    /// <param name="id">Of the request.</param>
    /// <param name="answer">What it says.</param>
    public void EndHouseholdAsk(string id, HouseholdAnswer answer)
    {
        BringUpToDate();
        HouseholdAsked? asked = null;
        foreach (var ask in _state.HouseholdAsks)
        {
            asked = ask.Request.Id == id ? ask : asked;
        }

        if (asked is null)
        {
            return;
        }

        var back = new List<PointsBack>();
        if (answer.Refusal is not null && asked.Lots.Length > 0)
        {
            back.Add(BackOf(asked.Request.Unit!, asked.Lots));
        }

        foreach (var paid in answer.Paid)
        {
            back.Add(BackOf(paid.Unit, paid.Lots));
        }

        Raise(new HouseholdAnswered(asked.Request, answer.Refusal, [.. back]));
        BringUpToDate();
        Answer();
    }

    /// <summary>Sends the pool its share of what a purchase has just earned; nothing for a member that is in no household, or about to leave it.</summary>
    private void ShareEarnings(string purchase)
    {
        if (_state.Seat is not { Share: > 0 } seat || IsSeatChanging)
        {
            return;
        }

        var recorded = (PurchaseRecorded?)_raised.FindLast(fact => fact is PurchaseRecorded one && one.Purchase.Id == purchase);
        foreach (var unit in recorded?.Awards.Select(award => award.Unit).Distinct().ToArray() ?? [])
        {
            var shared = new SortedDictionary<LotId, long>();
            foreach (var award in recorded!.Awards)
            {
                if (award.Unit == unit)
                {
                    shared[award.Lot] = shared.GetValueOrDefault(award.Lot) + award.Points;
                }
            }

            // What repaid debt is gone, and a return that waited may have taken some of it already.
            var lots = new List<Lot>();
            foreach (var (lot, points) in shared)
            {
                var share = Math.Min((long)((Int128)points * seat.Share / 100), _state.FindBook(unit)?.In(lot) ?? 0);
                if (share > 0)
                {
                    lots.Add(new(lot, share));
                }
            }

            if (lots.Count > 0)
            {
                Raise(new EarningsShared(purchase, seat.Household, unit, [.. lots]));
            }
        }
    }

    /// <summary>A member is closed when it has left its household.</summary>
    private Refusal? CheckHouseholdLeft() => _state.Seat is { } seat || _state.HouseholdAsks.Count > 0
        ? new("in-household", "", $"member {_state.Id} is in household {_state.Seat?.Household ?? _state.HouseholdAsks[0].Request.Household}; have it leave first")
        : null;

    private bool IsSeatChanging
    {
        get
        {
            foreach (var ask in _state.HouseholdAsks)
            {
                if (ask.Request.Ask is HouseholdAsk.Join or HouseholdAsk.Leave)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private PointsBack BackOf(string unit, Lot[] lots)
    {
        var (freed, repaid) = RepayFirst(unit, lots);
        return new(unit, freed, repaid);
    }

    private Refusal? CheckHouseholdAsk(HouseholdRequest request)
    {
        var seat = _state.Seat;
        if (_context.Program.Households is not { } policy)
        {
            return new("households-not-allowed", "", "the program has no households");
        }

        if (request.Ask == HouseholdAsk.Join && seat is not null && seat.Household != request.Household)
        {
            return new("in-household", "household", $"is '{request.Household}'; member {_state.Id} is in {seat.Household} and has to leave it first");
        }

        if (request.Ask != HouseholdAsk.Join && seat?.Household != request.Household)
        {
            return new("not-in-household", "household", $"is '{request.Household}'; member {_state.Id} is {(seat is null ? "in none" : $"in {seat.Household}")}");
        }

        if (request.Ask == HouseholdAsk.Join && request.Share > policy.MaxShare)
        {
            return new("share-too-large", "share", $"is {request.Share}; at most {policy.MaxShare} percent are possible");
        }

        if (request.Unit is { } unit && _context.Program.FindUnit(unit) is null)
        {
            return new("unknown-unit", "unit", $"is '{unit}'; the program has {string.Join(", ", _context.Program.Units.Select(u => u.Id))}");
        }

        return IsSeatChanging ? new("household-busy", "", $"member {_state.Id} is joining or leaving household {request.Household}; ask again a little later with a new id")
            : _state.HouseholdAsks.Count >= MemberState.MaxHouseholdAsks
                ? new("household-busy", "", $"{MemberState.MaxHouseholdAsks} requests of member {_state.Id} wait for the household; ask again a little later with a new id")
                : null;
    }
}
