using System.Numerics;
using NodaTime;

namespace Loyalty.Domain.Tests.Model;

internal sealed record ModelActivity(string Type, long Amount, decimal Quantity);

/// <summary>What one campaign gives to one request.</summary>
/// <param name="Awards">By unit and cause; none of 0.</param>
/// <param name="TierCredit">Progress.</param>
internal sealed record ModelGift(PlanCampaign Campaign, List<ModelAward> Awards, long TierCredit)
{
    /// <summary>Points of the first give's unit, which caps and budgets count.</summary>
    public long Counted => Awards.Where(award => award.Unit == Campaign.Gives[0].Unit).Sum(award => award.Points);
}

/// <summary>How a campaign stood to a request when it was recorded: this does not change when goods come back.</summary>
/// <param name="Reason">Why it was out of the question; null: it was not.</param>
/// <param name="CapsLeft">Points that the caps left; null: no cap of points.</param>
/// <param name="UsesLeft">Whether the caps of uses left one.</param>
internal sealed record ModelChance(string? Reason, long? CapsLeft, bool UsesLeft)
{
    /// <summary>Points that the budget let it give; null: no such budget.</summary>
    public long? BudgetPoints { get; set; }

    /// <summary>Whether it gave something.</summary>
    public bool Gave { get; set; }
}

/// <summary>
/// Campaigns of the slow member: written from docs/CAMPAIGNS.md alone. Everything is counted anew from the list of requests each time.
/// </summary>
internal sealed partial class ModelMember
{
    private readonly List<ModelPurchase> _activities = [];
    private readonly Dictionary<(string Campaign, string? Store, DateOnly From), BigInteger> _spent = [];
    private readonly List<PlanCampaign> _cards = [];

    public IReadOnlyList<ModelPurchase> Activities => _activities;

    public string[] Tags { get; set; } = [];

    public (int Month, int Day)? Birthday { get; set; }

    /// <summary>"Hold-out" of the page: FNV-1a over <c>campaign|member</c>, mixed by the finalizer of MurmurHash3.</summary>
    private bool IsHeldOut(PlanCampaign campaign)
    {
        var hash = 14695981039346656037UL;
        foreach (var part in System.Text.Encoding.UTF8.GetBytes($"{campaign.Id}|{Name}"))
        {
            hash = (hash ^ part) * 1099511628211UL;
        }

        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdUL;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53UL;
        return (hash ^ (hash >> 33)) % 10_000 < (ulong)campaign.Holdout;
    }

    /// <summary>The member's id.</summary>
    public string Name { get; init; } = "M1";

    /// <summary>Why campaigns in force gave nothing to the last request.</summary>
    public Dictionary<string, string> Skipped { get; } = [];

    private static Dictionary<string, ModelLotKey> LotsOf(PlanVersion program, DateOnly day) =>
        program.Units.ToDictionary(unit => unit.Id, unit => new ModelLotKey(day, day.AddDays(unit.Pending), ModelDays.LastUsableDay(unit.Expiry, day)));

    private static List<ModelAward> AwardsOf(ModelPurchase request, List<ModelLine> lines, List<ModelGift> gifts) =>
        [.. request.Activity is null ? ModelEarning.Earn(request.Program, request.Level, lines) : [], .. gifts.SelectMany(gift => gift.Awards)];

    private void Credit(ModelPurchase request, List<ModelAward> awards)
    {
        foreach (var award in awards)
        {
            if (award.Cause is not null)
            {
                Book(award.Unit).Move("issued", $"cause:{award.Cause}", award.Points);
                continue;
            }

            Put(award.Unit, request.LotOfUnit[award.Unit], award.Points);
            Book(award.Unit).Move("issued", "member", award.Points);
        }
    }

    private List<ModelPosting> PutBack(string unit, ModelLotKey lot, long points)
    {
        var (book, postings) = (Book(unit), new List<ModelPosting>());
        var debt = book.Debt;
        Put(unit, lot, points);
        book.Move("returned", "member", points);
        Note(postings, unit, "debt", null, debt - book.Debt);
        Note(postings, unit, "lot", lot, points - (debt - book.Debt));
        return postings;
    }

    // ---- a request

