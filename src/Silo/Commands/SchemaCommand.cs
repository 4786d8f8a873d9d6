using System.CommandLine;
using Loyalty.Silo.Hosting;
using Loyalty.Silo.Postgres;
using Loyalty.Storage;
using Command = System.CommandLine.Command;

namespace Loyalty.Silo.Commands;

/// <summary><c>schema</c>: creates the tables of the books and of Orleans, or brings them up to this version.</summary>
internal static class SchemaCommand
{
    public static Command Create()
    {
        var cluster = new SiloOptions();
        var command = new Command("schema", "Creates the tables in PostgreSQL, or brings them up to this version. Safe to repeat, also while silos run.");
        cluster.AddTo(command);
        command.SetAction((parsed, stop) => RunAsync(cluster.Read(parsed, needsCluster: true), stop));
        return command;
    }

    public static async Task<int> RunAsync(SiloSettings settings, CancellationToken stop)
    {
        await PostgresSchema.MigrateAsync(settings.ConnectionString!, settings.Schema, stop).ConfigureAwait(false);
        await OrleansSchema.MigrateAsync(settings.ConnectionString!, cancellation: stop).ConfigureAwait(false);
        Console.Error.WriteLine($"The tables of the books (schema {settings.Schema}) and of the cluster are up to date.");
        return 0;
    }
}
