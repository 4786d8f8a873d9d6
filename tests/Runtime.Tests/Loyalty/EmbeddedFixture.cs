using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Loyalty.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>The embedded host, on the store that a subclass brings.</summary>
public abstract class EmbeddedFixture : LoyaltyFixture
{
    private EmbeddedHost? _host;

    /// <summary>Small bounds, so that actors leave memory and checkpoints have several slices.</summary>
    public KernelOptions Options { get; init; } = new() { Shards = 4, MaxActorBytes = 60_000, CheckpointSlice = 7, WakeBatch = 5 };

    /// <summary>The open books.</summary>
    protected IJournal Journal { get; set; } = null!;

    /// <summary>The open books, for what asks them directly.</summary>
    public IJournal OpenJournal => Journal;

    /// <inheritdoc />
    public override Task<int> WakeDueAsync() => _host!.WakeDueAsync();

    /// <inheritdoc />
    public override async Task CheckpointAsync() => Assert.True(await _host!.CheckpointAsync());

    /// <inheritdoc />
    public override IEnumerable<JournalRecord> ReadAll() => Journal.ReadAll(0);

    /// <inheritdoc />
    protected override Task<(IActorHost Host, IBooks Books)> OpenAsync(ProgramSource programs)
    {
        _host = new(Journal, LoyaltyEngine.Kinds(programs, Connectors), Options, Clock, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
        return Task.FromResult<(IActorHost, IBooks)>((_host, new JournalBooks(Journal)));
    }

    /// <inheritdoc />
    protected override async Task StopAsync() => await _host!.DisposeAsync();
}

/// <summary>Books in memory.</summary>
public sealed class MemoryFixture : EmbeddedFixture
{
    private MemoryJournal _memory;

    /// <param name="options">Faults.</param>
    public MemoryFixture(MemoryJournalOptions? options = null) => Journal = _memory = new(options);

    /// <inheritdoc />
    public override ValueTask DisposeAsync() => _memory.DisposeAsync();

    /// <inheritdoc />
    protected override Task KillAsync()
    {
        Journal = _memory = _memory.Crash();
        return Task.CompletedTask;
    }
}

/// <summary>Books in a file.</summary>
public sealed class SqliteFixture : EmbeddedFixture
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("loyalty-runtime-tests-");
    private readonly List<SqliteJournal> _killed = [];
    private SqliteJournal? _open;
    private string _path;

    public SqliteFixture() => _path = Path.Combine(_folder.FullName, "books-0.db");

    /// <inheritdoc />
    public override async ValueTask DisposeAsync()
    {
        foreach (var journal in _killed.Append(_open!))
        {
            await journal.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    /// <inheritdoc />
    protected override Task<(IActorHost Host, IBooks Books)> OpenAsync(ProgramSource programs)
    {
        Journal = _open = SqliteJournal.Open(new() { Path = _path });
        return base.OpenAsync(programs);
    }

    /// <inheritdoc />
    protected override async Task StopAsync()
    {
        await base.StopAsync();
        await _open!.DisposeAsync();
    }

    /// <summary>What a dead process leaves behind is what lies in the files at this moment.</summary>
    protected override Task KillAsync()
    {
        _killed.Add(_open!);
        var copy = Path.Combine(_folder.FullName, $"books-{_killed.Count}.db");
        File.Copy(_path, copy);
        File.Copy(_path + "-wal", copy + "-wal");
        _path = copy;
        return Task.CompletedTask;
    }
}

/// <summary>Books in a schema of the tests' own PostgreSQL server.</summary>
public sealed class PostgresFixture : EmbeddedFixture
{
    private readonly List<PostgresJournal> _killed = [];
    private PostgresJournal? _open;
    private string? _schema;

    /// <inheritdoc />
    public override async ValueTask DisposeAsync()
    {
        foreach (var journal in _killed.Append(_open!))
        {
            await journal.DisposeAsync();
        }
    }

    /// <inheritdoc />
    protected override async Task<(IActorHost Host, IBooks Books)> OpenAsync(ProgramSource programs)
    {
        _schema ??= await PrivatePostgres.Shared.MakeSchemaAsync();
        Journal = _open = await PostgresJournal.OpenAsync(new() { ConnectionString = PrivatePostgres.Shared.ConnectionString, Schema = _schema });
        return await base.OpenAsync(programs);
    }

    /// <inheritdoc />
    protected override async Task StopAsync()
    {
        await base.StopAsync();
        await _open!.DisposeAsync();
    }

    /// <summary>The server is told nothing: to it the next engine is one more that has the books open.</summary>
    protected override Task KillAsync()
    {
        _killed.Add(_open!);
        return Task.CompletedTask;
    }
}

/// <summary>The embedded host on books in memory.</summary>
public sealed class EmbeddedOnMemoryTests() : LoyaltyBehaviour(new MemoryFixture());

/// <summary>The embedded host on books in a file.</summary>
public sealed class EmbeddedOnSqliteTests() : LoyaltyBehaviour(new SqliteFixture());

/// <summary>The embedded host on books in PostgreSQL.</summary>
[NeedsPostgres]
public sealed class EmbeddedOnPostgresTests() : LoyaltyBehaviour(new PostgresFixture());

/// <summary>The embedded host on books in memory.</summary>
public sealed class SpendingOnMemoryTests() : SpendingBehaviour(new MemoryFixture());

/// <summary>The embedded host on books in a file.</summary>
public sealed class SpendingOnSqliteTests() : SpendingBehaviour(new SqliteFixture());

/// <summary>The embedded host on books in PostgreSQL.</summary>
[NeedsPostgres]
public sealed class SpendingOnPostgresTests() : SpendingBehaviour(new PostgresFixture());

/// <summary>Exchanges on the embedded host, on books in memory.</summary>
public sealed class ExchangesOnMemoryTests() : ExchangeBehaviour(new MemoryFixture());

/// <summary>Exchanges on the embedded host, on books in a file.</summary>
public sealed class ExchangesOnSqliteTests() : ExchangeBehaviour(new SqliteFixture());

/// <summary>Exchanges on the embedded host, on books in PostgreSQL.</summary>
[NeedsPostgres]
public sealed class ExchangesOnPostgresTests() : ExchangeBehaviour(new PostgresFixture())
{
    [Fact(Skip = "Known to fail here: the process that this fixture kills goes on beside the new one, which does not see what that one appends to an actor it has in memory (docs/ARCHITECTURE.md, Known weaknesses).")]
    public override Task Exchanges_under_way_when_the_process_dies_end_all_the_same() => base.Exchanges_under_way_when_the_process_dies_end_all_the_same();
}

/// <summary>The embedded host on books in memory.</summary>
public sealed class CampaignsOnMemoryTests() : CampaignBehaviour(new MemoryFixture());

/// <summary>The embedded host on books in a file.</summary>
public sealed class CampaignsOnSqliteTests() : CampaignBehaviour(new SqliteFixture());

/// <summary>The embedded host on books in PostgreSQL.</summary>
[NeedsPostgres]
public sealed class CampaignsOnPostgresTests() : CampaignBehaviour(new PostgresFixture());
