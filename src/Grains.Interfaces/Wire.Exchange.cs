using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Members;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Loyalty;
using NodaTime;

// Exchanges between silos: see Wire.cs.
namespace Loyalty.Grains.Wire;

[RegisterConverter]
internal sealed class ExchangeRequestConverter : IConverter<ExchangeRequest, StoredForm>
{
    public ExchangeRequest ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return ExchangeRequestCodec.ReadExchange(ref reader);
    }

    public StoredForm ConvertToSurrogate(in ExchangeRequest value) => new() { Bytes = Stored.Form(value, ExchangeRequestCodec.Write) };
}

[RegisterConverter]
internal sealed class PoolFundingConverter : IConverter<PoolFunding, StoredForm>
{
    public PoolFunding ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return ExchangeRequestCodec.ReadFunding(ref reader);
    }

    public StoredForm ConvertToSurrogate(in PoolFunding value) => new() { Bytes = Stored.Form(value, ExchangeRequestCodec.Write) };
}

[RegisterConverter]
internal sealed class StepAnswerConverter : IConverter<StepAnswer, StoredForm>
{
    public StepAnswer ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return ExchangeStepCodec.ReadAnswer(ref reader);
    }

    public StoredForm ConvertToSurrogate(in StepAnswer value) => new() { Bytes = Stored.Form(value, ExchangeStepCodec.Write) };
}

[GenerateSerializer, Alias("loyalty.w.exchange-reply")]
internal struct ExchangeReplyForm
{
    [Id(0)]
    public string? Id;

    [Id(1)]
    public byte[]? State;

    [Id(2)]
    public Refusal? Refusal;
}

[RegisterConverter]
internal sealed class ExchangeReplyConverter : IConverter<ExchangeReply, ExchangeReplyForm>
{
    public ExchangeReply ConvertFromSurrogate(in ExchangeReplyForm surrogate) => new(
        surrogate.State is null
            ? null
            : ExchangeCodec.ReadSnapshot(surrogate.Id!, surrogate.State) ?? throw new FormatException("the exchange has a form that this engine does not know: a newer one wrote it"),
        surrogate.Refusal);

    public ExchangeReplyForm ConvertToSurrogate(in ExchangeReply value) => new()
    {
        Id = value.State?.Id,
        State = value.State is { } state ? Stored.Form(state, ExchangeCodec.Write) : null,
        Refusal = value.Refusal,
    };
}

[GenerateSerializer, Alias("loyalty.w.pool-reply")]
internal struct PoolReplyForm
{
    [Id(0)]
    public PoolViewForm? View;

    [Id(1)]
    public string[] ErrorFields;

    [Id(2)]
    public string[] ErrorMessages;
}

[GenerateSerializer, Alias("loyalty.w.pool-view")]
internal struct PoolViewForm
{
    [Id(0)]
    public byte[] Definition;

    [Id(1)]
    public long FreePoints;

    [Id(2)]
    public long FreeUnits;

    [Id(3)]
    public long ReservedPoints;

    [Id(4)]
    public long ReservedUnits;

    [Id(5)]
    public int OpenCount;

    [Id(6)]
    public string[] Parked;

    [Id(7)]
    public int ParkedCount;

    [Id(8)]
    public bool IsLowOnPoints;

    [Id(9)]
    public bool IsLowOnUnits;

    [Id(10)]
    public byte[] Period;

    [Id(11)]
    public int FirstPeriod;

    [Id(12)]
    public long Lines;
}

[RegisterConverter]
internal sealed class PoolReplyConverter : IConverter<PoolReply, PoolReplyForm>
{
    private static readonly LocalDate Epoch = new(1970, 1, 1);

    public PoolReply ConvertFromSurrogate(in PoolReplyForm surrogate) => new(
        surrogate.View is { } view ? View(view) : null,
        [.. surrogate.ErrorFields.Zip(surrogate.ErrorMessages, (field, message) => new FieldError(field, message))]);

    public PoolReplyForm ConvertToSurrogate(in PoolReply value) => new()
    {
        View = value.View is { } view ? Form(view) : null,
        ErrorFields = [.. value.Errors.Select(error => error.Field)],
        ErrorMessages = [.. value.Errors.Select(error => error.Message)],
    };

    private static PoolView View(in PoolViewForm form)
    {
        var definition = new ByteReader(form.Definition);
        var period = new ByteReader(form.Period);
        return new(
            PoolCodec.ReadDefinition(ref definition), new(form.FreePoints, form.FreeUnits), new(form.ReservedPoints, form.ReservedUnits), form.OpenCount, form.Parked, form.ParkedCount,
            form.IsLowOnPoints, form.IsLowOnUnits, PoolCodec.ReadPeriod(ref period), Epoch.PlusDays(form.FirstPeriod), form.Lines);
    }

    private static PoolViewForm Form(PoolView view) => new()
    {
        Definition = Stored.Form(view.Definition, PoolCodec.Write),
        FreePoints = view.Free.Points,
        FreeUnits = view.Free.Units,
        ReservedPoints = view.Reserved.Points,
        ReservedUnits = view.Reserved.Units,
        OpenCount = view.OpenCount,
        Parked = [.. view.Parked],
        ParkedCount = view.ParkedCount,
        IsLowOnPoints = view.IsLowOnPoints,
        IsLowOnUnits = view.IsLowOnUnits,
        Period = Stored.Form(view.Period, PoolCodec.Write),
        FirstPeriod = Period.DaysBetween(Epoch, view.FirstPeriod),
        Lines = view.Lines,
    };
}
