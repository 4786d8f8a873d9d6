using System.Net;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Partners;
using Loyalty.Grains;
using Loyalty.Grains.Storage;
using Loyalty.Grains.Streams;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Silo.Postgres;
using Loyalty.Storage;
using NodaTime;
using Orleans.Configuration;
using Orleans.Dashboard;

namespace Loyalty.Silo.Hosting;

/// <summary>Builds silos, and clients of a cluster, from <see cref="SiloSettings"/>.</summary>
internal static class SiloHosting
{
    private const string AzureBooks = "books";

    /// <summary>Opens the books; null: the silo opens them itself when it starts.</summary>
    /// <exception cref="JournalUnavailableException">They cannot be opened; the message says what to do.</exception>
    public static async Task<IJournal?> OpenJournalAsync(SiloSettings settings, string dataFolder, ILoggerFactory loggers)
    {
        switch (settings.Store)
        {
            case StoreKind.Sqlite:
                Directory.CreateDirectory(dataFolder);
                return EngineProcess.OpenJournal(dataFolder, loggers);
            case StoreKind.Postgres:
                return await PostgresJournal.OpenAsync(new()
                {
                    ConnectionString = settings.ConnectionString!,
                    Schema = settings.Schema,
                    OnTrouble = EngineProcess.TroubleLog(loggers.CreateLogger<PostgresJournal>()),
                }).ConfigureAwait(false);
            default:
                return null;
        }
    }

    /// <summary>A silo of the cluster, with the engine's actors on it.</summary>
    public static void Configure(ISiloBuilder silo, SiloSettings settings, IJournal? journal, KernelOptions kernel, string? dataFolder = null)
    {
        silo.Services.AddSingleton(services => PartnersFile.Load(dataFolder, services.GetRequiredService<ILogger<PartnerConnectors>>()));
        silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (settings.ClusterId, settings.ClusterId));
        if (settings.Store == StoreKind.Sqlite)
        {
            // One silo: nobody joins, and nothing listens beyond this machine.
            silo.UseLocalhostClustering(settings.SiloPort, settings.GatewayPort, serviceId: settings.ClusterId, clusterId: settings.ClusterId);
        }
        else if (settings.Store == StoreKind.Azure)
        {
            silo.UseAzureStorageClustering(options => options.TableServiceClient = new TableServiceClient(settings.ConnectionString));
            silo.ConfigureEndpoints(settings.Address, settings.SiloPort, settings.GatewayPort, listenOnAnyHostAddress: !IPAddress.IsLoopback(settings.Address));
            silo.AddAzureBlobGrainStorage(AzureBooks, options =>
            {
                options.BlobServiceClient = new BlobServiceClient(settings.ConnectionString);
                options.ContainerName = settings.Schema;
            });
        }
        else
        {
            var orleans = OrleansSchema.ConnectionString(settings.ConnectionString!);
            silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (OrleansSchema.Invariant, orleans));
            silo.UseAdoNetReminderService(options => (options.Invariant, options.ConnectionString) = (OrleansSchema.Invariant, orleans));
            silo.ConfigureEndpoints(settings.Address, settings.SiloPort, settings.GatewayPort, listenOnAnyHostAddress: !IPAddress.IsLoopback(settings.Address));
        }

        // A dead silo is noticed within seconds: two missed probes and a second silo's word are enough. Shorter times take a busy silo for a dead one.
        silo.Configure<ClusterMembershipOptions>(membership =>
        {
            membership.ProbeTimeout = TimeSpan.FromSeconds(2);
            membership.NumMissedProbesLimit = 2;
            membership.TableRefreshTimeout = TimeSpan.FromSeconds(5);
            membership.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(10);
            membership.DefunctSiloExpiration = TimeSpan.FromDays(1);
            membership.DefunctSiloCleanupPeriod = TimeSpan.FromHours(1);
        });
        silo.AddActivityPropagation();
        if (journal is null)
        {
            silo.AddLoyaltyOnGrainStorage(AzureBooks, new GrainStorageJournalOptions(), kernel, SystemClock.Instance);
        }
        else
        {
            silo.AddLoyalty(_ => journal, kernel, SystemClock.Instance);
        }


        if (settings.Streams)
        {
            // Queues in the silos' memory: what is queued when a silo dies is not delivered. A host that needs more adds a lasting provider (docs/STREAMS.md).
            var streams = new LoyaltyStreamOptions { PublishMemberEvents = true, AcceptPurchases = true };
            silo.AddMemoryStreams(streams.Provider);
            silo.AddMemoryGrainStorage("PubSubStore");
            silo.AddLoyaltyStreams(streams);
        }

        // Its counters walk over all activations: not every second with a million of them.
        silo.AddDashboard(dashboard => dashboard.CounterUpdateIntervalMs = 5000);
    }

    /// <summary>A gateway of its own.</summary>
    public static void Configure(IClientBuilder client, SiloSettings settings)
    {
        client.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (settings.ClusterId, settings.ClusterId));
        var orleans = OrleansSchema.ConnectionString(settings.ConnectionString!);
        client.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (OrleansSchema.Invariant, orleans));
        client.Configure<GatewayOptions>(gateways => gateways.GatewayListRefreshPeriod = TimeSpan.FromSeconds(5));
        client.UseConnectionRetryFilter(static async (_, stopping) =>
        {
            // The cluster may still be starting, or starting again.
            await Task.Delay(TimeSpan.FromSeconds(1), stopping).ConfigureAwait(false);
            return true;
        });
        client.AddActivityPropagation();
        client.AddLoyalty(SystemClock.Instance);
        client.AddDashboard();
    }
}
