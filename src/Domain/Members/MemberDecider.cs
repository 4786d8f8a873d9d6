using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What a decision may look at besides the member.</summary>
/// <param name="Now">The engine's clock.</param>
/// <param name="Programs">All versions.</param>
public sealed record TurnContext(Instant Now, ProgramCatalog Programs)
{
    /// <summary>The version in force now.</summary>
    public ProgramDefinition Program { get; } = Programs.At(Now);

    /// <summary>The day of the engine's clock.</summary>
    public LocalDate Today { get; } = Programs.Latest.Calendar.DayOf(Now);

    /// <summary>Used again by every purchase of the turns that share the context; they run one after the other.</summary>
    internal List<EarnedPoints> Earned { get; } = new(8);

    /// <summary>All campaigns that were ever published.</summary>
    public CampaignCatalog Campaigns { get; init; } = CampaignCatalog.Empty;

    /// <summary>Where budgets of campaigns are taken from.</summary>
    public IBudgets Budgets { get; init; } = NoBudgets.Instance;

    /// <summary>Whether <see cref="Skipped"/> is wanted.</summary>
    public bool Explain { get; init; }

    /// <summary>Why campaigns in force gave nothing to the last purchase or activity; only when <see cref="Explain"/> says so.</summary>
    public List<SkippedCampaign> Skipped => _skipped ??= [];

    /// <summary>The thread's: a decision is made in one piece, and contexts are made too often to have one each.</summary>
    internal static CampaignJudge Judge => CampaignJudge.OfThread;

    internal void ForgetSkipped() => _skipped?.Clear();

    private List<SkippedCampaign>? _skipped;

    private (CampaignCatalog? Of, CampaignSet? Set) _campaigns;

    /// <summary>The campaigns that judge a request of that time; most requests of a turn ask for the same.</summary>
    internal CampaignSet CampaignsAt(Instant at, ProgramDefinition program)
    {
        var (of, set) = _campaigns;
        if (set is null || !ReferenceEquals(of, Campaigns) || !ReferenceEquals(set.Program, program) || at < set.From || at >= set.Until)
        {
            set = Campaigns.InForceAt(at, program);
            _campaigns = (Campaigns, set);
        }

        return set;
    }
}

/// <summary>What the books know of a purchase that a return names.</summary>
/// <param name="Found">How it ended.</param>
/// <param name="State">What is left of it, when it is this member's.</param>
public readonly record struct RecalledPurchase(RecallResult Found, PurchaseState? State);

/// <summary>How the look-up of a purchase ended.</summary>
public enum RecallResult
{
    /// <summary>The id is new.</summary>
    Unknown,

    /// <summary>A purchase of this member.</summary>
    Mine,

    /// <summary>A purchase, of somebody else or of nobody.</summary>
    Foreign,

    /// <summary>A request that was refused, or no purchase.</summary>
    NoPurchase,
}

