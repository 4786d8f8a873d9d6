using FsCheck;
using FsCheck.Fluent;
using Loyalty.Domain.Tests.Model;
using NodaTime;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>Makes scripts at random, and makes failing ones smaller.</summary>
internal static class Scripts
{
    private const long Day = 86_400;

    private static readonly Instant[] Starts =
    [
        Instant.FromUtc(2026, 3, 1, 12, 0), Instant.FromUtc(2024, 2, 29, 9, 30), Instant.FromUtc(2023, 12, 31, 23, 58), Instant.FromUtc(2026, 1, 31, 0, 0),
        Instant.FromUtc(2025, 3, 29, 23, 30), Instant.FromUtc(2025, 10, 25, 22, 45), Instant.FromUtc(2011, 12, 29, 10, 0), Instant.FromUtc(2018, 11, 4, 2, 0),
        Instant.FromUtc(1996, 5, 31, 18, 0),
    ];

    /// <summary>Makes scripts of at most so many steps.</summary>
    public static Arbitrary<Script> Of(int steps, Func<Random, Plan>? plan = null) =>
        Arb.From(
            Gen.Choose(0, int.MaxValue - 1).Select(seed => Make(new Random(seed), steps, plan ?? Plans.Any)),
            Shrink);

    public static Script Make(Random random, int steps, Func<Random, Plan> plan)
    {
        var program = plan(random);
        var units = program.Versions[0].Units.Select(unit => unit.Id).ToArray();
        var list = new List<Step>();
        var count = random.Next(1, steps + 1);
        // Some lives are quick (days), some slow (months and years).
        var pace = random.Next(4);
        list.Add(new(0, random.Next(3) > 0 ? new Enrol() : new Buy("p0", 0, Plan.Currency, Lines(random))));
        for (var i = 1; i < count; i++)
        {
            list.Add(new(Advance(random, pace), AnyAct(random, i, units)));
        }

        return new(program, Pick(random, Starts) + Duration.FromMilliseconds(random.Next(0, 4) * 250), [.. list]);
    }

    private static T Pick<T>(Random random, params T[] from) => from[random.Next(from.Length)];

    private static long Advance(Random random, int pace) => random.Next(10) switch
    {
        0 or 1 or 2 => 0,
        3 => random.Next(1, 7200),
        4 or 5 => Day * random.Next(0, 3) + random.Next(0, 90_000),
        6 or 7 => pace == 0 ? 3600 : Day * random.Next(1, 40),
        8 => pace < 2 ? Day : Day * random.Next(20, 200),
        _ => pace < 2 ? Day * 7 : Day * random.Next(100, pace == 2 ? 400 : 1100) + random.Next(0, 90_000),
    };

    private static long SaleTime(Random random) => random.Next(20) switch
    {
        < 11 => 0,
        11 => -random.Next(1, 7200),
        12 or 13 => -random.Next(1, 100_000),
        14 or 15 => -Day * random.Next(1, 40),
        16 => -Day * random.Next(1, 400) - random.Next(0, 90_000),
        17 => random.Next(1, 300),
        18 => random.Next(10) == 0 ? 301 + random.Next(100) : 120,
        _ => random.Next(8) == 0 ? -Day * 365 * 60 : -Day * random.Next(1, 2000),
    };

    private static string Money(Random random) => random.Next(60) == 0 ? "EUR" : Plan.Currency;

    private static Act AnyAct(Random random, int i, string[] units)
    {
        switch (random.Next(24))
        {
            case < 10:
                return new Buy(random.Next(4) == 0 ? $"p{random.Next(40)}" : $"p{i}", SaleTime(random), Money(random), Lines(random));
            case < 18:
                var purchase = random.Next(24) switch
                {
                    0 => "foreign",
                    1 or 2 => null,
                    3 or 4 => $"p{i + random.Next(1, 6)}",
                    _ => $"p{Math.Max(0, i - random.Next(0, 8))}",
                };
                var portion = purchase is null ? Portion.Custom : (Portion)random.Next(0, 6);
                if (portion == Portion.Whole && random.Next(2) == 0)
                {
                    portion = Portion.Half;
                }

                return new GiveBack($"r{i}", purchase, random.Next(3) == 0 ? SaleTime(random) : 0, Money(random), portion, Lines(random));
            case < 21:
                return new Adjust($"a{i}", random.Next(20) == 0 ? "unknown" : Pick(random, units), Pick(random, 1L, 5, 100, 1000, -1, -3, -10, -50, -100, -1000));
            case 21:
                return random.Next(3) switch
                {
                    0 => new SetStatus(random.Next(5) == 0 ? "closed" : "blocked"),
                    _ => new SetStatus("active"),
                };
            default:
                return new Wake();
        }
    }

    private static ModelLine[] Lines(Random random)
    {
        var lines = new ModelLine[random.Next(6) switch { < 3 => 1, < 5 => 2, _ => 3 }];
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = new(
                Pick(random, "a", "b", "c"), Pick(random, 1m, 1m, 2m, 3m, 0.5m, 1.25m, 0.000001m),
                random.Next(12) switch
                {
                    0 => 0, 1 => 1, 2 => 50, 3 => 150, 4 => 250, 5 => 99, 6 => random.Next(40) == 0 ? 1_000_000_000_000 / 3 : 2000, _ => random.Next(1, 6000),
                });
        }

