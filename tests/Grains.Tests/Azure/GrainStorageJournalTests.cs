using Loyalty.Grains.Storage;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage.Tests;

namespace Loyalty.Grains.Tests;

/// <summary>The behaviour suite on grain storage in memory, with segments so small that every test crosses their bounds.</summary>
public class GrainStorageJournalTests : JournalBehaviour
{
    private readonly List<IJournal> _dead = [];

    private TestGrainStorage Storage { get; } = new();

    protected virtual GrainStorageJournalOptions Options => new() { SegmentBytesMax = 1024, CacheBytes = 0, Parallelism = 4 };

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var journal in _dead)
        {
            await journal.DisposeAsync();
        }
    }

    protected override async Task<IJournal> OpenAsync() => await GrainStorageJournal.OpenAsync(Storage, Options);

    protected override Task<IJournal> CrashAsync(IJournal journal)
    {
        // The old process is never told.
        _dead.Add(journal);
        return OpenAsync();
    }
}

/// <summary>The behaviour suite with the limits that ship.</summary>
public sealed class GrainStorageJournalWithDefaultLimitsTests : GrainStorageJournalTests
{
    protected override GrainStorageJournalOptions Options => new();
}

/// <summary>What only a journal in a storage service can suffer.</summary>
public sealed class GrainStorageJournalTroubleTests
{
    private static readonly ActorId Anna = new("member", "anna");
    private static readonly ActorId Bert = new("member", "bert");
    private readonly TestGrainStorage _storage = new();

    [Theory]
    [InlineData(WriteFault.Refused, AppendOutcome.Failed)]
    [InlineData(WriteFault.AnswerLost, AppendOutcome.Appended)]
    [InlineData(WriteFault.SentTwice, AppendOutcome.Appended)]
    [InlineData(WriteFault.Late, AppendOutcome.Failed)]
    public async Task A_lost_answer_is_settled_by_reading_the_segment_again(WriteFault fault, AppendOutcome expected)
    {
        foreach (var isFirst in new[] { true, false })
        {
            var storage = new TestGrainStorage();
            await using var journal = await OpenAsync(storage);
            var books = new Books(journal);
            if (!isFirst)
            {
                await books.Append(Anna, "one");
            }

            Once(storage, fault);
            Assert.Equal(expected, await books.Try(Anna, "in trouble", keys: [Key(1)], measures: [new("sales", 1)]));
            // What comes late finds another ETag, and is refused.
            Assert.DoesNotContain(true, storage.Arrive());
            Assert.Equal(AppendOutcome.Appended, await books.Try(Anna, "and on"));

            var texts = (isFirst ? Array.Empty<string>() : ["one"]).Concat(expected == AppendOutcome.Appended ? ["in trouble", "and on"] : ["and on"]).ToArray();
            await AssertBooks(journal, texts);
            await using var again = await OpenAsync(storage);
            await AssertBooks(again, texts);
            Assert.Equal(expected == AppendOutcome.Appended, again.MightContain(Key(1).Key));
            Assert.Equal(expected == AppendOutcome.Appended ? 1 : 0, again.Totals().Sums.GetValueOrDefault("sales"));
        }
    }

    [Theory]
    [InlineData(WriteFault.AnswerLost)]
    [InlineData(WriteFault.Late)]
    public async Task While_the_outcome_is_unknown_nothing_is_appended_and_the_actor_is_not_loaded(WriteFault fault)
    {
        await using var journal = await OpenAsync();
        var books = new Books(journal);
        await books.Append(Anna, "one");
        await books.Append(Bert, "one");
        _storage.IsUnreadable = true;
        Once(_storage, fault);

        Assert.Equal(AppendOutcome.Unknown, await books.Try(Anna, "two", keys: [Key(1)]));
        Assert.True(journal.MightContain(Key(1).Key));
        await Assert.ThrowsAsync<JournalUnavailableException>(() => journal.LoadAsync(Anna).AsTask());
        await Assert.ThrowsAsync<JournalUnavailableException>(() => journal.FindAsync(Key(1).Key).AsTask());
        Assert.Equal(AppendOutcome.Failed, await books.Try(Bert, "two"));
        Assert.Single((await journal.LoadAsync(Bert)).Later);

        _storage.IsUnreadable = false;
        var settled = await Settled(journal, Anna);
        Assert.DoesNotContain(true, _storage.Arrive());
        Assert.Equal(fault == WriteFault.AnswerLost ? 2 : 1, settled.Later.Count);
        Assert.Equal(fault == WriteFault.AnswerLost, journal.MightContain(Key(1).Key));
        var next = Books.Batch();
        Books.Add(next, Anna, settled.Later.Count, "after it", expectedHash: settled.Later[^1].Hash);
        await WhenNotFailing(journal, next);
        Assert.Equal(AppendOutcome.Appended, next.Entries[0].Outcome);
    }

