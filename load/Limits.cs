namespace Loyalty.Load;

/// <summary>Bounds of what the command line may ask for.</summary>
internal static class Limits
{
    public static T Check<T>(string option, T value, T min, T max)
        where T : IComparable<T> =>
        value.CompareTo(min) < 0 || value.CompareTo(max) > 0
            ? throw new UserError($"{option} must be {min} to {max}, not {value}.")
            : value;
}
