using Loyalty.Domain.Exchange;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Exchange;

public class PoolExamples
{
    [Fact]
    public void Out_pays_the_fee_in_points_and_rounds_partner_units_down()
    {
        var pool = Open(new() { FeeFlat = 5, FeeRate = (1, 100), Rates = [(new(2026, 1, 1), (1, 3), null)], In = null });
        pool.Fund("skymiles", 1000);
        Assert.Null(pool.Reserve("x", ExchangeDirection.Out, 101, out var reservation));
        Assert.Equal((101, 7, 31), (reservation!.Points, reservation.Fee, reservation.Units));
        pool.Commit("x");
        Assert.Equal(new Position(94, 969), pool.State.Free);
        Assert.Equal(7, pool.Balance("points", "fees:sky"));
        Assert.Equal(-101, pool.Balance("points", "exchange"));
    }

    [Fact]
    public void The_last_unit_of_a_pool_is_given_once()
    {
        var pool = Open(new() { Rates = [(new(2026, 1, 1), (1, 1), (1, 1))] });
        pool.Fund("skymiles", 1);
        Assert.Null(pool.Reserve("a", ExchangeDirection.Out, 1, out _));
        Assert.Equal("pool-liquidity", pool.Reserve("b", ExchangeDirection.Out, 1, out _));
        pool.Release("a");
        Assert.Null(pool.Reserve("c", ExchangeDirection.Out, 1, out _));
    }

    [Fact]
    public void A_reservation_keeps_the_rate_it_was_made_with()
    {
        var pool = Open(new() { Rates = [(new(2026, 1, 1), (1, 2), null)], In = null });
        pool.Fund("skymiles", 1000);
        pool.Reserve("x", ExchangeDirection.Out, 100, out _);
        Assert.Empty(pool.Publish(new PoolPlan { Rates = [(new(2026, 1, 1), (1, 4), null)], In = null, Paused = true }.ToJson()));
        pool.Commit("x");
        Assert.Equal(950, pool.State.Free.Units);
        Assert.Equal("pool-paused", pool.Reserve("y", ExchangeDirection.Out, 100, out _));
    }

    [Fact]
    public void A_day_limit_is_the_day_of_the_programs_time_zone()
    {
        var pool = new PoolBooks("Pacific/Auckland") { Now = Instant.FromUtc(2026, 3, 2, 10, 59) };
        Assert.Empty(pool.Publish(new PoolPlan { Earn = new(Day: 100) }.ToJson()));
        pool.Fund("points", 1000);
        Assert.Null(pool.Reserve("a", ExchangeDirection.Earn, 100, out _));
        Assert.Equal("pool-day-limit", pool.Reserve("b", ExchangeDirection.Earn, 1, out _));
        pool.Now = Instant.FromUtc(2026, 3, 2, 11, 0);
        Assert.Null(pool.Reserve("c", ExchangeDirection.Earn, 100, out _));
    }

    [Fact]
    public void Periods_end_at_midnight_of_the_programs_time_zone_also_when_clocks_change()
    {
        var pool = new PoolBooks { Now = Instant.FromUtc(2026, 3, 29, 0, 30) };
        Assert.Empty(pool.Publish(new PoolPlan { Settlement = "day" }.ToJson()));
        pool.Fund("points", 10);
        Assert.Equal(Instant.FromUtc(2026, 3, 29, 23, 0), PoolDecider.WakeAt(pool.State, new Loyalty.Domain.Programs.BusinessCalendar(DateTimeZoneProviders.Tzdb["Europe/London"])));
        pool.Now = Instant.FromUtc(2026, 3, 31, 12, 0);
        pool.Wake();
        var closed = pool.Facts.OfType<PoolPeriodClosed>().ToArray();
        Assert.Equal(["2026-03-29", "2026-03-30"], closed.Select(one => one.Name));
        Assert.Equal(Duration.FromHours(23), closed[0].Until - closed[0].From);
        Assert.Equal((1, 0), (closed[0].Period.Lines, closed[1].Period.Lines));
        Assert.Equal(closed[0].Period.ClosingHash, closed[1].Period.OpeningHash);
    }

