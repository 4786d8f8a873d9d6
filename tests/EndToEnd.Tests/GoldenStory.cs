using System.Globalization;
using System.Text.Json.Nodes;
using Loyalty.EndToEnd.Tests.Support;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.EndToEnd.Tests;

/// <summary>
/// What happens in the golden books: every kind of event at least once. It was played once by each released version of the journal's format, and the file and what
/// the engine said about it lie in Golden/. See <see cref="GoldenJournals.Make"/>.
/// </summary>
internal sealed class GoldenStory(EngineInProcess engine)
{
    private readonly JsonArray _requests = [];

    public static readonly Instant Begins = At("2024-01-10T10:00:00Z");

    public static readonly string[] Members = ["ANNA", "BERT", "CARA", "DORA", "EMIL", "FAYE", "GINO", "HANS"];

    /// <summary>Requests with an identity and what was answered, to be asked again.</summary>
    public JsonArray Requests => _requests;

    public static Instant At(string text) => OffsetDateTimePattern.Rfc3339.Parse(text).Value.ToInstant();

    public async Task PlayAsync(string secondProgram)
    {
        // Members with alternative ids; one changes them, so that the old ones are released.
        await PostAsync("/v1/members", """{"id":"ANNA","alternativeIds":[{"type":"card","value":"C-1"},{"type":"emailHash","value":"e1"}]}""", 201);
        await PostAsync("/v1/members", """{"id":"BERT","enrolledAt":"2023-11-30T23:30:00-05:00"}""", 201);
        await PostAsync("/v1/members", """{"id":"CARA","alternativeIds":[{"type":"card","value":"C-1"}]}""", 409);
        await PutAsync("/v1/members/ANNA/alternative-ids", """{"alternativeIds":[{"type":"card","value":"C-2"}]}""");
        await PostAsync("/v1/members", """{"id":"CARA","alternativeIds":[{"type":"card","value":"C-1"}]}""", 201);

        // Purchases: lines, categories, fractions, up to gold; a tier bonus; one late by days; anonymous ones.
        await BuyAsync("P-1", "ANNA", "2024-01-10T09:00:00Z", ("A", 2, 9_950), ("B", 1.25m, 3_049));
        await BuyAsync("P-2", "ANNA", "2024-01-10T09:30:00Z", ("C", 1, 40_000));
        await BuyAsync("P-3", "ANNA", "2024-01-10T09:45:00Z", ("C", 1, 10_000));
        await BuyAsync("P-4", "ANNA", "2024-01-05T18:00:00+01:00", ("A", 1, 4_975));
        await BuyAsync("P-5", "BERT", "2024-01-10T09:50:00Z", ("A", 4, 19_900));
        await BuyAsync("P-6", null, "2024-01-10T09:55:00Z", ("A", 1, 4_975), ("A", 1, 4_975));
        await BuyAsync("P-7", "EMIL", "2024-01-10T09:58:00Z", ("D", 3, 3_000));
        await BuyAsync("P-8", "FAYE", "2024-01-10T09:59:00Z", ("D", 3, 3_000), ("E", 1, 60_000));

        // Returns: part, rest, without receipt, before the purchase, anonymous; and refusals of many kinds.
        await ReturnAsync("R-1", "P-1", "ANNA", "2024-01-10T09:59:00Z", 200, ("A", 1, 4_975));
        await ReturnAsync("R-2", "P-1", "ANNA", "2024-01-10T09:59:10Z", 200, ("A", 1, 4_975), ("B", 1.25m, 3_049));
        await ReturnAsync("R-3", null, "BERT", "2024-01-10T09:59:20Z", 200, ("Z", 1, 1_250));
        await ReturnAsync("R-4", "P-9", "CARA", "2024-01-10T09:59:30Z", 200, ("A", 1, 4_975));
        await ReturnAsync("R-5", "P-6", null, "2024-01-10T09:59:40Z", 200, ("A", 1, 4_975));
        await ReturnAsync("R-6", null, null, "2024-01-10T09:59:50Z", 200, ("A", 1, 100));
        await ReturnAsync("R-7", "P-5", "BERT", "2024-01-10T09:59:55Z", 422, ("A", 5, 19_900));
        await ReturnAsync("R-8", "P-5", "ANNA", "2024-01-10T09:59:56Z", 422, ("A", 1, 4_975));
        await ReturnAsync("R-9", "R-7", "BERT", "2024-01-10T09:59:57Z", 422, ("A", 1, 4_975));
        await BuyAsync("P-9", "CARA", "2024-01-10T09:59:58Z", ("A", 2, 9_950));
        await ReturnAsync("R-10", "P-10", "DORA", "2024-01-10T09:59:59Z", 200, ("A", 1, 4_975));
        await PostAsync("/v1/purchases", Sale("P-11", "BERT", "2024-01-10T10:00:00Z", "EUR", null, ("A", 1, 100)), 422);
        await PostAsync("/v1/purchases", Sale("P-12", "BERT", "2024-01-11T10:00:00Z", "GBP", null, ("A", 1, 100)), 422);

        // By hand; spent points that come back become debt.
        await AdjustAsync("A-1", "EMIL", "points", 70, 200);
        await AdjustAsync("A-2", "EMIL", "stamps", -6, 200);
        await AdjustAsync("A-3", "EMIL", "stamps", -100, 422);
        await ReturnAsync("R-11", "P-7", "EMIL", "2024-01-10T09:59:59Z", 200, ("D", 3, 3_000));

        // A return that takes a tier away; blocked, not taken part, taken part again; closed with points.
        await ReturnAsync("R-12", "P-8", "FAYE", "2024-01-10T09:59:59Z", 200, ("E", 1, 60_000));
        await PostAsync("/v1/members/FAYE/block", """{"reason":"card lost","author":"desk"}""", 200);
        await BuyAsync("P-13", "FAYE", "2024-01-10T09:59:59Z", 422, ("A", 1, 100));
        await BuyAsync("P-14", "GINO", "2024-01-10T09:59:59Z", ("A", 1, 4_975));
        await PostAsync("/v1/members/GINO/close", """{"reason":"moved away","author":"desk"}""", 200);
        await PostAsync("/v1/members/FAYE/unblock", """{"reason":"found again","author":"desk"}""", 200);

        // Snapshots of all that; what follows is read from the events behind them.
        Assert.True(await engine.CheckpointAsync());
        engine.Now = At("2024-04-20T08:00:00Z");
        await BuyAsync("P-15", "ANNA", "2024-04-20T07:00:00Z", ("A", 1, 4_975));
        await ReturnAsync("R-13", "P-2", "ANNA", "2024-04-20T07:30:00Z", 200, ("C", 1, 40_000));

        // A second version: what is missing is written off from now on.
        (await engine.SendAsync(HttpMethod.Put, "/v1/program", secondProgram)).Expect(200);
        engine.Now = At("2024-06-01T08:00:00Z");
        await BuyAsync("P-16", "HANS", "2024-06-01T07:00:00Z", ("A", 1, 30_000));
        await AdjustAsync("A-4", "HANS", "stamps", -60, 200);
        await ReturnAsync("R-14", "P-16", "HANS", "2024-06-01T07:30:00Z", 200, ("A", 1, 15_000));
        await BuyAsync("P-17", "EMIL", "2024-06-01T07:30:00Z", ("A", 1, 2_000));

        // Stamps lapse after half a year without a visit, tiers fall after the grace in January.
        engine.Now = At("2025-01-15T08:00:00Z");
        await BuyAsync("P-18", "ANNA", "2025-01-15T07:00:00Z", ("A", 1, 4_975));
        await BuyAsync("P-19", "HANS", "2025-01-15T07:00:00Z", ("A", 1, 99));
    }

