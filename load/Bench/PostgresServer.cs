namespace Loyalty.Load.Bench;

/// <summary>A PostgreSQL server of our own from the installed binaries: durable, reached by a socket in its folder, which is deleted in the end.</summary>
internal sealed class PostgresServer : IDisposable
{
    private const int ErrorLengthMax = 300;

    private readonly string binFolder;

    private PostgresServer(string binFolder) => this.binFolder = binFolder;

    public static string HowToInstall => "PostgreSQL is not installed, so it is not compared: apt-get install postgresql (Debian, Ubuntu) brings it.";

    /// <summary>Where its socket is: what its tools call the host.</summary>
    public string SocketFolder { get; } = Directory.CreateTempSubdirectory("loyalty-pg-").FullName;

    /// <summary>For Npgsql.</summary>
    public string ConnectionString => $"Host={SocketFolder};Username=postgres;Database=postgres";

    private string DataFolder => Path.Combine(SocketFolder, "data");

    /// <exception cref="UserError">It is not installed, or does not start.</exception>
    public static PostgresServer Start()
    {
        var server = new PostgresServer(FindBinaries() ?? throw new UserError(HowToInstall));
        try
        {
            server.AllowPostgres();
            server.Do("initdb", "-D", server.DataFolder, "-U", "postgres", "-A", "trust", "--no-sync");
            string options = $"-c listen_addresses='' -c unix_socket_directories='{server.SocketFolder}' -c max_connections=200 -c shared_buffers=512MB -c max_wal_size=4GB -c synchronous_commit=on -c fsync=on";
            server.Do("pg_ctl", "-D", server.DataFolder, "-l", Path.Combine(server.SocketFolder, "log"), "-o", options, "-w", "start");
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    public static string? FindBinaries()
    {
        IEnumerable<string> versions = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(path => int.TryParse(Path.GetFileName(path), out int version) ? version : 0)
                .Select(path => Path.Combine(path, "bin"))
            : [];
        string[] wanted = ["initdb", "pg_ctl", "psql", "pgbench"];
        return versions.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
            .FirstOrDefault(path => wanted.All(name => File.Exists(Path.Combine(path, name))));
    }

    /// <summary>Writes a file that the server's tools can read; returns its path.</summary>
    public string Write(string name, string text)
    {
        string path = Path.Combine(SocketFolder, name);
        File.WriteAllText(path, text);
        AllowPostgres();
        return path;
    }

    /// <summary>Runs one of PostgreSQL's tools to its end; returns what it printed.</summary>
    /// <exception cref="UserError">It failed.</exception>
    public string Do(string tool, params string[] arguments) => Do(CommandOf(tool), arguments);

    public void Dispose()
    {
        if (Directory.Exists(DataFolder))
        {
            CommandOf("pg_ctl").Run(TimeSpan.FromSeconds(30), "-D", DataFolder, "-m", "immediate", "-w", "stop");
        }

        Directory.Delete(SocketFolder, recursive: true);
    }

    private void AllowPostgres()
    {
        if (Environment.UserName == "root")
        {
            // PostgreSQL refuses to run as root.
            Do(new CommandLine("chown", []), "-R", "postgres", SocketFolder);
        }
    }

    private CommandLine CommandOf(string name)
    {
        string path = Path.Combine(binFolder, name);
        return Environment.UserName == "root" ? new CommandLine("runuser", ["-u", "postgres", "--", path]) : new CommandLine(path, []);
    }

    private static string Do(CommandLine command, params string[] arguments)
    {
        (int ExitCode, string Output, string Errors)? result = command.Run(TimeSpan.FromMinutes(5), arguments);
        if (result is { ExitCode: 0 } well)
        {
            return well.Output;
        }

        string errors = result?.Errors.Trim() ?? "it did not start, or took too long";
        string name = Path.GetFileName(command.Arguments is [.., string last] ? last : command.Program);
        throw new UserError($"PostgreSQL is not compared: {name} failed: {errors[..Math.Min(errors.Length, ErrorLengthMax)]}");
    }
}
