using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Loyalty;
using Orleans.Concurrency;

namespace Loyalty.Grains;

/// <summary>A batch of vouchers. The key is the head of its codes.</summary>
[Alias("loyalty.voucher-batch")]
public interface IVoucherBatchGrain : IActorGrain
{
    /// <summary>Makes it, issues one of its vouchers, or ends it.</summary>
    /// <param name="request">The request in its stored form: <see cref="VoucherCodec"/>.</param>
    /// <param name="secret">Of a batch that is made: new random bytes.</param>
    [Alias("decide")]
    ValueTask<Answer<RequestOutcome>> Decide([Immutable] ReadOnlyMemory<byte> request, [Immutable] byte[]? secret);

    /// <summary>The batch as it stands; none: it was not made.</summary>
    [Alias("get")]
    ValueTask<Answer<VoucherBatchView>> Get();
}

/// <summary>A thousand vouchers of a batch. The key is <c>head-0000</c>.</summary>
[Alias("loyalty.voucher")]
public interface IVoucherBookGrain : IActorGrain
{
    /// <summary>Holds, redeems, gives up or ends.</summary>
    [Alias("decide")]
    ValueTask<Answer<RequestOutcome>> Decide([Immutable] ReadOnlyMemory<byte> request, [Immutable] VoucherTerms terms);

    /// <summary>A voucher as it stands; none: there is none.</summary>
    [Alias("get")]
    ValueTask<Answer<VoucherView>> Get(int serial, [Immutable] VoucherTerms terms);
}

/// <summary>What a store's tills may accept without connection. The key is the store.</summary>
[Alias("loyalty.voucher-store")]
public interface IVoucherStoreGrain : IActorGrain
{
    /// <summary>Sets the allowance, or notes a reconciliation.</summary>
    [Alias("decide")]
    ValueTask<Answer<RequestOutcome>> Decide([Immutable] ReadOnlyMemory<byte> request);

    /// <summary>The allowance as it stands.</summary>
    [Alias("get")]
    ValueTask<Answer<VoucherStoreView>> Get();
}
