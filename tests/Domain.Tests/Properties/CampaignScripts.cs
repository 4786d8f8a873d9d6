using FsCheck;
using FsCheck.Fluent;
using Loyalty.Domain.Tests.Model;
using NodaTime;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>Makes lives with campaigns at random, and makes failing ones smaller.</summary>
internal static class CampaignScripts
{
    private const long Day = 86_400;

    private static readonly Instant[] Starts =
    [
        Instant.FromUtc(2026, 3, 1, 12, 0), Instant.FromUtc(2024, 2, 26, 9, 30), Instant.FromUtc(2023, 12, 31, 23, 58), Instant.FromUtc(2025, 3, 29, 23, 30), Instant.FromUtc(2025, 10, 25, 22, 45),
    ];

    /// <summary>Makes lives of at most so many steps.</summary>
    public static Arbitrary<Script> Of(int steps) => Arb.From(Gen.Choose(0, int.MaxValue - 1).Select(seed => Make(new Random(seed), steps)), Shrink);

    public static Script Make(Random random, int steps)
    {
        var plan = CampaignPlans.Any(random);
        var list = new List<Step> { new(0, random.Next(3) > 0 ? new Enrol() : Buy(random, "p0")) };
        var (count, pace) = (random.Next(1, steps + 1), random.Next(3));
        for (var i = 1; i < count; i++)
        {
            list.Add(new(Advance(random, pace), AnyAct(random, i, plan)));
        }

        return new(plan, Starts[random.Next(Starts.Length)], [.. list]);
    }

    private static T Pick<T>(Random random, params T[] from) => from[random.Next(from.Length)];

    private static long Advance(Random random, int pace) => random.Next(8) switch
    {
        0 or 1 => 0,
        2 => random.Next(1, 7200),
        3 or 4 => random.Next(1, 100_000),
        5 => Day,
        6 => Day * random.Next(1, pace == 0 ? 3 : 10),
        _ => Day * random.Next(1, pace switch { 0 => 8, 1 => 40, _ => 200 }),
    };

    private static long Late(Random random) => random.Next(10) switch
    {
        < 7 => 0,
        7 => -random.Next(1, 100_000),
        8 => -Day * random.Next(1, 20),
        _ => random.Next(3) == 0 ? 200 : -Day * random.Next(1, 100),
    };

    private static Buy Buy(Random random, string id) =>
        new(id, Late(random), Plan.Currency, Lines(random)) { Store = Pick(random, CampaignPlans.Stores), Channel = Pick(random, null, "till", "web") };

    private static ModelLine[] Lines(Random random)
    {
        var lines = new ModelLine[random.Next(1, 4)];
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = new(Pick(random, "a", "b", "c"), Pick(random, 1m, 1m, 2m, 3m, 0.5m, 6m), random.Next(8) switch { 0 => 0, 1 => 1, 2 => 250, 3 => 1000, _ => random.Next(1, 6000) })
            {
                Category = Pick(random, null, "bread", "wine"), Brand = Pick(random, null, null, "house", "fine"),
            };
        }

