using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Sales;

namespace Loyalty.Simulator.Checks;

/// <summary>An answer in its stored form, to compare it byte for byte.</summary>
internal static class Saying
{
    [ThreadStatic]
    private static ByteWriter? _writer;

    /// <summary>The fact and what was noted as said beside it.</summary>
    public static string Of(object? fact, RequestAnswered? answer)
    {
        var writer = _writer ??= new();
        writer.Clear();
        switch (fact)
        {
            case MemberEvent member:
                MemberCodec.Write(writer, member);
                break;
            case SalesEvent sale:
                SalesCodec.Write(writer, sale);
                break;
        }

        if (answer is not null)
        {
            MemberCodec.Write(writer, answer);
        }

        return Convert.ToHexString(writer.Written);
    }
}
