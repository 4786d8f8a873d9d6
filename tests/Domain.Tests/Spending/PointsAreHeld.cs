using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Domain.Tests.Properties;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Spending;

/// <summary>Holds, redemptions and tender, told one by one. docs/SPENDING.md.</summary>
public class PointsAreHeld
{
    private static readonly RewardDefinition Mug = new("mug", 1, "A mug", RewardType.Goods, "points", 30, 250, true, null, [], null, null);

    private Instant _now = Instant.FromUtc(2026, 3, 1, 12, 0);
    private RealSpender _member = Of();
    private int _ids;

    [Fact]
    public void Points_held_count_as_spent_at_once()
    {
        Given(100);
        Assert.Null(Hold("h1", 60));
        Assert.Equal((40, 60), Balance);
        Assert.Equal("not-enough-points", Hold("h2", 41));
        Assert.Null(Hold("h3", 40));
    }

    [Fact]
    public void A_lot_does_not_lapse_while_it_is_held_and_lapses_at_once_when_it_comes_back_late()
    {
        Given(100);
        Wait(Duration.FromDays(10));
        Assert.Null(Hold("h1", 100, seconds: 29 * 86_400));
        Wait(Duration.FromDays(25));
        Assert.Equal((0, 100), Balance);
        Assert.Null(Do(new HoldCancel { Id = "x1", Member = "M1", Hold = "h1" }));
        Assert.Equal((0, 0), Balance);
        Assert.Equal(100, Assert.Single(_member.Facts.OfType<PointsLapsed>()).Lots.Sum(lot => lot.Points));
    }

    [Fact]
    public void Lots_come_back_with_their_own_dates_and_the_ones_that_lapse_first_are_redeemed()
    {
        Given(10);
        Wait(Duration.FromDays(3));
        Given(20);
        var before = Lots;
        Assert.Null(Hold("h1", 30, seconds: 5 * 86_400));
        Assert.Empty(Lots);
        Wait(Duration.FromDays(2));
        Assert.Null(Do(new HoldCommit { Id = "c1", Member = "M1", Hold = "h1", Points = 15 }));
        Assert.Equal([before[1] with { Points = 15 }], Lots);
        Assert.Null(Do(new Reversal { Id = "v1", Member = "M1", Redemption = "h1", Points = 7, Reason = "r", Author = "a" }));
        Assert.Equal([before[0] with { Points = 2 }, before[1]], Lots);
        Assert.Null(Do(new Reversal { Id = "v2", Member = "M1", Redemption = "h1", Reason = "r", Author = "a" }));
        Assert.Equal(before, Lots);
    }

    [Fact]
    public void A_commit_is_in_time_up_to_the_last_millisecond_and_too_late_at_the_end()
    {
        Given(100);
        Assert.Null(Hold("h1", 10, seconds: 60));
        Assert.Null(Hold("h2", 10, seconds: 60));
        Wait(Duration.FromSeconds(60) - Duration.FromMilliseconds(1));
        Assert.Null(Do(new HoldCommit { Id = "c1", Member = "M1", Hold = "h1" }));
        Wait(Duration.FromMilliseconds(1));
        Assert.Equal("hold-timed-out", Do(new HoldCommit { Id = "c2", Member = "M1", Hold = "h2" }));
        Assert.Equal((90, 0), Balance);
        Assert.Equal(_now, Assert.Single(_member.Facts.OfType<HoldReleased>()).At);
    }

    [Fact]
    public void A_hold_lasts_as_long_as_the_program_says_unless_it_says_itself()
    {
        _member = Of("\"redemption\": { \"holdSeconds\": 30, \"maxHoldSeconds\": 90 },");
        Given(100);
        Assert.Null(Do(new Hold { Id = "h1", Member = "M1", Unit = "points", Points = 1 }));
        Assert.Equal(_now + Duration.FromSeconds(30), _member.WakeAt(_now));
        Assert.Equal("hold-too-long", Hold("h2", 1, seconds: 91));
        Assert.Null(Hold("h3", 1, seconds: 90));
    }

