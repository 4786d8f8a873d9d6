namespace Loyalty.Load.Drive;

/// <summary>Everything that decides which requests are sent (but not when). Stored in the account file, so that they can be made again.</summary>
/// <param name="Prefix">Begins every id, of requests and of members: two runs never share a member.</param>
/// <param name="Members">1 … 10 million.</param>
/// <param name="Connections">Each makes its own sequence of requests.</param>
/// <param name="Zipf">0: every member buys alike. 0.8: the busiest 20 % of members make about 70 % of the purchases.</param>
/// <param name="Lines">Basket lines, 1 … 500.</param>
/// <param name="Vary">Baskets of 1 … 2×Lines-1 lines instead.</param>
/// <param name="ReturnsPercent">Share of requests that give back a line of an earlier purchase.</param>
/// <param name="RetriesPercent">Share of requests that are sent twice.</param>
internal sealed record WorkloadOptions(
    string Prefix,
    int Members = 100_000,
    int Connections = 4,
    double Zipf = 0.8,
    int Lines = 3,
    bool Vary = false,
    double ReturnsPercent = 3,
    double RetriesPercent = 1,
    ulong Seed = 1)
{
    public const int MembersMax = 10_000_000;
    public const int LinesMax = 500;

    /// <summary>A prefix that no other run has: the time it was made, base 36.</summary>
    public static string NewPrefix()
    {
        Span<char> digits = stackalloc char[9];
        long rest = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (int i = digits.Length - 1; i >= 0; i--)
        {
            digits[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[(int)(rest % 36)];
            rest /= 36;
        }

        return $"L{digits}";
    }
}
