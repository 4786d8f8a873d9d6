using System.Buffers;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Kernel;

/// <summary>A line of an export that is not as it was written, or does not belong where it stands.</summary>
/// <param name="line">Which line, from 1; one more than there are: the file ends too early.</param>
/// <param name="what">What is wrong and what is known about the reason, in words.</param>
public sealed class ExportDamagedException(long line, string what) : Exception(string.Create(CultureInfo.InvariantCulture, $"line {line}: {what}"))
{
    /// <summary>Which line, from 1.</summary>
    public long Line { get; } = line;
}

/// <summary>The first line of an export.</summary>
/// <param name="KeySeed"><see cref="IJournal.KeySeed"/> of the books.</param>
/// <param name="Store">What was read, in words for people.</param>
/// <param name="WrittenAtMs">When, Unix milliseconds.</param>
public sealed record ExportHead(long KeySeed, string Store, long WrittenAtMs);

/// <summary>The last line of an export.</summary>
/// <param name="Records">How many records there are.</param>
/// <param name="Events">How many events they hold.</param>
/// <param name="Sums">Every measure, as the books carry it.</param>
/// <param name="Sha256">Of all lines before it, with their line ends; hexadecimal.</param>
public sealed record ExportEnd(long Records, long Events, IReadOnlyDictionary<string, long> Sums, string Sha256);

/// <summary>The lines of an export: docs/EXPORT.md.</summary>
internal static class ExportForm
{
    /// <summary>The name in the first line.</summary>
    public const string Name = "loyalty-journal";

    /// <summary>The version that is written and read.</summary>
    public const int Version = 1;

    /// <summary>Bytes of a line, at most: the largest record that a store takes has 15 MiB, and a third more as Base64.</summary>
    public const int MaxLineBytes = 32 << 20;

    private const string SumPrefix = ",\"sum\":\"";
    private const int SumLength = 8 + 16 + 2;

    public static void WriteHead(ArrayBufferWriter<byte> line, ExportHead head) => Write(line, head, static (json, head) =>
    {
        json.WriteString("format"u8, Name);
        json.WriteNumber("version"u8, Version);
        json.WriteString("keySeed"u8, Hex((ulong)head.KeySeed));
        json.WriteString("store"u8, head.Store);
        json.WriteString("writtenAt"u8, DateTimeOffset.FromUnixTimeMilliseconds(head.WrittenAtMs).UtcDateTime);
        json.WriteNumber("writtenAtMs"u8, head.WrittenAtMs);
    });

    public static void WriteRecord(ArrayBufferWriter<byte> line, long number, ArchivedRecord whole) => Write(line, (number, whole), static (json, x) =>
    {
        var record = x.whole.Record;
        json.WriteNumber("n"u8, x.number);
        json.WriteString("kind"u8, record.Actor.Kind);
        json.WriteString("key"u8, record.Actor.Key);
        json.WriteNumber("version"u8, record.FirstVersion);
        json.WriteNumber("events"u8, record.EventCount);
        json.WriteNumber("at"u8, record.RecordedAtMs);
        json.WriteNumber("wake"u8, record.WakeAtMs);
        json.WriteString("before"u8, x.whole.Before.ToString());
        json.WriteString("chain"u8, record.Hash.ToString());
        json.WriteStartArray("keys"u8);
        foreach (var key in x.whole.Keys)
        {
            json.WriteStringValue((key.Unique ? "u" : "n") + Hex(key.Key.High) + Hex(key.Key.Low));
        }

        json.WriteEndArray();
        json.WriteBase64String("body"u8, record.Events.Span);
    });

    public static void WriteEnd(ArrayBufferWriter<byte> line, ExportEnd end) => Write(line, end, static (json, end) =>
    {
        json.WriteBoolean("end"u8, true);
        json.WriteNumber("records"u8, end.Records);
        json.WriteNumber("events"u8, end.Events);
        json.WriteStartObject("sums"u8);
        foreach (var (name, sum) in end.Sums.OrderBy(sum => sum.Key, StringComparer.Ordinal))
        {
            json.WriteNumber(name, sum);
        }

        json.WriteEndObject();
        json.WriteString("sha256"u8, end.Sha256);
    });

