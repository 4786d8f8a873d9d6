using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Tests.Shared;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Traces, reports, members of another system.</summary>
public abstract partial class LoyaltyBehaviour
{
    [StoreFact]
    public async Task A_request_leads_to_the_record_in_which_it_was_decided()
    {
        await BuyAsync("p1", "anna", 100_00);
        await BuyAsync("p2", "anna", 50_00);
        var first = (await Engine.TraceAsync("p1"))!;
        var second = (await Engine.TraceAsync("p2"))!;
        Assert.Equal(ActorIds.Member("anna"), second.Record.Actor);
        Assert.Equal(first.Record.Hash, second.Before);
        Assert.Equal(new TracedPosting("points", Accounts.Issued, Accounts.Member, 50), Assert.Single(second.Postings));
        Assert.Contains(second.Facts, fact => fact is PurchaseRecorded { Purchase.Id: "p2" });
        Assert.Null(await Engine.TraceAsync("p3"));
    }

    [StoreFact]
    public async Task The_liability_by_month_is_that_of_the_account_as_of_one_record()
    {
        await BuyAsync("p1", "anna", 100_00);
        await BuyAsync("p2", "ben", 50_00, at: Now - Duration.FromDays(40));
        await BuyAsync("p3", "ben", 10_00);
        await ReturnAsync("r1", "carl", null, 30_00);
        var report = (await Engine.Books.LiabilityAsync(TimeSpan.FromSeconds(30)))!;
        var unit = Assert.Single(report.Units);
        Assert.Equal(
            [new(new LocalDate(2027, 1, 1), 50, 0), new(new LocalDate(2027, 3, 1), 110, 0)],
            unit.Months);
        Assert.Equal((3, 160, 30, 130), (unit.Members, unit.InLots, unit.Debt, unit.Member));
        Assert.Equal((await Engine.Books.TotalsAsync()).Position, report.Position);
    }

    [StoreFact]
    public async Task A_member_of_another_system_comes_in_once_with_what_it_had_there()
    {
        var import = Import("anna", 250) with { AlternativeIds = [Card], Tier = new("silver", new(2026, 1, 15), new(2026, 4, 30)) };
        Assert.Equal(ImportStatus.Imported, (await Engine.ImportAsync(import, dryRun: true)).Status);
        Assert.Null((await TellAsync(new GetMember("anna"))).View);
        Assert.Equal(ImportStatus.Imported, (await Engine.ImportAsync(import, dryRun: false)).Status);
        Assert.Equal(ImportStatus.Replayed, (await Engine.ImportAsync(import, dryRun: false)).Status);
        await fixture.RestartAsync();
        Assert.Equal(ImportStatus.Replayed, (await Engine.ImportAsync(import, dryRun: false)).Status);
        Assert.Equal(ImportStatus.Replayed, (await Engine.ImportAsync(import, dryRun: true)).Status);
        Assert.Equal("conflict", (await Engine.ImportAsync(import with { Lots = [] }, dryRun: false)).Code);

        var member = (await TellAsync(new GetMember("anna"))).View!;
        Assert.Equal((250, "silver"), (Points(member), member.Tier!.Level));
        Assert.Equal("anna", await WhoHasAsync(Card));
        Assert.Equal(-250, await SumAsync(Accounts.Imported));
        Assert.Equal("import", Assert.Single((await Engine.StatementAsync("anna", null, 10)).Page!.Entries).Kind);
    }

    [StoreFact]
    public async Task A_member_that_is_known_is_not_brought_in_and_an_id_stays_with_its_owner()
    {
        await EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [Card] });
        Assert.Equal("member-exists", (await Engine.ImportAsync(Import("anna", 1), dryRun: true)).Code);
        Assert.Equal("member-exists", (await Engine.ImportAsync(Import("anna", 1), dryRun: false)).Code);
        Assert.Equal("alternative-id-taken", (await Engine.ImportAsync(Import("ben", 1) with { AlternativeIds = [new("card", "free"), Card] }, dryRun: true)).Code);
        Assert.Equal("alternative-id-taken", (await Engine.ImportAsync(Import("ben", 1) with { AlternativeIds = [new("card", "free"), Card] }, dryRun: false)).Code);
        Assert.True(await TryClaimAsync(new("card", "free"), "carl"));
        Assert.Equal("import-rule", (await Engine.ImportAsync(Import("ben", 1, "miles"), dryRun: false)).Code);
        Assert.Equal(0, await SumAsync(Accounts.Imported));
    }

    private static MemberImport Import(string member, long points, string unit = "points") => new()
    {
        Id = MemberImport.IdOf("old", member),
        Import = "old",
        Member = member,
        AlternativeIds = [],
        Lots = [new(unit, points, new(2026, 1, 15), null, null, false)],
        Debts = [],
        Days = [],
    };
}
