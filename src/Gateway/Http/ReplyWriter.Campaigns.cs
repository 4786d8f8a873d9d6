using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;

namespace Loyalty.Gateway.Http;

/// <summary>What campaigns did, beside awards.</summary>
internal static partial class ReplyWriter
{
    /// <summary>Writes what a purchase would come to.</summary>
    public static void Write(AnswerText json, string member, MemberQuote quote, bool withSkipped, ProgramCatalog programs)
    {
        var recorded = (PurchaseRecorded)quote.Fact!;
        json.Raw("{\"member\":"u8);
        json.Text(member);
        WriteAwards(json, recorded.Awards, recorded.Purchase.At, programs.Latest.Calendar);
        WriteCampaigns(json, recorded.Campaigns);
        WriteBalances(json, [.. quote.Balances]);
        if (quote.Tier is { } tier)
        {
            json.Raw(",\"tier\":"u8);
            json.Text(tier);
        }

        if (withSkipped)
        {
            WriteSkipped(json, quote.Skipped);
        }

        json.Raw("}"u8);
    }

    /// <summary>Donations, and stamps that full cards took (below 0) or that came back from them.</summary>
    private static void WriteCampaigns(AnswerText json, CampaignFacts? facts)
    {
        if (facts is null)
        {
            return;
        }

        for (var i = 0; i < facts.Donations.Length; i++)
        {
            ref readonly var donation = ref facts.Donations[i];
            json.Raw(i == 0 ? ",\"donations\":["u8 : ","u8);
            WriteAward(json, isFirst: true, donation.Rule, donation.Unit, donation.Points);
            json.Raw(",\"cause\":"u8);
            json.Text(donation.Cause);
            json.Raw(i == facts.Donations.Length - 1 ? "}]"u8 : "}"u8);
        }

        if (facts.Stamps.Length == 0)
        {
            return;
        }

        var isFirst = true;
        foreach (var unit in facts.Stamps.GroupBy(stamp => stamp.Unit, StringComparer.Ordinal))
        {
            json.Raw(isFirst ? ",\"stamps\":[{\"unit\":"u8 : ",{\"unit\":"u8);
            json.Text(unit.Key);
            json.Raw(",\"points\":"u8);
            json.Number(unit.Sum(stamp => stamp.Points));
            json.Raw("}"u8);
            isFirst = false;
        }

        json.Raw("]"u8);
    }

    private static void WriteSkipped(AnswerText json, IReadOnlyList<SkippedCampaign> skipped)
    {
        json.Raw(",\"skipped\":["u8);
        for (var i = 0; i < skipped.Count; i++)
        {
            json.Raw(i == 0 ? "{\"campaign\":"u8 : ",{\"campaign\":"u8);
            json.Text(skipped[i].Campaign);
            json.Raw(",\"reason\":"u8);
            json.Text(skipped[i].Reason);
            json.Raw("}"u8);
        }

        json.Raw("]"u8);
    }
}