/// <summary>
/// Decides what a member's books say to a request. docs/RULES.md is the specification. Facts are applied to the state as they are raised; nothing else
/// changes it, and the same state, request and context always give the same facts.
/// </summary>
public readonly ref partial struct MemberDecider
{
    private readonly MemberState _state;
    private readonly TurnContext _context;
    private readonly List<MemberEvent> _raised;

    /// <param name="state">The member.</param>
    /// <param name="context">Clock and program.</param>
    /// <param name="raised">Takes the facts, in order.</param>
    public MemberDecider(MemberState state, TurnContext context, List<MemberEvent> raised)
    {
        _state = state;
        _context = context;
        _raised = raised;
    }

    private TierPolicy? Tiers => _context.Program.Tiers;

    /// <summary>Lapses what is due and reviews the tier: docs/RULES.md, "Amounts, days".</summary>
    public void BringUpToDate()
    {
        if (_state.Status is MemberStatus.Unknown or MemberStatus.Closed)
        {
            return;
        }

        EndOverdueHolds();
        LapsePoints();
        if (Tiers is { } tiers)
        {
            var standing = Standing(tiers);
            var ladder = _state.History.Ladder(tiers, _state.EnrolledOn);
            if (ladder.ReviewDay(standing) is { } day && day <= _context.Today)
            {
                Restand(tiers, ladder.Review(standing, _context.Today), TierChangeReason.Review, _context.Today);
            }
        }
    }

    /// <summary>Records a purchase, or refuses it.</summary>
    /// <returns>Null when recorded.</returns>
    public Refusal? Record(Purchase purchase)
    {
        BringUpToDate();
        var refusal = CheckSale(purchase.Currency, purchase.At);
        if (refusal is not null)
        {
            return refusal;
        }

        var program = _context.Programs.At(purchase.At);
        var day = DayOf(purchase.At);
        var tender = TakeTender(purchase, out refusal);
        if (refusal is not null)
        {
            return refusal;
        }

        EnrolIfUnknown(purchase.At, day);

        var level = LevelOn(day);
        var earned = _context.Earned;
        earned.Clear();
        var lines = PaidWithMoney(purchase);
        Earning.Compute(program, level is null ? 0 : program.Tiers?.IndexOf(level) ?? 0, lines, earned);
        var awards = new Award[earned.Count];
        long progressPoints = 0;
        for (var i = 0; i < awards.Length; i++)
        {
            var (rule, unit, points, isTierBonus) = earned[i];
            awards[i] = new(rule, unit, points, isTierBonus, LotOf(program.FindUnit(unit)!, day));
            progressPoints += !isTierBonus && unit == program.Tiers?.Unit ? points : 0;
            var balance = _state.FindBook(unit)?.Balance ?? 0;
            if (balance > MaxBalance - points)
            {
                return new("balance-limit", "", $"the balance of {unit} would pass {MaxBalance}, the most a member can have");
            }
        }

        var campaigns = JudgePurchase(purchase, program, lines, day, level, tender, ref awards, out refusal);
        if (refusal is not null)
        {
            return refusal;
        }

        Requalify(day, new PurchaseRecorded(purchase, program.Version, level, day, awards, progressPoints) { Campaigns = campaigns, Tender = tender });
        if (!_state.Waiting.IsEmpty)
        {
            ApplyWaiting(purchase.Id);
        }

        ShareEarnings(purchase.Id);
        BringUpToDate();
        return null;
    }

    /// <summary>Records a return, or refuses it.</summary>
    /// <returns>Null when recorded (applied, or waiting for its purchase).</returns>
    public Refusal? Record(Return request, RecalledPurchase recalled)
    {
        BringUpToDate();
        var refusal = CheckSale(request.Currency, request.At);
        if (refusal is not null)
        {
            return refusal;
        }

        var day = DayOf(request.At);
        switch (recalled.Found)
        {
            case RecallResult.Foreign:
                return new("foreign-purchase", "purchase", $"purchase {request.Purchase} is not recorded for member {_state.Id}");
            case RecallResult.NoPurchase:
                return new("no-purchase", "purchase", $"{request.Purchase} was refused or is no purchase: there is nothing to return");
            case RecallResult.Unknown when request.Purchase is not null && _state.Waiting.Length >= MemberState.MaxWaiting:
                return new("too-many-waiting", "purchase", $"{MemberState.MaxWaiting} returns of this member wait for their purchase already; send the purchases first");
        }

        if (request.Purchase is null)
        {
            refusal = ReturnWithoutReceipt(request, day);
        }
        else if (recalled.State is { } purchase)
        {
            refusal = ReturnOf(purchase, request, waited: false);
        }
        else
        {
            EnrolIfUnknown(request.At, day);
            Raise(new ReturnWaits(request));
        }

        if (refusal is null)
        {
            BringUpToDate();
        }

        return refusal;
    }

    /// <summary>Gives or takes points by hand, or refuses.</summary>
    public Refusal? Record(Adjustment adjustment)
    {
        BringUpToDate();
        if (CheckStatus() is { } refusal)
        {
            return refusal;
        }

        if (_context.Program.FindUnit(adjustment.Unit) is not { } unit)
        {
            return new("unknown-unit", "unit", $"is '{adjustment.Unit}'; the program has {string.Join(", ", _context.Program.Units.Select(u => u.Id))}");
        }

        var today = _context.Today;
        var postings = new List<Posting>();
        var book = _state.FindBook(unit.Id);
        if (adjustment.Points > 0)
        {
            var repaid = Math.Min(book?.Debt ?? 0, adjustment.Points);
            if (repaid > 0)
            {
                postings.Add(new(unit.Id, PostingPlace.Debt, default, repaid));
            }

            if ((book?.Balance ?? 0) > MaxBalance - adjustment.Points)
            {
                return new("balance-limit", "points", $"is {adjustment.Points}; the balance would pass {MaxBalance}, the most a member can have");
            }

            if (adjustment.Points > repaid)
            {
                postings.Add(new(unit.Id, PostingPlace.Lot, new(today, today, unit.Expiry.LastDay(today)), adjustment.Points - repaid));
            }
        }
        else
        {
            var missing = book is null ? -adjustment.Points : Collect(book, -adjustment.Points, pendingToo: false, postings);
            if (missing > 0)
            {
                return new("not-enough-points", "points", $"is {adjustment.Points}; {-adjustment.Points - missing} {unit.Id} are available");
            }
        }

        Raise(new PointsAdjusted(adjustment, today, [.. postings]));
        BringUpToDate();
        return null;
    }

    /// <summary>Enrols a member that is not enrolled, or only by a sale.</summary>
    public void Enrol(Enrolment enrolment, UInt128 fingerprint)
    {
        var at = enrolment.EnrolledAt ?? _context.Now;
        var isFirst = _state.Status == MemberStatus.Unknown;
        Raise(new MemberEnrolled(at, _context.Program.Calendar.DayOf(at), Automatic: false, isFirst, enrolment.AlternativeIds, fingerprint));
        if (isFirst)
        {
            SignUp(at, DayOf(at));
        }
    }

    /// <summary>Blocks, unblocks or closes; closing forfeits all points and writes off all debt.</summary>
    public Refusal? SetStatus(MemberStatus status, string reason, string author)
    {
        BringUpToDate();
        if (_state.Status == MemberStatus.Closed)
        {
            return new("member-closed", "", $"member {_state.Id} is closed, for ever");
        }

        if (_state.Status == status)
        {
            return null;
        }

        var postings = new List<Posting>();
        if (status == MemberStatus.Closed)
        {
            if ((CheckExchanges() ?? CheckTransfersEnded() ?? CheckHouseholdLeft() ?? EndAllHolds()) is { } open)
            {
                return open;
            }

            for (var book = _state.FirstBook; book is not null; book = book.Next)
            {
                foreach (var lot in book.Lots)
                {
                    postings.Add(new(book.Unit, PostingPlace.Lot, lot.Id, -lot.Points));
                }

                if (book.Debt > 0)
                {
                    postings.Add(new(book.Unit, PostingPlace.Debt, default, book.Debt));
                }
            }
        }

        Raise(new StatusChanged(status, reason, author, [.. postings]));
        return null;
    }

    /// <summary>Replaces the alternative ids.</summary>
    public void ReplaceAlternativeIds(AlternativeId[] ids) => Raise(new AlternativeIdsReplaced(ids));

    /// <summary>Remembers a refusal as the outcome of a request.</summary>
    public void Refuse(string requestId, UInt128 fingerprint, Refusal refusal) => Raise(new RequestRefused(requestId, fingerprint, refusal));

    /// <summary>Notes balances and tier, as they are now, as part of the answer to a request.</summary>
    public RequestAnswered Answer()
    {
        var answer = new RequestAnswered(Balances(_state, _context), _state.Tier.Level);
        Raise(answer);
        return answer;
    }

    /// <summary>Balances of all units of the program.</summary>
    public static Balance[] Balances(MemberState state, TurnContext context)
    {
        var units = context.Program.Units;
        var balances = new Balance[units.Count];
        for (var i = 0; i < balances.Length; i++)
        {
            var book = state.FindBook(units[i].Id);
            var pending = book?.Pending(context.Today) ?? 0;
            balances[i] = new(units[i].Id, (book?.Balance ?? 0) - pending, pending, state.Held(units[i].Id));
        }

        return balances;
    }

    /// <summary>When something is due, or null: the next lapse or tier review.</summary>
    public static Instant? WakeAt(MemberState state, ProgramDefinition program)
    {
        if (state.Status is MemberStatus.Unknown or MemberStatus.Closed)
        {
            return null;
        }

        LocalDate? due = null;
        for (var book = state.FirstBook; book is not null; book = book.Next)
        {
            if (book.Lots.IsEmpty)
            {
                continue;
            }

            due = Earlier(due, book.Lots[0].Id.LastDay?.PlusDays(1));
            if (program.FindUnit(book.Unit)?.Expiry is ExpiryPolicy.Inactivity inactivity)
            {
                due = Earlier(due, state.LastActive.PlusMonths(inactivity.Months).PlusDays(1));
            }
        }

        if (program.Tiers is { } tiers)
        {
            var standing = new TierStanding(tiers.IndexOf(state.Tier.Level), state.Tier.Since, state.Tier.Through);
            due = Earlier(due, state.History.Ladder(tiers, state.EnrolledOn).ReviewDay(standing));
        }

        Instant? at = due is { } day ? program.Calendar.StartOf(day) : null;
        var hold = state.Holds is { } holds ? FirstToEnd(holds)?.ExpiresAt : null;
        return hold is not null && (at is null || hold < at) ? hold : at;

        static LocalDate? Earlier(LocalDate? one, LocalDate? other) => one is null ? other : other is null || one <= other ? one : other;
    }

    /// <summary>The most points of a unit a member can have.</summary>
    public const long MaxBalance = 1_000_000_000_000_000_000;

    private void Raise(MemberEvent fact)
    {
        _state.Apply(fact);
        _raised.Add(fact);
    }

    private Refusal? CheckSale(string currency, Instant at) => SaleCheck.Of(currency, at, _context) ?? CheckStatus();

    private Refusal? CheckStatus() => _state.Status switch
    {
        MemberStatus.Blocked => new("member-blocked", "member", $"member {_state.Id} is blocked"),
        MemberStatus.Closed => new("member-closed", "member", $"member {_state.Id} is closed"),
        _ => null,
    };

    /// <summary>The day of a sale: none is later than today, however far ahead the till's clock is.</summary>
    private LocalDate DayOf(Instant at) => LocalDate.Min(_context.Program.Calendar.DayOf(at), _context.Today);

    private void EnrolIfUnknown(Instant at, LocalDate day)
    {
        if (_state.Status == MemberStatus.Unknown)
        {
            Raise(new MemberEnrolled(at, day, Automatic: true, IsFirst: true, [], 0));
            SignUp(at, day);
        }
    }

    private void LapsePoints()
    {
        var program = _context.Program;
        var today = _context.Today;
        for (var book = _state.FirstBook; book is not null; book = book.Next)
        {
            if (book.Lots.IsEmpty)
            {
                continue;
            }

            if (book.Lots[0].Id.LastDay < today)
            {
                var count = 1;
                while (count < book.Lots.Length && book.Lots[count].Id.LastDay < today)
                {
                    count++;
                }

                var lapsed = book.Lots[..count].ToArray();
                Raise(new PointsLapsed(book.Unit, lapsed, program.Calendar.StartOf(lapsed[^1].Id.LastDay!.Value.PlusDays(1))));
            }

            if (!book.Lots.IsEmpty && program.FindUnit(book.Unit)?.Expiry is ExpiryPolicy.Inactivity inactivity
                && _state.LastActive.PlusMonths(inactivity.Months) is var last && last < today)
            {
                Raise(new PointsLapsed(book.Unit, [.. book.Lots], program.Calendar.StartOf(last.PlusDays(1))));
            }
        }
    }

    internal static LotId LotOf(UnitDefinition unit, LocalDate day) =>
        new(day, unit.PendingDays == 0 ? day : day.PlusDays(unit.PendingDays), unit.Expiry.LastDay(day));

    private string? LevelOn(LocalDate day)
    {
        if (Tiers is not { } tiers)
        {
            return null;
        }

        // The level has not changed since; before that the walk tells.
        if (day >= _state.Tier.Since)
        {
            return tiers.IndexOf(_state.Tier.Level) == 0 ? null : _state.Tier.Level;
        }

        var level = _state.History.StandingOn(FixedIn(tiers), tiers, _state.EnrolledOn, day, out _).Level;
        return level == 0 ? null : tiers.Levels[level - 1].Id;
    }

    private TierStanding Standing(TierPolicy tiers) => new(tiers.IndexOf(_state.Tier.Level), _state.Tier.Since, _state.Tier.Through);

    private int FixedIn(TierPolicy tiers) => tiers.IndexOf(_state.FixedLevel);

    private TierStanding Walk(TierPolicy tiers, out LocalDate reviewedOn) =>
        _state.History.StandingOn(FixedIn(tiers), tiers, _state.EnrolledOn, _context.Today, out reviewedOn);

    /// <summary>Raises a fact that changes progress of a day, and what it does to the tier.</summary>
    private void Requalify(LocalDate day, MemberEvent fact)
    {
        if (Tiers is not { } tiers)
        {
            Raise(fact);
            FoldIfFull();
            return;
        }

        var days = _state.History.Days;
        var isNewest = fact is PurchaseRecorded && (days.IsEmpty || days[^1].Date <= day) && day > _state.ReviewedOn && day >= _state.Tier.Since;
        if (isNewest)
        {
            // The usual sale: one more step of the walk.
            Raise(fact);
            var ladder = _state.History.Ladder(tiers, _state.EnrolledOn);
            var standing = ladder.Progress(Standing(tiers), day);
            var reviewed = ladder.Review(standing, _context.Today);
            Restand(tiers, reviewed, TierChangeReason.Progress, reviewed == standing ? _state.ReviewedOn : _context.Today);
        }
        else
        {
            // The walk may pass reviews that nobody saw on their day: a sale not after the last of them needs the whole walk, too, and not one more step.
            var before = Walk(tiers, out _);
            Raise(fact);
            var after = Walk(tiers, out var reviewedOn);
            reviewedOn = LocalDate.Max(reviewedOn, _state.ReviewedOn);
            if (after != before)
            {
                Restand(tiers, after, TierChangeReason.Rejudged, reviewedOn);
            }
            else if (reviewedOn != _state.ReviewedOn)
            {
                Raise(new TierChanged(_state.Tier, _state.Tier, TierChangeReason.Rejudged, reviewedOn));
            }
        }

        FoldIfFull();
    }

    private void Restand(TierPolicy tiers, TierStanding standing, TierChangeReason reason, LocalDate reviewedOn)
    {
        var held = new HeldTier(standing.Level == 0 ? null : tiers.Levels[standing.Level - 1].Id, standing.Since, standing.Through);
        if (held != _state.Tier || reviewedOn != _state.ReviewedOn)
        {
            Raise(new TierChanged(_state.Tier, held, reason, reviewedOn));
        }
    }

    private void FoldIfFull()
    {
        if (!_state.History.IsFull)
        {
            return;
        }

        var on = _state.History.NextFixedOn;
        var standing = TierStanding.None;
        string? level = null;
        if (Tiers is { } tiers)
        {
            standing = _state.History.StandingOn(FixedIn(tiers), tiers, _state.EnrolledOn, on, out _);
            level = standing.Level == 0 ? null : tiers.Levels[standing.Level - 1].Id;
        }

        Raise(new TierHistoryFolded(on, new(level, standing.Since, standing.Through)));
    }

    private void ApplyWaiting(string purchaseId)
    {
        PurchaseState? state = null;
        foreach (var waiting in _state.Waiting.ToArray())
        {
            if (waiting.Purchase != purchaseId)
            {
                continue;
            }

            state ??= PurchaseState.Of((PurchaseRecorded)_raised.Last(fact => fact is PurchaseRecorded));
            ReturnOf(state, waiting, waited: true);
            state = ((ReturnRecorded)_raised.Last(fact => fact is ReturnRecorded)).After!;
        }
    }

    private Refusal? ReturnOf(PurchaseState purchase, Return request, bool waited)
    {
        var lines = purchase.LinesAfter(request.Lines, clamp: waited, out var refusal);
        if (lines is null)
        {
            return refusal;
        }

        var program = _context.Programs.Numbered(purchase.ProgramVersion);
        var earned = new List<EarnedPoints>(4);
        var money = purchase.PaidWithMoney(lines);
        Earning.Compute(program, program.Tiers?.IndexOf(purchase.Tier) ?? 0, money, earned);
        // What no campaign had to do with may still have earned, by the program's own rules, stamps that lie in full cards.
        var held = purchase.Campaigns ?? (_state.Engagement is null ? null : PurchaseCampaigns.None);
        if (held is not null)
        {
            TurnContext.Judge.JudgeReturn(_state, _context, program, purchase with { Campaigns = held }, purchase.PaidWithMoney(purchase.Lines), money, earned);
        }

        var (tender, tenderLeft) = GiveTenderBack(purchase, lines);
        var takes = new List<TakeBack>();
        var postings = new List<Posting>();
        var awards = AwardsLeft(purchase, program, earned, takes, out var progressPoints);
        refusal = SettleReturn(awards, takes, waited, postings, tender, held is not null);
        if (refusal is not null)
        {
            return refusal;
        }

        var campaigns = held is null ? null : TurnContext.Judge.ReturnFacts(held);
        if (purchase.Campaigns is null)
        {
            campaigns = campaigns is { Undone.Length: > 0 } ? campaigns with { Left = null } : null;
        }

        tender = RepayFirst(tender, postings);
        var after = purchase with { Lines = lines, Awards = awards, Campaigns = campaigns?.Left, Tender = tenderLeft };
        var visits = after.IsReturnedWhole && !purchase.IsReturnedWhole ? 1 : 0;
        var spend = MemberState.Sum(purchase.Lines) - MemberState.Sum(lines) - (tender?.Amount ?? 0);
        Requalify(purchase.Day, new ReturnRecorded(request, purchase.Day, after, [.. takes], [.. postings], spend, progressPoints, visits, waited) { Campaigns = campaigns, Tender = tender });
        return null;
    }

    private Refusal? ReturnWithoutReceipt(Return request, LocalDate day)
    {
        var program = _context.Programs.At(request.At);
        var level = LevelOn(day);
        var earned = new List<EarnedPoints>(4);
        Earning.Compute(program, level is null ? 0 : program.Tiers?.IndexOf(level) ?? 0, request.Lines, earned);
        var takes = earned.Select(points => new TakeBack(points.Rule, points.Unit, points.Points)).ToArray();
        var progressPoints = earned.Where(points => !points.IsTierBonus && points.Unit == program.Tiers?.Unit).Sum(points => points.Points);
        var postings = new List<Posting>();
        foreach (var unit in takes.Select(take => take.Unit).Distinct())
        {
            var refusal = TakeBackFrom(unit, takes.Where(take => take.Unit == unit).Sum(take => take.Points), null, waited: false, postings);
            if (refusal is not null)
            {
                return refusal;
            }
        }

        EnrolIfUnknown(request.At, day);
        Requalify(day, new ReturnRecorded(request, day, null, takes, [.. postings], MemberState.Sum(request.Lines), progressPoints, 0, Waited: false));
        return null;
    }

    /// <summary>Finds where points are taken back. docs/RULES.md, "Return with a purchase", steps 1 to 4.</summary>
    /// <param name="unit">Of which unit.</param>
    /// <param name="points">How many.</param>
    /// <param name="ownLot">The purchase's own lot; null without receipt.</param>
    /// <param name="waited">The return was accepted already.</param>
    /// <param name="postings">Where to add.</param>
    /// <param name="back">Points that come back with the same return; they cover what is missing.</param>
    private Refusal? TakeBackFrom(string unit, long points, LotId? ownLot, bool waited, List<Posting> postings, long back = 0)
    {
        var book = _state.FindBook(unit) ?? new UnitBook(unit);
        if (ownLot is { } own)
        {
            var fromOwn = Math.Min(points, book.In(own));
            if (fromOwn > 0)
            {
                postings.Add(new(unit, PostingPlace.Lot, own, -fromOwn));
            }

            var fromLapsed = Math.Min(points - fromOwn, book.LapsedOf(own));
            if (fromLapsed > 0)
            {
                postings.Add(new(unit, PostingPlace.Lapsed, own, -fromLapsed));
            }

            points -= fromOwn + fromLapsed;
        }

        points = Collect(book, points, pendingToo: true, postings, ownLot);
        if (points == 0)
        {
            return null;
        }

        var policy = _context.Program.NegativeBalance;

        // A return that waited was accepted already: what it takes too much becomes debt even where others are refused.
        if (policy == NegativeBalancePolicy.Refuse && !waited && points > back)
        {
            return new("points-spent", "lines", $"{points} {unit} of the purchase are spent already, and the program refuses such returns");
        }

        // Points that come back, or may come back from a hold, are not spent for good: they repay a debt, whatever the policy.
        var covered = policy != NegativeBalancePolicy.Zero ? points : Math.Min(points, Math.Max(0, back + _state.Held(unit) - book.Debt));
        if (covered > 0)
        {
            postings.Add(new(unit, PostingPlace.Debt, default, -covered));
        }

        if (points > covered)
        {
            postings.Add(new(unit, PostingPlace.WrittenOff, default, covered - points));
        }

        return null;
    }

    /// <summary>Takes from lots in the order of spending, available ones first; returns what is missing.</summary>
    private long Collect(UnitBook book, long points, bool pendingToo, List<Posting> postings, LotId? except = null)
    {
        for (var pass = 0; pass < (pendingToo ? 2 : 1) && points > 0; pass++)
        {
            foreach (var lot in book.Lots)
            {
                if (points == 0)
                {
                    break;
                }

                if (lot.Id.AvailableOn > _context.Today == (pass == 1) && lot.Id != except)
                {
                    var taken = Math.Min(points, lot.Points);
                    postings.Add(new(book.Unit, PostingPlace.Lot, lot.Id, -taken));
                    points -= taken;
                }
            }
        }

        return points;
    }
}
