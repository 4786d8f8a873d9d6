using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Tests.Shared;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Households and their pools, whatever runs the actors and wherever the books lie. docs/HOUSEHOLDS.md, "Households".</summary>
public abstract class HouseholdBehaviour(LoyaltyFixture fixture) : IAsyncLifetime
{
    private const string Rules = """
        "households": { "maxMembers": 3, "maxShare": 50, "spend": "adults" },
        """;

    private int _requests;

    private LoyaltyEngine Engine => fixture.Engine;

    public async Task InitializeAsync()
    {
        await fixture.StartAsync();
        var published = await Engine.PublishAsync(Programs.Of(extra: Rules));
        Assert.Empty(Assert.IsType<PublishReply>(published.Reply).Errors);
        foreach (var member in new[] { "anna", "ben", "carl", "dora" })
        {
            await Engine.EnrolAsync(new() { Id = member, AlternativeIds = [] });
        }
    }

    public async Task DisposeAsync()
    {
        try
        {
            var sums = (await Engine.Books.TotalsAsync()).Sums;
            Assert.Equal(0, sums.Where(sum => MeasureNames.ParseAccount(sum.Key) is not null).Sum(sum => sum.Value));
        }
        finally
        {
            await fixture.DisposeAsync();
        }
    }

    [StoreFact]
    public async Task The_first_one_is_the_head_and_there_is_room_for_so_many_and_nobody_is_in_two()
    {
        Assert.Equal("household-needs-head", await RefusedAsync(Join("anna", HouseholdRole.Adult)));
        await DoneAsync(Join("anna", HouseholdRole.Head, 50));
        Assert.Equal("share-too-large", await RefusedAsync(Join("ben", HouseholdRole.Adult, 51)));
        await DoneAsync(Join("ben", HouseholdRole.Adult));
        await DoneAsync(Join("carl", HouseholdRole.Child));
        Assert.Equal("household-full", await RefusedAsync(Join("dora", HouseholdRole.Adult)));
        Assert.Equal("in-household", await RefusedAsync(Join("ben", HouseholdRole.Head) with { Household = "other" }));
        var household = await HouseholdAsync();
        Assert.Equal(["anna Head 50", "ben Adult 0", "carl Child 0"], household.Members.Select(member => $"{member.Member} {member.Role} {member.Share}"));
        Assert.Equal("in-household", ((MemberReply)(await Engine.Host.AskAsync(new ChangeStatus("ben", MemberStatus.Closed, "r", "a"))).Reply!).Refusal!.Code);
    }

    [StoreFact]
    public async Task A_share_of_what_a_member_earns_goes_to_the_pool_and_adults_take_it_out_with_its_dates()
    {
        await DoneAsync(Join("anna", HouseholdRole.Head, 50));
        await DoneAsync(Join("ben", HouseholdRole.Adult, 25));
        await DoneAsync(Join("carl", HouseholdRole.Child));
        await BuyAsync("p1", "anna", 101_00);
        await BuyAsync("p2", "ben", 100_00);
        await PoolIsAsync(50 + 25);
        Assert.Equal((51, 75), (await PointsAsync("anna"), await PointsAsync("ben")));
        Assert.Equal("may-not-spend", await RefusedAsync(Points(HouseholdAsk.Withdraw, "carl", 10)));
        Assert.Equal("not-enough-points", await RefusedAsync(Points(HouseholdAsk.Withdraw, "ben", 76)));
        var view = await DoneAsync(Points(HouseholdAsk.Withdraw, "ben", 75));
        Assert.Equal(75, Assert.Single(view.Back).Points);
        Assert.Equal((150, 0), (await PointsAsync("ben"), (await HouseholdAsync()).Pool[0].Available));
        Assert.Equal((await MemberAsync("anna")).Lots[0].Id, Assert.Single((await MemberAsync("ben")).Lots).Id);
        Assert.Equal((201, 0, 0), (await SumAsync(Accounts.Member), await SumAsync(Accounts.Household), await SumAsync(Accounts.InTransit)));
    }

