using System.Numerics;
using Loyalty.Domain.Exchange;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Exchange;

public class PoolAgreesWithTheModel
{
    [Fact]
    public void Reservations_commits_releases_and_fundings_in_any_order_come_to_what_the_specification_says()
    {
        var refusals = new Dictionary<string, int>();
        for (var seed = 1; seed <= 400; seed++)
        {
            Run(seed, refusals);
        }

        // The script reaches every refusal of a pool that a single request can meet.
        string[] all =
        [
            "pool-paused", "not-offered", "account-needed", "below-minimum", "above-maximum", "wrong-step", "no-rate", "too-little", "pool-day-limit", "pool-liquidity",
        ];
        Assert.Empty(all.Except(refusals.Keys));
    }

    private static void Run(int seed, Dictionary<string, int> refusals)
    {
        var random = new Random(seed);
        var plan = Plan(random, null);
        var (model, real) = (new ModelPool(plan), new PoolBooks());
        Assert.Empty(real.Publish(plan.ToJson()));
        for (var step = 0; step < 60; step++)
        {
            Step(model, real, random, step, refusals);
            Compare(model, real, $"seed {seed}, step {step}");
        }

        real.RequireRebuilt();
        Compare(model, real, $"seed {seed}, rebuilt");
    }

    private static void Step(ModelPool model, PoolBooks real, Random random, int step, Dictionary<string, int> refusals)
    {
        var open = real.State.Open.Keys.ToArray();
        switch (random.Next(10))
        {
            case 0:
                real.Now += Duration.FromMinutes(random.Next(4 * 24 * 60));
                real.Wake();
                break;
            case 1:
                var plan = Plan(random, model.Plan);
                Assert.Empty(real.Publish(plan.ToJson()));
                model.Plan = plan;
                break;
            case 2:
                var (points, amount) = (random.Next(2) == 0, (long)random.Next(-300, 3000));
                amount = amount == 0 ? 1 : amount;
                Same(model.Fund(points, amount), real.Fund(points ? "points" : "skymiles", amount), refusals);
                break;
            case 3 when open.Length > 0:
                var committed = open[random.Next(open.Length)];
                real.Commit(committed, "P-" + committed);
                model.End(committed, "committed");
                break;
            case 4 when open.Length > 0:
                var released = open[random.Next(open.Length)];
                real.Release(released);
                model.End(released, "released");
                break;
            case 5 when real.Facts.OfType<PoolCommitted>().LastOrDefault() is { } done:
                // What comes twice, or too late, changes nothing.
                real.Commit(done.Reservation.Exchange);
                real.Release(done.Reservation.Exchange);
                real.Park(done.Reservation.Exchange, parked: true);
                break;
            case 6 when open.Length > 0:
                real.Park(open[random.Next(open.Length)], random.Next(2) == 0);
                break;
            default:
                var direction = (ExchangeDirection)random.Next(1, 4);
                var asked = random.Next(4) switch { 0 => 1, 1 => random.Next(1, 20), 2 => random.Next(1, 1000), _ => random.Next(1, 20) * 10L };
                var account = random.Next(8) != 0;
                var expected = model.Reserve($"x{step}", direction, asked, account, real.Today, out var moves);
                Same(expected, real.Reserve($"x{step}", direction, asked, out var reservation, account ? "SK1" : null), refusals);
                if (expected is null)
                {
                    Assert.Equal(moves, ((BigInteger)reservation!.Points, (BigInteger)reservation.Fee, (BigInteger)reservation.Units, (BigInteger)reservation.ServiceFee));
                }

                break;
        }
    }

