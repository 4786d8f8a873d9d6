using Loyalty.Simulator.Engine;

namespace Loyalty.Simulator.Tests;

/// <summary>A simulator that finds nothing proves nothing: mistakes are planted, and each must be found within a stated number of seeds.</summary>
public class PlantedDefectTests
{
    private const int Ops = 200;

    [Theory]
    [InlineData(Defects.NoVersionCheck, 20)]
    [InlineData(Defects.NoUniqueKeys, 20)]
    [InlineData(Defects.ReplyBeforeDurable, 2)]
    internal void A_planted_mistake_is_found(Defects defect, int seeds)
    {
        for (var seed = 1; seed <= seeds; seed++)
        {
            if (Simulation.Run((ulong)seed, Ops, defects: defect).Violation is not null)
            {
                return;
            }
        }

        Assert.Fail($"{defect} is not found in {seeds} seeds");
    }
}
