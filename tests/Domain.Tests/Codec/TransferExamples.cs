using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Tests.Codec;

/// <summary>An event of each type of transfer, with and without what may be absent.</summary>
internal static class TransferExamples
{
    private static readonly LocalDate Day = new(2026, 3, 1);
    private static readonly Lot Dated = new(new(Day, new(2026, 3, 15), new(2029, 3, 31)), 100);
    private static readonly Lot Undated = new(new(Day, Day, null), 1);

    public static readonly Transfer Gift = new() { Id = "T1", From = "M1001", To = "M1002", Unit = "points", Points = 96, IsGift = true, Message = "for you" };

    public static readonly Transfer Plain = new() { Id = "T2", From = "M1001", To = "M1002", Unit = "points", Points = 100 };

    public static readonly MemberEvent[] All =
    [
        new TransferSent(Gift, [Dated, Undated], 5, Day),
        new TransferSent(Plain, [Dated], 0, Day),
        new TransferReceived("T1", "M1001", "points", [Undated], 95, "for you"),
        new TransferReceived("T2", "M1001", "points", [Dated], 0, null),
        new TransferEnded(Gift, 5, Day, new("receiver-not-active", "to", "is blocked"), [Dated], 1),
        new TransferEnded(Plain, 0, Day, null, [], 0),
    ];

    public static readonly HouseholdRequest Join = new() { Id = "J1", Ask = HouseholdAsk.Join, Member = "M1001", Household = "H7", Role = HouseholdRole.Adult, Share = 25 };

    public static readonly HouseholdRequest Contribute = new() { Id = "J2", Ask = HouseholdAsk.Contribute, Member = "M1001", Household = "H7", Unit = "points", Points = 101 };

    public static readonly MemberEvent[] Households =
    [
        new HouseholdAsked(Join, [], []),
        new HouseholdAsked(Contribute, [Dated, Undated], [("points", 5)]),
        new HouseholdAnswered(Join, null, []),
        new HouseholdAnswered(Contribute, new("not-in-household", "member", "is in none"), [new("points", [Dated], 1)]),
        new EarningsShared("P1", "H7", "points", [Dated]),
    ];
}
