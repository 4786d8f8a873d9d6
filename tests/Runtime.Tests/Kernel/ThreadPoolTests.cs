using Loyalty.Runtime.Kernel;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>The same kernel on real threads.</summary>
public class ThreadPoolTests
{
    [Fact]
    public async Task Every_command_of_many_senders_is_answered_once_and_applied_once_over_a_store_that_fails_now_and_then()
    {
        var random = new Random(5);
        await using var journal = new MemoryJournal(new()
        {
            Fault = _ =>
            {
                lock (random)
                {
                    return new(random.Next(10) == 0 ? (MemoryFaultKind)random.Next(1, 4) : MemoryFaultKind.None);
                }
            },
        });
        await using var host = Host(journal, new() { Shards = 4, MaxActorBytes = 20_000, MaxBatch = 50, MaxInFlightPerShard = 100, MaxQueuedPerShard = 200 });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(sender => Task.Run(async () =>
        {
            var ids = Enumerable.Range(0, 200).OrderBy(i => (i * 7919 + sender) % 200).ToArray();
            foreach (var group in ids.Chunk(25))
            {
                await UntilDone(host, group.Select<int, Func<AccountCommand>>(i => () => i % 4 == 0
                    ? new Transfer($"a{i % 16}", $"r{i}", $"a{(i + 5) % 16}", i)
                    : new Pay($"a{i % 16}", $"r{i}", i)));
            }
        })));

        await UntilQuiet(host, journal);
        var facts = journal.ReadAll(0).SelectMany(AccountKind.FactsOf).ToArray();
        Assert.All(Enumerable.Range(0, 200), i => Assert.Equal(1, facts.Count(fact => fact.Request == $"r{i}")));
        Assert.Equal(0, journal.Totals().Sums["account:money:transit"]);
        Assert.Equal(Enumerable.Range(0, 200).Where(i => i % 4 != 0).Sum(), journal.Totals().Sums["account:money:accounts"]);
        Assert.Equal(0, host.Figures.InFlight);
        Assert.Equal(0, host.Figures.Queued);
    }

    [Fact]
    public async Task A_process_that_dies_under_load_loses_nothing_that_it_acknowledged()
    {
        var journal = new MemoryJournal();
        var acknowledged = new HashSet<string>();
        for (var life = 0; life < 5; life++)
        {
            // The host is left alone, as it is when its journal is gone.
            var host = Host(journal, new() { Shards = 4 });
            using var dead = new CancellationTokenSource();
            var senders = Enumerable.Range(0, 4).Select(sender => Task.Run(async () =>
            {
                for (var i = 0; !dead.IsCancellationRequested; i++)
                {
                    var answer = host.AskAsync(new Pay($"a{i % 9}", $"r{life}-{sender}-{i}", 1));
                    if (await Task.WhenAny(answer, Task.Delay(Timeout.Infinite, dead.Token)) == answer && (await answer).Status == CommandStatus.Done)
                    {
                        lock (acknowledged)
                        {
                            acknowledged.Add($"r{life}-{sender}-{i}");
                        }
                    }
                }
            })).ToArray();
            while (journal.Checkpoint.Position < (life + 1) * 200)
            {
                await Task.Yield();
            }

            journal = journal.Crash();
            await dead.CancelAsync();
            await Task.WhenAll(senders);
        }

        var durable = journal.ReadAll(0).SelectMany(AccountKind.FactsOf).Select(fact => fact.Request).ToArray();
        Assert.Equal(durable.Length, durable.Distinct().Count());
        Assert.Subset(durable.ToHashSet(), acknowledged);
        await using var next = Host(journal, new() { Shards = 2 });
        var sum = 0L;
        for (var i = 0; i < 9; i++)
        {
            sum += (await next.AskAsync(new GetBalance($"a{i}"))).Answer.Balance;
        }

        Assert.Equal(durable.Length, sum);
    }

    [Fact]
    public async Task The_background_wakes_actors_and_makes_checkpoints_until_the_host_ends()
    {
        await using var journal = new MemoryJournal();
        var clock = new ManualClock(Stage.Start);
        var host = new EmbeddedHost(
            journal, [new AccountKind()], new() { Shards = 2, WakeInterval = TimeSpan.FromMilliseconds(5), CheckpointRecords = 1 }, clock, new ThreadPoolScheduler(),
            NullLogger<EmbeddedHost>.Instance);
        host.StartBackground();
        await host.AskAsync(new RemindAt("anna", clock.Now.ToUnixTimeMilliseconds() + 1000));
        clock.Now += NodaTime.Duration.FromMinutes(1);
        while ((await host.AskAsync(new GetBalance("anna"))).Answer.Reminded == 0 || host.Checkpoints == 0)
        {
            await Task.Yield();
        }

        await host.DisposeAsync();
        Assert.Equal(1, (await host.AskAsync(new GetBalance("anna"))).Answer.Reminded);
    }

    private static EmbeddedHost Host(MemoryJournal journal, KernelOptions options) =>
        new(journal, [new AccountKind()], options, new ManualClock(Stage.Start), new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);

    private static async Task UntilDone(EmbeddedHost host, IEnumerable<Func<AccountCommand>> makers)
    {
        var left = makers.ToList();
        while (left.Count > 0)
        {
            var commands = await host.AskAllAsync(left.Select(make => make()).ToArray());
            Assert.All(commands, command => Assert.NotEqual(CommandStatus.Pending, command.Status));
            left = [.. left.Where((_, i) => commands[i].Status != CommandStatus.Done)];
        }
    }

    private static async Task UntilQuiet(EmbeddedHost host, MemoryJournal journal)
    {
        while (journal.Totals().Sums["account:money:transit"] != 0 || host.Figures.InFlight > 0 || host.Figures.Queued > 0)
        {
            for (var i = 0; i < 16; i++)
            {
                // Whoever is asked is loaded, and sends again what is not known to be delivered.
                await host.AskAsync(new WakeCommand(AccountKind.Id($"a{i}")));
            }
        }
    }
}
