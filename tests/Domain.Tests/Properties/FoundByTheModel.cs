using Loyalty.Domain.Tests.Model;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>Lives in which the domain once differed from the model, made small.</summary>
public class FoundByTheModel
{
    private static readonly Instant Start = Instant.FromUtc(2026, 1, 31, 12, 0);

    internal static PlanVersion Program(PlanExpiry? expiry = null, PlanTiers? tiers = null, string negative = "debt", int pending = 0) => new(
        Instant.FromUtc(2000, 1, 1, 0, 0), [new("points", pending, expiry ?? new("none"))], [new("base", "points", 1, 1, true)], "down", false, tiers, negative, 300);

    private static void Play(PlanVersion program, Instant start, params Step[] steps) => Run.Of(new("UTC", [program]), start, steps);

    private static Step After(double days, Act act) => new((long)(days * 86_400), act);

    private static Buy Buy(string id, long amount, long at = 0, string currency = "GBP") => new(id, at, currency, [new("a", 1, amount)]);

    [Fact]
    public void A_refused_request_finds_the_member_up_to_date_as_any_other()
    {
        var program = Program(new("rolling", Days: 1));
        Play(program, Start, After(0, Buy("p1", 100)), After(5, Buy("p2", 100, currency: "EUR")));
        Play(program, Start, After(0, Buy("p1", 100)), After(5, new GiveBack("r1", "foreign", 0, "GBP", Portion.Custom, [new("a", 1, 100)])));
        Play(program, Start, After(0, Buy("p1", 100)), After(5, new Adjust("a1", "unknown", 5)));
        Play(program, Start, After(0, Buy("p1", 100)), After(5, new SetStatus("active")));
    }

    [Fact]
    public void A_tier_reached_by_a_till_whose_clock_is_past_midnight_already_is_not_lost()
    {
        var tiers = new PlanTiers("spend", "points", "calendarYear", 0, "endOfPeriod", 1, 0, [new("silver", 2000, 0m), new("gold", 6000, 0m)]);
        var run = Run.Of(
            new("UTC", [Program(tiers: tiers)]), Instant.FromUtc(2026, 6, 30, 23, 59),
            After(0, Buy("p1", 6000, at: 120)), After(0, Buy("p2", 2000)), After(1, new Wake()));
        Assert.Equal("gold", run.Real.State.Tier.Level);
    }

    [Fact]
    public void A_sale_on_the_day_of_the_review_undoes_the_fall()
    {
        var tiers = new PlanTiers("spend", "points", "rollingMonths", 1, "months", 1, 0, [new("bronze", 100, 0m)]);
        var run = Run.Of(
            new("UTC", [Program(tiers: tiers)]), Instant.FromUtc(2025, 11, 1, 10, 0), After(0, Buy("p1", 100)), After(30, Buy("p2", 100)));
        Assert.Equal(new LocalDate(2025, 11, 1), run.Real.State.Tier.Since);
    }

    [Fact]
    public void A_late_sale_from_before_the_enrolment_does_not_make_points_lapse()
    {
        var run = Run.Of(
            new("UTC", [Program(new("inactivity", Months: 12))]), Start, After(0, new Enrol()), After(0, new GiveBack("r1", "p1", 0, "GBP", Portion.Custom, [new("a", 1, 1)])),
            After(0, Buy("p1", 50)), After(0, Buy("old", 100, at: -86_400 * 500)));
        Assert.Equal(149, Loyalty.Domain.Members.MemberDecider.Balances(run.Real.State, run.Real.At(run.Now))[0].Available);
    }

    [Fact]
    public void Points_lapse_on_a_day_that_a_zone_left_out()
    {
        // Samoa went from 29 to 31 December 2011.
        var run = Run.Of(
            new("Pacific/Apia", [Program(new("rolling", Days: 1))]), Instant.FromUtc(2011, 12, 28, 20, 0), After(0, Buy("p1", 100)), After(1, new Wake()), After(1, new Wake()));
        var lapsed = Assert.Single(run.Real.Facts.OfType<Loyalty.Domain.Members.PointsLapsed>());
        Assert.Equal(Instant.FromUtc(2011, 12, 30, 10, 0), lapsed.At);
    }

    [Fact]
    public void A_sale_on_the_day_of_a_review_that_a_late_sale_brought_about_undoes_the_fall()
    {
        var tiers = new PlanTiers("spend", "points", "membershipYear", 0, "endOfPeriod", 0, 0, [new("bronze", 4000, 0m)]);
        var run = Run.Of(
            new("UTC", [Program(tiers: tiers)]), Instant.FromUtc(2018, 11, 4, 2, 0), After(0, new Enrol()), After(0, Buy("late", 4781, at: -3 * 3600)), After(0, Buy("p1", 8000)));
        Assert.Equal(new LocalDate(2018, 11, 3), run.Real.State.Tier.Since);
    }

    [Fact]
    public void Also_when_the_late_sale_itself_changed_nothing()
    {
        var tiers = new PlanTiers("spend", "points", "membershipYear", 0, "endOfPeriod", 0, 0, [new("bronze", 1, 0m), new("silver", 2, 0m)]);
        var run = Run.Of(
            new("UTC", [Program(tiers: tiers)]), Instant.FromUtc(2025, 3, 29, 23, 30), After(0, Buy("p0", 1)), After(0, Buy("late", 2, at: -27 * 3600)), After(0, Buy("p1", 2300)));
        Assert.Equal(new LocalDate(2025, 3, 28), run.Real.State.Tier.Since);
    }
}
