using Loyalty.Load.Drive;

namespace Loyalty.Load.Tests;

public sealed class ZipfTests
{
    private const int Draws = 400_000;

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.8)]
    [InlineData(1.2)]
    public void Ranks_come_as_often_as_the_law_says(double exponent)
    {
        const int Count = 50;
        var zipf = new Zipf(Count, exponent);
        int[] drawn = new int[Count];
        for (int i = 0; i < Draws; i++)
        {
            drawn[zipf.Rank(Mix.Bits((ulong)i))]++;
        }

        double sum = Enumerable.Range(1, Count).Sum(rank => Math.Pow(rank, -exponent));
        for (int rank = 0; rank < Count; rank++)
        {
            double expected = Draws * Math.Pow(rank + 1, -exponent) / sum;

            // Six standard deviations: the draws are fixed, so this either holds for ever or never.
            Assert.InRange(drawn[rank], expected - (6 * Math.Sqrt(expected)), expected + (6 * Math.Sqrt(expected)));
        }
    }

    [Fact]
    public void The_default_gives_the_busiest_fifth_about_seven_tenths()
    {
        const int Count = 100_000;
        var zipf = new Zipf(Count, 0.8);
        int busiest = Enumerable.Range(0, Draws).Count(i => zipf.Rank(Mix.Bits((ulong)i)) < Count / 5);
        Assert.InRange(busiest / (double)Draws, 0.65, 0.75);
    }

    [Fact]
    public void One_member_is_always_the_same()
    {
        var zipf = new Zipf(1, 0.8);
        Assert.All(Enumerable.Range(0, 1000), i => Assert.Equal(0, zipf.Rank(Mix.Bits((ulong)i))));
    }
}
