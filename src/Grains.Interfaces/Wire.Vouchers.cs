using Loyalty.Domain.Encoding;
using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Loyalty;
using NodaTime;

// Vouchers between silos: terms in their stored form. See Wire.cs.
namespace Loyalty.Grains.Wire;

[RegisterConverter]
internal sealed class VoucherTermsConverter : IConverter<VoucherTerms, StoredForm>
{
    public VoucherTerms ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return VoucherTerms.Read(ref reader);
    }

    public StoredForm ConvertToSurrogate(in VoucherTerms value) => new() { Bytes = Stored.Form(value, VoucherTerms.Write) };
}

[GenerateSerializer, Alias("loyalty.w.voucher-batch")]
internal struct VoucherBatchForm
{
    [Id(0)]
    public VoucherTerms Terms;

    [Id(1)]
    public byte[] Secret;

    [Id(2)]
    public int Vouchers;

    [Id(3)]
    public string? EndedInto;
}

[RegisterConverter]
internal sealed class VoucherBatchConverter : IConverter<VoucherBatchView, VoucherBatchForm>
{
    public VoucherBatchView ConvertFromSurrogate(in VoucherBatchForm surrogate) => new(surrogate.Terms, surrogate.Secret, surrogate.Vouchers, surrogate.EndedInto);

    public VoucherBatchForm ConvertToSurrogate(in VoucherBatchView value) => new()
    {
        Terms = value.Terms,
        Secret = value.Secret,
        Vouchers = value.Vouchers,
        EndedInto = value.EndedInto,
    };
}

[GenerateSerializer, Alias("loyalty.w.voucher-hold")]
internal struct VoucherHoldForm
{
    [Id(0)]
    public string Id;

    [Id(1)]
    public long ExpiresAtMs;

    [Id(2)]
    public long Nominal;

    [Id(3)]
    public string? Member;

    [Id(4)]
    public long? Basket;
}

[GenerateSerializer, Alias("loyalty.w.voucher")]
internal struct VoucherForm
{
    [Id(0)]
    public int Used;

    [Id(1)]
    public int Voided;

    [Id(2)]
    public int Left;

    [Id(3)]
    public string? Member;

    [Id(4)]
    public VoucherHoldForm[] Holds;

    [Id(5)]
    public string? EndedInto;
}

[RegisterConverter]
internal sealed class VoucherConverter : IConverter<VoucherView, VoucherForm>
{
    public VoucherView ConvertFromSurrogate(in VoucherForm surrogate) => new(
        surrogate.Used, surrogate.Voided, surrogate.Left, surrogate.Member,
        [.. surrogate.Holds.Select(hold => new OpenVoucherHold(hold.Id, Instant.FromUnixTimeMilliseconds(hold.ExpiresAtMs), hold.Nominal, hold.Member, hold.Basket))],
        surrogate.EndedInto);

    public VoucherForm ConvertToSurrogate(in VoucherView value) => new()
    {
        Used = value.Used,
        Voided = value.Voided,
        Left = value.Left,
        Member = value.Member,
        Holds = [.. value.Holds.Select(hold => new VoucherHoldForm
        {
            Id = hold.Id,
            ExpiresAtMs = hold.ExpiresAt.ToUnixTimeMilliseconds(),
            Nominal = hold.Nominal,
            Member = hold.Member,
            Basket = hold.Basket,
        })],
        EndedInto = value.EndedInto,
    };
}

[GenerateSerializer, Alias("loyalty.w.voucher-store")]
internal struct VoucherStoreForm
{
    [Id(0)]
    public long Uses;

    [Id(1)]
    public long Money;

    [Id(2)]
    public long Reconciliations;

    [Id(3)]
    public long Overdrawn;

    [Id(4)]
    public long OverdrawnMoney;
}

[RegisterConverter]
internal sealed class VoucherStoreConverter : IConverter<VoucherStoreView, VoucherStoreForm>
{
    public VoucherStoreView ConvertFromSurrogate(in VoucherStoreForm surrogate) =>
        new(surrogate.Uses, surrogate.Money, surrogate.Reconciliations, surrogate.Overdrawn, surrogate.OverdrawnMoney);

    public VoucherStoreForm ConvertToSurrogate(in VoucherStoreView value) => new()
    {
        Uses = value.Uses,
        Money = value.Money,
        Reconciliations = value.Reconciliations,
        Overdrawn = value.Overdrawn,
        OverdrawnMoney = value.OverdrawnMoney,
    };
}
