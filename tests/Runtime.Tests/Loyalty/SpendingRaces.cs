using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Runtime.Tests.Kernel;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Races for the end of a hold, and a reward's saga that is interrupted at every step.</summary>
public sealed class SpendingRaces
{
    private const int Members = 250;
    private const int HoldsOfEach = 40;

    private static readonly RewardDefinition Mug = new("mug", 0, "A mug", RewardType.Goods, "points", 100, 0, true, null, [], null, null);

    [Fact]
    public async Task Ten_thousand_holds_whose_commit_cancellation_and_time_out_race_have_one_end_each_and_none_is_stuck()
    {
        await using var fixture = new MemoryFixture { Options = new() { Shards = 4 } };
        await fixture.StartAsync();
        var host = fixture.Engine.Host;
        for (var i = 0; i < Members; i++)
        {
            await fixture.Engine.EnrolAsync(new Enrolment { Id = $"m{i}", AlternativeIds = [] });
        }

        await host.AskAllAsync(All(i => i).Where(hold => hold % HoldsOfEach == 0).Select(hold => Give(MemberOf(hold), HoldsOfEach * 10, $"g{hold}")).ToArray());
        var opened = await host.AskAllAsync(All(hold => new OpenHoldCommand(
            new() { Id = $"h{hold}", Member = MemberOf(hold), Unit = "points", Points = 10, Seconds = 1 + (hold % 50) }, null)));
        Assert.All(opened, command => Assert.Equal(OutcomeKind.Recorded, command.Outcome.Kind));

        // Each hold is committed and cancelled by two callers, in orders of their own, while the clock passes the times of all of them.
        var ending = new[]
        {
            EndAsync(hold => new CommitHold(new() { Id = $"c{hold}", Member = MemberOf(hold), Hold = $"h{hold}", Points = 1 + (hold % 10) }), 1),
            EndAsync(hold => new CancelHold(new() { Id = $"x{hold}", Member = MemberOf(hold), Hold = $"h{hold}" }), 2),
        };
        while (ending.Any(task => !task.IsCompleted))
        {
            fixture.Clock.Now += Duration.FromMilliseconds(250);
            await fixture.WakeDueAsync();
        }

        var recorded = (await Task.WhenAll(ending)).SelectMany(commands => commands).Where(command => command.Outcome.Kind == OutcomeKind.Recorded).Select(command => command.RecallId!).ToArray();
        fixture.Clock.Now += Duration.FromSeconds(60);
        await fixture.WakeDueAsync();
        Assert.Equal(0, await fixture.WakeDueAsync());
        var ends = fixture.ReadAll().Where(record => record.Actor.Kind == ActorIds.MemberKind).SelectMany(MemberFacts.Of)
            .Select(fact => fact switch { HoldCommitted e => (e.Hold, HoldEnd.Committed), HoldReleased e => (e.Hold, e.End), _ => default }).Where(end => end.Hold is not null).ToArray();
        Assert.Equal(Members * HoldsOfEach, ends.Length);
        Assert.Equal(Members * HoldsOfEach, ends.Select(end => end.Hold).Distinct().Count());
        Assert.Equal(recorded.Order(), ends.Where(end => end.Item2 != HoldEnd.TimedOut).Select(end => end.Hold).Order());
        foreach (var end in new[] { HoldEnd.Committed, HoldEnd.Cancelled, HoldEnd.TimedOut })
        {
            Assert.Contains(ends, one => one.Item2 == end);
        }

        var sums = (await fixture.Engine.Books.TotalsAsync()).Sums;
        Assert.Equal(0, sums.GetValueOrDefault(MeasureNames.Account("points", Accounts.Held)));
        Assert.Equal(0, sums.Where(sum => MeasureNames.ParseAccount(sum.Key) is not null).Sum(sum => sum.Value));
        return;

        Task<SpendingCommand[]> EndAsync(Func<int, SpendingCommand> make, int seed) => Task.Run(async () =>
        {
            var order = Enumerable.Range(0, Members * HoldsOfEach).ToArray();
            new Random(seed).Shuffle(order);
            var done = new List<SpendingCommand>();
            foreach (var chunk in order.Chunk(50))
            {
                var left = chunk;
                while (left.Length > 0)
                {
                    var commands = await host.AskAllAsync(left.Select(make).ToArray());
                    done.AddRange(commands.Where(command => command.Status == CommandStatus.Done));
                    left = [.. left.Where((_, at) => commands[at].Status != CommandStatus.Done)];
                }
            }

            return done.ToArray();
        });
    }

    /// <summary>The process dies after each step of the shards in turn, until one run needs no more steps: the saga ends complete or undone, on both sides, and the same request then gets its end.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public async Task A_crash_after_any_step_of_a_reward_leaves_it_complete_or_undone(int stock)
    {
        for (var crashAfter = 0; ; crashAfter++)
        {
            await using var theatre = new Theatre();
            await theatre.SetAsync(stock);
            theatre.Host.Send(Theatre.Redeem());
            var steps = 0;
            while (steps < crashAfter && theatre.Scheduler.RunOne())
            {
                steps++;
            }

            theatre.Crash();
            await theatre.CheckEndAsync(stock);
            if (steps < crashAfter)
            {
                Assert.True(crashAfter > 4, $"only {crashAfter} steps");
                return;
            }
        }
    }

