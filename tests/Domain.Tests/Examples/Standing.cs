using Loyalty.Domain.Tests.Model;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Examples;

public class Standing
{
    private static PlanTiers Tiers(string window, string retention, int count, int grace = 0, int months = 0) =>
        new("spend", "points", window, months, retention, count, grace, [new("silver", 1000, 0.5m), new("gold", 5000, 1m)]);

    [Fact]
    public void A_tier_is_reached_at_once_and_its_bonus_begins_with_the_next_purchase()
    {
        var shop = new Shop(tiers: Tiers("calendarYear", "endOfPeriod", 1)).On("2026-03-01");
        Assert.Equal(1000, shop.Buys("p1", 1000));
        Assert.Equal("silver", shop.Tier);
        Assert.Equal(150, shop.Buys("p2", 100));
    }

    [Fact]
    public void Levels_can_be_jumped_over()
    {
        var shop = new Shop(tiers: Tiers("calendarYear", "endOfPeriod", 1)).On("2026-03-01");
        shop.Buys("p1", 5000);
        Assert.Equal("gold", shop.Tier);
    }

    [Fact]
    public void A_tier_is_kept_to_the_end_of_the_next_calendar_year_and_then_falls_one_level_at_a_time()
    {
        var shop = new Shop(tiers: Tiers("calendarYear", "endOfPeriod", 1)).On("2026-03-01");
        shop.Buys("p1", 5000);
        Assert.Equal(new LocalDate(2027, 12, 31), shop.State.Tier.Through);
        Assert.Equal("gold", shop.On("2027-12-31 23:59:59").Tier);
        Assert.Equal("silver", shop.On("2028-01-01 00:00:00").Tier);
        Assert.Equal(new LocalDate(2029, 12, 31), shop.State.Tier.Through);
        Assert.Null(shop.On("2030-01-01").Tier);
    }

    [Fact]
    public void Grace_gives_the_first_weeks_of_the_year_to_qualify_again()
    {
        var tiers = Tiers("calendarYear", "endOfPeriod", 0, grace: 30);
        var kept = new Shop(tiers: tiers).On("2026-03-01");
        kept.Buys("p1", 5000);
        kept.On("2027-01-30 12:00:00").Buys("p2", 5000);
        Assert.Equal("gold", kept.On("2027-12-31").Tier);

        var fell = new Shop(tiers: tiers).On("2026-03-01");
        fell.Buys("p1", 5000);
        Assert.Equal("gold", fell.On("2027-01-30 23:59:59").Tier);
        Assert.Equal("silver", fell.On("2027-01-31").Tier);
    }

    [Fact]
    public void A_membership_year_that_began_on_29_February_ends_on_27_or_28_February()
    {
        var shop = new Shop(tiers: Tiers("membershipYear", "endOfPeriod", 0)).On("2024-02-29").Enrol();
        shop.Buys("p1", 1000);
        Assert.Equal(new LocalDate(2025, 2, 27), shop.State.Tier.Through);
        shop.On("2027-12-01").Buys("p2", 1000);
        Assert.Equal(new LocalDate(2028, 2, 28), shop.State.Tier.Through);
    }

    [Fact]
    public void Purchases_of_two_membership_years_do_not_add_up()
    {
        var shop = new Shop(tiers: Tiers("membershipYear", "endOfPeriod", 0)).On("2024-02-29").Enrol();
        shop.On("2025-02-27").Buys("p1", 999);
        shop.On("2025-02-28").Buys("p2", 999);
        Assert.Null(shop.Tier);
        shop.Buys("p3", 1);
        Assert.Equal("silver", shop.Tier);
    }

    [Fact]
    public void A_rolling_window_forgets_what_is_older_than_its_months()
    {
        var shop = new Shop(tiers: Tiers("rollingMonths", "months", 12, months: 3)).On("2026-01-30");
        shop.Buys("p1", 600);
        shop.On("2026-04-30").Buys("p2", 400);
        Assert.Null(shop.Tier);
        shop.On("2026-05-01").Buys("p3", 600);
        Assert.Equal("silver", shop.Tier);
    }

    [Fact]
    public void A_lifetime_tier_is_kept_for_ever()
    {
        var shop = new Shop(tiers: Tiers("lifetime", "forever", 0)).On("2026-01-31");
        shop.Buys("p1", 5000);
        Assert.Null(shop.State.Tier.Through);
        Assert.Equal("gold", shop.On("2066-01-31").Tier);
    }

    [Fact]
    public void A_return_takes_the_tier_away_that_the_purchase_had_given()
    {
        var shop = new Shop(tiers: Tiers("calendarYear", "endOfPeriod", 1)).On("2026-03-01");
        shop.Buys("p1", 900);
        shop.On("2026-03-02").Buys("p2", 100);
        Assert.Equal("silver", shop.Tier);
        shop.On("2026-03-09").Returns("p2", 100);
        Assert.Null(shop.Tier);
        Assert.Equal(900, shop.Available);
    }
}
