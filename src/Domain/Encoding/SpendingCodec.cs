using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Encoding;

/// <summary>The stored form of the requests that spend. As with <see cref="SaleCodec"/>, their fingerprints are taken of it, so it never changes.</summary>
public static class SpendingCodec
{
    /// <summary>Writes a hold or a redemption, with a byte that tells which.</summary>
    public static void Write(ByteWriter writer, Spending spending)
    {
        writer.Byte(spending is Hold ? (byte)1 : (byte)2);
        writer.Text(spending.Id);
        writer.Text(spending.Member);
        writer.Text(spending.Unit);
        writer.VarInt(spending.Points);
        writer.Text(spending.Reward);
        writer.VarInt(spending.Quantity);
        writer.Text(spending.Reference);
        if (spending is Hold hold)
        {
            writer.VarInt(hold.Seconds ?? 0);
        }
    }

    /// <summary>Reads a hold or a redemption.</summary>
    public static Spending ReadSpending(ref ByteReader reader)
    {
        var kind = reader.Byte();
        var (id, member, unit, points, reward, quantity, reference) =
            (reader.Text()!, reader.Text()!, reader.Text(), reader.VarInt(), reader.Text(), (int)reader.VarInt(), reader.Text());
        return kind switch
        {
            1 => new Hold
            {
                Id = id, Member = member, Unit = unit, Points = points, Reward = reward, Quantity = quantity, Reference = reference,
                Seconds = (int)reader.VarInt() is var seconds and not 0 ? seconds : null,
            },
            2 => new Redemption { Id = id, Member = member, Unit = unit, Points = points, Reward = reward, Quantity = quantity, Reference = reference },
            _ => throw new FormatException($"a spending of kind {kind} is not known"),
        };
    }

    /// <summary>Writes a commit.</summary>
    public static void Write(ByteWriter writer, HoldCommit commit)
    {
        writer.Text(commit.Id);
        writer.Text(commit.Member);
        writer.Text(commit.Hold);
        writer.VarInt(commit.Points ?? 0);
    }

    /// <summary>Reads a commit.</summary>
    public static HoldCommit ReadCommit(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        Member = reader.Text()!,
        Hold = reader.Text()!,
        Points = reader.VarInt() is var points and not 0 ? points : null,
    };

    /// <summary>Writes a cancellation.</summary>
    public static void Write(ByteWriter writer, HoldCancel cancel)
    {
        writer.Text(cancel.Id);
        writer.Text(cancel.Member);
        writer.Text(cancel.Hold);
    }

    /// <summary>Reads a cancellation.</summary>
    public static HoldCancel ReadCancel(ref ByteReader reader) => new() { Id = reader.Text()!, Member = reader.Text()!, Hold = reader.Text()! };

    /// <summary>Writes a reversal.</summary>
    public static void Write(ByteWriter writer, Reversal reversal)
    {
        writer.Text(reversal.Id);
        writer.Text(reversal.Member);
        writer.Text(reversal.Redemption);
        writer.VarInt(reversal.Points ?? 0);
        writer.Flag(reversal.Restock);
        writer.Text(reversal.Reason);
        writer.Text(reversal.Author);
    }

    /// <summary>Reads a reversal.</summary>
    public static Reversal ReadReversal(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        Member = reader.Text()!,
        Redemption = reader.Text()!,
        Points = reader.VarInt() is var points and not 0 ? points : null,
        Restock = reader.Flag(),
        Reason = reader.Text()!,
        Author = reader.Text()!,
    };

    /// <summary>Writes a tender.</summary>
    public static void Write(ByteWriter writer, Tender tender)
    {
        writer.Text(tender.Unit);
        writer.VarInt(tender.Points);
        writer.VarInt(tender.Amount);
    }

    /// <summary>Reads a tender.</summary>
    public static Tender ReadTender(ref ByteReader reader) => new(reader.Text()!, reader.VarInt(), reader.VarInt());

    /// <summary>Writes a change of a stock.</summary>
    public static void Write(ByteWriter writer, StockChange change)
    {
        writer.Text(change.Id);
        writer.Text(change.Reward);
        writer.VarInt(change.Change);
        writer.Text(change.Reason);
        writer.Text(change.Author);
    }

    /// <summary>Reads a change of a stock.</summary>
    public static StockChange ReadStockChange(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        Reward = reader.Text()!,
        Change = reader.VarInt(),
        Reason = reader.Text()!,
        Author = reader.Text()!,
    };
}