    /// <summary>Each append of the saga in turn fails, or is not known to have been written.</summary>
    [Theory]
    [InlineData(1, MemoryFaultKind.Fail)]
    [InlineData(1, MemoryFaultKind.UnknownButWritten)]
    [InlineData(1, MemoryFaultKind.UnknownNotWritten)]
    [InlineData(0, MemoryFaultKind.Fail)]
    [InlineData(0, MemoryFaultKind.UnknownButWritten)]
    public async Task An_append_that_fails_at_any_step_of_a_reward_leaves_it_complete_or_undone(int stock, MemoryFaultKind kind)
    {
        for (var batch = 0; batch < 12; batch++)
        {
            await using var theatre = new Theatre();
            await theatre.SetAsync(stock);
            theatre.FailAfter(batch, kind);
            theatre.Host.Send(Theatre.Redeem());
            theatre.Scheduler.RunAll();
            await theatre.CheckEndAsync(stock);
        }
    }

    private static string MemberOf(int hold) => $"m{hold / HoldsOfEach}";

    private static T[] All<T>(Func<int, T> make) => [.. Enumerable.Range(0, Members * HoldsOfEach).Select(make)];

    private static AdjustPoints Give(string member, long points, string id) => new(new() { Id = id, Member = member, Unit = "points", Points = points, Reason = "test", Author = "test" });

    /// <summary>An engine whose every step a test decides.</summary>
    private sealed class Theatre : IAsyncDisposable
    {
        private readonly ProgramSource _programs = new();
        private readonly ManualClock _clock = new(Instant.FromUtc(2026, 3, 2, 10, 0));
        private MemoryJournal _journal;
        private int _batches;
        private (int Batch, MemoryFaultKind Kind)? _fault;

        public Theatre()
        {
            _journal = new(new() { CompleteInline = true, Fault = _ => _fault is { } fault && fault.Batch == _batches++ ? new(fault.Kind, null) : MemoryFault.None });
            Boot();
        }

        public StepScheduler Scheduler { get; private set; } = null!;

        public EmbeddedHost Host { get; private set; } = null!;

        public static RedeemPoints Redeem() => new(new() { Id = "r1", Member = "anna", Reward = "mug" }, Mug with { Revision = 1 });

        public async Task SetAsync(int stock)
        {
            _programs.Current = new(((PublishReply)(await AskAsync(new PublishProgram(Programs.First, onlyIfNone: true))).Reply!).Versions);
            await AskAsync(new EnrolMember(new() { Id = "anna", AlternativeIds = [] }));
            await AskAsync(Give("anna", 100, "g1"));
            await AskAsync(new PutReward(Mug));
            if (stock > 0)
            {
                await AskAsync(new ChangeStock(new() { Id = "s1", Reward = "mug", Change = stock, Reason = "test", Author = "test" }));
            }
        }

        public ValueTask DisposeAsync() => _journal.DisposeAsync();

        public void FailAfter(int batches, MemoryFaultKind kind) => (_batches, _fault) = (0, (batches, kind));

        public void Crash()
        {
            _journal = _journal.Crash();
            Boot();
        }

        /// <summary>Lets everything come to rest, asks again, and looks at both sides.</summary>
        public async Task CheckEndAsync(int stock)
        {
            await SettleAsync();
            await AskAsync(Redeem());
            await SettleAsync();
            var hold = Assert.IsType<HoldView>((await AskAsync(new GetHold("anna", "r1"))).Reply);
            Assert.Equal(stock > 0 ? HoldStatus.Committed : HoldStatus.Refused, hold.Status);
            Assert.Equal(stock > 0 ? null : "out-of-stock", hold.Refusal?.Code);
            var reward = Assert.IsType<RewardReply>((await AskAsync(new GetReward("mug"))).Reply).View!;
            Assert.Equal((0L, 0L, (long)stock), (reward.Free, reward.Reserved, reward.Redeemed));
            var sums = _journal.Totals().Sums;
            Assert.Equal(
                (stock > 0 ? 0L : 100L, 0L, stock > 0 ? 100L : 0L),
                (Sum(Accounts.Member), Sum(Accounts.Held), Sum(Accounts.Redeemed)));
            var facts = _journal.ReadAll(0).Where(record => record.Actor.Kind == ActorIds.MemberKind).SelectMany(MemberFacts.Of).ToArray();
            Assert.Single(facts.OfType<HoldOpened>());
            Assert.Equal(1, facts.Count(fact => fact is HoldCommitted or HoldReleased));

            long Sum(string account) => sums.GetValueOrDefault(MeasureNames.Account("points", account));
        }

        private async Task SettleAsync()
        {
            for (var i = 0; i < 4; i++)
            {
                _clock.Now += Duration.FromMinutes(1);
                await DriveAsync(Host.WakeDueAsync());
            }
        }

        private async Task<T> AskAsync<T>(T command)
            where T : Command
        {
            await DriveAsync(Host.AskAsync(command));
            Assert.True(command.Status == CommandStatus.Done, $"{command.GetType().Name}: {command.Status}, {command.Problem}");
            return command;
        }

        private async Task DriveAsync(Task task)
        {
            while (!task.IsCompleted)
            {
                Scheduler.RunAll();
                await Task.WhenAny(task, Scheduler.Arrival);
            }

            Scheduler.RunAll();
            await task;
        }

        private void Boot()
        {
            Scheduler = new();
            Host = new(_journal, LoyaltyEngine.Kinds(_programs), new() { Shards = 2 }, _clock, Scheduler, NullLogger<EmbeddedHost>.Instance);
        }
    }
}
