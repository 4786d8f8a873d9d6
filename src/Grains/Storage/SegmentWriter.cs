using System.Runtime.InteropServices;
using System.Threading.Channels;
using Loyalty.Domain.Encoding;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage;
using Microsoft.Extensions.Logging;

namespace Loyalty.Grains.Storage;

/// <summary>
/// The one writer of the books. It takes what waits, judges it against what is durable, writes the newest segment anew with it, and tells everyone when the provider's answer is there.
/// The segment's ETag is the fence: who writes the books besides makes the next write fail.
/// </summary>
/// <remarks>
/// After any failed write the segment is read again: its content says whether the write is there. If it is not, it might still come; so the old content is written once
/// more, which changes the ETag, and then it never will. Until that is done nothing else is appended.
/// </remarks>
internal sealed class SegmentWriter : IAsyncDisposable
{
    private static readonly TimeSpan RetryFirst = TimeSpan.FromMilliseconds(100), RetryMax = TimeSpan.FromSeconds(5);
    private readonly RecordStore _store;
    private readonly SegmentCache _cache;
    private readonly BooksIndex _index;
    private readonly GrainStorageJournalOptions _options;
    private readonly BooksOwner _owner;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Queue<AppendBatch> _queue = new();
    private readonly Channel<bool> _work = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly ByteWriter _body = new();
    private readonly Task _running;
    private volatile Segment _newest;
    private volatile Pending? _pending;
    private volatile string? _closed;
    private volatile bool _failing;
    private string? _eTag;
    private long _commit;
    private long _queuedBytes;
    private int _nextEntry;
    private long _boundSaidAt = long.MinValue / 2;

    public SegmentWriter(
        RecordStore store, SegmentCache cache, BooksIndex index, GrainStorageJournalOptions options, BooksOwner owner, Segment newest, string? eTag, ILogger logger)
    {
        (_store, _cache, _index, _options, _owner, _logger) = (store, cache, index, options, owner, logger);
        (_newest, _eTag, _commit) = (newest, eTag, newest.Commit);
        _running = Task.Run(RunAsync);
    }

    /// <summary>The segment that is being filled, as durable.</summary>
    public Segment Newest => _newest;

    /// <summary>Why nothing is read or written any more; null: the journal works.</summary>
    public string? Closed => _closed;

    /// <summary>Group commits written.</summary>
    public long Commits { get; private set; }

    /// <summary>Whether the last append's outcome is open and it brings this key.</summary>
    public bool IsPending(RequestKey key) => _pending is { } pending && pending.Keys.Contains(key);

    /// <summary>Whether the last append's outcome is open and it is of this actor.</summary>
    public bool IsPending(ActorId actor) => _pending is { } pending && pending.Heads.ContainsKey(actor);

    public void Append(AppendBatch batch)
    {
        AppendChecks.Check(batch);
        lock (_gate)
        {
            if (_closed is null && !_failing && !_stop.IsCancellationRequested && _queuedBytes <= _options.QueueBytesMax)
            {
                _queuedBytes += Size(batch);
                _queue.Enqueue(batch);
                _work.Writer.TryWrite(true);
                return;
            }
        }

        AppendChecks.SetAll(batch, AppendOutcome.Failed);
        batch.Completed?.Invoke(batch);
    }

