using System.Collections.Concurrent;
using Loyalty.Grains.Storage;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace Loyalty.Grains.Tests;

/// <summary>What a test has a storage provider do with one write.</summary>
public enum WriteFault
{
    None,

    /// <summary>Nothing is written, and it says so.</summary>
    Refused,

    /// <summary>It is written, and the answer is lost.</summary>
    AnswerLost,

    /// <summary>It is written, the client sends it again after a lost answer, and the second one meets the ETag of the first.</summary>
    SentTwice,

    /// <summary>No answer; it arrives when the test says so.</summary>
    Late,
}

/// <summary>Grain storage in memory that checks ETags as the real providers do, with the troubles of a network.</summary>
public sealed class TestGrainStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<string, (byte[] Bytes, long Version)> _records = new();
    private readonly ConcurrentQueue<Func<Task>> _late = [];
    private long _version;

    /// <summary>Asked for each write, with the record's name.</summary>
    public Func<string, WriteFault>? OnWrite { get; set; }

    /// <summary>Reads fail while it is true.</summary>
    public bool IsUnreadable { get; set; }

    public IEnumerable<string> Names => _records.Keys.Order();

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (IsUnreadable)
        {
            return Task.FromException(new IOException("the test's storage is unreadable"));
        }

        var found = _records.TryGetValue(Name(grainId), out var record);
        ((IGrainState<BooksRecord>)grainState).State = new() { Bytes = found ? [.. record.Bytes] : [] };
        (grainState.ETag, grainState.RecordExists) = (found ? $"{record.Version}" : null, found);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var fault = OnWrite?.Invoke(Name(grainId)) ?? WriteFault.None;
        switch (fault)
        {
            case WriteFault.Refused:
                return Task.FromException(new IOException("the test's storage refuses"));
            case WriteFault.Late:
                _late.Enqueue(() => Write(grainId, grainState));
                return Task.FromException(new TimeoutException("no answer from the test's storage"));
            case WriteFault.AnswerLost:
                return Write(grainId, grainState).ContinueWith(_ => throw new TimeoutException("the answer of the test's storage was lost"), TaskScheduler.Default);
            case WriteFault.SentTwice:
                var eTag = grainState.ETag;
                _ = Write(grainId, grainState);
                grainState.ETag = eTag;
                return Write(grainId, grainState);
            default:
                return Write(grainId, grainState);
        }
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        _records.TryRemove(Name(grainId), out _);
        return Task.CompletedTask;
    }

    /// <summary>The late writes arrive; tells which of them were accepted.</summary>
    public bool[] Arrive()
    {
        var accepted = new List<bool>();
        while (_late.TryDequeue(out var write))
        {
            accepted.Add(write().IsCompletedSuccessfully);
        }

        return [.. accepted];
    }

    public byte[] this[string name]
    {
        get => _records[name].Bytes;
        set => _records[name] = (value, Interlocked.Increment(ref _version));
    }

    public void Remove(string name) => Assert.True(_records.TryRemove(name, out _));

    private Task Write<T>(GrainId grainId, IGrainState<T> grainState)
    {
        lock (_records)
        {
            var found = _records.TryGetValue(Name(grainId), out var record);
            if ((found ? $"{record.Version}" : null) != grainState.ETag)
            {
                return Task.FromException(new InconsistentStateException("another ETag", found ? $"{record.Version}" : null, grainState.ETag));
            }

            var version = Interlocked.Increment(ref _version);
            _records[Name(grainId)] = ([.. ((IGrainState<BooksRecord>)grainState).State!.Bytes], version);
            (grainState.ETag, grainState.RecordExists) = ($"{version}", true);
            return Task.CompletedTask;
        }
    }

    private static string Name(GrainId grainId) => grainId.Key.ToString()!;
}
