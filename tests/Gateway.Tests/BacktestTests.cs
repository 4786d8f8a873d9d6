using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

public sealed class BacktestTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private const string Double = """{"name":"Double points","gives":[{"type":"multiplier","unit":"points","factor":2}]}""";

    [Fact]
    public async Task A_draft_is_tried_on_past_sales_and_nothing_is_written()
    {
        var member = Sales.NewId("tried");
        await gateway.Api.PurchaseAsync(Sales.Purchase(Sales.NewId("P"), member, ("22138", 3, 1485)));
        var balances = (await gateway.Api.GetAsync("/v1/ledger/trial-balance")).Text;

        var started = await gateway.Api.PostAsync("/v1/campaigns/double/backtests", $$"""{"from":"2026-03-01","until":"2026-04-01","draft":{{Double}},"against":{{Double}}}""");
        Assert.Equal(202, started.Status);
        var job = await UntilEndedAsync(started.Header("Location")!);

        Assert.Equal("done", (string?)job["status"]);
        var report = job["report"]!;
        Assert.True((long)report["purchases"]! >= 1);
        var draft = report["drafts"]![0]!;
        Assert.True((long)draft["points"]![0]!["net"]! >= 14);
        Assert.Equal(0, (long)report["difference"]!["requests"]!);
        Assert.Equal(0, (long)draft["notReplayed"]!);
        Assert.Equal(balances, (await gateway.Api.GetAsync("/v1/ledger/trial-balance")).Text);
    }

    [Theory]
    [InlineData("""{"until":"2026-04-01"}""", "from")]
    [InlineData("""{"from":"2026-04-01","until":"2026-03-01"}""", "until")]
    [InlineData("""{"from":"2010-01-01","until":"2026-03-01"}""", "until")]
    [InlineData("""{"from":"1 March","until":"2026-03-01"}""", "from")]
    [InlineData("""{"from":"2026-03-01","until":"2026-04-01","colour":"red"}""", "colour")]
    [InlineData("""{"from":"2026-03-01","until":"2026-04-01","draft":{"name":"x","gives":[{"type":"bonus","unit":"pionts","points":1}]}}""", "draft.gives[0].unit")]
    [InlineData("""{"from":"2026-03-01","until":"2026-04-01","draft":{"name":"x","gives":[{"type":"rate","unit":"points","points":1000000000000,"per":1}]}}""", "draft.gives[0].points")]
    public async Task What_cannot_be_tried_is_refused_with_its_field(string body, string field)
    {
        var reply = await gateway.Api.PostAsync("/v1/campaigns/double/backtests", body);
        Assert.Equal(400, reply.Status);
        Assert.Contains(field, reply.Json["errors"]!.AsArray().Select(error => (string?)error!["field"]));
    }

    [Fact]
    public async Task Without_a_draft_there_is_nothing_to_try_and_an_unknown_trial_is_not_found()
    {
        Assert.Equal(404, (await gateway.Api.PostAsync("/v1/campaigns/nobodys/backtests", """{"from":"2026-03-01","until":"2026-04-01"}""")).Status);
        Assert.Equal(404, (await gateway.Api.GetAsync("/v1/backtests/none")).Status);
        Assert.Equal(404, (await gateway.Api.PostAsync("/v1/campaigns/nobodys/reports", "{}")).Status);
    }

    private async Task<JsonNode> UntilEndedAsync(string location)
    {
        while (true)
        {
            var job = (await gateway.Api.GetAsync(location)).Json;
            if ((string?)job["status"] != "running")
            {
                return job;
            }

            await Task.Yield();
        }
    }
}
