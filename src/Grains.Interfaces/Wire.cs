using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Domain.Sales;
using Loyalty.Domain.Validation;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

// How the engine's own types look between silos. What also rests in the journal (requests, facts) travels in its stored form: the promise that old books stay
// readable then holds for an older silo's messages too. The others have a form with numbered fields: a field may be added with a new number, never changed.
// Between a caller and a grain of one silo nothing is converted: all of these are immutable.
namespace Loyalty.Grains.Wire;

internal static class Stored
{
    public static byte[] Form<T>(T value, Action<ByteWriter, T> write)
    {
        var writer = new ByteWriter();
        write(writer, value);
        return writer.Written.ToArray();
    }
}

[GenerateSerializer, Alias("loyalty.w.stored")]
internal struct StoredForm
{
    [Id(0)]
    public byte[] Bytes;
}

[RegisterConverter]
internal sealed class PurchaseConverter : IConverter<Purchase, StoredForm>
{
    public Purchase ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        var purchase = SaleCodec.ReadPurchase(ref reader);
        return reader.AtEnd ? purchase : purchase with { Tender = SpendingCodec.ReadTender(ref reader) };
    }

    public StoredForm ConvertToSurrogate(in Purchase value) => new()
    {
        Bytes = Stored.Form(value, static (writer, purchase) =>
        {
            SaleCodec.Write(writer, purchase);
            if (purchase.Tender is not null)
            {
                SpendingCodec.Write(writer, purchase.Tender);
            }
        }),
    };
}

[RegisterConverter]
internal sealed class ReturnConverter : IConverter<Return, StoredForm>
{
    public Return ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return SaleCodec.ReadReturn(ref reader);
    }

    public StoredForm ConvertToSurrogate(in Return value) => new() { Bytes = Stored.Form(value, SaleCodec.Write) };
}

[RegisterConverter]
internal sealed class AdjustmentConverter : IConverter<Adjustment, StoredForm>
{
    public Adjustment ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return SaleCodec.ReadAdjustment(ref reader);
    }

    public StoredForm ConvertToSurrogate(in Adjustment value) => new() { Bytes = Stored.Form(value, SaleCodec.Write) };
}

[GenerateSerializer, Alias("loyalty.w.enrolment")]
internal struct EnrolmentForm
{
    [Id(0)]
    public string Id;

    [Id(1)]
    public long? EnrolledAtMs;

    [Id(2)]
    public AlternativeId[] AlternativeIds;
}

[RegisterConverter]
internal sealed class EnrolmentConverter : IConverter<Enrolment, EnrolmentForm>
{
    public Enrolment ConvertFromSurrogate(in EnrolmentForm surrogate) => new()
    {
        Id = surrogate.Id,
        EnrolledAt = surrogate.EnrolledAtMs is { } ms ? Instant.FromUnixTimeMilliseconds(ms) : null,
        AlternativeIds = surrogate.AlternativeIds,
    };

    public EnrolmentForm ConvertToSurrogate(in Enrolment value) => new()
    {
        Id = value.Id,
        EnrolledAtMs = value.EnrolledAt?.ToUnixTimeMilliseconds(),
        AlternativeIds = value.AlternativeIds,
    };
}

[GenerateSerializer, Alias("loyalty.w.alternative-id")]
internal struct AlternativeIdForm
{
    [Id(0)]
    public string Type;

    [Id(1)]
    public string Value;
}

[RegisterConverter]
internal sealed class AlternativeIdConverter : IConverter<AlternativeId, AlternativeIdForm>
{
    public AlternativeId ConvertFromSurrogate(in AlternativeIdForm surrogate) => new(surrogate.Type, surrogate.Value);

    public AlternativeIdForm ConvertToSurrogate(in AlternativeId value) => new() { Type = value.Type, Value = value.Value };
}

[GenerateSerializer, Alias("loyalty.w.actor-id")]
internal struct ActorIdForm
{
    [Id(0)]
    public string Kind;

    [Id(1)]
    public string Key;
}

[RegisterConverter]
internal sealed class ActorIdConverter : IConverter<ActorId, ActorIdForm>
{
    public ActorId ConvertFromSurrogate(in ActorIdForm surrogate) => new(surrogate.Kind, surrogate.Key);

    public ActorIdForm ConvertToSurrogate(in ActorId value) => new() { Kind = value.Kind, Key = value.Key };
}

