using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>Cards, challenges and streaks: docs/CAMPAIGNS.md, "card, challenge, streak".</summary>
internal sealed partial class CampaignJudge
{
    /// <summary>Counts what lines bring to the steps (or, with −1, take away from them); false: nothing.</summary>
    private bool Contribute(CompiledCampaign campaign, SaleLine[] lines, int sign)
    {
        var before = _tallies.Count;
        if (campaign.Definition.Challenge is { } challenge)
        {
            for (var i = 0; i < challenge.Steps.Count; i++)
            {
                var step = challenge.Steps[i];
                if (step.Counts == StepCount.Activities || !campaign.StepWhat(i).Measure(lines, step.Counts == StepCount.Quantity, out var amount, out var quantity))
                {
                    continue;
                }

                var by = step.Counts switch { StepCount.Visits => 1, StepCount.Quantity => Millionths(quantity), _ => amount };
                Change(campaign.Id, StepKind(i), DayOf(challenge), sign * by);
            }
        }

        if (campaign.Definition.Streak is { } streak && campaign.What.Holds(lines, MemberState.Sum(lines), withQuantity: false, out var spent, out _) && spent >= streak.MinimumAmount)
        {
            Change(campaign.Id, TallyKind.Streak, CampaignPeriods.StartOf(streak.Period, _day), sign);
        }

        return _tallies.Count > before;
    }

    private void Contribute(CompiledCampaign campaign, string activity)
    {
        var challenge = campaign.Definition.Challenge!;
        for (var i = 0; i < challenge.Steps.Count; i++)
        {
            if (challenge.Steps[i].Activity == activity)
            {
                Change(campaign.Id, StepKind(i), DayOf(challenge), 1);
            }
        }
    }

    private static TallyKind StepKind(int step) => (TallyKind)((int)TallyKind.Step + step);

    private LocalDate DayOf(Challenge challenge) => challenge.WithinDays is null ? LocalDate.MinIsoValue : _day;

    private void Change(string campaign, TallyKind kind, LocalDate day, long by)
    {
        for (var i = _tallies.Count - 1; i >= 0 && by != 0; i--)
        {
            if (_tallies[i].Campaign == campaign && _tallies[i].Count == kind && _tallies[i].Day == day)
            {
                _tallies[i] = _tallies[i] with { By = _tallies[i].By + by };
                return;
            }
        }

        if (by != 0)
        {
            _tallies.Add(new(campaign, kind, day, by));
        }
    }

    /// <summary>What is counted, with what this request changes.</summary>
    private long Count(string campaign, TallyKind kind, LocalDate from, LocalDate through)
    {
        var sum = _state.Engagement?.Find(campaign)?.Sum(kind, from, through) ?? 0;
        foreach (var change in _tallies)
        {
            sum += change.Campaign == campaign && change.Count == kind && change.Day >= from && change.Day <= through ? change.By : 0;
        }

        return sum;
    }

    /// <summary>Gives what is complete now and was not before.</summary>
    private void Complete(CompiledCampaign campaign)
    {
        var (due, gives) = campaign.Definition switch
        {
            { Challenge: { } challenge } => (Due(campaign, challenge, _day) - DoneBy(campaign, challenge, _day), challenge.Gives),
            { Streak: { } streak } => (Due(campaign, streak), streak.Gives),
            _ => (0, []),
        };
        for (due = Math.Min(due, MaxDoneAtOnce); due > 0; due--)
        {
            Done(campaign, gives, null, []);
        }
    }

    private void Done(CompiledCampaign campaign, IReadOnlyList<CampaignGive.Bonus> gives, string? stampUnit, Lot[] stamps)
    {
        var awards = new List<Award>(gives.Count);
        foreach (var give in gives)
        {
            var unit = _program.FindUnit(give.Unit)!.Id;
            Award(campaign.Definition.DoneRule, unit, give.Points);
            awards.Add(new(campaign.Definition.DoneRule, unit, give.Points, IsTierBonus: true, LotOf(give.Unit)));
        }

        _done.Add(new(campaign.Id, campaign.Definition.Version, _day, [.. awards], stampUnit, stamps));
        Change(campaign.Id, TallyKind.Done, _day, 1);
    }

    /// <summary>How often the challenge is complete on a day.</summary>
    private long Due(CompiledCampaign campaign, Challenge challenge, LocalDate day)
    {
        var (from, through) = Window(challenge, day);
        var times = long.MaxValue;
        for (var i = 0; i < challenge.Steps.Count && times > 0; i++)
        {
            var step = challenge.Steps[i];
            var target = step.Counts == StepCount.Quantity ? step.Target * 1_000_000 : step.Target;
            times = Math.Min(times, Count(campaign.Id, StepKind(i), from, through) / target);
        }

        return challenge.Repeat ? times : Math.Min(1, times);
    }

