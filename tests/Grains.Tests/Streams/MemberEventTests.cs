using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Grains.Streams;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Grains.Tests.Streams;

/// <summary>What consumers of the stream "member-events" are told.</summary>
public sealed class MemberEventTests
{
    [Fact]
    public async Task A_year_of_purchases_is_told_once_and_in_order_and_an_account_kept_from_it_has_each_members_balance()
    {
        await using var cluster = new StreamCluster();
        await cluster.StartAsync();
        await cluster.BuyAsync(Year(members: 40, perMember: 25, cluster.Clock.Now));
        await ReturnAsync(cluster, "r1", "m3", "m3-4");
        await TellAsync(cluster, new AdjustPoints(new Adjustment { Id = "a1", Member = "m4", Unit = "points", Points = 77, Reason = "goodwill", Author = "shop" }));
        await TellAsync(cluster, new RecordActivity(new Activity { Id = "d1", Member = "m6", Type = "review", At = cluster.Clock.Now, Score = 4 }));
        await TellAsync(cluster, new SetAttributes("m6", MemberAttributes.Of(["vip"], null)));
        await TellAsync(cluster, new Runtime.Loyalty.ChangeStatus("m5", MemberStatus.Closed, "asked for it", "shop"));

        // A few months later points have lapsed and tiers were reviewed.
        cluster.Clock.Now += Duration.FromDays(150);
        var balances = new Dictionary<string, long>();
        for (var member = 0; member < 40; member++)
        {
            balances[$"m{member}"] = await cluster.BalanceAsync($"m{member}");
        }

        await cluster.AllIsToldAsync();
        var events = cluster.Diaries.Events;
        Assert.Equal(balances, balances.Keys.ToDictionary(member => member, member => events.Where(told => told.Member == member).Sum(Change)));
        var earned = events.OfType<PointsEarned>().First();
        Assert.Equal(earned.RequestId, earned.Purchase);
        Assert.Equal(earned.Lot.EarnedOn.AddMonths(12), earned.Lot.LastDay);
        Assert.NotEmpty(events.OfType<PointsExpired>());
        Assert.Contains(events.OfType<Grains.Streams.TierChanged>(), change => change.To.Level == "silver");
        Assert.Equal("r1", Assert.Single(events.OfType<PointsReturned>()).Return);
        Assert.Equal(77, Assert.Single(events.OfType<Grains.Streams.PointsAdjusted>()).Points);
        var done = Assert.Single(events.OfType<ActivityDone>());
        Assert.Equal(("d1", "d1", "review", 4), (done.RequestId, done.Activity, done.Type, done.Score));
        Assert.Equal("closed", Assert.Single(events.OfType<Grains.Streams.StatusChanged>()).Status);
        Assert.Equal(40, events.OfType<Grains.Streams.MemberEnrolled>().Count(enrolled => enrolled is { Automatic: true, Confirmed: false }));
    }

    [Fact]
    public async Task When_the_silos_are_killed_again_and_again_nothing_is_missing_and_the_order_is_kept()
    {
        await using var cluster = new StreamCluster { Queues = new() };
        var year = Year(members: 20, perMember: 30, cluster.Clock.Now);
        foreach (var part in year.Chunk(200))
        {
            await cluster.StartAsync();
            await cluster.BuyAsync(part);
            await StreamCluster.UntilAsync(() => cluster.Queues.Sent > 0, () => "nothing is published");
            await cluster.KillAsync();
        }

        await cluster.StartAsync();
        await cluster.AllIsToldAsync();
    }

    [Fact]
    public async Task What_is_noted_as_told_is_not_told_again_after_a_crash()
    {
        await using var cluster = new StreamCluster { Queues = new() };
        await cluster.StartAsync();
        await cluster.BuyAsync(Year(members: 20, perMember: 5, cluster.Clock.Now));
        await cluster.AllIsToldAsync();
        await StreamCluster.UntilAsync(() => cluster.IsNoted && cluster.Queues.Waiting == 0, () => "the progress is not noted");
        var (arrived, told) = (cluster.Diaries.Arrived, cluster.Told.Length);

        await cluster.KillAsync();
        await cluster.StartAsync();
        await cluster.BuyAsync(Buy("one-more", "m0", 1_00, cluster.Clock.Now));
        await cluster.AllIsToldAsync();

        // Each of two silos that do not know of each other yet may tell it.
        var more = cluster.Told.Length - told;
        Assert.InRange(cluster.Diaries.Arrived - arrived, more, 2 * more);
    }

