using System.Diagnostics;
using Loyalty.Simulator.Work;

namespace Loyalty.Simulator;

/// <summary>Drops operations of a failing run as long as it fails: halves, quarters, … single ones (delta debugging, Zeller 1999). Which run fails for which reason is not compared: any violation is one.</summary>
internal static class Shrinker
{
    /// <summary>The smallest failing run that is found in the time.</summary>
    public static (Workload Work, SimulationResult Result) Shrink(ulong seed, int ops, TimeSpan atMost, Func<Workload, SimulationResult> run)
    {
        var started = Stopwatch.GetTimestamp();
        var work = Workload.Of(seed, ops);
        var result = run(work);
        for (var size = work.Ops.Length / 2; size >= 1 && result.Violation is not null; size /= 2)
        {
            for (var at = 0; at < work.Ops.Length && Stopwatch.GetElapsedTime(started) < atMost;)
            {
                var end = Math.Min(at + size, work.Ops.Length);
                var fewer = work with { Ops = [.. work.Ops[..at], .. work.Ops[end..]] };
                var tried = run(fewer);
                if (tried.Violation is not null)
                {
                    (work, result) = (fewer, tried);
                }
                else
                {
                    // The time that passed before the dropped ones may be what matters.
                    at = end;
                }
            }
        }

        return (work, result);
    }
}
