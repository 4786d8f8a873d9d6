using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Domain.Exchange;

/// <summary>A line of a pool's statement. docs/EXCHANGE.md, "Settlement".</summary>
/// <param name="Number">From 1, without gaps over the pool's life.</param>
/// <param name="Kind"><c>out</c>, <c>in</c>, <c>earn</c>, <c>funding</c> or (between the actors of a pool with shards) <c>shard</c>.</param>
/// <param name="Id">Of the exchange or funding; number of the other actor.</param>
/// <param name="At">When the pool committed it.</param>
/// <param name="Member">Whose points; null of a funding.</param>
/// <param name="Account">At the partner; null: none.</param>
/// <param name="Points">Change of the pool's position.</param>
/// <param name="Fee">The member's fee, points.</param>
/// <param name="Units">Change of the pool's position.</param>
/// <param name="Rate">Null: none.</param>
/// <param name="ServiceFee">Owed by the partner, minor units of money.</param>
/// <param name="Reference">The partner's own; null: none.</param>
public sealed record StatementLine(
    long Number, string Kind, string Id, Instant At, string? Member, string? Account, long Points, long Fee, long Units, Ratio? Rate, long ServiceFee, string? Reference)
{
    /// <summary>The header of the CSV form.</summary>
    public const string CsvHeader = "line,kind,id,at,member,account,points,fee,units,rate,serviceFee,reference,hash";

    /// <summary>The chain before the first line.</summary>
    public static readonly string FirstHash = new('0', 64);

    /// <summary>The name of a direction in lines and requests.</summary>
    public static string NameOf(ExchangeDirection direction) => direction switch
    {
        ExchangeDirection.Out => "out",
        ExchangeDirection.In => "in",
        _ => "earn",
    };

    /// <summary>The line of a fact, or null when it has none.</summary>
    public static StatementLine? Of(PoolEvent fact) => fact switch
    {
        PoolCommitted { Reservation: var r } e => new(
            e.Line, NameOf(r.Direction), r.Exchange, e.At, r.Member, r.Account, r.PointsChange, r.Fee, r.UnitsChange, r.Rate, r.ServiceFee, e.Reference),
        PoolFunded { Funding: var f } e => new(e.Line, "funding", f.Id, e.At, null, null, e.IsPoints ? f.Amount : 0, 0, e.IsPoints ? 0 : f.Amount, null, 0, null),
        PoolMoved { Line: > 0 } e => new(e.Line, "shard", e.Shard.ToString(CultureInfo.InvariantCulture), e.At, null, null, e.Change.Points, 0, e.Change.Units, null, 0, null),
        _ => null,
    };

    /// <summary>Without the hash.</summary>
    public string ToCsv()
    {
        var text = new StringBuilder(160);
        text.Append(CultureInfo.InvariantCulture, $"{Number},{Kind},");
        Quote(text, Id);
        text.Append(CultureInfo.InvariantCulture, $",{InstantPattern.ExtendedIso.Format(At)},");
        Quote(text, Member);
        text.Append(',');
        Quote(text, Account);
        text.Append(CultureInfo.InvariantCulture, $",{Points},{Fee},{Units},{Rate?.ToString()},{ServiceFee},");
        Quote(text, Reference);
        return text.ToString();
    }

    /// <summary>The chain after this line.</summary>
    /// <param name="before">The chain before it, 64 hexadecimal digits.</param>
    public string HashAfter(string before) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{before}\n{ToCsv()}")));

    private static void Quote(StringBuilder text, string? value)
    {
        if (value is null || !value.AsSpan().ContainsAny(",\"\r\n"))
        {
            text.Append(value);
            return;
        }

        text.Append('"').Append(value.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
    }
}
