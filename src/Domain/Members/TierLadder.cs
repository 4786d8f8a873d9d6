using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What a member did on a day, net of returns.</summary>
/// <param name="Date">The day of the sales.</param>
/// <param name="Spend">Minor units; below 0 when more came back without a receipt than was bought.</param>
/// <param name="Points">Base points of the tier unit.</param>
/// <param name="Visits">Purchases of which something is left.</param>
public readonly record struct ProgressDay(LocalDate Date, long Spend, long Points, long Visits);

/// <summary>Where a member stands.</summary>
/// <param name="Level">From 1; 0: no tier.</param>
/// <param name="Since">The day the level was reached, or fell to.</param>
/// <param name="Through">The last day the level is kept without grace; null: for ever, and for level 0.</param>
public readonly record struct TierStanding(int Level, LocalDate Since, LocalDate? Through)
{
    /// <summary>No tier.</summary>
    public static readonly TierStanding None = new(0, LocalDate.MinIsoValue, null);
}

/// <summary>
/// The walk over a member's days that gives its standing. docs/RULES.md, "Tier standing". Pure: the same days give the same standing, in whatever order
/// sales and returns arrived.
/// </summary>
public readonly ref struct TierLadder
{
    private readonly TierPolicy _policy;
    private readonly LocalDate _enrolledOn;
    private readonly ReadOnlySpan<ProgressDay> _days;
    private readonly long _earlier;

    /// <param name="policy">In force.</param>
    /// <param name="enrolledOn">For membership years.</param>
    /// <param name="days">In order of dates.</param>
    /// <param name="earlier">Progress of the days before the list; counts in a lifetime window.</param>
    public TierLadder(TierPolicy policy, LocalDate enrolledOn, ReadOnlySpan<ProgressDay> days, ProgressDay earlier)
    {
        _policy = policy;
        _enrolledOn = enrolledOn;
        _days = days;
        _earlier = policy.Window == TierWindow.Lifetime ? Amount(earlier) : 0;
    }

    /// <summary>Progress on a day: the window's days up to it, not below 0.</summary>
    public long ProgressOn(LocalDate day)
    {
        var start = _policy.WindowStart(day, _enrolledOn);
        var sum = _earlier;
        for (var i = _days.Length - 1; i >= 0 && _days[i].Date >= start; i--)
        {
            if (_days[i].Date <= day)
            {
                sum += Amount(_days[i]);
            }
        }

        return Math.Max(sum, 0);
    }

    /// <summary>The whole walk: days after <paramref name="from"/> up to <paramref name="today"/>, beginning with a standing.</summary>
    /// <param name="standing">At the beginning.</param>
    /// <param name="from">The walk begins after it.</param>
    /// <param name="today">And ends with it.</param>
    /// <param name="reviewedOn">The day of the last review on the way; the earliest day when there was none.</param>
    public TierStanding Walk(TierStanding standing, LocalDate from, LocalDate today, out LocalDate reviewedOn)
    {
        reviewedOn = LocalDate.MinIsoValue;
        foreach (ref readonly var day in _days)
        {
            if (day.Date > today)
            {
                break;
            }

            if (day.Date > from && day.Visits > 0)
            {
                standing = Progress(Review(standing, day.Date, ref reviewedOn), day.Date);
            }
        }

        return Review(standing, today, ref reviewedOn);
    }

    /// <summary>The step of a day with a visit.</summary>
    public TierStanding Progress(TierStanding standing, LocalDate day)
    {
        var qualified = _policy.QualifiedBy(ProgressOn(day));
        if (qualified == 0 || qualified < standing.Level)
        {
            return standing;
        }

        var through = _policy.KeptThrough(day, _enrolledOn);
        if (qualified > standing.Level)
        {
            return new(qualified, day, through);
        }

        return standing.Through is null || through is { } later && later <= standing.Through ? standing : standing with { Through = through };
    }

    /// <summary>All reviews up to and including a day.</summary>
    public TierStanding Review(TierStanding standing, LocalDate today)
    {
        var reviewedOn = LocalDate.MinIsoValue;
        return Review(standing, today, ref reviewedOn);
    }

    private TierStanding Review(TierStanding standing, LocalDate today, ref LocalDate reviewedOn)
    {
        while (ReviewDay(standing) is { } day && day <= today)
        {
            reviewedOn = day;
            var level = Math.Max(standing.Level - 1, _policy.QualifiedBy(ProgressOn(day)));
            standing = level == 0
                ? TierStanding.None with { Since = day }
                : new(level, level == standing.Level ? standing.Since : day, _policy.KeptThrough(day, _enrolledOn));
        }

        return standing;
    }

    /// <summary>The day of the next review, or null when there will be none.</summary>
    public LocalDate? ReviewDay(TierStanding standing) =>
        standing is { Level: > 0, Through: { } through } ? through.PlusDays(_policy.GraceDays + 1) : null;

    private long Amount(in ProgressDay day) => _policy.Basis switch
    {
        TierBasis.Spend => day.Spend,
        TierBasis.Points => day.Points,
        _ => day.Visits,
    };
}
