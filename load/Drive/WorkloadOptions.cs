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
/// <param name="MemberPrefix">Begins the members' ids instead, to go on with members of an earlier run; then nothing can be checked.</param>
internal sealed record WorkloadOptions(
    string Prefix,
    int Members = 100_000,
    int Connections = 4,
    double Zipf = 0.8,
    int Lines = 3,
    bool Vary = false,
    double ReturnsPercent = 3,
    double RetriesPercent = 1,
    ulong Seed = 1,
    string? MemberPrefix = null)
{
    public const int MembersMax = 10_000_000;
    public const int LinesMax = 500;

    private static long lastPrefix;

    /// <summary>A prefix that no other run has: the microsecond it was made, base 36; never the same twice in this process.</summary>
    public static string NewPrefix()
    {
        long rest;
        long last;
        do
        {
            last = Volatile.Read(ref lastPrefix);
            rest = Math.Max(last + 1, (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        }
        while (Interlocked.CompareExchange(ref lastPrefix, rest, last) != last);

        Span<char> digits = stackalloc char[10];
        for (int i = digits.Length - 1; i >= 0; i--)
        {
            digits[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[(int)(rest % 36)];
            rest /= 36;
        }

        return $"L{digits}";
    }
}
