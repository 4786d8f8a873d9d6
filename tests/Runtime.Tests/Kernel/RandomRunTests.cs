using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Storage;
using NodaTime;

namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>
/// Clients that send payments and transfers until they are told "done", over a store that fails in every way, a process that dies at any point, messages that
/// come twice, actors that leave memory, checkpoints. A seed decides all of it and can be run again.
/// </summary>
public class RandomRunTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whatever_happens_each_request_is_applied_once_and_no_money_is_lost_or_made(int seed)
    {
        var random = new Random(seed);
        var stage = new Stage(new()
        {
            Shards = random.Next(1, 5),
            MaxActorBytes = random.Next(2) == 0 ? 1 : 1 << 20,
            MaxBatch = random.Next(1, 8),
            MaxInFlightPerShard = random.Next(1, 20),
            MaxQueuedPerShard = random.Next(8, 100),
            CheckpointSlice = random.Next(1, 5),
            WakeBatch = random.Next(1, 5),
        });
        var trouble = random.Next(4) switch { 0 => 0, 1 => 5, _ => 20 };
        var holds = new Queue<Gate>();
        stage.Faults = _ =>
        {
            var kind = random.Next(100) < trouble ? (MemoryFaultKind)random.Next(1, 4) : MemoryFaultKind.None;
            if (random.Next(4) != 0)
            {
                return new(kind);
            }

            var gate = new Gate();
            holds.Enqueue(gate);
            return new(kind, gate.Task);
        };

        var wanted = Enumerable.Range(0, 120).Select(i => new Wish(
            $"r{i}", $"a{random.Next(6)}", random.Next(3) == 0 ? $"a{random.Next(6)}" : null, random.Next(1, 50))).ToList();
        var open = wanted.Select(wish => new Attempt(wish)).ToList();
        var sent = new List<Command>();
        for (var step = 0; open.Count > 0; step++)
        {
            Assert.True(step < 50_000, $"seed {seed}: {open.Count} requests never end; {open[0].Command?.Problem}; {stage.ChainBreaks()}{stage.Logged.LastOrDefault()}");
            if (step > 20_000)
            {
                trouble = 0;
            }

            switch (random.Next(16))
            {
                case < 5:
                    var attempt = open[random.Next(Math.Min(open.Count, 30))];
                    if (attempt.Command is null or { Status: CommandStatus.Busy or CommandStatus.Unavailable })
                    {
                        attempt.Command = stage.Send(attempt.Wish.ToCommand());
                        sent.Add(attempt.Command);
                    }
                    else if (random.Next(4) == 0)
                    {
                        // Nobody listens to this one: a sender that lost patience and sends again on another line.
                        sent.Add(stage.Send(attempt.Wish.ToCommand()));
                    }

                    break;
                case < 12:
                    stage.Scheduler.RunOne(random);
                    break;
                case 12 when holds.TryDequeue(out var gate):
                    gate.Open();
                    break;
                case 13 when random.Next(10) == 0:
                    SetReadTrouble(stage, random, trouble);
                    break;
                case 14 when random.Next(10) == 0:
                    stage.Clock.Now += Duration.FromSeconds(random.Next(10));
                    _ = random.Next(2) == 0 ? stage.Host.WakeDueAsync() : (Task)stage.Host.CheckpointAsync();
                    break;
                case 15 when random.Next(100) < trouble:
                    sent.RemoveAll(command => command.Status == CommandStatus.Pending);
                    open.ForEach(one => one.Command = one.Command is { Status: CommandStatus.Pending } ? null : one.Command);
                    stage.Crash();
                    holds.Clear();
                    break;
            }

            Assert.DoesNotContain(open, one => one.Command is { Status: CommandStatus.Done, Answer.Conflict: true });
            open.RemoveAll(one => one.Command is { Status: CommandStatus.Done });
        }

        // Peace: everything that is under way comes to its end.
        trouble = 0;
        stage.Journal.BeforeFind = null;
        stage.Journal.BeforeLoad = null;
        stage.Faults = null;
        while (holds.TryDequeue(out var gate))
        {
            gate.Open();
        }

        stage.Run();
        for (var i = 0; i < 10; i++)
        {
            stage.Clock.Now += Duration.FromMinutes(1);
            await stage.WakeDue();
        }

        Assert.Equal(0, await stage.WakeDue());
        Assert.All(sent, command => Assert.Equal(1, stage.Answers[command]));
        Assert.All(wanted, wish => Assert.Equal(1, stage.TimesApplied(wish.Id)));
        var expected = wanted.SelectMany(wish => wish.Changes()).GroupBy(change => change.Key).ToDictionary(group => group.Key, group => group.Sum(change => change.Amount));
        Assert.Equal(expected, stage.Replayed());
        foreach (var (key, balance) in expected)
        {
            Assert.Equal(balance, stage.BalanceOf(key));
        }

        var sums = stage.Memory.Totals().Sums;
        Assert.Equal(0, sums.GetValueOrDefault("account:money:transit"));
        Assert.Equal(0, sums.Values.Sum());
        Assert.Equal("", stage.ChainBreaks());
        Assert.Equal(expected.Values.Sum(), sums["account:money:accounts"]);
        Assert.True(await stage.Drive(stage.Host.CheckpointAsync()));
        stage.Crash();
        Assert.All(expected, pair => Assert.Equal(pair.Value, stage.BalanceOf(pair.Key)));
    }

    private static void SetReadTrouble(Stage stage, Random random, int trouble)
    {
        stage.Journal.FilterIsFull = random.Next(4) == 0;
        stage.Journal.BeforeLoad = _ => random.Next(100) < trouble ? throw new JournalUnavailableException("no disk") : null;
        stage.Journal.BeforeFind = _ => random.Next(100) < trouble ? throw new JournalUnavailableException("no disk") : null;
    }

    private sealed record Wish(string Id, string From, string? To, long Amount)
    {
        public AccountCommand ToCommand() => To is null ? new Pay(From, Id, Amount) : new Transfer(From, Id, To, Amount);

        public IEnumerable<(string Key, long Amount)> Changes() => To is null ? [(From, Amount)] : [(From, -Amount), (To, Amount)];
    }

    private sealed class Attempt(Wish wish)
    {
        public Wish Wish { get; } = wish;

        public AccountCommand? Command { get; set; }
    }
}
