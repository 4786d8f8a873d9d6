using FsCheck;
using FsCheck.Fluent;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>Runs properties with a fixed seed; the environment variable LOYALTY_SEED gives another one, LOYALTY_TESTS a factor for the number of cases.</summary>
internal static class Checks
{
    private static readonly ulong Seed = ulong.TryParse(Environment.GetEnvironmentVariable("LOYALTY_SEED"), out var seed) ? seed : 20260301;
    private static readonly double Factor = double.TryParse(Environment.GetEnvironmentVariable("LOYALTY_TESTS"), out var factor) ? factor : 1;

    /// <summary>Holds for every value, or throws with the smallest one found that breaks it.</summary>
    public static void ForAll<T>(ulong number, int count, Arbitrary<T> values, Action<T> property)
    {
        string? message = null;
        var config = Config.QuickThrowOnFailure.WithMaxTest(Math.Max(1, (int)(count * Factor))).WithQuietOnSuccess(true).WithReplay(Seed + (number * 1000), 1);
        try
        {
            Check.One(config, Prop.ForAll(values, value =>
            {
                try
                {
                    property(value);
                    return true;
                }
                catch (Exception e)
                {
                    message = e is DifferenceException ? e.Message : e.ToString();
                    return false;
                }
            }));
        }
        catch (Exception e) when (message is not null)
        {
            throw new DifferenceException($"LOYALTY_SEED={Seed}\n{e.Message}\n{message}");
        }
    }
}
