using System.Globalization;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage.Sqlite;

namespace Loyalty.Storage;

/// <summary>
/// The default store: one process, one file. Records lie in commit order in blocks of about 64 KiB, one SQLite transaction for each group commit,
/// synced before anyone is told. Only one process may have a file open for writing; reading it beside (backup, verification) is fine.
/// </summary>
/// <remarks>
/// Thread safe. What it holds in memory: about 300 bytes for each actor with unsaved records (bounded by how often checkpoints are made),
/// <see cref="SqliteJournalOptions.CleanHeadsMax"/> others, two bytes for each request key ever seen, and a tail of
/// <see cref="SqliteJournalOptions.KeyTailMax"/> keys.
/// </remarks>
public sealed class SqliteJournal : IJournal
{
    private readonly SqliteJournalOptions options;
    private readonly FileStream fileLock;
    private readonly JournalState state;
    private readonly JournalWriter writer;
    private readonly ReaderPool readers;
    private readonly KeyKeeper keeper;
    private readonly CancellationTokenSource stopping = new();
    private Task rebuild = Task.CompletedTask;
    private int closed;

    private SqliteJournal(SqliteJournalOptions options, FileStream fileLock, Db db)
    {
        (this.options, this.fileLock) = (options, fileLock);
        KeySeed = JournalFile.Meta(db, "key_seed");
        var tailStart = JournalFile.Meta(db, "tail_start");
        var keyTailStart = JournalFile.Meta(db, "key_tail_start");
        db.Execute($"UPDATE meta SET value = {Environment.ProcessId} WHERE name = 'holder'");

        var (runs, garbage, nextRun) = LoadRuns(db);
        state = new(
            new(options.CleanHeadsMax), new(options.KeyTailMax, runs), new(), new(), new(db.Scalar("SELECT 1 FROM snapshot LIMIT 1") is null));
        state.RestoreTotals(db);
        var from = Math.Min(tailStart, keyTailStart);
        if (state.DurablePosition > from)
        {
            state.Replay(db, Math.Max(1, BlockFormat.Seq(from)), tailStart, keyTailStart);
        }

        writer = new(options, state, new(db));
        keeper = new(state.Keys, writer, options, nextRun, garbage);
        writer.Keys = keeper;
        readers = new(options, state);
    }

    /// <inheritdoc />
    public string Description => $"SQLite journal {options.Path}";

    /// <inheritdoc />
    public long KeySeed { get; }

    /// <inheritdoc />
    public bool IsExclusive => true;

    /// <inheritdoc />
    public CheckpointState Checkpoint
    {
        get
        {
            var (records, bytes) = state.Tail.Read();
            return new(state.DurablePosition, records, bytes, state.Heads.Unsaved);
        }
    }

    internal JournalWriter Writer => writer;

    internal JournalState State => state;

    /// <summary>For tests: runs something on the writer's thread, between commits.</summary>
    internal Task OnWriterAsync(Action<Db> action) => writer.RunAsync(new DelegateJob((db, _) =>
    {
        action(db.Db);
        return true;
    }));

    /// <summary>For tests: makes the disk full (SQLite refuses to grow the file beyond so many pages) or gives space back.</summary>
    internal Task SetPagesMaxAsync(long pages) => OnWriterAsync(db => db.Execute($"PRAGMA max_page_count = {pages}"));

