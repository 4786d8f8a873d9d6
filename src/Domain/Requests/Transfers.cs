namespace Loyalty.Domain.Requests;

/// <summary>Gives points of one member to another. docs/HOUSEHOLDS.md, "Transfers".</summary>
public sealed record Transfer : Request
{
    /// <summary>Who gives.</summary>
    public required string From { get; init; }

    /// <summary>Who gets.</summary>
    public required string To { get; init; }

    /// <summary>Of which unit.</summary>
    public required string Unit { get; init; }

    /// <summary>How many arrive, 1 to <see cref="RequestLimits.Amount"/>; a fee comes on top.</summary>
    public required long Points { get; init; }

    /// <summary>A present: it may carry a message.</summary>
    public bool IsGift { get; init; }

    /// <summary>Words for the receiver, at most <see cref="RequestLimits.TextLength"/> characters; of gifts only, may be absent.</summary>
    public string? Message { get; init; }
}
