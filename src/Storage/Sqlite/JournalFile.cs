using System.Globalization;
using Loyalty.Runtime.Journal;
using SQLitePCL;

namespace Loyalty.Storage.Sqlite;

/// <summary>The file's outside: making it, knowing it, keeping others from writing it.</summary>
internal static class JournalFile
{
    /// <summary>"LOYL": tells our files from other SQLite databases.</summary>
    public const int ApplicationId = 0x4C4F594C;

    /// <summary>Version of the tables. A block carries its own.</summary>
    public const int Format = 1;

    /// <summary>A block of records and a chunk of keys each fill one page, so that reading one is reading a page.</summary>
    public const int PageSize = 16384;

    private const string Schema = """
        CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE block(seq INTEGER PRIMARY KEY, data BLOB NOT NULL);
        CREATE TABLE snapshot(hash INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL,
            chain BLOB NOT NULL, due INTEGER, state BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(hash, kind, key)) WITHOUT ROWID;
        CREATE INDEX snapshot_due ON snapshot(hash >> 52, due) WHERE due IS NOT NULL;
        CREATE TABLE key_run(run INTEGER PRIMARY KEY, level INTEGER NOT NULL, keys INTEGER NOT NULL, chunks INTEGER NOT NULL);
        CREATE TABLE key_part(id INTEGER PRIMARY KEY, data BLOB NOT NULL)
        """;

    /// <summary>Takes the lock that makes this process the only writer. The system releases it when the process ends, however it ends.</summary>
    /// <exception cref="JournalUnavailableException">Another holds it, or the folder cannot be written.</exception>
    public static FileStream Lock(string path)
    {
        if (Directory.Exists(path))
        {
            throw new JournalUnavailableException($"{path} is a folder; the journal needs the name of a file, for instance {Path.Combine(path, "loyalty.db")}.");
        }

        var folder = Path.GetDirectoryName(path)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new JournalUnavailableException($"The journal's folder {folder} cannot be made: {e.Message}", e);
        }

