using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What campaigns would have given for the goods that are left: docs/CAMPAIGNS.md, "Returns".</summary>
internal sealed partial class CampaignJudge
{
    private readonly List<CampaignDone> _undone = [];
    private readonly List<(CampaignBudget Budget, BudgetPurse Purse, long Amount)> _givenBack = [];
    private PurchaseCampaigns? _left;

    /// <summary>Completions that are undone by the return; what they gave is to be taken back.</summary>
    public IReadOnlyList<CampaignDone> Undone => _undone;

    /// <summary>Whether the rule is that of a finished card, challenge or streak: it is not computed from the goods.</summary>
    public static bool IsDoneRule(string rule) => rule.EndsWith(":done", StringComparison.Ordinal) && rule.StartsWith("campaign:", StringComparison.Ordinal);

    /// <summary>Judges what is left of a purchase under the conditions of the sale. Takes no budget but what a campaign gets again that had lost it to another of its group.</summary>
    /// <param name="state">The member.</param>
    /// <param name="context">The turn's.</param>
    /// <param name="program">That judged the sale.</param>
    /// <param name="purchase">Before the return.</param>
    /// <param name="before">Its lines with what of them was paid with money.</param>
    /// <param name="after">The same for what is left.</param>
    /// <param name="earned">Takes what campaigns give for what is left.</param>
    /// <exception cref="CampaignNotKnownException">This process has not heard of a version that judged the sale.</exception>
    public void JudgeReturn(
        MemberState state, TurnContext context, ProgramDefinition program, PurchaseState purchase, SaleLine[] before, SaleLine[] after, List<EarnedPoints> earned)
    {
        var held = purchase.Campaigns!;
        Begin(state, context, program, default, purchase.Day, held.Store, null, purchase.Tier);
        (before, after) = (WithSomethingLeft(before), WithSomethingLeft(after));
        (_lines, _total, _activity) = (after, MemberState.Sum(after), null);
        var campaigns = Array.ConvertAll(held.Judged, judged => context.Campaigns.Compiled(judged.Campaign, judged.Version, program));
        var (gives, spent, counted) = (new bool[campaigns.Length], new long[campaigns.Length], new long[campaigns.Length]);
        var queue = new List<int>(campaigns.Length);
        Follow(null);
        for (var i = 0; i < queue.Count; i++)
        {
            var at = queue[i];
            if (GivesAfter(campaigns[at], held.Judged[at], out spent[at]))
            {
                gives[at] = true;
                counted[at] = Counted(campaigns[at]);
                List(campaigns[at]);
                Follow(campaigns[at].Id);
            }
        }

        for (var i = 0; i < campaigns.Length; i++)
        {
            var (campaign, judged) = (campaigns[i], held.Judged[i]);
            if (judged.Roles.HasFlag(CampaignRoles.Judged))
            {
                CountForCaps(campaign, counted[i] - CountedBefore(campaign, purchase), (gives[i] ? 1 : 0) - (judged.Roles.HasFlag(CampaignRoles.Gave) ? 1 : 0));
                if (spent[i] < judged.Spent)
                {
                    var budget = campaign.Definition.Budget!;
                    _givenBack.Add((budget, PurseOf(campaign, budget), judged.Spent - spent[i]));
                }
            }

            if (judged.Roles.HasFlag(CampaignRoles.Counted) && campaign.Bought is { } bought)
            {
                Change(campaign.Id, TallyKind.Bought, _day, Bought(bought, after) - Bought(bought, before));
            }

            if (judged.Roles.HasFlag(CampaignRoles.Progress))
            {
                Contribute(campaign, before, -1);
                Contribute(campaign, after, 1);
                Undo(campaign);
            }

            var roles = gives[i] ? judged.Roles | CampaignRoles.Gave : judged.Roles & ~CampaignRoles.Gave;
            _judged.Add(judged with { Roles = roles, Spent = spent[i] });
        }

        foreach (var award in _awards)
        {
            earned.Add(new(award.Rule, award.Unit, award.Points, IsTierBonus: true));
        }

        _left = new(held.Store, [.. _judged], [.. _donations], Credited());

        void Follow(string? campaign)
        {
            for (var i = 0; i < campaigns.Length; i++)
            {
                if (held.Judged[i].Roles.HasFlag(CampaignRoles.Judged) && campaigns[i].Definition.Trigger.Award == campaign)
                {
                    queue.Add(i);
                }
            }
        }
    }

