namespace Loyalty.Runtime.Journal;

/// <summary>
/// Where events rest. One journal belongs to one set of books. Every store passes the same behaviour suite
/// (<c>tests/Storage.Tests/JournalBehaviour.cs</c>). All members may be called from any thread.
/// </summary>
/// <remarks>
/// Positions: a position names a record in commit order; larger is later; 0 is before the first. Versions: an actor's version is the
/// number of its events; its first event has version 1.
/// </remarks>
public interface IJournal : IAsyncDisposable
{
    /// <summary>What store this is, in words for people: <c>SQLite journal /data/loyalty.db</c>.</summary>
    string Description { get; }

    /// <summary>Random, made with the books: seeds the hash of request keys, so that nobody outside can make two ids collide.</summary>
    long KeySeed { get; }

    /// <summary>
    /// True: nobody else writes these books while this process has them open. False: other processes append too. Then <see cref="MightContain"/> knows only the keys that this
    /// process has seen, <see cref="Checkpoint"/> can be seconds old as to what others appended, and the append itself decides.
    /// </summary>
    bool IsExclusive { get; }

    /// <summary>The actor's latest snapshot, if any, and all records after it, oldest first.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    /// <exception cref="JournalCorruptException">A record fails its checksum.</exception>
    ValueTask<LoadedActor> LoadAsync(ActorId actor);

    /// <summary>
    /// Queues the batch for the next group commit and returns at once. Calls <see cref="AppendBatch.Completed"/> once, on any thread, when the
    /// outcome of every entry is known; entries of one actor keep their order, within and between batches.
    /// </summary>
    /// <remarks>
    /// An entry whose <see cref="AppendEntry.ExpectedVersion"/> and <see cref="AppendEntry.ExpectedHash"/> are not the actor's is <see cref="AppendOutcome.Stale"/>; one that brings a
    /// unique key the journal has is <see cref="AppendOutcome.Duplicate"/>; neither leaves a trace, and the other entries of the batch
    /// are not affected (except later ones of the same actor, which then are stale themselves). What is written is told in the order in which it was handed over; a batch that is refused at once
    /// (the queue is full, the store is closing) may be told before others that wait.
    /// </remarks>
    void Append(AppendBatch batch);

    /// <summary>
    /// False: no durable record has this key (of those that this process can know of, see <see cref="IsExclusive"/>). True: one may have it; ask
    /// <see cref="FindAsync"/>. Never blocks.
    /// </summary>
    bool MightContain(RequestKey key);

    /// <summary>The newest durable record that carries the key, or null.</summary>
    ValueTask<JournalRecord?> FindAsync(RequestKey key);

    /// <summary>
    /// Up to <paramref name="count"/> (1 to 1000) records of the actor, newest first, before <paramref name="before"/> (a record's position;
    /// 0: from the newest).
    /// </summary>
    ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count);

    /// <summary>Every durable record after the position, in commit order. Reads a stable view: what is appended meanwhile may or may not be included.</summary>
    IEnumerable<JournalRecord> ReadAll(long after);

    /// <summary>
    /// Actors of the range whose wake-up time is at or before the time: at most <paramref name="count"/>, earliest first where that is cheap.
    /// </summary>
    ValueTask<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range);

    /// <summary>Sums of all measures of all durable records, exact as of one position.</summary>
    JournalTotals Totals();

    /// <summary>The size of the tail: what a restart would have to scan.</summary>
    CheckpointState Checkpoint { get; }

    /// <summary>
    /// Actors of the range (at most <paramref name="count"/>) that have records at or before <paramref name="position"/> not covered by a snapshot, in the order
    /// in which the store likes to write snapshots.
    /// </summary>
    IReadOnlyList<ActorId> UnsavedActors(long position, int count, HashRange range);

    /// <summary>
    /// Stores snapshots, in slices between group commits so that appends do not wait long. A snapshot of a version that is not durable
    /// (its append failed) is dropped silently; so is one older than the stored one. A snapshot of the stored version replaces it.
    /// </summary>
    ValueTask SaveSnapshotsAsync(IReadOnlyList<Snapshot> snapshots);

    /// <summary>Moves the start of the tail to <paramref name="position"/> if nothing up to there is unsaved any more; says whether it did.</summary>
    ValueTask<bool> CompleteCheckpointAsync(long position);
}

