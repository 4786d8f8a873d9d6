using System.Runtime.CompilerServices;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Tests.Model;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Loyalty;
using Loyalty.Simulator.Engine;
using NodaTime;

namespace Loyalty.Simulator.Checks;

/// <summary>Holds one member's records against the slow model, in the order in which they became durable.</summary>
internal sealed class MemberAudit(World world, Plan plan, string id)
{
    private readonly ModelMember _model = new(plan);
    private readonly Queue<(long Version, string Balances, int Postings)> _recent = new();
    private int _postings;
    private Func<string> _what = () => "";

    /// <summary>Balances (with debt, without splitting off what is pending) after a version; null: not one of the last few.</summary>
    public string? BalancesAt(long version) => _recent.Where(entry => entry.Version == version).Select(entry => entry.Balances).FirstOrDefault();

    /// <summary>How many postings a statement shows as of a version; null: not one of the last few.</summary>
    public int? PostingsAt(long version) => _recent.Where(entry => entry.Version == version).Select(entry => entry.Postings < 0 ? null : (int?)entry.Postings).FirstOrDefault();

    /// <summary>Plays one record.</summary>
    /// <param name="record">What became durable.</param>
    /// <param name="facts">What it holds.</param>
    /// <param name="state">The member after it.</param>
    /// <param name="books">What is known of everybody.</param>
    public void Play(JournalRecord record, IReadOnlyList<MemberEvent> facts, MemberState state, Auditor books)
    {
        if (facts.Count == 0)
        {
            // The kernel notes that a message was delivered; the member is not touched.
            return;
        }

        var now = Instant.FromUnixTimeMilliseconds(record.RecordedAtMs);
        var main = facts.FirstOrDefault(fact => fact is PurchaseRecorded or ReturnRecorded or ReturnWaits or PointsAdjusted or RequestRefused or StatusChanged or AlternativeIdsReplaced
            or MemberEnrolled { Automatic: false } or HoldOpened { Request: not null } or HoldCommitted { Request: not null } or HoldReleased { Request: not null } or PointsRedeemed
            or RedemptionReversed);
        _what = () => $"{id} version {record.LastVersion} at {now}, {string.Join(" ", facts.Select(fact => fact.GetType().Name))}";
        switch (main)
        {
            case PurchaseRecorded purchase:
                Compare(facts, Buy(now, purchase.Purchase), null);
                break;
            case ReturnRecorded returned:
                Compare(facts, Return(now, returned.Return, null), null);
                break;
            case ReturnWaits waits:
                Compare(facts, Return(now, waits.Return, null), null);
                break;
            case PointsAdjusted adjusted:
                Compare(facts, _model.Adjust(now, adjusted.Adjustment.Unit, adjusted.Adjustment.Points), null);
                break;
            case RequestRefused refused:
                PlayRefused(now, refused, facts, books);
                break;
            case StatusChanged changed:
                Compare(facts, _model.SetStatus(now, changed.Status switch { MemberStatus.Blocked => "blocked", MemberStatus.Closed => "closed", _ => "active" }), null);
                break;
            case MemberEnrolled enrolled:
                if (!_model.IsEnrolled)
                {
                    _model.Enrol(ModelDays.DayOf(enrolled.At, plan.Zone));
                }

                _model.BringUpToDate(now);
                break;
            case AlternativeIdsReplaced:
                break;
            case HoldOpened or HoldCommitted or HoldReleased or PointsRedeemed or RedemptionReversed:
                Compare(facts, Spend(now, Spendings.RequestOf(main)!), null);
                break;
            default:
                _model.BringUpToDate(now);
                break;
        }

        if (main is not AlternativeIdsReplaced)
        {
            CompareStates(now, state);
        }

        if (facts.OfType<RequestAnswered>().SingleOrDefault() is { } answer)
        {
            Same("the answer's balances", answer.Balances.Select(b => (b.Unit, b.Available, b.Pending, b.Held)), plan.At(now).Units.Select(unit =>
            {
                var (available, pending) = _model.Balance(unit.Id, now);
                return (unit.Id, available, pending, _model.Held(unit.Id));
            }));
        }

        _postings += facts.Sum(fact => fact switch
        {
            PurchaseRecorded e => e.Awards.Length,
            ReturnRecorded e => e.Postings.Length,
            PointsLapsed e => e.Lots.Length,
            PointsAdjusted e => e.Postings.Length,
            StatusChanged e => e.Postings.Length,
            _ when Spendings.RequestOf(fact) is not null || fact is HoldReleased => int.MinValue / 1024,
            _ => 0,
        });
        _recent.Enqueue((record.LastVersion, string.Join(", ", state.Books.Where(book => book.Balance != 0).Select(book => $"{book.Balance} {book.Unit}").Order(StringComparer.Ordinal)), _postings));
        if (_recent.Count > 8)
        {
            _recent.Dequeue();
        }
    }

