using System.Globalization;
using System.Text;

namespace Loyalty.Load.Drive;

/// <summary>Now as ISO text in UTC with milliseconds; rendered once a millisecond. One for each connection.</summary>
internal sealed class AtClock
{
    public const int Length = 24;

    private readonly byte[] text = new byte[Length];
    private long rendered = long.MinValue;

    public static long Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    /// <summary>Valid until the next call.</summary>
    public ReadOnlySpan<byte> Text(long milliseconds)
    {
        if (milliseconds != rendered)
        {
            DateTimeOffset at = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
            Encoding.ASCII.GetBytes(at.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture), text);
            rendered = milliseconds;
        }

        return text;
    }
}
