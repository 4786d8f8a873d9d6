namespace Loyalty.Grains.Streams;

// The contract with consumers of the stream "member-events": plain .NET types only, no type of the engine. A field may be added with a new number; a field or an
// event never changes its meaning. What must change becomes a new event with a new alias (".v2").

/// <summary>
/// Something that happened to a member, told after it was durable: at least once, in order for one member. Whoever has seen (<see cref="Position"/>,
/// <see cref="Index"/>) of a member drops that and everything before it.
/// </summary>
[GenerateSerializer, Immutable, Alias("loyalty.event")]
public abstract record MemberStreamEvent
{
    /// <summary>The member's id.</summary>
    [Id(0)]
    public string Member { get; init; } = "";

    /// <summary>Of the record in the journal that tells it; above 0. Of one member it never decreases, and grows from record to record.</summary>
    [Id(1)]
    public long Position { get; init; }

    /// <summary>Place among the events of the same record, from 0.</summary>
    [Id(2)]
    public int Index { get; init; }

    /// <summary>When the engine decided it, UTC.</summary>
    [Id(3)]
    public DateTimeOffset RecordedAt { get; init; }

    /// <summary>Id of the request that the engine was deciding; null when there was none: time had come, or the member was enrolled, blocked or closed.</summary>
    [Id(4)]
    public string? RequestId { get; init; }
}

/// <summary>The member joined. Its other ids are not told: they may lead to a person.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.member-enrolled.v1")]
public sealed record MemberEnrolled : MemberStreamEvent
{
    /// <summary>When it joined, UTC.</summary>
    [Id(0)]
    public required DateTimeOffset EnrolledAt { get; init; }

    /// <summary>By its first sale, without an enrolment.</summary>
    [Id(1)]
    public bool Automatic { get; init; }

    /// <summary>True: a sale had enrolled it before, and now its enrolment came.</summary>
    [Id(2)]
    public bool Confirmed { get; init; }
}

/// <summary>A rule gave points for a purchase. A purchase that several rules give points for brings several of these; one that earns nothing brings none.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-earned.v1")]
public sealed record PointsEarned : MemberStreamEvent
{
    /// <summary>Id of the purchase.</summary>
    [Id(0)]
    public required string Purchase { get; init; }

    /// <summary>Id of the rule.</summary>
    [Id(1)]
    public required string Rule { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(2)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit; above 0.</summary>
    [Id(3)]
    public required long Points { get; init; }

    /// <summary>A bonus of the member's tier.</summary>
    [Id(4)]
    public bool TierBonus { get; init; }

    /// <summary>Day of the sale, first and last day on which they can be spent.</summary>
    [Id(5)]
    public required LotDates Lot { get; init; }

    /// <summary>The purchase's own time, UTC.</summary>
    [Id(6)]
    public required DateTimeOffset SoldAt { get; init; }
}

/// <summary>Goods came back, and the points that they had earned were taken back.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-returned.v1")]
public sealed record PointsReturned : MemberStreamEvent
{
    /// <summary>Id of the return. It is not <see cref="MemberStreamEvent.RequestId"/> when the return had come before its purchase and was applied with it.</summary>
    [Id(0)]
    public required string Return { get; init; }

    /// <summary>Id of the purchase; null: without receipt.</summary>
    [Id(1)]
    public string? Purchase { get; init; }

    /// <summary>What each rule takes back.</summary>
    [Id(2)]
    public required RuleTake[] Takes { get; init; }

    /// <summary>Where it was taken from.</summary>
    [Id(3)]
    public required PointsChange[] Changes { get; init; }
}

/// <summary>Points were given or taken by hand.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-adjusted.v1")]
public sealed record PointsAdjusted : MemberStreamEvent
{
    /// <summary>Id of the unit.</summary>
    [Id(0)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit: above 0 given, below 0 taken.</summary>
    [Id(1)]
    public required long Points { get; init; }

    /// <summary>Where they were put or taken.</summary>
    [Id(2)]
    public required PointsChange[] Changes { get; init; }
}

/// <summary>The member came from another system, with what it had there. <see cref="MemberEnrolled"/> comes before it.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.member-imported.v1")]
public sealed record MemberImported : MemberStreamEvent
{
    /// <summary>Id of the import.</summary>
    [Id(0)]
    public required string Import { get; init; }

