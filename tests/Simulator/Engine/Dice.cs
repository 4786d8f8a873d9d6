namespace Loyalty.Simulator.Engine;

/// <summary>Random numbers that a seed decides, the same on every machine and version of .NET: SplitMix64 (Steele, Lea, Flood, 2014).</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    /// <summary>Any 64 bits.</summary>
    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 to <paramref name="below"/> - 1.</summary>
    public int Next(int below) => (int)(((UInt128)Next() * (ulong)below) >> 64);

    /// <summary><paramref name="from"/> to <paramref name="below"/> - 1.</summary>
    public int Next(int from, int below) => from + Next(below - from);

    /// <summary>True with this probability, 0 to 1.</summary>
    public bool Chance(double probability) => probability > 0 && (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    /// <summary>One of these.</summary>
    public T Pick<T>(params ReadOnlySpan<T> from) => from[Next(from.Length)];
}
