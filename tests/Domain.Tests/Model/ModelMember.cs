using NodaTime;

namespace Loyalty.Domain.Tests.Model;

/// <summary>What makes a lot one lot (besides its unit).</summary>
internal sealed record ModelLotKey(DateOnly Earned, DateOnly Available, DateOnly? Last);

/// <summary>Points moved: place is lot, lapsed, debt or written-off.</summary>
internal sealed record ModelPosting(string Unit, string Place, ModelLotKey? Lot, long Points);

/// <summary>How a command ended; several codes when the request breaks several rules at once (which one is named first is not in the rules).</summary>
internal sealed record ModelOutcome(string[] RefusedBecauseOf, bool Waits, ModelAward[] Awards, List<ModelApplied> Returns)
{
    public static ModelOutcome Refused(params IEnumerable<string> codes) => new([.. codes], false, [], []);

    public static ModelOutcome Done(ModelAward[]? awards = null, bool waits = false, List<ModelApplied>? returns = null) => new([], waits, awards ?? [], returns ?? []);
}

/// <summary>A return that was applied.</summary>
internal sealed record ModelApplied(string Id, ModelAward[] Takes, List<ModelPosting> Postings);

internal sealed class ModelBook
{
    public Dictionary<ModelLotKey, long> Lots { get; } = [];

    public Dictionary<ModelLotKey, long> Lapsed { get; } = [];

    public long Debt { get; set; }

    /// <summary>Balances of all accounts of this unit; they sum to zero.</summary>
    public Dictionary<string, long> Accounts { get; } = [];

    public ModelBook Copy()
    {
        var copy = new ModelBook { Debt = Debt };
        foreach (var (lot, points) in Lots)
        {
            copy.Lots[lot] = points;
        }

        foreach (var (lot, points) in Lapsed)
        {
            copy.Lapsed[lot] = points;
        }

        foreach (var (account, points) in Accounts)
        {
            copy.Accounts[account] = points;
        }

        return copy;
    }

    public void Move(string from, string to, long points)
    {
        Accounts[from] = Accounts.GetValueOrDefault(from) - points;
        Accounts[to] = Accounts.GetValueOrDefault(to) + points;
    }

    /// <summary>Lots in the order of spending.</summary>
    public List<ModelLotKey> InOrder() =>
        [.. Lots.Keys.OrderBy(lot => lot.Last is null).ThenBy(lot => lot.Last).ThenBy(lot => lot.Earned).ThenBy(lot => lot.Available)];

    /// <summary>Takes at most so many points out of a lot; says how many.</summary>
    public long TakeFrom(ModelLotKey lot, long atMost)
    {
        var taken = Math.Min(atMost, Lots.GetValueOrDefault(lot));
        if (taken > 0 && (Lots[lot] -= taken) == 0)
        {
            Lots.Remove(lot);
        }

        return taken;
    }
}

/// <summary>A purchase as it was, what is left of its lines, and what was taken back of its awards.</summary>
internal sealed class ModelPurchase
{
    public required string Id { get; init; }

    public required DateOnly Day { get; init; }

    public required PlanVersion Program { get; init; }

    public required string? Level { get; init; }

    public required ModelLine[] Lines { get; init; }

    public required List<ModelLine> Left { get; set; }

    public required Dictionary<string, ModelLotKey> LotOfUnit { get; init; }

    public bool IsReturnedWhole => Left.All(line => line.Quantity == 0);

    public required Instant At { get; init; }

    public string? Store { get; init; }

    public string? Channel { get; init; }

    /// <summary>Null: a purchase.</summary>
    public ModelActivity? Activity { get; init; }

    /// <summary>How each campaign stood to it when it was recorded.</summary>
    public Dictionary<string, ModelChance> Chances { get; } = [];

    /// <summary>What campaigns have given for what is left.</summary>
    public List<ModelGift> Gifts { get; set; } = [];
}

internal sealed record ModelReturn(string Id, string? Purchase, Instant At, string Currency, ModelLine[] Lines);

/// <summary>
/// The slow, plain member: written from docs/RULES.md alone. It keeps every purchase and computes tiers from the beginning each time.
/// </summary>
internal sealed partial class ModelMember(Plan plan)
{
    private readonly List<ModelPurchase> _purchases = [];
    private readonly List<ModelProgress> _withoutReceipt = [];
    private readonly List<DateOnly> _given = [];
    private readonly Dictionary<string, ModelBook> _books = [];

