using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NodaTime;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.GrainDirectory;
using Orleans.Runtime.Hosting;

namespace Loyalty.Grains;

/// <summary>Adds the engine to silos and to gateways of their own.</summary>
public static class LoyaltyHosting
{
    /// <summary>Runs the engine's actors on this silo.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="journal">Makes the books, or gives those that are open; the silo does not dispose them.</param>
    /// <param name="options">The kernel's bounds.</param>
    /// <param name="clock">The engine's clock.</param>
    public static ISiloBuilder AddLoyalty(this ISiloBuilder silo, Func<IServiceProvider, IJournal> journal, KernelOptions options, IClock clock)
    {
        ArgumentNullException.ThrowIfNull(silo);
        silo.Services.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = OrleansHost.AnswerTimeout);
        silo.Services.AddSingleton(clock);
        silo.Services.AddSingleton<ProgramSource>();
        silo.Services.AddSingleton<ISiloList, SiloListOfOracle>();
        silo.Services.AddSingleton(services => new SiloActors(
            journal(services), services.GetRequiredService<ProgramSource>(), options, clock, services.GetRequiredService<OrleansHost>,
            () => HolderOf(services), services.GetRequiredService<ILoggerFactory>(), services.GetService<PartnerConnectors>()));
        silo.Services.AddSingleton(services => new OrleansHost(
            services.GetRequiredService<IGrainFactory>(), services.GetRequiredService<ISiloList>(), services.GetRequiredService<SiloActors>(),
            services.GetRequiredService<ILocalSiloDetails>().SiloAddress, services.GetRequiredService<ILogger<OrleansHost>>()));
        silo.Services.AddSingleton<IBooks>(services => new JournalBooks(services.GetRequiredService<SiloActors>().Journal));
        silo.Services.AddSingleton(services => new LoyaltyEngine(
            services.GetRequiredService<OrleansHost>(), services.GetRequiredService<IBooks>(), services.GetRequiredService<ProgramSource>(), clock));
        silo.Services.AddSingleton<SiloKeeper>();
        silo.Services.AddHostedService(services => services.GetRequiredService<SiloKeeper>());
        silo.AddGrainDirectory(ShardDirectory.Name, (services, _) => services.GetRequiredService<ShardDirectory>());
        silo.Services.AddSingleton<ShardDirectory>();
        silo.Services.AddSingleton<IGrainDirectoryCache>(services => services.GetRequiredService<ShardDirectory>());
        silo.Services.AddPlacementDirector<ShardPlacement, ShardPlacementDirector>();
        silo.Services.AddPlacementDirector<SiloPlacement, SiloPlacementDirector>();
        silo.AddStartupTask(async (services, _) => await services.GetRequiredService<SiloActors>().RefreshProgramAsync().ConfigureAwait(false));
        return silo;
    }

    /// <summary>Lets a gateway in a process of its own reach the actors.</summary>
    /// <param name="client">The client.</param>
    /// <param name="clock">The engine's clock.</param>
    public static IClientBuilder AddLoyalty(this IClientBuilder client, IClock clock)
    {
        ArgumentNullException.ThrowIfNull(client);
        client.Services.Configure<ClientMessagingOptions>(messaging => messaging.ResponseTimeout = OrleansHost.AnswerTimeout);
        client.Services.AddSingleton(clock);
        client.Services.AddSingleton<ProgramSource>();
        client.Services.AddSingleton<ISiloList, SiloListOfCluster>();
        client.Services.AddSingleton(services => new OrleansHost(
            services.GetRequiredService<IGrainFactory>(), services.GetRequiredService<ISiloList>(), null, null, services.GetRequiredService<ILogger<OrleansHost>>()));
        client.Services.AddSingleton<GrainBooks>();
        client.Services.AddSingleton<IBooks>(services => services.GetRequiredService<GrainBooks>());
        client.Services.AddHostedService<ClusterWatcher>();
        client.Services.AddSingleton(services => new LoyaltyEngine(
            services.GetRequiredService<OrleansHost>(), services.GetRequiredService<IBooks>(), services.GetRequiredService<ProgramSource>(), clock));
        return client;
    }

    /// <summary>A silo holds leases under its address, which no silo after it has; what silos hold that are not there any more is settled by the silo that looks after the campaign.</summary>
    private static LeaseHolder HolderOf(IServiceProvider services)
    {
        var here = services.GetRequiredService<ILocalSiloDetails>().SiloAddress;
        var silos = services.GetRequiredService<ISiloList>();
        return new(
            here.ToParsableString(),
            holder => silos.Map is not { } map || map.Silos.Any(silo => silo.ToParsableString() == holder),
            campaign => silos.Map?.OwnerOf(campaign).Equals(here) == true);
    }
}
