using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Loyalty.Gateway.Partners;
using Loyalty.Gateway.Security;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Gateway.Tests.Partners;

/// <summary>A gateway with a partner's server that the reference connector calls over HTTP.</summary>
public sealed class PartnerGateway : TestGateway, IAsyncLifetime
{
    private readonly PartnerConnectors _connectors = new();

    internal PartnerServer Partner { get; private set; } = null!;

    internal override PartnerConnectors? Connectors => _connectors;

    protected override TimeSpan WakeInterval => TimeSpan.FromMilliseconds(50);

    async Task IAsyncLifetime.InitializeAsync()
    {
        Partner = await PartnerServer.StartAsync();
        _connectors.Add("sky", new HttpPartnerConnector(new(Partner.Address, "/api"), PartnerServer.Secret, TimeSpan.FromMilliseconds(700), TimeProvider.System));
        await InitializeAsync();
        (await Api.PutAsync("/v1/pools/sky", """
            { "unit": "points", "partnerUnit": "skymiles", "connector": "sky", "rates": [ { "from": "2026-01-01", "out": "1/2", "in": "3" } ], "out": { "min": 10 }, "in": {}, "earn": {},
              "serviceFee": { "flat": 3 }, "settlement": "day", "retry": { "attempts": 3, "firstSeconds": 1 } }
            """)).Expect(200);
        (await Api.PostAsync("/v1/pools/sky/fundings", """{ "id": "f1", "unit": "skymiles", "amount": 100000, "reason": "bought", "author": "jo" }""")).Expect(200);
        (await Api.PostAsync("/v1/pools/sky/fundings", """{ "id": "f2", "unit": "points", "amount": 100000, "reason": "bought", "author": "jo" }""")).Expect(200);
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await DisposeAsync();
        await Partner.DisposeAsync();
    }
}

public sealed class ExchangeTests(PartnerGateway gateway) : IClassFixture<PartnerGateway>
{
    [Fact]
    public async Task An_exchange_goes_out_over_http_and_comes_again_with_the_first_answer()
    {
        var member = await MemberAsync(1000);
        var id = Sales.NewId("X");
        var first = (await ExchangeAsync(id, member, "out", 100)).Expect(200).Json;
        Assert.Equal(("completed", 100, 50, "P-" + id, false), ((string)first["state"]!, (long)first["points"]!, (long)first["units"]!, (string)first["reference"]!, (bool)first["replayed"]!));
        Assert.True((bool)(await ExchangeAsync(id, member, "out", 100)).Expect(200).Json["replayed"]!);
        (await ExchangeAsync(id, member, "out", 101)).ExpectProblem(409, "conflict", "id");
        Assert.Equal(900, await gateway.Api.PointsAsync(member));
        Assert.Contains((id, 50L), gateway.Partner.Done);
        Assert.Equal("completed", (string)(await gateway.Api.GetAsync("/v1/exchanges/" + id)).Expect(200).Json["state"]!);
        Assert.Equal(0, gateway.Partner.Unsigned);
    }

    [Fact]
    public async Task Units_come_in_and_points_are_earned()
    {
        var member = await MemberAsync(0);
        Assert.Equal(30, (long)(await ExchangeAsync(Sales.NewId("X"), member, "in", 10)).Expect(200).Json["points"]!);
        Assert.Equal(7, (long)(await ExchangeAsync(Sales.NewId("X"), member, "earn", 7)).Expect(200).Json["points"]!);
        Assert.Equal(37, await gateway.Api.PointsAsync(member));
    }

    [Theory]
    [InlineData("silent")]
    [InlineData("lost")]
    [InlineData("garbage")]
    public async Task A_partner_that_does_not_answer_is_asked_later_and_nothing_is_guessed(string how)
    {
        var member = await MemberAsync(1000);
        var id = Sales.NewId("X/" + how);
        var reply = (await ExchangeAsync(id, member, "out", 100, $"{how}-{id}")).Expect(202);
        Assert.Equal(("waiting", "/v1/exchanges/" + Uri.EscapeDataString(id)), ((string)reply.Json["state"]!, reply.Header("Location")));
        Assert.Equal(100, (long)(await gateway.Api.MemberAsync(member)).Json["balances"]![0]!["held"]!);
        await UntilAsync(async () =>
        {
            gateway.Clock.Advance(Duration.FromSeconds(1));
            return (string)(await gateway.Api.GetAsync(reply.Header("Location")!)).Expect(200).Json["state"]! == "completed";
        });
        Assert.Single(gateway.Partner.Done, one => one == (id, 50L));
        (await ExchangeAsync(id, member, "out", 100, $"{how}-{id}")).Expect(200);
    }

