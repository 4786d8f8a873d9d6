using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Xunit;
using static Loyalty.Domain.Tests.Campaigns.Judging.CampaignShop;

namespace Loyalty.Domain.Tests.Campaigns.Judging;

/// <summary>Cards, challenges, streaks, and activities.</summary>
public class Progress
{
    private const string Card = """
        {"id": "punch", "name": "Ten coffees", "what": {"skus": ["coffee"]}, "gives": [{"type": "each", "unit": "stamps", "points": 1, "quantity": 1}],
         "card": {"unit": "stamps", "size": 10, "gives": [{"type": "bonus", "unit": "coffee", "points": 1}]}}
        """;

    private const string Challenge = """
        {"id": "tour", "name": "Bread, wine and a review", "challenge": {"withinDays": 7, "repeat": true, "gives": [{"type": "bonus", "unit": "points", "points": 100}],
         "steps": [{"name": "bread", "count": "visits", "what": {"categories": ["bread"]}, "target": 2}, {"name": "wine", "count": "quantity", "what": {"categories": ["wine"]}, "target": 3},
                   {"name": "review", "count": "activities", "activity": "review", "target": 1}]}}
        """;

    private const string Streak = """
        {"id": "weekly", "name": "Three weeks in a row", "streak": {"period": "week", "length": 3, "minimumAmount": 500, "gives": [{"type": "bonus", "unit": "points", "points": 30}]}}
        """;

    [Fact]
    public void The_tenth_stamp_fills_the_card()
    {
        var shop = new CampaignShop(Card);
        Assert.Equal("punch 9 stamps", shop.Buys("p1", Line("coffee", 2700, 9)));
        Assert.Equal("punch 2 stamps, punch:done 1 coffee", shop.Buys("p2", Line("coffee", 600, 2)));
        Assert.Equal((1, 1, 10), (shop.Balance("stamps"), shop.Balance("coffee"), shop.Account("stamps", "redeemed")));
    }

    [Fact]
    public void A_large_order_fills_several_cards_and_the_free_coffees_go_with_what_comes_back()
    {
        var shop = new CampaignShop(Card);
        shop.Buys("p1", Line("coffee", 7500, 25));
        Assert.Equal((5, 2), (shop.Balance("stamps"), shop.Balance("coffee")));
        shop.Returns("p1", Line("coffee", 2100, 7));
        Assert.Equal((8, 1), (shop.Balance("stamps"), shop.Balance("coffee")));
        shop.Returns("p1", Line("coffee", 5400, 18));
        Assert.Equal((0, 0, 0), (shop.Balance("stamps"), shop.Balance("coffee"), shop.Account("stamps", "redeemed")));
    }

    [Fact]
    public void A_coffee_that_was_drunk_for_a_card_that_is_undone_is_owed()
    {
        var shop = new CampaignShop(Card);
        shop.Buys("p1", Line("coffee", 2700, 9));
        shop.Buys("p2", Line("coffee", 300, 1));
        shop.Adjusts("coffee", -1);
        shop.Returns("p1", Line("coffee", 300, 1));
        Assert.Equal((9, -1), (shop.Balance("stamps"), shop.Balance("coffee")));
        Assert.Equal("punch 1 stamps, punch:done 1 coffee", shop.Buys("p3", Line("coffee", 300, 1)));
        Assert.Equal((0, 0), (shop.Balance("stamps"), shop.Balance("coffee")));
    }

    [Fact]
    public void A_challenge_is_complete_when_every_step_is_within_its_days()
    {
        var shop = new CampaignShop(Challenge).Enrol();
        Assert.Equal("", shop.Buys("p1", Line("b", 100, 1, "bread"), Line("w", 100, 3, "wine")));
        Assert.Equal("", shop.Does("review", score: 5));
        Assert.Equal("", shop.On("2026-03-09").Buys("p2", Line("b", 100, 1, "bread")));
        Assert.Equal("", shop.Does("review", score: 4));
        Assert.Equal("tour:done 100 points", shop.Buys("p3", Line("b", 100, 1, "bread"), Line("w", 100, 3, "wine")));
        Assert.Equal("", shop.Buys("p4", Line("b", 100, 1, "bread")));
    }

    [Fact]
    public void A_challenge_that_is_no_longer_complete_is_taken_back_whatever_purchase_came_back()
    {
        var shop = new CampaignShop(Challenge).Enrol();
        shop.Does("review");
        shop.Buys("p1", Line("b", 100, 1, "bread"));
        Assert.Equal("tour:done 100 points", shop.Buys("p2", Line("b", 100, 1, "bread"), Line("w", 100, 3, "wine")));
        var returned = shop.Returns("p1", Line("b", 100, 1));
        Assert.Contains(new TakeBack("campaign:tour:done", "points", 100), returned.Takes);
        Assert.Equal(2, shop.Points);
        Assert.Equal("tour:done 100 points", shop.Buys("p3", Line("b", 100, 1, "bread")));
    }

    [Fact]
    public void A_challenge_without_repeat_is_completed_once()
    {
        var shop = new CampaignShop("""
            {"id": "c", "name": "c", "challenge": {"gives": [{"type": "bonus", "unit": "points", "points": 9}], "steps": [{"name": "s", "count": "amount", "target": 1000}]}}
            """);
        Assert.Equal("", shop.Buys("p1", 999));
        Assert.Equal("c:done 9 points", shop.Buys("p2", 5001));
        Assert.Equal("", shop.Buys("p3", 5000));
    }

