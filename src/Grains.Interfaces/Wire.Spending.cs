using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Loyalty;
using NodaTime;

// Requests that spend, rewards, and what is said about them, between silos. See Wire.cs.
namespace Loyalty.Grains.Wire;

[RegisterConverter]
internal sealed class HoldConverter : IConverter<Hold, StoredForm>
{
    public Hold ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return (Hold)SpendingCodec.ReadSpending(ref reader);
    }

    public StoredForm ConvertToSurrogate(in Hold value) => new() { Bytes = Stored.Form<Spending>(value, SpendingCodec.Write) };
}

[RegisterConverter]
internal sealed class RedemptionConverter : IConverter<Redemption, StoredForm>
{
    public Redemption ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return (Redemption)SpendingCodec.ReadSpending(ref reader);
    }

    public StoredForm ConvertToSurrogate(in Redemption value) => new() { Bytes = Stored.Form<Spending>(value, SpendingCodec.Write) };
}

[RegisterConverter]
internal sealed class HoldCommitConverter : IConverter<HoldCommit, StoredForm>
{
    public HoldCommit ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return SpendingCodec.ReadCommit(ref reader);
    }

    public StoredForm ConvertToSurrogate(in HoldCommit value) => new() { Bytes = Stored.Form(value, SpendingCodec.Write) };
}

[RegisterConverter]
internal sealed class HoldCancelConverter : IConverter<HoldCancel, StoredForm>
{
    public HoldCancel ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return SpendingCodec.ReadCancel(ref reader);
    }

    public StoredForm ConvertToSurrogate(in HoldCancel value) => new() { Bytes = Stored.Form(value, SpendingCodec.Write) };
}

[RegisterConverter]
internal sealed class ReversalConverter : IConverter<Reversal, StoredForm>
{
    public Reversal ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return SpendingCodec.ReadReversal(ref reader);
    }

    public StoredForm ConvertToSurrogate(in Reversal value) => new() { Bytes = Stored.Form(value, SpendingCodec.Write) };
}

[RegisterConverter]
internal sealed class StockChangeConverter : IConverter<StockChange, StoredForm>
{
    public StockChange ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return SpendingCodec.ReadStockChange(ref reader);
    }

    public StoredForm ConvertToSurrogate(in StockChange value) => new() { Bytes = Stored.Form(value, SpendingCodec.Write) };
}

[RegisterConverter]
internal sealed class RewardDefinitionConverter : IConverter<RewardDefinition, StoredForm>
{
    public RewardDefinition ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return RewardCodec.ReadDefinition(ref reader);
    }

    public StoredForm ConvertToSurrogate(in RewardDefinition value) => new() { Bytes = Stored.Form(value, RewardCodec.Write) };
}

[GenerateSerializer, Alias("loyalty.w.reward-view")]
internal struct RewardViewForm
{
    [Id(0)]
    public RewardDefinition Definition;

    [Id(1)]
    public bool IsWithdrawn;

    [Id(2)]
    public long Free;

    [Id(3)]
    public long Reserved;

    [Id(4)]
    public long Redeemed;
}

[RegisterConverter]
internal sealed class RewardViewConverter : IConverter<RewardView, RewardViewForm>
{
    public RewardView ConvertFromSurrogate(in RewardViewForm surrogate) =>
        new(surrogate.Definition, surrogate.IsWithdrawn, surrogate.Free, surrogate.Reserved, surrogate.Redeemed);

    public RewardViewForm ConvertToSurrogate(in RewardView value) => new()
    {
        Definition = value.Definition,
        IsWithdrawn = value.IsWithdrawn,
        Free = value.Free,
        Reserved = value.Reserved,
        Redeemed = value.Redeemed,
    };
}

[GenerateSerializer, Alias("loyalty.w.reward-reply")]
internal struct RewardReplyForm
{
    [Id(0)]
    public RewardView? View;

    [Id(1)]
    public Refusal? Refusal;

    [Id(2)]
    public bool Replayed;
}

[RegisterConverter]
internal sealed class RewardReplyConverter : IConverter<RewardReply, RewardReplyForm>
{
    public RewardReply ConvertFromSurrogate(in RewardReplyForm surrogate) => new(surrogate.View, surrogate.Refusal, surrogate.Replayed);

    public RewardReplyForm ConvertToSurrogate(in RewardReply value) => new() { View = value.View, Refusal = value.Refusal, Replayed = value.Replayed };
}

[GenerateSerializer, Alias("loyalty.w.hold-view")]
internal struct HoldViewForm
{
    [Id(0)]
    public string Id;

    [Id(1)]
    public string Member;

    [Id(2)]
    public byte Status;

    [Id(3)]
    public string Unit;

    [Id(4)]
    public long Points;

    [Id(5)]
    public long? ExpiresAtMs;

    [Id(6)]
    public string? Reward;

    [Id(7)]
    public int Quantity;

    [Id(8)]
    public long Money;

    [Id(9)]
    public Refusal? Refusal;

    [Id(10)]
    public byte[]? Answer;
}

[RegisterConverter]
internal sealed class HoldViewConverter : IConverter<HoldView, HoldViewForm>
{
    public HoldView ConvertFromSurrogate(in HoldViewForm surrogate) => new(
        surrogate.Id, surrogate.Member, (HoldStatus)surrogate.Status, surrogate.Unit, surrogate.Points,
        surrogate.ExpiresAtMs is { } at ? Instant.FromUnixTimeMilliseconds(at) : null,
        surrogate.Reward is { } reward ? new(reward, surrogate.Quantity, surrogate.Money, null, null) : null, surrogate.Refusal, AnswerOf(surrogate.Answer));

    public HoldViewForm ConvertToSurrogate(in HoldView value) => new()
    {
        Id = value.Id,
        Member = value.Member,
        Status = (byte)value.Status,
        Unit = value.Unit,
        Points = value.Points,
        ExpiresAtMs = value.ExpiresAt?.ToUnixTimeMilliseconds(),
        Reward = value.Reward?.Reward,
        Quantity = value.Reward?.Quantity ?? 0,
        Money = value.Reward?.Money ?? 0,
        Refusal = value.Refusal,
        Answer = value.Answer is { } answer ? Stored.Form<MemberEvent>(answer, MemberCodec.Write) : null,
    };

    private static RequestAnswered? AnswerOf(byte[]? bytes)
    {
        if (bytes is null)
        {
            return null;
        }

        var reader = new ByteReader(bytes);
        return (RequestAnswered)MemberCodec.Read(ref reader);
    }
}
