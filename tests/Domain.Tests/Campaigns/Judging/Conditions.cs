using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Requests;
using NodaTime;
using Xunit;
using static Loyalty.Domain.Tests.Campaigns.Judging.CampaignShop;

namespace Loyalty.Domain.Tests.Campaigns.Judging;

/// <summary>When, where, for whom, for what.</summary>
public class Conditions
{
    private const string Bonus = """ "gives": [{"type": "bonus", "unit": "points", "points": 50}] """;

    private static CampaignShop With(string condition) => new($$"""{"id": "c", "name": "c", {{condition}}, {{Bonus}}}""");

    private static void Skips(CampaignShop shop, string reason) => Assert.Contains(new SkippedCampaign("c", reason), shop.Skipped);

    [Fact]
    public void Weekends_begin_on_Saturday_by_the_program_clock()
    {
        var shop = With(""" "when": {"weekdays": ["saturday", "sunday"]} """).On("2026-03-06 23:59");
        Assert.Equal("", shop.Buys("p1", 1000));
        Skips(shop, SkipReasons.NotNow);
        Assert.Equal("c 50 points", shop.On("2026-03-07 00:00").Buys("p2", 1000));
    }

    [Fact]
    public void A_happy_hour_can_span_midnight_and_ends_before_its_end()
    {
        var shop = With(""" "when": {"hours": [{"from": "22:00", "to": "02:00"}]} """).On("2026-03-03 01:59");
        Assert.Equal("c 50 points", shop.Buys("p1", 1000));
        Assert.Equal("", shop.On("2026-03-03 02:00").Buys("p2", 1000));
        Assert.Equal("c 50 points", shop.On("2026-03-03 22:00").Buys("p3", 1000));
    }

    [Fact]
    public void A_store_overseas_goes_by_its_own_clock()
    {
        var shop = With(""" "when": {"zone": "store", "hours": [{"from": "09:00", "to": "12:00"}]} """).On("2026-03-03 15:00");
        Assert.Equal("c 50 points", shop.Buys("p1", "2026-03-03 15:00", "NY", Line("a", 100)));
        Assert.Equal("", shop.Buys("p2", "2026-03-03 15:00", "S1", Line("a", 100)));
    }

    [Fact]
    public void A_purchase_that_arrives_late_is_judged_by_its_own_time()
    {
        var shop = With(""" "when": {"dates": ["2026-02-14"]} """);
        Assert.Equal("c 50 points", shop.Buys("p1", "2026-02-14 18:00", "S1", Line("a", 100)));
        Assert.Equal("", shop.Buys("p2", 100));
    }

    [Fact]
    public void A_pause_holds_for_sales_of_its_time_and_a_new_version_for_later_ones()
    {
        var shop = With(""" "when": {"zone": "program"} """).Change("c", "2026-02-10", CampaignStatus.Paused).Change("c", "2026-02-20", CampaignStatus.Active);
        shop.Publish("""{"id": "c", "name": "c", "gives": [{"type": "bonus", "unit": "points", "points": 70}]}""", Instant.FromUtc(2026, 2, 25, 0, 0));
        Assert.Equal("c 50 points", shop.Buys("p1", "2026-02-09 23:59", "S1", Line("a", 100)));
        Assert.Equal("", shop.Buys("p2", "2026-02-10", "S1", Line("a", 100)));
        Assert.Equal("c 50 points", shop.Buys("p3", "2026-02-20", "S1", Line("a", 100)));
        Assert.Equal("c 70 points", shop.Buys("p4", 100));
        shop.Change("c", "2026-03-05", CampaignStatus.Ended);
        Assert.Equal("", shop.On("2026-03-06").Buys("p5", 100));
        Assert.Equal(CampaignStatus.Ended, CampaignCatalog.StatusOf(shop.Catalog.Campaigns.Single(), shop.Now));
    }

