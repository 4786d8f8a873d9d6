using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Questions to the books that no single actor answers. A gateway that has no journal of its own asks a silo.</summary>
public interface IBooks
{
    /// <summary>What store the books are in, for people.</summary>
    string Description { get; }

    /// <summary>Who recorded the request of this id, durably; null: nobody.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    ValueTask<ActorId?> FindActorAsync(string requestId);

    /// <summary>The record in which the request of this id was decided; null: nobody decided one.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    ValueTask<JournalRecord?> FindAsync(string requestId);

    /// <summary><see cref="LiabilityReader.ReadAsync"/>.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    ValueTask<LiabilityReport?> LiabilityAsync(TimeSpan patience);

    /// <summary><see cref="IJournal.ReadHistoryAsync"/>.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count);

    /// <summary><see cref="IJournal.Totals"/>.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    ValueTask<JournalTotals> TotalsAsync();

    /// <summary><see cref="IJournal.Checkpoint"/>.</summary>
    /// <exception cref="JournalUnavailableException">No silo can be asked now.</exception>
    ValueTask<CheckpointState> CheckpointAsync();
}

/// <summary>The books in a journal of this process.</summary>
public sealed class JournalBooks(IJournal journal) : IBooks
{
    /// <inheritdoc />
    public string Description => journal.Description;

    internal IJournal Journal => journal;

    /// <summary>What members did until now, for trials of campaigns. Reads nothing yet.</summary>
    public Backtests.IPastSales ReadSales() => new Backtests.JournalSales(journal);

    /// <inheritdoc />
    public async ValueTask<ActorId?> FindActorAsync(string requestId) => (await FindAsync(requestId).ConfigureAwait(false))?.Actor;

    /// <inheritdoc />
    public async ValueTask<JournalRecord?> FindAsync(string requestId)
    {
        var key = RequestKey.Of(KeyScopes.Request, requestId, journal.KeySeed);
        return !journal.IsExclusive || journal.MightContain(key) ? await journal.FindAsync(key).ConfigureAwait(false) : null;
    }

    /// <inheritdoc />
    public ValueTask<LiabilityReport?> LiabilityAsync(TimeSpan patience) => LiabilityReader.Of(journal).ReadAsync(patience);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count) => journal.ReadHistoryAsync(actor, before, count);

    /// <summary>A journal that is shared asks its server: not on the caller's thread.</summary>
    public ValueTask<JournalTotals> TotalsAsync() => journal.IsExclusive ? new(journal.Totals()) : new(Task.Run(journal.Totals));

    /// <inheritdoc />
    public ValueTask<CheckpointState> CheckpointAsync() => new(journal.Checkpoint);
}