    public List<ModelReturn> Waiting { get; } = [];

    public bool IsEnrolled { get; private set; }

    public bool IsBlocked { get; private set; }

    public bool IsClosed { get; private set; }

    public DateOnly EnrolledOn { get; private set; }

    public IReadOnlyList<ModelPurchase> Purchases => _purchases;

    public ModelBook Book(string unit) => _books.TryGetValue(unit, out var book) ? book : _books[unit] = new();

    private DateOnly Day(Instant at) => ModelDays.DayOf(at, plan.Zone);

    /// <summary>The day of a sale: that of its own time, or today when its time is ahead of the engine's clock.</summary>
    private DateOnly DayOfSale(Instant at, Instant now) => Day(at < now ? at : now);

    // ---- standing

    public IReadOnlyList<ModelProgress> Entries(PlanTiers policy) =>
    [
        .. _purchases.Select(purchase => new ModelProgress(
            purchase.Day, purchase.Left.Sum(line => line.Amount), BasePoints(purchase.Program, purchase.Left, policy.Unit), purchase.IsReturnedWhole ? 0 : 1)),
        .. Requests.Select(request => (request.Day, Credit: request.Gifts.Sum(gift => gift.TierCredit))).Where(credit => credit.Credit != 0).Select(credit => policy.Basis == "visits"
            ? new ModelProgress(credit.Day, 0, 0, credit.Credit) : new ModelProgress(credit.Day, 0, 0, 0) { Credit = credit.Credit }),
        .. _withoutReceipt,
    ];

    private static long BasePoints(PlanVersion program, IReadOnlyList<ModelLine> lines, string unit) =>
        ModelEarning.Earn(program, null, lines).Where(award => award.Unit == unit).Sum(award => award.Points);

    public ModelStanding Standing(Instant now, DateOnly day) =>
        plan.At(now).Tiers is { } policy ? new ModelTiers(policy, EnrolledOn, Entries(policy)).StandingOn(day) : ModelStanding.None;

    private string? LevelOn(Instant now, DateOnly day) =>
        Standing(now, day) is { Level: > 0 } standing ? plan.At(now).Tiers!.Levels[standing.Level - 1].Id : null;

    /// <summary>The last activity day: the latest of the enrolment day, the days with a visit left and those of positive adjustments.</summary>
    private DateOnly LastActivity(PlanVersion program) => DaysWithVisits(Visits(program)).Concat(_given).Append(EnrolledOn).Max();

    // ---- time

    public void BringUpToDate(Instant now)
    {
        EndOverdueHolds(now);
        var today = Day(now);
        foreach (var unit in plan.At(now).Units)
        {
            var book = Book(unit.Id);
            var all = unit.Expiry.Policy == "inactivity" && today > LastActivity(plan.At(now)).AddMonths(unit.Expiry.Months);
            foreach (var (lot, points) in book.Lots.ToList())
            {
                if (all || today > lot.Last)
                {
                    book.Lots.Remove(lot);
                    book.Lapsed[lot] = book.Lapsed.GetValueOrDefault(lot) + points;
                    book.Move("member", "expired", points);
                }
            }
        }
    }

    public (long Available, long Pending) Balance(string unit, Instant now)
    {
        var (book, today) = (Book(unit), Day(now));
        var pending = book.Lots.Where(lot => today < lot.Key.Available).Sum(lot => lot.Value);
        return (book.Lots.Values.Sum() - pending - book.Debt, pending);
    }

    // ---- commands

    public void Enrol(DateOnly day) => (IsEnrolled, EnrolledOn) = (true, day);

    /// <summary>A sale of a member that nobody enrolled; a refused one enrols nobody.</summary>
    private void EnrolBySale(Instant at, Instant now)
    {
        if (!IsEnrolled)
        {
            Enrol(DayOfSale(at, now));
            Perform(now, "sign-up", at, null, null, new("sign-up", 0, 0));
        }
    }

