using Loyalty.Runtime.Journal;

namespace Loyalty.Grains.Storage;

/// <summary>Reads all segments, some ahead, builds the index, and takes the newest segment over.</summary>
internal sealed class BooksOpening(RecordStore store, GrainStorageJournalOptions options, long tailStart)
{
    private const int ClaimAttempts = 5;
    private readonly Queue<(int Number, Task<(byte[] Bytes, string? ETag)?> Record)> _ahead = new();
    private Segment? _sealed;
    private int _next = 1;

    public RecordStore Store => store;

    public SegmentCache Cache { get; } = new(store, options.CacheBytes);

    public BooksIndex Index { get; } = new(tailStart);

    public BooksOwner Owner { get; } = new(Guid.NewGuid(), Name());

    public Segment Newest { get; private set; } = Segment.After(null);

    public string? ETag { get; private set; }

    /// <exception cref="JournalUnavailableException">The provider failed, or another process keeps appending.</exception>
    /// <exception cref="JournalCorruptException">A segment is damaged or missing.</exception>
    public async Task OpenAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            await CatchUpAsync().ConfigureAwait(false);
            var claim = Newest.With(Owner.Id, Owner.Name, Newest.Commit + 1, [], [], isSealed: false);
            try
            {
                ETag = await store.WriteAsync(RecordStore.SegmentName(claim.Number), claim.Bytes, ETag).ConfigureAwait(false);
                Newest = claim;
                break;
            }
            catch (Exception e) when (e is not JournalCorruptException)
            {
                if (attempt == ClaimAttempts)
                {
                    throw new JournalUnavailableException(
                        $"The books cannot be taken over: {(Newest.OwnerName.Length == 0 ? "the grain storage refuses to write" : $"{Newest.OwnerName} had them last and may still append")} ({e.Message})", e);
                }
            }
        }

        if (Index.Checkpoint.Position < tailStart)
        {
            throw new JournalCorruptException("The books end before their last checkpoint: their newest segments are missing.");
        }
    }

    private static string Name()
    {
        var name = $"{Environment.MachineName}:{Environment.ProcessId}";
        return name.Length <= 64 ? name : name[..64];
    }

    /// <summary>Reads what is new, up to the segment that is not sealed.</summary>
    private async Task CatchUpAsync()
    {
        var suspect = 0;
        while (true)
        {
            var number = Newest.Number;
            var stored = await NextAsync(number).ConfigureAwait(false);
            if (stored is null)
            {
                // It is made with the first append. There is nothing behind it, or something was taken away.
                if (ETag is not null || suspect == number)
                {
                    throw new JournalCorruptException($"Segment {number} of the books is missing.");
                }

                if (!await AnyAheadAsync().ConfigureAwait(false))
                {
                    return;
                }

                suspect = number;
                continue;
            }

            var segment = Segment.Parse(number, stored.Value.Bytes);
            if (segment.PreviousHash != Newest.PreviousHash || segment.RecordsBefore != Newest.RecordsBefore || !segment.Body.StartsWith(Newest.Body))
            {
                throw new JournalCorruptException($"Segment {number} of the books does not continue the one before: one of them is of another time.");
            }

            await ApplyAsync(segment, Newest.Count).ConfigureAwait(false);
            if (!segment.IsSealed)
            {
                (Newest, ETag) = (segment, stored.Value.ETag);
                if (suspect == number)
                {
                    throw new JournalCorruptException($"Segment {number} of the books is not complete, and there are later ones.");
                }

                if (!await AnyAheadAsync().ConfigureAwait(false))
                {
                    return;
                }

                suspect = number;
                continue;
            }

            _sealed = segment;
            Cache.Put(segment);
            (Newest, ETag) = (Segment.After(_sealed), null);
        }
    }

    private async Task ApplyAsync(Segment segment, int from)
    {
        var entries = new StoredEntry[segment.Count - from];
        Dictionary<LargeBody, byte[]>? large = null;
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = segment.Read(from + i);
            if (entries[i].Large is { } body)
            {
                (large ??= []).Add(body, await body.LoadAsync(store).ConfigureAwait(false));
            }
        }

        Index.Apply(entries, entry => entry.Large is { } body ? large![body] : entry.Inline, isOpening: true);
        if (Index.Keys > options.KeysMax || Index.Actors > options.ActorsMax)
        {
            throw new JournalUnavailableException(
                $"The books have more than {options.KeysMax} request keys or {options.ActorsMax} actors, the bounds of this process: raise {nameof(options.KeysMax)} or {nameof(options.ActorsMax)}, with the memory for it.");
        }
    }

    private async Task<(byte[] Bytes, string? ETag)?> NextAsync(int number)
    {
        // Only the first pass reads ahead; a later one wants what is there now.
        if (_next > number && (_ahead.Count == 0 || _ahead.Peek().Number != number))
        {
            return await store.ReadAsync(RecordStore.SegmentName(number)).ConfigureAwait(false);
        }

        while (_ahead.Count < options.Parallelism)
        {
            _ahead.Enqueue((_next, store.ReadAsync(RecordStore.SegmentName(_next))));
            _next++;
        }

        return await _ahead.Dequeue().Record.ConfigureAwait(false);
    }

    /// <summary>Whether something was read behind the last segment. Then another process went on meanwhile, and reading that segment again shows it; or segments were taken away.</summary>
    private async Task<bool> AnyAheadAsync()
    {
        var any = false;
        while (_ahead.TryDequeue(out var ahead))
        {
            any |= await ahead.Record.ConfigureAwait(false) is not null;
        }

        return any;
    }
}
