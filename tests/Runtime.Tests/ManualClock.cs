using NodaTime;

namespace Loyalty.Runtime.Tests;

/// <summary>A clock that stands still until a test moves it.</summary>
public sealed class ManualClock(Instant now) : IClock
{
    private long _ticks = now.ToUnixTimeTicks();

    /// <summary>What the clock says.</summary>
    public Instant Now
    {
        get => Instant.FromUnixTimeTicks(Volatile.Read(ref _ticks));
        set => Volatile.Write(ref _ticks, value.ToUnixTimeTicks());
    }

    /// <inheritdoc />
    public Instant GetCurrentInstant() => Now;
}
