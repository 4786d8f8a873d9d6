using System.Diagnostics;

namespace Loyalty.Load.Streams;

/// <summary>How long a till keeps asking: doubling pauses up to two seconds, given up when nothing was settled for the whole time. Thread-safe.</summary>
internal sealed class Patience(TimeSpan whole, CancellationToken stop)
{
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    private long lastSettled = Stopwatch.GetTimestamp();
    private TimeSpan pause = PauseMin;

    public bool IsOver => stop.IsCancellationRequested || Stopwatch.GetElapsedTime(Volatile.Read(ref lastSettled)) > whole;

    /// <summary>Something was settled: patience begins anew.</summary>
    public void Renew()
    {
        Volatile.Write(ref lastSettled, Stopwatch.GetTimestamp());
        pause = PauseMin;
    }

    /// <summary>Pauses before the next attempt.</summary>
    public void Pause(int retryAfterSeconds = 0) => stop.WaitHandle.WaitOne(NextPause(retryAfterSeconds));

    /// <summary>The pause before the next attempt: at least as long as the server asked for, at most two seconds.</summary>
    public TimeSpan NextPause(int retryAfterSeconds)
    {
        TimeSpan asked = TimeSpan.FromSeconds(retryAfterSeconds);
        TimeSpan time = asked > pause ? asked : pause;
        pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
        return time < PauseMax ? time : PauseMax;
    }
}
