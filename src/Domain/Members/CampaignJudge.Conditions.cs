using Loyalty.Domain.Campaigns;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>When, where, for whom: docs/CAMPAIGNS.md, "Definition"; and what caps and budgets leave.</summary>
internal sealed partial class CampaignJudge
{
    /// <summary>The first condition that does not hold, or null.</summary>
    private string? ConditionsOf(CompiledCampaign campaign)
    {
        var definition = campaign.Definition;
        if (definition.When is { } when && !IsNow(campaign, when))
        {
            return SkipReasons.NotNow;
        }

        if (definition.Where is not null && (!campaign.HoldsOn(_channel) || !campaign.HoldsIn(_store)))
        {
            return SkipReasons.NotHere;
        }

        if (definition.Who is { } who && !IsFor(who, definition.Id))
        {
            return SkipReasons.NotForMember;
        }

        return CampaignPeriods.IsHeldOut(definition.Id, _state.Id, definition.HoldoutPerTenThousand) ? SkipReasons.HoldOut : null;
    }

    private bool IsNow(CompiledCampaign campaign, CampaignWhen when)
    {
        if (when.StoreZone)
        {
            return campaign.HoldsAt(_at.WithOffset(campaign.CalendarAt(_store).Zone.GetUtcOffset(_at)).LocalDateTime);
        }

        _local ??= _at.WithOffset(_program.Calendar.Zone.GetUtcOffset(_at)).LocalDateTime;
        return campaign.HoldsAt(_local.Value);
    }

    private bool IsFor(CampaignWho who, string campaign)
    {
        var tags = who.Tags is null && who.NoTags is null ? [] : _state.Engagement?.Attributes.Tags ?? [];
        return (who.Tiers is null || Contains(who.Tiers, _levelId ?? "none"))
            && (who.Tags is null || HasAny(who.Tags, tags))
            && (who.NoTags is null || !HasAny(who.NoTags, tags))
            && (who.JoinedWithinDays is not { } joined || _day <= _state.EnrolledOn.PlusDays(joined))
            && (!who.FirstPurchase || _state.History.VisitsThrough(_day) == 0)
            && (who.Birthday is null || IsBirthday(who.Birthday))
            && (who.Visit is null || IsVisit(who.Visit))
            && (who.AbsentDays is not { } absent || (_state.History.LastVisitBefore(_day) is { } last && last.PlusDays(absent) <= _day))
            && (who.Bought is not { } bought || HasBought(bought, campaign));
    }

    private bool IsBirthday(BirthdayWindow window)
    {
        if (_state.Engagement?.Attributes.Birthday is not { } birthday)
        {
            return false;
        }

        if (window.WholeMonth)
        {
            return birthday.Month == _day.Month;
        }

        for (var year = _day.Year - 1; year <= _day.Year + 1; year++)
        {
            // 29 February is 28 February in other years.
            var celebrated = birthday.InYear(year);
            if (celebrated.PlusDays(-window.DaysBefore) <= _day && _day <= celebrated.PlusDays(window.DaysAfter))
            {
                return true;
            }
        }

        return false;
    }

    private bool IsVisit(VisitNumber visit)
    {
        if (_number < 0)
        {
            _number = 1 + (_activity is null ? _state.History.VisitsThrough(_day) : _state.Engagement?.CountOf(_activity.Type, _day) ?? 0);
        }

        if (visit.Every > 0)
        {
            return _number % visit.Every == 0;
        }

        for (var i = 0; i < visit.Numbers.Count; i++)
        {
            if (visit.Numbers[i] == _number)
            {
                return true;
            }
        }

        return false;
    }

    private bool HasBought(BoughtBefore bought, string campaign) =>
        (_state.Engagement?.Find(campaign)?.Sum(TallyKind.Bought, _day.PlusDays(-bought.WithinDays), _day) ?? 0) >= Millionths(bought.Quantity);

