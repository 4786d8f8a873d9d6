using System.Text;
using SQLitePCL;

namespace Loyalty.Storage.Sqlite;

/// <summary>SQLite said no. Carries the extended result code, so that the caller can tell a full disk from a broken one.</summary>
internal sealed class DbException(int code, string message) : Exception(message)
{
    /// <summary>Extended result code.</summary>
    public int Code { get; } = code;

    public int PrimaryCode => Code & 0xFF;

    public bool IsFull => PrimaryCode == raw.SQLITE_FULL;
}

/// <summary>
/// One SQLite connection, used by one thread at a time. Thin over SQLitePCL instead of Microsoft.Data.Sqlite, whose command objects cost more than
/// the statements they run.
/// </summary>
internal sealed class Db : IDisposable
{
    private const int OpenExtendedResultCodes = 0x02000000;
    private readonly List<Statement> statements = [];

    static Db() => Batteries_V2.Init();

    private Db(sqlite3 handle, string path)
    {
        Handle = handle;
        Path = path;
    }

    public sqlite3 Handle { get; }

    public string Path { get; }

    public static Db Open(string path, bool write)
    {
        var flags = raw.SQLITE_OPEN_NOMUTEX | OpenExtendedResultCodes
            | (write ? raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE : raw.SQLITE_OPEN_READONLY);
        var code = raw.sqlite3_open_v2(path, out var handle, flags, null);
        var db = new Db(handle, path);
        if (code != raw.SQLITE_OK)
        {
            var failure = new DbException(code, raw.sqlite3_errmsg(handle).utf8_to_string());
            db.Dispose();
            throw failure;
        }

        // Another process may hold a lock for the moment in which it checkpoints or recovers.
        _ = raw.sqlite3_busy_timeout(handle, 5000);
        return db;
    }

    public Statement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v3(Handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement));
        var prepared = new Statement(this, statement);
        statements.Add(prepared);
        return prepared;
    }

    public void Execute(string sql)
    {
        Check(raw.sqlite3_prepare_v2(Handle, sql, out var handle));
        using (handle)
        {
            int code;
            while ((code = raw.sqlite3_step(handle)) == raw.SQLITE_ROW)
            {
            }

            if (code != raw.SQLITE_DONE)
            {
                Check(code);
            }
        }
    }

    /// <summary>The first column of the first row; null when there is none or it is NULL.</summary>
    public long? Scalar(string sql)
    {
        Check(raw.sqlite3_prepare_v2(Handle, sql, out var handle));
        using (handle)
        {
            var code = raw.sqlite3_step(handle);
            if (code == raw.SQLITE_DONE)
            {
                return null;
            }

            if (code != raw.SQLITE_ROW)
            {
                Check(code);
            }

            return raw.sqlite3_column_type(handle, 0) == raw.SQLITE_NULL ? null : raw.sqlite3_column_int64(handle, 0);
        }
    }

    /// <summary>Rolls back if a transaction is open. Never throws: it is called when something already failed.</summary>
    public void RollbackQuietly()
    {
        if (raw.sqlite3_get_autocommit(Handle) == 0 && raw.sqlite3_prepare_v2(Handle, "ROLLBACK", out var handle) == raw.SQLITE_OK)
        {
            using (handle)
            {
                _ = raw.sqlite3_step(handle);
            }
        }
    }

    public void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw Failure(code);
        }
    }

    public DbException Failure(int code) => new(code, raw.sqlite3_errmsg(Handle).utf8_to_string());

    public void Dispose()
    {
        foreach (var statement in statements)
        {
            statement.Dispose();
        }

        Handle.Dispose();
    }
}

/// <summary>A prepared statement. Parameters count from 1, columns from 0, as in SQLite.</summary>
internal sealed class Statement(Db db, sqlite3_stmt handle) : IDisposable
{
    public Statement Bind(int index, long value)
    {
        db.Check(raw.sqlite3_bind_int64(handle, index, value));
        return this;
    }

    public Statement Bind(int index, ReadOnlySpan<byte> value)
    {
        db.Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(handle, index, 0) : raw.sqlite3_bind_blob(handle, index, value));
        return this;
    }

    public Statement Bind(int index, string value)
    {
        Span<byte> buffer = stackalloc byte[1024];
        db.Check(Encoding.UTF8.TryGetBytes(value, buffer, out var written)
            ? raw.sqlite3_bind_text(handle, index, buffer[..written])
            : raw.sqlite3_bind_text(handle, index, value));
        return this;
    }

    public Statement BindNull(int index)
    {
        db.Check(raw.sqlite3_bind_null(handle, index));
        return this;
    }

    /// <summary>True: there is a row. On any error the statement is reset before it throws.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        if (code == raw.SQLITE_ROW)
        {
            return true;
        }

        if (code == raw.SQLITE_DONE)
        {
            return false;
        }

        var failure = db.Failure(code);
        _ = raw.sqlite3_reset(handle);
        throw failure;
    }

    /// <summary>Runs a statement that returns no rows.</summary>
    public void Run()
    {
        Step();
        Reset();
    }

    public void Reset() => _ = raw.sqlite3_reset(handle);

    public long Long(int column) => raw.sqlite3_column_int64(handle, column);

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public string Text(int column) => raw.sqlite3_column_text(handle, column).utf8_to_string();

    /// <summary>Valid until the next step or reset.</summary>
    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(handle, column);

    public void Dispose() => handle.Dispose();
}
