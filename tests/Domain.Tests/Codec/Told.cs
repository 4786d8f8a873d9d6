using System.Collections;
using System.Globalization;

namespace Loyalty.Domain.Tests.Codec;

/// <summary>Tells a record with everything in it, arrays too, so that two can be compared by their values.</summary>
internal static class Told
{
    public static string Of(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        IEnumerable list => $"[{string.Join(", ", list.Cast<object?>().Select(Of))}]",
        decimal number => number.ToString("0.######", CultureInfo.InvariantCulture),
        IFormattable formattable when value.GetType().Namespace != "Loyalty.Domain.Members" => formattable.ToString(null, CultureInfo.InvariantCulture),
        bool flag => flag.ToString(),
        _ when value.GetType().IsEnum => value.ToString()!,
        _ => $"{value.GetType().Name} {{ {string.Join(", ", value.GetType().GetProperties().Where(p => p.GetIndexParameters().Length == 0 && !p.GetMethod!.IsStatic).Select(p => $"{p.Name} = {Of(p.GetValue(value))}"))} }}",
    };
}
