using Loyalty.Domain.Requests;
using Loyalty.Grains.Streams;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Grains.Tests.Streams;

/// <summary>What consumers are told of spending, and tender that comes by stream.</summary>
public sealed class SpendingStreamTests
{
    [Fact]
    public async Task An_account_kept_from_the_stream_has_the_balance_of_a_member_that_spends_in_every_way()
    {
        await using var cluster = new StreamCluster();
        await cluster.StartAsync();
        var sale = new SaleMessage
        {
            Id = "p1", Member = "anna", Store = "s1", At = cluster.Clock.Now.ToDateTimeOffset(), Currency = "GBP", Lines = [new("tea", null, null, 2, 1000_00)],
        };
        await cluster.SendAsync("till-1", sale);
        await cluster.SendAsync("till-1", sale with { Id = "p2", Lines = [new("tea", null, null, 2, 100_00)], Tender = new("points", 400, 40_00) });
        await cluster.SendAsync("till-1", sale with { Id = "p3", Tender = new("", 0, -1) }, sale with { Id = "r1", IsReturn = true, Purchase = "p1", Tender = new("points", 1, 1) });
        await StreamCluster.UntilAsync(() => cluster.Diaries.Outcomes.Count >= 4, () => $"{cluster.Diaries.Outcomes.Count} outcomes are told");
        var outcomes = cluster.Diaries.Outcomes.ToArray();
        Assert.Equal([SaleOutcomeKind.Recorded, SaleOutcomeKind.Recorded, SaleOutcomeKind.Invalid, SaleOutcomeKind.Invalid], outcomes.Select(outcome => outcome.Kind));
        Assert.Equal(["tender.amount", "tender.points", "tender.unit"], outcomes[2].Problems.Select(problem => problem.Field).Order(StringComparer.Ordinal));
        Assert.Equal(["tender"], outcomes[3].Problems.Select(problem => problem.Field));

        await DoAsync(new OpenHoldCommand(new() { Id = "h1", Member = "anna", Unit = "points", Points = 200 }, null));
        await DoAsync(new CommitHold(new() { Id = "c1", Member = "anna", Hold = "h1", Points = 150 }));
        await DoAsync(new OpenHoldCommand(new() { Id = "h2", Member = "anna", Unit = "points", Points = 100 }, null));
        await DoAsync(new CancelHold(new() { Id = "x2", Member = "anna", Hold = "h2" }));
        await DoAsync(new OpenHoldCommand(new() { Id = "h3", Member = "anna", Unit = "points", Points = 30, Seconds = 1 }, null));
        cluster.Clock.Now += Duration.FromSeconds(1);
        await DoAsync(new RedeemPoints(new() { Id = "q1", Member = "anna", Unit = "points", Points = 70 }, null));
        await DoAsync(new ReverseRedemption(new() { Id = "v1", Member = "anna", Redemption = "h1", Points = 20, Reason = "r", Author = "a" }));
        await DoAsync(new RecordReturn(ActorIds.Member("anna"), new()
        {
            Id = "b1", Member = "anna", Purchase = "p2", Store = "s1", At = cluster.Clock.Now, Currency = "GBP", Lines = [new SaleLine("tea", null, null, 1, 50_00)],
        }));
        var balance = await cluster.BalanceAsync("anna");
        await cluster.AllIsToldAsync();
        var events = cluster.Diaries.Events.ToArray();
        Assert.Equal(balance, events.Sum(Change));
        Assert.Equal(["committed", "cancelled", "timedOut"], events.OfType<PointsReleased>().Select(told => told.Reason));
        Assert.Equal(["p2", "h1", "q1"], events.OfType<Grains.Streams.PointsRedeemed>().Select(told => told.Redemption));
        Assert.Equal(["h1", "p2"], events.OfType<Grains.Streams.RedemptionReversed>().Select(told => told.Redemption));
        Assert.Equal("c1", events.OfType<Grains.Streams.PointsRedeemed>().Single(told => told.Redemption == "h1").RequestId);

        async Task DoAsync(RequestCommand command)
        {
            await cluster.Engine.Host.AskAsync(command);
            Assert.True(command is { Status: CommandStatus.Done, Outcome.Kind: OutcomeKind.Recorded }, $"{command.RequestId}: {command.Problem} {(command.Reply as RequestOutcome)?.Refusal}");
        }
    }

    private static long Change(MemberStreamEvent told) => told switch
    {
        PointsEarned it => it.Points,
        PointsHeld it => -it.Points,
        PointsReleased it => it.Points,
        Grains.Streams.PointsRedeemed it => it.FromHold ? 0 : -it.Points,
        Grains.Streams.RedemptionReversed it => it.Points,
        PointsReturned it => it.Changes.Sum(change => change.Points),
        _ => 0,
    };
}
