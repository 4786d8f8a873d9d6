using System.Globalization;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Tests.Model;
using Loyalty.Simulator.Engine;
using NodaTime;

namespace Loyalty.Simulator.Work;

/// <summary>What happens in a run besides faults: a program, its later versions, and what people want.</summary>
/// <param name="Zone">The program's time zone.</param>
/// <param name="Versions">The first is there from the beginning; the others are published by operations. Their times in force are set then.</param>
/// <param name="StartMs">The clock at the beginning, Unix milliseconds.</param>
/// <param name="Ops">In order.</param>
internal sealed record Workload(string Zone, PlanVersion[] Versions, long StartMs, Op[] Ops)
{
    private const long Hour = 3_600_000;
    private const long Day = 24 * Hour;

    /// <summary>The seed's own.</summary>
    public static Workload Of(ulong seed, int ops) => new Maker(new(seed ^ 0x9D39247E33776D41), ops).Make();

    private sealed class Maker(Dice dice, int count)
    {
        private readonly List<Op> _ops = [];
        private readonly List<(string Id, string? Member, ModelLine[] Lines)> _purchases = [];
        private readonly List<(string Id, string Member)> _spendings = [];
        private string[] _units = [];
        private string[] _members = [];
        private AlternativeId[] _cards = [];
        private int _versions = 1;
        private int _pace;

        public Workload Make()
        {
            // The generator of plans is shared with the domain's tests; System.Random with a seed is fixed for all versions of .NET.
            var random = new Random(dice.Next(int.MaxValue));
            _units = dice.Next(3) switch { 0 => ["points"], 1 => ["points", "stamps"], _ => ["stamps", "points", "miles"] };
            var tiers = dice.Next(5) == 0 ? null : Plans.Tiers(random, _units);
            var versions = new PlanVersion[4];
            for (var i = 0; i < versions.Length; i++)
            {
                versions[i] = Plans.Version(random, _units, tiers, Instant.FromUtc(2000, 1, 1, 0, 0));
            }

            _members = [.. Enumerable.Range(0, dice.Next(2, Math.Max(3, count / 25))).Select(i => $"m{i}")];
            _cards = [.. Enumerable.Range(0, Math.Max(2, _members.Length / 2)).Select(i => new AlternativeId(dice.Pick("card", "phoneHash"), $"c{i}"))];
            _pace = dice.Next(4);
            for (var i = 0; i < count; i++)
            {
                _ops.Add(Any(i));
            }

            var start = Instant.FromUtc(dice.Next(2023, 2027), dice.Next(1, 13), dice.Next(1, 28), dice.Next(24), dice.Next(60)).ToUnixTimeMilliseconds() + dice.Next(1000);
            return new(dice.Pick(Plans.Zones), versions, start, [.. _ops]);
        }

        /// <summary>Most things come close to each other; now and then a night or a season passes.</summary>
        private long Advance() => dice.Next(20) switch
        {
            < 12 => dice.Next(0, 2000),
            < 16 => dice.Next(0, (int)Hour),
            < 18 => dice.Next(0, (int)Day),
            18 => _pace == 0 ? Hour : Day * dice.Next(1, 4 * _pace),
            _ => _pace < 2 ? Day : Day * dice.Next(1, 20 * _pace),
        };

        /// <summary>A third of everything is about two hot members.</summary>
        private string Member() => dice.Next(3) == 0 ? _members[dice.Next(Math.Min(2, _members.Length))] : dice.Pick(_members);

        private Op Any(int i)
        {
            var advance = Advance();
            switch (dice.Next(100))
            {
                case < 36:
                    return Buy(i, advance);
                case < 52:
                    return Back(i, advance);
                case < 58:
                    return Adjust(i, advance);
                case < 70:
                    return Spend(i, advance);
                case < 75:
                    return new EnrolOp(i, advance, Member(), Cards());
                case < 79:
                    return new ReplaceIdsOp(i, advance, Member(), Cards());
                case < 81:
                    return new StatusOp(i, advance, dice.Pick(_members), dice.Next(4) switch { 0 => MemberStatus.Blocked, 1 when dice.Next(4) == 0 => MemberStatus.Closed, _ => MemberStatus.Active });
                case < 87:
                    return new LookOp(i, advance, Member());
                case < 89:
                    return new FindOp(i, advance, dice.Pick(_cards));
                case < 91:
                    return new StatementOp(i, advance, Member(), dice.Pick(1, 2, 5, 100));
                case < 92:
                    return new PublishOp(i, advance, _versions = Math.Min(3, _versions + dice.Next(2)), dice.Pick(0, 1000, Hour, Day * 10));
                case < 97:
                    return new WakeOp(i, advance);
                default:
                    return new CheckpointOp(i, advance);
            }
        }