    [Fact]
    public void Weeks_have_the_names_of_the_iso_calendar()
    {
        Assert.Equal("2026-W01", SettlementCalendar.NameOf(SettlementPeriod.Week, SettlementCalendar.StartOf(SettlementPeriod.Week, new(2026, 1, 2))));
        Assert.Equal("2026-W53", SettlementCalendar.NameOf(SettlementPeriod.Week, SettlementCalendar.StartOf(SettlementPeriod.Week, new(2027, 1, 3))));
    }

    [Fact]
    public void A_low_pool_alerts_once_and_again_only_after_it_was_filled()
    {
        var pool = Open(new() { Rates = [(new(2026, 1, 1), (1, 1), (1, 1))], More = "\"lowLiquidity\": { \"partnerUnits\": 50 }," });
        Assert.True(pool.State.IsLowOnUnits);
        pool.Fund("skymiles", 100);
        pool.Reserve("a", ExchangeDirection.Out, 50, out _);
        Assert.False(pool.State.IsLowOnUnits);
        pool.Reserve("b", ExchangeDirection.Out, 1, out _);
        pool.Reserve("c", ExchangeDirection.Out, 1, out _);
        Assert.True(pool.State.IsLowOnUnits);
        Assert.Equal([true, false, true], pool.Facts.OfType<PoolAlerted>().Select(alert => alert.IsLow));
    }

    [Fact]
    public void A_statement_line_is_chained_by_its_csv_text()
    {
        var pool = Open(new() { Rates = [(new(2026, 1, 1), (1, 2), null)], In = null });
        pool.Fund("skymiles", 100, "f,1");
        pool.Reserve("x\"1", ExchangeDirection.Out, 100, out _);
        pool.Commit("x\"1", "P-1");
        Assert.Equal("1,funding,\"f,1\",2026-03-02T10:00:00Z,,,0,0,100,,0,", pool.Lines[0].ToCsv());
        Assert.Equal("2,out,\"x\"\"1\",2026-03-02T10:00:00Z,M1,SK1,100,0,-50,1/2,0,P-1", pool.Lines[1].ToCsv());
        Assert.Equal(pool.State.Hash, pool.Lines[1].HashAfter(pool.Lines[0].HashAfter(StatementLine.FirstHash)));
    }

    [Theory]
    [InlineData("""{ "unit": "points", "partnerUnit": "points", "earn": {} }""", "partnerUnit")]
    [InlineData("""{ "unit": "gold", "partnerUnit": "m", "earn": {} }""", "unit")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m" }""", "")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "out": {} }""", "out")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": { "min": 5, "max": 4 } }""", "earn.min")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "credit": { "points": 5 } }""", "credit")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "rates": [ { "from": "2026-02-30", "out": "1/2" } ] }""", "rates[0].from")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "rates": [ { "from": "2026-02-28", "out": "0.5" } ] }""", "rates[0].out")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "rates": [ { "from": "2026-02-28", "out": "1/0" } ] }""", "rates[0].out")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "rates": [ { "from": "2026-02-28" } ] }""", "rates[0]")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "fee": { "rate": "3/2" } }""", "fee.rate")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "shards": 65 }""", "shards")]
    [InlineData("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "colour": 1 }""", "colour")]
    public void A_definition_that_is_wrong_names_the_field(string json, string field)
    {
        var errors = new PoolBooks().Publish(System.Text.Encoding.UTF8.GetBytes(json));
        Assert.Contains(field, errors.Select(error => error.Field.TrimEnd('.')));
    }

    [Fact]
    public void Units_and_settlement_of_a_pool_never_change()
    {
        var pool = Open(new());
        var errors = pool.Publish("""{ "unit": "points", "partnerUnit": "other", "earn": {}, "settlement": "day" }"""u8.ToArray());
        Assert.Equal(["partnerUnit", "settlement"], errors.Select(error => error.Field));
        Assert.Empty(pool.Publish(new PoolPlan().ToJson()));
        Assert.Single(pool.Facts.OfType<PoolDefined>());
    }

    private static PoolBooks Open(PoolPlan plan)
    {
        var pool = new PoolBooks();
        Assert.Empty(pool.Publish(plan.ToJson()));
        return pool;
    }
}
