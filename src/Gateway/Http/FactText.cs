using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using Loyalty.Domain.Members;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary>
/// Writes facts of the domain as JSON, for people who look into the books: every property under its own name, days and times as ISO texts. It follows the facts as they are; programs
/// that need a promise read statements and replies.
/// </summary>
internal static class FactText
{
    private const int MaxDepth = 12;

    private static readonly ConcurrentDictionary<Type, (string Name, PropertyInfo Property)[]> Properties = new();

    /// <summary>The name of a fact: <c>purchaseRecorded</c>.</summary>
    public static string NameOf(object fact) => Camel(fact.GetType().Name);

    /// <summary>Writes the fact's properties into the open object.</summary>
    public static void WriteProperties(Utf8JsonWriter writer, object fact) => WriteObject(writer, fact, 0);

    private static void WriteObject(Utf8JsonWriter writer, object value, int depth)
    {
        foreach (var (name, property) in Properties.GetOrAdd(value.GetType(), static type =>
            [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(one => one.GetIndexParameters().Length == 0).Select(one => (Camel(one.Name), one))]))
        {
            if (property.GetValue(value) is { } one)
            {
                writer.WritePropertyName(name);
                WriteValue(writer, one, depth + 1);
            }
        }
    }

    private static void WriteValue(Utf8JsonWriter writer, object value, int depth)
    {
        switch (value)
        {
            case string text:
                writer.WriteStringValue(text);
                break;
            case bool flag:
                writer.WriteBooleanValue(flag);
                break;
            case long or int or short or byte or uint or ushort or sbyte:
                writer.WriteNumberValue(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
                break;
            case ulong number:
                writer.WriteNumberValue(number);
                break;
            case decimal number:
                writer.WriteNumberValue(number);
                break;
            case Enum word:
                writer.WriteStringValue(Camel(word.ToString()));
                break;
            case Instant instant:
                writer.WriteStringValue(InstantPattern.ExtendedIso.Format(instant));
                break;
            case LocalDate day:
                writer.WriteStringValue(LocalDatePattern.Iso.Format(day));
                break;
            case UInt128 wide:
                writer.WriteStringValue(wide.ToString("x32", System.Globalization.CultureInfo.InvariantCulture));
                break;
            case LotId lot:
                writer.WriteStringValue(lot.EarnedOn == default ? "-" : lot.ToString());
                break;
            case ReadOnlyMemory<byte> bytes:
                writer.WriteBase64StringValue(bytes.Span);
                break;
            case byte[] bytes:
                writer.WriteBase64StringValue(bytes);
                break;
            case IEnumerable list when depth < MaxDepth:
                writer.WriteStartArray();
                foreach (var one in list)
                {
                    if (one is null)
                    {
                        writer.WriteNullValue();
                    }
                    else
                    {
                        WriteValue(writer, one, depth + 1);
                    }
                }

                writer.WriteEndArray();
                break;
            case not IEnumerable when depth < MaxDepth && value.GetType().Namespace?.StartsWith("Loyalty.", StringComparison.Ordinal) == true:
                writer.WriteStartObject();
                WriteObject(writer, value, depth);
                writer.WriteEndObject();
                break;
            default:
                writer.WriteStringValue(value.ToString());
                break;
        }
    }

    private static string Camel(string text) => char.ToLowerInvariant(text[0]) + text[1..];
}