/// <summary>A range of <see cref="ActorId.StableHash"/>: what one silo of a cluster looks after.</summary>
/// <param name="First">The lowest hash in it.</param>
/// <param name="Last">The highest hash in it.</param>
public readonly record struct HashRange(ulong First, ulong Last)
{
    /// <summary>Every actor.</summary>
    public static HashRange All => new(0, ulong.MaxValue);

    /// <summary>The range of one of <paramref name="shards"/> equal parts.</summary>
    public static HashRange OfShard(int shard, int shards)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, shards);
        return new(Start(shard), shard + 1 == shards ? ulong.MaxValue : Start(shard + 1) - 1);

        ulong Start(int number) => (ulong)((((UInt128)number << 64) + (ulong)(shards - 1)) / (ulong)shards);
    }

    /// <summary>Which of <paramref name="shards"/> equal parts a hash is in: 0 to <paramref name="shards"/> - 1.</summary>
    public static int ShardOf(ulong hash, int shards) => (int)Math.BigMul(hash, (ulong)shards, out _);

    /// <summary>Whether it is in the range.</summary>
    public bool Contains(ulong hash) => hash >= First && hash <= Last;
}

/// <summary>Questions to a journal about every actor.</summary>
public static class JournalExtensions
{
    /// <summary><see cref="IJournal.DueAsync"/> of every actor.</summary>
    public static ValueTask<IReadOnlyList<ActorId>> DueAsync(this IJournal journal, long nowMs, int count) => journal.DueAsync(nowMs, count, HashRange.All);

    /// <summary><see cref="IJournal.UnsavedActors"/> of every actor.</summary>
    public static IReadOnlyList<ActorId> UnsavedActors(this IJournal journal, long position, int count) => journal.UnsavedActors(position, count, HashRange.All);
}

/// <summary>How one entry of a batch ended.</summary>
public enum AppendOutcome : byte
{
    /// <summary>Not known yet.</summary>
    Pending,

    /// <summary>Durable: a crash cannot take it back.</summary>
    Appended,

    /// <summary>The expected version or chain was not the actor's. Nothing was written.</summary>
    Stale,

    /// <summary>A unique key exists already. Nothing was written.</summary>
    Duplicate,

    /// <summary>The store failed (full, I/O error) and the entry is not in it.</summary>
    Failed,

    /// <summary>The store failed and whether the entry is in it is not known: load the actor to see.</summary>
    Unknown,
}

/// <summary>One actor's events, appended whole or not at all.</summary>
/// <remarks>Bytes, keys and measures lie in the batch's shared lists, as ranges, so that a purchase costs no array of its own.</remarks>
public struct AppendEntry
{
    /// <summary>Whose events.</summary>
    public ActorId Actor;

    /// <summary>Its <see cref="ActorId.StableHash"/> if the caller has it at hand; 0: the journal computes it.</summary>
    public ulong ActorHash;

    /// <summary>The actor's version before these events.</summary>
    public long ExpectedVersion;

    /// <summary>
    /// The actor's chain before these events. The version alone does not tell: behind a stale entry another history may have come to the
    /// length that the next entry expects.
    /// </summary>
    public Hash128 ExpectedHash;

    /// <summary>How many events; at least 1.</summary>
    public int EventCount;

    /// <summary>Range of <see cref="AppendBatch.Payload"/> that holds the encoded events.</summary>
    public int PayloadStart, PayloadLength;

    /// <summary>Range of <see cref="AppendBatch.Keys"/>.</summary>
    public int KeyStart, KeyCount;

    /// <summary>Range of <see cref="AppendBatch.Measures"/>.</summary>
    public int MeasureStart, MeasureCount;

    /// <summary>The actor's chain after these events: <see cref="Hash128.Next"/>.</summary>
    public Hash128 Hash;

    /// <summary>When the engine decided, Unix milliseconds.</summary>
    public long RecordedAtMs;

    /// <summary>When the actor wants to be woken, Unix milliseconds; 0: never.</summary>
    public long WakeAtMs;

    /// <summary>Set by the journal before <see cref="AppendBatch.Completed"/>.</summary>
    public AppendOutcome Outcome;

    /// <summary>Set by the journal when appended: the record's position.</summary>
    public long Position;

    /// <summary>For the caller's own use.</summary>
    public object? Tag;
}

/// <summary>Entries of many actors that share a group commit. Owned by the journal from <see cref="IJournal.Append"/> until <see cref="Completed"/> is called.</summary>
public sealed class AppendBatch
{
    /// <summary>The entries, in order.</summary>
    public List<AppendEntry> Entries { get; } = [];

    /// <summary>Encoded events of all entries.</summary>
    public System.Buffers.ArrayBufferWriter<byte> Payload { get; } = new(4096);

    /// <summary>Request keys of all entries.</summary>
    public List<KeyEntry> Keys { get; } = [];

    /// <summary>Measures of all entries.</summary>
    public List<Measure> Measures { get; } = [];

