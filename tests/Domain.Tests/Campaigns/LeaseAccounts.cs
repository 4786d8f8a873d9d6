using Loyalty.Domain.Campaigns;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Campaigns;

/// <summary>The accounts of a campaign's budget: what is granted, spent, handed back and free.</summary>
public class LeaseAccounts
{
    private static readonly Instant Now = Instant.FromUtc(2026, 3, 2, 10, 0);
    private static readonly PurseKey Purse = new(BudgetMeasure.Points, CampaignPeriod.Campaign, null, LocalDate.MinIsoValue);

    private readonly CampaignState _campaign = new("boost");
    private readonly List<CampaignEvent> _raised = [];

    public LeaseAccounts() => Publish("""{ "in": "points", "amount": 1000 }""");

    [Fact]
    public void Leases_become_smaller_as_the_budget_runs_out()
    {
        var first = Open("a", want: 10);
        Assert.Equal((250, 750), (first.Granted, first.Free));
        Assert.Equal(93, Open("b", want: 10).Granted);
        Assert.Equal(250 + 82, More(first.Lease, "a", 1, want: 10).Granted);
        Assert.Equal(575, Open("c", want: 900).Granted);
        var none = Open("d", want: 1);
        Assert.Equal((0, 0, 1000), (none.Granted, none.Free, none.Elsewhere));
    }

    [Fact]
    public void A_message_that_comes_twice_or_too_late_changes_nothing()
    {
        var lease = Open("a", want: 10);
        Assert.Equal((lease.Lease, lease.Granted), (Open("a", want: 10).Lease, Open("a", want: 10).Granted));
        var more = More(lease.Lease, "a", 2, want: 10, spent: 5);
        var count = _raised.Count;
        Assert.Equal(more.Granted, More(lease.Lease, "a", 2, want: 10, spent: 5).Granted);
        Assert.Equal(more.Granted, More(lease.Lease, "a", 1, want: 900, spent: 3).Granted);
        Assert.Equal(count, _raised.Count);
        Assert.Equal(0, More(lease.Lease, "b", 3, want: 10).Lease);
    }

    [Fact]
    public void What_returns_bring_back_is_free_when_their_lease_ends()
    {
        var lease = Open("a", want: 1000);
        Close(lease.Lease, "a", spent: 1000);
        Assert.Equal(0, _campaign.FreeOf(Purse));
        var carrier = Open("a", want: 0, nonce: 2);
        Assert.Equal(0, carrier.Granted);
        Close(carrier.Lease, "a", spent: -300);
        Assert.Equal((300, 700), (_campaign.FreeOf(Purse), _campaign.Purses[Purse].Spent));
    }

    [Fact]
    public void A_lease_is_settled_once_by_its_holder_or_from_the_journal()
    {
        var lease = Open("a", want: 10);
        Assert.True(Decider.Settle(lease.Lease, 7));
        Assert.False(Decider.Settle(lease.Lease, 7));
        Close(lease.Lease, "a", spent: 9);
        Assert.Equal([lease.Lease], Decider.Report("a", [(lease.Lease, 9, 9)]));
        Assert.Equal((7, 993), (_campaign.Purses[Purse].Spent, _campaign.FreeOf(Purse)));
    }

    [Fact]
    public void A_newer_version_changes_the_amount_and_less_than_is_spent_leaves_nothing_free()
    {
        Close(Open("a", want: 400).Lease, "a", spent: 400);
        Publish("""{ "in": "points", "amount": 1500 }""");
        Assert.Equal(1100, _campaign.FreeOf(Purse));
        Publish("""{ "in": "points", "amount": 300 }""");
        Assert.Equal((0, 0), (_campaign.FreeOf(Purse), Open("a", want: 5, nonce: 3).Granted));
        Publish("""{ "in": "uses", "amount": 5 }""");
        Assert.Equal(5, _campaign.FreeOf(Purse with { In = BudgetMeasure.Uses }));
    }

    [Fact]
    public void In_a_budget_by_store_each_store_has_a_purse_and_what_happens_in_no_store_has_one()
    {
        Publish("""{ "in": "uses", "amount": 7, "by": "store", "period": "week" }""");
        var week = new PurseKey(BudgetMeasure.Uses, CampaignPeriod.Week, "s1", new(2026, 3, 2));
        Open("a", want: 7, purse: week);
        Assert.Equal([0L, 7L, 7L], [_campaign.FreeOf(week), _campaign.FreeOf(week with { Store = "s2" }), _campaign.FreeOf(week with { Store = null })]);
        Assert.Equal(0, _campaign.FreeOf(Purse with { Store = "s1" }));
    }

    [Fact]
    public void Of_very_many_purses_those_of_the_oldest_periods_are_closed()
    {
        Publish("""{ "in": "points", "amount": 1000, "by": "store", "period": "day" }""");
        var day = new LocalDate(2026, 3, 2);
        for (var i = 0; i < CampaignState.MaxPurses; i++)
        {
            var lease = Open("a", want: 1, nonce: i + 10, purse: new(BudgetMeasure.Points, CampaignPeriod.Day, $"s{i % 100}", day.PlusDays(i / 100)));
            Close(lease.Lease, "a", spent: 1);
        }

        var next = new PurseKey(BudgetMeasure.Points, CampaignPeriod.Day, "s1", day.PlusDays(300));
        Assert.Equal(250, Open("a", want: 1, nonce: 5, purse: next).Granted);
        Assert.Equal(day.PlusDays(100), _campaign.FoldedThrough);
        Assert.Equal(101 * 100, _campaign.Folded[BudgetMeasure.Points]);
        Assert.Equal(0, Open("a", want: 1, nonce: 6, purse: next with { Start = day }).Granted);
        Assert.Equal(0, _campaign.FreeOf(next with { Start = day.PlusDays(100) }));
        Assert.Equal(999, _campaign.FreeOf(next with { Start = day.PlusDays(101) }));
    }

    private CampaignDecider Decider => new(_campaign, Now, _raised);

    private LeaseAnswer Open(string holder, long want, long nonce = 1, PurseKey? purse = null) => Decider.Change(purse ?? Purse, holder, new(0, nonce, 0, 0, want, 0, Close: false));

    private LeaseAnswer More(long lease, string holder, long sequence, long want, long spent = 0) => Decider.Change(Purse, holder, new(lease, 0, sequence, spent, want, 0, Close: false));

    private void Close(long lease, string holder, long spent) => Decider.Change(Purse, holder, new(lease, 0, long.MaxValue, spent, 0, 0, Close: true));

    private void Publish(string budget)
    {
        var json = System.Text.Encoding.UTF8.GetBytes($$"""{ "name": "Boost", "gives": [ { "type": "bonus", "unit": "points", "points": 5 } ], "budget": {{budget}} }""");
        _campaign.Apply(new VersionPublished(_campaign.Versions.Count + 1, Now, json, "anna", null, Now));
    }
}
