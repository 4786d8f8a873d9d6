using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Loyalty.Load.Gateway;

namespace Loyalty.Load.Bench;

/// <summary>
/// An engine of our own: a process with a fresh data folder on a free port. It can be killed as a crash would, and started again on the same data.
/// The data folder is deleted in the end.
/// </summary>
internal sealed class ServerProcess : IDisposable
{
    private const int LogLinesKept = 30;

    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(10);

    private readonly CommandLine command;
    private readonly Queue<string> log = [];
    private readonly Uri url;
    private Process? process;

    private ServerProcess(CommandLine command)
    {
        this.command = command;
        DataFolder = Directory.CreateTempSubdirectory("loyalty-bench-").FullName;
        url = new Uri($"http://127.0.0.1:{FreePort()}");
        Target = new GatewayTarget(url, "none-yet");
    }

    public string DataFolder { get; }

    public GatewayTarget Target { get; private set; }

    /// <exception cref="UserError">It does not come up.</exception>
    public static ServerProcess Start(CommandLine command)
    {
        var server = new ServerProcess(command);
        try
        {
            server.Start();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Starts it (again); returns the time until it is ready.</summary>
    public TimeSpan Start()
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            process = Process.Start(command.With("up", "--data", DataFolder, "--url", url.ToString().TrimEnd('/')))!;
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new UserError($"The server `{command.Program}` cannot be started ({error.Message}): look at --server.");
        }

        process.StandardInput.Close();
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        while (!GatewayQueries.IsReady(Target))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(started) > ReadyTimeout)
            {
                string what = process.HasExited ? $"ended with {process.ExitCode}" : $"was not ready within {ReadyTimeout.TotalSeconds} s";
                throw new UserError($"The server {what}. Build it with `dotnet build -c Release`, or look at --server. It said:\n{LogText()}");
            }

            Thread.Sleep(PollEvery);
        }

        TimeSpan took = Stopwatch.GetElapsedTime(started);
        string keyFile = Path.Combine(DataFolder, "dev-key");
        Target = File.Exists(keyFile)
            ? new GatewayTarget(url, File.ReadAllText(keyFile).Trim())
            : throw new UserError($"The server is ready but wrote no {keyFile}.");
        return took;
    }

    /// <summary>The most physical memory that the process has had since it was started.</summary>
    public long MemoryPeakBytes
    {
        get
        {
            process!.Refresh();
            return process.PeakWorkingSet64;
        }
    }

    /// <summary>What its books take on disk.</summary>
    public long DataBytes => new DirectoryInfo(DataFolder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);

    /// <summary>kill -9: nothing is flushed, nothing said goodbye to.</summary>
    public void Kill()
    {
        process!.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
        process = null;
    }

    public void Dispose()
    {
        if (process is not null)
        {
            Kill();
        }

        Directory.Delete(DataFolder, recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Keep(string? line)
    {
        lock (log)
        {
            if (line is not null)
            {
                log.Enqueue(line);
            }

            while (log.Count > LogLinesKept)
            {
                log.Dequeue();
            }
        }
    }

    private string LogText()
    {
        lock (log)
        {
            return string.Join('\n', log);
        }
    }
}
