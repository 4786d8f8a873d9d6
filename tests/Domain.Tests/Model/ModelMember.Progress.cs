using NodaTime;

namespace Loyalty.Domain.Tests.Model;

/// <summary>A card, challenge or streak that was completed by a request of that day.</summary>
internal sealed record ModelDone(PlanCampaign Campaign, DateOnly Day, List<(ModelAward Award, ModelLotKey Lot)> Awards, List<(ModelLotKey Lot, long Points)> Stamps)
{
    /// <summary>More than 64 of the campaign were made later: it cannot be undone any more.</summary>
    public bool Stands { get; set; }
}

/// <summary>Cards, challenges and streaks of the slow member: docs/CAMPAIGNS.md, "card, challenge, streak" and "Exactly".</summary>
internal sealed partial class ModelMember
{
    private readonly List<ModelDone> _done = [];

    /// <summary>Completions that stand, in the order they were made.</summary>
    public IReadOnlyList<ModelDone> Completions => _done;

    private static IEnumerable<PlanCampaign> InOrder(IEnumerable<PlanCampaign> campaigns) => campaigns.OrderByDescending(campaign => campaign.Priority).ThenBy(campaign => campaign.Id, StringComparer.Ordinal);

    /// <summary>What a new request completes. It is in the list of requests, and what it was given is in the books.</summary>
    private List<ModelAward> Progress(ModelPurchase request)
    {
        var first = _done.Count;
        foreach (var campaign in InOrder(plan.Campaigns.Where(campaign => campaign.Challenge is not null || campaign.Streak is not null)))
        {
            if (Brings(campaign, request, request.Left))
            {
                for (var due = Math.Min(100, Worth(campaign, request.Day) - Standing(campaign, request.Day)); due > 0; due--)
                {
                    Done(campaign, request, campaign.Challenge?.Gives ?? campaign.Streak!.Gives, []);
                }
            }
        }

        foreach (var campaign in _cards)
        {
            var (card, book) = (campaign.Card!, Book(campaign.Card!.Unit));
            for (var times = 0; times < 100 && book.Lots.Values.Sum() - book.Debt >= card.Size; times++)
            {
                var (stamps, missing) = (new List<(ModelLotKey, long)>(), card.Size);
                foreach (var lot in book.InOrder())
                {
                    var taken = book.TakeFrom(lot, missing);
                    missing -= taken;
                    if (taken > 0)
                    {
                        stamps.Add((lot, taken));
                    }
                }

                book.Move("member", "redeemed", card.Size);
                Done(campaign, request, card.Gives, stamps);
            }
        }

        return [.. _done.Skip(first).SelectMany(done => done.Awards).Select(given => given.Award)];
    }

    private void Done(PlanCampaign campaign, ModelPurchase request, PlanGive[] gives, List<(ModelLotKey, long)> stamps)
    {
        var awards = gives.Select(give => (new ModelAward($"campaign:{campaign.Id}:done", give.Unit, give.Points, true), request.LotOfUnit[give.Unit])).ToList();
        foreach (var (award, lot) in awards)
        {
            Put(award.Unit, lot, award.Points);
            Book(award.Unit).Move("issued", "member", award.Points);
        }

        _done.Add(new(campaign, request.Day, awards, stamps));
        var undoable = _done.Where(done => done.Campaign.Id == campaign.Id && !done.Stands).ToList();
        undoable.SkipLast(64).ToList().ForEach(done => done.Stands = true);
    }

    // ---- what counts

    /// <summary>Whether a request brings progress to the campaign's challenge or streak.</summary>
    private static bool Brings(PlanCampaign campaign, ModelPurchase request, List<ModelLine> left) =>
        campaign.Challenge is { } challenge ? challenge.Steps.Any(step => Brings(campaign, step, request, left) > 0) : campaign.Streak is not null && CountsForStreak(campaign, request, left);

    private static bool IsJudged(PlanCampaign campaign, ModelPurchase request) => request.Chances.TryGetValue(campaign.Id, out var chance) && chance.Reason is null;

    private static decimal Brings(PlanCampaign campaign, PlanStep step, ModelPurchase request, List<ModelLine> left)
    {
        if (!IsJudged(campaign, request))
        {
            return 0;
        }

        if (request.Activity is not null)
        {
            return step.Count == "activities" && step.Activity == request.Activity.Type ? 1 : 0;
        }

        var matching = left.Where(line => line.Quantity > 0 && (step.What ?? new()).Matches(line)).ToList();
        return step.Count switch
        {
            "visits" => matching.Count > 0 ? 1 : 0,
            "quantity" => matching.Sum(line => line.Quantity),
            "amount" => matching.Sum(line => line.Amount),
            _ => 0,
        };
    }

    private static bool CountsForStreak(PlanCampaign campaign, ModelPurchase request, List<ModelLine> left) =>
        IsJudged(campaign, request) && request.Activity is null && Matching(campaign.What, request, left) is { Holds: true } matching && matching.Amount >= campaign.Streak!.MinimumAmount;

