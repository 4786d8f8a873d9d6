using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Tests.Programs;
using Loyalty.Domain.Validation;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Campaigns;

/// <summary>What is checked against the campaigns that are published already.</summary>
public class PublishedCampaigns
{
    private static readonly Instant Now = Instant.FromUtc(2026, 6, 1, 12, 0);

    [Fact]
    public void A_draft_for_the_time_to_come_can_be_published()
    {
        Assert.Empty(Publish(CampaignDefinitions.Sale, CampaignCatalog.Empty));
        Assert.Empty(Publish(CampaignDefinitions.Minimal, CampaignCatalog.Empty));
        Assert.Empty(Publish(CampaignDefinitions.Minimal, Catalog(Campaign("c", CampaignDefinitions.Minimal))));
    }

    [Fact]
    public void One_that_is_over_before_it_begins_cannot()
    {
        var until = Definitions.Changed(CampaignDefinitions.Minimal, "until", "\"2026-06-01T12:00:00Z\"");
        Assert.Equal(["until"], Publish(until, CampaignCatalog.Empty).Select(error => error.Field));
        var dates = Definitions.Changed(CampaignDefinitions.Minimal, "when", """{ "dates": ["2026-05-29", "2026-05-30"] }""");
        Assert.Equal(["when.dates"], Publish(dates, CampaignCatalog.Empty).Select(error => error.Field));
    }

    [Fact]
    public void The_id_of_an_ended_campaign_is_not_used_again()
    {
        var byHand = Campaign("c", CampaignDefinitions.Minimal) with { Changes = [new(Now - Duration.FromDays(1), CampaignStatus.Ended)] };
        Assert.Contains("has ended", Assert.Single(Publish(CampaignDefinitions.Minimal, Catalog(byHand))).Message, StringComparison.Ordinal);
        var byItself = Campaign("c", Definitions.Changed(CampaignDefinitions.Minimal, "until", "\"2026-05-01T00:00:00Z\""));
        Assert.Equal("id", Assert.Single(Publish(CampaignDefinitions.Minimal, Catalog(byItself))).Field);
        var paused = Campaign("c", CampaignDefinitions.Minimal) with { Changes = [new(Now - Duration.FromDays(1), CampaignStatus.Paused)] };
        Assert.Empty(Publish(CampaignDefinitions.Minimal, Catalog(paused)));
    }

    [Fact]
    public void What_follows_a_campaign_needs_it()
    {
        Assert.Contains("no published campaign", Assert.Single(CampaignDefinitions.Errors(CampaignDefinitions.Chained, published: CampaignCatalog.Empty)).Message, StringComparison.Ordinal);
        Assert.Empty(CampaignDefinitions.Errors(CampaignDefinitions.Chained));
        var first = Campaign("first", CampaignDefinitions.Minimal);
        Assert.Empty(CampaignDefinitions.Errors(CampaignDefinitions.Chained, published: Catalog(first)));
        Assert.Empty(Publish(CampaignDefinitions.Chained, Catalog(first)));
        Assert.Contains("never follow", Assert.Single(Publish(CampaignDefinitions.Chained, Catalog(first with { Changes = [new(Now, CampaignStatus.Ended)] }))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_circle_of_triggers_is_refused_with_the_way_it_takes()
    {
        Assert.Contains("c gives to c", Assert.Single(CampaignDefinitions.Errors(Follows("c"), published: CampaignCatalog.Empty)).Message, StringComparison.Ordinal);
        var circle = Catalog(Campaign("first", Follows("second")), Campaign("second", Follows("c")), Campaign("c", CampaignDefinitions.Minimal));
        foreach (var errors in new[] { CampaignDefinitions.Errors(Follows("first"), published: circle), Publish(Follows("first"), circle) })
        {
            var error = Assert.Single(errors);
            Assert.Equal("trigger.award", error.Field);
            Assert.Contains("c gives to second gives to first gives to c", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_version_that_still_judges_sales_counts_until_the_next_one_begins()
    {
        // "first" follows "c" until tomorrow, when its second version reacts to purchases.
        var second = CampaignDefinitions.Read(Definitions.Changed(CampaignDefinitions.Minimal, "from", "\"2026-06-02T00:00:00Z\""), "first", 2);
        var first = new CampaignTimeline("first", 2, [CampaignDefinitions.Read(Follows("c"), "first", 1), second], []);
        var catalog = Catalog(first, Campaign("c", CampaignDefinitions.Minimal));
        Assert.Contains("circle", Assert.Single(Publish(Follows("first"), catalog)).Message, StringComparison.Ordinal);
        Assert.Empty(Publish(Definitions.Changed(Follows("first"), "from", "\"2026-06-02T00:00:00Z\""), catalog));
    }

    [Fact]
    public void Chains_have_an_end()
    {
        var campaigns = new List<CampaignTimeline> { Campaign("c0", CampaignDefinitions.Minimal) };
        for (var i = 1; i < CampaignParser.MaxChain; i++)
        {
            Assert.Empty(Publish(Follows($"c{i - 1}"), new(campaigns)));
            campaigns.Add(Campaign($"c{i}", Follows($"c{i - 1}")));
        }

        Assert.Contains("more than 8", Assert.Single(Publish(Follows("c7"), new(campaigns))).Message, StringComparison.Ordinal);
        // Nor from below: a new first one would make the chain that hangs on it too long.
        campaigns[0] = Campaign("c0", Follows("c"));
        Assert.Contains("more than 8", Assert.Single(Publish(CampaignDefinitions.Minimal, new(campaigns))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_campaign_behind_one_of_activities_has_no_lines_to_look_at()
    {
        var catalog = Catalog(Campaign("first", CampaignDefinitions.Activity), Campaign("second", Follows("first")));
        var json = Definitions.Changed(Follows("second"), "what", """{ "skus": ["a"] }""");
        Assert.Equal(["what.skus"], CampaignDefinitions.Errors(json, published: catalog).Select(error => error.Field));
    }

    private static string Follows(string campaign) => CampaignDefinitions.Chained.Replace("\"first\"", $"\"{campaign}\"", StringComparison.Ordinal);

    private static CampaignTimeline Campaign(string id, string json) => new(id, 1, [CampaignDefinitions.Read(json, id, 1)], []);

    private static CampaignCatalog Catalog(params CampaignTimeline[] campaigns) => new(campaigns);

    private static List<FieldError> Publish(string json, CampaignCatalog catalog)
    {
        var errors = new List<FieldError>();
        CampaignParser.CheckPublishable(CampaignDefinitions.Read(json), catalog, Now, errors);
        return errors;
    }
}