    public ModelOutcome Buy(Instant now, string id, Instant at, string currency, ModelLine[] lines, string store = "S1", string? channel = null)
    {
        BringUpToDate(now);
        var codes = WhyNot(now, at, currency);
        if (codes.Count > 0)
        {
            return ModelOutcome.Refused(codes);
        }

        EnrolBySale(at, now);
        var (program, day) = (plan.At(at), DayOfSale(at, now));
        var level = LevelOn(now, day);
        var purchase = new ModelPurchase
        {
            Id = id, Day = day, Program = program, Level = level, Lines = lines, Left = [.. lines], LotOfUnit = LotsOf(program, day), At = at, Store = store, Channel = channel,
        };
        Judge(now, purchase);
        var awards = AwardsOf(purchase, purchase.Left, purchase.Gifts);
        Credit(purchase, awards);
        _purchases.Add(purchase);
        awards.AddRange(Progress(purchase));
        var returns = new List<ModelApplied>();
        foreach (var waiting in Waiting.Where(waiting => waiting.Purchase == id).ToList())
        {
            Waiting.Remove(waiting);
            returns.Add(TakeOff(now, waiting, purchase, LinesAfter(purchase.Left, waiting.Lines, out _), plan.At(now).Negative));
        }

        BringUpToDate(now);
        return ModelOutcome.Done([.. awards.Where(award => award.Points > 0)], returns: returns);
    }

    public ModelOutcome Return(Instant now, ModelReturn request, bool isForeign, bool isNoPurchase)
    {
        BringUpToDate(now);
        var codes = WhyNot(now, request.At, request.Currency);
        var purchase = request.Purchase is null ? null : _purchases.SingleOrDefault(purchase => purchase.Id == request.Purchase);
        string? tooMuch = null;
        var left = purchase is null ? null : LinesAfter(purchase.Left, request.Lines, out tooMuch);
        if (isForeign || isNoPurchase || tooMuch is not null)
        {
            codes.Add(isForeign ? "foreign-purchase" : isNoPurchase ? "no-purchase" : tooMuch!);
        }

        var waits = request.Purchase is not null && purchase is null && !isForeign && !isNoPurchase;
        if (waits && Waiting.Count >= 64)
        {
            codes.Add("too-many-waiting");
        }

        if (codes.Count > 0)
        {
            return ModelOutcome.Refused(codes);
        }

        if (waits)
        {
            EnrolBySale(request.At, now);
            Waiting.Add(request);
            return ModelOutcome.Done(waits: true);
        }

        var policy = plan.At(now).Negative;
        ModelApplied applied;
        if (purchase is not null)
        {
            var taken = policy == "refuse" ? TakeOffIfAllIsThere(now, request, purchase, left!) : TakeOff(now, request, purchase, left!, policy);
            if (taken is null)
            {
                return ModelOutcome.Refused("points-spent");
            }

            applied = taken;
        }
        else
        {
            var (program, day) = (plan.At(request.At), DayOfSale(request.At, now));
            var takes = ModelEarning.Earn(program, LevelOn(now, day), request.Lines).Where(take => take.Points > 0).ToArray();
            if (policy == "refuse" && takes.GroupBy(take => take.Unit).Any(unit => unit.Sum(take => take.Points) > Book(unit.Key).Lots.Values.Sum()))
            {
                return ModelOutcome.Refused("points-spent");
            }

            EnrolBySale(request.At, now);
            applied = new(request.Id, takes, [.. takes.SelectMany(take => TakeElsewhere(now, take.Unit, take.Points, policy))]);
            if (plan.At(now).Tiers is { } tiers)
            {
                _withoutReceipt.Add(new(day, -request.Lines.Sum(line => line.Amount), -BasePoints(program, request.Lines, tiers.Unit), 0));
            }
        }

        BringUpToDate(now);
        return ModelOutcome.Done(returns: [applied]);
    }

    public ModelOutcome Adjust(Instant now, string unit, long points)
    {
        BringUpToDate(now);
        var today = Day(now);
        if (IsBlocked || IsClosed)
        {
            return ModelOutcome.Refused(IsClosed ? "member-closed" : "member-blocked");
        }

        if (plan.At(now).Units.All(known => known.Id != unit))
        {
            return ModelOutcome.Refused("unknown-unit");
        }

        var book = Book(unit);
        if (points > 0)
        {
            _given.Add(today);
            Put(unit, new(today, today, ModelDays.LastUsableDay(plan.At(now).Unit(unit).Expiry, today)), points);
            book.Move("adjusted", "member", points);
        }
        else
        {
            var usable = book.InOrder().Where(lot => lot.Available <= today).ToList();
            if (usable.Sum(lot => book.Lots[lot]) < -points)
            {
                return ModelOutcome.Refused("not-enough-points");
            }

            var rest = -points;
            foreach (var lot in usable)
            {
                rest -= book.TakeFrom(lot, rest);
            }

            book.Move("member", "adjusted", -points);
        }

        BringUpToDate(now);
        return ModelOutcome.Done();
    }

