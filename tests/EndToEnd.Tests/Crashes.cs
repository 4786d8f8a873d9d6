using System.Diagnostics;
using Loyalty.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace Loyalty.EndToEnd.Tests;

/// <summary>Ordered streams while the engine is killed again and again.</summary>
public sealed class CrashesUnderStreams(ITestOutputHelper output)
{
    [Fact]
    public Task Nothing_acknowledged_is_lost_or_doubled() => Crashes.RunAsync(
        output, ["--mode", "stream", "--connections", "4", "--batch", "250", "--rate", "2500"], engineOptions: []);
}

/// <summary>One request at a time, with little memory so that members come and go.</summary>
public sealed class CrashesUnderSingleRequests(ITestOutputHelper output)
{
    [Fact]
    public Task Nothing_acknowledged_is_lost_or_doubled() => Crashes.RunAsync(
        output, ["--mode", "single", "--connections", "24", "--rate", "800"], engineOptions: ["--memory", "16"]);
}

/// <summary>
/// kill -9 under load, restart, and the client's own account of what was acknowledged. LOYALTY_KILLS says how many kills for each mode; default 6.
/// </summary>
internal static class Crashes
{
    private const int KillsDefault = 6;
    private const int SecondsOfARun = 12;

    private static int Kills => int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_KILLS"), out var kills) ? kills : KillsDefault;

    public static async Task RunAsync(ITestOutputHelper output, string[] loadOptions, string[] engineOptions, EngineHost host = EngineHost.Embedded)
    {
        using var folder = new TestFolder();
        await using var engine = await Engine.StartAsync(host, folder["data"], ["--checkpoint-records", "2000", .. engineOptions]);
        var killing = KillAgainAndAgainAsync(output, engine, folder["dead"]);

        // Runs of load follow each other until all kills are done: how long these take depends on the machine.
        var accounts = new List<string>();
        do
        {
            accounts.Add(folder[$"account-{accounts.Count}"]);
            await using var load = ChildProcess.StartLoad([
                "load", .. engine.Target, .. loadOptions, "--members", "20000", "--duration", $"{Math.Max(SecondsOfARun, Kills * 2)}",
                "--returns", "3", "--retries", "2", "--account", accounts[^1], "--check", "--patience", "600", "--json"]);
            var ending = load.EndAsync();
            if (await Task.WhenAny(ending, killing) == killing)
            {
                // Throws, rather than have the load wait for an engine that will not come again.
                await killing;
            }

            ExpectNothingWrong(await ending, output);
        }
        while (!killing.IsCompleted);

        await killing;
        foreach (var account in accounts)
        {
            ExpectNothingWrong(await ChildProcess.LoadAsync(["load", .. engine.Target, "--check-only", "--account", account, "--json"]), output);
        }

        await engine.TrialBalanceAsync();
        (await engine.TerminateAsync()).Expect(0);
        output.WriteLine($"in the end: {(await engine.VerifyAsync()).Output[^1]}");
    }

    private static void ExpectNothingWrong(Ended load, ITestOutputHelper output)
    {
        output.WriteLine(load.Output[^1]);
        load.Expect(0);
        Assert.All((string[])["lost", "doubled", "wrong", "unknown"], name => Assert.True(load.Count(name) == 0, $"{name}: {load.Said}"));
        Assert.True(load.Count("checked") > 0, load.Said);
    }

    private static async Task KillAgainAndAgainAsync(ITestOutputHelper output, Engine engine, string deadFolder)
    {
        long eventsBefore = 0;
        var inCheckpoints = 0;
        for (var kill = 1; kill <= Kills; kill++)
        {
            var (position, records) = await BooksOfAsync(engine);
            await Patience.UntilAsync("the load was under way", async () => (await BooksOfAsync(engine)).Records > records + 200);
            await Task.Delay(Random.Shared.Next(1000));
            if (kill % 2 == 0)
            {
                await Patience.UntilAsync("a checkpoint was under way", () => Task.FromResult(Books.IsInCheckpoint(engine.JournalFile, position)));
            }

            await engine.KillAsync();
            var started = Stopwatch.StartNew();

            // The copy is looked at as the engine left it, and leaves the engine to mend its own files; in place, verify opens them before the engine.
            var copy = Books.CopyDead(engine.JournalFile, deadFolder);
            var inCheckpoint = Books.IsInCheckpoint(copy, position);
            inCheckpoints += inCheckpoint ? 1 : 0;
            var verified = await Books.VerifyAsync(kill % 3 == 0 ? engine.JournalFile : copy);
            Assert.True(verified.Count("events") >= eventsBefore, $"{eventsBefore} events had been there; now: {verified.Output[^1]}");
            eventsBefore = verified.Count("events");
            Directory.Delete(deadFolder, recursive: true);
            await engine.StartAgainAsync();
            output.WriteLine($"kill {kill}{(inCheckpoint ? " in a checkpoint" : "")}: {verified.Output[^1]}; up again after {started.Elapsed.TotalSeconds:0.0} s");
        }

        output.WriteLine($"{Kills} kills, {inCheckpoints} of them in a checkpoint");
    }

    private static async Task<(long Position, long Records)> BooksOfAsync(Engine engine)
    {
        var totals = (await engine.GetAsync("/v1/ledger/trial-balance")).Expect(200).Json;
        return (totals["asOf"]!.GetValue<long>(), totals["records"]!.GetValue<long>());
    }
}
