using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Tests.Model;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>Makes programs with campaigns at random. What the parser would refuse is made anew.</summary>
internal static class CampaignPlans
{
    public static readonly string[] Stores = ["S1", "S2", "S3"];
    public static readonly string[] Channels = ["till", "web"];
    public static readonly string[] Tags = ["vegan", "staff", "list"];
    public static readonly string[] Activities = ["review", "attendance", "x-tasting"];

    private static readonly string[] Skus = ["a", "b", "c"];
    private static readonly string[] Categories = ["bread", "wine"];
    private static readonly string[] Brands = ["house", "fine"];
    private static readonly string[] Weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    private static readonly string[] Periods = ["day", "week", "month"];

    /// <summary>Any program, with up to six campaigns.</summary>
    public static Plan Any(Random random)
    {
        var plan = Plans.Any(random);
        plan = plan with
        {
            Versions =
            [
                .. plan.Versions.Select(version => version with
                {
                    Stores = [new("S1", null, ["south"]), new("S2", "Asia/Tokyo", ["south", "outlet"]), new("S3", "America/Los_Angeles", [])],
                    Causes = ["bees"],
                    Units = [.. version.Units.Select(unit => unit with { Value = Pick(random, null, (1L, 1L), (1, 3), (5, 2), ((long, long)?)(0, 1)) })],
                }),
            ],
        };
        var program = RealMember.Catalog(plan);
        var campaigns = new List<PlanCampaign>();
        for (var i = random.Next(1, 7); i > 0; i--)
        {
            PlanCampaign campaign;
            do
            {
                campaign = Campaign(random, $"c{random.Next(3)}{i}", plan, campaigns);
            }
            while (!program.Versions.All(version => IsRead(campaign, version)));
            campaigns.Add(campaign);
        }

        return plan with { Campaigns = [.. campaigns] };
    }

    /// <summary>Whether the parser takes it.</summary>
    public static bool IsRead(PlanCampaign campaign, Loyalty.Domain.Programs.ProgramDefinition? program) =>
        CampaignParser.Parse(System.Text.Encoding.UTF8.GetBytes(campaign.ToJson().ToJsonString()), campaign.Id, 1, program, null, new List<FieldError>()) is not null;

    private static T Pick<T>(Random random, params T[] from) => from[random.Next(from.Length)];

    private static bool Often(Random random, int percent) => random.Next(100) < percent;

    private static T[]? Some<T>(Random random, int percent, params T[] from)
    {
        if (!Often(random, percent))
        {
            return null;
        }

        random.Shuffle(from = [.. from]);
        return from[..random.Next(1, from.Length)];
    }

