using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Postings of holds, redemptions and tender.</summary>
internal sealed partial class StatementBuilder
{
    /// <summary>Lots of one fact that are listed one by one, the ones that lapse first; the others are one posting without a lot. A statement's page stays small whatever a member had.</summary>
    private const int ListedLots = 100;

    private void AddSpending(MemberEvent fact, long version, Instant recordedAt)
    {
        // Newest first, so within a fact what happened last comes first.
        switch (fact)
        {
            case HoldOpened e:
                AddLots("hold", e.Hold, e.Unit, e.Lots, -1, Accounts.Member, Accounts.Held);
                break;
            case HoldCommitted e:
                Add(e.Freed, e.Repaid, "commit", e.Request?.Id ?? e.Hold, e.Unit, Accounts.Held);
                AddLots("commit", e.Request?.Id ?? e.Hold, e.Unit, e.Redeemed, -1, Accounts.Held, e.Account);
                break;
            case HoldReleased e:
                Add(e.Freed, e.Repaid, KindOf(e.End), e.Request?.Id ?? e.Hold, e.Unit, Accounts.Held, e.At);
                break;
            case PointsRedeemed e:
                AddLots("redemption", e.Request.Id, e.Unit, e.Lots, -1, Accounts.Member, Accounts.Redeemed);
                break;
            case RedemptionReversed e:
                Add(e.Freed, e.Repaid, "reversal", e.Request.Id, e.After.Unit, Accounts.Redeemed);
                break;
            case PurchaseRecorded { Tender: { } tender } e:
                AddLots("tender", e.Purchase.Id, tender.Tender.Unit, tender.Lots, -1, Accounts.Member, Accounts.Redeemed, e.Purchase.At);
                break;
            case ReturnRecorded { Tender: { } returned } e:
                Add(returned.Freed, returned.Repaid, "tender", e.Return.Id, returned.Unit, Accounts.Redeemed, e.Return.At);
                break;
        }

        void Add(Lot[] freed, long repaid, string kind, string request, string unit, string from, Instant? at = null)
        {
            AddLots(kind, request, unit, freed, 1, from, Accounts.Member, at);
            if (repaid > 0)
            {
                this.Add(version, at ?? recordedAt, recordedAt, kind, request, null, unit, repaid, from, Accounts.Member, null);
            }
        }

        void AddLots(string kind, string request, string unit, Lot[] lots, int sign, string from, string to, Instant? at = null)
        {
            if (lots.Length > ListedLots)
            {
                this.Add(version, at ?? recordedAt, recordedAt, kind, request, null, unit, sign * Lot.Sum(lots.AsSpan(ListedLots)), from, to, null);
            }

            for (var i = Math.Min(lots.Length, ListedLots) - 1; i >= 0; i--)
            {
                this.Add(version, at ?? recordedAt, recordedAt, kind, request, null, unit, sign * lots[i].Points, from, to, lots[i].Id);
            }
        }
    }

    private static string KindOf(HoldEnd end) => end switch
    {
        HoldEnd.Cancelled => "cancel",
        HoldEnd.TimedOut => "time-out",
        HoldEnd.Closed => "closing",
        _ => "refused",
    };
}
