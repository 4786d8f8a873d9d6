using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Vouchers;

namespace Loyalty.Runtime.Loyalty;

/// <summary>How a request ended; the reply of <see cref="RecordPurchase"/>, <see cref="RecordReturn"/> and <see cref="AdjustPoints"/>.</summary>
/// <param name="Kind">How.</param>
/// <param name="Fact">The fact that records it: <see cref="PurchaseRecorded"/>, <see cref="ReturnRecorded"/>, <see cref="ReturnWaits"/>,
/// <see cref="PointsAdjusted"/>, a fact about spending, <see cref="Domain.Sales.SaleCounted"/> or <see cref="Domain.Sales.SaleReturned"/>; null unless recorded.</param>
/// <param name="Answer">Balances and tier after it; null for anonymous sales.</param>
/// <param name="Refusal">Why it was refused, or what the conflict is.</param>
/// <param name="Replayed">The request had been decided before; this is what was said then.</param>
public sealed record RequestOutcome(OutcomeKind Kind, object? Fact, RequestAnswered? Answer, Refusal? Refusal, bool Replayed)
{
    /// <summary>Why campaigns in force gave nothing; null unless the command asked for it and was decided now: it is no part of the books.</summary>
    public IReadOnlyList<Domain.Campaigns.SkippedCampaign>? Skipped { get; init; }
}

/// <summary>How a request ended.</summary>
public enum OutcomeKind : byte
{
    /// <summary>It is in the books.</summary>
    Recorded,

    /// <summary>A rule forbids it; remembered.</summary>
    Refused,

    /// <summary>Its id names another request.</summary>
    Conflict,

    /// <summary>The member is not known, and the program does not enrol by itself. Not remembered: the member may enrol and the request come again.</summary>
    UnknownMember,

    /// <summary>Something else that the request names is not known; the refusal says what. Not remembered.</summary>
    Unknown,
}

/// <summary>Tells whether two requests have the same content: XxHash128 of the kind of request and its stored form.</summary>
public static class Fingerprint
{
    [ThreadStatic]
    private static ByteWriter? _writer;

    /// <summary>The fingerprint of a request.</summary>
    public static UInt128 Of(Request request)
    {
        var writer = _writer ??= new ByteWriter();
        writer.Clear();
        switch (request)
        {
            case Purchase purchase:
                writer.Byte(1);
                SaleCodec.Write(writer, purchase);
                if (purchase.Tender is not null)
                {
                    SpendingCodec.Write(writer, purchase.Tender);
                }

                break;
            case Return returned:
                writer.Byte(2);
                SaleCodec.Write(writer, returned);
                break;
            case Adjustment adjustment:
                writer.Byte(3);
                SaleCodec.Write(writer, adjustment);
                break;
            case Enrolment enrolment:
                writer.Byte(4);
                SaleCodec.Write(writer, enrolment);
                break;
            case Activity activity:
                writer.Byte(5);
                ActivityCodec.Write(writer, activity);
                break;
            case Spending spending:
                writer.Byte(spending is Hold ? (byte)7 : (byte)8);
                SpendingCodec.Write(writer, spending);
                break;
            case HoldCommit commit:
                writer.Byte(9);
                SpendingCodec.Write(writer, commit);
                break;
            case HoldCancel cancel:
                writer.Byte(10);
                SpendingCodec.Write(writer, cancel);
                break;
            case Reversal reversal:
                writer.Byte(11);
                SpendingCodec.Write(writer, reversal);
                break;
            case StockChange change:
                writer.Byte(12);
                SpendingCodec.Write(writer, change);
                break;
            case VoucherRequest voucher:
                writer.Byte(21);

                // What a reconciliation came to is counted by the engine; its content is what was sent.
                VoucherCodec.Write(writer, voucher is StoreReconciliation r ? r with { Accepted = 0, AcceptedMoney = 0, Overdrawn = 0, OverdrawnMoney = 0, Unknown = 0 } : voucher);
                break;
            case MemberImport import:
                writer.Byte(26);
                MemberCodec.Write(writer, import);
                break;
            case HouseholdRequest household:
                writer.Byte(14);
                HouseholdRequestCodec.Write(writer, household);
                break;
            case Transfer transfer:
                writer.Byte(13);
                TransferCodec.Write(writer, transfer);
                break;
            case ExchangeRequest exchange:
                writer.Byte(17);
                ExchangeRequestCodec.Write(writer, exchange);
                break;
            case PoolFunding funding:
                writer.Byte(18);
                ExchangeRequestCodec.Write(writer, funding);
                break;
            default:
                throw new ArgumentException($"no fingerprint for {request.GetType().Name}", nameof(request));
        }

        return System.IO.Hashing.XxHash128.HashToUInt128(writer.Written);
    }
}
