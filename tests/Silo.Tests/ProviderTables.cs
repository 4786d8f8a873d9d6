using Loyalty.Silo.Postgres;
using Loyalty.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Loyalty.Silo.Tests;

/// <summary>Orleans' own providers on a schema of the test's own, without a silo around them.</summary>
internal sealed class ProviderTables : IDisposable
{
    public const string Cluster = "shop";

    private readonly IHost _host;

    private ProviderTables(string schema, string cluster)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleans(silo =>
        {
            var connection = OrleansSchema.ConnectionString(PrivatePostgres.Shared.ConnectionString, schema);
            silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster, cluster));
            silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (OrleansSchema.Invariant, connection));
            silo.UseAdoNetReminderService(options => (options.Invariant, options.ConnectionString) = (OrleansSchema.Invariant, connection));
        });
        _host = builder.Build();
        Membership = _host.Services.GetRequiredService<IMembershipTable>();
        Reminders = _host.Services.GetRequiredService<IReminderTable>();
    }

    public IMembershipTable Membership { get; }

    public IReminderTable Reminders { get; }

    /// <summary>The tables as one silo sees them; <paramref name="schema"/> is made when it is not there.</summary>
    public static async Task<ProviderTables> OpenAsync(string schema, string cluster = Cluster)
    {
        await OrleansSchema.MigrateAsync(PrivatePostgres.Shared.ConnectionString, schema);
        var tables = new ProviderTables(schema, cluster);
        await tables.Membership.InitializeMembershipTableAsync(true);
        await tables.Reminders.StartAsync();
        return tables;
    }

    public void Dispose() => _host.Dispose();
}

internal static class MembershipTables
{
    /// <summary>The provider's mark of a silo's row, as a silo knows it that has read the table.</summary>
    public static async Task<string> EtagAsync(this IMembershipTable table, MembershipEntry silo) => Assert.Single((await table.ReadRowAsync(silo.SiloAddress)).Members).Item2;
}
