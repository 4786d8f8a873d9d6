using System.Text;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Tests.Shared;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Campaigns from draft to end, their budgets, activities and quotes, whatever runs the actors and wherever the books lie. After each test the books sum to zero.</summary>
public abstract class CampaignBehaviour(LoyaltyFixture fixture) : IAsyncLifetime
{
    private int _ids;

    private LoyaltyEngine Engine => fixture.Engine;

    private Instant Now => fixture.Clock.Now;

    public Task InitializeAsync() => fixture.StartAsync();

    public async Task DisposeAsync()
    {
        try
        {
            var kinds = LoyaltyEngine.Kinds(new ProgramSource()).ToDictionary(kind => kind.Name);
            var replay = new Dictionary<string, long>();
            foreach (var record in fixture.ReadAll())
            {
                kinds[record.Actor.Kind].Post(ActorState.KindPart(record.Events.Span, out _), new Sums(replay));
            }

            var sums = (await Engine.Books.TotalsAsync()).Sums;
            Assert.Equal(0, sums.Where(sum => MeasureNames.ParseAccount(sum.Key) is not null).Sum(sum => sum.Value));
            Assert.Equal(
                replay.Where(sum => sum.Value != 0).OrderBy(sum => sum.Key, StringComparer.Ordinal), sums.Where(sum => sum.Value != 0).OrderBy(sum => sum.Key, StringComparer.Ordinal));
        }
        finally
        {
            await fixture.DisposeAsync();
        }
    }

    // ------------------------------------------------------------------ budgets

    [StoreFact]
    public async Task Sixty_four_clients_are_given_exactly_the_budget_also_when_the_process_dies_meanwhile_and_returns_put_it_back()
    {
        await PublishAsync("boost", Bonus(7000, """, "budget": { "in": "points", "amount": 1000000 }"""));
        var given = await BuyTogetherAsync(clients: 64, each: 1);
        Assert.Equal(64 * 7000, given);
        await fixture.CrashAsync();
        given += await BuyTogetherAsync(clients: 64, each: 2);
        for (var rounds = 0; given < 1_000_000; rounds++)
        {
            // What another silo holds of it comes back when that does not use it.
            Assert.True(rounds < 200, $"{given} are given");
            given += await GivenAsync(await BuyAsync("late", 1_00));
            await TickAsync();
        }

        Assert.Equal(1_000_000, given);
        Assert.Equal(1_000_000, SpentInBooks("boost"));
        Assert.Equal(0, await GivenAsync(await BuyAsync("late", 1_00)));

        var last = _ids;
        var whole = fixture.ReadAll().SelectMany(FactsOf).OfType<PurchaseRecorded>().First(fact => fact.Awards.Any(award => award.Points == 7000)).Purchase;
        await ReturnAsync(whole);
        Assert.Equal(993_000, SpentInBooks("boost"));
        given = 0;
        for (var rounds = 0; given < 7000; rounds++)
        {
            Assert.True(rounds < 200, $"{given} are given again");
            given += await GivenAsync(await BuyAsync("again", 1_00));
            await TickAsync();
        }

        Assert.True(_ids > last);
        Assert.Equal(7000, given);
        Assert.Equal(1_000_000, SpentInBooks("boost"));
    }

    [StoreFact]
    public async Task A_budget_shows_what_is_spent_leased_and_free()
    {
        await PublishAsync("boost", Bonus(50, """, "budget": { "in": "points", "amount": 1000, "by": "store", "period": "week", "whenShort": "none" }"""));
        await BuyAsync("anna", 1_00);
        await UntilAsync(async () =>
        {
            await TickAsync();
            var purse = Assert.Single((await BudgetAsync("boost")).Purses);
            Assert.Equal((new PurseKey(BudgetMeasure.Points, CampaignPeriod.Week, "s1", new(2026, 3, 2)), 1000), (purse.Purse, purse.Amount));
            Assert.Equal(1000, purse.Spent + purse.Leased + purse.Free);
            return purse.Spent == 50;
        });
        Assert.Empty((await BudgetAsync("boost", store: "s2")).Purses);
        Assert.Null((await Engine.GetBudgetAsync("nothing")).Reply);
    }

    // ------------------------------------------------------------------ life

