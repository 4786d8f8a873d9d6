using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Tests.Codec;

/// <summary>Members of another system, with everything and with nothing.</summary>
internal static class ImportExamples
{
    private static readonly LocalDate Day = new(2026, 3, 1);

    public static readonly MemberImport Whole = new()
    {
        Id = MemberImport.IdOf("old", "M1"),
        Import = "old",
        Member = "M1",
        AlternativeIds = [new("card", "9826"), new("emailHash", "ab12")],
        EnrolledAt = Instant.FromUtc(2019, 5, 1, 0, 0),
        Tier = new("gold", new(2025, 6, 1), new(2026, 12, 31)),
        Lots = [new("points", 250, new(2025, 11, 30), new(2025, 12, 14), new(2027, 11, 30), false), new("points", 1, new(2024, 2, 29), null, null, true)],
        Debts = [new("stamps", 3)],
        Days = [new(new(2026, 1, 2), 10_000, 100, 1)],
    };

    public static readonly MemberEvent[] All =
    [
        new MemberImported(Whole, Instant.FromUtc(2019, 5, 1, 0, 0), new(2019, 5, 1), Day, new("gold", new(2025, 6, 1), new(2026, 12, 31)),
            [
                new("points", PostingPlace.Lot, new(new(2025, 11, 30), new(2025, 12, 14), new(2027, 11, 30)), 250),
                new("points", PostingPlace.Lot, new(new(2024, 2, 29), new(2024, 2, 29), null), 1), new("stamps", PostingPlace.Debt, default, -3),
            ]),
        new MemberImported(
            Whole with { AlternativeIds = [], EnrolledAt = null, Tier = null, Lots = [], Debts = [], Days = [] }, Instant.FromUtc(2026, 3, 1, 12, 0), Day, Day, HeldTier.None, []),
    ];

    public static readonly MemberEvent[] Vouchers = [new VoucherPointsGiven("R-17", "points", 500, new(Day, new(2026, 3, 15), new(2029, 3, 31)), Day)];
}
