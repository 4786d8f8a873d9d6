using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Tests.Shared;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Members who give each other points, whatever runs their actors and wherever the books lie. docs/HOUSEHOLDS.md, "Transfers".</summary>
public abstract class TransferBehaviour(LoyaltyFixture fixture) : IAsyncLifetime
{
    private const string Rules = """
        "transfers": { "units": [ { "unit": "points", "minimum": 10, "maximum": 500, "perDay": 600, "perYear": 1000, "fee": 5 } ] },
        """;

    private LoyaltyEngine Engine => fixture.Engine;

    public async Task InitializeAsync()
    {
        await fixture.StartAsync();
        var published = await Engine.PublishAsync(Programs.Of(extra: Rules));
        Assert.Empty(Assert.IsType<PublishReply>(published.Reply).Errors);
        await EnrolAsync("ben");
    }

    public async Task DisposeAsync()
    {
        try
        {
            foreach (var unit in (await Engine.Books.TotalsAsync()).Sums.Select(sum => (Account: MeasureNames.ParseAccount(sum.Key), sum.Value)).Where(sum => sum.Account is not null)
                .GroupBy(sum => sum.Account!.Value.Unit, StringComparer.Ordinal))
            {
                Assert.Equal(0, unit.Sum(sum => sum.Value));
            }
        }
        finally
        {
            await fixture.DisposeAsync();
        }
    }

    [StoreFact]
    public async Task A_gift_arrives_with_its_words_and_the_dates_of_its_points_and_the_giver_pays_the_fee()
    {
        await GiveAsync("anna", 300);
        var before = await MemberAsync("anna");
        var end = await Engine.TransferAsync(Transfer("t1", "anna", "ben", 100) with { IsGift = true, Message = "for you" });
        Assert.Equal((TransferStatus.Completed, 5L), (end.View!.Status, end.View.Fee));
        Assert.Equal(195, Assert.Single(end.View.Answer!.Balances).Available);
        var lot = Assert.Single((await MemberAsync("ben")).Lots);
        Assert.Equal((100L, Assert.Single(before.Lots).Id), (lot.Points, lot.Id));
        Assert.Equal((295, 0, 5), (await SumAsync(Accounts.Member), await SumAsync(Accounts.InTransit), await SumAsync(Accounts.Fees)));
        var received = (await Engine.StatementAsync("ben", null, 10)).Page!.Entries[0];
        Assert.Equal(("transfer", "t1", 100L, Accounts.InTransit), (received.Kind, received.Request, received.Points, received.From));
    }

    [StoreFact]
    public async Task The_same_transfer_again_moves_nothing_and_says_what_became_of_it_also_after_a_crash()
    {
        await GiveAsync("anna", 300);
        Assert.Equal(TransferStatus.Completed, (await Engine.TransferAsync(Transfer("t1", "anna", "ben", 100))).View!.Status);
        foreach (var again in new Func<Task>[] { () => Task.CompletedTask, fixture.RestartAsync, fixture.CrashAsync })
        {
            await again();
            var end = await Engine.TransferAsync(Transfer("t1", "anna", "ben", 100));
            Assert.True(((TransferPoints)end.Command).Outcome.Replayed);
            Assert.Equal(TransferStatus.Completed, end.View!.Status);
            Assert.Equal((195, 100), (await PointsAsync("anna"), await PointsAsync("ben")));
        }

        var other = (TransferPoints)(await Engine.TransferAsync(Transfer("t1", "anna", "ben", 50))).Command;
        Assert.Equal(OutcomeKind.Conflict, other.Outcome.Kind);
    }

