using Loyalty.Simulator.Engine;

namespace Loyalty.Simulator.Tests;

/// <summary>A few of the seeds that <c>./loyalty simulate</c> runs by the thousand.</summary>
public class SimulatorTests
{
    private const int Ops = 150;

    public static TheoryData<int> Blocks => [0, 1, 2, 3];

    [Theory]
    [MemberData(nameof(Blocks))]
    public void Whatever_goes_wrong_the_books_keep_what_is_promised(int block)
    {
        for (var seed = 1; seed <= 6; seed++)
        {
            var result = Simulation.Run((ulong)((block * 6) + seed), Ops);
            Assert.True(result.Violation is null, $"./loyalty simulate --seed {result.Seed} --ops {Ops}: {result.Violation}");
        }
    }

    [Fact]
    public void A_seed_decides_everything()
    {
        for (ulong seed = 100; seed < 102; seed++)
        {
            Assert.Equal(Simulation.Run(seed, Ops).Digest, Simulation.Run(seed, Ops).Digest);
        }
    }

    [Fact]
    public void Without_faults_nothing_is_asked_twice_and_all_of_it_is_done()
    {
        for (ulong seed = 200; seed < 202; seed++)
        {
            var result = Simulation.Run(seed, Ops, Faults.None);
            Assert.Null(result.Violation);
            Assert.Equal(0, result.Crashes);
        }
    }
}
