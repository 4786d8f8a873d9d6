using System.CommandLine;
using Command = System.CommandLine.Command;
using System.Net;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Gateway.Security;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Gateway.Commands;

/// <summary><c>up</c>: starts the engine with its HTTP API and runs until it is told to stop.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var data = DataFolder.Option();
        var url = new Option<string>("--url")
        {
            Description = "Where to listen. Environment: LOYALTY_URL.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("LOYALTY_URL") is { Length: > 0 } set ? set : "http://127.0.0.1:8080",
        };
        var program = new Option<string?>("--program") { Description = "Program definition (JSON) for new books. Default: the built-in sample." };
        var memory = new Option<int>("--memory")
        {
            Description = "Megabytes for members in memory; the others are loaded when they come. Default: a quarter of the machine's.",
            DefaultValueFactory = _ => (int)(new KernelOptions().MaxActorBytes >> 20),
        };
        var checkpointRecords = new Option<long>("--checkpoint-records")
        {
            Description = "Records after which snapshots are taken, so that a restart has less to read; fewer: faster restarts, more writing.",
            DefaultValueFactory = _ => new KernelOptions().CheckpointRecords,
        };
        var insecure = new Option<bool>("--insecure") { Description = "Asks for no keys. Only on a loopback address." };
        var command = new Command("up", "Starts the engine and its HTTP API.") { data, url, program, memory, checkpointRecords, insecure };
        command.SetAction((parsed, stop) => RunAsync(
            parsed.GetValue(data)!, parsed.GetValue(url)!, parsed.GetValue(program), parsed.GetValue(memory), parsed.GetValue(checkpointRecords),
            parsed.GetValue(insecure), stop));
        return command;
    }

    private static async Task<int> RunAsync(
        string dataFolder, string url, string? programFile, int megabytes, long checkpointRecords, bool insecure, CancellationToken stop)
    {
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

        var (definition, programName) = ReadProgram(programFile);
        string? key;
        try
        {
            System.IO.Directory.CreateDirectory(dataFolder);
            key = insecure ? null : ApiKeys.DevelopmentKey(dataFolder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"The data folder '{dataFolder}' cannot be used: {e.Message} Choose another with --data.");
        }

        using var loggers = LoggerFactory.Create(logging => logging.AddSimpleConsole(options => options.SingleLine = true).SetMinimumLevel(LogLevel.Information));
        Console.Error.WriteLine($"opening the books in {Path.GetFullPath(dataFolder)} …");
        await using var process = await EngineProcess.StartAsync(
            dataFolder, definition, programName, new KernelOptions { MaxActorBytes = (long)megabytes << 20, CheckpointRecords = checkpointRecords },
            SystemClock.Instance, loggers).ConfigureAwait(false);
        await using var app = GatewayApp.Build(process.Engine, insecure ? null : new ApiKeys(dataFolder), url, new GatewayLimits());
        try
        {
            await app.StartAsync(stop).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new UserError($"{url} cannot be used: {e.Message} Another engine may be running there; choose another with --url.");
        }

        Announce(process, app.Urls.First(), key);
        var lifetime = app.Services.GetRequiredService<IHostApplicationLifetime>();
        using var registration = stop.Register(lifetime.StopApplication);
        using var stopping = lifetime.ApplicationStopping.Register(() => Console.Error.WriteLine("stopping: answering what is under way …"));
        await app.WaitForShutdownAsync(CancellationToken.None).ConfigureAwait(false);
        return 0;
    }

    private static (byte[] Definition, string Name) ReadProgram(string? file)
    {
        if (file is null)
        {
            return (OperationsEndpoint.ReadResource("sample-program.json"), "the built-in sample program");
        }

        try
        {
            return (File.ReadAllBytes(file), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"The program '{file}' cannot be read: {e.Message}");
        }
    }

    private static void Announce(EngineProcess process, string url, string? key)
    {
        var header = key is null ? "" : $"\n       -H 'Authorization: Bearer {key}'";
        var at = SystemClock.Instance.GetCurrentInstant().ToDateTimeUtc().ToString("yyyy-MM-ddTHH:mm:ssZ");
        Console.WriteLine(
            $$"""

            The loyalty engine is up.
              host     {{process.Host.Description}}
              store    {{process.Engine.Books.Description}}
              program  {{process.Engine.Programs.Current.Latest.Name}}, version {{process.Engine.Programs.Current.Latest.Version}}
              API      {{url}}/v1   (contract: {{url}}/openapi/v1.json)

            Try a purchase:

              curl -s {{url}}/v1/purchases -H 'Content-Type: application/json'{{(key is null ? "" : " \\")}}{{header}} \
                   -d '{"id":"FIRST-1","member":"M1001","store":"S042","at":"{{at}}","currency":"{{process.Engine.Programs.Current.Latest.Currency}}",
                        "lines":[{"sku":"22138","quantity":3,"amount":1485}]}'

            Stop with Ctrl-C.
            """);
    }
}
