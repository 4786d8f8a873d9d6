using Loyalty.Domain.Members;

namespace Loyalty.Domain.Ledger;

/// <summary>The postings of member facts. docs/RULES.md, "Books".</summary>
public static partial class MemberLedger
{
    /// <summary>Posts a fact.</summary>
    public static void Post(MemberEvent fact, ILedgerSink ledger)
    {
        switch (fact)
        {
            case PurchaseRecorded purchase:
                foreach (ref readonly var award in purchase.Awards.AsSpan())
                {
                    ledger.Post(award.Unit, Accounts.Issued, Accounts.Member, award.Points);
                }

                PostCampaigns(purchase.Campaigns, ledger);
                PostTender(purchase, ledger);
                ledger.Count(Counters.MemberPurchases, 1);
                ledger.Count(Counters.MemberAmount, purchase.Money);
                break;
            case ReturnRecorded returned:
                foreach (ref readonly var posting in returned.Postings.AsSpan())
                {
                    var from = AccountOf(posting.Place);
                    if (posting.Points <= 0)
                    {
                        ledger.Post(posting.Unit, from, Accounts.Returned, -posting.Points);
                    }
                    else
                    {
                        ledger.Post(posting.Unit, Accounts.Returned, from, posting.Points);
                    }
                }

                PostCampaigns(returned.Campaigns, ledger);

                PostTender(returned, ledger);
                ledger.Count(Counters.MemberReturns, 1);
                ledger.Count(Counters.MemberReturnedAmount, returned.Spend);
                break;
            case ActivityRecorded activity:
                PostActivity(activity, ledger);
                break;
            case PointsLapsed lapsed:
                ledger.Post(lapsed.Unit, Accounts.Member, Accounts.Expired, lapsed.Lots.Sum(lot => lot.Points));
                break;
            case PointsAdjusted adjusted:
                PostMember(adjusted.Postings, Accounts.Adjusted, ledger);
                break;
            case VoucherPointsGiven given:
                ledger.Post(given.Unit, Accounts.Issued, Accounts.Member, given.Points);
                break;
            case MemberImported imported:
                PostMember(imported.Postings, Accounts.Imported, ledger);
                break;
            case StatusChanged status:
                PostMember(status.Postings, Accounts.Forfeited, ledger);
                break;
            case MemberEnrolled enrolled:
                ledger.Count(Counters.Members, enrolled.IsFirst ? 1 : 0);
                break;
            case RequestRefused:
                ledger.Count(Counters.Refusals, 1);
                break;
            case ExchangeEnded { IsDone: true, Exchange: { Direction: not Exchange.ExchangeDirection.Out } exchange }:
                ledger.Post(exchange.Unit, Exchange.PoolLedger.InTransit, Accounts.Member, exchange.Points);
                break;
            default:
                PostSpending(fact, ledger);
                PostTransfer(fact, ledger);
                break;
        }
    }

    /// <summary>The account that points of a return are taken from.</summary>
    public static string AccountOf(PostingPlace place) => place switch
    {
        PostingPlace.Lapsed => Accounts.Expired,
        PostingPlace.WrittenOff => Accounts.WrittenOff,
        _ => Accounts.Member,
    };

    private static void PostMember(Posting[] postings, string other, ILedgerSink ledger)
    {
        foreach (ref readonly var posting in postings.AsSpan())
        {
            if (posting.Points >= 0)
            {
                ledger.Post(posting.Unit, other, Accounts.Member, posting.Points);
            }
            else
            {
                ledger.Post(posting.Unit, Accounts.Member, other, -posting.Points);
            }
        }
    }
}
