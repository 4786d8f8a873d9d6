using System.Text;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Tests.Model;
using NodaTime;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>Plays a script to the real code and to the model, and compares them after every step.</summary>
internal sealed class Run
{
    private readonly Script _script;
    private readonly HashSet<string> _ids = [];
    private readonly Dictionary<string, Dictionary<string, long>> _accounts = [];
    private int _at;

    public Run(Script script)
    {
        _script = script;
        Model = new(script.Plan);
        Real = RealMember.Of(script.Plan);
        Now = script.Start;
    }

    public ModelMember Model { get; }

    public RealMember Real { get; }

    public Instant Now { get; private set; }

    /// <summary>What was asked of the real member, with its times.</summary>
    public List<Asked> Asked { get; } = [];

    /// <summary>Plays everything; an exception tells the first difference.</summary>
    public static Run Of(Script script, Action<Run>? afterEachStep = null)
    {
        var run = new Run(script);
        for (; run._at < script.Steps.Length; run._at++)
        {
            run.Play(script.Steps[run._at]);
            afterEachStep?.Invoke(run);
        }

        return run;
    }

    /// <summary>Plays these steps.</summary>
    public static Run Of(Plan plan, Instant start, params Step[] steps) => Of(new Script(plan, start, steps));

    /// <summary>Plays one more step.</summary>
    public void Play(Step step)
    {
        Now += Duration.FromSeconds(step.Seconds);
        switch (step.Act)
        {
            case Enrol when !Model.IsEnrolled:
                Ask(new Enrolment { Id = "M1", AlternativeIds = [] });
                Model.Enrol(ModelDays.DayOf(Now, _script.Plan.Zone));
                Model.SignUp(Now);
                break;
            case Buy buy when _ids.Add(buy.Id):
                var sold = Ask(new Purchase
                {
                    Id = buy.Id, Member = "M1", Store = buy.Store, Channel = buy.Channel, At = Now + Duration.FromSeconds(buy.At), Currency = buy.Currency, Lines = Goods(buy.Lines),
                });
                Compare(sold, Model.Buy(Now, buy.Id, Now + Duration.FromSeconds(buy.At), buy.Currency, buy.Lines, buy.Store, buy.Channel));
                CompareSkipped(sold.Refusal);
                break;
            case Deed deed when _ids.Add(deed.Id):
                var did = Ask(new Activity
                {
                    Id = deed.Id, Member = "M1", Type = deed.Type, At = Now + Duration.FromSeconds(deed.At), Store = deed.Store, Amount = deed.Amount == 0 ? null : deed.Amount, Quantity = deed.Quantity == 0 ? null : deed.Quantity,
                });
                Compare(did, Model.Do(Now, deed.Id, Now + Duration.FromSeconds(deed.At), deed.Store, null, new(deed.Type, deed.Amount, deed.Quantity)));
                CompareSkipped(did.Refusal);
                break;
            case Describe describe when Model.IsEnrolled:
                Ask(MemberAttributes.Of(describe.Tags, describe.Birthday is { } birthday ? new AnnualDate(birthday.Month, birthday.Day) : null));
                Model.BringUpToDate(Now);
                (Model.Tags, Model.Birthday) = (describe.Tags, describe.Birthday);
                break;
            case GiveBack back when _ids.Add(back.Id):
                var lines = Portioned(back);
                if (lines.Length == 0)
                {
                    return;
                }

                var at = Now + Duration.FromSeconds(back.At);
                var returned = Ask(new Return
                {
                    Id = back.Id, Purchase = back.Purchase, Member = "M1", Store = "S1", At = at, Currency = back.Currency, Lines = Goods(lines),
                });
                Compare(returned, Model.Return(
                    Now, new(back.Id, back.Purchase, at, back.Currency, lines), back.Purchase == "foreign", back.Purchase is not null && Real.WasRefused(back.Purchase)));
                break;
            case Adjust adjust when Model.IsEnrolled && _ids.Add(adjust.Id):
                Compare(
                    Ask(new Adjustment { Id = adjust.Id, Member = "M1", Unit = adjust.Unit, Points = adjust.Points, Reason = "r", Author = "a" }),
                    Model.Adjust(Now, adjust.Unit, adjust.Points));
                break;
            case SetStatus set when Model.IsEnrolled:
                var status = set.Status switch { "blocked" => MemberStatus.Blocked, "closed" => MemberStatus.Closed, _ => MemberStatus.Active };
                Compare(Ask(status), Model.SetStatus(Now, set.Status));
                break;
            case Wake when Model.IsEnrolled:
                Ask(null);
                Model.BringUpToDate(Now);
                break;
            default:
                return;
        }

        CompareStates();
    }

