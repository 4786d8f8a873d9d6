using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Loyalty.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace Loyalty.EndToEnd.Tests;

/// <summary>What an operator does wrong is said in words, with exit code 2.</summary>
public sealed class WrongUse : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_second_engine_on_the_same_books_is_refused_and_a_taken_port_is_named()
    {
        await using var engine = await Engine.StartAsync(_folder["data"]);
        var second = (await ChildProcess.GatewayAsync("up", "--data", _folder["data"], "--url", $"http://127.0.0.1:{Engine.FreePort()}")).Expect(2);
        ExpectWords(second, engine.JournalFile, "open in another engine", "stop that one first");

        var samePort = (await ChildProcess.GatewayAsync("up", "--data", _folder["other"], "--url", engine.Address)).Expect(2);
        ExpectWords(samePort, engine.Address, "cannot be used", "--url");

        // Neither harmed the first.
        (await engine.BuyAsync("P-1", "M-1")).Expect(200);
        (await engine.TerminateAsync()).Expect(0);
    }

    [Theory]
    [InlineData("http://0.0.0.0:18080")]
    [InlineData("http://example.com:18080")]
    [InlineData("http://192.0.2.1:18080")]
    public async Task Without_keys_only_on_loopback(string url)
    {
        ExpectWords((await ChildProcess.GatewayAsync("up", "--data", _folder["data"], "--url", url, "--insecure")).Expect(2), "--insecure", "loopback", url);
        Assert.False(Directory.Exists(_folder["data"]));
    }

    [Fact]
    public async Task An_invalid_program_is_answered_with_its_fields()
    {
        var program = JsonNode.Parse(Gateway.Http.OperationsEndpoint.ReadResource("sample-program.json"))!;
        program["currency"] = "pounds";
        program["timeZone"] = "Europe/Lundon";
        program["earn"]![0]!["unit"] = "miles";
        program["tiers"]!["graceDays"] = -1;
        program["surprise"] = true;
        File.WriteAllText(_folder["program.json"], program.ToJsonString());
        var up = (await ChildProcess.GatewayAsync("up", "--data", _folder["data"], "--url", Url(), "--program", _folder["program.json"])).Expect(2);
        ExpectWords(up, _folder["program.json"], "currency", "timeZone", "earn[0].unit", "tiers.graceDays", "surprise");

        // Nothing was begun with it: the same folder takes a valid program.
        File.WriteAllBytes(_folder["program.json"], Gateway.Http.OperationsEndpoint.ReadResource("sample-program.json"));
        await using var engine = await Engine.StartAsync(_folder["data"], "--program", _folder["program.json"]);
        (await engine.BuyAsync("P-1", "M-1")).Expect(200);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_named() => ExpectWords(
        (await ChildProcess.GatewayAsync("up", "--data", _folder["data"], "--url", Url(), "--program", _folder["nothing.json"])).Expect(2), _folder["nothing.json"], "cannot be read");

    [Theory]
    [InlineData("verify")]
    [InlineData("backup", "copy.db")]
    public async Task Books_that_are_not_there_are_named(params string[] command) => ExpectWords(
        (await ChildProcess.GatewayAsync([.. command, "--data", _folder["nowhere"]])).Expect(2), _folder["nowhere"], "no books");

    [Theory]
    [InlineData("--memory", "1")]
    [InlineData("--checkpoint-records", "1")]
    [InlineData("--url", "https://127.0.0.1:1")]
    public async Task A_value_out_of_range_is_named(string option, string value) =>
        ExpectWords((await ChildProcess.GatewayAsync("up", "--data", _folder["data"], option, value)).Expect(2), option, value);

    private static string Url() => $"http://127.0.0.1:{Engine.FreePort()}";

    private static void ExpectWords(Ended ended, params string[] words)
    {
        Assert.All(words, word => Assert.Contains(word, ended.Said, StringComparison.Ordinal));
        Assert.DoesNotContain("   at Loyalty", ended.Said, StringComparison.Ordinal);
    }
}

/// <summary>SIGTERM: what is under way is answered, and the engine ends with exit code 0.</summary>
public sealed class Stopping(ITestOutputHelper output)
{
    [Fact]
    public async Task Under_load_nothing_is_lost()
    {
        using var folder = new TestFolder();
        await using var engine = await Engine.StartAsync(folder["data"]);
        foreach (var mode in (string[])["stream", "single"])
        {
            var before = await RecordsAsync(engine);
            await using var load = ChildProcess.StartLoad([
                "load", .. engine.Target, "--mode", mode, "--rate", "1000", "--members", "2000", "--duration", "6", "--check", "--patience", "300", "--json"]);
            await Patience.UntilAsync("the load was under way", async () => await RecordsAsync(engine) > before + 100);
            (await engine.TerminateAsync()).Expect(0);
            output.WriteLine($"stopped under {mode}: {(await engine.VerifyAsync()).Output[^1]}");
            await engine.StartAgainAsync();
            var ended = (await load.EndAsync()).Expect(0);
            output.WriteLine(ended.Output[^1]);
            Assert.All((string[])["lost", "doubled", "wrong", "unknown", "refused"], name => Assert.Equal(0, ended.Count(name)));
        }
    }

