using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Xunit;
using static Loyalty.Domain.Tests.Campaigns.Judging.CampaignShop;

namespace Loyalty.Domain.Tests.Campaigns.Judging;

/// <summary>What campaigns give, how they combine, and what caps and budgets leave.</summary>
public class Gives
{
    private static string Campaign(string id, string rest) => $$"""{"id": "{{id}}", "name": "{{id}}", {{rest}}}""";

    private static string Points(string id, long points, string rest = "\"priority\": 0") => Campaign(id, $$""" {{rest}}, "gives": [{"type": "bonus", "unit": "points", "points": {{points}}}] """);

    [Fact]
    public void Double_points_are_the_base_once_more_and_with_the_tier_its_bonus_too()
    {
        var shop = new CampaignShop(
            Campaign("plain", """ "gives": [{"type": "multiplier", "unit": "points", "factor": 2}] """),
            Campaign("tier", """ "gives": [{"type": "multiplier", "unit": "points", "factor": 2, "base": "tier"}] """));
        shop.Buys("p0", 100_000);
        Assert.Equal("plain 10 points, tier 16 points", shop.Buys("p1", 1099));
    }

    [Fact]
    public void A_rate_counts_matching_lines_together_and_an_award_of_nothing_is_not_listed()
    {
        var shop = new CampaignShop(Campaign("bread", """ "what": {"categories": ["bread"]}, "gives": [{"type": "rate", "unit": "points", "points": 25, "per": 1000}] """));
        Assert.Equal("bread 3 points", shop.Buys("p1", Line("a", 75, 1, "bread"), Line("b", 75, 1, "bread"), Line("c", 5000)));
        Assert.Equal("", shop.Buys("p2", Line("a", 39, 1, "bread")));
        Assert.Contains(new SkippedCampaign("bread", SkipReasons.NotInBasket), shop.Skipped);
    }

    [Fact]
    public void For_each_three_bought_five_stamps()
    {
        var shop = new CampaignShop(Campaign("three", """ "gives": [{"type": "each", "unit": "stamps", "points": 5, "quantity": 3}] """));
        Assert.Equal("three 10 stamps", shop.Buys("p1", Line("a", 100, 4.5m), Line("b", 100, 2)));
        shop.Returns("p1", Line("b", 100, 1));
        Assert.Equal(5, shop.Balance("stamps"));
    }

    [Fact]
    public void Tier_credit_lifts_a_member_and_goes_when_the_goods_come_back()
    {
        var shop = new CampaignShop(Campaign("lift", """ "what": {"minimumAmount": 1000}, "gives": [{"type": "tierCredit", "amount": 99000}] """));
        shop.Buys("p1", 1000);
        Assert.Equal("gold", shop.State.Tier.Level);
        shop.Returns("p1", 1);
        Assert.Null(shop.State.Tier.Level);
    }

    [Fact]
    public void A_donation_goes_to_its_cause_and_comes_back_from_it()
    {
        var shop = new CampaignShop(Campaign("green", """ "gives": [{"type": "donation", "unit": "points", "cause": "trees", "points": 1, "per": 100}] """));
        var purchase = shop.Recorded(shop.Sale("p1", Line("sku", 1000)));
        Assert.Equal(new Donation("campaign:green", "points", "trees", 10), Assert.Single(purchase.Campaigns!.Donations));
        Assert.Equal((10, 10), (shop.Points, shop.Account("points", "cause:trees")));
        shop.Returns("p1", Line("sku", 400, 0.4m));
        Assert.Equal((6, 6), (shop.Points, shop.Account("points", "cause:trees")));
    }

    [Fact]
    public void Of_a_group_the_first_by_priority_gives_and_one_that_gives_nothing_leaves_it_free()
    {
        var shop = new CampaignShop(
            Points("a", 10, """ "group": "g", "priority": 1 """), Points("b", 20, """ "group": "g", "priority": 2, "what": {"skus": ["wine"]} """), Points("c", 30, """ "priority": -5 """));
        Assert.Equal("a 10 points, c 30 points", shop.Buys("p1", 100));
        Assert.Equal("b 20 points, c 30 points", shop.Buys("p2", Line("wine", 100)));
        Assert.Contains(new SkippedCampaign("a", SkipReasons.Exclusive), shop.Skipped);
    }

    [Fact]
    public void When_the_wine_comes_back_the_campaign_that_was_shut_out_gives()
    {
        var shop = new CampaignShop(Points("a", 40, """ "group": "g", "priority": 1 """), Points("b", 20, """ "group": "g", "priority": 2, "what": {"skus": ["wine"]} """));
        Assert.Equal("b 20 points", shop.Buys("p1", Line("wine", 100), Line("bread", 100)));
        var returned = shop.Returns("p1", Line("wine", 100));
        Assert.Equal([("base", 1L), ("campaign:b", 20L), ("campaign:a", -40L)], returned.Takes.Select(take => (take.Rule, take.Points)));
        Assert.Equal(1 + 40, shop.Points);
        shop.Returns("p1", Line("bread", 100));
        Assert.Equal(0, shop.Points);
    }

