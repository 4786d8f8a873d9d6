namespace Loyalty.Runtime.Journal;

/// <summary>
/// Reads a whole journal from outside, for verification and export: works beside a running engine and on a damaged file, writes nothing.
/// </summary>
public interface IJournalArchive : IDisposable
{
    /// <summary>What is read, in words for people.</summary>
    string Description { get; }

    /// <summary>
    /// Every record in commit order, as of the moment of the call. What fails a check (checksum, framing, the link to the actor's previous
    /// record) is reported and skipped; reading goes on behind it where the framing allows.
    /// </summary>
    IEnumerable<JournalRecord> ReadAll(Action<JournalDamage> onDamage);

    /// <summary>
    /// <see cref="ReadAll"/>, each record with what it takes to write it again elsewhere. Of a key that is not unique, a store may remember only the newest record that has it: the older ones are then given
    /// without it, which leads every look-up to the same record.
    /// </summary>
    IEnumerable<ArchivedRecord> ReadWhole(Action<JournalDamage> onDamage);

    /// <summary><see cref="IJournal.KeySeed"/> of the books.</summary>
    long KeySeed { get; }

    /// <summary>Every snapshot, in the store's own order.</summary>
    IEnumerable<Snapshot> ReadSnapshots(Action<JournalDamage> onDamage);

    /// <summary>The sums that the last commit carries.</summary>
    JournalTotals Totals();
}

/// <summary>A record with all that belongs to it.</summary>
/// <param name="Record">The record.</param>
/// <param name="Before">The actor's chain before it.</param>
/// <param name="Keys">By which it is found.</param>
public sealed record ArchivedRecord(JournalRecord Record, Hash128 Before, IReadOnlyList<KeyEntry> Keys);

/// <summary>Something in the store that is not as it was written.</summary>
/// <param name="Position">The record's position, or the nearest known; 0 when it is not a record.</param>
/// <param name="Actor">Whose, where that can be told.</param>
/// <param name="What">What is wrong, in words.</param>
public sealed record JournalDamage(long Position, ActorId? Actor, string What);