    [StoreFact]
    public async Task A_campaign_is_drafted_published_and_known_to_all_and_stays_known_after_a_restart_and_a_crash()
    {
        Assert.Null((await ReplyAsync(Engine.GetCampaignAsync("boost"))).View);
        Assert.Null((await ReplyAsync(Engine.PublishCampaignAsync("boost", "anna"))).View);
        var bad = await ReplyAsync(Engine.SaveCampaignDraftAsync("boost", Encoding.UTF8.GetBytes("""{ "name": "Boost", "gives": [ { "type": "bonus", "unit": "stars", "points": 5 } ] }"""), "anna"));
        Assert.Contains(bad.Errors, error => error.Field == "gives[0].unit");
        Assert.Null((await ReplyAsync(Engine.GetCampaignAsync("boost"))).View);

        await PublishAsync("boost", Bonus(5));
        foreach (var again in new Func<Task>[] { () => Task.CompletedTask, fixture.RestartAsync, fixture.CrashAsync, fixture.CheckpointAsync, fixture.RestartAsync })
        {
            await again();
            Assert.Equal(5, await GivenAsync(await BuyAsync("anna", 1_00)));
            var list = Assert.IsType<CampaignList>((await Engine.ListCampaignsAsync()).Reply);
            Assert.Equal(("boost", "Boost", CampaignStatus.Active), (list.Entries.Single().Id, list.Entries.Single().Name, list.Entries.Single().StatusAt(Now)));
        }

        // The answer to the first time was lost, perhaps.
        Assert.Single((await ReplyAsync(Engine.PublishCampaignAsync("boost", "anna"))).View!.Versions);
    }

    [StoreFact]
    public async Task A_late_purchase_is_judged_by_the_version_of_its_time_and_none_by_a_pause()
    {
        await PublishAsync("boost", Bonus(5));
        fixture.Clock.Now += Duration.FromHours(1);
        await PublishAsync("boost", Bonus(7));
        fixture.Clock.Now += Duration.FromHours(1);
        var paused = await ReplyAsync(Engine.SetCampaignStatusAsync("boost", CampaignStatus.Paused, "anna", "too popular"));
        Assert.Equal(CampaignStatus.Paused, paused.View!.Status);
        fixture.Clock.Now += Duration.FromHours(1);
        await ReplyAsync(Engine.SetCampaignStatusAsync("boost", CampaignStatus.Active, "anna", "calm again"));
        fixture.Clock.Now += Duration.FromHours(1);
        var start = Instant.FromUtc(2026, 3, 2, 10, 0);
        foreach (var (minutes, points) in new[] { (-1, 0), (0, 5), (59, 5), (60, 7), (119, 7), (120, 0), (179, 0), (180, 7), (239, 7) })
        {
            Assert.Equal(points, await GivenAsync(await BuyAsync("anna", 1_00, at: start + Duration.FromMinutes(minutes))));
        }
    }

    [StoreFact]
    public async Task A_second_person_approves_when_the_program_asks_for_it_and_a_change_takes_the_approval_back()
    {
        Assert.Empty(Assert.IsType<PublishReply>((await Engine.PublishAsync(Programs.Of(extra: "\"campaignApproval\": true,"))).Reply).Errors);
        await ReplyAsync(Engine.SaveCampaignDraftAsync("boost", Bonus(5), "anna"));
        Assert.Equal("approval-needed", (await ReplyAsync(Engine.PublishCampaignAsync("boost", "ben"))).Refusal!.Code);
        Assert.Equal("own-draft", (await ReplyAsync(Engine.ApproveCampaignAsync("boost", "anna"))).Refusal!.Code);
        Assert.Equal("ben", (await ReplyAsync(Engine.ApproveCampaignAsync("boost", "ben"))).View!.Draft!.ApprovedBy);
        await ReplyAsync(Engine.SaveCampaignDraftAsync("boost", Bonus(6), "anna"));
        Assert.Equal("approval-needed", (await ReplyAsync(Engine.PublishCampaignAsync("boost", "anna"))).Refusal!.Code);
        await ReplyAsync(Engine.ApproveCampaignAsync("boost", "ben"));
        var version = (await ReplyAsync(Engine.PublishCampaignAsync("boost", "anna"))).View!.Versions.Single();
        Assert.Equal(("anna", "ben", Now), (version.Author, version.ApprovedBy, version.From));
        Assert.Equal(6, await GivenAsync(await BuyAsync("anna", 1_00)));
    }

