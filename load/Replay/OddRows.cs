namespace Loyalty.Load.Replay;

/// <summary>
/// What is odd about rows and invoices, counted by kind. A row that is not sent has exactly one kind that says why; a row that is sent may have
/// several kinds.
/// </summary>
internal sealed class OddRows
{
    // Not sent.
    public const string Unreadable = "unreadable";
    public const string BadDebt = "badDebt";
    public const string UnknownInvoiceKind = "unknownInvoiceKind";
    public const string StockWriteOff = "stockWriteOff";
    public const string NegativeQuantity = "negativeQuantity";
    public const string ZeroQuantity = "zeroQuantity";
    public const string NegativePrice = "negativePrice";
    public const string PositiveReturn = "positiveReturn";
    public const string OutOfRange = "outOfRange";

    // Sent.
    public const string ZeroPrice = "zeroPrice";
    public const string FractionalPence = "fractionalPence";
    public const string Postage = "postage";
    public const string Fee = "fee";
    public const string Manual = "manual";
    public const string Discount = "discount";
    public const string Sample = "sample";
    public const string GiftVoucher = "giftVoucher";
    public const string RepeatedRow = "repeatedRow";

    // Of invoices, not rows.
    public const string SplitInvoice = "splitInvoice";
    public const string SeveralTimes = "severalTimes";
    public const string SeveralCustomers = "severalCustomers";
    public const string Scattered = "scatteredInvoice";

    private readonly SortedDictionary<string, long> counts = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, long> Counts => counts;

    /// <summary>Rows that are not sent.</summary>
    public long NotSent { get; private set; }

    public void Count(string kind) => counts[kind] = counts.GetValueOrDefault(kind) + 1;

    public void CountNotSent(string kind)
    {
        Count(kind);
        NotSent++;
    }
}
