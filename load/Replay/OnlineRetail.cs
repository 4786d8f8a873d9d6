using System.Globalization;
using System.IO.Compression;
using CsvHelper;

namespace Loyalty.Load.Replay;

/// <summary>One row of the UCI "Online Retail" data: one line of an invoice.</summary>
/// <param name="Customer">Empty for an anonymous sale.</param>
/// <param name="Price">Pounds for one piece.</param>
internal readonly record struct RetailRow(
    string Invoice, string StockCode, decimal Quantity, DateTime LocalTime, decimal Price, string Customer, string Country);

/// <summary>Reads the UCI "Online Retail" file, plain or gzipped, row by row.</summary>
internal static class OnlineRetail
{
    private static readonly string[] Columns =
        ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];

    private const int RecordBytesMax = 1024 * 1024;

    private static readonly string[] TimeFormats =
        ["yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm", "yyyy-MM-ddTHH:mm:ss", "M/d/yyyy H:mm"];

    /// <summary>
    /// Every row after the header, null for one that cannot be read. Columns are found by name; others (Description) are passed over.
    /// </summary>
    /// <exception cref="UserError">No such file, or not these columns.</exception>
    public static IEnumerable<RetailRow?> Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new UserError(
                $"There is no file {Path.GetFullPath(path)}. Give the UCI Online Retail data as .csv or .csv.gz (doi:10.24432/C5BW33).");
        }

        return Rows(path);
    }

    private static IEnumerable<RetailRow?> Rows(string path)
    {
        using FileStream file = File.OpenRead(path);
        using Stream plain = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using CsvReader csv = CsvReader.Create(
            plain, new CsvReaderOptions { Separator = ',', PoolStrings = true, MaxRecordSize = RecordBytesMax }, leaveOpen: true);
        csv.ReadHeader();
        int[] at = [.. Columns.Select(column => csv.TryGetFieldIndex(column, out int index)
            ? index
            : throw new UserError($"{path} has no column {column}; it needs {string.Join(", ", Columns)}."))];
        int fieldsMin = at.Max() + 1;
        while (csv.Read())
        {
            yield return csv.FieldCount < fieldsMin ? null : Parse(csv, at);
        }
    }

    private static RetailRow? Parse(CsvReader csv, int[] at)
    {
        string invoice = csv.GetString(at[0]).Trim();
        string stockCode = csv.GetString(at[1]).Trim();
        return invoice.Length is > 0 and <= 100
            && stockCode.Length is > 0 and <= 128
            && decimal.TryParse(csv.GetString(at[2]), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal quantity)
            && DateTime.TryParseExact(csv.GetString(at[3]), TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTime time)
            && decimal.TryParse(csv.GetString(at[4]), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal price)
                ? new RetailRow(invoice, stockCode, quantity, time, price, csv.GetString(at[5]).Trim(), csv.GetString(at[6]).Trim())
                : null;
    }
}
