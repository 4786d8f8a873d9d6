using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Tests.Shared;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>What every loyalty engine does, whatever runs its actors and wherever its books lie. After each test the books are audited.</summary>
public abstract partial class LoyaltyBehaviour(LoyaltyFixture fixture) : IAsyncLifetime
{
    private static readonly AlternativeId Card = new("card", "9826");

    private LoyaltyEngine Engine => fixture.Engine;

    private Instant Now => fixture.Clock.Now;

    public Task InitializeAsync() => fixture.StartAsync();

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

    // ------------------------------------------------------------------ members

    [StoreFact]
    public async Task A_member_enrols_once_and_again_gets_the_same_answer_and_with_other_content_a_conflict()
    {
        var enrolment = new Enrolment { Id = "anna", AlternativeIds = [Card] };
        var first = await EnrolAsync(enrolment);
        Assert.False(first.Replayed);
        Assert.Equal(MemberStatus.Active, first.View!.Status);
        Assert.True((await EnrolAsync(enrolment)).Replayed);
        await fixture.RestartAsync();
        Assert.True((await EnrolAsync(enrolment)).Replayed);
        Assert.Equal("conflict", (await EnrolAsync(enrolment with { AlternativeIds = [] })).Refusal!.Code);
        Assert.Equal("anna", await WhoHasAsync(Card));
    }