        private RequestOp Buy(int i, long advance)
        {
            var member = dice.Next(12) == 0 ? null : Member();
            var (store, currency, lines) = (dice.Pick("S1", "S2"), Money(), Lines());
            // Ids collide now and then: of other members, of returns that came before their purchase, of other requests.
            var id = dice.Next(25) == 0 ? $"p{dice.Next(Math.Max(1, i + 10))}" : $"p{i}";
            _purchases.Add((id, member, lines));
            Request Make(Instant at, ModelLine[] goods) =>
                new Purchase { Id = id, Member = member, Store = store, At = at, Currency = currency, Lines = Goods(goods) };
            ModelLine[] others = [lines[0] with { Amount = lines[0].Amount + 1 }, .. lines[1..]];
            return new(
                i, advance, at => Make(at, lines), SaleTime(), dice.Next(8) == 0 ? at => Make(at, others) : null,
                $"{member ?? "somebody"} buys {id} in {store}{(currency == Plan.Currency ? "" : " in " + currency)}: {Words(lines)}");
        }

        private RequestOp Back(int i, long advance)
        {
            var (store, currency) = (dice.Pick("S1", "S2"), Money());
            string? purchase;
            string? member;
            ModelLine[] lines;
            if (_purchases.Count == 0 || dice.Next(8) == 0)
            {
                // Without receipt, or of a purchase that is still to come.
                purchase = dice.Next(2) == 0 ? null : $"p{i + dice.Next(1, 12)}";
                (member, lines) = (dice.Next(8) == 0 ? null : Member(), Lines());
            }
            else
            {
                var bought = _purchases[Math.Max(0, _purchases.Count - 1 - dice.Next(dice.Next(3) == 0 ? _purchases.Count : 8))];
                purchase = bought.Id;
                member = dice.Next(15) == 0 ? Member() : dice.Next(15) == 0 ? null : bought.Member;
                lines = Portion(bought.Lines);
            }

            var id = dice.Next(60) == 0 ? $"p{dice.Next(Math.Max(1, i))}" : $"r{i}";
            Request Make(Instant at, ModelLine[] goods) =>
                new Return { Id = id, Purchase = purchase, Member = member, Store = store, At = at, Currency = currency, Lines = Goods(goods) };
            ModelLine[] others = [lines[0] with { Quantity = lines[0].Quantity + 1 }, .. lines[1..]];
            return new(
                i, advance, at => Make(at, lines), dice.Next(3) == 0 ? SaleTime() : 0, dice.Next(10) == 0 ? at => Make(at, others) : null,
                $"{member ?? "somebody"} returns {id} of {purchase ?? "something without receipt"} in {store}{(currency == Plan.Currency ? "" : " in " + currency)}: {Words(lines)}");
        }

        private RequestOp Adjust(int i, long advance)
        {
            var (member, unit) = (Member(), dice.Next(25) == 0 ? "unknown" : dice.Pick(_units));
            var points = dice.Pick(1L, 5, 100, 1000, -1, -3, -10, -50, -100, -1000);
            Request Make(long p) => new Adjustment { Id = $"a{i}", Member = member, Unit = unit, Points = p, Reason = "r", Author = "a" };
            return new(i, advance, _ => Make(points), 0, dice.Next(10) == 0 ? _ => Make(points + (points > 0 ? 1 : -1)) : null, $"adjust {member} by {points} {unit}");
        }

