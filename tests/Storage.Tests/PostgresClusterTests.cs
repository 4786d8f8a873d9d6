using System.Collections.Concurrent;
using System.Text;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Tests.Shared;

namespace Loyalty.Storage.Tests;

/// <summary>Several processes on one set of books, and what only a server can do or suffer.</summary>
[NeedsPostgres]
public sealed class PostgresClusterTests : IAsyncLifetime
{
    private static readonly ActorId Anna = new("member", "anna");
    private static readonly ActorId Bert = new("member", "bert");
    private readonly List<PostgresJournal> open = [];
    private readonly ConcurrentQueue<string> troubles = new();
    private string schema = "";

    private PostgresJournalOptions Options => new() { ConnectionString = PrivatePostgres.Shared.ConnectionString, Schema = schema, OnTrouble = troubles.Enqueue };

    public async Task InitializeAsync() => schema = await PrivatePostgres.Shared.MakeSchemaAsync();

    public async Task DisposeAsync()
    {
        foreach (var journal in open)
        {
            await journal.DisposeAsync();
        }
    }

    [StoreFact]
    public async Task When_two_silos_decide_on_the_same_version_one_wins_and_the_other_is_stale_and_goes_on_after_loading()
    {
        var (one, two) = (await OpenAsync(), await OpenAsync());
        Assert.False(one.IsExclusive);
        Assert.Equal(one.KeySeed, two.KeySeed);
        for (var round = 0; round < 20; round++)
        {
            var actor = new ActorId("member", $"{round}");
            var outcomes = await Task.WhenAll(TryAsync(one, actor, "one"), TryAsync(two, actor, "two"));
            Assert.Equal([AppendOutcome.Appended, AppendOutcome.Stale], outcomes.Order());
            var (winner, loser) = outcomes[0] == AppendOutcome.Appended ? ("one", two) : ("two", one);
            var loaded = await loser.LoadAsync(actor);
            Assert.Equal([winner], loaded.Later.Select(Text));

            var again = Books.Batch();
            Books.Add(again, actor, 1, "then the other", expectedHash: loaded.Later[0].Hash);
            await Books.Send(loser, again);
            Assert.Equal(AppendOutcome.Appended, again.Entries[0].Outcome);
        }
    }

    [StoreFact]
    public async Task A_receipt_that_comes_to_two_silos_at_once_is_recorded_once()
    {
        var (one, two) = (await OpenAsync(), await OpenAsync());
        for (var receipt = 1; receipt <= 20; receipt++)
        {
            var outcomes = await Task.WhenAll(
                TryAsync(one, new("member", $"a{receipt}"), "one", Unique(receipt)), TryAsync(two, new("member", $"b{receipt}"), "two", Unique(receipt)));
            Assert.Equal([AppendOutcome.Appended, AppendOutcome.Duplicate], outcomes.Order());
            var refused = outcomes[0] == AppendOutcome.Duplicate ? one : two;
            Assert.True(refused.MightContain(Key(receipt)));
            Assert.Equal(refused == one ? "two" : "one", Text((await refused.FindAsync(Key(receipt)))!));
        }

        Assert.Equal(20, one.Totals().Records);
    }

    [StoreFact]
    public async Task Many_actors_of_two_silos_leave_gapless_positions_exact_sums_and_sound_chains()
    {
        var silos = new[] { await OpenAsync(o => o with { CommitRecordsMax = 20 }), await OpenAsync(o => o with { CommitRecordsMax = 33 }) };
        await Task.WhenAll(silos.SelectMany((silo, number) => Enumerable.Range(0, 4).Select(lane => Task.Run(async () =>
        {
            var books = new Books(silo);
            for (var i = 0; i < 50; i++)
            {
                await books.Append(new("member", $"{number}-{lane}-{i % 7}"), $"{i}", measures: [new("points", i), new($"silo {number}", 1)], wakeAt: i);
            }
        }))));

        using var archive = await PostgresJournalArchive.OpenAsync(Options);
        var records = archive.ReadAll(damage => Assert.Fail(damage.ToString())).ToList();
        Assert.Equal(Enumerable.Range(1, 400).Select(i => (long)i), records.Select(r => r.Position));
        Assert.Equal(records, silos[0].ReadAll(0), (a, b) => a.Position == b.Position && a.Hash == b.Hash);
        var totals = archive.Totals();
        Assert.Equal((400, 400, 400), (totals.Position, totals.Records, totals.Events));
        Assert.Equal(new() { ["points"] = 8 * 50 * 49 / 2, ["silo 0"] = 200, ["silo 1"] = 200 }, totals.Sums.ToDictionary());
    }