    /// <summary>Records an activity.</summary>
    public ModelOutcome Do(Instant now, string id, Instant at, string? store, string? channel, ModelActivity activity)
    {
        BringUpToDate(now);
        var codes = WhyNot(now, at, Plan.Currency);
        if (codes.Count > 0)
        {
            return ModelOutcome.Refused(codes);
        }

        EnrolBySale(at, now);
        var awards = Perform(now, id, at, store, channel, activity);
        BringUpToDate(now);
        return ModelOutcome.Done([.. awards]);
    }

    /// <summary>The engine's own activity of a member that was enrolled.</summary>
    public void SignUp(Instant now) => Perform(now, "sign-up", now, null, null, new("sign-up", 0, 0));

    private List<ModelAward> Perform(Instant now, string id, Instant at, string? store, string? channel, ModelActivity activity)
    {
        var (program, day) = (plan.At(at), DayOfSale(at, now));
        var request = new ModelPurchase
        {
            Id = id, Day = day, Program = program, Level = LevelOn(now, day), Lines = [], Left = [], LotOfUnit = LotsOf(program, day), At = at, Store = store, Channel = channel, Activity = activity,
        };
        Judge(now, request);
        var awards = AwardsOf(request, [], request.Gifts);
        Credit(request, awards);
        _activities.Add(request);
        awards.AddRange(Progress(request));
        BringUpToDate(now);
        return awards;
    }

    /// <summary>Judges a new request: conditions, then what caps and budgets leave.</summary>
    private void Judge(Instant now, ModelPurchase request)
    {
        Skipped.Clear();
        _cards.Clear();
        foreach (var campaign in plan.Campaigns.Where(campaign => campaign.IsInForce(request.At)))
        {
            var reason = !IsNow(campaign, request) ? "not-now"
                : !IsHere(campaign, request) ? "not-here"
                : campaign.Who is { } who && !IsFor(now, who, request) ? "not-for-member"
                : campaign.Holdout > 0 && IsHeldOut(campaign) ? "hold-out"
                : null;
            request.Chances[campaign.Id] = new(reason, CapsLeft(campaign, request), UsesLeft(campaign, request));
        }

        request.Gifts = Combine(request, request.Left, isFirst: true);
        foreach (var gift in request.Gifts)
        {
            request.Chances[gift.Campaign.Id].Gave = true;
        }

        Spend(request, [], request.Gifts);
    }

    /// <summary>What campaigns give for what is left.</summary>
    private List<ModelGift> Gifts(ModelPurchase request, List<ModelLine> left) => Combine(request, left, isFirst: false);

    private void Settle(ModelPurchase request, List<ModelLine> left)
    {
        var gifts = Gifts(request, left);
        Spend(request, request.Gifts, gifts);
        (request.Left, request.Gifts) = (left, gifts);
    }

    private List<ModelGift> Combine(ModelPurchase request, List<ModelLine> left, bool isFirst)
    {
        var gifts = new List<ModelGift>();
        var queue = new Queue<PlanCampaign>(Ordered(campaign => campaign.OnAward is null && campaign.OnActivity == request.Activity?.Type));
        while (queue.TryDequeue(out var campaign))
        {
            var reason = Give(campaign, request, left, isFirst, gifts);
            if (reason is not null)
            {
                if (isFirst && reason.Length > 0)
                {
                    Skipped[campaign.Id] = reason;
                }

                continue;
            }

            foreach (var follower in Ordered(follower => follower.OnAward == campaign.Id))
            {
                queue.Enqueue(follower);
            }
        }

        return gifts;

        IEnumerable<PlanCampaign> Ordered(Func<PlanCampaign, bool> which) =>
            plan.Campaigns.Where(campaign => request.Chances.ContainsKey(campaign.Id) && (campaign.Gives.Length > 0 || campaign.Card is not null) && which(campaign)).OrderByDescending(campaign => campaign.Priority).ThenBy(campaign => campaign.Id, StringComparer.Ordinal);
    }

