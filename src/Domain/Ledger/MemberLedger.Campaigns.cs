using System.Collections.Concurrent;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Ledger;

/// <summary>The postings of campaigns: donations and stamps. docs/CAMPAIGNS.md.</summary>
public static partial class MemberLedger
{
    private static readonly ConcurrentDictionary<string, string> CauseAccounts = new(StringComparer.Ordinal);

    /// <summary>The account of a cause: <c>cause:trees</c>.</summary>
    public static string AccountOfCause(string cause) => CauseAccounts.GetOrAdd(cause, static cause => $"cause:{cause}");

    private static void PostCampaigns(CampaignFacts? facts, ILedgerSink ledger)
    {
        if (facts is null)
        {
            return;
        }

        foreach (ref readonly var donation in facts.Donations.AsSpan())
        {
            if (donation.Points >= 0)
            {
                ledger.Post(donation.Unit, Accounts.Issued, AccountOfCause(donation.Cause), donation.Points);
            }
            else
            {
                ledger.Post(donation.Unit, AccountOfCause(donation.Cause), Accounts.Returned, -donation.Points);
            }
        }

        PostMember(facts.Stamps, Accounts.Redeemed, ledger);
    }

    private static void PostActivity(ActivityRecorded activity, ILedgerSink ledger)
    {
        foreach (ref readonly var award in activity.Awards.AsSpan())
        {
            ledger.Post(award.Unit, Accounts.Issued, Accounts.Member, award.Points);
        }

        PostCampaigns(activity.Campaigns, ledger);
        ledger.Count(Counters.Activities, 1);
        switch (activity.Activity)
        {
            case { Type: Activity.Survey, Score: { } score }:
                ledger.Count(score >= 9 ? Counters.Promoters : score >= 7 ? Counters.Passives : Counters.Detractors, 1);
                break;
            case { Type: Activity.Review, Score: { } stars }:
                ledger.Count(Counters.Reviews, 1);
                ledger.Count(Counters.ReviewScores, stars);
                break;
        }
    }
}
