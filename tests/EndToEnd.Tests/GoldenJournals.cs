using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Loyalty.EndToEnd.Tests.Support;

namespace Loyalty.EndToEnd.Tests;

/// <summary>
/// Journals written by earlier versions stay readable: each file in Golden/ is verified, opened and compared with what the version that wrote it said.
/// Files are added when the format changes, and never replaced.
/// </summary>
public sealed class GoldenJournals : IDisposable
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, IndentSize = 1, NewLine = "\n" };

    private readonly TestFolder _folder = new();

    public static TheoryData<string> Versions => [.. Directory.GetFiles(GoldenFolder, "journal-*.db").Select(file => Path.GetFileNameWithoutExtension(file)!).Order()];

    private static string GoldenFolder => Path.Combine(AppContext.BaseDirectory, "Golden");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Says_the_same_today(string name)
    {
        var expected = Expected(name);
        await Books.VerifyAsync(Copy(name));
        await using (var engine = await EngineInProcess.StartAsync(_folder["data"], Program(), GoldenStory.At((string)expected["now"]!)))
        {
            ExpectSame(expected["books"]!, await GoldenStory.DescribeAsync(engine));

            // Requests of that time are known: the same again gets the same answer, another under the same id is a conflict.
            foreach (var request in expected["requests"]!.AsArray())
            {
                var (path, body) = ((string)request!["path"]!, request["body"]!.AsObject());
                var again = (await engine.SendAsync(HttpMethod.Post, path, body.ToJsonString())).Expect((int)request["status"]!).Json;
                Assert.True((bool)again["replayed"]!, $"{body} was not known any more: {again}");
                var answer = request["answer"]!.DeepClone();
                answer["replayed"] = true;
                ExpectSame(Sorted(answer), Sorted(again));
                body[path == "/v1/adjustments" ? "reason" : "store"] = "other";
                (await engine.SendAsync(HttpMethod.Post, path, body.ToJsonString())).Expect(409);
            }

            ExpectSame(expected["books"]!, await GoldenStory.DescribeAsync(engine));
            Assert.True(await engine.CheckpointAsync());
        }

        await Books.VerifyAsync(_folder["data/loyalty.db"]);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Is_written_on_by_today_s_engine(string name)
    {
        Copy(name);
        await using var engine = await Engine.StartAsync(_folder["data"]);
        (await engine.BuyAsync("NEW-1", "ANNA")).Expect(200);
        await engine.TrialBalanceAsync();
        (await engine.TerminateAsync()).Expect(0);
        await engine.VerifyAsync();
        await engine.StartAgainAsync();
        Assert.Equal(
            (long)Expected(name)["books"]!["members"]!["ANNA"]!["totals"]!["purchases"]! + 1,
            (await engine.GetAsync("/v1/members/ANNA")).Expect(200).Json["totals"]!["purchases"]!.GetValue<long>());
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Holds_every_kind_of_event(string name)
    {
        var expected = Expected(name);
        var entries = expected["books"]!["statements"]!.AsObject().SelectMany(member => member.Value!.AsArray()).SelectMany(page => page!["entries"]!.AsArray()).ToList();
        Assert.Superset(
            new HashSet<string> { "purchase", "return", "lapse", "adjustment", "closing" }, entries.Select(entry => (string)entry!["kind"]!).ToHashSet());
        Assert.Contains(entries, entry => ((string?)entry!["rule"])?.StartsWith("tier:", StringComparison.Ordinal) == true);
        Assert.All((string[])["expired", "written-off"], account => Assert.Contains(entries, entry => (string)entry!["kind"]! == "return" && (string)entry["from"]! == account));
        Assert.Contains(expected["books"]!["members"]!.AsObject(), member => member.Value!["waitingReturns"] is not null);
        Assert.Contains(expected["requests"]!.AsArray(), request => (int)request!["status"]! == 422);
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Copy(name)};Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT group_concat(DISTINCT kind) FROM (SELECT kind FROM snapshot ORDER BY kind)";
        Assert.Equal("directory,member,program,sales", command.ExecuteScalar());
    }

    /// <summary>
    /// Makes the files of today's version, in the source folder: <c>LOYALTY_MAKE_GOLDEN=v2 dotnet test tests/EndToEnd.Tests --filter GoldenJournals.Make</c>.
    /// To be done once when the format changes; a version's files are never made again.
    /// </summary>
    [MakeGoldenFact]
    public async Task Make()
    {
        var version = MakeGoldenFactAttribute.Version!;
        var target = Path.Combine(SourceFolder(), "Golden", $"journal-{version}");
        Assert.False(File.Exists(target + ".db"), $"{target}.db is there already");
        JsonObject expected;
        await using (var engine = await EngineInProcess.StartAsync(_folder["data"], Program(), GoldenStory.Begins))
        {
            var story = new GoldenStory(engine);
            var second = JsonNode.Parse(Program())!;
            second["negativeBalance"] = "zero";
            second["earn"]![0]!["points"] = 2;
            await story.PlayAsync(second.ToJsonString());
            var books = await GoldenStory.DescribeAsync(engine);
            expected = new JsonObject { ["now"] = engine.Now.ToString(), ["requests"] = story.Requests, ["books"] = books };
        }

        File.WriteAllText(target + ".json", expected.ToJsonString(Json) + "\n");
        File.Copy(_folder["data/loyalty.db"], target + ".db");
        Assert.InRange(new FileInfo(target + ".db").Length, 1, 200 * 1024);
    }

    private static string SourceFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    private static byte[] Program() => File.ReadAllBytes(Path.Combine(GoldenFolder, "stamps.json"));

    private static JsonNode Expected(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(GoldenFolder, name + ".json")))!;

    /// <summary>Members of an object in alphabetical order: only the order may differ between a first answer and a repeated one.</summary>
    private static JsonObject Sorted(JsonNode node) => new(node.AsObject().OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));

    private static void ExpectSame(JsonNode expected, JsonNode actual) => Assert.Equal(expected.ToJsonString(Json), actual.ToJsonString(Json));

    private string Copy(string name)
    {
        Directory.CreateDirectory(_folder["data"]);
        File.Copy(Path.Combine(GoldenFolder, name + ".db"), _folder["data/loyalty.db"], overwrite: true);
        return _folder["data/loyalty.db"];
    }
}

/// <summary>Skipped unless new golden files are asked for.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MakeGoldenFactAttribute : FactAttribute
{
    public MakeGoldenFactAttribute() => Skip = Version is null ? "Makes golden files when LOYALTY_MAKE_GOLDEN names their version; no test otherwise." : null;

    public static string? Version { get; } = Environment.GetEnvironmentVariable("LOYALTY_MAKE_GOLDEN") is { Length: > 0 } version ? version : null;
}
