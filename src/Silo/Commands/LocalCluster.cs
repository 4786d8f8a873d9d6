using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Loyalty.Gateway.Commands;
using Loyalty.Gateway.Hosting;
using Loyalty.Silo.Hosting;

namespace Loyalty.Silo.Commands;

/// <summary><c>up --silos N</c>: silos and two gateways as processes of this machine, each with its log; one that ends unexpectedly is started again.</summary>
internal static class LocalCluster
{
    /// <summary>More silos than that are no use on one machine.</summary>
    public const int MaxSilos = 16;

    private const int Gateways = 2;

    public static async Task<int> RunAsync(UpSettings settings, SiloOptions options, ParseResult parsed, int silos, CancellationToken stop)
    {
        Directory.CreateDirectory(settings.DataFolder);
        LocalPostgres? postgres = null;
        try
        {
            var connection = SiloOptions.ConfiguredConnection(parsed, options);
            if (connection is null)
            {
                Console.Error.WriteLine("starting a PostgreSQL server of the cluster's own …");
                postgres = LocalPostgres.Start(Path.Combine(settings.DataFolder, "postgres"));
                connection = postgres.ConnectionString;
            }

            var cluster = options.ReadCluster(parsed, connection);
            await SchemaCommand.RunAsync(cluster, stop).ConfigureAwait(false);
            return await RunProcessesAsync(settings, cluster, silos, stop).ConfigureAwait(false);
        }
        finally
        {
            postgres?.Dispose();
        }
    }

    private static async Task<int> RunProcessesAsync(UpSettings settings, SiloSettings cluster, int silos, CancellationToken stop)
    {
        var logs = Directory.CreateDirectory(Path.Combine(settings.DataFolder, "logs")).FullName;
        var address = new Uri(settings.Url);
        string[] common = ["--store", "postgres", "--schema", cluster.Schema, "--cluster", cluster.ClusterId, "--address", "127.0.0.1"];
        var memory = (settings.Kernel.MaxActorBytes >> 20) / silos;
        var processes = new List<Member>();
        for (var i = 1; i <= silos; i++)
        {
            var health = $"http://127.0.0.1:{SiloSettings.FreePort()}";
            processes.Add(new($"silo-{i}", logs, health, cluster,
            [
                "silo", .. common, "--silo-port", Text(SiloSettings.FreePort()), "--gateway-port", Text(SiloSettings.FreePort()), "--health-url", health,
                "--memory", Text(Math.Max(16, memory)),
            ]));
        }

        for (var i = 0; i < Gateways; i++)
        {
            var url = i == 0 ? settings.Url : $"http://{address.Host}:{address.Port + i}";
            List<string> arguments = ["gateway", .. common, "--url", url, "--data", settings.DataFolder];
            if (settings.Keys is null)
            {
                arguments.Add("--insecure");
            }

            if (settings.ProgramFile is { } file)
            {
                arguments.AddRange(["--program", file]);
            }

            processes.Add(new($"gateway-{i + 1}", logs, url, cluster, arguments));
        }

        Console.Error.WriteLine($"starting {silos} silos and {Gateways} gateways; their logs are in {logs} …");
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var running = processes.Select(process => process.RunAsync(stopping.Token)).ToArray();
        try
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
            foreach (var process in processes)
            {
                await process.WaitUntilReadyAsync(http, stop).ConfigureAwait(false);
            }

            Announce(settings, processes, logs);
            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("stopping: answering what is under way …");
        }
        finally
        {
            await stopping.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running).ConfigureAwait(false);
        }

        return 0;
    }

    private static void Announce(UpSettings settings, List<Member> processes, string logs)
    {
        Console.WriteLine("\nThe cluster is up.");
        foreach (var process in processes)
        {
            Console.WriteLine($"  {process.Name,-10} {process.Url}   log {Path.Combine(logs, process.Name + ".log")}   process {process.Id}");
        }

        Console.WriteLine($"  look       {settings.Url}/dashboard");
        if (settings.DevelopmentKey is { } key)
        {
            Console.WriteLine($"  key        {key}");
        }

        Console.WriteLine("\nA process that ends is started again. Stop with Ctrl-C.");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A process of the cluster.</summary>
    private sealed class Member(string name, string logs, string url, SiloSettings cluster, List<string> arguments)
    {
        private volatile Process? _process;

        public string Name => name;

        public string Url => url;

        public int Id => _process?.Id ?? 0;

        /// <summary>Starts it, and again when it ends, until it is told to stop.</summary>
        public async Task RunAsync(CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                using var process = Start();
                _process = process;
                try
                {
                    await process.WaitForExitAsync(stop).ConfigureAwait(false);
                    Console.Error.WriteLine($"{name} ended with {process.ExitCode}; it is started again.");
                    await Task.Delay(TimeSpan.FromSeconds(1), stop).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    await EndAsync(process).ConfigureAwait(false);
                }
            }
        }

        public async Task WaitUntilReadyAsync(HttpClient http, CancellationToken stop)
        {
            var deadline = Environment.TickCount64 + 120_000;
            while (!await IsReadyAsync(http, stop).ConfigureAwait(false))
            {
                if (Environment.TickCount64 > deadline)
                {
                    throw new UserError($"{name} is not ready after two minutes; its log {Path.Combine(logs, name + ".log")} says why.");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(200), stop).ConfigureAwait(false);
            }
        }

        private async Task<bool> IsReadyAsync(HttpClient http, CancellationToken stop)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri(url + "/readyz"), stop).ConfigureAwait(false);
                return answer.IsSuccessStatusCode;
            }
            catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !stop.IsCancellationRequested))
            {
                return false;
            }
        }

        private Process Start()
        {
            // Through a shell that becomes the program: its output goes to the file even when this process is gone.
            var start = new ProcessStartInfo("/bin/sh", ["-c", $"exec \"$0\" \"$@\" >>'{Path.Combine(logs, name + ".log")}' 2>&1", Environment.ProcessPath!, typeof(LocalCluster).Assembly.Location, .. arguments]);
            start.Environment["Loyalty__ConnectionString"] = cluster.ConnectionString;
            start.Environment["LOYALTY_PARENT"] = Text(Environment.ProcessId);
            return Process.Start(start)!;
        }

        private static async Task EndAsync(Process process)
        {
            if (process.HasExited)
            {
                return;
            }

            using var kill = Process.Start("/bin/sh", ["-c", $"kill -TERM {process.Id} 2>/dev/null"]);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            try
            {
                await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
            }
        }
    }
}