[GenerateSerializer, Alias("loyalty.w.refusal")]
internal struct RefusalForm
{
    [Id(0)]
    public string Code;

    [Id(1)]
    public string Field;

    [Id(2)]
    public string Detail;
}

[RegisterConverter]
internal sealed class RefusalConverter : IConverter<Refusal, RefusalForm>
{
    public Refusal ConvertFromSurrogate(in RefusalForm surrogate) => new(surrogate.Code, surrogate.Field, surrogate.Detail);

    public RefusalForm ConvertToSurrogate(in Refusal value) => new() { Code = value.Code, Field = value.Field, Detail = value.Detail };
}

[GenerateSerializer, Alias("loyalty.w.outcome")]
internal struct OutcomeForm
{
    [Id(0)]
    public byte Kind;

    [Id(1)]
    public byte[]? MemberFact;

    [Id(2)]
    public byte[]? SalesFact;

    [Id(3)]
    public byte[]? Answer;

    [Id(4)]
    public Refusal? Refusal;

    [Id(5)]
    public bool Replayed;

    [Id(6)]
    public byte[]? RewardFact;

    [Id(20)]
    public byte[]? VoucherFact;

    [Id(7)]
    public SkippedForm[]? Skipped;
}

[RegisterConverter]
internal sealed class OutcomeConverter : IConverter<RequestOutcome, OutcomeForm>
{
    public RequestOutcome ConvertFromSurrogate(in OutcomeForm surrogate)
    {
        object? fact = surrogate.MemberFact is { } member ? Member(member) : surrogate.SalesFact is { } sales ? Sales(sales)
            : surrogate.RewardFact is { } reward ? Reward(reward) : surrogate.VoucherFact is { } voucher ? Voucher(voucher) : null;
        return new((OutcomeKind)surrogate.Kind, fact, surrogate.Answer is { } answer ? (RequestAnswered)Member(answer) : null, surrogate.Refusal, surrogate.Replayed)
        {
            Skipped = SkippedForm.From(surrogate.Skipped),
        };
    }

    public OutcomeForm ConvertToSurrogate(in RequestOutcome value) => new()
    {
        Kind = (byte)value.Kind,
        MemberFact = value.Fact is MemberEvent member ? Stored.Form(member, MemberCodec.Write) : null,
        SalesFact = value.Fact is SalesEvent sales ? Stored.Form(sales, SalesCodec.Write) : null,
        VoucherFact = value.Fact is Loyalty.Domain.Vouchers.VoucherEvent voucher ? Stored.Form(voucher, Loyalty.Domain.Vouchers.VoucherCodec.Write) : null,
        RewardFact = value.Fact is RewardEvent reward ? Stored.Form(reward, RewardCodec.Write) : null,
        Answer = value.Answer is { } answer ? Stored.Form<MemberEvent>(answer, MemberCodec.Write) : null,
        Refusal = value.Refusal,
        Replayed = value.Replayed,
        Skipped = SkippedForm.Of(value.Skipped),
    };

    private static MemberEvent Member(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return MemberCodec.Read(ref reader);
    }

    private static Loyalty.Domain.Vouchers.VoucherEvent Voucher(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return Loyalty.Domain.Vouchers.VoucherCodec.Read(ref reader);
    }

    private static RewardEvent Reward(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return RewardCodec.Read(ref reader);
    }

    private static SalesEvent Sales(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return SalesCodec.Read(ref reader);
    }
}

[GenerateSerializer, Alias("loyalty.w.member-reply")]
internal struct MemberReplyForm
{
    [Id(0)]
    public MemberView? View;

    [Id(1)]
    public Refusal? Refusal;

    [Id(2)]
    public bool Replayed;
}

[RegisterConverter]
internal sealed class MemberReplyConverter : IConverter<MemberReply, MemberReplyForm>
{
    public MemberReply ConvertFromSurrogate(in MemberReplyForm surrogate) => new(surrogate.View, surrogate.Refusal, surrogate.Replayed);

    public MemberReplyForm ConvertToSurrogate(in MemberReply value) => new() { View = value.View, Refusal = value.Refusal, Replayed = value.Replayed };
}

[GenerateSerializer, Alias("loyalty.w.member-view")]
internal struct MemberViewForm
{
    [Id(0)]
    public string Id;

    [Id(1)]
    public byte Status;

    [Id(2)]
    public long EnrolledAtMs;

    [Id(3)]
    public AlternativeId[] AlternativeIds;