    private (Refusal? Refusal, List<MemberEvent> Raised) Ask(object? request)
    {
        var asked = new Asked(Now, request);
        Asked.Add(asked);
        var quote = _script.Plan.Campaigns.Length == 0 ? null : request switch
        {
            Purchase purchase => MemberQuote.Of(Real.State, purchase, Real.At(Now)),
            Activity activity => MemberQuote.Of(Real.State, activity, Real.At(Now), isFriendKnown: false),
            _ => null,
        };
        var done = Real.Do(asked);
        if (quote is not null)
        {
            CompareQuote(quote, done);
        }

        foreach (var fact in done.Raised)
        {
            Post(fact);
        }

        return done;
    }

    private static SaleLine[] Goods(ModelLine[] lines) => [.. lines.Select(line => new SaleLine(line.Sku, line.Category, line.Brand, line.Quantity, line.Amount))];

    /// <summary>The lines of a return: a portion of its purchase, which may be one that is still to come.</summary>
    private ModelLine[] Portioned(GiveBack back)
    {
        if (back.Portion == Portion.Custom || back.Purchase is null)
        {
            return back.Lines;
        }

        var known = Model.Purchases.FirstOrDefault(purchase => purchase.Id == back.Purchase);
        var bought = known?.Lines ?? _script.Steps.Select(step => step.Act).OfType<Buy>().FirstOrDefault(buy => buy.Id == back.Purchase)?.Lines ?? back.Lines;
        IEnumerable<ModelLine> left = known?.Left ?? [.. bought];
        return back.Portion switch
        {
            Portion.Rest => [.. left.Where(line => line.Quantity > 0)],
            Portion.Half => [.. left.Where(line => line.Quantity > 0).Select(line => line with
            {
                Quantity = Math.Max(0.000001m, decimal.Round(line.Quantity / 2, 6, MidpointRounding.ToZero)), Amount = line.Amount / 2,
            })],
            Portion.FirstLine => bought[..1],
            Portion.OnePennyMore => [bought[0] with { Amount = bought[0].Amount + 1 }, .. bought[1..]],
            _ => bought,
        };
    }

    // ---- comparison

    private void Compare((Refusal? Refusal, List<MemberEvent> Raised) real, ModelOutcome model)
    {
        if (model.RefusedBecauseOf.Length > 0 || real.Refusal is not null)
        {
            Require(
                real.Refusal is not null && model.RefusedBecauseOf.Contains(real.Refusal.Code),
                $"refusal is {real.Refusal?.ToString() ?? "none"}; the model: [{string.Join(", ", model.RefusedBecauseOf)}]");
            Require(!real.Raised.Any(fact => fact is PurchaseRecorded or ReturnRecorded or ReturnWaits or PointsAdjusted or StatusChanged), "a refused request changed something");
            return;
        }

        Require(real.Raised.OfType<ReturnWaits>().Any() == model.Waits, $"waits; the model: {model.Waits}");
        var (awards, donations) = real.Raised.Select(fact => fact switch
        {
            PurchaseRecorded sold => (sold.Awards, sold.Campaigns?.Donations),
            ActivityRecorded { Activity.Type: not Activity.SignUp } did => (did.Awards, did.Campaigns?.Donations),
            _ => ([], null),
        }).Aggregate((All: new List<ModelAward>(), Given: new List<ModelAward>()), (sum, fact) =>
            ([.. sum.All, .. fact.Item1.Select(award => new ModelAward(award.Rule, award.Unit, award.Points, award.IsTierBonus))], [.. sum.Given, .. (fact.Item2 ?? []).Select(Plain)]));
        if (_script.Plan.Campaigns.Length == 0)
        {
            Same("awards", awards, model.Awards);
        }
        else
        {
            Same("awards", Merged([.. awards, .. donations]), Merged(model.Awards));
        }

        var returns = real.Raised.OfType<ReturnRecorded>().ToList();
        Same("returns", returns.Select(fact => fact.Return.Id), model.Returns.Select(applied => applied.Id));
        foreach (var (fact, applied) in returns.Zip(model.Returns))
        {
            if (_script.Plan.Campaigns.Length == 0)
            {
                Same("take-backs", fact.Takes.Select(take => (take.Rule, take.Unit, take.Points)), applied.Takes.Select(take => (take.Rule, take.Unit, take.Points)));
            }
            else
            {
                var back = fact.Takes.Select(take => new ModelAward(take.Rule, take.Unit, take.Points, false));
                Same("take-backs", Merged([.. back, .. (fact.Campaigns?.Donations ?? []).Select(Plain).Select(given => given with { Points = -given.Points })]), Merged(applied.Takes));
            }

            Same("postings", Merged(fact.Postings.Select(Plain)), Merged(applied.Postings));
            var posted = fact.Postings.Sum(posting => posting.Points);
            Require(posted == -fact.Takes.Sum(take => take.Points), "the postings of a return do not sum to its take-backs");
        }
    }

