using Loyalty.Domain.Encoding;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

public static partial class MemberCodec
{
    /// <summary>Passes over the next event without reading its body, unless it is a return.</summary>
    /// <returns>The return, applied or waiting; null: it was something else.</returns>
    /// <exception cref="FormatException">The bytes are no event.</exception>
    public static Return? SkipToReturn(ref ByteReader reader)
    {
        var kind = (Kind)reader.Byte();
        _ = reader.Byte();
        var body = new ByteReader(reader.Bytes());
        return kind is Kind.Return or Kind.ReturnWaits ? SaleCodec.ReadReturn(ref body) : null;
    }
}
