using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Runtime.Tests.Kernel;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Runtime.Tests.Exchange;

/// <summary>An engine with a pool and a partner, every step of which a test decides: the order of shards, faults of the store, the clock, crashes. After each append the books are looked at.</summary>
internal sealed class Bureau
{
    public const string Pool = "sky";

    private readonly KernelOptions _options;
    private readonly ProgramSource _programs = new();
    private readonly string _definition;
    public MemoryJournal Journal { get; private set; }
    private StepScheduler _scheduler = new();
    private int _funding;

    public Bureau(TestPartner partner, string? definition = null, int shards = 1)
    {
        Partner = partner;
        Shards = shards;
        _options = new() { Shards = 2 };
        Connectors.Add("sky", partner);
        Connectors.Alarms = (code, text) => Alarms.Add($"{code}: {text}");
        Journal = new(new() { CompleteInline = true, Fault = batch => Fault?.Invoke(batch) ?? MemoryFault.None });
        Boot();
        var start = Engine.StartAsync(Programs());
        while (!start.IsCompleted)
        {
            Run();
            Thread.Yield();
        }

        Assert.Empty(start.GetAwaiter().GetResult());
        _definition = definition ?? """
            { "unit": "points", "partnerUnit": "skymiles", "connector": "sky", "rates": [ { "from": "2026-01-01", "out": "1/2", "in": "3/1" } ],
              "out": {}, "in": {}, "earn": {}, "fee": { "rate": "1/10" }, "serviceFee": { "flat": 3 }, "retry": { "attempts": 4, "firstSeconds": 1, "maxSeconds": 60 }
            """ + $", \"shards\": {shards} }}";
        Assert.Empty(((PoolReply)Ask(new PublishPool(Pool, System.Text.Encoding.UTF8.GetBytes(_definition))).Reply!).Errors);
    }

    public TestPartner Partner { get; }

    /// <summary>Of the pool.</summary>
    public int Shards { get; }

    /// <summary>Of the one exchange, where a test has one.</summary>
    public ExchangeDirection Direction { get; init; }

    public ManualClock Clock { get; } = new(Instant.FromUtc(2026, 3, 2, 10, 0));

    public PartnerConnectors Connectors { get; } = new();

    public List<string> Alarms { get; } = [];

    public LoyaltyEngine Engine { get; private set; } = null!;

    public EmbeddedHost Host { get; private set; } = null!;

    public Func<Runtime.Journal.AppendBatch, MemoryFault>? Fault { get; set; }

    /// <summary>Items that the shards ran so far.</summary>
    public int Steps { get; private set; }

    public static byte[] Programs() => System.Text.Encoding.UTF8.GetBytes("""
        { "name": "Test", "currency": "GBP", "timeZone": "Europe/London", "units": [ { "id": "points", "expiry": { "policy": "rolling", "months": 12 } } ],
          "earn": [ { "unit": "points", "points": 1, "per": 1 } ] }
        """);

    public T Ask<T>(T command)
        where T : Command
    {
        var ear = new Ear();
        command.Observer = ear;
        Host.Send(command);
        Run();
        Assert.True(ear.Heard, $"{command.GetType().Name} was not answered");
        return command;
    }

    public void Send(Command command)
    {
        command.Observer = new Ear();
        Host.Send(command);
    }

    public void Run(Random? random = null)
    {
        while (RunOne(random))
        {
            Assert.True(Steps < 10_000_000, "the shards never come to rest");
        }
    }

    public bool RunOne(Random? random = null)
    {
        if (!_scheduler.RunOne(random))
        {
            return false;
        }

        Steps++;
        return true;
    }

    /// <summary>The process dies; a new one starts on what is durable.</summary>
    public void Crash()
    {
        Journal = Journal.Crash();
        Boot();
    }

    public void Boot()
    {
        _scheduler = new();
        Host = new(Journal, LoyaltyEngine.Kinds(_programs, Connectors), _options, Clock, _scheduler, NullLogger<EmbeddedHost>.Instance);
        Engine = new(Host, new JournalBooks(Journal), _programs, Clock);
    }

    public void WakeDue(Random? random = null)
    {
        var waking = Host.WakeDueAsync();
        while (!waking.IsCompleted)
        {
            Run(random);
            Thread.Yield();
        }

        Run(random);
        waking.GetAwaiter().GetResult();
    }

    /// <summary>Gives a member points that lapse in a year.</summary>
    public void Buys(string member, long points, string? id = null)
    {
        var purchase = new Purchase
        {
            Id = id ?? $"buy-{member}-{_funding++}", Member = member, Store = "S", At = Clock.Now, Currency = "GBP", Lines = [new("sku", null, null, 1, points)],
        };
        Assert.Equal(OutcomeKind.Recorded, Ask(new RecordPurchase(ActorIds.Member(member), purchase)).Outcome.Kind);
    }

    public void Fund(string unit, long amount) => Assert.Equal(
        OutcomeKind.Recorded, Ask(new FundPool(new() { Id = $"fund-{_funding++}", Pool = Pool, Unit = unit, Amount = amount, Reason = "r", Author = "a" })).Outcome.Kind);