    [Id(4)]
    public TierForm? Tier;

    [Id(5)]
    public BalanceForm[] Balances;

    [Id(6)]
    public LotForm[] Lots;

    [Id(7)]
    public string[] WaitingReturns;

    [Id(8)]
    public long Purchases;

    [Id(9)]
    public long Returns;

    [Id(10)]
    public long Spend;

    [Id(11)]
    public long Version;
}

[GenerateSerializer, Alias("loyalty.w.tier")]
internal struct TierForm
{
    [Id(0)]
    public string? Level;

    [Id(1)]
    public int? Since;

    [Id(2)]
    public int? Through;

    [Id(3)]
    public string Basis;

    [Id(4)]
    public long Progress;

    [Id(5)]
    public string? NextLevel;

    [Id(6)]
    public long? NextThreshold;
}

[GenerateSerializer, Alias("loyalty.w.balance")]
internal struct BalanceForm
{
    [Id(0)]
    public string Unit;

    [Id(1)]
    public long Available;

    [Id(2)]
    public long Pending;

    [Id(3)]
    public long Held;
}

[GenerateSerializer, Alias("loyalty.w.lot")]
internal struct LotForm
{
    [Id(0)]
    public string Unit;

    [Id(1)]
    public long Points;

    [Id(2)]
    public int EarnedOn;

    [Id(3)]
    public int AvailableOn;

    [Id(4)]
    public int? LastDay;

    [Id(5)]
    public long? ExpiresAtMs;
}

[RegisterConverter]
internal sealed class MemberViewConverter : IConverter<MemberView, MemberViewForm>
{
    public MemberView ConvertFromSurrogate(in MemberViewForm surrogate) => new(
        surrogate.Id,
        (MemberStatus)surrogate.Status,
        Instant.FromUnixTimeMilliseconds(surrogate.EnrolledAtMs),
        surrogate.AlternativeIds,
        surrogate.Tier is { } tier ? new(tier.Level, Day(tier.Since), Day(tier.Through), tier.Basis, tier.Progress, tier.NextLevel, tier.NextThreshold) : null,
        [.. surrogate.Balances.Select(balance => new Balance(balance.Unit, balance.Available, balance.Pending, balance.Held))],
        [.. surrogate.Lots.Select(lot => new LotView(
            lot.Unit, lot.Points, new(Day(lot.EarnedOn)!.Value, Day(lot.AvailableOn)!.Value, Day(lot.LastDay)),
            lot.ExpiresAtMs is { } at ? Instant.FromUnixTimeMilliseconds(at) : null))],
        surrogate.WaitingReturns,
        surrogate.Purchases,
        surrogate.Returns,
        surrogate.Spend,
        surrogate.Version);

    public MemberViewForm ConvertToSurrogate(in MemberView value) => new()
    {
        Id = value.Id,
        Status = (byte)value.Status,
        EnrolledAtMs = value.EnrolledAt.ToUnixTimeMilliseconds(),
        AlternativeIds = [.. value.AlternativeIds],
        Tier = value.Tier is { } tier
            ? new()
            {
                Level = tier.Level,
                Since = Number(tier.Since),
                Through = Number(tier.Through),
                Basis = tier.Basis,
                Progress = tier.Progress,
                NextLevel = tier.NextLevel,
                NextThreshold = tier.NextThreshold,
            }
            : null,
        Balances = [.. value.Balances.Select(balance => new BalanceForm { Unit = balance.Unit, Available = balance.Available, Pending = balance.Pending, Held = balance.Held })],
        Lots = [.. value.Lots.Select(lot => new LotForm
        {
            Unit = lot.Unit,
            Points = lot.Points,
            EarnedOn = Number(lot.Id.EarnedOn)!.Value,
            AvailableOn = Number(lot.Id.AvailableOn)!.Value,
            LastDay = Number(lot.Id.LastDay),
            ExpiresAtMs = lot.ExpiresAt?.ToUnixTimeMilliseconds(),
        })],
        WaitingReturns = [.. value.WaitingReturns],
        Purchases = value.Purchases,
        Returns = value.Returns,
        Spend = value.Spend,
        Version = value.Version,
    };

    private static int? Number(LocalDate? day) => day is { } date ? Period.DaysBetween(new LocalDate(1970, 1, 1), date) : null;

    private static LocalDate? Day(int? number) => number is { } days ? new LocalDate(1970, 1, 1).PlusDays(days) : null;
}

