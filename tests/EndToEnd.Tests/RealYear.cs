using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Loyalty.Domain.Tests.Model;
using Loyalty.EndToEnd.Tests.Support;
using Loyalty.Load.Replay;
using NodaTime;
using Xunit.Abstractions;

namespace Loyalty.EndToEnd.Tests;

/// <summary>The sample program, with the dates that <c>replay</c> gives the year by itself.</summary>
public sealed class RealYearInTheSampleProgram(ITestOutputHelper output)
{
    [RealDataFact]
    public Task Every_member_stands_as_the_model_says() => RealYear.RunAsync(
        output, Gateway.Http.OperationsEndpoint.ReadResource("sample-program.json"), RetailPlanOptions.ShiftWeeksDefault);
}

/// <summary>Two units, pending and lapsing points, tiers by visits: with the year ending this week, so that much of it happens at its end.</summary>
public sealed class RealYearInStampsAndPoints(ITestOutputHelper output)
{
    private static readonly DateOnly LastDay = new(2011, 12, 9);

    [RealDataFact]
    public Task Every_member_stands_as_the_model_says() => RealYear.RunAsync(
        output,
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Programs", "stamps-and-points.json")),
        (DateOnly.FromDateTime(DateTime.UtcNow).DayNumber - LastDay.DayNumber - 1) / 7);
}

/// <summary>A year of a real shop through the real engine, member by member beside the independent model.</summary>
internal static class RealYear
{
    private const long RowsOfTheFile = 541_909;
    private const int MembersOfTheFile = 4_372;
    private const int StatementsCompared = 40;

    public static async Task RunAsync(ITestOutputHelper output, byte[] program, int shiftWeeks, EngineHost host = EngineHost.Embedded)
    {
        using var folder = new TestFolder();
        File.WriteAllBytes(folder["program.json"], program);
        await using var engine = await Engine.StartAsync(host, folder["data"], "--program", folder["program.json"]);
        string[] replay = ["replay", RetailFile.Path!, "--shift-weeks", shiftWeeks.ToString(CultureInfo.InvariantCulture), .. engine.Target, "--json"];

        // The model works while the first replay runs.
        var now = SystemClock.Instance.GetCurrentInstant();
        var modelled = Task.Run(() => Modelled.Of(PlanReader.Read(program), RetailPlan.Make(OnlineRetail.Read(RetailFile.Path!), new(shiftWeeks)), now));
        var first = (await ChildProcess.LoadAsync(replay)).Expect(0);
        output.WriteLine(first.Output[^1]);
        var model = await modelled;
        ExpectAllRows(first, model);

        string[] ids = [.. model.Members.Keys];
        var members = await ReadMembersAsync(engine, ids);
        var differences = model.Members.SelectMany(member => member.Value.Differences(JsonNode.Parse(members[member.Key])!, now)).ToList();
        Assert.True(differences.Count == 0, $"{differences.Count} differences:\n{string.Join('\n', differences.Take(20))}");
        var balance = await engine.TrialBalanceAsync();
        Assert.Equal(model.Accounts(), AccountsOf(JsonNode.Parse(balance)!));
        var statements = await ReadStatementsAsync(engine, ids);

        var second = (await ChildProcess.LoadAsync(replay)).Expect(0);
        Assert.Equal(second.Count("requests"), second.Count("replayed"));
        Assert.Equal(0, second.Count("refused"));
        Assert.Equal(balance, await engine.TrialBalanceAsync());
        Assert.Equal(statements, await ReadStatementsAsync(engine, ids));

        // From here on with what some of them spend: verify, a restart and other books must find it all again.
        output.WriteLine($"{await RealSpending.SpendAsync(engine, ids)} members spend");
        members = await ReadMembersAsync(engine, ids);
        statements = await ReadStatementsAsync(engine, ids);
        balance = await engine.TrialBalanceAsync();
        output.WriteLine((await engine.VerifyAsync()).Output[^1]);
        (await engine.TerminateAsync()).Expect(0);
        await engine.StartAgainAsync();
        Assert.Equal(members, await ReadMembersAsync(engine, ids));
        Assert.Equal(statements, await ReadStatementsAsync(engine, ids));
        Assert.Equal(balance, await engine.TrialBalanceAsync());
        await engine.VerifyAsync();
        await ExpectTheSameElsewhereAsync(engine, host, folder, ids, members, statements, balance);
    }

