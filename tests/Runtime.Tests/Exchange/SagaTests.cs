using Loyalty.Domain.Exchange;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using NodaTime;

namespace Loyalty.Runtime.Tests.Exchange;

public class SagaTests
{
    [Fact]
    public void Points_go_out_and_partner_units_are_credited()
    {
        var bureau = Open();
        var state = bureau.Do("x1", "anna", ExchangeDirection.Out, 1000);
        Assert.Equal((ExchangeStage.Completed, "P-x1", 450L, 100L), (state.Stage, state.Reference, state.Reservation!.Units, state.Reservation.Fee));
        Assert.Equal((9000, 0), (Available(bureau), Held(bureau)));
        Assert.Equal(450, bureau.Partner.Done["x1"]);
        Assert.Equal((100, 900), (bureau.Sum("points", "fees:sky"), bureau.View.Free.Points - 1_000_000));
        bureau.RequireSettled([state]);
    }

    [Fact]
    public void Partner_units_come_in_as_points_of_today()
    {
        var bureau = Open();
        var state = bureau.Do("x1", "anna", ExchangeDirection.In, 100);
        Assert.Equal(ExchangeStage.Completed, state.Stage);
        Assert.Equal(10_000 + 270, Available(bureau));
        Assert.Equal(-100, bureau.Partner.Done["x1"]);
        bureau.RequireSettled([state]);
    }

    [Fact]
    public void Points_earned_at_the_partner_come_out_of_the_pool_and_nobody_is_called()
    {
        var bureau = Open();
        var state = bureau.Do("x1", "anna", ExchangeDirection.Earn, 77);
        Assert.Equal(ExchangeStage.Completed, state.Stage);
        Assert.Equal((10_077, 1_000_000 - 77, 0), (Available(bureau), bureau.View.Free.Points, bureau.Partner.Calls));
        bureau.RequireSettled([state]);
    }

    [Fact]
    public void While_the_partner_is_silent_the_points_are_held_and_no_lot_lapses_under_them()
    {
        var bureau = Open(Behaviour.RequestLost);
        bureau.Partner.QueryFails = _ => true;
        var state = bureau.Do("x1", "anna", ExchangeDirection.Out, 1000);
        Assert.Equal((ExchangeStage.Waiting, 1), (state.Stage, state.Calls));
        Assert.Equal((9000, 1000), (Available(bureau), Held(bureau)));
        bureau.Settle(["x1"]);
        Assert.Equal(ExchangeStage.Parked, bureau.Exchange("x1").Stage);

        // A year and a day later all that was not held is gone.
        bureau.Clock.Now += Duration.FromDays(400);
        bureau.WakeDue();
        Assert.Equal((0, 1000), (Available(bureau), Held(bureau)));
        bureau.Partner.Close("x1");
        bureau.Ask(new ResolveExchange("x1", ExchangeResolution.Cancelled, "nothing there", "olga", null));
        var undone = bureau.Exchange("x1");
        Assert.Equal((ExchangeStage.Undone, "cancelled"), (undone.Stage, undone.Refusal!.Code));

        // They went back to their own lot, and that is past its day.
        Assert.Equal((0, 0), (Available(bureau), Held(bureau)));
        Assert.Equal(10_000, bureau.Sum("points", Accounts.Expired));
        bureau.RequireSettled([undone]);
    }

