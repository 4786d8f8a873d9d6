using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace Loyalty.Silo.Postgres;

/// <summary>
/// The tables and statements that Orleans' ADO.NET providers for clustering and reminders need in a PostgreSQL database: making and migrating them is an explicit
/// step, so that silos need no right to change tables, and none changes them under another.
/// </summary>
public static partial class OrleansSchema
{
    /// <summary>What the providers call this kind of database.</summary>
    public const string Invariant = "Npgsql";

    /// <summary>Where it is unless said otherwise.</summary>
    public const string DefaultSchema = "loyalty_orleans";

    /// <summary>The format that this program works with.</summary>
    public const int Format = 1;

    private const int CommandSeconds = 60;

    /// <summary>
    /// Brings the schema to <see cref="Format"/>, making it when it is not there. Does nothing when it is there already. Several processes may run it at once: they wait
    /// for each other, at most a minute.
    /// </summary>
    /// <param name="connectionString">Of a role that may create the schema, or owns it.</param>
    /// <param name="schema">1 to 63 lower-case letters, digits and <c>_</c>, no digit first.</param>
    /// <param name="cancellation">Ends it; the schema is then as it was.</param>
    /// <exception cref="ArgumentException">The connection string or the schema's name is not one.</exception>
    /// <exception cref="OrleansSchemaException">The server cannot be reached, does not allow it, or holds a newer format.</exception>
    public static Task MigrateAsync(string connectionString, string schema = DefaultSchema, CancellationToken cancellation = default) =>
        ConnectAsync(connectionString, schema, (connection, place, stop) => MigrateAsync(connection, schema, place, stop), cancellation);

    /// <summary>Looks whether silos of this program can use the schema; changes nothing.</summary>
    /// <param name="connectionString">Of the role that the silos use.</param>
    /// <param name="schema">See <see cref="MigrateAsync(string, string, CancellationToken)"/>.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ArgumentException">The connection string or the schema's name is not one.</exception>
    /// <exception cref="OrleansSchemaException">The server cannot be reached, the schema is missing, older or newer; the message says what to do.</exception>
    public static Task CheckAsync(string connectionString, string schema = DefaultSchema, CancellationToken cancellation = default) =>
        ConnectAsync(
            connectionString,
            schema,
            async (connection, place, stop) =>
            {
                var format = await FormatAsync(connection, schema, stop).ConfigureAwait(false);
                if (format == 0)
                {
                    throw new OrleansSchemaException($"The database {place} has no tables for Orleans in schema '{schema}'. Make them once with OrleansSchema.MigrateAsync, as a role that may create the schema.");
                }

                if (format < Format)
                {
                    throw new OrleansSchemaException(string.Create(
                        CultureInfo.InvariantCulture,
                        $"The tables for Orleans in schema '{schema}' of {place} have format {format}; this program needs {Format}. Run OrleansSchema.MigrateAsync once."));
                }

                RefuseNewer(format, schema, place);
            },
            cancellation);

    /// <summary>
    /// The connection string to give to the providers. Their statements name no schema, so each connection looks for tables in this one, and nowhere else. A search
    /// path in the string is replaced.
    /// </summary>
    /// <param name="connectionString">As the operator wrote it.</param>
    /// <param name="schema">See <see cref="MigrateAsync(string, string, CancellationToken)"/>.</param>
    /// <exception cref="ArgumentException">The connection string or the schema's name is not one.</exception>
    public static string ConnectionString(string connectionString, string schema = DefaultSchema)
    {
        var builder = Parse(connectionString, schema);
        builder.SearchPath = schema;
        return builder.ConnectionString;
    }