    [Fact]
    public void Stores_are_named_or_belong_to_a_group()
    {
        var shop = With(""" "where": {"stores": ["S9"], "storeGroups": ["north"]} """);
        Assert.Equal("", shop.Buys("p1", 100));
        Skips(shop, SkipReasons.NotHere);
        Assert.Equal("c 50 points", shop.Buys("p2", "2026-03-02 12:00", "N1", Line("a", 100)));
        Assert.Equal("c 50 points", shop.Buys("p3", "2026-03-02 12:00", "S9", Line("a", 100)));
    }

    [Fact]
    public void A_sale_without_channel_is_not_of_the_web_shop()
    {
        var shop = With(""" "where": {"channels": ["web"]} """);
        Assert.Equal("", Given(shop.Recorded(shop.Sale("p1", Line("a", 100)) with { Channel = null })));
        Assert.Equal("c 50 points", Given(shop.Recorded(shop.Sale("p2", Line("a", 100)) with { Channel = "web" })));
    }

    [Fact]
    public void Only_gold_members_or_only_those_without_a_level()
    {
        var shop = With(""" "who": {"tiers": ["gold"]} """);
        Assert.Equal("", shop.Buys("p1", 100_000));
        Skips(shop, SkipReasons.NotForMember);
        Assert.Equal("c 50 points", shop.Buys("p2", 100));
        Assert.Equal("c 50 points", With(""" "who": {"tiers": ["none"]} """).Buys("p1", 100));
    }

    [Fact]
    public void Students_but_no_staff()
    {
        var shop = With(""" "who": {"tags": ["student", "teacher"], "noTags": ["staff"]} """).Enrol();
        Assert.Equal("", shop.Buys("p1", 100));
        Assert.Equal("c 50 points", shop.Is(["student"]).Buys("p2", 100));
        Assert.Equal("", shop.Is(["student", "staff"]).Buys("p3", 100));
    }

    [Fact]
    public void New_members_for_a_week()
    {
        var shop = With(""" "who": {"joinedWithinDays": 7} """).Enrol();
        Assert.Equal("c 50 points", shop.On("2026-03-09 12:00").Buys("p1", 100));
        Assert.Equal("", shop.On("2026-03-10 12:00").Buys("p2", 100));
    }

    [Fact]
    public void The_first_purchase_is_one_again_when_it_came_back_whole()
    {
        var shop = With(""" "who": {"firstPurchase": true} """);
        Assert.Equal("c 50 points", shop.Buys("p1", 100));
        Assert.Equal("", shop.Buys("p2", 100));
        shop.Returns("p1", 100);
        shop.Returns("p2", 100);
        Assert.Equal(0, shop.Points);
        Assert.Equal("c 50 points", shop.Buys("p3", 100));
    }

    [Fact]
    public void A_birthday_on_29_February_is_celebrated_on_the_28th_in_other_years()
    {
        var shop = With(""" "who": {"birthday": {"daysBefore": 0, "daysAfter": 0}} """).Enrol();
        Assert.Equal("", shop.Buys("p0", 100));
        shop.Is(birthday: new AnnualDate(2, 29)).On("2027-02-28");
        Assert.Equal("c 50 points", shop.Buys("p1", 100));
        Assert.Equal("", shop.On("2028-02-28").Buys("p2", 100));
        Assert.Equal("c 50 points", shop.On("2028-02-29").Buys("p3", 100));
    }

    [Fact]
    public void A_birthday_window_spans_the_year_end()
    {
        var shop = With(""" "who": {"birthday": {"daysBefore": 5, "daysAfter": 5}} """).Enrol().Is(birthday: new AnnualDate(1, 2));
        Assert.Equal("c 50 points", shop.On("2026-12-28").Buys("p1", 100));
        Assert.Equal("c 50 points", shop.On("2027-01-07").Buys("p2", 100));
        Assert.Equal("", shop.On("2027-01-08").Buys("p3", 100));
    }

    [Fact]
    public void Every_third_visit_counts_those_that_stand()
    {
        var shop = With(""" "who": {"visit": {"every": 3}} """);
        Assert.Equal("", shop.Buys("p1", 100));
        Assert.Equal("", shop.Buys("p2", 100));
        shop.Returns("p2", 100);
        Assert.Equal("", shop.Buys("p3", 100));
        Assert.Equal("c 50 points", shop.Buys("p4", 100));
    }

