using Loyalty.Domain.Members;

namespace Loyalty.Domain.Ledger;

/// <summary>The postings of transfers. docs/HOUSEHOLDS.md, "Books".</summary>
public static partial class MemberLedger
{
    private static void PostTransfer(MemberEvent fact, ILedgerSink ledger)
    {
        switch (fact)
        {
            case TransferSent e:
                ledger.Post(e.Transfer.Unit, Accounts.Member, Accounts.InTransit, e.Transfer.Points);
                ledger.Post(e.Transfer.Unit, Accounts.Member, Accounts.Fees, e.Fee);
                break;
            case TransferReceived e:
                ledger.Post(e.Unit, Accounts.InTransit, Accounts.Member, Lot.Sum(e.Lots) + e.Repaid);
                break;
            case TransferEnded { Refusal: not null } e:
                ledger.Post(e.Transfer.Unit, Accounts.InTransit, Accounts.Member, e.Transfer.Points);
                ledger.Post(e.Transfer.Unit, Accounts.Fees, Accounts.Member, e.Fee);
                break;
            case HouseholdAsked { Lots.Length: > 0 } e:
                ledger.Post(e.Request.Unit!, Accounts.Member, Accounts.InTransit, Lot.Sum(e.Lots));
                break;
            case EarningsShared e:
                ledger.Post(e.Unit, Accounts.Member, Accounts.InTransit, Lot.Sum(e.Lots));
                break;
            case HouseholdAnswered e:
                foreach (var back in e.Back)
                {
                    ledger.Post(back.Unit, Accounts.InTransit, Accounts.Member, back.Points);
                }

                break;
        }
    }
}