    [StoreFact]
    public async Task What_another_silo_appended_shows_in_the_checkpoint_after_a_while()
    {
        var (one, two) = (await OpenAsync(), await OpenAsync(o => o with { CheckpointAgeMax = TimeSpan.FromMilliseconds(100) }));
        await new Books(one).Append(Anna, "joined");
        await Eventually(() => two.Checkpoint is { Position: 1, TailRecords: 1, TailBytes: 6, UnsavedActors: 1 });
        await one.SaveSnapshotsAsync([Books.Snap(Anna, 1, "state")]);
        Assert.Empty(two.UnsavedActors(1, 10));
        Assert.True(await one.CompleteCheckpointAsync(1));
        await Eventually(() => two.Checkpoint is { TailRecords: 0, TailBytes: 0, UnsavedActors: 0 });
    }

    [StoreFact]
    public async Task Two_silos_that_save_the_same_members_while_both_append_do_not_block_each_other()
    {
        var silos = new[] { await OpenAsync(o => o with { SnapshotsPerSlice = 10 }), await OpenAsync(o => o with { SnapshotsPerSlice = 7 }) };
        var actors = Enumerable.Range(0, 50).Select(i => new ActorId("member", $"{i}")).ToArray();
        var books = new Books(silos[0]);
        foreach (var actor in actors)
        {
            await books.Append(actor, "joined");
        }

        var versions = actors.ToDictionary(a => a, _ => 1L);
        await Task.WhenAll(silos.Select((silo, number) => Task.Run(async () =>
        {
            for (var round = 0; round < 10; round++)
            {
                var batch = Books.Batch();
                foreach (var actor in actors.Where((_, i) => i % 2 == number))
                {
                    Books.Add(batch, actor, 1 + round, "bought", expectedHash: round == 0 ? books.Chain(actor) : default);
                }

                await Books.Send(silo, batch);
                Assert.All(batch.Entries, entry => Assert.Equal(AppendOutcome.Appended, entry.Outcome));
                await silo.SaveSnapshotsAsync([.. actors.Select(a => Books.Snap(a, 1 + Random.Shared.Next(round + 1), "state"))]);
            }
        })));

        Assert.Equal(50, silos[0].UnsavedActors(long.MaxValue, 100).Count);
        await silos[1].SaveSnapshotsAsync([.. actors.Select(a => Books.Snap(a, 11, "state"))]);
        Assert.Empty(silos[0].UnsavedActors(long.MaxValue, 100));
        Assert.Equal(0, silos[1].Checkpoint.UnsavedActors);
        Assert.All(troubles, t => Assert.Contains("fsync", t, StringComparison.Ordinal));
    }