    /// <summary>Everybody was woken: what the model lapses or ends by now, the books have too.</summary>
    public void CheckNothingDue(Instant now, MemberState state)
    {
        _what = () => $"{id} at {now}, after everybody was woken";
        _model.BringUpToDate(now);
        CompareStates(now, state);
    }

    private void PlayRefused(Instant now, RequestRefused refused, IReadOnlyList<MemberEvent> facts, Auditor books)
    {
        var request = books.Sent.GetValueOrDefault(refused.RequestId)?.Find(body => Fingerprint.Of(body) == refused.Fingerprint);
        switch (request)
        {
            case Purchase purchase:
                Compare(facts, Buy(now, purchase), refused.Refusal);
                break;
            case Return returned:
                var of = returned.Purchase is null ? null : books.Requests.GetValueOrDefault(returned.Purchase);
                var isPurchase = of?.Fact is PurchaseRecorded or Domain.Sales.SaleCounted;
                Require(refused.Refusal.Code != "foreign-purchase" || (isPurchase && of!.Actor != ActorIds.Member(id)), $"{returned.Purchase} is not somebody else's purchase: {of?.Fact}");
                Require(refused.Refusal.Code != "no-purchase" || (of is not null && !isPurchase), $"{returned.Purchase} is a purchase, or nothing: {of?.Fact}");
                Compare(facts, Return(now, returned, refused.Refusal.Code), refused.Refusal);
                break;
            case Adjustment adjustment:
                Compare(facts, _model.Adjust(now, adjustment.Unit, adjustment.Points), refused.Refusal);
                break;
            case not null:
                Compare(facts, Spend(now, request), refused.Refusal);
                break;
        }
    }

    private ModelOutcome Spend(Instant now, Request request) => request switch
    {
        Hold hold => _model.OpenHold(now, hold.Id, hold.Unit!, hold.Points, hold.Seconds!.Value),
        HoldCommit commit => _model.CommitHold(now, commit.Hold, commit.Points),
        HoldCancel cancel => _model.CancelHold(now, cancel.Hold),
        Redemption redemption => _model.Redeem(now, redemption.Id, redemption.Unit!, redemption.Points),
        Reversal reversal => _model.Reverse(now, reversal.Redemption, reversal.Points),
        _ => throw new InvalidOperationException($"the model does not know {request.GetType().Name}"),
    };

    private ModelOutcome Buy(Instant now, Purchase purchase) => _model.Buy(now, purchase.Id, purchase.At, purchase.Currency, Goods(purchase.Lines));

    private ModelOutcome Return(Instant now, Return request, string? refusedBecause) => _model.Return(
        now, new(request.Id, request.Purchase, request.At, request.Currency, Goods(request.Lines)), refusedBecause == "foreign-purchase", refusedBecause == "no-purchase");

    private static ModelLine[] Goods(SaleLine[] lines) => Array.ConvertAll(lines, line => new ModelLine(line.Sku, line.Quantity, line.Amount));

    private void Compare(IReadOnlyList<MemberEvent> facts, ModelOutcome model, Refusal? refusal)
    {
        if (model.RefusedBecauseOf.Length > 0 || refusal is not null)
        {
            Require(
                refusal is not null && model.RefusedBecauseOf.Contains(refusal.Code), $"refusal is {refusal?.ToString() ?? "none"}; the model: [{string.Join(", ", model.RefusedBecauseOf)}]");
            Require(!facts.Any(fact => fact is PurchaseRecorded or ReturnRecorded or ReturnWaits or PointsAdjusted or StatusChanged or HoldOpened or HoldCommitted or HoldReleased { Request: not null } or PointsRedeemed
                or RedemptionReversed), $"a refused request changed something");
            return;
        }

        Require(facts.Any(fact => fact is ReturnWaits) == model.Waits, $"waits; the model: {model.Waits}");
        Same(
            "awards", facts.OfType<PurchaseRecorded>().SelectMany(fact => fact.Awards).Select(award => new ModelAward(award.Rule, award.Unit, award.Points, award.IsTierBonus)), model.Awards);
        var returns = facts.OfType<ReturnRecorded>().ToList();
        Same("returns", returns.Select(fact => fact.Return.Id), model.Returns.Select(applied => applied.Id));
        foreach (var (fact, applied) in returns.Zip(model.Returns))
        {
            Same("take-backs", fact.Takes.Select(take => (take.Rule, take.Unit, take.Points)), applied.Takes.Select(take => (take.Rule, take.Unit, take.Points)));
            Same("postings", Merged(fact.Postings.Select(Plain)), Merged(applied.Postings));
        }
    }