    [StoreFact]
    public async Task A_contribution_is_there_once_also_after_crashes_and_what_nobody_takes_comes_back()
    {
        await BuyAsync("p1", "anna", 100_00);
        Assert.Equal("not-in-household", await RefusedAsync(Points(HouseholdAsk.Contribute, "anna", 10)));
        await DoneAsync(Join("anna", HouseholdRole.Head));
        var give = Points(HouseholdAsk.Contribute, "anna", 40);
        await DoneAsync(give);
        foreach (var again in new Func<Task>[] { () => Task.CompletedTask, fixture.RestartAsync, fixture.CrashAsync, fixture.CheckpointAsync, fixture.RestartAsync })
        {
            await again();
            var end = await Engine.AskHouseholdAsync(give);
            Assert.True(end.Command.Outcome.Replayed);
            Assert.False(end.View!.IsPending);
            Assert.Equal((60, 40), (await PointsAsync("anna"), (await HouseholdAsync()).Pool[0].Available));
        }

        Assert.Equal(OutcomeKind.Conflict, (await Engine.AskHouseholdAsync(give with { Points = 41 })).Command.Outcome.Kind);
        Assert.Equal("not-enough-points", await RefusedAsync(Points(HouseholdAsk.Contribute, "anna", 61)));
    }

    [StoreFact]
    public async Task Who_leaves_has_debts_paid_as_far_as_it_put_points_in_and_the_last_one_gets_the_pool()
    {
        await DoneAsync(Join("anna", HouseholdRole.Head));
        await DoneAsync(Join("ben", HouseholdRole.Adult, 50));
        await BuyAsync("p1", "anna", 100_00);
        await BuyAsync("p2", "ben", 100_00);
        await PoolIsAsync(50);
        await DoneAsync(Points(HouseholdAsk.Contribute, "anna", 100));

        // Half of what the goods had earned is in the pool: the return takes it from ben all the same.
        await Engine.Host.AskAsync(new RecordReturn(ActorIds.Member("ben"), new()
        {
            Id = "back", Purchase = "p2", Member = "ben", Store = "s1", At = fixture.Clock.Now, Currency = "GBP", Lines = [new("tea", null, null, 1, 100_00)],
        }));
        Assert.Equal(-50, await PointsAsync("ben"));
        var left = await DoneAsync(Ask(HouseholdAsk.Leave, "ben"));
        Assert.Equal(50, Assert.Single(left.Back).Repaid);
        Assert.Equal((0, 100), (await PointsAsync("ben"), (await HouseholdAsync()).Pool[0].Available));

        await DoneAsync(Join("carl", HouseholdRole.Adult));
        Assert.Equal("household-needs-head", await RefusedAsync(Ask(HouseholdAsk.Leave, "anna")));
        await DoneAsync(Join("carl", HouseholdRole.Head));
        await DoneAsync(Ask(HouseholdAsk.Leave, "anna"));
        Assert.Equal(0, await PointsAsync("anna"));
        await DoneAsync(Ask(HouseholdAsk.Leave, "carl"));
        Assert.Equal(100, await PointsAsync("carl"));
        Assert.Empty((await HouseholdAsync()).Members);
        Assert.Equal((100, 0, 0), (await SumAsync(Accounts.Member), await SumAsync(Accounts.Household), await SumAsync(Accounts.InTransit)));
    }

    [StoreFact]
    public async Task Points_of_the_pool_lapse_on_their_day()
    {
        await DoneAsync(Join("anna", HouseholdRole.Head, 50));
        await BuyAsync("p1", "anna", 100_00);
        await PoolIsAsync(50);
        fixture.Clock.Now += Duration.FromDays(400);
        Assert.Equal(0, (await HouseholdAsync()).Pool[0].Available);
        await PointsAsync("anna");
        Assert.Equal((100, 0), (await SumAsync(Accounts.Expired), await SumAsync(Accounts.Household)));
    }

