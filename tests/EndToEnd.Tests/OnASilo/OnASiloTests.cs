using Loyalty.EndToEnd.Tests.Support;
using Loyalty.Load.Replay;
using Xunit.Abstractions;

namespace Loyalty.EndToEnd.Tests.OnASilo;

/// <summary>The year of the real shop through an Orleans silo: the same balances, tiers and trial balance, member by member.</summary>
public sealed class RealYearOnASilo(ITestOutputHelper output)
{
    [RealDataFact]
    public Task Every_member_stands_as_the_model_says() => RealYear.RunAsync(
        output, Gateway.Http.OperationsEndpoint.ReadResource("sample-program.json"), RetailPlanOptions.ShiftWeeksDefault, EngineHost.Orleans);
}

/// <summary>Ordered streams while the silo is killed again and again.</summary>
public sealed class CrashesOfASilo(ITestOutputHelper output)
{
    [Fact]
    public Task Nothing_acknowledged_is_lost_or_doubled() => Crashes.RunAsync(
        output, ["--mode", "stream", "--connections", "4", "--batch", "250", "--rate", "1500"], engineOptions: ["--memory", "16"], EngineHost.Orleans);
}

/// <summary>What a silo says of itself.</summary>
public sealed class ASilo
{
    [Fact]
    public async Task Says_that_it_is_one_serves_the_dashboard_and_ends_in_good_order()
    {
        using var folder = new TestFolder();
        await using var silo = await Engine.StartAsync(EngineHost.Orleans, folder["data"]);
        (await silo.BuyAsync("p1", "anna")).Expect(200);
        var system = (await silo.GetAsync("/v1/system")).Expect(200).Json;
        Assert.True(system["orleans"]!.GetValue<bool>());
        Assert.Single(system["silos"]!.AsArray());
        Assert.Contains("Orleans", (await silo.GetAsync("/dashboard/")).Expect(200).Body, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("MemberGrain", (await silo.GetAsync("/dashboard/GrainTypes")).Expect(200).Body, StringComparison.Ordinal);
        (await silo.TerminateAsync()).Expect(0);
        await silo.StartAgainAsync();
        Assert.True((await silo.BuyAsync("p1", "anna")).Expect(200).Json["replayed"]!.GetValue<bool>());
    }

    [Theory]
    [InlineData("The store 'oracle' is not known", "up", "--store", "oracle")]
    [InlineData("needs a connection string", "up", "--store", "postgres")]
    [InlineData("belongs to one process", "silo")]
    [InlineData("belongs to one process", "gateway")]
    [InlineData("an IP address such as", "up", "--address", "db.example")]
    [InlineData("0 (a free one) to 65535", "up", "--silo-port", "70000")]
    [InlineData("1 to 16 are possible", "up", "--silos", "0")]
    public async Task Is_not_started_with_settings_that_cannot_work_and_says_what_would(string words, params string[] arguments)
    {
        using var folder = new TestFolder();
        var ended = await ChildProcess.StartEngine(EngineHost.Orleans, [.. arguments, .. arguments[0] == "silo" ? [] : new[] { "--data", folder["data"] }]).EndAsync();
        ended.Expect(2);
        Assert.Contains(words, ended.Said, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["data/loyalty.db"]));
    }

    [Fact]
    public async Task Names_the_server_that_it_cannot_reach_and_not_the_password()
    {
        var ended = await ChildProcess.StartEngine(
            EngineHost.Orleans, "silo", "--store", "postgres", "--connection", "Host=127.0.0.1;Port=1;Database=books;Username=u;Password=secret").EndAsync();
        ended.Expect(2);
        Assert.Contains("127.0.0.1", ended.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", ended.Said, StringComparison.Ordinal);
    }
}
