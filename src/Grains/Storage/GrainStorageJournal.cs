using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Storage;

namespace Loyalty.Grains.Storage;

/// <summary>
/// Books in any Orleans grain storage: Azure blobs or tables through the official providers. They are a sequence of segments, each the state of one grain id; a group commit
/// writes the newest one anew with its ETag. One process at a time: whoever opens the books takes them over, and the one before is closed at its next append.
/// </summary>
/// <remarks>
/// Thread safe. In memory: the head of each actor, each request key with its place, the sums; both are bounded by the options. Events are read from the storage when they are
/// wanted, a segment at a time, through a cache. Opening reads every segment.
/// An append whose answer was lost is settled by reading the segment again; if that fails too it ends as <see cref="AppendOutcome.Unknown"/>, appends fail at once and its actors
/// cannot be loaded until it is settled.
/// </remarks>
public sealed class GrainStorageJournal : IJournal
{
    private readonly IGrainStorage _storage;
    private readonly GrainStorageJournalOptions _options;
    private readonly RecordStore _store;
    private readonly SegmentCache _cache;
    private readonly SnapshotStore _snapshots;
    private readonly BooksIndex _index;
    private readonly SegmentWriter _writer;
    private readonly SemaphoreSlim _headGate = new(1);
    private volatile bool _disposed;

    private GrainStorageJournal(IGrainStorage storage, GrainStorageJournalOptions options, BooksOpening opened, long keySeed, ILogger logger)
    {
        (_storage, _options, KeySeed) = (storage, options, keySeed);
        (_store, _cache, _index) = (opened.Store, opened.Cache, opened.Index);
        _snapshots = new(_store, options.SegmentBytesMax);
        _writer = new(_store, _cache, _index, options, opened.Owner, opened.Newest, opened.ETag, logger);
    }

    /// <inheritdoc />
    public string Description => $"grain storage journal '{_options.Books}' on {_storage.GetType().Name}";

    /// <inheritdoc />
    public long KeySeed { get; }

    /// <inheritdoc />
    public bool IsExclusive => true;

    /// <inheritdoc />
    public CheckpointState Checkpoint => _index.Checkpoint;

    internal RecordStore Store => _store;

    internal SegmentWriter Writer => _writer;

    internal BooksIndex Index => _index;

