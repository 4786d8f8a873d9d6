using System.CommandLine;
using Loyalty.Gateway.Hosting;
using Loyalty.Storage;

namespace Loyalty.Gateway.Commands;

/// <summary>Which books a command reads or makes: a data folder's, a file's, or those of a PostgreSQL server.</summary>
internal sealed class BooksOptions
{
    private const string ConnectionVariable = "Loyalty__ConnectionString";

    private readonly Option<string> _data = DataFolder.Option();

    private readonly Option<string?> _file = new("--file") { Description = "A journal file (a backup, say) instead of the data folder's." };

    private readonly Option<string> _store = new("--store")
    {
        Description = "Where the books are: sqlite or postgres. Environment: Loyalty__Store.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("Loyalty__Store") is { Length: > 0 } store ? store : "sqlite",
    };

    private readonly Option<string?> _connection = new("--connection")
    {
        Description = $"Connection string of PostgreSQL. Better in the environment: {ConnectionVariable}.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(ConnectionVariable),
    };

    private readonly Option<string> _schema = new("--schema")
    {
        Description = "Schema of the books in PostgreSQL. Environment: Loyalty__Schema.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("Loyalty__Schema") is { Length: > 0 } schema ? schema : "loyalty",
    };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _data, _file, _store, _connection, _schema })
        {
            command.Add(option);
        }
    }

    /// <exception cref="UserError">They cannot be told; the message says what would be right.</exception>
    public BooksPlace Read(ParseResult parsed)
    {
        switch (parsed.GetValue(_store))
        {
            case "sqlite":
                return new(Path.GetFullPath(parsed.GetValue(_file) ?? EngineProcess.JournalFile(parsed.GetValue(_data)!)), null);
            case "postgres" when parsed.GetValue(_connection) is { Length: > 0 } connection:
                return new(null, new() { ConnectionString = connection, Schema = parsed.GetValue(_schema)! });
            case "postgres":
                throw new UserError($"--store postgres needs a connection string: --connection or {ConnectionVariable}, for example 'Host=localhost;Database=loyalty;Username=loyalty;Password=…'.");
            default:
                throw new UserError($"--store is '{parsed.GetValue(_store)}'; sqlite or postgres are possible here.");
        }
    }
}

/// <summary>Where books are: one of the two.</summary>
/// <param name="File">A SQLite journal.</param>
/// <param name="Server">A PostgreSQL journal.</param>
internal sealed record BooksPlace(string? File, PostgresJournalOptions? Server);
