using System.CommandLine;
using System.Diagnostics;

namespace Loyalty.Simulator;

/// <summary><c>./loyalty simulate</c>.</summary>
internal static class SimulateCommand
{
    public static int Run(string[] args)
    {
        var seeds = new Option<int>("--seeds") { Description = "how many seeds", DefaultValueFactory = _ => 1000 };
        var from = new Option<ulong>("--from") { Description = "the first of them", DefaultValueFactory = _ => 1 };
        var seed = new Option<ulong?>("--seed") { Description = "one seed, with a trace of its last steps" };
        var ops = new Option<int>("--ops") { Description = "operations of a seed", DefaultValueFactory = _ => 1000 };
        var threads = new Option<int>("--threads") { Description = "seeds at a time", DefaultValueFactory = _ => Environment.ProcessorCount };
        var defect = new Option<Engine.Defects>("--defect") { Description = "plants a mistake: the number of seeds until it is found" };
        var whole = new Option<bool>("--trace") { Description = "with --seed: everything that happened" };
        var command = new RootCommand("Runs the engine on a simulated clock, scheduler, network and store, with faults, and checks what it promises.") { seeds, from, seed, ops, threads, defect, whole };
        command.SetAction(parsed => parsed.GetValue(defect) is not Engine.Defects.None and var planted
            ? Planted(planted, parsed.GetValue(from), parsed.GetValue(seeds), parsed.GetValue(ops))
            : parsed.GetValue(seed) is { } one
            ? One(one, parsed.GetValue(ops), parsed.GetValue(whole))
            : Many(parsed.GetValue(from), parsed.GetValue(seeds), parsed.GetValue(ops), parsed.GetValue(threads)));
        return command.Parse(args).Invoke();
    }

    private static int Many(ulong from, int seeds, int ops, int threads)
    {
        var started = Stopwatch.GetTimestamp();
        var (done, steps, records, crashes) = (0, 0L, 0L, 0L);
        SimulationResult? failed = null;
        Parallel.For(0, seeds, new ParallelOptions { MaxDegreeOfParallelism = threads }, (i, loop) =>
        {
            var result = Simulation.Run(from + (ulong)i, ops);
            Interlocked.Add(ref steps, result.Steps);
            Interlocked.Add(ref records, result.Records);
            Interlocked.Add(ref crashes, result.Crashes);
            if (result.Violation is not null && Interlocked.CompareExchange(ref failed, result, null) is null)
            {
                loop.Stop();
            }

            if (Interlocked.Increment(ref done) % 1000 == 0)
            {
                Console.Error.WriteLine($"{done} seeds, {done * (long)ops / Stopwatch.GetElapsedTime(started).TotalSeconds:0} operations/s");
            }
        });
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine(
            $"{done} seeds of {ops} operations in {seconds:0.0} s ({done * (long)ops / seconds:0} operations/s): {steps} steps, {records} records, {crashes} crashes");
        if (failed is null)
        {
            Console.WriteLine("no violation");
            return 0;
        }

        Console.WriteLine($"seed {failed.Seed} fails: {failed.Violation}");
        Console.WriteLine($"repeat it: ./loyalty simulate --seed {failed.Seed} --ops {ops}");
        return 1;
    }

    private static int Planted(Engine.Defects defect, ulong from, int seeds, int ops)
    {
        for (var i = 0; i < seeds; i++)
        {
            if (Simulation.Run(from + (ulong)i, ops, defects: defect).Violation is { } violation)
            {
                Console.WriteLine($"{defect} is found by seed {from + (ulong)i}, the {i + 1}. of them: {violation}");
                return 0;
            }
        }

        Console.WriteLine($"{defect} is not found by {seeds} seeds");
        return 1;
    }

    private static int One(ulong seed, int ops, bool whole)
    {
        var result = Simulation.Run(seed, ops, traces: true);
        if (result.Violation is not null && !whole)
        {
            var (work, smaller) = Shrinker.Shrink(seed, ops, TimeSpan.FromSeconds(30), fewer => Simulation.Run(seed, fewer));
            Console.WriteLine($"seed {seed} fails: {result.Violation}");
            Console.WriteLine($"It fails with these {work.Ops.Length} of its {ops} operations, too: {smaller.Violation}");
            result = Simulation.Run(seed, work, traces: true);
            whole = result.Trace!.Count < 200;
        }

        Console.WriteLine($"seed {seed}: {result.Steps} steps, {result.Records} records, {result.Crashes} crashes, digest {result.Digest:x16}");
        foreach (var line in whole ? result.Trace! : result.Trace!.TakeLast(40))
        {
            Console.WriteLine(line);
        }

        Console.WriteLine(result.Violation is null ? "no violation" : $"VIOLATION: {result.Violation}");
        return result.Violation is null ? 0 : 1;
    }
}
