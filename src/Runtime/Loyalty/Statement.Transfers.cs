using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Postings of transfers.</summary>
internal sealed partial class StatementBuilder
{
    private void AddTransfer(MemberEvent fact, long version, Instant recordedAt)
    {
        switch (fact)
        {
            case TransferSent e:
                AddLots(e.Transfer.Id, e.Transfer.Unit, e.FeeLots, -1, Accounts.Fees);
                AddLots(e.Transfer.Id, e.Transfer.Unit, e.Sent, -1, Accounts.InTransit);
                break;
            case TransferReceived e:
                AddBack(e.Transfer, e.Unit, e.Lots, e.Repaid, 0);
                break;
            case TransferEnded { Refusal: not null } e:
                AddBack(e.Transfer.Id, e.Transfer.Unit, e.Freed, e.Repaid, e.Fee);
                break;
        }

        // The fee of a refused transfer comes back with the rest; it is told apart by a posting without a lot between the accounts.
        void AddBack(string request, string unit, Lot[] lots, long repaid, long fee)
        {
            AddLots(request, unit, lots, 1, Accounts.InTransit);
            if (repaid > 0)
            {
                Add(version, recordedAt, recordedAt, "transfer", request, null, unit, repaid, Accounts.InTransit, Accounts.Member, null);
            }

            if (fee > 0)
            {
                Add(version, recordedAt, recordedAt, "transfer", request, null, unit, fee, Accounts.Fees, Accounts.InTransit, null);
            }
        }

        void AddLots(string request, string unit, ReadOnlySpan<Lot> lots, int sign, string other)
        {
            var (from, to) = sign > 0 ? (other, Accounts.Member) : (Accounts.Member, other);
            if (lots.Length > ListedLots)
            {
                Add(version, recordedAt, recordedAt, "transfer", request, null, unit, sign * Lot.Sum(lots[ListedLots..]), from, to, null);
            }

            for (var i = Math.Min(lots.Length, ListedLots) - 1; i >= 0; i--)
            {
                Add(version, recordedAt, recordedAt, "transfer", request, null, unit, sign * lots[i].Points, from, to, lots[i].Id);
            }
        }
    }
}
