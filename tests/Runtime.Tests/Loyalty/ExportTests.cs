using System.Text;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Loyalty.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Books that are written out and brought in elsewhere: from a file to a file, to a server, and back.</summary>
public sealed class ExportTests : IAsyncLifetime
{
    private static readonly IReadOnlyList<ActorKind> Kinds = LoyaltyEngine.Kinds(new ProgramSource());

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("loyalty-export-tests-");
    private readonly ManualClock _clock = new(Instant.FromUtc(2026, 3, 2, 10, 0));
    private readonly List<string> _said = [];
    private string[] _export = [];

    private string Original => Path.Combine(_folder.FullName, "original.db");

    private string Copy => Path.Combine(_folder.FullName, "copy.db");

    public async Task InitializeAsync()
    {
        var journal = SqliteJournal.Open(new() { Path = Original });
        await using (journal)
        {
            await LiveAsync(journal);
        }

        using var archive = SqliteJournalArchive.Open(Original);
        _export = Export(archive);
    }

    public Task DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task New_books_answer_every_request_of_the_old_ones_as_it_was_answered_then()
    {
        var copy = SqliteJournal.Open(new() { Path = Copy, NewKeySeed = SeedOf(Original) });
        await using (copy)
        {
            await ImportAsync(copy);
            await ExpectMemoriesAsync(copy);
        }
    }

    [Fact]
    public async Task A_second_export_has_the_same_records_to_the_byte()
    {
        var copy = SqliteJournal.Open(new() { Path = Copy, NewKeySeed = SeedOf(Original) });
        await using (copy)
        {
            await ImportAsync(copy, checkpointRecords: 7);
        }

        using var archive = SqliteJournalArchive.Open(Copy);
        Assert.Equal(_export[1..^1], Export(archive)[1..^1]);
        var verified = new JournalVerifier(Kinds).Run(archive);
        Assert.Equal((0, 0), (verified.Bad, verified.TrialBalance));
        Assert.NotEmpty(archive.ReadSnapshots(damage => Assert.Fail(damage.What)));
    }

    [Fact]
    public async Task Books_that_are_not_empty_take_no_export()
    {
        var original = SqliteJournal.Open(new() { Path = Original });
        await using (original)
        {
            var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => ImportAsync(original));
            Assert.Contains("not empty", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Books_with_another_key_seed_take_no_export()
    {
        var copy = SqliteJournal.Open(new() { Path = Copy });
        await using (copy)
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => ImportAsync(copy));
            Assert.Equal(0, copy.Totals().Records);
        }
    }

    [Fact]
    public void A_damaged_line_is_named_by_its_number()
    {
        for (var i = 0; i < _export.Length; i++)
        {
            var lines = _export.ToArray();
            var at = lines[i].Length / 2;
            lines[i] = lines[i][..at] + (lines[i][at] == 'x' ? 'y' : 'x') + lines[i][(at + 1)..];
            Assert.Equal(i + 1, Assert.Throws<ExportDamagedException>(() => Check(lines)).Line);
        }
    }

    [Fact]
    public void A_file_that_was_cut_anywhere_is_refused_whole()
    {
        var whole = Encoding.UTF8.GetBytes(Text(_export));
        foreach (var length in Enumerable.Range(0, 40).Select(i => i * whole.Length / 40).Append(whole.Length - 1))
        {
            var cut = Assert.Throws<ExportDamagedException>(() => ExportReader.Check(new MemoryStream(whole, 0, length)));
            Assert.True(cut.Line <= _export.Length, $"cut at {length}: line {cut.Line}");
        }
    }

    [Fact]
    public void Lines_that_are_missing_doubled_or_exchanged_are_refused()
    {
        Assert.Equal(6, Assert.Throws<ExportDamagedException>(() => Check([.. _export[..5], .. _export[6..]])).Line);
        Assert.Equal(7, Assert.Throws<ExportDamagedException>(() => Check([.. _export[..6], _export[5], .. _export[6..]])).Line);
        Assert.Equal(6, Assert.Throws<ExportDamagedException>(() => Check([.. _export[..5], _export[6], _export[5], .. _export[7..]])).Line);
        Assert.Equal(_export.Length + 1, Assert.Throws<ExportDamagedException>(() => Check([.. _export, _export[^1]])).Line);
        Assert.Equal(2, Assert.Throws<ExportDamagedException>(() => Check([_export[0], .. _export])).Line);
        Assert.Equal(1, Assert.Throws<ExportDamagedException>(() => Check([.. _export[1..]])).Line);
        Assert.Equal(1, Assert.Throws<ExportDamagedException>(() => Check([])).Line);
    }

