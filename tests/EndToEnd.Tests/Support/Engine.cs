using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Loyalty.EndToEnd.Tests.Support;

/// <summary>Which program runs the engine.</summary>
internal enum EngineHost
{
    /// <summary><c>Loyalty.Gateway up</c>: without Orleans.</summary>
    Embedded,

    /// <summary><c>Loyalty.Silo up</c>: a silo with the gateway in it. Only where the Orleans packages can be restored.</summary>
    Orleans,
}

/// <summary>A real engine as a process on a data folder. It can be killed and started again on the same folder and address.</summary>
internal sealed class Engine : IAsyncDisposable
{
    private readonly string[] _options;
    private readonly HttpClient _client;
    private ChildProcess? _process;

    private Engine(EngineHost host, string dataFolder, string[] options)
    {
        (Host, DataFolder, _options) = (host, dataFolder, options);
        Url = new Uri($"http://127.0.0.1:{FreePort()}");
        _client = new HttpClient { BaseAddress = Url, Timeout = TimeSpan.FromSeconds(60) };
    }

    public EngineHost Host { get; }

    public string DataFolder { get; }

    public Uri Url { get; }

    public string Address => Url.GetLeftPart(UriPartial.Authority);

    public string JournalFile => Path.Combine(DataFolder, "loyalty.db");

    public string Key => File.ReadAllText(Path.Combine(DataFolder, "dev-key")).Trim();

    public ChildProcess Process => _process ?? throw new InvalidOperationException("the engine is not running");

    /// <summary>Arguments by which the load tool finds this engine.</summary>
    public string[] Target => ["--url", Address, "--data", DataFolder];

    public static Task<Engine> StartAsync(string dataFolder, params string[] options) => StartAsync(EngineHost.Embedded, dataFolder, options);

    public static async Task<Engine> StartAsync(EngineHost host, string dataFolder, params string[] options)
    {
        var engine = new Engine(host, dataFolder, options);
        try
        {
            await engine.StartAgainAsync();
            return engine;
        }
        catch
        {
            await engine.DisposeAsync();
            throw;
        }
    }

    public async Task StartAgainAsync()
    {
        var process = _process = ChildProcess.StartEngine(Host, ["up", "--data", DataFolder, "--url", Address, .. _options]);
        await Patience.UntilAsync("the engine was ready", async () =>
        {
            Assert.False(process.HasExited, $"the engine ended instead of starting. It said:\n{process.Said}");
            try
            {
                using var answer = await _client.GetAsync("/readyz");
                return answer.StatusCode == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
    }

    public async Task KillAsync()
    {
        await Process.KillAsync();
        await ForgetAsync();
    }

    /// <summary>SIGTERM, and waits for the end.</summary>
    public async Task<Ended> TerminateAsync()
    {
        Process.Terminate();
        var ended = await Process.EndAsync();
        await ForgetAsync();
        return ended;
    }

    public async Task<Answer> GetAsync(string path)
    {
        using var answer = await _client.GetAsync(path);
        return await Answer.OfAsync(answer);
    }

    public async Task<Answer> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await _client.PostAsync(path, content);
        return await Answer.OfAsync(answer);
    }

    /// <summary>A plain purchase of 10.00 in the sample program; the same for the same id.</summary>
    public Task<Answer> BuyAsync(string id, string member) => PostAsync(
        "/v1/purchases",
        $$"""{"id":"{{id}}","member":"{{member}}","store":"S1","at":"2026-03-01T12:00:00Z","currency":"GBP","lines":[{"sku":"A","quantity":1,"amount":1000}]}""");

    /// <summary>Every unit's accounts sum to zero; returns the answer as it was.</summary>
    public async Task<string> TrialBalanceAsync()
    {
        var body = (await GetAsync("/v1/ledger/trial-balance")).Expect(200).Body;
        foreach (var unit in JsonNode.Parse(body)!["units"]!.AsArray())
        {
            Assert.Equal(0, unit!["accounts"]!.AsArray().Sum(account => account!["balance"]!.GetValue<long>()));
            Assert.Equal(0, unit["sum"]!.GetValue<long>());
        }

        return body;
    }

    public async Task<Ended> VerifyAsync() => await Books.VerifyAsync(JournalFile);

    public async ValueTask DisposeAsync()
    {
        await ForgetAsync();
        _client.Dispose();
    }

    /// <summary>
    /// Below the ports that the system gives to outgoing connections: while the engine is down, a client that keeps connecting could otherwise be given
    /// the engine's own port, and be connected to itself.
    /// </summary>
    public static int FreePort()
    {
        for (var tries = 0; ; tries++)
        {
            var port = Random.Shared.Next(15_000, 32_000);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException) when (tries < 100)
            {
                // Taken; another.
            }
        }
    }

    private async Task ForgetAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }
}

/// <summary>An answer, read.</summary>
internal sealed record Answer(int Status, string Body, TimeSpan? RetryAfter)
{
    public static async Task<Answer> OfAsync(HttpResponseMessage response) =>
        new((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.RetryAfter?.Delta);

    public JsonNode Json => JsonNode.Parse(Body)!;

    public Answer Expect(int status)
    {
        Assert.True(Status == status, $"status {Status} instead of {status}: {Body}");
        return this;
    }
}
