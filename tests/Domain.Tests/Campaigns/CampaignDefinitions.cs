using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Tests.Programs;
using Loyalty.Domain.Validation;
using NodaTime;
using Xunit;
using Utf8 = System.Text.Encoding;

namespace Loyalty.Domain.Tests.Campaigns;

/// <summary>What a campaign's definition may say, and how a mistake is named.</summary>
public class CampaignDefinitions
{
    internal const string ProgramJson = """
        {
          "name": "n", "currency": "GBP", "timeZone": "Europe/London",
          "units": [
            { "id": "points", "value": { "money": 1, "points": 2 } }, { "id": "stamps", "kind": "stamps" }, { "id": "free-coffee", "kind": "entitlement" }, { "id": "wallet", "kind": "cash" }
          ],
          "earn": [{ "unit": "points", "points": 1, "per": 100 }],
          "tiers": { "basis": "spend", "window": "lifetime", "levels": [{ "id": "silver", "threshold": 1 }, { "id": "gold", "threshold": 2, "bonus": 1 }] },
          "stores": [{ "id": "S1", "groups": ["south"] }, { "id": "S2" }],
          "causes": [{ "id": "bees" }]
        }
        """;

    internal const string Sale = """
        {
          "id": "c", "name": "Double weekend", "from": "2026-05-01T00:00:00+01:00", "until": "2026-09-01T00:00:00Z", "trigger": "purchase",
          "when": { "zone": "store", "dates": ["2026-06-06", "2026-06-07"], "weekdays": ["saturday", "sunday"], "hours": [{ "from": "09:00", "to": "12:30" }, { "from": "22:00", "to": "02:00" }, { "from": "00:00", "to": "24:00" }] },
          "who": {
            "tiers": ["gold", "none"], "tags": ["vegan", "mailing list"], "noTags": ["staff"], "joinedWithinDays": 30, "firstPurchase": false, "birthday": { "daysBefore": 3, "daysAfter": 7 },
            "visit": { "numbers": [10, 3] }, "absentDays": 20, "bought": { "what": { "categories": ["bread"] }, "withinDays": 60, "quantity": 2.5 }
          },
          "where": { "stores": ["S1", "S2"], "storeGroups": ["south"], "channels": ["web"] },
          "what": {
            "skus": ["a"], "categories": ["b"], "brands": ["c"], "not": { "skus": ["x"], "categories": ["y"], "brands": ["z"] },
            "minimumQuantity": 1.5, "minimumAmount": 100, "basketAmount": 5000
          },
          "gives": [
            { "type": "multiplier", "unit": "points", "factor": 2.5, "base": "tier" }, { "type": "rate", "unit": "wallet", "points": 25, "per": 1000 },
            { "type": "each", "unit": "stamps", "points": 1, "quantity": 0.5 }, { "type": "tierCredit", "amount": 500 }
          ],
          "priority": -5, "group": "weekend", "holdout": 0.1234,
          "caps": { "points": { "purchase": 100, "day": 200, "week": 300, "month": 400, "member": 500 }, "uses": { "day": 1, "week": 2, "month": 3, "member": 4 }, "whenShort": "none" },
          "budget": { "in": "money", "amount": 100000, "by": "store", "period": "month", "whenShort": "none" },
          "leaderboard": { "period": "month", "places": 10 }
        }
        """;

    internal const string Activity = """
        {
          "name": "Old phones", "trigger": { "activity": "trade-in" }, "what": { "minimumAmount": 1000, "minimumQuantity": 1 },
          "gives": [{ "type": "rate", "unit": "points", "points": 1, "per": 10 }, { "type": "donation", "unit": "points", "cause": "bees", "points": 1, "per": 100 }],
          "card": { "unit": "stamps", "size": 10, "gives": [{ "type": "bonus", "unit": "free-coffee", "points": 1 }] }
        }
        """;

