using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Journal;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>One posting of a member's statement.</summary>
/// <param name="Version">The event's version in the member's history.</param>
/// <param name="At">The business time: the sale's own time, the moment of the lapse.</param>
/// <param name="RecordedAt">When the engine decided.</param>
/// <param name="Kind"><c>purchase</c>, <c>return</c>, <c>activity</c>, <c>lapse</c>, <c>adjustment</c>, <c>import</c>, <c>voucher</c>, <c>closing</c>, <c>tender</c>, <c>hold</c>, <c>commit</c>, <c>cancel</c>, <c>time-out</c>,
/// <c>refused</c>, <c>redemption</c> or <c>reversal</c>.</param>
/// <param name="Request">Id of the request; null for a lapse.</param>
/// <param name="Rule">Which rule gave the points; null where no rule did.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">Change of the member's balance would be <c>Points</c> where <c>From</c> or <c>To</c> is <c>member</c>, else the balance stays.</param>
/// <param name="From">Account.</param>
/// <param name="To">Account.</param>
/// <param name="Lot">Which lot; null: debt, or no lot.</param>
/// <param name="Balance">The unit's balance (available and pending) after it.</param>
public sealed record StatementEntry(
    long Version, Instant At, Instant RecordedAt, string Kind, string? Request, string? Rule, string Unit, long Points, string From, string To, LotId? Lot, long Balance);

/// <summary>A page of a statement, newest first.</summary>
/// <param name="Entries">The postings.</param>
/// <param name="Next">Where the next page begins, or null at the end.</param>
public sealed record StatementPage(IReadOnlyList<StatementEntry> Entries, StatementCursor? Next);

/// <summary>Where a page begins: before a record, with the balances that hold there.</summary>
/// <param name="Before">Position of the record.</param>
/// <param name="Balances">By unit.</param>
public sealed record StatementCursor(long Before, IReadOnlyDictionary<string, long> Balances);

/// <summary>Turns a member's history into postings with a running balance.</summary>
internal sealed partial class StatementBuilder(Dictionary<string, long> balances)
{
    private readonly List<StatementEntry> _entries = [];

    public IReadOnlyList<StatementEntry> Entries => _entries;

    /// <summary>Adds a record's postings, newest first.</summary>
    public void Add(JournalRecord record)
    {
        var facts = MemberFacts.Of(record);

        // The kernel's own entries are counted in front of the kind's.
        var first = record.FirstVersion + record.EventCount - facts.Count;
        for (var i = facts.Count - 1; i >= 0; i--)
        {
            Add(facts[i], first + i, Instant.FromUnixTimeMilliseconds(record.RecordedAtMs));
        }
    }