    /// <summary>Exports the books beside the running engine, brings them into new ones, and asks an engine on those the same questions. Only positions are others there.</summary>
    private static async Task ExpectTheSameElsewhereAsync(
        Engine engine, EngineHost host, TestFolder folder, string[] ids, Dictionary<string, string> members, List<string> statements, string balance)
    {
        (await ChildProcess.GatewayAsync("export", folder["books.ndjson"], "--data", engine.DataFolder)).Expect(0);
        (await ChildProcess.GatewayAsync("import", folder["books.ndjson"], "--data", folder["elsewhere"])).Expect(0);
        await using var elsewhere = await Engine.StartAsync(host, folder["elsewhere"]);
        Assert.Equal(members, await ReadMembersAsync(elsewhere, ids));
        Assert.Equal(statements.ConvertAll(EntriesOf), (await ReadStatementsAsync(elsewhere, ids)).ConvertAll(EntriesOf));
        Assert.Equal(WithoutPosition(balance), WithoutPosition(await elsewhere.TrialBalanceAsync()));
        await elsewhere.VerifyAsync();

        // Once more exported, every record is the same to the byte: chains, keys, events.
        (await ChildProcess.GatewayAsync("export", folder["again.ndjson.gz"], "--data", elsewhere.DataFolder)).Expect(0);
        (await ChildProcess.GatewayAsync("import", folder["again.ndjson.gz"], "--check")).Expect(0);
        using var again = new StreamReader(new GZipStream(File.OpenRead(folder["again.ndjson.gz"]), CompressionMode.Decompress));
        var lines = 0;
        foreach (var line in File.ReadLines(folder["books.ndjson"]))
        {
            var other = await again.ReadLineAsync();
            Assert.True(line == other || lines == 0 || line.StartsWith("{\"end\"", StringComparison.Ordinal), $"line {lines + 1}");
            lines++;
        }

        Assert.Null(await again.ReadLineAsync());
    }

    private static string EntriesOf(string page) => JsonNode.Parse(page)!["entries"]!.ToJsonString();

    private static string WithoutPosition(string balance)
    {
        var node = JsonNode.Parse(balance)!.AsObject();
        node.Remove("asOf");
        return node.ToJsonString();
    }

    private static void ExpectAllRows(Ended replay, Modelled model)
    {
        Assert.Equal(RowsOfTheFile, replay.Count("rows"));
        Assert.Equal(RowsOfTheFile, replay.Count("rowsSent") + replay.Count("rowsNotSent"));
        Assert.Equal(replay.Count("requests"), replay.Count("purchases") + replay.Count("returns"));
        Assert.All((string[])["refused", "unknown", "replayed", "trialBalance"], name => Assert.Equal(0, replay.Count(name)));
        Assert.Equal(MembersOfTheFile, replay.Count("members"));
        Assert.Equal(MembersOfTheFile, model.Members.Count);
        Assert.Equal(replay.Count("anonymous"), replay.Count("requests") - model.Members.Values.Sum(member => member.Purchases + member.Returns));
    }

    private static async Task<Dictionary<string, string>> ReadMembersAsync(Engine engine, string[] ids)
    {
        var bodies = new Dictionary<string, string>();
        foreach (var some in ids.Chunk(8))
        {
            var answers = await Task.WhenAll(some.Select(async id => (id, (await engine.GetAsync($"/v1/members/{id}")).Expect(200).Body)));
            foreach (var (id, body) in answers)
            {
                bodies.Add(id, body);
            }
        }

        return bodies;
    }

    /// <summary>First pages of members from all over the list, and the pages behind them.</summary>
    private static async Task<List<string>> ReadStatementsAsync(Engine engine, string[] ids)
    {
        var pages = new List<string>();
        foreach (var id in ids.Where((_, i) => i % (ids.Length / StatementsCompared) == 0))
        {
            var path = $"/v1/members/{id}/statement?limit=100";
            for (var next = ""; next is not null;)
            {
                pages.Add((await engine.GetAsync(path + next)).Expect(200).Body);
                next = JsonNode.Parse(pages[^1])!["next"] is { } cursor ? $"&cursor={cursor}" : null;
            }
        }

        return pages;
    }

    private static SortedDictionary<string, long> AccountsOf(JsonNode trialBalance)
    {
        var accounts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var unit in trialBalance["units"]!.AsArray())
        {
            foreach (var account in unit!["accounts"]!.AsArray().Where(account => account!["balance"]!.GetValue<long>() != 0))
            {
                accounts.Add($"{unit["unit"]} {account!["account"]}", account["balance"]!.GetValue<long>());
            }
        }

        return accounts;
    }
}

