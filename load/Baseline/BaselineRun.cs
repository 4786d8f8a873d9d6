using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Loyalty.Load.Drive;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Providers;
using Orleans.Storage;

namespace Loyalty.Load.Baseline;

/// <summary>One silo with its client in this process, callers that each wait for their answer, and an account of what was acknowledged.</summary>
internal sealed class BaselineRun : IAsyncDisposable
{
    public const int CallersMax = 1024;

    private const string Invariant = "Npgsql";
    private const int ConnectionsMax = 80;
    private const int Lines = 3;
    private const int Shelf = 2000;
    private const int Stores = 200;
    private const double Skew = 0.8;

    private static readonly int[] CallersTried = [16, 64, 256];

    private readonly string connectionString;
    private readonly string prefix = $"{Guid.NewGuid():N}"[..8];
    private readonly int members;
    private readonly Zipf zipf;
    private readonly PurchaseLine[] shelf;
    private readonly IHost host;
    private long ids;
    private long points;
    private long failures;

    private BaselineRun(string server, int members)
    {
        // In the baseline's favour: statements stay prepared, and connections are not reset between calls.
        connectionString = new NpgsqlConnectionStringBuilder(server)
        {
            SearchPath = Schema,
            MaxPoolSize = ConnectionsMax,
            MaxAutoPrepare = 10,
            AutoPrepareMinUsages = 2,
            NoResetOnClose = true,
        }.ConnectionString;
        this.members = members;
        zipf = new Zipf(members, Skew);
        var random = new Random(1);
        shelf = [.. Enumerable.Range(0, Shelf).Select(n => new PurchaseLine($"{20_000 + n}", 1 + random.Next(2), random.Next(35, 9000)))];
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(FreePort(), 0);
            silo.Configure<EndpointOptions>(endpoints => endpoints.GatewayPort = 0);
            silo.AddAdoNetGrainStorageAsDefault(options => (options.Invariant, options.ConnectionString) = (Invariant, connectionString));
        });
        host = builder.Build();
    }

    /// <summary>A schema of its own, while it runs.</summary>
    public string Schema { get; } = $"loyalty_baseline_{Guid.NewGuid():N}";

    /// <summary>Where the grains' states are.</summary>
    public IGrainStorage Storage => host.Services.GetRequiredKeyedService<IGrainStorage>(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME);

    /// <summary>Makes the tables in a schema of its own, and starts the silo.</summary>
    /// <exception cref="UserError">The server cannot be used.</exception>
    public static async Task<BaselineRun> StartAsync(string server, int members, CancellationToken stop)
    {
        BaselineRun run;
        try
        {
            run = new BaselineRun(server, members);
        }
        catch (ArgumentException error)
        {
            throw new UserError($"--connection is no connection string for PostgreSQL ({error.Message}). Example: Host=127.0.0.1;Username=postgres;Password=…;Database=test");
        }

        try
        {
            await using (Stream script = typeof(BaselineRun).Assembly.GetManifestResourceStream("grain-storage.sql")!)
            using (var reader = new StreamReader(script))
            {
                await run.ExecuteAsync($"CREATE SCHEMA {run.Schema}");
                await run.ExecuteAsync(await reader.ReadToEndAsync(stop));
            }

            await run.host.StartAsync(stop);
            return run;
        }
        catch (NpgsqlException error)
        {
            await run.DisposeAsync();
            throw new UserError($"PostgreSQL cannot be used ({error.Message}): look at --connection, or leave it out for a private server. The role needs the right to create a schema.");
        }
    }

    /// <summary>Warms up, finds the best number of callers unless it is given (0), and measures.</summary>
    public async Task<JsonObject> MeasureAsync(double seconds, int callers, CancellationToken stop)
    {
        double tryFor = Math.Clamp(seconds / 8, 0.5, 2);
        await DriveAsync(CallersTried[1], 2 * tryFor, stop);
        if (callers == 0)
        {
            (double Rate, int Callers) best = default;
            foreach (int count in CallersTried)
            {
                (double rate, _, _) = await DriveAsync(count, tryFor, stop);
                best = rate > best.Rate ? (rate, count) : best;
            }

            callers = Math.Max(best.Callers, 1);
        }

        (double perSecond, long purchases, LatencyHistogram latencies) = await DriveAsync(callers, seconds, stop);
        long stored = await StoredPointsAsync();
        return new JsonObject
        {
            ["perSecond"] = Math.Round(perSecond, 1),
            ["p50Ms"] = latencies.Milliseconds(50),
            ["p99Ms"] = latencies.Milliseconds(99),
            ["maxMs"] = latencies.MaxMilliseconds,
            ["purchases"] = purchases,
            ["failures"] = failures,
            ["callers"] = callers,
            ["members"] = members,
            ["acknowledgedPoints"] = points,
            ["storedPoints"] = stored,

            // After a failure the outcome is unknown, so more may be stored than was acknowledged, never less.
            ["isWell"] = purchases > 0 && (failures == 0 ? stored == points : stored >= points),
        };
    }

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync(new CancellationToken(canceled: true));
        host.Dispose();
        try
        {
            await ExecuteAsync($"DROP SCHEMA IF EXISTS {Schema} CASCADE");
        }
        catch (NpgsqlException)
        {
            // The server is gone, and the schema with it or left for its owner: the name says whose it was.
        }
    }

    private async Task<(double PerSecond, long Purchases, LatencyHistogram Latencies)> DriveAsync(int callers, double seconds, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        long ends = started + (long)(seconds * Stopwatch.Frequency);
        LatencyHistogram[] found = await Task.WhenAll(Enumerable.Range(0, callers).Select(n => Task.Run(() => CallAsync(n, ends, stop), stop)));
        double took = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var all = new LatencyHistogram();
        foreach (LatencyHistogram one in found)
        {
            all.Add(one);
        }

        return (all.Count / took, all.Count, all);
    }

    private async Task<LatencyHistogram> CallAsync(int caller, long ends, CancellationToken stop)
    {
        var latencies = new LatencyHistogram();
        IGrainFactory grains = host.Services.GetRequiredService<IGrainFactory>();
        var random = new Random(HashCode.Combine(caller, ends));
        for (long now = Stopwatch.GetTimestamp(); now < ends; now = Stopwatch.GetTimestamp())
        {
            stop.ThrowIfCancellationRequested();
            IMemberGrain member = grains.GetGrain<IMemberGrain>($"{prefix}-{zipf.Rank((ulong)random.NextInt64(long.MinValue, long.MaxValue))}");
            try
            {
                Receipt receipt = await member.Record(Next(random));
                latencies.Record(Stopwatch.GetElapsedTime(now));
                Interlocked.Add(ref points, receipt.Points);
            }
            catch (Exception error) when (error is OrleansException or TimeoutException or NpgsqlException)
            {
                Interlocked.Increment(ref failures);
            }
        }

        return latencies;
    }

    private Purchase Next(Random random)
    {
        var lines = new PurchaseLine[Lines];
        for (int n = 0; n < Lines; n++)
        {
            lines[n] = shelf[random.Next(Shelf)];
        }

        return new Purchase($"{prefix}-{Interlocked.Increment(ref ids)}", $"store-{random.Next(Stores)}", DateTimeOffset.UtcNow, lines);
    }

    /// <summary>What the server holds, whatever the grains believe.</summary>
    private async Task<long> StoredPointsAsync() =>
        await ExecuteAsync("SELECT coalesce(sum((convert_from(payload, 'UTF8')::json ->> 'Balance')::bigint), 0)::bigint FROM orleansstorage") is long sum ? sum : 0;

    private async Task<object?> ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