    /// <summary>All that the engine says about the books.</summary>
    public static async Task<JsonObject> DescribeAsync(EngineInProcess engine)
    {
        var members = new JsonObject();
        var statements = new JsonObject();
        foreach (var id in Members)
        {
            var answer = await engine.SendAsync(HttpMethod.Get, $"/v1/members/{id}");
            members[id] = answer.Json;
            var pages = new JsonArray();
            for (var next = answer.Status == 200 ? "" : null; next is not null;)
            {
                var page = (await engine.SendAsync(HttpMethod.Get, $"/v1/members/{id}/statement?limit=5{next}")).Expect(200).Json;
                pages.Add(page);
                next = page["next"] is { } cursor ? $"&cursor={cursor}" : null;
            }

            statements[id] = pages;
        }

        var found = new JsonObject();
        foreach (var card in (string[])["C-1", "C-2", "C-3"])
        {
            var answer = await engine.SendAsync(HttpMethod.Get, $"/v1/members?type=card&value={card}");
            found[card] = answer.Status == 200 ? answer.Json["id"]!.DeepClone() : answer.Status;
        }

        return new JsonObject
        {
            ["members"] = members,
            ["statements"] = statements,
            ["found"] = found,
            ["program"] = (await engine.SendAsync(HttpMethod.Get, "/v1/program")).Expect(200).Json,
            ["trialBalance"] = (await engine.SendAsync(HttpMethod.Get, "/v1/ledger/trial-balance")).Expect(200).Json,
        };
    }

    private static string Sale(string id, string? member, string at, string currency, string? purchase, params (string Sku, decimal Quantity, long Amount)[] lines)
    {
        var sale = new JsonObject { ["id"] = id, ["store"] = "S-1", ["channel"] = "till", ["at"] = at, ["currency"] = currency };
        if (member is not null)
        {
            sale["member"] = member;
        }

        if (purchase is not null)
        {
            sale["purchase"] = purchase;
        }

        sale["lines"] = new JsonArray([.. lines.Select(JsonNode (line) => new JsonObject
        {
            ["sku"] = line.Sku, ["category"] = "garden", ["brand"] = "retrospot", ["quantity"] = line.Quantity, ["amount"] = line.Amount,
        })]);
        return sale.ToJsonString();
    }

    private Task BuyAsync(string id, string? member, string at, params (string, decimal, long)[] lines) => BuyAsync(id, member, at, 200, lines);

    private Task BuyAsync(string id, string? member, string at, int status, params (string, decimal, long)[] lines) =>
        PostAsync("/v1/purchases", Sale(id, member, at, "GBP", null, lines), status);

    private Task ReturnAsync(string id, string? purchase, string? member, string at, int status, params (string, decimal, long)[] lines) =>
        PostAsync("/v1/returns", Sale(id, member, at, "GBP", purchase, lines), status);

    private Task AdjustAsync(string id, string member, string unit, long points, int status) => PostAsync(
        "/v1/adjustments",
        $$"""{"id":"{{id}}","member":"{{member}}","unit":"{{unit}}","points":{{points.ToString(CultureInfo.InvariantCulture)}},"reason":"goodwill","author":"desk"}""",
        status);

    private async Task PutAsync(string path, string json) => (await engine.SendAsync(HttpMethod.Put, path, json)).Expect(200);

    private async Task PostAsync(string path, string json, int status)
    {
        var answer = (await engine.SendAsync(HttpMethod.Post, path, json)).Expect(status);
        if (path is "/v1/purchases" or "/v1/returns" or "/v1/adjustments")
        {
            _requests.Add(new JsonObject { ["path"] = path, ["body"] = JsonNode.Parse(json), ["status"] = answer.Status, ["answer"] = answer.Json });
        }
    }
}