    /// <summary>Its standing.</summary>
    [Id(1)]
    public required TierStanding Tier { get; init; }

    /// <summary>What it brought: points in lots, and debt.</summary>
    [Id(2)]
    public required PointsChange[] Changes { get; init; }
}

/// <summary>Points lapsed.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-expired.v1")]
public sealed record PointsExpired : MemberStreamEvent
{
    /// <summary>Id of the unit.</summary>
    [Id(0)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit, of all lots; above 0.</summary>
    [Id(1)]
    public required long Points { get; init; }

    /// <summary>Which lots, with the dates that earlier events told.</summary>
    [Id(2)]
    public required LotPoints[] Lots { get; init; }

    /// <summary>The moment in which they lapsed, UTC; the engine can notice later.</summary>
    [Id(3)]
    public required DateTimeOffset ExpiredAt { get; init; }
}

/// <summary>The member's tier changed, or the same is kept longer.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.tier-changed.v1")]
public sealed record TierChanged : MemberStreamEvent
{
    /// <summary>Before.</summary>
    [Id(0)]
    public required TierStanding From { get; init; }

    /// <summary>After.</summary>
    [Id(1)]
    public required TierStanding To { get; init; }

    /// <summary><c>progress</c>, <c>review</c> (the kept period ended) or <c>rejudged</c> (a return or a late sale changed the past).</summary>
    [Id(2)]
    public required string Reason { get; init; }
}

/// <summary>The member was blocked, unblocked or closed.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.status-changed.v1")]
public sealed record StatusChanged : MemberStreamEvent
{
    /// <summary><c>active</c>, <c>blocked</c> or <c>closed</c>.</summary>
    [Id(0)]
    public required string Status { get; init; }

    /// <summary>What was forfeited; empty unless it was closed with points.</summary>
    [Id(1)]
    public required PointsChange[] Forfeited { get; init; }
}

/// <summary>The dates of a lot, in the program's time zone.</summary>
/// <param name="EarnedOn">Day of the sale.</param>
/// <param name="AvailableOn">First day on which they can be spent.</param>
/// <param name="LastDay">Last day on which they can be spent, included; null: they have no date of their own.</param>
[GenerateSerializer, Immutable, Alias("loyalty.event.lot")]
public readonly record struct LotDates([property: Id(0)] DateOnly EarnedOn, [property: Id(1)] DateOnly AvailableOn, [property: Id(2)] DateOnly? LastDay);

/// <summary>Points of a lot.</summary>
/// <param name="Lot">Which lot.</param>
/// <param name="Points">Minor units; above 0.</param>
[GenerateSerializer, Immutable, Alias("loyalty.event.lot-points")]
public readonly record struct LotPoints([property: Id(0)] LotDates Lot, [property: Id(1)] long Points);

/// <summary>What a rule takes back.</summary>
/// <param name="Rule">Id of the rule.</param>
/// <param name="Unit">Id of the unit.</param>
/// <param name="Points">Minor units; above 0.</param>
[GenerateSerializer, Immutable, Alias("loyalty.event.take")]
public readonly record struct RuleTake([property: Id(0)] string Rule, [property: Id(1)] string Unit, [property: Id(2)] long Points);

/// <summary>A movement of a member's points.</summary>
/// <param name="Unit">Id of the unit.</param>
/// <param name="Place"><c>lot</c> or <c>debt</c>: the balance changes; <c>lapsed</c> or <c>writtenOff</c>: it does not.</param>
/// <param name="Lot">Which lot; null: it is in none.</param>
/// <param name="Points">Minor units put (above 0) or taken (below 0).</param>
[GenerateSerializer, Immutable, Alias("loyalty.event.change")]
public readonly record struct PointsChange(
    [property: Id(0)] string Unit, [property: Id(1)] string Place, [property: Id(2)] LotDates? Lot, [property: Id(3)] long Points);

/// <summary>A standing with its dates, in the program's time zone.</summary>
/// <param name="Level">Id of the level; null: none, and the dates are null too.</param>
/// <param name="Since">Since that day.</param>
/// <param name="Through">Kept through that day, without grace; null: for ever.</param>
[GenerateSerializer, Immutable, Alias("loyalty.event.tier")]
public readonly record struct TierStanding([property: Id(0)] string? Level, [property: Id(1)] DateOnly? Since, [property: Id(2)] DateOnly? Through);
