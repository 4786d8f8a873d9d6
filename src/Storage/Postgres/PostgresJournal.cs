using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage.Postgres;
using Npgsql;

namespace Loyalty.Storage;

/// <summary>
/// The store of a cluster: several processes append to one PostgreSQL database at once. Each process gathers what its actors append and commits it as one statement, which locks the one
/// row of the books first: positions are gapless and in commit order, sums are exact, and of two that decide on the same version, or bring the same unique key, one wins.
/// </summary>
/// <remarks>
/// Thread safe. No process is told what others append: the version check and the unique keys decide when it matters, and an actor whose append is stale loads again. Nothing is acknowledged
/// before the server has it on disk: <c>synchronous_commit</c> is at least <c>on</c> for these connections whatever the server's default is (a stronger setting is kept); a server with <c>fsync</c> off
/// is accepted and complained about through <see cref="PostgresJournalOptions.OnTrouble"/>.
/// </remarks>
public sealed class PostgresJournal : IJournal
{
    private readonly PostgresJournalOptions options;
    private readonly PostgresServer server;
    private readonly BooksView view;
    private readonly KnownKeys keys;
    private readonly PostgresWriter writer;
    private readonly PostgresReader reader;
    private int refreshing;
    private int closed;

    private PostgresJournal(PostgresJournalOptions options, PostgresServer server, BooksView view, long keySeed, HashSet<string> measureNames)
    {
        (this.options, this.server, this.view, KeySeed) = (options, server, view, keySeed);
        keys = new(options.KnownKeysMax, options.SuspiciousLookups);
        writer = new(options, server, view, keys, measureNames);
        reader = new(options, server);
    }

    /// <inheritdoc />
    public string Description => server.Description;

    /// <inheritdoc />
    public long KeySeed { get; }

    /// <inheritdoc />
    public bool IsExclusive => false;

    /// <summary>
    /// As of this process's last own commit or look, whichever is later; older than <see cref="PostgresJournalOptions.CheckpointAgeMax"/>, it is looked up in the background. The bytes of the tail are an
    /// estimate after a checkpoint that completed while others appended.
    /// </summary>
    public CheckpointState Checkpoint
    {
        get
        {
            if (view.Age > options.CheckpointAgeMax && Volatile.Read(ref closed) == 0 && Interlocked.CompareExchange(ref refreshing, 1, 0) == 0)
            {
                _ = RefreshAsync();
            }

            return view.State;
        }
    }

    internal PostgresWriter Writer => writer;

    internal KnownKeys Keys => keys;

    /// <summary>Opens books that <see cref="PostgresSchema.MigrateAsync"/> has made.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="JournalUnavailableException">The server cannot be reached, or holds no books of this format; the message says which, where, and what to do.</exception>
    public static async Task<PostgresJournal> OpenAsync(PostgresJournalOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var server = new PostgresServer(options);
        try
        {
            var view = new BooksView();
            var connection = await server.OpenAsync().ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                var (keySeed, isSafe) = await BooksView.OpenAsync(connection, options, server, view).ConfigureAwait(false);
                if (!isSafe)
                {
                    options.OnTrouble?.Invoke($"{server.Description}: the server runs with fsync or full_page_writes off; a power cut or a crash of its machine can lose or damage what was acknowledged. Turn both on.");
                }

                var names = await MeasureNamesAsync(connection, server.Schema).ConfigureAwait(false);
                var journal = new PostgresJournal(options, server, view, keySeed, names);
                journal.writer.Start();
                return journal;
            }
        }
        catch (Exception e)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            if (PostgresServer.IsTrouble(e))
            {
                throw server.Explain(e);
            }

