using Loyalty.Domain.Ledger;
using Facts = Loyalty.Domain.Members;

namespace Loyalty.Grains.Streams;

/// <summary>What consumers are told of holds, redemptions and tender.</summary>
internal static class SpendingEventReader
{
    /// <summary>The events of a fact; null: it is about something else. A purchase and a return bring those of their tender alone.</summary>
    public static IEnumerable<MemberStreamEvent>? EventsOf(Facts.MemberEvent fact) => fact switch
    {
        Facts.HoldOpened e => [Tell(e)],
        Facts.HoldGranted => [],
        Facts.HoldCommitted e => Tell(e),
        Facts.HoldReleased e => Released(e.Hold, e.Unit, e.Freed, e.Repaid, ReasonOf(e.End)),
        Facts.PointsRedeemed e => [new PointsRedeemed { Redemption = e.Request.Id, Unit = e.Unit, Points = Facts.Lot.Sum(e.Lots), Account = Accounts.Redeemed }],
        Facts.RedemptionReversed e => [Tell(e.After.Id, e.After.Unit, e.Freed, e.Repaid, null)],
        Facts.PurchaseRecorded { Tender: { } tender } e =>
        [
            new PointsRedeemed
            {
                Redemption = e.Purchase.Id, Unit = tender.Tender.Unit, Points = tender.Tender.Points, Amount = tender.Tender.Amount, Account = Accounts.Redeemed,
            },
        ],
        Facts.PurchaseRecorded => [],
        Facts.ReturnRecorded { Tender: { Points: > 0 } tender } e => [Tell(e.Return.Purchase!, tender.Unit, tender.Freed, tender.Repaid, e.Return.Id)],
        Facts.ReturnRecorded => [],
        Facts.ExchangeOpened => [],
        Facts.ExchangeEnded { IsDone: true, Exchange: { Direction: not Domain.Exchange.ExchangeDirection.Out } exchange } e => [Tell(exchange, e.Lot)],
        Facts.ExchangeEnded => [],
        _ => null,
    };

    /// <summary>The request that a fact records, or null.</summary>
    public static string? RequestOf(Facts.MemberEvent fact) => fact switch
    {
        Facts.HoldOpened e => e.Request?.Id,
        Facts.HoldCommitted e => e.Request?.Id,
        Facts.HoldReleased e => e.Request?.Id,
        Facts.PointsRedeemed e => e.Request.Id,
        Facts.RedemptionReversed e => e.Request.Id,
        _ => null,
    };

    private static PointsHeld Tell(Facts.HoldOpened e) => new()
    {
        Hold = e.Hold,
        Unit = e.Unit,
        Points = Facts.Lot.Sum(e.Lots),
        ExpiresAt = e.ExpiresAt?.ToDateTimeOffset(),
        Reward = e.Reward?.Reward,
        Quantity = e.Reward?.Quantity ?? 0,
    };

    private static IEnumerable<MemberStreamEvent> Tell(Facts.HoldCommitted e)
    {
        yield return new PointsRedeemed
        {
            Redemption = e.Hold, Unit = e.Unit, Points = Facts.Lot.Sum(e.Redeemed), Reward = e.Reward?.Reward, Quantity = e.Reward?.Quantity ?? 0, Account = e.Account,
            FromHold = true,
        };
        foreach (var released in Released(e.Hold, e.Unit, e.Freed, e.Repaid, "committed"))
        {
            yield return released;
        }
    }

    private static PointsReleased[] Released(string hold, string unit, Facts.Lot[] freed, long repaid, string reason)
    {
        var points = Facts.Lot.Sum(freed) + repaid;
        return points == 0 ? [] : [new PointsReleased { Hold = hold, Unit = unit, Points = points, Reason = reason, Lots = LotsOf(freed) }];
    }

    private static RedemptionReversed Tell(string redemption, string unit, Facts.Lot[] freed, long repaid, string? request) => new()
    {
        Redemption = redemption,
        Unit = unit,
        Points = Facts.Lot.Sum(freed) + repaid,
        Lots = LotsOf(freed),
        Return = request,
    };

    private static PointsExchanged Tell(Facts.OpenExchange exchange, Facts.LotId lot) => new()
    {
        Exchange = exchange.Id,
        Pool = exchange.Pool,
        Earned = exchange.Direction == Domain.Exchange.ExchangeDirection.Earn,
        Unit = exchange.Unit,
        Points = exchange.Points,
        Lot = new(lot.EarnedOn.ToDateOnly(), lot.AvailableOn.ToDateOnly(), lot.LastDay?.ToDateOnly()),
    };

    private static LotPoints[] LotsOf(Facts.Lot[] lots) => [.. lots.Select(lot => new LotPoints(
        new(lot.Id.EarnedOn.ToDateOnly(), lot.Id.AvailableOn.ToDateOnly(), lot.Id.LastDay?.ToDateOnly()), lot.Points))];

    private static string ReasonOf(Facts.HoldEnd end) => end switch
    {
        Facts.HoldEnd.Cancelled => "cancelled",
        Facts.HoldEnd.TimedOut => "timedOut",
        Facts.HoldEnd.Refused => "refused",
        Facts.HoldEnd.Closed => "closed",
        _ => throw new FormatException($"the end {end} of a hold is not known"),
    };
}
