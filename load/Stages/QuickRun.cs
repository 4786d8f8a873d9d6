using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;

namespace Loyalty.Stages;

/// <summary>
/// A short run for continuous integration: the time of each stage as a multiple of a yardstick (SHA-256 of 1 KB) measured between the runs, so that a slow or busy machine shifts both. Compared with
/// <c>recorded.json</c>; a stage at more than <see cref="Slower"/> times its recorded multiple is reported. It reports and does not fail: shared machines are no judges.
/// </summary>
internal static class QuickRun
{
    private const double Slower = 1.5;
    private const int Rounds = 15;
    private const int WarmMs = 800;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static int Run(string recordedFile, bool record)
    {
        using var stages = new Stages();
        stages.Setup();
        (string Name, Action Run)[] all =
        [
            ("parse", () => stages.Parse()), ("decide", () => stages.Decide()), ("encode", () => stages.Encode()), ("chain", () => stages.Chain()), ("reply", () => stages.Reply()),
            ("append", () => stages.Append()), ("engine", () => stages.Engine()),
        ];
        var recorded = File.Exists(recordedFile) ? JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(recordedFile))! : [];
        var measured = new SortedDictionary<string, double>(StringComparer.Ordinal);
        Console.WriteLine("stage    ns a purchase   bytes a purchase   multiple of the yardstick   recorded");
        foreach (var (name, run) in all)
        {
            // Long enough for the code to be compiled in its final form.
            for (var warm = Stopwatch.StartNew(); warm.ElapsedMilliseconds < WarmMs;)
            {
                run();
            }

            var times = new double[Rounds];
            var multiples = new double[Rounds];
            var allocated = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < Rounds; i++)
            {
                var yardstick = Yardstick();
                var start = Stopwatch.GetTimestamp();
                run();
                times[i] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / Stages.Purchases;
                multiples[i] = times[i] / ((yardstick + Yardstick()) / 2);
            }

            var bytes = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / (double)(Rounds * Stages.Purchases);
            var multiple = measured[name] = Math.Round(Median(multiples), 3);
            var known = recorded.GetValueOrDefault(name);
            Console.WriteLine(
                $"{name,-8} {Median(times),13:N0}   {bytes,16:N0}   {multiple,25:0.00}   {known,8:0.00}{(known > 0 && multiple > known * Slower ? $"   SLOWER: {multiple / known:0.0} times" : "")}");
        }

        if (record)
        {
            File.WriteAllText(recordedFile, JsonSerializer.Serialize(measured, Indented));
            Console.WriteLine($"recorded in {recordedFile}; copy it to load/Stages/recorded.json");
        }

        return 0;
    }

    /// <summary>Nanoseconds of one SHA-256 of 1 KB.</summary>
    private static double Yardstick()
    {
        const int Times = 4000;
        Span<byte> data = stackalloc byte[1024];
        Span<byte> hash = stackalloc byte[32];
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Times; i++)
        {
            SHA256.HashData(data, hash);
            data[0] = hash[0];
        }

        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Times;
    }

    private static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
