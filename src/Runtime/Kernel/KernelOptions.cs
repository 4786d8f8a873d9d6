namespace Loyalty.Runtime.Kernel;

/// <summary>Bounds of the kernel. Each has a behaviour at the bound.</summary>
public sealed record KernelOptions
{
    /// <summary>How many shards: each runs one turn at a time. 1 to 256. Default: one for each core, at least 2; more only makes more threads wake each other.</summary>
    public int Shards { get; init; } = Math.Clamp(Environment.ProcessorCount, 2, 256);

    /// <summary>Commands that wait in a shard's queue. Beyond: <see cref="CommandStatus.Busy"/>.</summary>
    public int MaxQueuedPerShard { get; init; } = 65_536;

    /// <summary>Commands that wait for one actor that is loading. Beyond: <see cref="CommandStatus.Busy"/>.</summary>
    public int MaxWaitingPerActor { get; init; } = 16_384;

    /// <summary>
    /// Commands of a shard whose answer waits for an append to be durable, their own or one that they saw. At the bound the shard takes no commands until
    /// some are answered; its queue fills.
    /// </summary>
    public int MaxInFlightPerShard { get; init; } = 8_192;

    /// <summary>How often the decision of one command may be put off because something that it needs is on its way. Beyond: <see cref="CommandStatus.Unavailable"/>.</summary>
    public int MaxPutOffs { get; init; } = 16;

    /// <summary>Appends in one batch of a shard.</summary>
    public int MaxBatch { get; init; } = 2048;

    /// <summary>Estimated bytes of all actors in memory. Above it the ones not used lately are passivated; they are loaded again when needed.</summary>
    public long MaxActorBytes { get; init; } = Math.Max(256L << 20, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);

    /// <summary>Under Orleans: actors that were not used for so long leave memory even when there is room.</summary>
    public TimeSpan IdleAge { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How often due actors are looked for.</summary>
    public TimeSpan WakeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Due actors woken at a time; sales wait behind them, so not many.</summary>
    public int WakeBatch { get; init; } = 500;

    /// <summary>A checkpoint begins when the journal's tail has so many records …</summary>
    public long CheckpointRecords { get; init; } = 2_000_000;

    /// <summary>… or so many bytes …</summary>
    public long CheckpointBytes { get; init; } = 1L << 30;

    /// <summary>… or when it is this old and not empty.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Snapshots handed to the journal at a time.</summary>
    public int CheckpointSlice { get; init; } = 2000;

    /// <exception cref="ArgumentOutOfRangeException">A bound is out of its range.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Shards, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Shards, 256);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlightPerShard, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatch, 1);
    }

    /// <summary>A slice of a checkpoint, or of wake-ups, that no queue can take would never end.</summary>
    internal KernelOptions ForQueues() => this with
    {
        CheckpointSlice = Math.Min(CheckpointSlice, MaxQueuedPerShard),
        WakeBatch = Math.Min(WakeBatch, MaxQueuedPerShard),
    };
}
