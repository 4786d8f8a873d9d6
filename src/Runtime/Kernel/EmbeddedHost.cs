using System.Diagnostics;
using Loyalty.Runtime.Journal;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Runtime.Kernel;

/// <summary>Decides which thread runs a shard. The simulator has one of its own.</summary>
public interface IShardScheduler
{
    /// <summary>Executes the item once, soon, on some thread.</summary>
    void Schedule(IThreadPoolWorkItem item);
}

/// <summary>The .NET thread pool.</summary>
public sealed class ThreadPoolScheduler : IShardScheduler
{
    /// <inheritdoc />
    public void Schedule(IThreadPoolWorkItem item) => ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false);
}

/// <summary>Delivers commands to actors, wherever they live.</summary>
public interface IActorHost
{
    /// <summary>What kind of host this is, for people: <c>embedded, 4 shards</c>.</summary>
    string Description { get; }

    /// <summary>Sends one command; its observer is told when it ends.</summary>
    void Send(Command command);

    /// <summary>Sends commands; those of one actor keep their order.</summary>
    void Send(ReadOnlySpan<Command> commands);
}

/// <summary>
/// Runs actors in this process, without Orleans: shards over a journal, with the background work (wake-ups, checkpoints). The same kernel and the same
/// behaviour as under Orleans.
/// </summary>
public sealed class EmbeddedHost : IActorHost, IAsyncDisposable
{
    private readonly IJournal _journal;
    private readonly KernelOptions _options;
    private readonly ILogger _logger;
    private readonly Shard[] _shards;
    private readonly CancellationTokenSource _stopping = new();
    private Task _background = Task.CompletedTask;
    private long _checkpointedAtMs;
    private long _checkpoints;

