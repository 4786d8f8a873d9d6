using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Tests.Codec;

/// <summary>An event of each type of spending, with and without what may be absent.</summary>
internal static class SpendingExamples
{
    private static readonly Instant At = Instant.FromUtc(2026, 3, 1, 12, 34, 56) + Duration.FromMilliseconds(789);
    private static readonly LocalDate Day = new(2026, 3, 1);
    private static readonly Lot Dated = new(new(Day, new(2026, 3, 15), new(2029, 3, 31)), 100);
    private static readonly Lot Undated = new(new(Day, Day, null), 1);
    private static readonly HeldReward Mug = new("mug", 2, 500, null, null);
    private static readonly HeldReward Limited = new("mug", 2, 0, new(2026, 3, 1), new(2026, 3, 31));

    public static readonly Hold Hold = new() { Id = "H1", Member = "M1001", Unit = "points", Points = 101, Seconds = 60, Reference = "order 7" };

    public static readonly Redemption Redemption = new() { Id = "R1", Member = "M1001", Reward = "mug", Quantity = 2 };

    public static readonly HoldCommit Commit = new() { Id = "C1", Member = "M1001", Hold = "H1", Points = 40 };

    public static readonly HoldCancel Cancel = new() { Id = "X1", Member = "M1001", Hold = "H1" };

    public static readonly Reversal Reversal = new() { Id = "V1", Member = "M1001", Redemption = "R1", Points = 7, Restock = false, Reason = "broken", Author = "jo" };

    public static readonly Tender Tender = new("points", 101, 50);

    public static readonly Purchase Purchase = Examples.Purchase with { Tender = Tender };

    public static readonly StockChange Stock = new() { Id = "S1", Reward = "mug", Change = -5, Reason = "broken", Author = "jo" };

    public static readonly MemberEvent[] All =
    [
        new HoldOpened("H1", HoldPurpose.Hold, Hold, "points", [Dated, Undated], At, null),
        new HoldOpened("R1", HoldPurpose.Redemption, Redemption, "points", [Dated], null, Limited),
        new HoldOpened("E1", HoldPurpose.Exchange, null, "points", [], null, null),
        new HoldGranted("R1"),
        new HoldCommitted("H1", Commit, "points", [new(Dated.Id, 40)], [new(Dated.Id, 55), Undated], 5, "redeemed", null),
        new HoldCommitted("R1", null, "points", [Dated], [], 0, "redeemed", Mug),
        new HoldReleased("H1", Cancel, "points", [Dated], 1, HoldEnd.Cancelled, At, null, null),
        new HoldReleased("R1", null, "points", [], 0, HoldEnd.Refused, At, new("out-of-stock", "quantity", "is 2; 1 is free"), Limited),
        new PointsRedeemed(Redemption with { Reward = null, Quantity = 1, Unit = "points", Points = 101 }, "points", [Dated, Undated]),
        new RedemptionReversed(Reversal, new("R1", "points", [Dated], Mug), [Undated], 3),
        new PurchaseRecorded(Purchase, 3, "gold", Day, [new("base", "points", 14, false, Dated.Id)], 14) { Tender = new(Tender, [Dated, Undated]) },
        new ReturnRecorded(
            Examples.Return, Day,
            new("S042-T7-000123", Day, 3, "gold", [new("22138", "baking", "retrospot", 1.75m, 990)], []) { Tender = new(Tender, [1485, 0, 1_000_000_000_000], [Dated]) },
            [], [], 495, 5, 1, true) { Tender = new("points", 1, 17, 478, [Undated], 0) },
    ];
}
