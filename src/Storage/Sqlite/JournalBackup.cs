using Loyalty.Runtime.Journal;
using SQLitePCL;

namespace Loyalty.Storage.Sqlite;

/// <summary>SQLite's online backup, from one read transaction: the engine goes on writing and the copy does not start over.</summary>
internal static class JournalBackup
{
    private const int PagesPerStep = 1024;

    public static void Copy(string source, string destination, Action<long, long>? progress)
    {
        source = Path.GetFullPath(source);
        destination = Path.GetFullPath(destination);
        if (File.Exists(destination) || Directory.Exists(destination))
        {
            throw new JournalUnavailableException($"{destination} exists already; a backup never overwrites. Give another name.");
        }

        var partial = destination + ".partial";
        try
        {
            using (var from = JournalFile.OpenReader(source))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(destination)!);
                File.Delete(partial);
                // The open transaction keeps the view, so that pages may be copied in steps while others write.
                from.Execute("BEGIN");
                from.Scalar("SELECT count(*) FROM meta");
                using var to = Db.Open(partial, write: true);
                to.Execute("PRAGMA synchronous = OFF");
                CopyPages(from, to, progress);
            }

            // Beside the copy there may be a log of nothing; the copy itself is whole.
            File.Delete(partial + "-wal");
            File.Delete(partial + "-shm");
            using (var file = new FileStream(partial, FileMode.Open, FileAccess.ReadWrite))
            {
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, destination, overwrite: false);
        }
        catch (DbException e)
        {
            File.Delete(partial);
            throw new JournalUnavailableException($"The backup of {source} to {destination} failed: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new JournalUnavailableException($"The backup {destination} cannot be written: {e.Message}", e);
        }
    }

    private static void CopyPages(Db from, Db to, Action<long, long>? progress)
    {
        using var backup = raw.sqlite3_backup_init(to.Handle, "main", from.Handle, "main");
        if (backup.IsInvalid)
        {
            throw to.Failure(raw.sqlite3_extended_errcode(to.Handle));
        }

        int code;
        do
        {
            code = raw.sqlite3_backup_step(backup, PagesPerStep);
            long pages = raw.sqlite3_backup_pagecount(backup);
            progress?.Invoke(pages - raw.sqlite3_backup_remaining(backup), pages);
        }
        while (code == raw.SQLITE_OK);
        if (code != raw.SQLITE_DONE)
        {
            throw new DbException(code, raw.sqlite3_errstr(code).utf8_to_string());
        }
    }
}
