using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

/// <summary>Transfers and gifts as integrators see them.</summary>
public sealed class TransferTests(TransferTests.Gateway gateway) : IClassFixture<TransferTests.Gateway>
{
    private readonly string _anna = Sales.NewId("anna");
    private readonly string _ben = Sales.NewId("ben");

    private Api Api => gateway.Api;

    [Fact]
    public async Task A_gift_is_answered_when_it_has_arrived_and_can_be_looked_at()
    {
        await EarnAsync();
        var id = Sales.NewId("T");
        var gift = Body(id, 100);
        gift["gift"] = true;
        gift["message"] = "for \"you\"";
        var reply = (await Api.PostAsync("/v1/transfers", gift)).Expect(200);
        Assert.Equal(("completed", 100L, 2L, 398L), ((string)reply.Json["status"]!, (long)reply.Json["points"]!, (long)reply.Json["fee"]!, (long)reply.Json["balances"]![0]!["available"]!));
        Assert.True((bool)(await Api.PostAsync("/v1/transfers", gift)).Expect(200).Json["replayed"]!);
        var seen = (await Api.GetAsync($"/v1/transfers/{id}")).Expect(200);
        Assert.Equal(("completed", "for \"you\""), ((string)seen.Json["status"]!, (string)seen.Json["message"]!));
        Assert.Equal(600, (long)(await Api.MemberAsync(_ben)).Json["balances"]![0]!["available"]!);
        gift["points"] = 101;
        (await Api.PostAsync("/v1/transfers", gift)).ExpectProblem(409, "conflict", "id");
    }

    [Fact]
    public async Task What_the_receiver_refuses_is_said_for_ever_and_what_is_malformed_field_by_field()
    {
        await EarnAsync();
        (await Api.PostAsync("/v1/transfers", Body("x", 100, to: "nobody-at-all"))).ExpectProblem(404, "unknown-member", "member");
        (await Api.GetAsync("/v1/transfers/nothing")).ExpectProblem(404, "unknown-transfer", "transfer");
        (await Api.PostAsync($"/v1/members/{_ben}/block", new JsonObject { ["reason"] = "r", ["author"] = "a" })).Expect(200);
        var id = Sales.NewId("T");
        (await Api.PostAsync("/v1/transfers", Body(id, 100))).ExpectProblem(422, "receiver-not-active", "to");
        (await Api.PostAsync("/v1/transfers", Body(id, 100))).ExpectProblem(422, "receiver-not-active", "to");
        var seen = (await Api.GetAsync($"/v1/transfers/{id}")).Expect(200);
        Assert.Equal(("refused", "receiver-not-active"), ((string)seen.Json["status"]!, (string)seen.Json["refusal"]!["code"]!));
        Assert.Equal(500, (long)(await Api.MemberAsync(_anna)).Json["balances"]![0]!["available"]!);

        var words = Body("y", 0);
        words["message"] = "hello";
        words["hurry"] = 1;
        (await Api.PostAsync("/v1/transfers", words)).ExpectProblem(400, "malformed", "points", "message", "hurry");
    }

    [Fact]
    public async Task A_household_is_founded_by_its_head_and_its_pool_is_filled_and_emptied()
    {
        await EarnAsync();
        var household = Sales.NewId("H");
        (await Api.GetAsync($"/v1/households/{household}")).ExpectProblem(404, "unknown-household", "household");
        (await AskAsync(household, "members", ("role", "adult"))).ExpectProblem(422, "household-needs-head", "role");
        (await AskAsync(household, "members", ("role", "head"), ("share", 101), ("colour", "red"))).ExpectProblem(400, "malformed", "share", "colour");
        Assert.Equal("completed", (string)(await AskAsync(household, "members", ("role", "head"), ("share", 10))).Expect(200).Json["status"]!);
        (await AskAsync(household, "contributions", ("unit", "points"), ("points", 100))).Expect(200);
        var seen = (await Api.GetAsync($"/v1/households/{household}")).Expect(200).Json;
        Assert.Equal((_anna, "head", 10L, 100L), ((string)seen["members"]![0]!["member"]!, (string)seen["members"]![0]!["role"]!, (long)seen["members"]![0]!["share"]!, (long)seen["pool"]![0]!["available"]!));
        (await AskAsync(household, "withdrawals", ("unit", "points"), ("points", 101))).ExpectProblem(422, "not-enough-points", "points");
        var taken = (await AskAsync(household, "withdrawals", ("unit", "points"), ("points", 30))).Expect(200);
        Assert.Equal((30L, 430L), ((long)taken.Json["received"]![0]!["points"]!, (long)taken.Json["balances"]![0]!["available"]!));
        Assert.Equal(70, (long)(await AskAsync(household, "leave")).Expect(200).Json["received"]![0]!["points"]!);
        (await AskAsync(household, "leave")).ExpectProblem(422, "not-in-household", "household");
    }

    private Task<Reply> AskAsync(string household, string what, params (string Name, JsonNode Value)[] fields)
    {
        var body = new JsonObject { ["id"] = Sales.NewId("Q"), ["member"] = _anna };
        foreach (var (name, value) in fields)
        {
            body[name] = value;
        }

        return Api.PostAsync($"/v1/households/{household}/{what}", body);
    }

    private JsonObject Body(string id, long points, string? to = null) => new() { ["id"] = id, ["from"] = _anna, ["to"] = to ?? _ben, ["unit"] = "points", ["points"] = points };

    private async Task EarnAsync()
    {
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _anna, ("A", 1, 500_00)))).Expect(200);
        (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), _ben, ("A", 1, 500_00)))).Expect(200);
    }

    /// <summary>With a program that lets members give.</summary>
    public sealed class Gateway : TestGateway
    {
        protected override string ProgramText => base.ProgramText.TrimEnd().TrimEnd('}') + """, "transfers": { "units": [ { "unit": "points", "fee": 2 } ] }, "households": { "spend": "head" } }""";
    }
}