    /// <summary>Writes what waits, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _stop.Cancel();
            _work.Writer.TryComplete();
        }

        await _running.ConfigureAwait(false);
    }

    private static long Size(AppendBatch batch) => batch.Payload.WrittenCount + (batch.Entries.Count * 64L);

    private async Task RunAsync()
    {
        try
        {
            while (await _work.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                _work.Reader.TryRead(out _);
                await WriteWaitingAsync().ConfigureAwait(false);
            }

            await WriteWaitingAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _logger.LogCritical(e, "The writer of the books ended by a defect; the books are closed");
            _closed = "The writer of the books ended by a defect; restart this process.";
        }

        FailWaiting();
    }

    private async Task WriteWaitingAsync()
    {
        while (Gather() is { } commit)
        {
            var outcome = commit.Starts.Count == 0 ? AppendOutcome.Appended : await WriteAsync(commit).ConfigureAwait(false);
            Complete(commit, outcome);
            var wait = RetryFirst;
            while (_pending is not null && _closed is null)
            {
                _failing = true;
                FailWaiting();
                if (!await PauseAsync(wait).ConfigureAwait(false))
                {
                    return;
                }

                wait = wait * 2 < RetryMax ? wait * 2 : RetryMax;
                await SettleAsync().ConfigureAwait(false);
            }

            _failing = false;
            if (_closed is not null)
            {
                FailWaiting();
            }
        }
    }

    private async Task<bool> PauseAsync(TimeSpan time)
    {
        try
        {
            await Task.Delay(time, _stop.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Judges what waits, until the segment is full or nothing waits. Null: nothing waited.</summary>
    private Commit? Gather()
    {
        Commit? commit = null;
        var newest = _newest;
        while (Peek() is { } batch)
        {
            commit ??= new(Segment.Position(newest.Number, newest.Count));
            var entries = CollectionsMarshal.AsSpan(batch.Entries);
            for (; _nextEntry < entries.Length && !IsFull(newest, commit); _nextEntry++)
            {
                ref var entry = ref entries[_nextEntry];
                entry.Position = 0;
                entry.Outcome = Judge(newest, commit, batch, ref entry);
                if (entry.Outcome == AppendOutcome.Pending)
                {
                    commit.Staged.Add((batch, _nextEntry));
                }
            }

            if (_nextEntry < entries.Length)
            {
                break;
            }

            _nextEntry = 0;
            Dequeue();
            commit.Done.Add(batch);
        }

        return commit;
    }

    private bool IsFull(Segment newest, Commit commit) =>
        newest.Bytes.Length + commit.Records.Length >= _options.SegmentBytesMax || newest.Count + commit.Starts.Count >= Segment.RecordsMax;

    private AppendOutcome Judge(Segment newest, Commit commit, AppendBatch batch, ref AppendEntry entry)
    {
        var head = commit.Heads.TryGetValue(entry.Actor, out var staged) ? staged : _index.Find(entry.Actor) ?? default;
        if (entry.ExpectedVersion != head.Version || entry.ExpectedHash != head.Hash)
        {
            return AppendOutcome.Stale;
        }

        var keys = CollectionsMarshal.AsSpan(batch.Keys).Slice(entry.KeyStart, entry.KeyCount);
        var newKeys = 0;
        foreach (ref readonly var key in keys)
        {
            var known = commit.Keys.Contains(key.Key) || _index.Find(key.Key) is not null;
            if (known && key.Unique)
            {
                return AppendOutcome.Duplicate;
            }

            newKeys += known ? 0 : 1;
        }

        if ((newKeys > 0 && _index.Keys + commit.Keys.Count + newKeys > _options.KeysMax)
            || (head.LastPosition == 0 && _index.Actors + commit.NewActors + 1 > _options.ActorsMax))
        {
            SayBound();
            return AppendOutcome.Failed;
        }

        var measures = CollectionsMarshal.AsSpan(batch.Measures).Slice(entry.MeasureStart, entry.MeasureCount);
        _body.Clear();
        StoredEntry.WriteBody(_body, keys, measures, batch.Payload.WrittenSpan.Slice(entry.PayloadStart, entry.PayloadLength));
        if (_body.Length > LargeBody.LengthMax)
        {
            _logger.LogError("An append of {Actor} with {Bytes} bytes is refused: at most {Max}", entry.Actor, _body.Length, LargeBody.LengthMax);
            return AppendOutcome.Failed;
        }

        LargeBody? large = null;
        if (_body.Length > _options.SegmentBytesMax / 4)
        {
            large = LargeBody.Of(_body.Written, _options.SegmentBytesMax);
            commit.Large.Add(large, _body.Written.ToArray());
        }

        commit.Scratch.Clear();
        StoredEntry.Write(commit.Scratch, entry, head.LastPosition, _body.Written, large);
        commit.Starts.Add(commit.Records.Length);
        commit.Records.Bytes(commit.Scratch.Written);
        commit.NewActors += head.LastPosition == 0 ? 1 : 0;
        commit.Heads[entry.Actor] = new(entry.ExpectedVersion + entry.EventCount, entry.Hash, Segment.Position(newest.Number, newest.Count + commit.Starts.Count - 1), false);
        foreach (ref readonly var key in keys)
        {
            commit.Keys.Add(key.Key);
        }

        return AppendOutcome.Pending;
    }

    /// <summary>Says how the staged entries ended.</summary>
    private async Task<AppendOutcome> WriteAsync(Commit commit)
    {
        try
        {
            foreach (var (large, bytes) in commit.Large)
            {
                await large.StoreAsync(_store, bytes).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            // Nothing refers to the parts that were written.
            _logger.LogWarning(e, "Large records could not be written; their appends failed");
            return AppendOutcome.Failed;
        }

        var next = _newest.With(_owner.Id, _owner.Name, ++_commit, commit.Records.Written, commit.Starts, IsFull(_newest, commit));
        try
        {
            Adopt(next, await _store.WriteAsync(RecordStore.SegmentName(next.Number), next.Bytes, _eTag).ConfigureAwait(false), commit.Large);
            return AppendOutcome.Appended;
        }
        catch (Exception e)
        {
            _logger.LogWarning(e, "Segment {Number} of the books was not written, or the answer was lost; it is read again to see", next.Number);
            _pending = new(next, commit.Heads, commit.Keys, commit.Large);
            return await SettleAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Finds out what became of a write without an answer: appended, failed (it never comes), or still unknown.</summary>
    private async Task<AppendOutcome> SettleAsync()
    {
        var pending = _pending!;
        var number = pending.Next.Number;
        try
        {
            var stored = await _store.ReadAsync(RecordStore.SegmentName(number)).ConfigureAwait(false);
            var found = stored is { } record ? Segment.Parse(number, record.Bytes) : null;
            if (found is null && _eTag is not null)
            {
                _closed = $"Segment {number} of the books has disappeared from the grain storage; the books are closed.";
                return AppendOutcome.Unknown;
            }

            if (found is not null && found.Owner != _owner.Id)
            {
                _closed = $"Another process ({found.OwnerName}) writes these books now; this one is closed.";
                _logger.LogError("{Why}", _closed);
                _pending = null;
                // Its content is built on the ETag that the pending write needed: that is in it, or never will be.
                return found.Body.StartsWith(pending.Next.Body) ? AppendOutcome.Appended : AppendOutcome.Failed;
            }

            if (found?.Owner == _owner.Id && found.Commit == pending.Next.Commit)
            {
                Adopt(found, stored!.Value.ETag, pending.Large);
                _pending = null;
                return AppendOutcome.Appended;
            }

            if (found?.Owner == _owner.Id && found.Commit > pending.Next.Commit)
            {
                (_newest, _eTag) = (found, stored!.Value.ETag);
            }
            else
            {
                var again = _newest.With(_owner.Id, _owner.Name, ++_commit, [], [], isSealed: false);
                _eTag = await _store.WriteAsync(RecordStore.SegmentName(number), again.Bytes, stored?.ETag).ConfigureAwait(false);
                _newest = again;
            }

            _pending = null;
            return AppendOutcome.Failed;
        }
        catch (JournalCorruptException e)
        {
            _closed = e.Message;
            _logger.LogCritical(e, "The books are closed");
            return AppendOutcome.Unknown;
        }
        catch (Exception e)
        {
            _logger.LogWarning(e, "What became of the last append is not known yet; nothing is appended until it is");
            return AppendOutcome.Unknown;
        }
    }

    private void Adopt(Segment next, string? eTag, Dictionary<LargeBody, byte[]> large)
    {
        var before = _newest.Count;
        var added = new StoredEntry[next.Count - before];
        for (var i = 0; i < added.Length; i++)
        {
            added[i] = next.Read(before + i);
        }

        // Readers come from the index: what it leads to must be there first.
        if (next.IsSealed)
        {
            _cache.Put(next);
            (_newest, _eTag) = (Segment.After(next), null);
        }
        else
        {
            (_newest, _eTag) = (next, eTag);
        }

        _index.Apply(added, entry => entry.Large is { } body ? large[body] : entry.Inline, isOpening: false);
        Commits++;
    }

    private void Complete(Commit commit, AppendOutcome outcome)
    {
        for (var i = 0; i < commit.Staged.Count; i++)
        {
            var (batch, at) = commit.Staged[i];
            ref var entry = ref CollectionsMarshal.AsSpan(batch.Entries)[at];
            entry.Outcome = outcome;
            entry.Position = outcome == AppendOutcome.Appended ? commit.FirstPosition + i : 0;
        }

        foreach (var batch in commit.Done)
        {
            Complete(batch);
        }
    }

    private void Complete(AppendBatch batch)
    {
        try
        {
            batch.Completed?.Invoke(batch);
        }
        catch (Exception e)
        {
            _logger.LogError(e, "Whoever appended threw when told of it");
        }
    }

    /// <summary>Ends what waits as failed: none of it was written.</summary>
    private void FailWaiting()
    {
        while (Peek() is { } batch)
        {
            var entries = CollectionsMarshal.AsSpan(batch.Entries);
            for (; _nextEntry < entries.Length; _nextEntry++)
            {
                (entries[_nextEntry].Outcome, entries[_nextEntry].Position) = (AppendOutcome.Failed, 0);
            }

            _nextEntry = 0;
            Dequeue();
            Complete(batch);
        }
    }

    private AppendBatch? Peek()
    {
        lock (_gate)
        {
            return _queue.TryPeek(out var batch) ? batch : null;
        }
    }

    private void Dequeue()
    {
        lock (_gate)
        {
            _queuedBytes -= Size(_queue.Dequeue());
        }
    }

    private void SayBound()
    {
        if (Environment.TickCount64 - _boundSaidAt < 60_000)
        {
            return;
        }

        _boundSaidAt = Environment.TickCount64;
        _logger.LogError(
            "The books have {Keys} request keys (at most {KeysMax}) and {Actors} actors (at most {ActorsMax}): appends that bring more fail. Raise "
            + nameof(GrainStorageJournalOptions.KeysMax) + " or " + nameof(GrainStorageJournalOptions.ActorsMax) + " where there is memory for it, or move to another store",
            _index.Keys, _options.KeysMax, _index.Actors, _options.ActorsMax);
    }

    /// <summary>What one write brings.</summary>
    private sealed class Commit(long firstPosition)
    {
        public readonly long FirstPosition = firstPosition;
        public readonly ByteWriter Records = new();
        public readonly ByteWriter Scratch = new();
        public readonly List<int> Starts = [];
        public readonly Dictionary<ActorId, ActorView> Heads = [];
        public readonly HashSet<RequestKey> Keys = [];
        public readonly Dictionary<LargeBody, byte[]> Large = [];
        public readonly List<(AppendBatch Batch, int Entry)> Staged = [];
        public readonly List<AppendBatch> Done = [];
        public int NewActors;
    }

    /// <summary>A write without an answer.</summary>
    private sealed record Pending(Segment Next, Dictionary<ActorId, ActorView> Heads, HashSet<RequestKey> Keys, Dictionary<LargeBody, byte[]> Large);
}

/// <summary>Who has the books open.</summary>
/// <param name="Id">New each time that they are opened.</param>
/// <param name="Name">In words for people, at most 64 characters of ASCII.</param>
internal sealed record BooksOwner(Guid Id, string Name);
