using System.Collections.Concurrent;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Tests.Shared;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Exchanges with a partner, whatever runs the actors and wherever the books lie. After each test nothing is under way and both sides have the same list.</summary>
public abstract class ExchangeBehaviour(LoyaltyFixture fixture) : IAsyncLifetime
{
    private readonly Partner _partner = new();

    private LoyaltyEngine Engine => fixture.Engine;

    public async Task InitializeAsync()
    {
        fixture.Connectors.Add("sky", _partner);
        await fixture.StartAsync();
        await PublishAsync("""
            { "unit": "points", "partnerUnit": "skymiles", "connector": "sky", "settlement": "day", "rates": [ { "from": "2026-01-01", "out": "1/2", "in": "3" } ],
              "out": { "memberDay": 5000 }, "in": {}, "earn": {}, "fee": { "flat": 10 }, "retry": { "attempts": 3, "firstSeconds": 1 } }
            """);
        await FundAsync("f1", "points", 100_000);
        await FundAsync("f2", "skymiles", 100_000);
    }

    public async Task DisposeAsync()
    {
        try
        {
            await AuditAsync();
        }
        finally
        {
            await fixture.DisposeAsync();
        }
    }

    [StoreFact]
    public async Task Exchanges_in_every_direction_are_complete_and_the_same_again_is_the_same_also_after_restart_and_crash()
    {
        await GiveAsync("anna", 1000);
        var requests = new[] { Request("x1", "anna", ExchangeDirection.Out, 500), Request("x2", "anna", ExchangeDirection.In, 10), Request("x3", "anna", ExchangeDirection.Earn, 7) };
        foreach (var request in requests)
        {
            Assert.Equal(ExchangeStage.Completed, (await ExchangeAsync(request)).Stage);
        }

        await fixture.RestartAsync();
        foreach (var request in requests)
        {
            var (command, replayed) = await Engine.ExchangeAsync(request, TimeSpan.FromSeconds(20));
            Assert.True(replayed);
            Assert.Equal(ExchangeStage.Completed, ((ExchangeReply)command.Reply!).State!.Stage);
        }

        await fixture.CrashAsync();
        Assert.Equal("P-x1", (await ExchangeAsync(requests[0])).Reference);
        Assert.Equal(1000 - 500 + 20 + 7, await AvailableAsync("anna"));
        var conflict = (await Engine.ExchangeAsync(requests[0] with { Amount = 501 }, TimeSpan.FromSeconds(5))).Command;
        Assert.Equal(OutcomeKind.Conflict, Assert.IsType<StartExchange>(conflict).Outcome.Kind);
    }

