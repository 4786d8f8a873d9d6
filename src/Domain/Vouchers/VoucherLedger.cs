using Loyalty.Domain.Ledger;

namespace Loyalty.Domain.Vouchers;

/// <summary>The postings of facts about vouchers. docs/VOUCHERS.md, "Books". Both units sum to zero.</summary>
public static class VoucherLedger
{
    /// <summary>Posts a fact.</summary>
    public static void Post(VoucherEvent fact, ILedgerSink ledger)
    {
        switch (fact)
        {
            case BatchCreated { Request.Terms: { IsBound: false } terms }:
                Move(ledger, VoucherAccounts.Issued, VoucherAccounts.Open, (long)terms.Codes * terms.Uses, checked(terms.Codes * (long)terms.Uses * terms.Nominal));
                break;
            case VoucherIssued e:
                Move(ledger, VoucherAccounts.Issued, VoucherAccounts.Open, e.Uses, e.Nominal);
                break;
            case VoucherHeld e:
                Move(ledger, VoucherAccounts.Open, VoucherAccounts.Held, 1, e.Nominal);
                break;
            case VoucherHoldEnded e:
                Move(ledger, VoucherAccounts.Held, e.Into, 1, e.Nominal);
                break;
            case VoucherRedeemed e:
                Post(e, ledger);
                break;
            case VoucherVoided e:
                Move(ledger, VoucherAccounts.Open, VoucherAccounts.Voided, e.Uses, e.Nominal);
                break;
            case VoucherBookEnded e:
                Move(ledger, VoucherAccounts.Open, e.Into, e.Uses, e.Nominal);
                break;
            case VoucherRefused:
                ledger.Count(Counters.Refusals, 1);
                break;
        }
    }

    private static void Post(VoucherRedeemed e, ILedgerSink ledger)
    {
        ledger.Post(VoucherAccounts.UsesUnit, e.From, VoucherAccounts.Redeemed, 1);
        if (e.Nominal == 0)
        {
            // What a percentage comes to is known when it is used.
            ledger.Post(VoucherAccounts.MoneyUnit, e.From == VoucherAccounts.Overdrawn ? e.From : VoucherAccounts.Issued, VoucherAccounts.Redeemed, e.Money);
            return;
        }

        ledger.Post(VoucherAccounts.MoneyUnit, e.From, VoucherAccounts.Redeemed, e.Money);
        ledger.Post(VoucherAccounts.MoneyUnit, e.From, VoucherAccounts.Unspent, e.Nominal - e.Money);
    }

    private static void Move(ILedgerSink ledger, string from, string to, long uses, long money)
    {
        ledger.Post(VoucherAccounts.UsesUnit, from, to, uses);
        ledger.Post(VoucherAccounts.MoneyUnit, from, to, money);
    }
}
