using Loyalty.Domain.Requests;
using Loyalty.Gateway.Http;
using Loyalty.Runtime.Backtests;
using NodaTime;

namespace Loyalty.Gateway.Commands;

/// <summary>Purchases and returns of a file, one JSON object a line as the purchase stream takes them. Sales without a member are passed over.</summary>
internal sealed class FileSales(string file) : IPastSales
{
    /// <summary>Bytes of a line, as in the stream.</summary>
    private const int MaxLine = 1 << 20;

    public string Description => $"file {Path.GetFullPath(file)}";

    public long Count => 0;

    /// <exception cref="BacktestRefusedException">A line is no purchase or return.</exception>
    public IEnumerable<PastRecord> Read()
    {
        var reader = new SaleReader();
        var decidedAt = Instant.MinValue;
        long number = 0;
        foreach (var line in File.ReadLines(file))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            if (line.Length > MaxLine)
            {
                throw new BacktestRefusedException($"{file}, line {number} has {line.Length} characters; at most {MaxLine} are possible");
            }

            var request = reader.Read(System.Text.Encoding.UTF8.GetBytes(line), isReturn: false, mixed: true)
                ?? throw new BacktestRefusedException($"{file}, line {number}: {reader.Errors[0].Field} {reader.Errors[0].Message}");
            var (member, at) = request switch
            {
                Purchase purchase => (purchase.Member, purchase.At),
                Return returned => (returned.Member, returned.At),
                _ => throw new InvalidOperationException($"the reader made a {request.GetType().Name}"),
            };
            // The engine's clock does not go back: a line that is older than the one before arrived late.
            decidedAt = Instant.Max(decidedAt, at);
            if (member is not null)
            {
                yield return new(member, decidedAt, default, request);
            }
        }
    }
}