    [Fact]
    public void Three_weeks_in_a_row_with_at_least_five_pounds()
    {
        var shop = new CampaignShop(Streak);
        Assert.Equal("", shop.On("2026-03-02").Buys("p1", 500));
        Assert.Equal("", shop.On("2026-03-15").Buys("p2", 500));
        Assert.Equal("", shop.On("2026-03-16").Buys("p3", 499));
        Assert.Equal("weekly:done 30 points", shop.Buys("p4", 500));
        Assert.Equal("", shop.On("2026-03-23").Buys("p5", 500));
        Assert.Equal("", shop.On("2026-03-30").Buys("p6", 500));
        Assert.Equal("weekly:done 30 points", shop.On("2026-04-06").Buys("p7", 500));
    }

    [Fact]
    public void A_late_sale_closes_the_gap_of_a_streak_and_its_return_opens_it()
    {
        var shop = new CampaignShop(Streak);
        shop.On("2026-03-02").Buys("p1", 500);
        shop.On("2026-03-16").Buys("p3", 500);
        Assert.Equal("weekly:done 30 points", shop.Buys("p2", "2026-03-09 10:00", "S1", Line("sku", 500)));
        shop.Returns("p2", 500);
        Assert.Equal(10, shop.Points);
        Assert.Equal("weekly:done 30 points", shop.Buys("p4", "2026-03-10 10:00", "S1", Line("sku", 500)));
        shop.Returns("p1", 1);
        Assert.Equal(5 + 5 + 4, shop.Points);
    }

    [Fact]
    public void The_third_friend_is_a_milestone_and_each_friend_counts_once()
    {
        var shop = new CampaignShop("""
            {"id": "friends", "name": "f", "trigger": {"activity": "referral"}, "who": {"visit": {"numbers": [3]}}, "gives": [{"type": "bonus", "unit": "points", "points": 500}]}
            """).Enrol();
        Assert.Equal("", shop.Does("referral", friend: "M7"));
        Assert.Equal("", shop.Does("referral", friend: "M8"));
        Assert.Equal("already-referred", shop.RefusalOf(shop.Deed("referral", friend: "M8"), isFriendKnown: true)!.Code);
        Assert.Equal("own-friend", shop.RefusalOf(shop.Deed("referral", friend: "M1"), isFriendKnown: false)!.Code);
        Assert.Equal("friends 500 points", shop.Does("referral", friend: "M9"));
    }

    [Fact]
    public void Joining_is_an_activity_of_the_engine_however_somebody_joins()
    {
        const string Welcome = """{"id": "hello", "name": "h", "trigger": {"activity": "sign-up"}, "gives": [{"type": "bonus", "unit": "points", "points": 200}]}""";
        Assert.Equal(200, new CampaignShop(Welcome).Enrol().Enrol().Points);
        var bySale = new CampaignShop(Welcome);
        bySale.Buys("p1", 1000);
        Assert.Equal(210, bySale.Enrol().Points);
    }

    [Fact]
    public void A_trade_in_earns_by_its_value_and_is_no_visit()
    {
        var shop = new CampaignShop("""
            {"id": "old", "name": "o", "trigger": {"activity": "trade-in"}, "what": {"minimumAmount": 5000}, "gives": [{"type": "rate", "unit": "points", "points": 1, "per": 50}]}
            """).Enrol();
        Assert.Equal("", shop.Does("trade-in", amount: 4999));
        Assert.Equal("old 100 points", shop.Does("trade-in", amount: 5000));
        Assert.Equal((0L, 2L), (shop.State.History.Visits, shop.State.Engagement!.CountOf("trade-in", shop.Now.InUtc().Date)));
    }

    [Fact]
    public void Unknown_types_of_activities_have_a_bound()
    {
        var shop = new CampaignShop().Enrol();
        for (var i = 0; i < MemberEngagement.MaxActivityTypes; i++)
        {
            shop.State.Apply(new ActivityRecorded(shop.Deed($"x-{i}"), 1, null, new(2026, 3, 2), []));
        }

        Assert.Equal("too-many-types", shop.RefusalOf(shop.Deed("x-one-more"), false)!.Code);
        Assert.Null(shop.RefusalOf(shop.Deed("x-5"), false));
    }

    [Fact]
    public void What_is_counted_is_bounded_and_completions_are_counted_for_ever()
    {
        var state = new MemberState("M1");
        var day = new NodaTime.LocalDate(2020, 1, 1);
        var deed = new CampaignShop().Deed("review");
        for (var i = 0; i < 1000; i++)
        {
            var on = day.PlusDays(i);
            state.Apply(new ActivityRecorded(deed, 1, null, on, [])
            {
                Campaigns = new() { Tallies = [new("c", TallyKind.Points, on, 5), new("c", TallyKind.Done, on, 1)], Done = [new("c", 1, on, [], null, [])] },
            });
        }

        var tally = Assert.Single(state.Engagement!.Campaigns);
        Assert.Equal(1000, state.Engagement.CountOf("review", day.PlusDays(5000)));
        Assert.Equal((MemberTally.MaxDays * 5, 1000), (tally.Sum(TallyKind.Points), tally.Sum(TallyKind.Done)));
        Assert.Equal(MemberTally.MaxDone, tally.Done.Length);
        Assert.Equal((2 * MemberTally.MaxDays) + 1, tally.Entries.Length);
    }

    [Fact]
    public void A_closed_member_has_no_attributes()
    {
        var shop = new CampaignShop().Enrol().Is(["vip"]);
        new MemberDecider(shop.State, shop.Context(), shop.Facts).SetStatus(MemberStatus.Closed, "r", "a");
        Assert.Empty(shop.State.Engagement!.Attributes.Tags);
        Assert.Equal("member-closed", new MemberDecider(shop.State, shop.Context(), shop.Facts).SetAttributes(MemberAttributes.None)!.Code);
    }
}