    [Fact]
    public async Task A_till_in_the_middle_of_its_stream_gets_all_its_answers()
    {
        using var folder = new TestFolder();
        await using var engine = await Engine.StartAsync(folder["data"]);
        using var till = await TillStream.OpenAsync(engine);
        await SendAsync(till, 0, 20);
        Assert.Equal(20, (await till.AnswersAsync(20)).Length);

        engine.Process.Terminate();
        await Patience.UntilAsync("the engine took no more connections", async () => !await ConnectsAsync(engine));
        await SendAsync(till, 20, 20);

        // Slower than the two seconds after which a command line library ends a process that was asked to stop.
        await Task.Delay(TimeSpan.FromSeconds(2.5));
        await till.EndAsync();
        var answers = await till.AnswersAsync(40);
        var ended = await engine.Process.EndAsync();
        output.WriteLine(ended.Said);
        ended.Expect(0);
        Assert.Equal(40, answers.Length);
        Assert.All(answers, (answer, i) => Assert.Equal($"P-{i}", (string?)JsonNode.Parse(answer)!["id"]));
        await ExpectPurchasesAsync(engine, 40);
    }

    [Fact]
    public async Task A_till_that_never_ends_its_stream_does_not_keep_the_engine_up()
    {
        using var folder = new TestFolder();
        await using var engine = await Engine.StartAsync(folder["data"]);
        using var till = await TillStream.OpenAsync(engine);
        await SendAsync(till, 0, 20);
        Assert.Equal(20, (await till.AnswersAsync(20)).Length);
        (await engine.TerminateAsync()).Expect(0);
        await ExpectPurchasesAsync(engine, 20);
    }

    private static async Task SendAsync(TillStream till, int from, int count)
    {
        for (var i = from; i < from + count; i++)
        {
            await till.SendAsync($$"""{"id":"P-{{i}}","member":"M-1","store":"S1","at":"2026-03-01T12:00:00Z","currency":"GBP","lines":[{"sku":"A","quantity":1,"amount":1000}]}""");
        }
    }

    private static async Task ExpectPurchasesAsync(Engine engine, int count)
    {
        await engine.VerifyAsync();
        await engine.StartAgainAsync();
        Assert.Equal(count, (await engine.GetAsync("/v1/members/M-1")).Expect(200).Json["totals"]!["purchases"]!.GetValue<int>());
    }

    private static async Task<bool> ConnectsAsync(Engine engine)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(engine.Url.Host, engine.Url.Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task<long> RecordsAsync(Engine engine) => (await engine.GetAsync("/v1/ledger/trial-balance")).Json["records"]!.GetValue<long>();
}

/// <summary>A backup of a running engine is a moment of its books.</summary>
public sealed class BackupUnderLoad(ITestOutputHelper output)
{
    [Fact]
    public async Task It_is_sound_and_an_engine_starts_on_it()
    {
        using var folder = new TestFolder();
        await using var engine = await Engine.StartAsync(folder["data"], "--checkpoint-records", "1000");
        string[] shape = ["--rate", "1500", "--members", "3000", "--returns", "3", "--retries", "2", "--json"];
        var before = (await ChildProcess.LoadAsync(["load", .. engine.Target, .. shape, "--count", "4000", "--account", folder["before"]])).Expect(0);
        Assert.Equal(4000, before.Count("acknowledged"));

        await using var load = ChildProcess.StartLoad(["load", .. engine.Target, .. shape, "--duration", "8", "--check", "--account", folder["during"]]);
        await Patience.UntilAsync("the load was under way", () => Task.FromResult(new FileInfo(folder["during"]) is { Exists: true, Length: > 10_000 }));
        var backup = folder["backup.db"];
        output.WriteLine((await ChildProcess.GatewayAsync("backup", backup, "--data", engine.DataFolder)).Expect(0).Said);
        Assert.False(load.HasExited, "the backup was to be made under load");
        var bytes = File.ReadAllBytes(backup);
        var again = (await ChildProcess.GatewayAsync("backup", backup, "--data", engine.DataFolder)).Expect(2);
        Assert.Contains("exists already", again.Said, StringComparison.Ordinal);
        Assert.Equal(bytes, File.ReadAllBytes(backup));
        Assert.Equal([backup], Directory.GetFiles(Path.GetDirectoryName(backup)!, "backup*"));
        var verified = await Books.VerifyAsync(backup);
        output.WriteLine(verified.Output[^1]);
        (await load.EndAsync()).Expect(0);

        // All of the first run is in it, and of the second run what had been recorded: fewer events than in the end, more than before.
        Directory.CreateDirectory(folder["restored"]);
        File.Copy(backup, Path.Combine(folder["restored"], "loyalty.db"));
        await using var restored = await Engine.StartAsync(folder["restored"]);
        var check = (await ChildProcess.LoadAsync(["load", .. restored.Target, "--check-only", "--account", folder["before"], "--json"])).Expect(0);
        Assert.All((string[])["lost", "doubled", "wrong", "unknown"], name => Assert.Equal(0, check.Count(name)));
        var (atBackup, inTheEnd) = (await TotalsAsync(restored), await TotalsAsync(engine));
        Assert.InRange(atBackup, 4001, inTheEnd - 1);
        (await restored.BuyAsync("AFTER-THE-BACKUP", "M-1")).Expect(200);
        await restored.TrialBalanceAsync();
        (await restored.TerminateAsync()).Expect(0);
        await restored.VerifyAsync();
    }

    private static async Task<long> TotalsAsync(Engine engine) =>
        JsonNode.Parse(await engine.TrialBalanceAsync())!["records"]!.GetValue<long>();
}
