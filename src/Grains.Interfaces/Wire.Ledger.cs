using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Loyalty;
using NodaTime;

// See Wire.cs.
namespace Loyalty.Grains.Wire;

[RegisterConverter]
internal sealed class MemberImportConverter : IConverter<MemberImport, StoredForm>
{
    public MemberImport ConvertFromSurrogate(in StoredForm surrogate)
    {
        var reader = new ByteReader(surrogate.Bytes);
        return MemberCodec.ReadImport(ref reader);
    }

    public StoredForm ConvertToSurrogate(in MemberImport value) => new() { Bytes = Stored.Form(value, MemberCodec.Write) };
}

[GenerateSerializer, Alias("loyalty.w.liability")]
internal struct LiabilityForm
{
    [Id(0)]
    public long Position;

    [Id(1)]
    public long AsOfMs;

    [Id(2)]
    public UnitLiabilityForm[] Units;
}

[GenerateSerializer, Alias("loyalty.w.unit-liability")]
internal struct UnitLiabilityForm
{
    [Id(0)]
    public string Unit;

    [Id(1)]
    public long Members;

    [Id(2)]
    public long InLots;

    [Id(3)]
    public long Held;

    [Id(4)]
    public long Debt;

    [Id(5)]
    public long Member;

    [Id(6)]
    public MonthLiabilityForm[] Months;
}

[GenerateSerializer, Alias("loyalty.w.month-liability")]
internal struct MonthLiabilityForm
{
    /// <summary>Year * 12 + month - 1; absent: no last day.</summary>
    [Id(0)]
    public int? Month;

    [Id(1)]
    public long Points;

    [Id(2)]
    public long Held;
}

[RegisterConverter]
internal sealed class LiabilityConverter : IConverter<LiabilityReport, LiabilityForm>
{
    public LiabilityReport ConvertFromSurrogate(in LiabilityForm surrogate) => new(
        surrogate.Position,
        surrogate.Position == 0 ? Instant.MinValue : Instant.FromUnixTimeMilliseconds(surrogate.AsOfMs),
        [.. surrogate.Units.Select(unit => new UnitLiability(unit.Unit, unit.Members, unit.InLots, unit.Held, unit.Debt, unit.Member, [.. unit.Months.Select(month =>
            new MonthLiability(month.Month is { } number ? new LocalDate(number / 12, (number % 12) + 1, 1) : null, month.Points, month.Held))]))]);

    public LiabilityForm ConvertToSurrogate(in LiabilityReport value) => new()
    {
        Position = value.Position,
        AsOfMs = value.Position == 0 ? 0 : value.AsOf.ToUnixTimeMilliseconds(),
        Units = [.. value.Units.Select(unit => new UnitLiabilityForm
        {
            Unit = unit.Unit,
            Members = unit.Members,
            InLots = unit.InLots,
            Held = unit.Held,
            Debt = unit.Debt,
            Member = unit.Member,
            Months = [.. unit.Months.Select(month => new MonthLiabilityForm
            {
                Month = month.Month is { } day ? (day.Year * 12) + day.Month - 1 : null,
                Points = month.Points,
                Held = month.Held,
            })],
        })],
    };
}
