using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage.Sqlite;

namespace Loyalty.Storage;

/// <summary>
/// Reads a SQLite journal from outside: beside a running engine, or a damaged file. Writes nothing. Checks each block, each record, and the chain of
/// each actor. One thread at a time.
/// </summary>
/// <remarks>Memory: about 150 bytes for each actor, while <see cref="ReadAll"/> is enumerated, for the chains.</remarks>
public sealed class SqliteJournalArchive : IJournalArchive
{
    private readonly Db db;
    private readonly string path;

    private SqliteJournalArchive(Db db, string path) => (this.db, this.path, KeySeed) = (db, path, JournalFile.Meta(db, "key_seed"));

    /// <inheritdoc />
    public long KeySeed { get; }

    /// <inheritdoc />
    public string Description => $"SQLite journal {path} (read only)";

    /// <summary>Opens the file for reading.</summary>
    /// <exception cref="JournalUnavailableException">There is no journal at the path, or it cannot be read.</exception>
    /// <exception cref="JournalCorruptException">Its format is another one.</exception>
    public static SqliteJournalArchive Open(string path)
    {
        path = Path.GetFullPath(path);
        return new(JournalFile.OpenReader(path, cacheKilobytes: 1024), path);
    }

    /// <inheritdoc />
    public IEnumerable<JournalRecord> ReadAll(Action<JournalDamage> onDamage) => Read(onDamage, withKeys: false).Select(whole => whole.Record);

    /// <inheritdoc />
    public IEnumerable<ArchivedRecord> ReadWhole(Action<JournalDamage> onDamage) => Read(onDamage, withKeys: true);

    private IEnumerable<ArchivedRecord> Read(Action<JournalDamage> onDamage, bool withKeys)
    {
        ArgumentNullException.ThrowIfNull(onDamage);
        // The last block as of the call; what is appended later is not read.
        long last;
        try
        {
            last = db.Scalar("SELECT max(seq) FROM block") ?? 0;
        }
        catch (DbException e)
        {
            onDamage(new(0, null, $"the table of blocks cannot be read: {e.Message}"));
            return [];
        }

        return Enumerate(last, onDamage, withKeys);
    }

    /// <inheritdoc />
    public IEnumerable<Snapshot> ReadSnapshots(Action<JournalDamage> onDamage)
    {
        ArgumentNullException.ThrowIfNull(onDamage);
        using var read = db.Prepare("SELECT hash, kind, key, version, position, chain, due, state, checksum FROM snapshot WHERE (hash, kind, key) > (?1, ?2, ?3) ORDER BY hash, kind, key LIMIT 256");
        var page = new List<Snapshot>();
        var (hash, kind, key) = (long.MinValue, string.Empty, string.Empty);
        while (true)
        {
            page.Clear();
            var rows = 0;
            try
            {
                read.Bind(1, hash).Bind(2, kind).Bind(3, key);
                while (read.Step())
                {
                    rows++;
                    (hash, kind, key) = (read.Long(0), read.Text(1), read.Text(2));
                    var actor = new ActorId(kind, key);
                    var due = read.IsNull(6) ? 0 : read.Long(6);
                    var state = read.Blob(7).ToArray();
                    var chain = read.Blob(5);
                    if (chain.Length != Hash128.Size || SnapshotRows.HashOfRow(hash) != actor.StableHash()
                        || SnapshotRows.Checksum(SnapshotRows.HashOfRow(hash), read.Long(3), read.Long(4), chain, due, state) != read.Long(8))
                    {
                        onDamage(new(0, actor, "the snapshot fails its checksum"));
                        continue;
                    }

                    page.Add(new(actor, read.Long(3), Hash128.Read(chain), due, state));
                }

                read.Reset();
            }
            catch (DbException e)
            {
                onDamage(new(0, null, $"the table of snapshots cannot be read further: {e.Message}"));
                rows = 0;
            }

            foreach (var snapshot in page)
            {
                yield return snapshot;
            }

            if (rows == 0)
            {
                yield break;
            }
        }
    }