/// <summary>What the model makes of the same requests, as of one moment.</summary>
internal sealed class Modelled(Plan plan)
{
    public SortedDictionary<string, ModelledMember> Members { get; } = new(StringComparer.Ordinal);

    /// <param name="now">
    /// The engine's clock goes on while the model's stands still. That matters only when a day ends during the replay and something lapses or is reviewed on just that day.
    /// </param>
    public static Modelled Of(Plan plan, RetailPlan sales, Instant now)
    {
        var modelled = new Modelled(plan);
        foreach (var request in sales.Requests.Where(request => request.Member is not null))
        {
            if (!modelled.Members.TryGetValue(request.Member!, out var member))
            {
                modelled.Members.Add(request.Member!, member = new ModelledMember(request.Member!, plan));
            }

            member.Take(request, now);
        }

        foreach (var member in modelled.Members.Values)
        {
            member.Books.BringUpToDate(now);
        }

        return modelled;
    }

    public SortedDictionary<string, long> Accounts()
    {
        var accounts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var unit in plan.Versions[0].Units)
        {
            foreach (var account in Members.Values.SelectMany(member => member.Books.Book(unit.Id).Accounts).GroupBy(account => account.Key))
            {
                accounts[$"{unit.Id} {account.Key}"] = account.Sum(one => one.Value);
            }
        }

        foreach (var empty in accounts.Where(account => account.Value == 0).ToList())
        {
            accounts.Remove(empty.Key);
        }

        return accounts;
    }
}

internal sealed class ModelledMember(string id, Plan plan)
{
    public ModelMember Books { get; } = new(plan);

    public long Purchases { get; private set; }

    public long Returns { get; private set; }

    public long Spend { get; private set; }

    public void Take(RetailRequest request, Instant now)
    {
        var sale = JsonNode.Parse(request.Line)!;
        var at = Instant.FromDateTimeOffset(request.At);
        ModelLine[] lines = [.. sale["lines"]!.AsArray().Select(line => new ModelLine(
            line!["sku"]!.GetValue<string>(), line["quantity"]!.GetValue<decimal>(), line["amount"]!.GetValue<long>()))];
        var amount = lines.Sum(line => line.Amount);
        ModelOutcome outcome;
        if (request.IsReturn)
        {
            outcome = Books.Return(now, new(request.Id, null, at, Plan.Currency, lines), isForeign: false, isNoPurchase: false);
            (Returns, Spend) = (Returns + 1, Spend - amount);
        }
        else
        {
            outcome = Books.Buy(now, request.Id, at, Plan.Currency, lines);
            (Purchases, Spend) = (Purchases + 1, Spend + amount);
        }

        Assert.Empty(outcome.RefusedBecauseOf);
    }

    /// <summary>What the engine says otherwise about this member.</summary>
    public IEnumerable<string> Differences(JsonNode member, Instant now)
    {
        var policy = plan.Versions[0].Tiers!;
        var today = ModelDays.DayOf(now, plan.Zone);
        var standing = Books.Standing(now, today);
        var progress = new ModelTiers(policy, Books.EnrolledOn, Books.Entries(policy)).ProgressOn(today);
        var (said, balances) = (member["standing"]!, member["balances"]!.AsArray());
        List<(string What, object? Engine, object? Model)> compared =
        [
            ("purchases", member["totals"]!["purchases"]!.GetValue<long>(), Purchases),
            ("returns", member["totals"]!["returns"]!.GetValue<long>(), Returns),
            ("spend", member["totals"]!["spend"]!.GetValue<long>(), Spend),
            ("tier", (string?)member["tier"], standing.Level == 0 ? null : policy.Levels[standing.Level - 1].Id),
            ("since", (string?)said["since"], standing.Level == 0 ? null : Iso(standing.Since)),
            ("through", (string?)said["through"], standing.Level == 0 ? null : Iso(standing.Through)),
            ("progress", said["progress"]!.GetValue<long>(), progress),
        ];
        foreach (var unit in plan.Versions[0].Units)
        {
            var balance = balances.SingleOrDefault(balance => (string?)balance!["unit"] == unit.Id);
            var (available, pending) = Books.Balance(unit.Id, now);
            compared.Add(($"available {unit.Id}", (long?)balance?["available"] ?? 0, available));
            compared.Add(($"pending {unit.Id}", (long?)balance?["pending"] ?? 0, pending));
        }

        return compared.Where(one => !Equals(one.Engine, one.Model)).Select(one => $"{id} {one.What}: engine {one.Engine}, model {one.Model}");
    }

    private static string? Iso(DateOnly? day) => day?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
