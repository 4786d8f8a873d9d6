using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Loyalty.Grains.Streams;

/// <summary>Adds streams to silos that run the engine.</summary>
public static class LoyaltyStreamHosting
{
    /// <summary>
    /// Publishes member events and takes purchases by stream, as the options say. To be called on every silo, after
    /// <see cref="LoyaltyHosting.AddLoyalty(ISiloBuilder, Func{IServiceProvider, Runtime.Journal.IJournal}, Runtime.Kernel.KernelOptions, NodaTime.IClock)"/>; the
    /// stream provider of the name <see cref="LoyaltyStreamOptions.Provider"/> is added by the host.
    /// </summary>
    /// <exception cref="ArgumentException">A bound of the options is out of its range.</exception>
    public static ISiloBuilder AddLoyaltyStreams(this ISiloBuilder silo, LoyaltyStreamOptions options)
    {
        ArgumentNullException.ThrowIfNull(silo);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        silo.Services.AddSingleton(options);
        if (options.PublishMemberEvents)
        {
            silo.Services.AddSingleton<MemberEventPublisher>();
            silo.Services.AddHostedService(services => services.GetRequiredService<MemberEventPublisher>());
        }

        if (options.AcceptPurchases)
        {
            silo.Services.AddSingleton(services => new SaleIntake(services.GetRequiredService<LoyaltyEngine>(), options));
            silo.Services.Configure<StreamPullingAgentOptions>(options.Provider, agents => agents.MaxEventDeliveryTime = options.DeliveryPatience);
        }

        return silo;
    }
}
