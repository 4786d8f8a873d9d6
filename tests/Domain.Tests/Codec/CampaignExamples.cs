using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Domain.Tests.Codec;

/// <summary>Events with what campaigns did.</summary>
internal static class CampaignExamples
{
    private static readonly LocalDate Day = new(2026, 3, 1);
    private static readonly LotId Dated = new(Day, new(2026, 3, 15), new(2029, 3, 31));
    private static readonly LotId Undated = new(Day, Day, null);

    private static readonly CampaignFacts Given = new()
    {
        Left = new("S042", [new("weekend", 2, CampaignRoles.Judged | CampaignRoles.Gave, long.MaxValue, 7), new("once", 1, CampaignRoles.Judged, 0, 0)], [new("campaign:trees", "points", "trees", 3)], new(TierBasis.Visits, 2)),
        Donations = [new("campaign:trees", "points", "trees", 3)],
        Credit = new(TierBasis.Spend, 500),
        Tallies = [new("weekend", TallyKind.Points, Day, 14), new("ten", (TallyKind)19, LocalDate.MinIsoValue, -1)],
        Done = [new("punch", 1, Day, [new("campaign:punch:done", "coffee", 1, true, Undated)], "stamps", [new(Dated, 10)]), new("miles", 3, Day, [], null, [])],
        Stamps = [new("stamps", PostingPlace.Lot, Dated, -10)],
        Undone = [new("punch", Day)],
        Spends = [new("weekend", 4711, 7), new("weekend", 4712, -2)],
    };

    public static readonly MemberEvent[] All =
    [
        new PurchaseRecorded(Examples.Purchase, 3, "gold", Day, [new("campaign:weekend", "points", 14, true, Dated)], 0) { Campaigns = Given },
        new PurchaseRecorded(Examples.Purchase, 1, null, Day, [], 0) { Campaigns = new() },
        new ReturnRecorded(
            Examples.Return, Day, new("S042-T7-000123", Day, 3, "gold", [], [new("campaign:weekend", "points", 9, true, Dated)]) { Campaigns = Given.Left },
            [new("campaign:weekend", "points", 5), new("campaign:other", "points", -7)], [new("points", PostingPlace.Lot, Dated, 2)], 495, 5, 0, false) { Campaigns = Given },
        new ActivityRecorded(
            new()
            {
                Id = "A-1", Member = "M1001", Type = "survey", At = Instant.FromUtc(2026, 3, 1, 9, 0), Store = "S042", Channel = "app", Amount = 500, Quantity = 1.5m, Friend = "M7", Score = 10,
                Answers = [new("staff", "very kind"), new("queue", "é")],
            },
            3, "gold", Day, [new("campaign:asked", "points", 50, true, Dated)]) { Campaigns = Given },
        new ActivityRecorded(new() { Id = "A-2", Member = "M1001", Type = "x-own", At = Instant.FromUtc(2026, 3, 1, 9, 0) }, 1, null, Day, []),
        new AttributesSet(new(["student", "vip"], new AnnualDate(2, 29))),
        new AttributesSet(MemberAttributes.None),
        new ReturnRecorded(Examples.Return, Day, new("S042-T7-000123", Day, 3, "gold", [], []), [], [], 495, 5, 0, false) { Campaigns = new() },
    ];
}
