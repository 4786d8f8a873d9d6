using System.CommandLine;
using Loyalty.Gateway.Hosting;
using Loyalty.Runtime.Journal;
using Loyalty.Silo.Commands;
using Loyalty.Silo.Postgres;

var root = new RootCommand("The loyalty engine on Microsoft Orleans: silos, gateways, dashboard.")
{
    UpCommand.Create(),
    SiloCommand.Create(),
    GatewayCommand.Create(),
    SchemaCommand.Create(),
    Loyalty.Gateway.Commands.ExportCommand.Create(),
    Loyalty.Gateway.Commands.ImportCommand.Create(),
    Loyalty.Gateway.Commands.ImportMembersCommand.Create(),
    Loyalty.Gateway.Commands.BacktestCommand.Create(),
};

try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (Exception e) when (e is UserError or JournalUnavailableException or JournalCorruptException or OrleansSchemaException)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (OperationCanceledException)
{
    return 130;
}
