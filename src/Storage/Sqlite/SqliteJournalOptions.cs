namespace Loyalty.Storage;

/// <summary>Where a <see cref="SqliteJournal"/> lies and what it may use. Every limit says what happens at it.</summary>
public sealed record SqliteJournalOptions
{
    /// <summary>The file, e.g. <c>/data/loyalty.db</c>; made, with its folder, if it is not there. SQLite keeps <c>-wal</c> and <c>-shm</c> beside it, the journal <c>.lock</c>.</summary>
    public required string Path { get; init; }

    /// <summary>The seed of request keys when the books are made by this opening: that of books which are brought in. Null: a random one. Books that are there already keep theirs.</summary>
    public long? NewKeySeed { get; init; }

    /// <summary>
    /// Bytes of batches appended but not yet durable; 1 MiB to 4 GiB, default 64 MiB. A batch that would go beyond is completed as
    /// <see cref="Runtime.Journal.AppendOutcome.Failed"/> (a single batch larger than this passes when nothing else waits).
    /// </summary>
    public long QueueBytesMax { get; init; } = 64L << 20;

    /// <summary>Bytes of batches in one group commit; 64 KiB to 256 MiB, default 8 MiB. More waits for the next one. One batch is never split.</summary>
    public int CommitBytesMax { get; init; } = 8 << 20;

    /// <summary>Bytes of one encoded record; 64 KiB to 15 MiB, default 8 MiB. A larger entry ends as <see cref="Runtime.Journal.AppendOutcome.Failed"/>.</summary>
    public int RecordBytesMax { get; init; } = 8 << 20;

    /// <summary>
    /// Bytes of one block; 4 KiB to 1 MiB, default 16,300: just what fits a page of the file. A larger record gets a block of its own. Larger blocks
    /// make reading one old record dearer and appending no cheaper.
    /// </summary>
    public int BlockBytesMax { get; init; } = 16_300;

    /// <summary>Actors without unsaved records whose version is remembered; 1,024 to 100,000,000, default 1,000,000 (about 200 bytes each). Beyond, the least recent half is forgotten and read again when needed.</summary>
    public int CleanHeadsMax { get; init; } = 1_000_000;

    /// <summary>Request keys kept in memory before they are written as a sorted run; 1,024 to 16,777,216, default 524,288 (about 60 bytes each).</summary>
    public int KeyTailMax { get; init; } = 512 << 10;

    /// <summary>Runs of request keys of one level before they are merged into one of the next; 2 to 64, default 8.</summary>
    public int KeyRunsPerLevelMax { get; init; } = 8;

    /// <summary>Threads, each with a connection, that read for <c>LoadAsync</c>, <c>FindAsync</c>, <c>ReadHistoryAsync</c> and <c>DueAsync</c>; 1 to 32, default 2.</summary>
    public int ReaderThreads { get; init; } = 2;

    /// <summary>Reads that may wait; 1,024 to 10,000,000, default 1,000,000. Beyond, a read throws <see cref="Runtime.Journal.JournalUnavailableException"/>.</summary>
    public int ReadQueueMax { get; init; } = 1_000_000;

    /// <summary>Bytes of recently read blocks that each reader thread keeps; 0 to 1 GiB, default 16 MiB.</summary>
    public int BlockCacheBytes { get; init; } = 16 << 20;

    /// <summary>How long snapshots and other background writing may hold up appends at a time; 1 to 100 ms, default 3 ms.</summary>
    public TimeSpan SliceMax { get; init; } = TimeSpan.FromMilliseconds(3);

    /// <summary>Bytes in SQLite's write-ahead log before they are moved to the file in the background; 1 MiB to 1 GiB, default 16 MiB. The log may grow to a few times this under full load.</summary>
    public long WalBytes { get; init; } = 16L << 20;

    /// <summary>Told, in words for the operator, of trouble that no caller sees (background work that failed and will be tried again). May come from any thread.</summary>
    public Action<string>? OnTrouble { get; init; }

    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    internal void Validate()
    {
        if (string.IsNullOrWhiteSpace(Path))
        {
            throw new ArgumentException("The journal needs a path.", nameof(Path));
        }

        Range(nameof(QueueBytesMax), QueueBytesMax, 1L << 20, 4L << 30);
        Range(nameof(CommitBytesMax), CommitBytesMax, 64 << 10, 256 << 20);
        Range(nameof(RecordBytesMax), RecordBytesMax, 64 << 10, 15 << 20);
        Range(nameof(BlockBytesMax), BlockBytesMax, 4 << 10, 1 << 20);
        Range(nameof(CleanHeadsMax), CleanHeadsMax, 1024, 100_000_000);
        Range(nameof(KeyTailMax), KeyTailMax, 1024, 16 << 20);
        Range(nameof(KeyRunsPerLevelMax), KeyRunsPerLevelMax, 2, 64);
        Range(nameof(ReaderThreads), ReaderThreads, 1, 32);
        Range(nameof(ReadQueueMax), ReadQueueMax, 1024, 10_000_000);
        Range(nameof(BlockCacheBytes), BlockCacheBytes, 0, 1 << 30);
        Range(nameof(SliceMax), (long)SliceMax.TotalMilliseconds, 1, 100);
        Range(nameof(WalBytes), WalBytes, 1 << 20, 1 << 30);
    }

    private static void Range(string name, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            throw new ArgumentException($"{name} is {value}; it must be {min} to {max}.", name);
        }
    }
}
