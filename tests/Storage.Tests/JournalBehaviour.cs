using System.Text;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Tests.Shared;

namespace Loyalty.Storage.Tests;

/// <summary>What every store does. Derive it for a store, say how the store is opened and reopened, and it must pass.</summary>
public abstract class JournalBehaviour : IAsyncLifetime
{
    protected static readonly ActorId Anna = new("member", "anna");
    protected static readonly ActorId Bert = new("member", "bert");

    protected IJournal Journal { get; private set; } = null!;

    /// <summary>Empty books, or those of the test when they were opened before.</summary>
    protected abstract Task<IJournal> OpenAsync();

    /// <summary>What a new process finds after this one was killed, without any goodbye.</summary>
    protected abstract Task<IJournal> CrashAsync(IJournal journal);

    public async Task InitializeAsync() => Journal = await OpenAsync();

    public virtual async Task DisposeAsync() => await Journal.DisposeAsync();

    protected async Task CrashAndReopen() => Journal = await CrashAsync(Journal);

    [StoreFact]
    public async Task An_actor_nobody_has_seen_has_no_history()
    {
        var loaded = await Journal.LoadAsync(Anna);
        Assert.Null(loaded.Snapshot);
        Assert.Empty(loaded.Later);
        Assert.Empty(await Journal.ReadHistoryAsync(Anna, 0, 10));
        Assert.Equal(0, Journal.Totals().Records);
        Assert.Equal(0, Journal.Checkpoint.Position);
    }

    [StoreFact]
    public async Task What_was_appended_is_loaded_oldest_first_and_unaltered()
    {
        var purchases = new Books(Journal);
        await purchases.Append(Anna, "joined", events: 2);
        await purchases.Append(Anna, "bought bread", wakeAt: 77);
        await purchases.Append(Bert, "joined");

        var anna = await Journal.LoadAsync(Anna);
        Assert.Null(anna.Snapshot);
        Assert.Equal(["joined", "bought bread"], anna.Later.Select(Text));
        Assert.Equal([1L, 3L], anna.Later.Select(r => r.FirstVersion));
        Assert.Equal([2, 1], anna.Later.Select(r => r.EventCount));
        Assert.Equal(77, anna.Later[1].WakeAtMs);
        Assert.Equal(purchases.Chain(Anna), anna.Later[1].Hash);
        Assert.Equal(Anna, anna.Later[0].Actor);
        Assert.Equal(Books.RecordedAt, anna.Later[0].RecordedAtMs);
        Assert.Equal(["joined"], (await Journal.LoadAsync(Bert)).Later.Select(Text));
    }

    [StoreFact]
    public async Task Positions_grow_in_commit_order_over_all_actors()
    {
        var books = new Books(Journal);
        var first = await books.Append(Anna, "a");
        var second = await books.Append(Bert, "b");
        var third = await books.Append(Anna, "c");
        Assert.True(0 < first && first < second && second < third);
        Assert.Equal(third, Journal.Checkpoint.Position);
        Assert.Equal(["a", "b", "c"], Journal.ReadAll(0).Select(Text));
        Assert.Equal(["c"], Journal.ReadAll(second).Select(Text));
        Assert.Empty(Journal.ReadAll(third));
    }

