using System.IO.Hashing;
using System.Text;

namespace Loyalty.Gateway.Http;

/// <summary>
/// Texts that come again and again (stores, articles, members) as one string each, found by their UTF-8 bytes, so that a purchase does not make them anew. A
/// fixed number of places; a newer text takes the place of an older one. Thread-safe.
/// </summary>
internal sealed class StringPool(int places)
{
    private readonly Entry?[] _entries = new Entry?[places];

    /// <summary>The text if it is in the pool.</summary>
    public string? Find(ReadOnlySpan<byte> utf8, out ulong hash)
    {
        hash = XxHash3.HashToUInt64(utf8);
        var entry = Volatile.Read(ref _entries[hash % (uint)_entries.Length]);
        return entry is not null && entry.Hash == hash && utf8.SequenceEqual(entry.Utf8) ? entry.Text : null;
    }

    /// <summary>Puts a text in its place.</summary>
    public void Add(string text, ulong hash) =>
        Volatile.Write(ref _entries[hash % (uint)_entries.Length], new Entry(hash, Encoding.UTF8.GetBytes(text), text));

    private sealed record Entry(ulong Hash, byte[] Utf8, string Text);
}
