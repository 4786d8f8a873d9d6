using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Loyalty.EndToEnd.Tests.Support;

/// <summary>One of our programs as a process of its own, with everything it said. Killed in the end, whatever happens.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly List<string> _all = [];

    private ChildProcess(Process process) => _process = process;

    public static ChildProcess StartGateway(params IEnumerable<string> arguments) => Start("Loyalty.Gateway.dll", arguments);

    /// <summary>An engine in either of its hosts.</summary>
    public static ChildProcess StartEngine(EngineHost host, params IEnumerable<string> arguments) =>
        host == EngineHost.Orleans ? Start("Loyalty.Silo.dll", arguments) : StartGateway(arguments);

    public static ChildProcess StartLoad(params IEnumerable<string> arguments) => Start("Loyalty.Load.dll", arguments);

    /// <summary>Runs a command of the gateway to its end.</summary>
    public static Task<Ended> GatewayAsync(params IEnumerable<string> arguments) => ToEndAsync(StartGateway(arguments));

    /// <summary>Runs a command of the load tool to its end.</summary>
    public static Task<Ended> LoadAsync(params IEnumerable<string> arguments) => ToEndAsync(StartLoad(arguments));

    public bool HasExited => _process.HasExited;

    /// <summary>Everything it said so far, output and errors as they came.</summary>
    public string Said
    {
        get
        {
            lock (_all)
            {
                return string.Join('\n', _all);
            }
        }
    }

    /// <summary>kill -9: nothing is flushed, nobody is told.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, as an operator or a service manager sends it.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString()]);
        kill.WaitForExit();
    }

    /// <summary>Waits until it ends by itself.</summary>
    public async Task<Ended> EndAsync()
    {
        using var tooLong = new CancellationTokenSource(Patience.Command);
        try
        {
            await _process.WaitForExitAsync(tooLong.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{_process.StartInfo.ArgumentList[1]} {_process.StartInfo.ArgumentList[2]} did not end. It said:\n{Said}");
        }

        lock (_all)
        {
            return new Ended(_process.ExitCode, [.. _output], string.Join('\n', _all));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private static async Task<Ended> ToEndAsync(ChildProcess child)
    {
        await using (child)
        {
            return await child.EndAsync();
        }
    }

    private static ChildProcess Start(string assembly, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var argument in arguments.Prepend(Path.Combine(AppContext.BaseDirectory, assembly)).Prepend("exec"))
        {
            start.ArgumentList.Add(argument);
        }

        // What the developer has set for an engine of their own must not lead the tests to it.
        foreach (var name in (string[])["LOYALTY_DATA", "LOYALTY_URL", "LOYALTY_KEY"])
        {
            start.Environment.Remove(name);
        }

        var child = new ChildProcess(Process.Start(start)!);
        child._process.StandardInput.Close();
        child._process.OutputDataReceived += (_, line) => child.Keep(line.Data, isOutput: true);
        child._process.ErrorDataReceived += (_, line) => child.Keep(line.Data, isOutput: false);
        child._process.BeginOutputReadLine();
        child._process.BeginErrorReadLine();
        return child;
    }

    private void Keep(string? line, bool isOutput)
    {
        if (line is null)
        {
            return;
        }

        lock (_all)
        {
            _all.Add(line);
            if (isOutput)
            {
                _output.Add(line);
            }
        }
    }
}

/// <summary>How a command ended.</summary>
/// <param name="Output">Lines of standard output.</param>
/// <param name="Said">Output and errors.</param>
internal sealed record Ended(int ExitCode, string[] Output, string Said)
{
    /// <summary>The last line of standard output, of a command with --json.</summary>
    public JsonObject Json
    {
        get
        {
            Assert.True(Output.Length > 0 && Output[^1].StartsWith('{'), $"no JSON at the end of:\n{Said}");
            return JsonNode.Parse(Output[^1])!.AsObject();
        }
    }

    public long Count(string name) => Json[name]!.GetValue<long>();

    public Ended Expect(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode} instead of {exitCode}; it said:\n{Said}");
        return this;
    }
}

/// <summary>Bounds of waiting; far beyond what anything takes.</summary>
internal static class Patience
{
    public static readonly TimeSpan Command = TimeSpan.FromMinutes(30);
    public static readonly TimeSpan Ready = TimeSpan.FromMinutes(2);
    public static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    /// <summary>Asks until it is so.</summary>
    public static async Task UntilAsync(string what, Func<Task<bool>> isSo, TimeSpan? atMost = null)
    {
        var started = Stopwatch.StartNew();
        while (!await isSo())
        {
            Assert.True(started.Elapsed < (atMost ?? Ready), $"waited in vain until {what}");
            await Task.Delay(Poll);
        }
    }
}
