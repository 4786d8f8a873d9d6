namespace Loyalty.Load.Replay;

/// <summary>The shop's local time, moved by whole weeks on the local calendar, as an instant with its offset.</summary>
internal sealed class RetailCalendar(int shiftWeeks)
{
    private static readonly TimeZoneInfo London = TimeZoneInfo.FindSystemTimeZoneById("Europe/London");

    /// <summary>
    /// The wall clock stays as it is; of an hour that comes twice the earlier is meant. An hour that a clock change leaves out (none in the
    /// data) is read with the offset before the change.
    /// </summary>
    public DateTimeOffset At(DateTime local)
    {
        DateTime moved = DateTime.SpecifyKind(local.AddDays(7 * shiftWeeks), DateTimeKind.Unspecified);
        TimeSpan offset = London.IsAmbiguousTime(moved)
            ? London.GetAmbiguousTimeOffsets(moved).Max()
            : London.IsInvalidTime(moved) ? London.BaseUtcOffset : London.GetUtcOffset(moved);
        return new DateTimeOffset(moved, offset);
    }
}