    [Fact]
    public void A_parked_exchange_is_seen_raises_an_alarm_and_is_resolved_by_an_operator()
    {
        var bureau = Open(Behaviour.AnswerLost);
        bureau.Partner.QueryFails = _ => true;
        bureau.Do("x1", "anna", ExchangeDirection.Out, 1000);
        bureau.Settle(["x1"]);
        Assert.Equal(["x1"], bureau.View.Parked);
        Assert.StartsWith("exchange-parked", Assert.Single(bureau.Alarms), StringComparison.Ordinal);
        Assert.Equal(1, bureau.Journal.Totals().Sums[MeasureNames.Counter(PoolLedger.Parked)]);

        // Asking again leads nowhere, and it is parked again; then the operator looks at the partner's books.
        bureau.Ask(new ResolveExchange("x1", ExchangeResolution.Retry, "they say it works now", "olga", null));
        Assert.Empty(bureau.View.Parked);
        bureau.Settle(["x1"]);
        Assert.Equal(["x1"], bureau.View.Parked);
        bureau.Ask(new ResolveExchange("x1", ExchangeResolution.Completed, "it is in their list", "olga", "P-x1"));
        Assert.Equal(ExchangeStage.Completed, bureau.Exchange("x1").Stage);
        var again = (ExchangeReply)bureau.Ask(new ResolveExchange("x1", ExchangeResolution.Cancelled, "no", "olga", null)).Reply!;
        Assert.Equal("not-parked", again.Refusal!.Code);
        bureau.RequireSettled([bureau.Exchange("x1")]);
    }

    [Fact]
    public void An_exchange_that_the_member_cannot_pay_frees_the_pool_and_is_refused_for_ever()
    {
        var bureau = Open();
        var state = bureau.Do("x1", "anna", ExchangeDirection.Out, 10_001);
        Assert.Equal((ExchangeStage.Undone, "not-enough-points"), (state.Stage, state.Refusal!.Code));
        bureau.Buys("anna", 5000);
        Assert.True(bureau.Ask(new StartExchange(Bureau.Request("x1", "anna", ExchangeDirection.Out, 10_001))).Outcome.Replayed);
        Assert.Equal(ExchangeStage.Undone, bureau.Exchange("x1").Stage);
        Assert.Equal(OutcomeKind.Conflict, bureau.Ask(new StartExchange(Bureau.Request("x1", "anna", ExchangeDirection.Out, 1))).Outcome.Kind);
        Assert.Equal(0, bureau.Partner.Calls);
        bureau.RequireSettled([bureau.Exchange("x1")]);
    }

    [Fact]
    public void The_id_of_a_purchase_is_no_id_of_an_exchange_and_the_other_way_round()
    {
        var bureau = Open();
        bureau.Buys("anna", 100, "p1");
        Assert.Equal(OutcomeKind.Conflict, bureau.Ask(new StartExchange(Bureau.Request("p1", "anna", ExchangeDirection.Out, 1000))).Outcome.Kind);
        Assert.Null(((ExchangeReply)bureau.Ask(new GetExchange("p1")).Reply!).State);
        bureau.Do("x1", "anna", ExchangeDirection.Out, 1000);
        var purchase = new Domain.Requests.Purchase { Id = "x1", Member = "anna", Store = "S", At = bureau.Clock.Now, Currency = "GBP", Lines = [new("sku", null, null, 1, 5)] };
        Assert.Equal(OutcomeKind.Conflict, bureau.Ask(new RecordPurchase(ActorIds.Member("anna"), purchase)).Outcome.Kind);
    }

    [Fact]
    public void What_the_partner_refuses_is_undone_on_both_sides()
    {
        var bureau = Open(Behaviour.Refuses);
        foreach (var direction in new[] { ExchangeDirection.Out, ExchangeDirection.In })
        {
            var state = bureau.Do($"x-{direction}", "anna", direction, 100);
            Assert.Equal((ExchangeStage.Undone, "partner-refused"), (state.Stage, state.Refusal!.Code));
            Assert.Contains("no-account", state.Refusal.Detail, StringComparison.Ordinal);
        }

        Assert.Equal((10_000, 0), (Available(bureau), Held(bureau)));
        bureau.RequireSettled([bureau.Exchange("x-Out"), bureau.Exchange("x-In")]);
    }

