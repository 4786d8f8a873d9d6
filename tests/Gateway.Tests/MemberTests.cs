using System.Text.Json.Nodes;
using NodaTime;

namespace Loyalty.Gateway.Tests;

public sealed class MemberTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private readonly string _member = Sales.NewId("M");

    private Api Api => gateway.Api;

    [Fact]
    public async Task A_member_enrols_once_and_the_same_enrolment_again_is_the_same_member()
    {
        var body = $$"""{ "id": "{{_member}}", "enrolledAt": "2025-06-01T10:00:00+01:00", "alternativeIds": [ { "type": "card", "value": "{{_member}}-card" } ] }""";

        var first = (await Api.PostAsync("/v1/members", body)).Expect(201);
        Assert.Equal($"/v1/members/{_member}", first.Header("Location"));
        Assert.Equal("2025-06-01T09:00:00Z", (string)first.Json["enrolledAt"]!);
        Assert.True((bool)(await Api.PostAsync("/v1/members", body)).Expect(200).Json["replayed"]!);
        (await Api.PostAsync("/v1/members", $$"""{ "id": "{{_member}}" }""")).ExpectProblem(409, "conflict", "id");
    }

    [Fact]
    public async Task A_member_that_a_sale_enrolled_can_still_enrol()
    {
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485)))).Expect(200);

        var reply = (await Api.PostAsync("/v1/members", $$"""{ "id": "{{_member}}", "alternativeIds": [ { "type": "card", "value": "{{_member}}" } ] }""")).Expect(201);

        Assert.Equal(14, reply.Available());
        Assert.Equal(_member, (string)reply.Json["alternativeIds"]![0]!["value"]!);
    }

    [Fact]
    public async Task A_member_is_found_by_card_until_the_card_is_replaced()
    {
        (await EnrolAsync(_member, $"{_member}/old")).Expect(201);
        Assert.Equal(_member, (string)(await FindAsync($"{_member}/old")).Expect(200).Json["id"]!);

        var replaced = (await Api.PutAsync($"/v1/members/{_member}/alternative-ids",
            $$"""{ "alternativeIds": [ { "type": "card", "value": "{{_member}}/new" }, { "type": "phoneHash", "value": "{{_member}}" } ] }""")).Expect(200);

        Assert.Equal(2, replaced.Json["alternativeIds"]!.AsArray().Count);
        Assert.Equal(_member, (string)(await FindAsync($"{_member}/new")).Expect(200).Json["id"]!);
        (await FindAsync($"{_member}/old")).ExpectProblem(404, "unknown-member", "member");
    }

    [Fact]
    public async Task Two_members_never_have_the_same_card()
    {
        (await EnrolAsync(_member, _member)).Expect(201);
        var before = await Api.StateAsync(_member);

        (await EnrolAsync(_member + "b", _member)).ExpectProblem(409, "alternative-id-taken", "alternativeIds");
        (await Api.MemberAsync(_member + "b")).ExpectProblem(404, "unknown-member", "member");
        (await EnrolAsync(_member + "b", _member + "b")).Expect(201);
        (await Api.PutAsync($"/v1/members/{_member}b/alternative-ids", $$"""{ "alternativeIds": [ { "type": "card", "value": "{{_member}}" } ] }"""))
            .ExpectProblem(409, "alternative-id-taken", "alternativeIds");

        Assert.Equal(_member, (string)(await FindAsync(_member)).Expect(200).Json["id"]!);
        Assert.Equal(_member + "b", (string)(await FindAsync(_member + "b")).Expect(200).Json["id"]!);
        Assert.Contains((await Api.MemberAsync(_member)).Text, before, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Alternative_ids_are_replaced_only_by_a_list()
    {
        (await EnrolAsync(_member, _member)).Expect(201);

        (await Api.PutAsync($"/v1/members/{_member}/alternative-ids", "{}")).ExpectProblem(400, "malformed", "alternativeIds");
        (await Api.PutAsync($"/v1/members/{_member}/alternative-ids", """{ "alternativeIds": null }""")).ExpectProblem(400, "malformed", "alternativeIds");
        Assert.Equal(_member, (string)(await FindAsync(_member)).Expect(200).Json["id"]!);

        (await Api.PutAsync($"/v1/members/{_member}/alternative-ids", """{ "alternativeIds": [] }""")).Expect(200);
        (await FindAsync(_member)).ExpectProblem(404, "unknown-member", "member");
    }

    [Fact]
    public async Task A_member_nobody_enrolled_is_not_known()
    {
        var body = """{ "reason": "test", "author": "me" }""";
        foreach (var reply in new[]
        {
            await Api.MemberAsync(_member), await Api.GetAsync($"/v1/members/{_member}/statement"), await FindAsync(_member),
            await Api.PostAsync($"/v1/members/{_member}/block", body), await Api.PostAsync($"/v1/members/{_member}/unblock", body), await Api.PostAsync($"/v1/members/{_member}/close", body),
            await Api.PutAsync($"/v1/members/{_member}/alternative-ids", $$"""{ "alternativeIds": [ { "type": "card", "value": "{{_member}}" } ] }"""),
            await AdjustAsync(5),
        })
        {
            reply.ExpectProblem(404, "unknown-member", "member");
        }

        (await Api.MemberAsync(_member)).Expect(404);
    }

    [Fact]
    public async Task A_blocked_member_keeps_its_points_and_gets_no_more_until_it_is_unblocked()
    {
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485)))).Expect(200);
        var why = """{ "reason": "card stolen", "author": "e.brown" }""";

        Assert.Equal("blocked", (string)(await Api.PostAsync($"/v1/members/{_member}/block", why)).Expect(200).Json["status"]!);
        Assert.True((bool)(await Api.PostAsync($"/v1/members/{_member}/block", why)).Expect(200).Json["replayed"]!);
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485)))).ExpectProblem(422, "member-blocked", "member");
        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), null, _member, ("22138", 3, 1485)))).ExpectProblem(422, "member-blocked", "member");
        (await AdjustAsync(5)).ExpectProblem(422, "member-blocked", "member");
        Assert.Equal(14, await Api.PointsAsync(_member));

        Assert.Equal("active", (string)(await Api.PostAsync($"/v1/members/{_member}/unblock", why)).Expect(200).Json["status"]!);
        Assert.Equal(28, (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485)))).Expect(200).Available());
    }

    [Fact]
    public async Task Closing_forfeits_the_points_frees_the_card_and_is_for_ever()
    {
        (await EnrolAsync(_member, _member)).Expect(201);
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485)))).Expect(200);
        var why = """{ "reason": "asked for it", "author": "e.brown" }""";

        var closed = (await Api.PostAsync($"/v1/members/{_member}/close", why)).Expect(200);
        Assert.Equal("closed", (string)closed.Json["status"]!);
        Assert.Equal(0, closed.Available());
        Assert.True((bool)(await Api.PostAsync($"/v1/members/{_member}/close", why)).Expect(200).Json["replayed"]!);
        (await Api.PostAsync($"/v1/members/{_member}/unblock", why)).ExpectProblem(422, "member-closed", "");
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485)))).ExpectProblem(422, "member-closed", "member");
        (await Api.PutAsync($"/v1/members/{_member}/alternative-ids", """{ "alternativeIds": [] }""")).ExpectProblem(422, "member-closed", "");

        (await FindAsync(_member)).ExpectProblem(404, "unknown-member", "member");
        Assert.Equal("closing", (string)(await Api.GetAsync($"/v1/members/{_member}/statement")).Json["entries"]![0]!["kind"]!);
    }

    [Fact]
    public async Task Points_are_given_and_taken_by_hand_once_and_never_more_than_there_are()
    {
        (await EnrolAsync(_member, _member)).Expect(201);
        var id = Sales.NewId();

        Assert.Equal(500, (await AdjustAsync(500, id)).Expect(200).Available());
        Assert.True((bool)(await AdjustAsync(500, id)).Expect(200).Json["replayed"]!);
        (await AdjustAsync(501, id)).ExpectProblem(409, "conflict", "id");
        Assert.Equal(300, (await AdjustAsync(-200)).Expect(200).Available());
        (await AdjustAsync(-301)).ExpectProblem(422, "not-enough-points", "points");
        (await AdjustAsync(5, unit: "miles")).ExpectProblem(422, "unknown-unit", "unit");
        Assert.Equal(300, await Api.PointsAsync(_member));
    }

    [Theory]
    [InlineData("points", "0")]
    [InlineData("points", "1.5")]
    [InlineData("points", "1e3")]
    [InlineData("points", "\"5\"")]
    [InlineData("points", "1000000000001")]
    [InlineData("points", "-1000000000001")]
    [InlineData("points", "9223372036854775808")]
    [InlineData("points", "null")]
    [InlineData("reason", "\"\"")]
    [InlineData("reason", "\"a\\nb\"")]
    [InlineData("author", "[]")]
    [InlineData("member", "\"\\ud800\"")]
    [InlineData("id", "{}")]
    [InlineData("colour", "1")]
    public async Task A_malformed_adjustment_is_refused_with_its_field(string field, string value)
    {
        (await EnrolAsync(_member, _member)).Expect(201);
        var before = await Api.StateAsync(_member);
        var body = Adjustment(Sales.NewId(), 5, "points");
        body.Remove(field);

        (await Api.PostAsync("/v1/adjustments", $"{body.ToJsonString()[..^1]},\"{field}\":{value}}}")).ExpectProblem(400, "malformed", field);

        Assert.Equal(before, await Api.StateAsync(_member));
    }

    [Theory]
    [InlineData("""{ "id": "" }""", "id")]
    [InlineData("""{ }""", "id")]
    [InlineData("""{ "id": 1 }""", "id")]
    [InlineData("""{ "id": "\ud800" }""", "id")]
    [InlineData("""{ "id": "a", "id": "b" }""", "id")]
    [InlineData("""{ "id": "a", "enrolledAt": "2026-02-30T00:00:00Z" }""", "enrolledAt")]
    [InlineData("""{ "id": "a", "enrolledAt": "2026-01-30T00:00:00" }""", "enrolledAt")]
    [InlineData("""{ "id": "a", "enrolledAt": "1969-12-31T23:59:59Z" }""", "enrolledAt")]
    [InlineData("""{ "id": "a", "enrolledAt": "0001-01-01T00:00:00+18:00" }""", "enrolledAt")]
    [InlineData("""{ "id": "a", "enrolledAt": 5 }""", "enrolledAt")]
    [InlineData("""{ "id": "a", "alternativeIds": {} }""", "alternativeIds")]
    [InlineData("""{ "id": "a", "alternativeIds": [ { "type": "email", "value": "x" } ] }""", "alternativeIds[0].type")]
    [InlineData("""{ "id": "a", "alternativeIds": [ { "type": "\ud800", "value": "x" } ] }""", "alternativeIds[0].type")]
    [InlineData("""{ "id": "a", "alternativeIds": [ { "type": "card" } ] }""", "alternativeIds[0].value")]
    [InlineData("""{ "id": "a", "alternativeIds": [ { "type": "card", "value": "x" }, { "type": "card", "value": "x" } ] }""", "alternativeIds[1]")]
    [InlineData("""{ "id": "a", "alternativeIds": [ { "type": "card", "value": "x", "country": "GB" } ] }""", "alternativeIds[0].country")]
    [InlineData("""{ "id": "a", "name": "b" }""", "name")]
    [InlineData("""{ "id": "a", "\ud800": "b" }""", "")]
    [InlineData("""[ ]""", "")]
    [InlineData("""null""", "")]
    [InlineData("", "")]
    [InlineData("""{ "id": "a" } x""", "")]
    public async Task A_malformed_enrolment_is_refused_with_its_field(string body, string field)
    {
        (await Api.PostAsync("/v1/members", body)).ExpectProblem(400, "malformed", field);
        (await Api.MemberAsync("a")).Expect(404);
    }

    [Fact]
    public async Task Nobody_enrols_tomorrow()
    {
        (await Api.PostAsync("/v1/members", $$"""{ "id": "{{_member}}", "enrolledAt": "2026-03-11T12:00:00Z" }""")).ExpectProblem(422, "in-the-future", "enrolledAt");
        (await Api.PostAsync("/v1/members", $$"""{ "id": "{{_member}}", "enrolledAt": "9999-12-31T23:59:59-18:00" }""")).ExpectProblem(400, "malformed", "enrolledAt");
    }

    [Theory]
    [InlineData("A/1")]
    [InlineData("A%2F1")]
    [InlineData("A B+C")]
    [InlineData("Zoë🎁")]
    [InlineData("a?b#c")]
    [InlineData("x%y;z&w=v")]
    [InlineData("a\\b")]
    [InlineData("a//b/")]
    public async Task A_member_with_any_printable_id_has_an_address(string name)
    {
        var id = $"{_member}:{name}";
        var enrolled = (await EnrolAsync(id, id)).Expect(201);

        Assert.Equal(id, (string)(await Api.GetAsync(enrolled.Header("Location")!)).Expect(200).Json["id"]!);
        (await Api.GetAsync($"/v1/members/{Uri.EscapeDataString(id)}/statement")).Expect(200);
        (await Api.PostAsync($"/v1/members/{Uri.EscapeDataString(id)}/block", """{ "reason": "test", "author": "me" }""")).Expect(200);
        Assert.Equal("blocked", (string)(await FindAsync(id)).Expect(200).Json["status"]!);
    }

    [Fact]
    public async Task A_member_id_in_an_address_is_not_endless()
    {
        (await Api.MemberAsync(new string('m', 128))).ExpectProblem(404, "unknown-member", "member");
        (await Api.MemberAsync(new string('m', 129))).ExpectProblem(400, "malformed", "id");
        (await Api.MemberAsync(new string('m', 4000))).ExpectProblem(400, "malformed", "id");
    }

    [Theory]
    [InlineData("/v1/members", "type", "value")]
    [InlineData("/v1/members?type=card", "value")]
    [InlineData("/v1/members?type=card&value=", "value")]
    [InlineData("/v1/members?type=email&value=x", "type")]
    [InlineData("/v1/members?type=card&type=card&value=x", "type")]
    [InlineData("/v1/members?type=card&value=x&colour=red", "colour")]
    public async Task Looking_up_needs_a_type_and_a_value_and_nothing_else(string path, params string[] fields) =>
        (await Api.GetAsync(path)).ExpectProblem(400, "malformed", fields);

    [Fact]
    public async Task The_pages_of_a_statement_have_every_posting_once_and_add_up_to_the_balance()
    {
        (await EnrolAsync(_member, _member)).Expect(201);
        for (var i = 0; i < 12; i++)
        {
            var purchase = Sales.NewId();
            (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 3, 14_850)))).Expect(200);
            (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, _member, ("22138", 1, 4_950)))).Expect(200);
        }

        (await AdjustAsync(-100)).Expect(200);
        var balance = await Api.PointsAsync(_member);
        var whole = (await Api.GetAsync($"/v1/members/{_member}/statement?limit=500")).Json;
        Assert.Null(whole["next"]);
        foreach (var limit in new[] { 1, 2, 7, 25, 26 })
        {
            var entries = await WalkAsync(limit);

            Assert.Equal(whole["entries"]!.AsArray().Select(entry => entry!.ToJsonString()), entries.Select(entry => entry.ToJsonString()));
            Assert.Equal(balance, entries.Sum(entry => (long)entry["points"]!));
            Assert.Equal(balance, (long)entries[0]["balance"]!);
            Assert.Equal((long)entries[^1]["points"]!, (long)entries[^1]["balance"]!);
        }
    }

    [Fact]
    public async Task A_purchase_between_two_pages_disturbs_neither()
    {
        for (var i = 0; i < 4; i++)
        {
            (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 1000)))).Expect(200);
        }

        var whole = (await Api.GetAsync($"/v1/members/{_member}/statement")).Json["entries"]!.AsArray().Select(entry => entry!.ToJsonString()).ToArray();
        var first = (await Api.GetAsync($"/v1/members/{_member}/statement?limit=2")).Json;
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 1000)))).Expect(200);
        var second = (await Api.GetAsync($"/v1/members/{_member}/statement?limit=2&cursor={first["next"]}")).Json;

        Assert.Equal(whole, first["entries"]!.AsArray().Concat(second["entries"]!.AsArray()).Select(entry => entry!.ToJsonString()));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=501", "limit")]
    [InlineData("limit=-1", "limit")]
    [InlineData("limit=ten", "limit")]
    [InlineData("limit=", "limit")]
    [InlineData("limit=1&limit=2", "limit")]
    [InlineData("cursor=", "cursor")]
    [InlineData("cursor=***", "cursor")]
    [InlineData("cursor=AAAA", "cursor")]
    [InlineData("cursor=LTF8", "cursor")]
    [InlineData("page=2", "page")]
    public async Task A_statement_takes_only_its_own_cursors_and_limits(string query, string field)
    {
        (await EnrolAsync(_member, _member)).Expect(201);

        (await Api.GetAsync($"/v1/members/{_member}/statement?{query}")).ExpectProblem(400, "malformed", field);
    }

    private async Task<List<JsonNode>> WalkAsync(int limit)
    {
        var entries = new List<JsonNode>();
        string? next = null;
        do
        {
            var page = (await Api.GetAsync($"/v1/members/{_member}/statement?limit={limit}{(next is null ? "" : "&cursor=" + next)}")).Expect(200).Json;
            entries.AddRange(page["entries"]!.AsArray()!);
            next = (string?)page["next"];
        }
        while (next is not null);

        return entries;
    }

    private Task<Reply> EnrolAsync(string id, string card) =>
        Api.PostAsync("/v1/members", new JsonObject { ["id"] = id, ["alternativeIds"] = new JsonArray(new JsonObject { ["type"] = "card", ["value"] = card }) });

    private Task<Reply> FindAsync(string card) => Api.GetAsync($"/v1/members?type=card&value={Uri.EscapeDataString(card)}");

    private Task<Reply> AdjustAsync(long points, string? id = null, string unit = "points") => Api.PostAsync("/v1/adjustments", Adjustment(id ?? Sales.NewId(), points, unit));

    private JsonObject Adjustment(string id, long points, string unit) => new()
    {
        ["id"] = id, ["member"] = _member, ["unit"] = unit, ["points"] = points, ["reason"] = "goodwill", ["author"] = "e.brown",
    };
}

public sealed class TimeTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    [Fact]
    public async Task Points_lapse_and_the_tier_falls_when_the_time_has_come()
    {
        (await gateway.Api.PurchaseAsync(Sales.Purchase("T1", "M-time", ("22138", 1, 60_000)))).Expect(200);
        Assert.Equal("silver", (string)(await gateway.Api.MemberAsync("M-time")).Json["tier"]!);

        gateway.Clock.Advance(Duration.FromDays(365 * 4));

        var member = (await gateway.Api.MemberAsync("M-time")).Expect(200);
        Assert.Equal(0, member.Available());
        Assert.Null(member.Json["tier"]);
        Assert.Empty(member.Json["lots"]!.AsArray());
        var statement = (await gateway.Api.GetAsync("/v1/members/M-time/statement")).Json["entries"]!.AsArray();
        Assert.Equal(["lapse -600 0", "purchase 600 600"], statement.Select(entry => $"{entry!["kind"]} {entry["points"]} {entry["balance"]}"));
        await gateway.Api.BooksAsync();
    }
}
