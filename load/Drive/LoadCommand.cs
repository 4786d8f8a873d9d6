using System.CommandLine;
using System.Text.Json.Nodes;
using Loyalty.Load.Gateway;
using Loyalty.Load.Streams;

namespace Loyalty.Load.Drive;

/// <summary>`load`: purchases as fast as they go, or at a rate, with the client's own account of what was acknowledged.</summary>
internal static class LoadCommand
{
    public static Command Create()
    {
        var members = Number("--members", "Members, 1 to 10,000,000; they are enrolled by their first purchase.", 100_000);
        var rate = Number("--rate", "Requests a second, open loop: latency counts from when a request was due. 0: as fast as it goes.", 0.0);
        var duration = Number("--duration", "Seconds, when there is no --count.", 30.0);
        var count = Number("--count", "Requests in all; 0: as many as the time allows.", 0L);
        var connections = new Option<int?>("--connections") { Description = "Connections, 1 to 1024. Default: 4 in mode stream, 64 in mode single." };
        var mode = new Option<string>("--mode") { Description = "How requests are sent.", DefaultValueFactory = _ => "stream" };
        mode.AcceptOnlyFromAmong("stream", "single");
        var batch = Number("--batch", "Lines of one stream request, 1 to 10,000.", 1000);
        var zipf = Number("--zipf", "Skew of the members: 0 uniform; 0.8: the busiest 20 % make about 70 % of the purchases.", 0.8);
        var lines = Number("--lines", "Lines of a basket, 1 to 500.", 3);
        var vary = new Option<bool>("--vary") { Description = "Baskets of 1 to 2 x lines - 1 lines instead." };
        var returns = Number("--returns", "Percent of requests that give back a line of an earlier purchase.", 3.0);
        var retries = Number("--retries", "Percent of requests that are sent twice, exactly alike.", 1.0);
        var seed = Number("--seed", "Another seed is another run of requests.", 1UL);
        var prefix = new Option<string?>("--prefix") { Description = "Begins every id of requests and members (at most 40 letters, digits, _ or -). Default: made from the time, never twice." };
        var check = new Option<bool>("--check") { Description = "Afterwards compares every member with the engine's books." };
        var checkOnly = new Option<bool>("--check-only") { Description = "Sends nothing: compares the --account of an earlier run." };
        var noPoints = new Option<bool>("--no-points") { Description = "The check leaves points out: for programs that write points off, or runs across their expiry." };
        var account = new Option<string?>("--account") { Description = "Writes down what was sent and acknowledged while the run goes on." };
        var enrol = new Option<bool>("--enrol") { Description = "Enrols all members first." };
        var patience = Number("--patience", "Seconds without any settled request on a connection until what is open is given up.", 60.0);
        var json = new Option<bool>("--json") { Description = "Prints the result as one JSON object, the last line of standard output." };
        var gateway = new GatewayArguments();
        var command = new Command("load", "Sends purchases and returns, measures latency, and finds what was lost, doubled or wrong.")
        {
            members, rate, duration, count, connections, mode, batch, zipf, lines, vary, returns, retries, seed, prefix,
            check, checkOnly, noPoints, account, enrol, patience, json,
        };
        gateway.AddTo(command);
        command.SetAction((parsed, stop) => Task.Run(
            () =>
            {
                if (parsed.GetValue(checkOnly))
                {
                    string file = parsed.GetValue(account) ?? throw new UserError("--check-only needs --account FILE, the account of an earlier run.");
                    return CheckOnly(gateway.Find(parsed), file, !parsed.GetValue(noPoints), parsed.GetValue(patience), parsed.GetValue(json), stop);
                }

                bool single = parsed.GetValue(mode) == "single";
                var workload = new WorkloadOptions(
                    CheckPrefix(parsed.GetValue(prefix)),
                    Limits.Check("--members", parsed.GetValue(members), 1, WorkloadOptions.MembersMax),
                    Limits.Check("--connections", parsed.GetValue(connections) ?? (single ? 64 : 4), 1, Connections.CountMax),
                    Limits.Check("--zipf", parsed.GetValue(zipf), 0, 10),
                    Limits.Check("--lines", parsed.GetValue(lines), 1, WorkloadOptions.LinesMax),
                    parsed.GetValue(vary),
                    Limits.Check("--returns", parsed.GetValue(returns), 0, 50),
                    Limits.Check("--retries", parsed.GetValue(retries), 0, 100),
                    parsed.GetValue(seed));
                var options = new LoadOptions(
                    workload,
                    Limits.Check("--rate", parsed.GetValue(rate), 0, 100_000_000),
                    Limits.Check("--duration", parsed.GetValue(duration), 0.001, LoadOptions.DurationSecondsMax),
                    Limits.Check("--count", parsed.GetValue(count), 0, Workload.IndexMax),
                    single,
                    Limits.Check("--batch", parsed.GetValue(batch), 1, LoadOptions.BatchLinesMax),
                    parsed.GetValue(check),
                    !parsed.GetValue(noPoints),
                    parsed.GetValue(enrol),
                    parsed.GetValue(account),
                    Limits.Check("--patience", parsed.GetValue(patience), 0, 86400));
                return Load(gateway.Find(parsed), options, parsed.GetValue(json), stop);
            },
            stop));
        return command;
    }

