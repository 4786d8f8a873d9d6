using System.IO.Hashing;
using System.Numerics;
using System.Text;

namespace Loyalty.Gateway.Http;

/// <summary>
/// Texts that come again and again (stores, articles, categories) as one string each, found by their UTF-8 bytes, so that a purchase does not make them anew. A
/// fixed number of places; a newer text takes the place of an older one. ASCII only: others are rare, and are made anew. Thread-safe.
/// </summary>
internal sealed class StringPool
{
    private readonly string?[] _texts;

    /// <param name="places">A power of two.</param>
    public StringPool(int places)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(BitOperations.IsPow2(places), true);
        _texts = new string?[places];
    }

    /// <summary>The text if it is in the pool; else the place where it belongs.</summary>
    public string? Find(ReadOnlySpan<byte> utf8, out int place)
    {
        place = (int)XxHash3.HashToUInt64(utf8) & (_texts.Length - 1);
        var text = Volatile.Read(ref _texts[place]);
        return text is not null && text.Length == utf8.Length && Ascii.Equals(utf8, text) ? text : null;
    }

    /// <summary>Puts a text in its place.</summary>
    public void Add(string text, int place) => Volatile.Write(ref _texts[place], text);
}