    private void Add(MemberEvent fact, long version, Instant recordedAt)
    {
        switch (fact)
        {
            case PurchaseRecorded { Purchase: var purchase, Awards: var awards } e:
                AddCampaigns(e.Campaigns, version, purchase.At, recordedAt, "purchase", purchase.Id);
                for (var i = awards.Length - 1; i >= 0; i--)
                {
                    Add(version, purchase.At, recordedAt, "purchase", purchase.Id, awards[i].Rule, awards[i].Unit, awards[i].Points, Accounts.Issued, Accounts.Member, awards[i].Lot);
                }

                AddSpending(fact, version, recordedAt);
                break;
            case ActivityRecorded { Activity: var activity, Awards: var earned } e:
                AddCampaigns(e.Campaigns, version, activity.At, recordedAt, "activity", activity.Id);
                for (var i = earned.Length - 1; i >= 0; i--)
                {
                    Add(version, activity.At, recordedAt, "activity", activity.Id, earned[i].Rule, earned[i].Unit, earned[i].Points, Accounts.Issued, Accounts.Member, earned[i].Lot);
                }

                break;
            case ReturnRecorded { Return: var request, Postings: var postings } e:
                AddCampaigns(e.Campaigns, version, request.At, recordedAt, "return", request.Id);
                AddSpending(fact, version, recordedAt);
                for (var i = postings.Length - 1; i >= 0; i--)
                {
                    var from = MemberLedger.AccountOf(postings[i].Place);
                    Add(version, request.At, recordedAt, "return", request.Id, null, postings[i].Unit, postings[i].Points, from, Accounts.Returned, LotOf(postings[i]));
                }

                break;
            case PointsLapsed lapsed:
                for (var i = lapsed.Lots.Length - 1; i >= 0; i--)
                {
                    Add(version, lapsed.At, recordedAt, "lapse", null, null, lapsed.Unit, -lapsed.Lots[i].Points, Accounts.Member, Accounts.Expired, lapsed.Lots[i].Id);
                }

                break;
            case PointsAdjusted { Adjustment: var adjustment, Postings: var postings }:
                AddMember(version, recordedAt, "adjustment", adjustment.Id, Accounts.Adjusted, postings);
                break;
            case VoucherPointsGiven given:
                Add(version, recordedAt, recordedAt, "voucher", given.Redemption, null, given.Unit, given.Points, Accounts.Issued, Accounts.Member, given.Lot);
                break;
            case MemberImported { Request: var import, Postings: var postings }:
                AddMember(version, recordedAt, "import", import.Id, Accounts.Imported, postings);
                break;
            case ExchangeEnded { IsDone: true, Exchange: { Direction: not Domain.Exchange.ExchangeDirection.Out } exchange } e:
                Add(version, recordedAt, recordedAt, "exchange", exchange.Id, null, exchange.Unit, exchange.Points, Domain.Exchange.PoolLedger.InTransit, Accounts.Member, e.Lot);
                break;
            case StatusChanged { Postings: var postings }:
                AddMember(version, recordedAt, "closing", null, Accounts.Forfeited, postings);
                break;
            default:
                AddSpending(fact, version, recordedAt);
                AddTransfer(fact, version, recordedAt);
                AddHousehold(fact, version, recordedAt);
                break;
        }
    }

    /// <summary>Stamps of full cards, and what was given to causes or taken back from them.</summary>
    private void AddCampaigns(CampaignFacts? facts, long version, Instant at, Instant recordedAt, string kind, string request)
    {
        if (facts is null)
        {
            return;
        }

        for (var i = facts.Donations.Length - 1; i >= 0; i--)
        {
            var (rule, unit, cause, points) = facts.Donations[i];
            var (from, to) = points >= 0 ? (Accounts.Issued, MemberLedger.AccountOfCause(cause)) : (MemberLedger.AccountOfCause(cause), Accounts.Returned);
            Add(version, at, recordedAt, kind, request, rule, unit, points, from, to, null);
        }

        for (var i = facts.Stamps.Length - 1; i >= 0; i--)
        {
            var (from, to) = facts.Stamps[i].Points >= 0 ? (Accounts.Redeemed, Accounts.Member) : (Accounts.Member, Accounts.Redeemed);
            Add(version, at, recordedAt, kind, request, null, facts.Stamps[i].Unit, facts.Stamps[i].Points, from, to, LotOf(facts.Stamps[i]));
        }
    }

    private void AddMember(long version, Instant recordedAt, string kind, string? request, string other, Posting[] postings)
    {
        for (var i = postings.Length - 1; i >= 0; i--)
        {
            var (from, to) = postings[i].Points >= 0 ? (other, Accounts.Member) : (Accounts.Member, other);
            Add(version, recordedAt, recordedAt, kind, request, null, postings[i].Unit, postings[i].Points, from, to, LotOf(postings[i]));
        }
    }

    private void Add(
        long version, Instant at, Instant recordedAt, string kind, string? request, string? rule, string unit, long points, string from, string to, LotId? lot)
    {
        var balance = balances.GetValueOrDefault(unit);
        _entries.Add(new(version, at, recordedAt, kind, request, rule, unit, points, from, to, lot, balance));
        if (from == Accounts.Member || to == Accounts.Member)
        {
            balances[unit] = balance - points;
        }
    }

    private static LotId? LotOf(in Posting posting) => posting.Place is PostingPlace.Lot or PostingPlace.Lapsed ? posting.Lot : null;
}
