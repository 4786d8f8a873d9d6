using NodaTime;

namespace Loyalty.Domain.Requests;

/// <summary>Something a sender asks for, named by an id that is unique in the books for ever.</summary>
public abstract record Request
{
    /// <summary>The sender's own id, 1 to <see cref="RequestLimits.IdLength"/> characters.</summary>
    public required string Id { get; init; }
}

/// <summary>A purchase. Shape is checked before it is made (<see cref="RequestLimits"/>); rules are checked by the member.</summary>
public sealed record Purchase : Request
{
    /// <summary>Who bought, or null: an anonymous sale.</summary>
    public string? Member { get; init; }

    /// <summary>Where.</summary>
    public required string Store { get; init; }

    /// <summary>Till, web, app …; may be absent.</summary>
    public string? Channel { get; init; }

    /// <summary>The sale's own time.</summary>
    public required Instant At { get; init; }

    /// <summary>ISO 4217.</summary>
    public required string Currency { get; init; }

    /// <summary>What was bought, 1 to <see cref="RequestLimits.Lines"/> lines.</summary>
    public required SaleLine[] Lines { get; init; }

    /// <summary>Points that pay for a part of it; null: it was paid with money.</summary>
    public Tender? Tender { get; init; }
}

/// <summary>A return of goods.</summary>
public sealed record Return : Request
{
    /// <summary>Id of the purchase, or null: without a receipt.</summary>
    public string? Purchase { get; init; }

    /// <summary>Who brought it back, or null: anonymous.</summary>
    public string? Member { get; init; }

    /// <summary>Where.</summary>
    public required string Store { get; init; }

    /// <summary>Till, web, app …; may be absent.</summary>
    public string? Channel { get; init; }

    /// <summary>The return's own time.</summary>
    public required Instant At { get; init; }

    /// <summary>ISO 4217.</summary>
    public required string Currency { get; init; }

    /// <summary>What came back; <c>Amount</c> is what was refunded.</summary>
    public required SaleLine[] Lines { get; init; }
}

/// <summary>A line of a purchase or return.</summary>
/// <param name="Sku">The article.</param>
/// <param name="Category">May be absent.</param>
/// <param name="Brand">May be absent.</param>
/// <param name="Quantity">Above 0, at most 10^9, at most 6 decimals.</param>
/// <param name="Amount">What was paid for the line, minor units, 0 to <see cref="RequestLimits.Amount"/>.</param>
public readonly record struct SaleLine(string Sku, string? Category, string? Brand, decimal Quantity, long Amount);

/// <summary>Points given or taken by hand.</summary>
public sealed record Adjustment : Request
{
    /// <summary>Whose.</summary>
    public required string Member { get; init; }

    /// <summary>Of which unit.</summary>
    public required string Unit { get; init; }

    /// <summary>Above 0: given; below: taken; not 0; at most <see cref="RequestLimits.Amount"/> either way.</summary>
    public required long Points { get; init; }

    /// <summary>Why, for the auditor.</summary>
    public required string Reason { get; init; }

    /// <summary>Who decided.</summary>
    public required string Author { get; init; }
}

/// <summary>A new member. Its request id is the member's id.</summary>
public sealed record Enrolment : Request
{
    /// <summary>When the member joined, or null: now.</summary>
    public Instant? EnrolledAt { get; init; }

    /// <summary>Other ids by which it can be found.</summary>
    public required AlternativeId[] AlternativeIds { get; init; }
}

/// <summary>Another id of a member: a card number, or the hash of a phone number or an e-mail address (never the address itself).</summary>
/// <param name="Type"><c>card</c>, <c>phoneHash</c> or <c>emailHash</c>.</param>
/// <param name="Value">1 to 128 characters.</param>
public sealed record AlternativeId(string Type, string Value)
{
    /// <summary>The known types.</summary>
    public static readonly string[] Types = ["card", "phoneHash", "emailHash"];
}

/// <summary>What requests may be at most. Larger ones get 400 or 413 at the gateway.</summary>
public static class RequestLimits
{
    /// <summary>Characters of ids, members and skus.</summary>
    public const int IdLength = 128;

    /// <summary>Characters of stores, channels, categories and brands.</summary>
    public const int NameLength = 64;

    /// <summary>Lines of a purchase or return.</summary>
    public const int Lines = 1000;

    /// <summary>Minor units of money, of a line and in all; also points of an adjustment.</summary>
    public const long Amount = 1_000_000_000_000;

    /// <summary>Quantity of a line.</summary>
    public const decimal Quantity = 1_000_000_000m;

    /// <summary>Decimals of a quantity.</summary>
    public const int QuantityDecimals = 6;

    /// <summary>Characters of reasons and authors.</summary>
    public const int TextLength = 500;

    /// <summary>Alternative ids of a member.</summary>
    public const int AlternativeIds = 16;

    /// <summary>How many of a reward can be asked for at once.</summary>
    public const int RewardQuantity = 1000;

    /// <summary>The earliest time of a sale that is believed.</summary>
    public static readonly Instant EarliestSale = Instant.FromUtc(1970, 1, 1, 0, 0);
}