    [StoreFact]
    public async Task An_alternative_id_belongs_to_one_member_however_many_want_it_at_once()
    {
        var commands = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() =>
            Engine.EnrolAsync(new Enrolment { Id = $"m{i}", AlternativeIds = [new("emailHash", $"e{i}"), Card] }))));
        var enrolled = commands.OfType<EnrolMember>().Where(command => command.Reply is MemberReply { Refusal: null }).ToArray();
        Assert.Single(enrolled);
        Assert.Equal(15, commands.OfType<ClaimAlternativeId>().Count(command => command.Reply is false));
        Assert.Equal(enrolled[0].Enrolment.Id, await WhoHasAsync(Card));

        // What the others had claimed before they failed is free again.
        var loser = enrolled[0].Enrolment.Id == "m0" ? 1 : 0;
        await EnrolAsync(new Enrolment { Id = "later", AlternativeIds = [new("emailHash", $"e{loser}")] });
        Assert.Equal("later", await WhoHasAsync(new("emailHash", $"e{loser}")));
    }

    [StoreFact]
    public async Task A_closed_member_gives_its_alternative_ids_and_its_points_back()
    {
        await EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [Card] });
        await BuyAsync("p1", "anna", 100_00);
        var closed = await TellAsync(new ChangeStatus("anna", MemberStatus.Closed, "asked for it", "shop"));
        Assert.Equal(MemberStatus.Closed, closed.View!.Status);
        Assert.Equal(0, await PointsAsync("anna"));
        await UntilAsync(async () => await TryClaimAsync(Card, "ben"));
        Assert.Equal(OutcomeKind.Refused, (await BuyAsync("p2", "anna", 100)).Kind);
        Assert.Equal(100, await SumAsync(Accounts.Forfeited));
    }

    [StoreFact]
    public async Task Replaced_alternative_ids_are_released_and_the_new_ones_claimed()
    {
        await EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [Card] });
        var replacement = new AlternativeId("card", "new");
        var command = await Engine.ReplaceAlternativeIdsAsync("anna", [replacement]);
        Assert.Null(Assert.IsType<MemberReply>(command.Reply).Refusal);
        Assert.Equal("anna", await WhoHasAsync(replacement));
        await UntilAsync(async () => await TryClaimAsync(Card, "ben"));
        Assert.False(await TryClaimAsync(replacement, "ben"));
    }

    [StoreFact]
    public async Task A_release_that_was_under_way_when_the_process_died_happens_all_the_same()
    {
        await EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [Card] });
        await TellAsync(new ChangeStatus("anna", MemberStatus.Closed, "asked for it", "shop"));
        await fixture.CrashAsync();
        await UntilAsync(async () =>
        {
            fixture.Clock.Now += Duration.FromMinutes(1);
            await fixture.WakeDueAsync();
            return await TryClaimAsync(Card, "ben");
        });
    }

    [StoreFact]
    public async Task A_blocked_member_keeps_its_points_and_takes_no_part()
    {
        await BuyAsync("p1", "anna", 100_00);
        await TellAsync(new ChangeStatus("anna", MemberStatus.Blocked, "fraud?", "shop"));
        Assert.Equal("member-blocked", (await BuyAsync("p2", "anna", 100)).Refusal!.Code);
        Assert.Equal(100, await PointsAsync("anna"));
        await TellAsync(new ChangeStatus("anna", MemberStatus.Active, "no fraud", "shop"));
        Assert.Equal(OutcomeKind.Recorded, (await BuyAsync("p3", "anna", 100)).Kind);
    }

    // ------------------------------------------------------------------ purchases and identity

    [StoreFact]
    public async Task A_purchase_earns_and_the_same_again_gets_the_first_answer_also_after_a_restart_and_a_crash()
    {
        var first = await BuyAsync("p1", "anna", 123_45);
        Assert.Equal(123, Assert.Single(Assert.IsType<PurchaseRecorded>(first.Fact).Awards).Points);
        await BuyAsync("p2", "anna", 100_00);
        foreach (var again in new Func<Task>[] { () => Task.CompletedTask, fixture.RestartAsync, fixture.CrashAsync, fixture.CheckpointAsync, fixture.RestartAsync })
        {
            await again();
            var replayed = await BuyAsync("p1", "anna", 123_45);
            Assert.True(replayed.Replayed);
            Assert.Equal(Say(first), Say(replayed));
            Assert.Equal(223, await PointsAsync("anna"));
        }
    }

    [StoreFact]
    public async Task An_id_names_one_request_for_ever_whoever_sends_it_and_whatever_kind_it_is()
    {
        await BuyAsync("x1", "anna", 100_00);
        var refused = await AdjustAsync("x2", "anna", -1000);
        Assert.Equal("not-enough-points", refused.Refusal!.Code);
        await BuyAsync("x3", null, 100_00);
        await fixture.RestartAsync();
        foreach (var id in new[] { "x1", "x2", "x3" })
        {
            Assert.Equal(OutcomeKind.Conflict, (await BuyAsync(id, "anna", 100_01)).Kind);
            Assert.Equal(OutcomeKind.Conflict, (await BuyAsync(id, "ben", 100_00)).Kind);
            Assert.Equal(OutcomeKind.Conflict, (await BuyAsync(id, null, 100_02)).Kind);
            Assert.Equal(OutcomeKind.Conflict, (await ReturnAsync(id, "anna", "x1", 100_00)).Kind);
            Assert.Equal(OutcomeKind.Conflict, (await AdjustAsync(id, "anna", 7)).Kind);
        }

        Assert.Equal(100, await PointsAsync("anna"));
        Assert.Equal(0, await PointsAsync("ben"));
    }

    [StoreFact]
    public async Task A_refusal_is_remembered_even_when_the_request_would_pass_later()
    {
        var first = await AdjustAsync("a1", "anna", -50, enrol: true);
        Assert.Equal(OutcomeKind.Refused, first.Kind);
        await BuyAsync("p1", "anna", 100_00);
        var again = await AdjustAsync("a1", "anna", -50);
        Assert.True(again.Replayed);
        Assert.Equal(first.Refusal, again.Refusal);
        Assert.Equal(OutcomeKind.Recorded, (await AdjustAsync("a2", "anna", -50)).Kind);
        Assert.Equal(50, await PointsAsync("anna"));
    }

    [StoreFact]
    public async Task That_a_member_is_not_known_is_not_remembered()
    {
        Assert.Equal(OutcomeKind.UnknownMember, (await AdjustAsync("a1", "anna", 50)).Kind);
        await EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [] });
        Assert.Equal(OutcomeKind.Recorded, (await AdjustAsync("a1", "anna", 50)).Kind);
        Assert.Equal(50, await PointsAsync("anna"));
    }

    [StoreFact]
    public async Task A_program_that_does_not_enrol_by_a_sale_does_not_know_the_member_until_it_enrols()
    {
        Assert.Empty((await PublishAsync(Programs.Of(extra: "\"unknownMembers\": \"refuse\","))).Errors);
        Assert.Equal(OutcomeKind.UnknownMember, (await BuyAsync("p1", "anna", 100_00)).Kind);
        Assert.Null((await TellAsync(new GetMember("anna"))).View);
        await EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [] });
        Assert.Equal(OutcomeKind.Recorded, (await BuyAsync("p1", "anna", 100_00)).Kind);
    }

    [StoreFact]
    public async Task Sales_in_another_currency_from_the_future_or_from_before_1970_are_refused()
    {
        Assert.Equal("wrong-currency", (await SendAsync(new RecordPurchase(ActorIds.Member("anna"), Purchase("p1", "anna", 1) with { Currency = "EUR" }))).Refusal!.Code);
        Assert.Equal("in-the-future", (await BuyAsync("p2", "anna", 1, at: Now + Duration.FromHours(1))).Refusal!.Code);
        Assert.Equal("too-early", (await BuyAsync("p3", null, 1, at: Instant.FromUtc(1969, 1, 1, 0, 0))).Refusal!.Code);
        Assert.Equal(3, await CountAsync(Counters.Refusals));
    }

    [StoreFact]
    public async Task Sixty_four_senders_of_the_same_thousand_purchases_apply_each_once()
    {
        var firsts = new int[1000];
        await Task.WhenAll(Enumerable.Range(0, 64).Select(sender => Task.Run(async () =>
        {
            var order = Enumerable.Range(0, 1000).ToArray();
            new Random(sender).Shuffle(order);
            foreach (var chunk in order.Chunk(100))
            {
                var left = chunk;
                while (left.Length > 0)
                {
                    var commands = await Engine.Host.AskAllAsync(left.Select(i => Record(Purchase($"p{i}", i % 10 == 0 ? null : $"m{i % 47}", (i + 1) * 100))).ToArray());
                    foreach (var done in commands.Where(command => command.Status == CommandStatus.Done))
                    {
                        Assert.Equal(OutcomeKind.Recorded, done.Outcome.Kind);
                        Interlocked.Add(ref firsts[int.Parse(done.RequestId![1..])], done.Outcome.Replayed ? 0 : 1);
                    }

                    left = [.. left.Where((_, at) => commands[at].Status != CommandStatus.Done)];
                }
            }
        })));

        Assert.All(firsts, first => Assert.Equal(1, first));
        Assert.Equal(900, await CountAsync(Counters.MemberPurchases));
        Assert.Equal(100, await CountAsync(Counters.AnonymousPurchases));
        Assert.Equal(Enumerable.Range(0, 1000).Where(i => i % 10 != 0).Sum(i => (i + 1) * 100L), await CountAsync(Counters.MemberAmount));
    }

    [StoreFact]
    public async Task An_engine_that_dies_under_load_has_what_it_acknowledged_and_takes_the_rest_again()
    {
        for (var round = 0; round < 3; round++)
        {
            var commands = Enumerable.Range(0, 300).Select(i => Record(Purchase($"p{round}-{i}", $"m{i % 20}", 100_00))).ToArray();
            _ = Engine.Host.AskAllAsync(commands);
            await Engine.Host.AskAsync(new GetMember("m3"));
            var acknowledged = commands.Where(command => command.Status == CommandStatus.Done).Select(command => command.RequestId).ToHashSet();
            await fixture.CrashAsync();
            for (var i = 0; i < 300; i++)
            {
                var again = await BuyAsync($"p{round}-{i}", $"m{i % 20}", 100_00);
                Assert.True(again.Replayed || !acknowledged.Contains($"p{round}-{i}"));
            }

            Assert.Equal((round + 1) * 300, await CountAsync(Counters.MemberPurchases));
        }
    }

    // ------------------------------------------------------------------ returns

    [StoreFact]
    public async Task A_whole_return_takes_everything_back()
    {
        await BuyAsync("p1", "anna", 100_00);
        var outcome = await ReturnAsync("r1", "anna", "p1", 100_00);
        Assert.Equal(OutcomeKind.Recorded, outcome.Kind);
        Assert.Equal(0, await PointsAsync("anna"));
        Assert.Equal(100, await SumAsync(Accounts.Returned));
        Assert.Equal(OutcomeKind.Refused, (await ReturnAsync("r2", "anna", "p1", 1)).Kind);
    }

    [StoreFact]
    public async Task Partial_returns_take_back_together_what_one_would_and_each_sees_the_ones_before()
    {
        await BuyAsync("p1", "anna", 100_50, quantity: 3);
        await ReturnAsync("r1", "anna", "p1", 33_50);
        await fixture.RestartAsync();
        await ReturnAsync("r2", "anna", "p1", 33_50);
        Assert.Equal(33, await PointsAsync("anna"));
        await fixture.CrashAsync();
        await ReturnAsync("r3", "anna", "p1", 33_50);
        Assert.Equal(0, await PointsAsync("anna"));
        Assert.Equal(OutcomeKind.Refused, (await ReturnAsync("r4", "anna", "p1", 1)).Kind);
        Assert.True((await ReturnAsync("r2", "anna", "p1", 33_50)).Replayed);
    }

    [StoreFact]
    public async Task A_return_right_behind_its_purchase_in_one_message_finds_it()
    {
        RequestCommand[] commands = [Record(Purchase("p1", "anna", 100_00)), Record(Return("r1", "anna", "p1", 100_00)), Record(Purchase("p2", "anna", 5_00))];
        await Engine.Host.AskAllAsync(commands);
        Assert.IsType<ReturnRecorded>(commands[1].Outcome.Fact);
        Assert.Equal(5, await PointsAsync("anna"));
    }

    [StoreFact]
    public async Task A_return_before_its_purchase_waits_for_it()
    {
        Assert.IsType<ReturnWaits>((await ReturnAsync("r1", "anna", "p1", 100_00)).Fact);
        Assert.Equal(["r1"], (await TellAsync(new GetMember("anna"))).View!.WaitingReturns);
        await fixture.RestartAsync();
        await BuyAsync("p1", "anna", 100_00);
        Assert.Equal(0, await PointsAsync("anna"));
        Assert.Empty((await TellAsync(new GetMember("anna"))).View!.WaitingReturns);
        Assert.Equal(OutcomeKind.Refused, (await ReturnAsync("r2", "anna", "p1", 1)).Kind);
        Assert.True((await ReturnAsync("r1", "anna", "p1", 100_00)).Replayed);
        Assert.True((await BuyAsync("p1", "anna", 100_00)).Replayed);
    }

    [StoreFact]
    public async Task A_return_of_what_somebody_else_bought_or_of_what_is_no_purchase_is_refused()
    {
        await BuyAsync("p1", "anna", 100_00);
        await AdjustAsync("a1", "ben", 10, enrol: true);
        Assert.Equal("foreign-purchase", (await ReturnAsync("r1", "ben", "p1", 100_00)).Refusal!.Code);
        Assert.Equal("no-purchase", (await ReturnAsync("r2", "ben", "a1", 1)).Refusal!.Code);
        Assert.Equal(100, await PointsAsync("anna"));
        Assert.Equal(10, await PointsAsync("ben"));
    }

    [StoreFact]
    public async Task A_return_without_receipt_takes_what_such_a_purchase_would_give_and_the_rest_becomes_debt()
    {
        await BuyAsync("p1", "anna", 30_00);
        Assert.Equal(OutcomeKind.Recorded, (await ReturnAsync("r1", "anna", null, 100_00)).Kind);
        Assert.Equal(-70, await PointsAsync("anna"));
        await BuyAsync("p2", "anna", 100_00);
        Assert.Equal(30, await PointsAsync("anna"));
    }

    [StoreFact]
    public async Task A_return_with_receipt_and_without_member_goes_to_the_member_who_bought()
    {
        await BuyAsync("p1", "anna", 100_00);
        var request = Return("r1", null, "p1", 40_00) with { };
        Assert.True(LoyaltyEngine.NeedsPurchase(request));
        var outcome = await SendAsync(new RecordReturn(await Engine.FindTargetAsync(request), request));
        Assert.IsType<ReturnRecorded>(outcome.Fact);
        Assert.Equal(60, await PointsAsync("anna"));
    }

    [StoreFact]
    public async Task Anonymous_sales_are_counted_with_the_same_identity_and_earn_nothing()
    {
        await BuyAsync("p1", null, 100_00);
        Assert.True((await BuyAsync("p1", null, 100_00)).Replayed);
        Assert.Equal(OutcomeKind.Recorded, (await ReturnAsync("r1", null, null, 10_00)).Kind);
        var back = Return("r2", null, "p1", 40_00);
        Assert.Equal(OutcomeKind.Recorded, (await SendAsync(new RecordReturn(await Engine.FindTargetAsync(back), back))).Kind);
        var tooMuch = Return("r3", null, "p1", 70_00);
        Assert.Equal(OutcomeKind.Refused, (await SendAsync(new RecordReturn(await Engine.FindTargetAsync(tooMuch), tooMuch))).Kind);
        await fixture.RestartAsync();
        Assert.True((await BuyAsync("p1", null, 100_00)).Replayed);
        Assert.Equal(1, await CountAsync(Counters.AnonymousPurchases));
        Assert.Equal(100_00, await CountAsync(Counters.AnonymousAmount));
        Assert.Equal(2, await CountAsync(Counters.AnonymousReturns));
        Assert.Equal(0, await SumAsync(Accounts.Issued));
    }

    // ------------------------------------------------------------------ adjustments, time

    [StoreFact]
    public async Task Points_given_and_taken_by_hand_are_posted_and_no_more_is_taken_than_there_is()
    {
        await AdjustAsync("a1", "anna", 100, enrol: true);
        await AdjustAsync("a2", "anna", -30);
        Assert.Equal("not-enough-points", (await AdjustAsync("a3", "anna", -71)).Refusal!.Code);
        Assert.Equal("unknown-unit", (await SendAsync(new AdjustPoints(Adjustment("a4", "anna", 1) with { Unit = "miles" }))).Refusal!.Code);
        Assert.Equal(70, await PointsAsync("anna"));
        Assert.Equal(-70, await SumAsync(Accounts.Adjusted));
    }

    [StoreFact]
    public async Task Points_lapse_on_time_even_when_nobody_touches_the_member()
    {
        await BuyAsync("p1", "anna", 100_00);
        await BuyAsync("p2", "ben", 100_00);
        fixture.Clock.Now = Instant.FromUtc(2027, 3, 2, 23, 59);
        await fixture.WakeDueAsync();
        Assert.Equal(0, await SumAsync(Accounts.Expired));
        fixture.Clock.Now = Instant.FromUtc(2027, 3, 3, 0, 0);
        await fixture.WakeDueAsync();
        Assert.Equal(200, await SumAsync(Accounts.Expired));
        Assert.Equal(0, await fixture.WakeDueAsync());
        Assert.Equal(0, await PointsAsync("anna"));
    }

    [StoreFact]
    public async Task Points_lapse_also_after_a_crash_and_a_checkpoint_while_nobody_touches_the_member()
    {
        await BuyAsync("p1", "anna", 100_00);
        await fixture.CheckpointAsync();
        await fixture.CrashAsync();
        fixture.Clock.Now = Instant.FromUtc(2027, 3, 3, 0, 0);
        await fixture.WakeDueAsync();
        Assert.Equal(100, await SumAsync(Accounts.Expired));
    }

    [StoreFact]
    public async Task A_tier_is_reviewed_on_time_even_when_nobody_touches_the_member()
    {
        await BuyAsync("p1", "anna", 500_00);
        Assert.Equal("silver", (await TellAsync(new GetMember("anna"))).View!.Tier!.Level);
        Assert.Equal(150, await AwardedAsync("p2", "anna", 100_00));
        var records = fixture.ReadAll().Count();
        fixture.Clock.Now = Instant.FromUtc(2026, 6, 1, 12, 0);
        await fixture.WakeDueAsync();
        Assert.Equal(records, fixture.ReadAll().Count());
        fixture.Clock.Now = Instant.FromUtc(2026, 6, 2, 12, 0);
        await fixture.WakeDueAsync();
        Assert.Equal(records + 1, fixture.ReadAll().Count());
        Assert.Null((await TellAsync(new GetMember("anna"))).View!.Tier!.Level);
        Assert.Equal(0, await fixture.WakeDueAsync());
        Assert.Equal(100, await AwardedAsync("p3", "anna", 100_00));
    }

    // ------------------------------------------------------------------ feeds

    [Fact]
    public async Task A_feed_remembers_how_far_it_came_and_never_goes_back()
    {
        var feed = ActorIds.Feed("test", 7);
        Assert.Equal(default, await ProgressAsync(new GetFeed(feed)));
        Assert.Equal(new(50, 5), await ProgressAsync(new AdvanceFeed(feed, new(50, 5))));
        Assert.Equal(new(50, 5), await ProgressAsync(new AdvanceFeed(feed, new(40, 4))));
        await fixture.CrashAsync();
        Assert.Equal(new(50, 5), await ProgressAsync(new GetFeed(feed)));
        Assert.Equal(new(60, 6), await ProgressAsync(new AdvanceFeed(feed, new(60, 6))));
        await fixture.CheckpointAsync();
        await fixture.RestartAsync();
        Assert.Equal(new(60, 6), await ProgressAsync(new GetFeed(feed)));
        Assert.Equal(default, await ProgressAsync(new GetFeed(ActorIds.Feed("test", 8))));
    }

    // ------------------------------------------------------------------ the program

    [StoreFact]
    public async Task A_sale_is_judged_by_the_version_in_force_at_its_own_time()
    {
        var change = Now + Duration.FromDays(7);
        Assert.Empty((await PublishAsync(Programs.Of(2, $"\"effectiveFrom\": \"{change}\","))).Errors);
        Assert.Equal(100, await AwardedAsync("p1", "anna", 100_00));
        fixture.Clock.Now = change + Duration.FromDays(1);
        Assert.Equal(100, await AwardedAsync("p2", "anna", 100_00, change - Duration.FromSeconds(1)));
        Assert.Equal(200, await AwardedAsync("p3", "anna", 100_00, change));
        await fixture.RestartAsync();
        Assert.Equal(2, Engine.Programs.Current.Versions.Count);
        Assert.Equal(100, await AwardedAsync("p4", "anna", 100_00, change - Duration.FromSeconds(1)));
        await ReturnAsync("r1", "anna", "p2", 100_00);
        Assert.Equal(400, await PointsAsync("anna"));
    }

    [StoreFact]
    public async Task A_program_that_is_refused_changes_nothing_and_one_that_is_there_already_makes_no_version()
    {
        foreach (var wrong in new[]
        {
            "{"u8.ToArray(), Programs.Of(0), Programs.Of(currency: "EUR"), Programs.Of(2, "\"surprise\": 1,"), Programs.Of(2, "\"effectiveFrom\": \"2020-01-01T00:00:00Z\","),
        })
        {
            var reply = await PublishAsync(wrong);
            Assert.NotEmpty(reply.Errors);
            Assert.Single(Engine.Programs.Current.Versions);
        }

        Assert.Empty((await PublishAsync(Programs.First)).Errors);
        Assert.Single(Engine.Programs.Current.Versions);
        Assert.Empty((await PublishAsync(Programs.Of(2))).Errors);
        Assert.Equal(2, Engine.Programs.Current.Versions.Count);
        Assert.Equal(200, await AwardedAsync("p1", "anna", 100_00));
        await fixture.CrashAsync();
        Assert.Equal(2, Engine.Programs.Current.Versions.Count);
    }

    // ------------------------------------------------------------------ statements

    [StoreFact]
    public async Task A_statement_goes_back_page_by_page_with_the_balance_after_each_posting()
    {
        for (var i = 0; i < 25; i++)
        {
            await BuyAsync($"p{i}", "anna", (i + 1) * 100);
        }

        await ReturnAsync("r1", "anna", "p10", 11_00);
        await AdjustAsync("a1", "anna", -5);
        fixture.Clock.Now = Instant.FromUtc(2027, 3, 3, 0, 0);
        await BuyAsync("late", "anna", 7_00, at: Now);
        var all = await StatementAsync("anna", 500);
        foreach (var size in new[] { 1, 2, 7, 27 })
        {
            Assert.Equal(all, await StatementAsync("anna", size));
        }

        Assert.Equal("late", all[0].Request);
        Assert.Equal(7, all[0].Balance);
        Assert.Equal("lapse", all[1].Kind);
        Assert.Equal("p0", all[^1].Request);
    }

    [StoreFact]
    public async Task A_page_that_was_begun_is_not_changed_by_what_comes_later()
    {
        for (var i = 0; i < 5; i++)
        {
            await BuyAsync($"p{i}", "anna", 10_00);
        }

        var (first, _) = await Engine.StatementAsync("anna", null, 2);
        await BuyAsync("later", "anna", 10_00);
        var (second, _) = await Engine.StatementAsync("anna", first!.Next, 2);
        Assert.Equal(["p4", "p3", "p2", "p1"], first.Entries.Concat(second!.Entries).Select(entry => entry.Request));
        Assert.Equal([50, 40, 30, 20], first.Entries.Concat(second.Entries).Select(entry => entry.Balance));
    }

    [StoreFact]
    public async Task A_member_that_is_not_known_has_no_statement()
    {
        var (page, command) = await Engine.StatementAsync("nobody", null, 10);
        Assert.Null(page);
        Assert.Equal(CommandStatus.Done, command!.Status);
    }

    // ------------------------------------------------------------------ the audit

    /// <summary>Books that sum to zero, totals that equal a replay, statements that add up, and the same members after a checkpoint, a restart and a crash.</summary>
    private async Task AuditAsync()
    {
        var replay = new Ledger();
        var kinds = LoyaltyEngine.Kinds(new ProgramSource()).ToDictionary(kind => kind.Name);
        foreach (var record in fixture.ReadAll())
        {
            kinds[record.Actor.Kind].Post(ActorState.KindPart(record.Events.Span, out _), replay);
        }

        var totals = (await Engine.Books.TotalsAsync()).Sums;
        Assert.Equal(Sorted(replay.Sums), Sorted(totals));
        Assert.Equal(0, totals.Where(sum => MeasureNames.ParseAccount(sum.Key) is not null).Sum(sum => sum.Value));

        var before = await MembersAsync();
        Assert.Equal(totals.GetValueOrDefault(MeasureNames.Account("points", Accounts.Member)), before.Values.Sum(view => Points(view)));
        foreach (var (id, view) in before)
        {
            var postings = await StatementAsync(id, 7);
            Assert.Equal(Points(view), postings.Where(entry => entry.From == Accounts.Member || entry.To == Accounts.Member).Sum(entry => entry.Points));
            for (var i = 0; i < postings.Count; i++)
            {
                var change = postings[i].From == Accounts.Member || postings[i].To == Accounts.Member ? postings[i].Points : 0;
                Assert.Equal(postings[i].Balance, change + (i + 1 < postings.Count ? postings[i + 1].Balance : 0));
            }
        }

        foreach (var again in new Func<Task>[] { fixture.CrashAsync, fixture.CheckpointAsync, fixture.RestartAsync })
        {
            await again();
            Assert.Equal(before.ToDictionary(pair => pair.Key, pair => Say(pair.Value)), (await MembersAsync()).ToDictionary(pair => pair.Key, pair => Say(pair.Value)));
        }
    }

    private async Task<Dictionary<string, MemberView>> MembersAsync()
    {
        var views = new Dictionary<string, MemberView>();
        foreach (var id in fixture.ReadAll().Where(record => record.Actor.Kind == ActorIds.MemberKind).Select(record => record.Actor.Key).Distinct().ToArray())
        {
            if ((await TellAsync(new GetMember(id))).View is { } view)
            {
                views[id] = view;
            }
        }

        return views;
    }

    private async Task<List<StatementEntry>> StatementAsync(string member, int size)
    {
        var entries = new List<StatementEntry>();
        StatementCursor? cursor = null;
        do
        {
            var (page, _) = await Engine.StatementAsync(member, cursor, size);
            entries.AddRange(page!.Entries);
            cursor = page.Next;
        }
        while (cursor is not null);
        return entries;
    }

    // ------------------------------------------------------------------ sending

    private static Purchase Purchase(string id, string? member, long amount, decimal quantity = 1, Instant? at = null) => new()
    {
        Id = id,
        Member = member,
        Store = "s1",
        At = at ?? Instant.FromUtc(2026, 3, 2, 9, 0),
        Currency = "GBP",
        Lines = [new("tea", null, null, quantity, amount)],
    };

    private static Return Return(string id, string? member, string? purchase, long amount) => new()
    {
        Id = id,
        Member = member,
        Purchase = purchase,
        Store = "s1",
        At = Instant.FromUtc(2026, 3, 2, 9, 30),
        Currency = "GBP",
        Lines = [new("tea", null, null, 1, amount)],
    };

    private static Adjustment Adjustment(string id, string member, long points) => new()
    {
        Id = id,
        Member = member,
        Unit = "points",
        Points = points,
        Reason = "goodwill",
        Author = "shop",
    };

    private RecordPurchase Record(Purchase purchase) => new RecordPurchase(Engine.TargetOf(purchase), purchase);

    private RecordReturn Record(Return request) => new RecordReturn(Engine.TargetOf(request), request);

    private Task<RequestOutcome> BuyAsync(string id, string? member, long amount, decimal quantity = 1, Instant? at = null) =>
        SendAsync(Record(Purchase(id, member, amount, quantity, at)));

    private async Task<long> AwardedAsync(string id, string member, long amount, Instant? at = null) =>
        Assert.IsType<PurchaseRecorded>((await BuyAsync(id, member, amount, at: at ?? Now)).Fact).Awards.Sum(award => award.Points);

    private Task<RequestOutcome> ReturnAsync(string id, string? member, string? purchase, long amount) => SendAsync(Record(Return(id, member, purchase, amount)));

    private async Task<RequestOutcome> AdjustAsync(string id, string member, long points, bool enrol = false)
    {
        if (enrol)
        {
            await EnrolAsync(new Enrolment { Id = member, AlternativeIds = [] });
        }

        return await SendAsync(new AdjustPoints(Adjustment(id, member, points)));
    }

    private async Task<RequestOutcome> SendAsync(RequestCommand command)
    {
        await Engine.Host.AskAsync<Command>(command);
        Assert.True(command.Status == CommandStatus.Done, $"{command.RequestId}: {command.Status}, {command.Problem}");
        return command.Outcome;
    }

    private async Task<MemberReply> TellAsync(Command command)
    {
        await Engine.Host.AskAsync(command);
        Assert.True(command.Status == CommandStatus.Done, $"{command.GetType().Name}: {command.Status}, {command.Problem}");
        return Assert.IsType<MemberReply>(command.Reply);
    }

    private async Task<FeedProgress> ProgressAsync(Command command)
    {
        await Engine.Host.AskAsync(command);
        Assert.True(command.Status == CommandStatus.Done, $"{command.GetType().Name}: {command.Status}, {command.Problem}");
        return Assert.IsType<FeedProgress>(command.Reply);
    }

    private async Task<MemberReply> EnrolAsync(Enrolment enrolment)
    {
        var command = await Engine.EnrolAsync(enrolment);
        Assert.Equal(CommandStatus.Done, command.Status);
        return Assert.IsType<MemberReply>(command.Reply);
    }

    private async Task<PublishReply> PublishAsync(byte[] json)
    {
        var command = await Engine.PublishAsync(json);
        Assert.Equal(CommandStatus.Done, command.Status);
        return Assert.IsType<PublishReply>(command.Reply);
    }

    private async Task<string?> WhoHasAsync(AlternativeId id) => ((await Engine.FindMemberAsync(id)).Reply as MemberReply)?.View?.Id;

    /// <summary>Enrols a member of that name with the alternative id, or adds it.</summary>
    private async Task<bool> TryClaimAsync(AlternativeId id, string member)
    {
        await Engine.Host.AskAsync<Command>(new EnrolMember(new Enrolment { Id = member, AlternativeIds = [] }));
        return (await Engine.ReplaceAlternativeIdsAsync(member, [id])).Reply is MemberReply { Refusal: null };
    }

    private async Task<long> PointsAsync(string member) => (await TellAsync(new GetMember(member))).View is { } view ? Points(view) : 0;

    private async Task<long> SumAsync(string account) => (await Engine.Books.TotalsAsync()).Sums.GetValueOrDefault(MeasureNames.Account("points", account));

    private async Task<long> CountAsync(string counter) => (await Engine.Books.TotalsAsync()).Sums.GetValueOrDefault(MeasureNames.Counter(counter));

    private static long Points(MemberView view) => view.Balances.Sum(balance => balance.Available + balance.Pending);

    private static IEnumerable<KeyValuePair<string, long>> Sorted(IReadOnlyDictionary<string, long> sums) =>
        sums.Where(sum => sum.Value != 0).OrderBy(sum => sum.Key, StringComparer.Ordinal);

    private static string Say(RequestOutcome outcome) =>
        $"{outcome.Kind} {outcome.Refusal} {(outcome.Fact as PurchaseRecorded)?.Tier} {string.Join(", ", (outcome.Fact as PurchaseRecorded)?.Awards ?? [])} "
        + $"{string.Join(", ", outcome.Answer?.Balances ?? [])} {outcome.Answer?.Tier}";

    private static string Say(MemberView view) =>
        $"{view with { AlternativeIds = [], Balances = [], Lots = [], WaitingReturns = [] }} {string.Join(", ", view.AlternativeIds)} {string.Join(", ", view.Balances)} "
        + $"{string.Join(", ", view.Lots)} {string.Join(", ", view.WaitingReturns)}";

    /// <summary>Ends when the condition holds: effects arrive by themselves, a little later.</summary>
    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        // There is no event to wait for; the bound only keeps a broken build from hanging.
        var limit = System.Diagnostics.Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(limit.Elapsed < TimeSpan.FromMinutes(1), "it never happens");
            await Task.Yield();
        }
    }

    private sealed class Ledger : ILedgerSink
    {
        public Dictionary<string, long> Sums { get; } = [];

        public void Post(string unit, string from, string to, long points)
        {
            Add(MeasureNames.Account(unit, from), -points);
            Add(MeasureNames.Account(unit, to), points);
        }

        public void Count(string counter, long delta) => Add(MeasureNames.Counter(counter), delta);

        private void Add(string name, long delta) => Sums[name] = Sums.GetValueOrDefault(name) + delta;
    }
}