    [StoreFact]
    public async Task A_campaign_begins_and_ends_by_itself_and_its_id_is_not_used_again()
    {
        await PublishAsync("boost", Bonus(5, """, "from": "2026-03-02T11:00:00Z", "until": "2026-03-02T12:00:00Z" """), CampaignStatus.Scheduled);
        fixture.Clock.Now = Instant.FromUtc(2026, 3, 2, 11, 0);
        Assert.Equal(CampaignStatus.Active, (await ReplyAsync(Engine.GetCampaignAsync("boost"))).View!.Status);
        fixture.Clock.Now = Instant.FromUtc(2026, 3, 2, 12, 30);
        await fixture.WakeDueAsync();
        var view = (await ReplyAsync(Engine.GetCampaignAsync("boost"))).View!;
        Assert.Equal((CampaignStatus.Ended, "", Instant.FromUtc(2026, 3, 2, 12, 0)), (view.Status, view.Changes.Single().Author, view.Changes.Single().Change.At));
        Assert.Equal("campaign-ended", (await ReplyAsync(Engine.SaveCampaignDraftAsync("boost", Bonus(7), "anna"))).Refusal!.Code);
        Assert.Equal("campaign-ended", (await ReplyAsync(Engine.SetCampaignStatusAsync("boost", CampaignStatus.Active, "anna", "more"))).Refusal!.Code);
        Assert.Equal(5, await GivenAsync(await BuyAsync("anna", 1_00, at: Instant.FromUtc(2026, 3, 2, 11, 59))));
        Assert.Equal(0, await GivenAsync(await BuyAsync("anna", 1_00)));
    }

    // ------------------------------------------------------------------ members

    [StoreFact]
    public async Task A_quote_says_what_the_purchase_then_earns_and_takes_nothing()
    {
        await PublishAsync("boost", Bonus(50, """, "budget": { "in": "points", "amount": 70 }"""));
        await PublishAsync("web-only", Bonus(9, """, "where": { "channels": ["web"] }"""));
        foreach (var expected in new[] { 50, 20, 0 })
        {
            var purchase = Purchase("anna", 1_00);
            for (var i = 0; i < 2; i++)
            {
                var quote = Assert.IsType<MemberQuote>((await Engine.QuoteAsync(purchase, explain: true)).Reply);
                Assert.Equal(expected, Given(Assert.IsType<PurchaseRecorded>(quote.Fact)));
                Assert.Contains(quote.Skipped, skipped => skipped == new SkippedCampaign("web-only", SkipReasons.NotHere));
                Assert.Equal(expected == 0, quote.Skipped.Contains(new("boost", SkipReasons.Budget)));
            }

            var command = new RecordPurchase(Engine.TargetOf(purchase), purchase) { Explain = true };
            await Engine.Host.AskAsync(command);
            Assert.Equal(expected, await GivenAsync(command.Outcome));
            Assert.Contains(command.Outcome.Skipped!, skipped => skipped == new SkippedCampaign("web-only", SkipReasons.NotHere));
        }
    }

    [StoreFact]
    public async Task An_activity_is_recorded_once_and_a_friend_is_referred_once()
    {
        await PublishAsync("friends", """{ "name": "Friends", "trigger": { "activity": "referral" }, "gives": [ { "type": "bonus", "unit": "points", "points": 30 } ] }"""u8.ToArray());
        var referral = new Activity { Id = "a1", Member = "anna", Type = Activity.Referral, At = Now, Friend = "ben" };
        var first = (await Engine.RecordActivityAsync(referral)).Outcome;
        Assert.Equal(30, Assert.IsType<ActivityRecorded>(first.Fact).Awards.Single().Points);
        var again = (await Engine.RecordActivityAsync(referral)).Outcome;
        Assert.True(again.Replayed);
        Assert.Equal(30, Assert.IsType<ActivityRecorded>(again.Fact).Awards.Single().Points);
        Assert.Equal(OutcomeKind.Conflict, (await Engine.RecordActivityAsync(referral with { Friend = "carl" })).Outcome.Kind);
        var other = await Engine.RecordActivityAsync(referral with { Id = "a2", Member = "dora" });
        Assert.True(other.Status == CommandStatus.Done, other.Problem);
        Assert.Equal("already-referred", other.Outcome.Refusal?.Code);
        Assert.Equal(30, (await MemberAsync("anna")).Balances.Single(balance => balance.Unit == "points").Available);
        var (page, _) = await Engine.StatementAsync("anna", null, 10);
        Assert.Contains(page!.Entries, entry => entry is { Kind: "activity", Request: "a1", Rule: "campaign:friends", Points: 30 });
    }

