using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>A member's days: enough of them that every window and every review can be computed again exactly.</summary>
public sealed class TierHistory
{
    /// <summary>Days that are kept at most; then <see cref="DroppedAtOnce"/> are folded away.</summary>
    public const int MaxDays = 2200;

    private const int DroppedAtOnce = 600;

    // Days between the dropped ones and the fixed standing: 800 different days span any window of 24 months.
    private const int SumOnly = 800;

    private CompactList<ProgressDay> _days;

    /// <summary>In order of dates. Valid until the history changes.</summary>
    public ReadOnlySpan<ProgressDay> Days => _days.Items;

    /// <summary>Sum of the days that were folded away; its date is the last of them.</summary>
    public ProgressDay Earlier { get; private set; } = new(LocalDate.MinIsoValue, 0, 0, 0);

    /// <summary>The walk begins after this day …</summary>
    public LocalDate FixedOn { get; private set; } = LocalDate.MinIsoValue;

    /// <summary>… with this standing; its level is kept by <see cref="MemberState.FixedLevel"/>.</summary>
    public TierStanding Fixed { get; private set; } = TierStanding.None;

    /// <summary>The latest day with a visit left, or null.</summary>
    public LocalDate? LastVisit
    {
        get
        {
            for (var i = _days.Count - 1; i >= 0; i--)
            {
                if (_days[i].Visits > 0)
                {
                    return _days[i].Date;
                }
            }

            return Earlier.Visits > 0 ? Earlier.Date : null;
        }
    }

    /// <summary>Visits on all days.</summary>
    public long Visits { get; private set; }

    /// <summary>Visits on days up to and including one. Of a day that was folded away, those of all folded days.</summary>
    public long VisitsThrough(LocalDate day)
    {
        var visits = Visits;
        for (var i = _days.Count - 1; i >= 0 && _days[i].Date > day; i--)
        {
            visits -= _days[i].Visits;
        }

        return visits;
    }

    /// <summary>The latest day before one that has a visit left, or null.</summary>
    public LocalDate? LastVisitBefore(LocalDate day)
    {
        for (var i = _days.Count - 1; i >= 0; i--)
        {
            if (_days[i].Date < day && _days[i].Visits > 0)
            {
                return _days[i].Date;
            }
        }

        return Earlier.Visits > 0 && Earlier.Date < day ? Earlier.Date : null;
    }

    /// <summary>The ladder of these days.</summary>
    public TierLadder Ladder(TierPolicy policy, LocalDate enrolledOn) => new(policy, enrolledOn, Days, Earlier);

    /// <summary>The standing on a day, from scratch.</summary>
    /// <param name="fixedLevel">The level of the fixed standing in this policy: levels are remembered by id.</param>
    /// <param name="policy">In force.</param>
    /// <param name="enrolledOn">For membership years.</param>
    /// <param name="day">Which day.</param>
    /// <param name="reviewedOn">The day of the last review on the way; the earliest day when there was none.</param>
    public TierStanding StandingOn(int fixedLevel, TierPolicy policy, LocalDate enrolledOn, LocalDate day, out LocalDate reviewedOn) =>
        Ladder(policy, enrolledOn).Walk(Fixed with { Level = fixedLevel }, FixedOn, day, out reviewedOn);

    /// <summary>Adds to a day.</summary>
    public void Add(LocalDate date, long spend, long points, long visits)
    {
        Visits += visits;
        if (date <= Earlier.Date)
        {
            Earlier = new(Earlier.Date, Earlier.Spend + spend, Earlier.Points + points, Earlier.Visits + visits);
            return;
        }

        var i = _days.Count - 1;
        while (i >= 0 && _days[i].Date > date)
        {
            i--;
        }

        if (i < 0 || _days[i].Date != date)
        {
            _days.Insert(i + 1, new(date, spend, points, visits));
            return;
        }

        var day = new ProgressDay(date, _days[i].Spend + spend, _days[i].Points + points, _days[i].Visits + visits);
        if (day is { Spend: 0, Points: 0, Visits: 0 })
        {
            _days.RemoveAt(i);
        }
        else
        {
            _days[i] = day;
        }
    }

    /// <summary>Whether days must be folded away.</summary>
    public bool IsFull => _days.Count > MaxDays;

    /// <summary>The day on which the standing is to be fixed when the history is full.</summary>
    public LocalDate NextFixedOn => _days[DroppedAtOnce + SumOnly - 1].Date;

    /// <summary>Fixes the standing on <see cref="NextFixedOn"/> and folds the oldest days away.</summary>
    public void Fold(TierStanding standing)
    {
        Fixed = standing;
        FixedOn = NextFixedOn;
        var (spend, points, visits) = (Earlier.Spend, Earlier.Points, Earlier.Visits);
        for (var i = 0; i < DroppedAtOnce; i++)
        {
            spend += _days[i].Spend;
            points += _days[i].Points;
            visits += _days[i].Visits;
        }

        Earlier = new(_days[DroppedAtOnce - 1].Date, spend, points, visits);
        _days.RemoveRange(0, DroppedAtOnce);
    }

    /// <summary>Fixes the standing on a day, from where the walk begins: that of a member from another system.</summary>
    internal void Begin(LocalDate on, TierStanding standing) => (FixedOn, Fixed) = (on, standing);

    /// <summary>For snapshots: puts back what was written.</summary>
    internal void Restore(ReadOnlySpan<ProgressDay> days, ProgressDay earlier, LocalDate fixedOn, TierStanding standing)
    {
        _days.Replace(days);
        (Earlier, FixedOn, Fixed) = (earlier, fixedOn, standing);
        Visits = earlier.Visits;
        foreach (ref readonly var day in days)
        {
            Visits += day.Visits;
        }
    }
}
