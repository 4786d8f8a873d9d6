using System.CommandLine;
using Loyalty.Load;
using Loyalty.Load.Bench;
using Loyalty.Load.Drive;
using Loyalty.Load.Replay;

var root = new RootCommand("Drives the loyalty engine: replays real sales, loads it, and measures it beside what the machine can do.")
{
    ReplayCommand.Create(),
    LoadCommand.Create(),
    BenchCommand.Create(),
};

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
