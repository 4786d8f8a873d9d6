namespace Loyalty.Load.Drive;

/// <summary>
/// Draws ranks 0 … count-1 with probability proportional to 1/(rank+1)^exponent, in constant time (Walker's alias method, 8 bytes a rank).
/// Immutable and thread-safe.
/// </summary>
internal sealed class Zipf
{
    private readonly uint[] thresholds;
    private readonly int[] aliases;

    /// <param name="count">1 … 10 million.</param>
    /// <param name="exponent">0 is uniform.</param>
    public Zipf(int count, double exponent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(exponent);
        thresholds = new uint[count];
        aliases = new int[count];
        double[] share = new double[count];
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += share[i] = Math.Pow(i + 1, -exponent);
        }

        var small = new Stack<int>();
        var large = new Stack<int>();
        for (int i = 0; i < count; i++)
        {
            share[i] *= count / sum;
            aliases[i] = i;
            (share[i] < 1 ? small : large).Push(i);
        }

        Array.Fill(thresholds, uint.MaxValue);
        while (small.Count > 0 && large.Count > 0)
        {
            int less = small.Pop();
            int more = large.Pop();
            thresholds[less] = (uint)Math.Min(share[less] * 4294967296.0, uint.MaxValue);
            aliases[less] = more;
            share[more] -= 1 - share[less];
            (share[more] < 1 ? small : large).Push(more);
        }
    }

    /// <summary>The rank that these 64 random bits choose.</summary>
    public int Rank(ulong random)
    {
        // The high half chooses the column, the low half whether its alias is meant.
        int column = (int)(((random >> 32) * (ulong)thresholds.Length) >> 32);
        return (uint)random <= thresholds[column] ? column : aliases[column];
    }
}
