using System.CommandLine;
using System.Net;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Gateway.Security;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;
using Command = System.CommandLine.Command;

namespace Loyalty.Gateway.Commands;

/// <summary><c>up</c>: starts the engine in the embedded host with its HTTP API and runs until it is told to stop.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var options = new UpOptions();
        var command = new Command("up", "Starts the engine and its HTTP API.");
        options.AddTo(command);
        command.SetAction((parsed, stop) => RunAsync(options.Read(parsed), stop));
        return command;
    }

    private static async Task<int> RunAsync(UpSettings settings, CancellationToken stop)
    {
        using var loggers = LoggerFactory.Create(logging => logging.AddSimpleConsole(options => options.SingleLine = true).SetMinimumLevel(LogLevel.Information));
        Console.Error.WriteLine($"opening the books in {Path.GetFullPath(settings.DataFolder)} …");
        await using var process = await EngineProcess.StartAsync(
            settings.DataFolder, settings.Program, settings.Kernel, SystemClock.Instance, loggers).ConfigureAwait(false);
        await using var app = GatewayApp.Build(process.Engine, settings.Keys, settings.Url, new GatewayLimits());
        await settings.StartAsync(app, stop).ConfigureAwait(false);
        settings.Announce(process.Engine, app.Urls.First());
        await UpSettings.WaitAsync(app, stop).ConfigureAwait(false);
        return 0;
    }
}

/// <summary>What one starts an engine with, whichever host runs it.</summary>
internal sealed class UpOptions
{
    private readonly Option<string> _data = DataFolder.Option();

    private readonly Option<string> _url = new("--url")
    {
        Description = "Where to listen. Environment: LOYALTY_URL.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("LOYALTY_URL") is { Length: > 0 } set ? set : "http://127.0.0.1:8080",
    };

    private readonly Option<string?> _program = new("--program") { Description = "Program definition (JSON) for new books, or a folder with program.json and campaigns/*.json, which are published: examples/grocery, say. Default: the built-in sample." };

    private readonly Option<int> _memory = new("--memory")
    {
        Description = "Megabytes for members in memory; the others are loaded when they come. Default: a quarter of the machine's.",
        DefaultValueFactory = _ => (int)(new KernelOptions().MaxActorBytes >> 20),
    };

    private readonly Option<long> _checkpointRecords = new("--checkpoint-records")
    {
        Description = "Records after which snapshots are taken, so that a restart has less to read; fewer: faster restarts, more writing.",
        DefaultValueFactory = _ => new KernelOptions().CheckpointRecords,
    };

    private readonly Option<bool> _insecure = new("--insecure") { Description = "Asks for no keys. Only on a loopback address." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _data, _url, _program, _memory, _checkpointRecords, _insecure })
        {
            command.Add(option);
        }
    }

    /// <exception cref="UserError">Something cannot be used; the message says what would be right.</exception>
    public UpSettings Read(ParseResult parsed)
    {
        var (dataFolder, url, insecure) = (parsed.GetValue(_data)!, parsed.GetValue(_url)!, parsed.GetValue(_insecure));
        var (megabytes, checkpointRecords) = (parsed.GetValue(_memory), parsed.GetValue(_checkpointRecords));
        // One address and nothing behind it: the server would take what follows a semicolon for another address to listen on.
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp || address.PathAndQuery != "/" || url.Contains(';', StringComparison.Ordinal))
        {
            throw new UserError($"--url is '{url}'; http://HOST:PORT is needed (put TLS in front of it).");
        }

        if (insecure && !(address.IsLoopback || (IPAddress.TryParse(address.Host, out var ip) && IPAddress.IsLoopback(ip))))
        {
            throw new UserError($"--insecure works only on a loopback address such as http://127.0.0.1:8080, not on {url}. Leave it out and use keys.");
        }

        if (megabytes is < 16 or > 1 << 20)
        {
            throw new UserError($"--memory is {megabytes}; 16 to {1 << 20} megabytes are possible.");
        }

        if (checkpointRecords is < 1000 or > 1_000_000_000)
        {
            throw new UserError($"--checkpoint-records is {checkpointRecords}; 1000 to 1000000000 are possible.");
        }

        var program = ReadProgram(parsed.GetValue(_program));
        string? key;
        try
        {
            Directory.CreateDirectory(dataFolder);
            key = insecure ? null : ApiKeys.DevelopmentKey(dataFolder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"The data folder '{dataFolder}' cannot be used: {e.Message} Choose another with --data.");
        }

        return new(
            dataFolder, url, program, parsed.GetValue(_program), new KernelOptions { MaxActorBytes = (long)megabytes << 20, CheckpointRecords = checkpointRecords },
            insecure ? null : new ApiKeys(dataFolder), key);
    }

    private static ProgramFiles ReadProgram(string? path) =>
        path is null ? new(OperationsEndpoint.ReadResource("sample-program.json"), "the built-in sample program", []) : ProgramFiles.Read(path);
}

