using System.Globalization;
using System.Text;

namespace Loyalty.Load.Drive;

/// <summary>
/// Basket lines rendered in advance. A basket is a run of neighbouring lines, so that its skus differ. Prices are skewed as in a real
/// shop (median about 2 pounds, some of 50), quantities mostly 1.
/// </summary>
internal sealed class BasketShelf
{
    public const int LineCount = 4096;
    private const int Categories = 24;
    private const int Brands = 120;

    private readonly byte[][] lines = new byte[LineCount][];
    private readonly byte[][] returned = new byte[LineCount][];
    private readonly long[] amounts = new long[LineCount];

    public BasketShelf(ulong seed)
    {
        for (int i = 0; i < LineCount; i++)
        {
            ulong bits = Mix.Bits(seed + (ulong)i);
            int quantity = (bits & 7) < 6 ? 1 : (int)((bits >> 3) % 12) + 1;
            double spread = ((bits >> 8) & 0xFFFF) / 65536.0;
            long price = 35 + (long)(Math.Exp(spread * spread * 4.6) * 85);
            amounts[i] = quantity * price;
            string sku = string.Create(CultureInfo.InvariantCulture, $"{20000 + i}");
            int category = (int)((bits >> 24) % Categories);
            int brand = (int)((bits >> 40) % Brands);
            lines[i] = Encoding.ASCII.GetBytes(string.Create(
                CultureInfo.InvariantCulture,
                $$"""{"sku":"{{sku}}","category":"c{{category:D2}}","brand":"b{{brand:D3}}","quantity":{{quantity}},"amount":{{amounts[i]}}}"""));
            returned[i] = Encoding.ASCII.GetBytes(string.Create(
                CultureInfo.InvariantCulture,
                $$"""{"sku":"{{sku}}","quantity":{{quantity}},"amount":{{amounts[i]}}}"""));
            LineBytesMax = Math.Max(LineBytesMax, lines[i].Length + 1);
        }
    }

    /// <summary>The longest line with its comma.</summary>
    public int LineBytesMax { get; }

    public ReadOnlySpan<byte> Line(int index) => lines[index & (LineCount - 1)];

    /// <summary>The same goods coming back.</summary>
    public ReadOnlySpan<byte> Returned(int index) => returned[index & (LineCount - 1)];

    public long Amount(int index) => amounts[index & (LineCount - 1)];
}
