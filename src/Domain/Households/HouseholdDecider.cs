using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Households;

/// <summary>Points of a unit in lots.</summary>
/// <param name="Unit">Which unit.</param>
/// <param name="Lots">In the order of spending.</param>
public readonly record struct UnitLots(string Unit, Lot[] Lots);

/// <summary>What a household says to a member that asked.</summary>
/// <param name="Refusal">Why not; null: done.</param>
/// <param name="Paid">What the pool pays to the member.</param>
public readonly record struct HouseholdAnswer(Refusal? Refusal, IReadOnlyList<UnitLots> Paid);

/// <summary>Decides what a household does. docs/HOUSEHOLDS.md, "Households", is the specification.</summary>
/// <param name="state">The household.</param>
/// <param name="context">Clock and program.</param>
/// <param name="raised">Takes the facts, in order.</param>
public sealed class HouseholdDecider(HouseholdState state, TurnContext context, List<HouseholdEvent> raised)
{
    /// <summary>Lapses what is due.</summary>
    public void BringUpToDate()
    {
        foreach (var book in state.Pool.ToArray())
        {
            var count = 0;
            while (count < book.Lots.Length && book.Lots[count].Id.LastDay < context.Today)
            {
                count++;
            }

            if (count > 0)
            {
                Raise(new PoolLapsed(book.Unit, book.Lots[..count].ToArray()));
            }
        }
    }

    /// <summary>Decides what a member asks.</summary>
    /// <param name="request">What.</param>
    /// <param name="lots">The points that come with it.</param>
    /// <param name="debts">What the member owes, by unit; of one that leaves.</param>
    public HouseholdAnswer Decide(HouseholdRequest request, Lot[] lots, IReadOnlyList<(string Unit, long Points)> debts)
    {
        BringUpToDate();
        var index = -1;
        for (var i = 0; i < state.Members.Count; i++)
        {
            index = state.Members[i].Member == request.Member ? i : index;
        }

        return request.Ask switch
        {
            HouseholdAsk.Join => new(Join(request, index), []),
            HouseholdAsk.Leave => Leave(request, index, debts),
            _ when index < 0 => new(new("not-in-household", "member", $"is '{request.Member}', who is not in household {request.Household}"), []),
            HouseholdAsk.Contribute => Fill(request.Member, request.Unit!, lots),
            _ => Withdraw(request, state.Members[index].Role),
        };
    }

    /// <summary>Takes the share of what a member earned.</summary>
    public HouseholdAnswer Fill(string member, string unit, Lot[] lots)
    {
        BringUpToDate();
        Raise(new PoolFilled(member, unit, lots));
        BringUpToDate();
        return new(null, []);
    }

    private Refusal? Join(HouseholdRequest request, int index)
    {
        var policy = context.Program.Households;
        if (index < 0 && state.Members.Count >= (policy?.MaxMembers ?? 0))
        {
            return new("household-full", "household", $"is '{request.Household}', which has {state.Members.Count} members; {policy?.MaxMembers ?? 0} are possible");
        }

        if (request.Role != HouseholdRole.Head && IsHeadless(request.Member))
        {
            return new("household-needs-head", "role", $"is {request.Role.ToString().ToLowerInvariant()}; somebody has to be the head of household {request.Household}");
        }

        Raise(new MemberJoined(request.Member, request.Role, request.Share));
        return null;
    }

    private HouseholdAnswer Leave(HouseholdRequest request, int index, IReadOnlyList<(string Unit, long Points)> debts)
    {
        if (index < 0)
        {
            return new(null, []);
        }

        var isLast = state.Members.Count == 1;
        if (!isLast && IsHeadless(request.Member))
        {
            return new(new("household-needs-head", "member", $"is '{request.Member}', the head of household {request.Household}; make somebody else the head first"), []);
        }

        var paid = new List<UnitLots>();
        foreach (var book in state.Pool.ToArray())
        {
            // The last one gets what is left; whoever leaves before has debts paid, as far as it put points in.
            long debt = 0;
            foreach (var (unit, points) in debts)
            {
                debt = unit == book.Unit ? points : debt;
            }

            var points2 = isLast ? book.InLots : Math.Min(Math.Min(debt, state.Contributed(request.Member, book.Unit)), book.InLots);
            if (points2 > 0)
            {
                paid.Add(Pay(request.Member, book.Unit, MemberDecider.Split(book.Lots.ToArray(), points2).First));
            }
        }

        Raise(new MemberLeft(request.Member));
        return new(null, paid);
    }

    private HouseholdAnswer Withdraw(HouseholdRequest request, HouseholdRole role)
    {
        if (context.Program.Households is not { } policy || role > policy.Spend)
        {
            return new(new("may-not-spend", "member", $"is '{request.Member}', who may take no points out of the pool as {role.ToString().ToLowerInvariant()}"), []);
        }

        var lots = new List<Lot>();
        long missing = request.Points;
        foreach (var lot in state.FindPool(request.Unit!) is { } book ? book.Lots : default)
        {
            if (lot.Id.AvailableOn <= context.Today && missing > 0)
            {
                lots.Add(new(lot.Id, Math.Min(lot.Points, missing)));
                missing -= lots[^1].Points;
            }
        }

        return missing > 0
            ? new(new("not-enough-points", "points", $"is {request.Points}; {request.Points - missing} {request.Unit} of the pool are available"), [])
            : new(null, [Pay(request.Member, request.Unit!, [.. lots])]);
    }

    private UnitLots Pay(string member, string unit, Lot[] lots)
    {
        Raise(new PoolPaid(member, unit, lots));
        return new(unit, lots);
    }

    /// <summary>Without the member there is no head.</summary>
    private bool IsHeadless(string without)
    {
        foreach (var member in state.Members)
        {
            if (member.Role == HouseholdRole.Head && member.Member != without)
            {
                return false;
            }
        }

        return true;
    }

    private void Raise(HouseholdEvent fact)
    {
        state.Apply(fact);
        raised.Add(fact);
    }
}
