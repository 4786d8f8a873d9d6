using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

public sealed class SalesTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private readonly string _member = Sales.NewId("M");

    private Api Api => gateway.Api;

    [Fact]
    public async Task A_purchase_earns_points_and_says_which_rule_gave_them_and_until_when()
    {
        var reply = (await Api.PurchaseAsync(Sales.Purchase("P1", _member, ("22138", 3, 1485)))).Expect(200);

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(
            $$"""
            { "id": "P1", "member": "{{_member}}", "replayed": false,
              "awards": [ { "rule": "base", "unit": "points", "points": 14, "availableAt": "2026-03-10T11:00:00Z", "expiresAt": "2029-04-01T00:00:00+01:00" } ],
              "balances": [ { "unit": "points", "available": 14, "pending": 0, "held": 0 } ] }
            """.Replace("2029-04-01T00:00:00+01:00", "2029-03-31T23:00:00Z", StringComparison.Ordinal)), reply.Json), reply.Text);
    }

    [Fact]
    public async Task The_same_purchase_again_gets_the_first_answer_again_and_counts_once()
    {
        var purchase = Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485));
        var first = (await Api.PurchaseAsync(purchase)).Expect(200);
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 100)))).Expect(200);

        // Another order of fields, white space and another spelling of the same time are the same content.
        var again = (await Api.PostAsync("/v1/purchases", $$"""
            { "lines": [ { "amount": 1485, "quantity": 3.000, "sku": "22138" } ], "currency": "GBP", "at": "2026-03-10T12:00:00.0000+01:00",
              "channel": "till", "store": "S042", "member": "{{_member}}", "id": "{{purchase["id"]}}" }
            """)).Expect(200);

        Assert.True((bool)again.Json["replayed"]!);
        Assert.Equal(first.Text.Replace("\"replayed\":false", "", StringComparison.Ordinal), again.Text.Replace("\"replayed\":true", "", StringComparison.Ordinal));
        Assert.Equal(15, await Api.PointsAsync(_member));
    }

    [Fact]
    public async Task The_same_id_with_other_content_is_a_conflict_and_changes_nothing()
    {
        var id = Sales.NewId();
        (await Api.PurchaseAsync(Sales.Purchase(id, _member, ("22138", 3, 1485)))).Expect(200);
        var before = await Api.StateAsync(_member);

        (await Api.PurchaseAsync(Sales.Purchase(id, _member, ("22138", 3, 1486)))).ExpectProblem(409, "conflict", "id");
        (await Api.PurchaseAsync(Sales.Purchase(id, _member + "x", ("22138", 3, 1485)))).ExpectProblem(409, "conflict", "id");
        (await Api.PurchaseAsync(Sales.Purchase(id, null, ("22138", 3, 1485)))).ExpectProblem(409, "conflict", "id");
        (await Api.ReturnAsync(Sales.Return(id, null, _member, ("22138", 3, 1485)))).ExpectProblem(409, "conflict", "id");
        (await Api.PostAsync("/v1/adjustments", Adjustment(id, _member, 5))).ExpectProblem(409, "conflict", "id");

        Assert.Equal(before, await Api.StateAsync(_member));
    }

    [Fact]
    public async Task An_anonymous_purchase_is_counted_and_earns_nothing()
    {
        var id = Sales.NewId();
        var reply = (await Api.PurchaseAsync(Sales.Purchase(id, null, ("22138", 3, 1485)))).Expect(200);

        Assert.Equal($$"""{"id":"{{id}}","replayed":false,"awards":[],"balances":[]}""", reply.Text);
        Assert.True((bool)(await Api.PurchaseAsync(Sales.Purchase(id, null, ("22138", 3, 1485)))).Expect(200).Json["replayed"]!);
    }

    [Fact]
    public async Task Enough_spend_lifts_a_member_to_a_tier_whose_bonus_the_next_purchase_earns()
    {
        var reply = (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 50000)))).Expect(200);
        Assert.Equal("silver", (string)reply.Json["tier"]!);

        reply = (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 10000)))).Expect(200);
        Assert.Equal(["base 100", "tier:silver 25"], reply.Json["awards"]!.AsArray().Select(award => $"{award!["rule"]} {award["points"]}"));
        Assert.Equal(625, reply.Available());
    }

    [Fact]
    public async Task A_return_takes_back_what_its_goods_earned()
    {
        var purchase = Sales.NewId();
        (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 3, 1485)))).Expect(200);

        var reply = (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, _member, ("22138", 1, 495)))).Expect(200);

        Assert.Equal("applied", (string)reply.Json["status"]!);
        Assert.Equal(purchase, (string)reply.Json["purchase"]!);
        Assert.Equal(-5, (long)reply.Json["awards"]![0]!["points"]!);
        Assert.Equal(9, reply.Available());
    }

    [Fact]
    public async Task Partial_returns_together_take_back_exactly_what_one_whole_return_would()
    {
        var purchase = Sales.NewId();
        (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 3, 1485)))).Expect(200);
        foreach (var amount in new[] { 495, 495, 495 })
        {
            (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, _member, ("22138", 1, amount)))).Expect(200);
        }

        Assert.Equal(0, await Api.PointsAsync(_member));
    }

    [Fact]
    public async Task A_repeated_return_is_answered_again_and_takes_nothing_more()
    {
        var (purchase, returned) = (Sales.NewId(), Sales.NewId());
        (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 3, 1485)))).Expect(200);
        var first = (await Api.ReturnAsync(Sales.Return(returned, purchase, _member, ("22138", 1, 495)))).Expect(200);
        var again = (await Api.ReturnAsync(Sales.Return(returned, purchase, _member, ("22138", 1, 495)))).Expect(200);

        Assert.True((bool)again.Json["replayed"]!);
        Assert.Equal(first.Json["awards"]!.ToJsonString(), again.Json["awards"]!.ToJsonString());
        Assert.Equal(9, await Api.PointsAsync(_member));
    }

    [Fact]
    public async Task More_than_was_bought_cannot_be_returned_and_the_refusal_is_remembered()
    {
        var (purchase, tooMuch) = (Sales.NewId(), Sales.NewId());
        (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 3, 1485)))).Expect(200);
        var before = (await Api.BooksAsync(), (await Api.MemberAsync(_member)).Text);

        var refused = (await Api.ReturnAsync(Sales.Return(tooMuch, purchase, _member, ("22138", 4, 1485)))).ExpectProblem(422, "more-than-bought", "lines[0].quantity");
        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, _member, ("22138", 3, 1486)))).ExpectProblem(422, "more-than-bought", "lines[0].amount");
        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, _member, ("99999", 1, 1)))).ExpectProblem(422, "not-bought", "lines[0].sku");
        var again = (await Api.ReturnAsync(Sales.Return(tooMuch, purchase, _member, ("22138", 4, 1485)))).Expect(422);

        Assert.True((bool)again.Json["replayed"]!);
        Assert.Equal((string)refused.Json["detail"]!, (string)again.Json["detail"]!);
        Assert.Equal(before, (await Api.BooksAsync(), (await Api.MemberAsync(_member)).Text));
    }

    [Fact]
    public async Task A_return_without_a_receipt_takes_back_what_the_goods_would_earn_even_into_debt()
    {
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 1000)))).Expect(200);

        var reply = (await Api.ReturnAsync(Sales.Return(Sales.NewId(), null, _member, ("22138", 1, 1500)))).Expect(200);

        Assert.Equal(-5, reply.Available());
        Assert.Null(reply.Json["purchase"]);
    }

    [Fact]
    public async Task A_return_before_its_purchase_waits_and_is_applied_when_the_purchase_comes()
    {
        var (purchase, returned) = (Sales.NewId(), Sales.NewId());
        var waiting = (await Api.ReturnAsync(Sales.Return(returned, purchase, _member, ("22138", 1, 495)))).Expect(200);
        Assert.Equal("waiting", (string)waiting.Json["status"]!);
        Assert.Equal(returned, (string)(await Api.MemberAsync(_member)).Json["waitingReturns"]![0]!);

        var bought = (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 3, 1485)))).Expect(200);

        Assert.Equal(14, (long)bought.Json["awards"]![0]!["points"]!);
        Assert.Equal(9, bought.Available());
        Assert.Null((await Api.MemberAsync(_member)).Json["waitingReturns"]);
    }

    [Fact]
    public async Task A_receipt_without_a_member_finds_the_member_that_bought()
    {
        var purchase = Sales.NewId();
        (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 3, 1485)))).Expect(200);

        var reply = (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, null, ("22138", 1, 495)))).Expect(200);

        Assert.Equal(_member, (string)reply.Json["member"]!);
        Assert.Equal(9, await Api.PointsAsync(_member));
    }

    [Fact]
    public async Task An_anonymous_purchase_can_be_returned_without_a_member_but_not_by_one()
    {
        var purchase = Sales.NewId();
        (await Api.PurchaseAsync(Sales.Purchase(purchase, null, ("22138", 3, 1485)))).Expect(200);

        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, _member, ("22138", 1, 495)))).ExpectProblem(422, "foreign-purchase", "purchase");
        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, null, ("22138", 4, 495)))).ExpectProblem(422, "more-than-bought", "lines[0].quantity");
        var reply = (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, null, ("22138", 1, 495)))).Expect(200);

        Assert.Null(reply.Json["member"]);
        Assert.Equal("applied", (string)reply.Json["status"]!);
    }

    [Fact]
    public async Task Somebody_elses_purchase_cannot_be_returned()
    {
        var purchase = Sales.NewId();
        (await Api.PurchaseAsync(Sales.Purchase(purchase, _member, ("22138", 3, 1485)))).Expect(200);

        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, _member + "x", ("22138", 1, 495)))).ExpectProblem(422, "foreign-purchase", "purchase");
    }

    [Fact]
    public async Task A_sixty_fifth_waiting_return_is_refused()
    {
        for (var i = 0; i < 64; i++)
        {
            (await Api.ReturnAsync(Sales.Return(Sales.NewId(), Sales.NewId("never"), _member, ("22138", 1, 495)))).Expect(200);
        }

        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), Sales.NewId("never"), _member, ("22138", 1, 495)))).ExpectProblem(422, "too-many-waiting", "purchase");
        Assert.Equal(64, (await Api.MemberAsync(_member)).Json["waitingReturns"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("currency", "EUR", 422, "wrong-currency")]
    [InlineData("currency", "gbp", 422, "wrong-currency")]
    [InlineData("at", "2026-03-10T12:05:00.001Z", 422, "in-the-future")]
    [InlineData("at", "9999-12-31T23:59:59Z", 422, "in-the-future")]
    [InlineData("at", "1969-12-31T23:59:59.999Z", 422, "too-early")]
    [InlineData("at", "0001-01-01T00:00:00Z", 422, "too-early")]
    public async Task What_the_program_forbids_is_refused_with_its_field_and_leaves_no_trace(string field, string value, int status, string code)
    {
        foreach (var member in new[] { _member, null })
        {
            (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 100)))).Expect(200);
            var before = (await Api.BooksAsync(), (await Api.MemberAsync(_member)).Text);
            var purchase = Sales.Purchase(Sales.NewId(), member, ("22138", 3, 1485)).With(field, value);
            var returned = Sales.Return(Sales.NewId(), null, member, ("22138", 3, 1485)).With(field, value);

            (await Api.PurchaseAsync(purchase)).ExpectProblem(status, code, field);
            (await Api.ReturnAsync(returned)).ExpectProblem(status, code, field);
            Assert.True((bool)(await Api.PurchaseAsync(purchase)).ExpectProblem(status, code, field).Json["replayed"]!);

            Assert.Equal(before, (await Api.BooksAsync(), (await Api.MemberAsync(_member)).Text));
        }
    }

    [Fact]
    public async Task A_till_whose_clock_is_a_little_ahead_is_believed()
    {
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485)).With("at", "2026-03-10T12:05:00Z"))).Expect(200);
    }

    [Fact]
    public async Task Sixty_four_tills_that_send_the_same_purchase_at_once_count_once()
    {
        var purchase = Sales.Purchase(Sales.NewId(), _member, ("22138", 3, 1485)).ToJsonString();

        var replies = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Api.PostAsync("/v1/purchases", purchase)));

        Assert.All(replies, reply => reply.Expect(200));
        Assert.Single(replies, reply => !(bool)reply.Json["replayed"]!);
        Assert.Equal(14, await Api.PointsAsync(_member));
        Assert.Equal(1, (long)(await Api.MemberAsync(_member)).Json["totals"]!["purchases"]!);
    }

    [Fact]
    public async Task A_purchase_of_a_thousand_lines_is_one_purchase()
    {
        var lines = Enumerable.Range(0, 1000).Select(i => ($"SKU-{i}", 1m, 100L)).ToArray();

        Assert.Equal(1250, (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _member, lines))).Expect(200).Available() + 250);
    }

    private static JsonObject Adjustment(string id, string member, long points) => new()
    {
        ["id"] = id, ["member"] = member, ["unit"] = "points", ["points"] = points, ["reason"] = "goodwill", ["author"] = "e.brown",
    };
}

