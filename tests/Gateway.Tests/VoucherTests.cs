using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

public sealed class VoucherTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private const string Money = """{"type":"money","amount":500}""";

    private Api Api => gateway.Api;

    [Fact]
    public async Task A_batch_is_made_once_and_its_codes_are_the_same_whenever_they_are_asked_for()
    {
        var made = (await BatchAsync("csv", Money, 1200)).Expect(201).Json;
        Assert.Equal(1200, (int)made["vouchers"]!);
        Assert.True((bool)(await BatchAsync("csv", Money, 1200)).Expect(200).Json["replayed"]!);
        var codes = (await Api.GetAsync("/v1/vouchers/batches/csv/codes")).Expect(200);
        Assert.StartsWith("text/csv", codes.Header("Content-Type"), StringComparison.Ordinal);
        var lines = codes.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1201, lines.Distinct().Count());
        Assert.Equal(lines[1101..1111], (await Api.GetAsync("/v1/vouchers/batches/csv/codes?from=1100&count=10")).Expect(200).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..]);
        Assert.Equal("open", (string)(await Api.GetAsync("/v1/vouchers/batches/csv")).Expect(200).Json["status"]!);
        (await Api.GetAsync("/v1/vouchers/batches/none")).ExpectProblem(404, "unknown-batch", "batch");

        // The secret of the codes is for nobody.
        var trace = (await Api.GetAsync("/v1/requests/B-csv")).Expect(200).Text;
        Assert.Contains("\"secret\":\"\"", trace, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_voucher_is_looked_at_held_and_redeemed()
    {
        var code = (await CodesAsync("once", Money))[3];
        Assert.Equal("open 500 1", await StandingAsync(code));
        var held = (await Api.PostAsync("/v1/vouchers/holds", Request("H-1", code).With("seconds", 60))).Expect(200).Json;
        Assert.Equal("held 2026-03-10T12:01:00Z", $"{held["status"]} {held["expiresAt"]}");
        Assert.Equal("held 500 0", await StandingAsync(code));
        (await Api.PostAsync("/v1/vouchers/redemptions", Request("R-1", code))).ExpectProblem(422, "voucher-held", "code");
        var redeemed = (await Api.PostAsync("/v1/vouchers/holds/H-1/redeem", new JsonObject { ["id"] = "R-2", ["basket"] = 300 })).Expect(200).Json;
        Assert.Equal("redeemed 300 0", $"{redeemed["status"]} {redeemed["money"]} {redeemed["usesLeft"]}");
        var again = (await Api.PostAsync("/v1/vouchers/holds/H-1/redeem", new JsonObject { ["id"] = "R-2", ["basket"] = 300 })).Expect(200).Json;
        Assert.True((bool)again["replayed"]!);
        (await Api.PostAsync("/v1/vouchers/holds/H-1/cancel", new JsonObject { ["id"] = "X-1" })).ExpectProblem(422, "hold-over", "hold");
        (await Api.PostAsync("/v1/vouchers/redemptions", Request("R-3", code))).ExpectProblem(422, "voucher-used", "code");
        (await Api.PostAsync("/v1/vouchers/holds/none/cancel", new JsonObject { ["id"] = "X-2" })).ExpectProblem(404, "unknown-hold", "hold");

        var units = (await Api.GetAsync("/v1/ledger/trial-balance")).Expect(200).Json["units"]!.AsArray();
        Assert.All(units, unit => Assert.Equal(0, (long)unit!["sum"]!));
    }

    [Fact]
    public async Task A_percentage_needs_the_basket_and_has_a_most()
    {
        var code = (await CodesAsync("percent", """{"type":"percent","percent":12.5,"max":1000}"""))[0];
        (await Api.PostAsync("/v1/vouchers/redemptions", new JsonObject { ["id"] = "P-0", ["code"] = code, ["store"] = "S1" })).ExpectProblem(422, "basket-needed", "basket");
        var redeemed = (await Api.PostAsync("/v1/vouchers/redemptions", Request("P-1", code, 7999))).Expect(200).Json;
        Assert.Equal(999, (long)redeemed["money"]!);
    }

    [Fact]
    public async Task Points_go_to_the_member_who_redeems()
    {
        var codes = await CodesAsync("points", """{"type":"points","points":250,"unit":"points"}""");
        (await Api.PostAsync("/v1/vouchers/redemptions", Request("G-1", codes[0]))).ExpectProblem(422, "member-needed", "member");
        (await Api.PostAsync("/v1/vouchers/redemptions", Request("G-2", codes[0]).With("member", "V-1"))).Expect(200);
        var limit = System.Diagnostics.Stopwatch.StartNew();
        while ((await Api.MemberAsync("V-1")).Status == 404 || await Api.PointsAsync("V-1") != 250)
        {
            Assert.True(limit.Elapsed < TimeSpan.FromMinutes(1), "the points never came");
            await Task.Yield();
        }
    }

    [Fact]
    public async Task A_bound_voucher_is_issued_and_asks_for_its_member()
    {
        (await Api.PostAsync("/v1/vouchers/batches", $$"""{"id":"B-bound","batch":"bound","value":{"type":"entitlement","name":"a coffee"},"codes":5,"bound":true,"author":"jo"}""")).Expect(201);
        var issued = (await Api.PostAsync("/v1/vouchers/issues", """{"id":"I-1","batch":"bound","member":"V-2"}""")).Expect(201).Json;
        Assert.Equal((string)issued["code"]!, (string)(await Api.PostAsync("/v1/vouchers/issues", """{"id":"I-1","batch":"bound","member":"V-2"}""")).Expect(200).Json["code"]!);
        Reply reply;
        do
        {
            reply = await Api.PostAsync("/v1/vouchers/redemptions", Request(Sales.NewId("E"), (string)issued["code"]!).With("member", "V-3"));
        }
        while (reply.Status == 404);
        reply.ExpectProblem(422, "voucher-of-another", "member");
        (await Api.PostAsync("/v1/vouchers/redemptions", Request("BOUND-1", (string)issued["code"]!).With("member", "V-2"))).Expect(200);
        (await Api.PostAsync("/v1/vouchers/issues", """{"id":"I-2","batch":"nowhere","member":"V-2"}""")).ExpectProblem(404, "unknown-batch", "batch");
    }

    [Fact]
    public async Task Ended_vouchers_and_batches_stay_ended()
    {
        var codes = await CodesAsync("ended", Money);
        var ended = new JsonObject { ["id"] = "V-1", ["code"] = codes[0], ["reason"] = "lost", ["author"] = "jo" };
        (await Api.PostAsync("/v1/vouchers/voids", ended)).Expect(200);
        (await Api.PostAsync("/v1/vouchers/redemptions", Request("W-1", codes[0]))).ExpectProblem(422, "voucher-void", "code");
        (await Api.PostAsync("/v1/vouchers/batches/ended/end", """{"id":"E-1","reason":"printed twice","author":"jo"}""")).Expect(200);
        for (var i = 0; (await StandingAsync(codes[1])).StartsWith("open", StringComparison.Ordinal); i++)
        {
            Assert.True(i < 1000, "the books of the batch were never told");
        }

        (await Api.PostAsync("/v1/vouchers/redemptions", Request("W-2", codes[1]))).ExpectProblem(422, "voucher-void", "code");
        (await Api.PostAsync("/v1/vouchers/batches/ended/end", """{"id":"E-2","reason":"again","author":"jo"}""")).ExpectProblem(422, "batch-over", "batch");
    }

    [Fact]
    public async Task A_store_is_reconciled()
    {
        var codes = await CodesAsync("offline", Money);
        (await Api.PutAsync("/v1/vouchers/allowances/S042", """{"id":"AL-1","uses":1,"money":500,"author":"jo"}""")).Expect(200);
        var entries = $$"""{"id":"Q-1","store":"S042","entries":[{"id":"O-1","code":"{{codes[0]}}","at":"2026-03-10T11:00:00Z","basket":2000},{"id":"O-2","code":"{{codes[0]}}","at":"2026-03-10T11:05:00Z","basket":2000},{"id":"O-3","code":"nothing","at":"2026-03-10T11:05:00Z"}]}""";
        var reply = (await Api.PostAsync("/v1/vouchers/reconciliations", entries)).Expect(200).Json;
        Assert.Equal("1 1 1 1 500", $"{reply["accepted"]} {reply["overdrawn"]} {reply["unknown"]} {reply["usesOverAllowance"]} {reply["moneyOverAllowance"]}");
        Assert.Equal(["accepted", "overdrawn", "unknown"], reply["entries"]!.AsArray().Select(entry => (string)entry!["status"]!));
        Assert.True((bool)(await Api.PostAsync("/v1/vouchers/reconciliations", entries)).Expect(200).Json["replayed"]!);
        Assert.Equal("1 1", (await Api.GetAsync("/v1/vouchers/allowances/S042")).Expect(200).Json is var view ? $"{view["reconciliations"]} {view["overdrawn"]}" : "");
    }

    [Theory]
    [InlineData("""{"id":"1","code":"OOOO","store":"S"}""", "code")]
    [InlineData("""{"id":"1","store":"S"}""", "code")]
    [InlineData("""{"id":"1","code":"2222-2222-2222-2222-2222"}""", "store")]
    [InlineData("""{"id":"1","code":"2222-2222-2222-2222-2222","store":"S","basket":-5}""", "basket")]
    public async Task A_redemption_that_is_not_understood_is_malformed(string body, string field) =>
        Assert.Contains(field, (await Api.PostAsync("/v1/vouchers/redemptions", body)).Expect(400).Fields);

    [Fact]
    public async Task A_code_that_no_batch_made_is_not_known() =>
        (await Api.PostAsync("/v1/vouchers/validations", """{"code":"2222-2222-2222-2222-2222"}""")).ExpectProblem(404, "unknown-voucher", "code");

    [Theory]
    [InlineData("""{"type":"money"}""", "value.amount")]
    [InlineData("""{"type":"points","points":1,"unit":"miles"}""", "value.unit")]
    [InlineData("""{"type":"percent","percent":101}""", "value.percent")]
    [InlineData("""{"type":"gold"}""", "value.type")]
    public async Task A_batch_that_is_not_understood_is_malformed(string value, string field) =>
        Assert.Contains(field, (await BatchAsync(Sales.NewId("bad"), value, 10)).Expect(400).Fields);

    private static JsonObject Request(string id, string code, long basket = 2000) => new() { ["id"] = id, ["code"] = code, ["store"] = "S1", ["basket"] = basket };

    private Task<Reply> BatchAsync(string batch, string value, int codes) =>
        Api.PostAsync("/v1/vouchers/batches", $$"""{"id":"B-{{batch}}","batch":"{{batch}}","value":{{value}},"codes":{{codes}},"lastDay":"2026-06-30","author":"jo"}""");

    private async Task<string[]> CodesAsync(string batch, string value)
    {
        (await BatchAsync(batch, value, 10)).Expect(201);
        return [.. (await Api.GetAsync($"/v1/vouchers/batches/{batch}/codes")).Expect(200).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(line => line.Split(',')[1])];
    }

    private async Task<string> StandingAsync(string code)
    {
        var standing = (await Api.PostAsync("/v1/vouchers/validations", new JsonObject { ["code"] = code, ["basket"] = 2000 })).Expect(200).Json;
        return $"{standing["status"]} {standing["money"]} {standing["usesLeft"]}";
    }
}