    [StoreFact]
    public async Task Of_fifty_at_once_one_gets_the_last_units_of_a_pool()
    {
        await FundAsync("f3", "skymiles", -99_955);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => GiveAsync($"m{i}", 100)));
        var ends = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(() => ExchangeAsync(Request($"t{i}", $"m{i}", ExchangeDirection.Out, 100)))));
        Assert.Single(ends, end => end.Stage == ExchangeStage.Completed);
        Assert.Equal(49, ends.Count(end => end.Refusal?.Code == "pool-liquidity"));
        Assert.Equal(0, (await PoolAsync()).Free.Units);
    }

    [StoreFact]
    public async Task What_is_refused_leaves_nothing_behind_and_is_remembered()
    {
        await GiveAsync("anna", 1000);
        _partner.Refuses = true;
        Assert.Equal("partner-refused", (await ExchangeAsync(Request("x1", "anna", ExchangeDirection.Out, 500))).Refusal!.Code);
        _partner.Refuses = false;
        Assert.Equal("partner-refused", (await ExchangeAsync(Request("x1", "anna", ExchangeDirection.Out, 500))).Refusal!.Code);
        Assert.Equal("not-enough-points", (await ExchangeAsync(Request("x2", "anna", ExchangeDirection.Out, 1001))).Refusal!.Code);
        Assert.Equal("too-little", (await ExchangeAsync(Request("x3", "anna", ExchangeDirection.Out, 10))).Refusal!.Code);
        Assert.Equal(1000, await AvailableAsync("anna"));
        Assert.IsType<GetMember>((await Engine.ExchangeAsync(Request("x4", "nobody", ExchangeDirection.Out, 100), TimeSpan.FromSeconds(5))).Command);
        Assert.IsType<GetPool>((await Engine.ExchangeAsync(Request("x4", "anna", ExchangeDirection.Out, 100) with { Pool = "none" }, TimeSpan.FromSeconds(5))).Command);
        Assert.Equal(ExchangeStage.Completed, (await ExchangeAsync(Request("x4", "anna", ExchangeDirection.Out, 100))).Stage);
    }

    [StoreFact]
    public async Task A_partner_that_is_silent_is_asked_again_also_by_a_process_that_was_started_since()
    {
        await GiveAsync("anna", 1000);
        _partner.IsSilent = true;
        var state = await ExchangeAsync(Request("x1", "anna", ExchangeDirection.Out, 500));
        Assert.Equal(ExchangeStage.Waiting, state.Stage);
        Assert.Equal(500, await AvailableAsync("anna"));
        await fixture.CrashAsync();
        _partner.IsSilent = false;
        await SettleAsync("x1");
        Assert.Equal(ExchangeStage.Completed, (await StateAsync("x1"))!.Stage);
    }

    [StoreFact]
    public async Task A_partner_that_stays_silent_needs_an_operator()
    {
        await GiveAsync("anna", 1000);
        _partner.IsSilent = true;
        await ExchangeAsync(Request("x1", "anna", ExchangeDirection.In, 10));
        await SettleAsync("x1");
        Assert.Equal(ExchangeStage.Parked, (await StateAsync("x1"))!.Stage);
        await UntilAsync(async () => (await PoolAsync()).Parked.SequenceEqual(["x1"]));
        await Engine.Host.AskAsync(new ResolveExchange("x1", ExchangeResolution.Completed, "it is in their list", "olga", "P-x1"));
        await SettleAsync("x1");
        Assert.Equal(ExchangeStage.Completed, (await StateAsync("x1"))!.Stage);
        Assert.Equal(1020, await AvailableAsync("anna"));
        await UntilAsync(async () => (await PoolAsync()).ParkedCount == 0);
    }

    [StoreFact]
    public virtual async Task Exchanges_under_way_when_the_process_dies_end_all_the_same()
    {
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => GiveAsync($"m{i}", 1000)));
        var engine = Engine;
        var requests = Enumerable.Range(0, 60).Select(i => Request($"x{i}", $"m{i % 6}", (ExchangeDirection)((i % 3) + 1), 20 + i)).ToArray();
        foreach (var request in requests)
        {
            _ = Quietly(engine, request);
        }

        await fixture.CrashAsync();
        foreach (var request in requests)
        {
            await ExchangeAsync(request);
        }

        await SettleAsync([.. requests.Select(request => request.Id)]);
        foreach (var request in requests)
        {
            Assert.True((await StateAsync(request.Id))!.IsOver);
        }

        static async Task Quietly(LoyaltyEngine engine, ExchangeRequest request)
        {
            try
            {
                await engine.Host.AskAsync(new StartExchange(request));
            }
            catch (Exception)
            {
                // The host is gone.
            }
        }
    }

    [StoreFact]
    public async Task A_period_ends_by_itself_and_its_statement_is_the_same_after_a_crash()
    {
        await GiveAsync("anna", 1000);
        await ExchangeAsync(Request("x1", "anna", ExchangeDirection.Out, 500));
        Assert.Null(await Engine.PoolStatementAsync("sky", "2026-03-02"));
        fixture.Clock.Now += Duration.FromDays(2);
        await UntilAsync(async () =>
        {
            await fixture.WakeDueAsync();
            return await Engine.PoolStatementAsync("sky", "2026-03-03") is not null;
        });
        var first = (await Engine.PoolStatementAsync("sky", "2026-03-02"))!;
        Assert.Equal(["funding", "funding", "out"], first.Lines.Select(line => line.Line.Kind));
        Assert.Equal(new Position(100_490, 99_755), first.Closed.Period.Closing);
        var second = (await Engine.PoolStatementAsync("sky", "2026-03-03"))!;
        Assert.Equal((first.Closed.Period.ClosingHash, 0), (second.Closed.Period.OpeningHash, second.Lines.Count));
        await fixture.CrashAsync();
        var again = (await Engine.PoolStatementAsync("sky", "2026-03-02"))!;
        Assert.Equal(first.Lines.Select(line => line.Hash), again.Lines.Select(line => line.Hash));
        Assert.Equal(first.Closed, again.Closed);
    }

    [StoreFact]
    public async Task A_member_sees_in_its_statement_what_came_and_went()
    {
        await GiveAsync("anna", 1000);
        await ExchangeAsync(Request("x1", "anna", ExchangeDirection.Out, 500));
        await ExchangeAsync(Request("x2", "anna", ExchangeDirection.Earn, 7));
        var (page, _) = await Engine.StatementAsync("anna", null, 100);
        var entries = page!.Entries.Where(entry => entry.From == Accounts.Member || entry.To == Accounts.Member).Reverse().Select(entry => (entry.Kind, entry.Request, entry.Points, entry.Balance));
        Assert.Equal([("adjustment", "give-anna-1000", 1000, 1000), ("hold", "x1", -500, 500), ("exchange", "x2", 7, 507)], entries);
    }

    // ------------------------------------------------------------------ support

    private static ExchangeRequest Request(string id, string member, ExchangeDirection direction, long amount) => new()
    {
        Id = id, Pool = "sky", Member = member, Direction = direction, Amount = amount, Account = "SK-" + member,
    };

    private async Task<ExchangeState> ExchangeAsync(ExchangeRequest request)
    {
        for (var tries = 0; ; tries++)
        {
            var (command, _) = await Engine.ExchangeAsync(request, TimeSpan.FromMilliseconds(tries == 0 ? 2000 : 200));
            if (command is GetExchange { Reply: ExchangeReply { State: { } state } } && (state.IsOver || state.Stage is ExchangeStage.Waiting or ExchangeStage.Parked))
            {
                return state;
            }

            Assert.True(tries < 100, $"{request.Id}: {command.GetType().Name} {command.Status} {command.Problem}");
            fixture.Clock.Now += Duration.FromSeconds(6);
            await fixture.WakeDueAsync();
        }
    }

    private async Task SettleAsync(params string[] ids) => await UntilAsync(async () =>
    {
        fixture.Clock.Now += Duration.FromSeconds(6);
        await fixture.WakeDueAsync();
        foreach (var id in ids)
        {
            if (await StateAsync(id) is { IsOver: false, Stage: not ExchangeStage.Parked })
            {
                return false;
            }
        }

        return true;
    });

    private async Task<ExchangeState?> StateAsync(string id) => ((ExchangeReply?)(await Engine.Host.AskAsync(new GetExchange(id))).Reply)?.State;

    private async Task<PoolView> PoolAsync() => ((PoolReply)(await Engine.Host.AskAsync(new GetPool("sky"))).Reply!).View!;

    private async Task PublishAsync(string json)
    {
        var command = await Engine.Host.AskAsync(new PublishPool("sky", System.Text.Encoding.UTF8.GetBytes(json)));
        Assert.True(command.Status == CommandStatus.Done, command.Problem);
        Assert.Empty(((PoolReply)command.Reply!).Errors);
    }

    private async Task FundAsync(string id, string unit, long amount)
    {
        var command = await Engine.Host.AskAsync(new FundPool(new() { Id = id, Pool = "sky", Unit = unit, Amount = amount, Reason = "r", Author = "a" }));
        Assert.Equal(OutcomeKind.Recorded, command.Outcome.Kind);
    }

    private async Task GiveAsync(string member, long points)
    {
        await Engine.EnrolAsync(new Enrolment { Id = member, AlternativeIds = [] });
        var command = await Engine.Host.AskAsync(new AdjustPoints(
            new() { Id = $"give-{member}-{points}", Member = member, Unit = "points", Points = points, Reason = "r", Author = "a" }));
        Assert.True(command.Status == CommandStatus.Done && command.Outcome.Kind == OutcomeKind.Recorded, command.Problem);
    }

    private async Task<long> AvailableAsync(string member) =>
        ((MemberReply)(await Engine.Host.AskAsync(new GetMember(member))).Reply!).View!.Balances.Single(balance => balance.Unit == "points").Available;

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        for (var tries = 0; !await isSo(); tries++)
        {
            Assert.True(tries < 300, "it never comes");
            await Task.Delay(Math.Min(50, tries));
        }
    }

    private async Task AuditAsync()
    {
        var started = fixture.ReadAll().Where(record => record.Actor.Kind == ActorIds.ExchangeKind).Select(record => record.Actor.Key).Distinct().ToArray();
        await SettleAsync(started);
        await UntilAsync(async () => (await PoolAsync()).OpenCount == 0);
        var totals = (await Engine.Books.TotalsAsync()).Sums;
        foreach (var unit in new[] { "points", "skymiles" })
        {
            Assert.Equal(0, totals.Where(sum => MeasureNames.ParseAccount(sum.Key) is { } account && account.Unit == unit).Sum(sum => sum.Value));
            Assert.Equal(0, totals.GetValueOrDefault(MeasureNames.Account(unit, "reserved:sky")));
        }

        Assert.Equal(0, totals.GetValueOrDefault(MeasureNames.Account("points", PoolLedger.InTransit)));
        Assert.Equal(0, totals.GetValueOrDefault(MeasureNames.Account("points", Accounts.Held)));
        fixture.Clock.Now += Duration.FromDays(1);
        var lines = new List<StatementLine>();
        var day = SettlementCalendar.StartOf(SettlementPeriod.Day, (await PoolAsync()).FirstPeriod);
        for (var last = (await PoolAsync()).Period.Start; day < last; day = day.PlusDays(1))
        {
            lines.AddRange((await Engine.PoolStatementAsync("sky", SettlementCalendar.NameOf(SettlementPeriod.Day, day)))!.Lines.Select(line => line.Line));
        }

        Assert.Equal(
            _partner.Done.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value)),
            lines.Where(line => line.Kind is "out" or "in").OrderBy(line => line.Id, StringComparer.Ordinal).Select(line => (line.Id, -line.Units)));
    }

    /// <summary>A partner that lives on when the engine dies.</summary>
    private sealed class Partner : IPartnerConnector
    {
        private readonly ConcurrentDictionary<string, PartnerAnswer> _books = new();

        public ConcurrentDictionary<string, long> Done { get; } = new();

        public bool IsSilent { get; set; }

        public bool Refuses { get; set; }

        public async ValueTask<PartnerAnswer> SendAsync(PartnerRequest request, CancellationToken cancellation)
        {
            await Task.Yield();
            var answer = _books.GetOrAdd(request.Id, _ => Refuses ? new(PartnerResult.Refused, null, "no", "no") : new(PartnerResult.Done, "P-" + request.Id));
            if (answer.Result == PartnerResult.Done)
            {
                Done[request.Id] = request.Direction == ExchangeDirection.Out ? request.Units : -request.Units;
            }

            return IsSilent ? throw new TimeoutException("nobody answers") : answer;
        }

        public ValueTask<PartnerAnswer> AskAsync(PartnerRequest request, CancellationToken cancellation) =>
            IsSilent ? throw new TimeoutException("nobody answers") : new(_books.GetValueOrDefault(request.Id) ?? new(PartnerResult.NotKnown));
    }
}
