using System.Text.Json.Nodes;
using Loyalty.Load.Drive;

namespace Loyalty.Load.Bench;

/// <summary>What the figures share: the server's command, how long to measure, what the machine can do at most, and what was found so far.</summary>
internal sealed class BenchContext(CommandLine server, bool isQuick, bool withMillion, CancellationToken stop)
{
    public CommandLine Server => server;

    public bool WithMillion => withMillion;

    public CancellationToken Stop => stop;

    public double Seconds => isQuick ? 4 : 15;

    public double WarmSeconds => isQuick ? 2 : 5;

    /// <summary>What the engine says of the machine (`limits --json`); empty when it cannot.</summary>
    public JsonObject Limits { get; set; } = [];

    /// <summary>Each figure under its name.</summary>
    public JsonObject Results { get; } = [];

    /// <summary>Runs a load on members of its own, after a shorter one that warms the server up.</summary>
    public LoadResult Run(ServerProcess running, LoadOptions options)
    {
        LoadOptions warm = options with { DurationSeconds = WarmSeconds, Check = false, Workload = options.Workload with { Prefix = WorkloadOptions.NewPrefix() } };
        LoadRun.Execute(running.Target, warm, stop);
        return LoadRun.Execute(running.Target, options with { DurationSeconds = options.DurationSeconds > 0 ? options.DurationSeconds : Seconds }, stop);
    }

    public static WorkloadOptions Workload(int members, int connections) => new(WorkloadOptions.NewPrefix(), members, connections);
}

/// <summary>One thing that is measured, with what limits it.</summary>
/// <param name="Name">Its member in the JSON result.</param>
internal sealed record Figure(string Name, string What, Func<BenchContext, JsonObject> Measure);
