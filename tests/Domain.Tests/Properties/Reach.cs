using Loyalty.Domain.Members;
using Loyalty.Domain.Tests.Model;
using Xunit;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>The random lives get to everything that can happen; without this the agreement with the model would say little.</summary>
public class RandomLivesReachEverything
{
    private static readonly string[] Wanted =
    [
        "PurchaseRecorded", "ReturnRecorded", "ReturnRecorded waited", "ReturnRecorded without receipt", "ReturnWaits", "PointsLapsed", "TierChanged Progress", "TierChanged Review",
        "TierChanged Rejudged", "PointsAdjusted", "StatusChanged Blocked", "StatusChanged Closed", "StatusChanged Active", "from Lot", "from Lapsed", "from Debt", "from WrittenOff",
        "tier bonus", "visit gone", "version 2", "debt repaid", "closed with points", "refused wrong-currency", "refused in-the-future", "refused too-early",
        "refused member-blocked", "refused member-closed", "refused foreign-purchase", "refused no-purchase", "refused not-bought", "refused more-than-bought",
        "refused points-spent", "refused not-enough-points", "refused unknown-unit",
    ];

    [Fact]
    public void And_often_enough()
    {
        var seen = new Dictionary<string, int>();
        for (var seed = 0; seed < 400; seed++)
        {
            var run = Run.Of(Scripts.Make(new Random(seed), 60, Plans.Any));
            foreach (var label in run.Real.Facts.SelectMany(Labels))
            {
                seen[label] = seen.GetValueOrDefault(label) + 1;
            }
        }

        Assert.Empty(Wanted.Where(label => seen.GetValueOrDefault(label) < 10).Select(label => $"{label}: {seen.GetValueOrDefault(label)}"));
    }

    private static IEnumerable<string> Labels(MemberEvent fact)
    {
        switch (fact)
        {
            case ReturnRecorded returned:
                yield return "ReturnRecorded" + (returned.Waited ? " waited" : returned.After is null ? " without receipt" : "");
                foreach (var posting in returned.Postings)
                {
                    yield return $"from {posting.Place}";
                }

                if (returned.Visits > 0)
                {
                    yield return "visit gone";
                }

                break;
            case PurchaseRecorded bought:
                yield return "PurchaseRecorded";
                foreach (var award in bought.Awards.Where(award => award.IsTierBonus))
                {
                    yield return "tier bonus";
                }

                if (bought.ProgramVersion > 1)
                {
                    yield return "version 2";
                }

                break;
            case TierChanged tier:
                yield return $"TierChanged {tier.Reason}";
                break;
            case StatusChanged status:
                yield return $"StatusChanged {status.Status}";
                if (status.Postings.Length > 0)
                {
                    yield return "closed with points";
                }

                break;
            case PointsAdjusted adjusted:
                yield return "PointsAdjusted";
                if (adjusted.Postings.Any(posting => posting.Place == PostingPlace.Debt))
                {
                    yield return "debt repaid";
                }

                break;
            case RequestRefused refused:
                yield return $"refused {refused.Refusal.Code}";
                break;
            case RequestAnswered:
                break;
            default:
                yield return fact.GetType().Name;
                break;
        }
    }
}