    private static bool Contains(IReadOnlyList<string> list, string text)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (string.Equals(list[i], text, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static bool HasAny(IReadOnlyList<string> wanted, string[] tags)
    {
        foreach (var tag in tags)
        {
            if (Contains(wanted, tag))
            {
                return true;
            }
        }

        return false;
    }

    // ---- caps

    private bool HasUse(CompiledCampaign campaign)
    {
        if (campaign.Definition.Caps is not { } caps || _state.Engagement?.Find(campaign.Id) is not { } tally)
        {
            return true;
        }

        return Left(caps.UsesPerDay, tally, TallyKind.Uses, CampaignPeriod.Day) > 0
            && Left(caps.UsesPerWeek, tally, TallyKind.Uses, CampaignPeriod.Week) > 0
            && Left(caps.UsesPerMonth, tally, TallyKind.Uses, CampaignPeriod.Month) > 0
            && Left(caps.UsesPerMember, tally, TallyKind.Uses, CampaignPeriod.Campaign) > 0;
    }

    /// <summary>Points that the caps leave; <see cref="long.MaxValue"/>: there is no cap of points.</summary>
    private long CapRoom(CompiledCampaign campaign)
    {
        if (campaign.Definition.Caps is not { } caps)
        {
            return long.MaxValue;
        }

        var tally = _state.Engagement?.Find(campaign.Id);
        var room = caps.PointsPerPurchase ?? long.MaxValue;
        room = Math.Min(room, Left(caps.PointsPerDay, tally, TallyKind.Points, CampaignPeriod.Day));
        room = Math.Min(room, Left(caps.PointsPerWeek, tally, TallyKind.Points, CampaignPeriod.Week));
        room = Math.Min(room, Left(caps.PointsPerMonth, tally, TallyKind.Points, CampaignPeriod.Month));
        return Math.Min(room, Left(caps.PointsPerMember, tally, TallyKind.Points, CampaignPeriod.Campaign));
    }

    private long Left(long? cap, MemberTally? tally, TallyKind kind, CampaignPeriod period)
    {
        if (cap is not { } most)
        {
            return long.MaxValue;
        }

        if (tally is null)
        {
            return most;
        }

        var start = CampaignPeriods.StartOf(period, _day);
        var used = period == CampaignPeriod.Campaign ? tally.Sum(kind, start, start) : tally.Sum(kind, start, CampaignPeriods.Next(period, start).PlusDays(-1));
        return Math.Max(0, most - used);
    }

    /// <summary>Counts for the caps what was given or, below 0, taken back.</summary>
    private void CountForCaps(CompiledCampaign campaign, long points, long uses)
    {
        if (campaign.Definition.Caps is not { } caps)
        {
            return;
        }

        Count(caps.PointsPerMember is not null, TallyKind.Points, LocalDate.MinIsoValue, points);
        Count((caps.PointsPerDay ?? caps.PointsPerWeek ?? caps.PointsPerMonth) is not null, TallyKind.Points, _day, points);
        Count(caps.UsesPerMember is not null, TallyKind.Uses, LocalDate.MinIsoValue, uses);
        Count((caps.UsesPerDay ?? caps.UsesPerWeek ?? caps.UsesPerMonth) is not null, TallyKind.Uses, _day, uses);

        void Count(bool asked, TallyKind kind, LocalDate day, long by)
        {
            if (asked && by != 0)
            {
                _tallies.Add(new(campaign.Id, kind, day, by));
            }
        }
    }

    // ---- budgets

    private BudgetPurse PurseOf(CompiledCampaign campaign, CampaignBudget budget) =>
        new(campaign.Id, budget.ByStore ? _store : null, CampaignPeriods.StartOf(budget.Period, _day));

    /// <summary>Takes what is to be given from the budget, and cuts what it does not leave.</summary>
    /// <param name="campaign">Whose.</param>
    /// <param name="budget">Its budget.</param>
    /// <param name="spent">What it holds of it now, in the budget's measure.</param>
    /// <returns>False: nothing is to be given.</returns>
    private bool TakeBudget(CompiledCampaign campaign, CampaignBudget budget, out long spent)
    {
        var wanted = Cost(campaign, budget, Counted(campaign));
        spent = 0;
        if (wanted == 0)
        {
            return true;
        }

        var purse = PurseOf(campaign, budget);
        var taken = _context.Budgets.Take(budget, purse, wanted, budget.WhenShortNone || budget.In == BudgetMeasure.Uses, out var lease);
        if (taken < wanted)
        {
            var room = budget.In == BudgetMeasure.Points ? taken : budget.In == BudgetMeasure.Uses ? 0 : (long)Int128.Min(long.MaxValue, (Int128)taken * campaign.FirstValue!.Value.Points / campaign.FirstValue.Value.Money);
            var gives = taken > 0 && room > 0 && Cut(campaign, room, none: false);
            spent = gives ? Cost(campaign, budget, Counted(campaign)) : 0;
            if (spent < taken)
            {
                // Less than the value of a point.
                var credited = _context.Budgets.GiveBack(budget, purse, taken - spent);
                if (credited != lease)
                {
                    _spends.Add(new(campaign.Id, lease, taken));
                    _spends.Add(new(campaign.Id, credited, spent - taken));
                    return gives;
                }
            }

            if (!gives)
            {
                return false;
            }
        }
        else
        {
            spent = taken;
        }

        _spends.Add(new(campaign.Id, lease, spent));
        return true;
    }

    private static long Cost(CompiledCampaign campaign, CampaignBudget budget, long points) => budget.In switch
    {
        BudgetMeasure.Points => points,
        BudgetMeasure.Uses => 1,
        _ => campaign.FirstValue?.Of(points) ?? 0,
    };
}