    [Fact]
    public void Sixty_four_holds_may_be_open_and_no_more()
    {
        Given(100);
        for (var i = 0; i < HoldBook.MaxOpen; i++)
        {
            Assert.Null(Hold($"h{i}", 1));
        }

        Assert.Equal("too-many-holds", Hold("more", 1));
        Assert.Null(Do(new HoldCancel { Id = "x1", Member = "M1", Hold = "h7" }));
        Assert.Null(Hold("again", 1));
    }

    [Fact]
    public void Pending_points_cannot_be_held()
    {
        _member = Of(pending: 2);
        Buys("p1", 50);
        Assert.Equal("not-enough-points", Hold("h1", 1));
        Wait(Duration.FromDays(2));
        Assert.Null(Hold("h2", 50));
    }

    [Fact]
    public void A_return_sees_held_points_as_spent_and_what_comes_back_repays_the_debt()
    {
        Buys("p1", 50);
        Assert.Null(Hold("h1", 50));
        Returns("p1", 50);
        Assert.Equal((-50, 50), Balance);
        Assert.Null(Do(new HoldCancel { Id = "x1", Member = "M1", Hold = "h1" }));
        Assert.Equal((0, 0), Balance);
    }

    [Fact]
    public void Nothing_is_given_away_by_holding_returning_and_cancelling_where_the_balance_stops_at_zero()
    {
        _member = Of("\"negativeBalance\": \"zero\",");
        Buys("p1", 50);
        Assert.Null(Hold("h1", 30));
        Returns("p1", 50);
        Assert.Equal((-30, 30), Balance);
        Assert.Null(Do(new HoldCancel { Id = "x1", Member = "M1", Hold = "h1" }));
        Assert.Equal((0, 0), Balance);
    }

    [Fact]
    public void Points_that_lapse_by_inactivity_lapse_when_they_come_back()
    {
        _member = Of(expiry: "{ \"policy\": \"inactivity\", \"months\": 1 }");
        Buys("p1", 50);
        Wait(Duration.FromDays(20));
        Assert.Null(Hold("h1", 20, seconds: 29 * 86_400));
        Wait(Duration.FromDays(20));
        Assert.Equal((0, 20), Balance);
        Assert.Null(Do(new HoldCancel { Id = "x1", Member = "M1", Hold = "h1" }));
        Assert.Equal((0, 0), Balance);
    }

    [Fact]
    public void A_member_is_not_closed_while_a_hold_waits_for_its_reward()
    {
        Given(100);
        Assert.Null(Hold("h1", 10));
        Assert.Null(_member.Do(_now, new Hold { Id = "h2", Member = "M1", Reward = "mug", Quantity = 2 }, Mug)?.Code);
        Assert.Equal("hold-reserving", Do(new HoldCommit { Id = "c1", Member = "M1", Hold = "h2" }));
        Assert.Equal("holds-open", Do(MemberStatus.Closed));
        Assert.Equal((30, 70), Balance);
        _member.Do(_now, new RewardDecision("h2", null));
        Assert.Null(Do(MemberStatus.Closed));
        Assert.Equal((0, 0), Balance);
        Assert.Equal([HoldEnd.Closed, HoldEnd.Closed], _member.Facts.OfType<HoldReleased>().Select(fact => fact.End));
        Assert.Equal("hold-closed", Do(new HoldCommit { Id = "c2", Member = "M1", Hold = "h1" }));
    }

