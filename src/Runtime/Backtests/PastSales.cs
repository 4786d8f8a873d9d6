using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Runtime.Backtests;

/// <summary>Something that happened to a member: stored facts, or a request of a file.</summary>
/// <param name="Member">Whose.</param>
/// <param name="DecidedAt">The engine's clock when it was decided.</param>
/// <param name="Facts">The member's stored events; empty: see <paramref name="Request"/>.</param>
/// <param name="Request">A purchase or return of a file; else null.</param>
public readonly record struct PastRecord(string Member, Instant DecidedAt, ReadOnlyMemory<byte> Facts, Request? Request);

/// <summary>What members did, in the order in which the engine decided it. Can be read several times, with the same result.</summary>
public interface IPastSales
{
    /// <summary>Where it comes from, for people.</summary>
    string Description { get; }

    /// <summary>About how many records there are, for progress; 0: not known.</summary>
    long Count { get; }

    /// <summary>Reads from the beginning.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read.</exception>
    /// <exception cref="JournalCorruptException">A record fails a check: what was read before it is sound, but the whole is not.</exception>
    IEnumerable<PastRecord> Read();
}

/// <summary>The members' records of a journal that this process has open, up to the moment of the making.</summary>
public sealed class JournalSales(IJournal journal) : IPastSales
{
    private readonly long _last = journal.Checkpoint.Position;

    /// <inheritdoc />
    public string Description => journal.Description;

    /// <inheritdoc />
    public long Count { get; } = journal.Totals().Records;

    /// <inheritdoc />
    public IEnumerable<PastRecord> Read()
    {
        foreach (var record in journal.ReadAll(0))
        {
            if (record.Position > _last)
            {
                yield break;
            }

            if (record.Actor.Kind == ActorIds.MemberKind)
            {
                yield return PastRecords.Of(record);
            }
        }
    }
}

/// <summary>The members' records of an archive: books that another process may be writing.</summary>
public sealed class ArchiveSales(IJournalArchive archive) : IPastSales
{
    /// <inheritdoc />
    public string Description => archive.Description;

    /// <inheritdoc />
    public long Count { get; } = archive.Totals().Records;

    /// <inheritdoc />
    public IEnumerable<PastRecord> Read()
    {
        // Later readings see no more than the first, so that all passes agree.
        long read = 0;
        foreach (var record in archive.ReadAll(static damage => throw new JournalCorruptException($"position {damage.Position}: {damage.What}. './loyalty verify' says more.")))
        {
            if (++read > Count)
            {
                yield break;
            }

            if (record.Actor.Kind == ActorIds.MemberKind)
            {
                yield return PastRecords.Of(record);
            }
        }
    }
}

internal static class PastRecords
{
    /// <summary>A member's record without the kernel's part.</summary>
    public static PastRecord Of(JournalRecord record)
    {
        var facts = ActorState.KindPart(record.Events.Span, out _);
        return new(record.Actor.Key, Instant.FromUnixTimeMilliseconds(record.RecordedAtMs), record.Events[(record.Events.Length - facts.Length)..], null);
    }
}
