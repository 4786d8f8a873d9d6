using System.Buffers;
using System.Security.Cryptography;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Runtime.Kernel;

/// <summary>Writes all the books as lines of JSON (docs/EXPORT.md), as of one moment, also beside a running engine. Memory: that of the archive, and one line.</summary>
public static class JournalExport
{
    /// <summary>Whether records of a kind are left out: how far readers came is told in positions of this journal, which another one does not have.</summary>
    public static bool IsLeftOut(string kind) => kind == ActorIds.FeedKind;

    /// <summary>Writes an export.</summary>
    /// <param name="archive">The books.</param>
    /// <param name="output">Takes the lines; is flushed, not closed.</param>
    /// <param name="nowMs">When, Unix milliseconds.</param>
    /// <param name="onProgress">Is told records written and records there are, now and then.</param>
    /// <returns>The last line.</returns>
    /// <exception cref="JournalCorruptException">A record is damaged: such books are not exported; <c>verify</c> says what is left of them.</exception>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public static ExportEnd Write(IJournalArchive archive, Stream output, long nowMs, Action<long, long>? onProgress = null)
    {
        ArgumentNullException.ThrowIfNull(archive);
        ArgumentNullException.ThrowIfNull(output);
        var totals = archive.Totals();
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var line = new ArrayBufferWriter<byte>(4096);
        ExportForm.WriteHead(line, new(archive.KeySeed, archive.Description, nowMs));
        Put();
        long records = 0, events = 0, read = 0;
        foreach (var whole in archive.ReadWhole(static damage =>
            throw new JournalCorruptException($"{damage.Actor}{(damage.Actor is null ? "" : " ")}at position {damage.Position}: {damage.What}. Damaged books are not exported; './loyalty verify' tells everything")))
        {
            // What a running engine appends meanwhile is not of this moment.
            if (whole.Record.Position > totals.Position)
            {
                break;
            }

            if ((++read & 0xfff) == 0)
            {
                onProgress?.Invoke(read, totals.Records);
            }

            if (!IsLeftOut(whole.Record.Actor.Kind))
            {
                events += whole.Record.EventCount;
                ExportForm.WriteRecord(line, ++records, whole);
                Put();
            }
        }

        if (read != totals.Records)
        {
            throw new JournalCorruptException($"the journal carries {totals.Records} records; {read} are there");
        }

        var end = new ExportEnd(records, events, totals.Sums, Convert.ToHexStringLower(sha.GetCurrentHash()));
        ExportForm.WriteEnd(line, end);
        Put();
        output.Flush();
        return end;

        void Put()
        {
            output.Write(line.WrittenSpan);
            sha.AppendData(line.WrittenSpan);
            line.ResetWrittenCount();
            if (line.Capacity > 1 << 20)
            {
                line = new ArrayBufferWriter<byte>(4096);
            }
        }
    }
}
