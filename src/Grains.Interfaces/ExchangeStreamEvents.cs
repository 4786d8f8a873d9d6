using Orleans.Concurrency;

namespace Loyalty.Grains.Streams;

/// <summary>Points came from a partner: exchanged, or earned there. Points that go to a partner are told as held and redeemed, to the account <c>exchange</c>.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.points-exchanged.v1")]
public sealed record PointsExchanged : MemberStreamEvent
{
    /// <summary>Id of the exchange.</summary>
    [Id(0)]
    public required string Exchange { get; init; }

    /// <summary>Id of the partner's pool.</summary>
    [Id(1)]
    public required string Pool { get; init; }

    /// <summary>They were earned at the partner; else exchanged for its units.</summary>
    [Id(2)]
    public bool Earned { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(3)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit; above 0. Debt was repaid from them first.</summary>
    [Id(4)]
    public required long Points { get; init; }

    /// <summary>Day on which they came, first and last day on which they can be spent.</summary>
    [Id(5)]
    public required LotDates Lot { get; init; }
}