    /// <summary>Opens the books, or begins them, and takes them over from whoever had them open.</summary>
    /// <param name="storage">A provider that checks ETags and is ready for use; not disposed.</param>
    /// <param name="options">Bounds; the name of the books.</param>
    /// <param name="logger">For failures.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="JournalUnavailableException">The provider failed, or another process keeps appending.</exception>
    /// <exception cref="JournalCorruptException">The books are damaged, incomplete, or of another format.</exception>
    public static async Task<GrainStorageJournal> OpenAsync(IGrainStorage storage, GrainStorageJournalOptions options, ILogger<GrainStorageJournal>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        logger ??= NullLogger<GrainStorageJournal>.Instance;
        var store = new RecordStore(storage, options);
        try
        {
            var head = await BooksHead.OpenAsync(store).ConfigureAwait(false);
            var opening = new BooksOpening(store, options, head.TailStart);
            await opening.OpenAsync().ConfigureAwait(false);
            return new(storage, options, opening, head.KeySeed, logger);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public void Append(AppendBatch batch) => _writer.Append(batch);

    /// <inheritdoc />
    public bool MightContain(RequestKey key) => _writer.IsPending(key) || _index.Find(key) is not null;

    /// <inheritdoc />
    public async ValueTask<JournalRecord?> FindAsync(RequestKey key)
    {
        ThrowIfClosed();
        if (_writer.IsPending(key))
        {
            throw Unsettled();
        }

        return _index.Find(key) is { } position ? await WithEventsAsync(await EntryAsync(position).ConfigureAwait(false)).ConfigureAwait(false) : null;
    }

    /// <inheritdoc />
    public async ValueTask<LoadedActor> LoadAsync(ActorId actor)
    {
        AppendChecks.CheckActor(actor);
        ThrowIfClosed();
        // Asked before the head is looked at: between settling and the look the head only gains.
        if (_writer.IsPending(actor))
        {
            throw Unsettled();
        }

        if (_index.Find(actor) is not { } early)
        {
            return new(null, []);
        }

        // The snapshot first: then the head is not older than it.
        var snapshot = early.NeverSaved ? null : await _snapshots.LoadAsync(actor).ConfigureAwait(false);
        var head = _index.Find(actor)!.Value;
        if (snapshot is not null && snapshot.Version > head.Version)
        {
            throw new JournalCorruptException($"The snapshot of {actor} is of version {snapshot.Version}, and the books end at {head.Version}: segments are missing.");
        }

        var later = new List<JournalRecord>();
        for (var position = head.LastPosition; position != 0;)
        {
            var entry = await EntryAsync(position).ConfigureAwait(false);
            if (entry.Head.LastVersion <= (snapshot?.Version ?? 0))
            {
                break;
            }

            later.Add(await WithEventsAsync(entry).ConfigureAwait(false));
            position = entry.Previous;
        }

        later.Reverse();
        return new(snapshot, later);
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count)
    {
        AppendChecks.CheckActor(actor);
        AppendChecks.CheckCount(count);
        ThrowIfClosed();
        var position = before == 0 ? _index.Find(actor)?.LastPosition ?? 0 : await PreviousOfAsync(actor, before).ConfigureAwait(false);
        var page = new List<JournalRecord>();
        while (position != 0 && page.Count < count)
        {
            var entry = await EntryAsync(position).ConfigureAwait(false);
            page.Add(await WithEventsAsync(entry).ConfigureAwait(false));
            position = entry.Previous;
        }

        return page;
    }

    /// <inheritdoc />
    public IEnumerable<JournalRecord> ReadAll(long after)
    {
        ThrowIfClosed();
        var end = _index.Checkpoint.Position;
        for (var number = Math.Max(1, Segment.NumberOf(after)); number <= Segment.NumberOf(end); number++)
        {
            var current = number;
            var segment = Task.Run(() => SegmentAsync(current).AsTask()).GetAwaiter().GetResult();
            for (var index = 0; index < segment.Count; index++)
            {
                var position = Segment.Position(number, index);
                if (position > after && position <= end)
                {
                    var entry = segment.Read(index);
                    yield return entry.Large is null
                        ? entry.Head with { Events = StoredEntry.ReadBody(entry.Inline).Events }
                        : Task.Run(() => WithEventsAsync(entry).AsTask()).GetAwaiter().GetResult();
                }
            }
        }
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range)
    {
        ThrowIfClosed();
        return new(_index.Due(nowMs, count, range));
    }

    /// <inheritdoc />
    public JournalTotals Totals() => _index.Totals();

    /// <inheritdoc />
    public IReadOnlyList<ActorId> UnsavedActors(long position, int count, HashRange range) => _index.Unsaved(position, count, range);

    /// <inheritdoc />
    public async ValueTask SaveSnapshotsAsync(IReadOnlyList<Snapshot> snapshots)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        ThrowIfClosed();
        await Parallel.ForEachAsync(snapshots, new ParallelOptions { MaxDegreeOfParallelism = _options.Parallelism }, async (snapshot, _) => await SaveAsync(snapshot).ConfigureAwait(false))
            .ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask<bool> CompleteCheckpointAsync(long position)
    {
        ThrowIfClosed();
        await _headGate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!_index.IsSaved(position))
            {
                return false;
            }

            await BooksHead.MoveTailAsync(_store, position).ConfigureAwait(false);
            _index.MoveTail(position);
            return true;
        }
        finally
        {
            _headGate.Release();
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            await _writer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask SaveAsync(Snapshot snapshot)
    {
        if (_index.Find(snapshot.Actor) is not { } head || snapshot.Version > head.Version)
        {
            return;
        }

        _index.Saving(snapshot.Actor);
        var version = await _snapshots.SaveAsync(snapshot, head.NeverSaved).ConfigureAwait(false);
        if (version != snapshot.Version || _index.TrySaved(snapshot.Actor, version, snapshot.WakeAtMs))
        {
            return;
        }

        // The actor has gone on meanwhile: find its first record that the snapshot lacks.
        var first = 0L;
        for (var position = _index.Find(snapshot.Actor)!.Value.LastPosition; position != 0;)
        {
            var entry = await EntryAsync(position).ConfigureAwait(false);
            if (entry.Head.LastVersion <= version)
            {
                break;
            }

            (first, position) = (position, entry.Previous);
        }

        _index.SavedUntil(snapshot.Actor, first);
    }

    private async ValueTask<long> PreviousOfAsync(ActorId actor, long before)
    {
        if (before > 0 && before <= _index.Checkpoint.Position)
        {
            var segment = await SegmentAsync(Segment.NumberOf(before)).ConfigureAwait(false);
            if (Segment.IndexOf(before) is var index && index >= 0 && index < segment.Count && segment.Read(index) is var entry && entry.Head.Actor == actor)
            {
                return entry.Previous;
            }
        }

        throw new ArgumentException($"Position {before} is not a record of {actor}.", nameof(before));
    }

    private async ValueTask<StoredEntry> EntryAsync(long position) =>
        (await SegmentAsync(Segment.NumberOf(position)).ConfigureAwait(false)).Read(Segment.IndexOf(position));

    private ValueTask<Segment> SegmentAsync(int number) => _writer.Newest is var newest && newest.Number == number ? new(newest) : _cache.GetAsync(number);

    private async ValueTask<JournalRecord> WithEventsAsync(StoredEntry entry) =>
        entry.Head with { Events = StoredEntry.ReadBody(entry.Large is null ? entry.Inline : await entry.Large.LoadAsync(_store).ConfigureAwait(false)).Events };

    private void ThrowIfClosed()
    {
        if (_disposed)
        {
            throw new JournalUnavailableException("The grain storage journal is closed.");
        }

        if (_writer.Closed is { } why)
        {
            throw new JournalUnavailableException(why);
        }
    }

    private static JournalUnavailableException Unsettled() => new("What became of the last append of this actor is not known yet; again later.");
}