/// <summary>How an engine is started.</summary>
/// <param name="DataFolder">Folder of the books and the keys.</param>
/// <param name="Url">Where to listen.</param>
/// <param name="Program">The program of new books, and campaigns.</param>
/// <param name="ProgramFile">Where it was read; null: the built-in sample.</param>
/// <param name="Kernel">Bounds.</param>
/// <param name="Keys">Null: no keys are asked for.</param>
/// <param name="DevelopmentKey">A key to show; null without keys.</param>
internal sealed record UpSettings(string DataFolder, string Url, ProgramFiles Program, string? ProgramFile, KernelOptions Kernel, ApiKeys? Keys, string? DevelopmentKey)
{
    /// <exception cref="UserError">The address cannot be used.</exception>
    public async Task StartAsync(WebApplication app, CancellationToken stop)
    {
        try
        {
            await app.StartAsync(stop).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new UserError($"{Url} cannot be used: {e.Message} Another engine may be running there; choose another with --url.");
        }
    }

    /// <summary>Runs until it is told to stop, and answers what is under way.</summary>
    public static async Task WaitAsync(WebApplication app, CancellationToken stop)
    {
        var lifetime = app.Services.GetRequiredService<IHostApplicationLifetime>();
        using var registration = stop.Register(lifetime.StopApplication);
        using var stopping = lifetime.ApplicationStopping.Register(() => Console.Error.WriteLine("stopping: answering what is under way …"));
        await app.WaitForShutdownAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Says where to look, and a line that works.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="url">Where it listens.</param>
    /// <param name="more">More places to look at: a name of at most 8 characters and what is there.</param>
    public void Announce(LoyaltyEngine engine, string url, params (string Name, string Value)[] more)
    {
        var key = DevelopmentKey;
        var header = key is null ? "" : $"\n       -H 'Authorization: Bearer {key}'";
        var at = SystemClock.Instance.GetCurrentInstant().ToDateTimeUtc().ToString("yyyy-MM-ddTHH:mm:ssZ");
        Console.WriteLine(
            $$"""

            The loyalty engine is up.
              host     {{engine.Host.Description}}
              store    {{engine.Books.Description}}
              program  {{engine.Programs.Current.Latest.Name}}, version {{engine.Programs.Current.Latest.Version}}
              API      {{url}}/v1   (contract: {{url}}/openapi/v1.json){{string.Concat(more.Select(line => $"\n  {line.Name,-8} {line.Value}"))}}

            Try a purchase:

              curl -s {{url}}/v1/purchases -H 'Content-Type: application/json'{{(key is null ? "" : " \\")}}{{header}} \
                   -d '{"id":"FIRST-1","member":"M1001","store":"S042","at":"{{at}}","currency":"{{engine.Programs.Current.Latest.Currency}}",
                        "lines":[{"sku":"22138","quantity":3,"amount":1485}]}'

            Stop with Ctrl-C.
            """);
    }
}
