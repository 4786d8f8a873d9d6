using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Tests.Shared;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Spending points exactly once, whatever runs the actors and wherever the books lie. After each test the books are at zero and no saga is under way.</summary>
public abstract class SpendingBehaviour(LoyaltyFixture fixture) : IAsyncLifetime
{
    private int _ids;

    private LoyaltyEngine Engine => fixture.Engine;

    public Task InitializeAsync() => fixture.StartAsync();

    public async Task DisposeAsync()
    {
        try
        {
            await SettleAsync();
            await AuditAsync();
        }
        finally
        {
            await fixture.DisposeAsync();
        }
    }

    // ------------------------------------------------------------------ exactly once

    [StoreFact]
    public async Task Of_fifty_attempts_at_once_to_spend_the_same_hundred_points_one_succeeds()
    {
        await GiveAsync("anna", 100);
        var ends = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(async () => (i % 3) switch
        {
            0 => Kind((await Engine.HoldAsync(Hold($"t{i}", "anna", 100))).Command),
            1 => Kind((await Engine.RedeemAsync(Redemption($"t{i}", "anna", 100))).Command),
            _ => Kind(await Engine.Host.AskAsync<Command>(Buy($"t{i}", "anna", 1_00, new("points", 100, 1_00)))),
        })));
        Assert.Equal(1, ends.Count(kind => kind == OutcomeKind.Recorded));
        Assert.Equal(49, ends.Count(kind => kind == OutcomeKind.Refused));
        Assert.Equal(0, await AvailableAsync("anna"));
        Assert.Equal(100, await SumAsync(Accounts.Held) + await SumAsync(Accounts.Redeemed));
    }

    [StoreFact]
    public async Task The_last_one_in_stock_goes_to_one_of_fifty()
    {
        await PutAsync(Mug with { LimitedStock = true }, stock: 1);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => GiveAsync($"m{i}", 100)));
        var ends = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(() => Engine.RedeemAsync(RewardOf($"t{i}", $"m{i}")))));
        Assert.Equal(1, ends.Count(end => end.Hold!.Status == HoldStatus.Committed));
        Assert.Equal(49, ends.Count(end => end.Hold!.Refusal?.Code == "out-of-stock"));
        await SettleAsync();
        Assert.Equal((0L, 0L, 1L), await StockAsync());
        Assert.Equal(100, await SumAsync(Accounts.Redeemed));
        Assert.Equal(0, await SumAsync(Accounts.Held));
    }

    [StoreFact]
    public async Task Every_request_that_spends_has_one_outcome_for_ever()
    {
        await GiveAsync("anna", 1000);
        var hold = Hold("h1", "anna", 300);
        var outcomes = new Dictionary<string, (Func<Task<RequestOutcome>> Again, RequestOutcome First)>();
        foreach (var (name, ask) in new (string, Func<Task<RequestOutcome>>)[]
        {
            ("h1", async () => Outcome((await Engine.HoldAsync(hold)).Command)),
            ("c1", () => SendAsync(new CommitHold(Commit("c1", "h1", 200)))),
            ("x1", () => SendAsync(new CancelHold(Cancel("x1", "h1")))),
            ("r1", async () => Outcome((await Engine.RedeemAsync(Redemption("r1", "anna", 100))).Command)),
            ("r2", async () => Outcome((await Engine.RedeemAsync(Redemption("r2", "anna", 5000))).Command)),
            ("v1", () => SendAsync(new ReverseRedemption(Reverse("v1", "h1", 50)))),
            ("v2", () => SendAsync(new ReverseRedemption(Reverse("v2", "r1", 101)))),
        })
        {
            outcomes[name] = (ask, await ask());
        }

        Assert.Equal(["x1", "r2", "v2"], outcomes.Where(pair => pair.Value.First.Kind == OutcomeKind.Refused).Select(pair => pair.Key));
        Assert.Equal(750, await AvailableAsync("anna"));
        foreach (var again in new Func<Task>[] { () => Task.CompletedTask, fixture.RestartAsync, fixture.CrashAsync, fixture.CheckpointAsync })
        {
            await again();
            foreach (var (ask, first) in outcomes.Values)
            {
                var replayed = await ask();
                Assert.True(replayed.Replayed);
                Assert.Equal((first.Kind, first.Refusal, first.Fact?.GetType()), (replayed.Kind, replayed.Refusal, replayed.Fact?.GetType()));
                Assert.Equal(first.Answer?.Balances, replayed.Answer?.Balances);
            }

            Assert.Equal(OutcomeKind.Conflict, Outcome((await Engine.HoldAsync(hold with { Points = 301 })).Command).Kind);
            Assert.Equal(OutcomeKind.Conflict, Outcome((await Engine.RedeemAsync(Redemption("h1", "anna", 300))).Command).Kind);
            Assert.Equal(OutcomeKind.Conflict, (await SendAsync(new CommitHold(Commit("c1", "h1", 201)))).Kind);
            Assert.Equal(OutcomeKind.Conflict, (await SendAsync(Buy("r1", "anna", 100))).Kind);
            Assert.Equal(750, await AvailableAsync("anna"));
        }
    }

    [StoreFact]
    public async Task Commit_cancel_and_time_out_of_a_hold_have_one_winner()
    {
        for (var round = 0; round < 5; round++)
        {
            var members = Enumerable.Range(0, 20).Select(i => $"m{round}-{i}").ToArray();
            await Task.WhenAll(members.Select(async member =>
            {
                await GiveAsync(member, 100);
                Assert.Equal(OutcomeKind.Recorded, Kind((await Engine.HoldAsync(Hold("h" + member, member, 100, seconds: 60))).Command));
            }));
            var races = members.Select(member => Task.Run(async () =>
            {
                var ends = await Task.WhenAll(
                    Task.Run(() => SendAsync(new CommitHold(Commit("c" + member, "h" + member, 60) with { Member = member }))),
                    Task.Run(() => SendAsync(new CancelHold(Cancel("x" + member, "h" + member) with { Member = member }))));
                return ends.Count(end => end.Kind == OutcomeKind.Recorded);
            })).ToArray();
            fixture.Clock.Now += Duration.FromSeconds(60);
            await fixture.WakeDueAsync();
            var won = await Task.WhenAll(races);
            for (var i = 0; i < members.Length; i++)
            {
                var view = await ViewAsync(members[i], "h" + members[i]);
                Assert.Equal(view!.Status == HoldStatus.TimedOut ? 0 : 1, won[i]);
                Assert.Equal(view.Status == HoldStatus.Committed ? 40 : 100, await AvailableAsync(members[i]));
            }
        }

        Assert.Equal(0, await SumAsync(Accounts.Held));
    }

    [StoreFact]
    public async Task A_hold_ends_at_its_time_even_when_nobody_looks_and_after_a_crash()
    {
        await GiveAsync("anna", 100);
        await Engine.HoldAsync(Hold("h1", "anna", 100, seconds: 60));
        await fixture.CheckpointAsync();
        await fixture.CrashAsync();
        Assert.Equal("h1", Assert.Single((HoldView[])(await Engine.Host.AskAsync(new ListHolds("anna"))).Reply!).Id);
        Assert.Null((await Engine.Host.AskAsync(new ListHolds("nobody"))).Reply);
        fixture.Clock.Now += Duration.FromSeconds(60) - Duration.FromMilliseconds(1);
        await fixture.WakeDueAsync();
        Assert.Equal(100, await SumAsync(Accounts.Held));
        fixture.Clock.Now += Duration.FromMilliseconds(1);
        await fixture.WakeDueAsync();
        Assert.Equal(0, await SumAsync(Accounts.Held));
        Assert.Equal(0, await fixture.WakeDueAsync());
        Assert.Equal("hold-timed-out", (await SendAsync(new CommitHold(Commit("c1", "h1")))).Refusal!.Code);
        Assert.Equal(100, await AvailableAsync("anna"));
    }

    [StoreFact]
    public async Task What_is_not_known_is_not_remembered()
    {
        await GiveAsync("anna", 100);
        Assert.Equal(OutcomeKind.Unknown, (await SendAsync(new CommitHold(Commit("c1", "h1")))).Kind);
        Assert.Equal(OutcomeKind.UnknownMember, (await SendAsync(new CommitHold(Commit("c1", "h1") with { Member = "nobody" }))).Kind);
        Assert.Null((await Engine.RedeemAsync(RewardOf("r1", "anna"))).Hold);
        await Engine.HoldAsync(Hold("h1", "anna", 100));
        Assert.Equal(OutcomeKind.Unknown, (await SendAsync(new CommitHold(Commit("c1", "h1") with { Member = await OtherAsync() }))).Kind);
        Assert.Equal(OutcomeKind.Recorded, (await SendAsync(new CommitHold(Commit("c1", "h1")))).Kind);
        Assert.Equal("anna", await Engine.FindHolderAsync("h1"));
        Assert.Null(await Engine.FindHolderAsync("h2"));

        async Task<string> OtherAsync()
        {
            await GiveAsync("ben", 1);
            return "ben";
        }
    }

    [StoreFact]
    public async Task A_purchase_paid_in_part_with_points_is_one_request_and_comes_back_in_proportion()
    {
        await GiveAsync("anna", 1000);
        var purchase = Buy("p1", "anna", 100_00, new("points", 1000, 40_00));
        Assert.Equal(60, Assert.IsType<PurchaseRecorded>((await SendAsync(purchase)).Fact).Awards.Sum(award => award.Points));
        await fixture.RestartAsync();
        Assert.True((await SendAsync(Buy("p1", "anna", 100_00, new("points", 1000, 40_00)))).Replayed);
        Assert.Equal(OutcomeKind.Conflict, (await SendAsync(Buy("p1", "anna", 100_00))).Kind);
        Assert.Equal("not-enough-points", (await SendAsync(Buy("p2", "anna", 100_00, new("points", 1000, 40_00)))).Refusal!.Code);
        Assert.Equal("tender-without-member", (await SendAsync(Buy("p3", null, 100_00, new("points", 1000, 40_00)))).Refusal!.Code);
        var half = Assert.IsType<ReturnRecorded>((await SendAsync(Back("b1", "p1", 50_00))).Fact).Tender!;
        Assert.Equal((500L, 20_00L, 30_00L), (half.Points, half.Amount, half.Money));
        await fixture.CrashAsync();
        await SendAsync(Back("b2", "p1", 50_00));
        Assert.Equal(1000, await AvailableAsync("anna"));
        Assert.Equal(0, await SumAsync(Accounts.Redeemed));
    }

    [StoreFact]
    public async Task A_member_that_is_closed_loses_its_holds_with_its_points()
    {
        await GiveAsync("anna", 300);
        await Engine.HoldAsync(Hold("h1", "anna", 100));
        var closed = await Engine.Host.AskAsync(new ChangeStatus("anna", MemberStatus.Closed, "asked for it", "shop"));
        Assert.Equal(MemberStatus.Closed, Assert.IsType<MemberReply>(closed.Reply).View!.Status);
        Assert.Equal("hold-closed", (await SendAsync(new CommitHold(Commit("c1", "h1")))).Refusal!.Code);
        Assert.Equal(300, await SumAsync(Accounts.Forfeited));
    }

    // ------------------------------------------------------------------ rewards

    [StoreFact]
    public async Task A_reward_is_held_committed_released_and_given_back_and_its_stock_follows()
    {
        await PutAsync(Mug with { LimitedStock = true, Money = 250 }, stock: 10);
        await GiveAsync("anna", 1000);
        var held = await Engine.HoldAsync(HoldOf("h1", "anna", 2));
        Assert.Equal((HoldStatus.Open, 200L, 500L), (held.Hold!.Status, held.Hold.Points, held.Hold.Reward!.Money));
        Assert.Equal((8L, 2L, 0L), await StockAsync());
        Assert.Equal(OutcomeKind.Recorded, (await SendAsync(new CommitHold(Commit("c1", "h1")))).Kind);
        await Engine.HoldAsync(HoldOf("h2", "anna", 3));
        Assert.Equal(OutcomeKind.Recorded, (await SendAsync(new CancelHold(Cancel("x2", "h2")))).Kind);
        var redeemed = await Engine.RedeemAsync(RewardOf("r1", "anna"));
        Assert.Equal(HoldStatus.Committed, redeemed.Hold!.Status);
        Assert.Equal(HoldStatus.Committed, (await Engine.RedeemAsync(RewardOf("r1", "anna"))).Hold!.Status);
        await SettleAsync();
        Assert.Equal((7L, 0L, 3L), await StockAsync());
        Assert.Equal(OutcomeKind.Recorded, (await SendAsync(new ReverseRedemption(Reverse("v1", "h1")))).Kind);
        Assert.Equal(OutcomeKind.Recorded, (await SendAsync(new ReverseRedemption(Reverse("v2", "r1") with { Restock = false }))).Kind);
        await SettleAsync();
        Assert.Equal((9L, 0L, 1L), await StockAsync());
        Assert.Equal(1000, await AvailableAsync("anna"));
        Assert.Equal(HoldStatus.Reversed, (await ViewAsync("anna", "h1"))!.Status);
    }

    [StoreFact]
    public async Task A_reward_has_its_tiers_its_limit_its_time_and_its_end()
    {
        await GiveAsync("anna", 1000);
        await PutAsync(Mug with { Tiers = ["silver"] });
        Assert.Equal("wrong-tier", Outcome((await Engine.RedeemAsync(RewardOf("r1", "anna"))).Command).Refusal!.Code);
        await PutAsync(Mug with { Tiers = ["none"], Limit = new(2, RewardPeriod.Day) });
        Assert.Equal(HoldStatus.Committed, (await Engine.RedeemAsync(RewardOf("r2", "anna"))).Hold!.Status);
        Assert.Equal(HoldStatus.Open, (await Engine.HoldAsync(HoldOf("h1", "anna", 1))).Hold!.Status);
        Assert.Equal("reward-limit", Outcome((await Engine.RedeemAsync(RewardOf("r3", "anna"))).Command).Refusal!.Code);
        await SendAsync(new CancelHold(Cancel("x1", "h1")));
        await fixture.CheckpointAsync();
        await fixture.RestartAsync();
        Assert.Equal(HoldStatus.Committed, (await Engine.RedeemAsync(RewardOf("r4", "anna"))).Hold!.Status);
        Assert.Equal("reward-limit", Outcome((await Engine.RedeemAsync(RewardOf("r5", "anna"))).Command).Refusal!.Code);
        await SendAsync(new ReverseRedemption(Reverse("v4", "r4")));
        Assert.Equal(HoldStatus.Committed, (await Engine.RedeemAsync(RewardOf("r6", "anna"))).Hold!.Status);
        fixture.Clock.Now += Duration.FromDays(1);
        Assert.Equal(HoldStatus.Committed, (await Engine.RedeemAsync(RewardOf("r7", "anna"))).Hold!.Status);

        await PutAsync(Mug with { ValidFrom = fixture.Clock.Now + Duration.FromHours(1), ValidUntil = fixture.Clock.Now + Duration.FromHours(2) });
        Assert.Equal("reward-not-valid", (await Engine.RedeemAsync(RewardOf("r8", "anna"))).Hold!.Refusal!.Code);
        fixture.Clock.Now += Duration.FromHours(1);
        Assert.Equal(HoldStatus.Committed, (await Engine.RedeemAsync(RewardOf("r9", "anna"))).Hold!.Status);
        fixture.Clock.Now += Duration.FromHours(1);
        Assert.Equal("reward-not-valid", (await Engine.RedeemAsync(RewardOf("r10", "anna"))).Hold!.Refusal!.Code);
        await PutAsync(Mug);
        await Engine.Host.AskAsync(new WithdrawReward("mug", "over", "shop"));
        Assert.Equal("reward-withdrawn", (await Engine.RedeemAsync(RewardOf("r11", "anna"))).Hold!.Refusal!.Code);
        Assert.Equal("not-enough-points", Outcome((await Engine.RedeemAsync(RewardOf("r12", "anna", 900))).Command).Refusal!.Code);
        Assert.Equal(["mug"], (await Engine.ListRewardsAsync("", 10)).Page!.Select(view => view.Definition.Id));
    }

    [StoreFact]
    public async Task A_reward_that_a_crash_interrupts_is_redeemed_or_refused_and_nothing_is_left_over()
    {
        await PutAsync(Mug with { LimitedStock = true }, stock: 4);
        for (var round = 0; round < 6; round++)
        {
            var member = $"m{round}";
            await GiveAsync(member, 100);
            var redeeming = Engine.RedeemAsync(RewardOf($"t{round}", member));
            for (var turns = 0; turns < round; turns++)
            {
                await Task.Yield();
            }

            await fixture.CrashAsync();
            _ = redeeming.ContinueWith(static task => _ = task.Exception, TaskScheduler.Default);
            await SettleAsync();
            var end = await Engine.RedeemAsync(RewardOf($"t{round}", member));
            Assert.True(end.Hold!.Status is HoldStatus.Committed or HoldStatus.Refused);
            Assert.Equal(round < 4, end.Hold.Status == HoldStatus.Committed);
        }

        await SettleAsync();
        Assert.Equal((0L, 0L, 4L), await StockAsync());
        Assert.Equal(400, await SumAsync(Accounts.Redeemed));
    }

    // ------------------------------------------------------------------ the audit

    /// <summary>Wakes what is due until nothing is on its way.</summary>
    private async Task SettleAsync()
    {
        for (var quiet = 0; quiet < 2;)
        {
            fixture.Clock.Now += Duration.FromMilliseconds(1);
            quiet = await fixture.WakeDueAsync() == 0 ? quiet + 1 : 0;
            await Task.Yield();
        }
    }

    private async Task AuditAsync()
    {
        var replay = new Ledger();
        var kinds = LoyaltyEngine.Kinds(new ProgramSource()).ToDictionary(kind => kind.Name);
        foreach (var record in fixture.ReadAll())
        {
            kinds[record.Actor.Kind].Post(ActorState.KindPart(record.Events.Span, out _), replay);
        }

        var totals = (await Engine.Books.TotalsAsync()).Sums;
        Assert.Equal(replay.Sums.Where(sum => sum.Value != 0).Order(Comparer), totals.Where(sum => sum.Value != 0).Order(Comparer));
        Assert.Equal(0, totals.Where(sum => MeasureNames.ParseAccount(sum.Key) is not null).Sum(sum => sum.Value));
        var members = fixture.ReadAll().Where(record => record.Actor.Kind == ActorIds.MemberKind).Select(record => record.Actor.Key).Distinct().ToArray();
        long balance = 0, held = 0;
        foreach (var member in members)
        {
            var view = Assert.IsType<MemberReply>((await Engine.Host.AskAsync(new GetMember(member))).Reply).View!;
            var mine = view.Balances.Single(one => one.Unit == "points");
            balance += mine.Available + mine.Pending;
            held += mine.Held;
            var entries = new List<StatementEntry>();
            StatementCursor? cursor = null;
            do
            {
                var (page, _) = await Engine.StatementAsync(member, cursor, 7);
                entries.AddRange(page!.Entries);
                cursor = page.Next;
            }
            while (cursor is not null);
            Assert.Equal(mine.Available + mine.Pending, entries.Where(entry => entry.From == Accounts.Member || entry.To == Accounts.Member).Sum(entry => entry.Points));
        }

        Assert.Equal((totals.GetValueOrDefault(MeasureNames.Account("points", Accounts.Member)), totals.GetValueOrDefault(MeasureNames.Account("points", Accounts.Held))), (balance, held));
    }

    private static Comparer<KeyValuePair<string, long>> Comparer { get; } = Comparer<KeyValuePair<string, long>>.Create((one, other) => string.CompareOrdinal(one.Key, other.Key));

    // ------------------------------------------------------------------ sending

    private static readonly RewardDefinition Mug = new("mug", 0, "A mug", RewardType.Goods, "points", 100, 0, false, null, [], null, null);

    private static Hold Hold(string id, string member, long points, int? seconds = null) => new() { Id = id, Member = member, Unit = "points", Points = points, Seconds = seconds };

    private static Hold HoldOf(string id, string member, int quantity) => new() { Id = id, Member = member, Reward = "mug", Quantity = quantity };

    private static Redemption Redemption(string id, string member, long points) => new() { Id = id, Member = member, Unit = "points", Points = points };

    private static Redemption RewardOf(string id, string member, int quantity = 1) => new() { Id = id, Member = member, Reward = "mug", Quantity = quantity };

    private static HoldCommit Commit(string id, string hold, long? points = null) => new() { Id = id, Member = "anna", Hold = hold, Points = points };

    private static HoldCancel Cancel(string id, string hold) => new() { Id = id, Member = "anna", Hold = hold };

    private static Reversal Reverse(string id, string redemption, long? points = null) =>
        new() { Id = id, Member = "anna", Redemption = redemption, Points = points, Reason = "broken", Author = "shop" };

    private RecordPurchase Buy(string id, string? member, long amount, Tender? tender = null)
    {
        var purchase = new Purchase
        {
            Id = id, Member = member, Store = "s1", At = Instant.FromUtc(2026, 3, 2, 9, 0), Currency = "GBP", Lines = [new("tea", null, null, 2, amount)], Tender = tender,
        };
        return new(Engine.TargetOf(purchase), purchase);
    }

    private RecordReturn Back(string id, string purchase, long amount)
    {
        var request = new Return
        {
            Id = id, Member = "anna", Purchase = purchase, Store = "s1", At = Instant.FromUtc(2026, 3, 2, 9, 30), Currency = "GBP", Lines = [new("tea", null, null, 1, amount)],
        };
        return new(Engine.TargetOf(request), request);
    }

    private async Task GiveAsync(string member, long points)
    {
        await Engine.EnrolAsync(new Enrolment { Id = member, AlternativeIds = [] });
        await SendAsync(new AdjustPoints(new() { Id = $"give{Interlocked.Increment(ref _ids)}", Member = member, Unit = "points", Points = points, Reason = "test", Author = "shop" }));
    }

    private async Task PutAsync(RewardDefinition definition, long stock = 0)
    {
        Assert.Null(Assert.IsType<RewardReply>((await Engine.PutRewardAsync(definition)).Reply).Refusal);
        if (stock > 0)
        {
            await SendAsync(new ChangeStock(new() { Id = $"stock{Interlocked.Increment(ref _ids)}", Reward = definition.Id, Change = stock, Reason = "test", Author = "shop" }));
        }
    }

    private async Task<(long Free, long Reserved, long Redeemed)> StockAsync()
    {
        var view = Assert.IsType<RewardReply>((await Engine.Host.AskAsync(new GetReward("mug"))).Reply).View!;
        return (view.Free, view.Reserved, view.Redeemed);
    }

    private async Task<HoldView?> ViewAsync(string member, string hold)
    {
        var command = await Engine.Host.AskAsync(new GetHold(member, hold));
        Assert.Equal(CommandStatus.Done, command.Status);
        return (HoldView?)command.Reply;
    }

    private async Task<RequestOutcome> SendAsync(RequestCommand command)
    {
        await Engine.Host.AskAsync<Command>(command);
        return Outcome(command);
    }

    private static RequestOutcome Outcome(Command command)
    {
        Assert.True(command.Status == CommandStatus.Done, $"{command.RequestId}: {command.Status}, {command.Problem}");
        return ((RequestCommand)command).Outcome;
    }

    private static OutcomeKind Kind(Command command) => Outcome(command).Kind;

    private async Task<long> AvailableAsync(string member) =>
        Assert.IsType<MemberReply>((await Engine.Host.AskAsync(new GetMember(member))).Reply).View!.Balances.Single(balance => balance.Unit == "points").Available;

    private async Task<long> SumAsync(string account) => (await Engine.Books.TotalsAsync()).Sums.GetValueOrDefault(MeasureNames.Account("points", account));

    private sealed class Ledger : ILedgerSink
    {
        public Dictionary<string, long> Sums { get; } = [];

        public void Post(string unit, string from, string to, long points)
        {
            Sums[MeasureNames.Account(unit, from)] = Sums.GetValueOrDefault(MeasureNames.Account(unit, from)) - points;
            Sums[MeasureNames.Account(unit, to)] = Sums.GetValueOrDefault(MeasureNames.Account(unit, to)) + points;
        }

        public void Count(string counter, long delta) => Sums[MeasureNames.Counter(counter)] = Sums.GetValueOrDefault(MeasureNames.Counter(counter)) + delta;
    }
}