    /// <param name="journal">Where the events rest; not disposed by the host.</param>
    /// <param name="kinds">What runs here.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="clock">The engine's clock.</param>
    /// <param name="scheduler">Runs the shards.</param>
    /// <param name="logger">For failures.</param>
    public EmbeddedHost(
        IJournal journal, IEnumerable<ActorKind> kinds, KernelOptions options, IClock clock, IShardScheduler scheduler, ILogger<EmbeddedHost> logger)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Shards, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Shards, 256);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxInFlightPerShard, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBatch, 1);
        _journal = journal;

        // A slice of a checkpoint, or of wake-ups, that no queue can take would never end.
        _options = options with
        {
            CheckpointSlice = Math.Min(options.CheckpointSlice, options.MaxQueuedPerShard),
            WakeBatch = Math.Min(options.WakeBatch, options.MaxQueuedPerShard),
        };
        _logger = logger;
        Clock = clock;
        Scheduler = scheduler;
        var byName = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
        _shards = new Shard[options.Shards];
        for (var i = 0; i < _shards.Length; i++)
        {
            _shards[i] = new Shard(this, journal, byName, options, logger);
        }

        _checkpointedAtMs = clock.GetCurrentInstant().ToUnixTimeMilliseconds();
    }

    /// <inheritdoc />
    public string Description => $"embedded host without Orleans, {_shards.Length} shards in one process";

    internal IClock Clock { get; }

    internal IShardScheduler Scheduler { get; }

    /// <summary>Figures of all shards together.</summary>
    public ShardFigures Figures
    {
        get
        {
            var sum = default(ShardFigures);
            foreach (var shard in _shards)
            {
                var one = shard.Figures;
                sum = new(
                    sum.Queued + one.Queued, sum.Actors + one.Actors, sum.ActorBytes + one.ActorBytes, sum.InFlight + one.InFlight,
                    sum.Decided + one.Decided, sum.Loaded + one.Loaded, sum.Passivated + one.Passivated);
            }

            return sum;
        }
    }

    /// <summary>Checkpoints completed since the start.</summary>
    public long Checkpoints => Volatile.Read(ref _checkpoints);

    /// <inheritdoc />
    public void Send(Command command) => _shards[ShardOf(command.Target)].Post(command);

    /// <inheritdoc />
    public void Send(ReadOnlySpan<Command> commands)
    {
        if (commands.Length == 1)
        {
            Send(commands[0]);
            return;
        }

        Span<int> counts = stackalloc int[_shards.Length];
        counts.Clear();
        var places = System.Buffers.ArrayPool<byte>.Shared.Rent(commands.Length);
        for (var i = 0; i < commands.Length; i++)
        {
            var shard = ShardOf(commands[i].Target);
            places[i] = (byte)shard;
            counts[shard]++;
        }

        for (var shard = 0; shard < _shards.Length; shard++)
        {
            if (counts[shard] == 0)
            {
                continue;
            }

            var mine = new Command[counts[shard]];
            for (int i = 0, at = 0; at < mine.Length; i++)
            {
                if (places[i] == shard)
                {
                    mine[at++] = commands[i];
                }
            }

            _shards[shard].Post(mine);
        }

        System.Buffers.ArrayPool<byte>.Shared.Return(places);
    }

    /// <summary>Starts wake-ups and checkpoints in the background, until the host is disposed.</summary>
    public void StartBackground() => _background = Task.WhenAll(WakeLoopAsync(), CheckpointLoopAsync());

    /// <summary>Wakes every actor that is due; returns how many.</summary>
    public async Task<int> WakeDueAsync()
    {
        var woken = 0;
        while (!_stopping.IsCancellationRequested)
        {
            var due = await _journal.DueAsync(Clock.GetCurrentInstant().ToUnixTimeMilliseconds(), _options.WakeBatch).ConfigureAwait(false);
            if (due.Count == 0)
            {
                break;
            }

            var results = await this.AskAllAsync([.. due.Select(actor => new WakeCommand(actor))]).ConfigureAwait(false);
            var unchanged = results.Select(result => result.Reply).OfType<Snapshot>().ToArray();
            if (unchanged.Length > 0)
            {
                // Nothing was due after all (another program version is in force, say): the index learns the time that holds now.
                await _journal.SaveSnapshotsAsync(unchanged).ConfigureAwait(false);
            }

            woken += due.Count;
            if (due.Count < _options.WakeBatch || Array.Exists(results, result => result.Status != CommandStatus.Done))
            {
                break;
            }
        }

        return woken;
    }

    /// <summary>Takes snapshots of all actors that the tail of the journal is about, so that a restart has less to read.</summary>
    /// <returns>Whether the tail begins later now.</returns>
    public async Task<bool> CheckpointAsync()
    {
        var position = _journal.Checkpoint.Position;
        var unsaved = _journal.UnsavedActors(position, int.MaxValue);
        for (var from = 0; from < unsaved.Count && !_stopping.IsCancellationRequested; from += _options.CheckpointSlice)
        {
            var slice = unsaved.Skip(from).Take(_options.CheckpointSlice).Select(actor => new SnapshotCommand(actor)).ToArray();
            var results = await this.AskAllAsync(slice).ConfigureAwait(false);
            await _journal.SaveSnapshotsAsync([.. results.Select(result => result.Reply).OfType<Snapshot>()]).ConfigureAwait(false);
        }

        var moved = await _journal.CompleteCheckpointAsync(position).ConfigureAwait(false);
        _checkpointedAtMs = Clock.GetCurrentInstant().ToUnixTimeMilliseconds();
        if (moved)
        {
            Interlocked.Increment(ref _checkpoints);
        }

        return moved;
    }

    /// <summary>Ends the background work. Commands under way still end.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _background.ConfigureAwait(false);
        _stopping.Dispose();
    }

    // Contiguous ranges of the hash: a shard's actors lie together in stores that are ordered by it.
    private int ShardOf(ActorId actor) => (int)(((actor.StableHash() >> 32) * (ulong)_shards.Length) >> 32);

    private async Task WakeLoopAsync() => await LoopAsync(_options.WakeInterval, "wake-up", async () => await WakeDueAsync().ConfigureAwait(false)).ConfigureAwait(false);

    private async Task CheckpointLoopAsync() =>
        await LoopAsync(TimeSpan.FromMilliseconds(500), "checkpoint", async () =>
        {
            var state = _journal.Checkpoint;
            var age = Clock.GetCurrentInstant().ToUnixTimeMilliseconds() - _checkpointedAtMs;
            if (state.TailRecords >= _options.CheckpointRecords || state.TailBytes >= _options.CheckpointBytes
                || (state.TailRecords > 0 && age >= _options.CheckpointInterval.TotalMilliseconds))
            {
                var started = Stopwatch.GetTimestamp();
                var moved = await CheckpointAsync().ConfigureAwait(false);
                _logger.LogInformation(
                    "Checkpoint of {Records} records, {Actors} actors in {Seconds:0.0} s{Result}",
                    state.TailRecords, state.UnsavedActors, Stopwatch.GetElapsedTime(started).TotalSeconds, moved ? "" : "; not complete, again later");
            }
        }).ConfigureAwait(false);

    private async Task LoopAsync(TimeSpan interval, string what, Func<Task> step)
    {
        using var timer = new PeriodicTimer(interval);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false))
            {
                try
                {
                    await step().ConfigureAwait(false);
                }
                catch (JournalUnavailableException e)
                {
                    _logger.LogWarning(e, "The store is not available for a {What}; again later", what);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    _logger.LogError(e, "A {What} failed; again later", what);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The host stops.
        }
    }
}

/// <summary>Sending commands and awaiting them.</summary>
public static class ActorHostExtensions
{
    /// <summary>Sends a command and returns it when it has ended.</summary>
    public static Task<T> AskAsync<T>(this IActorHost host, T command)
        where T : Command
    {
        var waiter = new Waiter<T>();
        command.Observer = waiter;
        host.Send(command);
        return waiter.Task;
    }

    /// <summary>Sends commands and returns them when all have ended.</summary>
    public static async Task<T[]> AskAllAsync<T>(this IActorHost host, T[] commands)
        where T : Command
    {
        if (commands.Length > 0)
        {
            var waiter = new GroupWaiter(commands.Length);
            foreach (var command in commands)
            {
                command.Observer = waiter;
            }

            host.Send(commands);
            await waiter.Task.ConfigureAwait(false);
        }

        return commands;
    }

    private sealed class Waiter<T>() : TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously), ICommandObserver
        where T : Command
    {
        public void OnCompleted(Command command) => SetResult((T)command);
    }

    private sealed class GroupWaiter(int count) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), ICommandObserver
    {
        private int _left = count;

        public void OnCompleted(Command command)
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                SetResult();
            }
        }
    }
}