    [Fact]
    public async Task What_rules_and_partners_refuse_is_422_and_remembered()
    {
        var member = await MemberAsync(1000);
        var id = Sales.NewId("X");
        (await ExchangeAsync(id, member, "out", 100, "refuse")).ExpectProblem(422, "partner-refused", "");
        Assert.True((bool)(await ExchangeAsync(id, member, "out", 100, "refuse")).ExpectProblem(422, "partner-refused", "").Json["replayed"]!);
        (await ExchangeAsync(Sales.NewId("X"), member, "out", 9)).ExpectProblem(422, "below-minimum", "points");
        (await ExchangeAsync(Sales.NewId("X"), member, "out", 5000)).ExpectProblem(422, "not-enough-points", "points");
        (await ExchangeAsync(Sales.NewId("X"), member, "in", 90_000)).ExpectProblem(422, "pool-liquidity", "pool");
        (await ExchangeAsync(Sales.NewId("X"), member, "out", 100, null)).ExpectProblem(422, "account-needed", "account");
        Assert.Equal(1000, await gateway.Api.PointsAsync(member));
    }

    [Fact]
    public async Task What_is_not_known_is_404_and_decides_nothing()
    {
        var member = await MemberAsync(1000);
        var id = Sales.NewId("X");
        (await ExchangeAsync(id, "nobody", "out", 100)).ExpectProblem(404, "unknown-member", "member");
        (await gateway.Api.PostAsync("/v1/exchanges", new JsonObject { ["id"] = id, ["pool"] = "none", ["member"] = member, ["direction"] = "earn", ["points"] = 1 })).ExpectProblem(404, "unknown-pool", "pool");
        (await gateway.Api.GetAsync("/v1/exchanges/" + id)).ExpectProblem(404, "unknown-exchange", "id");
        (await gateway.Api.GetAsync("/v1/pools/none")).ExpectProblem(404, "unknown-pool", "pool");
        (await gateway.Api.GetAsync("/v1/pools/sky/statements/2020-01-01")).ExpectProblem(404, "unknown-statement");
        (await gateway.Api.PostAsync("/v1/exchanges/none/resolve", """{ "resolution": "retry", "reason": "r", "author": "a" }""")).ExpectProblem(404, "unknown-exchange", "id");
        (await ExchangeAsync(id, member, "out", 100)).Expect(200);
    }

    [Theory]
    [InlineData("""{ "id": "a", "pool": "sky", "member": "m", "direction": "up", "points": 1 }""", "direction")]
    [InlineData("""{ "id": "a", "pool": "sky", "member": "m", "direction": "out" }""", "points")]
    [InlineData("""{ "id": "a", "pool": "sky", "member": "m", "direction": "out", "points": 0 }""", "points")]
    [InlineData("""{ "id": "a", "pool": "sky", "member": "m", "direction": "out", "points": 1.5 }""", "points")]
    [InlineData("""{ "id": "a", "pool": "sky", "member": "m", "direction": "out", "points": 1, "units": 1 }""", "units")]
    [InlineData("""{ "id": "a", "pool": "sky", "member": "m", "direction": "in", "points": 1 }""", "points", "units")]
    [InlineData("""{ "id": "", "pool": "sky", "member": "m", "direction": "out", "points": 1 }""", "id")]
    [InlineData("""{ "id": "a", "pool": "sky", "member": "m", "direction": "out", "points": 1, "colour": 1 }""", "colour")]
    [InlineData("""{ "pool": "sky", "direction": "out", "points": 10000000000000 }""", "id", "member", "points")]
    public async Task Bad_input_is_clear_and_without_effect(string body, params string[] fields)
    {
        var before = await gateway.Api.GetAsync("/v1/ledger/trial-balance");
        Assert.Equal(fields, (await gateway.Api.PostAsync("/v1/exchanges", body)).Expect(400).Fields.Order(StringComparer.Ordinal));
        Assert.Equal(before.Text, (await gateway.Api.GetAsync("/v1/ledger/trial-balance")).Text);
    }

