using System.Buffers.Binary;
using System.Data;
using Loyalty.Runtime.Journal;
using Npgsql;

namespace Loyalty.Storage.Postgres;

/// <summary>All request keys in the order of their records, as of one moment: read as a stream beside the records. To be used from one thread.</summary>
internal sealed class KeyStream : IDisposable
{
    private readonly NpgsqlConnection connection;
    private readonly NpgsqlTransaction transaction;
    private readonly NpgsqlCommand command;
    private readonly NpgsqlDataReader row;
    private bool isMore;

    /// <exception cref="NpgsqlException">The server cannot answer.</exception>
    public KeyStream(PostgresServer server)
    {
        connection = server.Open();
        try
        {
            // The newest record and the keys of one moment: a key that moves to a later record meanwhile would be missing.
            transaction = connection.BeginTransaction(IsolationLevel.RepeatableRead);
            using (var newest = new NpgsqlCommand($"SELECT newest FROM {server.Schema}.books", connection, transaction))
            {
                Position = (long)newest.ExecuteScalar()!;
            }

            // One long statement, and a sort of everything: what these connections otherwise forbid.
            using (var settings = new NpgsqlCommand("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on", connection, transaction))
            {
                settings.ExecuteNonQuery();
            }

            command = new NpgsqlCommand($"SELECT position, key FROM {server.Schema}.request_key ORDER BY position", connection, transaction) { CommandTimeout = 0 };
            row = command.ExecuteReader(CommandBehavior.SequentialAccess);
            isMore = row.Read();
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The newest record of the moment.</summary>
    public long Position { get; }

    /// <summary>The keys that lead to a record; records are asked for in their order. Whether they are unique is not stored: they are given as those of which the newest counts.</summary>
    public KeyEntry[] Of(long position)
    {
        var keys = new List<KeyEntry>(2);
        Span<byte> bytes = stackalloc byte[16];
        while (isMore)
        {
            var at = Current;
            if (at > position)
            {
                break;
            }

            if (at == position)
            {
                row.GetGuid(1).TryWriteBytes(bytes, bigEndian: true, out _);
                keys.Add(new(new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])), Unique: false));
            }

            isMore = row.Read();
            current = null;
        }

        return [.. keys];
    }

    public void Dispose()
    {
        // The rest of the keys is not wanted.
        command.Cancel();
        try
        {
            row.Dispose();
            command.Dispose();
            transaction.Dispose();
        }
        catch (NpgsqlException)
        {
            // Cancelled, as it was asked to be.
        }

        connection.Dispose();
    }

    private long? current;

    // Columns of a sequential reader can be read once.
    private long Current => current ??= row.GetInt64(0);
}
