using NodaTime;

namespace Loyalty.Domain.Requests;

/// <summary>
/// A member as another system leaves it: opening balances, standing and progress. Its request id is made of the import's and the member's: the same file can be sent again, and brings each member in once.
/// docs/RULES.md, "Import".
/// </summary>
public sealed record MemberImport : Request
{
    /// <summary>Which import: 1 to <see cref="ImportLimits.ImportIdLength"/> characters.</summary>
    public required string Import { get; init; }

    /// <summary>Which member.</summary>
    public required string Member { get; init; }

    /// <summary>Other ids by which it can be found.</summary>
    public required AlternativeId[] AlternativeIds { get; init; }

    /// <summary>When it joined, or null: at the import.</summary>
    public Instant? EnrolledAt { get; init; }

    /// <summary>Its level, or null: none.</summary>
    public ImportedTier? Tier { get; init; }

    /// <summary>Its points.</summary>
    public required ImportedLot[] Lots { get; init; }

    /// <summary>What it owes; a unit with debt has no lots.</summary>
    public required ImportedDebt[] Debts { get; init; }

    /// <summary>What it did on days before: counts as progress towards a tier, and leads to no review.</summary>
    public required ImportedDay[] Days { get; init; }

    /// <summary>The request id of a member's import.</summary>
    public static string IdOf(string import, string member) => $"import:{import}:{member}";
}

/// <summary>A level that a member brings.</summary>
/// <param name="Level">Id of the level.</param>
/// <param name="Since">Since that day.</param>
/// <param name="Through">Kept through that day, without grace; null: as the program keeps a level that was reached on <paramref name="Since"/>.</param>
public sealed record ImportedTier(string Level, LocalDate Since, LocalDate? Through);

/// <summary>Points that a member brings.</summary>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">Above 0, at most <see cref="RequestLimits.Amount"/>.</param>
/// <param name="EarnedOn">The day they were earned.</param>
/// <param name="AvailableOn">First day on which they can be spent; null: <paramref name="EarnedOn"/>.</param>
/// <param name="LastDay">Last day on which they can be spent; null: as the program says of points earned on that day, unless they never lapse.</param>
/// <param name="NeverLapses">They have no last day.</param>
public sealed record ImportedLot(string Unit, long Points, LocalDate EarnedOn, LocalDate? AvailableOn, LocalDate? LastDay, bool NeverLapses);

/// <summary>What a member owes.</summary>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">Above 0, at most <see cref="RequestLimits.Amount"/>.</param>
public sealed record ImportedDebt(string Unit, long Points);

/// <summary>What a member did on a day.</summary>
/// <param name="Day">Which day.</param>
/// <param name="Spend">Minor units, 0 or more.</param>
/// <param name="Points">Base points of the tier's unit, 0 or more.</param>
/// <param name="Visits">0 or more.</param>
public sealed record ImportedDay(LocalDate Day, long Spend, long Points, long Visits);

/// <summary>What an import may be at most.</summary>
public static class ImportLimits
{
    /// <summary>Characters of an import's id.</summary>
    public const int ImportIdLength = 64;

    /// <summary>Lots of a member.</summary>
    public const int Lots = 1000;

    /// <summary>Debts of a member.</summary>
    public const int Debts = 16;

    /// <summary>Days of progress of a member.</summary>
    public const int Days = 800;
}
