using Loyalty.Grains;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Silo.Hosting;

/// <summary>Whether requests should be sent here: what <c>/readyz</c> says.</summary>
internal static class Readiness
{
    /// <summary>A silo is ready while it is an active member of its cluster, knows the program and is not being stopped.</summary>
    public static Func<bool> OfSilo(IServiceProvider services, LoyaltyEngine engine)
    {
        var oracle = services.GetRequiredService<ISiloStatusOracle>();
        var lifetime = services.GetRequiredService<IHostApplicationLifetime>();
        return () => engine.Programs.IsLoaded && oracle.CurrentStatus == SiloStatus.Active && !lifetime.ApplicationStopping.IsCancellationRequested;
    }

    /// <summary>A gateway is ready while it has heard of a silo lately, knows the program and is not being stopped.</summary>
    public static Func<bool> OfGateway(IServiceProvider services, LoyaltyEngine engine)
    {
        var silos = (SiloListOfCluster)services.GetRequiredService<ISiloList>();
        var lifetime = services.GetRequiredService<IHostApplicationLifetime>();
        return () => engine.Programs.IsLoaded && silos.IsFresh && !lifetime.ApplicationStopping.IsCancellationRequested;
    }
}