    private string? Give(PlanCampaign campaign, ModelPurchase request, List<ModelLine> left, bool isFirst, List<ModelGift> gifts)
    {
        var chance = request.Chances[campaign.Id];
        if (chance.Reason is not null)
        {
            return chance.Reason;
        }

        var (amount, quantity, holds) = Matching(campaign.What, request, left);
        if (!holds)
        {
            return "not-in-basket";
        }

        if (isFirst && campaign.Card is not null)
        {
            _cards.Add(campaign);
        }

        if (campaign.Gives.Length == 0)
        {
            return "";
        }

        if (campaign.Group is not null && gifts.Any(gift => gift.Campaign.Group == campaign.Group))
        {
            return "exclusive";
        }

        var points = campaign.Gives.Select(give => (long)PointsOf(give, request, amount, quantity)).ToArray();
        var credit = campaign.Gives.Where(give => give.Type == "tierCredit").Sum(give => give.Points);
        if (credit == 0 && points.All(award => award == 0))
        {
            return "not-in-basket";
        }

        if (!chance.UsesLeft || !Cut(campaign, points, chance.CapsLeft, campaign.Caps?.None == true))
        {
            return "cap";
        }

        if (campaign.Budget is { } budget)
        {
            if (isFirst)
            {
                var free = (BigInteger)budget.Amount - _spent.GetValueOrDefault(PurseOf(campaign, request));
                var unit = campaign.Gives[0].Unit;
                var room = budget.In switch
                {
                    "uses" => null,
                    "points" => (long?)Math.Max(0, (long)free),
                    _ => MoneyBuys(free, request.Program.Unit(unit).Value!.Value),
                };
                if ((budget.In == "uses" && free < 1) || !Cut(campaign, points, room, budget.None))
                {
                    return "budget";
                }

                chance.BudgetPoints = budget.In == "uses" ? null : Counted(campaign, points);
            }
            else
            {
                if (!chance.Gave || !Cut(campaign, points, chance.BudgetPoints, false))
                {
                    return "budget";
                }

                // What it holds of the budget is less when others of its group had taken its place in the meantime: then it has to get it again.
                var held = request.Gifts.Where(gift => gift.Campaign.Id == campaign.Id).Select(gift => Cost(gift, request)).DefaultIfEmpty().Max();
                var more = CostOf(campaign, Counted(campaign, points), request) - held;
                if (more > 0 && more > budget.Amount - _spent.GetValueOrDefault(PurseOf(campaign, request)))
                {
                    return "budget";
                }
            }
        }

        var awards = campaign.Gives.Zip(points).Where(pair => pair.Second != 0)
            .GroupBy(pair => (pair.First.Unit, Cause: pair.First.Type == "donation" ? pair.First.Cause : null))
            .Select(unit => new ModelAward($"campaign:{campaign.Id}", unit.Key.Unit, unit.Sum(pair => pair.Second), true) { Cause = unit.Key.Cause });
        gifts.Add(new(campaign, [.. awards], credit));
        return null;
    }

    private static long? MoneyBuys(BigInteger money, (long Money, long Points) value) =>
        value.Money == 0 ? null : (long)BigInteger.Min(long.MaxValue, BigInteger.Max(0, money) * value.Points / value.Money);

    private static long Counted(PlanCampaign campaign, long[] points) => campaign.Gives.Zip(points).Where(pair => pair.First.Unit == campaign.Gives[0].Unit).Sum(pair => pair.Second);

    /// <summary>Cuts what is given in the first give's unit, the last give first; false: nothing is to be given.</summary>
    private static bool Cut(PlanCampaign campaign, long[] points, long? room, bool none)
    {
        var tooMuch = Counted(campaign, points) - room;
        if (tooMuch is null or <= 0)
        {
            return true;
        }

        if (none || room == 0)
        {
            return false;
        }

        for (var i = points.Length - 1; i >= 0; i--)
        {
            if (campaign.Gives[i].Unit == campaign.Gives[0].Unit)
            {
                var cut = Math.Min(points[i], tooMuch.Value);
                (points[i], tooMuch) = (points[i] - cut, tooMuch - cut);
            }
        }

        return true;
    }

    private static (long Amount, decimal Quantity, bool Holds) Matching(PlanWhat? what, ModelPurchase request, List<ModelLine> left)
    {
        what ??= new();
        if (request.Activity is { } activity)
        {
            return (activity.Amount, activity.Quantity, activity.Quantity >= what.MinimumQuantity && activity.Amount >= what.MinimumAmount);
        }

        var there = left.Where(line => line.Quantity > 0).ToList();
        var matching = there.Where(what.Matches).ToList();
        var (amount, quantity) = (matching.Sum(line => line.Amount), matching.Sum(line => line.Quantity));
        return (amount, quantity, matching.Count > 0 && quantity >= what.MinimumQuantity && amount >= what.MinimumAmount && there.Sum(line => line.Amount) >= what.BasketAmount);
    }