    [Fact]
    public async Task Bad_definitions_fundings_and_resolutions_are_clear()
    {
        (await gateway.Api.PutAsync("/v1/pools/SKY", "{}")).ExpectProblem(400, "malformed", "id");
        (await gateway.Api.PutAsync("/v1/pools/other", """{ "unit": "gold", "partnerUnit": "o", "earn": {} }""")).ExpectProblem(400, "malformed", "unit");
        (await gateway.Api.PutAsync("/v1/pools/other", "nonsense")).ExpectProblem(400, "malformed", "");
        (await gateway.Api.PostAsync("/v1/pools/sky/fundings", """{ "id": "z", "unit": "gold", "amount": 1, "reason": "r", "author": "a" }""")).ExpectProblem(422, "unknown-unit", "unit");
        (await gateway.Api.PostAsync("/v1/pools/sky/fundings", """{ "id": "y", "unit": "points", "amount": 0, "reason": "r", "author": "a" }""")).ExpectProblem(400, "malformed", "amount");
        (await gateway.Api.PostAsync("/v1/pools/sky/fundings", """{ "id": "w", "unit": "points", "amount": -1000000, "reason": "r", "author": "a" }""")).ExpectProblem(422, "pool-liquidity", "amount");
        (await gateway.Api.PostAsync("/v1/pools/none/fundings", """{ "id": "v", "unit": "points", "amount": 1, "reason": "r", "author": "a" }""")).ExpectProblem(404, "unknown-pool", "pool");
        Assert.True((bool)(await gateway.Api.PostAsync("/v1/pools/sky/fundings", """{ "id": "f1", "unit": "skymiles", "amount": 100000, "reason": "bought", "author": "jo" }""")).Expect(200).Json["replayed"]!);
        var member = await MemberAsync(100);
        var id = Sales.NewId("X");
        (await ExchangeAsync(id, member, "out", 100)).Expect(200);
        (await gateway.Api.PostAsync($"/v1/exchanges/{id}/resolve", """{ "resolution": "cancelled", "reason": "r", "author": "a" }""")).ExpectProblem(409, "not-parked");
        (await gateway.Api.PostAsync($"/v1/exchanges/{id}/resolve", """{ "resolution": "retry", "reference": "P", "reason": "r", "author": "a" }""")).ExpectProblem(400, "malformed", "reference");
    }

    private async Task<string> MemberAsync(long points) => await ExchangeTestsSupport.MemberAsync(gateway, points);

    private Task<Reply> ExchangeAsync(string id, string member, string direction, long amount, string? account = "SK1") =>
        ExchangeTestsSupport.ExchangeAsync(gateway, id, member, direction, amount, account);

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        for (var tries = 0; !await isSo(); tries++)
        {
            Assert.True(tries < 400, "it never comes");
            await Task.Delay(20);
        }
    }
}

internal static class ExchangeTestsSupport
{
    public static async Task<string> MemberAsync(TestGateway gateway, long points)
    {
        var member = Sales.NewId("M-x");
        (await gateway.Api.PostAsync("/v1/members", new JsonObject { ["id"] = member })).Expect(201);
        if (points > 0)
        {
            (await gateway.Api.PostAsync("/v1/adjustments", new JsonObject
            {
                ["id"] = Sales.NewId("A-x"), ["member"] = member, ["unit"] = "points", ["points"] = points, ["reason"] = "test", ["author"] = "test",
            })).Expect(200);
        }

        return member;
    }

    public static Task<Reply> ExchangeAsync(TestGateway gateway, string id, string member, string direction, long amount, string? account)
    {
        var body = new JsonObject { ["id"] = id, ["pool"] = "sky", ["member"] = member, ["direction"] = direction, [direction == "in" ? "units" : "points"] = amount };
        if (account is not null && direction != "earn")
        {
            body["account"] = account;
        }

        return gateway.Api.PostAsync("/v1/exchanges", body);
    }
}

