using NodaTime;

namespace Loyalty.Domain.Tests.Model;

/// <summary>Days and periods, with the calendar of the .NET library.</summary>
internal static class ModelDays
{
    /// <summary>The date on the wall of the program's zone.</summary>
    public static DateOnly DayOf(Instant at, string zone)
    {
        var local = at.InZone(DateTimeZoneProviders.Tzdb[zone]);
        return new DateOnly(local.Year, local.Month, local.Day);
    }

    public static DateOnly EndOfMonth(DateOnly day) => new(day.Year, day.Month, DateTime.DaysInMonth(day.Year, day.Month));

    /// <summary>The n-th anniversary; 29 February is 28 February in other years.</summary>
    public static DateOnly Anniversary(DateOnly of, int year) =>
        of is { Month: 2, Day: 29 } && !DateTime.IsLeapYear(year) ? new(year, 2, 28) : new(year, of.Month, of.Day);

    /// <summary>The latest anniversary at or before the day.</summary>
    public static DateOnly LatestAnniversary(DateOnly of, DateOnly day) =>
        Anniversary(of, day.Year) <= day ? Anniversary(of, day.Year) : Anniversary(of, day.Year - 1);

    /// <summary>The last usable day of points earned on a day, or null: for ever. "Lots" of docs/RULES.md.</summary>
    public static DateOnly? LastUsableDay(PlanExpiry expiry, DateOnly day)
    {
        switch (expiry.Policy)
        {
            case "rolling":
                var last = day.AddMonths(expiry.Months).AddDays(expiry.Days);
                return expiry.EndOfMonth ? EndOfMonth(last) : last;
            case "endOfPeriod":
                var monthsOfPeriod = expiry.Period switch { "month" => 1, "quarter" => 3, _ => 12 };
                var firstMonthOfPeriod = ((day.Month - 1) / monthsOfPeriod * monthsOfPeriod) + 1;
                var start = new DateOnly(day.Year, firstMonthOfPeriod, 1);
                return start.AddMonths(monthsOfPeriod * (expiry.Periods + 1)).AddDays(-1);
            case "fixedDates":
                for (var candidate = day.AddDays(expiry.MinimumDays); ; candidate = candidate.AddDays(1))
                {
                    if (expiry.Dates!.Any(date => IsFixedDate(date, candidate)))
                    {
                        return candidate;
                    }
                }

            default:
                return null;
        }
    }

    private static bool IsFixedDate(string date, DateOnly day)
    {
        var (month, number) = (int.Parse(date[..2]), int.Parse(date[3..]));
        if (month == 2 && number == 29 && !DateTime.IsLeapYear(day.Year))
        {
            number = 28;
        }

        return day.Month == month && day.Day == number;
    }
}
