using System.Text.RegularExpressions;
using Npgsql;

namespace Loyalty.Storage;

/// <summary>Which database a <see cref="PostgresJournal"/> uses, and what it may use of it. Every limit says what happens at it.</summary>
public sealed partial record PostgresJournalOptions
{
    /// <summary>
    /// Npgsql's connection string, e.g. <c>Host=db;Database=loyalty;Username=loyalty;Password=…</c>. Pool sizes and timeouts in it are replaced by the options here. The role needs to
    /// read and write the schema's tables and to execute its functions; making them is for <see cref="PostgresSchema.MigrateAsync"/>.
    /// </summary>
    public required string ConnectionString { get; init; }

    /// <summary>The schema that holds the books: lower-case letters, digits, <c>_</c>, at most 63. One database holds several books under several names. Default <c>loyalty</c>.</summary>
    public string Schema { get; init; } = "loyalty";

    /// <summary>
    /// Bytes of batches appended but not yet durable; 1 MiB to 4 GiB, default 64 MiB. A batch that would go beyond is completed as
    /// <see cref="Runtime.Journal.AppendOutcome.Failed"/> (a single batch larger than this passes when nothing else waits).
    /// </summary>
    public long QueueBytesMax { get; init; } = 64L << 20;

    /// <summary>Bytes of batches in one group commit; 64 KiB to 64 MiB, default 4 MiB. More waits for the next one. One batch is never split.</summary>
    public int CommitBytesMax { get; init; } = 4 << 20;

    /// <summary>
    /// Records in one group commit; 1 to 65,536, default 4,096. More waits for the next one. One batch is never split. While a group is being written no other process
    /// commits, so this bounds what one silo makes another wait.
    /// </summary>
    public int CommitRecordsMax { get; init; } = 4096;

    /// <summary>Bytes of one record's events; 64 KiB to 64 MiB, default 8 MiB. A larger entry ends as <see cref="Runtime.Journal.AppendOutcome.Failed"/>.</summary>
    public int RecordBytesMax { get; init; } = 8 << 20;

    /// <summary>Connections that read; 1 to 32, default 2. The writer has one more, and reading everything (<c>ReadAll</c>) one for each reader.</summary>
    public int ReaderConnections { get; init; } = 2;

    /// <summary>Actors or keys asked for in one query; 1 to 4,096, default 256. What waits together is asked together.</summary>
    public int ReadsPerQueryMax { get; init; } = 256;

    /// <summary>Reads that may wait; 1,024 to 10,000,000, default 1,000,000. Beyond, a read throws <see cref="Runtime.Journal.JournalUnavailableException"/>.</summary>
    public int ReadQueueMax { get; init; } = 1_000_000;

    /// <summary>
    /// Request keys seen by this process that <see cref="PostgresJournal.MightContain"/> remembers at least; 1,024 to 100,000,000, default 2,000,000 (four bytes each). Older ones
    /// are forgotten; the database still refuses them.
    /// </summary>
    public int KnownKeysMax { get; init; } = 2_000_000;

    /// <summary>
    /// After a request turns out to be known that this process had not seen, so many following lookups ask the database first; 0 to 1,000,000, default 1,000. A refused request costs
    /// its whole group commit a second try, an asked one a few microseconds. Also after opening, when senders repeat what they got no answer to.
    /// </summary>
    public int SuspiciousLookups { get; init; } = 1000;

    /// <summary>Snapshots written in one transaction; 1 to 4,096, default 256. It locks the books for about 5 µs each.</summary>
    public int SnapshotsPerSlice { get; init; } = 256;

