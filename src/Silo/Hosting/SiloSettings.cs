using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Loyalty.Gateway.Hosting;
using Command = System.CommandLine.Command;

namespace Loyalty.Silo.Hosting;

/// <summary>Where the books of a silo are.</summary>
internal enum StoreKind
{
    /// <summary>A file of this process: one silo.</summary>
    Sqlite,

    /// <summary>A PostgreSQL server: any number of silos.</summary>
    Postgres,

    /// <summary>Azure Storage: one silo that writes.</summary>
    Azure,
}

/// <summary>
/// How a silo, or a gateway of its own, finds its store and the others. Read from <c>appsettings.json</c> beside the program (section <c>Loyalty</c>), the environment
/// (<c>Loyalty__ConnectionString</c>) and the command line, the later ones first.
/// </summary>
internal sealed record SiloSettings
{
    /// <summary>Where the books are.</summary>
    public required StoreKind Store { get; init; }

    /// <summary>Of the database or storage account; null with SQLite.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>The schema of the books in PostgreSQL, or the container of the books in Azure.</summary>
    public required string Schema { get; init; }

    /// <summary>Silos with the same id form a cluster.</summary>
    public required string ClusterId { get; init; }

    /// <summary>The address at which other processes reach this one.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>For other silos; 0: a free one.</summary>
    public required int SiloPort { get; init; }

    /// <summary>For gateways of their own; 0: a free one.</summary>
    public required int GatewayPort { get; init; }

    /// <summary>Whether members' events go to Orleans streams.</summary>
    public bool Streams { get; init; }

    /// <summary>A port that is free now on the loopback address.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>The options of <see cref="SiloSettings"/>.</summary>
internal sealed class SiloOptions
{
    private static readonly IConfiguration Configuration = new ConfigurationBuilder()
        .SetBasePath(AppContext.BaseDirectory)
        .AddJsonFile("appsettings.json", optional: true)
        .AddEnvironmentVariables()
        .Build();

    private readonly Option<string> _store = Text("--store", "Store", "sqlite", "Where the books are: sqlite (one silo, a file), postgres (a cluster) or azure.");

    private readonly Option<string?> _connection = new("--connection")
    {
        Description = "Connection string of PostgreSQL or of the storage account. Better in the environment: Loyalty__ConnectionString.",
        DefaultValueFactory = _ => Configuration["Loyalty:ConnectionString"],
    };

    private readonly Option<string> _schema = Text("--schema", "Schema", "loyalty", "Schema of the books in PostgreSQL, container in Azure.");

    private readonly Option<string> _cluster = Text("--cluster", "ClusterId", "loyalty", "Silos of the same name form a cluster.");

    private readonly Option<string> _address = Text("--address", "Address", "127.0.0.1", "The address at which other processes reach this one.");

    private readonly Option<int> _siloPort = Port("--silo-port", "SiloPort", 0, "Port for other silos; 0: a free one.");

    private readonly Option<int> _gatewayPort = Port("--gateway-port", "GatewayPort", 0, "Port for gateways of their own; 0: a free one.");

    private readonly Option<bool> _streams = new("--streams")
    {
        Description = "Publishes members' events to Orleans streams.",
        DefaultValueFactory = _ => string.Equals(Configuration["Loyalty:Streams"], "true", StringComparison.OrdinalIgnoreCase),
    };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _store, _connection, _schema, _cluster, _address, _siloPort, _gatewayPort, _streams })
        {
            command.Add(option);
        }
    }

    /// <param name="parsed">The command line.</param>
    /// <param name="needsCluster">The books must be ones that several processes share.</param>
    /// <exception cref="UserError">Something is missing or wrong; the message says what would be right.</exception>
    public SiloSettings Read(ParseResult parsed, bool needsCluster)
    {
        var name = parsed.GetValue(_store)!;
        if (!Enum.TryParse<StoreKind>(name, ignoreCase: true, out var store) || !Enum.IsDefined(store))
        {
            throw new UserError($"The store '{name}' is not known; sqlite, postgres or azure are possible (--store, Loyalty:Store, Loyalty__Store).");
        }

        if (needsCluster && store == StoreKind.Sqlite)
        {
            throw new UserError("The SQLite journal belongs to one process, and this command takes part in a cluster: use --store postgres and a connection string.");
        }

        var connection = parsed.GetValue(_connection);
        if (store != StoreKind.Sqlite && string.IsNullOrWhiteSpace(connection))
        {
            throw new UserError(
                $"The store '{name}' needs a connection string: set Loyalty__ConnectionString, or Loyalty:ConnectionString in appsettings.json, for example "
                + (store == StoreKind.Postgres ? "'Host=localhost;Database=loyalty;Username=loyalty;Password=…'." : "'UseDevelopmentStorage=true'."));
        }

        if (!IPAddress.TryParse(parsed.GetValue(_address), out var address))
        {
            throw new UserError($"--address is '{parsed.GetValue(_address)}'; an IP address such as 10.0.0.5 is needed.");
        }

        return new()
        {
            Store = store,
            ConnectionString = connection,
            Schema = parsed.GetValue(_schema)!,
            ClusterId = parsed.GetValue(_cluster)!,
            Address = address,
            SiloPort = Checked(parsed.GetValue(_siloPort), "--silo-port"),
            GatewayPort = Checked(parsed.GetValue(_gatewayPort), "--gateway-port"),
            Streams = parsed.GetValue(_streams),
        };
    }

    /// <summary>The connection string that is set, or null.</summary>
    public static string? ConfiguredConnection(ParseResult parsed, SiloOptions options) => parsed.GetValue(options._connection) is { Length: > 0 } set ? set : null;

    /// <summary>For a local cluster: PostgreSQL at this connection string, whatever the store is set to.</summary>
    public SiloSettings ReadCluster(ParseResult parsed, string connection) => new()
    {
        Store = StoreKind.Postgres,
        ConnectionString = connection,
        Schema = parsed.GetValue(_schema)!,
        ClusterId = parsed.GetValue(_cluster)!,
        Address = IPAddress.Loopback,
        SiloPort = 0,
        GatewayPort = 0,
        Streams = parsed.GetValue(_streams),
    };

    private static int Checked(int port, string name) =>
        port is < 0 or > 65535 ? throw new UserError($"{name} is {port}; 0 (a free one) to 65535 are possible.") : port == 0 ? SiloSettings.FreePort() : port;

    private static Option<string> Text(string option, string key, string fallback, string description) => new(option)
    {
        Description = $"{description} Configuration: Loyalty:{key}.",
        DefaultValueFactory = _ => Configuration[$"Loyalty:{key}"] is { Length: > 0 } set ? set : fallback,
    };

    private static Option<int> Port(string option, string key, int fallback, string description) => new(option)
    {
        Description = $"{description} Configuration: Loyalty:{key}.",
        DefaultValueFactory = _ => int.TryParse(Configuration[$"Loyalty:{key}"], CultureInfo.InvariantCulture, out var set) ? set : fallback,
    };
}
