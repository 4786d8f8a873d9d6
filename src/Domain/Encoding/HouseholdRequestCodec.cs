using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Encoding;

/// <summary>The stored form of requests to households. As with <see cref="SaleCodec"/>, their fingerprints are taken of it, so it never changes.</summary>
public static class HouseholdRequestCodec
{
    /// <summary>Writes a request.</summary>
    public static void Write(ByteWriter writer, HouseholdRequest request)
    {
        writer.Byte((byte)request.Ask);
        writer.Text(request.Id);
        writer.Text(request.Member);
        writer.Text(request.Household);
        writer.Byte((byte)request.Role);
        writer.VarInt(request.Share);
        writer.Text(request.Unit);
        writer.VarInt(request.Points);
    }

    /// <summary>Reads a request.</summary>
    public static HouseholdRequest Read(ref ByteReader reader) => new()
    {
        Ask = (HouseholdAsk)reader.Byte(),
        Id = reader.Text()!,
        Member = reader.Text()!,
        Household = reader.Text()!,
        Role = (HouseholdRole)reader.Byte(),
        Share = (int)reader.VarInt(),
        Unit = reader.Text(),
        Points = reader.VarInt(),
    };
}
