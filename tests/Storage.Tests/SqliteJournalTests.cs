using System.Diagnostics;
using System.Text;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Microsoft.Data.Sqlite;

namespace Loyalty.Storage.Tests;

/// <summary>The behaviour suite, with limits so small that every test crosses block, run and cache bounds.</summary>
public class SqliteJournalTests : JournalBehaviour
{
    private readonly TestFolder folder = new();
    private readonly List<IJournal> dead = [];
    private string path;

    public SqliteJournalTests() => path = folder.File("loyalty.db");

    protected virtual SqliteJournalOptions Options => new() { Path = path, BlockBytesMax = 4096, CommitBytesMax = 64 << 10, KeyTailMax = 1024, CleanHeadsMax = 1024, BlockCacheBytes = 0 };

    protected override Task<IJournal> OpenAsync() => Task.FromResult<IJournal>(SqliteJournal.Open(Options));

    protected override Task<IJournal> CrashAsync(IJournal journal)
    {
        // The old engine is never told: the new one sees its files as they are on disk while it is open.
        dead.Add(journal);
        path = folder.CopyAsAfterCrash(path, $"after-crash-{dead.Count}.db");
        return OpenAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var journal in dead)
        {
            await journal.DisposeAsync();
        }

        folder.Remove();
    }
}

/// <summary>The behaviour suite with the limits that ship.</summary>
public sealed class SqliteJournalWithDefaultLimitsTests : SqliteJournalTests
{
    protected override SqliteJournalOptions Options => new() { Path = base.Options.Path };
}

/// <summary>What only a file can do or suffer.</summary>
public sealed class SqliteJournalFileTests : IDisposable
{
    private static readonly ActorId Anna = new("member", "anna");
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task Closing_and_opening_keeps_everything_and_leaves_no_log_behind()
    {
        var path = folder.File("new folder/deeper/loyalty.db");
        var journal = SqliteJournal.Open(new() { Path = path });
        Assert.Contains(path, journal.Description, StringComparison.Ordinal);
        var books = new Books(journal);
        await books.Append(Anna, "one", keys: [Unique(1)]);
        await journal.DisposeAsync();
        Assert.False(File.Exists(path + "-wal"));

        await using var again = SqliteJournal.Open(new() { Path = path });
        Assert.Equal(journal.KeySeed, again.KeySeed);
        Assert.Equal("one", Text((await again.FindAsync(Key(1)))!));
    }

    [Fact]
    public async Task Two_books_have_different_seeds()
    {
        await using var one = SqliteJournal.Open(new() { Path = folder.File("one.db") });
        await using var two = SqliteJournal.Open(new() { Path = folder.File("two.db") });
        Assert.NotEqual(one.KeySeed, two.KeySeed);
    }

