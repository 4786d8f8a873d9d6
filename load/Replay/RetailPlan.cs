using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Loyalty.Load.Replay;

/// <summary>One purchase or return, rendered, ready to be sent.</summary>
/// <param name="Member">Null for an anonymous sale.</param>
/// <param name="Line">The stream line with its line feed.</param>
internal sealed record RetailRequest(string Id, string? Member, bool IsReturn, DateTimeOffset At, int Rows, byte[] Line);

/// <summary>How rows become requests.</summary>
/// <param name="StoreByCountry">The country is the store; otherwise the store is WEB.</param>
internal sealed record RetailPlanOptions(int ShiftWeeks = RetailPlanOptions.ShiftWeeksDefault, bool StoreByCountry = false)
{
    /// <summary>Moves the year from 2010-12-01 to 2024-11-27, the same weekdays.</summary>
    public const int ShiftWeeksDefault = 730;
}

/// <summary>
/// The whole file as requests in time order, with every row accounted for: <see cref="Rows"/> = <see cref="RowsSent"/> + <see cref="RowsNotSent"/>.
/// Holds the file in memory; bounded to <see cref="RowsMax"/> rows.
/// </summary>
internal sealed class RetailPlan
{
    public const long RowsMax = 20_000_000;
    public const int LinesMax = 1000;
    private const decimal QuantityMax = 1_000_000_000m;
    private const decimal PenceMax = 1_000_000_000_000m;

    private RetailPlan(IReadOnlyList<RetailRequest> requests, OddRows odd, long rows)
    {
        Requests = requests;
        Odd = odd;
        Rows = rows;
        RowsSent = requests.Sum(request => (long)request.Rows);
    }

    /// <summary>By time, then invoice number.</summary>
    public IReadOnlyList<RetailRequest> Requests { get; }

    public OddRows Odd { get; }

    public long Rows { get; }

    public long RowsSent { get; }

    public long RowsNotSent => Odd.NotSent;

    public int Members => Requests.Where(request => request.Member is not null).Select(request => request.Member).Distinct().Count();

    /// <exception cref="InvalidOperationException">A row was lost on the way: an error of this program.</exception>
    public static RetailPlan Make(IEnumerable<RetailRow?> rows, RetailPlanOptions options)
    {
        var odd = new OddRows();
        var invoices = new Dictionary<(string Invoice, string Customer), Invoice>();
        var customersOf = new Dictionary<string, string>();
        long count = 0;
        foreach (RetailRow? row in rows)
        {
            if (++count > RowsMax)
            {
                throw new UserError($"The file has more than {RowsMax} rows.");
            }

            if (row is not { } known)
            {
                odd.CountNotSent(OddRows.Unreadable);
                continue;
            }

            if (customersOf.TryAdd(known.Invoice, known.Customer) is false
                && customersOf[known.Invoice] != known.Customer
                && !invoices.ContainsKey((known.Invoice, known.Customer)))
            {
                odd.Count(OddRows.SeveralCustomers);
            }

            if (!invoices.TryGetValue((known.Invoice, known.Customer), out Invoice? invoice))
            {
                // The first customer of an invoice keeps its number as id.
                string id = customersOf[known.Invoice] == known.Customer ? known.Invoice : $"{known.Invoice}-c{known.Customer}";
                invoices.Add((known.Invoice, known.Customer), invoice = new Invoice(id));
            }

            invoice.Add(known, count);
        }

        var calendar = new RetailCalendar(options.ShiftWeeks);
        var requests = new List<RetailRequest>();
        foreach (Invoice invoice in invoices.Values)
        {
            AddRequests(invoice, calendar, options, odd, requests);
        }

        var inOrder = requests.OrderBy(request => request.At.UtcTicks).ThenBy(request => request.Id, StringComparer.Ordinal).ToList();
        var plan = new RetailPlan(inOrder, odd, count);
        return plan.Rows == plan.RowsSent + plan.RowsNotSent
            ? plan
            : throw new InvalidOperationException($"{plan.Rows} rows were read, {plan.RowsSent} are sent and {plan.RowsNotSent} are not: some are missing.");
    }

