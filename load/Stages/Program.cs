using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Loyalty.Stages;

// Loyalty.Stages [BenchmarkDotNet options]   every stage of a purchase with BenchmarkDotNet: a minute or two
// Loyalty.Stages quick                       a few seconds: each stage beside a yardstick, compared with recorded.json; says what got slower
// Loyalty.Stages night [members]             the month's end: everybody's points lapse in one night while the tills go on
switch (args)
{
    case ["quick", ..]:
        return QuickRun.Run(Path.Combine(AppContext.BaseDirectory, "recorded.json"), args.Contains("--record"));
    case ["night", ..]:
        return await NightRun.RunAsync(args.Length > 1 ? int.Parse(args[1]) : 1_000_000);
}

// In this process: the generated project of the usual way would restore packages of its own.
var job = Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance).WithUnrollFactor(1).WithInvocationCount(16);
BenchmarkSwitcher.FromTypes([typeof(Stages)]).Run(args.Length == 0 ? ["--filter", "*"] : args, DefaultConfig.Instance.AddJob(job));
return 0;