    [StoreFact]
    public async Task What_the_rules_forbid_is_refused_for_ever_and_moves_nothing()
    {
        await GiveAsync("anna", 2000);
        Assert.Equal("below-minimum", await RefusedAsync(Transfer("r1", "anna", "ben", 9)));
        Assert.Equal("above-maximum", await RefusedAsync(Transfer("r2", "anna", "ben", 501)));
        Assert.Equal("to-self", await RefusedAsync(Transfer("r3", "anna", "anna", 50)));
        Assert.Equal("unknown-unit", await RefusedAsync(Transfer("r4", "anna", "ben", 50) with { Unit = "miles" }));
        await SendAsync(Transfer("t1", "anna", "ben", 500));
        Assert.Equal("above-daily-limit", await RefusedAsync(Transfer("r5", "anna", "ben", 101)));
        await SendAsync(Transfer("t2", "anna", "ben", 100));
        fixture.Clock.Now += Duration.FromDays(1);
        Assert.Equal("above-yearly-limit", await RefusedAsync(Transfer("r6", "anna", "ben", 401)));
        await SendAsync(Transfer("t3", "anna", "ben", 400));
        Assert.Equal("not-enough-points", await RefusedAsync(Transfer("r7", "ben", "anna", 500) with { From = "carl" }, enrol: "carl"));
        fixture.Clock.Now += Duration.FromDays(365);
        Assert.Equal("above-daily-limit", await RefusedAsync(Transfer("r5", "anna", "ben", 101)));
        Assert.Equal(1000, (await Engine.Books.TotalsAsync()).Sums.GetValueOrDefault(MeasureNames.Account("points", Accounts.Expired)) + await PointsAsync("ben"));
    }

    [StoreFact]
    public async Task A_program_without_transfers_lets_nobody_give()
    {
        await GiveAsync("anna", 300);
        await Engine.PublishAsync(Programs.Of(points: 2));
        Assert.Equal("transfers-not-allowed", await RefusedAsync(Transfer("t1", "anna", "ben", 100)));
    }

    [StoreFact]
    public async Task Nobody_is_remembered_and_the_same_transfer_works_once_the_receiver_is_there()
    {
        await GiveAsync("anna", 300);
        Assert.IsType<GetMember>((await Engine.TransferAsync(Transfer("t1", "anna", "carl", 100))).Command);
        Assert.Equal(OutcomeKind.UnknownMember, ((TransferPoints)(await Engine.TransferAsync(Transfer("t2", "nobody", "ben", 100))).Command).Outcome.Kind);
        await EnrolAsync("carl");
        await SendAsync(Transfer("t1", "anna", "carl", 100));
        Assert.Equal(100, await PointsAsync("carl"));
    }

    [StoreFact]
    public async Task A_blocked_receiver_takes_nothing_and_the_points_are_back_with_their_dates_and_do_not_count()
    {
        await GiveAsync("anna", 700);
        var before = await MemberAsync("anna");
        await Engine.Host.AskAsync(new ChangeStatus("ben", MemberStatus.Blocked, "fraud?", "shop"));
        for (var i = 0; i < 3; i++)
        {
            var end = await Engine.TransferAsync(Transfer($"t{i}", "anna", "ben", 500));
            Assert.Equal((TransferStatus.Refused, "receiver-not-active"), (end.View!.Status, end.View.Refusal!.Code));
        }

        var after = await MemberAsync("anna");
        Assert.Equal(before.Lots, after.Lots);
        Assert.Equal((700, 0, 0), (await SumAsync(Accounts.Member), await SumAsync(Accounts.InTransit), await SumAsync(Accounts.Fees)));
        await Engine.Host.AskAsync(new ChangeStatus("ben", MemberStatus.Active, "no fraud", "shop"));
        await SendAsync(Transfer("t9", "anna", "ben", 500));
        Assert.Equal(TransferStatus.Refused, (await Engine.TransferAsync(Transfer("t0", "anna", "ben", 500))).View!.Status);
    }

    [StoreFact]
    public async Task Of_fifty_who_want_the_same_points_at_once_one_gets_them()
    {
        await GiveAsync("anna", 105);
        var ends = await Task.WhenAll(Enumerable.Range(0, 50).Select(n => Task.Run(() => Engine.TransferAsync(Transfer($"t{n}", "anna", "ben", 100)))));
        Assert.Single(ends, end => end.View?.Status == TransferStatus.Completed);
        Assert.Equal(49, ends.Count(end => end.Command is TransferPoints { Outcome.Refusal.Code: "not-enough-points" }));
        Assert.Equal((0, 100), (await PointsAsync("anna"), await PointsAsync("ben")));
    }