        return lines;
    }

    // ---- smaller

    private static IEnumerable<Script> Shrink(Script script)
    {
        for (var size = script.Steps.Length / 2; size >= 1; size /= 2)
        {
            for (var at = 0; at + size <= script.Steps.Length; at += size)
            {
                yield return script with { Steps = [.. script.Steps[..at], .. script.Steps[(at + size)..]] };
                var skipped = script.Steps[at..(at + size)].Sum(step => step.Seconds);
                if (at + size < script.Steps.Length && skipped > 0)
                {
                    var next = script.Steps[at + size];
                    yield return script with { Steps = [.. script.Steps[..at], next with { Seconds = next.Seconds + skipped }, .. script.Steps[(at + size + 1)..]] };
                }
            }
        }

        foreach (var plan in ShrinkPlan(script.Plan))
        {
            yield return script with { Plan = plan };
        }

        for (var i = 0; i < script.Steps.Length; i++)
        {
            foreach (var step in ShrinkStep(script.Steps[i]))
            {
                yield return script with { Steps = [.. script.Steps[..i], step, .. script.Steps[(i + 1)..]] };
            }
        }
    }

    internal static IEnumerable<Plan> ShrinkPlan(Plan plan)
    {
        if (plan.Versions.Length > 1)
        {
            yield return plan with { Versions = plan.Versions[..1] };
            yield return plan with { Versions = [plan.Versions[1] with { From = plan.Versions[0].From }] };
        }

        if (plan.Zone != "UTC")
        {
            yield return plan with { Zone = "UTC" };
        }

        IEnumerable<Func<PlanVersion, PlanVersion>> simpler =
        [
            version => version with { Tiers = null },
            version => version.Tiers is { Levels.Length: > 1 } ? version with { Tiers = version.Tiers with { Levels = version.Tiers.Levels[..^1] } } : version,
            version => version.Tiers is { Grace: > 0 } ? version with { Tiers = version.Tiers with { Grace = 0 } } : version,
            version => version.Units.Length > 1 && version.Tiers?.Unit != version.Units[^1].Id ? WithoutUnit(version, version.Units[^1].Id) : version,
            version => version.Units.Length > 1 && version.Tiers?.Unit != version.Units[0].Id ? WithoutUnit(version, version.Units[0].Id) : version,
            version => version.Earn.Any(rule => rule.Id == "extra") ? version with { Earn = [.. version.Earn.Where(rule => rule.Id != "extra")] } : version,
            version => version with { Units = [.. version.Units.Select(unit => unit with { Expiry = new("none") })] },
            version => version with { Units = [.. version.Units.Select(unit => unit with { Pending = 0 })] },
            version => version with { PerLine = false },
            version => version with { Rounding = "down" },
            version => version with { Earn = [.. version.Earn.Select(rule => rule with { Points = 1, Per = 1 })] },
            version => version with { Earn = [.. version.Earn.Select(rule => rule with { Bonus = false })] },
        ];
        foreach (var change in simpler)
        {
            var changed = plan with { Versions = [.. plan.Versions.Select(change)] };
            if (changed.ToString() != plan.ToString())
            {
                yield return changed;
            }
        }
    }

    private static PlanVersion WithoutUnit(PlanVersion version, string id) => version with
    {
        Units = [.. version.Units.Where(unit => unit.Id != id)], Earn = [.. version.Earn.Where(rule => rule.Unit != id)],
    };

    private static IEnumerable<Step> ShrinkStep(Step step)
    {
        if (step.Seconds != 0)
        {
            yield return step with { Seconds = 0 };
            if (step.Seconds % Day != 0)
            {
                yield return step with { Seconds = step.Seconds / Day * Day };
            }

            yield return step with { Seconds = step.Seconds / 2 };
            yield return step with { Seconds = step.Seconds > Day ? step.Seconds - Day : step.Seconds - 1 };
        }

        switch (step.Act)
        {
            case Buy buy:
                if (buy.At != 0)
                {
                    yield return step with { Act = buy with { At = 0 } };
                    yield return step with { Act = buy with { At = buy.At / 2 } };
                }

                if (buy.Lines.Length > 1)
                {
                    yield return step with { Act = buy with { Lines = buy.Lines[..^1] } };
                    yield return step with { Act = buy with { Lines = buy.Lines[1..] } };
                }

                foreach (var lines in ShrinkLines(buy.Lines))
                {
                    yield return step with { Act = buy with { Lines = lines } };
                }

                break;
            case GiveBack back:
                if (back.At != 0)
                {
                    yield return step with { Act = back with { At = 0 } };
                }

                if (back.Portion is not (Portion.Whole or Portion.Custom))
                {
                    yield return step with { Act = back with { Portion = Portion.Whole } };
                }

                if (back.Portion == Portion.Custom)
                {
                    if (back.Lines.Length > 1)
                    {
                        yield return step with { Act = back with { Lines = back.Lines[..^1] } };
                        yield return step with { Act = back with { Lines = back.Lines[1..] } };
                    }

                    foreach (var lines in ShrinkLines(back.Lines))
                    {
                        yield return step with { Act = back with { Lines = lines } };
                    }
                }

                break;
        }
    }

    private static IEnumerable<ModelLine[]> ShrinkLines(ModelLine[] lines)
    {
        for (var i = 0; i < lines.Length; i++)
        {
            IEnumerable<ModelLine> smaller = [lines[i] with { Quantity = 1 }, lines[i] with { Sku = "a" }, lines[i] with { Amount = lines[i].Amount / 2 }, lines[i] with { Amount = Math.Max(0, lines[i].Amount - 1) }];
            foreach (var line in smaller.Where(line => line != lines[i]))
            {
                yield return [.. lines[..i], line, .. lines[(i + 1)..]];
            }
        }
    }
}