    [Fact]
    public void Who_was_away_for_a_month_is_welcomed_back_and_who_never_came_is_not()
    {
        var shop = With(""" "who": {"absentDays": 30} """);
        Assert.Equal("", shop.Buys("p1", 100));
        Assert.Equal("", shop.On("2026-03-31").Buys("p2", 100));
        Assert.Equal("c 50 points", shop.On("2026-04-30").Buys("p3", 100));
        Assert.Equal("c 50 points", shop.Buys("p4", 100));
    }

    [Fact]
    public void Who_bought_two_nappies_within_ten_days_gets_something_for_wipes()
    {
        var shop = With(""" "who": {"bought": {"what": {"categories": ["nappies"]}, "withinDays": 10, "quantity": 2}}, "what": {"categories": ["wipes"]} """);
        Assert.Equal("", shop.Buys("p1", Line("n", 100, 2, "nappies"), Line("w", 100, 1, "wipes")));
        Assert.Equal("c 50 points", shop.On("2026-03-12 12:00").Buys("p2", Line("w", 100, 1, "wipes")));
        Assert.Equal("", shop.On("2026-03-13 12:00").Buys("p3", Line("w", 100, 1, "wipes")));
        shop.Buys("p4", Line("n", 100, 2, "nappies"));
        shop.Returns("p4", Line("n", 50, 1));
        Assert.Equal("", shop.Buys("p5", Line("w", 100, 1, "wipes")));
    }

    [Fact]
    public void Goods_are_in_any_list_and_in_none_of_the_exclusions()
    {
        var shop = With(""" "what": {"skus": ["a"], "categories": ["bread"], "not": {"brands": ["fine"]}} """);
        Assert.Equal("c 50 points", shop.Buys("p1", Line("a", 100)));
        Assert.Equal("c 50 points", shop.Buys("p2", Line("x", 100, 1, "bread")));
        Assert.Equal("", shop.Buys("p3", Line("a", 100, 1, null, "fine")));
        Assert.Equal("", shop.Buys("p4", Line("A", 100)));
        Skips(shop, SkipReasons.NotInBasket);
    }

    [Fact]
    public void A_threshold_of_goods_and_one_of_the_basket()
    {
        var shop = With(""" "what": {"categories": ["wine"], "minimumQuantity": 3, "minimumAmount": 2000, "basketAmount": 5000} """);
        SaleLine wine = Line("w", 2000, 3, "wine"), bread = Line("b", 3000, 1, "bread");
        Assert.Equal("c 50 points", shop.Buys("p1", wine, bread));
        Assert.Equal("", shop.Buys("p2", wine));
        Assert.Equal("", shop.Buys("p3", wine with { Quantity = 2 }, bread));
        Assert.Equal("", shop.Buys("p4", wine with { Amount = 1999 }, bread with { Amount = 9000 }));
    }

    [Fact]
    public void Those_held_out_never_get_it_and_are_the_share_that_was_asked_for()
    {
        var held = Enumerable.Range(0, 10_000).Count(member => CampaignPeriods.IsHeldOut("spring", $"M{member}", 2000));
        Assert.InRange(held, 1850, 2150);
        Assert.True(CampaignPeriods.IsHeldOut("spring", "M1", 10_000));
        Assert.False(CampaignPeriods.IsHeldOut("spring", "M1", 0));
        var both = Enumerable.Range(0, 10_000).Count(member => CampaignPeriods.IsHeldOut("spring", $"M{member}", 5000) && CampaignPeriods.IsHeldOut("summer", $"M{member}", 5000));
        Assert.InRange(both, 2300, 2700);
        var id = Enumerable.Range(0, 100).Select(i => $"c{i}").First(id => CampaignPeriods.IsHeldOut(id, "M1", 5000));
        var shop = new CampaignShop($$"""{"id": "{{id}}", "name": "c", "holdout": 0.5, {{Bonus}}}""");
        Assert.Equal("", shop.Buys("p1", 100));
        Assert.Contains(new SkippedCampaign(id, SkipReasons.HoldOut), shop.Skipped);
    }
}