    private static BigInteger PointsOf(PlanGive give, ModelPurchase request, long amount, decimal quantity)
    {
        var mode = request.Program.Rounding;
        switch (give.Type)
        {
            case "rate":
            case "donation" when give.Per > 0:
                return ModelEarning.Round(amount * (BigInteger)give.Points, give.Per, mode);
            case "multiplier":
                var rules = request.Program.Earn.Where(rule => rule.Unit == give.Unit).ToList();
                var bonus = give.WithTier ? request.Program.Tiers?.Levels.FirstOrDefault(level => level.Id == request.Level)?.Bonus ?? 0m : 0m;
                // The sum of rates over one denominator, in millionths (bonus) of ten-thousandths (factor).
                var denominator = rules.Aggregate(BigInteger.One, (product, rule) => product * rule.Per);
                var rate = rules.Aggregate(BigInteger.Zero, (sum, rule) => sum + (denominator / rule.Per * rule.Points * (1_000_000 + (rule.Bonus ? new BigInteger(bonus * 1_000_000m) : 0))));
                return ModelEarning.Round(amount * rate * new BigInteger((give.Factor - 1m) * 10_000m), denominator * 1_000_000 * 10_000, mode);
            case "each":
                return give.Points * new BigInteger(decimal.Floor(quantity / give.Quantity));
            case "tierCredit":
                return 0;
            default:
                return give.Points;
        }
    }

    // ---- when, where, who

    private bool IsNow(PlanCampaign campaign, ModelPurchase request)
    {
        if (campaign.When is not { } when)
        {
            return true;
        }

        var storeZone = request.Program.Stores.FirstOrDefault(store => store.Id == request.Store)?.Zone;
        var local = request.At.InZone(DateTimeZoneProviders.Tzdb[when.StoreZone && storeZone is not null ? storeZone : plan.Zone]);
        var (date, minute) = (new DateOnly(local.Year, local.Month, local.Day), (local.Hour * 60) + local.Minute);
        return when.Dates?.Contains(date) != false
            && when.Weekdays?.Contains(date.DayOfWeek.ToString().ToLowerInvariant()) != false
            && when.Hours?.Any(span => span.From < span.To ? minute >= span.From && minute < span.To : minute >= span.From || minute < span.To) != false;
    }

    private static bool IsHere(PlanCampaign campaign, ModelPurchase request)
    {
        var groups = request.Program.Stores.FirstOrDefault(store => store.Id == request.Store)?.Groups ?? [];
        var isStore = (campaign.Stores ?? campaign.StoreGroups) is null || campaign.Stores?.Contains(request.Store) == true || campaign.StoreGroups?.Any(groups.Contains) == true;
        return isStore && campaign.Channels?.Contains(request.Channel) != false;
    }

    private bool IsFor(Instant now, PlanWho who, ModelPurchase request)
    {
        var day = request.Day;
        var visits = Visits(plan.At(now)).Where(visit => visit.Day <= day).ToList();
        var number = 1 + (request.Activity is { } activity ? _activities.Count(other => other.Activity!.Type == activity.Type && other.Day <= day) : visits.Sum(visit => visit.Count));
        var before = DaysWithVisits(visits).Where(visit => visit < day).ToList();
        return who.Tiers?.Contains(LevelOn(now, day) ?? "none") != false
            && who.Tags?.Any(Tags.Contains) != false
            && who.NoTags?.Any(Tags.Contains) != true
            && (who.JoinedWithinDays is null || day <= EnrolledOn.AddDays(who.JoinedWithinDays.Value))
            && (!who.FirstPurchase || visits.Sum(visit => visit.Count) == 0)
            && (who.BirthdayMonth ? Birthday?.Month == day.Month : who.Birthday is not { } window || IsAroundBirthday(day, window.Before, window.After))
            && (who.VisitEvery == 0 || number % who.VisitEvery == 0)
            && who.VisitNumbers?.Contains((int)number) != false
            && (who.AbsentDays is null || (before.Count > 0 && before.Max().AddDays(who.AbsentDays.Value) <= day))
            && (who.Bought is not { } bought || Bought(bought.What, day.AddDays(-bought.WithinDays), day) >= bought.Quantity);
    }