    internal const string Challenge = """
        {
          "name": "Explorer", "who": { "birthday": "month", "visit": { "every": 5 } },
          "challenge": {
            "steps": [
              { "name": "Come", "count": "visits", "target": 3 }, { "name": "Cheese", "count": "quantity", "what": { "categories": ["cheese"] }, "target": 2 },
              { "name": "Spend", "count": "amount", "target": 10000 }, { "name": "Taste", "count": "activities", "activity": "x-tasting", "target": 1 }
            ],
            "withinDays": 30, "repeat": true, "gives": [{ "type": "bonus", "unit": "points", "points": 500 }]
          }
        }
        """;

    internal const string Streak = """
        { "name": "Four weeks", "streak": { "period": "week", "length": 4, "minimumAmount": 1000, "repeat": false, "gives": [{ "type": "bonus", "unit": "points", "points": 50 }] } }
        """;

    internal const string Chained = """{ "name": "And a stamp", "trigger": { "award": "first" }, "gives": [{ "type": "bonus", "unit": "stamps", "points": 1 }] }""";

    /// <summary>The smallest one.</summary>
    internal const string Minimal = """{ "name": "n", "gives": [{ "type": "bonus", "unit": "points", "points": 1 }] }""";

    internal static readonly string[] Complete = [Sale, Activity, Challenge, Streak, Chained, Minimal];

    internal static readonly ProgramDefinition Program = ReadProgram();

    [Fact]
    public void A_complete_definition_is_read_with_everything_in_it()
    {
        var c = Read(Sale);
        Assert.Equal(("c", 3, "Double weekend", Instant.FromUtc(2026, 4, 30, 23, 0), Instant.FromUtc(2026, 9, 1, 0, 0)), (c.Id, c.Version, c.Name, c.From!.Value, c.Until!.Value));
        Assert.Equal(CampaignTrigger.Purchase, c.Trigger);
        Assert.True(c.When is { StoreZone: true, Weekdays: 0b1100000, Dates.Count: 2 });
        Assert.Equal([(540, 750), (1320, 120), (0, 1440)], c.When!.Hours!);
        var who = c.Who!;
        Assert.Equal((["gold", "none"], ["vegan", "mailing list"], ["staff"]), (who.Tiers!, who.Tags!, who.NoTags!), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2.SequenceEqual(b.Item2) && a.Item3.SequenceEqual(b.Item3));
        Assert.Equal((30, false, new BirthdayWindow(3, 7, false), 20), (who.JoinedWithinDays!.Value, who.FirstPurchase, who.Birthday!, who.AbsentDays!.Value));
        Assert.Equal((0, 3, 10), (who.Visit!.Every, who.Visit.Numbers[0], who.Visit.Numbers[1]));
        Assert.True(who.Bought is { WithinDays: 60, Quantity: 2.5m, What.Categories: var bread } && bread!.Contains("bread"));
        Assert.True(c.Where is { Stores.Count: 2, StoreGroups.Count: 1, Channels.Count: 1 });
        Assert.True(c.What is { Skus.Count: 1, Categories.Count: 1, Brands.Count: 1, NotSkus.Count: 1, NotCategories.Count: 1, NotBrands.Count: 1, MinimumQuantity: 1.5m, MinimumAmount: 100, BasketAmount: 5000 });
        Assert.Equal(
            [new CampaignGive.Multiplier("points", 15_000, true), new CampaignGive.Rate("wallet", 25, 1000), new CampaignGive.Each("stamps", 1, 0.5m), new CampaignGive.TierCredit(500)], c.Gives);
        Assert.Equal((-5, "weekend", 1234), (c.Priority, c.Group, c.HoldoutPerTenThousand));
        Assert.Equal(new CampaignCaps(100, 200, 300, 400, 500, 1, 2, 3, 4, true), c.Caps);
        Assert.Equal(new CampaignBudget(BudgetMeasure.Money, 100_000, true, CampaignPeriod.Month, true), c.Budget);
        Assert.Equal(new Leaderboard(CampaignPeriod.Month, 10), c.Leaderboard);
        Assert.Equal(("campaign:c", "campaign:c:done"), (c.Rule, c.DoneRule));
        Assert.Equal(Sale, Utf8.UTF8.GetString(c.Source.Span));
    }

