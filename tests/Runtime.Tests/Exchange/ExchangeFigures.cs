using System.Diagnostics;
using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;
using Xunit.Abstractions;

namespace Loyalty.Runtime.Tests.Exchange;

/// <summary>How many exchanges a second one pool takes, on books in a file. Only with LOYALTY_FIGURES=1; LOYALTY_EXCHANGES gives their number (100,000), LOYALTY_SHARDS the pool's shards.</summary>
public class ExchangeFigures(ITestOutputHelper output)
{
    [Fact]
    public async Task Exchanges_a_second_of_one_pool()
    {
        if (Environment.GetEnvironmentVariable("LOYALTY_FIGURES") is null)
        {
            return;
        }

        var count = int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_EXCHANGES"), out var given) ? given : 100_000;
        var shards = int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_SHARDS"), out var parts) ? parts : 1;
        var folder = Directory.CreateTempSubdirectory("loyalty-exchange-figures-");
        foreach (var (name, open) in new (string, Func<IJournal>)[]
        {
            ("memory", static () => new MemoryJournal()),
            ("SQLite", () => SqliteJournal.Open(new() { Path = Path.Combine(folder.FullName, "books.db") })),
        })
        {
            await using var journal = open();
            foreach (var direction in new[] { ExchangeDirection.Earn, ExchangeDirection.Out })
            {
                await RunAsync(name, journal, direction, count, shards);
            }
        }

        folder.Delete(recursive: true);
    }

    private async Task RunAsync(string name, IJournal journal, ExchangeDirection direction, int count, int shards)
    {
        var connectors = new PartnerConnectors();
        connectors.Add("sky", new Instant0());
        var programs = new ProgramSource();
        await using var host = new EmbeddedHost(
            journal, LoyaltyEngine.Kinds(programs, connectors), new(), SystemClock.Instance, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
        var engine = new LoyaltyEngine(host, new JournalBooks(journal), programs, SystemClock.Instance);
        Assert.Empty(await engine.StartAsync(Bureau.Programs()));
        await host.AskAsync(new PublishPool("sky", System.Text.Encoding.UTF8.GetBytes($$"""
            { "unit": "points", "partnerUnit": "skymiles", "connector": "sky", "shards": {{shards}}, "rates": [ { "from": "2020-01-01", "out": "1/2" } ], "out": {}, "earn": {} }
            """)));
        foreach (var unit in new[] { "points", "skymiles" })
        {
            await host.AskAsync(new FundPool(new() { Id = $"f-{unit}-{direction}", Pool = "sky", Unit = unit, Amount = 100_000_000_000, Reason = "r", Author = "a" }));
        }

        const int Members = 10_000;
        await host.AskAllAsync([.. Enumerable.Range(0, Members).Select(i => new RecordPurchase(ActorIds.Member($"m{i}"), new()
        {
            Id = $"buy-{direction}-{i}", Member = $"m{i}", Store = "S", At = SystemClock.Instance.GetCurrentInstant(), Currency = "GBP", Lines = [new("sku", null, null, 1, 1_000_000)],
        }))]);

        var watch = Stopwatch.StartNew();
        var before = Done(journal);
        const int Window = 4000;
        for (var from = 0; from < count; from += 500)
        {
            await host.AskAllAsync([.. Enumerable.Range(from, Math.Min(500, count - from)).Select(i => new StartExchange(
                new() { Id = $"x-{direction}-{i}", Pool = "sky", Member = $"m{i % Members}", Direction = direction, Amount = 100, Account = "SK" }, shards))]);
            while (from + 500 - (Done(journal) - before) > Window)
            {
                await Task.Delay(1);
            }
        }

        while (Done(journal) - before < count)
        {
            await Task.Delay(5);
        }

        var elapsed = watch.Elapsed;
        await AloneAsync(host, name, direction, count);

        output.WriteLine($"{name}, {direction}, {shards} shards: {count / elapsed.TotalSeconds:0} exchanges/s ({count} in {elapsed.TotalSeconds:0.0} s, {Environment.ProcessorCount} cores)");
    }

    /// <summary>The pool's actor without the rest of the saga: reserve and commit, nothing else.</summary>
    private async Task AloneAsync(EmbeddedHost host, string name, ExchangeDirection direction, int count)
    {
        var watch = Stopwatch.StartNew();
        for (var from = 0; from < count; from += 2000)
        {
            var requests = Enumerable.Range(from, Math.Min(2000, count - from)).Select(i => new ExchangeRequest
            {
                Id = $"alone-{direction}-{i}", Pool = "sky", Member = "m1", Direction = direction, Amount = 100, Account = "SK",
            }).ToArray();
            await host.AskAllAsync([.. requests.Select(request => new StepCommand(ActorIds.Pool("sky"), new ReservePool(request, 0)))]);
            await host.AskAllAsync([.. requests.Select(request => new StepCommand(ActorIds.Pool("sky"), new CommitPool(request.Id, "sky", 0, null)))]);
        }

        output.WriteLine($"{name}, {direction}: {count / watch.Elapsed.TotalSeconds:0} reservations with their commits a second by the pool's actor alone");
    }

    private static long Done(IJournal journal) => journal.Totals().Sums.GetValueOrDefault(MeasureNames.Counter(PoolLedger.Exchanges));

    private sealed class Instant0 : IPartnerConnector
    {
        public ValueTask<PartnerAnswer> SendAsync(PartnerRequest request, CancellationToken cancellation) => new(new PartnerAnswer(PartnerResult.Done, "P"));

        public ValueTask<PartnerAnswer> AskAsync(PartnerRequest request, CancellationToken cancellation) => new(new PartnerAnswer(PartnerResult.NotKnown));
    }
}
