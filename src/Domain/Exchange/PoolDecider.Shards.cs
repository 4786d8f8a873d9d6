using NodaTime;

namespace Loyalty.Domain.Exchange;

/// <summary>Liquidity between a pool's main actor and its shards. docs/EXCHANGE.md, "Shards".</summary>
public readonly ref partial struct PoolDecider
{
    /// <summary>How long a shard keeps a lease; then what is free of it goes back.</summary>
    public static readonly Duration LeaseTime = Duration.FromSeconds(10);

    /// <summary>A shard that got nothing asks again after so long.</summary>
    public static readonly Duration AskPause = Duration.FromSeconds(1);

    /// <summary>When a shard's lease is over; null: it has nothing to give back.</summary>
    public static Instant? LeaseEnd(PoolState state) => state.Free is { Points: > 0 } or { Units: > 0 } ? state.MovedAt + LeaseTime : null;

    /// <summary>A shard takes over a version of the main actor.</summary>
    public void Adopt(PoolDefinition definition)
    {
        BringUpToDate();
        if (_state.Definition is null || _state.Definition.Version < definition.Version)
        {
            Raise(new PoolDefined(definition, _context.Now, _context.Today));
        }
    }

    /// <summary>A shard could not reserve: whether it asks the main actor for more now.</summary>
    public bool Ask()
    {
        if (_state.Definition is null || _state.IsAsking || _context.Now < _state.MovedAt + AskPause)
        {
            return false;
        }

        Raise(new PoolAsked(_context.Now));
        return true;
    }

    /// <summary>The main actor lends to a shard: a part of what is free, so that no shard has much that the others lack.</summary>
    public Position Lend(int to)
    {
        BringUpToDate();
        var parts = 2L * (_state.Definition?.Shards ?? 1);
        var lease = new Position(Math.Max(0, _state.Free.Points) / parts, Math.Max(0, _state.Free.Units) / parts);
        Move(to, new(-lease.Points, -lease.Units));
        Alert();
        return lease;
    }

    /// <summary>What was lent, or given back, is here.</summary>
    public void Take(int from, Position change)
    {
        BringUpToDate();
        Move(from, change);
        if (_shard == 0)
        {
            Alert();
        }
    }

    /// <summary>What a shard gives back now; nothing while its lease lasts.</summary>
    public Position GiveBack()
    {
        if (_shard == 0 || LeaseEnd(_state) is not { } end || end > _context.Now)
        {
            return default;
        }

        var free = new Position(Math.Max(0, _state.Free.Points), Math.Max(0, _state.Free.Units));
        Move(0, new(-free.Points, -free.Units));
        return free;
    }

    private void Move(int other, Position change) => Raise(new PoolMoved(other, change, _context.Now, change == default ? 0 : _state.Lines + 1));
}
