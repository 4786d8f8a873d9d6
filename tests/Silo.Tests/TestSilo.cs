using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Loyalty.Silo.Postgres;
using Loyalty.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime.MembershipService;

namespace Loyalty.Silo.Tests;

/// <summary>A silo with a host and TCP ports of its own, and with a role in the database that may use the tables and no more.</summary>
internal sealed class TestSilo(string schema, string name) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly ConcurrentDictionary<int, bool> Ports = [];

    private readonly string _role = $"{schema}_{name}";
    private readonly int _siloPort = FreePort();
    private readonly int _gatewayPort = FreePort();
    private IHost? _host;
    private Severable? _membership;

    public SiloAddress Address => Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;

    public IGrainFactory Grains => Services.GetRequiredService<IGrainFactory>();

    private IServiceProvider Services => _host!.Services;

    /// <summary>The silos that this one takes for active.</summary>
    public IReadOnlyList<SiloAddress> Active =>
        [.. Services.GetRequiredService<IClusterMembershipService>().CurrentSnapshot.Members.Values.Where(silo => silo.Status == SiloStatus.Active).Select(silo => silo.SiloAddress).Order()];

    /// <summary>Makes the role; once.</summary>
    public async Task<TestSilo> RegisterAsync()
    {
        await PrivatePostgres.Shared.ExecuteAsync(
            $"""
            CREATE ROLE {_role} LOGIN;
            GRANT USAGE ON SCHEMA {schema} TO {_role};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {_role};
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {_role};
            """);
        return this;
    }

    /// <summary>Starts it, always on the same ports.</summary>
    public async Task StartAsync()
    {
        var connection = OrleansSchema.ConnectionString(new NpgsqlConnectionStringBuilder(PrivatePostgres.Shared.ConnectionString) { Username = _role, MaxPoolSize = 10 }.ConnectionString, schema);
        await OrleansSchema.CheckAsync(connection, schema);
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (ProviderTables.Cluster, ProviderTables.Cluster));
            silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (OrleansSchema.Invariant, connection));
            silo.UseAdoNetReminderService(options => (options.Invariant, options.ConnectionString) = (OrleansSchema.Invariant, connection));
            silo.ConfigureEndpoints(IPAddress.Loopback, _siloPort, _gatewayPort);
            silo.Configure<ClusterMembershipOptions>(options =>
            {
                (options.ProbeTimeout, options.NumMissedProbesLimit) = (TimeSpan.FromSeconds(1), 3);
                options.TableRefreshTimeout = TimeSpan.FromSeconds(2);

                // Silos learn of each other from the database only.
                options.UseLivenessGossip = false;
            });
            silo.Services.AddSingleton(services => Severable.Around(ActivatorUtilities.CreateInstance<AdoNetClusteringTable>(services)));
            silo.Configure<ReminderOptions>(options => options.MinimumReminderPeriod = TimeSpan.FromMilliseconds(100));
        });
        _host = builder.Build();
        _membership = (Severable)Services.GetRequiredService<IMembershipTable>();
        await _host.StartAsync().WaitAsync(Patience);
    }

    /// <summary>Ends it as an operator does.</summary>
    public async Task StopAsync()
    {
        var host = Interlocked.Exchange(ref _host, null);
        await host!.StopAsync().WaitAsync(Patience);
        host.Dispose();
    }

    /// <summary>Ends it as a crash does: its last words reach nobody.</summary>
    public async Task KillAsync()
    {
        var host = Interlocked.Exchange(ref _host, null);
        _membership!.IsCut = true;
        await host!.StopAsync(new CancellationToken(canceled: true)).WaitAsync(Patience);
        host.Dispose();
    }

    /// <summary>Waits until something is so, at most a minute.</summary>
    public static async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!await isSo())
        {
            Assert.True(DateTime.UtcNow < deadline, $"within {Patience.TotalSeconds} s: {what}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await KillAsync();
        }
    }

    /// <summary>A port that no other silo of these tests has, now or after a restart.</summary>
    private static int FreePort()
    {
        while (true)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var port = ((IPEndPoint)listener.LocalEndpoint).Port;
            if (Ports.TryAdd(port, true))
            {
                return port;
            }
        }
    }
}

/// <summary>A membership table whose writes can be made to go nowhere, so that a silo that is killed in this process cannot say that it dies.</summary>
internal class Severable : DispatchProxy
{
    private IMembershipTable? _table;

    public bool IsCut { get; set; }

    public static IMembershipTable Around(IMembershipTable table)
    {
        var proxy = Create<IMembershipTable, Severable>();
        ((Severable)proxy)._table = table;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var isWrite = targetMethod!.Name.StartsWith("Update", StringComparison.Ordinal) || targetMethod.Name.StartsWith("Insert", StringComparison.Ordinal);
        return IsCut && isWrite ? Task.FromResult(true) : targetMethod.Invoke(_table, args);
    }
}
