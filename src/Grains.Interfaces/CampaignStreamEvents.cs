namespace Loyalty.Grains.Streams;

// Part of the contract with consumers of the stream "member-events": see MemberStreamEvents.cs.

/// <summary>The member did something that is no purchase, and this is what it earned. Answers and friends are not told: they may lead to persons.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.activity-done.v1")]
public sealed record ActivityDone : MemberStreamEvent
{
    /// <summary>Id of the activity; of a sign-up the engine's own.</summary>
    [Id(0)]
    public required string Activity { get; init; }

    /// <summary>Its type: <c>review</c>.</summary>
    [Id(1)]
    public required string Type { get; init; }

    /// <summary>Its own time, UTC.</summary>
    [Id(2)]
    public required DateTimeOffset DoneAt { get; init; }

    /// <summary>Of a survey or review; null: none.</summary>
    [Id(3)]
    public int? Score { get; init; }

    /// <summary>What it earned.</summary>
    [Id(4)]
    public required ActivityAward[] Awards { get; init; }
}

/// <summary>Points that a rule gave for an activity.</summary>
/// <param name="Rule">Id of the rule.</param>
/// <param name="Unit">Id of the unit.</param>
/// <param name="Points">Minor units; above 0.</param>
/// <param name="Lot">Where they lie, unless they repaid debt.</param>
[GenerateSerializer, Immutable, Alias("loyalty.event.activity-award")]
public readonly record struct ActivityAward([property: Id(0)] string Rule, [property: Id(1)] string Unit, [property: Id(2)] long Points, [property: Id(3)] LotDates Lot);

/// <summary>Full cards took stamps, or a return undid full cards and their stamps came back.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.stamps-moved.v1")]
public sealed record StampsMoved : MemberStreamEvent
{
    /// <summary>Id of the purchase, return or activity.</summary>
    [Id(0)]
    public required string Request { get; init; }

    /// <summary>Taken (below 0) or put back, lot by lot.</summary>
    [Id(1)]
    public required PointsChange[] Changes { get; init; }
}

/// <summary>Points for a cause. The member's balance does not change.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-donated.v1")]
public sealed record PointsDonated : MemberStreamEvent
{
    /// <summary>Id of the purchase, return or activity.</summary>
    [Id(0)]
    public required string Request { get; init; }

    /// <summary>Id of the rule.</summary>
    [Id(1)]
    public required string Rule { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(2)]
    public required string Unit { get; init; }

    /// <summary>Id of the cause.</summary>
    [Id(3)]
    public required string Cause { get; init; }

    /// <summary>Minor units of the unit: given or, below 0, taken back.</summary>
    [Id(4)]
    public required long Points { get; init; }
}
