using System.Runtime.CompilerServices;

namespace Loyalty.Simulator.Engine;

/// <summary>A message that is only put together when a condition does not hold: millions of checks cost no text.</summary>
[InterpolatedStringHandler]
internal ref struct Unless
{
    private DefaultInterpolatedStringHandler _text;

    public Unless(int literalLength, int formattedCount, bool condition, out bool isNeeded)
    {
        isNeeded = !condition;
        _text = isNeeded ? new(literalLength, formattedCount) : default;
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public string Take() => _text.ToStringAndClear();
}
