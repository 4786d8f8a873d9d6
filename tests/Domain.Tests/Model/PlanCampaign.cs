using System.Text.Json.Nodes;
using NodaTime;

namespace Loyalty.Domain.Tests.Model;

/// <summary>A campaign as plain data: what the model reads, and what the real parser gets as JSON. Published before everything else, in one version.</summary>
internal sealed record PlanCampaign(string Id)
{
    public Instant From { get; init; } = Instant.FromUtc(2000, 1, 1, 0, 0);

    public Instant? Until { get; init; }

    /// <summary>In order of time: what holds for requests at or after each.</summary>
    public (Instant At, bool Paused)[] Pauses { get; init; } = [];

    public string? OnActivity { get; init; }

    public string? OnAward { get; init; }

    public PlanWhen? When { get; init; }

    public PlanWho? Who { get; init; }

    public string[]? Stores { get; init; }

    public string[]? StoreGroups { get; init; }

    public string[]? Channels { get; init; }

    public PlanWhat? What { get; init; }

    public PlanGive[] Gives { get; init; } = [];

    public PlanCard? Card { get; init; }

    public PlanChallenge? Challenge { get; init; }

    public PlanStreak? Streak { get; init; }

    public int Priority { get; init; }

    public string? Group { get; init; }

    public PlanCaps? Caps { get; init; }

    public PlanBudget? Budget { get; init; }

    public int Holdout { get; init; }

    /// <summary>Whether it judges requests of that time.</summary>
    public bool IsInForce(Instant at) => From <= at && (Until is null || at < Until) && !Pauses.LastOrDefault(pause => pause.At <= at).Paused;

    public override string ToString() =>
        $"{ToJson().ToJsonString()}{string.Concat(Pauses.Select(pause => $" {(pause.Paused ? "paused" : "resumed")} {pause.At}"))}";

    public JsonObject ToJson()
    {
        var json = new JsonObject { ["name"] = Id, ["from"] = Time(From), ["priority"] = Priority };
        if (Until is { } until)
        {
            json["until"] = Time(until);
        }

        if (OnActivity is not null || OnAward is not null)
        {
            json["trigger"] = OnActivity is not null ? new JsonObject { ["activity"] = OnActivity } : new JsonObject { ["award"] = OnAward };
        }

        Put(json, "when", When?.ToJson());
        Put(json, "who", Who?.ToJson());
        if (Stores is not null || StoreGroups is not null || Channels is not null)
        {
            json["where"] = new JsonObject();
            Put(json["where"]!.AsObject(), "stores", Words(Stores));
            Put(json["where"]!.AsObject(), "storeGroups", Words(StoreGroups));
            Put(json["where"]!.AsObject(), "channels", Words(Channels));
        }

        Put(json, "what", What?.ToJson(OnActivity is not null));
        Put(json, "gives", Gives.Length == 0 ? null : new JsonArray([.. Gives.Select(give => give.ToJson())]));
        Put(json, "card", Card?.ToJson());
        Put(json, "challenge", Challenge?.ToJson());
        Put(json, "streak", Streak?.ToJson());
        Put(json, "group", Group is null ? null : JsonValue.Create(Group));
        Put(json, "caps", Caps?.ToJson());
        Put(json, "budget", Budget?.ToJson());
        if (Holdout > 0)
        {
            json["holdout"] = Holdout / 10_000m;
        }

        return json;
    }

    internal static void Put(JsonObject json, string name, JsonNode? value)
    {
        if (value is not null)
        {
            json[name] = value;
        }
    }

    internal static JsonArray? Words(string[]? words) => words is null ? null : new JsonArray([.. words.Select(JsonNode (word) => word)]);

    internal static JsonArray Bonuses(PlanGive[] gives) => new([.. gives.Select(give => give.ToJson())]);

    private static string Time(Instant at) => NodaTime.Text.InstantPattern.General.Format(at);
}