    /// <summary>Called once when all outcomes are known. Must be quick and must not throw.</summary>
    public Action<AppendBatch>? Completed { get; set; }

    /// <summary>Empties the batch for another use.</summary>
    public void Clear()
    {
        Entries.Clear();
        Payload.ResetWrittenCount();
        Keys.Clear();
        Measures.Clear();
    }
}

/// <summary>128-bit hash of a request id, seeded by <see cref="IJournal.KeySeed"/>.</summary>
public readonly record struct RequestKey(ulong High, ulong Low)
{
    /// <summary>XxHash128 of the UTF-8 text <c>scope:id</c> with the books' own seed.</summary>
    /// <param name="scope">What the id names: <c>request</c> for every request id; other words for other uses.</param>
    /// <param name="id">The sender's id.</param>
    /// <param name="seed"><see cref="IJournal.KeySeed"/>.</param>
    public static RequestKey Of(string scope, string id, long seed)
    {
        Span<byte> buffer = stackalloc byte[1024];
        var written = System.Text.Encoding.UTF8.GetBytes(scope, buffer);
        buffer[written++] = (byte)':';
        written += System.Text.Encoding.UTF8.GetBytes(id, buffer[written..]);
        var hash = System.IO.Hashing.XxHash128.HashToUInt128(buffer[..written], seed);
        return new((ulong)(hash >> 64), (ulong)hash);
    }
}

/// <summary>A key that leads to a record.</summary>
/// <param name="Key">The key.</param>
/// <param name="Unique">True: no other record of the journal, of any actor, may have it, for ever. False: the newest record that has it counts.</param>
public readonly record struct KeyEntry(RequestKey Key, bool Unique);

/// <summary>A number that the journal sums over all records: an account's balance, a count of sales.</summary>
/// <param name="Name">At most 100 characters; the names of one set of books are few (hundreds).</param>
/// <param name="Delta">What to add.</param>
public readonly record struct Measure(string Name, long Delta);

/// <summary>A durable record.</summary>
/// <param name="Actor">Whose.</param>
/// <param name="FirstVersion">Version of its first event.</param>
/// <param name="EventCount">How many events it holds.</param>
/// <param name="Position">Its place in commit order.</param>
/// <param name="RecordedAtMs">When the engine decided, Unix milliseconds.</param>
/// <param name="WakeAtMs">When the actor wanted to be woken, Unix milliseconds; 0: never.</param>
/// <param name="Hash">The actor's chain after it.</param>
/// <param name="Events">The encoded events.</param>
public sealed record JournalRecord(
    ActorId Actor, long FirstVersion, int EventCount, long Position, long RecordedAtMs, long WakeAtMs, Hash128 Hash, ReadOnlyMemory<byte> Events)
{
    /// <summary>Version of its last event.</summary>
    public long LastVersion => FirstVersion + EventCount - 1;
}

/// <summary>An actor's whole state at a version.</summary>
/// <param name="Actor">Whose.</param>
/// <param name="Version">After this many events.</param>
/// <param name="Hash">The actor's chain at that version.</param>
/// <param name="WakeAtMs">When it wants to be woken, Unix milliseconds; 0: never.</param>
/// <param name="State">Encoded by the actor's kind.</param>
public sealed record Snapshot(ActorId Actor, long Version, Hash128 Hash, long WakeAtMs, ReadOnlyMemory<byte> State);

/// <summary>What is needed to bring an actor to memory.</summary>
/// <param name="Snapshot">The latest, or null.</param>
/// <param name="Later">Records after it (all of them when there is no snapshot), oldest first.</param>
public sealed record LoadedActor(Snapshot? Snapshot, IReadOnlyList<JournalRecord> Later);

/// <summary>Sums over all durable records.</summary>
/// <param name="Position">As of this record.</param>
/// <param name="Records">How many records there are.</param>
/// <param name="Events">How many events they hold.</param>
/// <param name="Sums">By measure name.</param>
public sealed record JournalTotals(long Position, long Records, long Events, IReadOnlyDictionary<string, long> Sums);

/// <summary>How far snapshots are behind the journal.</summary>
/// <param name="Position">The newest durable record.</param>
/// <param name="TailRecords">Records after the start of the tail.</param>
/// <param name="TailBytes">Their bytes.</param>
/// <param name="UnsavedActors">Actors without a snapshot that covers all their records.</param>
public sealed record CheckpointState(long Position, long TailRecords, long TailBytes, int UnsavedActors);

/// <summary>The store cannot serve now (disk full, I/O error, closing); trying again later is right.</summary>
public sealed class JournalUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The store holds a record that fails its checksum, or is not of a known format. It is never served.</summary>
public sealed class JournalCorruptException(string message) : Exception(message);
