using System.Globalization;
using NodaTime;
using NodaTime.Calendars;

namespace Loyalty.Domain.Exchange;

/// <summary>The periods of statements, by day.</summary>
public static class SettlementCalendar
{
    /// <summary>The first day of the period that holds the day.</summary>
    public static LocalDate StartOf(SettlementPeriod period, LocalDate day) => period switch
    {
        SettlementPeriod.Day => day,
        SettlementPeriod.Week => day.PlusDays(1 - (int)day.DayOfWeek),
        _ => new(day.Year, day.Month, 1),
    };

    /// <summary>The first day of the next period.</summary>
    public static LocalDate NextOf(SettlementPeriod period, LocalDate start) => period switch
    {
        SettlementPeriod.Day => start.PlusDays(1),
        SettlementPeriod.Week => start.PlusDays(7),
        _ => start.PlusMonths(1),
    };

    /// <summary>The period's name: <c>2026-03-05</c>, <c>2026-W10</c> (ISO week), <c>2026-03</c>.</summary>
    public static string NameOf(SettlementPeriod period, LocalDate start) => period switch
    {
        SettlementPeriod.Day => start.ToString("uuuu'-'MM'-'dd", CultureInfo.InvariantCulture),
        SettlementPeriod.Week => string.Create(
            CultureInfo.InvariantCulture, $"{WeekYearRules.Iso.GetWeekYear(start):0000}-W{WeekYearRules.Iso.GetWeekOfWeekYear(start):00}"),
        _ => start.ToString("uuuu'-'MM", CultureInfo.InvariantCulture),
    };
}
