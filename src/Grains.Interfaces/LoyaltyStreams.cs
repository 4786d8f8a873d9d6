namespace Loyalty.Grains.Streams;

/// <summary>Names of the engine's Orleans streams. docs/STREAMS.md says what is promised of them.</summary>
public static class LoyaltyStreams
{
    /// <summary>The stream provider that is used when nothing else is configured.</summary>
    public const string Provider = "loyalty";

    /// <summary>Namespace of what happened to members; the key is the member's id; items are <see cref="MemberStreamEvent"/>s.</summary>
    public const string MemberEvents = "member-events";

    /// <summary>
    /// Namespace of purchases and returns that come in; the key is the sender's choice (a store, a till): what has one key is recorded in order. Items are <see cref="SaleMessage"/>s.
    /// </summary>
    public const string Purchases = "purchases";

    /// <summary>Namespace of what became of them; the key is that of the stream on which they came; items are <see cref="SaleOutcome"/>s.</summary>
    public const string PurchaseOutcomes = "purchase-outcomes";
}