    [StoreFact]
    public async Task Of_thirty_who_want_the_same_points_of_the_pool_at_once_one_gets_them_whatever_crashes()
    {
        await DoneAsync(Join("anna", HouseholdRole.Head, 50));
        await DoneAsync(Join("ben", HouseholdRole.Adult));
        await BuyAsync("p1", "anna", 200_00);
        await PoolIsAsync(100);
        var wants = Enumerable.Range(0, 10).SelectMany(_ => new[] { Points(HouseholdAsk.Withdraw, "anna", 80), Points(HouseholdAsk.Withdraw, "ben", 80) }).ToArray();
        var asked = wants.Select(want => Task.Run(() => Engine.Host.AskAsync(new AskHousehold(want)))).ToArray();
        await Task.WhenAny(asked);
        await fixture.CrashAsync();
        var done = 0;
        foreach (var want in wants)
        {
            var end = await Engine.AskHouseholdAsync(want);
            for (var tries = 0; end.View?.IsPending == true; tries++)
            {
                Assert.True(tries < 100, "it never ends");
                fixture.Clock.Now += Duration.FromMinutes(1);
                await fixture.WakeDueAsync();
                end = await Engine.AskHouseholdAsync(want);
            }

            done += end.View is { Refusal: null } ? 1 : 0;
        }

        Assert.Equal(1, done);
        Assert.Equal((180, 20, 0), (await SumAsync(Accounts.Member), await SumAsync(Accounts.Household), await SumAsync(Accounts.InTransit)));
    }

    private HouseholdRequest Ask(HouseholdAsk ask, string member) => new() { Id = $"h{++_requests}", Ask = ask, Member = member, Household = "H7" };

    private HouseholdRequest Join(string member, HouseholdRole role, int share = 0) => Ask(HouseholdAsk.Join, member) with { Role = role, Share = share };

    private HouseholdRequest Points(HouseholdAsk ask, string member, long points) => Ask(ask, member) with { Unit = "points", Points = points };

    private async Task<HouseholdAskView> DoneAsync(HouseholdRequest request)
    {
        var end = await Engine.AskHouseholdAsync(request);
        Assert.True(end.View is { IsPending: false, Refusal: null }, $"{request}: {end.View} {end.Command.Reply} {end.Command.Problem}");
        return end.View;
    }

    private async Task<string> RefusedAsync(HouseholdRequest request)
    {
        var end = await Engine.AskHouseholdAsync(request);
        return (end.View?.Refusal ?? end.Command.Outcome.Refusal)!.Code;
    }

    private async Task BuyAsync(string id, string member, long amount) => await Engine.Host.AskAsync(new RecordPurchase(ActorIds.Member(member), new()
    {
        Id = id, Member = member, Store = "s1", At = fixture.Clock.Now, Currency = "GBP", Lines = [new("tea", null, null, 1, amount)],
    }));

    /// <summary>Shares arrive by themselves, a little later.</summary>
    private async Task PoolIsAsync(long points)
    {
        var limit = System.Diagnostics.Stopwatch.StartNew();
        while ((await HouseholdAsync()).Pool.Sum(pool => pool.Available) != points)
        {
            Assert.True(limit.Elapsed < TimeSpan.FromMinutes(1), "it never comes");
            await Task.Yield();
        }
    }

    private async Task<HouseholdView> HouseholdAsync() => Assert.IsType<HouseholdView>((await Engine.Host.AskAsync(new GetHousehold("H7"))).Reply);

    private async Task<MemberView> MemberAsync(string member) => Assert.IsType<MemberReply>((await Engine.Host.AskAsync(new GetMember(member))).Reply).View!;

    private async Task<long> PointsAsync(string member) => Assert.Single((await MemberAsync(member)).Balances).Available;

    private async Task<long> SumAsync(string account) => (await Engine.Books.TotalsAsync()).Sums.GetValueOrDefault(MeasureNames.Account("points", account));
}