    /// <summary>Purchases of which something is left, and progress that campaigns gave where visits are the tier's basis.</summary>
    private IEnumerable<(DateOnly Day, long Count)> Visits(PlanVersion program) =>
        _purchases.Select(purchase => (purchase.Day, purchase.IsReturnedWhole ? 0L : 1))
            .Concat(program.Tiers?.Basis == "visits" ? Requests.Select(request => (request.Day, request.Gifts.Sum(gift => gift.TierCredit))) : []);

    private static IEnumerable<DateOnly> DaysWithVisits(IEnumerable<(DateOnly Day, long Count)> visits) => visits.GroupBy(visit => visit.Day).Where(day => day.Sum(visit => visit.Count) > 0).Select(day => day.Key);

    private bool IsAroundBirthday(DateOnly day, int before, int after) =>
        Birthday is { } birthday && Enumerable.Range(day.Year - 1, 3).Any(year =>
        {
            var celebrated = birthday == (2, 29) && !DateTime.IsLeapYear(year) ? new DateOnly(year, 2, 28) : new DateOnly(year, birthday.Month, birthday.Day);
            return day >= celebrated.AddDays(-before) && day <= celebrated.AddDays(after);
        });

    private decimal Bought(PlanWhat what, DateOnly from, DateOnly through) =>
        _purchases.Where(purchase => purchase.Day >= from && purchase.Day <= through).SelectMany(purchase => purchase.Left).Where(line => line.Quantity > 0 && what.Matches(line)).Sum(line => line.Quantity);

    // ---- caps and budget

    private IEnumerable<ModelPurchase> Requests => _purchases.Concat(_activities);

    private long? CapsLeft(PlanCampaign campaign, ModelPurchase request)
    {
        long? left = null;
        foreach (var (period, most) in campaign.Caps?.Points ?? [])
        {
            var used = period == "purchase" ? 0 : GiftsIn(period, campaign, request).Sum(gift => gift.Counted);
            left = Math.Min(left ?? long.MaxValue, Math.Max(0, most - used));
        }

        return left;
    }

    private bool UsesLeft(PlanCampaign campaign, ModelPurchase request) =>
        (campaign.Caps?.Uses ?? []).All(cap => GiftsIn(cap.Key, campaign, request).Count() < cap.Value);

    private IEnumerable<ModelGift> GiftsIn(string period, PlanCampaign campaign, ModelPurchase request) =>
        Requests.Where(other => other != request && (period == "member" || PeriodOf(period, other.Day) == PeriodOf(period, request.Day))).SelectMany(other => other.Gifts).Where(gift => gift.Campaign.Id == campaign.Id);

    private static DateOnly PeriodOf(string period, DateOnly day) => period switch
    {
        "day" => day,
        "week" => day.AddDays(-(((int)day.DayOfWeek + 6) % 7)),
        "month" => new(day.Year, day.Month, 1),
        _ => DateOnly.MinValue,
    };

    private static (string Campaign, string? Store, DateOnly From) PurseOf(PlanCampaign campaign, ModelPurchase request) =>
        (campaign.Id, campaign.Budget!.ByStore ? request.Store : null, PeriodOf(campaign.Budget.Period, request.Day));

    /// <summary>What is spent of a purse, in the budget's measure.</summary>
    public BigInteger SpentOf(PlanCampaign campaign, ModelPurchase request) => _spent.GetValueOrDefault(PurseOf(campaign, request));

    private void Spend(ModelPurchase request, List<ModelGift> before, List<ModelGift> after)
    {
        foreach (var gift in before.Where(gift => gift.Campaign.Budget is not null))
        {
            var purse = PurseOf(gift.Campaign, request);
            _spent[purse] = _spent.GetValueOrDefault(purse) - Cost(gift, request);
        }

        foreach (var gift in after.Where(gift => gift.Campaign.Budget is not null))
        {
            var purse = PurseOf(gift.Campaign, request);
            _spent[purse] = _spent.GetValueOrDefault(purse) + Cost(gift, request);
        }
    }

    private static BigInteger Cost(ModelGift gift, ModelPurchase request) => CostOf(gift.Campaign, gift.Counted, request);

    private static BigInteger CostOf(PlanCampaign campaign, long counted, ModelPurchase request)
    {
        switch (campaign.Budget!.In)
        {
            case "uses":
                return 1;
            case "points":
                return counted;
            default:
                var value = request.Program.Unit(campaign.Gives[0].Unit).Value!.Value;
                return ((counted * (BigInteger)value.Money) + value.Points - 1) / value.Points;
        }
    }
}
