using System.Net;
using System.Net.Sockets;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Loyalty.Grains.Storage;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Runtime.Tests.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NodaTime;
using Orleans;
using Orleans.Clustering.AzureStorage;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace Loyalty.Grains.Tests;

/// <summary>A silo with its books in Azure blobs, and a client as its gateway.</summary>
public sealed class AzureSiloFixture : LoyaltyFixture
{
    private readonly GrainStorageJournalOptions _books = new() { Books = $"{Guid.NewGuid():n}" };
    private InProcessTestCluster? _cluster;

    private static KernelOptions Options { get; } = new() { Shards = 2, MaxActorBytes = 60_000, CheckpointSlice = 7, WakeBatch = 5 };

    private IServiceProvider Silo => _cluster!.Silos[0].ServiceProvider;

    /// <inheritdoc />
    public override Task<int> WakeDueAsync() => Silo.GetRequiredService<SiloKeeper>().WakeDueAsync();

    /// <inheritdoc />
    public override async Task CheckpointAsync() => Assert.True(await Silo.GetRequiredService<SiloKeeper>().CheckpointAsync());

    /// <inheritdoc />
    public override IEnumerable<JournalRecord> ReadAll() => Silo.GetRequiredService<SiloBooks>().ReadAll(0);

    /// <inheritdoc />
    public override async ValueTask DisposeAsync() => await StopAsync();

    /// <inheritdoc />
    protected override async Task<(IActorHost Host, IBooks Books)> OpenAsync(ProgramSource programs)
    {
        var connection = await Azurite.ConnectionString;
        var builder = new InProcessTestClusterBuilder(1);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddAzureBlobGrainStorage("books", options => options.BlobServiceClient = new BlobServiceClient(connection));
            silo.AddLoyaltyOnGrainStorage("books", _books, Options, Clock);
        });
        builder.ConfigureClient(client => client.AddLoyalty(Clock));
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        var services = _cluster.Client.ServiceProvider;
        await services.GetRequiredService<ISiloList>().RefreshAsync();
        return (services.GetRequiredService<OrleansHost>(), services.GetRequiredService<IBooks>());
    }

    /// <inheritdoc />
    protected override async Task StopAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.StopAllSilosAsync();
            await _cluster.DisposeAsync();
            _cluster = null;
        }
    }

    /// <inheritdoc />
    protected override async Task KillAsync()
    {
        // The books are taken over while the silo still believes that it has them.
        var old = _cluster!;
        await (await GrainStorageJournal.OpenAsync(await AzureProviders.OnBlobs, _books)).DisposeAsync();
        await old.KillSiloAsync(old.Silos[0]);
        await old.DisposeAsync();
        _cluster = null;
    }
}

/// <summary>What every loyalty engine does, on Orleans with Azure storage.</summary>
public sealed class AzureSiloTests
{
    public static TheoryData<string> Tests => Suite.Of<LoyaltyBehaviour>();

    [AzuriteTheory]
    [MemberData(nameof(Tests))]
    public Task On_a_silo_with_Azure_blobs(string test) => Suite.RunAsync(new Behaviour(), test);

    private sealed class Behaviour() : LoyaltyBehaviour(new AzureSiloFixture());
}

/// <summary>Silos find each other through an Azure table.</summary>
public sealed class AzureClusteringTests
{
    [AzuriteFact]
    public async Task Two_silos_and_a_client_form_a_cluster_through_an_Azure_table()
    {
        var tables = new TableServiceClient(await Azurite.ConnectionString);
        await using var journal = new MemoryJournal();
        var cluster = $"{Guid.NewGuid():n}";
        using var first = Silo(tables, cluster, journal);
        using var second = Silo(tables, cluster, journal);
        await Task.WhenAll(first.StartAsync(), second.StartAsync());

        var rows = tables.GetTableClient(AzureStorageClusteringOptions.DEFAULT_TABLE_NAME).Query<TableEntity>(row => row.PartitionKey == cluster).ToList();
        Assert.Equal(2, rows.Count(row => row.GetString("Status") == "Active"));

        var client = Host.CreateEmptyApplicationBuilder(null);
        client.UseOrleansClient(orleans =>
        {
            orleans.Configure<ClusterOptions>(options => options.ClusterId = options.ServiceId = cluster);
            orleans.UseAzureStorageClustering(options => options.TableServiceClient = tables);
            orleans.AddLoyalty(SystemClock.Instance);
        });
        using var gateway = client.Build();
        await gateway.StartAsync();
        Assert.Equal(2, (await gateway.Services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true)).Count);
        await gateway.Services.GetRequiredService<GrainBooks>().StartAsync();
        Assert.Contains("memory", gateway.Services.GetRequiredService<IBooks>().Description, StringComparison.Ordinal);

        await gateway.StopAsync();
        await second.StopAsync();
        await first.StopAsync();
        Assert.DoesNotContain(tables.GetTableClient(AzureStorageClusteringOptions.DEFAULT_TABLE_NAME).Query<TableEntity>(row => row.PartitionKey == cluster), row => row.GetString("Status") == "Active");
    }

    private static IHost Silo(TableServiceClient tables, string cluster, IJournal journal)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(options => options.ClusterId = options.ServiceId = cluster);
            silo.Configure<EndpointOptions>(options => (options.AdvertisedIPAddress, options.SiloPort, options.GatewayPort) = (IPAddress.Loopback, FreePort(), FreePort()));
            silo.UseAzureStorageClustering(options => options.TableServiceClient = tables);
            silo.AddLoyalty(_ => journal, new KernelOptions { Shards = 2 }, SystemClock.Instance);
        });
        return builder.Build();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
