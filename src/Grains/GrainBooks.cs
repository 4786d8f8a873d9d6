using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Grains;

/// <summary>The books as a gateway of its own sees them: it asks any silo, and another when that one fails.</summary>
public sealed class GrainBooks(IGrainFactory grains) : IBooks
{
    /// <summary>The key of every <see cref="IBooksGrain"/>.</summary>
    public const string Key = "main";

    private const int Attempts = 5;

    private string _description = "books of the cluster";

    /// <inheritdoc />
    public string Description => _description;

    private IBooksGrain Grain => grains.GetGrain<IBooksGrain>(Key);

    /// <summary>Learns what store the cluster has.</summary>
    public async Task StartAsync() => _description = await AskAsync(grain => grain.Describe()).ConfigureAwait(false);

    /// <summary><see cref="IBooksGrain.CountProgramVersions"/>.</summary>
    public ValueTask<int> CountProgramVersionsAsync() => AskAsync(grain => grain.CountProgramVersions());

    /// <inheritdoc />
    public ValueTask<ActorId?> FindActorAsync(string requestId) => AskAsync(grain => grain.FindActor(requestId));

    /// <inheritdoc />
    public ValueTask<JournalRecord?> FindAsync(string requestId) => AskAsync(grain => grain.Find(requestId));

    /// <inheritdoc />
    public async ValueTask<LiabilityReport?> LiabilityAsync(TimeSpan patience)
    {
        // A call must not take long; the report is made between them.
        var call = TimeSpan.FromSeconds(2);
        for (var waited = TimeSpan.Zero; ; waited += call)
        {
            var report = await RetryAsync(() => grains.GetGrain<IReportsGrain>(Key).ReadLiability(call)).ConfigureAwait(false);
            if (report is not null || waited >= patience)
            {
                return report;
            }
        }
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count) => AskAsync(grain => grain.ReadHistory(actor, before, count));

    /// <inheritdoc />
    public ValueTask<JournalTotals> TotalsAsync() => AskAsync(grain => grain.ReadTotals());

    /// <inheritdoc />
    public ValueTask<CheckpointState> CheckpointAsync() => AskAsync(grain => grain.ReadCheckpoint());

    private ValueTask<T> AskAsync<T>(Func<IBooksGrain, ValueTask<T>> ask) => RetryAsync(() => ask(Grain));

    private static async ValueTask<T> RetryAsync<T>(Func<ValueTask<T>> ask)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                if (attempt == Attempts)
                {
                    throw new JournalUnavailableException("no silo of the cluster answers", e);
                }

                await Task.Delay(100 << attempt).ConfigureAwait(false);
            }
        }
    }
}
