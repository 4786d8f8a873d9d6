using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Sales;

/// <summary>Anonymous sales of one store on one day: counted, never awarded.</summary>
public sealed class SalesDay
{
    /// <summary>Purchases.</summary>
    public long Purchases { get; private set; }

    /// <summary>Their amounts, minor units.</summary>
    public long Amount { get; private set; }

    /// <summary>Returns.</summary>
    public long Returns { get; private set; }

    /// <summary>Their amounts, minor units.</summary>
    public long ReturnedAmount { get; private set; }

    /// <summary>Records a purchase, or refuses it.</summary>
    public Refusal? Record(Purchase purchase, TurnContext context, List<SalesEvent> raised)
    {
        var refusal = SaleCheck.Of(purchase.Currency, purchase.At, context)
            ?? (purchase.Tender is null ? null : new Refusal("tender-without-member", "tender", "pays with points; the member whose points they are is needed"));
        if (refusal is null)
        {
            Raise(new SaleCounted(purchase), raised);
        }

        return refusal;
    }

    /// <summary>Records a return, or refuses it. A purchase that is not known is no obstacle: it earned nothing that could be taken back.</summary>
    public Refusal? Record(Return request, PurchaseState? purchase, TurnContext context, List<SalesEvent> raised)
    {
        var refusal = SaleCheck.Of(request.Currency, request.At, context);
        if (refusal is not null)
        {
            return refusal;
        }

        PurchaseState? after = null;
        if (purchase is not null)
        {
            var lines = purchase.LinesAfter(request.Lines, clamp: false, out refusal);
            if (lines is null)
            {
                return refusal;
            }

            after = purchase with { Lines = lines };
        }

        Raise(new SaleReturned(request, after), raised);
        return null;
    }

    /// <summary>Remembers a refusal as the outcome of a request.</summary>
    public void Refuse(string requestId, UInt128 fingerprint, Refusal refusal, List<SalesEvent> raised) =>
        Raise(new SaleRefused(new(requestId, fingerprint, refusal)), raised);

    /// <summary>Changes the state by a fact.</summary>
    public void Apply(SalesEvent fact)
    {
        switch (fact)
        {
            case SaleCounted sale:
                Purchases++;
                Amount += MemberState.Sum(sale.Purchase.Lines);
                break;
            case SaleReturned returned:
                Returns++;
                ReturnedAmount += MemberState.Sum(returned.Return.Lines);
                break;
        }
    }

    /// <summary>Counts a fact.</summary>
    public static void Post(SalesEvent fact, ILedgerSink ledger)
    {
        switch (fact)
        {
            case SaleCounted sale:
                ledger.Count(Counters.AnonymousPurchases, 1);
                ledger.Count(Counters.AnonymousAmount, MemberState.Sum(sale.Purchase.Lines));
                break;
            case SaleReturned returned:
                ledger.Count(Counters.AnonymousReturns, 1);
                ledger.Count(Counters.AnonymousReturnedAmount, MemberState.Sum(returned.Return.Lines));
                break;
            default:
                ledger.Count(Counters.Refusals, 1);
                break;
        }
    }

    /// <summary>Writes a snapshot.</summary>
    public void Write(ByteWriter writer)
    {
        writer.VarInt(Purchases);
        writer.VarInt(Amount);
        writer.VarInt(Returns);
        writer.VarInt(ReturnedAmount);
    }

    /// <summary>Reads a snapshot.</summary>
    public static SalesDay Read(ref ByteReader reader) => new()
    {
        Purchases = reader.VarInt(),
        Amount = reader.VarInt(),
        Returns = reader.VarInt(),
        ReturnedAmount = reader.VarInt(),
    };

    private void Raise(SalesEvent fact, List<SalesEvent> raised)
    {
        Apply(fact);
        raised.Add(fact);
    }
}

/// <summary>A fact of a store's day.</summary>
public abstract record SalesEvent;

/// <summary>An anonymous purchase.</summary>
public sealed record SaleCounted(Purchase Purchase) : SalesEvent;

/// <summary>An anonymous return; <paramref name="After"/> is what is left of the purchase, when that is known.</summary>
public sealed record SaleReturned(Return Return, PurchaseState? After) : SalesEvent;

/// <summary>A request was refused by a rule.</summary>
public sealed record SaleRefused(RequestRefused Refused) : SalesEvent;

/// <summary>The stored form of <see cref="SalesEvent"/>: a type byte, a schema version byte and a framed body.</summary>
public static class SalesCodec
{
    /// <summary>Writes an event.</summary>
    public static void Write(ByteWriter writer, SalesEvent fact)
    {
        writer.Byte(fact switch { SaleCounted => 1, SaleReturned => 2, _ => 3 });
        writer.Byte(1);
        writer.Framed(fact, static (writer, fact) =>
        {
            switch (fact)
            {
                case SaleCounted sale:
                    SaleCodec.Write(writer, sale.Purchase);
                    break;
                case SaleReturned returned:
                    SaleCodec.Write(writer, returned.Return);
                    writer.Flag(returned.After is not null);
                    if (returned.After is { } after)
                    {
                        writer.Text(after.Id);
                        writer.Day(after.Day);
                        SaleCodec.Write(writer, after.Lines);
                    }

                    break;
                case SaleRefused refused:
                    SaleCodec.Write(writer, refused.Refused);
                    break;
            }
        });
    }

    /// <summary>Reads the next event.</summary>
    /// <exception cref="FormatException">The bytes are no event that this version of the engine knows.</exception>
    public static SalesEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = (reader.Byte(), reader.Byte());
        var body = new ByteReader(reader.Bytes());
        switch (kind, schema)
        {
            case (1, 1):
                return new SaleCounted(SaleCodec.ReadPurchase(ref body));
            case (2, 1):
                var request = SaleCodec.ReadReturn(ref body);
                return new SaleReturned(request, body.Flag() ? new(body.Text()!, body.Day()!.Value, 1, null, SaleCodec.ReadLines(ref body), []) : null);
            case (3, 1):
                return new SaleRefused(SaleCodec.ReadRefused(ref body));
            default:
                throw new FormatException($"sales event type {kind} with schema version {schema} is not known: a newer engine wrote it");
        }
    }
}
