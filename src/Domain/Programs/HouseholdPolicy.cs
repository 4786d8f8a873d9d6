using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;

namespace Loyalty.Domain.Programs;

/// <summary>What households may be. docs/HOUSEHOLDS.md, "Households".</summary>
/// <param name="MaxMembers">Members of one household, 1 to <see cref="Households.HouseholdState.MaxMembers"/>.</param>
/// <param name="MaxShare">Percent of earnings that may go to the pool, 0 to 100.</param>
/// <param name="Spend">The least role that may take points out of the pool.</param>
public sealed record HouseholdPolicy(int MaxMembers, int MaxShare, HouseholdRole Spend)
{
    private static readonly string[] Spenders = ["head", "adults", "all"];

    /// <summary>Reads the section <c>households</c> of a program.</summary>
    internal static HouseholdPolicy Read(JsonFields fields)
    {
        var policy = new HouseholdPolicy(
            (int)fields.Whole("maxMembers", 1, Households.HouseholdState.MaxMembers, 6), (int)fields.Whole("maxShare", 0, 100, 100),
            (HouseholdRole)fields.Choice("spend", Spenders, 1));
        fields.RefuseUnknown();
        return policy;
    }
}
