using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using NodaTime;

namespace Loyalty.Domain.Tests.Model;

/// <summary>A program as plain data: what the model reads, and what the real parser gets as JSON.</summary>
internal sealed record Plan(string Zone, PlanVersion[] Versions)
{
    public const string Currency = "GBP";

    public PlanCampaign[] Campaigns { get; init; } = [];

    /// <summary>Those that are published so far.</summary>
    public PlanVersion[] Versions { get; set; } = Versions;

    /// <summary>The version in force: the latest <c>From</c> at or before the instant; the first has been in force for ever.</summary>
    public PlanVersion At(Instant instant)
    {
        var found = Versions[0];
        foreach (var version in Versions.Skip(1))
        {
            if (version.From <= instant)
            {
                found = version;
            }
        }

        return found;
    }

    public int NumberOf(PlanVersion version) => Array.IndexOf(Versions, version) + 1;

    public override string ToString() =>
        string.Join("\n", Versions.Select((version, i) => $"v{i + 1}: {System.Text.Encoding.UTF8.GetString(version.ToJson(Zone))}").Concat(Campaigns.Select(campaign => $"{campaign.Id}: {campaign}")));
}

internal sealed record PlanVersion(
    Instant From, PlanUnit[] Units, PlanEarn[] Earn, string Rounding, bool PerLine, PlanTiers? Tiers, string Negative, int Skew)
{
    public PlanStore[] Stores { get; init; } = [];

    public string[] Causes { get; init; } = [];

    public PlanUnit Unit(string id) => Units.Single(unit => unit.Id == id);

    public byte[] ToJson(string zone)
    {
        var json = new JsonObject
        {
            ["name"] = "generated",
            ["currency"] = Plan.Currency,
            ["timeZone"] = zone,
            ["effectiveFrom"] = From.ToString("uuuu-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            ["units"] = new JsonArray([.. Units.Select(JsonNode (unit) => new JsonObject
            {
                ["id"] = unit.Id, ["pendingDays"] = unit.Pending, ["expiry"] = unit.Expiry.ToJson(),
                ["value"] = unit.Value is { } value ? new JsonObject { ["money"] = value.Money, ["points"] = value.Points } : null,
            })]),
            ["stores"] = new JsonArray([.. Stores.Select(JsonNode (store) => new JsonObject
            {
                ["id"] = store.Id, ["zone"] = store.Zone, ["groups"] = store.Groups.Length == 0 ? null : PlanCampaign.Words(store.Groups),
            })]),
            ["causes"] = new JsonArray([.. Causes.Select(JsonNode (cause) => new JsonObject { ["id"] = cause })]),
            ["earn"] = new JsonArray([.. Earn.Select(JsonNode (rule) => new JsonObject
            {
                ["id"] = rule.Id, ["unit"] = rule.Unit, ["points"] = rule.Points, ["per"] = rule.Per, ["tierBonus"] = rule.Bonus,
            })]),
            ["rounding"] = new JsonObject { ["mode"] = Rounding, ["per"] = PerLine ? "line" : "purchase" },
            ["negativeBalance"] = Negative,
            ["clockSkewSeconds"] = Skew,
        };
        if (Tiers is not null)
        {
            json["tiers"] = Tiers.ToJson();
        }

        return System.Text.Encoding.UTF8.GetBytes(json.ToJsonString());
    }
}

internal sealed record PlanUnit(string Id, int Pending, PlanExpiry Expiry)
{
    /// <summary>Minor units of money for points.</summary>
    public (long Money, long Points)? Value { get; init; }
}

internal sealed record PlanEarn(string Id, string Unit, long Points, long Per, bool Bonus);

internal sealed record PlanExpiry(
    string Policy, int Months = 0, int Days = 0, bool EndOfMonth = false, string Period = "", int Periods = 0, string[]? Dates = null, int MinimumDays = 0)
{
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["policy"] = Policy };
        switch (Policy)
        {
            case "rolling":
                (json["months"], json["days"], json["roundTo"]) = (Months, Days, EndOfMonth ? "endOfMonth" : "day");
                break;
            case "endOfPeriod":
                (json["period"], json["periods"]) = (Period, Periods);
                break;
            case "fixedDates":
                json["dates"] = new JsonArray([.. Dates!.Select(JsonNode (date) => date)]);
                json["minimumDays"] = MinimumDays;
                break;
            case "inactivity":
                json["months"] = Months;
                break;
        }

        return json;
    }
}

internal sealed record PlanTiers(
    string Basis, string Unit, string Window, int WindowMonths, string Retention, int RetentionCount, int Grace, PlanLevel[] Levels)
{
    public JsonObject ToJson()
    {
        var retention = new JsonObject { ["policy"] = Retention };
        if (Retention == "endOfPeriod")
        {
            retention["periods"] = RetentionCount;
        }
        else if (Retention == "months")
        {
            retention["months"] = RetentionCount;
        }

        var json = new JsonObject
        {
            ["basis"] = Basis, ["unit"] = Unit, ["window"] = Window, ["retention"] = retention, ["graceDays"] = Grace,
            ["levels"] = new JsonArray([.. Levels.Select(JsonNode (level) => new JsonObject
            {
                ["id"] = level.Id, ["threshold"] = level.Threshold, ["bonus"] = level.Bonus,
            })]),
        };
        if (Window == "rollingMonths")
        {
            json["months"] = WindowMonths;
        }

        return json;
    }
}

internal sealed record PlanLevel(string Id, long Threshold, decimal Bonus);