    [Fact]
    public void Limits_of_a_member_are_by_day_and_an_undone_exchange_does_not_count()
    {
        var refuse = true;
        var partner = new TestPartner((_, _) => refuse ? Behaviour.Refuses : Behaviour.Answers);
        var bureau = Fund(new(partner, Definition("\"out\": { \"memberDay\": 1000 }")));
        Assert.Equal("partner-refused", bureau.Do("x1", "anna", ExchangeDirection.Out, 1000).Refusal!.Code);
        refuse = false;
        Assert.Equal(ExchangeStage.Completed, bureau.Do("x2", "anna", ExchangeDirection.Out, 600).Stage);
        Assert.Equal("member-day-limit", bureau.Do("x3", "anna", ExchangeDirection.Out, 401).Refusal!.Code);
        Assert.Equal(ExchangeStage.Completed, bureau.Do("x4", "anna", ExchangeDirection.Out, 400).Stage);
        bureau.Clock.Now += Duration.FromDays(1);
        Assert.Equal(ExchangeStage.Completed, bureau.Do("x5", "anna", ExchangeDirection.Out, 1000).Stage);
    }

    [Fact]
    public void A_member_with_an_exchange_under_way_is_not_closed_and_one_that_is_blocked_still_gets_what_was_begun()
    {
        var bureau = Open(Behaviour.AnswerLost);
        bureau.Do("x1", "anna", ExchangeDirection.In, 100);
        var closed = (MemberReply)bureau.Ask(new ChangeStatus("anna", MemberStatus.Closed, "r", "a")).Reply!;
        Assert.Equal("exchange-open", closed.Refusal!.Code);
        bureau.Ask(new ChangeStatus("anna", MemberStatus.Blocked, "r", "a"));
        bureau.Settle(["x1"]);
        Assert.Equal(ExchangeStage.Completed, bureau.Exchange("x1").Stage);
        Assert.Equal(10_270, Available(bureau));
        Assert.Equal("member-blocked", bureau.Do("x2", "anna", ExchangeDirection.In, 100).Refusal!.Code);
        Assert.Null(((MemberReply)bureau.Ask(new ChangeStatus("anna", MemberStatus.Closed, "r", "a")).Reply!).Refusal);
    }

    [Fact]
    public void Of_fifty_that_want_the_last_units_of_a_pool_one_gets_them()
    {
        var bureau = new Bureau(new((_, _) => Behaviour.Answers));
        bureau.Fund("skymiles", 45);
        for (var i = 0; i < 50; i++)
        {
            bureau.Buys($"m{i}", 100);
        }

        for (var i = 0; i < 50; i++)
        {
            bureau.Send(new StartExchange(Bureau.Request($"x{i}", $"m{i}", ExchangeDirection.Out, 100)));
        }

        bureau.Run(new Random(7));
        var states = Enumerable.Range(0, 50).Select(i => bureau.Exchange($"x{i}")).ToArray();
        Assert.Single(states, state => state.Stage == ExchangeStage.Completed);
        Assert.Equal(49, states.Count(state => state.Refusal?.Code == "pool-liquidity"));
        Assert.Equal(0, bureau.View.Free.Units);
        bureau.RequireSettled(states);
    }

    [Fact]
    public void Of_fifty_that_want_to_exchange_the_same_points_one_does()
    {
        var bureau = new Bureau(new((_, _) => Behaviour.Answers));
        bureau.Fund("skymiles", 100_000);
        bureau.Buys("anna", 100);
        for (var i = 0; i < 50; i++)
        {
            bureau.Send(new StartExchange(Bureau.Request($"x{i}", "anna", ExchangeDirection.Out, 100)));
        }

        bureau.Run(new Random(7));
        var states = Enumerable.Range(0, 50).Select(i => bureau.Exchange($"x{i}")).ToArray();
        Assert.Single(states, state => state.Stage == ExchangeStage.Completed);
        Assert.Equal(49, states.Count(state => state.Refusal?.Code == "not-enough-points"));
        Assert.Equal((0, 0), (Available(bureau), Held(bureau)));
        bureau.RequireSettled(states);
    }

