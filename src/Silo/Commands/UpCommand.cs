using System.CommandLine;
using Loyalty.Gateway.Commands;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Runtime.Loyalty;
using Loyalty.Silo.Hosting;
using Orleans.Dashboard;
using Command = System.CommandLine.Command;

namespace Loyalty.Silo.Commands;

/// <summary><c>up</c>: one process with a silo, the HTTP API and the dashboard; or with <c>--silos</c> a cluster of several processes on this machine.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var (options, cluster) = (new UpOptions(), new SiloOptions());
        var silos = new Option<int>("--silos")
        {
            Description = "More than 1: a local cluster of so many silos and two gateways, each a process with its own log, on PostgreSQL.",
            DefaultValueFactory = _ => 1,
        };
        var command = new Command("up", "Starts a silo with the HTTP API and the Orleans dashboard in one process.") { silos };
        options.AddTo(command);
        cluster.AddTo(command);
        command.SetAction((parsed, stop) => parsed.GetValue(silos) switch
        {
            1 => RunAsync(options.Read(parsed), cluster.Read(parsed, needsCluster: false), stop),
            > 1 and <= LocalCluster.MaxSilos => LocalCluster.RunAsync(options.Read(parsed), cluster, parsed, parsed.GetValue(silos), stop),
            var n => throw new UserError($"--silos is {n}; 1 to {LocalCluster.MaxSilos} are possible."),
        });
        return command;
    }

    private static async Task<int> RunAsync(UpSettings settings, SiloSettings cluster, CancellationToken stop)
    {
        using var loggers = LoggerFactory.Create(logging => logging.AddSimpleConsole(options => options.SingleLine = true).SetMinimumLevel(LogLevel.Information));
        Console.Error.WriteLine(cluster.Store == StoreKind.Sqlite ? $"opening the books in {Path.GetFullPath(settings.DataFolder)} …" : "opening the books …");
        await using var journal = await SiloHosting.OpenJournalAsync(cluster, settings.DataFolder, loggers).ConfigureAwait(false);
        var builder = GatewayApp.CreateBuilder(settings.Url, new GatewayLimits());
        builder.UseOrleans(silo => SiloHosting.Configure(silo, cluster, journal, settings.Kernel, settings.DataFolder));
        Telemetry.AddTo(builder.Services, "loyalty-silo");
        await using var app = builder.Build();
        var engine = app.Services.GetRequiredService<LoyaltyEngine>();
        GatewayApp.Map(app, engine, Readiness.OfSilo(app.Services, engine), settings.Keys, new GatewayLimits());
        app.MapOrleansDashboard("/dashboard").AddEndpointFilter(new LoopbackOnly());
        await settings.StartAsync(app, stop).ConfigureAwait(false);
        await EngineProcess.StartAsync(engine, settings.Program).ConfigureAwait(false);
        settings.Announce(engine, app.Urls.First(), ("look", $"{app.Urls.First()}/dashboard"));
        await UpSettings.WaitAsync(app, stop).ConfigureAwait(false);
        return 0;
    }
}
