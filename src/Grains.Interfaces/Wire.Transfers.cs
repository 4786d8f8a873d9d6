using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Loyalty;

// Transfers between silos. See Wire.cs.
namespace Loyalty.Grains.Wire;

[RegisterConverter]
internal sealed class TransferConverter : IConverter<Transfer, StoredForm>
{
    public Transfer ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return TransferCodec.ReadTransfer(ref reader);
    }

    public StoredForm ConvertToSurrogate(in Transfer value) => new() { Bytes = Stored.Form(value, TransferCodec.Write) };
}

[GenerateSerializer, Alias("loyalty.w.transfer-view")]
internal struct TransferViewForm
{
    [Id(0)]
    public Transfer Transfer;

    [Id(1)]
    public byte Status;

    [Id(2)]
    public long Fee;

    [Id(3)]
    public Refusal? Refusal;

    [Id(4)]
    public byte[]? Answer;
}

[RegisterConverter]
internal sealed class TransferViewConverter : IConverter<TransferView, TransferViewForm>
{
    public TransferView ConvertFromSurrogate(in TransferViewForm surrogate)
    {
        RequestAnswered? answer = null;
        if (surrogate.Answer is not null)
        {
            var reader = new ByteReader(surrogate.Answer);
            answer = (RequestAnswered)MemberCodec.Read(ref reader);
        }

        return new(surrogate.Transfer, (TransferStatus)surrogate.Status, surrogate.Fee, surrogate.Refusal, answer);
    }

    public TransferViewForm ConvertToSurrogate(in TransferView value) => new()
    {
        Transfer = value.Transfer,
        Status = (byte)value.Status,
        Fee = value.Fee,
        Refusal = value.Refusal,
        Answer = value.Answer is { } answer ? Stored.Form<MemberEvent>(answer, MemberCodec.Write) : null,
    };
}
