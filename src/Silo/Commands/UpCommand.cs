using System.CommandLine;
using System.Net;
using Loyalty.Gateway.Commands;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Grains;
using Loyalty.Runtime.Loyalty;
using NodaTime;
using Orleans.Configuration;
using Orleans.Dashboard;
using Command = System.CommandLine.Command;

namespace Loyalty.Silo.Commands;

/// <summary><c>up</c>: one process with a silo, the HTTP API and the dashboard.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var options = new UpOptions();
        var command = new Command("up", "Starts a silo with the HTTP API and the Orleans dashboard in one process.");
        options.AddTo(command);
        command.SetAction((parsed, stop) => RunAsync(options.Read(parsed), stop));
        return command;
    }

    private static async Task<int> RunAsync(UpSettings settings, CancellationToken stop)
    {
        var builder = GatewayApp.CreateBuilder(settings.Url, new GatewayLimits());
        using var loggers = LoggerFactory.Create(logging => logging.AddSimpleConsole(options => options.SingleLine = true).SetMinimumLevel(LogLevel.Information));
        Console.Error.WriteLine($"opening the books in {Path.GetFullPath(settings.DataFolder)} …");
        await using var journal = EngineProcess.OpenJournal(settings.DataFolder, loggers);
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(siloPort: FreePort(), gatewayPort: 0);
            silo.Configure<EndpointOptions>(endpoints => endpoints.GatewayPort = 0);
            silo.AddLoyalty(_ => journal, settings.Kernel, SystemClock.Instance);
            silo.AddDashboard();
        });
        await using var app = builder.Build();
        var engine = app.Services.GetRequiredService<LoyaltyEngine>();
        GatewayApp.Map(app, engine, () => engine.Programs.IsLoaded, settings.Keys, new GatewayLimits());
        app.MapOrleansDashboard("/dashboard");
        await settings.StartAsync(app, stop).ConfigureAwait(false);
        await EngineProcess.StartAsync(engine, settings.Definition, settings.ProgramName).ConfigureAwait(false);
        settings.Announce(engine, app.Urls.First(), ("look", $"{app.Urls.First()}/dashboard"));
        await UpSettings.WaitAsync(app, stop).ConfigureAwait(false);
        return 0;
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