public sealed class StrictProgramTests(StrictGateway gateway) : IClassFixture<StrictGateway>
{
    private Api Api => gateway.Api;

    [Fact]
    public async Task A_program_that_does_not_enrol_by_itself_does_not_know_strangers_and_takes_the_same_request_once_they_enrolled()
    {
        var purchase = Sales.Purchase(Sales.NewId(), "M-late", ("22138", 3, 1485));
        (await Api.PurchaseAsync(purchase)).ExpectProblem(404, "unknown-member", "member");
        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), null, "M-late", ("22138", 3, 1485)))).ExpectProblem(404, "unknown-member", "member");

        (await Api.PostAsync("/v1/members", """{ "id": "M-late" }""")).Expect(201);

        Assert.False((bool)(await Api.PurchaseAsync(purchase)).Expect(200).Json["replayed"]!);
    }

    [Fact]
    public async Task A_program_that_refuses_debt_refuses_a_return_of_spent_points()
    {
        var purchase = Sales.NewId();
        (await Api.PostAsync("/v1/members", """{ "id": "M-spent" }""")).Expect(201);
        (await Api.PurchaseAsync(Sales.Purchase(purchase, "M-spent", ("22138", 3, 1485)))).Expect(200);
        (await Api.PostAsync("/v1/adjustments", """{ "id": "A-spent", "member": "M-spent", "unit": "points", "points": -10, "reason": "spent", "author": "till" }""")).Expect(200);

        (await Api.ReturnAsync(Sales.Return(Sales.NewId(), purchase, "M-spent", ("22138", 3, 1485)))).ExpectProblem(422, "points-spent", "lines");
        Assert.Equal(4, await Api.PointsAsync("M-spent"));
    }
}
