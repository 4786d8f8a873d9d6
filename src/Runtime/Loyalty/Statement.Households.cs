using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Postings between members and their household.</summary>
internal sealed partial class StatementBuilder
{
    private void AddHousehold(MemberEvent fact, long version, Instant recordedAt)
    {
        switch (fact)
        {
            case HouseholdAsked { Lots.Length: > 0 } e:
                AddHouseholdLots(e.Request.Id, e.Request.Unit!, e.Lots, -1);
                break;
            case EarningsShared e:
                AddHouseholdLots(e.Purchase, e.Unit, e.Lots, -1);
                break;
            case HouseholdAnswered e:
                for (var i = e.Back.Length - 1; i >= 0; i--)
                {
                    AddHouseholdLots(e.Request.Id, e.Back[i].Unit, e.Back[i].Lots, 1);
                    if (e.Back[i].Repaid > 0)
                    {
                        Add(version, recordedAt, recordedAt, "household", e.Request.Id, null, e.Back[i].Unit, e.Back[i].Repaid, Accounts.InTransit, Accounts.Member, null);
                    }
                }

                break;
        }

        void AddHouseholdLots(string request, string unit, ReadOnlySpan<Lot> lots, int sign)
        {
            var (from, to) = sign > 0 ? (Accounts.InTransit, Accounts.Member) : (Accounts.Member, Accounts.InTransit);
            if (lots.Length > ListedLots)
            {
                Add(version, recordedAt, recordedAt, "household", request, null, unit, sign * Lot.Sum(lots[ListedLots..]), from, to, null);
            }

            for (var i = Math.Min(lots.Length, ListedLots) - 1; i >= 0; i--)
            {
                Add(version, recordedAt, recordedAt, "household", request, null, unit, sign * lots[i].Points, from, to, lots[i].Id);
            }
        }
    }
}
