using System.Diagnostics;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Tests.Bench;

/// <summary>
/// A member whose points lie in very many lots: how long the engine takes to spend them all (from the command to the answer, durable in SQLite), and what that does to the purchases of others.
/// </summary>
internal static class ManyLots
{
    private const int Lots = 10_000;
    private const int Rounds = 30;
    private const int Others = 1000;

    public static async Task MeasureAsync()
    {
        var folder = Directory.CreateTempSubdirectory("loyalty-lots-bench-");
        await using (var journal = SqliteJournal.Open(new() { Path = Path.Combine(folder.FullName, "books.db") }))
        {
            var programs = new ProgramSource();
            await using var host = new EmbeddedHost(journal, LoyaltyEngine.Kinds(programs), new(), SystemClock.Instance, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
            var engine = new LoyaltyEngine(host, new JournalBooks(journal), programs, SystemClock.Instance);
            await engine.StartAsync("""
                {
                  "name": "Lots", "currency": "GBP", "timeZone": "Europe/London", "units": [ { "id": "points", "expiry": { "policy": "rolling", "months": 900 } } ],
                  "earn": [ { "unit": "points", "points": 1, "per": 100 } ]
                }
                """u8.ToArray());
            await FillAsync(engine);
            var alone = await OthersAsync(engine, "alone", TimeSpan.FromSeconds(4), CancellationToken.None);

            // Not in the figures: the first time everything is compiled and memory is fetched.
            await SpendAsync(engine, "warm", 3, CancellationToken.None);
            var (redeem, reverse, hold, cancel) = await SpendAsync(engine, "run", Rounds, CancellationToken.None);
            Say($"redeem {Lots:N0} lots", redeem);
            Say($"reverse {Lots:N0} lots", reverse);
            Say($"hold {Lots:N0} lots", hold);
            Say($"cancel {Lots:N0} lots", cancel);

            using var stop = new CancellationTokenSource();
            var spending = SpendAsync(engine, "beside", int.MaxValue, stop.Token);
            var beside = await OthersAsync(engine, "beside", TimeSpan.FromSeconds(4), CancellationToken.None);
            await stop.CancelAsync();
            var (besides, _, _, _) = await spending;
            Say("purchases of others, alone", alone);
            Say($"purchases of others beside {besides.Count * 4} spendings", beside);
        }

        folder.Delete(recursive: true);
    }

    private static async Task FillAsync(LoyaltyEngine engine)
    {
        var first = Instant.FromUtc(1999, 1, 1, 12, 0);
        for (var from = 0; from < Lots; from += 500)
        {
            await engine.Host.AskAllAsync(Enumerable.Range(from, 500).Select(i => Buy($"lot{i}", "hoarder", first + Duration.FromDays(i))).ToArray());
        }

        var reply = (MemberReply)(await engine.Host.AskAsync(new GetMember("hoarder"))).Reply!;
        if (reply.View!.Balances[0].Available != Lots)
        {
            throw new InvalidOperationException($"the member has {reply.View.Balances[0]}");
        }
    }

    private static async Task<(List<double> Redeem, List<double> Reverse, List<double> Hold, List<double> Cancel)> SpendAsync(
        LoyaltyEngine engine, string name, int rounds, CancellationToken stop)
    {
        List<double> redeem = [], reverse = [], hold = [], cancel = [];
        for (var i = 0; i < rounds && !stop.IsCancellationRequested; i++)
        {
            await TimeAsync(redeem, new RedeemPoints(new() { Id = $"{name}-r{i}", Member = "hoarder", Unit = "points", Points = Lots }, null));
            await TimeAsync(reverse, new ReverseRedemption(new() { Id = $"{name}-v{i}", Member = "hoarder", Redemption = $"{name}-r{i}", Reason = "bench", Author = "bench" }));
            await TimeAsync(hold, new OpenHoldCommand(new() { Id = $"{name}-h{i}", Member = "hoarder", Unit = "points", Points = Lots }, null));
            await TimeAsync(cancel, new CancelHold(new() { Id = $"{name}-x{i}", Member = "hoarder", Hold = $"{name}-h{i}" }));
        }

        return (redeem, reverse, hold, cancel);

        async Task TimeAsync(List<double> times, RequestCommand command)
        {
            var started = Stopwatch.GetTimestamp();
            await engine.Host.AskAsync(command);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            if (command.Status != CommandStatus.Done || command.Outcome.Kind != OutcomeKind.Recorded)
            {
                throw new InvalidOperationException($"{command.RequestId}: {command.Status} {command.Problem} {(command.Reply as RequestOutcome)?.Refusal}");
            }
        }
    }

    private static async Task<List<double>> OthersAsync(LoyaltyEngine engine, string name, TimeSpan time, CancellationToken stop)
    {
        const int Callers = 32;
        var started = Stopwatch.GetTimestamp();
        var all = await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var times = new List<double>();
            for (var i = 0; Stopwatch.GetElapsedTime(started) < time; i++)
            {
                var begun = Stopwatch.GetTimestamp();
                await engine.Host.AskAsync(Buy($"{name}-{caller}-{i}", $"m{((i * Callers) + caller) % Others}", SystemClock.Instance.GetCurrentInstant()));
                times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }

            return times;
        }, stop)));
        return [.. all.SelectMany(times => times)];
    }

    private static RecordPurchase Buy(string id, string member, Instant at) => new(ActorIds.Member(member), new()
    {
        Id = id, Member = member, Store = "S1", At = at, Currency = "GBP", Lines = [new SaleLine("tea", null, null, 1, 100)],
    });

    private static void Say(string what, List<double> times)
    {
        times.Sort();
        Console.WriteLine($"{what}: {times.Count:N0} times; p50 {At(0.5):0.00} ms, p99 {At(0.99):0.00} ms, most {times[^1]:0.00} ms");

        double At(double part) => times[Math.Min(times.Count - 1, (int)(times.Count * part))];
    }
}
