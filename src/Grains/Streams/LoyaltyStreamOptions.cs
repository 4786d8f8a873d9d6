namespace Loyalty.Grains.Streams;

/// <summary>How the engine uses Orleans streams. Both directions are off by default.</summary>
public sealed record LoyaltyStreamOptions
{
    /// <summary>
    /// Name of the stream provider for member events. Purchases may come by any provider; their outcomes leave by the same one.
    /// </summary>
    public string Provider { get; init; } = LoyaltyStreams.Provider;

    /// <summary>Publishes what happens to members. Costs a second reading of the journal and a message for each record of a member.</summary>
    public bool PublishMemberEvents { get; init; }

    /// <summary>Takes purchases and returns by stream.</summary>
    public bool AcceptPurchases { get; init; }

    /// <summary>
    /// Where publishing begins in books that have never published: true: with their first record; false: with what is recorded from now on.
    /// </summary>
    public bool PublishHistory { get; init; } = true;

    /// <summary>How often the journal is looked at when there is nothing to do. Above 0.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Records that are read and published together; the next are read when all of them are published. 1 to 100,000.</summary>
    public int BatchRecords { get; init; } = 1000;

    /// <summary>Members whose events are on their way at the same time. 1 to 1000.</summary>
    public int Concurrency { get; init; } = 16;

    /// <summary>Progress is noted in the books at least so often while there is any: what is published again after a crash is bounded by it …</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>… and after so many events. 1 or more.</summary>
    public int ProgressEvents { get; init; } = 10_000;

    /// <summary>A message that the provider has not taken after this time has failed, and is sent again.</summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause after the first failure; doubled after each further one …</summary>
    public TimeSpan RetryMin { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>… up to this.</summary>
    public TimeSpan RetryMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a purchase is tried again while the engine is busy or its store fails; then the provider is told, which delivers it again.</summary>
    public TimeSpan RecordPatience { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the provider delivers a message again that fails (Orleans: <c>MaxEventDeliveryTime</c>). Then it goes on to the next one, and the sender misses an outcome.</summary>
    public TimeSpan DeliveryPatience { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The pause after so many failures in a row (1 or more).</summary>
    internal TimeSpan PauseAfter(int failures) => TimeSpan.FromTicks(Math.Min(RetryMax.Ticks, RetryMin.Ticks << Math.Min(failures - 1, 20)));

    /// <exception cref="ArgumentException">A bound is out of its range.</exception>
    internal void Check()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Provider);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(PollInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchRecords, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BatchRecords, 100_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(Concurrency, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Concurrency, 1000);
        ArgumentOutOfRangeException.ThrowIfLessThan(ProgressInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(ProgressEvents, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(SendTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RetryMin, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(RetryMin, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryMax, RetryMin);
        ArgumentOutOfRangeException.ThrowIfLessThan(RecordPatience, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(DeliveryPatience, TimeSpan.Zero);
    }
}