    /// <summary>Opens the file, or makes it. Reads only what came after the last checkpoint.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="JournalUnavailableException">The file cannot be opened, is not a journal, or is open in another engine; the message says which.</exception>
    /// <exception cref="JournalCorruptException">It is damaged where it must be read, or of another format.</exception>
    public static SqliteJournal Open(SqliteJournalOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        options = options with { Path = Path.GetFullPath(options.Path) };
        var fileLock = JournalFile.Lock(options.Path);
        Db? db = null;
        try
        {
            db = JournalFile.OpenWriter(options.Path, options.WalBytes, options.NewKeySeed);
            var journal = new SqliteJournal(options, fileLock, db);
            journal.Start();
            return journal;
        }
        catch (DbException e)
        {
            db?.Dispose();
            fileLock.Dispose();
            throw JournalFile.Explain(options.Path, e);
        }
        catch
        {
            db?.Dispose();
            fileLock.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Copies a journal, also while an engine writes it, as it was at one moment: everything acknowledged before the call is in the copy.
    /// </summary>
    /// <param name="source">The journal's file.</param>
    /// <param name="destination">The copy; must not exist. It appears under this name only when it is complete and on disk.</param>
    /// <param name="progress">Told pages copied and pages in all, now and then.</param>
    /// <exception cref="JournalUnavailableException">The source cannot be read, or the destination exists or cannot be written.</exception>
    public static void Backup(string source, string destination, Action<long, long>? progress = null) => JournalBackup.Copy(source, destination, progress);

    /// <inheritdoc />
    public void Append(AppendBatch batch)
    {
        AppendChecks.Check(batch);
        writer.Append(batch);
    }

    /// <inheritdoc />
    public bool MightContain(RequestKey key) => state.Keys.MightContain(key);

    /// <inheritdoc />
    public ValueTask<JournalRecord?> FindAsync(RequestKey key) =>
        state.Keys.MightContain(key) ? new(readers.ReadAsync(r => r.Find(key))) : new((JournalRecord?)null);

    /// <inheritdoc />
    public ValueTask<LoadedActor> LoadAsync(ActorId actor)
    {
        AppendChecks.CheckActor(actor);
        var hash = actor.StableHash();
        // A never-seen actor is the common case when members stream in: no read, no other thread.
        var known = state.Heads.TryRead(actor, hash, state.DurablePosition, out var head, out _, out _, out var generation);
        if (!known && !state.Snapshots.MightContain(hash))
        {
            state.Heads.AddClean(actor, hash, default, savedVersion: 0, generation);
            return new(Reader.Nothing);
        }

        return known && head.Version == 0 ? new(Reader.Nothing) : new(readers.ReadAsync(r => r.Load(actor, hash)));
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long before, int count)
    {
        AppendChecks.CheckActor(actor);
        AppendChecks.CheckCount(count);
        var hash = actor.StableHash();
        return new(readers.ReadAsync(r => r.History(actor, hash, before, count)));
    }

    /// <inheritdoc />
    public IEnumerable<JournalRecord> ReadAll(long after) => BlockReader.ReadAll(options.Path, after, state.DurablePosition);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ActorId>> DueAsync(long nowMs, int count, HashRange range) =>
        new(readers.ReadAsync(r => InRange(r.Due(nowMs, range == HashRange.All ? count : int.MaxValue), range, count)));

    /// <inheritdoc />
    public JournalTotals Totals() => state.Totals.Read();

    /// <inheritdoc />
    public IReadOnlyList<ActorId> UnsavedActors(long position, int count, HashRange range) =>
        InRange(state.Heads.UnsavedActors(position, range == HashRange.All ? count : int.MaxValue, () => state.DurablePosition), range, count);

    /// <inheritdoc />
    public ValueTask SaveSnapshotsAsync(IReadOnlyList<Snapshot> snapshots)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        if (state.Snapshots.WantsRebuild && rebuild.IsCompleted)
        {
            StartRebuild();
        }

        return snapshots.Count == 0 ? ValueTask.CompletedTask : new(writer.SaveAsync(snapshots));
    }

    /// <inheritdoc />
    public async ValueTask<bool> CompleteCheckpointAsync(long position)
    {
        if (position > state.DurablePosition || !state.Heads.AllSaved(position))
        {
            return false;
        }

        await writer.RunAsync(new DelegateJob(
            (db, _) =>
            {
                db.SetMeta("tail_start", Math.Max(position, JournalFile.Meta(db.Db, "tail_start")));
                return true;
            },
            durable: true)).ConfigureAwait(false);
        state.Tail.TrimThrough(position);
        return true;
    }

    /// <summary>Commits what was appended, closes the file, releases the lock.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
        {
            return;
        }

        await stopping.CancelAsync().ConfigureAwait(false);
        await Task.Run(() =>
        {
            // Readers before the writer: SQLite empties its log only when the last connection closes.
            readers.Dispose();
            keeper.Stop();
            writer.Stop();
            keeper.Dispose();
        }).ConfigureAwait(false);
        await rebuild.ConfigureAwait(false);
        stopping.Dispose();
        await fileLock.DisposeAsync().ConfigureAwait(false);
    }

    private static (List<KeyRun> Runs, List<long> Garbage, long NextRun) LoadRuns(Db db)
    {
        var runs = new List<KeyRun>();
        var reader = new KeyRunReader(db);
        using (var list = db.Prepare("SELECT run, level, keys, chunks FROM key_run"))
        {
            while (list.Step())
            {
                runs.Add(reader.Load(list.Long(0), (int)list.Long(1), list.Long(2), (int)list.Long(3)));
            }
        }

        // Rows of runs that were being written, or removed, when the process ended.
        var garbage = new List<long>();
        var named = runs.Select(r => r.Id).ToHashSet();
        var last = 0L;
        while (db.Scalar(string.Create(CultureInfo.InvariantCulture, $"SELECT min(id) FROM key_part WHERE id >= {(last + 1) << 32}")) is { } row)
        {
            last = row >> 32;
            if (!named.Contains(last))
            {
                garbage.Add(last);
            }
        }

        return (runs, garbage, Math.Max(last, named.Count == 0 ? 0 : named.Max()) + 1);
    }

    private static IReadOnlyList<ActorId> InRange(IReadOnlyList<ActorId> actors, HashRange range, int count) =>
        range == HashRange.All ? actors : [.. actors.Where(actor => range.Contains(actor.StableHash())).Take(count)];

    private void Start()
    {
        writer.Start();
        keeper.Start();
        readers.Start();
        if (state.Snapshots.WantsRebuild)
        {
            StartRebuild();
        }
    }

    private void StartRebuild() => rebuild = Task.Run(async () =>
    {
        try
        {
            await state.Snapshots.RebuildAsync(options.Path, writer, stopping.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or JournalUnavailableException or JournalCorruptException or DbException)
        {
            // Loading goes on without it, slower; the next checkpoint tries again.
            if (!stopping.IsCancellationRequested)
            {
                options.OnTrouble?.Invoke($"Listing the snapshotted actors failed and will be tried again: {e.Message}");
            }
        }
    });
}