        private RequestOp Spend(int i, long advance)
        {
            var (member, unit, points) = (Member(), dice.Next(25) == 0 ? "unknown" : dice.Pick(_units), dice.Pick(1L, 5, 20, 50, 100, 1000));
            if (_spendings.Count == 0 || dice.Next(3) == 0)
            {
                var isHold = dice.Next(3) > 0;
                var (id, seconds) = (isHold ? $"h{i}" : $"d{i}", dice.Pick(1, 60, 3600, 86_400, 86_400, 86_400, 86_401));
                _spendings.Add((id, member));
                Request Make(long p) => isHold
                    ? new Hold { Id = id, Member = member, Unit = unit, Points = p, Seconds = seconds }
                    : new Redemption { Id = id, Member = member, Unit = unit, Points = p };
                return new(
                    i, advance, _ => Make(points), 0, dice.Next(10) == 0 ? _ => Make(points + 1) : null, $"{member} {(isHold ? $"holds for {seconds} s" : "redeems")} {id}: {points} {unit}");
            }

            // Mostly something recent of the same member; now and then somebody else's, or something that is no hold.
            var of = _spendings[Math.Max(0, _spendings.Count - 1 - dice.Next(dice.Next(3) == 0 ? _spendings.Count : 4))];
            var (whose, what) = (dice.Next(20) == 0 ? member : of.Member, dice.Next(20) == 0 ? $"p{dice.Next(Math.Max(1, i))}" : of.Id);
            long? part = dice.Next(2) == 0 ? null : points;
            return dice.Next(4) switch
            {
                < 2 => new(i, advance, _ => new HoldCommit { Id = $"k{i}", Member = whose, Hold = what, Points = part }, 0, null, $"{whose} commits {part} of {what} with k{i}"),
                2 => new(i, advance, _ => new HoldCancel { Id = $"k{i}", Member = whose, Hold = what }, 0, null, $"{whose} cancels {what} with k{i}"),
                _ => new(
                    i, advance, _ => new Reversal { Id = $"k{i}", Member = whose, Redemption = what, Points = part, Reason = "r", Author = "a" }, 0, null, $"{whose} gets {part} of {what} back with k{i}"),
            };
        }

        private AlternativeId[] Cards() => [.. Enumerable.Range(0, dice.Next(0, 3)).Select(_ => dice.Pick(_cards)).Distinct()];

        private string Money() => dice.Next(80) == 0 ? "EUR" : Plan.Currency;

        private long SaleTime() => dice.Next(20) switch
        {
            < 12 => 0,
            12 => -dice.Next(1, 7_200_000),
            13 or 14 => -dice.Next(1, (int)Day),
            15 or 16 => -Day * dice.Next(1, 40),
            17 => -(Day * dice.Next(1, 400)) - dice.Next(0, (int)Day),
            18 => dice.Next(1, 300_000),
            _ => dice.Next(8) == 0 ? -Day * 365 * 60 : dice.Next(4) == 0 ? 400_000 : -Day * dice.Next(1, 2000),
        };

        private ModelLine[] Lines()
        {
            var lines = new ModelLine[dice.Next(6) switch { < 3 => 1, < 5 => 2, _ => 3 }];
            for (var i = 0; i < lines.Length; i++)
            {
                lines[i] = new(dice.Pick("a", "b", "c"), dice.Pick(1m, 1m, 2m, 3m, 0.5m, 1.25m, 0.000001m), dice.Next(12) switch
                {
                    0 => 0, 1 => 1, 2 => 50, 3 => 150, 4 => 250, 5 => 99, 6 => dice.Next(40) == 0 ? 1_000_000_000_000 / 3 : 2000, _ => dice.Next(1, 6000),
                });
            }

            return lines;
        }

        private ModelLine[] Portion(ModelLine[] bought) => dice.Next(8) switch
        {
            < 3 => [.. bought.Select(line => line with { Quantity = Math.Max(0.000001m, decimal.Round(line.Quantity / 2, 6, MidpointRounding.ToZero)), Amount = line.Amount / 2 })],
            3 => bought[..1],
            4 => [bought[0] with { Amount = bought[0].Amount + 1 }, .. bought[1..]],
            5 => Lines(),
            _ => bought,
        };

        private static SaleLine[] Goods(ModelLine[] lines) => [.. lines.Select(line => new SaleLine(line.Sku, null, null, line.Quantity, line.Amount))];

        private static string Words(ModelLine[] lines) =>
            string.Join("; ", lines.Select(line => string.Create(CultureInfo.InvariantCulture, $"{line.Quantity} {line.Sku} = {line.Amount}")));
    }
}