    /// <summary>What the return changes, once nothing speaks against it: gives budgets back.</summary>
    public CampaignFacts ReturnFacts(PurchaseCampaigns before)
    {
        foreach (var (budget, purse, amount) in _givenBack)
        {
            _spends.Add(new(purse.Campaign, _context.Budgets.GiveBack(budget, purse, amount), -amount));
        }

        var after = _left!;
        var donations = new List<Donation>();
        foreach (var donation in after.Donations.Concat(before.Donations).DistinctBy(donation => (donation.Rule, donation.Unit, donation.Cause)))
        {
            var change = PointsOf(after.Donations, donation) - PointsOf(before.Donations, donation);
            if (change != 0)
            {
                donations.Add(donation with { Points = change });
            }
        }

        var credit = (after.Credit?.Amount ?? 0) - (before.Credit?.Amount ?? 0);
        _tallies.RemoveAll(change => change.By == 0);
        return new()
        {
            Left = after,
            Donations = [.. donations],
            Credit = credit == 0 ? null : new((after.Credit ?? before.Credit)!.Value.Basis, credit),
            Tallies = [.. _tallies],
            Stamps = [.. _stamps],
            Undone = [.. _undone.Select(done => new UndoneCampaign(done.Campaign, done.Day))],
            Spends = [.. _spends],
        };

        static long PointsOf(Donation[] donations, Donation of)
        {
            foreach (var donation in donations)
            {
                if (donation.Rule == of.Rule && donation.Unit == of.Unit && donation.Cause == of.Cause)
                {
                    return donation.Points;
                }
            }

            return 0;
        }
    }

    /// <summary>Undoes the newest full card of a unit: its stamps come back. Null: there is none.</summary>
    public CampaignDone? UndoCard(string unit)
    {
        CampaignDone? newest = null;
        foreach (var tally in _state.Engagement?.Campaigns ?? [])
        {
            foreach (var done in tally.Done)
            {
                newest = done.StampUnit == unit && !IsUndone(done) && (newest is null || IsNotOlder(done, newest)) ? done : newest;
            }
        }

        if (newest is not null)
        {
            UndoOne(newest);
            foreach (var lot in newest.Stamps)
            {
                _stamps.Add(new(unit, PostingPlace.Lot, lot.Id, lot.Points));
            }
        }

        return newest;
    }

    /// <summary>By day; of one day by campaign, so that the order does not hang on which of them was counted last.</summary>
    private static bool IsNotOlder(CampaignDone done, CampaignDone other) =>
        done.Day != other.Day ? done.Day > other.Day : string.CompareOrdinal(done.Campaign, other.Campaign) >= 0;

    /// <summary>Stamps that came back in this return.</summary>
    public IReadOnlyList<Posting> StampsBack => _stamps;

    private bool GivesAfter(CompiledCampaign campaign, in JudgedCampaign judged, out long spent)
    {
        spent = 0;
        var definition = campaign.Definition;
        if (!Matches(campaign, _lines, out var amount, out var quantity) || (definition.Group is { } group && _groups.Contains(group)) || !Compute(campaign, amount, quantity))
        {
            return false;
        }

        if (definition.Budget is not { } budget)
        {
            return Cut(campaign, judged.Room, definition.Caps?.WhenShortNone == true);
        }

        // What budgets by points and money left is in the room already, and was a part where the definition says so.
        if (!judged.Roles.HasFlag(CampaignRoles.GaveThen) || !Cut(campaign, judged.Room, budget.In == BudgetMeasure.Uses && definition.Caps?.WhenShortNone == true))
        {
            return false;
        }

        spent = Cost(campaign, budget, Counted(campaign));
        if (spent <= judged.Spent)
        {
            return true;
        }

        var more = spent - judged.Spent;
        if (_context.Budgets.Take(budget, PurseOf(campaign, budget), more, all: true, out var lease) == more)
        {
            _spends.Add(new(campaign.Id, lease, more));
            return true;
        }

        spent = 0;
        return false;
    }

