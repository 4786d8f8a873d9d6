using Loyalty.Domain.Members;
using Loyalty.Domain.Tests.Model;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Examples;

public class PointsLapse
{
    /// <summary>Bought on a day, the points are there in the last second of the last day, and gone in the first of the next.</summary>
    private static void LastDay(PlanExpiry expiry, string bought, string last)
    {
        var shop = new Shop(expiry).On(bought + " 12:00:00");
        shop.Buys("p1", 100);
        Assert.Equal(100, shop.On(last + " 23:59:59").Available);
        var next = LocalDate.FromDateOnly(DateOnly.Parse(last)).PlusDays(1);
        Assert.Equal(0, shop.On(next.ToString("uuuu-MM-dd", null) + " 00:00:00").Available);
        Assert.Equal(DateTimeZoneProviders.Tzdb["Europe/London"].AtStartOfDay(next).ToInstant(), Assert.Single(shop.Facts.OfType<PointsLapsed>()).At);
    }

    [Fact]
    public void A_month_after_31_January_is_the_last_of_February() => LastDay(new("rolling", Months: 1), "2026-01-31", "2026-02-28");

    [Fact]
    public void A_month_after_31_January_of_a_leap_year_is_29_February() => LastDay(new("rolling", Months: 1), "2024-01-31", "2024-02-29");

    [Fact]
    public void A_year_after_29_February_is_28_February() => LastDay(new("rolling", Months: 12), "2024-02-29", "2025-02-28");

    [Fact]
    public void Months_come_before_days() => LastDay(new("rolling", Months: 1, Days: 1), "2026-01-31", "2026-03-01");

    [Fact]
    public void Thirty_six_months_may_be_rounded_up_to_the_end_of_the_month() => LastDay(new("rolling", Months: 36, EndOfMonth: true), "2026-03-01", "2029-03-31");

    [Fact]
    public void Points_may_live_to_the_end_of_the_month() => LastDay(new("endOfPeriod", Period: "month"), "2024-02-29", "2024-02-29");

    [Fact]
    public void Points_may_live_to_the_end_of_the_next_quarter() => LastDay(new("endOfPeriod", Period: "quarter", Periods: 1), "2026-11-15", "2027-03-31");

    [Fact]
    public void Points_may_live_to_the_end_of_the_next_year() => LastDay(new("endOfPeriod", Period: "year", Periods: 1), "2026-01-01", "2027-12-31");

    [Fact]
    public void Points_may_lapse_on_a_fixed_day_at_least_so_many_days_on() => LastDay(new("fixedDates", Dates: ["03-31"], MinimumDays: 89), "2026-01-01", "2026-03-31");

    [Fact]
    public void One_day_later_it_is_the_fixed_day_of_the_next_year() => LastDay(new("fixedDates", Dates: ["03-31"], MinimumDays: 89), "2026-01-02", "2027-03-31");

    [Fact]
    public void The_fixed_day_29_February_is_28_February_in_other_years() => LastDay(new("fixedDates", Dates: ["02-29"]), "2024-03-01", "2025-02-28");

    [Fact]
    public void A_day_of_23_hours_is_a_whole_day() => LastDay(new("rolling", Days: 1), "2026-03-28", "2026-03-29");

    [Fact]
    public void A_day_of_25_hours_is_a_whole_day()
    {
        LastDay(new("rolling", Days: 1), "2026-10-24", "2026-10-25");
        var shop = new Shop(new("rolling", Days: 1)).On("2026-10-24 12:00:00");
        shop.Buys("p1", 100);
        shop.On("2026-10-26 00:00:00");
        Assert.Equal(Instant.FromUtc(2026, 10, 26, 0, 0), Assert.Single(shop.Facts.OfType<PointsLapsed>()).At);
    }

    [Fact]
    public void A_sale_half_past_midnight_in_summer_belongs_to_the_new_day()
    {
        var shop = new Shop(new("rolling", Days: 1)).On("2026-07-01 00:30:00");
        shop.Buys("p1", 100);
        Assert.Equal(new LocalDate(2026, 7, 1), shop.State.History.Days[0].Date);
        Assert.Equal(100, shop.On("2026-07-02 23:59:59").Available);
    }

    [Fact]
    public void Points_that_never_lapse_are_there_after_thirty_years()
    {
        var shop = new Shop().On("2026-01-01");
        shop.Buys("p1", 100);
        Assert.Equal(100, shop.On("2056-01-01").Available);
    }

    [Fact]
    public void All_points_lapse_when_a_member_stays_away()
    {
        var shop = new Shop(new("inactivity", Months: 12)).On("2026-01-31");
        shop.Buys("p1", 100);
        shop.On("2026-12-24").Buys("p2", 50);
        Assert.Equal(150, shop.On("2027-12-24 23:59:59").Available);
        Assert.Equal(0, shop.On("2027-12-25 00:00:00").Available);
    }

    [Fact]
    public void A_purchase_that_came_back_was_no_visit_that_keeps_points_alive()
    {
        var shop = new Shop(new("inactivity", Months: 12)).On("2026-01-31");
        shop.Buys("p1", 100);
        shop.On("2026-12-24").Buys("p2", 50);
        shop.Returns("p2", 50);
        Assert.Equal(100, shop.On("2027-01-31 23:59:59").Available);
        Assert.Equal(0, shop.On("2027-02-01 00:00:00").Available);
    }

    [Fact]
    public void Points_given_by_hand_keep_points_alive()
    {
        var shop = new Shop(new("inactivity", Months: 1)).On("2026-01-31");
        shop.Buys("p1", 100);
        shop.On("2026-02-28").Adjusts(1);
        Assert.Equal(101, shop.On("2026-03-28").Available);
        Assert.Equal(0, shop.On("2026-03-29").Available);
    }

    [Fact]
    public void Points_are_pending_until_the_morning_of_the_day_on_which_they_can_be_spent()
    {
        var shop = new Shop(pending: 14).On("2026-03-20 18:00:00");
        shop.Buys("p1", 100);
        Assert.Equal((0, 100), (shop.Available, shop.Pending));
        Assert.Equal((0, 100), (shop.On("2026-04-02 23:59:59").Available, shop.Pending));
        Assert.Equal((100, 0), (shop.On("2026-04-03 00:00:00").Available, shop.Pending));
    }

    [Fact]
    public void The_points_that_lapse_first_are_spent_first()
    {
        var shop = new Shop(new("rolling", Months: 1)).On("2026-01-10");
        shop.Buys("p1", 100);
        shop.On("2026-01-20").Buys("p2", 100);
        shop.Adjusts(-120);
        Assert.Equal(80, shop.On("2026-02-11").Available);
        Assert.Empty(shop.Facts.OfType<PointsLapsed>());
    }
}