    private static async Task MigrateAsync(NpgsqlConnection connection, string schema, string place, CancellationToken stop)
    {
        var transaction = await connection.BeginTransactionAsync(stop).ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            await RunAsync(connection, $"SELECT pg_advisory_xact_lock(hashtextextended('loyalty orleans {schema}', 0))", stop).ConfigureAwait(false);
            var format = await FormatAsync(connection, schema, stop).ConfigureAwait(false);
            RefuseNewer(format, schema, place);
            if (format == Format)
            {
                return;
            }

            if (!await IsSchemaAsync(connection, schema, stop).ConfigureAwait(false))
            {
                await RunAsync(connection, $"CREATE SCHEMA \"{schema}\"", stop).ConfigureAwait(false);
            }

            await RunAsync(connection, $"SET LOCAL search_path = \"{schema}\"", stop).ConfigureAwait(false);
            for (var next = format + 1; next <= Format; next++)
            {
                await RunAsync(connection, Script(next), stop).ConfigureAwait(false);
            }

            var note = string.Create(
                CultureInfo.InvariantCulture, $"INSERT INTO orleans_schema (id, format) VALUES (1, {Format}) ON CONFLICT (id) DO UPDATE SET format = excluded.format");
            await RunAsync(connection, note, stop).ConfigureAwait(false);
            await transaction.CommitAsync(stop).ConfigureAwait(false);
        }
    }

    private static async Task ConnectAsync(string connectionString, string schema, Func<NpgsqlConnection, string, CancellationToken, Task> work, CancellationToken cancellation)
    {
        var builder = Parse(connectionString, schema);
        (builder.Pooling, builder.CommandTimeout) = (false, CommandSeconds);
        var place = string.Create(CultureInfo.InvariantCulture, $"{builder.Host}:{builder.Port}/{builder.Database ?? builder.Username}");
        try
        {
            var connection = new NpgsqlConnection(builder.ConnectionString);
            await using (connection.ConfigureAwait(false))
            {
                await connection.OpenAsync(cancellation).ConfigureAwait(false);
                await work(connection, place, cancellation).ConfigureAwait(false);
            }
        }
        catch (PostgresException e)
        {
            throw new OrleansSchemaException(
                e.SqlState switch
                {
                    PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
                        $"PostgreSQL at {place} refuses this user or its password. Check both, and pg_hba.conf on the server.",
                    PostgresErrorCodes.InvalidCatalogName => $"There is no such database at {place}. Make it (createdb), then its schema (OrleansSchema.MigrateAsync).",
                    PostgresErrorCodes.InsufficientPrivilege =>
                        $"PostgreSQL at {place} does not allow it: {e.MessageText}. Making tables for Orleans needs a role that may create schema '{schema}' or owns it; using them needs USAGE on it, and the rights to read and write its tables and its sequence.",
                    _ => $"PostgreSQL at {place} says: {e.MessageText} ({e.SqlState}).",
                },
                e);
        }
        catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException)
        {
            throw new OrleansSchemaException(
                $"PostgreSQL at {place} cannot be reached: {(e.InnerException ?? e).Message}. Check that it runs, that host and port are right, and the network between.", e);
        }
    }

    private static NpgsqlConnectionStringBuilder Parse(string connectionString, string schema)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(connectionString);
        ArgumentNullException.ThrowIfNull(schema);
        if (!SchemaName().IsMatch(schema))
        {
            throw new ArgumentException($"'{schema}' is no name of a schema: 1 to 63 lower-case letters, digits and _ are possible, no digit first, and not pg_ in front.", nameof(schema));
        }

        try
        {
            var builder = new NpgsqlConnectionStringBuilder(connectionString);
            return builder.Host is { Length: > 0 } ? builder : throw new ArgumentException("it names no Host");
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException)
        {
            throw new ArgumentException($"This is no connection string for PostgreSQL: {e.Message}. Example: Host=db;Database=loyalty;Username=loyalty;Password=…", nameof(connectionString), e);
        }
    }

    private static void RefuseNewer(int format, string schema, string place)
    {
        if (format > Format)
        {
            throw new OrleansSchemaException(string.Create(
                CultureInfo.InvariantCulture,
                $"The tables for Orleans in schema '{schema}' of {place} have format {format}, of a newer program; this one knows formats up to {Format}. Use the newer program."));
        }
    }

    /// <summary>The schema's format; 0 when nothing is there.</summary>
    private static async Task<int> FormatAsync(NpgsqlConnection connection, string schema, CancellationToken stop)
    {
        if (await ScalarAsync(connection, $"SELECT to_regclass('\"{schema}\".orleans_schema')::text", stop).ConfigureAwait(false) is not string)
        {
            return 0;
        }

        return await ScalarAsync(connection, $"SELECT format FROM \"{schema}\".orleans_schema", stop).ConfigureAwait(false) is int format ? format : 0;
    }

    // CREATE SCHEMA IF NOT EXISTS wants the right to make schemas even when there is nothing to make.
    private static async Task<bool> IsSchemaAsync(NpgsqlConnection connection, string schema, CancellationToken stop) =>
        await ScalarAsync(connection, $"SELECT 1 FROM pg_namespace WHERE nspname = '{schema}'", stop).ConfigureAwait(false) is int;

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken stop)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using (command.ConfigureAwait(false))
        {
            return await command.ExecuteScalarAsync(stop).ConfigureAwait(false);
        }
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken stop)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(stop).ConfigureAwait(false);
        }
    }

    private static string Script(int format)
    {
        using var stream = typeof(OrleansSchema).Assembly.GetManifestResourceStream(string.Create(CultureInfo.InvariantCulture, $"orleans-v{format}.sql"))!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex("^(?!pg_)[a-z_][a-z0-9_]{0,62}$")]
    private static partial Regex SchemaName();
}

/// <summary>The tables for Orleans cannot be made or used. The message says what to do, for the operator.</summary>
public sealed class OrleansSchemaException : Exception
{
    /// <param name="message">What to do.</param>
    /// <param name="cause">What the server or the network said.</param>
    public OrleansSchemaException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
