using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Loyalty;
using NodaTime;

// See Wire.cs.
namespace Loyalty.Grains.Wire;

[GenerateSerializer, Alias("loyalty.w.campaign-reply")]
internal struct CampaignReplyForm
{
    [Id(0)]
    public CampaignForm? View;

    [Id(1)]
    public string[] ErrorFields;

    [Id(2)]
    public string[] ErrorMessages;

    [Id(3)]
    public Refusal? Refusal;
}

[GenerateSerializer, Alias("loyalty.w.campaign")]
internal struct CampaignForm
{
    [Id(0)]
    public string Id;

    [Id(1)]
    public string Name;

    [Id(2)]
    public byte Status;

    [Id(3)]
    public long Revision;

    [Id(4)]
    public CampaignDraftForm? Draft;

    [Id(5)]
    public CampaignVersionForm[] Versions;

    [Id(6)]
    public StatusEntryForm[] Changes;
}

[GenerateSerializer, Alias("loyalty.w.campaign-draft")]
internal struct CampaignDraftForm
{
    [Id(0)]
    public byte[] Json;

    [Id(1)]
    public string Author;

    [Id(2)]
    public long SavedAtMs;

    [Id(3)]
    public string? ApprovedBy;
}

[GenerateSerializer, Alias("loyalty.w.campaign-version")]
internal struct CampaignVersionForm
{
    [Id(0)]
    public int Version;

    [Id(1)]
    public long FromMs;

    [Id(2)]
    public byte[] Json;

    [Id(3)]
    public string Author;

    [Id(4)]
    public string? ApprovedBy;

    [Id(5)]
    public long AtMs;
}

[GenerateSerializer, Alias("loyalty.w.campaign-change")]
internal struct StatusEntryForm
{
    [Id(0)]
    public byte Status;

    [Id(1)]
    public long AtMs;

    [Id(2)]
    public string Author;

    [Id(3)]
    public string Reason;
}

[RegisterConverter]
internal sealed class CampaignReplyConverter : IConverter<CampaignReply, CampaignReplyForm>
{
    public CampaignReply ConvertFromSurrogate(in CampaignReplyForm surrogate) => new(
        surrogate.View is { } view ? View(view) : null,
        [.. surrogate.ErrorFields.Zip(surrogate.ErrorMessages, (field, message) => new FieldError(field, message))],
        surrogate.Refusal);

    public CampaignReplyForm ConvertToSurrogate(in CampaignReply value) => new()
    {
        View = value.View is { } view ? Form(view) : null,
        ErrorFields = [.. value.Errors.Select(error => error.Field)],
        ErrorMessages = [.. value.Errors.Select(error => error.Message)],
        Refusal = value.Refusal,
    };

    private static CampaignView View(in CampaignForm form) => new(
        form.Id, form.Name, (CampaignStatus)form.Status, form.Revision,
        form.Draft is { } draft ? new(draft.Json, draft.Author, At(draft.SavedAtMs), draft.ApprovedBy) : null,
        [.. form.Versions.Select(version => new CampaignVersionView(version.Version, At(version.FromMs), version.Json, version.Author, version.ApprovedBy, At(version.AtMs)))],
        [.. form.Changes.Select(change => new StatusEntry(new(At(change.AtMs), (CampaignStatus)change.Status), change.Author, change.Reason))]);

    private static CampaignForm Form(CampaignView view) => new()
    {
        Id = view.Id,
        Name = view.Name,
        Status = (byte)view.Status,
        Revision = view.Revision,
        Draft = view.Draft is { } draft
            ? new() { Json = draft.Json.ToArray(), Author = draft.Author, SavedAtMs = draft.SavedAt.ToUnixTimeMilliseconds(), ApprovedBy = draft.ApprovedBy }
            : null,
        Versions = [.. view.Versions.Select(version => new CampaignVersionForm
        {
            Version = version.Version,
            FromMs = version.From.ToUnixTimeMilliseconds(),
            Json = version.Json.ToArray(),
            Author = version.Author,
            ApprovedBy = version.ApprovedBy,
            AtMs = version.At.ToUnixTimeMilliseconds(),
        })],
        Changes = [.. view.Changes.Select(entry => new StatusEntryForm
        {
            Status = (byte)entry.Change.Status,
            AtMs = entry.Change.At.ToUnixTimeMilliseconds(),
            Author = entry.Author,
            Reason = entry.Reason,
        })],
    };

    private static Instant At(long ms) => Instant.FromUnixTimeMilliseconds(ms);
}

