using System.Text;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Runtime.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.EndToEnd.Tests.Support;

/// <summary>The whole engine with its HTTP API in this process, so that its clock can be set.</summary>
internal sealed class EngineInProcess : IAsyncDisposable
{
    private readonly EngineProcess _process;
    private readonly WebApplication _app;
    private readonly HttpClient _client;
    private readonly SetClock _clock;

    private EngineInProcess(EngineProcess process, WebApplication app, HttpClient client, SetClock clock) =>
        (_process, _app, _client, _clock) = (process, app, client, clock);

    public Instant Now
    {
        get => _clock.Now;
        set => _clock.Now = value;
    }

    public static async Task<EngineInProcess> StartAsync(string dataFolder, byte[] program, Instant now)
    {
        var clock = new SetClock { Now = now };
        var process = await EngineProcess.StartAsync(dataFolder, new ProgramFiles(program, "the program", []), new KernelOptions(), clock, NullLoggerFactory.Instance);
        var url = $"http://127.0.0.1:{Engine.FreePort()}";
        var app = GatewayApp.Build(process.Engine, keys: null, url, new GatewayLimits());
        await app.StartAsync();
        return new(process, app, new HttpClient { BaseAddress = new Uri(url) }, clock);
    }

    public Task<bool> CheckpointAsync() => _process.Host.CheckpointAsync();

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json") };
        using var answer = await _client.SendAsync(request);
        return await Answer.OfAsync(answer);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.DisposeAsync();
        await _process.DisposeAsync();
    }

    private sealed class SetClock : IClock
    {
        private long _ms;

        public Instant Now
        {
            get => Instant.FromUnixTimeMilliseconds(Volatile.Read(ref _ms));
            set => Volatile.Write(ref _ms, value.ToUnixTimeMilliseconds());
        }

        public Instant GetCurrentInstant() => Now;
    }
}