    [StoreFact]
    public async Task Connections_that_are_cut_under_load_lose_nothing_and_double_nothing()
    {
        var journal = await OpenAsync(o => o with { CommitRecordsMax = 50, ReconnectDelayMax = TimeSpan.FromMilliseconds(100) });
        using var stop = new CancellationTokenSource();
        var lanes = Enumerable.Range(0, 6).Select(lane => Task.Run(async () =>
        {
            // A till that repeats until it has an answer, with the same receipt.
            var appended = new List<string>();
            var actor = new ActorId("member", $"{lane}");
            var (version, chain) = (0L, default(Hash128));
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var outcome = AppendOutcome.Pending;
                while (outcome != AppendOutcome.Appended)
                {
                    var text = $"{lane}-{i}";
                    var next = Hash128.Next(chain, actor, version + 1, Books.RecordedAt, Encoding.UTF8.GetBytes(text));
                    var batch = Books.Batch();
                    Books.Add(batch, actor, version, text, keys: [Unique((lane * 1_000_000) + i)], measures: [new("sales", 1)], expectedHash: chain, hash: next);
                    await Books.Send(journal, batch);
                    outcome = batch.Entries[0].Outcome;
                    Assert.True(outcome is AppendOutcome.Appended or AppendOutcome.Failed, $"{outcome}");
                    (version, chain) = outcome == AppendOutcome.Appended ? (version + 1, next) : (version, chain);
                }

                appended.Add($"{lane}-{i}");
            }

            return appended;
        })).ToArray();

        for (var cut = 0; cut < 15; cut++)
        {
            var before = journal.Checkpoint.Position;
            await Eventually(() => journal.Checkpoint.Position > before + 20);
            await PrivatePostgres.Shared.ExecuteAsync(
                $"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%\"{schema}\".append%'");
        }

