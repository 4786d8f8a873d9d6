using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Loyalty.Grains.Storage;
using Loyalty.Runtime.Journal;
using Loyalty.Storage.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Serialization.Activators;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace Loyalty.Grains.Tests;

/// <summary>The official Azure providers outside a silo.</summary>
internal static class AzureProviders
{
    private static readonly Lazy<Task<IGrainStorage>> Blobs = new(BlobsAsync), Tables = new(TablesAsync);

    private static readonly ServiceProvider Services = new ServiceCollection().AddLogging().AddSerializer().BuildServiceProvider();

    public static Task<IGrainStorage> OnBlobs => Blobs.Value;

    public static Task<IGrainStorage> OnTables => Tables.Value;

    private static async Task<IGrainStorage> BlobsAsync()
    {
        var options = new AzureBlobStorageOptions { BlobServiceClient = new BlobServiceClient(await Azurite.ConnectionString), GrainStorageSerializer = new BooksRecordSerializer() };
        var containers = options.BuildContainerFactory(Services, options);
        await containers.InitializeAsync(options.BlobServiceClient);
        return new AzureBlobGrainStorage("books", options, containers, Services.GetRequiredService<IActivatorProvider>(), NullLogger<AzureBlobGrainStorage>.Instance);
    }

    private static async Task<IGrainStorage> TablesAsync()
    {
        var options = new AzureTableStorageOptions
        {
            TableServiceClient = new TableServiceClient(await Azurite.ConnectionString),
            GrainStorageSerializer = new BooksRecordSerializer(),
            DeleteStateOnClear = true,
        };
        var storage = new AzureTableGrainStorage(
            "books", options, Options.Create(new ClusterOptions { ServiceId = "loyalty" }), NullLogger<AzureTableGrainStorage>.Instance, Services.GetRequiredService<IActivatorProvider>());
        var lifecycle = new SiloLifecycleSubject(NullLogger<SiloLifecycleSubject>.Instance);
        storage.Participate(lifecycle);
        await lifecycle.OnStart(CancellationToken.None);
        return storage;
    }
}

/// <summary>The behaviour suite on books of their own in a provider.</summary>
internal class ProviderSuite(Func<Task<IGrainStorage>> storage, GrainStorageJournalOptions options) : JournalBehaviour
{
    private readonly List<IJournal> _dead = [];
    private readonly GrainStorageJournalOptions _options = options with { Books = $"{Guid.NewGuid():n}" };

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var journal in _dead)
        {
            await journal.DisposeAsync();
        }
    }

    protected override async Task<IJournal> OpenAsync() => await GrainStorageJournal.OpenAsync(await storage(), _options);

    protected override Task<IJournal> CrashAsync(IJournal journal)
    {
        _dead.Add(journal);
        return OpenAsync();
    }
}

/// <summary>The journal's behaviour suite on Azure blobs.</summary>
public sealed class AzureBlobJournalTests
{
    public static TheoryData<string> Tests => Suite.Of<JournalBehaviour>();

    [AzuriteTheory]
    [MemberData(nameof(Tests))]
    public Task On_Azure_blobs(string test) => Suite.RunAsync(new ProviderSuite(() => AzureProviders.OnBlobs, new()), test);

    [AzuriteFact]
    public async Task A_silo_that_takes_the_books_over_fences_the_one_before_by_the_blob_ETag()
    {
        var storage = await AzureProviders.OnBlobs;
        var options = new GrainStorageJournalOptions { Books = $"{Guid.NewGuid():n}" };
        await using var first = await GrainStorageJournal.OpenAsync(storage, options);
        var books = new Books(first);
        await books.Append(new("member", "anna"), "one");
        await using var second = await GrainStorageJournal.OpenAsync(storage, options);
        await new Books(second, books).Append(new("member", "anna"), "two, by the second");
        Assert.Equal(AppendOutcome.Failed, await books.Try(new("member", "anna"), "two, by the first"));
        Assert.Equal(2, second.ReadAll(0).Count());
    }
}

/// <summary>The journal's behaviour suite on Azure tables.</summary>
public sealed class AzureTableJournalTests
{
    public static TheoryData<string> Tests => Suite.Of<JournalBehaviour>();

    [AzuriteTheory]
    [MemberData(nameof(Tests))]
    public Task On_Azure_tables(string test) => Suite.RunAsync(new ProviderSuite(() => AzureProviders.OnTables, new() { SegmentBytesMax = 64 << 10 }), test);

    [AzuriteFact]
    public async Task The_largest_segments_that_a_table_row_takes_are_written_and_read()
    {
        var storage = await AzureProviders.OnTables;
        var options = new GrainStorageJournalOptions { Books = $"{Guid.NewGuid():n}", SegmentBytesMax = 512 << 10 };
        await using (var journal = await GrainStorageJournal.OpenAsync(storage, options))
        {
            var books = new Books(journal);
            for (var i = 0; i < 8; i++)
            {
                await books.Append(new("member", $"{i}"), new string('x', 127 << 10));
            }
        }

        await using var again = await GrainStorageJournal.OpenAsync(storage, options);
        Assert.Equal(8, again.ReadAll(0).Count(record => record.Events.Length == 127 << 10));
    }
}
