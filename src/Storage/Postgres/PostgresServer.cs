using System.Globalization;
using System.Net.Sockets;
using Loyalty.Runtime.Journal;
using Npgsql;

namespace Loyalty.Storage.Postgres;

/// <summary>The connections of one journal to its server, and what the server's failures mean.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private readonly NpgsqlDataSource source;
    private readonly string where;

    public PostgresServer(PostgresJournalOptions options)
    {
        Schema = $"\"{options.Schema}\"";
        where = Place(PostgresJournalOptions.ParseConnectionString(options.ConnectionString));
        Description = $"PostgreSQL journal {where}, schema {options.Schema}";
        source = Build(options);
    }

    /// <summary>The schema, quoted for SQL.</summary>
    public string Schema { get; }

    public string Description { get; }

    /// <summary>Host, port, database and user: never the password.</summary>
    public static string Place(NpgsqlConnectionStringBuilder builder) =>
        string.Create(CultureInfo.InvariantCulture, $"{builder.Host}:{builder.Port}/{builder.Database ?? builder.Username} as {builder.Username ?? "the system's user"}");

    /// <summary>The connection is of no more use, or the server is going away: trying again later is right.</summary>
    public static bool IsTrouble(Exception e) => e is NpgsqlException or SocketException or IOException or TimeoutException or OperationCanceledException or ObjectDisposedException;

    /// <summary>Whether the server itself said no and undid the transaction, on a connection that goes on.</summary>
    public static bool IsRefusal(Exception e, NpgsqlConnection connection) =>
        e is PostgresException { InvariantSeverity: "ERROR" } && connection.FullState == System.Data.ConnectionState.Open;

    /// <summary>PostgreSQL's words, and what they mean here.</summary>
    public static JournalUnavailableException Explain(string place, Exception e) => new(
        e switch
        {
            PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } =>
                $"PostgreSQL at {place} refuses this user or its password. Check user and password, and pg_hba.conf on the server.",
            PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } => $"There is no such database at {place}. Make it (createdb), then its schema (PostgresSchema.MigrateAsync).",
            PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } => $"PostgreSQL at {place} has no connection left. Raise max_connections or use fewer processes.",
            PostgresException { SqlState: PostgresErrorCodes.DiskFull } => $"The disk of PostgreSQL at {place} is full.",
            PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } known => $"PostgreSQL at {place} does not allow it: {known.MessageText}. The role needs the rights on the schema.",
            PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => $"PostgreSQL at {place} took too long and the statement was ended.",
            PostgresException known => $"PostgreSQL at {place} says: {known.MessageText} ({known.SqlState}).",
            _ => $"PostgreSQL at {place} cannot be reached: {(e.InnerException ?? e).Message}. Check that it runs, that host and port are right, and the network between.",
        },
        e);

    public JournalUnavailableException Explain(Exception e) => e as JournalUnavailableException ?? Explain(where, e);

    public async ValueTask<NpgsqlConnection> OpenAsync() => await source.OpenConnectionAsync().ConfigureAwait(false);

    public NpgsqlConnection Open() => source.OpenConnection();

    /// <summary>Connections that may be dead are not used again.</summary>
    public void Forget() => source.Clear();

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private static NpgsqlDataSource Build(PostgresJournalOptions options)
    {
        var text = PostgresJournalOptions.ParseConnectionString(options.ConnectionString);
        text.ApplicationName ??= "loyalty journal";
        text.Pooling = true;
        text.MinPoolSize = 0;
        text.MaxPoolSize = options.ReaderConnections + 16;
        // Settings and prepared statements stay with the connection: nobody else uses it.
        text.NoResetOnClose = true;
        text.Enlist = false;
        text.Timeout = (int)options.ConnectTimeout.TotalSeconds;
        // A server that went away without a word is noticed by the system, not by a timer that uses the connection beside us.
        text.KeepAlive = 0;
        text.TcpKeepAlive = true;
        // The server ends a statement in time; this is for a server that does not answer at all.
        text.CommandTimeout = (int)options.CommandTimeout.TotalSeconds + 5;
        text.CancellationTimeout = 1000;
        text.IncludeErrorDetail = false;
        text.MaxAutoPrepare = 0;
        // Tables grow by orders of magnitude under prepared statements: a plan made for an empty table would read a full one from end to end.
        var settings = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            SELECT set_config('statement_timeout', '{(long)options.CommandTimeout.TotalMilliseconds}', false),
                set_config('default_transaction_isolation', 'read committed', false),
                set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
                set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
                set_config('enable_bitmapscan', 'off', false), set_config('jit', 'off', false)
            """);
        var builder = new NpgsqlDataSourceBuilder(text.ConnectionString);
        builder.UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(settings, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                var command = new NpgsqlCommand(settings, connection);
                await using (command.ConfigureAwait(false))
                {
                    await command.ExecuteNonQueryAsync().ConfigureAwait(false);
                }
            });
        return builder.Build();
    }
}