    [Fact]
    public void What_is_no_export_is_refused_at_its_first_line() =>
        Assert.Equal(1, Assert.Throws<ExportDamagedException>(() => Check(["""{"type":"purchase","id":"1"}"""])).Line);

    [Fact]
    public void A_kind_of_actor_that_this_engine_does_not_know_is_refused()
    {
        var refused = Assert.Throws<ExportDamagedException>(() => ExportReader.Check(new MemoryStream(Encoding.UTF8.GetBytes(Text(_export))), new HashSet<string> { "member" }));
        Assert.Contains("a newer engine wrote it", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_books_are_not_exported()
    {
        var bytes = File.ReadAllBytes(Original);
        var at = bytes.AsSpan().LastIndexOf("p-anna"u8);
        bytes[at] ^= 1;
        File.WriteAllBytes(Copy, bytes);
        using var archive = SqliteJournalArchive.Open(Copy);
        Assert.Throws<JournalCorruptException>(() => Export(archive));
    }

    internal static string[] Export(IJournalArchive archive)
    {
        using var stream = new MemoryStream();
        var end = JournalExport.Write(archive, stream, nowMs: 1_772_445_600_000);
        var lines = Encoding.UTF8.GetString(stream.ToArray()).Split('\n')[..^1];
        Assert.Equal(end.Records + 2, lines.Length);
        return lines;
    }

    private static string Text(string[] lines) => string.Concat(lines.Select(line => line + "\n"));

    private static void Check(string[] lines) => ExportReader.Check(new MemoryStream(Encoding.UTF8.GetBytes(Text(lines))), Kinds.Select(kind => kind.Name).ToHashSet());

    private static long SeedOf(string path)
    {
        using var archive = SqliteJournalArchive.Open(path);
        return archive.KeySeed;
    }

    private Task<ExportEnd> ImportAsync(IJournal journal, long checkpointRecords = 1000) =>
        new JournalImport(journal, Kinds) { CheckpointRecords = checkpointRecords }.RunAsync(new MemoryStream(Encoding.UTF8.GetBytes(Text(_export))));

    private async Task EngineAsync(IJournal journal, Func<LoyaltyEngine, Task> use)
    {
        var programs = new ProgramSource();
        await using var host = new EmbeddedHost(journal, LoyaltyEngine.Kinds(programs), new KernelOptions { Shards = 2 }, _clock, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
        var engine = new LoyaltyEngine(host, new JournalBooks(journal), programs, _clock);
        Assert.Empty(await engine.StartAsync(Programs.First));
        await use(engine);
    }

    private Task LiveAsync(IJournal journal) => EngineAsync(journal, async engine =>
    {
        await engine.EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [new("card", "1")] });
        await engine.Host.AskAsync(new AdvanceFeed(ActorIds.Feed("member-events", 3), new(17, 1)));
        foreach (var command in Requests())
        {
            Assert.Equal(CommandStatus.Done, (await engine.Host.AskAsync(command)).Status);
        }
    });

    private async Task ExpectMemoriesAsync(IJournal journal)
    {
        // What was said in the original is asked for there again.
        if (_said.Count == 0)
        {
            var original = SqliteJournal.Open(new() { Path = Original });
            await using (original)
            {
                await EngineAsync(original, async engine => _said.AddRange(await AskAsync(engine)));
            }
        }

        await EngineAsync(journal, async engine => Assert.Equal(_said, await AskAsync(engine)));
    }

    private static async Task<List<string>> AskAsync(LoyaltyEngine engine)
    {
        var said = new List<string>();
        foreach (var command in Requests())
        {
            var outcome = (await engine.Host.AskAsync(command)).Outcome;
            Assert.True(outcome.Replayed, command.RequestId);
            said.Add($"{outcome.Kind} {outcome.Refusal} {outcome.Answer?.Tier} {string.Join(',', outcome.Answer?.Balances ?? [])}");
        }

        foreach (var member in (string[])["anna", "ben"])
        {
            var view = ((MemberReply)(await engine.Host.AskAsync(new GetMember(member))).Reply!).View!;
            said.Add($"{view.Version} {view.Spend} {view.Tier} {string.Join(',', view.Balances)} {string.Join(',', view.Lots)} {string.Join(',', view.AlternativeIds)}");
            said.Add(string.Join('\n', (await engine.StatementAsync(member, null, 100)).Page!.Entries));
        }

        said.Add(((MemberReply)(await engine.FindMemberAsync(new("card", "1"))).Reply!).View!.Id);

        // A return finds what is left of its purchase: a key of which the newest record counts.
        var left = await engine.Host.AskAsync(new RecordReturn(ActorIds.Member("anna"), Return("r-too-much", "p-anna-3", 900)));
        said.Add(left.Outcome.Refusal!.ToString());
        return said;
    }

    private static IEnumerable<RequestCommand> Requests()
    {
        for (var i = 0; i < 12; i++)
        {
            yield return new RecordPurchase(ActorIds.Member(i % 2 == 0 ? "ben" : "anna"), Purchase($"p-{(i % 2 == 0 ? "ben" : "anna")}-{i}", i % 2 == 0 ? "ben" : "anna", 1000 * (i + 1)));
        }

        yield return new RecordReturn(ActorIds.Member("anna"), Return("r-1", "p-anna-3", 3500));
        yield return new RecordReturn(ActorIds.Member("ben"), Return("r-2", "p-anna-3", 1));
        yield return new RecordPurchase(ActorIds.Sales("S1", new(2026, 3, 2)), Purchase("p-nobody", null, 500));
        yield return new AdjustPoints(new() { Id = "a-1", Member = "ben", Unit = "points", Points = 5, Reason = "goodwill", Author = "shop" });
    }

    private static Purchase Purchase(string id, string? member, long amount) => new()
    {
        Id = id, Member = member, Store = "S1", At = Instant.FromUtc(2026, 3, 2, 9, 0), Currency = "GBP", Lines = [new("A", null, null, 1, amount)],
    };

    private static Return Return(string id, string purchase, long amount) => new()
    {
        Id = id, Purchase = purchase, Store = "S1", At = Instant.FromUtc(2026, 3, 2, 9, 30), Currency = "GBP", Lines = [new("A", null, null, 0.5m, amount)],
    };

    /// <summary>The same through a server.</summary>
    [NeedsPostgres]
    public sealed class ThroughPostgresTests
    {
        [StoreFact]
        public async Task Books_go_from_a_file_to_a_server_and_back_and_remember_everything()
        {
            var tests = new ExportTests();
            await tests.InitializeAsync();
            try
            {
                var schema = await PrivatePostgres.Shared.MakeSchemaAsync();
                var options = new PostgresJournalOptions { ConnectionString = PrivatePostgres.Shared.ConnectionString, Schema = schema };
                Assert.True(await PostgresSchema.AdoptKeySeedAsync(options.ConnectionString, SeedOf(tests.Original), schema));
                var server = await PostgresJournal.OpenAsync(options);
                await using (server)
                {
                    await tests.ImportAsync(server, checkpointRecords: 5);
                }

                Assert.False(await PostgresSchema.AdoptKeySeedAsync(options.ConnectionString, 1, schema));
                using (var archive = await PostgresJournalArchive.OpenAsync(options))
                {
                    tests._export = Export(archive);
                }

                server = await PostgresJournal.OpenAsync(options);
                await using (server)
                {
                    await tests.ExpectMemoriesAsync(server);
                }

                var copy = SqliteJournal.Open(new() { Path = tests.Copy, NewKeySeed = SeedOf(tests.Original) });
                await using (copy)
                {
                    await tests.ImportAsync(copy);
                    await tests.ExpectMemoriesAsync(copy);
                }
            }
            finally
            {
                await tests.DisposeAsync();
            }
        }
    }
}