        try
        {
            return new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new JournalUnavailableException($"The journal {path} cannot be written: {e.Message}", e);
        }
        catch (IOException e)
        {
            throw File.Exists(path + ".lock") && TryHolder(path) is { } holder
                ? new JournalUnavailableException($"The journal {path} is open in another engine ({holder}). Only one may write it; stop that one first.", e)
                : new JournalUnavailableException($"The journal {path} cannot be locked: {e.Message}", e);
        }
    }

    /// <summary>Opens the file for writing, after <see cref="Lock"/>; makes its tables when it is new.</summary>
    /// <exception cref="JournalUnavailableException">It cannot be opened or is something else.</exception>
    /// <exception cref="JournalCorruptException">Its format is another one.</exception>
    public static Db OpenWriter(string path, long walBytes, long? newKeySeed = null)
    {
        Db? db = null;
        try
        {
            db = Db.Open(path, write: true);
            var known = CheckKind(db, path);
            if (!known)
            {
                db.Execute($"PRAGMA page_size = {PageSize}");
            }

            db.Execute("PRAGMA journal_mode = WAL");
            db.Execute("PRAGMA synchronous = FULL");
            db.Execute("PRAGMA wal_autocheckpoint = 0");
            // Only a log that outgrew its size by far is cut: overwriting old bytes syncs much faster than making the file longer.
            db.Execute($"PRAGMA journal_size_limit = {walBytes * 8}");
            db.Execute("PRAGMA cache_size = -32768");
            db.Execute("PRAGMA temp_store = MEMORY");
            if (!known)
            {
                Create(db, newKeySeed);
            }

            return db;
        }
        catch (DbException e)
        {
            db?.Dispose();
            throw Explain(path, e);
        }
        catch
        {
            db?.Dispose();
            throw;
        }
    }

    /// <summary>A connection that only reads, for a file of ours.</summary>
    /// <exception cref="JournalUnavailableException">It cannot be opened or is something else.</exception>
    public static Db OpenReader(string path, int cacheKilobytes = 8192)
    {
        if (!File.Exists(path))
        {
            throw new JournalUnavailableException($"There is no journal at {path}.");
        }

        Db? db = null;
        try
        {
            db = Db.Open(path, write: false);
            if (!CheckKind(db, path))
            {
                throw new JournalUnavailableException($"{path} is empty: no journal was made there.");
            }

            db.Execute($"PRAGMA cache_size = -{cacheKilobytes}");
            return db;
        }
        catch (DbException e)
        {
            db?.Dispose();
            throw Explain(path, e);
        }
        catch
        {
            db?.Dispose();
            throw;
        }
    }

    public static long Meta(Db db, string name) =>
        db.Scalar($"SELECT value FROM meta WHERE name = '{name}'") ?? throw new JournalCorruptException($"{db.Path} lacks its '{name}' row.");

    /// <summary>SQLite's words, and what they mean here.</summary>
    public static JournalUnavailableException Explain(string path, DbException e) => new(
        e.PrimaryCode switch
        {
            raw.SQLITE_NOTADB => $"{path} is not a SQLite database.",
            raw.SQLITE_CANTOPEN => $"The journal {path} cannot be opened: {e.Message}. Check that the folder is there and may be written.",
            raw.SQLITE_READONLY or raw.SQLITE_PERM or raw.SQLITE_AUTH => $"The journal {path} may not be written: {e.Message}.",
            raw.SQLITE_FULL => $"The disk of the journal {path} is full.",
            raw.SQLITE_CORRUPT => $"The journal {path} is damaged ({e.Message}). Restore a backup, or verify it to see what can be read.",
            _ => $"The journal {path} cannot be used: {e.Message} (SQLite {e.Code}).",
        },
        e);

    /// <summary>False: an empty file. Throws when it is something else, or of another format.</summary>
    private static bool CheckKind(Db db, string path)
    {
        var application = db.Scalar("PRAGMA application_id");
        var tables = db.Scalar("SELECT count(*) FROM sqlite_schema");
        if (tables == 0 && application == 0)
        {
            return false;
        }

        if (application != ApplicationId)
        {
            throw new JournalUnavailableException($"{path} is a SQLite database of another program.");
        }

        var format = db.Scalar("PRAGMA user_version");
        if (format != Format)
        {
            throw new JournalCorruptException(string.Create(
                CultureInfo.InvariantCulture,
                $"The journal {path} has format {format}; this program reads format {Format}. Open it with the version that wrote it and export it, or use a newer program."));
        }

        return true;
    }

    private static void Create(Db db, long? keySeed)
    {
        db.Execute("BEGIN IMMEDIATE");
        foreach (var statement in Schema.Split(';'))
        {
            db.Execute(statement);
        }

        using var meta = db.Prepare("INSERT INTO meta VALUES(?1, ?2)");
        meta.Bind(1, "books").Bind(2, Guid.NewGuid().ToString()).Run();
        meta.Bind(1, "created").Bind(2, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()).Run();
        Span<byte> seed = stackalloc byte[8];
        System.Security.Cryptography.RandomNumberGenerator.Fill(seed);
        meta.Bind(1, "key_seed").Bind(2, keySeed ?? BitConverter.ToInt64(seed)).Run();
        meta.Bind(1, "tail_start").Bind(2, 0).Run();
        meta.Bind(1, "key_tail_start").Bind(2, 0).Run();
        meta.Bind(1, "holder").Bind(2, 0).Run();
        db.Execute($"PRAGMA application_id = {ApplicationId}");
        db.Execute($"PRAGMA user_version = {Format}");
        db.Execute("COMMIT");
    }

    private static string? TryHolder(string path)
    {
        try
        {
            using var db = Db.Open(path, write: false);
            return db.Scalar("SELECT value FROM meta WHERE name = 'holder'") is { } pid and not 0 ? $"process {pid}" : "its process is not known";
        }
        catch (DbException)
        {
            return "its process is not known";
        }
    }
}
