using System.Security.Cryptography;
using System.Text.Json;
using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Kernel;

/// <summary>Reads an export line by line. Memory: one line.</summary>
public static class ExportReader
{
    /// <summary>Proves a whole export: every line's checksum and chain link, the order, the digest of the file and its end.</summary>
    /// <param name="input">The lines.</param>
    /// <param name="kinds">Names of the kinds of actors that are known; null: all.</param>
    /// <returns>Its first and last line.</returns>
    /// <exception cref="ExportDamagedException">Something is not as it was written.</exception>
    public static (ExportHead Head, ExportEnd End) Check(Stream input, IReadOnlySet<string>? kinds = null)
    {
        ExportHead? head = null;
        ExportEnd? end = null;
        foreach (var one in Read(input))
        {
            (head, end) = (one.Head ?? head, one.End ?? end);
            if (one.Whole is { } whole && kinds?.Contains(whole.Record.Actor.Kind) == false)
            {
                throw new ExportDamagedException(one.Line, $"{whole.Record.Actor} is of a kind that this engine does not know: a newer engine wrote it");
            }
        }

        return (head!, end!);
    }

    /// <summary>The lines, each proved; the last one only when the whole is as it was written.</summary>
    internal static IEnumerable<ExportLine> Read(Stream input)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long number = 0, records = 0, events = 0;
        var isOver = false;
        foreach (var bytes in LinesOf(input))
        {
            number++;
            if (isOver)
            {
                throw new ExportDamagedException(number, "stands behind the end of the export");
            }

            using var json = ExportForm.Read(bytes[..^1], number);
            var root = json.RootElement;
            if (number == 1)
            {
                yield return new(number, ExportForm.Reading(number, () => ExportForm.ReadHead(root)), null, null);
            }
            else if (ExportForm.IsEnd(root))
            {
                var end = ExportForm.Reading(number, () => ExportForm.ReadEnd(root));
                if ((end.Records, end.Events) != (records, events))
                {
                    throw new ExportDamagedException(number, $"says that there are {end.Records} records with {end.Events} events; before it stand {records} with {events}");
                }

                if (end.Sha256 != Convert.ToHexStringLower(sha.GetCurrentHash()))
                {
                    throw new ExportDamagedException(number, "has the digest of another file: lines before it were exchanged");
                }

                isOver = true;
                yield return new(number, null, null, end);
            }
            else
            {
                var whole = ExportForm.Reading(number, () => ExportForm.ReadRecord(root, number, records + 1));
                records++;
                events += whole.Record.EventCount;
                yield return new(number, null, whole, null);
            }

            sha.AppendData(bytes.Span);
        }

        if (!isOver)
        {
            throw new ExportDamagedException(number + 1, number == 0 ? "the file is empty" : "is missing: the file was cut, its last line is not the end of an export");
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> LinesOf(Stream input)
    {
        var buffer = new byte[256 << 10];
        var (start, filled) = (0, 0);
        for (long number = 1; ; number++)
        {
            var from = start;
            int length;
            while ((length = buffer.AsSpan(from, filled - from).IndexOf((byte)'\n')) < 0)
            {
                from = filled;
                if (start > 0)
                {
                    buffer.AsSpan(start, filled - start).CopyTo(buffer);
                    (from, filled, start) = (from - start, filled - start, 0);
                }

                if (filled == buffer.Length)
                {
                    if (filled >= ExportForm.MaxLineBytes)
                    {
                        throw new ExportDamagedException(number, $"has more than {ExportForm.MaxLineBytes} bytes");
                    }

                    Array.Resize(ref buffer, buffer.Length * 2);
                }

                var read = ReadSome(input, buffer.AsSpan(filled), number);
                if (read == 0)
                {
                    if (filled > 0)
                    {
                        throw new ExportDamagedException(number, "has no end: the file was cut in it");
                    }

                    yield break;
                }

                filled += read;
            }

            var end = from + length + 1;
            yield return buffer.AsMemory(start, end - start);
            start = end;
        }
    }

    private static int ReadSome(Stream input, Span<byte> buffer, long number)
    {
        try
        {
            return input.Read(buffer);
        }
        catch (InvalidDataException e)
        {
            throw new ExportDamagedException(number, $"cannot be unpacked: {e.Message}");
        }
    }
}

/// <summary>One line: the first, a record, or the last.</summary>
internal readonly record struct ExportLine(long Line, ExportHead? Head, ArchivedRecord? Whole, ExportEnd? End);
