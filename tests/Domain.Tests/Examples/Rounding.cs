using Loyalty.Domain.Tests.Model;
using Xunit;

namespace Loyalty.Domain.Tests.Examples;

public class Rounding
{
    private static readonly PlanEarn OneForAPound = new("base", "points", 1, 100, true);

    [Theory]
    [InlineData("down", 49, 0)]
    [InlineData("down", 199, 1)]
    [InlineData("half-up", 49, 0)]
    [InlineData("half-up", 50, 1)]
    [InlineData("half-up", 250, 3)]
    [InlineData("half-even", 50, 0)]
    [InlineData("half-even", 51, 1)]
    [InlineData("half-even", 150, 2)]
    [InlineData("half-even", 250, 2)]
    [InlineData("half-even", 350, 4)]
    public void A_half_goes_where_the_program_says(string mode, long amount, long points) =>
        Assert.Equal(points, new Shop(earn: OneForAPound, rounding: mode).On("2026-03-01").Buys("p1", amount));

    [Fact]
    public void A_half_is_exact_with_thirds_too()
    {
        // 3 points for 14 pence: 7 pence are one and a half.
        var earn = new PlanEarn("base", "points", 3, 14, true);
        Assert.Equal(2, new Shop(earn: earn, rounding: "half-up").On("2026-03-01").Buys("p1", 7));
        Assert.Equal(2, new Shop(earn: earn, rounding: "half-even").On("2026-03-01").Buys("p1", 7));
        Assert.Equal(4, new Shop(earn: earn, rounding: "half-even").On("2026-03-01").Buys("p1", 21));
        Assert.Equal(5, new Shop(earn: earn, rounding: "half-up").On("2026-03-01").Buys("p1", 21));
    }

    [Fact]
    public void Lines_rounded_one_by_one_give_another_sum_than_the_purchase_rounded_once()
    {
        Assert.Equal(1, new Shop(earn: OneForAPound).On("2026-03-01").Buys("p1", 60, 60));
        Assert.Equal(0, new Shop(earn: OneForAPound, perLine: true).On("2026-03-01").Buys("p1", 60, 60));
        Assert.Equal(2, new Shop(earn: OneForAPound, rounding: "half-up", perLine: true).On("2026-03-01").Buys("p1", 60, 60));
    }

    [Fact]
    public void The_largest_purchase_at_the_highest_rate_is_exact() =>
        Assert.Equal(1_000_000_000_000_000, new Shop(earn: new("base", "points", 1_000_000, 1000, true)).On("2026-03-01").Buys("p1", 1_000_000_000_000));

    [Fact]
    public void A_bonus_is_taken_of_the_exact_amount_and_not_of_rounded_points()
    {
        var tiers = new PlanTiers("spend", "points", "lifetime", 0, "forever", 0, 0, [new("gold", 1, 0.5m)]);
        var shop = new Shop(earn: OneForAPound, tiers: tiers).On("2026-03-01");
        shop.Buys("p1", 1);
        Assert.Equal(1 + 0, shop.Buys("p2", 199));
        var rounded = new Shop(earn: OneForAPound, tiers: tiers, rounding: "half-up").On("2026-03-01");
        rounded.Buys("p1", 1);
        Assert.Equal(1 + 1, rounded.Buys("p2", 140));
        Assert.Equal(2 + 1, rounded.Buys("p3", 150));
    }
}
