using Loyalty.Runtime.Journal;
using Orleans.Storage;

namespace Loyalty.Grains.Storage;

/// <summary>The books' records in the storage provider: by name, each call bounded in time, reads bounded in number.</summary>
internal sealed class RecordStore : IDisposable
{
    private const string StateName = "books";
    private static readonly GrainType Type = GrainType.Create("loyalty.books");
    private readonly IGrainStorage _storage;
    private readonly GrainStorageJournalOptions _options;
    private readonly SemaphoreSlim _readers;

    public RecordStore(IGrainStorage storage, GrainStorageJournalOptions options) =>
        (_storage, _options, _readers) = (storage, options, new(options.Parallelism));

    /// <summary>Provider calls that wrote, and their bytes.</summary>
    public long Writes, BytesWritten;

    public static string SegmentName(int number) => $"segment-{number:d8}";

    /// <summary>The record with its ETag, or null if there is none.</summary>
    /// <exception cref="JournalUnavailableException">The provider failed.</exception>
    public async Task<(byte[] Bytes, string? ETag)?> ReadAsync(string name)
    {
        await _readers.WaitAsync().ConfigureAwait(false);
        try
        {
            var state = new GrainState<BooksRecord>(new BooksRecord());
            await Bounded(_storage.ReadStateAsync(StateName, Id(name), state)).ConfigureAwait(false);
            return state is { RecordExists: true, State: { } record } ? (record.Bytes, state.ETag) : null;
        }
        catch (Exception e) when (e is not JournalUnavailableException)
        {
            throw new JournalUnavailableException($"The grain storage of the books cannot read {name}: {e.Message}", e);
        }
        finally
        {
            _readers.Release();
        }
    }

    /// <summary>
    /// Writes the record if its ETag is still this one (null: if there is none yet); returns the new one. Any exception leaves open whether it was or will be written: also a refusal for
    /// its ETag, for the provider's client may have sent it twice.
    /// </summary>
    public async Task<string?> WriteAsync(string name, byte[] bytes, string? eTag)
    {
        // A state of its own for each call: one that is given up may still be under way, and changes it later.
        var state = new GrainState<BooksRecord>(new BooksRecord { Bytes = bytes }, eTag) { RecordExists = eTag is not null };
        await Bounded(_storage.WriteStateAsync(StateName, Id(name), state)).ConfigureAwait(false);
        Interlocked.Increment(ref Writes);
        Interlocked.Add(ref BytesWritten, bytes.Length);
        return state.ETag;
    }

    /// <summary>Deletes the record if it is there.</summary>
    public async Task ClearAsync(string name)
    {
        if (await ReadAsync(name).ConfigureAwait(false) is { } stored)
        {
            var state = new GrainState<BooksRecord>(new BooksRecord(), stored.ETag) { RecordExists = true };
            await Bounded(_storage.ClearStateAsync(StateName, Id(name), state)).ConfigureAwait(false);
        }
    }

    public void Dispose() => _readers.Dispose();

    private async Task Bounded(Task call)
    {
        try
        {
            await call.WaitAsync(_options.Timeout).ConfigureAwait(false);
        }
        catch (TimeoutException) when (!call.IsCompleted)
        {
            // Whatever becomes of it is not of interest any more.
            _ = call.ContinueWith(static done => done.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            throw;
        }
    }

    private GrainId Id(string name) => GrainId.Create(Type, $"{_options.Books}/{name}");
}
