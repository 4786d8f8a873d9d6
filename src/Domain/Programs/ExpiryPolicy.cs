using NodaTime;

namespace Loyalty.Domain.Programs;

/// <summary>When points lapse. docs/RULES.md, "Lots".</summary>
public abstract record ExpiryPolicy
{
    /// <summary>The last day on which points earned on <paramref name="earnedOn"/> can be used, or null when they have no date of their own.</summary>
    public abstract LocalDate? LastDay(LocalDate earnedOn);

    /// <summary>Never.</summary>
    public sealed record Never : ExpiryPolicy
    {
        /// <inheritdoc />
        public override LocalDate? LastDay(LocalDate earnedOn) => null;
    }

    /// <summary>A period after earning.</summary>
    public sealed record Rolling(int Months, int Days, bool RoundToEndOfMonth) : ExpiryPolicy
    {
        /// <inheritdoc />
        public override LocalDate? LastDay(LocalDate earnedOn)
        {
            var day = earnedOn.PlusMonths(Months).PlusDays(Days);
            return RoundToEndOfMonth ? day.With(DateAdjusters.EndOfMonth) : day;
        }
    }

    /// <summary>The end of a calendar period.</summary>
    /// <param name="MonthsPerPeriod">1 (month), 3 (quarter) or 12 (year).</param>
    /// <param name="Periods">How many periods after the one that holds the earning day.</param>
    public sealed record EndOfPeriod(int MonthsPerPeriod, int Periods) : ExpiryPolicy
    {
        /// <inheritdoc />
        public override LocalDate? LastDay(LocalDate earnedOn)
        {
            var first = new LocalDate(earnedOn.Year, ((earnedOn.Month - 1) / MonthsPerPeriod * MonthsPerPeriod) + 1, 1);
            return first.PlusMonths(MonthsPerPeriod * (Periods + 1)).PlusDays(-1);
        }
    }

    /// <summary>Fixed days of the year.</summary>
    /// <param name="Dates">At least one.</param>
    /// <param name="MinimumDays">Points live at least so many days.</param>
    public sealed record FixedDates(IReadOnlyList<AnnualDate> Dates, int MinimumDays) : ExpiryPolicy
    {
        /// <inheritdoc />
        public override LocalDate? LastDay(LocalDate earnedOn)
        {
            var earliest = earnedOn.PlusDays(MinimumDays);
            LocalDate? best = null;
            foreach (var date in Dates)
            {
                var day = date.InYear(earliest.Year);
                if (day < earliest)
                {
                    day = date.InYear(earliest.Year + 1);
                }

                if (best is null || day < best)
                {
                    best = day;
                }
            }

            return best;
        }
    }

    /// <summary>All points lapse when the member has not bought for so many months; the lots have no date of their own.</summary>
    public sealed record Inactivity(int Months) : ExpiryPolicy
    {
        /// <inheritdoc />
        public override LocalDate? LastDay(LocalDate earnedOn) => null;
    }
}
