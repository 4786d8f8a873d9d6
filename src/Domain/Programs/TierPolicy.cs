using NodaTime;

namespace Loyalty.Domain.Programs;

/// <summary>How members reach and keep tiers. docs/RULES.md, "Tier progress" and "Tier standing".</summary>
public sealed record TierPolicy(
    TierBasis Basis, string Unit, TierWindow Window, int WindowMonths, TierRetention Retention, int RetentionCount, int GraceDays,
    IReadOnlyList<TierLevel> Levels)
{
    /// <summary>The index of a level counted from 1; 0 for null or an unknown id.</summary>
    public int IndexOf(string? levelId)
    {
        for (var i = 0; i < Levels.Count; i++)
        {
            if (string.Equals(Levels[i].Id, levelId, StringComparison.Ordinal))
            {
                return i + 1;
            }
        }

        return 0;
    }

    /// <summary>The highest level (from 1) whose threshold the progress reaches; 0 if none.</summary>
    public int QualifiedBy(long progress)
    {
        var level = 0;
        while (level < Levels.Count && Levels[level].Threshold <= progress)
        {
            level++;
        }

        return level;
    }

    /// <summary>The first day whose progress counts on <paramref name="day"/>.</summary>
    public LocalDate WindowStart(LocalDate day, LocalDate enrolledOn) => Window switch
    {
        TierWindow.CalendarYear => new LocalDate(day.Year, 1, 1),
        TierWindow.RollingMonths => day.PlusMonths(-WindowMonths).PlusDays(1),
        TierWindow.MembershipYear => Anniversary(day, enrolledOn),
        _ => LocalDate.MinIsoValue,
    };

    /// <summary>The last day through which a level reached or kept on <paramref name="day"/> is kept; null: for ever.</summary>
    public LocalDate? KeptThrough(LocalDate day, LocalDate enrolledOn)
    {
        if (Window == TierWindow.Lifetime || Retention == TierRetention.Forever)
        {
            return null;
        }

        if (Retention == TierRetention.Months)
        {
            return day.PlusMonths(RetentionCount).PlusDays(-1);
        }

        if (Window == TierWindow.CalendarYear)
        {
            return new LocalDate(day.Year + RetentionCount, 12, 31);
        }

        // Counted from the enrolment day itself, so that 29 February comes back in leap years.
        var years = YearsOfMembership(day, enrolledOn) + RetentionCount + 1;
        return enrolledOn.PlusYears(years).PlusDays(-1);
    }

    private static LocalDate Anniversary(LocalDate day, LocalDate enrolledOn) => enrolledOn.PlusYears(YearsOfMembership(day, enrolledOn));

    private static int YearsOfMembership(LocalDate day, LocalDate enrolledOn)
    {
        var years = day.Year - enrolledOn.Year;
        return enrolledOn.PlusYears(years) > day ? years - 1 : years;
    }
}

/// <summary>A level.</summary>
/// <param name="Id">Short name.</param>
/// <param name="Name">For people.</param>
/// <param name="Threshold">Progress that reaches it: minor units of money, points, or visits. Above the level before.</param>
/// <param name="BonusNumerator">The bonus as an exact fraction of the base earn.</param>
/// <param name="BonusDenominator">A power of ten.</param>
/// <param name="Perks">Named benefits.</param>
/// <param name="BonusRules">What its bonus on each earn rule is called: <c>tier:gold</c>; with the rule's id behind it when that is not <c>base</c>.</param>
public sealed record TierLevel(
    string Id, string Name, long Threshold, long BonusNumerator, long BonusDenominator, IReadOnlyList<string> Perks, IReadOnlyList<string> BonusRules);

/// <summary>What counts as progress.</summary>
public enum TierBasis
{
    /// <summary>Money spent, minor units.</summary>
    Spend,

    /// <summary>Base points of one unit.</summary>
    Points,

    /// <summary>Purchases.</summary>
    Visits,
}

/// <summary>Which days count.</summary>
public enum TierWindow
{
    /// <summary>1 January to 31 December.</summary>
    CalendarYear,

    /// <summary>The months up to the day.</summary>
    RollingMonths,

    /// <summary>From the anniversary of the enrolment.</summary>
    MembershipYear,

    /// <summary>All days.</summary>
    Lifetime,
}

/// <summary>How long a level is kept.</summary>
public enum TierRetention
{
    /// <summary>To the end of a later window period.</summary>
    EndOfPeriod,

    /// <summary>So many months.</summary>
    Months,

    /// <summary>For ever.</summary>
    Forever,
}