    [StoreFact]
    public async Task Joining_is_an_activity_and_attributes_and_progress_are_shown()
    {
        await PublishAsync("hello", """{ "name": "Hello", "trigger": { "activity": "sign-up" }, "gives": [ { "type": "bonus", "unit": "points", "points": 11 } ], "budget": { "in": "uses", "amount": 1 } }"""u8.ToArray());
        await PublishAsync("thrice", """
            { "name": "Thrice", "who": { "tags": ["vip"] }, "challenge": { "steps": [ { "name": "visits", "count": "visits", "target": 3 } ], "gives": [ { "type": "bonus", "unit": "points", "points": 100 } ] } }
            """u8.ToArray());
        Assert.Null(Assert.IsType<EnrolMember>(await Engine.EnrolAsync(new() { Id = "anna", AlternativeIds = [] })).Reply is MemberReply { Refusal: { } refusal } ? refusal : null);
        await Engine.EnrolAsync(new() { Id = "ben", AlternativeIds = [] });
        Assert.Equal((11, 0), ((await MemberAsync("anna")).Balances[0].Available, (await MemberAsync("ben")).Balances[0].Available));

        Assert.Null(Assert.IsType<MemberReply>((await Engine.SetAttributesAsync("anna", MemberAttributes.Of(["vip", "tea"], new AnnualDate(2, 29)))).Reply).Refusal);
        Assert.Null(Assert.IsType<MemberReply>((await Engine.SetAttributesAsync("nobody", MemberAttributes.None)).Reply).View);
        await BuyAsync("anna", 1_00);
        await BuyAsync("anna", 1_00);
        var view = Assert.IsType<MemberCampaignsView>((await Engine.GetMemberCampaignsAsync("anna")).Reply);
        Assert.Equal(["tea", "vip"], view.Attributes.Tags);
        var progress = Assert.Single(view.Progress);
        Assert.Equal(("thrice", "challenge", 0, new ProgressStep("visits", 2, 3)), (progress.Campaign, progress.Kind, progress.Done, progress.Steps.Single()));
        Assert.Equal(100, await GivenAsync(await BuyAsync("anna", 1_00)));
        Assert.Null((await Engine.GetMemberCampaignsAsync("nobody")).Reply);
    }

    [StoreFact]
    public async Task A_leader_board_ranks_members_by_what_a_campaign_gave_and_counts_everything_once()
    {
        await PublishAsync("race", """{ "name": "Race", "gives": [ { "type": "rate", "unit": "points", "points": 1, "per": 100 } ], "leaderboard": { "period": "week", "places": 2 } }"""u8.ToArray());
        await BuyAsync("anna", 30_00);
        var (ben, _) = (await BuyAsync("ben", 50_00), await BuyAsync("carl", 10_00));
        await BoardAsync("race", null, "1 ben 50, 2 anna 30");
        await fixture.CrashAsync();
        await ReturnAsync(Assert.IsType<PurchaseRecorded>(ben.Fact).Purchase);
        await BuyAsync("carl", 20_00);
        await BoardAsync("race", null, "1 anna 30, 1 carl 30");
        await BoardAsync("race", new(2026, 3, 8), "1 anna 30, 1 carl 30");
        await BoardAsync("race", new(2026, 3, 9), "");
        await PublishAsync("quiet", Bonus(5));
        Assert.IsType<GetCampaign>((await Engine.GetLeaderboardAsync("quiet")).Command);
    }

    private async Task BoardAsync(string campaign, LocalDate? day, string expected)
    {
        var shown = "";
        for (var tries = 0; tries < 200; tries++)
        {
            if (!Engine.Host.IsOrleans)
            {
                while (await Engine.Programs.Campaigns.Boards.PassAsync())
                {
                    // There is more.
                }
            }

            var (command, period, start) = await Engine.GetLeaderboardAsync(campaign, day);
            Assert.Equal(CampaignPeriod.Week, period);
            Assert.Equal(IsoDayOfWeek.Monday, start.DayOfWeek);
            shown = string.Join(", ", Assert.IsType<BoardView>(command.Reply).Places.Select(place => $"{place.Rank} {place.Member} {place.Points}"));
            if (shown == expected)
            {
                return;
            }

            await TickAsync();
        }

        Assert.Equal(expected, shown);
    }

    // ------------------------------------------------------------------ sending

    private static byte[] Bonus(int points, string extra = "") =>
        Encoding.UTF8.GetBytes($$"""{ "name": "Boost", "gives": [ { "type": "bonus", "unit": "points", "points": {{points}} } ]{{extra}} }""");

