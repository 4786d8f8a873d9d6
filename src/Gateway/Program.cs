using System.CommandLine;
using Loyalty.Gateway.Commands;
using Loyalty.Gateway.Hosting;
using Loyalty.Runtime.Journal;

var root = new RootCommand("The loyalty engine: purchases in, points out, nothing lost.")
{
    UpCommand.Create(),
    VerifyCommand.Create(),
    BackupCommand.Create(),
    KeysCommand.Create(),
    ExportCommand.Create(),
    ImportCommand.Create(),
    ImportMembersCommand.Create(),
    BacktestCommand.Create(),
    LimitsCommand.Create(),
};

try
{
    // Signals are the host's matter: it answers what is under way, however long that takes, and ends with 0. Other commands just end.
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (Exception e) when (e is UserError or JournalUnavailableException or JournalCorruptException)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (OperationCanceledException)
{
    return 130;
}