    private static ModelAward Plain(Donation donation) => new(donation.Rule, donation.Unit, donation.Points, true) { Cause = donation.Cause };

    private static IEnumerable<string> Merged(IEnumerable<ModelAward> awards) =>
        awards.GroupBy(award => (award.Rule, award.Unit, award.Cause)).Select(group => (group.Key, Points: group.Sum(award => award.Points))).Where(award => award.Points != 0).Select(award => award.ToString()).Order();

    /// <summary>Why campaigns gave nothing: of those that the request triggered.</summary>
    private void CompareSkipped(Refusal? refusal)
    {
        if (refusal is null)
        {
            Same(
                "skipped", Real.Skipped.Where(skipped => skipped.Reason != Loyalty.Domain.Campaigns.SkipReasons.NotTriggered).Select(skipped => $"{skipped.Campaign} {skipped.Reason}").Order(),
                Model.Skipped.Select(skipped => $"{skipped.Key} {skipped.Value}").Order());
        }
    }

    /// <summary>The preview was the purchase that followed.</summary>
    private void CompareQuote(MemberQuote quote, (Refusal? Refusal, List<MemberEvent> Raised) done)
    {
        Require(quote.Refusal == done.Refusal, $"the quote is refused: {quote.Refusal}; the request: {done.Refusal}");
        if (done.Refusal is not null)
        {
            return;
        }

        Same("quoted", AwardsOf(quote.Fact!), AwardsOf(done.Raised.Single(fact => fact is PurchaseRecorded or ActivityRecorded { Activity.Type: not Activity.SignUp })));
        Same("quoted balances", quote.Balances, MemberDecider.Balances(Real.State, Real.At(Now)));
        Require(quote.Tier == Real.State.Tier.Level, $"the quoted tier is {quote.Tier}, then it is {Real.State.Tier.Level}");
        Same("quoted reasons", quote.Skipped, Real.Skipped);

        static IEnumerable<string> AwardsOf(MemberEvent fact) => fact switch
        {
            PurchaseRecorded sold => sold.Awards.Select(award => award.ToString()).Concat((sold.Campaigns?.Donations ?? []).Select(given => given.ToString())),
            ActivityRecorded did => did.Awards.Select(award => award.ToString()).Concat((did.Campaigns?.Donations ?? []).Select(given => given.ToString())),
            _ => [],
        };
    }

    private static IEnumerable<string> Merged(IEnumerable<ModelPosting> postings) =>
        postings.GroupBy(posting => posting with { Points = 0 }).Select(group => (group.Key with { Points = group.Sum(posting => posting.Points) }).ToString()).Order();

    private static ModelPosting Plain(Posting posting) => new(
        posting.Unit,
        posting.Place switch { PostingPlace.Lot => "lot", PostingPlace.Lapsed => "lapsed", PostingPlace.Debt => "debt", _ => "written-off" },
        posting.Place is PostingPlace.Lot or PostingPlace.Lapsed ? Plain(posting.Lot) : null,
        posting.Points);

    private static ModelLotKey Plain(LotId lot) => new(lot.EarnedOn.ToDateOnly(), lot.AvailableOn.ToDateOnly(), lot.LastDay?.ToDateOnly());