    [Fact]
    public void A_chained_campaign_follows_the_one_that_triggers_it()
    {
        var shop = new CampaignShop(Points("first", 10, """ "what": {"skus": ["wine"]} """), Points("second", 5, """ "trigger": {"award": "first"} """), Points("third", 1, """ "trigger": {"award": "second"} """));
        Assert.Equal("first 10 points, second 5 points, third 1 points", shop.Buys("p1", Line("wine", 100)));
        Assert.Equal("", shop.Buys("p2", 100));
        Assert.Contains(new SkippedCampaign("second", SkipReasons.NotTriggered), shop.Skipped);
        shop.Returns("p1", Line("wine", 100));
        Assert.Equal(1, shop.Points);
    }

    [Fact]
    public void A_cap_of_a_day_leaves_a_part_and_then_nothing_until_the_next_day()
    {
        var shop = new CampaignShop(Points("c", 40, """ "caps": {"points": {"day": 100}} """));
        Assert.Equal("c 40 points", shop.Buys("p1", 100));
        Assert.Equal("c 40 points", shop.Buys("p2", 100));
        Assert.Equal("c 20 points", shop.Buys("p3", 100));
        Assert.Equal("", shop.Buys("p4", 100));
        Assert.Contains(new SkippedCampaign("c", SkipReasons.Cap), shop.Skipped);
        Assert.Equal("c 40 points", shop.On("2026-03-03").Buys("p5", 100));
        shop.Returns("p1", 100);
        Assert.Equal("c 40 points", shop.Buys("p6", "2026-03-02 18:00", "S1", Line("sku", 100)));
    }

    [Fact]
    public void A_cap_that_is_none_when_short_gives_nothing_rather_than_a_part()
    {
        var shop = new CampaignShop(Points("c", 40, """ "caps": {"points": {"member": 100}, "whenShort": "none"} """));
        shop.Buys("p1", 100);
        shop.Buys("p2", 100);
        Assert.Equal("", shop.Buys("p3", 100));
        Assert.Equal(80 + 3, shop.Points);
    }

    [Fact]
    public void Once_a_week_begins_on_Monday_and_a_return_frees_the_use()
    {
        var shop = new CampaignShop(Points("c", 40, """ "caps": {"uses": {"week": 1}} """)).On("2026-03-08");
        Assert.Equal("c 40 points", shop.Buys("p1", 100));
        Assert.Equal("", shop.Buys("p2", 100));
        Assert.Equal("c 40 points", shop.On("2026-03-09").Buys("p3", 100));
        shop.Returns("p3", 100);
        Assert.Equal("c 40 points", shop.Buys("p4", 100));
    }

    [Fact]
    public void A_budget_gives_what_it_has_and_a_return_puts_it_back_to_the_point()
    {
        var shop = new CampaignShop(Campaign("c", """ "budget": {"in": "points", "amount": 25}, "gives": [{"type": "rate", "unit": "points", "points": 1, "per": 100}, {"type": "bonus", "unit": "stamps", "points": 1}] """));
        Assert.Equal("c 10 points, c 1 stamps", shop.Buys("p1", 1000));
        Assert.Equal("c 15 points, c 1 stamps", shop.Buys("p2", 2000));
        Assert.Equal("", shop.Buys("p3", 1000));
        Assert.Contains(new SkippedCampaign("c", SkipReasons.Budget), shop.Skipped);
        Assert.Equal(25, shop.Budgets.Spent("c"));
        shop.Returns("p2", Line("sku", 200, 0.1m));
        Assert.Equal(25, shop.Budgets.Spent("c"));
        shop.Returns("p2", Line("sku", 1800, 0.9m));
        Assert.Equal(10, shop.Budgets.Spent("c"));
        shop.Returns("p3", 1000);
        Assert.Equal(10, shop.Budgets.Spent("c"));
        Assert.Equal("c 15 points, c 1 stamps", shop.Buys("p4", 1500));
    }

    [Fact]
    public void A_budget_of_money_counts_what_the_points_are_worth_rounded_up()
    {
        var shop = new CampaignShop(Points("c", 7, """ "budget": {"in": "money", "amount": 6} """));
        Assert.Equal("c 7 points", shop.Buys("p1", 100));
        Assert.Equal(4, shop.Budgets.Spent("c"));
        Assert.Equal("c 4 points", shop.Buys("p2", 100));
        Assert.Equal("", shop.Buys("p3", 100));
        Assert.Equal(6, shop.Budgets.Spent("c"));
    }

    [Fact]
    public void A_budget_by_store_and_uses()
    {
        var shop = new CampaignShop(Points("c", 7, """ "budget": {"in": "uses", "amount": 1, "by": "store", "period": "day"} """));
        Assert.Equal("c 7 points", shop.Buys("p1", 100));
        Assert.Equal("", shop.Buys("p2", 100));
        Assert.Equal("c 7 points", shop.Buys("p3", "2026-03-02 11:00", "N1", Line("sku", 100)));
        Assert.Equal("c 7 points", shop.On("2026-03-03").Buys("p4", 100));
        shop.Returns("p1", 100);
        Assert.Equal((1, 1), (shop.Budgets.Spent("c", "S1"), shop.Budgets.Spent("c", "N1")));
    }

