using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

public sealed class LiabilityTests
{
    [Fact]
    public async Task The_liability_is_the_same_however_many_members_fit_in_memory()
    {
        await using var fixture = new MemoryFixture();
        await fixture.StartAsync();
        for (var i = 0; i < 20; i++)
        {
            var purchase = new Purchase
            {
                Id = $"p{i}", Member = $"m{i}", Store = "S1", At = fixture.Clock.Now - Duration.FromDays(i * 9), Currency = "GBP", Lines = [new("A", null, null, 1, 100_00 * i)],
            };
            Assert.Equal(CommandStatus.Done, (await fixture.Engine.Host.AskAsync(new RecordPurchase(fixture.Engine.TargetOf(purchase), purchase))).Status);
        }

        var whole = LiabilityReader.Read(fixture.OpenJournal, membersPerPass: 1000);
        var passes = LiabilityReader.Read(fixture.OpenJournal, membersPerPass: 3);
        Assert.Equal(whole.Position, passes.Position);
        Assert.Equal(Assert.Single(whole.Units).Months, Assert.Single(passes.Units).Months);
    }
}