    private static PlanCampaign Campaign(Random random, string id, Plan plan, List<PlanCampaign> before)
    {
        var units = plan.Versions[0].Units.Select(unit => unit.Id).ToArray();
        var onAward = before.Count > 0 && Often(random, 20) ? before[random.Next(before.Count)].Id : null;
        var onActivity = onAward is null && Often(random, 20) ? Pick(random, [.. Activities, "sign-up"]) : null;
        var first = AnyTime(random);
        var campaign = new PlanCampaign(id)
        {
            From = Often(random, 85) ? Instant.FromUtc(1960, 1, 1, 0, 0) : first,
            Until = Often(random, 10) ? first + Duration.FromDays(random.Next(1, 500)) : null,
            Pauses = Often(random, 10) ? [(first, true), (first + Duration.FromDays(random.Next(1, 60)), false)] : [],
            OnActivity = onActivity,
            OnAward = onAward,
            When = Often(random, 20) ? When(random) : null,
            Who = Often(random, 35) ? Who(random, plan) : null,
            Stores = Some(random, 10, Stores),
            StoreGroups = Some(random, 10, "south", "outlet"),
            Channels = Some(random, 8, Channels),
            What = Often(random, 40) ? What(random, onActivity is not null) : null,
            Gives = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Give(random, units, plan, onActivity is not null))],
            Priority = random.Next(-1, 2),
            Group = Often(random, 30) ? Pick(random, "g", "h") : null,
            Caps = Often(random, 25) ? Caps(random) : null,
            Budget = Often(random, 20)
                ? new(Pick(random, "points", "points", "money", "uses"), random.Next(1, 40), Often(random, 30), Pick(random, "campaign", "day", "week", "month"), Often(random, 40)) : null,
            Holdout = Often(random, 8) ? 5000 : 0,
        };
        switch (random.Next(8))
        {
            case 0:
                return Sometimes(campaign with { Card = new(Pick(random, units), Pick(random, 1L, 5, 10, 100), Bonuses(random, units)) });
            case 1 when onAward is null && onActivity is null:
                return Sometimes(campaign with { Challenge = AnyChallenge(random, units) });
            case 2 when onAward is null && onActivity is null:
                return Sometimes(campaign with { Streak = new(Pick(random, Periods), random.Next(2, 5), Pick(random, 0L, 0, 1000), Often(random, 60), Bonuses(random, units)) });
            default:
                return campaign;
        }

        PlanCampaign Sometimes(PlanCampaign with) => Often(random, 60) ? with with { Gives = [], Caps = null, Budget = null } : with;
    }

    private static PlanGive[] Bonuses(Random random, string[] units) => [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => new PlanGive("bonus", Pick(random, units), Pick(random, 1L, 5, 20)))];

    private static PlanChallenge AnyChallenge(Random random, string[] units) => new(
        [.. Enumerable.Range(0, random.Next(1, 4)).Select(i => AnyStep(random, $"step {i}"))], Often(random, 60) ? Pick(random, 1, 7, 30, 400) : null, Often(random, 50), Bonuses(random, units));

    private static PlanStep AnyStep(Random random, string name) => random.Next(4) switch
    {
        0 => new(name, "visits", StepWhat(random), null, random.Next(1, 4)),
        1 => new(name, "quantity", StepWhat(random), null, random.Next(1, 6)),
        2 => new(name, "amount", StepWhat(random), null, Pick(random, 1, 1000, 5000)),
        _ => new(name, "activities", null, Pick(random, Activities), random.Next(1, 3)),
    };

    private static PlanWhat? StepWhat(Random random) => Often(random, 50) ? null : What(random, false) with { MinimumAmount = 0, MinimumQuantity = 0, BasketAmount = 0 };

    private static Instant AnyTime(Random random) => Instant.FromUtc(random.Next(2023, 2027), random.Next(1, 13), random.Next(1, 28), random.Next(24), 0);

    private static PlanWhen When(Random random)
    {
        var day = new DateOnly(random.Next(2023, 2027), random.Next(1, 13), random.Next(1, 28));
        var hour = random.Next(24) * 60;
        return new(
            Often(random, 8) ? [.. Enumerable.Range(0, 20).Select(i => day.AddDays(i))] : null,
            Some(random, 50, Weekdays),
            Often(random, 50) ? [(hour, Pick(random, 1440, (hour + 720) % 1440, (hour + 30) % 1440))] : null,
            Often(random, 40));
    }

    private static PlanWho Who(Random random, Plan plan)
    {
        var who = new PlanWho();
        switch (random.Next(9))
        {
            case 0:
                return who with { Tiers = Some(random, 100, ["none", .. plan.Versions[0].Tiers?.Levels.Select(level => level.Id) ?? ["none2"]]) };
            case 1:
                return who with { Tags = Some(random, 100, Tags) };
            case 2:
                return who with { NoTags = Some(random, 100, Tags) };
            case 3:
                return who with { JoinedWithinDays = Pick(random, 0, 1, 30, 365) };
            case 4:
                return who with { FirstPurchase = true };
            case 5:
                return Often(random, 40) ? who with { BirthdayMonth = true } : who with { Birthday = (random.Next(0, 31), random.Next(0, 31)) };
            case 6:
                return Often(random, 50) ? who with { VisitEvery = random.Next(1, 5) } : who with { VisitNumbers = Some(random, 100, 1, 2, 3, 4, 5, 7) };
            case 7:
                return who with { AbsentDays = Pick(random, 1, 2, 10, 30) };
            default:
                return who with { Bought = (What(random, false) with { MinimumAmount = 0, MinimumQuantity = 0, BasketAmount = 0 }, Pick(random, 1, 7, 60, 400), Pick(random, 0.5m, 1, 2, 5)) };
        }
    }

    private static PlanWhat What(Random random, bool ofActivity) => ofActivity
        ? new() { MinimumAmount = Pick(random, 0, 1, 1000), MinimumQuantity = Pick(random, 0, 1, 2.5m) }
        : new()
        {
            Skus = Some(random, 30, Skus),
            Categories = Some(random, 30, Categories),
            Brands = Some(random, 20, Brands),
            NotSkus = Some(random, 10, "b", "d") ?? [],
            NotCategories = Some(random, 5, "wine", "cheese") ?? [],
            NotBrands = Some(random, 10, "fine", "poor") ?? [],
            MinimumQuantity = Pick(random, 0, 0, 0, 1, 2.5m),
            MinimumAmount = Pick(random, 0, 0, 0, 1, 1000),
            BasketAmount = Pick(random, 0, 0, 0, 2500),
        };

    private static PlanGive Give(Random random, string[] units, Plan plan, bool ofActivity)
    {
        var unit = Pick(random, units);
        var (points, per) = Pick(random, (1L, 100L), (1, 1), (3, 7), (5, 1000), (25, 1000));
        return random.Next(ofActivity ? 1 : 0, 8) switch
        {
            0 => new("multiplier", unit, Factor: Pick(random, 2m, 1.5m, 3m, 1.0001m, 5m), WithTier: Often(random, 50)),
            1 or 2 => new("bonus", unit, Pick(random, 1L, 5, 10, 100)),
            3 => new("each", unit, Pick(random, 1L, 2, 10), Quantity: Pick(random, 0.5m, 1, 2, 3)),
            4 when plan.Versions.All(version => version.Tiers is not null) => new("tierCredit", Points: Pick(random, 1L, 2, 100, 2000)),
            5 when Often(random, 70) => new("donation", unit, points, Often(random, 50) ? per : 0, Cause: "bees"),
            _ => new("rate", unit, points, per),
        };
    }

    private static PlanCaps Caps(Random random)
    {
        var (points, uses) = (new Dictionary<string, long>(), new Dictionary<string, long>());
        foreach (var period in Periods.Append("purchase").Append("member").Where(_ => Often(random, 25)))
        {
            points[period] = Pick(random, 1, 5, 10, 20, 100);
        }

        foreach (var period in Periods.Append("member").Where(_ => Often(random, 15)))
        {
            uses[period] = random.Next(1, 4);
        }

        if (points.Count + uses.Count == 0)
        {
            uses["day"] = 1;
        }

        return new(points, uses, Often(random, 40));
    }
}