    private static void AddRequests(Invoice invoice, RetailCalendar calendar, RetailPlanOptions options, OddRows odd, List<RetailRequest> requests)
    {
        if (invoice.Rows.Any(row => row.LocalTime != invoice.Rows[0].LocalTime))
        {
            odd.Count(OddRows.SeveralTimes);
        }

        if (invoice.IsScattered)
        {
            odd.Count(OddRows.Scattered);
        }

        var lines = new List<Line>();
        var seen = new HashSet<RetailRow>();
        foreach (RetailRow row in invoice.Rows)
        {
            if (WhyNotSent(row) is { } reason)
            {
                odd.CountNotSent(reason);
                continue;
            }

            decimal pence = Math.Abs(row.Quantity) * row.Price * 100;
            CountOddities(row, pence, seen, odd);
            lines.Add(new Line(row.StockCode, Math.Abs(row.Quantity), (long)Math.Round(pence, MidpointRounding.ToEven)));
        }

        if (lines.Count > LinesMax)
        {
            odd.Count(OddRows.SplitInvoice);
        }

        DateTimeOffset at = calendar.At(invoice.Rows.Min(row => row.LocalTime));
        for (int part = 0; part * LinesMax < lines.Count; part++)
        {
            string id = part == 0 ? invoice.Id : $"{invoice.Id}-p{part + 1}";
            List<Line> partLines = lines.GetRange(part * LinesMax, Math.Min(LinesMax, lines.Count - (part * LinesMax)));
            requests.Add(Render(id, invoice.Rows[0], at, partLines, options));
        }
    }

    /// <summary>The one reason why a row is not sent; null when it is.</summary>
    private static string? WhyNotSent(RetailRow row)
    {
        bool isReturn = row.Invoice[0] == 'C';
        if (row.Invoice[0] == 'A')
        {
            return OddRows.BadDebt;
        }

        if (!isReturn && !char.IsAsciiDigit(row.Invoice[0]))
        {
            return OddRows.UnknownInvoiceKind;
        }

        if (row.Price < 0)
        {
            return OddRows.NegativePrice;
        }

        if (row.Quantity == 0)
        {
            return OddRows.ZeroQuantity;
        }

        if (!isReturn && row.Quantity < 0)
        {
            return row.Price == 0 ? OddRows.StockWriteOff : OddRows.NegativeQuantity;
        }

        if (isReturn && row.Quantity > 0)
        {
            return OddRows.PositiveReturn;
        }

        bool isInRange = Math.Abs(row.Quantity) <= QuantityMax && decimal.Round(row.Quantity, 6) == row.Quantity
            && row.Price <= PenceMax && Math.Abs(row.Quantity) * row.Price * 100 <= PenceMax;
        return isInRange ? null : OddRows.OutOfRange;
    }

    private static void CountOddities(RetailRow row, decimal pence, HashSet<RetailRow> seen, OddRows odd)
    {
        if (row.Price == 0)
        {
            odd.Count(OddRows.ZeroPrice);
        }

        if (pence != decimal.Truncate(pence))
        {
            odd.Count(OddRows.FractionalPence);
        }

        if (!seen.Add(row))
        {
            odd.Count(OddRows.RepeatedRow);
        }

        string? code = row.StockCode switch
        {
            "POST" or "DOT" or "C2" => OddRows.Postage,
            "BANK CHARGES" or "AMAZONFEE" or "CRUK" or "B" => OddRows.Fee,
            "M" or "m" => OddRows.Manual,
            "D" => OddRows.Discount,
            "S" => OddRows.Sample,
            _ => row.StockCode.StartsWith("gift_", StringComparison.Ordinal) ? OddRows.GiftVoucher : null,
        };
        if (code is not null)
        {
            odd.Count(code);
        }
    }

    private static RetailRequest Render(string id, RetailRow first, DateTimeOffset at, List<Line> lines, RetailPlanOptions options)
    {
        bool isReturn = first.Invoice[0] == 'C';
        string? member = first.Customer.Length == 0 ? null : $"C{first.Customer}";
        var bytes = new ArrayBufferWriter<byte>(128 + (lines.Count * 64));
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("type", isReturn ? "return" : "purchase");
            json.WriteString("id", id);
            if (member is not null)
            {
                json.WriteString("member", member);
            }

            json.WriteString("store", options.StoreByCountry && first.Country.Length > 0 ? first.Country : "WEB");
            json.WriteString("channel", "web");
            json.WriteString("at", at.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture));
            json.WriteString("currency", "GBP");
            json.WriteStartArray("lines");
            foreach (Line line in lines)
            {
                json.WriteStartObject();
                json.WriteString("sku", line.Sku);
                json.WriteNumber("quantity", line.Quantity);
                json.WriteNumber("amount", line.Pence);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        bytes.Write("\n"u8);
        return new RetailRequest(id, member, isReturn, at, lines.Count, bytes.WrittenSpan.ToArray());
    }

    private readonly record struct Line(string Sku, decimal Quantity, long Pence);

    private sealed class Invoice(string id)
    {
        private long lastRow;

        public string Id => id;

        public List<RetailRow> Rows { get; } = [];

        /// <summary>Rows of other invoices stand between its own.</summary>
        public bool IsScattered { get; private set; }

        public void Add(RetailRow row, long number)
        {
            IsScattered |= lastRow != 0 && number != lastRow + 1;
            lastRow = number;
            Rows.Add(row);
        }
    }
}
