namespace Loyalty.Domain.Requests;

/// <summary>What a member asks of a household. docs/HOUSEHOLDS.md, "Households".</summary>
public sealed record HouseholdRequest : Request
{
    /// <summary>What.</summary>
    public required HouseholdAsk Ask { get; init; }

    /// <summary>Who asks.</summary>
    public required string Member { get; init; }

    /// <summary>Of which household.</summary>
    public required string Household { get; init; }

    /// <summary>Of a member that joins, or changes.</summary>
    public HouseholdRole Role { get; init; }

    /// <summary>Percent of what the member earns that go to the pool, 0 to 100; of a member that joins, or changes.</summary>
    public int Share { get; init; }

    /// <summary>Of which unit; null unless points are moved.</summary>
    public string? Unit { get; init; }

    /// <summary>How many points, 1 to <see cref="RequestLimits.Amount"/>; 0 unless points are moved.</summary>
    public long Points { get; init; }
}

/// <summary>What a member asks of a household.</summary>
public enum HouseholdAsk : byte
{
    /// <summary>To join it, or to have another role or share in it.</summary>
    Join = 1,

    /// <summary>To leave it.</summary>
    Leave = 2,

    /// <summary>To put points into its pool.</summary>
    Contribute = 3,

    /// <summary>To take points out of its pool.</summary>
    Withdraw = 4,
}

/// <summary>What somebody is in a household.</summary>
public enum HouseholdRole : byte
{
    /// <summary>There is always one.</summary>
    Head = 0,

    /// <summary>A grown-up.</summary>
    Adult = 1,

    /// <summary>A child.</summary>
    Child = 2,
}
