using System.Text;
using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Runtime.Tests.Kernel;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Budgets under everything that can go wrong: exactly the budget is given, by however many processes, whatever is lost.</summary>
public sealed class LeaseTests : IAsyncDisposable
{
    private const string Id = "boost";
    private readonly ManualClock _clock = new(Instant.FromUtc(2026, 3, 2, 10, 0));
    private readonly List<Process> _processes = [];
    private MemoryJournal _books = new(null);

    private CampaignBudget Budget { get; set; } = new(BudgetMeasure.Points, 1_000_000, false, CampaignPeriod.Campaign, false);

    private static BudgetPurse Purse => new(Id, null, LocalDate.MinIsoValue);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.Host.DisposeAsync();
        }

        await _books.DisposeAsync();
    }

    [Fact]
    public async Task Sixty_four_clients_on_a_million_points_are_given_exactly_a_million_and_returns_put_them_back()
    {
        var process = await StartAsync();
        var given = await SpendAsync([process], clients: 64, each: 100, amount: 333);
        Assert.Equal(1_000_000, given);
        await AuditAsync(process, 1_000_000);

        Assert.Equal(-5000L, (await AskAsync(process, "b1", "r1", -5000)).Reply);
        Assert.Equal(5000L, (await AskAsync(process, "b2", "w1", 6000)).Reply);
        Assert.Equal(0L, (await AskAsync(process, "b2", "w2", 1)).Reply);
        await AuditAsync(process, 1_000_000);
    }

    [Fact]
    public async Task A_budget_is_divided_among_processes_and_nothing_of_it_stays_behind()
    {
        var (one, other) = (await StartAsync(), await StartAsync());
        var given = await SpendAsync([one, other], clients: 64, each: 120, amount: 333);
        Assert.Equal(1_000_000, given);
        await AuditAsync(one, 1_000_000);
    }

    [Fact]
    public async Task What_a_process_that_died_had_spent_is_counted_and_the_rest_of_its_leases_is_given_by_others()
    {
        var first = await StartAsync();
        var before = await SpendAsync([first], clients: 16, each: 20, amount: 777);
        Kill(first);
        var second = await StartAsync();
        var after = await SpendAsync([second], clients: 64, each: 50, amount: 777, first: 1000);
        Assert.Equal(1_000_000, before + after);
        await AuditAsync(second, 1_000_000);
    }

    [Fact]
    public async Task A_process_that_was_taken_for_dead_can_spend_no_more_of_what_was_settled()
    {
        var zombie = await StartAsync();
        Assert.Equal(10L, (await AskAsync(zombie, "b1", "w1", 10)).Reply);
        Kill(zombie);
        var successor = await StartAsync();
        await successor.Leases.LookForTheDeadAsync();
        Assert.Empty((await ViewAsync(successor)).Leases);

        // It still has its lease in memory. What it decides with it is refused by the journal; then it gets another lease.
        var late = await AskAsync(zombie, "b1", "w2", 10);
        while (late.Status != CommandStatus.Done)
        {
            late = await AskAsync(zombie, "b1", "w2", 10);
        }

        Assert.Equal(10L, late.Reply);
        await AuditAsync(successor, 20);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Appends_that_fail_or_whose_answer_is_lost_neither_give_too_much_nor_lose_a_point(int seed)
    {
        var random = new Random(seed);
        Budget = Budget with { Amount = 20_000 };
        var isCalm = true;
        _books = new(new()
        {
            Fault = _ =>
            {
                lock (random)
                {
                    return isCalm || random.Next(4) != 0 ? MemoryFault.None : new((MemoryFaultKind)(1 + random.Next(3)));
                }
            },
        });
        var process = await StartAsync();
        isCalm = false;
        var given = await SpendAsync([process], clients: 8, each: 60, amount: 97);
        isCalm = true;
        await process.Leases.TickAsync();
        given += await SpendAsync([process], clients: 4, each: 40, amount: 200, first: 1000);
        Assert.Equal(20_000, given);
        await AuditAsync(process, 20_000);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    public async Task Whatever_dies_fails_and_is_returned_in_any_order_the_accounts_are_those_of_the_journal(int seed)
    {
        var random = new Random(seed);
        Budget = Budget with { Amount = 30_000, WhenShortNone = seed % 2 == 0 };
        var isCalm = true;
        _books = new(new()
        {
            Fault = _ =>
            {
                lock (random)
                {
                    return isCalm || random.Next(10) != 0 ? MemoryFault.None : new((MemoryFaultKind)(1 + random.Next(3)));
                }
            },
        });
        var processes = new List<Process> { await StartAsync(), await StartAsync() };
        isCalm = false;
        for (var round = 0; round < 6; round++)
        {
            var (now, at) = (processes.ToArray(), round);
            await Task.WhenAll(Enumerable.Range(0, 12).Select(client => Task.Run(async () =>
            {
                long held = 0;
                for (var i = 0; i < 12; i++)
                {
                    var back = i % 4 == 3;
                    Want command;
                    do
                    {
                        command = await AskAsync(now[(client + i) % now.Length], $"b{client}-{at}", $"{at}-{client}-{i}", back ? -(held / 2) : 61 + client);
                    }
                    while (command.Status != CommandStatus.Done);
                    held += (long)command.Reply!;
                }
            })));
            foreach (var process in now)
            {
                await process.Leases.TickAsync();
            }

            // One dies (and may write on all the same), another takes its place, and settles at once what it held.
            Kill(processes[round % 2]);
            isCalm = true;
            processes[round % 2] = await StartAsync();
            isCalm = false;
            await processes[round % 2].Leases.LookForTheDeadAsync();
        }

        isCalm = true;
        await AuditAsync(processes[0], _books.ReadAll(0).Sum(record => BuyerKind.SpendsOf(record).Sum(spend => spend.Amount)));
    }

    [Fact]
    public async Task An_idle_lease_is_handed_back_and_what_is_spent_is_visible_before_that()
    {
        var process = await StartAsync();
        await AskAsync(process, "b1", "w1", 10);
        var purse = Assert.Single((await ViewAsync(process)).Purses);
        Assert.Equal((1_000_000, 0), (purse.Amount, purse.Spent));
        Assert.Equal(1_000_000, purse.Leased + purse.Free);
        await process.Leases.TickAsync();
        purse = Assert.Single((await ViewAsync(process)).Purses);
        Assert.Equal(10, purse.Spent);
        Assert.True(purse.Leased > 0);
        for (var i = 0; i <= process.Leases.Options.IdleTicks; i++)
        {
            await process.Leases.TickAsync();
        }

        purse = Assert.Single((await ViewAsync(process)).Purses);
        Assert.Equal((10, 0, 999_990), (purse.Spent, purse.Leased, purse.Free));
    }

    [Fact]
    public async Task When_a_budget_gives_all_or_nothing_a_rest_that_is_too_small_stays()
    {
        Budget = Budget with { Amount = 25, WhenShortNone = true };
        var process = await StartAsync();
        Assert.Equal([10L, 10L, 0L], [(await AskAsync(process, "b", "1", 10)).Reply, (await AskAsync(process, "b", "2", 10)).Reply, (await AskAsync(process, "b", "3", 10)).Reply]);
        Assert.Equal(5L, (await AskAsync(process, "b", "4", 5)).Reply);
        await AuditAsync(process, 25);
    }

    [Fact]
    public async Task A_purchase_waits_for_the_campaign_and_ends_unavailable_when_it_cannot_be_asked()
    {
        var process = await StartAsync();
        process.Journal.BeforeLoad = actor => actor.Kind == ActorIds.CampaignKind ? throw new JournalUnavailableException("no disk") : null;
        process = await RestartAsync(process);
        process.Journal.BeforeLoad = actor => actor.Kind == ActorIds.CampaignKind ? throw new JournalUnavailableException("no disk") : null;
        var command = await AskAsync(process, "b1", "w1", 10);
        Assert.Equal(CommandStatus.Unavailable, command.Status);
        Assert.Contains(Id, command.Problem, StringComparison.Ordinal);
        process.Journal.BeforeLoad = null;
        Assert.Equal(10L, (await AskAsync(process, "b1", "w1", 10)).Reply);
        await AuditAsync(process, 10);
    }

    // ------------------------------------------------------------------

    /// <summary>Clients that each want so often so much; what ends busy or unavailable is sent again.</summary>
    private async Task<long> SpendAsync(Process[] processes, int clients, int each, long amount, int first = 0)
    {
        long given = 0;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            for (var i = 0; i < each; i++)
            {
                var process = processes[client % processes.Length];
                Want command;
                do
                {
                    command = await AskAsync(process, $"b{client}-{processes.Length}", $"{first + client}-{i}-{amount}", amount);
                }
                while (command.Status != CommandStatus.Done);
                Interlocked.Add(ref given, (long)command.Reply!);
            }
        })));
        return given;
    }

    private Task<Want> AskAsync(Process process, string buyer, string id, long amount) => process.Host.AskAsync(new Want(buyer, id, Budget, Purse, amount));

    private static async Task<BudgetView> ViewAsync(Process process) => Assert.IsType<BudgetView>((await process.Engine.GetBudgetAsync(Id)).Reply);

    /// <summary>What the journal says is spent, at every moment of it, is what the campaign says; and no more than was granted.</summary>
    private async Task AuditAsync(Process process, long expected)
    {
        foreach (var one in _processes.Where(one => one == process || !one.IsDead))
        {
            await one.Leases.CloseAsync();
        }

        // One that has not seen the campaign yet: all these processes have it in memory, and only one of them as it is.
        process = await StartAsync();
        await process.Leases.LookForTheDeadAsync();
        var state = new CampaignState(Id);
        var spent = new Dictionary<long, long>();
        foreach (var record in _books.ReadAll(0))
        {
            foreach (var spend in BuyerKind.SpendsOf(record))
            {
                Assert.True(state.Leases.ContainsKey(spend.Lease), $"lease {spend.Lease} is spent from when it is not open");
                spent[spend.Lease] = spent.GetValueOrDefault(spend.Lease) + spend.Amount;
                Assert.True(spent[spend.Lease] <= state.Leases[spend.Lease].Granted, $"{spent[spend.Lease]} are spent of lease {spend.Lease}");
            }

            if (record.Actor == ActorIds.Campaign(Id))
            {
                Replay(state, record, spent);
            }
        }

        var purse = Assert.Single((await ViewAsync(process)).Purses);
        Assert.Equal((expected, 0, Budget.Amount - expected), (purse.Spent, purse.Leased, purse.Free));
        Assert.Equal(expected, spent.Values.Sum());
    }

    private void Replay(CampaignState state, JournalRecord record, Dictionary<long, long> spent)
    {
        var reader = new global::Loyalty.Domain.Encoding.ByteReader(ActorState.KindPart(record.Events.Span, out _));
        while (!reader.AtEnd)
        {
            var fact = CampaignCodec.Read(ref reader);
            if (fact is LeaseSettled settled)
            {
                Assert.Equal(spent.GetValueOrDefault(settled.Lease), settled.Spent);
            }

            state.Apply(fact);
            foreach (var purse in state.Purses.Values)
            {
                Assert.True(purse.Granted + purse.Settled <= Budget.Amount, $"{purse.Granted} granted and {purse.Settled} settled");
            }
        }
    }

    private async Task<Process> StartAsync()
    {
        var process = await Process.StartAsync(new HookedJournal(_books) { IsExclusive = false }, _clock, _processes);
        _processes.Add(process);
        if (_processes.Count == 1)
        {
            var json = Encoding.UTF8.GetBytes($$"""
                { "name": "Boost", "gives": [ { "type": "bonus", "unit": "points", "points": 5 } ],
                  "budget": { "in": "points", "amount": {{Budget.Amount}}, "whenShort": "{{(Budget.WhenShortNone ? "none" : "partial")}}" } }
                """);
            var saved = await process.Engine.SaveCampaignDraftAsync(Id, json, "anna");
            Assert.Empty(Assert.IsType<CampaignReply>(saved.Reply).Errors);
            var published = await process.Engine.PublishCampaignAsync(Id, "anna");
            Assert.Equal(CampaignStatus.Active, Assert.IsType<CampaignReply>(published.Reply).View!.Status);
        }

        return process;
    }

    private async Task<Process> RestartAsync(Process process)
    {
        Kill(process);
        var next = await Process.StartAsync(new HookedJournal(_books) { IsExclusive = false }, _clock, _processes);
        _processes.Add(next);
        return next;
    }

    private static void Kill(Process process) => process.IsDead = true;

    /// <summary>An engine on the shared books. The books do not know which of them is alive: that is what is tested.</summary>
    private sealed class Process(string name, HookedJournal journal, EmbeddedHost host, LoyaltyEngine engine)
    {
        public string Name { get; } = name;

        public HookedJournal Journal { get; } = journal;

        public EmbeddedHost Host { get; } = host;

        public LoyaltyEngine Engine { get; } = engine;

        public LeaseBook Leases => Engine.Programs.Campaigns.Leases;

        public bool IsDead { get; set; }

        public static async Task<Process> StartAsync(HookedJournal journal, ManualClock clock, List<Process> all)
        {
            var programs = new ProgramSource();
            var host = new EmbeddedHost(
                journal, [.. LoyaltyEngine.Kinds(programs), new BuyerKind(programs)], new() { Shards = 2 }, clock, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
            var name = $"process-{all.Count}";
            var leases = programs.Campaigns.Leases;
            leases.SpendsOf = BuyerKind.SpendsOf;
            leases.Open(host, journal, new(name, other => !all.First(process => process.Name == other).IsDead, _ => true), new() { AskAgainAfter = TimeSpan.FromMilliseconds(1) });
            var engine = new LoyaltyEngine(host, new JournalBooks(journal), programs, clock);
            Assert.Empty(await engine.StartAsync(Programs.First));
            return new(name, journal, host, engine);
        }
    }
}
