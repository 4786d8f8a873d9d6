using System.Collections.Concurrent;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Tests.Properties;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Spending;

public class SpendingAgreesWithTheModel
{
    private const int Seeds = 300;
    private const int Steps = 60;

    /// <summary>Random lives of a member, each step done by both. A seed that fails is named; run it alone by changing the range.</summary>
    [Fact]
    public void Random_members_hold_commit_cancel_time_out_redeem_reverse_pay_and_return_as_the_page_says()
    {
        var reached = new ConcurrentDictionary<string, int>();
        Parallel.For(0, Seeds, seed =>
        {
            var life = new Life(new Random(seed), reached);
            for (var step = 0; step < Steps; step++)
            {
                var told = life.Step();
                life.Compare($"seed {seed}, step {step}: {told}");
            }

            life.End($"seed {seed}");
        });

        // A model that is never asked agrees with everything.
        string[] wanted =
        [
            "hold yes", "commit yes", "cancel yes", "redeem yes", "reverse yes", "buy yes", "return yes", "hold not-enough-points", "hold below-minimum", "hold above-maximum", "hold wrong-step",
            "hold member-blocked", "commit hold-committed", "commit hold-cancelled", "commit hold-timed-out", "commit more-than-held", "commit no-hold", "cancel hold-timed-out", "reverse not-redeemed",
            "reverse more-than-redeemed", "buy tender-too-large", "buy tender-value", "buy not-enough-points", "return points-spent", "return yes with tender", "debt",
        ];
        Assert.DoesNotContain(wanted, one => !reached.ContainsKey(one));
    }

    private sealed class Life
    {
        private readonly Random _random;
        private readonly ModelSpender _model;
        private readonly RealSpender _real;
        private readonly List<string> _holds = [];
        private readonly List<string> _redemptions = [];
        private readonly List<(string Id, int Lines)> _purchases = [];
        private Instant _now = Instant.FromUtc(2026, 3, 1, 12, 0);
        private bool _blocked;
        private int _ids;

        private readonly ConcurrentDictionary<string, int> _reached;

        public Life(Random random, ConcurrentDictionary<string, int> reached)
        {
            (_random, _reached) = (random, reached);
            var plan = new SpendingPlan(
                Of("debt", "debt", "zero", "refuse"), random.Next(3) == 0 ? 2 : 0, random.Next(3, 30), Of(1, 1, 5), Of(1_000_000, 1_000_000, 60), Of(1, 1, 5), random.Next(2) == 0);
            _model = new(plan);
            _real = new(new([RealMember.Parsed(plan.ToJson())]));
            _real.Do(_now, new Enrolment { Id = "M1", AlternativeIds = [] });
        }

        public string Step()
        {
            _now += Of(Duration.Zero, Duration.FromMilliseconds(1), Duration.FromSeconds(_random.Next(90)), Duration.FromHours(_random.Next(30)), Duration.FromDays(_random.Next(8)));
            _model.Wake(_now);
            if (_random.Next(8) == 0)
            {
                _real.Reload();
            }

            var id = $"r{_ids++}";
            switch (_random.Next(14))
            {
                case 0:
                    return Check("wake", null, _real.Do(_now, null));
                case 1:
                    _blocked = !_blocked && _random.Next(3) == 0;
                    _model.Block(_blocked);
                    return Check($"blocked {_blocked}", null, _real.Do(_now, _blocked ? MemberStatus.Blocked : MemberStatus.Active));
                case 2 or 3 when !_blocked:
                    var given = _random.Next(1, 80);
                    _model.Give(_now, given);
                    return Check($"give {given}", null, _real.Do(_now, new Adjustment { Id = id, Member = "M1", Unit = "points", Points = given, Reason = "r", Author = "a" }));
                case 4 or 5:
                    var (held, seconds) = (Points(), Of(1, 60, 3600, 86_400 * _random.Next(1, 20)));
                    _holds.Add(id);
                    return Check($"hold {id} {held} for {seconds} s", _model.Hold(_now, id, held, seconds), _real.Do(_now, new Hold { Id = id, Member = "M1", Unit = "points", Points = held, Seconds = seconds }));
                case 6 when _holds.Count > 0:
                    var (commit, part) = (Any(_holds), _random.Next(3) == 0 ? (long?)null : _random.Next(1, 50));
                    _redemptions.Add(commit);
                    return Check($"commit {commit} {part}", _model.Commit(_now, commit, part), _real.Do(_now, new HoldCommit { Id = id, Member = "M1", Hold = commit, Points = part }));
                case 7 when _holds.Count > 0:
                    var cancel = Any(_holds);
                    return Check($"cancel {cancel}", _model.Cancel(_now, cancel), _real.Do(_now, new HoldCancel { Id = id, Member = "M1", Hold = cancel }));
                case 8:
                    var spent = Points();
                    _redemptions.Add(id);
                    return Check($"redeem {id} {spent}", _model.Redeem(_now, id, spent), _real.Do(_now, new Redemption { Id = id, Member = "M1", Unit = "points", Points = spent }));
                case 9 when _redemptions.Count > 0:
                    var (reverse, back) = (Any(_redemptions), _random.Next(3) == 0 ? (long?)null : _random.Next(1, 40));
                    return Check($"reverse {reverse} {back}", _model.Reverse(_now, reverse, back), _real.Do(_now, new Reversal
                    {
                        Id = id, Member = "M1", Redemption = reverse, Points = back, Reason = "r", Author = "a",
                    }));
                case 10 or 11:
                    return Buy(id);
                case 12 or 13 when _purchases.Count > 0:
                    return Return(id);
                default:
                    return Check("nothing", null, _real.Do(_now, null));
            }
        }