    [Fact]
    public void Returns_in_any_order_come_to_what_one_return_does()
    {
        string[] campaigns =
        [
            Campaign("rate", """ "gives": [{"type": "rate", "unit": "points", "points": 1, "per": 70}], "caps": {"points": {"purchase": 30}} """),
            Campaign("double", """ "what": {"categories": ["bread"], "minimumAmount": 500}, "group": "g", "gives": [{"type": "multiplier", "unit": "points", "factor": 3}] """),
            Points("rest", 9, """ "group": "g", "priority": -1 """), Points("chain", 4, """ "trigger": {"award": "rest"} """),
            Campaign("money", """ "budget": {"in": "points", "amount": 17}, "gives": [{"type": "rate", "unit": "points", "points": 1, "per": 100}] """),
        ];
        SaleLine[] lines = [Line("a", 700, 2, "bread"), Line("b", 1300, 1, "wine"), Line("c", 450, 3)];
        (SaleLine Line, int Order)[] back = [(Line("a", 350, 1), 0), (Line("b", 1300, 1), 1), (Line("c", 300, 2), 2), (Line("a", 350, 1), 3)];
        var once = new CampaignShop(campaigns);
        once.Buys("p1", lines);
        once.Returns("p1", [.. back.Select(one => one.Line)]);
        foreach (var seed in Enumerable.Range(0, 12))
        {
            var random = new Random(seed);
            var shop = new CampaignShop(campaigns);
            shop.Buys("p1", lines);
            foreach (var one in back.OrderBy(_ => random.Next()))
            {
                shop.Returns("p1", one.Line);
            }

            Assert.Equal((once.Points, once.Budgets.Spent("money")), (shop.Points, shop.Budgets.Spent("money")));
        }
    }

    [Fact]
    public void A_return_that_came_before_its_purchase_takes_back_what_campaigns_gave()
    {
        var shop = new CampaignShop(Points("c", 40)).Enrol();
        var request = new Return { Id = "r", Purchase = "p1", Member = "M1", Store = "S1", At = shop.Now, Currency = "GBP", Lines = [Line("sku", 100)] };
        new MemberDecider(shop.State, shop.Context(), shop.Facts).Record(request, new(RecallResult.Unknown, null));
        Assert.Equal("c 40 points", shop.Buys("p1", 100));
        Assert.Equal(0, shop.Points);
    }

    [Fact]
    public void A_quote_says_what_the_purchase_then_gives_and_takes_nothing()
    {
        var shop = new CampaignShop(
            Points("c", 40, """ "budget": {"in": "points", "amount": 60} """), Points("d", 5, """ "trigger": {"award": "c"}, "budget": {"in": "points", "amount": 8} """), Points("no", 5, """ "what": {"skus": ["x"]} """));
        for (var i = 0; i < 3; i++)
        {
            var purchase = shop.Sale($"p{i}", Line("sku", 1234));
            var quote = shop.Quote(purchase);
            Assert.Contains(new SkippedCampaign("no", SkipReasons.NotInBasket), quote.Skipped);
            var recorded = shop.Recorded(purchase);
            Assert.Equal(recorded.Awards, ((PurchaseRecorded)quote.Fact!).Awards);
            Assert.Equal(shop.Points, quote.Balances.Single(balance => balance.Unit == "points").Available);
        }

        Assert.Equal((60, 8), (shop.Budgets.Spent("c"), shop.Budgets.Spent("d")));
        Assert.Equal("wrong-currency", shop.Quote(shop.Sale("p9", Line("a", 1)) with { Currency = "EUR" }).Refusal!.Code);
    }

    [Fact]
    public void A_campaign_that_does_not_match_costs_no_memory()
    {
        var campaigns = Enumerable.Range(0, 100).Select(i => Points($"c{i}", 5, (i % 4) switch
        {
            0 => $$""" "what": {"skus": ["other{{i}}"]} """,
            1 => """ "where": {"stores": ["elsewhere"]} """,
            2 => """ "when": {"weekdays": ["sunday"]} """,
            _ => """ "who": {"tiers": ["gold"]} """,
        }));
        var (with, without) = (new CampaignShop([.. campaigns]), new CampaignShop());
        Assert.Equal(Cost(without), Cost(with), 64.0);

        static double Cost(CampaignShop shop)
        {
            var context = shop.Context() with { Explain = false };
            var raised = new List<MemberEvent>(16);
            long least = long.MaxValue;
            for (var i = 0; i < 300; i++)
            {
                raised.Clear();
                var purchase = shop.Sale($"p{i}", Line("sku", 100, 1, "bread"), Line("b", 100));
                var before = GC.GetAllocatedBytesForCurrentThread();
                new MemberDecider(shop.State, context, raised).Record(purchase);
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            return least;
        }
    }
}
