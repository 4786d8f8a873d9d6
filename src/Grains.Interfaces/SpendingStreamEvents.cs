namespace Loyalty.Grains.Streams;

// Part of the contract with consumers of the stream "member-events": see MemberStreamEvents.cs.

/// <summary>Points were set aside: they count as spent.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-held.v1")]
public sealed record PointsHeld : MemberStreamEvent
{
    /// <summary>Id of the hold.</summary>
    [Id(0)]
    public required string Hold { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(1)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit; above 0.</summary>
    [Id(2)]
    public required long Points { get; init; }

    /// <summary>When the hold is over if nothing ends it before, UTC; null: it has no time.</summary>
    [Id(3)]
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Id of the reward that they are to pay for; null: none.</summary>
    [Id(4)]
    public string? Reward { get; init; }

    /// <summary>How many of the reward; 0 without one.</summary>
    [Id(5)]
    public int Quantity { get; init; }
}

/// <summary>Points that were held came back.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-released.v1")]
public sealed record PointsReleased : MemberStreamEvent
{
    /// <summary>Id of the hold.</summary>
    [Id(0)]
    public required string Hold { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(1)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit, what repaid debt included; above 0.</summary>
    [Id(2)]
    public required long Points { get; init; }

    /// <summary><c>committed</c> (the rest of a hold that was redeemed in part), <c>cancelled</c>, <c>timedOut</c>, <c>refused</c> or <c>closed</c>.</summary>
    [Id(3)]
    public required string Reason { get; init; }

    /// <summary>The lots that they are in again.</summary>
    [Id(4)]
    public required LotPoints[] Lots { get; init; }
}

/// <summary>Points were spent for good.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-redeemed.v1")]
public sealed record PointsRedeemed : MemberStreamEvent
{
    /// <summary>Id of the hold, of the redemption in one step, or of the purchase that they paid for in part.</summary>
    [Id(0)]
    public required string Redemption { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(1)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit; above 0.</summary>
    [Id(2)]
    public required long Points { get; init; }

    /// <summary>Id of the reward that they paid for; null: none.</summary>
    [Id(3)]
    public string? Reward { get; init; }

    /// <summary>How many of the reward; 0 without one.</summary>
    [Id(4)]
    public int Quantity { get; init; }

    /// <summary>Of a purchase: what they paid of it, minor units of money; 0 else.</summary>
    [Id(5)]
    public long Amount { get; init; }

    /// <summary>The account that they went to.</summary>
    [Id(6)]
    public required string Account { get; init; }

    /// <summary>They had been held (<see cref="PointsHeld"/>): the balance was smaller already.</summary>
    [Id(7)]
    public bool FromHold { get; init; }
}

/// <summary>Redeemed points came back.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.redemption-reversed.v1")]
public sealed record RedemptionReversed : MemberStreamEvent
{
    /// <summary>As <see cref="PointsRedeemed.Redemption"/>.</summary>
    [Id(0)]
    public required string Redemption { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(1)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit, what repaid debt included; above 0.</summary>
    [Id(2)]
    public required long Points { get; init; }

    /// <summary>The lots that they are in again.</summary>
    [Id(3)]
    public required LotPoints[] Lots { get; init; }

    /// <summary>Id of the return of goods that brought them back; null: the redemption was reversed.</summary>
    [Id(4)]
    public string? Return { get; init; }
}
