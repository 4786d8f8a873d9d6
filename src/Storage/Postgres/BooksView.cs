using System.Diagnostics;
using Loyalty.Runtime.Journal;
using Npgsql;

namespace Loyalty.Storage.Postgres;

/// <summary>The row of the books as last heard of: from this process's own commits, and from a look now and then.</summary>
internal sealed class BooksView
{
    /// <summary>Columns that <see cref="Read"/> takes.</summary>
    public const string Columns = "revision, newest, events, bytes, unsaved, tail_position, tail_bytes";

    private readonly Lock gate = new();
    private long revision = -1;
    private long heardAt;

    public CheckpointState State { get; private set; } = new(0, 0, 0, 0);

    /// <summary>How long ago the row was heard of.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(Volatile.Read(ref heardAt));

    /// <summary>Reads the row for the first time.</summary>
    /// <exception cref="JournalUnavailableException">There is none, or its format is another one.</exception>
    public static async Task<(long KeySeed, bool IsSafe)> OpenAsync(
        NpgsqlConnection connection, PostgresJournalOptions options, PostgresServer server, BooksView view)
    {
        var command = new NpgsqlCommand(
            $"SELECT format, key_seed, current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on', {Columns} FROM {server.Schema}.books", connection);
        await using (command.ConfigureAwait(false))
        {
            try
            {
                var place = PostgresServer.Place(PostgresJournalOptions.ParseConnectionString(options.ConnectionString));
                var row = await command.ExecuteReaderAsync().ConfigureAwait(false);
                await using (row.ConfigureAwait(false))
                {
                    if (!await row.ReadAsync().ConfigureAwait(false))
                    {
                        throw PostgresSchema.IsMissing(options.Schema, place);
                    }

                    var format = row.GetInt32(0);
                    if (format != PostgresSchema.Format)
                    {
                        throw format > PostgresSchema.Format ? PostgresSchema.IsNewer(options.Schema, place, format) : PostgresSchema.IsOlder(options.Schema, place, format);
                    }

                    view.Read(row, 3);
                    return (row.GetInt64(1), row.GetBoolean(2));
                }
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName or PostgresErrorCodes.UndefinedColumn)
            {
                throw PostgresSchema.IsMissing(options.Schema, PostgresServer.Place(PostgresJournalOptions.ParseConnectionString(options.ConnectionString)));
            }
        }
    }

    public void Read(NpgsqlDataReader row, int at) =>
        Hear(row.GetInt64(at), row.GetInt64(at + 1), row.GetInt64(at + 3), row.GetInt64(at + 4), row.GetInt64(at + 5), row.GetInt64(at + 6));

    public void Hear(long newRevision, long position, long bytes, long unsaved, long tailPosition, long tailBytes)
    {
        Volatile.Write(ref heardAt, Stopwatch.GetTimestamp());
        lock (gate)
        {
            // Answers of several connections may overtake each other.
            if (newRevision > revision)
            {
                revision = newRevision;
                State = new(position, position - tailPosition, bytes - tailBytes, (int)Math.Min(unsaved, int.MaxValue));
            }
        }
    }
}