[GenerateSerializer, Alias("loyalty.w.publish-reply")]
internal struct PublishReplyForm
{
    [Id(0)]
    public byte[] Versions;

    [Id(1)]
    public string[] ErrorFields;

    [Id(2)]
    public string[] ErrorMessages;
}

[RegisterConverter]
internal sealed class PublishReplyConverter : IConverter<PublishReply, PublishReplyForm>
{
    private static readonly ProgramKind Programs = new();

    public PublishReply ConvertFromSurrogate(in PublishReplyForm surrogate) => new(
        (IReadOnlyList<ProgramDefinition>?)Programs.ReadSnapshot(ActorIds.Program.Key, surrogate.Versions)
            ?? throw new FormatException("the program's versions have a form that this engine does not know: a newer one wrote it"),
        [.. surrogate.ErrorFields.Zip(surrogate.ErrorMessages, (field, message) => new FieldError(field, message))]);

    public PublishReplyForm ConvertToSurrogate(in PublishReply value) => new()
    {
        Versions = Stored.Form(value.Versions.ToList(), static (writer, versions) => Programs.WriteSnapshot(versions, writer)),
        ErrorFields = [.. value.Errors.Select(error => error.Field)],
        ErrorMessages = [.. value.Errors.Select(error => error.Message)],
    };
}

[GenerateSerializer, Alias("loyalty.w.hash")]
internal struct HashForm
{
    [Id(0)]
    public ulong High;

    [Id(1)]
    public ulong Low;
}

[RegisterConverter]
internal sealed class HashConverter : IConverter<Hash128, HashForm>
{
    public Hash128 ConvertFromSurrogate(in HashForm surrogate) => new(surrogate.High, surrogate.Low);

    public HashForm ConvertToSurrogate(in Hash128 value) => new() { High = value.High, Low = value.Low };
}

[GenerateSerializer, Alias("loyalty.w.snapshot")]
internal struct SnapshotForm
{
    [Id(0)]
    public ActorId Actor;

    [Id(1)]
    public long Version;

    [Id(2)]
    public Hash128 Hash;

    [Id(3)]
    public long WakeAtMs;

    [Id(4)]
    public byte[] State;
}

[RegisterConverter]
internal sealed class SnapshotConverter : IConverter<Snapshot, SnapshotForm>
{
    public Snapshot ConvertFromSurrogate(in SnapshotForm surrogate) => new(surrogate.Actor, surrogate.Version, surrogate.Hash, surrogate.WakeAtMs, surrogate.State);

    public SnapshotForm ConvertToSurrogate(in Snapshot value) => new()
    {
        Actor = value.Actor,
        Version = value.Version,
        Hash = value.Hash,
        WakeAtMs = value.WakeAtMs,
        State = value.State.ToArray(),
    };
}

[GenerateSerializer, Alias("loyalty.w.record")]
internal struct RecordForm
{
    [Id(0)]
    public ActorId Actor;

    [Id(1)]
    public long FirstVersion;

    [Id(2)]
    public int EventCount;

    [Id(3)]
    public long Position;

    [Id(4)]
    public long RecordedAtMs;

    [Id(5)]
    public long WakeAtMs;

    [Id(6)]
    public Hash128 Hash;

    [Id(7)]
    public byte[] Events;
}

[RegisterConverter]
internal sealed class RecordConverter : IConverter<JournalRecord, RecordForm>
{
    public JournalRecord ConvertFromSurrogate(in RecordForm surrogate) => new(
        surrogate.Actor, surrogate.FirstVersion, surrogate.EventCount, surrogate.Position, surrogate.RecordedAtMs, surrogate.WakeAtMs, surrogate.Hash, surrogate.Events);

    public RecordForm ConvertToSurrogate(in JournalRecord value) => new()
    {
        Actor = value.Actor,
        FirstVersion = value.FirstVersion,
        EventCount = value.EventCount,
        Position = value.Position,
        RecordedAtMs = value.RecordedAtMs,
        WakeAtMs = value.WakeAtMs,
        Hash = value.Hash,
        Events = value.Events.ToArray(),
    };
}

[GenerateSerializer, Alias("loyalty.w.totals")]
internal struct TotalsForm
{
    [Id(0)]
    public long Position;

    [Id(1)]
    public long Records;

    [Id(2)]
    public long Events;

    [Id(3)]
    public Dictionary<string, long> Sums;
}

