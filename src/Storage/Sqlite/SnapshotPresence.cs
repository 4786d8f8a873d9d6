namespace Loyalty.Storage.Sqlite;

/// <summary>
/// Knows which actors surely have no snapshot, so that a never-seen actor costs no read. A filter over the hashes of all snapshots; after
/// opening a file with snapshots, or when it has become too small, it is made anew in the background, and until then every actor may have one.
/// </summary>
internal sealed class SnapshotPresence
{
    private const long CapacityMin = 1 << 20;

    /// <summary>256 MiB of filter. With more snapshots it gets less sharp, not larger.</summary>
    private const long CapacityMax = 128L << 20;
    private const int RowsPerRead = 10_000;
    private BloomFilter? ready;
    private BloomFilter? building;
    private long capacity = CapacityMin;
    private long count;

    /// <param name="empty">The table has no row yet.</param>
    public SnapshotPresence(bool empty) => ready = empty ? new(CapacityMin) : null;

    /// <summary>Whether <see cref="RebuildAsync"/> should be called.</summary>
    public bool WantsRebuild => Volatile.Read(ref building) is null
        && (Volatile.Read(ref ready) is null || (Volatile.Read(ref count) > capacity && capacity < CapacityMax));

    public bool MightContain(ulong hash) => Volatile.Read(ref ready)?.MightContain(hash, hash) ?? true;

    /// <summary>Writer only, before the snapshot is committed.</summary>
    public void Add(ulong hash)
    {
        building?.Add(hash, hash);
        if (ready is { } filter && !filter.MightContain(hash, hash))
        {
            filter.Add(hash, hash);
            count++;
        }
    }

    /// <summary>Reads the hashes of all snapshots, with short transactions, into a new filter.</summary>
    public async Task RebuildAsync(string path, JournalWriter writer, CancellationToken stopping)
    {
        while (true)
        {
            stopping.ThrowIfCancellationRequested();
            var next = new BloomFilter(capacity);
            // On the writer's thread: what it saves from now on goes into the new filter too.
            await writer.RunAsync(new DelegateJob((_, _) =>
            {
                building = next;
                return true;
            })).ConfigureAwait(false);
            try
            {
                var rows = Scan(path, next, stopping);
                if (rows > capacity / 2 && capacity < CapacityMax)
                {
                    capacity = Math.Min(CapacityMax, Math.Max(capacity * 2, rows * 2));
                    continue;
                }

                await writer.RunAsync(new DelegateJob((_, _) =>
                {
                    Volatile.Write(ref count, rows);
                    Volatile.Write(ref ready, next);
                    return true;
                })).ConfigureAwait(false);
                return;
            }
            finally
            {
                Volatile.Write(ref building, null);
            }
        }
    }

    private static long Scan(string path, BloomFilter filter, CancellationToken stopping)
    {
        using var db = JournalFile.OpenReader(path, cacheKilobytes: 1024);
        var read = db.Prepare("SELECT hash FROM snapshot WHERE hash >= ?1 ORDER BY hash LIMIT ?2");
        long rows = 0;
        var from = long.MinValue;
        while (true)
        {
            stopping.ThrowIfCancellationRequested();
            var found = 0;
            var last = from;
            read.Bind(1, from).Bind(2, RowsPerRead);
            while (read.Step())
            {
                last = read.Long(0);
                filter.Add(SnapshotRows.HashOfRow(last), SnapshotRows.HashOfRow(last));
                found++;
            }

            read.Reset();
            rows += found;
            if (found < RowsPerRead || last == long.MaxValue)
            {
                return rows;
            }

            from = last + 1;
        }
    }
}
