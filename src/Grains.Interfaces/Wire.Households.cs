using Loyalty.Domain.Encoding;
using Loyalty.Domain.Households;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Loyalty;

// Households between silos. See Wire.cs.
namespace Loyalty.Grains.Wire;

[RegisterConverter]
internal sealed class HouseholdRequestConverter : IConverter<HouseholdRequest, StoredForm>
{
    public HouseholdRequest ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return HouseholdRequestCodec.Read(ref reader);
    }

    public StoredForm ConvertToSurrogate(in HouseholdRequest value) => new() { Bytes = Stored.Form(value, HouseholdRequestCodec.Write) };
}

[GenerateSerializer, Alias("loyalty.w.household-ask-view")]
internal struct HouseholdAskViewForm
{
    /// <summary>The request while it is pending.</summary>
    [Id(0)]
    public HouseholdRequest Request;

    /// <summary>The stored answer; null: pending.</summary>
    [Id(1)]
    public byte[]? Answered;

    [Id(2)]
    public byte[]? Answer;
}

[RegisterConverter]
internal sealed class HouseholdAskViewConverter : IConverter<HouseholdAskView, HouseholdAskViewForm>
{
    public HouseholdAskView ConvertFromSurrogate(in HouseholdAskViewForm surrogate)
    {
        var answered = surrogate.Answered is null ? null : (HouseholdAnswered)Read(surrogate.Answered);
        return new(surrogate.Request, answered is null, answered?.Refusal, answered?.Back ?? [], surrogate.Answer is null ? null : (RequestAnswered)Read(surrogate.Answer));
    }

    public HouseholdAskViewForm ConvertToSurrogate(in HouseholdAskView value) => new()
    {
        Request = value.Request,
        Answered = value.IsPending ? null : Stored.Form<MemberEvent>(new HouseholdAnswered(value.Request, value.Refusal, value.Back), MemberCodec.Write),
        Answer = value.Answer is { } answer ? Stored.Form<MemberEvent>(answer, MemberCodec.Write) : null,
    };

    private static MemberEvent Read(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return MemberCodec.Read(ref reader);
    }
}

[GenerateSerializer, Alias("loyalty.w.household-view")]
internal struct HouseholdViewForm
{
    [Id(0)]
    public string Id;

    [Id(1)]
    public string[] Members;

    [Id(2)]
    public byte[] Roles;

    [Id(3)]
    public int[] Shares;

    [Id(4)]
    public BalanceForm[] Pool;
}

[RegisterConverter]
internal sealed class HouseholdViewConverter : IConverter<HouseholdView, HouseholdViewForm>
{
    public HouseholdView ConvertFromSurrogate(in HouseholdViewForm surrogate)
    {
        var members = new HouseholdMember[surrogate.Members.Length];
        for (var i = 0; i < members.Length; i++)
        {
            members[i] = new(surrogate.Members[i], (HouseholdRole)surrogate.Roles[i], surrogate.Shares[i]);
        }

        return new(surrogate.Id, members, [.. surrogate.Pool.Select(pool => new Balance(pool.Unit, pool.Available, pool.Pending, pool.Held))]);
    }

    public HouseholdViewForm ConvertToSurrogate(in HouseholdView value) => new()
    {
        Id = value.Id,
        Members = [.. value.Members.Select(member => member.Member)],
        Roles = [.. value.Members.Select(member => (byte)member.Role)],
        Shares = [.. value.Members.Select(member => member.Share)],
        Pool = [.. value.Pool.Select(pool => new BalanceForm { Unit = pool.Unit, Available = pool.Available, Pending = pool.Pending, Held = pool.Held })],
    };
}
