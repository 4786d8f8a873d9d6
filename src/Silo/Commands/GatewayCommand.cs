using System.CommandLine;
using Loyalty.Gateway.Commands;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Grains;
using Loyalty.Runtime.Loyalty;
using Loyalty.Silo.Hosting;
using Orleans.Dashboard;
using Command = System.CommandLine.Command;

namespace Loyalty.Silo.Commands;

/// <summary><c>gateway</c>: the HTTP API in a process of its own, as a client of the cluster.</summary>
internal static class GatewayCommand
{
    public static Command Create()
    {
        var (options, cluster) = (new UpOptions(), new SiloOptions());
        var command = new Command("gateway", "Starts the HTTP API as a client of a cluster on PostgreSQL.");
        options.AddTo(command);
        cluster.AddTo(command);
        command.SetAction((parsed, stop) => RunAsync(options.Read(parsed), cluster.Read(parsed, needsCluster: true), ParentWatch.Until(stop)));
        return command;
    }

    private static async Task<int> RunAsync(UpSettings settings, SiloSettings cluster, CancellationToken stop)
    {
        var builder = GatewayApp.CreateBuilder(settings.Url, new GatewayLimits());
        builder.UseOrleansClient(client => SiloHosting.Configure(client, cluster));
        Telemetry.AddTo(builder.Services, "loyalty-gateway");
        await using var app = builder.Build();
        var engine = app.Services.GetRequiredService<LoyaltyEngine>();
        GatewayApp.Map(app, engine, Readiness.OfGateway(app.Services, engine), settings.Keys, new GatewayLimits());
        app.MapOrleansDashboard("/dashboard").AddEndpointFilter(new LoopbackOnly());
        Console.Error.WriteLine("waiting for a silo of the cluster …");
        await settings.StartAsync(app, stop).ConfigureAwait(false);
        await app.Services.GetRequiredService<GrainBooks>().StartAsync().ConfigureAwait(false);
        await app.Services.GetRequiredService<ISiloList>().RefreshAsync().ConfigureAwait(false);
        await EngineProcess.StartAsync(engine, settings.Program).ConfigureAwait(false);
        settings.Announce(engine, app.Urls.First());
        await UpSettings.WaitAsync(app, stop).ConfigureAwait(false);
        return 0;
    }
}