    [StoreFact]
    public async Task A_second_activation_with_an_old_version_is_stale_and_leaves_no_trace()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "joined", measures: [new("member", 10)]);
        var batch = Books.Batch();
        Books.Add(batch, Anna, expected: 0, "joined again", keys: [Unique(9)], measures: [new("member", 99)]);
        Books.Add(batch, Bert, expected: 0, "joined");
        await Books.Send(Journal, batch);

        Assert.Equal([AppendOutcome.Stale, AppendOutcome.Appended], Outcomes(batch));
        Assert.Equal(["joined"], (await Journal.LoadAsync(Anna)).Later.Select(Text));
        Assert.Null(await Journal.FindAsync(Key(9)));
        Assert.Equal(10, Journal.Totals().Sums["member"]);
        Assert.Equal(2, Journal.Totals().Records);
    }

    [StoreFact]
    public async Task A_version_from_the_future_is_stale_too()
    {
        var batch = Books.Batch();
        Books.Add(batch, Anna, expected: 5, "out of nowhere");
        await Books.Send(Journal, batch);
        Assert.Equal([AppendOutcome.Stale], Outcomes(batch));
    }

    [StoreFact]
    public async Task Later_entries_of_an_actor_whose_entry_was_refused_are_stale_and_others_are_not()
    {
        var books = new Books(Journal);
        await books.Append(Bert, "bought", keys: [Unique(1)]);
        var batch = Books.Batch();
        Books.Add(batch, Anna, expected: 0, "first");
        Books.Add(batch, Anna, expected: 1, "second brings Bert's receipt", keys: [Unique(1)]);
        Books.Add(batch, Anna, expected: 2, "third was decided after the second");
        Books.Add(batch, Bert, expected: 1, "independent", expectedHash: books.Chain(Bert));
        await Books.Send(Journal, batch);
        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Duplicate, AppendOutcome.Stale, AppendOutcome.Appended], Outcomes(batch));
        Assert.Equal(["first"], (await Journal.LoadAsync(Anna)).Later.Select(Text));
    }

    [StoreFact]
    public async Task An_entry_that_was_decided_on_another_history_of_the_same_length_is_stale()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "one");
        var before = books.Chain(Anna);
        await books.Append(Anna, "two, by somebody else");
        var batch = Books.Batch();
        Books.Add(batch, Anna, expected: 1, "two", expectedHash: before, hash: new(7, 7));
        Books.Add(batch, Anna, expected: 2, "three", expectedHash: new(7, 7));
        await Books.Send(Journal, batch);
        Assert.Equal([AppendOutcome.Stale, AppendOutcome.Stale], Outcomes(batch));
        await Journal.SaveSnapshotsAsync([new(Anna, 2, books.Chain(Anna), 0, new byte[] { 1 })]);
        await books.Append(Anna, "three, by somebody else");
        Assert.Equal(["three, by somebody else"], (await Journal.LoadAsync(Anna)).Later.Select(Text));
    }

    [StoreFact]
    public async Task Entries_of_one_actor_keep_their_order_within_and_between_batches()
    {
        var batches = new List<AppendBatch>();
        var tasks = new List<Task>();
        var version = 0;
        for (var b = 0; b < 40; b++)
        {
            var batch = Books.Batch();
            for (var i = 0; i < 5; i++)
            {
                Books.Add(batch, Anna, version, $"{version}");
                version++;
            }

            batches.Add(batch);
        }

        foreach (var batch in batches)
        {
            tasks.Add(Books.Send(Journal, batch));
        }

        await Task.WhenAll(tasks);
        Assert.All(batches, b => Assert.All(b.Entries, e => Assert.Equal(AppendOutcome.Appended, e.Outcome)));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"{i}"), (await Journal.LoadAsync(Anna)).Later.Select(Text));
    }

    [StoreFact]
    public async Task A_request_is_found_by_its_key_and_no_other_may_bring_it_again()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "receipt 1", keys: [Unique(1)]);
        Assert.True(Journal.MightContain(Key(1)));
        var found = await Journal.FindAsync(Key(1));
        Assert.Equal("receipt 1", Text(found!));
        Assert.Equal(Anna, found!.Actor);

        Assert.Equal(AppendOutcome.Duplicate, await books.Try(Bert, "receipt 1 again", keys: [Unique(1)]));
        Assert.Equal(AppendOutcome.Duplicate, await books.Try(Anna, "receipt 1 again", keys: [Unique(2), Unique(1)]));
        Assert.Null(await Journal.FindAsync(Key(2)));
        Assert.Null(await Journal.FindAsync(Key(3)));
        Assert.Equal(1, Journal.Totals().Records);
    }

    [StoreFact]
    public async Task Of_two_requests_with_one_key_in_one_batch_the_first_wins()
    {
        var batch = Books.Batch();
        Books.Add(batch, Anna, 0, "first", keys: [Unique(1)]);
        Books.Add(batch, Bert, 0, "second", keys: [Unique(1)]);
        await Books.Send(Journal, batch);
        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Duplicate], Outcomes(batch));
        Assert.Equal("first", Text((await Journal.FindAsync(Key(1)))!));
    }

    [StoreFact]
    public async Task A_key_that_is_not_unique_leads_to_the_newest_record()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "card number 1", keys: [Latest(5)]);
        await books.Append(Bert, "card moved to Bert", keys: [Latest(5)]);
        Assert.Equal("card moved to Bert", Text((await Journal.FindAsync(Key(5)))!));
    }

    [StoreFact]
    public async Task Measures_are_summed_exactly_and_only_of_what_was_appended()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "a", events: 3, measures: [new("issuance", -100), new("member", 100)]);
        await books.Append(Bert, "b", measures: [new("issuance", -5), new("member", 5), new("sales", 1)]);
        var totals = Journal.Totals();
        Assert.Equal(2, totals.Records);
        Assert.Equal(4, totals.Events);
        Assert.Equal(Journal.Checkpoint.Position, totals.Position);
        Assert.Equal(new Dictionary<string, long> { ["issuance"] = -105, ["member"] = 105, ["sales"] = 1 }, totals.Sums.ToDictionary());
    }

    [StoreFact]
    public async Task History_is_read_backwards_page_by_page()
    {
        var books = new Books(Journal);
        for (var i = 1; i <= 25; i++)
        {
            await books.Append(Anna, $"{i}");
            await books.Append(Bert, $"other {i}");
        }

        var seen = new List<string>();
        var before = 0L;
        while (true)
        {
            var page = await Journal.ReadHistoryAsync(Anna, before, 10);
            seen.AddRange(page.Select(Text));
            if (page.Count < 10)
            {
                break;
            }

            before = page[^1].Position;
        }

        Assert.Equal(Enumerable.Range(1, 25).Reverse().Select(i => $"{i}"), seen);
    }

    [StoreFact]
    public async Task A_page_before_something_that_is_no_record_of_the_actor_is_refused()
    {
        var books = new Books(Journal);
        var annas = await books.Append(Anna, "a");
        var berts = await books.Append(Bert, "b");
        await Assert.ThrowsAsync<ArgumentException>(() => Journal.ReadHistoryAsync(Anna, berts, 10).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => Journal.ReadHistoryAsync(Anna, berts + 1000, 10).AsTask());
        await Assert.ThrowsAnyAsync<ArgumentException>(() => Journal.ReadHistoryAsync(Anna, 0, 0).AsTask());
        await Assert.ThrowsAnyAsync<ArgumentException>(() => Journal.ReadHistoryAsync(Anna, 0, 1001).AsTask());
        Assert.Empty(await Journal.ReadHistoryAsync(Anna, annas, 10));
    }

    [StoreFact]
    public async Task A_snapshot_stands_in_for_the_records_before_it()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "one");
        await books.Append(Anna, "two");
        await books.Snapshot(Anna, "after two", wakeAt: 5);
        await books.Append(Anna, "three");

        var loaded = await Journal.LoadAsync(Anna);
        Assert.Equal("after two", Encoding.UTF8.GetString(loaded.Snapshot!.State.Span));
        Assert.Equal(2, loaded.Snapshot.Version);
        Assert.Equal(5, loaded.Snapshot.WakeAtMs);
        Assert.Equal(["three"], loaded.Later.Select(Text));
        Assert.Equal(["three", "two", "one"], (await Journal.ReadHistoryAsync(Anna, 0, 10)).Select(Text));
    }

    [StoreFact]
    public async Task A_snapshot_of_a_version_that_is_not_durable_or_older_than_the_stored_one_is_dropped()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "one");
        await books.Append(Anna, "two");
        await Journal.SaveSnapshotsAsync([Books.Snap(Anna, 3, "from a failed append"), Books.Snap(Bert, 1, "of nobody")]);
        Assert.Null((await Journal.LoadAsync(Anna)).Snapshot);
        Assert.Null((await Journal.LoadAsync(Bert)).Snapshot);

        await Journal.SaveSnapshotsAsync([Books.Snap(Anna, 2, "newer")]);
        await Journal.SaveSnapshotsAsync([Books.Snap(Anna, 1, "older")]);
        Assert.Equal("newer", Encoding.UTF8.GetString((await Journal.LoadAsync(Anna)).Snapshot!.State.Span));
        await Journal.SaveSnapshotsAsync([Books.Snap(Anna, 2, "same version, better encoding")]);
        Assert.Equal("same version, better encoding", Encoding.UTF8.GetString((await Journal.LoadAsync(Anna)).Snapshot!.State.Span));
        Assert.Equal(AppendOutcome.Appended, await books.Try(Anna, "three"));
    }

    [StoreFact]
    public async Task A_snapshot_may_be_empty_or_large()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "one");
        await books.Append(Bert, "one");
        var large = new string('x', 300_000);
        await Journal.SaveSnapshotsAsync([Books.Snap(Anna, 1, string.Empty), Books.Snap(Bert, 1, large)]);
        Assert.Equal(0, (await Journal.LoadAsync(Anna)).Snapshot!.State.Length);
        Assert.Equal(large, Encoding.UTF8.GetString((await Journal.LoadAsync(Bert)).Snapshot!.State.Span));
    }

    [StoreFact]
    public async Task A_checkpoint_completes_when_every_actor_is_saved_and_not_before()
    {
        var books = new Books(Journal);
        var actors = Enumerable.Range(0, 300).Select(i => new ActorId("member", $"{i}")).ToList();
        foreach (var actor in actors)
        {
            await books.Append(actor, "joined");
        }

        var position = Journal.Checkpoint.Position;
        Assert.Equal(300, Journal.Checkpoint.UnsavedActors);
        Assert.False(await Journal.CompleteCheckpointAsync(position));
        // A member who buys during the checkpoint does not hold it up.
        var busy = Journal.UnsavedActors(position, 1)[0];
        var saved = new List<ActorId>();
        while (Journal.UnsavedActors(position, 70) is { Count: > 0 } page)
        {
            Assert.InRange(page.Count, 1, 70);
            saved.AddRange(page);
            await Journal.SaveSnapshotsAsync([.. page.Select(a => Books.Snap(a, books.Version(a), "state"))]);
            if (saved.Count <= 70)
            {
                await books.Append(busy, "bought meanwhile");
            }
        }

        Assert.Equal(actors.Select(a => a.Key).Order(), saved.Select(a => a.Key).Order());
        Assert.True(await Journal.CompleteCheckpointAsync(position));
        Assert.Equal(1, Journal.Checkpoint.UnsavedActors);
        Assert.InRange(Journal.Checkpoint.TailRecords, 1, 299);
        Assert.Equal(["bought meanwhile"], (await Journal.LoadAsync(busy)).Later.Select(Text));
        Assert.False(await Journal.CompleteCheckpointAsync(Journal.Checkpoint.Position));
        Assert.False(await Journal.CompleteCheckpointAsync(Journal.Checkpoint.Position + 1));
    }

    [StoreFact]
    public async Task A_member_who_buys_between_the_snapshot_and_its_saving_does_not_hold_up_the_checkpoint()
    {
        var books = new Books(Journal);
        await books.Append(Anna, "one");
        var position = Journal.Checkpoint.Position;
        Assert.Equal([Anna], Journal.UnsavedActors(position, 10));
        var shard = HashRange.ShardOf(Anna.StableHash(), 16);
        Assert.Equal([Anna], Journal.UnsavedActors(position, 10, HashRange.OfShard(shard, 16)));
        Assert.Empty(Journal.UnsavedActors(position, 10, HashRange.OfShard((shard + 1) % 16, 16)));
        var snapshot = Books.Snap(Anna, 1, "after one");
        await books.Append(Anna, "two");
        await Journal.SaveSnapshotsAsync([snapshot]);

        Assert.Empty(Journal.UnsavedActors(position, 10));
        Assert.True(await Journal.CompleteCheckpointAsync(position));
        await CrashAndReopen();
        var loaded = await Journal.LoadAsync(Anna);
        Assert.Equal(1, loaded.Snapshot!.Version);
        Assert.Equal(["two"], loaded.Later.Select(Text));
        Assert.Equal([Anna], Journal.UnsavedActors(Journal.Checkpoint.Position, 10));
    }

    [StoreFact]
    public async Task Actors_are_due_by_their_newest_word_whether_saved_or_not()
    {
        var books = new Books(Journal);
        var (carl, dora) = (new ActorId("member", "carl"), new ActorId("member", "dora"));
        await books.Append(Anna, "wakes at 100", wakeAt: 100);
        await books.Append(Bert, "wakes at 50", wakeAt: 50);
        await books.Append(carl, "never wakes");
        await books.Append(dora, "wakes at 70", wakeAt: 70);
        await books.Snapshot(Bert, "s", wakeAt: 50);
        await books.Snapshot(dora, "s", wakeAt: 70);

        Assert.Empty(await Journal.DueAsync(49, 10));
        foreach (var range in Enumerable.Range(0, 7).Select(shard => HashRange.OfShard(shard, 7)))
        {
            ActorId[] all = [Bert, dora, Anna];
            Assert.Equal(all.Where(actor => range.Contains(actor.StableHash())), await Journal.DueAsync(100, 10, range));
        }

        Assert.Equal([Bert], await Journal.DueAsync(50, 10));
        Assert.Equal([Bert, dora, Anna], await Journal.DueAsync(100, 10));
        Assert.Equal(2, (await Journal.DueAsync(100, 2)).Count);

        await books.Append(Bert, "woken, next time at 500", wakeAt: 500);
        Assert.Equal([dora, Anna], await Journal.DueAsync(100, 10));
        await books.Append(dora, "woken, never again");
        await books.Snapshot(dora, "s");
        Assert.Equal([Anna], await Journal.DueAsync(100, 10));
        Assert.Equal([Anna, Bert], await Journal.DueAsync(500, 10));
        await CrashAndReopen();
        Assert.Equal([Anna, Bert], await Journal.DueAsync(500, 10));
    }

    [StoreFact]
    public async Task Nothing_acknowledged_is_missing_after_a_crash()
    {
        var books = new Books(Journal);
        var seed = Journal.KeySeed;
        for (var i = 0; i < 50; i++)
        {
            await books.Append(new("member", $"{i % 7}"), $"{i}", keys: [Unique(i), Latest(1000)], measures: [new("sales", 1)]);
        }

        await books.Snapshot(new("member", "3"), "third");
        var position = Journal.Checkpoint.Position;
        await CrashAndReopen();

        Assert.Equal(seed, Journal.KeySeed);
        Assert.Equal(position, Journal.Checkpoint.Position);
        Assert.Equal(50, Journal.Totals().Sums["sales"]);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}"), Journal.ReadAll(0).Select(Text));
        Assert.Equal("49", Text((await Journal.FindAsync(Key(1000)))!));
        Assert.Equal("17", Text((await Journal.FindAsync(Key(17)))!));
        Assert.NotNull((await Journal.LoadAsync(new("member", "3"))).Snapshot);
        // A store may forget that a checkpoint which did not complete had saved some.
        Assert.InRange(Journal.Checkpoint.UnsavedActors, 6, 7);

        var again = new Books(Journal, books);
        Assert.Equal(AppendOutcome.Duplicate, await again.Try(Anna, "again", keys: [Unique(17)]));
        Assert.Equal(AppendOutcome.Appended, await again.Try(new("member", "3"), "goes on"));
        Assert.True(await again.Append(Anna, "later") > position);
        Assert.Equal(52, Journal.Totals().Records);
    }

    [StoreFact]
    public async Task Names_outside_the_Latin_alphabet_and_long_ones_are_kept()
    {
        var books = new Books(Journal);
        var actor = new ActorId("member", new string('Ж', 200));
        await books.Append(actor, "привет", measures: [new("баллы", 1)]);
        await CrashAndReopen();
        Assert.Equal("привет", Text((await Journal.LoadAsync(actor)).Later[0]));
        Assert.Equal(1, Journal.Totals().Sums["баллы"]);
        Assert.Equal(actor, Journal.ReadAll(0).Single().Actor);
    }

    [StoreFact]
    public async Task A_record_much_larger_than_others_is_kept_whole()
    {
        var books = new Books(Journal);
        var large = new string('r', 2_000_000);
        await books.Append(Anna, "before");
        await books.Append(Anna, large);
        await books.Append(Anna, "after");
        Assert.Equal(["before", large, "after"], (await Journal.LoadAsync(Anna)).Later.Select(Text));
        await CrashAndReopen();
        Assert.Equal(large, Text((await Journal.ReadHistoryAsync(Anna, 0, 2))[1]));
    }

    [StoreFact]
    public void A_batch_that_contradicts_itself_is_a_mistake_of_the_program()
    {
        var noEvents = Books.Batch();
        Books.Add(noEvents, Anna, 0, "x", events: 0);
        Assert.Throws<ArgumentException>(() => Journal.Append(noEvents));
        var outside = Books.Batch();
        Books.Add(outside, Anna, 0, "x");
        outside.Entries[0] = outside.Entries[0] with { PayloadLength = 1000 };
        Assert.Throws<ArgumentException>(() => Journal.Append(outside));
        var nameless = Books.Batch();
        Books.Add(nameless, new("member", string.Empty), 0, "x");
        Assert.Throws<ArgumentException>(() => Journal.Append(nameless));
        var longName = Books.Batch();
        Books.Add(longName, Anna, 0, "x", measures: [new(new string('m', 101), 1)]);
        Assert.Throws<ArgumentException>(() => Journal.Append(longName));
    }

    [StoreFact]
    public async Task An_empty_batch_completes()
    {
        await Books.Send(Journal, Books.Batch());
        Assert.Equal(0, Journal.Totals().Records);
    }

    [StoreFact]
    public async Task A_batch_is_used_again_after_it_was_cleared()
    {
        var batch = Books.Batch();
        for (var i = 0; i < 3; i++)
        {
            batch.Clear();
            Books.Add(batch, Anna, i, $"{i}");
            await Books.Send(Journal, batch);
            Assert.Equal([AppendOutcome.Appended], Outcomes(batch));
        }

        Assert.Equal(["0", "1", "2"], (await Journal.LoadAsync(Anna)).Later.Select(Text));
    }

    [StoreFact]
    public async Task Many_callers_at_once_get_each_version_exactly_once()
    {
        // Twelve callers race for the same versions of the same members: of each version exactly one append may win.
        var actors = Enumerable.Range(0, 5).Select(i => new ActorId("member", $"{i}")).ToArray();
        var wins = new int[actors.Length * 40];
        await Task.WhenAll(Enumerable.Range(0, 12).Select(caller => Task.Run(async () =>
        {
            for (var version = 0; version < 40; version++)
            {
                var batch = Books.Batch();
                foreach (var actor in actors)
                {
                    Books.Add(batch, actor, version, $"{caller}", measures: [new("appended", 1)]);
                }

                await Books.Send(Journal, batch);
                for (var a = 0; a < actors.Length; a++)
                {
                    Assert.True(batch.Entries[a].Outcome is AppendOutcome.Appended or AppendOutcome.Stale);
                    if (batch.Entries[a].Outcome == AppendOutcome.Appended)
                    {
                        Interlocked.Increment(ref wins[(a * 40) + version]);
                    }
                }

                // Read what one has just been told is durable, while others write.
                Assert.True((await Journal.LoadAsync(actors[caller % 5])).Later.Count > version);
            }
        })));
        Assert.All(wins, w => Assert.Equal(1, w));
        Assert.Equal(wins.Length, Journal.Totals().Sums["appended"]);
        Assert.Equal(wins.Length, Journal.ReadAll(0).Count());
    }

    [StoreFact]
    public async Task A_closed_journal_refuses_reading_and_fails_appends()
    {
        await Journal.DisposeAsync();
        await Assert.ThrowsAsync<JournalUnavailableException>(() => Journal.ReadHistoryAsync(Anna, 0, 1).AsTask());
        var batch = Books.Batch();
        Books.Add(batch, Anna, 0, "too late");
        await Books.Send(Journal, batch);
        Assert.Equal([AppendOutcome.Failed], Outcomes(batch));
    }

    protected static RequestKey Key(int number) => new((ulong)number * 0x9E3779B97F4A7C15, (ulong)number);

    protected static KeyEntry Unique(int number) => new(Key(number), true);

    protected static KeyEntry Latest(int number) => new(Key(number), false);

    protected static string Text(JournalRecord record) => Encoding.UTF8.GetString(record.Events.Span);

    protected static AppendOutcome[] Outcomes(AppendBatch batch) => [.. batch.Entries.Select(e => e.Outcome)];
}
