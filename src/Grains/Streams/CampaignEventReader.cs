using Facts = Loyalty.Domain.Members;

namespace Loyalty.Grains.Streams;

/// <summary>What consumers are told of campaigns and activities, beside points earned and returned.</summary>
internal static class CampaignEventReader
{
    /// <summary>The events of a fact; null: it is about something else. A purchase and a return bring those of their campaigns alone.</summary>
    public static IEnumerable<MemberStreamEvent>? EventsOf(Facts.MemberEvent fact) => fact switch
    {
        Facts.PurchaseRecorded e => Tell(e.Purchase.Id, e.Campaigns),
        Facts.ReturnRecorded e => Tell(e.Return.Id, e.Campaigns),
        Facts.ActivityRecorded e => [Tell(e), .. Tell(e.Activity.Id, e.Campaigns)],

        // Segments and birthdays are a person's; whoever set them knows them.
        Facts.AttributesSet => [],
        _ => null,
    };

    /// <summary>The request that a fact records, or null.</summary>
    public static string? RequestOf(Facts.MemberEvent fact) => fact is Facts.ActivityRecorded { Activity: { Type: not Domain.Requests.Activity.SignUp } activity } ? activity.Id : null;

    private static ActivityDone Tell(Facts.ActivityRecorded e) => new()
    {
        Activity = e.Activity.Id,
        Type = e.Activity.Type,
        DoneAt = e.Activity.At.ToDateTimeOffset(),
        Score = e.Activity.Score,
        Awards = [.. e.Awards.Select(award => new ActivityAward(award.Rule, award.Unit, award.Points, MemberEventReader.Dates(award.Lot)))],
    };

    private static IEnumerable<MemberStreamEvent> Tell(string request, Facts.CampaignFacts? facts)
    {
        if (facts is null)
        {
            yield break;
        }

        if (facts.Stamps.Length > 0)
        {
            yield return new StampsMoved { Request = request, Changes = MemberEventReader.Changes(facts.Stamps) };
        }

        foreach (var (rule, unit, cause, points) in facts.Donations)
        {
            yield return new PointsDonated { Request = request, Rule = rule, Unit = unit, Cause = cause, Points = points };
        }
    }
}
