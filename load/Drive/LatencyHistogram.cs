using HdrHistogram;

namespace Loyalty.Load.Drive;

/// <summary>Latencies from 1 µs to 10 minutes, to three digits. One writer at a time; merged after the run.</summary>
internal sealed class LatencyHistogram
{
    private const long MicrosMax = 600_000_000;

    private readonly LongHistogram micros = new(1, MicrosMax, 3);

    public long Count => micros.TotalCount;

    public void Record(TimeSpan latency, long count = 1) =>
        micros.RecordValueWithCount(Math.Clamp((long)latency.TotalMicroseconds, 1, MicrosMax), count);

    public void Add(LatencyHistogram more) => micros.Add(more.micros);

    public double Milliseconds(double percentile) => micros.TotalCount == 0 ? 0 : micros.GetValueAtPercentile(percentile) / 1000.0;

    public double MaxMilliseconds => micros.TotalCount == 0 ? 0 : micros.GetMaxValue() / 1000.0;
}
