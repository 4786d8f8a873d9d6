using System.Text.Json.Nodes;
using Loyalty.Domain.Tests.Model;
using NodaTime;

namespace Loyalty.EndToEnd.Tests.Support;

/// <summary>Reads a program definition for the model: apart from the engine's own parser, and only what the programs of these tests say.</summary>
internal static class PlanReader
{
    public static Plan Read(byte[] json)
    {
        var program = JsonNode.Parse(json)!;
        Assert.Equal(Plan.Currency, Text(program, "currency"));
        var rounding = program["rounding"]!;
        var version = new PlanVersion(
            Instant.FromUnixTimeSeconds(0),
            [.. program["units"]!.AsArray().Select(unit => new PlanUnit(Text(unit!, "id"), Whole(unit!, "pendingDays"), Expiry(unit!["expiry"]!)))],
            [.. program["earn"]!.AsArray().Select(rule => new PlanEarn(
                Text(rule!, "id"), Text(rule!, "unit"), Whole(rule!, "points"), Whole(rule!, "per"), rule!["tierBonus"]?.GetValue<bool>() ?? true))],
            Text(rounding, "mode"),
            Text(rounding, "per") == "line",
            Tiers(program["tiers"]!, Text(program["units"]![0]!, "id")),
            Text(program, "negativeBalance"),
            Whole(program, "clockSkewSeconds"));
        return new Plan(Text(program, "timeZone"), [version]);
    }

    private static PlanExpiry Expiry(JsonNode expiry) => new(
        Text(expiry, "policy"), Whole(expiry, "months"), Whole(expiry, "days"), expiry["roundTo"]?.GetValue<string>() == "endOfMonth");

    private static PlanTiers Tiers(JsonNode tiers, string firstUnit)
    {
        var retention = tiers["retention"]!;
        var policy = Text(retention, "policy");
        return new PlanTiers(
            Text(tiers, "basis"), tiers["unit"]?.GetValue<string>() ?? firstUnit, Text(tiers, "window"), Whole(tiers, "months"),
            policy, Whole(retention, policy == "months" ? "months" : "periods"), Whole(tiers, "graceDays"),
            [.. tiers["levels"]!.AsArray().Select(level => new PlanLevel(Text(level!, "id"), Whole(level!, "threshold"), level!["bonus"]!.GetValue<decimal>()))]);
    }

    private static string Text(JsonNode node, string name) => node[name]!.GetValue<string>();

    private static int Whole(JsonNode node, string name) => node[name]?.GetValue<int>() ?? 0;
}