    /// <summary>Proves a line by its sum and parses it.</summary>
    /// <exception cref="ExportDamagedException">It is not as it was written.</exception>
    public static JsonDocument Read(ReadOnlyMemory<byte> line, long number)
    {
        var sum = line.Length > SumLength ? line.Span[^SumLength..] : default;
        if (sum.IsEmpty || !sum.StartsWith(Encoding.ASCII.GetBytes(SumPrefix)) || !sum.EndsWith("\"}"u8))
        {
            throw new ExportDamagedException(number, "is no line of an export, or was cut: it does not end with its checksum");
        }

        if (Encoding.ASCII.GetString(sum.Slice(8, 16)) != Hex(XxHash3.HashToUInt64(line.Span[..^SumLength])))
        {
            throw new ExportDamagedException(number, "is not as it was written: its checksum is another one");
        }

        try
        {
            return JsonDocument.Parse(line, new() { MaxDepth = 4 });
        }
        catch (JsonException e)
        {
            throw new ExportDamagedException(number, $"is not valid JSON: {e.Message}");
        }
    }

    public static bool IsEnd(JsonElement line) => line.ValueKind == JsonValueKind.Object && line.TryGetProperty("end"u8, out _);

    public static ExportHead ReadHead(JsonElement line)
    {
        var format = line.TryGetProperty("format"u8, out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
        if (format != Name)
        {
            throw new ExportDamagedException(1, $"says that the file is '{format}'; an export of these books ('{Name}') is needed");
        }

        var version = line.GetProperty("version"u8).GetInt32();
        return version == Version
            ? new((long)FromHex(line.GetProperty("keySeed"u8).GetString()), line.GetProperty("store"u8).GetString()!, line.GetProperty("writtenAtMs"u8).GetInt64())
            : throw new ExportDamagedException(1, $"says that the file has version {version} of the form; this engine reads version {Version}");
    }

    public static ExportEnd ReadEnd(JsonElement line)
    {
        var sums = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var sum in line.GetProperty("sums"u8).EnumerateObject())
        {
            sums[sum.Name] = sum.Value.GetInt64();
        }

        return new(line.GetProperty("records"u8).GetInt64(), line.GetProperty("events"u8).GetInt64(), sums, line.GetProperty("sha256"u8).GetString()!);
    }

    /// <summary>The record has no position: that is the matter of the books it comes to.</summary>
    public static ArchivedRecord ReadRecord(JsonElement line, long number, long expected)
    {
        var n = line.GetProperty("n"u8).GetInt64();
        if (n != expected)
        {
            throw new ExportDamagedException(number, $"holds record {n}; record {expected} is expected here: lines are missing, or not in their order");
        }

        var record = new JournalRecord(
            new(line.GetProperty("kind"u8).GetString()!, line.GetProperty("key"u8).GetString()!), line.GetProperty("version"u8).GetInt64(), line.GetProperty("events"u8).GetInt32(),
            0, line.GetProperty("at"u8).GetInt64(), line.GetProperty("wake"u8).GetInt64(), Chain(line.GetProperty("chain"u8).GetString()), line.GetProperty("body"u8).GetBytesFromBase64());
        var before = Chain(line.GetProperty("before"u8).GetString());
        if (Hash128.Next(before, record.Actor, record.FirstVersion, record.RecordedAtMs, record.Events.Span) != record.Hash)
        {
            throw new ExportDamagedException(number, $"breaks the hash chain of {record.Actor} at version {record.FirstVersion}");
        }

        var keys = line.GetProperty("keys"u8);
        var entries = new KeyEntry[keys.GetArrayLength()];
        var i = 0;
        foreach (var key in keys.EnumerateArray())
        {
            var text = key.GetString() is { Length: 33 } whole ? whole : throw new FormatException("a key has 33 characters");
            entries[i++] = new(new(FromHex(text.AsSpan(1, 16)), FromHex(text.AsSpan(17))), text[0] == 'u');
        }

        return new(record, before, entries);
    }

    /// <summary>Runs what reads a line; what it misses there is damage of the line.</summary>
    public static T Reading<T>(long number, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            throw new ExportDamagedException(number, $"lacks what such a line has: {e.Message}");
        }
    }

    private static void Write<T>(ArrayBufferWriter<byte> line, T value, Action<Utf8JsonWriter, T> write)
    {
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            write(json, value);

            // The object stays open: its sum is its last field.
            json.Flush();
            var sum = Hex(XxHash3.HashToUInt64(line.WrittenSpan));
            json.WriteString("sum"u8, sum);
            json.WriteEndObject();
        }

        line.Write("\n"u8);
    }

    private static string Hex(ulong value) => value.ToString("x16", CultureInfo.InvariantCulture);

    private static ulong FromHex(ReadOnlySpan<char> text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static Hash128 Chain(string? text) => text is { Length: 32 } ? new(FromHex(text.AsSpan(0, 16)), FromHex(text.AsSpan(16))) : throw new FormatException("a chain has 32 digits");
}