    [Fact]
    public void Cards_challenges_and_streaks_are_read()
    {
        var activity = Read(Activity);
        Assert.Equal(new CampaignTrigger("trade-in", null), activity.Trigger);
        Assert.True(activity.What is { Skus: null, MinimumQuantity: 1m, MinimumAmount: 1000 });
        Assert.Equal(new CampaignGive.Donation("points", "bees", 1, 100), activity.Gives[1]);
        Assert.True(activity.Card is { Unit: "stamps", Size: 10, Gives: [{ Unit: "free-coffee", Points: 1 }] });
        var challenge = Read(Challenge);
        Assert.Equal((true, 5, 0), (challenge.Who!.Birthday!.WholeMonth, challenge.Who.Visit!.Every, challenge.Who.Visit.Numbers.Count));
        Assert.True(challenge.Challenge is { WithinDays: 30, Repeat: true, Gives: [{ Unit: "points", Points: 500 }] });
        Assert.Equal(
            [("Come", StepCount.Visits, null, 3), ("Cheese", StepCount.Quantity, null, 2), ("Spend", StepCount.Amount, null, 10_000), ("Taste", StepCount.Activities, "x-tasting", 1L)],
            challenge.Challenge!.Steps.Select(step => (step.Name, step.Counts, step.Activity, step.Target)));
        Assert.True(challenge.Challenge.Steps[1].What!.Categories!.Contains("cheese"));
        Assert.True(Read(Streak).Streak is { Period: CampaignPeriod.Week, Length: 4, MinimumAmount: 1000, Repeat: false, Gives: [{ Unit: "points", Points: 50 }] });
    }

    [Fact]
    public void What_is_not_said_has_its_default()
    {
        var c = Read(Minimal);
        Assert.Equal((null, null, CampaignTrigger.Purchase, 0, null, 0), (c.From, c.Until, c.Trigger, c.Priority, c.Group, c.HoldoutPerTenThousand));
        Assert.True(c is { When: null, Who: null, Where: null, What: null, Caps: null, Budget: null, Leaderboard: null, Card: null, Challenge: null, Streak: null });
        var streak = Read(Definitions.Changed(Definitions.Changed(Streak, "streak.repeat", null), "streak.minimumAmount", null)).Streak!;
        Assert.Equal((true, 0), (streak.Repeat, streak.MinimumAmount));
        Assert.False(Read(Definitions.Changed(Definitions.Changed(Challenge, "challenge.repeat", null), "challenge.withinDays", null)).Challenge!.Repeat);
        Assert.Equal(new CampaignBudget(BudgetMeasure.Uses, 5, false, CampaignPeriod.Campaign, false), Read(Definitions.Changed(Minimal, "budget", """{ "in": "uses", "amount": 5 }""")).Budget);
        Assert.Equal(new BirthdayWindow(0, 0, false), Read(Definitions.Changed(Minimal, "who", """{ "birthday": {} }""")).Who!.Birthday);
    }

    [Fact]
    public void Conditions_that_ask_for_nothing_are_none()
    {
        var c = Read(Definitions.Changed(Definitions.Changed(Definitions.Changed(Definitions.Changed(Minimal, "when", "{}"), "who", """{ "firstPurchase": false }"""), "where", "{}"), "what", """{ "not": {} }"""));
        Assert.True(c is { When: null, Who: null, Where: null, What: null });
    }

