using Loyalty.Grains;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Runtime.Tests.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.TestingHost;

namespace Loyalty.Grains.Tests;

/// <summary>Where the gateway of a test is.</summary>
public enum GatewayPlace
{
    /// <summary>A client of the cluster, as in a process of its own: all that crosses is serialized.</summary>
    Client,

    /// <summary>In the first of the silos.</summary>
    Silo,
}

/// <summary>Two silos in this process on the same books in memory.</summary>
public sealed class ClusterFixture(GatewayPlace gateway) : LoyaltyFixture
{
    private InProcessTestCluster? _cluster;
    private MemoryJournal _memory = new(null);

    /// <summary>Small bounds, so that actors leave memory and checkpoints have several slices.</summary>
    public KernelOptions Options { get; init; } = new() { Shards = 2, MaxActorBytes = 60_000, CheckpointSlice = 7, WakeBatch = 5 };

    private IEnumerable<SiloKeeper> Keepers => _cluster!.Silos.Select(silo => silo.ServiceProvider.GetRequiredService<SiloKeeper>());

    /// <inheritdoc />
    public override async Task<int> WakeDueAsync()
    {
        var woken = 0;
        foreach (var keeper in Keepers)
        {
            woken += await keeper.WakeDueAsync();
        }

        return woken;
    }

    /// <inheritdoc />
    public override async Task CheckpointAsync()
    {
        var moved = false;
        foreach (var keeper in Keepers)
        {
            moved |= await keeper.CheckpointAsync();
        }

        Assert.True(moved);
    }

    /// <inheritdoc />
    public override IEnumerable<JournalRecord> ReadAll() => _memory.ReadAll(0);

    /// <inheritdoc />
    public override async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _memory.DisposeAsync();
    }

    /// <inheritdoc />
    protected override async Task<(IActorHost Host, IBooks Books)> OpenAsync(ProgramSource programs)
    {
        var builder = new InProcessTestClusterBuilder(2);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton(Connectors);
            silo.AddLoyalty(_ => _memory, Options, Clock);
        });
        builder.ConfigureClient(client => client.AddLoyalty(Clock));
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        var services = gateway == GatewayPlace.Client ? _cluster.Client.ServiceProvider : _cluster.Silos[0].ServiceProvider;
        var host = services.GetRequiredService<OrleansHost>();
        await services.GetRequiredService<ISiloList>().RefreshAsync();
        return (host, services.GetRequiredService<IBooks>());
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
        // What the silos still do goes to books that nobody looks at any more.
        var old = _cluster!;
        _memory = _memory.Crash();
        foreach (var silo in old.Silos.ToArray())
        {
            await old.KillSiloAsync(silo);
        }

        await old.DisposeAsync();
        _cluster = null;
    }
}

/// <summary>A gateway of its own in front of two silos.</summary>
public sealed class ClientOfTwoSilosTests() : LoyaltyBehaviour(new ClusterFixture(GatewayPlace.Client));

/// <summary>A gateway in one of two silos.</summary>
public sealed class GatewayInOneOfTwoSilosTests() : LoyaltyBehaviour(new ClusterFixture(GatewayPlace.Silo));

/// <summary>A gateway of its own in front of two silos.</summary>
public sealed class SpendingByAClientOfTwoSilosTests() : SpendingBehaviour(new ClusterFixture(GatewayPlace.Client));

/// <summary>A gateway in one of two silos.</summary>
public sealed class SpendingInOneOfTwoSilosTests() : SpendingBehaviour(new ClusterFixture(GatewayPlace.Silo));

/// <summary>Exchanges by a gateway of its own in front of two silos.</summary>
public sealed class ExchangesByAClientOfTwoSilosTests() : ExchangeBehaviour(new ClusterFixture(GatewayPlace.Client));

/// <summary>Exchanges by a gateway in one of two silos.</summary>
public sealed class ExchangesInOneOfTwoSilosTests() : ExchangeBehaviour(new ClusterFixture(GatewayPlace.Silo));

/// <summary>A gateway of its own in front of two silos.</summary>
public sealed class CampaignsByAClientOfTwoSilosTests() : CampaignBehaviour(new ClusterFixture(GatewayPlace.Client));

/// <summary>A gateway in one of two silos.</summary>
public sealed class CampaignsInOneOfTwoSilosTests() : CampaignBehaviour(new ClusterFixture(GatewayPlace.Silo));