public sealed class StatementTests(PartnerGateway gateway) : IClassFixture<PartnerGateway>
{
    [Fact]
    public async Task A_statement_is_the_partners_own_list_chained_and_the_same_for_ever()
    {
        var member = await ExchangeTestsSupport.MemberAsync(gateway, 1000);
        foreach (var (direction, amount, account) in new[] { ("out", 100L, "SK,1"), ("in", 10L, "SK1"), ("earn", 5L, ""), ("out", 20L, "refuse") })
        {
            await ExchangeTestsSupport.ExchangeAsync(gateway, Sales.NewId("S"), member, direction, amount, account);
        }

        gateway.Clock.Advance(Duration.FromDays(1));
        (await gateway.Api.GetAsync("/v1/pools/sky")).Expect(200);
        var reply = (await gateway.Api.GetAsync("/v1/pools/sky/statements/2026-03-10")).Expect(200);
        var statement = reply.Json;
        var lines = statement["lines"]!.AsArray();
        Assert.Equal(["funding", "funding", "out", "in", "earn"], lines.Select(line => (string)line!["kind"]!));
        Assert.Equal(
            gateway.Partner.Done.Order(),
            lines.Where(line => (string)line!["kind"]! is "out" or "in").Select(line => ((string)line!["id"]!, -(long)line["units"]!)).Order());
        Assert.Equal(lines.Sum(line => (long)line!["points"]!), (long)statement["closing"]!["points"]!);
        Assert.Equal(lines.Sum(line => (long)line!["units"]!), (long)statement["closing"]!["partnerUnits"]!);
        Assert.Equal(9, lines.Sum(line => (long)line!["serviceFee"]!));

        // As an auditor does it: from the CSV alone, line by line.
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/pools/sky/statements/2026-03-10");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/csv"));
        var csv = (await gateway.Api.SendAsync(request)).Expect(200);
        var hash = new string('0', 64);
        foreach (var row in csv.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            var comma = row.LastIndexOf(',');
            hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{hash}\n{row[..comma]}")));
            Assert.Equal(row[(comma + 1)..], hash);
        }

        Assert.Equal((string)statement["closingHash"]!, hash);
        Assert.Equal(reply.Text, (await gateway.Api.GetAsync("/v1/pools/sky/statements/2026-03-10")).Text);
        (await gateway.Api.GetAsync("/v1/pools/sky/statements/2026-03-11")).ExpectProblem(404, "unknown-statement");
        (await gateway.Api.GetAsync("/v1/pools/sky/statements/2026-03-10?format=csv")).ExpectProblem(400, "malformed", "format");
    }
}

public sealed class PartnerKeyTests(PartnerKeyGateway gateway) : IClassFixture<PartnerKeyGateway>
{
    [Fact]
    public async Task A_partners_key_that_is_bound_to_a_pool_sees_and_uses_no_other()
    {
        using var admin = new Api(gateway.Address, gateway.Admin);
        using var partner = new Api(gateway.Address, gateway.Bound);
        foreach (var pool in new[] { "sky", "sea" })
        {
            (await admin.PutAsync($"/v1/pools/{pool}", $$"""{ "unit": "points", "partnerUnit": "{{pool}}miles", "earn": {} }""")).Expect(200);
            (await admin.PostAsync($"/v1/pools/{pool}/fundings", $$"""{ "id": "f-{{pool}}", "unit": "points", "amount": 1000, "reason": "r", "author": "a" }""")).Expect(200);
        }

        (await admin.PostAsync("/v1/members", """{ "id": "M1" }""")).Expect(201);
        (await partner.PostAsync("/v1/exchanges", """{ "id": "e1", "pool": "sky", "member": "M1", "direction": "earn", "points": 5 }""")).Expect(200);
        (await partner.PostAsync("/v1/exchanges", """{ "id": "e2", "pool": "sea", "member": "M1", "direction": "earn", "points": 5 }""")).ExpectProblem(403, "scope");
        (await admin.PostAsync("/v1/exchanges", """{ "id": "e3", "pool": "sea", "member": "M1", "direction": "earn", "points": 5 }""")).Expect(200);
        (await partner.GetAsync("/v1/exchanges/e1")).Expect(200);
        (await partner.GetAsync("/v1/exchanges/e3")).ExpectProblem(403, "scope");
        (await partner.GetAsync("/v1/pools/sky")).Expect(200);
        (await partner.GetAsync("/v1/pools/sea")).ExpectProblem(403, "scope");
        (await partner.GetAsync("/v1/pools/sea/statements/2026-03")).ExpectProblem(403, "scope");
        (await partner.PostAsync("/v1/pools/sky/fundings", """{ "id": "f9", "unit": "points", "amount": 1000, "reason": "r", "author": "a" }""")).ExpectProblem(403, "scope");
        (await partner.PostAsync("/v1/exchanges/e1/resolve", """{ "resolution": "retry", "reason": "r", "author": "a" }""")).ExpectProblem(403, "scope");
    }
}

/// <summary>A gateway with a key for everything and a partner's key that is bound to one pool.</summary>
public sealed class PartnerKeyGateway : TestGateway
{
    internal string Admin { get; private set; } = "";

    internal string Bound { get; private set; } = "";

    protected override bool AsksForKeys => true;

    protected override void Prepare()
    {
        Admin = ApiKeys.Create(Folder, "admin", ["admin"]);
        Bound = ApiKeys.Create(Folder, "skyways", ["partner"], ["sky"]);
    }
}
