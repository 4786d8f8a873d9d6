using Loyalty.Domain.Encoding;
using NodaTime;

namespace Loyalty.Domain.Vouchers;

/// <summary>The stored form of requests about vouchers and of their facts: each a number that is never used again, a schema version (of facts), a framed body.</summary>
public static class VoucherCodec
{
    /// <summary>Writes a request: part of its fact, and what its fingerprint is taken of.</summary>
    public static void Write(ByteWriter writer, VoucherRequest request)
    {
        switch (request)
        {
            case BatchCreation r: Head(writer, 1, r); VoucherTerms.Write(writer, r.Terms); writer.Text(r.Author); break;
            case VoucherIssue r: Head(writer, 2, r); writer.Text(r.Batch); writer.Text(r.Member); break;
            case BatchVoid r: Head(writer, 3, r); writer.Text(r.Batch); writer.Text(r.Reason); writer.Text(r.Author); break;
            case VoucherHold r: Head(writer, 4, r); Voucher(writer, r.Voucher); writer.Text(r.Member); writer.Text(r.Store); Money(writer, r.Basket); writer.Count(r.Seconds); break;
            case VoucherRedemption r:
                Head(writer, 5, r);
                Voucher(writer, r.Voucher);
                writer.Text(r.Hold);
                writer.Text(r.Member);
                writer.Text(r.Store);
                Money(writer, r.Basket);
                Time(writer, r.AcceptedAt);
                break;
            case VoucherHoldCancel r: Head(writer, 6, r); Voucher(writer, r.Voucher); writer.Text(r.Hold); break;
            case VoucherVoid r: Head(writer, 7, r); Voucher(writer, r.Voucher); writer.Text(r.Reason); writer.Text(r.Author); break;
            case StoreAllowance r: Head(writer, 8, r); writer.Text(r.Store); writer.VarInt(r.Uses); writer.VarInt(r.Money); writer.Text(r.Author); break;
            case StoreReconciliation r:
                Head(writer, 9, r);
                writer.Text(r.Store);
                writer.Wide(r.Entries);
                writer.Count(r.Sent);
                writer.Count(r.Accepted);
                writer.VarInt(r.AcceptedMoney);
                writer.Count(r.Overdrawn);
                writer.VarInt(r.OverdrawnMoney);
                writer.Count(r.Unknown);
                break;
            default: throw new InvalidOperationException($"no form for {request.GetType().Name}");
        }
    }

    /// <summary>Reads a request.</summary>
    /// <exception cref="FormatException">It is none that this engine knows.</exception>
    public static VoucherRequest ReadRequest(ref ByteReader reader)
    {
        var kind = reader.Byte();
        var id = reader.Text()!;
        return kind switch
        {
            1 => new BatchCreation { Id = id, Terms = VoucherTerms.Read(ref reader), Author = reader.Text()! },
            2 => new VoucherIssue { Id = id, Batch = reader.Text()!, Member = reader.Text()! },
            3 => new BatchVoid { Id = id, Batch = reader.Text()!, Reason = reader.Text()!, Author = reader.Text()! },
            4 => new VoucherHold { Id = id, Voucher = Voucher(ref reader), Member = reader.Text(), Store = reader.Text()!, Basket = Money(ref reader), Seconds = (int)reader.VarUInt() },
            5 => new VoucherRedemption
            {
                Id = id, Voucher = Voucher(ref reader), Hold = reader.Text(), Member = reader.Text(), Store = reader.Text()!, Basket = Money(ref reader), AcceptedAt = Time(ref reader),
            },
            6 => new VoucherHoldCancel { Id = id, Voucher = Voucher(ref reader), Hold = reader.Text()! },
            7 => new VoucherVoid { Id = id, Voucher = Voucher(ref reader), Reason = reader.Text()!, Author = reader.Text()! },
            8 => new StoreAllowance { Id = id, Store = reader.Text()!, Uses = reader.VarInt(), Money = reader.VarInt(), Author = reader.Text()! },
            9 => new StoreReconciliation
            {
                Id = id, Store = reader.Text()!, Entries = reader.Wide(), Sent = (int)reader.VarUInt(), Accepted = (int)reader.VarUInt(), AcceptedMoney = reader.VarInt(),
                Overdrawn = (int)reader.VarUInt(), OverdrawnMoney = reader.VarInt(), Unknown = (int)reader.VarUInt(),
            },
            _ => throw new FormatException($"voucher request {kind} is not known: a newer engine wrote it"),
        };
    }