    public ModelOutcome SetStatus(Instant now, string status)
    {
        BringUpToDate(now);
        if (IsClosed)
        {
            return ModelOutcome.Refused("member-closed");
        }

        IsBlocked = status == "blocked";
        if (status == "closed")
        {
            EndAllHolds();
            IsClosed = true;
            foreach (var book in _books.Values)
            {
                book.Move("member", "forfeited", book.Lots.Values.Sum() - book.Debt);
                book.Lots.Clear();
                book.Debt = 0;
            }
        }

        return ModelOutcome.Done();
    }

    // ---- parts of commands

    private List<string> WhyNot(Instant now, Instant at, string currency)
    {
        var codes = new List<string>();
        if (IsClosed || IsBlocked)
        {
            codes.Add(IsClosed ? "member-closed" : "member-blocked");
        }

        if (currency != Plan.Currency)
        {
            codes.Add("wrong-currency");
        }

        if (at > now + Duration.FromSeconds(plan.At(now).Skew))
        {
            codes.Add("in-the-future");
        }

        if (at < Instant.FromUtc(1970, 1, 1, 0, 0))
        {
            codes.Add("too-early");
        }

        return codes;
    }

    /// <summary>New points repay debt first; only the rest becomes a lot.</summary>
    private void Put(string unit, ModelLotKey lot, long points)
    {
        var book = Book(unit);
        var repaid = Math.Min(points, book.Debt);
        book.Debt -= repaid;
        if (points > repaid)
        {
            book.Lots[lot] = book.Lots.GetValueOrDefault(lot) + points - repaid;
        }
    }

    /// <summary>Takes what is returned off the lines that are left; what does not fit is named.</summary>
    private static List<ModelLine> LinesAfter(List<ModelLine> lines, ModelLine[] returned, out string? tooMuch)
    {
        var left = lines.ToList();
        tooMuch = null;
        foreach (var back in returned)
        {
            var (quantity, amount) = (back.Quantity, back.Amount);
            for (var i = 0; i < left.Count; i++)
            {
                if (left[i].Sku == back.Sku && left[i].Quantity > 0)
                {
                    var (q, a) = (Math.Min(quantity, left[i].Quantity), Math.Min(amount, left[i].Amount));
                    left[i] = left[i] with { Quantity = left[i].Quantity - q, Amount = left[i].Amount - a };
                    (quantity, amount) = (quantity - q, amount - a);
                }
            }

            if (quantity > 0 || amount > 0)
            {
                tooMuch ??= lines.Any(line => line.Sku == back.Sku) ? "more-than-bought" : "not-bought";
            }
        }

        return left;
    }

    /// <summary>What the awards of the purchase are less, in the program's order.</summary>
    private ModelAward[] Difference(ModelPurchase purchase, List<ModelLine> left)
    {
        var before = AwardsOf(purchase, purchase.Left, purchase.Gifts);
        var after = AwardsOf(purchase, left, Gifts(purchase, left));
        var rules = before.Concat(after).Select(award => award with { Points = 0 }).Distinct();
        return [.. rules.Select(rule => rule with { Points = Sum(before, rule) - Sum(after, rule) }).Where(take => take.Points != 0)];

        static long Sum(List<ModelAward> awards, ModelAward rule) => awards.Where(award => award with { Points = 0 } == rule).Sum(award => award.Points);
    }

    /// <summary>Takes the return off unless points are missing; null: they are, and nothing has changed.</summary>
    private ModelApplied? TakeOffIfAllIsThere(Instant now, ModelReturn request, ModelPurchase purchase, List<ModelLine> left)
    {
        var (books, done, spent, was) = (_books.ToDictionary(book => book.Key, book => book.Value.Copy()), _done.ToList(), _spent.ToDictionary(), (purchase.Left, purchase.Gifts));
        var applied = TakeOff(now, request, purchase, left, "refuse");
        if (applied.Postings.All(posting => posting is not { Place: "debt", Points: < 0 }))
        {
            return applied;
        }

        (purchase.Left, purchase.Gifts) = was;
        _done.Clear();
        _done.AddRange(done);
        _spent.Clear();
        foreach (var (unit, book) in books)
        {
            _books[unit] = book;
        }

        foreach (var (purse, amount) in spent)
        {
            _spent[purse] = amount;
        }

        return null;
    }

