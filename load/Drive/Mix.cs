namespace Loyalty.Load.Drive;

/// <summary>Random bits as a function of a position (SplitMix64), so that any request can be made again without a memory of it.</summary>
internal static class Mix
{
    public static ulong Bits(ulong position)
    {
        ulong z = position * 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
