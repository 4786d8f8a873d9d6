using System.Collections.Concurrent;
using System.Text;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Gateway.Security;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Gateway.Tests;

/// <summary>The real gateway over a real engine in this process: a folder and a port of its own, and a clock that stands still.</summary>
public class TestGateway : IAsyncLifetime
{
    private static int count;

    private readonly ConcurrentQueue<string> _defects = [];
    private EngineProcess? _process;
    private WebApplication? _app;

    /// <summary>The data folder.</summary>
    public string Folder { get; } = Path.Combine(Path.GetTempPath(), $"loyalty-gateway-{Environment.ProcessId}-{Interlocked.Increment(ref count)}");

    /// <summary>Where it listens.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1");

    internal TestClock Clock { get; } = new(Instant.FromUtc(2026, 3, 10, 12, 0));

    internal Api Api { get; private set; } = null!;

    internal WebApplication App => _app!;

    /// <summary>The program of the books.</summary>
    protected virtual string ProgramText => Encoding.UTF8.GetString(OperationsEndpoint.ReadResource("sample-program.json"));

    /// <summary>Whether keys are asked for.</summary>
    protected virtual bool AsksForKeys => false;

    internal virtual GatewayLimits Limits => new();

    /// <summary>The partners' systems; null: those of the data folder.</summary>
    internal virtual PartnerConnectors? Connectors => null;

    /// <summary>How often due actors are looked for.</summary>
    protected virtual TimeSpan WakeInterval => new KernelOptions().WakeInterval;

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Folder);
        Prepare();
        var loggers = new LoggerFactory([new Defects(_defects)]);
        _process = await EngineProcess.StartAsync(
            Folder, new ProgramFiles(Encoding.UTF8.GetBytes(ProgramText), "the test's program", []), new KernelOptions { MaxActorBytes = 64 << 20, WakeInterval = WakeInterval }, Clock, loggers, Connectors);
        _app = GatewayApp.Build(_process.Engine, AsksForKeys ? new ApiKeys(Folder) : null, "http://127.0.0.1:0", Limits);
        _app.Services.GetRequiredService<ILoggerFactory>().AddProvider(new Defects(_defects));
        await _app.StartAsync();
        Address = new Uri(_app.Urls.First());
        Api = new Api(Address, null);
    }

    /// <summary>What has to be in the data folder before the start.</summary>
    protected virtual void Prepare()
    {
    }

    public async Task DisposeAsync()
    {
        Api?.Dispose();
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
        Assert.Empty(_defects);
    }

    /// <summary>Accounts and counters of the books.</summary>
    internal async Task<IReadOnlyDictionary<string, long>> SumsAsync() => (await _process!.Engine.Books.TotalsAsync()).Sums;

    internal Task<RawConnection> ConnectAsync() => RawConnection.OpenAsync(Address);
}

/// <summary>The sample program with other settings.</summary>
public class StrictGateway : TestGateway
{
    protected override string ProgramText => base.ProgramText
        .Replace("\"unknownMembers\": \"enrol\"", "\"unknownMembers\": \"refuse\"", StringComparison.Ordinal)
        .Replace("\"negativeBalance\": \"debt\"", "\"negativeBalance\": \"refuse\"", StringComparison.Ordinal);
}

/// <summary>A gateway that asks for keys: one for each scope, and one to be withdrawn.</summary>
public sealed class GuardedGateway : TestGateway
{
    internal Dictionary<string, string> Keys { get; } = [];

    protected override bool AsksForKeys => true;

    protected override void Prepare()
    {
        foreach (var scope in new[] { "till", "partner", "read", "admin" })
        {
            Keys[scope] = ApiKeys.Create(Folder, scope, [scope]);
        }

        Keys["both"] = ApiKeys.Create(Folder, "both", ["till", "read"]);
        Keys["lost"] = ApiKeys.Create(Folder, "lost", ["read"]);
    }
}

/// <summary>A gateway with small limits.</summary>
public sealed class SmallGateway : TestGateway
{
    internal override GatewayLimits Limits => new() { LineBytes = 2048, StreamLines = 10, GroupLines = 4, GroupsInFlight = 2 };
}

/// <summary>A clock that tests set.</summary>
internal sealed class TestClock(Instant now) : IClock
{
    private long _ms = now.ToUnixTimeMilliseconds();

    public Instant GetCurrentInstant() => Instant.FromUnixTimeMilliseconds(Volatile.Read(ref _ms));

    public void Advance(Duration by) => Interlocked.Add(ref _ms, (long)by.TotalMilliseconds);
}