    /// <summary>Writes a fact.</summary>
    public static void Write(ByteWriter writer, VoucherEvent fact)
    {
        switch (fact)
        {
            case BatchCreated e: Frame(writer, 1, e, static (w, e) => { Write(w, e.Request); w.Bytes(e.Secret); }); break;
            case VoucherIssued e: Frame(writer, 2, e, static (w, e) => { Write(w, e.Request); w.Count(e.Serial); w.VarInt(e.Nominal); w.Count(e.Uses); }); break;
            case BatchEnded e: Frame(writer, 3, e, static (w, e) => Optional(w, e.Request)); break;
            case VoucherBound e: Frame(writer, 4, e, static (w, e) => { w.Count(e.Serial); w.Text(e.Member); }); break;
            case VoucherHeld e: Frame(writer, 5, e, static (w, e) => { Write(w, e.Request); w.Time(e.ExpiresAt); w.VarInt(e.Nominal); }); break;
            case VoucherHoldEnded e:
                Frame(writer, 6, e, static (w, e) => { Optional(w, e.Request); w.Count(e.Serial); w.Text(e.Hold); w.VarInt(e.Nominal); w.Text(e.Into); });
                break;
            case VoucherRedeemed e:
                Frame(writer, 7, e, static (w, e) =>
                {
                    Write(w, e.Request);
                    w.Text(e.Member);
                    w.VarInt(e.Money);
                    w.VarInt(e.Nominal);
                    w.Byte((byte)e.Value.Type);
                    w.VarInt(e.Value.Amount);
                    w.VarInt(e.Value.Max);
                    w.Text(e.Value.Name);
                    w.Count(e.UsesLeft);
                    w.Text(e.From);
                    w.Text(e.Overdraft);
                });
                break;
            case VoucherVoided e: Frame(writer, 8, e, static (w, e) => { Write(w, e.Request); w.Count(e.Uses); w.VarInt(e.Nominal); }); break;
            case VoucherBookEnded e: Frame(writer, 9, e, static (w, e) => { w.Text(e.Into); w.VarInt(e.Uses); w.VarInt(e.Nominal); }); break;
            case AllowanceSet e: Frame(writer, 10, e, static (w, e) => Write(w, e.Request)); break;
            case StoreReconciled e: Frame(writer, 11, e, static (w, e) => { Write(w, e.Request); w.VarInt(e.UsesOver); w.VarInt(e.MoneyOver); }); break;
            case VoucherRefused e: Frame(writer, 12, e, static (w, e) => SaleCodec.Write(w, e.Refused)); break;
            default: throw new InvalidOperationException($"no form for {fact.GetType().Name}");
        }
    }

    /// <summary>Reads the next fact.</summary>
    /// <exception cref="FormatException">It is none that this engine knows.</exception>
    public static VoucherEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = (reader.Byte(), reader.Byte());
        if (schema != 1)
        {
            throw new FormatException($"voucher event type {kind} with schema version {schema} is not known: a newer engine wrote it");
        }

        var body = new ByteReader(reader.Bytes());
        return kind switch
        {
            1 => new BatchCreated(As<BatchCreation>(ref body), body.Bytes().ToArray()),
            2 => new VoucherIssued(As<VoucherIssue>(ref body), (int)body.VarUInt(), body.VarInt(), (int)body.VarUInt()),
            3 => new BatchEnded(body.Flag() ? As<BatchVoid>(ref body) : null),
            4 => new VoucherBound((int)body.VarUInt(), body.Text()!),
            5 => new VoucherHeld(As<VoucherHold>(ref body), body.Time(), body.VarInt()),
            6 => new VoucherHoldEnded(body.Flag() ? As<VoucherHoldCancel>(ref body) : null, (int)body.VarUInt(), body.Text()!, body.VarInt(), body.Text()!),
            7 => new VoucherRedeemed(
                As<VoucherRedemption>(ref body), body.Text(), body.VarInt(), body.VarInt(), new((VoucherValueType)body.Byte(), body.VarInt(), body.VarInt(), body.Text()), (int)body.VarUInt(), body.Text()!, body.Text()),
            8 => new VoucherVoided(As<VoucherVoid>(ref body), (int)body.VarUInt(), body.VarInt()),
            9 => new VoucherBookEnded(body.Text()!, body.VarInt(), body.VarInt()),
            10 => new AllowanceSet(As<StoreAllowance>(ref body)),
            11 => new StoreReconciled(As<StoreReconciliation>(ref body), body.VarInt(), body.VarInt()),
            12 => new VoucherRefused(SaleCodec.ReadRefused(ref body)),
            _ => throw new FormatException($"voucher event type {kind} is not known: a newer engine wrote it"),
        };
    }

    internal static void Time(ByteWriter writer, Instant? time)
    {
        writer.Flag(time is not null);
        if (time is { } at)
        {
            writer.Time(at);
        }
    }

    internal static Instant? Time(ref ByteReader reader) => reader.Flag() ? reader.Time() : null;

    private static void Head(ByteWriter writer, byte kind, VoucherRequest request)
    {
        writer.Byte(kind);
        writer.Text(request.Id);
    }

    private static void Voucher(ByteWriter writer, VoucherId voucher)
    {
        writer.Text(voucher.Batch);
        writer.Count(voucher.Serial);
    }

    private static VoucherId Voucher(ref ByteReader reader) => new(reader.Text()!, (int)reader.VarUInt());

    private static void Money(ByteWriter writer, long? money)
    {
        writer.Flag(money is not null);
        if (money is { } amount)
        {
            writer.VarInt(amount);
        }
    }

    private static long? Money(ref ByteReader reader) => reader.Flag() ? reader.VarInt() : null;

    private static void Optional(ByteWriter writer, VoucherRequest? request)
    {
        writer.Flag(request is not null);
        if (request is not null)
        {
            Write(writer, request);
        }
    }

    private static T As<T>(ref ByteReader reader)
        where T : VoucherRequest => ReadRequest(ref reader) as T ?? throw new FormatException($"a request is no {typeof(T).Name}");

    private static void Frame<T>(ByteWriter writer, byte kind, T fact, Action<ByteWriter, T> body)
    {
        writer.Byte(kind);
        writer.Byte(1);
        writer.Framed(fact, body);
    }
}
