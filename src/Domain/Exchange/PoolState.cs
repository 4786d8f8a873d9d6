using NodaTime;

namespace Loyalty.Domain.Exchange;

/// <summary>What a pool's actor keeps in memory: liquidity, reservations, the sums of the running period. Changed by <see cref="Apply"/> alone; never leaves its actor's turn.</summary>
public sealed class PoolState(string id, int shard = 0)
{
    /// <summary>The most that is put in or taken out at once, and the largest credit.</summary>
    public const long MaxFunding = 1_000_000_000_000_000;

    /// <summary>The most of a unit that a pool can have.</summary>
    public const long MaxPosition = 1_000_000_000_000_000_000;

    /// <summary>Reservations that may be open. Beyond: refused.</summary>
    public const int MaxOpen = 100_000;

    /// <summary>Versions of the definition that may be published.</summary>
    public const int MaxVersions = 10_000;

    /// <summary>The most shards.</summary>
    public const int MaxShards = 64;

    private readonly Dictionary<string, Reservation> _open = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _parked = new(StringComparer.Ordinal);
    private readonly long[] _used = new long[4];

    /// <summary>The pool's id.</summary>
    public string Id { get; } = id;

    /// <summary>Which of the pool's actors this is; 0: the main one.</summary>
    public int Shard { get; } = shard;

    /// <summary>The newest version; null: never published.</summary>
    public PoolDefinition? Definition { get; private set; }

    /// <summary>What can be reserved (below 0: on credit).</summary>
    public Position Free { get; private set; }

    /// <summary>What open reservations will pay out.</summary>
    public Position Reserved { get; private set; }

    /// <summary>Free and reserved.</summary>
    public Position Position => Free + Reserved;

    /// <summary>By exchange.</summary>
    public IReadOnlyDictionary<string, Reservation> Open => _open;

    /// <summary>Exchanges that need an operator.</summary>
    public IReadOnlyCollection<string> Parked => _parked;

    /// <summary>The day whose use of the day's limits is counted.</summary>
    public LocalDate Day { get; private set; } = LocalDate.MinIsoValue;

    /// <summary>The running period; null: never published.</summary>
    public PoolPeriod? Period { get; private set; }

    /// <summary>The first day of the first period.</summary>
    public LocalDate FirstPeriod { get; private set; }

    /// <summary>Lines of all statements.</summary>
    public long Lines { get; private set; }

    /// <summary>The chain after the newest line.</summary>
    public string Hash { get; private set; } = StatementLine.FirstHash;

    /// <summary>A shard waits for what it asked the main actor for.</summary>
    public bool IsAsking { get; private set; }

    /// <summary>When liquidity last went between main actor and shards, or was asked for; the epoch: never.</summary>
    public Instant MovedAt { get; private set; }

    /// <summary>Free points are below the alert's level.</summary>
    public bool IsLowOnPoints { get; private set; }

    /// <summary>Free partner units are below the alert's level.</summary>
    public bool IsLowOnUnits { get; private set; }

    /// <summary>Points exchanged or reserved on <see cref="Day"/>.</summary>
    public long UsedOn(LocalDate day, ExchangeDirection direction) => day == Day ? _used[(int)direction] : 0;

    /// <summary>About how many bytes of memory this takes.</summary>
    public int EstimateBytes() => 2000 + (Definition?.Source.Length * 2 ?? 0) + (_open.Count * 600) + (_parked.Count * 150);