    [Fact]
    public void A_redemption_of_a_reward_that_is_refused_gives_the_points_back_and_a_late_decision_changes_nothing()
    {
        Given(100);
        var refusal = new Refusal("out-of-stock", "quantity", "is 1; 0 are free");
        _member.Do(_now, new Redemption { Id = "r1", Member = "M1", Reward = "mug" }, Mug);
        Assert.Equal("no-hold", Do(new HoldCancel { Id = "x1", Member = "M1", Hold = "r1" }));
        _member.Do(_now, new RewardDecision("r1", refusal));
        _member.Do(_now, new RewardDecision("r1", null));
        Assert.Equal((100, 0), Balance);
        Assert.Equal(refusal, Assert.Single(_member.Facts.OfType<HoldReleased>()).Refusal);
        Assert.Equal("hold-refused", Do(new HoldCommit { Id = "c1", Member = "M1", Hold = "r1" }));
        _member.Do(_now, new Redemption { Id = "r2", Member = "M1", Reward = "mug", Quantity = 3 }, Mug);
        _member.Do(_now, new RewardDecision("r2", null));
        Assert.Equal((10, 0), Balance);
        Assert.Equal("partial-reward", Do(new Reversal { Id = "v1", Member = "M1", Redemption = "r2", Points = 30, Reason = "r", Author = "a" }));
    }

    [Fact]
    public void The_periods_of_a_limit_are_those_of_the_calendar()
    {
        var day = new LocalDate(2026, 11, 28);
        Assert.Equal((day, day), new RewardLimit(1, RewardPeriod.Day).Around(day));
        Assert.Equal((new(2026, 11, 23), new LocalDate(2026, 11, 29)), new RewardLimit(1, RewardPeriod.Week).Around(day));
        Assert.Equal((new(2026, 11, 1), new LocalDate(2026, 11, 30)), new RewardLimit(1, RewardPeriod.Month).Around(day));
        Assert.Equal((new(2026, 1, 1), new LocalDate(2026, 12, 31)), new RewardLimit(1, RewardPeriod.Year).Around(day));
        Assert.Equal((LocalDate.MinIsoValue, null), new RewardLimit(1, RewardPeriod.Member).Around(day));
    }

    [Fact]
    public void A_tender_is_shared_over_the_lines_without_a_penny_lost()
    {
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var amounts = Enumerable.Range(0, random.Next(1, 8)).Select(_ => random.NextInt64(random.Next(3) == 0 ? 1_000_000_000_000 : 50)).ToArray();
            var tender = random.NextInt64(amounts.Sum() + 1);
            var parts = TenderShares.Of(amounts, tender);
            Assert.Equal(tender, parts.Sum());
            Assert.All(parts.Zip(amounts), pair => Assert.InRange(pair.First, 0, pair.Second));
            var left = random.NextInt64(amounts[0] + 1);
            Assert.InRange(TenderShares.Left(parts[0], amounts[0], left), 0, Math.Min(left, parts[0]));
        }