    [StoreFact]
    public async Task Points_that_arrive_repay_debt_first()
    {
        await GiveAsync("anna", 300);
        var bought = await BuyAsync("p1", "ben", 60_00);
        Assert.Equal(60, Assert.IsType<PurchaseRecorded>(bought.Fact).Awards[0].Points);
        await GiveAsync("ben", -60);
        await Engine.Host.AskAsync(new RecordReturn(ActorIds.Member("ben"), new()
        {
            Id = "back", Purchase = "p1", Member = "ben", Store = "s1", At = fixture.Clock.Now, Currency = "GBP", Lines = [new("tea", null, null, 1, 60_00)],
        }));
        Assert.Equal(-60, await PointsAsync("ben"));
        await SendAsync(Transfer("t1", "anna", "ben", 100));
        Assert.Equal(40, await PointsAsync("ben"));
        Assert.Equal(40, Assert.Single((await MemberAsync("ben")).Lots).Points);
    }

    [StoreFact]
    public async Task A_transfer_that_is_killed_at_any_moment_arrives_once()
    {
        await GiveAsync("anna", 1000);
        for (var n = 0; n < 8; n++)
        {
            var command = new TransferPoints(Transfer($"t{n}", "anna", "ben", 10));
            var asked = Engine.Host.AskAsync(command);
            if (n % 2 == 0)
            {
                await asked;
            }

            for (var pause = 0; pause < n * 3; pause++)
            {
                await Task.Yield();
            }

            await fixture.CrashAsync();
            var end = await Engine.TransferAsync(Transfer($"t{n}", "anna", "ben", 10));
            for (var tries = 0; end.View?.Status != TransferStatus.Completed; tries++)
            {
                Assert.True(tries < 100, $"{end.View?.Status} {end.Command.Problem}");
                fixture.Clock.Now += Duration.FromMinutes(1);
                await fixture.WakeDueAsync();
                end = await Engine.TransferAsync(Transfer($"t{n}", "anna", "ben", 10));
            }

            Assert.Equal((1000 - (15 * (n + 1)), 10 * (n + 1), 0), (await PointsAsync("anna"), await PointsAsync("ben"), await SumAsync(Accounts.InTransit)));
        }
    }

    private static Transfer Transfer(string id, string from, string to, long points) => new() { Id = id, From = from, To = to, Unit = "points", Points = points };

    private async Task SendAsync(Transfer transfer)
    {
        var end = await Engine.TransferAsync(transfer);
        Assert.True(end.View?.Status == TransferStatus.Completed, $"{end.View} {(end.Command as TransferPoints)?.Outcome} {end.Command.Problem}");
    }

    private async Task<string> RefusedAsync(Transfer transfer, string? enrol = null)
    {
        if (enrol is not null)
        {
            await EnrolAsync(enrol);
        }

        var command = Assert.IsType<TransferPoints>((await Engine.TransferAsync(transfer)).Command);
        Assert.Equal(OutcomeKind.Refused, command.Outcome.Kind);
        return command.Outcome.Refusal!.Code;
    }

    private async Task EnrolAsync(string member) =>
        Assert.Null(Assert.IsType<MemberReply>((await Engine.EnrolAsync(new() { Id = member, AlternativeIds = [] })).Reply).Refusal);

    private async Task GiveAsync(string member, long points)
    {
        await Engine.Host.AskAsync(new EnrolMember(new() { Id = member, AlternativeIds = [] }));
        var command = await Engine.Host.AskAsync(new AdjustPoints(new() { Id = Guid.NewGuid().ToString(), Member = member, Unit = "points", Points = points, Reason = "r", Author = "a" }));
        Assert.Equal(OutcomeKind.Recorded, command.Outcome.Kind);
    }

    private async Task<RequestOutcome> BuyAsync(string id, string member, long amount)
    {
        var command = await Engine.Host.AskAsync(new RecordPurchase(ActorIds.Member(member), new()
        {
            Id = id, Member = member, Store = "s1", At = fixture.Clock.Now, Currency = "GBP", Lines = [new("tea", null, null, 1, amount)],
        }));
        return command.Outcome;
    }

    private async Task<MemberView> MemberAsync(string member) => Assert.IsType<MemberReply>((await Engine.Host.AskAsync(new GetMember(member))).Reply).View!;

    private async Task<long> PointsAsync(string member) => Assert.Single((await MemberAsync(member)).Balances).Available;

    private async Task<long> SumAsync(string account) => (await Engine.Books.TotalsAsync()).Sums.GetValueOrDefault(MeasureNames.Account("points", account));
}
