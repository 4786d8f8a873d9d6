using Loyalty.Domain.Exchange;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>An exchange with a partner is under way; what it takes from the member is in a hold of the same id. docs/EXCHANGE.md, "The member's part".</summary>
/// <param name="Exchange">What it is.</param>
/// <param name="IsCounted">Whether it counts for a day's limit.</param>
public sealed record ExchangeOpened(OpenExchange Exchange, bool IsCounted) : MemberEvent;

/// <summary>An exchange ended.</summary>
/// <param name="Exchange">What it was.</param>
/// <param name="IsDone">Complete; else undone.</param>
/// <param name="Lot">Where points lie that came in, unless they repaid debt; of others meaningless.</param>
/// <param name="Day">On which it ended.</param>
public sealed record ExchangeEnded(OpenExchange Exchange, bool IsDone, LotId Lot, LocalDate Day) : MemberEvent;

/// <summary>An exchange of a member that is under way.</summary>
/// <param name="Id">Of the exchange.</param>
/// <param name="Pool">Of the partner.</param>
/// <param name="Direction">Which way.</param>
/// <param name="Unit">Of the points.</param>
/// <param name="Points">What the member pays or will get.</param>
/// <param name="Day">On which it was opened.</param>
public sealed record OpenExchange(string Id, string Pool, ExchangeDirection Direction, string Unit, long Points, LocalDate Day);

/// <summary>Points of a member that were exchanged with a pool in one direction on a day.</summary>
public readonly record struct ExchangedToday(string Pool, ExchangeDirection Direction, LocalDate Day, long Points);

/// <summary>Exchanges of a member that are under way, and what counts for limits. Most members have none.</summary>
public sealed class ExchangeBook
{
    /// <summary>Exchanges that may be under way.</summary>
    public const int MaxOpen = 64;

    private readonly List<OpenExchange> _open = [];
    private readonly List<ExchangedToday> _today = [];

    /// <summary>In the order in which they began.</summary>
    public IReadOnlyList<OpenExchange> Open => _open;

    /// <summary>Of the newest day on which something counted.</summary>
    public IReadOnlyList<ExchangedToday> Today => _today;

    /// <summary>The last day on which an exchange was completed; null: never.</summary>
    public LocalDate? LastDay { get; internal set; }

    /// <summary>The exchange under way of that id, or null.</summary>
    public OpenExchange? Find(string id) => _open.Find(open => string.Equals(open.Id, id, StringComparison.Ordinal));

    /// <summary>Points that will come in.</summary>
    public long Incoming(string unit)
    {
        long points = 0;
        foreach (var open in _open)
        {
            points += open.Direction != ExchangeDirection.Out && string.Equals(open.Unit, unit, StringComparison.Ordinal) ? open.Points : 0;
        }

        return points;
    }

    /// <summary>Points exchanged on the day.</summary>
    public long On(LocalDate day, string pool, ExchangeDirection direction) =>
        _today.Find(one => one.Day == day && one.Direction == direction && string.Equals(one.Pool, pool, StringComparison.Ordinal)).Points;

    internal void Add(OpenExchange exchange, bool isCounted)
    {
        _open.Add(exchange);
        if (isCounted)
        {
            Count(exchange, exchange.Points);
        }
    }

    internal void Remove(OpenExchange exchange, bool isDone)
    {
        if (_open.RemoveAll(open => open.Id == exchange.Id) != 1)
        {
            throw new InvalidOperationException($"exchange {exchange.Id} is not under way");
        }

        if (!isDone && On(exchange.Day, exchange.Pool, exchange.Direction) > 0)
        {
            Count(exchange, -exchange.Points);
        }
    }

    internal void Restore(ExchangedToday today) => _today.Add(today);

    /// <summary>What counted on earlier days is of no use any more.</summary>
    private void Count(OpenExchange exchange, long points)
    {
        _today.RemoveAll(one => one.Day < exchange.Day);
        var at = _today.FindIndex(one => one.Day == exchange.Day && one.Direction == exchange.Direction && one.Pool == exchange.Pool);
        var sum = Math.Max(0, (at < 0 ? 0 : _today[at].Points) + points);
        if (at >= 0)
        {
            _today.RemoveAt(at);
        }

        if (sum > 0)
        {
            _today.Add(new(exchange.Pool, exchange.Direction, exchange.Day, sum));
        }
    }
}

public sealed partial class MemberState
{
    /// <summary>Exchanges with partners; null: there never were any.</summary>
    public ExchangeBook? Exchanges { get; private set; }

    internal ExchangeBook MakeExchanges() => Exchanges ??= new();

    /// <summary>Applies a fact about an exchange; false: it is about something else.</summary>
    private bool ApplyExchange(MemberEvent fact)
    {
        switch (fact)
        {
            case ExchangeOpened e:
                MakeExchanges().Add(e.Exchange, e.IsCounted);
                return true;
            case ExchangeEnded e:
                MakeExchanges().Remove(e.Exchange, e.IsDone);
                if (e.IsDone)
                {
                    Exchanges!.LastDay = Exchanges.LastDay is { } last && last > e.Day ? last : e.Day;
                    if (e.Exchange.Direction != ExchangeDirection.Out)
                    {
                        Give(e.Exchange.Unit, e.Lot, e.Exchange.Points);
                    }
                }

                return true;
            default:
                return false;
        }
    }
}