        await stop.CancelAsync();
        var expected = (await Task.WhenAll(lanes)).SelectMany(texts => texts).Order(StringComparer.Ordinal);
        Assert.Equal(expected, journal.ReadAll(0).Select(Text).Order(StringComparer.Ordinal));
        Assert.Equal(journal.Totals().Records, journal.Totals().Sums["sales"]);
        Assert.Contains(troubles, t => t.Contains("lost", StringComparison.Ordinal));
    }

    [StoreFact]
    public Task A_connection_lost_before_the_commit_is_made_again_and_the_group_is_sent_once_more() => LoseConnection(afterwards: false);

    [StoreFact]
    public Task A_connection_lost_after_the_commit_is_made_again_and_the_books_say_that_it_happened() => LoseConnection(afterwards: true);

    [StoreFact]
    public async Task After_a_surprise_a_silo_asks_the_books_first_for_a_while()
    {
        var one = await OpenAsync();
        var books = new Books(one);
        await books.Append(Anna, "receipt 1", keys: [Unique(1)]);
        await books.Append(Anna, "receipt 2", keys: [Unique(2)]);
        var two = await OpenAsync(o => o with { SuspiciousLookups = 3 });
        Assert.All(Enumerable.Range(100, 3), i => Assert.True(two.MightContain(Key(i))));
        Assert.False(two.MightContain(Key(103)));
        Assert.False(two.MightContain(Key(1)));

        Assert.Equal(AppendOutcome.Duplicate, await TryAsync(two, Bert, "receipt 1 again", Unique(1)));
        Assert.All(Enumerable.Range(100, 3), i => Assert.True(two.MightContain(Key(i))));
        Assert.False(two.MightContain(Key(103)));
        Assert.True(two.MightContain(Key(1)));
        Assert.NotNull(await two.FindAsync(Key(1)));
        Assert.False(two.MightContain(Key(103)));
        Assert.NotNull(await two.FindAsync(Key(2)));
        Assert.True(two.MightContain(Key(103)));
    }

    [StoreFact]
    public async Task Beyond_the_queue_limit_batches_fail_at_once()
    {
        var journal = await OpenAsync(o => o with { QueueBytesMax = 1 << 20 });
        using var busy = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        journal.Writer.CommitFault = committed =>
        {
            if (!committed)
            {
                busy.Set();
                go.Wait();
            }
        };
        var sent = new List<(AppendBatch Batch, Task Done)>();
        for (var i = 0; i < 6; i++)
        {
            var batch = Books.Batch();
            Books.Add(batch, new("member", $"{i}"), 0, new string('x', 300_000));
            sent.Add((batch, Books.Send(journal, batch)));
            busy.Wait();
        }

        await Task.WhenAll(sent[3..].Select(s => s.Done));
        go.Set();
        await Task.WhenAll(sent.Select(s => s.Done));
        Assert.Equal(
            [AppendOutcome.Appended, AppendOutcome.Appended, AppendOutcome.Appended, AppendOutcome.Failed, AppendOutcome.Failed, AppendOutcome.Failed],
            sent.Select(s => s.Batch.Entries[0].Outcome));
    }

    [StoreFact]
    public async Task An_entry_that_is_too_large_or_no_text_fails_alone()
    {
        var journal = await OpenAsync(o => o with { RecordBytesMax = 64 << 10 });
        var batch = Books.Batch();
        Books.Add(batch, Anna, 0, new string('x', 70_000));
        Books.Add(batch, new("member", "zero\0"), 0, "x");
        Books.Add(batch, new("member", "half\ud83d"), 0, "x");
        Books.Add(batch, new("member", "whole\ud83d\ude00"), 0, "x");
        Books.Add(batch, Bert, 0, "x");
        await Books.Send(journal, batch);
        Assert.Equal(
            [AppendOutcome.Failed, AppendOutcome.Failed, AppendOutcome.Failed, AppendOutcome.Appended, AppendOutcome.Appended], batch.Entries.Select(e => e.Outcome));
        Assert.Empty((await journal.LoadAsync(new("member", "zero\0"))).Later);
        Assert.Empty(await journal.ReadHistoryAsync(new("member", "half\ud83d"), 0, 1));
        Assert.Single((await journal.LoadAsync(new("member", "whole\ud83d\ude00"))).Later);
    }

    [StoreFact]
    public async Task An_entry_refused_by_the_books_does_not_take_its_receipt_from_another_of_the_same_group()
    {
        // In one batch: Anna's entry is stale, so its key is free, and Bert's entry with the same key is good.
        var journal = await OpenAsync();
        await new Books(journal).Append(Anna, "one");
        var batch = Books.Batch();
        Books.Add(batch, Anna, 0, "stale", keys: [Unique(1)]);
        Books.Add(batch, Anna, 1, "built on it", expectedHash: new(1, 1));
        Books.Add(batch, Bert, 0, "good", keys: [Unique(1)]);
        Books.Add(batch, new("member", "carl"), 0, "second", keys: [Unique(1)]);
        await Books.Send(journal, batch);
        Assert.Equal([AppendOutcome.Stale, AppendOutcome.Stale, AppendOutcome.Appended, AppendOutcome.Duplicate], batch.Entries.Select(e => e.Outcome));
    }

    [StoreFact]
    public async Task An_altered_record_is_never_served_and_the_archive_names_it_and_goes_on()
    {
        var journal = await OpenAsync();
        var books = new Books(journal);
        for (var i = 0; i < 4; i++)
        {
            await books.Append(new("member", $"{i}"), $"purchase {i}", keys: [Unique(i)]);
        }

        await books.Append(new("member", "0"), "and another");
        await PrivatePostgres.Shared.ExecuteAsync($"UPDATE {schema}.record SET events = 'purchase X' WHERE position = 2");
        await PrivatePostgres.Shared.ExecuteAsync($"DELETE FROM {schema}.record WHERE position = 3");
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.LoadAsync(new("member", "1")).AsTask());
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.FindAsync(Key(1)).AsTask());
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.ReadHistoryAsync(new("member", "1"), 0, 5).AsTask());
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.LoadAsync(new("member", "2")).AsTask());
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.FindAsync(Key(2)).AsTask());
        Assert.Throws<JournalCorruptException>(() => journal.ReadAll(0).Count());
        Assert.Throws<JournalCorruptException>(() => journal.ReadAll(2).Count());
        Assert.Equal([4L, 5L], journal.ReadAll(3).Select(r => r.Position));
        Assert.Equal(2, (await journal.LoadAsync(new("member", "0"))).Later.Count);

        using var archive = await PostgresJournalArchive.OpenAsync(Options);
        var damages = new List<JournalDamage>();
        Assert.Equal([1L, 4L, 5L], archive.ReadAll(damages.Add).Select(r => r.Position));
        Assert.Equal([2L, 3L], damages.Select(d => d.Position));
    }

    [StoreFact]
    public async Task A_history_with_a_missing_record_is_not_told_as_if_it_were_whole()
    {
        var journal = await OpenAsync();
        var books = new Books(journal);
        for (var i = 1; i <= 5; i++)
        {
            await books.Append(Anna, $"{i}");
        }

        await PrivatePostgres.Shared.ExecuteAsync($"DELETE FROM {schema}.record WHERE position = 2");
        Assert.Equal(3, (await journal.ReadHistoryAsync(Anna, 0, 3)).Count);
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.ReadHistoryAsync(Anna, 0, 10).AsTask());
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.ReadHistoryAsync(Anna, 3, 10).AsTask());
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.LoadAsync(Anna).AsTask());
        await PrivatePostgres.Shared.ExecuteAsync($"DELETE FROM {schema}.record WHERE position = 5");
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.ReadHistoryAsync(Anna, 0, 10).AsTask());
    }

    [StoreFact]
    public async Task A_rewritten_record_with_a_good_checksum_breaks_the_chain()
    {
        var journal = await OpenAsync();
        var books = new Books(journal);
        await books.Append(Anna, "earned 10");
        await books.Append(Anna, "earned 20");
        var record = (await journal.LoadAsync(Anna)).Later[0];
        var checksum = Postgres.Rows.RecordChecksum(Anna.StableHash(), 1, 1, record.RecordedAtMs, record.WakeAtMs, record.Hash, "earned 99"u8);
        await PrivatePostgres.Shared.ExecuteAsync($"UPDATE {schema}.record SET events = 'earned 99', checksum = {checksum} WHERE position = 1");
        using var archive = await PostgresJournalArchive.OpenAsync(Options);
        var damages = new List<JournalDamage>();
        Assert.Equal([2L], archive.ReadAll(damages.Add).Select(r => r.Position));
        Assert.Contains("hash", Assert.Single(damages).What, StringComparison.Ordinal);
    }

    [StoreFact]
    public async Task A_broken_snapshot_is_not_loaded_and_the_archive_names_it()
    {
        var journal = await OpenAsync();
        var books = new Books(journal);
        await books.Append(Anna, "one");
        await books.Append(Bert, "one");
        await books.Snapshot(Anna, "state");
        await books.Snapshot(Bert, "state");
        await PrivatePostgres.Shared.ExecuteAsync($"UPDATE {schema}.snapshot SET state = 'statE' WHERE actor = 'member/anna'");
        await Assert.ThrowsAsync<JournalCorruptException>(() => journal.LoadAsync(Anna).AsTask());
        Assert.NotNull((await journal.LoadAsync(Bert)).Snapshot);
        using var archive = await PostgresJournalArchive.OpenAsync(Options);
        var damages = new List<JournalDamage>();
        Assert.Equal([Bert], archive.ReadSnapshots(damages.Add).Select(s => s.Actor));
        Assert.Equal(Anna, Assert.Single(damages).Actor);
    }

    [StoreFact]
    public async Task Everything_is_read_in_pages_whatever_the_records_weigh()
    {
        var journal = await OpenAsync();
        var batch = Books.Batch();
        for (var i = 0; i < 2500; i++)
        {
            Books.Add(batch, new("member", $"{i}"), 0, i % 100 == 0 ? new string('r', 500_000) : "light");
        }

        await Books.Send(journal, batch);
        Assert.Equal(Enumerable.Range(1, 2500).Select(i => (long)i), journal.ReadAll(0).Select(r => r.Position));
        Assert.Equal(2500 - 1234, journal.ReadAll(1234).Count());
    }

    [StoreFact]
    public async Task Making_the_schema_twice_or_by_two_processes_at_once_makes_one()
    {
        var name = PrivatePostgres.NewSchemaName();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PostgresSchema.MigrateAsync(PrivatePostgres.Shared.ConnectionString, name)));
        await PostgresSchema.MigrateAsync(PrivatePostgres.Shared.ConnectionString, name);
        var journal = await OpenAsync(o => o with { Schema = name });
        Assert.Equal(0, journal.Totals().Records);
        Assert.NotEqual((await OpenAsync()).KeySeed, journal.KeySeed);
        Assert.Contains(name, journal.Description, StringComparison.Ordinal);
    }

    [StoreFact]
    public async Task A_schema_that_is_missing_or_of_another_format_is_refused_with_what_to_do()
    {
        var refusal = await Assert.ThrowsAsync<JournalUnavailableException>(() => OpenAsync(o => o with { Schema = "nothing_here" }));
        Assert.Contains("nothing_here", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("MigrateAsync", refusal.Message, StringComparison.Ordinal);
        await PrivatePostgres.Shared.ExecuteAsync($"UPDATE {schema}.books SET format = 99");
        refusal = await Assert.ThrowsAsync<JournalUnavailableException>(() => OpenAsync());
        Assert.Contains("newer", refusal.Message, StringComparison.Ordinal);
        refusal = await Assert.ThrowsAsync<JournalUnavailableException>(() => PostgresSchema.MigrateAsync(PrivatePostgres.Shared.ConnectionString, schema));
        Assert.Contains("newer", refusal.Message, StringComparison.Ordinal);
    }

    [StoreFact]
    public async Task A_server_that_is_not_there_is_named_and_the_password_is_not()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var nowhere = $"Host=127.0.0.1;Port={port};Database=books;Username=till;Password=geheim";
        foreach (var attempt in new Func<Task>[] { () => OpenAsync(o => o with { ConnectionString = nowhere }), () => PostgresSchema.MigrateAsync(nowhere) })
        {
            var refusal = await Assert.ThrowsAsync<JournalUnavailableException>(attempt);
            Assert.Contains($"127.0.0.1:{port}/books as till", refusal.Message, StringComparison.Ordinal);
            Assert.Contains("cannot be reached", refusal.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("geheim", refusal.ToString(), StringComparison.Ordinal);
        }

        var database = await Assert.ThrowsAsync<JournalUnavailableException>(() => OpenAsync(o => o with { ConnectionString = o.ConnectionString.Replace("Database=postgres", "Database=missing", StringComparison.Ordinal) }));
        Assert.Contains("no such database", database.Message, StringComparison.Ordinal);
        var mistyped = await Assert.ThrowsAsync<ArgumentException>(() => OpenAsync(o => o with { ConnectionString = "Host=a;Password=ge;heim=1" }));
        Assert.DoesNotContain("heim", mistyped.Message, StringComparison.Ordinal);
    }

    [StoreFact]
    public async Task Limits_out_of_range_are_named()
    {
        var options = new (string Name, Func<PostgresJournalOptions, PostgresJournalOptions> Change)[]
        {
            (nameof(PostgresJournalOptions.QueueBytesMax), o => o with { QueueBytesMax = 1 }),
            (nameof(PostgresJournalOptions.ReaderConnections), o => o with { ReaderConnections = 0 }),
            (nameof(PostgresJournalOptions.CommandTimeout), o => o with { CommandTimeout = TimeSpan.Zero }),
            ("schema", o => o with { Schema = "a\"; DROP TABLE books" }),
        };
        foreach (var (name, change) in options)
        {
            var mistake = await Assert.ThrowsAsync<ArgumentException>(() => OpenAsync(change));
            Assert.Contains(name, mistake.Message, StringComparison.Ordinal);
        }
    }

    [StoreFact]
    public async Task A_statement_that_waits_too_long_ends_in_a_failure_and_not_in_a_hang()
    {
        var journal = await OpenAsync(o => o with { CommandTimeout = TimeSpan.FromSeconds(1) });
        await using var other = new Npgsql.NpgsqlConnection(PrivatePostgres.Shared.ConnectionString);
        await other.OpenAsync();
        await using (var transaction = await other.BeginTransactionAsync())
        {
            await using var lockBooks = new Npgsql.NpgsqlCommand($"SELECT 1 FROM {schema}.books FOR UPDATE", other);
            await lockBooks.ExecuteScalarAsync();
            Assert.Equal(AppendOutcome.Failed, await TryAsync(journal, Anna, "the books are locked"));
            await Assert.ThrowsAsync<JournalUnavailableException>(() => journal.CompleteCheckpointAsync(0).AsTask());
        }

        Assert.Equal(AppendOutcome.Appended, await TryAsync(journal, Anna, "and free again"));
        Assert.Equal(1, journal.Totals().Records);
    }

    private static RequestKey Key(int number) => new((ulong)number * 0x9E3779B97F4A7C15, (ulong)number);

    private static KeyEntry Unique(int number) => new(Key(number), true);

    private static string Text(JournalRecord record) => Encoding.UTF8.GetString(record.Events.Span);

    private static Task<AppendOutcome> TryAsync(IJournal journal, ActorId actor, string text, params KeyEntry[] keys) => new Books(journal).Try(actor, text, keys: keys);

    private static async Task Eventually(Func<bool> condition)
    {
        for (var patience = 0; !condition(); patience++)
        {
            Assert.True(patience < 2000, "It did not happen.");
            await Task.Delay(5);
        }
    }

    private async Task LoseConnection(bool afterwards)
    {
        var journal = await OpenAsync();
        var books = new Books(journal);
        await books.Append(Anna, "one", keys: [Unique(1)], measures: [new("sales", 1)]);
        var faults = 0;
        journal.Writer.CommitFault = committed =>
        {
            if (committed == afterwards && faults++ == 0)
            {
                throw new IOException("The network is gone.");
            }
        };
        var second = await books.Append(Anna, "two", keys: [Unique(2)], measures: [new("sales", 1)]);
        Assert.Equal(2, second);
        Assert.Equal(afterwards ? 1 : 2, faults);
        Assert.Equal(["one", "two"], (await journal.LoadAsync(Anna)).Later.Select(Text));
        Assert.Equal(2, journal.Totals().Sums["sales"]);
        Assert.Equal(3, await books.Append(Anna, "three"));
    }

    private async Task<PostgresJournal> OpenAsync(Func<PostgresJournalOptions, PostgresJournalOptions>? change = null)
    {
        var journal = await PostgresJournal.OpenAsync(change is null ? Options : change(Options));
        open.Add(journal);
        return journal;
    }
}