    /// <summary>
    /// How long one statement may take; 1 s to 10 min, default 15 s. Beyond, the server ends it: an append is then <see cref="Runtime.Journal.AppendOutcome.Failed"/>, a read throws
    /// <see cref="Runtime.Journal.JournalUnavailableException"/>.
    /// </summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long connecting may take; 1 s to 1 min, default 5 s. Beyond, it counts as failed.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// When the connection is lost during a commit: how long to try to reach the server and ask whether it happened, while the callers wait; 0 to 1 min, default 5 s. Beyond,
    /// the entries end as <see cref="Runtime.Journal.AppendOutcome.Unknown"/>.
    /// </summary>
    public TimeSpan SettleTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The longest pause between two attempts to connect; 100 ms to 1 min, default 2 s. The first is 100 ms, each next one twice as long. Meanwhile appends end as
    /// <see cref="Runtime.Journal.AppendOutcome.Failed"/> at once.
    /// </summary>
    public TimeSpan ReconnectDelayMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How old <see cref="PostgresJournal.Checkpoint"/> may be as to what other processes appended; 100 ms to 1 min, default 2 s. Then reading it starts a refresh in the background.</summary>
    public TimeSpan CheckpointAgeMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Told, in words for the operator, of trouble that no caller sees (a lost connection, a setting that is not safe). May come from any thread.</summary>
    public Action<string>? OnTrouble { get; init; }

    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    internal void Validate()
    {
        ParseConnectionString(ConnectionString);
        CheckSchema(Schema);
        Range(nameof(QueueBytesMax), QueueBytesMax, 1L << 20, 4L << 30);
        Range(nameof(CommitBytesMax), CommitBytesMax, 64 << 10, 64 << 20);
        Range(nameof(CommitRecordsMax), CommitRecordsMax, 1, 65_536);
        Range(nameof(RecordBytesMax), RecordBytesMax, 64 << 10, 64 << 20);
        Range(nameof(ReaderConnections), ReaderConnections, 1, 32);
        Range(nameof(ReadsPerQueryMax), ReadsPerQueryMax, 1, 4096);
        Range(nameof(ReadQueueMax), ReadQueueMax, 1024, 10_000_000);
        Range(nameof(KnownKeysMax), KnownKeysMax, 1024, 100_000_000);
        Range(nameof(SuspiciousLookups), SuspiciousLookups, 0, 1_000_000);
        Range(nameof(SnapshotsPerSlice), SnapshotsPerSlice, 1, 4096);
        Range(nameof(CommandTimeout), CommandTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10));
        Range(nameof(ConnectTimeout), ConnectTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        Range(nameof(SettleTimeout), SettleTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Range(nameof(ReconnectDelayMax), ReconnectDelayMax, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1));
        Range(nameof(CheckpointAgeMax), CheckpointAgeMax, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1));
    }

    /// <exception cref="ArgumentException">It is no name that we take for a schema.</exception>
    internal static void CheckSchema(string schema)
    {
        if (!SchemaName().IsMatch(schema))
        {
            throw new ArgumentException($"The schema is '{schema}'; it must have 1 to 63 lower-case letters, digits or '_', and begin with a letter.", nameof(schema));
        }
    }

    /// <exception cref="ArgumentException">It is no connection string. The message does not repeat it: it may hold a password.</exception>
    internal static NpgsqlConnectionStringBuilder ParseConnectionString(string text)
    {
        try
        {
            var builder = new NpgsqlConnectionStringBuilder(text);
            return builder.Host is { Length: > 0 } ? builder : throw new ArgumentException("The connection string of PostgreSQL names no Host.", nameof(text));
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException && e is not ArgumentException { ParamName: nameof(text) })
        {
            // Npgsql's words name the unknown keyword, which is a mistyped one or a part of a password that holds a semicolon: not repeated either.
            throw new ArgumentException("The connection string of PostgreSQL cannot be read; it looks like 'Host=db;Database=loyalty;Username=loyalty;Password=…', values with ';' in quotes.", nameof(text));
        }
    }

    private static void Range<T>(string name, T value, T min, T max)
        where T : IComparable<T>
    {
        if (value.CompareTo(min) < 0 || value.CompareTo(max) > 0)
        {
            throw new ArgumentException($"{name} is {value}; it must be {min} to {max}.", name);
        }
    }

    [GeneratedRegex("^[a-z][a-z0-9_]{0,62}$")]
    private static partial Regex SchemaName();
}
