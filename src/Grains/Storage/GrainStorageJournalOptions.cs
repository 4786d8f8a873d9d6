using System.Text.RegularExpressions;

namespace Loyalty.Grains.Storage;

/// <summary>Bounds of a <see cref="GrainStorageJournal"/>.</summary>
public sealed partial record GrainStorageJournalOptions
{
    /// <summary>Names the books within the storage provider: 1 to 40 characters of <c>a-z</c>, <c>0-9</c> and <c>-</c>.</summary>
    public string Books { get; init; } = "main";

    /// <summary>
    /// Bytes at which a segment is sealed and the next begun: 1024 to 4 MiB, 256 KiB by default. Each group commit writes the newest segment anew, so this bounds the
    /// bytes of one write and of one read. A stored record can be a quarter larger, and a third more when the provider's serializer writes text:
    /// at most 512 KiB on Azure tables, whose rows hold 960 KiB.
    /// </summary>
    public int SegmentBytesMax { get; init; } = 256 << 10;

    /// <summary>Bytes of events that wait for the writer: 64 KiB to 1 GiB, 64 MiB by default. Beyond it appends end as failed at once.</summary>
    public long QueueBytesMax { get; init; } = 64 << 20;

    /// <summary>Bytes of segments kept in memory for reading: 0 to 8 GiB, 64 MiB by default.</summary>
    public long CacheBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Request keys that these books may have: 1 000 to 500 million, 20 million by default. All of them are in memory (see the operating guide for bytes each). At the bound every
    /// append that brings a new key fails, and the log says why.
    /// </summary>
    public long KeysMax { get; init; } = 20_000_000;

    /// <summary>Actors that these books may have: 100 to 100 million, 3 million by default. All of their heads are in memory. At the bound appends of new actors fail.</summary>
    public int ActorsMax { get; init; } = 3_000_000;

    /// <summary>How long one call of the storage provider may take, its own retries included: 100 ms to 10 minutes, 30 s by default. Then its answer counts as lost.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Reads and snapshot writes under way at once: 1 to 256, 16 by default.</summary>
    public int Parallelism { get; init; } = 16;

    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    internal void Validate()
    {
        if (!BooksName().IsMatch(Books))
        {
            throw new ArgumentException($"{nameof(Books)} has 1 to 40 characters of a-z, 0-9 and '-'.");
        }

        InRange(SegmentBytesMax, 1024, 4 << 20, nameof(SegmentBytesMax));
        InRange(QueueBytesMax, 64 << 10, 1L << 30, nameof(QueueBytesMax));
        InRange(CacheBytes, 0, 8L << 30, nameof(CacheBytes));
        InRange(KeysMax, 1000, 500_000_000, nameof(KeysMax));
        InRange(ActorsMax, 100, 100_000_000, nameof(ActorsMax));
        InRange((long)Timeout.TotalMilliseconds, 100, 600_000, nameof(Timeout) + " (milliseconds)");
        InRange(Parallelism, 1, 256, nameof(Parallelism));
    }

    private static void InRange(long value, long min, long max, string name)
    {
        if (value < min || value > max)
        {
            throw new ArgumentException($"{name} is {value}; it must be {min} to {max}.");
        }
    }

    [GeneratedRegex("^[a-z0-9-]{1,40}$")]
    private static partial Regex BooksName();
}
