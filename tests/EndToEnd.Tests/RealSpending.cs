using System.Text.Json.Nodes;
using Loyalty.EndToEnd.Tests.Support;

namespace Loyalty.EndToEnd.Tests;

/// <summary>After the year the members of the real shop spend what they have earned, in every way there is.</summary>
internal static class RealSpending
{
    private const int EveryNth = 20;

    /// <summary>Has some of the members spend, and expects that the books say so.</summary>
    /// <returns>How many of them did.</returns>
    public static async Task<int> SpendAsync(Engine engine, string[] members)
    {
        var held = 0L;
        var spenders = 0;
        foreach (var member in members.Where((_, i) => i % EveryNth == 0))
        {
            var points = await AvailableAsync(engine, member);
            if (points < 10)
            {
                continue;
            }

            var before = points;
            switch (spenders++ % 5)
            {
                case 0:
                    await PostAsync(engine, "/v1/redemptions", Spend($"spend-{member}", member, points / 2));
                    await PostAsync(engine, $"/v1/redemptions/spend-{member}/reversal", new() { ["id"] = $"back-{member}", ["points"] = 3, ["reason"] = "r", ["author"] = "a" });
                    points -= (points / 2) - 3;
                    break;
                case 1:
                    await PostAsync(engine, "/v1/holds", Spend($"spend-{member}", member, points));
                    await PostAsync(engine, $"/v1/holds/spend-{member}/commit", new() { ["id"] = $"pay-{member}", ["points"] = 7 });
                    points -= 7;
                    break;
                case 2:
                    await PostAsync(engine, "/v1/holds", Spend($"spend-{member}", member, points));
                    await PostAsync(engine, $"/v1/holds/spend-{member}/cancel", new() { ["id"] = $"stop-{member}" });
                    break;
                case 3:
                    await PostAsync(engine, "/v1/holds", Spend($"spend-{member}", member, 5).With("seconds", 86_000));
                    points -= 5;
                    held += 5;
                    break;
                default:
                    // All of it is paid with points, so nothing is earned, and half of it comes back.
                    await PostAsync(engine, "/v1/purchases", Sale($"spend-{member}", member, 10).With("tender", new JsonObject { ["unit"] = "points", ["points"] = 10, ["amount"] = 10 }));
                    await PostAsync(engine, "/v1/returns", Sale($"back-{member}", member, 5).With("purchase", $"spend-{member}"));
                    points -= 5;
                    break;
            }

            Assert.True(points == await AvailableAsync(engine, member), $"{member} had {before}");
        }

        Assert.True(spenders > 20, $"only {spenders} members had something to spend");
        var books = JsonNode.Parse(await engine.TrialBalanceAsync())!["units"]!.AsArray().Single(unit => (string)unit!["unit"]! == "points")!;
        Assert.Equal(0, (long)books["sum"]!);
        Assert.Equal(held, (long)books["accounts"]!.AsArray().Single(account => (string)account!["account"]! == "held")!["balance"]!);
        return spenders;
    }

    private static JsonObject Spend(string id, string member, long points) => new() { ["id"] = id, ["member"] = member, ["unit"] = "points", ["points"] = points };

    private static JsonObject Sale(string id, string member, long amount) => new()
    {
        ["id"] = id, ["member"] = member, ["store"] = "WEB", ["at"] = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:sszzz", System.Globalization.CultureInfo.InvariantCulture), ["currency"] = "GBP",
        ["lines"] = new JsonArray(new JsonObject { ["sku"] = "gift", ["quantity"] = amount, ["amount"] = amount }),
    };

    private static JsonObject With(this JsonObject request, string field, JsonNode value)
    {
        request[field] = value;
        return request;
    }

    private static async Task PostAsync(Engine engine, string path, JsonObject body) => (await engine.PostAsync(path, body.ToJsonString())).Expect(200);

    private static async Task<long> AvailableAsync(Engine engine, string member) =>
        (long)(await engine.GetAsync($"/v1/members/{member}")).Expect(200).Json["balances"]!.AsArray().Single(balance => (string)balance!["unit"]! == "points")!["available"]!;
}
