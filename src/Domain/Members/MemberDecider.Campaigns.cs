using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>Campaigns in a member's books. docs/CAMPAIGNS.md is the specification.</summary>
public readonly ref partial struct MemberDecider
{
    /// <summary>Records an activity, or refuses it.</summary>
    /// <param name="activity">The request.</param>
    /// <param name="isFriendKnown">Whether another referral in the books names the same friend.</param>
    /// <returns>Null when recorded.</returns>
    public Refusal? Record(Activity activity, bool isFriendKnown)
    {
        BringUpToDate();
        if ((SaleCheck.Of(_context.Program.Currency, activity.At, _context) ?? CheckStatus() ?? Check(activity, isFriendKnown)) is { } refusal)
        {
            return refusal;
        }

        var day = DayOf(activity.At);
        EnrolIfUnknown(activity.At, day);
        return JudgeActivity(activity, day);
    }

    /// <summary>Replaces what is known of the member; the same again changes nothing.</summary>
    public Refusal? SetAttributes(MemberAttributes attributes)
    {
        BringUpToDate();
        if (_state.Status == MemberStatus.Closed)
        {
            return CheckStatus();
        }

        if (!(_state.Engagement?.Attributes ?? MemberAttributes.None).Equals(attributes))
        {
            Raise(new AttributesSet(attributes));
        }

        return null;
    }

    private Refusal? Check(Activity activity, bool isFriendKnown)
    {
        if (activity.Type == Activity.Referral && activity.Friend == _state.Id)
        {
            return new("own-friend", "friend", $"is '{activity.Friend}', the member itself; a referral names somebody else");
        }

        if (activity.Type == Activity.Referral && isFriendKnown)
        {
            return new("already-referred", "friend", $"is '{activity.Friend}', whom another referral named already; each friend counts once");
        }

        return _state.Engagement?.HasRoomFor(activity.Type) == false
            ? new("too-many-types", "type", $"is '{activity.Type}'; the member has activities of {MemberEngagement.MaxActivityTypes} other types already, the most that are counted")
            : CheckBalances();
    }

    private Refusal? JudgeActivity(Activity activity, LocalDate day)
    {
        var program = _context.Programs.At(activity.At);
        var level = LevelOn(day);
        var facts = TurnContext.Judge.Judge(_state, _context, _context.CampaignsAt(activity.At, program), activity, day, level);
        var recorded = new ActivityRecorded(activity, program.Version, level, day, [.. TurnContext.Judge.Awards]) { Campaigns = facts };
        if (facts?.Credit is null)
        {
            Raise(recorded);
        }
        else
        {
            Requalify(day, recorded);
        }

        BringUpToDate();
        return null;
    }

    /// <summary>The engine's own activity: the member joined. Recorded when a campaign asks for it.</summary>
    private void SignUp(Instant at, LocalDate day)
    {
        if (_context.Campaigns.IsEmpty)
        {
            return;
        }

        var set = _context.CampaignsAt(at, _context.Programs.At(at));
        if (set.Activity.ContainsKey(Activity.SignUp) || set.SteppedByActivity.ContainsKey(Activity.SignUp))
        {
            JudgeActivity(new() { Id = $"{Activity.SignUp}:{_state.Id}", Member = _state.Id, Type = Activity.SignUp, At = at }, day);
        }
    }

    /// <summary>What campaigns do with a purchase; their awards are added to those of the program's rules.</summary>
    private CampaignFacts? JudgePurchase(
        Purchase purchase, ProgramDefinition program, SaleLine[] lines, LocalDate day, string? level, TenderTaken? tender, ref Award[] awards, out Refusal? refusal)
    {
        refusal = null;
        if (_context.Campaigns.IsEmpty)
        {
            return null;
        }

        var set = _context.CampaignsAt(purchase.At, program);
        if (set.IsEmpty)
        {
            return null;
        }

        refusal = CheckBalances();
        if (refusal is not null)
        {
            return null;
        }

        var judge = TurnContext.Judge;
        var facts = judge.Judge(_state, _context, set, purchase, lines, day, level, awards, tender);
        if (judge.Awards.Count > 0)
        {
            awards = [.. awards, .. judge.Awards];
        }

        return facts;
    }

    /// <summary>Before campaigns are judged, so that no budget is taken for a request that is refused then: no balance is so near its end that an award could pass it.</summary>
    private Refusal? CheckBalances()
    {
        for (var book = _state.FirstBook; book is not null; book = book.Next)
        {
            if (book.Balance > MaxBalance - (2 * CampaignJudge.MaxAwards))
            {
                return new("balance-limit", "", $"the balance of {book.Unit} would come too near {MaxBalance}, the most a member can have");
            }
        }

        return null;
    }

    /// <summary>Awards and take-backs of the purchase's rules, where campaigns were among them: one may give now what it did not before.</summary>
    private static Award[] AwardsLeft(PurchaseState purchase, ProgramDefinition program, List<EarnedPoints> earned, List<TakeBack> takes, out long progressPoints)
    {
        var awards = new List<Award>(purchase.Awards.Length + 1);
        progressPoints = 0;
        foreach (var award in purchase.Awards)
        {
            if (CampaignJudge.IsDoneRule(award.Rule))
            {
                awards.Add(award);
                continue;
            }

            var left = earned.Find(points => points.Rule == award.Rule && points.Unit == award.Unit).Points;
            awards.Add(award with { Points = left });
            if (award.Points != left)
            {
                takes.Add(new(award.Rule, award.Unit, award.Points - left));
                progressPoints += !award.IsTierBonus && award.Unit == program.Tiers?.Unit ? award.Points - left : 0;
            }
        }

        foreach (var (rule, unit, points, isTierBonus) in earned)
        {
            if (!awards.Exists(award => award.Rule == rule && award.Unit == unit))
            {
                awards.Add(new(rule, unit, points, isTierBonus, LotOf(program.FindUnit(unit)!, purchase.Day)));
                takes.Add(new(rule, unit, -points));
            }
        }

        return [.. awards];
    }

    /// <summary>Finds where the points of a return with campaigns are taken, or put where it gives more than it takes.</summary>
    private Refusal? SettleReturn(Award[] awards, List<TakeBack> takes, bool waited, List<Posting> postings, TenderReturned? tender, bool withCampaigns)
    {
        var judge = TurnContext.Judge;
        foreach (var unit in takes.Select(take => take.Unit).Distinct().ToArray())
        {
            var sum = takes.Where(take => take.Unit == unit).Sum(take => take.Points);
            var lot = Array.Find(awards, award => award.Unit == unit).Lot;
            var back = tender is not null && tender.Unit == unit ? tender.Points : 0;
            if (sum < 0)
            {
                PutBack(unit, lot, -sum, postings);
            }
            else if (sum > 0 && (withCampaigns && UndoCards(unit, sum, lot) ? TakeBackAlso(unit, sum, lot, waited, postings) : TakeBackFrom(unit, sum, lot, waited, postings, back)) is { } refusal)
            {
                return refusal;
            }
        }

        foreach (var award in !withCampaigns ? [] : judge.Undone.SelectMany(done => done.Awards))
        {
            takes.Add(new(award.Rule, award.Unit, award.Points));
            if (TakeBackAlso(award.Unit, award.Points, award.Lot, waited, postings) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    /// <summary>Stamps that are to be taken back and lie in full cards: the newest cards are undone until there are enough.</summary>
    private bool UndoCards(string unit, long points, LotId own)
    {
        var book = _state.FindBook(unit);
        var there = (Int128)(book?.InLots ?? 0) + (book?.LapsedOf(own) ?? 0);
        var any = false;
        while (there < points && TurnContext.Judge.UndoCard(unit) is { } card)
        {
            there += Lot.Sum(card.Stamps);
            any = true;
        }

        return any;
    }

    /// <summary>As <see cref="TakeBackFrom"/>, behind what the same return has taken and put back already.</summary>
    private Refusal? TakeBackAlso(string unit, long points, LotId own, bool waited, List<Posting> postings)
    {
        var judge = TurnContext.Judge;
        var book = _state.FindBook(unit) ?? new UnitBook(unit);
        var lots = book.Lots.ToArray().Select(lot => lot.Id).Concat(judge.StampsBack.Where(posting => posting.Unit == unit).Select(posting => posting.Lot)).Distinct().Order().ToArray();
        points -= TakeFrom(own, points);
        var lapsed = book.LapsedOf(own);
        if (lapsed != long.MaxValue)
        {
            foreach (var posting in postings)
            {
                lapsed += posting.Place == PostingPlace.Lapsed && posting.Unit == unit && posting.Lot == own ? posting.Points : 0;
            }
        }

        var fromLapsed = Math.Min(points, lapsed);
        if (fromLapsed > 0)
        {
            postings.Add(new(unit, PostingPlace.Lapsed, own, -fromLapsed));
            points -= fromLapsed;
        }

        var today = _context.Today;
        foreach (var lot in lots.Where(lot => lot.AvailableOn <= today).Concat(lots.Where(lot => lot.AvailableOn > today)))
        {
            points -= TakeFrom(lot, points);
        }

        if (points > 0 && _context.Program.NegativeBalance == NegativeBalancePolicy.Refuse && !waited)
        {
            return new("points-spent", "lines", $"{points} {unit} of the purchase are spent already, and the program refuses such returns");
        }

        if (points > 0)
        {
            postings.Add(new(unit, _context.Program.NegativeBalance == NegativeBalancePolicy.Zero ? PostingPlace.WrittenOff : PostingPlace.Debt, default, -points));
        }

        return null;

        long TakeFrom(LotId lot, long wanted)
        {
            var there = book.In(lot);
            foreach (var posting in postings)
            {
                there += posting.Place == PostingPlace.Lot && posting.Unit == unit && posting.Lot == lot ? posting.Points : 0;
            }

            foreach (var posting in judge.StampsBack)
            {
                there += posting.Unit == unit && posting.Lot == lot ? posting.Points : 0;
            }

            var taken = Math.Min(wanted, there);
            if (taken > 0)
            {
                postings.Add(new(unit, PostingPlace.Lot, lot, -taken));
            }

            return taken;
        }
    }

    /// <summary>Points that a return gives: they repay debt first, the rest lies in the purchase's own lot.</summary>
    private void PutBack(string unit, LotId lot, long points, List<Posting> postings)
    {
        var repaid = Math.Min(_state.FindBook(unit)?.Debt ?? 0, points);
        if (repaid > 0)
        {
            postings.Add(new(unit, PostingPlace.Debt, default, repaid));
        }

        if (points > repaid)
        {
            postings.Add(new(unit, PostingPlace.Lot, lot, points - repaid));
        }
    }
}
