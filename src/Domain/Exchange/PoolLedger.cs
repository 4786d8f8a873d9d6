using System.Collections.Concurrent;
using Loyalty.Domain.Ledger;

namespace Loyalty.Domain.Exchange;

/// <summary>Names of a pool's accounts.</summary>
public sealed class PoolAccounts
{
    private static readonly ConcurrentDictionary<string, PoolAccounts> Known = new(StringComparer.Ordinal);

    private PoolAccounts(string pool) => (Pool, Reserved, Fees, Partner) = ($"pool:{pool}", $"reserved:{pool}", $"fees:{pool}", $"partner:{pool}");

    /// <summary>What is free.</summary>
    public string Pool { get; }

    /// <summary>What open reservations will pay out.</summary>
    public string Reserved { get; }

    /// <summary>Members' fees.</summary>
    public string Fees { get; }

    /// <summary>The partner's side of its units.</summary>
    public string Partner { get; }

    /// <summary>Of a pool; the same object each time.</summary>
    public static PoolAccounts Of(string pool) => Known.GetOrAdd(pool, static id => new(id));
}

/// <summary>The postings of a pool's facts. docs/EXCHANGE.md, "Books".</summary>
public static class PoolLedger
{
    /// <summary>Points on their way between a pool and a member; zero when no exchange is under way.</summary>
    public const string InTransit = "exchange";

    /// <summary>Counter: exchanges that were completed.</summary>
    public const string Exchanges = "exchanges";

    /// <summary>Counter: exchanges that need an operator now.</summary>
    public const string Parked = "exchanges-parked";

    /// <summary>Posts a fact.</summary>
    public static void Post(PoolEvent fact, ILedgerSink ledger)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        switch (fact)
        {
            case PoolReserved { Reservation: var r }:
                var accounts = PoolAccounts.Of(r.Pool);
                ledger.Post(r.Unit, accounts.Pool, accounts.Reserved, r.ReservedPoints);
                ledger.Post(r.PartnerUnit, accounts.Pool, accounts.Reserved, r.ReservedUnits);
                break;
            case PoolReleased { Reservation: var r }:
                accounts = PoolAccounts.Of(r.Pool);
                ledger.Post(r.Unit, accounts.Reserved, accounts.Pool, r.ReservedPoints);
                ledger.Post(r.PartnerUnit, accounts.Reserved, accounts.Pool, r.ReservedUnits);
                break;
            case PoolCommitted { Reservation: var r }:
                accounts = PoolAccounts.Of(r.Pool);
                if (r.Direction == ExchangeDirection.Out)
                {
                    ledger.Post(r.Unit, InTransit, accounts.Pool, r.Points - r.Fee);
                    ledger.Post(r.Unit, InTransit, accounts.Fees, r.Fee);
                    ledger.Post(r.PartnerUnit, accounts.Reserved, accounts.Partner, r.Units);
                }
                else
                {
                    ledger.Post(r.Unit, accounts.Reserved, InTransit, r.Points - r.Fee);
                    ledger.Post(r.Unit, accounts.Reserved, accounts.Fees, r.Fee);
                    ledger.Post(r.PartnerUnit, accounts.Partner, accounts.Pool, r.Units);
                }

                ledger.Count(Exchanges, 1);
                break;
            case PoolFunded { Funding: var f, IsPoints: var isPoints }:
                accounts = PoolAccounts.Of(f.Pool);
                var other = isPoints ? Accounts.Issued : accounts.Partner;
                var (from, to) = f.Amount >= 0 ? (other, accounts.Pool) : (accounts.Pool, other);
                ledger.Post(f.Unit, from, to, Math.Abs(f.Amount));
                break;
            case PoolParked { IsParked: var isParked }:
                ledger.Count(Parked, isParked ? 1 : -1);
                break;
            case PoolRefused:
                ledger.Count(Counters.Refusals, 1);
                break;
        }
    }
}