    public static void Print(LoadResult result)
    {
        LatencyHistogram latencies = result.Latencies;
        Console.WriteLine($"sent         {result.Sent,12:N0}   and {result.Retries:N0} repetitions; {result.Resent:N0} once more after {result.Disconnects:N0} lost connections or 503");
        Console.WriteLine($"acknowledged {result.Acknowledged,12:N0}   refused {result.Refused:N0}, unknown {result.Unknown:N0}, overdue {result.Overdue:N0}");
        Console.WriteLine($"per second   {result.PerSecond,12:N0}   in {result.Seconds:F1} s; the client itself took {result.ClientMicrosPerRequest:F2} µs CPU a request");
        Console.WriteLine(
            $"latency ms   {latencies.Milliseconds(50),12:F2}   p50; p99 {latencies.Milliseconds(99):F2}, p99.9 {latencies.Milliseconds(99.9):F2}, max {latencies.MaxMilliseconds:F2}");
        if (result.NotReplayed + result.Garbled > 0)
        {
            Console.WriteLine($"WRONG        {result.NotReplayed,12:N0}   repetitions taken for new requests; {result.Garbled:N0} answers that do not fit their request");
        }

        if (result.Check is { } check)
        {
            Print(check);
        }
    }

    private static void Print(CheckResult check) =>
        Console.WriteLine($"checked      {check.Members,12:N0}   members: lost {check.Lost:N0}, doubled {check.Doubled:N0}, wrong {check.Wrong:N0}");

    private static int Load(GatewayTarget target, LoadOptions options, bool asJson, CancellationToken stop)
    {
        LoadResult result = LoadRun.Execute(target, options, stop);
        Print(result);
        if (asJson)
        {
            Console.WriteLine(result.ToJson().ToJsonString());
        }

        return result.IsWell ? 0 : 1;
    }

    private static int CheckOnly(GatewayTarget target, string file, bool comparesPoints, double patienceSeconds, bool asJson, CancellationToken stop)
    {
        (CheckResult check, long unknown) = LoadRun.CheckOnly(target, file, comparesPoints, patienceSeconds, stop);
        Print(check);
        if (asJson)
        {
            Console.WriteLine(new JsonObject
            {
                ["checked"] = check.Members,
                ["lost"] = check.Lost,
                ["doubled"] = check.Doubled,
                ["wrong"] = check.Wrong,
                ["unknown"] = unknown,
            }.ToJsonString());
        }

        return check.IsWell ? 0 : 1;
    }

    private static string CheckPrefix(string? prefix)
    {
        if (prefix is null)
        {
            return WorkloadOptions.NewPrefix();
        }

        return prefix.Length is > 0 and <= 40 && prefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')
            ? prefix
            : throw new UserError("--prefix must be 1 to 40 letters, digits, _ or -.");
    }

    private static Option<T> Number<T>(string name, string description, T value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };
}
