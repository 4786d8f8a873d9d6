using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace Loyalty.Storage.Postgres;

/// <summary>An entry that the database does not take.</summary>
/// <param name="Offset">Which record of the plan, from 1.</param>
/// <param name="Version">Where its actor stands; -1: a unique key of it is known.</param>
/// <param name="Chain">The actor's chain there.</param>
internal readonly record struct Refusal(int Offset, long Version, Guid Chain);

/// <summary>The writer's connection, with its one statement.</summary>
internal sealed class AppendConnection : IDisposable
{
    private const int Parameters = 30;
    private readonly NpgsqlConnection connection;
    private readonly NpgsqlCommand append;
    private readonly string schema;

    public AppendConnection(PostgresServer server)
    {
        schema = server.Schema;
        connection = server.Open();
        try
        {
            var places = string.Join(", ", Enumerable.Range(1, Parameters).Select(i => string.Create(CultureInfo.InvariantCulture, $"${i}")));
            append = new(
                $"SELECT base, revision, bytes, unsaved, tail_position, tail_bytes, refused, refused_version, refused_chain FROM {schema}.append({places})", connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>See <see cref="PostgresServer.IsRefusal"/>.</summary>
    public bool IsRefusal(Exception e) => PostgresServer.IsRefusal(e, connection);

    /// <summary>Commits the plan: one message there, one back. Null: it is durable.</summary>
    public List<Refusal>? Append(Guid writer, long seq, AppendPlan plan, BooksView view, out long positionBefore)
    {
        Bind(writer, seq, plan);
        if (!append.IsPrepared)
        {
            append.Prepare();
        }

        List<Refusal>? refusals = null;
        positionBefore = 0;
        using var row = append.ExecuteReader();
        if (!row.Read())
        {
            throw new InvalidOperationException("The function append gave no row.");
        }

        if (row.IsDBNull(6))
        {
            positionBefore = row.GetInt64(0);
        }
        else
        {
            var offsets = row.GetFieldValue<int[]>(6);
            var versions = row.GetFieldValue<long[]>(7);
            var chains = row.GetFieldValue<Guid?[]>(8);
            refusals = [.. offsets.Select((offset, i) => new Refusal(offset, versions[i], chains[i] ?? default))];
        }

        var (revision, bytes, unsaved, tailPosition, tailBytes) =
            refusals is null ? (row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5)) : default;

        // The commit comes after the row: only the end of the answer says that it happened.
        while (row.NextResult())
        {
        }

        if (refusals is null)
        {
            view.Hear(revision, positionBefore + plan.Records, bytes, unsaved, tailPosition, tailBytes);
        }

        return refusals;
    }

    /// <summary>Position before the writer's group, if it is in the books; else -1, and then it can never come any more.</summary>
    public long Settle(Guid writer, long seq)
    {
        using var settle = new NpgsqlCommand($"SELECT {schema}.settle($1, $2)", connection);
        settle.Parameters.Add(new() { Value = writer });
        settle.Parameters.Add(new() { Value = seq });
        return (long)settle.ExecuteScalar()!;
    }

    /// <summary>The process ends: its row goes.</summary>
    public void Forget(Guid writer)
    {
        using var forget = new NpgsqlCommand($"DELETE FROM {schema}.writer WHERE id = $1", connection);
        forget.Parameters.Add(new() { Value = writer });
        forget.ExecuteNonQuery();
    }

    public void Dispose()
    {
        append.Dispose();
        connection.Dispose();
    }

    private void Bind(Guid writer, long seq, AppendPlan plan)
    {
        var at = 0;
        Set(NpgsqlDbType.Uuid, writer);
        Set(NpgsqlDbType.Bigint, seq);
        SetArray(NpgsqlDbType.Bigint, plan.HeadHash);
        SetArray(NpgsqlDbType.Text, plan.HeadActor);
        SetArray(NpgsqlDbType.Bigint, plan.HeadExpected);
        SetArray(NpgsqlDbType.Uuid, plan.HeadExpectedChain);
        SetArray(NpgsqlDbType.Bigint, plan.HeadVersion);
        SetArray(NpgsqlDbType.Uuid, plan.HeadChain);
        SetArray(NpgsqlDbType.Bigint, plan.HeadWake);
        SetArray(NpgsqlDbType.Integer, plan.HeadFirst);
        SetArray(NpgsqlDbType.Integer, plan.HeadLast);
        Set(NpgsqlDbType.Integer, plan.NewHeads);
        SetArray(NpgsqlDbType.Text, plan.RecordActor);
        SetArray(NpgsqlDbType.Integer, plan.RecordLink);
        SetArray(NpgsqlDbType.Bigint, plan.RecordVersion);
        SetArray(NpgsqlDbType.Integer, plan.RecordEvents);
        SetArray(NpgsqlDbType.Bigint, plan.RecordAt);
        SetArray(NpgsqlDbType.Bigint, plan.RecordWake);
        SetArray(NpgsqlDbType.Uuid, plan.RecordChain);
        SetArray(NpgsqlDbType.Bigint, plan.RecordChecksum);
        SetArray(NpgsqlDbType.Integer, plan.RecordStart);
        SetArray(NpgsqlDbType.Integer, plan.RecordLength);
        Set(NpgsqlDbType.Bytea, plan.Payload.WrittenMemory);
        SetArray(NpgsqlDbType.Uuid, plan.UniqueKey);
        SetArray(NpgsqlDbType.Integer, plan.UniqueRecord);
        SetArray(NpgsqlDbType.Uuid, plan.LatestKey);
        SetArray(NpgsqlDbType.Integer, plan.LatestRecord);
        SetArray(NpgsqlDbType.Text, plan.MeasureName);
        SetArray(NpgsqlDbType.Bigint, plan.MeasureDelta);
        Set(NpgsqlDbType.Bigint, plan.Events);

        void SetArray<T>(NpgsqlDbType type, List<T> values) => Set(type | NpgsqlDbType.Array, values);

        void Set<T>(NpgsqlDbType type, T value)
        {
            if (append.Parameters.Count == at)
            {
                append.Parameters.Add(new NpgsqlParameter<T> { NpgsqlDbType = type });
            }

            ((NpgsqlParameter<T>)append.Parameters[at++]).TypedValue = value;
        }
    }
}