    [Fact]
    public void A_pool_with_shards_exchanges_as_one_does_and_its_actors_add_up()
    {
        var bureau = Fund(new(new((_, _) => Behaviour.Answers), shards: 4));
        var states = new List<ExchangeState>();
        for (var i = 0; i < 60; i++)
        {
            states.Add(bureau.Do($"x{i}", "anna", (ExchangeDirection)((i % 3) + 1), 100 + i));
            bureau.Clock.Now += Duration.FromSeconds(1);
        }

        Assert.All(states, state => Assert.Equal(ExchangeStage.Completed, state.Stage));

        // Most were decided by the shards, and they still are when the leases have gone home.
        Assert.Contains(states, state => state.Reservation!.Shard > 0);
        Assert.True(states.Select(state => state.Reservation!.Shard).Distinct().Count() > 3);
        bureau.RequireSettled(states);
        bureau.Clock.Now += Duration.FromMinutes(1);
        bureau.WakeDue();
        for (var shard = 1; shard <= 4; shard++)
        {
            Assert.Equal(default, ((PoolReply)bureau.Ask(new GetPool(ActorIds.Pool("sky", shard))).Reply!).View!.Free);
        }

        bureau.RequireSettled(states);
        bureau.Crash();
        bureau.RequireSettled(states);
    }

    [Fact]
    public void Of_fifty_that_want_the_last_units_of_a_pool_with_shards_at_most_one_gets_them_and_one_does_when_the_leases_are_home()
    {
        var bureau = new Bureau(new((_, _) => Behaviour.Answers), shards: 3);
        bureau.Fund("skymiles", 45);
        bureau.Buys("late", 100);
        for (var i = 0; i < 50; i++)
        {
            bureau.Buys($"m{i}", 100);
            bureau.Send(bureau.Start(Bureau.Request($"x{i}", $"m{i}", ExchangeDirection.Out, 100)));
        }

        bureau.Run(new Random(7));
        var states = Enumerable.Range(0, 50).Select(i => bureau.Exchange($"x{i}")).ToList();
        Assert.All(states, state => Assert.True(state.IsOver));
        bureau.Clock.Now += Duration.FromMinutes(1);
        bureau.WakeDue();
        states.Add(bureau.Do("last", "late", ExchangeDirection.Out, 100));
        Assert.Single(states, state => state.Stage == ExchangeStage.Completed);
        Assert.Equal(0, bureau.View.Free.Units);
        bureau.RequireSettled(states);
    }

    [Fact]
    public void A_process_without_the_connector_waits_and_another_one_completes()
    {
        var bureau = Fund(new(new((_, _) => Behaviour.Answers), Definition("\"out\": {}").Replace("\"sky\"", "\"elsewhere\"", StringComparison.Ordinal)));
        Assert.Equal(ExchangeStage.Waiting, bureau.Do("x1", "anna", ExchangeDirection.Out, 1000).Stage);
        bureau.Connectors.Add("elsewhere", bureau.Partner);
        bureau.Settle(["x1"]);
        Assert.Equal(ExchangeStage.Completed, bureau.Exchange("x1").Stage);
    }

    private static long Available(Bureau bureau) => bureau.Member("anna").Balances[0].Available;

    private static long Held(Bureau bureau) => bureau.Member("anna").Balances[0].Held;

    private static string Definition(string offers) => $$"""
        { "unit": "points", "partnerUnit": "skymiles", "connector": "sky", "rates": [ { "from": "2026-01-01", "out": "1/2", "in": "3/1" } ], {{offers}},
          "retry": { "attempts": 4, "firstSeconds": 1, "maxSeconds": 60 } }
        """;

    private static Bureau Open(Behaviour behaviour = Behaviour.Answers) => Fund(new(new((_, _) => behaviour)));

    private static Bureau Fund(Bureau bureau)
    {
        bureau.Fund("points", 1_000_000);
        bureau.Fund("skymiles", 1_000_000);
        bureau.Buys("anna", 10_000);
        return bureau;
    }
}
