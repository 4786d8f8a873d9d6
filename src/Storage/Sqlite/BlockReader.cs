using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>Reads blocks in order through a connection of its own, one short transaction each, so that SQLite's log is never held.</summary>
internal static class BlockReader
{
    public static IEnumerable<JournalRecord> ReadAll(string path, long after, long upTo)
    {
        if (after >= upTo)
        {
            yield break;
        }

        using var db = Open(path);
        var read = db.Prepare("SELECT data FROM block WHERE seq = ?1");
        var records = new List<JournalRecord>();
        for (var seq = Math.Max(1, BlockFormat.Seq(Math.Max(0, after))); seq <= BlockFormat.Seq(upTo); seq++)
        {
            records.Clear();
            ReadBlock(path, read, seq, after, upTo, records);
            foreach (var record in records)
            {
                yield return record;
            }
        }
    }

    private static void ReadBlock(string path, Statement read, long seq, long after, long upTo, List<JournalRecord> records)
    {
        try
        {
            if (!read.Bind(1, seq).Step())
            {
                throw new JournalCorruptException($"Block {seq} of the journal {path} is missing.");
            }

            var block = read.Blob(0);
            if (!BlockHeader.TryRead(block, seq, trustContent: false, out var header, out var problem))
            {
                throw new JournalCorruptException($"In the journal {path}, {problem}.");
            }

            for (var offset = BlockFormat.HeaderSize; offset < header.RecordsEnd;)
            {
                if (!RecordView.TryRead(block, seq, offset, header.RecordsEnd, checkSum: false, out var record, out var length))
                {
                    throw new JournalCorruptException($"In the journal {path}, block {seq} has a broken record at byte {offset}.");
                }

                offset += length;
                if (record.Position > after && record.Position <= upTo)
                {
                    records.Add(record.ToRecord(record.Actor()));
                }
            }
        }
        catch (DbException e)
        {
            throw JournalFile.Explain(path, e);
        }
        finally
        {
            read.Reset();
        }
    }

    private static Db Open(string path) => JournalFile.OpenReader(path, cacheKilobytes: 1024);
}
