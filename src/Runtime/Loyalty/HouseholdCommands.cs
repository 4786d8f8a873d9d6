using Loyalty.Domain.Households;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Asks a household for something, on behalf of a member. Recorded by the member; what the household says <see cref="GetHouseholdAsk"/> tells.</summary>
public sealed class AskHousehold(HouseholdRequest ask) : RequestCommand(ActorIds.Member(ask.Member), ask)
{
    /// <summary>The request.</summary>
    public HouseholdRequest Ask { get; } = ask;
}

/// <summary>Asks for a request to a household. Reply: <see cref="HouseholdAskView"/>, or null when the member made none of that id.</summary>
/// <param name="member">Who made it.</param>
/// <param name="ask">Its id.</param>
public sealed class GetHouseholdAsk(string member, string ask) : Command(ActorIds.Member(member))
{
    /// <summary>Its id.</summary>
    public string Ask { get; } = ask;

    /// <inheritdoc />
    public override string? RecallId => Ask;
}

/// <summary>Asks for a household. Reply: <see cref="HouseholdView"/>; without members: there is none.</summary>
public sealed class GetHousehold(string household) : Command(ActorIds.Household(household));

/// <summary>A request to a household as it stands.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="IsPending">The household has not answered yet.</param>
/// <param name="Refusal">Why not; null: done, or pending.</param>
/// <param name="Back">Points that came to the member.</param>
/// <param name="Answer">Balances and tier of the member when the household had answered; null before.</param>
public sealed record HouseholdAskView(HouseholdRequest Request, bool IsPending, Refusal? Refusal, PointsBack[] Back, RequestAnswered? Answer);

/// <summary>A household as it stands.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Members">In the order in which they joined.</param>
/// <param name="Pool">Points of the pool, by unit: those that can be taken out, and those that are pending.</param>
public sealed record HouseholdView(string Id, HouseholdMember[] Members, Balance[] Pool);

/// <summary>How a request to a household ended.</summary>
/// <param name="Command">The request.</param>
/// <param name="View">What it has come to; null when it was not recorded.</param>
public sealed record HouseholdEnd(AskHousehold Command, HouseholdAskView? View);