internal sealed record PlanWhen(DateOnly[]? Dates, string[]? Weekdays, (int From, int To)[]? Hours, bool StoreZone)
{
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["zone"] = StoreZone ? "store" : "program" };
        PlanCampaign.Put(json, "dates", PlanCampaign.Words(Dates?.Select(date => date.ToString("yyyy-MM-dd")).ToArray()));
        PlanCampaign.Put(json, "weekdays", PlanCampaign.Words(Weekdays));
        PlanCampaign.Put(json, "hours", Hours is null ? null : new JsonArray([.. Hours.Select(JsonNode (span) => new JsonObject { ["from"] = Clock(span.From), ["to"] = Clock(span.To) })]));
        return json;
    }

    private static string Clock(int minute) => $"{minute / 60:00}:{minute % 60:00}";
}

internal sealed record PlanWho
{
    public string[]? Tiers { get; init; }

    public string[]? Tags { get; init; }

    public string[]? NoTags { get; init; }

    public int? JoinedWithinDays { get; init; }

    public bool FirstPurchase { get; init; }

    public bool BirthdayMonth { get; init; }

    public (int Before, int After)? Birthday { get; init; }

    public int VisitEvery { get; init; }

    public int[]? VisitNumbers { get; init; }

    public int? AbsentDays { get; init; }

    public (PlanWhat What, int WithinDays, decimal Quantity)? Bought { get; init; }

    public JsonObject ToJson()
    {
        var json = new JsonObject { ["firstPurchase"] = FirstPurchase };
        PlanCampaign.Put(json, "tiers", PlanCampaign.Words(Tiers));
        PlanCampaign.Put(json, "tags", PlanCampaign.Words(Tags));
        PlanCampaign.Put(json, "noTags", PlanCampaign.Words(NoTags));
        PlanCampaign.Put(json, "joinedWithinDays", JoinedWithinDays);
        PlanCampaign.Put(json, "absentDays", AbsentDays);
        if (BirthdayMonth)
        {
            json["birthday"] = "month";
        }
        else if (Birthday is { } birthday)
        {
            json["birthday"] = new JsonObject { ["daysBefore"] = birthday.Before, ["daysAfter"] = birthday.After };
        }

        if (VisitEvery > 0 || VisitNumbers is not null)
        {
            json["visit"] = VisitEvery > 0 ? new JsonObject { ["every"] = VisitEvery } : new JsonObject { ["numbers"] = new JsonArray([.. VisitNumbers!.Select(JsonNode (number) => number)]) };
        }

        if (Bought is { } bought)
        {
            json["bought"] = new JsonObject { ["what"] = bought.What.ToJson(false), ["withinDays"] = bought.WithinDays, ["quantity"] = bought.Quantity };
        }

        return json;
    }
}

internal sealed record PlanWhat
{
    public string[]? Skus { get; init; }

    public string[]? Categories { get; init; }

    public string[]? Brands { get; init; }

    public string[] NotSkus { get; init; } = [];

    public string[] NotCategories { get; init; } = [];

    public string[] NotBrands { get; init; } = [];

    public decimal MinimumQuantity { get; init; }

    public long MinimumAmount { get; init; }

    public long BasketAmount { get; init; }

    public bool Matches(ModelLine line)
    {
        var isWanted = (Skus ?? Categories ?? Brands) is null
            || Skus?.Contains(line.Sku) == true || (line.Category is not null && Categories?.Contains(line.Category) == true) || (line.Brand is not null && Brands?.Contains(line.Brand) == true);
        return isWanted && !NotSkus.Contains(line.Sku) && !NotCategories.Contains(line.Category) && !NotBrands.Contains(line.Brand);
    }

    public JsonObject ToJson(bool ofActivity)
    {
        var json = new JsonObject();
        if (!ofActivity)
        {
            PlanCampaign.Put(json, "skus", PlanCampaign.Words(Skus));
            PlanCampaign.Put(json, "categories", PlanCampaign.Words(Categories));
            PlanCampaign.Put(json, "brands", PlanCampaign.Words(Brands));
            var not = new JsonObject();
            PlanCampaign.Put(not, "skus", NotSkus.Length == 0 ? null : PlanCampaign.Words(NotSkus));
            PlanCampaign.Put(not, "categories", NotCategories.Length == 0 ? null : PlanCampaign.Words(NotCategories));
            PlanCampaign.Put(not, "brands", NotBrands.Length == 0 ? null : PlanCampaign.Words(NotBrands));
            PlanCampaign.Put(json, "not", not.Count == 0 ? null : not);
            PlanCampaign.Put(json, "basketAmount", BasketAmount == 0 ? null : BasketAmount);
        }

        PlanCampaign.Put(json, "minimumQuantity", MinimumQuantity == 0 ? null : MinimumQuantity);
        PlanCampaign.Put(json, "minimumAmount", MinimumAmount == 0 ? null : MinimumAmount);
        return json;
    }
}

