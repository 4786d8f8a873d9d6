using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

public sealed class OperationsTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private Api Api => gateway.Api;

    [Fact]
    public async Task The_probes_say_that_the_engine_lives_and_is_ready()
    {
        Assert.Equal("alive\n", (await Api.GetAsync("/healthz")).Expect(200).Text);
        Assert.Equal("ready\n", (await Api.GetAsync("/readyz")).Expect(200).Text);
    }

    [Fact]
    public async Task The_trial_balance_has_every_posting_on_both_sides()
    {
        (await Api.PurchaseAsync(Sales.Purchase("O1", "M-books", ("1", 2, 2000)))).Expect(200);
        (await Api.ReturnAsync(Sales.Return("O2", "O1", "M-books", ("1", 1, 1000)))).Expect(200);
        (await Api.PurchaseAsync(Sales.Purchase("O3", null, ("1", 3, 3000)))).Expect(200);
        (await Api.PurchaseAsync(Sales.Purchase("O4", null, ("1", 3, 3000)).With("currency", "EUR"))).Expect(422);

        var books = (await Api.GetAsync("/v1/ledger/trial-balance")).Expect(200).Json;

        Assert.Equal(["issued -20", "member 10", "returned 10"], books["units"]![0]!["accounts"]!.AsArray().Select(account => $"{account!["account"]} {account["balance"]}"));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""
            { "anonymousAmount": 3000, "anonymousPurchases": 1, "memberAmount": 2000, "memberPurchases": 1, "memberReturnedAmount": 1000, "memberReturns": 1,
              "members": 1, "refusals": 1, "memberShare": 0.5 }
            """), books["sales"]), books["sales"]!.ToJsonString());
    }

    [Fact]
    public async Task The_system_says_what_it_runs_on()
    {
        var system = (await Api.GetAsync("/v1/system")).Expect(200).Json;

        Assert.Equal("2026-03-10T12:00:00Z", (string)system["now"]!);
        Assert.Equal(1, (long)system["program"]!);
        Assert.False((bool)system["orleans"]!);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/v1")]
    [InlineData("/v1/purchase")]
    [InlineData("/v1/members/M1/points")]
    [InlineData("/v2/purchases")]
    [InlineData("/v1/purchases/extra")]
    [InlineData("/caf%C3%A9")]
    public async Task An_unknown_address_is_a_problem(string path) => (await Api.GetAsync(path)).ExpectProblem(404, "not-found");

    [Fact]
    public async Task An_address_says_which_methods_it_takes()
    {
        foreach (var address in Contract.Operations.Select(one => one.Path.Replace("{id}", "M1", StringComparison.Ordinal)).Distinct())
        {
            // A fixed address such as /v1/campaigns/schema is one of /v1/campaigns/{id}, too.
            var path = Contract.Operations.Where(one => Matches(one.Path, address)).Select(one => one.Method).Distinct().ToArray();
            foreach (var method in new[] { "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD" }.Except(path))
            {
                var reply = await Api.SendAsync(new HttpRequestMessage(new HttpMethod(method), address));

                Assert.Equal(405, reply.Status);
                Assert.Equal(path.Order(StringComparer.Ordinal), reply.Header("Allow")!.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
                if (method != "HEAD")
                {
                    Assert.Equal("method", reply.Problem);
                }
            }
        }
    }

    private static bool Matches(string template, string address) =>
        template == address || System.Text.RegularExpressions.Regex.IsMatch(address, $"^{System.Text.RegularExpressions.Regex.Replace(template, "\\{[a-z]+\\}", "[^/]+")}$");
}