    /// <summary>How often it is complete, seen from a day.</summary>
    private long Worth(PlanCampaign campaign, DateOnly day)
    {
        if (campaign.Challenge is { } challenge)
        {
            var counted = Requests.Where(request => IsInWindow(challenge, request.Day, day)).ToList();
            var times = challenge.Steps.Min(step => (long)(counted.Sum(request => Brings(campaign, step, request, request.Left)) / step.Target));
            return challenge.Repeat ? times : Math.Min(1, times);
        }

        var streak = campaign.Streak!;
        var run = Run(campaign, PeriodOf(streak.Period, day)).Count;
        return streak.Repeat ? run / streak.Length : run >= streak.Length ? 1 : 0;
    }

    /// <summary>How often that was given already.</summary>
    private long Standing(PlanCampaign campaign, DateOnly day)
    {
        var all = _done.Where(done => done.Campaign.Id == campaign.Id);
        if ((campaign.Challenge?.Repeat ?? campaign.Streak!.Repeat) == false)
        {
            return all.Count();
        }

        if (campaign.Challenge is { } challenge)
        {
            return all.Count(done => IsInWindow(challenge, done.Day, day));
        }

        var run = Run(campaign, PeriodOf(campaign.Streak!.Period, day));
        return all.Count(done => run.Contains(PeriodOf(campaign.Streak.Period, done.Day)));
    }

    private static bool IsInWindow(PlanChallenge challenge, DateOnly counted, DateOnly day) =>
        challenge.WithinDays is not { } days || (counted <= day && counted > day.AddDays(-days));

    /// <summary>The periods in a row around one, each by its first day; none when it does not count itself.</summary>
    private HashSet<DateOnly> Run(PlanCampaign campaign, DateOnly period)
    {
        var counting = Requests.Where(request => CountsForStreak(campaign, request, request.Left)).Select(request => PeriodOf(campaign.Streak!.Period, request.Day)).ToHashSet();
        var run = new HashSet<DateOnly>();
        for (var at = period; counting.Contains(at); at = PeriodOf(campaign.Streak!.Period, at.AddDays(-1)))
        {
            run.Add(at);
        }

        for (var at = period; counting.Contains(at); at = PeriodAfter(campaign.Streak!.Period, at))
        {
            run.Add(at);
        }

        return run;
    }

    private static DateOnly PeriodAfter(string period, DateOnly first) => period switch { "day" => first.AddDays(1), "week" => first.AddDays(7), _ => first.AddMonths(1) };

    // ---- returns

    /// <summary>Completions that are not complete any more after goods of the request came back, the newest first. They are struck off the list.</summary>
    private List<ModelDone> StrikeOff(ModelPurchase request, List<ModelLine> before)
    {
        var struck = new List<ModelDone>();
        foreach (var campaign in InOrder(plan.Campaigns.Where(campaign => campaign.Challenge is not null || campaign.Streak is not null)).Where(campaign => Brings(campaign, request, before)))
        {
            var newestFirst = _done.Where(done => done.Campaign.Id == campaign.Id && !done.Stands).Reverse().OrderByDescending(done => done.Day).ToList();
            foreach (var done in newestFirst)
            {
                if (campaign.Challenge is not null ? Standing(campaign, done.Day) > Worth(campaign, done.Day) : IsBroken(campaign, request.Day, done))
                {
                    _done.Remove(done);
                    struck.Add(done);
                }
            }
        }

        return struck;
    }

    /// <summary>Whether the run that the day belonged to has more completions than what is left of it is worth.</summary>
    private bool IsBroken(PlanCampaign campaign, DateOnly day, ModelDone done)
    {
        var streak = campaign.Streak!;
        var period = PeriodOf(streak.Period, day);
        if (Run(campaign, period).Count > 0)
        {
            return false;
        }

        var (left, right) = (Run(campaign, PeriodOf(streak.Period, period.AddDays(-1))), Run(campaign, PeriodAfter(streak.Period, period)));
        if (!streak.Repeat)
        {
            return !Requests.Any(request => Run(campaign, PeriodOf(streak.Period, request.Day)).Count >= streak.Length);
        }

        HashSet<DateOnly> was = [.. left, period, .. right];
        return was.Contains(PeriodOf(streak.Period, done.Day))
            && _done.Count(other => other.Campaign.Id == campaign.Id && was.Contains(PeriodOf(streak.Period, other.Day))) > (left.Count / streak.Length) + (right.Count / streak.Length);
    }

    /// <summary>Full cards are undone, the newest first, until there are as many stamps as are to be taken back.</summary>
    private List<ModelDone> UndoCards(string unit, long points, ModelLotKey own, List<ModelPosting> postings)
    {
        var (book, undone) = (Book(unit), new List<ModelDone>());
        while (book.Lots.Values.Sum() + LapsedOf(book, own) < points && _done.Where(done => done.Campaign.Card?.Unit == unit && !done.Stands).OrderBy(done => done.Day).ThenBy(done => done.Campaign.Id, StringComparer.Ordinal).LastOrDefault() is { } newest)
        {
            _done.Remove(newest);
            undone.Add(newest);
            foreach (var (lot, stamps) in newest.Stamps)
            {
                book.Lots[lot] = book.Lots.GetValueOrDefault(lot) + stamps;
                book.Move("redeemed", "member", stamps);
            }
        }

        return undone;
    }
}
