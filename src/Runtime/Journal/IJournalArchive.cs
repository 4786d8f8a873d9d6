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

    /// <summary>Every snapshot, in the store's own order.</summary>
    IEnumerable<Snapshot> ReadSnapshots(Action<JournalDamage> onDamage);

    /// <summary>The sums that the last commit carries.</summary>
    JournalTotals Totals();
}

/// <summary>Something in the store that is not as it was written.</summary>
/// <param name="Position">The record's position, or the nearest known; 0 when it is not a record.</param>
/// <param name="Actor">Whose, where that can be told.</param>
/// <param name="What">What is wrong, in words.</param>
public sealed record JournalDamage(long Position, ActorId? Actor, string What);
