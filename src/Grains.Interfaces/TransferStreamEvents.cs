namespace Loyalty.Grains.Streams;

// Part of the contract with consumers of the stream "member-events": see MemberStreamEvents.cs.

/// <summary>Points left for another member.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.transfer-sent.v1")]
public sealed record TransferSent : MemberStreamEvent
{
    /// <summary>Id of the transfer.</summary>
    [Id(0)]
    public required string Transfer { get; init; }

    /// <summary>Who is to get them.</summary>
    [Id(1)]
    public required string To { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(2)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit, without the fee; above 0.</summary>
    [Id(3)]
    public required long Points { get; init; }

    /// <summary>What it costs on top.</summary>
    [Id(4)]
    public required long Fee { get; init; }

    /// <summary>A present.</summary>
    [Id(5)]
    public required bool Gift { get; init; }
}

/// <summary>Points of another member arrived.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.transfer-received.v1")]
public sealed record TransferReceived : MemberStreamEvent
{
    /// <summary>Id of the transfer.</summary>
    [Id(0)]
    public required string Transfer { get; init; }

    /// <summary>Who gave.</summary>
    [Id(1)]
    public required string From { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(2)]
    public required string Unit { get; init; }

    /// <summary>Minor units of the unit, what repaid debt included; above 0.</summary>
    [Id(3)]
    public required long Points { get; init; }

    /// <summary>The lots that they are in.</summary>
    [Id(4)]
    public required LotPoints[] Lots { get; init; }

    /// <summary>Words of a gift; null: none.</summary>
    [Id(5)]
    public string? Message { get; init; }
}

/// <summary>The receiver has decided about a transfer of this member.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.event.transfer-ended.v1")]
public sealed record TransferEnded : MemberStreamEvent
{
    /// <summary>Id of the transfer.</summary>
    [Id(0)]
    public required string Transfer { get; init; }

    /// <summary>Id of the unit.</summary>
    [Id(1)]
    public required string Unit { get; init; }

    /// <summary>Why it was refused, as problems name it; null: it arrived.</summary>
    [Id(2)]
    public string? Refusal { get; init; }

    /// <summary>What came back, the fee included; 0 when it arrived.</summary>
    [Id(3)]
    public required long Points { get; init; }
}
