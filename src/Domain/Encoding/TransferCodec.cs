using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Encoding;

/// <summary>The stored form of requests between members. As with <see cref="SaleCodec"/>, their fingerprints are taken of it, so it never changes.</summary>
public static class TransferCodec
{
    /// <summary>Writes a transfer.</summary>
    public static void Write(ByteWriter writer, Transfer transfer)
    {
        writer.Text(transfer.Id);
        writer.Text(transfer.From);
        writer.Text(transfer.To);
        writer.Text(transfer.Unit);
        writer.VarInt(transfer.Points);
        writer.Flag(transfer.IsGift);
        writer.Text(transfer.Message);
    }

    /// <summary>Reads a transfer.</summary>
    public static Transfer ReadTransfer(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        From = reader.Text()!,
        To = reader.Text()!,
        Unit = reader.Text()!,
        Points = reader.VarInt(),
        IsGift = reader.Flag(),
        Message = reader.Text(),
    };
}