        Assert.Equal([3, 3, 4], TenderShares.Of([33, 33, 34], 10));
        Assert.Equal([0, 0], TenderShares.Of([0, 0], 0));
    }

    [Fact]
    public void Lots_by_the_ten_thousand_are_taken_and_come_back_as_they_were()
    {
        var book = new UnitBook("points");
        var random = new Random(7);
        foreach (var day in Enumerable.Range(0, 10_000).OrderBy(_ => random.Next()))
        {
            book.Add(new(new LocalDate(1990, 1, 1).PlusDays(day), new LocalDate(1990, 1, 1).PlusDays(day), day % 3 == 0 ? null : new LocalDate(2050, 1, 1).PlusDays(day)), day + 1);
        }

        var lots = book.Lots.ToArray();
        var taken = lots.Where(_ => random.Next(2) == 0).Select(lot => lot with { Points = random.NextInt64(lot.Points) + 1 }).ToArray();
        book.TakeMany(taken);
        Assert.Equal(lots.Sum(lot => lot.Points) - taken.Sum(lot => lot.Points), book.InLots);
        Assert.Throws<InvalidOperationException>(() => book.TakeMany([.. taken.Reverse()]));
        Assert.Throws<InvalidOperationException>(() => new UnitBook("points").TakeMany(taken));
        book = new("points");
        book.AddMany(lots);
        book.TakeMany(taken);
        book.AddMany(taken);
        Assert.Equal(lots, book.Lots.ToArray());
        book.TakeMany(lots);
        Assert.Equal((0, 0L), (book.Lots.Length, book.InLots));
    }

    [Theory]
    [InlineData("""{ "holdSeconds": 0 }""", "redemption.holdSeconds")]
    [InlineData("""{ "holdSeconds": 100, "maxHoldSeconds": 50 }""", "redemption.holdSeconds")]
    [InlineData("""{ "units": [ { "unit": "miles" } ] }""", "redemption.units[0].unit")]
    [InlineData("""{ "units": [ { "unit": "points" }, { "unit": "points" } ] }""", "redemption.units[1].unit")]
    [InlineData("""{ "units": [ { "unit": "points", "minimum": 11, "maximum": 14, "step": 5 } ] }""", "redemption.units[0].maximum")]
    [InlineData("""{ "units": [ { "unit": "points", "tender": { "points": 0, "amount": 1 } } ] }""", "redemption.units[0].tender.points")]
    [InlineData("""{ "units": [ { "unit": "points", "most": 1 } ] }""", "redemption.units[0].most")]
    public void Mistakes_in_the_redemption_section_are_named(string redemption, string field)
    {
        var errors = new List<Validation.FieldError>();
        Assert.Null(ProgramParser.Parse(Program($"\"redemption\": {redemption},"), 1, _now, null, errors));
        Assert.Equal(field, Assert.Single(errors).Field);
    }

    private (long Available, long Held) Balance => _member.Balance(_now) is var balance ? (balance.Available, balance.Held) : default;

    private Lot[] Lots => _member.State.FindBook("points")!.Lots.ToArray();

    private static RealSpender Of(string extra = "", int pending = 0, string expiry = """{ "policy": "rolling", "days": 30 }""")
    {
        var member = new RealSpender(new([RealMember.Parsed(Program(extra, pending, expiry))]));
        member.Do(Instant.FromUtc(2026, 3, 1, 12, 0), new Enrolment { Id = "M1", AlternativeIds = [] });
        return member;
    }

    private static byte[] Program(string extra, int pending = 0, string expiry = """{ "policy": "none" }""")
    {
        extra = extra.Contains("\"redemption\"", StringComparison.Ordinal) ? extra : extra + "\"redemption\": { \"maxHoldSeconds\": 2592000 },";
        return System.Text.Encoding.UTF8.GetBytes($$"""
            {
              "name": "Test", "currency": "GBP", "timeZone": "UTC", {{extra}}
              "units": [ { "id": "points", "pendingDays": {{pending}}, "expiry": {{expiry}} } ],
              "earn": [ { "unit": "points", "points": 1, "per": 1 } ]
            }
            """);
    }

    private void Wait(Duration time)
    {
        _now += time;
        _member.Do(_now, null);
    }

    private string? Do(object request) => _member.Do(_now, request)?.Code;

    private string? Hold(string id, long points, int seconds = 900) => Do(new Hold { Id = id, Member = "M1", Unit = "points", Points = points, Seconds = seconds });

    private void Given(long points) =>
        Assert.Null(Do(new Adjustment { Id = $"a{_ids++}", Member = "M1", Unit = "points", Points = points, Reason = "r", Author = "a" }));

    private void Buys(string id, long amount) => Assert.Null(Do(new Purchase
    {
        Id = id, Member = "M1", Store = "S", At = _now, Currency = "GBP", Lines = [new SaleLine("tea", null, null, 1, amount)],
    }));

    private void Returns(string purchase, long amount) => Assert.Null(Do(new Return
    {
        Id = $"b{_ids++}", Purchase = purchase, Member = "M1", Store = "S", At = _now, Currency = "GBP", Lines = [new SaleLine("tea", null, null, 1, amount)],
    }));
}
