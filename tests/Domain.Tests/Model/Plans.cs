using NodaTime;

namespace Loyalty.Domain.Tests.Model;

/// <summary>Makes programs at random.</summary>
internal static class Plans
{
    public static readonly string[] Zones = ["Europe/London", "Europe/London", "Europe/London", "UTC", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", "America/New_York"];

    private static T Pick<T>(Random random, params T[] from) => from[random.Next(from.Length)];

    /// <summary>Any program of one or two versions that judge tiers alike.</summary>
    public static Plan Any(Random random)
    {
        var units = random.Next(3) switch { 0 => ["points"], 1 => new[] { "points", "stamps" }, _ => ["stamps", "points", "miles"] };
        var tiers = random.Next(5) == 0 ? null : Tiers(random, units);
        var first = Version(random, units, tiers, Instant.FromUtc(2000, 1, 1, 0, 0));
        if (random.Next(3) > 0)
        {
            return new(Pick(random, Zones), [first]);
        }

        var second = Version(random, units, tiers, Instant.FromUtc(random.Next(2024, 2027), random.Next(1, 13), random.Next(1, 28), random.Next(24), 0));
        return new(Pick(random, Zones), [first, second]);
    }

    /// <summary>Any program that never changes.</summary>
    public static Plan OneVersion(Random random)
    {
        var plan = Any(random);
        return plan with { Versions = plan.Versions[..1] };
    }

    /// <summary>A program whose second version has other tiers: what happens then is not modelled, but the laws hold.</summary>
    public static Plan ChangingTiers(Random random)
    {
        var units = new[] { "points", "stamps" };
        PlanVersion Any(Instant from) => Version(random, units, Tiers(random, units), from);
        var (first, second) = (Any(Instant.FromUtc(2000, 1, 1, 0, 0)), Any(Instant.FromUtc(random.Next(2024, 2027), random.Next(1, 13), random.Next(1, 28), 0, 0)));
        var lost = first.Tiers!.Levels.Where(level => second.Tiers!.Levels.All(other => other.Id != level.Id)).Select((level, i) =>
            level with { Threshold = second.Tiers!.Levels[^1].Threshold + 1 + i });
        return new(Pick(random, Zones), [first, second with { Tiers = second.Tiers! with { Levels = [.. second.Tiers.Levels, .. lost] } }]);
    }

    /// <summary>A version with these units and tiers; the rest is chosen.</summary>
    public static PlanVersion Version(Random random, string[] units, PlanTiers? tiers, Instant from)
    {
        var earn = new List<PlanEarn>();
        foreach (var unit in units)
        {
            for (var i = random.Next(1, 3); i > 0; i--)
            {
                var (points, per) = Pick(random, (1L, 100L), (1, 1), (5, 100), (3, 7), (1, 20), (10, 1000), (2, 3), (1, 200));
                earn.Add(new(i == 1 ? "base" : "extra", unit, points, per, random.Next(4) > 0));
            }
        }

        return new(
            from,
            [.. units.Select(unit => new PlanUnit(unit, Pick(random, 0, 0, 0, 1, 2, 14, 30), Expiry(random)))],
            [.. earn], Pick(random, "down", "half-up", "half-even"), random.Next(2) == 0, tiers, Pick(random, "debt", "debt", "zero", "refuse"), Pick(random, 300, 300, 0));
    }

    private static PlanExpiry Expiry(Random random) => random.Next(6) switch
    {
        0 => new("none"),
        1 => new("rolling", Months: Pick(random, 0, 1, 1, 3, 12), Days: Pick(random, 1, 7, 30), EndOfMonth: random.Next(2) == 0),
        2 => new("rolling", Months: Pick(random, 1, 2, 6, 36), EndOfMonth: random.Next(3) == 0),
        3 => new("endOfPeriod", Period: Pick(random, "month", "quarter", "year"), Periods: random.Next(3)),
        4 => new("fixedDates", Dates: Pick(random, ["03-31"], ["02-29", "08-31"], new[] { "12-31", "06-30", "01-01" }), MinimumDays: Pick(random, 0, 1, 30, 400)),
        _ => new("inactivity", Months: Pick(random, 1, 1, 3, 12)),
    };

    /// <summary>Any way to judge tiers.</summary>
    public static PlanTiers Tiers(Random random, string[] units)
    {
        var basis = Pick(random, "spend", "points", "visits");
        var window = Pick(random, "calendarYear", "rollingMonths", "membershipYear", "lifetime");
        var retention = window is "rollingMonths" or "lifetime" ? Pick(random, "months", "months", "forever") : Pick(random, "endOfPeriod", "endOfPeriod", "months", "forever");
        var names = new[] { "bronze", "silver", "gold" };
        var levels = new PlanLevel[random.Next(1, 4)];
        long threshold = 0;
        for (var i = 0; i < levels.Length; i++)
        {
            threshold += basis switch { "visits" => random.Next(1, 4), "spend" => Pick(random, 1, 2000, 4000, 6000), _ => Pick(random, 1, 20, 50, 100, 1500) };
            levels[i] = new(names[i], threshold, Pick(random, 0m, 0.25m, 0.5m, 1m, 0.333333m));
        }

        return new(
            basis, Pick(random, units), window, window == "rollingMonths" ? Pick(random, 1, 3, 12, 24) : 0, retention,
            retention switch { "endOfPeriod" => random.Next(0, 3), "months" => Pick(random, 1, 3, 12, 13), _ => 0 }, Pick(random, 0, 0, 1, 30, 90), levels);
    }
}
