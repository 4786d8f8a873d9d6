using Loyalty.Domain.Requests;
using Facts = Loyalty.Domain.Members;

namespace Loyalty.Grains.Streams;

/// <summary>What consumers are told of households.</summary>
internal static class HouseholdEventReader
{
    /// <summary>The events of a fact; null: it is about something else.</summary>
    public static IEnumerable<MemberStreamEvent>? EventsOf(Facts.MemberEvent fact) => fact switch
    {
        Facts.HouseholdAsked { Lots.Length: > 0 } e => [Tell(e.Request.Id, e.Request.Household, e.Request.Unit!, e.Lots, -Facts.Lot.Sum(e.Lots))],
        Facts.HouseholdAsked => [],
        Facts.EarningsShared e => [Tell(e.Purchase, e.Household, e.Unit, e.Lots, -Facts.Lot.Sum(e.Lots))],
        Facts.HouseholdAnswered e => Tell(e),
        _ => null,
    };

    private static IEnumerable<MemberStreamEvent> Tell(Facts.HouseholdAnswered e)
    {
        foreach (var back in e.Back)
        {
            yield return Tell(e.Request.Id, e.Request.Household, back.Unit, back.Lots, back.Points);
        }

        if (e is { Refusal: null, Request.Ask: HouseholdAsk.Join or HouseholdAsk.Leave })
        {
            yield return new HouseholdChanged
            {
                Request = e.Request.Id,
                Household = e.Request.Household,
                Role = e.Request.Ask == HouseholdAsk.Leave ? null : e.Request.Role.ToString().ToLowerInvariant(),
                Share = e.Request.Share,
            };
        }
    }

    private static HouseholdPoints Tell(string request, string household, string unit, Facts.Lot[] lots, long points) =>
        new() { Request = request, Household = household, Unit = unit, Points = points, Lots = TransferEventReader.LotsOf(lots) };
}
