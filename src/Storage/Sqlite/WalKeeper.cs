using System.Diagnostics;
using SQLitePCL;

namespace Loyalty.Storage.Sqlite;

/// <summary>
/// Moves SQLite's log into the file. The bulk is copied on a thread of its own with a connection of its own, beside the writer; the rest, written
/// meanwhile, is small, and the writer copies it between two commits and starts the log anew. Left to SQLite, one commit in many would copy all.
/// </summary>
internal sealed class WalKeeper : IDisposable
{
    private readonly SqliteJournalOptions options;
    private readonly JournalWriter writer;
    private readonly Thread thread;
    private readonly SemaphoreSlim wake = new(0);
    private readonly CancellationTokenSource stopping = new();
    private long written;
    private long startAt;
    private bool copying;

    public WalKeeper(SqliteJournalOptions options, JournalWriter writer)
    {
        (this.options, this.writer) = (options, writer);
        startAt = options.WalBytes;
        thread = new(Loop) { IsBackground = true, Name = "journal log" };
    }

    /// <summary>The bulk is copied: the writer is to call <see cref="Finish"/>.</summary>
    public bool WantsFinish { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Longest time a commit had to wait for <see cref="Finish"/>, in <see cref="Stopwatch"/> ticks. For measurements.</summary>
    public long FinishTicksMax { get; private set; }

    public void Start() => thread.Start();

    /// <summary>Writer only.</summary>
    public void Wrote(long bytes)
    {
        written += bytes;
        if (written >= startAt && !Volatile.Read(ref copying))
        {
            Volatile.Write(ref copying, true);
            wake.Release();
        }
    }

    /// <summary>Writer only, between transactions.</summary>
    public void Finish(Db db)
    {
        WantsFinish = false;
        var start = Stopwatch.GetTimestamp();
        // Readers in this process end within a moment; one outside (a backup) may keep the log for long, and then it grows.
        _ = raw.sqlite3_busy_timeout(db.Handle, 5);
        var code = raw.sqlite3_wal_checkpoint_v2(db.Handle, null, raw.SQLITE_CHECKPOINT_RESTART, out _, out _);
        _ = raw.sqlite3_busy_timeout(db.Handle, 5000);
        if (code == raw.SQLITE_OK)
        {
            written = 0;
            startAt = options.WalBytes;
        }
        else
        {
            startAt = written + (options.WalBytes / 4);
        }

        FinishTicksMax = Math.Max(FinishTicksMax, Stopwatch.GetTimestamp() - start);
        Volatile.Write(ref copying, false);
    }

    public void Dispose()
    {
        stopping.Cancel();
        thread.Join();
        wake.Dispose();
        stopping.Dispose();
    }

    private void Loop()
    {
        Db? db = null;
        try
        {
            while (true)
            {
                wake.Wait(stopping.Token);
                try
                {
                    if (db is null)
                    {
                        db = Db.Open(options.Path, write: true);
                        // A connection that has read nothing does not know yet that there is a log, and would copy nothing.
                        db.Scalar("SELECT count(*) FROM meta");
                    }

                    var code = raw.sqlite3_wal_checkpoint_v2(db.Handle, null, raw.SQLITE_CHECKPOINT_PASSIVE, out _, out _);
                    if (code != raw.SQLITE_OK)
                    {
                        throw db.Failure(code);
                    }
                }
                catch (DbException e)
                {
                    db?.Dispose();
                    db = null;
                    options.OnTrouble?.Invoke($"Moving SQLite's log into {options.Path} failed and will be tried again: {e.Message}");
                }

                WantsFinish = true;
                writer.WakeUp();
            }
        }
        catch (OperationCanceledException)
        {
        }
        finally
        {
            db?.Dispose();
        }
    }
}
