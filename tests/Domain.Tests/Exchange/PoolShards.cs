using Loyalty.Domain.Exchange;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Exchange;

public class PoolShards
{
    private readonly ProgramCatalog _programs = new([ProgramParser.Parse(
        """{ "name": "P", "currency": "GBP", "timeZone": "Europe/London", "units": [ { "id": "points" } ], "earn": [ { "unit": "points", "points": 1, "per": 100 } ] }"""u8.ToArray(),
        1, Instant.FromUtc(2020, 1, 1, 0, 0), null, [])!]);

    private readonly List<PoolEvent> _raised = [];
    private Instant _now = Instant.FromUtc(2026, 3, 2, 10, 0);

    [Fact]
    public void A_shard_lives_on_a_lease_and_gives_back_what_is_left_of_it()
    {
        var (main, shard) = (new PoolState("sky"), new PoolState("sky", 1));
        Assert.Empty(At(main).Publish("""{ "unit": "points", "partnerUnit": "m", "earn": { "day": 300 }, "shards": 2 }"""u8.ToArray()));
        Assert.Null(At(main).Fund(new() { Id = "f", Pool = "sky", Unit = "points", Amount = 4000, Reason = "r", Author = "a" }));

        // A shard that knows nothing yet, or has nothing, decides nothing.
        Assert.Equal("unknown-pool", At(shard).Reserve(Earn("x0", 10), out _)!.Code);
        At(shard).Adopt(main.Definition!);
        Assert.Equal("pool-liquidity", At(shard).Reserve(Earn("x0", 10), out _)!.Code);
        Assert.True(At(shard).Ask());
        Assert.False(At(shard).Ask());
        var lease = At(main).Lend(1);
        At(shard).Take(0, lease);
        Assert.Equal((1000, 3000, 1000), (lease.Points, main.Free.Points, shard.Free.Points));
        Assert.Null(At(shard).Reserve(Earn("x1", 60), out var reserved));
        Assert.Equal(1, reserved!.Shard);

        // Of the day each of the three has a third.
        Assert.Equal("pool-day-limit", At(shard).Reserve(Earn("x2", 41), out _)!.Code);
        Assert.Null(At(main).Reserve(Earn("x2", 41), out _));
        At(shard).Commit("x1", null);

        // The lease ends: what is free goes home, and both chains say so.
        Assert.Equal(default, At(shard).GiveBack());
        _now += PoolDecider.LeaseTime;
        Assert.Equal(_now, PoolDecider.WakeAt(shard, _programs.Latest.Calendar));
        var back = At(shard).GiveBack();
        At(main).Take(1, back);
        Assert.Equal((940, 0, 3899), (back.Points, shard.Free.Points, main.Free.Points));
        Assert.Equal(shard.Position, shard.PeriodNow().Funded + new Position(-60, 0));
        Assert.Equal((3, 3), (main.Lines, shard.Lines));
    }

    [Fact]
    public void A_pool_that_has_nothing_to_lend_answers_with_nothing_and_is_asked_again_later()
    {
        var (main, shard) = (new PoolState("sky"), new PoolState("sky", 1));
        At(main).Publish("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "shards": 2 }"""u8.ToArray());
        At(shard).Adopt(main.Definition!);
        Assert.True(At(shard).Ask());
        At(shard).Take(0, At(main).Lend(1));
        Assert.Equal((0, 0), (main.Lines, shard.Lines));
        Assert.False(At(shard).Ask());
        _now += PoolDecider.AskPause;
        Assert.True(At(shard).Ask());
    }

    [Fact]
    public void A_pool_on_credit_lends_only_what_it_has()
    {
        var main = new PoolState("sky");
        At(main).Publish("""{ "unit": "points", "partnerUnit": "m", "earn": {}, "shards": 2, "funding": "postpaid", "credit": { "points": 1000 } }"""u8.ToArray());
        Assert.Null(At(main).Reserve(Earn("x1", 60), out _));
        Assert.Equal(default, At(main).Lend(1));
        Assert.Equal(-60, main.Free.Points);
    }

    private static ExchangeRequest Earn(string id, long points) => new() { Id = id, Pool = "sky", Member = "M1", Direction = ExchangeDirection.Earn, Amount = points };

    private PoolDecider At(PoolState state) => new(state, new TurnContext(_now, _programs), _raised);
}
