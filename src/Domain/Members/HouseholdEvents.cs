using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>The member asked its household for something, which has not answered yet. docs/HOUSEHOLDS.md.</summary>
/// <param name="Request">What.</param>
/// <param name="Lots">The points that go along; empty unless they are put into the pool.</param>
/// <param name="Debts">What the member owes, by unit; of one that leaves.</param>
public sealed record HouseholdAsked(HouseholdRequest Request, Lot[] Lots, (string Unit, long Points)[] Debts) : MemberEvent;

/// <summary>The household answered.</summary>
/// <param name="Request">What was asked.</param>
/// <param name="Refusal">Why not; null: done.</param>
/// <param name="Back">Points that came: out of the pool, or what the household did not take.</param>
public sealed record HouseholdAnswered(HouseholdRequest Request, Refusal? Refusal, PointsBack[] Back) : MemberEvent;

/// <summary>The share of a purchase's points left for the pool.</summary>
/// <param name="Purchase">Id of the purchase.</param>
/// <param name="Household">Whose pool.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Lots">What left, in the order of spending.</param>
public sealed record EarningsShared(string Purchase, string Household, string Unit, Lot[] Lots) : MemberEvent;

/// <summary>Points that came to a member.</summary>
/// <param name="Unit">Of which unit.</param>
/// <param name="Lots">What is in lots now.</param>
/// <param name="Repaid">What repaid debt.</param>
public readonly record struct PointsBack(string Unit, Lot[] Lots, long Repaid)
{
    /// <summary>All of them.</summary>
    public long Points => Lot.Sum(Lots) + Repaid;
}

/// <summary>A member's place in a household.</summary>
/// <param name="Household">Which.</param>
/// <param name="Role">What it is there.</param>
/// <param name="Share">Percent of its earnings that go to the pool.</param>
public sealed record HouseholdSeat(string Household, HouseholdRole Role, int Share);
