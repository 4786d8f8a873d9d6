using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Loyalty.EndToEnd.Tests.Support;
using Loyalty.Tests.Shared;

namespace Loyalty.EndToEnd.Tests.OnASilo;

/// <summary>Silos and gateways as processes of their own, on a private PostgreSQL server. A silo can be killed and started again on its ports.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly PrivatePostgres _postgres;
    private readonly string _dataFolder;
    private readonly Node[] _silos;
    private readonly Node[] _gateways;

    /// <param name="dataFolder">For the keys, which all gateways share.</param>
    private Cluster(PrivatePostgres postgres, string dataFolder, int silos, int gateways)
    {
        (_postgres, _dataFolder) = (postgres, dataFolder);
        string[] common = ["--store", "postgres", "--connection", postgres.ConnectionString];
        _silos = [.. Enumerable.Range(1, silos).Select(n =>
        {
            var url = NewUrl();
            return new Node($"silo {n}", url, ["silo", .. common, "--silo-port", $"{Engine.FreePort()}", "--gateway-port", $"{Engine.FreePort()}", "--health-url", url, "--memory", "64"]);
        })];
        _gateways = [.. Enumerable.Range(1, gateways).Select(n =>
        {
            var url = NewUrl();
            return new Node($"gateway {n}", url, ["gateway", .. common, "--url", url, "--data", dataFolder]);
        })];
    }

    /// <summary>How many silos there are, dead ones too.</summary>
    public int Silos => _silos.Length;

    /// <summary>Where requests go.</summary>
    public IReadOnlyList<string> Gateways => [.. _gateways.Select(gateway => gateway.Url)];

    public string Key => File.ReadAllText(Path.Combine(_dataFolder, "dev-key")).Trim();

    /// <summary>Arguments by which the load tool finds a gateway.</summary>
    public string[] Target(int gateway) => ["--url", _gateways[gateway].Url, "--data", _dataFolder];

    /// <summary>Starts a database with the tables, the silos and the gateways; returns when all are ready.</summary>
    public static async Task<Cluster> StartAsync(string dataFolder, bool isDurable, int silos, int gateways)
    {
        var cluster = new Cluster(new PrivatePostgres(isDurable), dataFolder, silos, gateways);
        try
        {
            await using (var schema = ChildProcess.StartEngine(EngineHost.Orleans, "schema", "--store", "postgres", "--connection", cluster._postgres.ConnectionString))
            {
                (await schema.EndAsync()).Expect(0);
            }

            // A silo is ready when it knows the program, which on empty books a gateway publishes.
            Node[] nodes = [.. cluster._silos, .. cluster._gateways];
            Array.ForEach(nodes, node => node.Start());
            await Task.WhenAll(nodes.Select(node => node.WaitUntilReadyAsync()));

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client of a gateway, with the key.</summary>
    public HttpClient Connect(int gateway, TimeSpan patience) => new()
    {
        BaseAddress = new(_gateways[gateway].Url), Timeout = patience, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Key) },
    };

    /// <summary>kill -9.</summary>
    public Task KillSiloAsync(int silo) => _silos[silo].KillAsync();

    /// <summary>Starts a silo that was killed; returns when it says that it is ready.</summary>
    public async Task StartSiloAsync(int silo)
    {
        _silos[silo].Start();
        await _silos[silo].WaitUntilReadyAsync();
    }

    /// <summary>SIGTERM to the gateways, then to the silos; each must end well.</summary>
    public async Task TerminateAsync()
    {
        foreach (var node in _gateways.Concat(_silos))
        {
            (await node.TerminateAsync()).Expect(0);
        }
    }

    /// <summary><c>verify</c> reads all the books and finds nothing, and they balance.</summary>
    public async Task<Ended> VerifyAsync()
    {
        var verified = (await ChildProcess.GatewayAsync("verify", "--connection", _postgres.ConnectionString, "--json")).Expect(0);
        Assert.Equal((0, 0), (verified.Count("bad"), verified.Count("trialBalance")));
        return verified;
    }

    /// <summary>Writes down what every process said, those that were killed too.</summary>
    public void WriteLogs(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var node in _silos.Concat(_gateways))
        {
            File.WriteAllText(Path.Combine(folder, $"{node.Name}.log"), node.Said);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _silos.Concat(_gateways))
        {
            await node.DisposeAsync();
        }

        _postgres.Dispose();
    }

    private static string NewUrl() => $"http://127.0.0.1:{Engine.FreePort()}";

    /// <summary>One process of the cluster.</summary>
    private sealed class Node(string name, string url, string[] arguments) : IAsyncDisposable
    {
        private readonly HttpClient _client = new() { BaseAddress = new(url), Timeout = TimeSpan.FromSeconds(5) };
        private readonly StringBuilder _before = new();
        private ChildProcess? _process;

        public string Name => name;

        public string Url => url;

        public string Said => _before + _process?.Said;

        public void Start() => _process = ChildProcess.StartEngine(EngineHost.Orleans, arguments);

        public Task WaitUntilReadyAsync() => Patience.UntilAsync($"{name} was ready", async () =>
        {
            Assert.False(_process!.HasExited, $"{name} ended instead of starting. It said:\n{_process.Said}");
            try
            {
                using var answer = await _client.GetAsync("/readyz");
                return answer.StatusCode == HttpStatusCode.OK;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                return false;
            }
        });

        public async Task KillAsync()
        {
            await _process!.KillAsync();
            await ForgetAsync();
        }

        public async Task<Ended> TerminateAsync()
        {
            _process!.Terminate();
            var ended = await _process.EndAsync();
            await ForgetAsync();
            return ended;
        }

        public async ValueTask DisposeAsync()
        {
            await ForgetAsync();
            _client.Dispose();
        }

        private async Task ForgetAsync()
        {
            if (_process is not null)
            {
                _before.AppendLine(_process.Said);
                await _process.DisposeAsync();
                _process = null;
            }
        }
    }
}
