using System.Text;
using Loyalty.Load.Bench;
using Loyalty.Load.Drive;
using Loyalty.Load.Gateway;

namespace Loyalty.Load.Tests;

public sealed class BenchTests
{
    [Fact]
    public void A_command_line_is_cut_at_blanks_outside_quotes()
    {
        CommandLine command = CommandLine.Parse("  dotnet \"/a folder/x.dll\"  --flag \"\" ");
        Assert.Equal("dotnet", command.Program);
        Assert.Equal(["/a folder/x.dll", "--flag", ""], command.Arguments);
        Assert.Throws<UserError>(() => CommandLine.Parse(" "));
    }

    [Fact]
    public void A_server_that_cannot_start_says_what_to_do()
    {
        UserError error = Assert.Throws<UserError>(() => ServerProcess.Start(new CommandLine("/no/such/program", [])));
        Assert.Contains("--server", error.Message);
    }

    [Fact]
    public void The_trial_balance_is_added_up_again()
    {
        TrialBalance balance = TrialBalance.Parse(Encoding.UTF8.GetBytes("""
            {"asOf":7,"units":[
              {"unit":"points","accounts":[{"account":"issued","balance":-10},{"account":"member","balance":10}],"sum":0},
              {"unit":"miles","accounts":[{"account":"issued","balance":-5},{"account":"member","balance":2}],"sum":0}],
             "sales":{}}
            """));
        Assert.Equal(new TrialBalance(10, 3), balance);
    }

    [Fact]
    public void The_baseline_s_figures_are_the_last_line_that_it_prints()
    {
        Assert.Equal(512.5, (double)WriteStateBaseline.Read((0, "starting\n{\"perSecond\":512.5}\n", "")).Figures!["perSecond"]!);
        Assert.Equal(512.5, (double)WriteStateBaseline.Read((1, "{\"perSecond\":512.5,\"isWell\":false}", "")).Figures!["perSecond"]!);
    }

    [Fact]
    public void A_baseline_without_figures_is_left_out_with_the_reason()
    {
        Assert.Contains("too long", WriteStateBaseline.Read(null).Why);
        Assert.Contains("no role", WriteStateBaseline.Read((2, "", "no role x\n")).Why);
        Assert.Contains("no figures", WriteStateBaseline.Read((0, "{\"other\":1}", "")).Why);
        Assert.Contains("no figures", WriteStateBaseline.Read((0, "Hello", "")).Why);
    }

    [Fact]
    public void The_campaigns_of_the_bench_are_different_definitions()
    {
        string[] definitions = [.. Enumerable.Range(0, 100).Select(CampaignMix.Definition)];
        Assert.Equal(100, definitions.Distinct().Count());
        Assert.All(definitions, definition => System.Text.Json.JsonDocument.Parse(definition).Dispose());
    }

    [Fact]
    public void No_two_runs_share_a_prefix()
    {
        string[] prefixes = [.. Enumerable.Range(0, 1000).Select(_ => WorkloadOptions.NewPrefix())];
        Assert.Equal(prefixes.Length, prefixes.Distinct().Count());
    }

    [Fact]
    public void Without_a_key_the_message_says_where_one_comes_from()
    {
        UserError error = Assert.Throws<UserError>(() => GatewayTarget.Find("http://127.0.0.1:1", null, "/no/such/folder"));
        Assert.Contains("loyalty up", error.Message);
    }

    [Fact]
    public void Without_a_gateway_the_message_says_how_to_start_one()
    {
        UserError error = Assert.Throws<UserError>(() => GatewayQueries.AssureReady(new GatewayTarget(new Uri("http://127.0.0.1:1"), "key")));
        Assert.Contains("loyalty up", error.Message);
    }
}
