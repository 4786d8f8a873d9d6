using System.CommandLine;
using System.Text.Json.Nodes;
using Loyalty.Load;
using Loyalty.Load.Baseline;
using Loyalty.Load.Bench;

var duration = new Option<double>("--duration") { Description = "Seconds to measure, after a warm-up.", DefaultValueFactory = _ => 10 };
var members = new Option<int>("--members") { Description = "Members who buy.", DefaultValueFactory = _ => 100_000 };
var callers = new Option<int>("--callers") { Description = "Purchases under way at once; 0: tries a few numbers and takes the best.", DefaultValueFactory = _ => 0 };
var connection = new Option<string?>("--connection") { Description = "Connection string of a PostgreSQL server; a schema is made there and dropped. Default: a private server, if PostgreSQL is installed." };
var json = new Option<bool>("--json") { Description = "Prints the result as one JSON object, the last line of standard output." };
var root = new RootCommand("Loyalty as Orleans' documentation teaches it: a grain a member, and one WriteStateAsync to PostgreSQL a purchase. The engine is compared with it.")
{
    duration,
    members,
    callers,
    connection,
    json,
};
root.SetAction(async (parsed, stop) =>
{
    double seconds = Limits.Check("--duration", parsed.GetValue(duration), 1, 600);
    int memberCount = Limits.Check("--members", parsed.GetValue(members), 1, 10_000_000);
    int callerCount = Limits.Check("--callers", parsed.GetValue(callers), 0, BaselineRun.CallersMax);
    string? given = parsed.GetValue(connection);
    using PostgresServer? server = given is null ? PostgresServer.Start() : null;
    JsonObject result;
    await using (BaselineRun run = await BaselineRun.StartAsync(given ?? server!.ConnectionString, memberCount, stop))
    {
        result = await run.MeasureAsync(seconds, callerCount, stop);
    }

    Console.WriteLine(parsed.GetValue(json)
        ? result.ToJsonString()
        : $"{result["perSecond"]} purchases/s, p50 {result["p50Ms"]} ms, p99 {result["p99Ms"]} ms with {result["callers"]} callers; {result["failures"]} failures; points stored {result["storedPoints"]} of {result["acknowledgedPoints"]} acknowledged");
    return (bool)result["isWell"]! ? 0 : 1;
});

try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (UserError error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped.");
    return 130;
}
