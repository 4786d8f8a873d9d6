using Loyalty.Runtime.Journal;
using Loyalty.Tests.Shared;

namespace Loyalty.Storage.Tests;

/// <summary>The behaviour suite, with limits so small that tests cross the bounds of groups, slices and queries.</summary>
[NeedsPostgres]
public class PostgresJournalTests : JournalBehaviour
{
    private readonly List<IJournal> dead = [];
    private string? schema;

    protected virtual PostgresJournalOptions Options => new()
    {
        ConnectionString = PrivatePostgres.Shared.ConnectionString,
        Schema = schema!,
        CommitRecordsMax = 7,
        SnapshotsPerSlice = 16,
        ReadsPerQueryMax = 2,
        SuspiciousLookups = 3,
        KnownKeysMax = 1024,
    };

    protected override async Task<IJournal> OpenAsync()
    {
        schema ??= await PrivatePostgres.Shared.MakeSchemaAsync();
        return await PostgresJournal.OpenAsync(Options);
    }

    /// <summary>The old process is never told: to the server it is one more that has the books open.</summary>
    protected override Task<IJournal> CrashAsync(IJournal journal)
    {
        dead.Add(journal);
        return OpenAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var journal in dead)
        {
            await journal.DisposeAsync();
        }
    }
}

/// <summary>The behaviour suite with the limits that ship.</summary>
[NeedsPostgres]
public sealed class PostgresJournalWithDefaultLimitsTests : PostgresJournalTests
{
    protected override PostgresJournalOptions Options => new() { ConnectionString = base.Options.ConnectionString, Schema = base.Options.Schema };
}
