using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Loyalty;
using NodaTime;

// See Wire.cs.
namespace Loyalty.Grains.Wire;

[RegisterConverter]
internal sealed class ActivityConverter : IConverter<Activity, StoredForm>
{
    public Activity ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return ActivityCodec.Read(ref reader);
    }

    public StoredForm ConvertToSurrogate(in Activity value) => new() { Bytes = Stored.Form(value, ActivityCodec.Write) };
}

[RegisterConverter]
internal sealed class MemberAttributesConverter : IConverter<MemberAttributes, StoredForm>
{
    public MemberAttributes ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return ActivityCodec.ReadAttributes(ref reader);
    }

    public StoredForm ConvertToSurrogate(in MemberAttributes value) => new() { Bytes = Stored.Form(value, ActivityCodec.Write) };
}

[GenerateSerializer, Alias("loyalty.w.skipped")]
internal struct SkippedForm
{
    [Id(0)]
    public string Campaign;

    [Id(1)]
    public string Reason;

    public static SkippedForm[]? Of(IReadOnlyList<SkippedCampaign>? skipped) =>
        skipped is null ? null : [.. skipped.Select(one => new SkippedForm { Campaign = one.Campaign, Reason = one.Reason })];

    public static SkippedCampaign[]? From(SkippedForm[]? forms) => forms is null ? null : Array.ConvertAll(forms, form => new SkippedCampaign(form.Campaign, form.Reason));
}

[GenerateSerializer, Alias("loyalty.w.quote")]
internal struct QuoteForm
{
    [Id(0)]
    public Refusal? Refusal;

    [Id(1)]
    public byte[]? Fact;

    [Id(2)]
    public BalanceForm[] Balances;

    [Id(3)]
    public string? Tier;

    [Id(4)]
    public SkippedForm[] Skipped;
}

[RegisterConverter]
internal sealed class QuoteConverter : IConverter<MemberQuote, QuoteForm>
{
    public MemberQuote ConvertFromSurrogate(in QuoteForm surrogate) => new(
        surrogate.Refusal, surrogate.Fact is { } fact ? Member(fact) : null,
        [.. surrogate.Balances.Select(balance => new Balance(balance.Unit, balance.Available, balance.Pending, balance.Held))], surrogate.Tier,
        SkippedForm.From(surrogate.Skipped) ?? []);

    public QuoteForm ConvertToSurrogate(in MemberQuote value) => new()
    {
        Refusal = value.Refusal,
        Fact = value.Fact is { } fact ? Stored.Form(fact, MemberCodec.Write) : null,
        Balances = [.. value.Balances.Select(balance => new BalanceForm { Unit = balance.Unit, Available = balance.Available, Pending = balance.Pending, Held = balance.Held })],
        Tier = value.Tier,
        Skipped = SkippedForm.Of(value.Skipped) ?? [],
    };

    private static MemberEvent Member(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return MemberCodec.Read(ref reader);
    }
}

[GenerateSerializer, Alias("loyalty.w.progress")]
internal struct ProgressForm
{
    [Id(0)]
    public string Campaign;

    [Id(1)]
    public string Name;

    [Id(2)]
    public string Kind;

    [Id(3)]
    public string[] StepNames;

    [Id(4)]
    public long[] StepProgress;

    [Id(5)]
    public long[] StepTargets;

    [Id(6)]
    public long Done;

    [Id(7)]
    public long? UntilMs;
}

[GenerateSerializer, Alias("loyalty.w.member-campaigns")]
internal struct MemberCampaignsForm
{
    [Id(0)]
    public string Member;

    [Id(1)]
    public MemberAttributes Attributes;

    [Id(2)]
    public ProgressForm[] Progress;
}

[RegisterConverter]
internal sealed class MemberCampaignsConverter : IConverter<MemberCampaignsView, MemberCampaignsForm>
{
    public MemberCampaignsView ConvertFromSurrogate(in MemberCampaignsForm surrogate) => new(
        surrogate.Member, surrogate.Attributes,
        [.. surrogate.Progress.Select(form => new CampaignProgress(
            form.Campaign, form.Name, form.Kind, [.. form.StepNames.Select((name, i) => new ProgressStep(name, form.StepProgress[i], form.StepTargets[i]))], form.Done,
            form.UntilMs is { } until ? Instant.FromUnixTimeMilliseconds(until) : null))]);

    public MemberCampaignsForm ConvertToSurrogate(in MemberCampaignsView value) => new()
    {
        Member = value.Member,
        Attributes = value.Attributes,
        Progress = [.. value.Progress.Select(progress => new ProgressForm
        {
            Campaign = progress.Campaign,
            Name = progress.Name,
            Kind = progress.Kind,
            StepNames = [.. progress.Steps.Select(step => step.Name)],
            StepProgress = [.. progress.Steps.Select(step => step.Progress)],
            StepTargets = [.. progress.Steps.Select(step => step.Target)],
            Done = progress.Done,
            UntilMs = progress.Until?.ToUnixTimeMilliseconds(),
        })],
    };
}
