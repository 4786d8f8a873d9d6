using System.Diagnostics;
using Loyalty.Grains.Storage;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage.Tests;
using Microsoft.Extensions.Logging;
using Orleans.Storage;
using Xunit.Abstractions;

namespace Loyalty.Grains.Tests;

/// <summary>
/// Appends purchases, opens the books again and says what it took. A small run in every test; for figures set LOYALTY_FIGURES to the number of purchases and have the
/// output shown (docs/AZURE.md).
/// </summary>
public sealed class AzureFigures(ITestOutputHelper output)
{
    private const int Members = 10;
    private readonly int _purchases = int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_FIGURES"), out var number) ? number : 3000;

    [Fact]
    public Task In_memory() => MeasureAsync(new TestGrainStorage());

    [AzuriteFact]
    public async Task On_Azurite_blobs() => await MeasureAsync(await AzureProviders.OnBlobs);

    private async Task MeasureAsync(IGrainStorage storage)
    {
        var options = new GrainStorageJournalOptions { Books = $"{Guid.NewGuid():n}", CacheBytes = 0 };
        var members = Math.Max(1, _purchases / Members);
        await FillAsync(storage, options, members);
        // Away from the stack of the journal that just closed, which would keep it in memory.
        await Task.Yield();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var opening = Stopwatch.StartNew();
        await using var again = await GrainStorageJournal.OpenAsync(storage, options);
        opening.Stop();
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        var totals = again.Totals();
        Assert.Equal(members * (long)Members, totals.Records);
        Assert.Equal(totals.Records, again.Index.Keys);
        output.WriteLine($"  opening {totals.Records:n0} records of {members:n0} members in {again.Writer.Newest.Number:n0} segments: {opening.Elapsed.TotalSeconds:n2} s; memory {bytes / 1048576.0:n0} MiB, {bytes / (double)totals.Records:n0} bytes a request with {Members} requests a member");
    }

    private async Task FillAsync(IGrainStorage storage, GrainStorageJournalOptions options, int members)
    {
        await using (var journal = await GrainStorageJournal.OpenAsync(storage, options, new OutputLogger(output)))
        {
            await AppendAsync(journal, members, 1, $"{members:n0} members join, each with a request of its own");
            await AppendAsync(journal, members, Members - 1, $"{members * (Members - 1):n0} purchases");
            var watch = Stopwatch.StartNew();
            var some = Enumerable.Range(0, Math.Min(2000, members)).Select(i => new Snapshot(Member(i), Members, new(1, Members), 0, new byte[1000])).ToList();
            await journal.SaveSnapshotsAsync(some);
            output.WriteLine($"  {some.Count:n0} snapshots of 1 kB: {some.Count / watch.Elapsed.TotalSeconds:n0} a second");
            watch.Restart();
            for (var i = 0; i < 100; i++)
            {
                Assert.Single((await journal.LoadAsync(Member(i % some.Count))).Snapshot is null ? [] : new int[1]);
            }

            output.WriteLine($"  loading a member with a snapshot: {watch.Elapsed.TotalMilliseconds / 100:n2} ms");
        }
    }

    private async Task AppendAsync(GrainStorageJournal journal, int members, int each, string what)
    {
        var text = new string('p', 180);
        var (watch, writes, written) = (Stopwatch.StartNew(), journal.Store.Writes, journal.Store.BytesWritten);
        // Sixteen callers with 64 purchases at a time, as the shards of a busy silo send them.
        await Parallel.ForAsync(0, 16, async (caller, _) =>
        {
            for (var version = 0; version < each; version++)
            {
                for (var first = caller * 64; first < members; first += 16 * 64)
                {
                    var batch = Books.Batch();
                    for (var i = first; i < Math.Min(first + 64, members); i++)
                    {
                        var at = each == 1 ? 0 : version + 1;
                        Books.Add(batch, Member(i), at, text, keys: [new(Key(i, at), true)], measures: [new("member:points", 7), new("issuance:points", -7), new("sales", 1)]);
                    }

                    await Books.Send(journal, batch);
                    Assert.All(batch.Entries, entry => Assert.Equal(AppendOutcome.Appended, entry.Outcome));
                }
            }
        });
        var commits = journal.Store.Writes - writes;
        output.WriteLine(
            $"  {what}: {members * (double)each / watch.Elapsed.TotalSeconds:n0} a second; {watch.Elapsed.TotalMilliseconds / commits:n1} ms a commit of {members * (double)each / commits:n0}, "
            + $"{(journal.Store.BytesWritten - written) / (double)(members * each):n0} bytes written for each");
    }

    /// <summary>What the journal has to say of trouble.</summary>
    private sealed class OutputLogger(ITestOutputHelper output) : ILogger<GrainStorageJournal>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            output.WriteLine($"  {logLevel}: {formatter(state, exception)} {exception}");
    }

    private static ActorId Member(int number) => new("member", $"M{number:d9}");

    private static RequestKey Key(int member, int version) => new((ulong)((member * 100L) + version) * 0x9E3779B97F4A7C15, (ulong)((member * 100L) + version) * 0xD1B54A32D192ED03);
}