    [Fact]
    public async Task A_queue_server_that_is_down_or_forgets_what_it_took_delays_events_and_loses_none_and_purchases_go_on()
    {
        var down = true;
        await using var cluster = new StreamCluster { Queues = new() { Mood = _ => Volatile.Read(ref down) ? QueueMood.Down : QueueMood.Well } };
        await cluster.StartAsync();
        await cluster.BuyAsync(Year(members: 10, perMember: 10, cluster.Clock.Now));
        await StreamCluster.UntilAsync(
            () => cluster.Publishers.Any(publisher => publisher.ReadFigures() is { Failures: > 2, RecordsBehind: > 0 }), () => "no failure shows in the figures");
        Assert.Equal(0, cluster.Diaries.Arrived);

        cluster.Queues.Mood = message => message % 3 == 0 ? QueueMood.Forgetful : message % 5 == 0 ? QueueMood.Down : QueueMood.Well;
        Volatile.Write(ref down, false);
        await cluster.AllIsToldAsync();
        await StreamCluster.UntilAsync(() => cluster.Queues.Waiting == 0, () => $"{cluster.Queues.Waiting} messages are not acknowledged");
        Assert.True(cluster.Diaries.Arrived > cluster.Diaries.Events.Length, "nothing was told twice, so the test has not tested it");
    }

    [Fact]
    public async Task Shards_that_move_to_a_new_silo_are_told_on_from_there()
    {
        await using var cluster = new StreamCluster { Queues = new() };
        await cluster.StartAsync();
        var year = Year(members: 30, perMember: 12, cluster.Clock.Now);
        var buying = cluster.BuyAsync(year);
        await cluster.StartSiloAsync();
        await buying;
        await cluster.AllIsToldAsync();
        await StreamCluster.UntilAsync(() => cluster.Publishers.Count(publisher => publisher.ReadFigures().Events > 0) >= 2, () => "one silo tells everything");
    }

    [Fact]
    public async Task Streams_are_off_by_default()
    {
        await using var cluster = new StreamCluster { Queues = new(), Options = new() };
        await cluster.StartAsync();
        await cluster.BuyAsync(Year(members: 2, perMember: 2, cluster.Clock.Now));
        Assert.Empty(cluster.Publishers);
        Assert.Equal(0, cluster.Queues.Sent);
        Assert.DoesNotContain(cluster.Journal.ReadAll(0), record => record.Actor.Kind == ActorIds.FeedKind);
    }

    [Fact]
    public async Task Books_with_a_past_can_be_told_from_now_on_only()
    {
        var cluster = new StreamCluster { Queues = new() };
        await using var _ = cluster;
        var options = cluster.Options;
        cluster.Options = options with { PublishMemberEvents = false };
        await cluster.StartAsync();
        await cluster.BuyAsync(Buy("old", "anna", 10_00, cluster.Clock.Now));
        await cluster.KillAsync();

        cluster.Options = options with { PublishHistory = false };
        await cluster.StartAsync();
        await StreamCluster.UntilAsync(
            () => cluster.Journal.ReadAll(0).Count(record => record.Actor.Kind == ActorIds.FeedKind) >= ShardMap.Shards, () => "no beginning is noted");
        await cluster.BuyAsync(Buy("new", "anna", 20_00, cluster.Clock.Now));
        await StreamCluster.UntilAsync(() => cluster.Diaries.Events.Length > 0, () => "nothing is told");
        Assert.Equal("new", Assert.IsType<PointsEarned>(Assert.Single(cluster.Diaries.Events)).Purchase);
    }

    /// <summary>What an event changes of a member's balance.</summary>
    private static long Change(MemberStreamEvent told) => told switch
    {
        PointsEarned it => it.Points,
        PointsExpired it => -it.Points,
        PointsReturned it => OfBalance(it.Changes),
        Grains.Streams.PointsAdjusted it => OfBalance(it.Changes),
        Grains.Streams.StatusChanged it => OfBalance(it.Forfeited),
        _ => 0,
    };

    private static long OfBalance(PointsChange[] changes) => changes.Where(change => change.Place is "lot" or "debt").Sum(change => change.Points);

    /// <summary>Purchases of the year before, each member's in order of time, members mixed.</summary>
    private static Purchase[] Year(int members, int perMember, Instant now) =>
        [.. from purchase in Enumerable.Range(0, perMember)
            from member in Enumerable.Range(0, members)
            select Buy($"m{member}-{purchase}", $"m{member}", 5_00 + (member * purchase % 50 * 500), now - Duration.FromDays(360 - (purchase * 350 / perMember)))];

    private static Purchase Buy(string id, string member, long amount, Instant at) =>
        new() { Id = id, Member = member, Store = "s1", At = at, Currency = "GBP", Lines = [new("tea", null, null, 1, amount)] };

    private static Task ReturnAsync(StreamCluster cluster, string id, string member, string purchase) => TellAsync(cluster, new RecordReturn(
        ActorIds.Member(member),
        new Return { Id = id, Purchase = purchase, Member = member, Store = "s1", At = cluster.Clock.Now, Currency = "GBP", Lines = [new("tea", null, null, 1, 0)] }));

    private static async Task TellAsync(StreamCluster cluster, Command command)
    {
        await cluster.Engine.Host.AskAsync(command);
        Assert.Equal(CommandStatus.Done, command.Status);
        Assert.True(command is not RequestCommand request || request.Outcome.Kind == OutcomeKind.Recorded, $"{(command as RequestCommand)?.Outcome}");
    }
}