            throw;
        }
    }

    /// <inheritdoc />
    public void Append(AppendBatch batch)
    {
        AppendChecks.Check(batch);
        writer.Append(batch);
    }

    /// <inheritdoc />
    public bool MightContain(RequestKey key) => keys.MightContain(key);

    /// <inheritdoc />
    public async ValueTask<JournalRecord?> FindAsync(RequestKey key)
    {
        var record = await reader.FindAsync(key).ConfigureAwait(false);
        if (record is not null)
        {
            keys.Surprise(key);
        }

        return record;
    }

    /// <inheritdoc />
    public ValueTask<LoadedActor> LoadAsync(ActorId actor)
    {
        AppendChecks.CheckActor(actor);
        return Rows.IsStorable(actor) ? new(reader.LoadAsync(actor)) : new(new LoadedActor(null, []));
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count)
    {
        AppendChecks.CheckActor(actor);
        AppendChecks.CheckCount(count);
        return Rows.IsStorable(actor) ? new(reader.HistoryAsync(actor, before, count)) : new([]);
    }

    /// <inheritdoc />
    public IEnumerable<JournalRecord> ReadAll(long after)
    {
        // Pages, not one long statement: a reader that takes its time must not keep the server from cleaning up behind the writers. The end is that of now, so that it comes although
        // others append.
        var last = Totals().Position;
        for (var next = after + 1; next <= last;)
        {
            var page = ReadPage(next, last);
            if (page.Count == 0)
            {
                throw new JournalCorruptException($"The records from position {next} on are missing; the books end at {last}.");
            }

            foreach (var record in page)
            {
                if (record.Position != next)
                {
                    throw new JournalCorruptException($"The record at position {next} is missing.");
                }

                next++;
                yield return record;
            }
        }
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range) => new(reader.DueAsync(nowMs, count, range));

    /// <inheritdoc />
    /// <exception cref="JournalUnavailableException">The server cannot answer.</exception>
    public JournalTotals Totals() => Read(connection => PostgresTotals.Read(connection, server.Schema));

    /// <inheritdoc />
    /// <exception cref="JournalUnavailableException">The server cannot answer.</exception>
    public IReadOnlyList<ActorId> UnsavedActors(long position, int count, HashRange range) => Read(connection =>
    {
        using var command = new NpgsqlCommand(
            $"SELECT actor FROM {server.Schema}.head WHERE unsaved_from <> 0 AND unsaved_from <= $1 AND hash BETWEEN $2 AND $3 ORDER BY hash LIMIT $4", connection);
        command.Parameters.Add(new() { Value = position });
        command.Parameters.Add(new() { Value = Rows.Signed(range.First) });
        command.Parameters.Add(new() { Value = Rows.Signed(range.Last) });
        command.Parameters.Add(new() { Value = count });
        var actors = new List<ActorId>();
        using var row = command.ExecuteReader();
        while (row.Read())
        {
            actors.Add(Rows.ToActor(row.GetString(0)));
        }

        return actors;
    });

    /// <inheritdoc />
    public async ValueTask SaveSnapshotsAsync(IReadOnlyList<Snapshot> snapshots)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        var slices = SnapshotSlice.Cut(snapshots, options.SnapshotsPerSlice, options.CommitBytesMax);
        foreach (var slice in slices)
        {
            await reader.RunAsync(async connection =>
            {
                await slice.SaveAsync(connection, server.Schema, view).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
        }
    }

    /// <inheritdoc />
    public async ValueTask<bool> CompleteCheckpointAsync(long position) => await reader.RunAsync(async connection =>
    {
        var command = new NpgsqlCommand($"SELECT {server.Schema}.complete_checkpoint($1)", connection);
        await using (command.ConfigureAwait(false))
        {
            command.Parameters.Add(new() { Value = position });
            var moved = (bool)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
            await LookAsync(connection).ConfigureAwait(false);
            return moved;
        }
    }).ConfigureAwait(false);

    /// <summary>Commits what was appended and closes the connections. Others go on.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
        {
            return;
        }

        await Task.Run(writer.Dispose).ConfigureAwait(false);
        await reader.StopAsync().ConfigureAwait(false);
        await server.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The names that the books know; and rows of processes that have been gone for a month go.</summary>
    private static async Task<HashSet<string>> MeasureNamesAsync(NpgsqlConnection connection, string schema)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var command = new NpgsqlCommand($"DELETE FROM {schema}.writer WHERE seen < now() - interval '30 days'; SELECT name FROM {schema}.measure", connection);
        await using (command.ConfigureAwait(false))
        {
            var row = await command.ExecuteReaderAsync().ConfigureAwait(false);
            await using (row.ConfigureAwait(false))
            {
                while (await row.ReadAsync().ConfigureAwait(false))
                {
                    names.Add(row.GetString(0));
                }
            }
        }

        return names;
    }

    private List<JournalRecord> ReadPage(long from, long upTo) => Read(connection =>
    {
        using var command = PageQuery.Make(connection, server.Schema, from, upTo);
        var records = new List<JournalRecord>();
        using var row = command.ExecuteReader();
        while (row.Read())
        {
            records.Add(Rows.ReadRecord(row, 0));
        }

        return records;
    });

    private T Read<T>(Func<NpgsqlConnection, T> read)
    {
        if (Volatile.Read(ref closed) != 0)
        {
            throw new JournalUnavailableException($"{server.Description} is closed.");
        }

        try
        {
            using var connection = server.Open();
            return read(connection);
        }
        catch (Exception e) when (PostgresServer.IsTrouble(e))
        {
            throw server.Explain(e);
        }
    }

    private async Task RefreshAsync()
    {
        try
        {
            await reader.RunAsync(async connection =>
            {
                await LookAsync(connection).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
        }
        catch (JournalUnavailableException)
        {
            // The next reading tries again.
        }
        finally
        {
            Volatile.Write(ref refreshing, 0);
        }
    }

    private async Task LookAsync(NpgsqlConnection connection)
    {
        var command = new NpgsqlCommand($"SELECT {BooksView.Columns} FROM {server.Schema}.books", connection);
        await using (command.ConfigureAwait(false))
        {
            var row = await command.ExecuteReaderAsync().ConfigureAwait(false);
            await using (row.ConfigureAwait(false))
            {
                if (await row.ReadAsync().ConfigureAwait(false))
                {
                    view.Read(row, 0);
                }
            }
        }
    }
}
