namespace Loyalty.Grains.Streams;

// Part of the contract with consumers of the stream "member-events": see MemberStreamEvents.cs.

/// <summary>The member joined a household, has another role or share in it, or left it.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.household-changed.v1")]
public sealed record HouseholdChanged : MemberStreamEvent
{
    /// <summary>Id of the request.</summary>
    [Id(0)]
    public required string Request { get; init; }

    /// <summary>Id of the household.</summary>
    [Id(1)]
    public required string Household { get; init; }

    /// <summary><c>head</c>, <c>adult</c> or <c>child</c>; null: it left.</summary>
    [Id(2)]
    public string? Role { get; init; }

    /// <summary>Percent of its earnings that go to the pool.</summary>
    [Id(3)]
    public int Share { get; init; }
}

/// <summary>Points went to the pool of a household, or came back from it.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.household-points.v1")]
public sealed record HouseholdPoints : MemberStreamEvent
{
    /// <summary>Id of the request; of a share of earnings that of the purchase.</summary>
    [Id(0)]
    public required string Request { get; init; }

    /// <summary>Id of the household.</summary>
    [Id(1)]
    public required string Household { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(2)]
    public required string Unit { get; init; }

    /// <summary>Minor units: above 0 came to the member (what repaid debt included), below 0 left it.</summary>
    [Id(3)]
    public required long Points { get; init; }

    /// <summary>The lots that they came from or are in.</summary>
    [Id(4)]
    public required LotPoints[] Lots { get; init; }
}