    /// <inheritdoc />
    /// <exception cref="JournalCorruptException">The last block is damaged.</exception>
    public JournalTotals Totals()
    {
        var state = new RunningTotals();
        try
        {
            if (db.Scalar("SELECT max(seq) FROM block") is { } seq)
            {
                using var read = db.Prepare("SELECT data FROM block WHERE seq = ?1");
                read.Bind(1, seq).Step();
                var block = read.Blob(0);
                if (!BlockHeader.TryRead(block, seq, trustContent: false, out var header, out var problem) || !header.IsLast)
                {
                    throw new JournalCorruptException($"The journal {path} has no totals: {problem ?? $"block {seq} does not end a commit"}.");
                }

                state.Restore(block[header.RecordsEnd..header.TotalsEnd]);
            }
        }
        catch (DbException e)
        {
            throw JournalFile.Explain(path, e);
        }

        return state.Read();
    }

    /// <inheritdoc />
    public void Dispose() => db.Dispose();

    private IEnumerable<ArchivedRecord> Enumerate(long lastSeq, Action<JournalDamage> onDamage, bool withKeys)
    {
        using var read = db.Prepare("SELECT data FROM block WHERE seq = ?1");
        var chains = new Dictionary<ActorId, Link>();
        var records = new List<ArchivedRecord>();
        for (var seq = 1L; seq <= lastSeq; seq++)
        {
            records.Clear();
            ReadBlock(read, seq, chains, records, onDamage, withKeys);
            foreach (var record in records)
            {
                yield return record;
            }
        }
    }

    private static void ReadBlock(
        Statement read, long seq, Dictionary<ActorId, Link> chains, List<ArchivedRecord> records, Action<JournalDamage> onDamage, bool withKeys)
    {
        var start = BlockFormat.Position(seq, 0);
        try
        {
            if (!read.Bind(1, seq).Step())
            {
                onDamage(new(start, null, $"block {seq} is missing"));
                return;
            }

            var block = read.Blob(0);
            if (!BlockHeader.TryRead(block, seq, trustContent: false, out var header, out var problem))
            {
                onDamage(new(start, null, problem!));
                // The records prove themselves: a broken byte costs one, not the block. Without a sound header they end where framing fails.
                if (!BlockHeader.TryRead(block, seq, trustContent: true, out header, out _))
                {
                    return;
                }
            }

            for (var offset = BlockFormat.HeaderSize; offset < header.RecordsEnd;)
            {
                var sound = RecordView.TryRead(block, seq, offset, header.RecordsEnd, checkSum: true, out var view, out var length);
                if (!sound)
                {
                    onDamage(new(
                        BlockFormat.Position(seq, offset), null,
                        length == 0 ? $"the rest of block {seq} cannot be framed" : "the record fails its checksum"));
                    if (length == 0)
                    {
                        return;
                    }
                }
                else
                {
                    var record = view.ToRecord(view.Actor());
                    if (Check(record, view.Previous, chains) is { } broken)
                    {
                        onDamage(new(record.Position, record.Actor, broken));
                    }
                    else
                    {
                        records.Add(new(record, chains.GetValueOrDefault(record.Actor).Hash, withKeys ? Keys(view) : []));
                    }

                    chains[record.Actor] = new(record.LastVersion, record.Position, record.Hash);
                }

                offset += length;
            }
        }
        catch (DbException e)
        {
            onDamage(new(start, null, $"block {seq} cannot be read: {e.Message}"));
        }
        finally
        {
            read.Reset();
        }
    }

    private static KeyEntry[] Keys(in RecordView view)
    {
        var keys = new KeyEntry[view.KeyCount];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = view.RequestKeyAt(i);
        }

        return keys;
    }

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

    private readonly record struct Link(long Version, long Position, Hash128 Hash);
}
