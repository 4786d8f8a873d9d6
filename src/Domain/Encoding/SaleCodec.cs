using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Encoding;

/// <summary>
/// The stored form of requests. It is also what a request's fingerprint is taken of, so it is the same for the same content for ever:
/// a change needs a new event schema version and keeps this form for fingerprints.
/// </summary>
public static class SaleCodec
{
    /// <summary>Writes a purchase.</summary>
    public static void Write(ByteWriter writer, Purchase purchase)
    {
        writer.Text(purchase.Id);
        writer.Text(purchase.Member);
        writer.Text(purchase.Store);
        writer.Text(purchase.Channel);
        writer.Time(purchase.At);
        writer.Text(purchase.Currency);
        Write(writer, purchase.Lines);
    }

    /// <summary>Reads a purchase.</summary>
    public static Purchase ReadPurchase(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        Member = reader.Text(),
        Store = reader.Text()!,
        Channel = reader.Text(),
        At = reader.Time(),
        Currency = reader.Text()!,
        Lines = ReadLines(ref reader),
    };

    /// <summary>Writes a return.</summary>
    public static void Write(ByteWriter writer, Return request)
    {
        writer.Text(request.Id);
        writer.Text(request.Purchase);
        writer.Text(request.Member);
        writer.Text(request.Store);
        writer.Text(request.Channel);
        writer.Time(request.At);
        writer.Text(request.Currency);
        Write(writer, request.Lines);
    }

    /// <summary>Reads a return.</summary>
    public static Return ReadReturn(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        Purchase = reader.Text(),
        Member = reader.Text(),
        Store = reader.Text()!,
        Channel = reader.Text(),
        At = reader.Time(),
        Currency = reader.Text()!,
        Lines = ReadLines(ref reader),
    };

    /// <summary>Writes an adjustment.</summary>
    public static void Write(ByteWriter writer, Adjustment adjustment)
    {
        writer.Text(adjustment.Id);
        writer.Text(adjustment.Member);
        writer.Text(adjustment.Unit);
        writer.VarInt(adjustment.Points);
        writer.Text(adjustment.Reason);
        writer.Text(adjustment.Author);
    }

    /// <summary>Reads an adjustment.</summary>
    public static Adjustment ReadAdjustment(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        Member = reader.Text()!,
        Unit = reader.Text()!,
        Points = reader.VarInt(),
        Reason = reader.Text()!,
        Author = reader.Text()!,
    };

    /// <summary>Writes an enrolment (for its fingerprint).</summary>
    public static void Write(ByteWriter writer, Enrolment enrolment)
    {
        writer.Text(enrolment.Id);
        writer.VarInt(enrolment.EnrolledAt?.ToUnixTimeMilliseconds() ?? long.MinValue);
        writer.Count(enrolment.AlternativeIds.Length);
        foreach (var id in enrolment.AlternativeIds)
        {
            writer.Text(id.Type);
            writer.Text(id.Value);
        }
    }

    /// <summary>Writes lines.</summary>
    public static void Write(ByteWriter writer, SaleLine[] lines)
    {
        writer.Count(lines.Length);
        foreach (ref readonly var line in lines.AsSpan())
        {
            writer.Text(line.Sku);
            writer.Text(line.Category);
            writer.Text(line.Brand);
            writer.Number(line.Quantity);
            writer.VarInt(line.Amount);
        }
    }

    /// <summary>Reads lines.</summary>
    public static SaleLine[] ReadLines(ref ByteReader reader)
    {
        var lines = new SaleLine[reader.Count()];
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = new(reader.Text()!, reader.Text(), reader.Text(), reader.Number(), reader.VarInt());
        }

        return lines;
    }

    /// <summary>Writes a refusal.</summary>
    public static void Write(ByteWriter writer, RequestRefused refused)
    {
        writer.Text(refused.RequestId);
        writer.Wide(refused.Fingerprint);
        writer.Text(refused.Refusal.Code);
        writer.Text(refused.Refusal.Field);
        writer.Text(refused.Refusal.Detail);
    }

    /// <summary>Reads a refusal.</summary>
    public static RequestRefused ReadRefused(ref ByteReader reader) =>
        new(reader.Text()!, reader.Wide(), new(reader.Text()!, reader.Text()!, reader.Text()!));
}
