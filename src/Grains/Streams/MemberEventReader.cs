using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Loyalty;
using Facts = Loyalty.Domain.Members;

namespace Loyalty.Grains.Streams;

/// <summary>Turns a member's record into what consumers are told of it.</summary>
internal static class MemberEventReader
{
    /// <summary>The events of a member's record, in order; always the same for the same record. Empty: it changed nothing that is told.</summary>
    /// <exception cref="FormatException">A fact has a form that this version of the engine does not know.</exception>
    public static IReadOnlyList<MemberStreamEvent> Of(JournalRecord record)
    {
        var facts = MemberFacts.Of(record);
        var request = RequestOf(facts);
        var events = new List<MemberStreamEvent>();
        foreach (var fact in facts)
        {
            foreach (var told in EventsOf(fact))
            {
                events.Add(told with
                {
                    Member = record.Actor.Key,
                    Position = record.Position,
                    Index = events.Count,
                    RecordedAt = DateTimeOffset.FromUnixTimeMilliseconds(record.RecordedAtMs),
                    RequestId = request,
                });
            }
        }

        return events;
    }

    /// <summary>A turn decides one request; returns that had waited are applied behind the purchase that they waited for.</summary>
    private static string? RequestOf(IReadOnlyList<Facts.MemberEvent> facts)
    {
        foreach (var fact in facts)
        {
            var id = fact switch
            {
                Facts.PurchaseRecorded purchase => purchase.Purchase.Id,
                Facts.ReturnRecorded { Waited: false } returned => returned.Return.Id,
                Facts.ReturnWaits waits => waits.Return.Id,
                Facts.PointsAdjusted adjusted => adjusted.Adjustment.Id,
                Facts.VoucherPointsGiven given => given.Redemption,
                Facts.MemberImported imported => imported.Request.Id,
                Facts.RequestRefused refused => refused.RequestId,
                _ => CampaignEventReader.RequestOf(fact) ?? SpendingEventReader.RequestOf(fact) ?? (fact as Facts.TransferSent)?.Transfer.Id ?? (fact as Facts.HouseholdAsked)?.Request.Id,
            };
            if (id is not null)
            {
                return id;
            }
        }

        return null;
    }

    private static IEnumerable<MemberStreamEvent> EventsOf(Facts.MemberEvent fact) => fact switch
    {
        Facts.PurchaseRecorded it => [.. SpendingEventReader.EventsOf(it)!, .. it.Awards.Select(award => Tell(it, award)), .. CampaignEventReader.EventsOf(it)!],
        Facts.ReturnRecorded it => [Tell(it), .. CampaignEventReader.EventsOf(it)!, .. SpendingEventReader.EventsOf(it)!],
        Facts.PointsLapsed it => [Tell(it)],
        Facts.PointsAdjusted it => [Tell(it)],
        Facts.MemberImported it => [Tell(it)],
        Facts.VoucherPointsGiven it => [Tell(it)],
        Facts.TierChanged it => [Tell(it)],
        Facts.MemberEnrolled it => [Tell(it)],
        Facts.StatusChanged it => [Tell(it)],

        // What was said to the sender of a request, how the member is found, and the engine's own bookkeeping.
        Facts.RequestAnswered or Facts.RequestRefused or Facts.ReturnWaits or Facts.AlternativeIdsReplaced or Facts.TierHistoryFolded => [],
        _ => SpendingEventReader.EventsOf(fact) ?? TransferEventReader.EventsOf(fact) ?? HouseholdEventReader.EventsOf(fact) ?? CampaignEventReader.EventsOf(fact) ?? throw new FormatException($"no event is told of {fact.GetType().Name}"),
    };

    private static PointsEarned Tell(Facts.PurchaseRecorded fact, Facts.Award award) => new()
    {
        Purchase = fact.Purchase.Id,
        Rule = award.Rule,
        Unit = award.Unit,
        Points = award.Points,
        TierBonus = award.IsTierBonus,
        Lot = Dates(award.Lot),
        SoldAt = fact.Purchase.At.ToDateTimeOffset(),
    };

    private static PointsReturned Tell(Facts.ReturnRecorded fact) => new()
    {
        Return = fact.Return.Id,
        Purchase = fact.Return.Purchase,
        Takes = [.. fact.Takes.Select(take => new RuleTake(take.Rule, take.Unit, take.Points))],
        Changes = Changes(fact.Postings),
    };

    private static PointsExpired Tell(Facts.PointsLapsed fact) => new()
    {
        Unit = fact.Unit,
        Points = fact.Lots.Sum(lot => lot.Points),
        Lots = [.. fact.Lots.Select(lot => new LotPoints(Dates(lot.Id), lot.Points))],
        ExpiredAt = fact.At.ToDateTimeOffset(),
    };

    private static PointsAdjusted Tell(Facts.VoucherPointsGiven fact) => new()
    {
        Unit = fact.Unit,
        Points = fact.Points,
        Changes = [new(fact.Unit, "lot", Dates(fact.Lot), fact.Points)],
    };

    private static MemberImported Tell(Facts.MemberImported fact) => new()
    {
        Import = fact.Request.Import,
        Tier = Standing(fact.Tier),
        Changes = Changes(fact.Postings),
    };

    private static PointsAdjusted Tell(Facts.PointsAdjusted fact) => new()
    {
        Unit = fact.Adjustment.Unit,
        Points = fact.Adjustment.Points,
        Changes = Changes(fact.Postings),
    };

    private static TierChanged Tell(Facts.TierChanged fact) => new()
    {
        From = Standing(fact.From),
        To = Standing(fact.To),
        Reason = fact.Reason switch
        {
            Facts.TierChangeReason.Progress => "progress",
            Facts.TierChangeReason.Review => "review",
            Facts.TierChangeReason.Rejudged => "rejudged",
            _ => throw new FormatException($"the reason {fact.Reason} of a tier change is not known"),
        },
    };

    private static MemberEnrolled Tell(Facts.MemberEnrolled fact) => new()
    {
        EnrolledAt = fact.At.ToDateTimeOffset(),
        Automatic = fact.Automatic,
        Confirmed = !fact.IsFirst,
    };

    private static StatusChanged Tell(Facts.StatusChanged fact) => new()
    {
        Status = fact.Status switch
        {
            Facts.MemberStatus.Active => "active",
            Facts.MemberStatus.Blocked => "blocked",
            Facts.MemberStatus.Closed => "closed",
            _ => throw new FormatException($"the status {fact.Status} is not known"),
        },
        Forfeited = Changes(fact.Postings),
    };

    internal static PointsChange[] Changes(Facts.Posting[] postings) => [.. postings.Select(posting => new PointsChange(
        posting.Unit,
        posting.Place switch
        {
            Facts.PostingPlace.Lot => "lot",
            Facts.PostingPlace.Lapsed => "lapsed",
            Facts.PostingPlace.Debt => "debt",
            Facts.PostingPlace.WrittenOff => "writtenOff",
            _ => throw new FormatException($"the place {posting.Place} of a posting is not known"),
        },
        posting.Place is Facts.PostingPlace.Lot or Facts.PostingPlace.Lapsed ? Dates(posting.Lot) : null,
        posting.Points))];

    internal static LotDates Dates(Facts.LotId lot) => new(lot.EarnedOn.ToDateOnly(), lot.AvailableOn.ToDateOnly(), lot.LastDay?.ToDateOnly());

    private static TierStanding Standing(Facts.HeldTier tier) =>
        tier.Level is null ? default : new(tier.Level, tier.Since.ToDateOnly(), tier.Through?.ToDateOnly());
}
