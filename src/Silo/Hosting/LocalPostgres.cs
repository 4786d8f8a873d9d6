using System.Diagnostics;
using System.Globalization;
using Loyalty.Gateway.Hosting;

namespace Loyalty.Silo.Hosting;

/// <summary>
/// A PostgreSQL server of a local cluster's own, from the installed binaries, with its data in the data folder: durable, on a free port of the loopback address, stopped with the
/// cluster and started again with it. For trying things out; production brings a server of its own.
/// </summary>
internal sealed class LocalPostgres : IDisposable
{
    private readonly string _binaries;
    private readonly string _data;
    private readonly bool _isRoot = Environment.UserName == "root";

    private LocalPostgres(string binaries, string data, int port)
    {
        (_binaries, _data) = (binaries, data);
        ConnectionString = string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={port};Username=postgres;Password=not-asked-for;Database=postgres");
    }

    /// <summary>For Npgsql.</summary>
    public string ConnectionString { get; }

    /// <summary>Makes the server's files if there are none, and starts it.</summary>
    /// <exception cref="UserError">PostgreSQL is not installed, or does not start.</exception>
    public static LocalPostgres Start(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new UserError("A cluster with a PostgreSQL server of its own is started on Linux only; name a server with Loyalty__ConnectionString.");
        }

        var binaries = Find() ?? throw new UserError(
            "A cluster needs PostgreSQL. Install it (apt-get install postgresql) and run this again, or name a server of your own with Loyalty__ConnectionString.");
        var path = Path.GetFullPath(folder);
        var port = SiloSettings.FreePort();
        var server = new LocalPostgres(binaries, Path.Combine(path, "data"), port);
        Directory.CreateDirectory(path);
        if (server._isRoot)
        {
            // PostgreSQL refuses to run as root; the user it runs as has to reach its files.
            Run("chown", "-R", "postgres", path);
            for (var parent = Path.GetDirectoryName(path); parent is not null; parent = Path.GetDirectoryName(parent))
            {
                if ((File.GetUnixFileMode(parent) & UnixFileMode.OtherExecute) == 0)
                {
                    throw new UserError($"PostgreSQL runs as user postgres here and cannot reach {path}, because {parent} is closed to others. Choose another folder with --data.");
                }
            }
        }

        if (!File.Exists(Path.Combine(server._data, "PG_VERSION")))
        {
            server.Tool("initdb", "-D", server._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C");
        }

        server.Tool(
            "pg_ctl", "-D", server._data, "-l", Path.Combine(path, "log"), "-w", "-o",
            string.Create(CultureInfo.InvariantCulture, $"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{path}' -c max_connections=200 -c shared_buffers=256MB -c max_wal_size=4GB"),
            "start");
        return server;
    }

    /// <summary>Stops the server.</summary>
    public void Dispose()
    {
        try
        {
            Tool("pg_ctl", "-D", _data, "-m", "fast", "-w", "stop");
        }
        catch (UserError)
        {
            // It has stopped by itself; its log says why.
        }
    }

    private static string? Find()
    {
        var debian = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var version) ? version : 0)
                .Select(path => Path.Combine(path, "bin"))
            : [];
        return debian.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
            .FirstOrDefault(path => File.Exists(Path.Combine(path, "initdb")) && File.Exists(Path.Combine(path, "pg_ctl")));
    }

    private void Tool(string name, params string[] arguments)
    {
        var path = Path.Combine(_binaries, name);
        if (_isRoot)
        {
            Run("runuser", ["-u", "postgres", "--", path, .. arguments]);
        }
        else
        {
            Run(path, arguments);
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        // No pipes: the server would inherit and hold them.
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$@\" >/dev/null 2>&1", program, .. arguments]) { WorkingDirectory = "/" })!;
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)) || process.ExitCode != 0)
        {
            throw new UserError($"'{program} {string.Join(' ', arguments)}' failed. Run it by hand to see why.");
        }
    }
}