/// <summary>A server of its own, with fsync, that is taken away and comes back.</summary>
[NeedsPostgres]
#pragma warning disable CA1001 // xunit calls DisposeAsync.
public sealed class PostgresRestartTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private static readonly ActorId Anna = new("member", "anna");
    private readonly ConcurrentQueue<string> troubles = new();
    private PrivatePostgres server = null!;
    private PostgresJournalOptions options = null!;

    public async Task InitializeAsync()
    {
        server = new(isDurable: true);
        options = new()
        {
            ConnectionString = server.ConnectionString,
            Schema = await server.MakeSchemaAsync(),
            OnTrouble = troubles.Enqueue,
            SettleTimeout = TimeSpan.Zero,
            ReconnectDelayMax = TimeSpan.FromMilliseconds(100),
        };
    }

    public Task DisposeAsync()
    {
        server.Dispose();
        return Task.CompletedTask;
    }

    [StoreFact]
    public async Task While_the_server_is_away_appends_fail_at_once_and_after_it_is_back_nothing_acknowledged_is_missing()
    {
        await using var journal = await PostgresJournal.OpenAsync(options);
        Assert.Empty(troubles);
        var books = new Books(journal);
        for (var i = 0; i < 20; i++)
        {
            await books.Append(Anna, $"{i}", measures: [new("sales", 1)]);
        }

        server.Stop();

        // The first one meets a connection that is gone and cannot tell; from then on it is known that there is none.
        Assert.Equal(AppendOutcome.Unknown, await books.Try(Anna, "the server is away"));
        Assert.Equal(AppendOutcome.Failed, await books.Try(Anna, "the server is away"));
        await Assert.ThrowsAsync<JournalUnavailableException>(() => journal.LoadAsync(Anna).AsTask());
        Assert.Throws<JournalUnavailableException>(() => journal.Totals());
        Assert.Throws<JournalUnavailableException>(() => journal.ReadAll(0).Count());
        await Assert.ThrowsAsync<JournalUnavailableException>(() => journal.SaveSnapshotsAsync([Books.Snap(Anna, 1, "state")]).AsTask());
        Assert.Contains(troubles, t => t.Contains("appends fail", StringComparison.OrdinalIgnoreCase));

        server.Start();
        var outcome = AppendOutcome.Failed;
        for (var patience = 0; outcome == AppendOutcome.Failed && patience < 2000; patience++)
        {
            await Task.Delay(5);
            outcome = await books.Try(Anna, "the server is back", measures: [new("sales", 1)]);
        }

        Assert.Equal(AppendOutcome.Appended, outcome);
        Assert.Equal([.. Enumerable.Range(0, 20).Select(i => $"{i}"), "the server is back"], (await journal.LoadAsync(Anna)).Later.Select(r => Encoding.UTF8.GetString(r.Events.Span)));
        Assert.Equal(21, journal.Totals().Sums["sales"]);
        Assert.Contains(troubles, t => t.Contains("connected again", StringComparison.Ordinal));
    }

    [StoreFact]
    public async Task When_the_server_dies_behind_a_commit_the_outcome_is_unknown_and_loading_tells()
    {
        await using var journal = await PostgresJournal.OpenAsync(options);
        var books = new Books(journal);
        await books.Append(Anna, "one");
        journal.Writer.CommitFault = committed =>
        {
            if (committed)
            {
                server.Stop();
                throw new IOException("The server is gone.");
            }
        };
        Assert.Equal(AppendOutcome.Unknown, await books.Try(Anna, "two"));
        journal.Writer.CommitFault = null;
        server.Start();
        await using var again = await PostgresJournal.OpenAsync(options);
        Assert.Equal(["one", "two"], (await again.LoadAsync(Anna)).Later.Select(r => Encoding.UTF8.GetString(r.Events.Span)));
    }
}

