using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>The statement of a closed period. Read from the journal, it is the same for ever.</summary>
/// <param name="Pool">The pool's id.</param>
/// <param name="Closed">The period with its sums.</param>
/// <param name="Lines">Every exchange and funding, in order, each with the chain after it.</param>
public sealed record PoolStatement(string Pool, PoolPeriodClosed Closed, IReadOnlyList<(StatementLine Line, string Hash)> Lines)
{
    /// <summary>Lines of a statement that are read, at most: a pool with more in a period needs a shorter period.</summary>
    public const int MaxLines = 2_000_000;
}

/// <summary>Reads statements of pools out of the books.</summary>
internal static class PoolStatements
{
    private const int Page = 1000;

    /// <summary>The statement, or null: no such period was closed.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    /// <exception cref="InvalidOperationException">It has more than <see cref="PoolStatement.MaxLines"/> lines, or its chain is broken.</exception>
    public static async Task<PoolStatement?> ReadAsync(IBooks books, string pool, string period)
    {
        var actor = new ActorId(ActorIds.PoolKind, pool);
        if (await books.FindAsync(PoolKind.PeriodKey(actor, period)).ConfigureAwait(false) is not { } end)
        {
            return null;
        }

        PoolPeriodClosed? closed = null;
        var lines = new List<StatementLine>();
        IReadOnlyList<JournalRecord> page = [end];
        while (page.Count > 0)
        {
            foreach (var record in page)
            {
                if (Add(record, period, lines, ref closed))
                {
                    return Chained(pool, closed!, lines);
                }
            }

            page = page[^1].FirstVersion > 1 ? await books.ReadHistoryAsync(actor, page[^1].Position, Page).ConfigureAwait(false) : [];
        }

        return closed is null ? null : Chained(pool, closed, lines);
    }

    /// <summary>Adds a record's lines, newest first; true: the period begins in it.</summary>
    private static bool Add(JournalRecord record, string period, List<StatementLine> lines, ref PoolPeriodClosed? closed)
    {
        var facts = new List<PoolEvent>();
        var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
        while (!reader.AtEnd)
        {
            facts.Add(PoolCodec.Read(ref reader));
        }

        for (var i = facts.Count - 1; i >= 0; i--)
        {
            if (facts[i] is PoolPeriodClosed over)
            {
                if (closed is not null)
                {
                    return true;
                }

                closed = over.Name == period ? over : null;
            }
            else if (closed is not null && StatementLine.Of(facts[i]) is { } line)
            {
                lines.Add(line);
                if (lines.Count > PoolStatement.MaxLines)
                {
                    throw new InvalidOperationException($"the statement of {period} has more than {PoolStatement.MaxLines} lines; export the books instead");
                }
            }
        }

        return false;
    }

    private static PoolStatement Chained(string pool, PoolPeriodClosed closed, List<StatementLine> lines)
    {
        lines.Reverse();
        var chained = new List<(StatementLine, string)>(lines.Count);
        var hash = closed.Period.OpeningHash;
        foreach (var line in lines)
        {
            hash = line.HashAfter(hash);
            chained.Add((line, hash));
        }

        return hash == closed.Period.ClosingHash && lines.Count == closed.Period.Lines
            ? new(pool, closed, chained)
            : throw new InvalidOperationException($"the chain of the statement of pool {pool} for {closed.Name} does not end where the pool says: the books are damaged");
    }
}
