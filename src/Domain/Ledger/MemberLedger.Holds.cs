using Loyalty.Domain.Members;

namespace Loyalty.Domain.Ledger;

/// <summary>The postings of holds and redemptions. docs/SPENDING.md, "Books".</summary>
public static partial class MemberLedger
{
    private static void PostTender(PurchaseRecorded purchase, ILedgerSink ledger)
    {
        if (purchase.Tender is { } taken)
        {
            ledger.Post(taken.Tender.Unit, Accounts.Member, Accounts.Redeemed, Lot.Sum(taken.Lots));
        }
    }

    private static void PostTender(ReturnRecorded returned, ILedgerSink ledger)
    {
        if (returned.Tender is { } tender)
        {
            ledger.Post(tender.Unit, Accounts.Redeemed, Accounts.Member, tender.Points);
        }
    }

    private static void PostSpending(MemberEvent fact, ILedgerSink ledger)
    {
        switch (fact)
        {
            case HoldOpened e:
                ledger.Post(e.Unit, Accounts.Member, Accounts.Held, Lot.Sum(e.Lots));
                break;
            case HoldCommitted e:
                ledger.Post(e.Unit, Accounts.Held, e.Account, Lot.Sum(e.Redeemed));
                ledger.Post(e.Unit, Accounts.Held, Accounts.Member, Lot.Sum(e.Freed) + e.Repaid);
                break;
            case HoldReleased e:
                ledger.Post(e.Unit, Accounts.Held, Accounts.Member, Lot.Sum(e.Freed) + e.Repaid);
                break;
            case PointsRedeemed e:
                ledger.Post(e.Unit, Accounts.Member, Accounts.Redeemed, Lot.Sum(e.Lots));
                break;
            case RedemptionReversed e:
                ledger.Post(e.After.Unit, Accounts.Redeemed, Accounts.Member, Lot.Sum(e.Freed) + e.Repaid);
                break;
        }
    }
}
