using System.CommandLine;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Grains;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Silo.Hosting;
using Orleans.Dashboard;
using Command = System.CommandLine.Command;

namespace Loyalty.Silo.Commands;

/// <summary><c>silo</c>: a silo of a cluster, with health and readiness and nothing else over HTTP.</summary>
internal static class SiloCommand
{
    public static Command Create()
    {
        var cluster = new SiloOptions();
        var health = new Option<string>("--health-url") { Description = "Where /healthz and /readyz listen.", DefaultValueFactory = _ => "http://127.0.0.1:8081" };
        var memory = new Option<int>("--memory")
        {
            Description = "Megabytes for members in memory.",
            DefaultValueFactory = _ => (int)(new KernelOptions().MaxActorBytes >> 20),
        };
        var command = new Command("silo", "Starts a silo of a cluster on PostgreSQL. Gateways of their own reach it.") { health, memory };
        cluster.AddTo(command);
        command.SetAction((parsed, stop) => RunAsync(cluster.Read(parsed, needsCluster: true), parsed.GetValue(health)!, parsed.GetValue(memory), ParentWatch.Until(stop)));
        return command;
    }

    private static async Task<int> RunAsync(SiloSettings settings, string health, int megabytes, CancellationToken stop)
    {
        if (megabytes is < 16 or > 1 << 20)
        {
            throw new UserError($"--memory is {megabytes}; 16 to {1 << 20} megabytes are possible.");
        }

        using var loggers = LoggerFactory.Create(logging => logging.AddSimpleConsole(options => options.SingleLine = true).SetMinimumLevel(LogLevel.Information));
        await using var journal = await SiloHosting.OpenJournalAsync(settings, "", loggers).ConfigureAwait(false);
        var builder = GatewayApp.CreateBuilder(health, new GatewayLimits());
        builder.UseOrleans(silo => SiloHosting.Configure(silo, settings, journal, new KernelOptions { MaxActorBytes = (long)megabytes << 20 }));
        Telemetry.AddTo(builder.Services, "loyalty-silo");
        await using var app = builder.Build();
        var engine = app.Services.GetRequiredService<LoyaltyEngine>();
        GatewayApp.MapHealth(app, Readiness.OfSilo(app.Services, engine));
        app.MapOrleansDashboard("/dashboard").AddEndpointFilter(new LoopbackOnly());
        await app.StartAsync(stop).ConfigureAwait(false);
        Console.WriteLine($"The silo is up: {app.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress}, store {engine.Books.Description}, health at {health}.");
        await Gateway.Commands.UpSettings.WaitAsync(app, stop).ConfigureAwait(false);
        return 0;
    }
}
