using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage.Postgres;
using Npgsql;

namespace Loyalty.Storage;

/// <summary>
/// Reads a PostgreSQL journal from outside: beside running engines, or damaged tables. Writes nothing. Checks each record, its place, its link to the actor's previous record, and the chain of
/// each actor. One thread at a time.
/// </summary>
/// <remarks>Memory: about 150 bytes for each actor, while <see cref="ReadAll"/> is enumerated, for the chains. Reads page by page: the server is never kept from cleaning up.</remarks>
public sealed class PostgresJournalArchive : IJournalArchive
{
    private readonly PostgresServer server;

    private PostgresJournalArchive(PostgresServer server, long keySeed) => (this.server, KeySeed) = (server, keySeed);

    /// <inheritdoc />
    public long KeySeed { get; }

    /// <inheritdoc />
    public string Description => $"{server.Description} (read only)";

    /// <summary>Opens books for reading.</summary>
    /// <param name="options">Which; of the limits only the timeouts count. The role needs to read only.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="JournalUnavailableException">The server cannot be reached, or holds no books of this format; the message says which, where, and what to do.</exception>
    public static async Task<PostgresJournalArchive> OpenAsync(PostgresJournalOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var server = new PostgresServer(options);
        try
        {
            var connection = await server.OpenAsync().ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                var (keySeed, _) = await BooksView.OpenAsync(connection, options, server, new()).ConfigureAwait(false);
                return new(server, keySeed);
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
    /// <exception cref="JournalUnavailableException">The server cannot answer.</exception>
    public IEnumerable<JournalRecord> ReadAll(Action<JournalDamage> onDamage)
    {
        ArgumentNullException.ThrowIfNull(onDamage);
        // The last record as of the call; what is appended later is not read.
        return Enumerate(Totals().Position, onDamage).Select(whole => whole.Record);
    }

    /// <inheritdoc />
    /// <remarks>Holds one transaction open for as long as it is enumerated: the server sorts the keys by record, and cleans up behind the writers only afterwards.</remarks>
    /// <exception cref="JournalUnavailableException">The server cannot answer.</exception>
    public IEnumerable<ArchivedRecord> ReadWhole(Action<JournalDamage> onDamage)
    {
        ArgumentNullException.ThrowIfNull(onDamage);
        using var keys = Guarded(() => new KeyStream(server));
        foreach (var whole in Enumerate(keys.Position, onDamage))
        {
            yield return whole with { Keys = Guarded(() => keys.Of(whole.Record.Position)) };
        }
    }

    /// <inheritdoc />
    /// <exception cref="JournalUnavailableException">The server cannot answer.</exception>
    public IEnumerable<Snapshot> ReadSnapshots(Action<JournalDamage> onDamage)
    {
        ArgumentNullException.ThrowIfNull(onDamage);
        var (hash, actor) = (long.MinValue, string.Empty);
        while (true)
        {
            var page = ReadSnapshotPage(hash, actor);
            if (page.Count == 0)
            {
                yield break;
            }

            foreach (var row in page)
            {
                var sound = row.Actor is not null && Rows.Signed(row.Actor.Value.StableHash()) == row.Hash
                    && Rows.SnapshotChecksum(row.Actor.Value.StableHash(), row.Snapshot) == row.Checksum;
                if (sound)
                {
                    yield return row.Snapshot;
                }
                else
                {
                    onDamage(new(0, row.Actor, "the snapshot fails its checksum"));
                }
            }

            (hash, actor) = (page[^1].Hash, page[^1].Text);
        }
    }

    /// <inheritdoc />
    /// <exception cref="JournalUnavailableException">The server cannot answer.</exception>
    public JournalTotals Totals() => Read(connection => PostgresTotals.Read(connection, server.Schema));

    /// <inheritdoc />
    public void Dispose() => server.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static ActorId? TryActor(string text) => text.Contains('/', StringComparison.Ordinal) ? Rows.ToActor(text) : null;

    private static string? Check(JournalRecord record, long previous, Dictionary<ActorId, Link> chains)
    {
        var last = chains.GetValueOrDefault(record.Actor);
        if (record.FirstVersion != last.Version + 1)
        {
            return $"the record starts at version {record.FirstVersion}, but the one before it ended at {last.Version}";
        }

        if (previous != last.Position)
        {
            return $"the record names position {previous} as the one before it, which is {last.Position}";
        }

        return Hash128.Next(last.Hash, record.Actor, record.FirstVersion, record.RecordedAtMs, record.Events.Span) != record.Hash
            ? "the record's hash does not follow from the one before it"
            : null;
    }

    private IEnumerable<ArchivedRecord> Enumerate(long last, Action<JournalDamage> onDamage)
    {
        var chains = new Dictionary<ActorId, Link>();
        var next = 1L;
        while (next <= last)
        {
            var page = ReadPage(next, last);
            foreach (var row in page)
            {
                if (row.Position > next)
                {
                    ReportGap(next, row.Position - 1, onDamage);
                }

                next = row.Position + 1;
                if (row.Record is null)
                {
                    onDamage(new(row.Position, TryActor(row.Text), "the record fails its checksum"));
                    continue;
                }

                var broken = Check(row.Record, row.Previous, chains);
                var before = chains.GetValueOrDefault(row.Record.Actor).Hash;
                chains[row.Record.Actor] = new(row.Record.LastVersion, row.Record.Position, row.Record.Hash);
                if (broken is null)
                {
                    yield return new(row.Record, before, []);
                }
                else
                {
                    onDamage(new(row.Position, row.Record.Actor, broken));
                }
            }

            if (page.Count == 0)
            {
                ReportGap(next, last, onDamage);
                yield break;
            }
        }
    }

    private static void ReportGap(long first, long last, Action<JournalDamage> onDamage) =>
        onDamage(new(first, null, first == last ? "the record is missing" : $"the records up to position {last} are missing"));

    private List<RecordRow> ReadPage(long from, long upTo) => Read(connection =>
    {
        using var command = PageQuery.Make(connection, server.Schema, from, upTo);
        var rows = new List<RecordRow>();
        using var row = command.ExecuteReader();
        while (row.Read())
        {
            JournalRecord? record = null;
            try
            {
                record = Rows.ReadRecord(row, 0);
            }
            catch (JournalCorruptException)
            {
                // Told in its turn.
            }

            rows.Add(new(row.GetInt64(0), row.GetInt64(9), row.GetString(7), record));
        }

        return rows;
    });

    private List<SnapshotRow> ReadSnapshotPage(long hash, string actor) => Read(connection =>
    {
        using var command = new NpgsqlCommand(
            $"SELECT hash, actor, version, chain, wake_at, checksum, state FROM {server.Schema}.snapshot WHERE (hash, actor) > ($1, $2) ORDER BY hash, actor LIMIT 256", connection);
        command.Parameters.Add(new() { Value = hash });
        command.Parameters.Add(new() { Value = actor });
        command.Prepare();
        var rows = new List<SnapshotRow>();
        using var row = command.ExecuteReader();
        while (row.Read())
        {
            var text = row.GetString(1);
            var known = TryActor(text);
            var snapshot = new Snapshot(known ?? default, row.GetInt64(2), Rows.ToChain(row.GetGuid(3)), row.GetInt64(4), row.GetFieldValue<byte[]>(6));
            rows.Add(new(row.GetInt64(0), text, row.GetInt64(5), known, snapshot));
        }

        return rows;
    });

    private T Read<T>(Func<NpgsqlConnection, T> read) => Guarded(() =>
    {
        using var connection = server.Open();
        return read(connection);
    });

    private T Guarded<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (PostgresServer.IsTrouble(e))
        {
            throw server.Explain(e);
        }
    }

    private readonly record struct Link(long Version, long Position, Hash128 Hash);

    private sealed record RecordRow(long Position, long Previous, string Text, JournalRecord? Record);

    private sealed record SnapshotRow(long Hash, string Text, long Checksum, ActorId? Actor, Snapshot Snapshot);
}
