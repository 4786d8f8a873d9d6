using Loyalty.Domain.Requests;
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

    private static async Task<bool> ClaimAsync(LoyaltyFixture fixture, AlternativeId id, string member) =>
        (await fixture.Engine.EnrolAsync(new Enrolment { Id = $"{member}-{id.Value}", AlternativeIds = [id] })).Reply is MemberReply { Refusal: null };
}
