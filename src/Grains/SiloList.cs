using Orleans.Runtime;

namespace Loyalty.Grains;

/// <summary>The silos that take actors now.</summary>
public interface ISiloList
{
    /// <summary>The map of the silos known last; null: none is known yet.</summary>
    ShardMap? Map { get; }

    /// <summary>Asks again.</summary>
    ValueTask RefreshAsync();
}

/// <summary>Within a silo: what its membership oracle says.</summary>
public sealed class SiloListOfOracle(ISiloStatusOracle oracle) : ISiloList
{
    private volatile ShardMap? _map;

    /// <inheritdoc />
    public ShardMap? Map
    {
        get
        {
            // A handful of silos: comparing is cheaper than being told.
            var active = oracle.GetApproximateSiloStatuses(onlyActive: true);
            var map = _map;
            if (active.Count > 0 && (map is null || map.Silos.Count != active.Count || !map.Silos.All(active.ContainsKey)))
            {
                _map = map = new ShardMap([.. active.Keys]);
            }

            return map;
        }
    }

    /// <inheritdoc />
    public ValueTask RefreshAsync() => default;
}

/// <summary>In a gateway of its own: what any silo says, asked at most every <see cref="Interval"/> and after each failure.</summary>
public sealed class SiloListOfCluster(IGrainFactory grains) : ISiloList
{
    /// <summary>How old the list may get.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private int _asking;
    private volatile ShardMap? _map;
    private long _askedAt = long.MinValue / 2;
    private long _heardAt = long.MinValue / 2;

    /// <summary>Whether a silo answered lately: within five intervals.</summary>
    public bool IsFresh => Environment.TickCount64 - Volatile.Read(ref _heardAt) < Interval.TotalMilliseconds * 5 && Map is not null;

    /// <inheritdoc />
    public ShardMap? Map
    {
        get
        {
            if (Environment.TickCount64 - Volatile.Read(ref _askedAt) > Interval.TotalMilliseconds)
            {
                _ = RefreshAsync().AsTask();
            }

            return _map;
        }
    }

    /// <inheritdoc />
    public async ValueTask RefreshAsync()
    {
        if (Interlocked.Exchange(ref _asking, 1) != 0)
        {
            return;
        }

        try
        {
            Volatile.Write(ref _askedAt, Environment.TickCount64);
            var silos = await grains.GetGrain<IBooksGrain>(GrainBooks.Key).ListActiveSilos().ConfigureAwait(false);
            Volatile.Write(ref _heardAt, Environment.TickCount64);
            if (silos.Length > 0 && (_map is not { } map || !map.Silos.SequenceEqual(silos.Order())))
            {
                _map = new ShardMap(silos);
            }
        }
        catch (Exception e) when (e is OrleansException or TimeoutException or OperationCanceledException)
        {
            // The old list serves; whoever is not there any more is found out by the call, and asked about again.
        }
        finally
        {
            Volatile.Write(ref _asking, 0);
        }
    }
}