    /// <summary>How often that was given already.</summary>
    private long DoneBy(CompiledCampaign campaign, Challenge challenge, LocalDate day)
    {
        var (from, through) = challenge.Repeat ? Window(challenge, day) : (LocalDate.MinIsoValue, LocalDate.MaxIsoValue);
        return Count(campaign.Id, TallyKind.Done, from, through);
    }

    private static (LocalDate From, LocalDate Through) Window(Challenge challenge, LocalDate day) =>
        challenge.WithinDays is { } days ? (day.PlusDays(1 - days), day) : (LocalDate.MinIsoValue, LocalDate.MaxIsoValue);

    /// <summary>How often the run of periods around the request is complete and was not given.</summary>
    private long Due(CompiledCampaign campaign, Streak streak)
    {
        var period = CampaignPeriods.StartOf(streak.Period, _day);
        if (!streak.Repeat)
        {
            return Run(campaign.Id, streak, period).Length >= streak.Length && Count(campaign.Id, TallyKind.Done, LocalDate.MinIsoValue, LocalDate.MaxIsoValue) == 0 ? 1 : 0;
        }

        var (length, first, last) = Run(campaign.Id, streak, period);
        return (length / streak.Length) - DoneIn(campaign.Id, streak, first, last);
    }

    private long DoneIn(string campaign, Streak streak, LocalDate firstPeriod, LocalDate lastPeriod) =>
        Count(campaign, TallyKind.Done, firstPeriod, CampaignPeriods.Next(streak.Period, lastPeriod).PlusDays(-1));

    /// <summary>The periods in a row around one: how many, the first and the last; 0: it does not count itself.</summary>
    private (int Length, LocalDate First, LocalDate Last) Run(string campaign, Streak streak, LocalDate period)
    {
        var (length, first, last) = (0, period, period);
        for (var at = period; Counts(at); at = CampaignPeriods.StartOf(streak.Period, at.PlusDays(-1)))
        {
            (length, first) = (length + 1, at);
        }

        for (var at = CampaignPeriods.Next(streak.Period, period); length > 0 && Counts(at); at = CampaignPeriods.Next(streak.Period, at))
        {
            (length, last) = (length + 1, at);
        }

        return (length, first, last);

        bool Counts(LocalDate start) => Count(campaign, TallyKind.Streak, start, start) > 0;
    }

    // ---- cards

    /// <summary>Takes the stamps of full cards, and gives what they are good for.</summary>
    private void StampCards(Award[] baseAwards, TenderTaken? tender)
    {
        foreach (var campaign in _cards)
        {
            var card = campaign.Definition.Card!;
            var (lots, balance) = LotsWith(card.Unit, baseAwards, tender);
            for (var times = 0; balance >= card.Size && times < MaxDoneAtOnce; times++)
            {
                var stamps = new List<Lot>();
                var missing = card.Size;
                for (var i = 0; i < lots.Count && missing > 0; i++)
                {
                    var taken = Math.Min(missing, lots[i].Points);
                    if (taken > 0)
                    {
                        stamps.Add(new(lots[i].Id, taken));
                        lots[i] = lots[i] with { Points = lots[i].Points - taken };
                        missing -= taken;
                    }
                }

                foreach (var lot in stamps)
                {
                    _stamps.Add(new(card.Unit, PostingPlace.Lot, lot.Id, -lot.Points));
                }

                balance -= card.Size;
                Done(campaign, card.Gives, card.Unit, [.. stamps]);
                foreach (var give in card.Gives)
                {
                    if (give.Unit == card.Unit)
                    {
                        Put(lots, LotOf(give.Unit), give.Points);
                        balance += give.Points;
                    }
                }
            }
        }
    }

    /// <summary>The member's lots of a unit with what this request gave and took.</summary>
    private (List<Lot> Lots, long Balance) LotsWith(string unit, Award[] baseAwards, TenderTaken? tender)
    {
        var book = _state.FindBook(unit);
        var lots = book is null ? [] : book.Lots.ToArray().ToList();
        var debt = book?.Debt ?? 0;
        foreach (var award in baseAwards.Concat(_awards))
        {
            if (award.Unit == unit)
            {
                var repaid = Math.Min(debt, award.Points);
                debt -= repaid;
                Put(lots, award.Lot, award.Points - repaid);
            }
        }

        foreach (var stamp in _stamps)
        {
            if (stamp.Unit == unit)
            {
                Put(lots, stamp.Lot, stamp.Points);
            }
        }

        foreach (var lot in tender is not null && tender.Tender.Unit == unit ? tender.Lots : [])
        {
            Put(lots, lot.Id, -lot.Points);
        }

        return (lots, lots.Sum(lot => lot.Points) - debt);
    }

    private static void Put(List<Lot> lots, LotId id, long points)
    {
        var at = lots.FindIndex(lot => lot.Id >= id);
        if (at >= 0 && lots[at].Id == id)
        {
            lots[at] = new(id, lots[at].Points + points);
        }
        else if (points != 0)
        {
            lots.Insert(at < 0 ? lots.Count : at, new(id, points));
        }
    }
}
