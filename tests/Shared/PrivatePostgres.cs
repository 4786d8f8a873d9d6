using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Loyalty.Storage;
using Npgsql;

namespace Loyalty.Tests.Shared;

/// <summary>
/// A PostgreSQL server of the tests' own: on a free port, in a temporary folder, from the installed binaries; stopped and removed at the end, also when the test process is killed.
/// </summary>
public sealed class PrivatePostgres : IDisposable
{
    private static readonly Lazy<string?> Binaries = new(FindBinaries);
    private static readonly Lazy<PrivatePostgres> OfAssembly = new(() =>
    {
        var server = new PrivatePostgres(isDurable: false);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Dispose();
        return server;
    });

    private static readonly bool IsRoot = Environment.UserName == "root";
    private static int schemas;
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("loyalty-postgres-");
    private readonly string options;
    private Process? watcher;
    private int disposed;

    /// <param name="isDurable">False: without fsync, which costs nothing but what a power cut would take.</param>
    public PrivatePostgres(bool isDurable)
    {
        Port = FreePort();
        options = string.Create(
            CultureInfo.InvariantCulture,
            $"-c port={Port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{folder.FullName}' -c max_connections=200 -c shared_buffers=256MB -c max_wal_size=4GB -c fsync={(isDurable ? "on" : "off")} -c full_page_writes={(isDurable ? "on" : "off")}");
        try
        {
            if (IsRoot)
            {
                Run("chown", "-R", "postgres", folder.FullName);
            }

            Tool("initdb", "-D", Data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync");
            Start();
            Watch();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Null: a private server can be started here. Otherwise why not, in one line.</summary>
    public static string? WhyNot =>
        Binaries.Value is null ? "PostgreSQL is not installed (apt-get install postgresql brings it): the tests of its journal are skipped."
        : IsRoot && !File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal))
            ? "PostgreSQL does not run as root, and there is no user 'postgres' here: the tests of its journal are skipped."
            : null;

    /// <summary>The one that the tests of an assembly share, each in a schema of its own; without fsync.</summary>
    public static PrivatePostgres Shared => OfAssembly.Value;

    /// <summary>Where it listens, on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>For Npgsql.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username=postgres;Password=not-asked-for;Database=postgres");

    private string Data => Path.Combine(folder.FullName, "data");

    /// <summary>A name for books that nobody else has.</summary>
    public static string NewSchemaName() => string.Create(CultureInfo.InvariantCulture, $"books_{Interlocked.Increment(ref schemas)}");

    /// <summary>Makes empty books.</summary>
    public async Task<string> MakeSchemaAsync()
    {
        var schema = NewSchemaName();
        await PostgresSchema.MigrateAsync(ConnectionString, schema);
        return schema;
    }

    /// <summary>Runs SQL as the administrator would.</summary>
    public async Task<object?> ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Starts it again after <see cref="Stop"/>.</summary>
    public void Start() => Tool("pg_ctl", "-D", Data, "-l", Path.Combine(folder.FullName, "log"), "-o", options, "-w", "start");

    /// <summary>Takes it away at once, as a crash would.</summary>
    public void Stop() => Tool("pg_ctl", "-D", Data, "-m", "immediate", "-w", "stop");

    /// <inheritdoc />
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
        {
            return;
        }

        try
        {
            if (File.Exists(Path.Combine(Data, "postmaster.pid")))
            {
                Stop();
            }
        }
        catch (InvalidOperationException)
        {
            // It is stopped already.
        }

        try
        {
            watcher?.Kill();
            watcher?.Dispose();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }

        folder.Delete(recursive: true);
    }

    /// <summary>A test process that is killed runs no code at its end; a shell that waits for that stops the server then.</summary>
    private void Watch()
    {
        var stop = $"while kill -0 {Environment.ProcessId} 2>/dev/null; do sleep 1; done; {(IsRoot ? "runuser -u postgres -- " : "")}{Binaries.Value}/pg_ctl -D {Data} -m immediate -w stop; rm -rf {folder.FullName}";
        watcher = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", stop]) { RedirectStandardOutput = true, RedirectStandardError = true });
    }

    private static string? FindBinaries()
    {
        var versions = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(path => int.TryParse(Path.GetFileName(path), out var version) ? version : 0).Select(path => Path.Combine(path, "bin"))
            : [];
        return versions.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
            .FirstOrDefault(path => File.Exists(Path.Combine(path, "initdb")) && File.Exists(Path.Combine(path, "pg_ctl")));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void Tool(string name, params string[] arguments)
    {
        var path = Path.Combine(Binaries.Value!, name);
        if (IsRoot)
        {
            // PostgreSQL refuses to run as root.
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
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed.");
        }
    }
}