[RegisterConverter]
internal sealed class TotalsConverter : IConverter<JournalTotals, TotalsForm>
{
    public JournalTotals ConvertFromSurrogate(in TotalsForm surrogate) => new(surrogate.Position, surrogate.Records, surrogate.Events, surrogate.Sums);

    public TotalsForm ConvertToSurrogate(in JournalTotals value) => new()
    {
        Position = value.Position,
        Records = value.Records,
        Events = value.Events,
        Sums = new(value.Sums),
    };
}

[GenerateSerializer, Alias("loyalty.w.checkpoint")]
internal struct CheckpointForm
{
    [Id(0)]
    public long Position;

    [Id(1)]
    public long TailRecords;

    [Id(2)]
    public long TailBytes;

    [Id(3)]
    public int UnsavedActors;
}

[RegisterConverter]
internal sealed class CheckpointConverter : IConverter<CheckpointState, CheckpointForm>
{
    public CheckpointState ConvertFromSurrogate(in CheckpointForm surrogate) => new(surrogate.Position, surrogate.TailRecords, surrogate.TailBytes, surrogate.UnsavedActors);

    public CheckpointForm ConvertToSurrogate(in CheckpointState value) => new()
    {
        Position = value.Position,
        TailRecords = value.TailRecords,
        TailBytes = value.TailBytes,
        UnsavedActors = value.UnsavedActors,
    };
}

[GenerateSerializer, Alias("loyalty.w.silo-figures")]
internal struct SiloFiguresForm
{
    [Id(0)]
    public string Name;

    [Id(1)]
    public int Queued;

    [Id(2)]
    public int Actors;

    [Id(3)]
    public long ActorBytes;

    [Id(4)]
    public int InFlight;

    [Id(5)]
    public long Decided;

    [Id(6)]
    public long Loaded;

    [Id(7)]
    public long Passivated;

    [Id(8)]
    public long MaxActorBytes;

    [Id(9)]
    public long Checkpoints;

    [Id(10)]
    public long WorkingSetBytes;

    [Id(11)]
    public long HeapBytes;

    [Id(12)]
    public int Gen0;

    [Id(13)]
    public int Gen2;

    [Id(14)]
    public double GcPausePercent;

    [Id(15)]
    public long StartedAtMs;
}

[RegisterConverter]
internal sealed class SiloFiguresConverter : IConverter<SiloFigures, SiloFiguresForm>
{
    public SiloFigures ConvertFromSurrogate(in SiloFiguresForm surrogate) => new(
        surrogate.Name,
        new(surrogate.Queued, surrogate.Actors, surrogate.ActorBytes, surrogate.InFlight, surrogate.Decided, surrogate.Loaded, surrogate.Passivated),
        surrogate.MaxActorBytes, surrogate.Checkpoints, surrogate.WorkingSetBytes, surrogate.HeapBytes, surrogate.Gen0, surrogate.Gen2, surrogate.GcPausePercent,
        surrogate.StartedAtMs);

    public SiloFiguresForm ConvertToSurrogate(in SiloFigures value) => new()
    {
        Name = value.Name,
        Queued = value.Actors.Queued,
        Actors = value.Actors.Actors,
        ActorBytes = value.Actors.ActorBytes,
        InFlight = value.Actors.InFlight,
        Decided = value.Actors.Decided,
        Loaded = value.Actors.Loaded,
        Passivated = value.Actors.Passivated,
        MaxActorBytes = value.MaxActorBytes,
        Checkpoints = value.Checkpoints,
        WorkingSetBytes = value.WorkingSetBytes,
        HeapBytes = value.HeapBytes,
        Gen0 = value.Gen0,
        Gen2 = value.Gen2,
        GcPausePercent = value.GcPausePercent,
        StartedAtMs = value.StartedAtMs,
    };
}

[GenerateSerializer, Alias("loyalty.w.feed-progress")]
internal struct FeedProgressForm
{
    [Id(0)]
    public long Position;

    [Id(1)]
    public long Records;
}

[RegisterConverter]
internal sealed class FeedProgressConverter : IConverter<FeedProgress, FeedProgressForm>
{
    public FeedProgress ConvertFromSurrogate(in FeedProgressForm surrogate) => new(surrogate.Position, surrogate.Records);

    public FeedProgressForm ConvertToSurrogate(in FeedProgress value) => new() { Position = value.Position, Records = value.Records };
}
