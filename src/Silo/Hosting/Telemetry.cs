using System.Diagnostics.Metrics;
using Loyalty.Grains;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Loyalty.Silo.Hosting;

/// <summary>
/// Meters and traces by OpenTelemetry: Orleans' own, the web server's and the engine's. They are sent where the standard variable
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says; without it nothing is collected.
/// </summary>
internal static class Telemetry
{
    /// <summary>The engine's meter: <c>loyalty.actors</c>, <c>loyalty.actor.bytes</c>, <c>loyalty.commands</c>, <c>loyalty.commands.queued</c>, <c>loyalty.journal.tail.records</c>.</summary>
    public const string MeterName = "Loyalty";

    public static void AddTo(IServiceCollection services, string service)
    {
        services.AddSingleton<EngineMeter>();
        services.AddHostedService(provider => provider.GetRequiredService<EngineMeter>());
        if (Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is not { Length: > 0 })
        {
            return;
        }

        services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(service))
            .WithMetrics(metrics => metrics.AddMeter("Microsoft.Orleans", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime", MeterName))
            .WithTracing(traces => traces.AddSource("Microsoft.Orleans.Runtime", "Microsoft.Orleans.Application", "Microsoft.AspNetCore"))
            .UseOtlpExporter();
    }

    /// <summary>Observes the silo's figures whenever somebody collects; in a gateway of its own there are none.</summary>
    private sealed class EngineMeter(IServiceProvider services) : IHostedService, IDisposable
    {
        private readonly Meter _meter = new(MeterName);

        public Task StartAsync(CancellationToken cancellationToken)
        {
            if (services.GetService<SiloActors>() is { } actors)
            {
                _meter.CreateObservableGauge("loyalty.actors", () => actors.Figures.Actors, "{actor}", "Actors in memory.");
                _meter.CreateObservableGauge("loyalty.actor.bytes", () => actors.Figures.ActorBytes, "By", "Their estimated bytes.");
                _meter.CreateObservableCounter("loyalty.commands", () => actors.Figures.Decided, "{command}", "Commands decided since the start.");
                _meter.CreateObservableGauge("loyalty.commands.queued", () => actors.Figures.Queued, "{command}", "Commands that wait.");
                _meter.CreateObservableGauge("loyalty.commands.in_flight", () => actors.Figures.InFlight, "{command}", "Commands whose answer waits for the journal.");
                _meter.CreateObservableGauge("loyalty.journal.tail.records", () => actors.Journal.Checkpoint.TailRecords, "{record}", "Records a restart would read.");
            }

            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose() => _meter.Dispose();
    }
}