    [Theory]
    [MemberData(nameof(Mistakes.Of), MemberType = typeof(Mistakes))]
    public void What_is_wrong_is_named_with_its_field(string document, string path, string? json, string field, string fragment)
    {
        var errors = Errors(Mistakes.Make(document, path, json));
        Assert.True(errors.Any(error => error.Field == field && error.Message.Contains(fragment, StringComparison.Ordinal)), string.Join("\n", errors));
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("{ \"name\": \"n\", }", "not JSON")]
    [InlineData("{ /* hello */ }", "not JSON")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "not JSON")]
    [InlineData("[]", "a list; an object is needed")]
    public void What_is_no_object_is_refused_as_a_whole(string json, string fragment)
    {
        var error = Assert.Single(Errors(json));
        Assert.Equal("", error.Field);
        Assert.Contains(fragment, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_definition_of_more_than_64_KiB_is_not_read()
    {
        Assert.Empty(Errors(Minimal.PadRight(CampaignParser.MaxBytes)));
        Assert.Contains("65536", Assert.Single(Errors(Minimal.PadRight(CampaignParser.MaxBytes + 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_id_of_the_address_is_checked_too()
    {
        foreach (var id in (string[])["", "a b", new('a', 33), "ä"])
        {
            var errors = new List<FieldError>();
            Assert.Null(CampaignParser.Parse(Utf8.UTF8.GetBytes(Minimal), id, 1, null, null, errors));
            Assert.Equal("id", Assert.Single(errors).Field);
        }
    }

    [Fact]
    public void Without_a_program_nothing_is_held_against_one()
    {
        var errors = new List<FieldError>();
        var json = Sale.Replace("points", "pebbles", StringComparison.Ordinal).Replace("\"pebbles\":", "\"points\":", StringComparison.Ordinal);
        Assert.NotNull(CampaignParser.Parse(Utf8.UTF8.GetBytes(json), "c", 1, null, null, errors));
        Assert.NotEmpty(Errors(json));
    }

    [Fact]
    public void A_program_without_tiers_or_stores_has_none_to_name()
    {
        var bare = ReadProgram("""{ "name": "n", "currency": "GBP", "timeZone": "UTC", "units": [{ "id": "points" }], "earn": [{ "unit": "points", "points": 1, "per": 100 }] }""");
        Assert.Equal(["who.tiers"], Errors(Definitions.Changed(Minimal, "who", """{ "tiers": ["gold", "none"] }"""), bare).Select(error => error.Field));
        Assert.Equal(["gives[0].type"], Errors(Definitions.Changed(Minimal, "gives[0]", """{ "type": "tierCredit", "amount": 5 }"""), bare).Select(error => error.Field));
        Assert.Empty(Errors(Definitions.Changed(Minimal, "where", """{ "stores": ["anywhere"] }"""), bare));
        Assert.Equal(["where.storeGroups"], Errors(Definitions.Changed(Minimal, "where", """{ "storeGroups": ["south"] }"""), bare).Select(error => error.Field));
    }

    [Fact]
    public void Garbled_definitions_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(20261128);
        for (var i = 0; i < 5000; i++)
        {
            var bytes = Utf8.UTF8.GetBytes(Complete[random.Next(Complete.Length)]);
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)(random.Next(3) == 0 ? random.Next(256) : "{}[]\",:0123456789-.etrufalsn"[random.Next(28)]);
            }

            var errors = new List<FieldError>();
            Assert.Equal(CampaignParser.Parse(bytes, "c", 1, Program, null, errors) is null, errors.Count > 0);
        }
    }

    internal static CampaignDefinition Read(string json, string id = "c", int version = 3, CampaignCatalog? published = null)
    {
        var errors = new List<FieldError>();
        var definition = CampaignParser.Parse(Utf8.UTF8.GetBytes(json), id, version, Program, published, errors);
        Assert.True(errors.Count == 0, string.Join("\n", errors));
        return definition!;
    }

    internal static List<FieldError> Errors(string json, ProgramDefinition? program = null, CampaignCatalog? published = null)
    {
        var errors = new List<FieldError>();
        var definition = CampaignParser.Parse(Utf8.UTF8.GetBytes(json), "c", 1, program ?? Program, published, errors);
        Assert.Equal(definition is null, errors.Count > 0);
        return errors;
    }

    internal static ProgramDefinition ReadProgram(string json = ProgramJson)
    {
        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(Utf8.UTF8.GetBytes(json), 1, Instant.FromUtc(2026, 5, 1, 0, 0), null, errors);
        Assert.True(errors.Count == 0, string.Join("\n", errors));
        return program!;
    }
}