/// <summary>One thing that is given; which fields count says the type.</summary>
internal sealed record PlanGive(string Type, string Unit = "", long Points = 0, long Per = 0, decimal Factor = 0, bool WithTier = false, decimal Quantity = 0, string Cause = "")
{
    public JsonNode ToJson() => Type switch
    {
        "rate" => new JsonObject { ["type"] = Type, ["unit"] = Unit, ["points"] = Points, ["per"] = Per },
        "multiplier" => new JsonObject { ["type"] = Type, ["unit"] = Unit, ["factor"] = Factor, ["base"] = WithTier ? "tier" : "base" },
        "each" => new JsonObject { ["type"] = Type, ["unit"] = Unit, ["points"] = Points, ["quantity"] = Quantity },
        "tierCredit" => new JsonObject { ["type"] = Type, ["amount"] = Points },
        "donation" when Per > 0 => new JsonObject { ["type"] = Type, ["unit"] = Unit, ["cause"] = Cause, ["points"] = Points, ["per"] = Per },
        "donation" => new JsonObject { ["type"] = Type, ["unit"] = Unit, ["cause"] = Cause, ["points"] = Points },
        _ => new JsonObject { ["type"] = "bonus", ["unit"] = Unit, ["points"] = Points },
    };
}

internal sealed record PlanCard(string Unit, long Size, PlanGive[] Gives)
{
    public JsonObject ToJson() => new() { ["unit"] = Unit, ["size"] = Size, ["gives"] = PlanCampaign.Bonuses(Gives) };
}

internal sealed record PlanStep(string Name, string Count, PlanWhat? What, string? Activity, long Target)
{
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["name"] = Name, ["count"] = Count, ["target"] = Target };
        PlanCampaign.Put(json, "what", What?.ToJson(false));
        PlanCampaign.Put(json, "activity", Activity);
        return json;
    }
}

internal sealed record PlanChallenge(PlanStep[] Steps, int? WithinDays, bool Repeat, PlanGive[] Gives)
{
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["steps"] = new JsonArray([.. Steps.Select(JsonNode (step) => step.ToJson())]), ["repeat"] = Repeat, ["gives"] = PlanCampaign.Bonuses(Gives) };
        PlanCampaign.Put(json, "withinDays", WithinDays);
        return json;
    }
}

internal sealed record PlanStreak(string Period, int Length, long MinimumAmount, bool Repeat, PlanGive[] Gives)
{
    public JsonObject ToJson() => new() { ["period"] = Period, ["length"] = Length, ["minimumAmount"] = MinimumAmount, ["repeat"] = Repeat, ["gives"] = PlanCampaign.Bonuses(Gives) };
}

/// <summary>By <c>purchase</c> (points only), <c>day</c>, <c>week</c>, <c>month</c>, <c>member</c>.</summary>
internal sealed record PlanCaps(Dictionary<string, long> Points, Dictionary<string, long> Uses, bool None)
{
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["whenShort"] = None ? "none" : "partial" };
        PlanCampaign.Put(json, "points", Caps(Points));
        PlanCampaign.Put(json, "uses", Caps(Uses));
        return json;
    }

    private static JsonObject? Caps(Dictionary<string, long> caps)
    {
        var json = new JsonObject();
        foreach (var (period, most) in caps)
        {
            json[period] = most;
        }

        return json.Count == 0 ? null : json;
    }
}

internal sealed record PlanBudget(string In, long Amount, bool ByStore, string Period, bool None)
{
    public JsonObject ToJson() => new() { ["in"] = In, ["amount"] = Amount, ["by"] = ByStore ? "store" : "campaign", ["period"] = Period, ["whenShort"] = None ? "none" : "partial" };
}

internal sealed record PlanStore(string Id, string? Zone, string[] Groups);
