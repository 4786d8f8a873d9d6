namespace Loyalty.Domain.Tests.Model;

/// <summary>One thing that counts towards a tier: a purchase with what is left of it, or a return without receipt.</summary>
internal sealed record ModelProgress(DateOnly Day, long Spend, long Points, long Visits)
{
    /// <summary>Progress of the tier's basis that a campaign gave.</summary>
    public long Credit { get; init; }
}

/// <summary>Level from 1; 0: none.</summary>
internal sealed record ModelStanding(int Level, DateOnly Since, DateOnly? Through)
{
    public static readonly ModelStanding None = new(0, DateOnly.MinValue, null);
}

/// <summary>"Tier progress" and "Tier standing" of docs/RULES.md: always walked from the beginning over the plain entries.</summary>
internal sealed class ModelTiers(PlanTiers policy, DateOnly enrolledOn, IReadOnlyCollection<ModelProgress> entries)
{
    public long ProgressOn(DateOnly day)
    {
        var counted = entries.Where(entry => entry.Day <= day && IsInWindow(entry.Day, day));
        var sum = counted.Sum(entry => policy.Basis switch { "spend" => entry.Spend, "points" => entry.Points, _ => entry.Visits } + entry.Credit);
        return Math.Max(0, sum);
    }

    private bool IsInWindow(DateOnly entry, DateOnly day) => policy.Window switch
    {
        "calendarYear" => entry.Year == day.Year,
        "rollingMonths" => entry > day.AddMonths(-policy.WindowMonths),
        "membershipYear" => entry >= ModelDays.LatestAnniversary(enrolledOn, day),
        _ => true,
    };

    public int QualifiedOn(DateOnly day)
    {
        var progress = ProgressOn(day);
        return policy.Levels.Count(level => level.Threshold <= progress);
    }

    /// <summary>R(d).</summary>
    public DateOnly? KeptFrom(DateOnly day)
    {
        if (policy.Window == "lifetime" || policy.Retention == "forever")
        {
            return null;
        }

        if (policy.Retention == "months")
        {
            return day.AddMonths(policy.RetentionCount).AddDays(-1);
        }

        return policy.Window == "calendarYear"
            ? new DateOnly(day.Year + policy.RetentionCount, 12, 31)
            : ModelDays.Anniversary(enrolledOn, ModelDays.LatestAnniversary(enrolledOn, day).Year + policy.RetentionCount + 1).AddDays(-1);
    }

    /// <summary>The standing at the end of a day, walked from the first day on.</summary>
    public ModelStanding StandingOn(DateOnly lastDay)
    {
        var standing = ModelStanding.None;
        var visitDays = entries.GroupBy(entry => entry.Day).Where(day => day.Sum(entry => entry.Visits) > 0).Select(day => day.Key).Order().ToList();
        var walked = DateOnly.MinValue;
        while (true)
        {
            var review = ReviewDay(standing);
            var visit = visitDays.Where(day => day > walked).Cast<DateOnly?>().FirstOrDefault();
            var next = review is null || visit < review ? visit : review;
            if (next is not { } day || day > lastDay)
            {
                return standing;
            }

            if (day == review)
            {
                standing = Review(standing, day);
            }

            if (day == visit)
            {
                standing = Progress(standing, day);
            }

            walked = day;
        }
    }

    public DateOnly? ReviewDay(ModelStanding standing) =>
        standing.Level > 0 && standing.Through is { } through ? through.AddDays(policy.Grace + 1) : null;

    private ModelStanding Progress(ModelStanding standing, DateOnly day)
    {
        var qualified = QualifiedOn(day);
        if (qualified > standing.Level)
        {
            return new(qualified, day, KeptFrom(day));
        }

        if (qualified == standing.Level && qualified > 0)
        {
            return standing with { Through = Later(standing.Through, KeptFrom(day)) };
        }

        return standing;
    }

    private ModelStanding Review(ModelStanding standing, DateOnly day)
    {
        var level = Math.Max(standing.Level - 1, QualifiedOn(day));
        return level == 0 ? ModelStanding.None : new(level, level == standing.Level ? standing.Since : day, KeptFrom(day));
    }

    private static DateOnly? Later(DateOnly? a, DateOnly? b) => a is null || b is null ? null : a > b ? a : b;
}
