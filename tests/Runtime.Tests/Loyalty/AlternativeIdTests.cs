using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Releases that arrive late.</summary>
public class AlternativeIdTests
{
    private static readonly AlternativeId Card = new("card", "9826");
    private static readonly AlternativeId Other = new("card", "other");

    [Fact]
    public async Task A_release_that_arrives_late_does_not_take_back_what_the_member_has_claimed_again()
    {
        // The store refuses the first release, so that it is still under way when the member takes its former card back.
        var refusals = 1;
        await using var fixture = new MemoryFixture(new()
        {
            Fault = batch => batch.Entries.Exists(entry => entry.Actor == ActorIds.Directory(Card) && entry.ExpectedVersion == 1) && refusals-- > 0
                ? new(MemoryFaultKind.Fail)
                : MemoryFault.None,
        });
        await fixture.StartAsync();
        await fixture.Engine.EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [Card] });
        await fixture.Engine.ReplaceAlternativeIdsAsync("anna", [Other]);
        while (Volatile.Read(ref refusals) > 0)
        {
            await Task.Yield();
        }

        Assert.Null(Assert.IsType<MemberReply>((await fixture.Engine.ReplaceAlternativeIdsAsync("anna", [Card])).Reply).Refusal);
        for (var i = 0; i < 3; i++)
        {
            fixture.Clock.Now += Duration.FromMinutes(1);
            await fixture.WakeDueAsync();
        }

        // All that is under way has arrived: the other card is free.
        while (await ClaimAsync(fixture, Other, "ben") is false)
        {
            await fixture.WakeDueAsync();
        }

        Assert.Equal("anna", Assert.IsType<MemberReply>((await fixture.Engine.FindMemberAsync(Card)).Reply).View!.Id);
        Assert.False(await ClaimAsync(fixture, Card, "ben"));
    }

    [Fact]
    public async Task Who_joined_by_a_sale_and_is_enrolled_later_gives_back_the_cards_that_the_enrolment_does_not_name()
    {
        await using var fixture = new MemoryFixture();
        await fixture.StartAsync();
        var sale = new Purchase { Id = "p1", Member = "anna", Store = "S1", At = fixture.Clock.Now, Currency = "GBP", Lines = [new("a", null, null, 1, 100)] };
        await fixture.Engine.Host.AskAsync(new RecordPurchase(fixture.Engine.TargetOf(sale), sale));
        await fixture.Engine.ReplaceAlternativeIdsAsync("anna", [Card]);
        await fixture.Engine.EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [Other] });
        await UntilFreeAsync(fixture, Card);
    }

    [Fact]
    public async Task An_enrolment_that_comes_again_after_the_cards_were_changed_keeps_none_of_its_old_ones_from_others()
    {
        await using var fixture = new MemoryFixture();
        await fixture.StartAsync();
        await fixture.Engine.EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [Card] });
        await fixture.Engine.ReplaceAlternativeIdsAsync("anna", [Other]);
        await fixture.Engine.EnrolAsync(new Enrolment { Id = "anna", AlternativeIds = [Card] });
        await UntilFreeAsync(fixture, Card);
    }

    /// <summary>Releases are messages and take their time.</summary>
    private static async Task UntilFreeAsync(LoyaltyFixture fixture, AlternativeId id)
    {
        for (var i = 0; i < 1000 && !await ClaimAsync(fixture, id, "ben"); i++)
        {
            await fixture.WakeDueAsync();
        }

        Assert.True(await ClaimAsync(fixture, id, "ben"));
    }

    private static async Task<bool> ClaimAsync(LoyaltyFixture fixture, AlternativeId id, string member) =>
        (await fixture.Engine.EnrolAsync(new Enrolment { Id = $"{member}-{id.Value}", AlternativeIds = [id] })).Reply is MemberReply { Refusal: null };
}