        return lines;
    }

    private static Act AnyAct(Random random, int i, Plan plan)
    {
        switch (random.Next(20))
        {
            case < 10:
                return Buy(random, $"p{i}");
            case < 14:
                var portion = (Portion)random.Next(0, 4);
                return new GiveBack($"r{i}", $"p{Math.Max(0, i - random.Next(-1, 6))}", 0, Plan.Currency, portion, Lines(random)[..1]);
            case 14:
                return new GiveBack($"r{i}", null, 0, Plan.Currency, Portion.Custom, Lines(random));
            case 15 or 16:
                return new Deed($"d{i}", Late(random), Pick(random, CampaignPlans.Activities), Pick(random, 0L, 1, 999, 5000), Pick(random, 0m, 1m, 3m)) { Store = Pick(random, null, "S1", "S2") };
            case 17:
                return new Describe([.. CampaignPlans.Tags.Where(_ => random.Next(2) == 0)], random.Next(4) == 0 ? null : Pick(random, (2, 29), (3, 1), (random.Next(1, 13), random.Next(1, 29))));
            case 18:
                return new Adjust($"a{i}", Pick(random, plan.Versions[0].Units).Id, Pick(random, 5L, 100, -5, -100));
            default:
                return new Wake();
        }
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

        foreach (var campaign in script.Plan.Campaigns)
        {
            if (script.Plan.Campaigns.All(other => other.OnAward != campaign.Id))
            {
                yield return With(script, script.Plan.Campaigns.Where(other => other != campaign));
            }

            foreach (var simpler in Simpler(campaign).Where(simpler => CampaignPlans.IsRead(simpler, null)))
            {
                yield return With(script, script.Plan.Campaigns.Select(other => other == campaign ? simpler : other));
            }
        }

        foreach (var plan in Scripts.ShrinkPlan(script.Plan))
        {
            // Campaigns name units and levels: a plan that lost them would not be theirs.
            if (plan.Versions[0].Units.Length == script.Plan.Versions[0].Units.Length && plan.Versions[0].Tiers?.Levels.Length == script.Plan.Versions[0].Tiers?.Levels.Length)
            {
                yield return script with { Plan = plan };
            }
        }

        for (var i = 0; i < script.Steps.Length; i++)
        {
            var step = script.Steps[i];
            if (step.Seconds != 0)
            {
                yield return Replaced(script, i, step with { Seconds = 0 });
                yield return Replaced(script, i, step with { Seconds = step.Seconds / Day * Day });
                yield return Replaced(script, i, step with { Seconds = step.Seconds / 2 });
            }

            foreach (var act in Simpler(step.Act))
            {
                yield return Replaced(script, i, step with { Act = act });
            }
        }
    }

    private static Script With(Script script, IEnumerable<PlanCampaign> campaigns) => script with { Plan = script.Plan with { Campaigns = [.. campaigns] } };

    private static Script Replaced(Script script, int at, Step step) => script with { Steps = [.. script.Steps[..at], step, .. script.Steps[(at + 1)..]] };

    private static IEnumerable<PlanCampaign> Simpler(PlanCampaign campaign)
    {
        IEnumerable<PlanCampaign> all =
        [
            campaign with { When = null }, campaign with { Who = null }, campaign with { What = null }, campaign with { Stores = null }, campaign with { StoreGroups = null }, campaign with { Channels = null },
            campaign with { Caps = null }, campaign with { Budget = null }, campaign with { Group = null }, campaign with { Holdout = 0 }, campaign with { Until = null }, campaign with { Pauses = [] },
            campaign with { Card = null }, campaign with { Challenge = null }, campaign with { Streak = null }, campaign with { Priority = 0 },
            .. campaign.Gives.Length > 1 ? campaign.Gives.Select((_, i) => campaign with { Gives = [.. campaign.Gives[..i], .. campaign.Gives[(i + 1)..]] }) : [],
        ];
        return all.Where(simpler => simpler.ToString() != campaign.ToString() && simpler.Gives.Length + (simpler.Card is null ? 0 : 1) + (simpler.Challenge is null ? 0 : 1) + (simpler.Streak is null ? 0 : 1) > 0);
    }

    private static IEnumerable<Act> Simpler(Act act)
    {
        switch (act)
        {
            case Buy buy:
                if (buy.At != 0)
                {
                    yield return buy with { At = 0 };
                }

                for (var i = 0; i < buy.Lines.Length; i++)
                {
                    if (buy.Lines.Length > 1)
                    {
                        yield return buy with { Lines = [.. buy.Lines[..i], .. buy.Lines[(i + 1)..]] };
                    }

                    foreach (var line in (ModelLine[])[buy.Lines[i] with { Quantity = 1 }, buy.Lines[i] with { Amount = buy.Lines[i].Amount / 2 }, buy.Lines[i] with { Category = null, Brand = null }])
                    {
                        if (line != buy.Lines[i])
                        {
                            yield return buy with { Lines = [.. buy.Lines[..i], line, .. buy.Lines[(i + 1)..]] };
                        }
                    }
                }

                break;
            case GiveBack { Portion: not (Portion.Whole or Portion.Custom) } back:
                yield return back with { Portion = Portion.Whole };
                break;
            case Deed { At: not 0 } deed:
                yield return deed with { At = 0 };
                break;
        }
    }
}
