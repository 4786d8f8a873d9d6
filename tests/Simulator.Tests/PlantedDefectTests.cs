using Loyalty.Simulator.Engine;

namespace Loyalty.Simulator.Tests;

/// <summary>A simulator that finds nothing proves nothing: mistakes are planted, and each must be found within a stated number of seeds.</summary>
public class PlantedDefectTests
{
    private const int Ops = 150;

    /// <summary>The mistake, the first seed, and the number of seeds within which it must be found.</summary>
    public static TheoryData<string, int, int> Mistakes => new()
    {
        { nameof(Defects.NoVersionCheck), 1, 20 },
        { nameof(Defects.NoUniqueKeys), 1, 20 },
        { nameof(Defects.ReplyBeforeDurable), 1, 3 },
        { nameof(Defects.ForgottenRequestKey), 1, 10 },
        { nameof(Defects.OutboxBeforeAppend), 1, 20 },
        { nameof(Defects.EffectAppliedTwice), 1, 20 },
        { nameof(Defects.ReturnKeepsTheTier), 1, 20 },
        { nameof(Defects.DebtForgotten), 1, 20 },
        { nameof(Defects.ExpiryIgnoresHolds), 100, 20 },
        { nameof(Defects.TimeOutKeepsPoints), 1, 10 },
        { nameof(Defects.NoWakeUp), 1, 10 },
        { nameof(Defects.SnapshotBehind), 1, 20 },
        { nameof(Defects.NoChecksum), 1, 20 },
        { nameof(Defects.WrongMeasure), 1, 3 },
    };

    /// <summary>Some mistakes show only when a certain thing goes wrong; then it goes wrong often.</summary>
    private static Faults? FaultsFor(Defects defect) => defect switch
    {
        Defects.OutboxBeforeAppend => new() { AppendFails = 0.2, Crash = 0.01 },
        Defects.EffectAppliedTwice => new() { Doubled = 0.5 },
        Defects.NoChecksum => new() { BitFlip = 0.05, Crash = 0.005 },
        _ => null,
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_planted_mistake_is_found(string mistake, int from, int seeds)
    {
        var defect = Enum.Parse<Defects>(mistake);
        for (var seed = from; seed < from + seeds; seed++)
        {
            if (Simulation.Run((ulong)seed, Ops, FaultsFor(defect), defect).Violation is not null)
            {
                return;
            }
        }

        Assert.Fail($"{defect} is not found by {seeds} seeds from {from} on");
    }

    [Fact]
    public void Every_mistake_that_can_be_planted_is_in_the_list() =>
        Assert.Equal(Enum.GetNames<Defects>().Where(name => name != nameof(Defects.None)).Order(StringComparer.Ordinal), Mistakes.Select(mistake => (string)mistake[0]).Order(StringComparer.Ordinal));
}
