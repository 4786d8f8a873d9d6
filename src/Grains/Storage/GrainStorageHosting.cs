using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NodaTime;
using Orleans.Hosting;
using Orleans.Storage;

namespace Loyalty.Grains.Storage;

/// <summary>Adds the engine to a silo whose books are in a grain storage provider.</summary>
public static class GrainStorageHosting
{
    /// <summary>
    /// Runs the engine's actors on this silo, on books in the grain storage provider of this name. They are opened when the provider is ready and before the silo takes
    /// calls, and closed after its grains are gone. A silo that cannot open them does not start.
    /// </summary>
    /// <param name="silo">The silo. One at a time may have the same books: opening takes them over from the silo that had them.</param>
    /// <param name="provider">The provider's name, as given to <c>AddAzureBlobGrainStorage</c> or another; it checks ETags, and nothing else is stored through it.</param>
    /// <param name="books">The journal's bounds.</param>
    /// <param name="options">The kernel's bounds.</param>
    /// <param name="clock">The engine's clock.</param>
    public static ISiloBuilder AddLoyaltyOnGrainStorage(
        this ISiloBuilder silo, string provider, GrainStorageJournalOptions books, KernelOptions options, IClock clock)
    {
        ArgumentNullException.ThrowIfNull(silo);
        ArgumentException.ThrowIfNullOrEmpty(provider);
        ArgumentNullException.ThrowIfNull(books);
        books.Validate();
        silo.Services.AddKeyedSingleton<IGrainStorageSerializer, BooksRecordSerializer>(provider);
        silo.Services.AddSingleton(services => new SiloBooks(services, provider, books, services.GetRequiredService<ILogger<GrainStorageJournal>>()));
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<SiloBooks>());
        return silo.AddLoyalty(services => services.GetRequiredService<SiloBooks>(), options, clock);
    }
}

/// <summary>The journal of a silo from the making of its services on: it is opened at a stage of the silo's start, when its provider can be used, and until then is not available.</summary>
internal sealed class SiloBooks(IServiceProvider services, string provider, GrainStorageJournalOptions options, ILogger<GrainStorageJournal> logger)
    : IJournal, ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Behind the providers, which start with the application's services, and before grains take calls.</summary>
    private const int Stage = ServiceLifecycleStage.ApplicationServices + 100;
    private volatile GrainStorageJournal? _journal;

    public string Description => _journal?.Description ?? $"grain storage journal '{options.Books}' (not open)";

    public long KeySeed => Journal.KeySeed;

    public bool IsExclusive => true;

    public CheckpointState Checkpoint => Journal.Checkpoint;

    private GrainStorageJournal Journal => _journal ?? throw new JournalUnavailableException("The books are not open yet.");

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe<SiloBooks>(
            Stage,
            async stop =>
            {
                var storage = services.GetKeyedService<IGrainStorage>(provider)
                    ?? throw new JournalUnavailableException($"The silo has no grain storage provider named '{provider}'.");
                _journal = await GrainStorageJournal.OpenAsync(storage, options, logger).WaitAsync(stop).ConfigureAwait(false);
            },
            async _ => await DisposeAsync().ConfigureAwait(false));

    public void Append(AppendBatch batch) => Journal.Append(batch);

    public bool MightContain(RequestKey key) => Journal.MightContain(key);

    public ValueTask<JournalRecord?> FindAsync(RequestKey key) => Journal.FindAsync(key);

    public ValueTask<LoadedActor> LoadAsync(ActorId actor) => Journal.LoadAsync(actor);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count) => Journal.ReadHistoryAsync(actor, before, count);

    public IEnumerable<JournalRecord> ReadAll(long after) => Journal.ReadAll(after);

    public ValueTask<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range) => Journal.DueAsync(nowMs, count, range);

    public JournalTotals Totals() => Journal.Totals();

    public IReadOnlyList<ActorId> UnsavedActors(long position, int count, HashRange range) => Journal.UnsavedActors(position, count, range);

    public ValueTask SaveSnapshotsAsync(IReadOnlyList<Snapshot> snapshots) => Journal.SaveSnapshotsAsync(snapshots);

    public ValueTask<bool> CompleteCheckpointAsync(long position) => Journal.CompleteCheckpointAsync(position);

    public ValueTask DisposeAsync() => _journal?.DisposeAsync() ?? default;
}