    /// <summary>Changes the state by a fact.</summary>
    /// <exception cref="InvalidOperationException">The fact does not fit: the books are damaged.</exception>
    public void Apply(PoolEvent fact)
    {
        switch (fact)
        {
            case PoolCommitted e:
                Close(e.Reservation.Exchange);
                Free += new Position(Math.Max(0, e.Reservation.PointsChange), Math.Max(0, e.Reservation.UnitsChange));
                Count(e, e.Line);
                Period = With(Period!, e.Reservation);
                break;
            case PoolReserved { Reservation: var reservation }:
                _open.Add(reservation.Exchange, reservation);
                var taken = new Position(reservation.ReservedPoints, reservation.ReservedUnits);
                (Free, Reserved) = (Free + new Position(-taken.Points, -taken.Units), Reserved + taken);
                if (reservation.Day > Day)
                {
                    Day = reservation.Day;
                    Array.Clear(_used);
                }

                Use(reservation, reservation.Points);
                break;
            case PoolReleased e:
                var released = Close(e.Reservation.Exchange);
                Free += new Position(released.ReservedPoints, released.ReservedUnits);
                Use(released, -released.Points);
                break;
            case PoolFunded e:
                var funded = new Position(e.IsPoints ? e.Funding.Amount : 0, e.IsPoints ? 0 : e.Funding.Amount);
                Free += funded;
                Count(e, e.Line);
                Period = Period! with { Funded = Period.Funded + funded };
                break;
            case PoolParked e:
                _ = e.IsParked ? _parked.Add(e.Exchange) : _parked.Remove(e.Exchange);
                break;
            case PoolAlerted e:
                (IsLowOnPoints, IsLowOnUnits) = e.IsPoints ? (e.IsLow, IsLowOnUnits) : (IsLowOnPoints, e.IsLow);
                break;
            case PoolPeriodClosed { Period: var closed }:
                Period = NewPeriod(SettlementCalendar.NextOf(Definition!.Settlement, closed.Start));
                break;
            case PoolMoved e:
                Free += e.Change;
                (IsAsking, MovedAt) = (false, e.At);
                if (e.Line > 0)
                {
                    Count(e, e.Line);
                    Period = Period! with { Funded = Period.Funded + e.Change };
                }

                break;
            case PoolAsked e:
                (IsAsking, MovedAt) = (true, e.At);
                break;
            case PoolDefined e:
                Definition = e.Definition;
                if (Period is null)
                {
                    FirstPeriod = SettlementCalendar.StartOf(e.Definition.Settlement, e.On);
                    Period = NewPeriod(FirstPeriod);
                }

                break;
            case PoolRefused:
                break;
            default:
                throw new InvalidOperationException($"no rule applies {fact.GetType().Name}");
        }
    }

    /// <summary>The running period with its closing figures as they are now.</summary>
    public PoolPeriod PeriodNow() => Period! with { Closing = Position, Reserved = Reserved, Lines = Lines - Period.FirstLine + 1, ClosingHash = Hash };

    private static PoolPeriod With(PoolPeriod period, Reservation line) => line.Direction switch
    {
        ExchangeDirection.Out => period with { Out = period.Out.With(line) },
        ExchangeDirection.In => period with { In = period.In.With(line) },
        _ => period with { Earn = period.Earn.With(line) },
    };

    private PoolPeriod NewPeriod(LocalDate start) => new(start, Position, default, default, default, default, default, default, Lines + 1, 0, Hash, Hash);

    private Reservation Close(string exchange)
    {
        if (!_open.Remove(exchange, out var reservation))
        {
            throw new InvalidOperationException($"pool {Id} has no reservation of exchange {exchange}");
        }

        Reserved += new Position(-reservation.ReservedPoints, -reservation.ReservedUnits);
        return reservation;
    }

    private void Use(Reservation reservation, long points)
    {
        if (reservation.Day == Day)
        {
            _used[(int)reservation.Direction] += points;
        }
    }

    private void Count(PoolEvent fact, long line)
    {
        if (line != Lines + 1)
        {
            throw new InvalidOperationException($"line {line} of pool {Id} follows on {Lines}");
        }

        Lines = line;
        Hash = StatementLine.Of(fact)!.HashAfter(Hash);
    }

    internal void Restore(
        PoolDefinition? definition, Position free, Position reserved, IEnumerable<Reservation> open, IEnumerable<string> parked, LocalDate day, ReadOnlySpan<long> used,
        PoolPeriod? period, LocalDate firstPeriod, long lines, string hash, bool lowPoints, bool lowUnits,
        bool isAsking, Instant movedAt)
    {
        (Definition, Free, Reserved, Day, Period, FirstPeriod, Lines, Hash) = (definition, free, reserved, day, period, firstPeriod, lines, hash);
        (IsLowOnPoints, IsLowOnUnits, IsAsking, MovedAt) = (lowPoints, lowUnits, isAsking, movedAt);
        foreach (var reservation in open)
        {
            _open.Add(reservation.Exchange, reservation);
        }

        _parked.UnionWith(parked);
        used.CopyTo(_used);
    }

    internal ReadOnlySpan<long> Used => _used;
}