    private static long CountedBefore(CompiledCampaign campaign, PurchaseState purchase)
    {
        long sum = 0;
        foreach (var award in purchase.Awards)
        {
            sum += award.Rule == campaign.Definition.Rule && award.Unit == campaign.FirstUnit ? award.Points : 0;
        }

        foreach (var donation in purchase.Campaigns!.Donations)
        {
            sum += donation.Rule == campaign.Definition.Rule && donation.Unit == campaign.FirstUnit ? donation.Points : 0;
        }

        return sum;
    }

    /// <summary>Lines of which nothing is left match nothing, and what was not refunded of them counts in no amount.</summary>
    private static SaleLine[] WithSomethingLeft(SaleLine[] lines) => Array.TrueForAll(lines, line => line.Quantity != 0m) ? lines : Array.FindAll(lines, line => line.Quantity != 0m);

    private static long Bought(CompiledWhat what, SaleLine[] lines) => Millionths(what.Measure(lines, withQuantity: true, out _, out var quantity) ? quantity : 0m);

    /// <summary>Undoes what is not complete any more, the newest first.</summary>
    private void Undo(CompiledCampaign campaign)
    {
        var done = _state.Engagement?.Find(campaign.Id) is { } tally ? tally.Done.ToArray() : [];
        Array.Reverse(done);
        var newestFirst = done.OrderByDescending(one => one.Day);
        if (campaign.Definition.Challenge is { } challenge)
        {
            foreach (var one in newestFirst)
            {
                if (DoneBy(campaign, challenge, one.Day) > Due(campaign, challenge, one.Day))
                {
                    UndoOne(one);
                }
            }
        }
        else if (campaign.Definition.Streak is { } streak)
        {
            var period = CampaignPeriods.StartOf(streak.Period, _day);
            if (Count(campaign.Id, TallyKind.Streak, period, period) > 0)
            {
                return;
            }

            var left = Run(campaign.Id, streak, CampaignPeriods.StartOf(streak.Period, period.PlusDays(-1)));
            var right = Run(campaign.Id, streak, CampaignPeriods.Next(streak.Period, period));
            var first = left.Length > 0 ? left.First : period;
            var last = right.Length > 0 ? right.Last : period;
            var due = streak.Repeat ? (left.Length / streak.Length) + (right.Length / streak.Length) : HasRun(campaign.Id, streak) ? 1 : 0;
            foreach (var one in newestFirst)
            {
                var isOfRun = !streak.Repeat || CampaignPeriods.StartOf(streak.Period, one.Day) is var at && at >= first && at <= last;
                if (isOfRun && (streak.Repeat ? DoneIn(campaign.Id, streak, first, last) : Count(campaign.Id, TallyKind.Done, LocalDate.MinIsoValue, LocalDate.MaxIsoValue)) > due)
                {
                    UndoOne(one);
                }
            }
        }
    }

    /// <summary>Whether a run of the streak's length is anywhere.</summary>
    private bool HasRun(string campaign, Streak streak)
    {
        foreach (var entry in _state.Engagement?.Find(campaign) is { } tally ? tally.Entries.ToArray() : [])
        {
            if (entry.Kind == TallyKind.Streak && Run(campaign, streak, entry.Day).Length >= streak.Length)
            {
                return true;
            }
        }

        return false;
    }

    private bool IsUndone(CampaignDone done) => _undone.Exists(one => ReferenceEquals(one, done));

    private void UndoOne(CampaignDone done)
    {
        _undone.Add(done);
        Change(done.Campaign, TallyKind.Done, done.Day, -1);
    }
}