    [Fact]
    public async Task A_second_engine_is_refused_and_told_who_holds_the_file()
    {
        var path = folder.File("loyalty.db");
        var first = SqliteJournal.Open(new() { Path = path });
        var refusal = Assert.Throws<JournalUnavailableException>(() => SqliteJournal.Open(new() { Path = path }));
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId}", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(AppendOutcome.Appended, await new Books(first).Try(Anna, "the first works on"));
        await first.DisposeAsync();
        await SqliteJournal.Open(new() { Path = path }).DisposeAsync();
    }

    [Fact]
    public void Paths_that_cannot_be_a_journal_are_refused_in_words()
    {
        var refusal = Assert.Throws<JournalUnavailableException>(() => SqliteJournal.Open(new() { Path = folder.Path }));
        Assert.Contains("is a folder", refusal.Message, StringComparison.Ordinal);

        File.WriteAllText(folder.File("letter.txt"), new string('x', 5000));
        refusal = Assert.Throws<JournalUnavailableException>(() => SqliteJournal.Open(new() { Path = folder.File("letter.txt") }));
        Assert.Contains("not a SQLite database", refusal.Message, StringComparison.Ordinal);
        refusal = Assert.Throws<JournalUnavailableException>(() => SqliteJournal.Open(new() { Path = folder.File("letter.txt/loyalty.db") }));
        Assert.Contains("cannot be made", refusal.Message, StringComparison.Ordinal);

        Execute(folder.File("other.db"), "CREATE TABLE songs(name)");
        refusal = Assert.Throws<JournalUnavailableException>(() => SqliteJournal.Open(new() { Path = folder.File("other.db") }));
        Assert.Contains("another program", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<JournalUnavailableException>(() => SqliteJournalArchive.Open(folder.File("nothing.db")));
        Assert.False(File.Exists(folder.File("nothing.db")));
    }

    [Fact]
    public async Task A_file_of_another_format_is_refused_with_what_to_do()
    {
        var path = folder.File("loyalty.db");
        await SqliteJournal.Open(new() { Path = path }).DisposeAsync();
        Execute(path, "PRAGMA user_version = 99");
        var refusal = Assert.Throws<JournalCorruptException>(() => SqliteJournal.Open(new() { Path = path }));
        Assert.Contains("format 99", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("newer program", refusal.Message, StringComparison.Ordinal);
        // The refusal releases the lock.
        Execute(path, "PRAGMA user_version = 1");
        await SqliteJournal.Open(new() { Path = path }).DisposeAsync();
    }

    [Theory]
    [InlineData(nameof(SqliteJournalOptions.QueueBytesMax))]
    [InlineData(nameof(SqliteJournalOptions.KeyTailMax))]
    [InlineData(nameof(SqliteJournalOptions.ReaderThreads))]
    public void Limits_out_of_range_are_named(string name)
    {
        var options = new SqliteJournalOptions { Path = folder.File("x.db") };
        options = name switch
        {
            nameof(SqliteJournalOptions.QueueBytesMax) => options with { QueueBytesMax = 1 },
            nameof(SqliteJournalOptions.KeyTailMax) => options with { KeyTailMax = int.MaxValue },
            _ => options with { ReaderThreads = 0 },
        };
        Assert.Contains(name, Assert.Throws<ArgumentException>(() => SqliteJournal.Open(options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broken_block_is_never_served_and_verification_names_it()
    {
        var path = folder.File("loyalty.db");
        await using var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        for (var i = 0; i < 5; i++)
        {
            await books.Append(new("member", $"{i}"), $"purchase number {i}", keys: [Unique(i)]);
        }

        await Checkpoint(journal, books);
        // The disk rots under the open engine: one byte of the third record's events.
        Execute(path, "UPDATE block SET data = CAST(replace(data, CAST('number 2' AS BLOB), CAST('number 7' AS BLOB)) AS BLOB) WHERE seq = 3");

        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.FindAsync(Key(2)).AsTask());
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.ReadHistoryAsync(new("member", "2"), 0, 1).AsTask());
        Assert.Throws<JournalCorruptException>(() => journal.ReadAll(0).Count());
        Assert.Equal("purchase number 3", Text((await journal.FindAsync(Key(3)))!));

        using var archive = SqliteJournalArchive.Open(path);
        var damage = new List<JournalDamage>();
        Assert.Equal([0, 1, 3, 4], archive.ReadAll(damage.Add).Select(r => int.Parse(r.Actor.Key)));
        Assert.Contains(damage, d => d.What.Contains("block 3", StringComparison.Ordinal));
        Assert.Contains(damage, d => d.What.Contains("record fails its checksum", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_whose_newest_part_is_broken_or_missing_is_not_opened()
    {
        var path = folder.File("loyalty.db");
        var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        for (var i = 0; i < 5; i++)
        {
            await books.Append(Anna, $"{i}");
        }

        await journal.DisposeAsync();
        var broken = folder.CopyAsAfterCrash(path, "broken.db");
        Execute(broken, "UPDATE block SET data = CAST(substr(data, 1, 100) || x'FF' || substr(data, 102) AS BLOB) WHERE seq = 4");
        Assert.Contains("block 4", Assert.Throws<JournalCorruptException>(() => SqliteJournal.Open(new() { Path = broken })).Message, StringComparison.Ordinal);
        var missing = folder.CopyAsAfterCrash(path, "missing.db");
        Execute(missing, "DELETE FROM block WHERE seq = 2");
        Assert.Contains("block 2", Assert.Throws<JournalCorruptException>(() => SqliteJournal.Open(new() { Path = missing })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rewritten_record_with_good_checksums_breaks_the_chain()
    {
        var path = folder.File("loyalty.db");
        var journal = SqliteJournal.Open(new() { Path = path });
        var batch = Books.Batch();
        Books.Add(batch, Anna, 0, "forged", hash: new(1, 2));
        await Books.Send(journal, batch);
        await journal.DisposeAsync();
        using var archive = SqliteJournalArchive.Open(path);
        var damage = new List<JournalDamage>();
        Assert.Empty(archive.ReadAll(damage.Add));
        Assert.Equal(Anna, Assert.Single(damage).Actor);
    }

    [Fact]
    public async Task The_archive_reads_everything_beside_a_running_engine()
    {
        var path = folder.File("loyalty.db");
        await using var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        for (var i = 0; i < 700; i++)
        {
            await books.Append(new("member", $"{i}"), $"{i}", measures: [new("sales", 1)]);
        }

        await Checkpoint(journal, books);
        using var archive = SqliteJournalArchive.Open(path);
        Assert.Equal(700, archive.ReadAll(d => Assert.Fail(d.What)).Count());
        Assert.Equal(700, archive.ReadSnapshots(d => Assert.Fail(d.What)).Select(s => s.Actor).Distinct().Count());
        Assert.Equal(700, archive.Totals().Sums["sales"]);
        await books.Append(Anna, "afterwards");
        Assert.Equal(701, archive.ReadAll(d => Assert.Fail(d.What)).Count());
    }

    [Fact]
    public async Task A_broken_snapshot_is_not_loaded()
    {
        var path = folder.File("loyalty.db");
        var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        await books.Append(Anna, "one");
        await Checkpoint(journal, books);
        await journal.DisposeAsync();
        Execute(path, "UPDATE snapshot SET state = x'00'");
        await using var again = SqliteJournal.Open(new() { Path = path });
        await Assert.ThrowsAsync<JournalCorruptException>(() => again.LoadAsync(Anna).AsTask());
        using var archive = SqliteJournalArchive.Open(path);
        var damage = new List<JournalDamage>();
        Assert.Empty(archive.ReadSnapshots(damage.Add));
        Assert.Single(damage);
    }

    [Fact]
    public async Task A_full_disk_fails_appends_and_costs_nothing_that_was_acknowledged()
    {
        var path = folder.File("loyalty.db");
        await using var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        await books.Append(Anna, "before", keys: [Unique(1)], measures: [new("sales", 1)]);
        await journal.SetPagesMaxAsync(1);

        var big = new string('b', 100_000);
        Assert.Equal(AppendOutcome.Failed, await books.Try(Anna, big, keys: [Unique(2)], measures: [new("sales", 1)]));
        Assert.Equal(AppendOutcome.Failed, await books.Try(new("member", "new"), big));
        Assert.Equal(["before"], (await journal.LoadAsync(Anna)).Later.Select(Text));
        Assert.Empty((await journal.LoadAsync(new("member", "new"))).Later);
        Assert.Null(await journal.FindAsync(Key(2)));
        Assert.Equal(1, journal.Totals().Sums["sales"]);
        Assert.Equal(1, journal.Checkpoint.UnsavedActors);
        await Assert.ThrowsAsync<JournalUnavailableException>(() => journal.SaveSnapshotsAsync([Books.Snap(Anna, 1, big)]).AsTask());

        await journal.SetPagesMaxAsync(1_000_000);
        Assert.Equal(AppendOutcome.Appended, await books.Try(Anna, "after", keys: [Unique(2)], measures: [new("sales", 1)]));
        Assert.Equal(2, journal.Totals().Sums["sales"]);
        var copy = folder.CopyAsAfterCrash(path, "copy.db");
        await using var again = SqliteJournal.Open(new() { Path = copy });
        Assert.Equal(["before", "after"], (await again.LoadAsync(Anna)).Later.Select(Text));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_the_disk_fails_at_the_commit_the_outcome_is_unknown_and_loading_tells(bool afterwards)
    {
        var path = folder.File("loyalty.db");
        await using var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        await books.Append(Anna, "one", keys: [Unique(1)], measures: [new("sales", 1)]);
        journal.Writer.CommitFault = after =>
        {
            if (after == afterwards)
            {
                journal.Writer.CommitFault = null;
                throw new Sqlite.DbException(SQLitePCL.raw.SQLITE_IOERR, "the disk did not answer");
            }
        };
        var batch = Books.Batch();
        Books.Add(batch, Anna, 1, "two", keys: [Unique(2)], measures: [new("sales", 1), new("returns", 1)], expectedHash: books.Chain(Anna));
        Books.Add(batch, Anna, 1, "stale");
        Books.Add(batch, new("member", "bert"), 0, "one");
        await Books.Send(journal, batch);
        Assert.Equal([AppendOutcome.Unknown, AppendOutcome.Failed, AppendOutcome.Unknown], batch.Entries.Select(e => e.Outcome));

        var written = afterwards ? 1 : 0;
        Assert.Equal(1 + written, (await journal.LoadAsync(Anna)).Later.Count);
        Assert.Equal(written, (await journal.LoadAsync(new("member", "bert"))).Later.Count);
        Assert.Equal(afterwards, await journal.FindAsync(Key(2)) is not null);
        Assert.Equal(1 + written, journal.Totals().Sums["sales"]);
        Assert.Equal(1 + (2 * written), journal.Totals().Records);
        Assert.Equal(1 + written, journal.Checkpoint.UnsavedActors);
        var next = Books.Batch();
        Books.Add(next, Anna, 1 + written, "goes on", keys: [Unique(3)], expectedHash: written == 0 ? books.Chain(Anna) : default);
        await Books.Send(journal, next);
        Assert.Equal(AppendOutcome.Appended, next.Entries[0].Outcome);
        Assert.Equal(2 + (2 * written), journal.ReadAll(0).Count());
    }

    [Fact]
    public async Task A_torn_log_loses_only_what_was_not_acknowledged()
    {
        var path = folder.File("loyalty.db");
        await using var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        for (var i = 0; i < 20; i++)
        {
            await books.Append(Anna, $"{i}", keys: [Unique(i)], measures: [new("sales", 1)]);
        }

        var copy = folder.CopyAsAfterCrash(path, "torn.db");
        // Half a page of a commit that never ended.
        using (var log = new FileStream(copy + "-wal", FileMode.Open))
        {
            log.SetLength(log.Length - 9000);
        }

        await using var torn = SqliteJournal.Open(new() { Path = copy });
        var kept = (await torn.LoadAsync(Anna)).Later.Count;
        Assert.Equal(19, kept);
        Assert.Equal(kept, torn.Totals().Sums["sales"]);
        Assert.Null(await torn.FindAsync(Key(19)));
        Assert.NotNull(await torn.FindAsync(Key(18)));
    }

    [Fact]
    public async Task An_entry_larger_than_the_limit_fails_alone()
    {
        await using var journal = SqliteJournal.Open(new() { Path = folder.File("loyalty.db"), RecordBytesMax = 64 << 10 });
        var batch = Books.Batch();
        Books.Add(batch, Anna, 0, new string('x', 70_000));
        Books.Add(batch, new("member", "bert"), 0, "small");
        await Books.Send(journal, batch);
        Assert.Equal([AppendOutcome.Failed, AppendOutcome.Appended], batch.Entries.Select(e => e.Outcome));
    }

    [Fact]
    public async Task Beyond_the_queue_limit_batches_fail_at_once()
    {
        await using var journal = SqliteJournal.Open(new() { Path = folder.File("loyalty.db"), QueueBytesMax = 1 << 20 });
        using var hold = new ManualResetEventSlim();
        var held = journal.OnWriterAsync(_ => hold.Wait());
        var sent = new List<(AppendBatch Batch, Task Done)>();
        for (var i = 0; i < 6; i++)
        {
            var batch = Books.Batch();
            Books.Add(batch, new("member", $"{i}"), 0, new string('x', 300_000));
            sent.Add((batch, Books.Send(journal, batch)));
        }

        await Task.WhenAll(sent.Skip(3).Select(s => s.Done));
        hold.Set();
        await Task.WhenAll(sent.Select(s => s.Done).Append(held));
        Assert.Equal(
            [AppendOutcome.Appended, AppendOutcome.Appended, AppendOutcome.Appended, AppendOutcome.Failed, AppendOutcome.Failed, AppendOutcome.Failed],
            sent.Select(s => s.Batch.Entries[0].Outcome));
    }

    [Fact]
    public async Task Request_keys_outlive_many_runs_merges_and_restarts()
    {
        const int Keys = 30_000;
        var path = folder.File("loyalty.db");
        var options = new SqliteJournalOptions { Path = path, KeyTailMax = 1024, KeyRunsPerLevelMax = 3 };
        var journal = SqliteJournal.Open(options);
        var version = 0;
        for (var at = 0; at < Keys; at += 500)
        {
            var batch = Books.Batch();
            for (var i = at; i < at + 500; i++)
            {
                Books.Add(batch, Anna, version++, $"{i}", keys: [Unique(i), Latest(1_000_000 + (i % 50))]);
            }

            await Books.Send(journal, batch);
            Assert.All(batch.Entries, e => Assert.Equal(AppendOutcome.Appended, e.Outcome));
            if (at % 10_000 == 0)
            {
                await CheckKeys(journal, at + 500);
            }
        }

        await CheckKeys(journal, Keys);
        await Eventually(() => journal.State.Keys.State is { Frozen: [], Runs: { Length: > 0 } runs }
            && runs.GroupBy(r => r.Level).All(g => g.Count() < options.KeyRunsPerLevelMax));
        await CheckKeys(journal, Keys);
        var crashed = options with { Path = folder.CopyAsAfterCrash(path, "crashed.db") };
        await journal.DisposeAsync();

        foreach (var reopened in new[] { options, crashed })
        {
            await using var again = SqliteJournal.Open(reopened);
            Assert.Contains(again.State.Keys.State.Runs, r => r.Level >= 2);
            await CheckKeys(again, Keys);
            var books = Books.Batch();
            Books.Add(books, Anna, version, "again", keys: [Unique(7)]);
            await Books.Send(again, books);
            Assert.Equal(AppendOutcome.Duplicate, books.Entries[0].Outcome);
        }

        async Task CheckKeys(SqliteJournal store, int count)
        {
            for (var i = 0; i < count; i += 997)
            {
                Assert.True(store.MightContain(Key(i)));
                Assert.Equal($"{i}", Text((await store.FindAsync(Key(i)))!));
            }

            // The newest of many.
            Assert.Equal($"{count - 50 + 13}", Text((await store.FindAsync(Key(1_000_013)))!));
            Assert.Null(await store.FindAsync(Key(count + 5)));
            Assert.True(Enumerable.Range(2_000_000, 10_000).Count(i => store.MightContain(Key(i))) < 1000);
        }
    }

    [Fact]
    public async Task A_restart_after_a_checkpoint_reads_snapshots_and_only_the_tail()
    {
        var path = folder.File("loyalty.db");
        var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        for (var i = 0; i < 2000; i++)
        {
            await books.Append(new("member", $"{i % 500}"), $"{i}");
        }

        await Checkpoint(journal, books);
        await books.Append(Anna, "tail");
        await journal.DisposeAsync();
        await using var again = SqliteJournal.Open(new() { Path = path });
        Assert.Equal(1, again.Checkpoint.UnsavedActors);
        Assert.Equal(1, again.Checkpoint.TailRecords);
        var loaded = await again.LoadAsync(new("member", "77"));
        Assert.Equal(4, loaded.Snapshot!.Version);
        Assert.Empty(loaded.Later);
        Assert.Equal(["1577", "1077"], (await again.ReadHistoryAsync(new("member", "77"), 0, 2)).Select(Text));
        // Without loading first: the version comes from the snapshot's row.
        var more = new Books(again, books);
        Assert.Equal(AppendOutcome.Appended, await more.Try(new("member", "78"), "next"));
        Assert.Equal(["next", "1578"], (await again.ReadHistoryAsync(new("member", "78"), 0, 2)).Select(Text));
        var stale = Books.Batch();
        Books.Add(stale, new("member", "79"), 0, "from nothing");
        await Books.Send(again, stale);
        Assert.Equal(AppendOutcome.Stale, stale.Entries[0].Outcome);
    }

    [Fact]
    public async Task A_backup_made_while_the_engine_writes_holds_all_that_was_acknowledged_before()
    {
        var path = folder.File("loyalty.db");
        await using var journal = SqliteJournal.Open(new() { Path = path, WalBytes = 1 << 20 });
        var books = new Books(journal);
        for (var i = 0; i < 200; i++)
        {
            await books.Append(Anna, new string('x', 2000), keys: [Unique(i)]);
        }

        using var stop = new CancellationTokenSource();
        var others = new Books(journal);
        var writing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await others.Append(new("member", "bert"), new string('y', 5000));
            }
        });
        var copy = folder.File("backups/monday.db");
        long told = 0;
        SqliteJournal.Backup(path, copy, (done, all) => told = done * 100 / all);
        await stop.CancelAsync();
        await writing;
        Assert.Equal(100, told);
        Assert.Throws<JournalUnavailableException>(() => SqliteJournal.Backup(path, copy));
        Assert.Throws<JournalUnavailableException>(() => SqliteJournal.Backup(folder.File("none.db"), folder.File("n.db")));
        Assert.Equal([copy], Directory.GetFiles(folder.File("backups")));

        await using var restored = SqliteJournal.Open(new() { Path = copy });
        Assert.Equal(200, (await restored.LoadAsync(Anna)).Later.Count);
        Assert.NotNull(await restored.FindAsync(Key(199)));
        using var archive = SqliteJournalArchive.Open(copy);
        Assert.Equal(restored.Totals().Records, archive.ReadAll(d => Assert.Fail(d.What)).Count());
    }

    [Fact]
    public async Task The_log_is_moved_to_the_file_while_the_engine_writes()
    {
        var path = folder.File("loyalty.db");
        await using var journal = SqliteJournal.Open(new() { Path = path, WalBytes = 1 << 20 });
        var books = new Books(journal);
        for (var i = 0; i < 400; i++)
        {
            await books.Append(Anna, new string('x', 100_000));
        }

        // 40 MB went through a log of about 1 MB.
        Assert.True(new FileInfo(path + "-wal").Length < 20 << 20);
        Assert.Equal(400, journal.ReadAll(0).Count());
    }

    [Fact]
    public async Task What_a_killed_engine_leaves_behind_is_opened_its_lock_file_included()
    {
        // The lock is the system's, on the open file: the lock file itself means nothing once its process is gone.
        var path = folder.File("loyalty.db");
        var journal = SqliteJournal.Open(new() { Path = path });
        await new Books(journal).Append(Anna, "kept");
        var copy = folder.CopyAsAfterCrash(path, "after-kill.db");
        using (var stale = File.Create(copy + ".lock"))
        {
            await stale.WriteAsync(Encoding.UTF8.GetBytes("left behind"));
        }

        await using var again = SqliteJournal.Open(new() { Path = copy });
        Assert.Equal(["kept"], (await again.LoadAsync(Anna)).Later.Select(Text));
        await journal.DisposeAsync();
    }

    internal static async Task Checkpoint(IJournal journal, Books books)
    {
        var position = journal.Checkpoint.Position;
        while (journal.UnsavedActors(position, 100) is { Count: > 0 } page)
        {
            foreach (var actor in page)
            {
                await books.Snapshot(actor, "state");
            }
        }

        Assert.True(await journal.CompleteCheckpointAsync(position));
    }

    private static async Task Eventually(Func<bool> condition)
    {
        // The background work under test has no event to wait for; the bound only keeps a broken build from hanging.
        var limit = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(limit.Elapsed < TimeSpan.FromMinutes(2), "The background work did not end.");
            await Task.Yield();
        }
    }

    private static void Execute(string path, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static RequestKey Key(int number) => new((ulong)number * 0x9E3779B97F4A7C15, (ulong)number);

    private static KeyEntry Unique(int number) => new(Key(number), true);

    private static KeyEntry Latest(int number) => new(Key(number), false);

    private static string Text(JournalRecord record) => Encoding.UTF8.GetString(record.Events.Span);
}