    [Fact]
    public async Task Who_opens_the_books_takes_them_over_and_the_one_before_is_closed_at_its_next_append()
    {
        await using var first = await OpenAsync();
        var books = new Books(first);
        await books.Append(Anna, "one");
        await using var second = await OpenAsync();
        var taken = new Books(second, books);
        await taken.Append(Anna, "two, by the second");

        Assert.Equal(AppendOutcome.Failed, await books.Try(Anna, "two, by the first"));
        var refusal = await Assert.ThrowsAsync<JournalUnavailableException>(() => first.LoadAsync(Anna).AsTask());
        Assert.Contains("Another process", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(AppendOutcome.Failed, await books.Try(Bert, "one"));
        await taken.Append(Anna, "three");
        await AssertBooks(second, "one", "two, by the second", "three");
    }

    [Fact]
    public async Task Two_processes_that_fill_segments_by_turns_never_both_succeed()
    {
        var journals = new List<GrainStorageJournal>();
        var texts = new List<string>();
        Books? books = null;
        for (var i = 0; i < 40; i++)
        {
            // Each opening closes the one before at its next append, whatever state its segment is in.
            var journal = await OpenAsync();
            journals.Add(journal);
            var before = books;
            books = new(journal, books);
            for (var n = 0; n < i % 5; n++)
            {
                texts.Add($"{i}.{n} {new string('x', 100 * n)}");
                await books.Append(Anna, texts[^1]);
            }

            // To the one before its own append looks right.
            Assert.Equal(AppendOutcome.Failed, before is null ? AppendOutcome.Failed : await before.Try(Anna, "too late"));
        }

        await AssertBooks(journals[^1], [.. texts]);
        foreach (var journal in journals)
        {
            await journal.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("main/segment-00000002")]
    [InlineData("main/segment-00000003")]
    [InlineData("main/segment-00000001")]
    public async Task Books_with_a_segment_missing_damaged_or_of_another_time_are_not_opened(string name)
    {
        byte[] old = [];
        await using (var journal = await OpenAsync())
        {
            var books = new Books(journal);
            for (var i = 0; i < 30; i++)
            {
                await books.Append(Anna, $"{i} {new string('x', 100)}");
                old = old.Length == 0 && _storage.Names.Contains(name) ? _storage[name] : old;
            }
        }

        var whole = _storage[name];
        _storage.Remove(name);
        await Assert.ThrowsAsync<JournalCorruptException>(() => OpenAsync());
        var damaged = whole.ToArray();
        damaged[^5] ^= 1;
        _storage[name] = damaged;
        await Assert.ThrowsAsync<JournalCorruptException>(() => OpenAsync());
        _storage[name] = old;
        await Assert.ThrowsAsync<JournalCorruptException>(() => OpenAsync());
        _storage[name] = whole;
        await (await OpenAsync()).DisposeAsync();
    }

    [Fact]
    public async Task At_the_bound_of_keys_or_actors_appends_that_bring_more_fail_and_others_do_not()
    {
        await using var journal = await GrainStorageJournal.OpenAsync(_storage, new() { ActorsMax = 100, KeysMax = 1000 });
        var books = new Books(journal);
        for (var i = 0; i < 100; i++)
        {
            await books.Append(new("member", $"{i}"), "joined", keys: [.. Enumerable.Range(0, 10).Select(k => Key((i * 10) + k))]);
        }

        Assert.Equal(AppendOutcome.Failed, await books.Try(Anna, "the 101st"));
        Assert.Equal(AppendOutcome.Failed, await books.Try(new("member", "5"), "a new request", keys: [Key(5000)]));
        Assert.Equal(AppendOutcome.Appended, await books.Try(new("member", "5"), "without a key"));
    }

    [Fact]
    public async Task Large_snapshots_that_are_replaced_leave_nothing_behind()
    {
        await using var journal = await OpenAsync();
        var books = new Books(journal);
        await books.Append(Anna, "one");
        await books.Snapshot(Anna, new string('a', 10_000));
        var names = _storage.Names.Count();
        await books.Append(Anna, "two");
        await books.Snapshot(Anna, new string('b', 10_000));
        Assert.Equal(names, _storage.Names.Count());
        Assert.Equal(10_000, (await journal.LoadAsync(Anna)).Snapshot!.State.Length);
    }

    [Fact]
    public async Task More_waiting_than_the_queue_takes_fails_at_once()
    {
        await using var journal = await GrainStorageJournal.OpenAsync(_storage, new() { QueueBytesMax = 64 << 10 });
        using var gate = new ManualResetEventSlim();
        _storage.OnWrite = _ =>
        {
            gate.Wait();
            return WriteFault.None;
        };
        var batches = Enumerable.Range(0, 10).Select(i =>
        {
            var batch = Books.Batch();
            Books.Add(batch, new("member", $"{i}"), 0, new string('x', 20_000));
            return batch;
        }).ToList();
        var sent = batches.Select(batch => Books.Send(journal, batch)).ToList();
        Assert.True(sent[^1].IsCompleted);
        Assert.Equal(AppendOutcome.Failed, batches[^1].Entries[0].Outcome);
        gate.Set();
        await Task.WhenAll(sent);
        Assert.Equal(AppendOutcome.Appended, batches[0].Entries[0].Outcome);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Whatever_goes_wrong_what_was_acknowledged_is_there_and_what_failed_never_is(int seed)
    {
        // Refused writes, lost answers, doubled and late writes, and takeovers at random; the answers given are held against the books at the end.
        var random = new Random(seed);
        var (appended, failed, unknown) = (new List<string>(), new List<string>(), new List<string>());
        var journals = new List<GrainStorageJournal> { await OpenAsync() };
        // Asked on the writers' threads.
        var trouble = new Random(seed + 1000);
        _storage.OnWrite = _ =>
        {
            lock (trouble)
            {
                return trouble.Next(4) == 0 ? (WriteFault)trouble.Next(5) : WriteFault.None;
            }
        };
        for (var i = 0; i < 300; i++)
        {
            if (random.Next(20) == 0)
            {
                var faults = _storage.OnWrite;
                _storage.OnWrite = null;
                journals.Add(await OpenAsync());
                _storage.OnWrite = faults;
            }

            // Mostly the one that has the books, now and then one that had them.
            var journal = random.Next(10) == 0 ? journals[random.Next(journals.Count)] : journals[^1];
            var (actor, text) = (random.Next(2) == 0 ? Anna : Bert, $"{i} {new string('x', random.Next(300))}");
            try
            {
                var later = (await journal.LoadAsync(actor)).Later;
                var batch = Books.Batch();
                Books.Add(batch, actor, later.Count, text, keys: [Key(i)], expectedHash: later.Count == 0 ? default : later[^1].Hash, hash: new(7, (ulong)i + 1));
                await Books.Send(journal, batch);
                (batch.Entries[0].Outcome switch { AppendOutcome.Appended => appended, AppendOutcome.Unknown => unknown, _ => failed }).Add(text);
            }
            catch (JournalUnavailableException)
            {
                // It is not settled, or has lost the books.
            }

            if (random.Next(5) == 0)
            {
                _storage.Arrive();
            }
        }

        _storage.Arrive();
        _storage.OnWrite = null;
        await using var last = await OpenAsync();
        _storage.Arrive();
        var books = last.ReadAll(0).Select(r => System.Text.Encoding.UTF8.GetString(r.Events.Span)).ToList();
        Assert.Equal(appended, books.Where(appended.Contains));
        Assert.DoesNotContain(books, failed.Contains);
        Assert.All(books, text => Assert.True(appended.Contains(text) || unknown.Contains(text)));
        Assert.True(appended.Count > 100 && failed.Count > 10, $"{appended.Count} appended, {failed.Count} failed, {unknown.Count} unknown");
        foreach (var journal in journals)
        {
            await journal.DisposeAsync();
        }
    }

    private static void Once(TestGrainStorage storage, WriteFault fault)
    {
        var left = 1;
        storage.OnWrite = _ => Interlocked.Exchange(ref left, 0) == 1 ? fault : WriteFault.None;
    }

    private static async Task<LoadedActor> Settled(GrainStorageJournal journal, ActorId actor)
    {
        while (true)
        {
            try
            {
                return await journal.LoadAsync(actor);
            }
            catch (JournalUnavailableException)
            {
                await Task.Yield();
            }
        }
    }

    private static async Task WhenNotFailing(GrainStorageJournal journal, AppendBatch batch)
    {
        do
        {
            await Books.Send(journal, batch);
        }
        while (batch.Entries[0].Outcome == AppendOutcome.Failed);
    }

    private static async Task AssertBooks(GrainStorageJournal journal, params string[] texts)
    {
        Assert.Equal(texts, (await journal.LoadAsync(Anna)).Later.Select(r => System.Text.Encoding.UTF8.GetString(r.Events.Span)));
        Assert.Equal(texts, journal.ReadAll(0).Where(r => r.Actor == Anna).Select(r => System.Text.Encoding.UTF8.GetString(r.Events.Span)));
    }

    private static KeyEntry Key(int number) => new(new((ulong)number * 0x9E3779B97F4A7C15, (ulong)number), true);

    private Task<GrainStorageJournal> OpenAsync(TestGrainStorage? storage = null) =>
        GrainStorageJournal.OpenAsync(storage ?? _storage, new() { SegmentBytesMax = 1024, CacheBytes = 4096 });
}
