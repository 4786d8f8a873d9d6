using System.Globalization;

namespace Loyalty.Domain.Exchange;

/// <summary>An exact positive fraction, such as partner units for a point.</summary>
/// <param name="Numerator">1 to <see cref="Max"/>.</param>
/// <param name="Denominator">1 to <see cref="Max"/>.</param>
public readonly record struct Ratio(long Numerator, long Denominator)
{
    /// <summary>The largest numerator and denominator.</summary>
    public const long Max = 1_000_000_000;

    /// <summary>The product, rounded down.</summary>
    /// <param name="amount">0 or more.</param>
    public long Down(long amount) => (long)((Int128)amount * Numerator / Denominator);

    /// <summary>The product, rounded up.</summary>
    /// <param name="amount">0 or more.</param>
    public long Up(long amount) => (long)((((Int128)amount * Numerator) + Denominator - 1) / Denominator);

    /// <summary>Reads <c>3/2</c> or <c>3</c>; null when it is neither or out of bounds.</summary>
    public static Ratio? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return Number(slash < 0 ? text : text[..slash]) is { } numerator && (slash < 0 ? 1 : Number(text[(slash + 1)..])) is { } denominator
            ? new(numerator, denominator)
            : null;

        static long? Number(string digits) =>
            long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= Max ? number : null;
    }

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => Denominator == 1
        ? Numerator.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Numerator}/{Denominator}");
}

/// <summary>A fee: a fixed part and a share.</summary>
/// <param name="Flat">0 to 10^12.</param>
/// <param name="Rate">Of the gross points; null: no share.</param>
public readonly record struct Fee(long Flat, Ratio? Rate)
{
    /// <summary>In the member's points: the share is rounded up.</summary>
    public long Up(long points) => Flat + (Rate?.Up(points) ?? 0);

    /// <summary>In money: the share is rounded down.</summary>
    public long Down(long points) => Flat + (Rate?.Down(points) ?? 0);
}
