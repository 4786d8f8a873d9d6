using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Npgsql;
using NpgsqlTypes;

namespace Loyalty.Storage.Postgres;

/// <summary>
/// Answers reads on a few connections. What waits together (actors to load, keys to find) is asked in one query, so that a cold start costs round trips by the hundred actors and not by
/// the actor.
/// </summary>
internal sealed class PostgresReader
{
    private readonly PostgresJournalOptions options;
    private readonly PostgresServer server;
    private readonly object gate = new();
    private readonly Queue<Waiting<ActorId, LoadedActor>> loads = new();
    private readonly Queue<Waiting<RequestKey, JournalRecord?>> finds = new();
    private readonly Queue<Func<Task>> others = new();
    private readonly string loadSql;
    private readonly string findSql;
    private readonly string newestSql;
    private readonly string previousSql;
    private readonly string historySql;
    private readonly string pageSql;
    private readonly string dueSql;
    private int busy;
    private int turn;
    private bool closed;

    public PostgresReader(PostgresJournalOptions options, PostgresServer server)
    {
        (this.options, this.server) = (options, server);
        var schema = server.Schema;

        // Row 0 of an actor is its snapshot, in the columns of a record; then its records from the newest back.
        loadSql = $"""
            WITH RECURSIVE found AS MATERIALIZED (
                SELECT u.n, h.position, h.version, s.version AS saved, s.wake_at, s.chain, s.checksum, s.state
                FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS u(hash, actor, n)
                JOIN {schema}.head h ON h.hash = u.hash AND h.actor = u.actor
                LEFT JOIN {schema}.snapshot s ON s.hash = u.hash AND s.actor = u.actor),
            walk AS (
                SELECT f.n, coalesce(f.saved, 0) AS saved, r.*
                FROM found f JOIN {schema}.record r ON r.position = f.position WHERE f.version > coalesce(f.saved, 0)
                UNION ALL
                SELECT w.n, w.saved, r.* FROM walk w JOIN {schema}.record r ON r.position = w.previous WHERE r.first_version > w.saved)
            SELECT f.n, f.version, 0::bigint, coalesce(f.saved, 0), 0, 0::bigint, coalesce(f.wake_at, 0), f.chain, coalesce(f.checksum, 0), NULL::text, f.state FROM found f
            UNION ALL
            SELECT r.n, 0::bigint, {Rows.RecordColumns} FROM walk r
            """;
        findSql = $"""
            SELECT u.n, {Rows.RecordColumns}, k.position
            FROM unnest($1::uuid[]) WITH ORDINALITY AS u(key, n)
            JOIN {schema}.request_key k ON k.key = u.key LEFT JOIN {schema}.record r ON r.position = k.position
            """;
        newestSql = $"SELECT h.position FROM {schema}.head h WHERE h.hash = $1 AND h.actor = $2";
        previousSql = $"SELECT b.previous FROM {schema}.record b WHERE b.position = $1 AND b.actor = $2";
        historySql = Walk(newestSql);
        pageSql = Walk(previousSql);
        dueSql = $"SELECT actor FROM {schema}.head WHERE wake_at <> 0 AND wake_at <= $1 AND hash BETWEEN $2 AND $3 ORDER BY wake_at LIMIT $4";

        string Walk(string start) => $"""
            WITH RECURSIVE walk AS (
                SELECT r.* FROM {schema}.record r WHERE r.position = ({start})
                UNION ALL
                SELECT r.* FROM walk w JOIN {schema}.record r ON r.position = w.previous)
            SELECT {Rows.RecordColumns} FROM walk r LIMIT $3
            """;
    }

    public Task<LoadedActor> LoadAsync(ActorId actor) => Enqueue(loads, actor);

    public Task<JournalRecord?> FindAsync(RequestKey key) => Enqueue(finds, key);

