using Loyalty.Domain.Members;
using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Tests.Shared;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Vouchers.</summary>
public abstract partial class LoyaltyBehaviour
{
    [StoreFact]
    public async Task The_last_use_of_a_voucher_is_had_by_one_of_fifty()
    {
        var terms = await BatchAsync("spring", uses: 2);
        var voucher = new VoucherId(terms.Head, 1234);
        Assert.Equal(OutcomeKind.Recorded, (await VoucherAsync(Redemption("first", voucher), terms)).Kind);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(() =>
            i % 2 == 0 ? VoucherAsync(Redemption($"r{i}", voucher), terms) : VoucherAsync(Hold($"r{i}", voucher), terms))));
        Assert.Single(outcomes, outcome => outcome.Kind == OutcomeKind.Recorded);
        Assert.Equal(49, outcomes.Count(outcome => outcome.Refusal?.Code is "voucher-used" or "voucher-held"));
        Assert.Equal(2, await VoucherSumAsync("voucher-redeemed") + await VoucherSumAsync("voucher-held"));
        await fixture.RestartAsync();
        Assert.True((await VoucherAsync(Redemption("first", voucher), terms)).Replayed);
        Assert.Equal("conflict", (await VoucherAsync(Redemption("first", voucher with { Serial = 1 }), terms)).Refusal!.Code);
    }

    [StoreFact]
    public async Task A_hold_ends_in_one_way_only_and_a_time_out_gives_the_use_back()
    {
        var terms = await BatchAsync("spring");
        var voucher = new VoucherId(terms.Head, 0);
        for (var round = 0; round < 10; round++)
        {
            voucher = voucher with { Serial = round };
            var hold = $"h{round}";
            await VoucherAsync(Hold(hold, voucher), terms);
            var ends = await Task.WhenAll(
                Task.Run(() => VoucherAsync(Redemption($"c{round}", voucher) with { Hold = hold }, terms)),
                Task.Run(() => VoucherAsync(new VoucherHoldCancel { Id = $"x{round}", Voucher = voucher, Hold = hold }, terms)));
            Assert.Single(ends, end => end.Kind == OutcomeKind.Recorded);
            Assert.Equal("hold-over", ends.Single(end => end.Kind == OutcomeKind.Refused).Refusal!.Code);
        }

        voucher = voucher with { Serial = 100 };
        await VoucherAsync(Hold("late", voucher), terms);
        Assert.Equal("voucher-held", (await VoucherAsync(Redemption("r1", voucher), terms)).Refusal!.Code);
        fixture.Clock.Now += Duration.FromSeconds(301);
        Assert.Equal(1, await fixture.WakeDueAsync());
        Assert.Equal(0, await VoucherSumAsync("voucher-held"));
        Assert.Equal("hold-over", (await VoucherAsync(Redemption("r2", voucher) with { Hold = "late" }, terms)).Refusal!.Code);
        Assert.Equal(OutcomeKind.Recorded, (await VoucherAsync(Redemption("r3", voucher), terms)).Kind);
    }

    [StoreFact]
    public async Task A_code_is_found_by_whoever_has_it_and_by_nobody_else()
    {
        var terms = await BatchAsync("spring");
        var (_, secret, _) = await Engine.BatchOfAsync(terms.Head);
        var code = VoucherCode.Normalize(VoucherCode.Of(new(terms.Head, 1999), secret), out _)!;
        Assert.Equal(new VoucherId(terms.Head, 1999), (await Engine.FindVoucherAsync(code)).Voucher);
        await fixture.RestartAsync();
        Assert.Equal(new VoucherId(terms.Head, 1999), (await Engine.FindVoucherAsync(code)).Voucher);
        Assert.Equal("batch-exists", (await VoucherEndAsync(await Engine.CreateBatchAsync(Creation(terms) with { Id = "again" }))).Refusal!.Code);
        Assert.True((await VoucherEndAsync(await Engine.CreateBatchAsync(Creation(terms)))).Replayed);
        Assert.Equal(new VoucherId(terms.Head, 1999), (await Engine.FindVoucherAsync(code)).Voucher);
    }

    [StoreFact]
    public async Task A_bound_voucher_is_for_its_member_alone_and_gives_points_once()
    {
        await EnrolAsync(new Domain.Requests.Enrolment { Id = "anna", AlternativeIds = [] });
        var terms = await BatchAsync("welcome", new(VoucherValueType.Points, 500, 0, "points"), isBound: true, codes: 10);
        Assert.Equal(OutcomeKind.Unknown, (await VoucherAsync(Redemption("r0", new(terms.Head, 0), "anna"), terms)).Kind);
        var issue = new VoucherIssue { Id = "i1", Batch = "welcome", Member = "anna" };
        var voucher = new VoucherId(terms.Head, ((VoucherIssued)(await VoucherAsync(issue, null)).Fact!).Serial);
        Assert.True((await VoucherAsync(issue, null)).Replayed);
        await UntilAsync(async () => (await Engine.Host.AskAsync<Command>(new GetVoucher(voucher, terms))).Reply is VoucherView { Member: "anna" });
        Assert.Equal("voucher-of-another", (await VoucherAsync(Redemption("r1", voucher, "ben"), terms)).Refusal!.Code);
        Assert.Equal(OutcomeKind.Recorded, (await VoucherAsync(Redemption("r2", voucher, "anna"), terms)).Kind);
        await UntilAsync(async () => await PointsAsync("anna") == 500);
        Assert.True((await VoucherAsync(Redemption("r2", voucher, "anna"), terms)).Replayed);
        Assert.Equal(500, await PointsAsync("anna"));
        Assert.Equal("voucher", (await Engine.StatementAsync("anna", null, 10)).Page!.Entries[0].Kind);
    }

    [StoreFact]
    public async Task A_batch_that_ends_takes_everything_with_it_that_is_open()
    {
        var terms = await BatchAsync("short", codes: 2500, lastDay: new LocalDate(2026, 3, 3));
        await VoucherAsync(Redemption("r1", new(terms.Head, 2400)), terms);
        await VoucherAsync(Hold("h1", new(terms.Head, 7)) with { Seconds = 86_400 }, terms);
        await VoucherAsync(new VoucherVoid { Id = "v1", Voucher = new(terms.Head, 8), Reason = "lost", Author = "shop" }, terms);
        fixture.Clock.Now = Instant.FromUtc(2026, 3, 4, 0, 0);
        Assert.Equal("voucher-expired", (await VoucherAsync(Redemption("r2", new(terms.Head, 9)), terms)).Refusal!.Code);
        await fixture.WakeDueAsync();
        await UntilAsync(async () => await VoucherSumAsync("voucher-expired") >= 2497);
        Assert.Equal((0, 2498), (await VoucherSumAsync("voucher-open"), await VoucherSumAsync("voucher-expired") + await VoucherSumAsync("voucher-held")));
        Assert.Equal((1, 1), (await VoucherSumAsync("voucher-redeemed"), await VoucherSumAsync("voucher-voided")));

        // What a till accepted in time, without connection, is redeemed all the same.
        var (outcomes, command) = await Engine.ReconcileAsync("rec", "S1", [await EntryAsync("o1", terms, 9, Instant.FromUtc(2026, 3, 3, 12, 0))]);
        Assert.Null(outcomes[0].Redeemed!.Overdraft);
        Assert.Equal(OutcomeKind.Recorded, (await VoucherEndAsync(command)).Kind);
        Assert.Equal(2, await VoucherSumAsync("voucher-redeemed"));
    }

    [StoreFact]
    public async Task What_tills_accepted_without_connection_is_counted_and_overdrafts_are_told()
    {
        var terms = await BatchAsync("spring", new(VoucherValueType.Money, 500, 0, null));
        await VoucherAsync(new StoreAllowance { Id = "a1", Store = "S1", Uses = 1, Money = 500, Author = "shop" }, null);
        await VoucherAsync(Redemption("r1", new(terms.Head, 1)), terms);
        OfflineEntry[] entries =
        [
            await EntryAsync("o1", terms, 1, Now), await EntryAsync("o2", terms, 2, Now), await EntryAsync("o3", terms, 2, Now), new("o4", "AAAA", Now, null, null),
        ];
        var (outcomes, command) = await Engine.ReconcileAsync("rec", "S1", entries);
        Assert.Equal(["was used before", null, "was used before", null], outcomes.Select(outcome => outcome.Redeemed?.Overdraft));
        Assert.NotNull(outcomes[3].Problem);
        var reconciled = (StoreReconciled)(await VoucherEndAsync(command)).Fact!;
        Assert.Equal((1, 2, 1, 2L, 1000L), (reconciled.Request.Accepted, reconciled.Request.Overdrawn, reconciled.Request.Unknown, reconciled.UsesOver, reconciled.MoneyOver));

        // The same again comes to the same, and nothing is counted twice.
        var again = await VoucherEndAsync((await Engine.ReconcileAsync("rec", "S1", entries)).Command);
        Assert.True(again.Replayed);
        Assert.Equal((4, -2), (await VoucherSumAsync("voucher-redeemed"), await VoucherSumAsync("voucher-overdrawn")));
        Assert.Equal("conflict", (await VoucherEndAsync((await Engine.ReconcileAsync("rec", "S1", entries[..2])).Command)).Refusal!.Code);
    }

    private static VoucherRedemption Redemption(string id, VoucherId voucher, string? member = null) => new() { Id = id, Voucher = voucher, Member = member, Store = "S1", Basket = 2000 };

    private static VoucherHold Hold(string id, VoucherId voucher) => new() { Id = id, Voucher = voucher, Store = "S1", Basket = 2000, Seconds = 300 };

    private static BatchCreation Creation(VoucherTerms terms) => new() { Id = "batch:" + terms.Batch, Terms = terms, Author = "shop" };

    private async Task<VoucherTerms> BatchAsync(string batch, VoucherValue? value = null, int uses = 1, bool isBound = false, int codes = 2000, LocalDate? lastDay = null)
    {
        var terms = new VoucherTerms(
            batch, value ?? new(VoucherValueType.Money, 500, 0, null), uses, isBound, codes, 0, null,
            lastDay is { } day ? Engine.Programs.Current.Latest.Calendar.StartOf(day.PlusDays(1)) : null);
        Assert.Equal(OutcomeKind.Recorded, (await VoucherEndAsync(await Engine.CreateBatchAsync(Creation(terms)))).Kind);
        return terms;
    }

    private async Task<OfflineEntry> EntryAsync(string id, VoucherTerms terms, int serial, Instant at)
    {
        var (_, secret, _) = await Engine.BatchOfAsync(terms.Head);
        return new(id, VoucherCode.Of(new(terms.Head, serial), secret), at, null, 2000);
    }

    private async Task<RequestOutcome> VoucherAsync(VoucherRequest request, VoucherTerms? terms) => await VoucherEndAsync(await Engine.SendVoucherAsync(request, terms));

    private static Task<RequestOutcome> VoucherEndAsync(Command command)
    {
        Assert.True(command.Status == CommandStatus.Done, $"{command.GetType().Name}: {command.Status}, {command.Problem}");
        return Task.FromResult(Assert.IsType<VoucherCommand>(command).Outcome);
    }

    private async Task<long> VoucherSumAsync(string account) => (await Engine.Books.TotalsAsync()).Sums.GetValueOrDefault(MeasureNames.Account(VoucherAccounts.UsesUnit, account));
}