[RegisterConverter]
internal sealed class CampaignEntryConverter : IConverter<CampaignEntry, StoredForm>
{
    public CampaignEntry ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return CampaignEntry.Read(ref reader);
    }

    public StoredForm ConvertToSurrogate(in CampaignEntry value) => new() { Bytes = Stored.Form(value, CampaignEntry.Write) };
}

[GenerateSerializer, Alias("loyalty.w.campaign-list")]
internal struct CampaignListForm
{
    [Id(0)]
    public CampaignEntry[] Entries;
}

[RegisterConverter]
internal sealed class CampaignListConverter : IConverter<CampaignList, CampaignListForm>
{
    public CampaignList ConvertFromSurrogate(in CampaignListForm surrogate) => new(surrogate.Entries);

    public CampaignListForm ConvertToSurrogate(in CampaignList value) => new() { Entries = [.. value.Entries] };
}

[GenerateSerializer, Alias("loyalty.w.purse")]
internal struct PurseForm
{
    [Id(0)]
    public byte[] Bytes;
}

[RegisterConverter]
internal sealed class PurseConverter : IConverter<PurseKey, PurseForm>
{
    public PurseKey ConvertFromSurrogate(in PurseForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return CampaignCodec.ReadPurse(ref reader);
    }

    public PurseForm ConvertToSurrogate(in PurseKey value) => new() { Bytes = Stored.Form(value, static (writer, purse) => CampaignCodec.Write(writer, purse)) };
}

[GenerateSerializer, Alias("loyalty.w.lease-message")]
internal struct LeaseMessageForm
{
    [Id(0)]
    public long Lease;

    [Id(1)]
    public long Nonce;

    [Id(2)]
    public long Sequence;

    [Id(3)]
    public long Spent;

    [Id(4)]
    public long Want;

    [Id(5)]
    public long HandBack;

    [Id(6)]
    public bool Close;
}

[RegisterConverter]
internal sealed class LeaseMessageConverter : IConverter<LeaseMessage, LeaseMessageForm>
{
    public LeaseMessage ConvertFromSurrogate(in LeaseMessageForm surrogate) =>
        new(surrogate.Lease, surrogate.Nonce, surrogate.Sequence, surrogate.Spent, surrogate.Want, surrogate.HandBack, surrogate.Close);

    public LeaseMessageForm ConvertToSurrogate(in LeaseMessage value) => new()
    {
        Lease = value.Lease,
        Nonce = value.Nonce,
        Sequence = value.Sequence,
        Spent = value.Spent,
        Want = value.Want,
        HandBack = value.HandBack,
        Close = value.Close,
    };
}

[GenerateSerializer, Alias("loyalty.w.lease-report")]
internal struct LeaseReportForm
{
    [Id(0)]
    public long Lease;

    [Id(1)]
    public long Sequence;

    [Id(2)]
    public long Spent;
}

[RegisterConverter]
internal sealed class LeaseReportConverter : IConverter<LeaseReport, LeaseReportForm>
{
    public LeaseReport ConvertFromSurrogate(in LeaseReportForm surrogate) => new(surrogate.Lease, surrogate.Sequence, surrogate.Spent);

    public LeaseReportForm ConvertToSurrogate(in LeaseReport value) => new() { Lease = value.Lease, Sequence = value.Sequence, Spent = value.Spent };
}

[GenerateSerializer, Alias("loyalty.w.lease")]
internal struct LeaseEntryForm
{
    [Id(0)]
    public long Lease;

    [Id(1)]
    public PurseKey Purse;

    [Id(2)]
    public string Holder;

    [Id(3)]
    public long Granted;

    [Id(4)]
    public long Spent;

    [Id(5)]
    public int Slots;
}

[RegisterConverter]
internal sealed class LeaseEntryConverter : IConverter<LeaseEntry, LeaseEntryForm>
{
    public LeaseEntry ConvertFromSurrogate(in LeaseEntryForm surrogate) =>
        new(surrogate.Lease, surrogate.Purse, surrogate.Holder, surrogate.Granted, surrogate.Spent, surrogate.Slots);

    public LeaseEntryForm ConvertToSurrogate(in LeaseEntry value) => new()
    {
        Lease = value.Lease,
        Purse = value.Purse,
        Holder = value.Holder,
        Granted = value.Granted,
        Spent = value.Spent,
        Slots = value.Slots,
    };
}

[GenerateSerializer, Alias("loyalty.w.lease-answer")]
internal struct LeaseAnswerForm
{
    [Id(0)]
    public long Lease;

    [Id(1)]
    public long Granted;

    [Id(2)]
    public int Slots;

    [Id(3)]
    public long Free;

    [Id(4)]
    public long Elsewhere;

    [Id(5)]
    public LeaseEntry[] Others;
}

