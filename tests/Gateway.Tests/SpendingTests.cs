using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

/// <summary>Holds, redemptions, tender and rewards as integrators see them.</summary>
public sealed class SpendingTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private readonly string _member = Sales.NewId("spender");

    private Api Api => gateway.Api;

    [Fact]
    public async Task Points_held_count_as_spent_and_part_of_them_is_redeemed_and_the_rest_is_free()
    {
        await EarnAsync(500);
        var hold = Sales.NewId("H");
        var opened = (await HoldAsync(hold, 300)).Expect(200);
        Assert.Equal(("open", 300L), ((string)opened.Json["status"]!, (long)opened.Json["points"]!));
        Assert.Equal("2026-03-10T12:15:00Z", (string)opened.Json["expiresAt"]!);
        Assert.Equal((200L, 300L), Balance(opened));
        Assert.Equal((200L, 300L), Balance(await Api.MemberAsync(_member)));

        var other = Sales.NewId("H");
        await HoldAsync(other, 1);
        Assert.Equal([hold, other], (await Api.GetAsync($"/v1/members/{_member}/holds")).Expect(200).Json["holds"]!.AsArray().Select(one => (string)one!["id"]!));
        (await PostAsync($"/v1/holds/{other}/cancel", Sales.NewId())).Expect(200);
        (await Api.GetAsync("/v1/members/nobody-at-all/holds")).ExpectProblem(404, "unknown-member", "member");

        var commit = Sales.NewId("C");
        var paid = (await PostAsync($"/v1/holds/{hold}/commit", commit, ("points", 120))).Expect(200);
        Assert.Equal((120L, 180L), ((long)paid.Json["points"]!, (long)paid.Json["freed"]!));
        Assert.Equal((380L, 0L), Balance(paid));
        var again = (await PostAsync($"/v1/holds/{hold}/commit", commit, ("points", 120))).Expect(200);
        Assert.True((bool)again.Json["replayed"]!);
        (await PostAsync($"/v1/holds/{hold}/commit", commit, ("points", 121))).ExpectProblem(409, "conflict", "id");
        (await PostAsync($"/v1/holds/{hold}/cancel", Sales.NewId())).ExpectProblem(422, "hold-committed", "hold");
        Assert.Equal("committed", (string)(await Api.GetAsync($"/v1/holds/{hold}")).Expect(200).Json["status"]!);
    }

    [Fact]
    public async Task A_redemption_in_one_step_is_reversed_in_parts()
    {
        await EarnAsync(500);
        var id = Sales.NewId("R");
        Assert.Equal((100L, 0L), Balance((await RedeemAsync(id, 400)).Expect(200)));
        var back = (await PostAsync($"/v1/redemptions/{id}/reversal", Sales.NewId(), ("points", 150), ("reason", "broken"), ("author", "jo"))).Expect(200);
        Assert.Equal((150L, 250L), ((long)back.Json["points"]!, (long)back.Json["left"]!));
        (await PostAsync($"/v1/redemptions/{id}/reversal", Sales.NewId(), ("points", 251), ("reason", "broken"), ("author", "jo"))).ExpectProblem(422, "more-than-redeemed", "points");
        Assert.Equal((500L, 0L), Balance((await PostAsync($"/v1/redemptions/{id}/reversal", Sales.NewId(), ("reason", "broken"), ("author", "jo"))).Expect(200)));
        Assert.Equal("reversed", (string)(await Api.GetAsync($"/v1/holds/{id}")).Json["status"]!);
    }

    [Fact]
    public async Task What_is_not_known_is_not_found_and_what_is_malformed_is_said_field_by_field()
    {
        await EarnAsync(500);
        (await HoldAsync("H-nobody", 10, "nobody-at-all")).ExpectProblem(404, "unknown-member", "member");
        (await PostAsync("/v1/holds/nothing/commit", Sales.NewId())).ExpectProblem(404, "unknown-hold", "hold");
        (await Api.GetAsync("/v1/holds/nothing")).ExpectProblem(404, "unknown-hold", "hold");
        (await PostAsync("/v1/redemptions/nothing/reversal", Sales.NewId(), ("reason", "r"), ("author", "a"))).ExpectProblem(404, "unknown-redemption", "redemption");
        (await Api.PostAsync("/v1/redemptions", new JsonObject { ["id"] = "x", ["member"] = _member, ["reward"] = "nothing" })).ExpectProblem(404, "unknown-reward", "reward");
        (await Api.PostAsync("/v1/redemptions", new JsonObject { ["id"] = "x", ["member"] = _member, ["reward"] = "mug", ["points"] = 5 })).ExpectProblem(400, "malformed", "points");
        (await Api.PostAsync("/v1/holds", new JsonObject { ["id"] = "x", ["member"] = _member, ["unit"] = "points", ["points"] = 0, ["seconds"] = 0 }))
            .ExpectProblem(400, "malformed", "points", "seconds");
        (await Api.PostAsync("/v1/holds", new JsonObject { ["id"] = "x", ["member"] = _member })).ExpectProblem(400, "malformed", "unit", "points");
        (await Api.PostAsync("/v1/holds", new JsonObject { ["id"] = "x", ["member"] = _member, ["unit"] = "points", ["points"] = 1, ["hurry"] = true })).ExpectProblem(400, "malformed", "hurry");
        (await RedeemAsync(Sales.NewId(), 501)).ExpectProblem(422, "not-enough-points", "points");

        // A purchase's id is no hold.
        var purchase = Sales.NewId();
        (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 1, 100)))).Expect(200);
        (await PostAsync($"/v1/holds/{purchase}/commit", Sales.NewId())).ExpectProblem(422, "no-hold", "hold");
        (await PostAsync($"/v1/redemptions/{purchase}/reversal", Sales.NewId(), ("reason", "r"), ("author", "a"))).ExpectProblem(422, "not-redeemed", "redemption");
    }

    [Fact]
    public async Task Points_pay_for_a_part_of_a_basket_and_a_return_gives_back_points_and_money_in_proportion()
    {
        await EarnAsync(1000);
        var id = Sales.NewId();
        var purchase = Sales.Purchase(id, _member, ("kettle", 1, 30_00), ("mug", 2, 10_00)).With("tender", Tender(1000, 10_00));
        var bought = (await Api.PurchaseAsync(purchase)).Expect(200);
        Assert.Equal(30, (long)bought.Json["awards"]![0]!["points"]!);
        Assert.Equal((30L, 0L), Balance(bought));
        Assert.True((bool)(await Api.PurchaseAsync(purchase)).Expect(200).Json["replayed"]!);
        (await Api.PurchaseAsync(Sales.Purchase(id, _member, ("kettle", 1, 30_00), ("mug", 2, 10_00)))).ExpectProblem(409, "conflict", "id");

        var back = (await Api.ReturnAsync(Sales.Return(Sales.NewId(), id, _member, ("mug", 1, 5_00)))).Expect(200);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{ "unit": "points", "points": 125, "amount": 125, "money": 375 }"""), back.Json["refund"]), back.Text);
        var rest = (await Api.ReturnAsync(Sales.Return(Sales.NewId(), id, _member, ("mug", 1, 5_00), ("kettle", 1, 30_00)))).Expect(200);
        Assert.Equal((1000L, 0L), Balance(rest));
        Assert.Equal((875L, 26_25L), ((long)rest.Json["refund"]!["points"]!, (long)rest.Json["refund"]!["money"]!));
    }

    [Fact]
    public async Task A_tender_is_read_alike_in_plain_and_in_unusual_spelling_and_its_mistakes_are_named()
    {
        await EarnAsync(100);
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("a", 1, 100)).With("tender", Tender(101, 50)))).ExpectProblem(422, "not-enough-points", "tender.points");
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("a", 1, 100)).With("tender", Tender(100, 101)))).ExpectProblem(422, "tender-too-large", "tender.amount");
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), null, ("a", 1, 100)).With("tender", Tender(1, 1)))).ExpectProblem(422, "tender-without-member", "tender");
        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), null, _member, ("a", 1, 100)).With("tender", Tender(1, 1)))).ExpectProblem(400, "malformed", "tender");
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("a", 1, 100)).With("tender", new JsonObject { ["unit"] = "points", ["points"] = 0, ["rate"] = 1 })))
            .ExpectProblem(400, "malformed", "tender.points", "tender.rate", "tender.amount");
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("a", 1, 100)).With("tender", null))).Expect(200);
        (await Api.StreamAsync("/v1/purchases", Sales.Purchase(Sales.NewId(), _member, ("a", 1, 100)).With("tender", Tender(40, 40)))).Expect(200);
        Assert.Equal(61, await Api.PointsAsync(_member));
    }

    [Fact]
    public async Task A_reward_is_put_stocked_held_redeemed_given_back_and_withdrawn()
    {
        await EarnAsync(2000);
        var reward = Sales.NewId("mug");
        var definition = new JsonObject
        {
            ["name"] = "A mug", ["type"] = "goods", ["unit"] = "points", ["points"] = 500, ["money"] = 250, ["limitedStock"] = true,
            ["limit"] = new JsonObject { ["quantity"] = 2, ["per"] = "year" },
        };
        Assert.Equal((1, false), Revision((await Api.PutAsync($"/v1/rewards/{reward}", definition.ToJsonString())).Expect(200)));
        Assert.Equal((1, true), Revision((await Api.PutAsync($"/v1/rewards/{reward}", definition.ToJsonString())).Expect(200)));
        (await RewardAsync("/v1/redemptions", Sales.NewId(), reward)).ExpectProblem(422, "out-of-stock", "quantity");
        var delivery = Sales.NewId();
        Assert.Equal(3, (long)(await PostAsync($"/v1/rewards/{reward}/stock", delivery, ("change", 3), ("reason", "r"), ("author", "a"))).Expect(200).Json["free"]!);
        Assert.True((bool)(await PostAsync($"/v1/rewards/{reward}/stock", delivery, ("change", 3), ("reason", "r"), ("author", "a"))).Expect(200).Json["replayed"]!);
        (await PostAsync($"/v1/rewards/{reward}/stock", Sales.NewId(), ("change", -4), ("reason", "r"), ("author", "a"))).ExpectProblem(422, "not-enough-stock", "change");

        var redemption = Sales.NewId();
        var redeemed = (await RewardAsync("/v1/redemptions", redemption, reward)).Expect(200);
        Assert.Equal(("committed", 500L, 250L), ((string)redeemed.Json["status"]!, (long)redeemed.Json["points"]!, (long)redeemed.Json["money"]!));
        Assert.Equal((1500L, 0L), Balance(redeemed));
        var again = (await RewardAsync("/v1/redemptions", redemption, reward)).Expect(200);
        Assert.True((bool)again.Json["replayed"]!);
        var hold = Sales.NewId();
        Assert.Equal("open", (string)(await RewardAsync("/v1/holds", hold, reward)).Expect(200).Json["status"]!);
        (await RewardAsync("/v1/redemptions", Sales.NewId(), reward)).ExpectProblem(422, "reward-limit", "quantity");
        (await PostAsync($"/v1/holds/{hold}/commit", Sales.NewId(), ("points", 1))).ExpectProblem(422, "partial-reward", "points");
        (await PostAsync($"/v1/holds/{hold}/cancel", Sales.NewId())).Expect(200);
        (await PostAsync($"/v1/redemptions/{redemption}/reversal", Sales.NewId(), ("reason", "r"), ("author", "a"))).Expect(200);
        Assert.Equal((2000L, 0L), Balance(await Api.MemberAsync(_member)));

        // The messages of the last two are on their way by themselves.
        Reply view;
        do
        {
            view = (await Api.GetAsync($"/v1/rewards/{reward}")).Expect(200);
        }
        while ((long)view.Json["free"]! != 3);
        Assert.Equal((0L, 0L), ((long)view.Json["reserved"]!, (long)view.Json["redeemed"]!));
        Assert.Contains((await Api.GetAsync("/v1/rewards?limit=500")).Expect(200).Json["rewards"]!.AsArray(), one => (string)one!["id"]! == reward);
        (await Api.PostAsync($"/v1/rewards/{reward}/withdraw", new JsonObject { ["reason"] = "r", ["author"] = "a" })).Expect(200);
        (await RewardAsync("/v1/holds", Sales.NewId(), reward)).ExpectProblem(422, "reward-withdrawn", "reward");
        (await Api.PutAsync($"/v1/rewards/{reward}", definition.With("limitedStock", false).ToJsonString())).ExpectProblem(422, "stock-kind", "limitedStock");
        (await Api.PutAsync($"/v1/rewards/{reward}", """{ "name": "", "type": "boat", "unit": "miles", "points": 0, "tiers": ["none", "none", "king"] }"""))
            .ExpectProblem(400, "malformed", "name", "type", "unit", "points", "tiers[1]", "tiers[2]");
    }

    [Fact]
    public async Task A_statement_tells_of_holds_redemptions_and_what_came_back()
    {
        await EarnAsync(500);
        var (hold, other, redemption) = (Sales.NewId(), Sales.NewId(), Sales.NewId());
        await HoldAsync(hold, 100);
        await PostAsync($"/v1/holds/{hold}/commit", Sales.NewId(), ("points", 60));
        await HoldAsync(other, 50);
        await PostAsync($"/v1/holds/{other}/cancel", Sales.NewId());
        await RedeemAsync(redemption, 10);
        await PostAsync($"/v1/redemptions/{redemption}/reversal", Sales.NewId(), ("reason", "r"), ("author", "a"));
        var entries = (await Api.GetAsync($"/v1/members/{_member}/statement")).Expect(200).Json["entries"]!.AsArray();
        Assert.Equal(
            ["reversal 10 440", "redemption -10 430", "cancel 50 440", "hold -50 390", "commit 40 440", "commit -60 400", "hold -100 400", "adjustment 500 500"],
            entries.Select(entry => $"{entry!["kind"]} {entry["points"]} {entry["balance"]}"));
    }

    private static (long Available, long Held) Balance(Reply reply) =>
        reply.Json["balances"]!.AsArray().Single(one => (string)one!["unit"]! == "points")! is var balance ? ((long)balance["available"]!, (long)balance["held"]!) : default;

    private static (int Revision, bool Replayed) Revision(Reply reply) => ((int)reply.Json["revision"]!, (bool)reply.Json["replayed"]!);

    private static JsonObject Tender(long points, long amount) => new() { ["unit"] = "points", ["points"] = points, ["amount"] = amount };

    private async Task EarnAsync(long points)
    {
        (await Api.PostAsync("/v1/members", new JsonObject { ["id"] = _member })).Expect(201);
        (await Api.PostAsync("/v1/adjustments", new JsonObject
        {
            ["id"] = Sales.NewId("A"), ["member"] = _member, ["unit"] = "points", ["points"] = points, ["reason"] = "r", ["author"] = "a",
        })).Expect(200);
    }

    private Task<Reply> HoldAsync(string id, long points, string? member = null) =>
        Api.PostAsync("/v1/holds", new JsonObject { ["id"] = id, ["member"] = member ?? _member, ["unit"] = "points", ["points"] = points });

    private Task<Reply> RedeemAsync(string id, long points) =>
        Api.PostAsync("/v1/redemptions", new JsonObject { ["id"] = id, ["member"] = _member, ["unit"] = "points", ["points"] = points });

    private Task<Reply> RewardAsync(string path, string id, string reward) => Api.PostAsync(path, new JsonObject { ["id"] = id, ["member"] = _member, ["reward"] = reward });

    private Task<Reply> PostAsync(string path, string id, params (string Name, JsonNode Value)[] fields)
    {
        var body = new JsonObject { ["id"] = id };
        foreach (var (name, value) in fields)
        {
            body[name] = value;
        }

        return Api.PostAsync(path, body);
    }
}
