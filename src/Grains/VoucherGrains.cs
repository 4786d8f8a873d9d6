using Loyalty.Domain.Encoding;
using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Loyalty;
using Orleans.Concurrency;

namespace Loyalty.Grains;

/// <summary>A batch of vouchers.</summary>
[GrainType(VoucherActors.BatchKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class VoucherBatchGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IVoucherBatchGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> Decide(ReadOnlyMemory<byte> request, byte[]? secret) => AskAsync<RequestOutcome>(new VoucherCommand(VoucherForms.Read(request), secret: secret));

    /// <inheritdoc />
    public ValueTask<Answer<VoucherBatchView>> Get() => AskAsync<VoucherBatchView>(new GetVoucherBatch(Id.Key));
}

/// <summary>A thousand vouchers of a batch.</summary>
[GrainType(VoucherActors.BookKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class VoucherBookGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IVoucherBookGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> Decide(ReadOnlyMemory<byte> request, VoucherTerms terms) => AskAsync<RequestOutcome>(new VoucherCommand(VoucherForms.Read(request), terms));

    /// <inheritdoc />
    public ValueTask<Answer<VoucherView>> Get(int serial, VoucherTerms terms)
    {
        ArgumentNullException.ThrowIfNull(terms);
        return AskAsync<VoucherView>(new GetVoucher(new(terms.Head, serial), terms));
    }
}

/// <summary>What a store's tills may accept without connection.</summary>
[GrainType(VoucherActors.StoreKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class VoucherStoreGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IVoucherStoreGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> Decide(ReadOnlyMemory<byte> request) => AskAsync<RequestOutcome>(new VoucherCommand(VoucherForms.Read(request)));

    /// <inheritdoc />
    public ValueTask<Answer<VoucherStoreView>> Get() => AskAsync<VoucherStoreView>(new GetVoucherStore(Id.Key));
}

/// <summary>Requests about vouchers travel in their stored form: they are of several types, and that form tells them apart for ever.</summary>
internal static class VoucherForms
{
    public static ReadOnlyMemory<byte> Of(VoucherRequest request)
    {
        var writer = new ByteWriter();
        VoucherCodec.Write(writer, request);
        return writer.Written.ToArray();
    }

    public static VoucherRequest Read(ReadOnlyMemory<byte> form)
    {
        var reader = new ByteReader(form.Span);
        return VoucherCodec.ReadRequest(ref reader);
    }
}