    private static IEnumerable<string> Merged(IEnumerable<ModelPosting> postings) =>
        postings.GroupBy(posting => posting with { Points = 0 }).Select(group => (group.Key with { Points = group.Sum(posting => posting.Points) }).ToString()).Order(StringComparer.Ordinal);

    private static ModelPosting Plain(Posting posting) => new(
        posting.Unit,
        posting.Place switch { PostingPlace.Lot => "lot", PostingPlace.Lapsed => "lapsed", PostingPlace.Debt => "debt", _ => "written-off" },
        posting.Place is PostingPlace.Lot or PostingPlace.Lapsed ? Plain(posting.Lot) : null,
        posting.Points);

    private static ModelLotKey Plain(LotId lot) => new(lot.EarnedOn.ToDateOnly(), lot.AvailableOn.ToDateOnly(), lot.LastDay?.ToDateOnly());

    private void CompareStates(Instant now, MemberState state)
    {
        var version = plan.At(now);
        foreach (var unit in version.Units)
        {
            var (real, model) = (state.FindBook(unit.Id), _model.Book(unit.Id));
            Same(unit.Id, (real is null ? [] : real.Lots.ToArray()).Select(lot => (Plain(lot.Id), lot.Points)), model.InOrder().Select(lot => (lot, model.Lots[lot])));
            Require(state.Held(unit.Id) == _model.Held(unit.Id), $"{state.Held(unit.Id)} {unit.Id} are held; the model: {_model.Held(unit.Id)}");
            Require((real?.Debt ?? 0) == model.Debt, $"debt of {unit.Id} is {real?.Debt}; the model: {model.Debt}");
            Require((real?.Lots.ToArray().Sum(lot => lot.Points) ?? 0) == (real?.InLots ?? 0), $"the lots of {unit.Id} do not sum to {real?.InLots}");
        }

        var status = !_model.IsEnrolled ? MemberStatus.Unknown : _model.IsClosed ? MemberStatus.Closed : _model.IsBlocked ? MemberStatus.Blocked : MemberStatus.Active;
        Require(state.Status == status, $"status is {state.Status}; the model: {status}");
        Same("waiting returns", state.Waiting.ToArray().Select(waiting => waiting.Id), _model.Waiting.Select(waiting => waiting.Id));
        if (_model.IsEnrolled)
        {
            Require(state.EnrolledOn.ToDateOnly() == _model.EnrolledOn, $"enrolled on {state.EnrolledOn:R}; the model: {_model.EnrolledOn:O}");
        }

        if (version.Tiers is { } tiers && !_model.IsClosed)
        {
            var standing = _model.Standing(now, ModelDays.DayOf(now, plan.Zone));
            var level = standing.Level == 0 ? null : tiers.Levels[standing.Level - 1].Id;
            var real = state.Tier;
            Require(
                real.Level == level && (level is null || (real.Since.ToDateOnly() == standing.Since && real.Through?.ToDateOnly() == standing.Through)),
                $"tier is {real.Level} since {real.Since:R} through {real.Through:R}; the model: {level} since {standing.Since:O} through {standing.Through:O}");
        }
    }

    private void Same<T>(string what, IEnumerable<T> real, IEnumerable<T> model)
    {
        if (!real.SequenceEqual(model))
        {
            world.Fail($"{_what()}: {what}: [{string.Join(", ", real)}]; the model: [{string.Join(", ", model)}]");
        }
    }

    private void Require(bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] Unless what)
    {
        if (!condition)
        {
            world.Fail($"{_what()}: {what.Take()}");
        }
    }
}
