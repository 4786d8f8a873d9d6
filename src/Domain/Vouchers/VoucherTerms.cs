using Loyalty.Domain.Encoding;
using NodaTime;

namespace Loyalty.Domain.Vouchers;

/// <summary>What a voucher is worth.</summary>
public enum VoucherValueType : byte
{
    /// <summary>Money off: minor units of the program's currency, for each use.</summary>
    Money = 1,

    /// <summary>A part of the basket off.</summary>
    Percent = 2,

    /// <summary>Points of a unit of the program, given to the member who redeems it: also units that are entitlements.</summary>
    Points = 3,

    /// <summary>Something that has a name and that whoever redeems it hands out.</summary>
    Entitlement = 4,
}

/// <summary>What a voucher is worth for each use.</summary>
/// <param name="Type">What.</param>
/// <param name="Amount">Money: minor units; percent: hundredths of a percent, 1 to 10,000; points: minor units of the unit; entitlement: 0.</param>
/// <param name="Max">Percent: the most it takes off, minor units; 0: no such bound.</param>
/// <param name="Name">Points: the unit; entitlement: its name; else null.</param>
public sealed record VoucherValue(VoucherValueType Type, long Amount, long Max, string? Name);

/// <summary>What all vouchers of a batch have in common; never changed. docs/VOUCHERS.md.</summary>
/// <param name="Batch">Its id.</param>
/// <param name="Value">What each use is worth.</param>
/// <param name="Uses">How often each can be used.</param>
/// <param name="IsBound">True: issued one by one, each to a member who alone can use it; false: whoever has the code.</param>
/// <param name="Codes">Bearer: how many there are; bound: how many there may be.</param>
/// <param name="MinimumBasket">Minor units that the basket must have; 0: none.</param>
/// <param name="ValidFrom">First instant at which they can be used; null: at once.</param>
/// <param name="ValidUntil">First instant at which they cannot any more: the day after the last one in the program's time zone begins; null: never.</param>
public sealed record VoucherTerms(
    string Batch, VoucherValue Value, int Uses, bool IsBound, int Codes, long MinimumBasket, Instant? ValidFrom, Instant? ValidUntil)
{
    /// <summary>The head of its codes.</summary>
    public string Head { get; } = VoucherCode.HeadOf(Batch);

    /// <summary>What a use takes off a basket, minor units; null: the basket's amount is needed to tell.</summary>
    public long? MoneyOf(long? basket) => Value.Type switch
    {
        VoucherValueType.Money => basket is { } amount ? Math.Min(Value.Amount, amount) : Value.Amount,
        VoucherValueType.Percent => basket is { } amount ? Math.Min((long)((Int128)amount * Value.Amount / 10_000), Value.Max == 0 ? long.MaxValue : Value.Max) : null,
        _ => 0,
    };

    /// <summary>Minor units of money that a use stands for in the books before it is used.</summary>
    public long Nominal => Value.Type == VoucherValueType.Money ? Value.Amount : 0;

    /// <summary>Writes them.</summary>
    public static void Write(ByteWriter writer, VoucherTerms terms)
    {
        writer.Text(terms.Batch);
        writer.Byte((byte)terms.Value.Type);
        writer.VarInt(terms.Value.Amount);
        writer.VarInt(terms.Value.Max);
        writer.Text(terms.Value.Name);
        writer.Count(terms.Uses);
        writer.Flag(terms.IsBound);
        writer.Count(terms.Codes);
        writer.VarInt(terms.MinimumBasket);
        VoucherCodec.Time(writer, terms.ValidFrom);
        VoucherCodec.Time(writer, terms.ValidUntil);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static VoucherTerms Read(ref ByteReader reader) => new(
        reader.Text()!, new((VoucherValueType)reader.Byte(), reader.VarInt(), reader.VarInt(), reader.Text()), (int)reader.VarUInt(), reader.Flag(), (int)reader.VarUInt(), reader.VarInt(),
        VoucherCodec.Time(ref reader), VoucherCodec.Time(ref reader));
}