    private static void Compare(ModelPool model, PoolBooks real, string where)
    {
        var state = real.State;
        Assert.True(
            (model.FreePoints, model.FreeUnits, model.ReservedPoints, model.ReservedUnits) == (state.Free.Points, state.Free.Units, state.Reserved.Points, state.Reserved.Units),
            $"{where}: {model.FreePoints} {model.FreeUnits} {model.ReservedPoints} {model.ReservedUnits} in the model; {state.Free} {state.Reserved} in the pool");
        Assert.Equal(model.OpenIds.Order(), state.Open.Keys.Order());

        // The books: each unit sums to zero, and the pool's accounts are what its actor says.
        foreach (var unit in real.Accounts.GroupBy(account => account.Key.Unit))
        {
            Assert.Equal(0, unit.Sum(account => account.Value));
        }

        Assert.Equal(state.Free, new Position(real.Balance("points", "pool:sky"), real.Balance("skymiles", "pool:sky")));
        Assert.Equal(state.Reserved, new Position(real.Balance("points", "reserved:sky"), real.Balance("skymiles", "reserved:sky")));
        Assert.Equal(state.Parked.Count, real.Counters.GetValueOrDefault(PoolLedger.Parked));

        // The statements: all periods together are all that was committed, and each begins where the one before ended.
        var periods = real.Facts.OfType<PoolPeriodClosed>().Select(closed => closed.Period).Append(state.PeriodNow()).ToArray();
        foreach (var direction in Enum.GetValues<ExchangeDirection>())
        {
            var sums = periods.Select(period => direction switch { ExchangeDirection.Out => period.Out, ExchangeDirection.In => period.In, _ => period.Earn }).ToArray();
            Assert.Equal(
                model.Committed(direction),
                (sums.Sum(s => s.Count), sums.Sum(s => s.Points), sums.Sum(s => s.Fees), sums.Sum(s => s.Units), sums.Sum(s => s.ServiceFees)));
        }

        var lines = real.Lines;
        var (position, hash, line) = (default(Position), StatementLine.FirstHash, 1L);
        foreach (var period in periods)
        {
            Assert.Equal((position, hash, line), (period.Opening, period.OpeningHash, period.FirstLine));
            foreach (var one in lines.Skip((int)line - 1).Take((int)period.Lines))
            {
                Assert.Equal(line++, one.Number);
                position += new Position(one.Points, one.Units);
                hash = one.HashAfter(hash);
            }

            Assert.Equal((position, hash), (period.Closing, period.ClosingHash));
        }

        Assert.Equal(lines.Count, (int)line - 1);
    }

    private static void Same(string? expected, string? real, Dictionary<string, int> refusals)
    {
        Assert.Equal(expected, real);
        if (expected is not null)
        {
            refusals[expected] = refusals.GetValueOrDefault(expected) + 1;
        }
    }

    private static PoolPlan Plan(Random random, PoolPlan? before)
    {
        var rates = new List<(LocalDate, (long, long)?, (long, long)?)>();
        for (var (day, count) = (new LocalDate(2026, 2, 20).PlusDays(random.Next(20)), random.Next(1, 4)); count > 0; count--, day = day.PlusDays(random.Next(1, 10)))
        {
            rates.Add((day, random.Next(8) == 0 ? null : (random.Next(1, 9), random.Next(1, 9)), (random.Next(1, 9), random.Next(1, 9))));
        }

        if (!rates.Exists(rate => rate.Item2 is not null))
        {
            rates.Add((new(2026, 9, 1), (1, 1), null));
        }

        var credit = random.Next(2) == 0;
        return new()
        {
            Paused = random.Next(8) == 0,
            HasConnector = random.Next(3) != 0,
            PointsCredit = credit ? random.Next(1, 500) : 0,
            UnitsCredit = credit ? random.Next(1, 500) : 0,
            Rates = [.. rates],
            Out = Limits(random),
            In = Limits(random),
            Earn = random.Next(4) == 0 ? null : Limits(random),
            FeeFlat = random.Next(2) * random.Next(20),
            FeeRate = random.Next(2) == 0 ? (0, 1) : (1, random.Next(1, 40)),
            ServiceFlat = random.Next(5),
            ServiceRate = random.Next(2) == 0 ? (0, 1) : (1, random.Next(1, 40)),
            Settlement = before?.Settlement ?? new[] { "day", "week", "month" }[random.Next(3)],
        };
    }

    private static PlanLimits Limits(Random random) =>
        new(random.Next(3) == 0 ? 10 : 1, random.Next(3) == 0 ? 500 : 5000, random.Next(3) == 0 ? 10 : 1, random.Next(2) == 0 ? random.Next(100, 2000) : null);
}