    public static ExchangeRequest Request(string id, string member, ExchangeDirection direction, long amount) => new()
    {
        Id = id, Pool = Pool, Member = member, Direction = direction, Amount = amount, Account = direction == ExchangeDirection.Earn ? null : "SK-" + member,
    };

    public ExchangeState Exchange(string id) => ((ExchangeReply)Ask(new GetExchange(id)).Reply!).State!;

    public ExchangeState Do(string id, string member, ExchangeDirection direction, long amount)
    {
        Assert.Equal(CommandStatus.Done, Ask(Start(Request(id, member, direction, amount))).Status);
        return Exchange(id);
    }

    public MemberView Member(string id) => ((MemberReply)Ask(new GetMember(id)).Reply!).View!;

    /// <summary>The pool with all its actors.</summary>
    public PoolView View
    {
        get
        {
            var view = ((PoolReply)Ask(new GetPool(Pool)).Reply!).View!;
            for (var shard = 1; Shards > 1 && shard <= Shards; shard++)
            {
                var part = ((PoolReply)Ask(new GetPool(ActorIds.Pool(Pool, shard))).Reply!).View!;
                view = view with
                {
                    Free = view.Free + part.Free,
                    OpenCount = view.OpenCount + part.OpenCount,
                    ParkedCount = view.ParkedCount + part.ParkedCount,
                    Parked = [.. view.Parked, .. part.Parked],
                };
            }

            return view;
        }
    }

    /// <summary>The command that begins an exchange.</summary>
    public StartExchange Start(ExchangeRequest request) => new(request, Shards);

    public long Sum(string unit, string account) => Journal.Totals().Sums.GetValueOrDefault(MeasureNames.Account(unit, account));

    /// <summary>Whatever happened so far: every unit sums to zero.</summary>
    public void RequireBalance()
    {
        foreach (var unit in Journal.Totals().Sums.Select(sum => (Account: MeasureNames.ParseAccount(sum.Key), sum.Value)).Where(sum => sum.Account is not null).GroupBy(sum => sum.Account!.Value.Unit))
        {
            Assert.Equal(0, unit.Sum(account => account.Value));
        }
    }

    /// <summary>Time passes, and what is due is done, until every exchange is over or needs an operator.</summary>
    public void Settle(IEnumerable<string> exchanges, Random? random = null)
    {
        var left = exchanges.ToList();
        for (var rounds = 0; left.Count > 0; rounds++)
        {
            Assert.True(rounds < 60, $"{left[0]} is {Exchange(left[0]).Stage} for ever");
            Clock.Now += Duration.FromSeconds(30);
            WakeDue(random);
            left.RemoveAll(id => Exchange(id) is { } state && (state.IsOver || state.Stage == ExchangeStage.Parked));
        }
    }

    /// <summary>The lines of all statements, from the books.</summary>
    public List<StatementLine> Lines()
    {
        var lines = new List<StatementLine>();
        foreach (var record in Journal.ReadAll(0).Where(record => record.Actor.Kind == ActorIds.PoolKind))
        {
            var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
            while (!reader.AtEnd)
            {
                if (StatementLine.Of(PoolCodec.Read(ref reader)) is { } line)
                {
                    lines.Add(line);
                }
            }
        }

        return lines;
    }

    /// <summary>When nothing is under way: both sides agree on every exchange, nothing is held, reserved or in transit, and members have what the ended exchanges left them.</summary>
    public void RequireSettled(IEnumerable<ExchangeState> all)
    {
        RequireBalance();
        Assert.Equal(0, Sum("points", PoolLedger.InTransit));
        Assert.Equal(0, Sum("points", Accounts.Held));
        Assert.Equal(0, Sum("points", "reserved:sky"));
        Assert.Equal(0, Sum("skymiles", "reserved:sky"));
        Assert.Equal(0, Journal.Totals().Sums.GetValueOrDefault(MeasureNames.Counter(PoolLedger.Parked)));
        var view = View;
        Assert.Equal((0, 0), (view.OpenCount, view.ParkedCount));
        Assert.Equal(view.Free, new Position(Sum("points", "pool:sky"), Sum("skymiles", "pool:sky")));

        // The statement is the partner's own list, exchange by exchange.
        var lines = Lines();
        Assert.Equal(
            Partner.Done.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value)),
            lines.Where(line => line.Kind is "out" or "in").OrderBy(line => line.Id, StringComparer.Ordinal).Select(line => (line.Id, -line.Units)));
        foreach (var state in all)
        {
            Assert.True(state.IsOver, $"{state.Id} is {state.Stage}");
            Assert.Equal(state.Stage == ExchangeStage.Completed ? 1 : 0, lines.Count(line => line.Id == state.Id && line.Kind is not ("funding" or "shard")));
        }
    }

    private sealed class Ear : ICommandObserver
    {
        public bool Heard { get; private set; }

        public void OnCompleted(Command command) => Heard = true;
    }
}
