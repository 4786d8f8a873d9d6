using System.Buffers;
using Loyalty.Runtime.Journal;
using Npgsql;
using NpgsqlTypes;

namespace Loyalty.Storage.Postgres;

/// <summary>Snapshots that are stored in one transaction.</summary>
internal sealed class SnapshotSlice
{
    private readonly List<long> hash = [];
    private readonly List<string> actor = [];
    private readonly List<long> version = [];
    private readonly List<Guid> chain = [];
    private readonly List<long> wake = [];
    private readonly List<long> checksum = [];
    private readonly List<int> start = [];
    private readonly List<int> length = [];
    private readonly ArrayBufferWriter<byte> payload = new();

    /// <summary>The newest of each actor, in the order in which they lie in the index: also the order in which two processes that save the same ones lock them.</summary>
    public static IEnumerable<SnapshotSlice> Cut(IReadOnlyList<Snapshot> snapshots, int countMax, int bytesMax)
    {
        var newest = new Dictionary<Runtime.ActorId, Snapshot>();
        foreach (var snapshot in snapshots)
        {
            if (Rows.IsStorable(snapshot.Actor) && (!newest.TryGetValue(snapshot.Actor, out var other) || other.Version <= snapshot.Version))
            {
                newest[snapshot.Actor] = snapshot;
            }
        }

        var sorted = newest.Values.Select(s => (Hash: s.Actor.StableHash(), Text: s.Actor.ToString(), Snapshot: s)).ToArray();
        Array.Sort(sorted, static (a, b) => a.Hash != b.Hash ? a.Hash.CompareTo(b.Hash) : string.CompareOrdinal(a.Text, b.Text));
        var slice = new SnapshotSlice();
        foreach (var (hash, text, snapshot) in sorted)
        {
            if (slice.hash.Count > 0 && (slice.hash.Count == countMax || slice.payload.WrittenCount + snapshot.State.Length > bytesMax))
            {
                yield return slice;
                slice = new();
            }

            slice.Add(hash, text, snapshot);
        }

        if (slice.hash.Count > 0)
        {
            yield return slice;
        }
    }

    public async Task SaveAsync(NpgsqlConnection connection, string schema, BooksView view)
    {
        var command = new NpgsqlCommand($"SELECT {BooksView.Columns} FROM {schema}.save_snapshots($1, $2, $3, $4, $5, $6, $7, $8, $9)", connection);
        await using (command.ConfigureAwait(false))
        {
            Add(hash, NpgsqlDbType.Bigint);
            Add(actor, NpgsqlDbType.Text);
            Add(version, NpgsqlDbType.Bigint);
            Add(chain, NpgsqlDbType.Uuid);
            Add(wake, NpgsqlDbType.Bigint);
            Add(checksum, NpgsqlDbType.Bigint);
            Add(start, NpgsqlDbType.Integer);
            Add(length, NpgsqlDbType.Integer);
            command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = payload.WrittenMemory, NpgsqlDbType = NpgsqlDbType.Bytea });
            await command.PrepareAsync().ConfigureAwait(false);
            var row = await command.ExecuteReaderAsync().ConfigureAwait(false);
            await using (row.ConfigureAwait(false))
            {
                await row.ReadAsync().ConfigureAwait(false);
                view.Read(row, 0);
                while (await row.NextResultAsync().ConfigureAwait(false))
                {
                }
            }
        }

        void Add<T>(List<T> values, NpgsqlDbType type) => command.Parameters.Add(new NpgsqlParameter<List<T>> { TypedValue = values, NpgsqlDbType = type | NpgsqlDbType.Array });
    }

    private void Add(ulong actorHash, string text, Snapshot snapshot)
    {
        hash.Add(Rows.Signed(actorHash));
        actor.Add(text);
        version.Add(snapshot.Version);
        chain.Add(Rows.ToUuid(snapshot.Hash));
        wake.Add(snapshot.WakeAtMs);
        checksum.Add(Rows.SnapshotChecksum(actorHash, snapshot));
        start.Add(payload.WrittenCount + 1);
        length.Add(snapshot.State.Length);
        payload.Write(snapshot.State.Span);
    }
}
