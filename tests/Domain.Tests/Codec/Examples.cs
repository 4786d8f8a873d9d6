using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Tests.Codec;

/// <summary>An event of each type, with and without what may be absent.</summary>
internal static class Examples
{
    private static readonly Instant At = Instant.FromUtc(2026, 3, 1, 12, 34, 56) + Duration.FromMilliseconds(789);
    private static readonly LocalDate Day = new(2026, 3, 1);
    private static readonly LotId Dated = new(Day, new(2026, 3, 15), new(2029, 3, 31));
    private static readonly LotId Undated = new(Day, Day, null);

    public static readonly Purchase Purchase = new()
    {
        Id = "S042-T7-000123", Member = "M1001", Store = "S042", Channel = "till", At = At, Currency = "GBP",
        Lines = [new("22138", "baking", "retrospot", 3m, 1485), new("22139", null, null, 0.000001m, 0), new("é≠😀", "", null, 1_000_000_000m, 1_000_000_000_000)],
    };

    public static readonly Return Return = new()
    {
        Id = "S042-T7-000140", Purchase = "S042-T7-000123", Member = "M1001", Store = "S042", Channel = null, At = At, Currency = "GBP",
        Lines = [new("22138", null, null, 1.25m, 495)],
    };

    public static readonly Adjustment Adjustment = new() { Id = "A1", Member = "M1001", Unit = "points", Points = -250, Reason = "goodwill", Author = "jo" };

    public static readonly Enrolment Enrolment = new() { Id = "M1001", EnrolledAt = At, AlternativeIds = [new("card", "9826"), new("phoneHash", "ab12")] };

    public static readonly MemberEvent[] All =
    [
        new MemberEnrolled(At, Day, false, true, [new("card", "9826"), new("emailHash", "ab12")], new UInt128(0x0123456789abcdef, 0xfedcba9876543210)),
        new MemberEnrolled(Instant.FromUtc(1970, 1, 1, 0, 0), new(1970, 1, 1), true, true, [], 0),
        new PurchaseRecorded(Purchase, 3, "gold", Day, [new("base", "points", 14, false, Dated), new("tier:gold", "points", 7, true, Dated), new("base", "stamps", 1, false, Undated)], 14),
        new PurchaseRecorded(Purchase with { Member = null, Channel = null, Lines = [] }, 1, null, new(1969, 12, 31), [], 0),
        new ReturnRecorded(
            Return, Day, new("S042-T7-000123", Day, 3, "gold", [new("22138", "baking", "retrospot", 1.75m, 990)], [new("base", "points", 9, false, Dated)]),
            [new("base", "points", 5), new("tier:gold", "points", 2)],
            [
                new("points", PostingPlace.Lot, Dated, -3), new("points", PostingPlace.Lapsed, Undated, -1), new("points", PostingPlace.Debt, default, -2),
                new("points", PostingPlace.WrittenOff, default, -1),
            ],
            495, 5, 1, true),
        new ReturnRecorded(Return with { Purchase = null }, Day, null, [], [], 0, 0, 0, false),
        new ReturnWaits(Return),
        new PointsLapsed("points", [new(Dated, 100), new(Undated, 1)], At),
        new TierChanged(HeldTier.None, new("silver", Day, new(2027, 12, 31)), TierChangeReason.Progress, LocalDate.MinIsoValue),
        new TierChanged(new("silver", Day, new(2027, 12, 31)), new(null, new(2028, 2, 29), null), TierChangeReason.Review, new(2028, 2, 29)),
        new TierChanged(HeldTier.None, HeldTier.None, TierChangeReason.Rejudged, Day),
        new TierHistoryFolded(Day, new("gold", new(2024, 2, 29), null)),
        new PointsAdjusted(Adjustment, Day, [new("points", PostingPlace.Lot, Dated, -250)]),
        new PointsAdjusted(Adjustment with { Points = 1_000_000_000_000 }, Day, [new("points", PostingPlace.Debt, default, 5), new("points", PostingPlace.Lot, Undated, 999_999_999_995)]),
        new StatusChanged(MemberStatus.Blocked, "fraud", "jo", []),
        new StatusChanged(MemberStatus.Closed, "asked", "jo", [new("points", PostingPlace.Lot, Dated, -10), new("stamps", PostingPlace.Debt, default, 3)]),
        new AlternativeIdsReplaced([new("card", "1"), new("card", "2")]),
        new RequestRefused("S042-T7-000141", UInt128.MaxValue, new("wrong-currency", "currency", "is 'EUR'; the program is kept in GBP")),
        new RequestAnswered([new("points", 321, 14, 0), new("stamps", -3, 0, 0)], "gold"),
        new RequestAnswered([], null),
    ];
}
