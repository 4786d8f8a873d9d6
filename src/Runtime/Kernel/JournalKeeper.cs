using System.Diagnostics;
using Loyalty.Runtime.Journal;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Runtime.Kernel;

/// <summary>The background work on a journal: wakes the actors that are due and takes checkpoints, for the ranges of actors that this process looks after.</summary>
public sealed class JournalKeeper : IAsyncDisposable
{
    private readonly IJournal _journal;
    private readonly IActorHost _host;
    private readonly KernelOptions _options;
    private readonly IClock _clock;
    private readonly Func<IReadOnlyList<HashRange>> _ranges;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private Task _background = Task.CompletedTask;
    private long _checkpointedAtMs;
    private long _checkpoints;

    /// <param name="journal">The journal.</param>
    /// <param name="host">Reaches the actors.</param>
    /// <param name="options">Intervals and slices.</param>
    /// <param name="clock">The engine's clock.</param>
    /// <param name="ranges">What this process looks after, asked each time: in a cluster it changes.</param>
    /// <param name="logger">For failures.</param>
    public JournalKeeper(IJournal journal, IActorHost host, KernelOptions options, IClock clock, Func<IReadOnlyList<HashRange>> ranges, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(clock);
        (_journal, _host, _options, _clock, _ranges, _logger) = (journal, host, options, clock, ranges, logger);
        _checkpointedAtMs = NowMs;
    }

    /// <summary>Checkpoints completed since the start.</summary>
    public long Checkpoints => Volatile.Read(ref _checkpoints);

    private long NowMs => _clock.GetCurrentInstant().ToUnixTimeMilliseconds();

    /// <summary>Starts wake-ups and checkpoints in the background, until this is disposed.</summary>
    public void Start() => _background = Task.WhenAll(WakeLoopAsync(), CheckpointLoopAsync());

    /// <summary>Wakes every actor that is due; returns how many.</summary>
    public async Task<int> WakeDueAsync()
    {
        var woken = 0;
        foreach (var range in _ranges())
        {
            woken += await WakeDueAsync(range).ConfigureAwait(false);
        }

        return woken;
    }

    /// <summary>Takes snapshots of all actors that the tail of the journal is about, so that a restart has less to read.</summary>
    /// <returns>Whether the tail begins later now.</returns>
    public async Task<bool> CheckpointAsync()
    {
        var position = _journal.Checkpoint.Position;
        foreach (var range in _ranges())
        {
            var unsaved = _journal.UnsavedActors(position, int.MaxValue, range);
            for (var from = 0; from < unsaved.Count && !_stopping.IsCancellationRequested; from += _options.CheckpointSlice)
            {
                var slice = unsaved.Skip(from).Take(_options.CheckpointSlice).Select(actor => new SnapshotCommand(actor)).ToArray();
                var results = await _host.AskAllAsync(slice).ConfigureAwait(false);
                await _journal.SaveSnapshotsAsync([.. results.Select(result => result.Reply).OfType<Snapshot>()]).ConfigureAwait(false);
            }
        }

        var moved = await _journal.CompleteCheckpointAsync(position).ConfigureAwait(false);
        _checkpointedAtMs = NowMs;
        if (moved)
        {
            Interlocked.Increment(ref _checkpoints);
        }

        return moved;
    }

    /// <summary>Ends the background work.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _background.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task<int> WakeDueAsync(HashRange range)
    {
        var woken = 0;
        while (!_stopping.IsCancellationRequested)
        {
            var due = await _journal.DueAsync(NowMs, _options.WakeBatch, range).ConfigureAwait(false);
            if (due.Count == 0)
            {
                break;
            }

            var results = await _host.AskAllAsync([.. due.Select(actor => new WakeCommand(actor))]).ConfigureAwait(false);
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

    private Task WakeLoopAsync() => LoopAsync(_options.WakeInterval, "wake-up", WakeDueAsync);

    private Task CheckpointLoopAsync() =>
        LoopAsync(TimeSpan.FromMilliseconds(500), "checkpoint", async () =>
        {
            var state = _journal.Checkpoint;
            if (state.TailRecords >= _options.CheckpointRecords || state.TailBytes >= _options.CheckpointBytes
                || (state.TailRecords > 0 && NowMs - _checkpointedAtMs >= _options.CheckpointInterval.TotalMilliseconds))
            {
                var started = Stopwatch.GetTimestamp();
                var moved = await CheckpointAsync().ConfigureAwait(false);
                _logger.LogInformation(
                    "Checkpoint of {Records} records, {Actors} actors in {Seconds:0.0} s{Result}",
                    state.TailRecords, state.UnsavedActors, Stopwatch.GetElapsedTime(started).TotalSeconds, moved ? "" : "; not complete, again later");
            }
        });

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
            // The process stops.
        }
    }
}
