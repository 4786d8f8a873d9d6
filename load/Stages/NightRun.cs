using System.Diagnostics;
using System.Text;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Stages;

/// <summary>
/// The month's end: every member has points that lapse in the same night, while tills go on at a steady rate. Says how long the night takes and what the tills feel. In this process, on SQLite, with a clock
/// that can be moved.
/// </summary>
internal static class NightRun
{
    private const int TillsPerSecond = 4000;

    public static async Task<int> RunAsync(int members)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(members, 1000);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(members, 20_000_000);
        var folder = Directory.CreateTempSubdirectory("loyalty-night-");
        var clock = new MovableClock { Now = Instant.FromUtc(2026, 3, 31, 20, 0) };
        var journal = SqliteJournal.Open(new() { Path = Path.Combine(folder.FullName, "books.db") });
        var programs = new ProgramSource { Current = Program() };
        var host = new EmbeddedHost(journal, LoyaltyEngine.Kinds(programs), new KernelOptions { WakeInterval = TimeSpan.FromMilliseconds(500) }, clock, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
        host.StartBackground();
        try
        {
            Console.WriteLine($"{members:N0} members buy on 31 March; their points lapse at the end of that day …");
            await FillAsync(host, members, clock.Now);
            var held = Sum(journal, Accounts.Member);
            Console.WriteLine($"members hold {held:N0} points. Tills alone, {TillsPerSecond:N0}/s for 10 s:");
            var number = 0L;
            var evening = await TillsAsync(host, members, clock, () => false, TimeSpan.FromSeconds(10), () => number++);
            Console.WriteLine($"  {evening}");

            clock.Now = Instant.FromUtc(2026, 4, 1, 0, 0, 1);
            var before = -Sum(journal, Accounts.Expired);
            var night = Stopwatch.StartNew();
            TimeSpan lapsed = default;
            var expected = Sum(journal, Accounts.Member);
            Console.WriteLine("midnight. Tills go on:");
            var during = await TillsAsync(
                host, members, clock,
                () =>
                {
                    if (Math.Abs(Sum(journal, Accounts.Expired)) - Math.Abs(before) < expected)
                    {
                        return false;
                    }

                    lapsed = night.Elapsed;
                    return true;
                },
                TimeSpan.FromMinutes(30), () => number++);
            Console.WriteLine($"  {during}");
            Console.WriteLine(lapsed == default
                ? "the night did not end within half an hour"
                : $"{expected:N0} points of {members:N0} members lapsed in {lapsed.TotalSeconds:0.0} s, {members / lapsed.TotalSeconds:N0} members/s; trial balance {TrialBalance(journal)}");
            return lapsed == default || TrialBalance(journal) != 0 ? 1 : 0;
        }
        finally
        {
            await host.DisposeAsync();
            await journal.DisposeAsync();
            folder.Delete(recursive: true);
        }
    }

    private static async Task FillAsync(EmbeddedHost host, int members, Instant at)
    {
        const int Batch = 4096;
        var started = Stopwatch.StartNew();
        for (var from = 0; from < members; from += Batch)
        {
            var commands = Enumerable.Range(from, Math.Min(Batch, members - from)).Select(member => (Command)new RecordPurchase(ActorIds.Member($"M{member:00000000}"), Purchase($"FILL-{member}", member, at))).ToArray();
            await host.AskAllAsync(commands);
            if (Array.Find(commands, command => command.Status != CommandStatus.Done) is { } failed)
            {
                throw new InvalidOperationException(failed.Problem);
            }

            if (from / Batch % 64 == 63)
            {
                Console.Error.WriteLine($"  {from + Batch:N0} of {members:N0}, {(from + Batch) / started.Elapsed.TotalSeconds:N0}/s");
            }
        }
    }

    private static async Task<string> TillsAsync(EmbeddedHost host, int members, MovableClock clock, Func<bool> isOver, TimeSpan longest, Func<long> next)
    {
        const int GroupsPerSecond = 200;
        var random = new Random(7);
        var latencies = new List<double>();
        var open = new List<Task>();
        var started = Stopwatch.StartNew();
        for (var group = 0; started.Elapsed < longest; group++)
        {
            // Open loop: a group that is late counts from when it was due.
            var due = TimeSpan.FromSeconds((double)group / GroupsPerSecond);
            if (due > started.Elapsed)
            {
                await Task.Delay(due - started.Elapsed);
            }

            open.Add(SendAsync(due));
            if (group % GroupsPerSecond == GroupsPerSecond - 1)
            {
                open.RemoveAll(task => task.IsCompletedSuccessfully);
                if (isOver())
                {
                    break;
                }
            }
        }

        await Task.WhenAll(open);
        latencies.Sort();
        return $"{latencies.Count:N0} purchases in {started.Elapsed.TotalSeconds:0.0} s; latency p50 {At(0.5):0.0} ms, p99 {At(0.99):0.0} ms, p99.9 {At(0.999):0.0} ms, max {latencies[^1]:0.0} ms";

        double At(double share) => latencies[(int)((latencies.Count - 1) * share)];

        async Task SendAsync(TimeSpan due)
        {
            var commands = new Command[TillsPerSecond / GroupsPerSecond];
            for (var i = 0; i < commands.Length; i++)
            {
                var member = random.Next(members);
                commands[i] = new RecordPurchase(ActorIds.Member($"M{member:00000000}"), Purchase($"TILL-{next()}", member, clock.Now));
            }

            await host.AskAllAsync(commands);
            var ms = (started.Elapsed - due).TotalMilliseconds;
            lock (latencies)
            {
                latencies.AddRange(commands.Select(_ => ms));
            }
        }
    }

    private static Purchase Purchase(string id, int member, Instant at) => new()
    {
        Id = id,
        Member = $"M{member:00000000}",
        Store = "S042",
        At = at,
        Currency = "GBP",
        Lines = [new("22138", null, null, 3m, 1485), new("84029E", null, null, 1m, 339), new("71053", null, null, 6m, 2034)],
    };

    private static long Sum(SqliteJournal journal, string account) => journal.Totals().Sums.GetValueOrDefault(MeasureNames.Account("points", account));

    private static long TrialBalance(SqliteJournal journal) => journal.Totals().Sums.Where(sum => MeasureNames.ParseAccount(sum.Key) is not null).Sum(sum => sum.Value);

    private static ProgramCatalog Program()
    {
        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(
            Encoding.UTF8.GetBytes(
                """{"name":"Month's end","currency":"GBP","timeZone":"Etc/UTC","units":[{"id":"points","expiry":{"policy":"endOfPeriod","period":"month"}}],"earn":[{"unit":"points","points":1,"per":100}]}"""),
            1, Instant.MinValue, null, errors);
        return new([program ?? throw new InvalidOperationException($"{errors[0].Field} {errors[0].Message}")]);
    }

    private sealed class MovableClock : IClock
    {
        private long _ms;

        public Instant Now
        {
            get => Instant.FromUnixTimeMilliseconds(Volatile.Read(ref _ms));
            set => Volatile.Write(ref _ms, value.ToUnixTimeMilliseconds());
        }

        public Instant GetCurrentInstant() => Now;
    }
}