    public Task<IReadOnlyList<JournalRecord>> HistoryAsync(ActorId actor, long before, int count) => RunAsync<IReadOnlyList<JournalRecord>>(async connection =>
    {
        var command = new NpgsqlCommand(before == 0 ? historySql : pageSql, connection);
        await using (command.ConfigureAwait(false))
        {
            Add(command, before == 0 ? Rows.Signed(actor.StableHash()) : before);
            Add(command, actor.ToString());
            Add(command, count);
            await command.PrepareAsync().ConfigureAwait(false);
            var page = new List<JournalRecord>();
            var row = await command.ExecuteReaderAsync().ConfigureAwait(false);
            await using (row.ConfigureAwait(false))
            {
                while (await row.ReadAsync().ConfigureAwait(false))
                {
                    page.Add(Rows.ReadRecord(row, 0, actor));
                }
            }

            CheckLinks(actor, page, count);
            return page.Count > 0
                ? page
                : await StartAsync(connection, actor, before).ConfigureAwait(false) switch
                {
                    null when before != 0 => throw new ArgumentException($"Position {before} is not a record of {actor}.", nameof(before)),
                    null or 0 => page,
                    { } start => throw new JournalCorruptException($"The record of {actor} at position {start} is missing."),
                };
        }
    });

    public Task<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range) => RunAsync<IReadOnlyList<ActorId>>(async connection =>
    {
        var command = new NpgsqlCommand(dueSql, connection);
        await using (command.ConfigureAwait(false))
        {
            Add(command, nowMs);
            Add(command, Rows.Signed(range.First));
            Add(command, Rows.Signed(range.Last));
            Add(command, count);
            await command.PrepareAsync().ConfigureAwait(false);
            return await ReadActorsAsync(command).ConfigureAwait(false);
        }
    });

    /// <summary>Runs something on a connection of its own for the time, when one of the readers is free.</summary>
    /// <exception cref="JournalUnavailableException">The server cannot answer.</exception>
    public Task<T> RunAsync<T>(Func<NpgsqlConnection, Task<T>> read)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            CheckOpen();
            others.Enqueue(async () =>
            {
                try
                {
                    var connection = await server.OpenAsync().ConfigureAwait(false);
                    await using (connection.ConfigureAwait(false))
                    {
                        done.SetResult(await read(connection).ConfigureAwait(false));
                    }
                }
                catch (Exception e)
                {
                    done.TrySetException(PostgresServer.IsTrouble(e) ? server.Explain(e) : e);
                }
            });
            StartLocked();
        }

        return done.Task;
    }

    /// <summary>No more reads. Those that were taken end.</summary>
    public async Task StopAsync()
    {
        lock (gate)
        {
            closed = true;
        }

        var pause = TimeSpan.FromMilliseconds(1);
        while (true)
        {
            lock (gate)
            {
                if (busy == 0)
                {
                    return;
                }
            }

            await Task.Delay(pause).ConfigureAwait(false);
        }
    }

    private static void Add<T>(NpgsqlCommand command, T value) => command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });

    private static void Add<T>(NpgsqlCommand command, T value, NpgsqlDbType type) => command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value, NpgsqlDbType = type });

    private static async Task<IReadOnlyList<ActorId>> ReadActorsAsync(NpgsqlCommand command)
    {
        var actors = new List<ActorId>();
        var row = await command.ExecuteReaderAsync().ConfigureAwait(false);
        await using (row.ConfigureAwait(false))
        {
            while (await row.ReadAsync().ConfigureAwait(false))
            {
                actors.Add(Rows.ToActor(row.GetString(0)));
            }
        }

        return actors;
    }

    /// <summary>A record that is missing, or linked to a wrong one, must not make a history look shorter than it is.</summary>
    private static void CheckLinks(ActorId actor, List<JournalRecord> page, int count)
    {
        for (var i = 0; i < page.Count; i++)
        {
            var before = i + 1 < page.Count ? page[i + 1].LastVersion : 0;
            if ((i + 1 < page.Count || page.Count < count) && page[i].FirstVersion != before + 1)
            {
                throw new JournalCorruptException($"The record of {actor} before position {page[i].Position} is missing.");
            }
        }
    }

    /// <summary>The position where a page of history begins; null: there is no such actor, or the position before which it is asked for is not one of its records.</summary>
    private async Task<long?> StartAsync(NpgsqlConnection connection, ActorId actor, long before)
    {
        var command = new NpgsqlCommand(before == 0 ? newestSql : previousSql, connection);
        await using (command.ConfigureAwait(false))
        {
            Add(command, before == 0 ? Rows.Signed(actor.StableHash()) : before);
            Add(command, actor.ToString());
            return (long?)await command.ExecuteScalarAsync().ConfigureAwait(false);
        }
    }

    private Task<TResult> Enqueue<TKey, TResult>(Queue<Waiting<TKey, TResult>> queue, TKey key)
    {
        var waiting = new Waiting<TKey, TResult>(key);
        lock (gate)
        {
            CheckOpen();
            queue.Enqueue(waiting);
            StartLocked();
        }

        return waiting.Task;
    }

    private void CheckOpen()
    {
        if (closed)
        {
            throw new JournalUnavailableException($"{server.Description} is closed.");
        }

        if (loads.Count + finds.Count + others.Count >= options.ReadQueueMax)
        {
            throw new JournalUnavailableException($"{server.Description}: {options.ReadQueueMax} reads wait already.");
        }
    }

    private void StartLocked()
    {
        if (busy < options.ReaderConnections)
        {
            busy++;
            _ = Task.Run(WorkAsync);
        }
    }

    private async Task WorkAsync()
    {
        while (true)
        {
            List<Waiting<ActorId, LoadedActor>>? toLoad = null;
            List<Waiting<RequestKey, JournalRecord?>>? toFind = null;
            Func<Task>? other = null;
            lock (gate)
            {
                // In turns, so that no kind of read waits behind an endless row of another.
                for (var i = 0; i < 3 && toLoad is null && toFind is null && other is null; i++)
                {
                    switch (turn++ % 3)
                    {
                        case 0 when loads.Count > 0:
                            toLoad = Take(loads);
                            break;
                        case 1 when finds.Count > 0:
                            toFind = Take(finds);
                            break;
                        case 2 when others.Count > 0:
                            other = others.Dequeue();
                            break;
                    }
                }

                if (toLoad is null && toFind is null && other is null)
                {
                    busy--;
                    return;
                }
            }

            if (other is not null)
            {
                await other().ConfigureAwait(false);
            }
            else if (toLoad is not null)
            {
                await AnswerAsync(toLoad, LoadAllAsync).ConfigureAwait(false);
            }
            else
            {
                await AnswerAsync(toFind!, FindAllAsync).ConfigureAwait(false);
            }
        }
    }

    private List<T> Take<T>(Queue<T> queue)
    {
        var some = new List<T>(Math.Min(queue.Count, options.ReadsPerQueryMax));
        while (some.Count < options.ReadsPerQueryMax && queue.TryDequeue(out var next))
        {
            some.Add(next);
        }

        return some;
    }

    private async Task AnswerAsync<TKey, TResult>(List<Waiting<TKey, TResult>> waiting, Func<NpgsqlConnection, List<Waiting<TKey, TResult>>, Task> answer)
    {
        try
        {
            var connection = await server.OpenAsync().ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                await answer(connection, waiting).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            var failure = PostgresServer.IsTrouble(e) ? server.Explain(e) : e;
            foreach (var one in waiting)
            {
                one.TrySetException(failure);
            }
        }
    }

    private async Task LoadAllAsync(NpgsqlConnection connection, List<Waiting<ActorId, LoadedActor>> waiting)
    {
        var command = new NpgsqlCommand(loadSql, connection);
        await using (command.ConfigureAwait(false))
        {
            Add(command, waiting.ConvertAll(w => Rows.Signed(w.Key.StableHash())), NpgsqlDbType.Bigint | NpgsqlDbType.Array);
            Add(command, waiting.ConvertAll(w => w.Key.ToString()), NpgsqlDbType.Text | NpgsqlDbType.Array);
            await command.PrepareAsync().ConfigureAwait(false);
            var found = new ActorRows[waiting.Count];
            var row = await command.ExecuteReaderAsync().ConfigureAwait(false);
            await using (row.ConfigureAwait(false))
            {
                while (await row.ReadAsync().ConfigureAwait(false))
                {
                    var at = (int)row.GetInt64(0) - 1;
                    (found[at] ??= new(waiting[at].Key)).Read(row);
                }
            }

            for (var i = 0; i < found.Length; i++)
            {
                if (found[i] is not { } rows)
                {
                    waiting[i].TrySetResult(new(null, []));
                }
                else if (rows.Problem() is { } problem)
                {
                    waiting[i].TrySetException(problem);
                }
                else
                {
                    rows.Later.Reverse();
                    waiting[i].TrySetResult(new(rows.Snapshot, rows.Later));
                }
            }
        }
    }

    private async Task FindAllAsync(NpgsqlConnection connection, List<Waiting<RequestKey, JournalRecord?>> waiting)
    {
        var command = new NpgsqlCommand(findSql, connection);
        await using (command.ConfigureAwait(false))
        {
            Add(command, waiting.ConvertAll(w => Rows.ToUuid(w.Key)), NpgsqlDbType.Uuid | NpgsqlDbType.Array);
            await command.PrepareAsync().ConfigureAwait(false);
            var row = await command.ExecuteReaderAsync().ConfigureAwait(false);
            await using (row.ConfigureAwait(false))
            {
                while (await row.ReadAsync().ConfigureAwait(false))
                {
                    var one = waiting[(int)row.GetInt64(0) - 1];
                    try
                    {
                        one.Found = row.IsDBNull(1)
                            ? throw new JournalCorruptException($"A request key leads to position {row.GetInt64(10)}, where there is no record.")
                            : Rows.ReadRecord(row, 1);
                    }
                    catch (JournalCorruptException e)
                    {
                        // The others of the query have nothing to do with it.
                        one.TrySetException(e);
                    }
                }
            }

            foreach (var one in waiting)
            {
                one.TrySetResult(one.Found);
            }
        }
    }

    private sealed class Waiting<TKey, TResult>(TKey key) : TaskCompletionSource<TResult>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public TKey Key { get; } = key;

        public TResult Found { get; set; } = default!;
    }

    /// <summary>What a query brought of one actor: its snapshot, and its later records from the newest back.</summary>
    private sealed class ActorRows(ActorId actor)
    {
        private JournalCorruptException? damage;
        private long version;

        public Snapshot? Snapshot { get; private set; }

        public List<JournalRecord> Later { get; } = [];

        public void Read(NpgsqlDataReader row)
        {
            try
            {
                if (!row.IsDBNull(9))
                {
                    Later.Add(Rows.ReadRecord(row, 2, actor));
                    return;
                }

                version = row.GetInt64(1);
                if (!row.IsDBNull(10))
                {
                    var snapshot = new Snapshot(actor, row.GetInt64(3), Rows.ToChain(row.GetGuid(7)), row.GetInt64(6), row.GetFieldValue<byte[]>(10));
                    Snapshot = Rows.SnapshotChecksum(actor.StableHash(), snapshot) == row.GetInt64(8)
                        ? snapshot
                        : throw new JournalCorruptException($"The snapshot of {actor} fails its checksum.");
                }
            }
            catch (JournalCorruptException e)
            {
                damage = e;
            }
        }

        /// <summary>Whether a row fails its checksum, or a record between the snapshot and the actor's version is missing.</summary>
        public JournalCorruptException? Problem()
        {
            var next = version;
            foreach (var record in Later)
            {
                next = record.LastVersion == next ? record.FirstVersion - 1 : -1;
            }

            return damage ?? (next == (Snapshot?.Version ?? 0) ? null : new($"{actor} has {version} events, but its records do not lead there without a gap."));
        }
    }
}
