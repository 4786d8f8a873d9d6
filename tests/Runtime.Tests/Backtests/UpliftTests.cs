using Loyalty.Runtime.Backtests;

namespace Loyalty.Runtime.Tests.Backtests;

public class UpliftTests
{
    [Fact]
    public void Two_groups_of_unequal_variance_are_compared_by_welchs_interval()
    {
        // Means 20.8 and 23.0, variances 7.9 and 3.8, 15 each: the textbook example of Welch's test has 25 degrees of freedom and rejects equality at 5 %.
        var uplift = Uplift.Of(new(15, 312, 20.8, 7.9), new(15, 345, 23.0, 3.8))!;
        Assert.Equal(-2.2, uplift.Mean, 9);
        Assert.Equal(24.94, uplift.DegreesOfFreedom, 2);
        // Student's t for 24.94 degrees of freedom, 97.5 %: 2.0598.
        Assert.Equal(-2.2 - (2.0598 * Math.Sqrt((7.9 / 15) + (3.8 / 15))), uplift.Low, 3);
        Assert.Equal(-2.2 + (2.0598 * Math.Sqrt((7.9 / 15) + (3.8 / 15))), uplift.High, 3);
        Assert.Equal(-2.2 / 23.0, uplift.Relative!.Value, 9);
    }

    [Fact]
    public void A_group_of_one_member_has_no_interval() => Assert.Null(Uplift.Of(new(1, 100, 100, 0), new(50, 100, 2, 1)));

    [Fact]
    public void Groups_in_which_everybody_spent_the_same_differ_by_exactly_that()
    {
        var uplift = Uplift.Of(new(10, 1000, 100, 0), new(10, 0, 0, 0))!;
        Assert.Equal((100.0, 100.0, 100.0), (uplift.Low, uplift.Mean, uplift.High));
        Assert.Null(uplift.Relative);
    }
}