/// <summary>What is said of a server that is not safe.</summary>
[NeedsPostgres]
public sealed class PostgresSafetyTests
{
    [StoreFact]
    public async Task A_server_without_fsync_is_complained_about()
    {
        var troubles = new ConcurrentQueue<string>();
        var schema = await PrivatePostgres.Shared.MakeSchemaAsync();
        await using var journal = await PostgresJournal.OpenAsync(new() { ConnectionString = PrivatePostgres.Shared.ConnectionString, Schema = schema, OnTrouble = troubles.Enqueue });
        Assert.Contains("fsync", Assert.Single(troubles), StringComparison.Ordinal);
    }

    [StoreFact]
    public async Task Commits_are_synchronous_even_where_the_server_does_not_make_them_so()
    {
        var schema = await PrivatePostgres.Shared.MakeSchemaAsync();
        var options = new PostgresJournalOptions { ConnectionString = PrivatePostgres.Shared.ConnectionString + ";Options=-c synchronous_commit=off", Schema = schema };
        await using var server = new Postgres.PostgresServer(options);
        await using var connection = await server.OpenAsync();
        await using var ask = new Npgsql.NpgsqlCommand("SHOW synchronous_commit", connection);
        Assert.Equal("on", await ask.ExecuteScalarAsync());
    }
}
