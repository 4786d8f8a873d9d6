using System.Numerics;
using System.Runtime.InteropServices;

namespace Loyalty.Storage;

/// <summary>
/// A blocked Bloom filter: a key lives in one cache line of 512 bits, one bit in each of its eight words. At 16 bits per key about one absent
/// key in 800 looks present. One thread adds, any thread asks, without locks: a bit set before a completion is announced is seen after it.
/// </summary>
internal sealed class BloomFilter
{
    public const int BitsPerKey = 16;
    private const int WordsPerBlock = 8;
    private readonly ulong[] words;
    private readonly int start;
    private readonly ulong blocks;

    /// <param name="capacity">Keys it is made for; more make it less sharp, never wrong.</param>
    public BloomFilter(long capacity)
    {
        blocks = (ulong)Math.Max(1, ((capacity * BitsPerKey) + 511) / 512);
        words = GC.AllocateArray<ulong>(checked((int)(blocks + 1) * WordsPerBlock), pinned: true);
        // Blocks start on cache lines, so that a question touches one line, not two.
        var address = Marshal.UnsafeAddrOfPinnedArrayElement(words, 0).ToInt64();
        start = (int)((64 - (address & 63)) & 63) / sizeof(ulong);
    }

    public ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(words.AsSpan(start, (int)blocks * WordsPerBlock));

    /// <summary>Spreads both halves of a key over 128 bits again: tests and other callers need not bring good hashes.</summary>
    public static (ulong Place, ulong Bits) Mix(ulong high, ulong low)
    {
        var a = (high ^ BitOperations.RotateLeft(low, 29)) * 0x9E3779B97F4A7C15;
        a ^= a >> 32;
        a *= 0xD6E8FEB86659FD93;
        var b = (low ^ a) * 0xC2B2AE3D27D4EB4F;
        return (a ^ (a >> 29), b ^ (b >> 31));
    }

    public void Add(ulong high, ulong low)
    {
        var (place, bits) = Mix(high, low);
        var block = words.AsSpan(start + (int)(Math.BigMul(place, blocks, out _) * WordsPerBlock), WordsPerBlock);
        for (var i = 0; i < block.Length; i++, bits >>= 6)
        {
            block[i] |= 1UL << (int)(bits & 63);
        }
    }

    public bool MightContain(ulong high, ulong low)
    {
        var (place, bits) = Mix(high, low);
        return MightContainMixed(place, bits);
    }

    public bool MightContainMixed(ulong place, ulong bits)
    {
        var block = words.AsSpan(start + (int)(Math.BigMul(place, blocks, out _) * WordsPerBlock), WordsPerBlock);
        for (var i = 0; i < block.Length; i++, bits >>= 6)
        {
            if ((block[i] & (1UL << (int)(bits & 63))) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes over bytes that <see cref="Bytes"/> of a filter of the same capacity gave.</summary>
    public void Load(int offset, ReadOnlySpan<byte> bytes) =>
        bytes.CopyTo(MemoryMarshal.AsBytes(words.AsSpan(start, (int)blocks * WordsPerBlock))[offset..]);
}