    private static long LapsedOf(ModelBook book, ModelLotKey lot) => book.Lapsed.GetValueOrDefault(lot);

    private ModelApplied TakeOff(Instant now, ModelReturn request, ModelPurchase purchase, List<ModelLine> left, string policy)
    {
        var takes = Difference(purchase, left);
        var before = purchase.Left;
        Settle(purchase, left);
        var (postings, undone) = (new List<ModelPosting>(), StrikeOff(purchase, before));
        foreach (var donated in takes.Where(take => take.Cause is not null))
        {
            // What a return makes a campaign give to a cause is issued.
            Book(donated.Unit).Move($"cause:{donated.Cause}", donated.Points > 0 ? "returned" : "issued", donated.Points);
        }

        foreach (var take in takes.Where(take => take.Cause is null).GroupBy(take => take.Unit, (unit, all) => (Unit: unit, Points: all.Sum(one => one.Points))))
        {
            var (book, own, rest) = (Book(take.Unit), purchase.LotOfUnit[take.Unit], take.Points);
            if (rest < 0)
            {
                postings.AddRange(PutBack(take.Unit, own, -rest));
                continue;
            }

            if (rest > 0)
            {
                undone.AddRange(UndoCards(take.Unit, rest, own, postings));
            }

            TakeBack(now, take.Unit, own, rest, policy, postings);
        }

        foreach (var (award, lot) in undone.SelectMany(done => done.Awards))
        {
            TakeBack(now, award.Unit, lot, award.Points, policy, postings);
        }

        return new(request.Id, [.. takes, .. undone.SelectMany(done => done.Awards).Select(given => given.Award)], postings);
    }

    /// <summary>Takes points of an award back.</summary>
    private void TakeBack(Instant now, string unit, ModelLotKey own, long points, string policy, List<ModelPosting> postings)
    {
        var (book, rest) = (Book(unit), points);

        // 1. the purchase's own lot
        var taken = book.TakeFrom(own, rest);
        book.Move("member", "returned", taken);
        Note(postings, unit, "lot", own, -taken);
        rest -= taken;

        // 2. what has lapsed already
        var lapsed = Math.Min(rest, LapsedOf(book, own));
        book.Lapsed[own] = LapsedOf(book, own) - lapsed;
        book.Move("expired", "returned", lapsed);
        Note(postings, unit, "lapsed", own, -lapsed);
        rest -= lapsed;

        // 3. and 4.
        postings.AddRange(TakeElsewhere(now, unit, rest, policy));
    }

    private List<ModelPosting> TakeElsewhere(Instant now, string unit, long points, string policy)
    {
        var (postings, book, today, rest) = (new List<ModelPosting>(), Book(unit), Day(now), points);

        // 3. the other lots: usable ones first, then pending ones
        foreach (var lot in book.InOrder().OrderBy(lot => lot.Available > today))
        {
            var taken = book.TakeFrom(lot, rest);
            Note(postings, unit, "lot", lot, -taken);
            book.Move("member", "returned", taken);
            rest -= taken;
        }

        // 4. what is missing (of a return that waited, "refuse" means debt: it was accepted already)
        if (policy == "zero")
        {
            // What may come back from a hold is not spent for good.
            var covered = Math.Min(rest, Math.Max(0, Held(unit) - book.Debt));
            book.Debt += covered;
            book.Move("member", "returned", covered);
            Note(postings, unit, "debt", null, -covered);
            book.Move("written-off", "returned", rest - covered);
            Note(postings, unit, "written-off", null, covered - rest);
        }
        else
        {
            book.Debt += rest;
            book.Move("member", "returned", rest);
            Note(postings, unit, "debt", null, -rest);
        }

        return postings;
    }

    private static void Note(List<ModelPosting> postings, string unit, string place, ModelLotKey? lot, long points)
    {
        if (points != 0)
        {
            postings.Add(new(unit, place, lot, points));
        }
    }
}
