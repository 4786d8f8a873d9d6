using NodaTime;
using NodaTime.TimeZones;

namespace Loyalty.Domain.Programs;

/// <summary>Days of a time zone. Thread-safe.</summary>
public sealed class BusinessCalendar(DateTimeZone zone)
{
    private readonly CachedStart?[] _starts = new CachedStart?[4096];

    /// <summary>The zone.</summary>
    public DateTimeZone Zone { get; } = zone;

    /// <summary>The day that holds the instant.</summary>
    public LocalDate DayOf(Instant instant) => instant.WithOffset(Zone.GetUtcOffset(instant)).Date;

    /// <summary>The first instant of the day (not always midnight: clocks may go forward then), or of what came in place of a day that the zone left out.</summary>
    public Instant StartOf(LocalDate day)
    {
        ref var slot = ref _starts[(uint)day.GetHashCode() % (uint)_starts.Length];
        var cached = Volatile.Read(ref slot);
        if (cached is null || cached.Day != day)
        {
            cached = new CachedStart(day, FirstInstant(Zone.MapLocal(day.AtMidnight())));
            Volatile.Write(ref slot, cached);
        }

        return cached.Start;
    }

    private static Instant FirstInstant(ZoneLocalMapping midnight) => midnight.Count == 0 ? midnight.LateInterval.Start : midnight.First().ToInstant();

    private sealed record CachedStart(LocalDate Day, Instant Start);
}