    private async Task PublishAsync(string id, byte[] json, CampaignStatus status = CampaignStatus.Active)
    {
        Assert.Empty((await ReplyAsync(Engine.SaveCampaignDraftAsync(id, json, "anna"))).Errors);
        var reply = await ReplyAsync(Engine.PublishCampaignAsync(id, "anna"));
        Assert.Empty(reply.Errors);
        Assert.Null(reply.Refusal);
        Assert.Equal(status, reply.View!.Status);
    }

    private static async Task<CampaignReply> ReplyAsync<T>(Task<T> sent)
        where T : CampaignCommand
    {
        var command = await sent;
        Assert.True(command.Status == CommandStatus.Done, $"{typeof(T).Name}: {command.Status}, {command.Problem}");
        return Assert.IsType<CampaignReply>(command.Reply);
    }

    private async Task<BudgetView> BudgetAsync(string id, string? store = null) => Assert.IsType<BudgetView>((await Engine.GetBudgetAsync(id, store)).Reply);

    private async Task<MemberView> MemberAsync(string id)
    {
        var command = await Engine.Host.AskAsync(new GetMember(id));
        return Assert.IsType<MemberReply>(command.Reply).View!;
    }

    private Purchase Purchase(string member, long amount, Instant? at = null) => new()
    {
        Id = $"p{Interlocked.Increment(ref _ids)}",
        Member = member,
        Store = "s1",
        At = at ?? Now,
        Currency = "GBP",
        Lines = [new("tea", null, null, 1, amount)],
    };

    private async Task<RequestOutcome> BuyAsync(string member, long amount, Instant? at = null)
    {
        var purchase = Purchase(member, amount, at);
        while (true)
        {
            var command = new RecordPurchase(Engine.TargetOf(purchase), purchase);
            await Engine.Host.AskAsync<Command>(command);
            if (command.Status == CommandStatus.Done)
            {
                Assert.Equal(OutcomeKind.Recorded, command.Outcome.Kind);
                return command.Outcome;
            }
        }
    }

    private async Task<long> BuyTogetherAsync(int clients, int each)
    {
        long given = 0;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            for (var i = 0; i < each; i++)
            {
                Interlocked.Add(ref given, await GivenAsync(await BuyAsync($"m{client}", 1_00)));
            }
        })));
        return given;
    }

    private async Task ReturnAsync(Purchase purchase)
    {
        var request = new Return { Id = $"r{Interlocked.Increment(ref _ids)}", Purchase = purchase.Id, Member = purchase.Member, Store = "s1", At = Now, Currency = "GBP", Lines = purchase.Lines };
        var command = await Engine.Host.AskAsync(new RecordReturn(Engine.TargetOf(request), request));
        Assert.True(command.Status == CommandStatus.Done, command.Problem);
        Assert.Equal(OutcomeKind.Recorded, command.Outcome.Kind);
    }

    private static Task<long> GivenAsync(RequestOutcome outcome) => Task.FromResult(Given(Assert.IsType<PurchaseRecorded>(outcome.Fact)));

    private static long Given(PurchaseRecorded fact) => fact.Awards.Where(award => award.Rule.StartsWith("campaign:", StringComparison.Ordinal)).Sum(award => award.Points);

    /// <summary>What all durable facts together spend of a campaign's budget.</summary>
    private long SpentInBooks(string campaign) => fixture.ReadAll().Sum(record => BudgetFacts.Of(record).Where(spend => spend.Campaign == campaign).Sum(spend => spend.Amount));

    private static IReadOnlyList<MemberEvent> FactsOf(Journal.JournalRecord record) => record.Actor.Kind == ActorIds.MemberKind ? MemberFacts.Of(record) : [];

    /// <summary>One second passes for the leases. Silos look after theirs themselves.</summary>
    private Task TickAsync() => Engine.Host.IsOrleans ? Task.Delay(50) : Engine.Programs.Campaigns.Leases.TickAsync();

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var limit = System.Diagnostics.Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(limit.Elapsed < TimeSpan.FromMinutes(1), "it never happens");
        }
    }

    private sealed class Sums(Dictionary<string, long> sums) : ILedgerSink
    {
        public void Post(string unit, string from, string to, long points)
        {
            Add(MeasureNames.Account(unit, from), -points);
            Add(MeasureNames.Account(unit, to), points);
        }

        public void Count(string counter, long delta) => Add(MeasureNames.Counter(counter), delta);

        private void Add(string name, long delta) => sums[name] = sums.GetValueOrDefault(name) + delta;
    }
}
