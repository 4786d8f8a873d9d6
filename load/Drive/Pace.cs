using System.Diagnostics;

namespace Loyalty.Load.Drive;

/// <summary>
/// When requests are due. With a rate the loop is open: request k of connection c of C is due k×C+c intervals after the start, whatever the
/// engine does, and its latency counts from then. Without a rate a request is due when it is sent.
/// </summary>
internal sealed class Pace(double ratePerSecond, int connections, TimeSpan duration, long countMax, CancellationToken stop)
{
    private readonly double ticksBetween = ratePerSecond > 0 ? Stopwatch.Frequency / ratePerSecond : 0;

    public long Started { get; private set; } = Stopwatch.GetTimestamp();

    public bool IsOpenLoop => ticksBetween > 0;

    /// <summary>When the time is up.</summary>
    public long Ends => Started + (long)(duration.TotalSeconds * Stopwatch.Frequency);

    /// <summary>The time counts from now. Before the first request.</summary>
    public void Begin() => Started = Stopwatch.GetTimestamp();

    /// <summary>How many requests this connection may send in all.</summary>
    public long Share(int connection) => countMax == 0 ? Workload.IndexMax : (countMax / connections) + (connection < countMax % connections ? 1 : 0);

    /// <summary>Whether the time is up.</summary>
    public bool IsOver => stop.IsCancellationRequested || Stopwatch.GetTimestamp() >= Ends;

    public long Due(int connection, long index) =>
        IsOpenLoop ? Started + (long)(((index * connections) + connection) * ticksBetween) : 0;

    /// <summary>Waits until then, or until the time is up. A millisecond late is within what a sleeping thread can do.</summary>
    public void WaitUntil(long due)
    {
        TimeSpan wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), Math.Min(due, Ends));
        if (wait > TimeSpan.Zero)
        {
            stop.WaitHandle.WaitOne(wait < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : wait);
        }
    }
}
