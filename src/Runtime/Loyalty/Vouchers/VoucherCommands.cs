using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Names of the kinds of actors of vouchers and how their keys are made.</summary>
public static class VoucherActors
{
    /// <summary>A batch.</summary>
    public const string BatchKind = "voucher-batch";

    /// <summary>The book of a thousand vouchers of a batch.</summary>
    public const string BookKind = "voucher";

    /// <summary>A store's allowance.</summary>
    public const string StoreKind = "voucher-store";

    /// <summary>A batch, by the head of its codes.</summary>
    public static ActorId Batch(string head) => new(BatchKind, head);

    /// <summary>The book of a voucher.</summary>
    public static ActorId Book(VoucherId voucher) => Book(voucher.Batch, voucher.Serial / VoucherLimits.BookSize);

    /// <summary>A book of a batch.</summary>
    public static ActorId Book(string head, int book) => new(BookKind, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{head}-{book:0000}"));

    /// <summary>A store.</summary>
    public static ActorId Store(string store) => new(StoreKind, store);

    /// <summary>Who decides a request.</summary>
    public static ActorId Of(VoucherRequest request) => request switch
    {
        BatchCreation r => Batch(r.Terms.Head),
        VoucherIssue r => Batch(VoucherCode.HeadOf(r.Batch)),
        BatchVoid r => Batch(VoucherCode.HeadOf(r.Batch)),
        VoucherHold r => Book(r.Voucher),
        VoucherRedemption r => Book(r.Voucher),
        VoucherHoldCancel r => Book(r.Voucher),
        VoucherVoid r => Book(r.Voucher),
        StoreAllowance r => Store(r.Store),
        StoreReconciliation r => Store(r.Store),
        _ => throw new ArgumentException($"nobody decides {request.GetType().Name}", nameof(request)),
    };
}

/// <summary>A request about vouchers. The outcome's fact is a <see cref="VoucherEvent"/>.</summary>
/// <param name="request">The request.</param>
/// <param name="terms">Of the batch, for its books: terms never change; null for the others.</param>
/// <param name="secret">Of a batch that is made: new random bytes, which are kept only if it is; null for the others.</param>
public sealed class VoucherCommand(VoucherRequest request, VoucherTerms? terms = null, byte[]? secret = null) : RequestCommand(VoucherActors.Of(request), request)
{
    /// <summary>The request.</summary>
    public VoucherRequest Voucher { get; } = request;

    /// <summary>Of the batch.</summary>
    public VoucherTerms? Terms { get; } = terms;

    /// <summary>Of a batch that is made.</summary>
    public byte[]? Secret { get; } = secret;
}

/// <summary>Asks for a batch. Reply: <see cref="VoucherBatchView"/>, or null: there is none.</summary>
/// <param name="head">The head of its codes.</param>
public sealed class GetVoucherBatch(string head) : Command(VoucherActors.Batch(head));

/// <summary>Asks for a voucher. Reply: <see cref="VoucherView"/>, or null: there is none.</summary>
public sealed class GetVoucher(VoucherId voucher, VoucherTerms terms) : Command(VoucherActors.Book(voucher))
{
    /// <summary>Which.</summary>
    public VoucherId Voucher { get; } = voucher;

    /// <summary>Of its batch.</summary>
    public VoucherTerms Terms { get; } = terms;
}

/// <summary>Asks for a store's allowance. Reply: <see cref="VoucherStoreView"/>.</summary>
public sealed class GetVoucherStore(string store) : Command(VoucherActors.Store(store));

/// <summary>A batch as it stands.</summary>
/// <param name="Terms">What its vouchers have in common.</param>
/// <param name="Secret">Of its codes: for who may make them.</param>
/// <param name="Vouchers">How many are issued.</param>
/// <param name="EndedInto">Where the rest went when it ended; null: it has not.</param>
public sealed record VoucherBatchView(VoucherTerms Terms, byte[] Secret, int Vouchers, string? EndedInto);

/// <summary>A voucher as it stands.</summary>
/// <param name="Used">Uses that are redeemed.</param>
/// <param name="Voided">Uses that were ended.</param>
/// <param name="Left">Uses that somebody could have now.</param>
/// <param name="Member">Whose it is; null: the bearer's.</param>
/// <param name="Holds">Open holds.</param>
/// <param name="EndedInto">Where the rest went when the batch ended; null: it has not.</param>
public sealed record VoucherView(int Used, int Voided, int Left, string? Member, IReadOnlyList<OpenVoucherHold> Holds, string? EndedInto);

/// <summary>A store's allowance, and what came of it.</summary>
public sealed record VoucherStoreView(long Uses, long Money, long Reconciliations, long Overdrawn, long OverdrawnMoney);
