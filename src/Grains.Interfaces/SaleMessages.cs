namespace Loyalty.Grains.Streams;

/// <summary>
/// A purchase or return on the stream "purchases". Any content can be sent: what is wrong with it is told in its <see cref="SaleOutcome"/>, not by a failure. The limits
/// are those of the HTTP API.
/// </summary>
[GenerateSerializer, Immutable, Alias("loyalty.sale-message.v1")]
public sealed record SaleMessage
{
    /// <summary>False: a purchase; true: a return of goods.</summary>
    [Id(0)]
    public bool IsReturn { get; init; }

    /// <summary>The sender's own id, 1 to 128 characters, unique in the books for ever.</summary>
    [Id(1)]
    public string? Id { get; init; }

    /// <summary>Of a return: id of the purchase, 1 to 128 characters; null: without receipt. A purchase has none.</summary>
    [Id(2)]
    public string? Purchase { get; init; }

    /// <summary>Member's id, 1 to 128 characters; null: an anonymous sale.</summary>
    [Id(3)]
    public string? Member { get; init; }

    /// <summary>Where, 1 to 64 characters.</summary>
    [Id(4)]
    public string? Store { get; init; }

    /// <summary>Till, web, app …, 1 to 64 characters; may be absent.</summary>
    [Id(5)]
    public string? Channel { get; init; }

    /// <summary>The sale's own time; milliseconds count.</summary>
    [Id(6)]
    public DateTimeOffset? At { get; init; }

    /// <summary>ISO 4217, 1 to 3 characters.</summary>
    [Id(7)]
    public string? Currency { get; init; }

    /// <summary>1 to 1000 lines; together at most 10^12 minor units.</summary>
    [Id(8)]
    public SaleMessageLine[]? Lines { get; init; }

    /// <summary>Of a purchase: points that pay for a part of it; null: it was paid with money.</summary>
    [Id(9)]
    public SaleMessageTender? Tender { get; init; }
}

/// <summary>Points that pay for a part of a purchase.</summary>
/// <param name="Unit">Of which unit, 1 to 32 characters.</param>
/// <param name="Points">How many, 1 to 10^12.</param>
/// <param name="Amount">What they pay, minor units of money, 1 to 10^12.</param>
[GenerateSerializer, Immutable, Alias("loyalty.sale-message-tender.v1")]
public sealed record SaleMessageTender([property: Id(0)] string? Unit, [property: Id(1)] long Points, [property: Id(2)] long Amount);

/// <summary>A line of a <see cref="SaleMessage"/>.</summary>
/// <param name="Sku">The article, 1 to 128 characters.</param>
/// <param name="Category">1 to 64 characters; may be absent.</param>
/// <param name="Brand">1 to 64 characters; may be absent.</param>
/// <param name="Quantity">Above 0, at most 10^9, at most 6 decimals.</param>
/// <param name="Amount">Paid (of a return: refunded) for the line, minor units, 0 to 10^12.</param>
[GenerateSerializer, Immutable, Alias("loyalty.sale-message-line.v1")]
public readonly record struct SaleMessageLine(
    [property: Id(0)] string? Sku, [property: Id(1)] string? Category, [property: Id(2)] string? Brand, [property: Id(3)] decimal Quantity, [property: Id(4)] long Amount);

/// <summary>What became of a <see cref="SaleMessage"/>, told when it was durable: at least once, in the order of the messages of one key.</summary>
/// <param name="RequestId">The message's id; null when it has none, cut to 128 characters when it is too long.</param>
/// <param name="Kind">What.</param>
/// <param name="Replayed">The request had been decided before; this is what was said then.</param>
/// <param name="Code">Stable, for programs: why it was refused or is in conflict; null otherwise.</param>
/// <param name="Problems">What is wrong, by field; empty when it is recorded. At most 20.</param>
[GenerateSerializer, Immutable, Alias("loyalty.sale-outcome.v1")]
public sealed record SaleOutcome(
    [property: Id(0)] string? RequestId, [property: Id(1)] SaleOutcomeKind Kind, [property: Id(2)] bool Replayed, [property: Id(3)] string? Code,
    [property: Id(4)] SaleProblem[] Problems);

/// <summary>One thing that is wrong with a message.</summary>
/// <param name="Field">Path of the field: <c>lines[2].quantity</c>; empty: the whole message.</param>
/// <param name="Message">What is wrong and what would be right.</param>
[GenerateSerializer, Immutable, Alias("loyalty.sale-problem.v1")]
public readonly record struct SaleProblem([property: Id(0)] string Field, [property: Id(1)] string Message);

/// <summary>What became of a <see cref="SaleMessage"/>. Numbers never change.</summary>
public enum SaleOutcomeKind : byte
{
    /// <summary>It is in the books.</summary>
    Recorded = 0,

    /// <summary>A rule forbids it; that is remembered.</summary>
    Refused = 1,

    /// <summary>Its id names another request; nothing was changed.</summary>
    Conflict = 2,

    /// <summary>The member is not known and the program does not enrol by a sale. Not remembered: the same message can be sent again later.</summary>
    UnknownMember = 3,

    /// <summary>It is malformed; nothing was changed, and its id is still free.</summary>
    Invalid = 4,
}