[RegisterConverter]
internal sealed class LeaseAnswerConverter : IConverter<LeaseAnswer, LeaseAnswerForm>
{
    public LeaseAnswer ConvertFromSurrogate(in LeaseAnswerForm surrogate) =>
        new(surrogate.Lease, surrogate.Granted, surrogate.Slots, surrogate.Free, surrogate.Elsewhere, surrogate.Others);

    public LeaseAnswerForm ConvertToSurrogate(in LeaseAnswer value) => new()
    {
        Lease = value.Lease,
        Granted = value.Granted,
        Slots = value.Slots,
        Free = value.Free,
        Elsewhere = value.Elsewhere,
        Others = [.. value.Others],
    };
}

[GenerateSerializer, Alias("loyalty.w.purse-view")]
internal struct PurseViewForm
{
    [Id(0)]
    public PurseKey Purse;

    [Id(1)]
    public long Amount;

    [Id(2)]
    public long Spent;

    [Id(3)]
    public long Leased;

    [Id(4)]
    public long Free;
}

[GenerateSerializer, Alias("loyalty.w.budget")]
internal struct BudgetForm
{
    [Id(0)]
    public byte In;

    [Id(1)]
    public long Amount;

    [Id(2)]
    public bool ByStore;

    [Id(3)]
    public byte Period;

    [Id(4)]
    public bool WhenShortNone;
}

[GenerateSerializer, Alias("loyalty.w.budget-view")]
internal struct BudgetViewForm
{
    [Id(0)]
    public string Campaign;

    [Id(1)]
    public BudgetForm? Budget;

    [Id(2)]
    public PurseViewForm[] Purses;

    [Id(3)]
    public LeaseEntry[] Leases;

    [Id(4)]
    public int? FoldedThrough;
}

[RegisterConverter]
internal sealed class BudgetViewConverter : IConverter<BudgetView, BudgetViewForm>
{
    public BudgetView ConvertFromSurrogate(in BudgetViewForm surrogate) => new(
        surrogate.Campaign,
        surrogate.Budget is { } budget ? new((BudgetMeasure)budget.In, budget.Amount, budget.ByStore, (CampaignPeriod)budget.Period, budget.WhenShortNone) : null,
        [.. surrogate.Purses.Select(purse => new PurseView(purse.Purse, purse.Amount, purse.Spent, purse.Leased, purse.Free))],
        surrogate.Leases,
        WireDays.Day(surrogate.FoldedThrough));

    public BudgetViewForm ConvertToSurrogate(in BudgetView value) => new()
    {
        Campaign = value.Campaign,
        Budget = value.Budget is { } budget
            ? new() { In = (byte)budget.In, Amount = budget.Amount, ByStore = budget.ByStore, Period = (byte)budget.Period, WhenShortNone = budget.WhenShortNone }
            : null,
        Purses = [.. value.Purses.Select(purse => new PurseViewForm { Purse = purse.Purse, Amount = purse.Amount, Spent = purse.Spent, Leased = purse.Leased, Free = purse.Free })],
        Leases = [.. value.Leases],
        FoldedThrough = WireDays.Number(value.FoldedThrough),
    };
}

[RegisterConverter]
internal sealed class BoardBatchConverter : IConverter<BoardBatch, StoredForm>
{
    public BoardBatch ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return BoardBatch.Read(ref reader);
    }

    public StoredForm ConvertToSurrogate(in BoardBatch value) => new() { Bytes = Stored.Form(value, BoardBatch.Write) };
}

[GenerateSerializer, Alias("loyalty.w.board")]
internal struct BoardViewForm
{
    [Id(0)]
    public long Through;

    [Id(1)]
    public int Members;

    [Id(2)]
    public bool IsComplete;

    [Id(3)]
    public int[] Ranks;

    [Id(4)]
    public string[] Names;

    [Id(5)]
    public long[] Points;
}

[RegisterConverter]
internal sealed class BoardViewConverter : IConverter<BoardView, BoardViewForm>
{
    public BoardView ConvertFromSurrogate(in BoardViewForm surrogate)
    {
        var (names, points) = (surrogate.Names, surrogate.Points);
        return new(surrogate.Through, surrogate.Members, surrogate.IsComplete, [.. surrogate.Ranks.Select((rank, i) => new BoardPlace(rank, names[i], points[i]))]);
    }

    public BoardViewForm ConvertToSurrogate(in BoardView value) => new()
    {
        Through = value.Through,
        Members = value.Members,
        IsComplete = value.IsComplete,
        Ranks = [.. value.Places.Select(place => place.Rank)],
        Names = [.. value.Places.Select(place => place.Member)],
        Points = [.. value.Places.Select(place => place.Points)],
    };
}
