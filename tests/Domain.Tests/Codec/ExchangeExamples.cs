using Loyalty.Domain.Exchange;
using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Domain.Tests.Codec;

/// <summary>An event of each type of exchange, of members, pools and exchanges, with and without what may be absent.</summary>
internal static class ExchangeExamples
{
    private static readonly Instant At = Instant.FromUtc(2026, 3, 1, 12, 34, 56) + Duration.FromMilliseconds(789);
    private static readonly LocalDate Day = new(2026, 3, 1);
    private static readonly OpenExchange Out = new("X1", "sky", ExchangeDirection.Out, "points", 1000, Day);
    private static readonly OpenExchange In = new("X2", "sky", ExchangeDirection.In, "points", 270, Day);

    public static readonly ExchangeRequest Request = new() { Id = "X1", Pool = "sky", Member = "M1001", Direction = ExchangeDirection.Out, Amount = 1000, Account = "SK1" };

    public static readonly ExchangeRequest Earning = new() { Id = "X3", Pool = "sky", Member = "M1001", Direction = ExchangeDirection.Earn, Amount = 7 };

    public static readonly PoolFunding Funding = new() { Id = "F1", Pool = "sky", Unit = "skymiles", Amount = -500, Reason = "bought back", Author = "jo" };

    public static readonly Reservation Reserved = new()
    {
        Exchange = "X1", Pool = "sky", Member = "M1001", Account = "SK1", Direction = ExchangeDirection.Out, Unit = "points", PartnerUnit = "skymiles", Points = 1000, Fee = 100, Units = 450,
        Rate = new(1, 2), ServiceFee = 3, Day = Day, Version = 2, Shard = 1, Connector = "sky", Retry = new(4, 1, 60), MemberDay = 5000,
    };

    public static readonly Reservation Earned = Reserved with
    {
        Exchange = "X3", Account = null, Direction = ExchangeDirection.Earn, Fee = 0, Units = 0, Rate = null, Shard = 0, Connector = null, MemberDay = null,
    };

    private static readonly PoolPeriod Period = new(
        Day, new(1, -2), new(3, 4), new(5, 6), new(7, -8), new(1, 2, 3, 4, 5), default, new(9, 8, 7, 6, 5), 1, 12, StatementLine.FirstHash, new string('a', 64));

    public static readonly MemberEvent[] All =
    [
        new ExchangeOpened(Out, IsCounted: true),
        new ExchangeOpened(In, IsCounted: false),
        new ExchangeEnded(Out, IsDone: true, default, Day),
        new ExchangeEnded(In, IsDone: true, new(Day, new(2026, 3, 15), new(2029, 3, 31)), Day),
        new ExchangeEnded(In, IsDone: false, default, Day),
    ];

    public static readonly PoolEvent[] Pools =
    [
        new PoolDefined(
            PoolParser.Parse("""{"unit":"points","partnerUnit":"skymiles","earn":{"day":5}}"""u8.ToArray(), "sky", 3, null, null, [])!, At, Day),
        new PoolFunded(Funding, IsPoints: false, At, 12),
        new PoolReserved(Reserved),
        new PoolReserved(Earned),
        new PoolCommitted(Reserved, At, "P-1", 13),
        new PoolCommitted(Earned, At, null, 14),
        new PoolReleased(Reserved),
        new PoolRefused(new("X9", 17, new("pool-liquidity", "pool", "has nothing"))),
        new PoolParked("X1", IsParked: true),
        new PoolAlerted(IsPoints: false, IsLow: true, -5),
        new PoolPeriodClosed(Period, At, At + Duration.FromDays(1), "2026-03-01"),
    ];

    /// <summary>What came with the shards of pools.</summary>
    public static readonly PoolEvent[] Shards = [new PoolMoved(3, new(-100, -200), At, 15), new PoolMoved(0, default, At, 0), new PoolAsked(At)];

    public static readonly ExchangeStarted OnAShard = new(Request, At, 3);

    public static readonly ExchangeEvent[] Exchanges =
    [
        new ExchangeStarted(Request, At),
        new ExchangeStepped(new(StepResult.Done, null, Reserved), At),
        new ExchangeStepped(new(StepResult.Done, null, null, "P-1"), At),
        new ExchangeStepped(StepAnswer.Refused(new("partner-refused", "", "no account")), At),
        new ExchangeStepped(new(StepResult.Unknown, new("partner-unknown", "", "no answer")), At),
        new ExchangeAsked(At),
        new ExchangeResolved(ExchangeResolution.Cancelled, "looked it up", "olga", null, At),
        new ExchangeResolved(ExchangeResolution.Completed, "looked it up", "olga", "P-1", At),
    ];

    public static readonly ExchangeStep[] Steps =
    [
        new ReservePool(Request, 3), new ReservePool(Earning, 0), new HoldPoints(Reserved), new CallPartner(Reserved, IsQuery: true, 3), new CommitPool("X1", "sky", 1, "P-1"),
        new CommitPool("X3", "sky", 0, null), new CreditMember("X1", "M1001"), new FreePoints("X1", "M1001"), new ReleasePool("X1", "sky", 1), new ParkAtPool("X1", "sky", 1, IsParked: true),
    ];
}