    private void CompareStates()
    {
        var (state, plan) = (Real.State, _script.Plan.At(Now));
        var balances = MemberDecider.Balances(state, Real.At(Now));
        Same("balances", balances.Select(b => (b.Unit, b.Available, b.Pending, b.Held)), plan.Units.Select(unit =>
        {
            var (available, pending) = Model.Balance(unit.Id, Now);
            return (unit.Id, available, pending, 0L);
        }));
        foreach (var unit in plan.Units)
        {
            var (real, model) = (state.FindBook(unit.Id), Model.Book(unit.Id));
            Same($"lots of {unit.Id}", (real is null ? [] : real.Lots.ToArray()).Select(lot => (Plain(lot.Id), lot.Points)), model.InOrder().Select(lot => (lot, model.Lots[lot])));
            Same(
                $"lapsed {unit.Id}",
                (real is null ? [] : real.Lapsed.ToArray()).Where(lot => lot.Points != 0).Select(lot => (Plain(lot.Id), lot.Points).ToString()).Order(),
                model.Lapsed.Where(lot => lot.Value != 0).Select(lot => (lot.Key, lot.Value).ToString()).Order());
            Require((real?.Debt ?? 0) == model.Debt, $"debt of {unit.Id} is {real?.Debt}; the model: {model.Debt}");
            var accounts = _accounts.GetValueOrDefault(unit.Id) ?? [];
            Require(accounts.Values.Sum() == 0, "the accounts do not sum to zero");
            Same($"accounts of {unit.Id}", Settled(accounts), Settled(model.Accounts));
            Require(accounts.GetValueOrDefault("member") == (real?.Balance ?? 0), "the member's account is not its balance");
        }

        var status = !Model.IsEnrolled ? MemberStatus.Unknown : Model.IsClosed ? MemberStatus.Closed : Model.IsBlocked ? MemberStatus.Blocked : MemberStatus.Active;
        Require(state.Status == status, $"status is {state.Status}; the model: {status}");
        Same("waiting returns", state.Waiting.ToArray().Select(waiting => waiting.Id), Model.Waiting.Select(waiting => waiting.Id));
        if (Model.IsEnrolled)
        {
            Require(state.EnrolledOn.ToDateOnly() == Model.EnrolledOn, $"enrolled on {state.EnrolledOn:R}; the model: {Model.EnrolledOn:O}");
        }

        if (plan.Tiers is { } tiers && !Model.IsClosed)
        {
            var standing = Model.Standing(Now, ModelDays.DayOf(Now, _script.Plan.Zone));
            var level = standing.Level == 0 ? null : tiers.Levels[standing.Level - 1].Id;
            var real = state.Tier;
            var same = real.Level == level && (level is null || (real.Since.ToDateOnly() == standing.Since && real.Through?.ToDateOnly() == standing.Through));
            Require(same, $"tier is {real.Level} since {real.Since:R} through {real.Through:R}; the model: {level} since {standing.Since:O} through {standing.Through:O}");
        }
    }

    private static IEnumerable<string> Settled(Dictionary<string, long> accounts) =>
        accounts.Where(account => account.Value != 0).Select(account => $"{account.Key} {account.Value}").Order();

    /// <summary>The books as an auditor keeps them: from the facts alone.</summary>
    private void Post(MemberEvent fact)
    {
        switch (fact)
        {
            case PurchaseRecorded recorded:
                foreach (var award in recorded.Awards)
                {
                    Move(award.Unit, "issued", "member", award.Points);
                }

                Post(recorded.Campaigns);
                break;
            case ActivityRecorded did:
                foreach (var award in did.Awards)
                {
                    Move(award.Unit, "issued", "member", award.Points);
                }

                Post(did.Campaigns);
                break;
            case ReturnRecorded returned:
                foreach (var posting in returned.Postings)
                {
                    Move(posting.Unit, posting.Place switch { PostingPlace.Lapsed => "expired", PostingPlace.WrittenOff => "written-off", _ => "member" }, "returned", -posting.Points);
                }

                Post(returned.Campaigns);
                break;
            case PointsLapsed lapsed:
                foreach (var lot in lapsed.Lots)
                {
                    Move(lapsed.Unit, "member", "expired", lot.Points);
                }

                break;
            case PointsAdjusted adjusted:
                foreach (var posting in adjusted.Postings)
                {
                    Move(posting.Unit, "adjusted", "member", posting.Points);
                }

                break;
            case StatusChanged changed:
                foreach (var posting in changed.Postings)
                {
                    Move(posting.Unit, "member", "forfeited", -posting.Points);
                }

                break;
        }
    }

    private void Post(CampaignFacts? campaigns)
    {
        foreach (var given in campaigns?.Donations ?? [])
        {
            Move(given.Unit, given.Points > 0 ? "issued" : "returned", $"cause:{given.Cause}", given.Points);
        }

        foreach (var stamps in campaigns?.Stamps ?? [])
        {
            Move(stamps.Unit, "redeemed", "member", stamps.Points);
        }
    }

    private void Move(string unit, string from, string to, long points)
    {
        var accounts = _accounts.TryGetValue(unit, out var known) ? known : _accounts[unit] = [];
        accounts[from] = accounts.GetValueOrDefault(from) - points;
        accounts[to] = accounts.GetValueOrDefault(to) + points;
    }

    private void Same<T>(string what, IEnumerable<T> real, IEnumerable<T> model)
    {
        var (left, right) = (real.ToList(), model.ToList());
        Require(left.SequenceEqual(right), $"{what}: [{string.Join(", ", left)}]; the model: [{string.Join(", ", right)}]");
    }

    public void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new DifferenceException($"after step [{_at}] at {Now}: {message}\n{Last()}");
        }
    }

    private string Last()
    {
        var text = new StringBuilder("last facts:");
        foreach (var fact in Real.Facts.TakeLast(6))
        {
            text.Append("\n  ").Append(fact);
        }

        return text.ToString();
    }
}

internal sealed class DifferenceException(string message) : Exception(message);
