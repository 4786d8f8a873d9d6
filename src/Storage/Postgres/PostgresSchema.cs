using System.Globalization;
using System.Security.Cryptography;
using Loyalty.Runtime.Journal;
using Loyalty.Storage.Postgres;
using Npgsql;

namespace Loyalty.Storage;

/// <summary>Makes and migrates the tables of a <see cref="PostgresJournal"/>: an explicit step, so that engines need no right to change tables, and none changes them under another.</summary>
public static class PostgresSchema
{
    /// <summary>The format that this program reads and writes.</summary>
    public const int Format = 1;

    /// <summary>
    /// Brings the schema to <see cref="Format"/>, making it when it is not there. Does nothing when it is there already. Several processes may run it at once: they wait for each other.
    /// </summary>
    /// <param name="connectionString">Of a role that may create the schema, or owns it.</param>
    /// <param name="schema">See <see cref="PostgresJournalOptions.Schema"/>.</param>
    /// <param name="cancellation">Ends it; the schema is then as it was.</param>
    /// <exception cref="ArgumentException">The connection string or the schema's name is not one.</exception>
    /// <exception cref="JournalUnavailableException">The server cannot be reached, does not allow it, or holds a newer format.</exception>
    public static async Task MigrateAsync(string connectionString, string schema = "loyalty", CancellationToken cancellation = default)
    {
        PostgresJournalOptions.CheckSchema(schema);
        var builder = PostgresJournalOptions.ParseConnectionString(connectionString);
        builder.Pooling = false;
        try
        {
            var connection = new NpgsqlConnection(builder.ConnectionString);
            await using (connection.ConfigureAwait(false))
            {
                await connection.OpenAsync(cancellation).ConfigureAwait(false);
                var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
                await using (transaction.ConfigureAwait(false))
                {
                    await RunAsync(connection, $"SELECT pg_advisory_xact_lock(hashtextextended('loyalty journal {schema}', 0))", cancellation).ConfigureAwait(false);
                    var format = await FormatAsync(connection, schema, cancellation).ConfigureAwait(false);
                    if (format > Format)
                    {
                        throw IsNewer(schema, PostgresServer.Place(builder), format);
                    }

                    for (var next = format + 1; next <= Format; next++)
                    {
                        await RunAsync(connection, Script(next).Replace("$schema$", $"\"{schema}\"", StringComparison.Ordinal), cancellation).ConfigureAwait(false);
                    }

                    if (format == 0)
                    {
                        Span<byte> seed = stackalloc byte[8];
                        RandomNumberGenerator.Fill(seed);
                        var sql = string.Create(
                            CultureInfo.InvariantCulture, $"INSERT INTO \"{schema}\".books (id, format, key_seed) VALUES (1, {Format}, {BitConverter.ToInt64(seed)})");
                        await RunAsync(connection, sql, cancellation).ConfigureAwait(false);
                    }
                    else if (format < Format)
                    {
                        await RunAsync(connection, string.Create(CultureInfo.InvariantCulture, $"UPDATE \"{schema}\".books SET format = {Format}"), cancellation).ConfigureAwait(false);
                    }

                    await transaction.CommitAsync(cancellation).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (PostgresServer.IsTrouble(e) && e is not OperationCanceledException)
        {
            throw PostgresServer.Explain(PostgresServer.Place(builder), e);
        }
    }

    /// <summary>
    /// Gives empty books the seed of other books, so that those can be brought in with the request keys that they have (<see cref="IJournal.KeySeed"/>). No engine may have them open.
    /// </summary>
    /// <returns>False: they are not empty; nothing was changed.</returns>
    /// <exception cref="JournalUnavailableException">The server cannot be reached, or holds no books.</exception>
    public static async Task<bool> AdoptKeySeedAsync(string connectionString, long keySeed, string schema = "loyalty", CancellationToken cancellation = default)
    {
        PostgresJournalOptions.CheckSchema(schema);
        var builder = PostgresJournalOptions.ParseConnectionString(connectionString);
        builder.Pooling = false;
        try
        {
            var connection = new NpgsqlConnection(builder.ConnectionString);
            await using (connection.ConfigureAwait(false))
            {
                await connection.OpenAsync(cancellation).ConfigureAwait(false);
                var command = new NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"UPDATE \"{schema}\".books SET key_seed = {keySeed} WHERE newest = 0"), connection);
                await using (command.ConfigureAwait(false))
                {
                    return await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false) == 1;
                }
            }
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            throw IsMissing(schema, PostgresServer.Place(builder));
        }
        catch (Exception e) when (PostgresServer.IsTrouble(e) && e is not OperationCanceledException)
        {
            throw PostgresServer.Explain(PostgresServer.Place(builder), e);
        }
    }

    internal static JournalUnavailableException IsMissing(string schema, string place) => new(
        $"The database {place} holds no journal in schema '{schema}'. Make it once with PostgresSchema.MigrateAsync, as a role that may create the schema.");

    internal static JournalUnavailableException IsOlder(string schema, string place, int format) => new(
        string.Create(
            CultureInfo.InvariantCulture,
            $"The journal in schema '{schema}' of {place} has format {format}; this program needs {Format}. Stop all engines, back up the database, and run PostgresSchema.MigrateAsync once."));

    internal static JournalUnavailableException IsNewer(string schema, string place, int format) => new(
        string.Create(
            CultureInfo.InvariantCulture,
            $"The journal in schema '{schema}' of {place} has format {format}, of a newer program; this one knows formats up to {Format}. Use the newer program."));

    private static string Script(int format)
    {
        using var stream = typeof(PostgresSchema).Assembly.GetManifestResourceStream(string.Create(CultureInfo.InvariantCulture, $"v{format}.sql"))!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static async Task<int> FormatAsync(NpgsqlConnection connection, string schema, CancellationToken cancellation)
    {
        // Asked first: CREATE SCHEMA IF NOT EXISTS wants the right to make schemas even when there is nothing to make.
        var known = new NpgsqlCommand($"SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = '{schema}'), to_regclass('\"{schema}\".books') IS NOT NULL", connection);
        bool isSchema, isBooks;
        await using (known.ConfigureAwait(false))
        {
            var row = await known.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            await using (row.ConfigureAwait(false))
            {
                await row.ReadAsync(cancellation).ConfigureAwait(false);
                (isSchema, isBooks) = (row.GetInt64(0) > 0, row.GetBoolean(1));
            }
        }

        if (!isSchema)
        {
            await RunAsync(connection, $"CREATE SCHEMA \"{schema}\"", cancellation).ConfigureAwait(false);
        }

        if (!isBooks)
        {
            return 0;
        }

        var command = new NpgsqlCommand($"SELECT format FROM \"{schema}\".books", connection);
        await using (command.ConfigureAwait(false))
        {
            return (int)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false) ?? 0);
        }
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
    }
}