        public void Compare(string told)
        {
            var balance = _real.Balance(_now);
            if (_model.Debt > 0)
            {
                Reach("debt");
            }

            var book = _real.State.FindBook("points");
            Assert.True(
                (balance.Available + balance.Pending, balance.Pending, balance.Held, book?.Debt ?? 0)
                    == (_model.Lots.Sum(lot => lot.Points) - _model.Debt, _model.Pending(_now), _model.Held, _model.Debt),
                $"{told}: {balance}, debt {book?.Debt}; the model has {_model.Lots.Sum(lot => lot.Points)}, pending {_model.Pending(_now)}, held {_model.Held}, debt {_model.Debt}");
            Assert.True(_model.Lots.SequenceEqual(LotsOf(book).Select(lot => (lot.Id.EarnedOn, lot.Id.AvailableOn, lot.Id.LastDay!.Value, lot.Points))), $"{told}: lots differ");
            Assert.True(_model.Open.SequenceEqual((_real.State.Holds?.Open ?? []).Select(hold => (hold.Id, hold.Points))), $"{told}: open holds differ");
            Assert.True(book is null || book.InLots == Lot.Sum(book.Lots), $"{told}: the sum of the lots is wrong");
            var wake = _real.WakeAt(_now);
            Assert.True(wake is null || wake > _now, $"{told}: wants to be woken at {wake}, and it is {_now}");
        }

        public void End(string told)
        {
            Assert.True(_real.Snapshot().SequenceEqual(_real.Replayed()), $"{told}: a replay gives another member");
            var ledger = new Sums();
            _real.Facts.ForEach(fact => MemberLedger.Post(fact, ledger));
            Assert.Equal(0, ledger.Accounts.Values.Sum());
            Assert.Equal(
                (_model.Lots.Sum(lot => lot.Points) - _model.Debt, _model.Held, _model.Redeemed, _model.Lapsed),
                (ledger.Of(Accounts.Member), ledger.Of(Accounts.Held), ledger.Of(Accounts.Redeemed), ledger.Of(Accounts.Expired)));
        }

        private static Lot[] LotsOf(UnitBook? book) => book is null ? [] : book.Lots.ToArray();

        private string Buy(string id)
        {
            var amounts = Enumerable.Range(0, _random.Next(1, 4)).Select(_ => (long)_random.Next(0, 40)).ToArray();
            Tender? tender = _random.Next(2) == 0 ? new("points", Points(), _random.Next(1, 40)) : null;
            var refusal = _model.Buy(_now, id, amounts, tender is null ? null : (tender.Points, tender.Amount));
            if (refusal is null)
            {
                _purchases.Add((id, amounts.Length));
            }

            return Check($"buy {id} {string.Join('+', amounts)} {tender}", refusal, _real.Do(_now, new Purchase
            {
                Id = id, Member = "M1", Store = "S", At = _now, Currency = "GBP", Lines = [.. amounts.Select((amount, i) => new SaleLine($"sku{i}", null, null, 2, amount))], Tender = tender,
            }));
        }

        private string Return(string id)
        {
            var (purchase, lines) = Any(_purchases);
            var line = _random.Next(lines);
            var left = _model.LeftOf(purchase, line);
            var isAll = _random.Next(2) == 0;
            var amount = isAll ? left : _random.Next((int)left + 1);

            // A quantity of 2 is returned in thousandths, so that a line can come back many times before it has come back whole.
            var quantity = isAll ? 2m - (_returned.GetValueOrDefault((purchase, line)) * 0.001m) : 0.001m;
            if (quantity <= 0)
            {
                return Check("nothing", null, _real.Do(_now, null));
            }

            var refusal = _model.Return(_now, purchase, line, amount, isAll);
            if (refusal is null)
            {
                _returned[(purchase, line)] = isAll ? 2000 : _returned.GetValueOrDefault((purchase, line)) + 1;
            }

            return Check($"return {amount} of line {line} of {purchase}", refusal, _real.Do(_now, new Return
            {
                Id = id, Purchase = purchase, Member = "M1", Store = "S", At = _now, Currency = "GBP", Lines = [new($"sku{line}", null, null, quantity, amount)],
            }));
        }

        private readonly Dictionary<(string, int), int> _returned = [];

        private long Points() => Of(_random.Next(1, 12), _random.Next(1, 70), _random.Next(1, 14) * 5);

        private string Check(string told, string? model, Refusal? real)
        {
            Reach($"{told.Split(' ')[0]} {model ?? "yes"}");
            if (told.StartsWith("return", StringComparison.Ordinal) && model is null && _real.Facts.OfType<ReturnRecorded>().Last().Tender?.Points > 0)
            {
                Reach("return yes with tender");
            }

            Assert.True(model == real?.Code, $"{told}: the model says {model ?? "yes"}, the engine {real?.ToString() ?? "yes"}");
            return told;
        }

        private void Reach(string what) => _reached.AddOrUpdate(what, 1, static (_, count) => count + 1);

        private T Any<T>(List<T> list) => list[_random.Next(list.Count)];

        private T Of<T>(params T[] choices) => choices[_random.Next(choices.Length)];
    }

    private sealed class Sums : ILedgerSink
    {
        public Dictionary<string, long> Accounts { get; } = [];

        public long Of(string account) => Accounts.GetValueOrDefault(account);

        public void Post(string unit, string from, string to, long points)
        {
            Accounts[from] = Of(from) - points;
            Accounts[to] = Of(to) + points;
        }

        public void Count(string counter, long delta)
        {
        }
    }
}
