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

    /// <summary>Whether the actors are Orleans grains.</summary>
    bool IsOrleans { get; }

    /// <summary>Figures for operators: one entry for each process that runs actors and answers.</summary>
    ValueTask<IReadOnlyList<SiloFigures>> ReadFiguresAsync();

    /// <summary>How the tasks of <see cref="ActorHostExtensions"/> go on: on threads of their own, since commands end on engine threads. The simulator has one thread only.</summary>
    TaskCreationOptions Continuations => TaskCreationOptions.RunContinuationsAsynchronously;

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
    private readonly Shard[] _shards;
    private readonly JournalKeeper _keeper;
    private readonly KernelOptions _options;

    /// <param name="journal">Where the events rest; not disposed by the host.</param>
    /// <param name="kinds">What runs here.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="clock">The engine's clock.</param>
    /// <param name="scheduler">Runs the shards.</param>
    /// <param name="logger">For failures.</param>
    public EmbeddedHost(
        IJournal journal, IEnumerable<ActorKind> kinds, KernelOptions options, IClock clock, IShardScheduler scheduler, ILogger<EmbeddedHost> logger)
        : this(journal, kinds, options, clock, scheduler, logger, null)
    {
    }

    /// <param name="journal">Where the events rest; not disposed by the host.</param>
    /// <param name="kinds">What runs here.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="clock">The engine's clock.</param>
    /// <param name="scheduler">Runs the shards.</param>
    /// <param name="logger">For failures.</param>
    /// <param name="outward">Takes what actors and background work send; null: this host. The simulator's loses, doubles and delays it.</param>
    internal EmbeddedHost(
        IJournal journal, IEnumerable<ActorKind> kinds, KernelOptions options, IClock clock, IShardScheduler scheduler, ILogger logger, IActorHost? outward)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options = options.ForQueues();
        var byName = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
        _shards = [.. Enumerable.Range(0, options.Shards).Select(_ => new Shard(outward ?? this, scheduler, clock, journal, byName, options, logger))];
        _keeper = new(journal, outward ?? this, options, clock, static () => [HashRange.All], logger);
    }

    /// <inheritdoc />
    public string Description => $"embedded host without Orleans, {_shards.Length} shards in one process";

    /// <inheritdoc />
    public bool IsOrleans => false;

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<SiloFigures>> ReadFiguresAsync() => new([SiloFigures.OfThisProcess("embedded", Figures, _options.MaxActorBytes, Checkpoints)]);

    /// <summary>Figures of all shards together.</summary>
    public ShardFigures Figures => ShardFigures.Sum(_shards.Select(shard => shard.Figures));

    /// <summary>Checkpoints completed since the start.</summary>
    public long Checkpoints => _keeper.Checkpoints;

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
    public void StartBackground() => _keeper.Start();

    /// <summary>Wakes every actor that is due; returns how many.</summary>
    public Task<int> WakeDueAsync() => _keeper.WakeDueAsync();

    /// <summary>Takes snapshots of all actors that the tail of the journal is about, so that a restart has less to read.</summary>
    /// <returns>Whether the tail begins later now.</returns>
    public Task<bool> CheckpointAsync() => _keeper.CheckpointAsync();

    /// <summary>Ends the background work. Commands under way still end.</summary>
    public ValueTask DisposeAsync() => _keeper.DisposeAsync();

    // Contiguous ranges of the hash: a shard's actors lie together in stores that are ordered by it.
    private int ShardOf(ActorId actor) => HashRange.ShardOf(actor.StableHash(), _shards.Length);
}

/// <summary>Sending commands and awaiting them.</summary>
public static class ActorHostExtensions
{
    /// <summary>Sends a command and returns it when it has ended.</summary>
    public static Task<T> AskAsync<T>(this IActorHost host, T command)
        where T : Command
    {
        var waiter = new Waiter<T>(host.Continuations);
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
            var waiter = new GroupWaiter(commands.Length, host.Continuations);
            foreach (var command in commands)
            {
                command.Observer = waiter;
            }

            host.Send(commands);
            await waiter.Task.ConfigureAwait(false);
        }

        return commands;
    }

    private sealed class Waiter<T>(TaskCreationOptions continuations) : TaskCompletionSource<T>(continuations), ICommandObserver
        where T : Command
    {
        public void OnCompleted(Command command) => SetResult((T)command);
    }

    private sealed class GroupWaiter(int count, TaskCreationOptions continuations) : TaskCompletionSource(continuations), ICommandObserver
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
