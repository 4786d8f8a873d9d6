namespace Loyalty.Domain.Members;

public sealed partial class MemberState
{
    /// <summary>Open holds and counts of rewards; null: there never were any.</summary>
    public HoldBook? Holds { get; private set; }

    /// <summary>The open hold of that id, or null.</summary>
    public OpenHold? FindHold(string id) => Holds?.Find(id);

    /// <summary>Points of a unit in open holds.</summary>
    public long Held(string unit) => Holds?.Held(unit) ?? 0;

    internal HoldBook MakeHolds() => Holds ??= new();

    /// <summary>Applies a fact about spending; false: it is about something else.</summary>
    private bool ApplySpending(MemberEvent fact)
    {
        switch (fact)
        {
            case HoldOpened e:
                Book(e.Unit).TakeMany(e.Lots);
                MakeHolds().Add(new(e.Hold, e.Purpose, e.Unit, e.Lots, e.ExpiresAt, e.Reward, IsGranted: e.Reward is null));
                Holds!.Count(e.Reward, 1);
                return true;
            case HoldGranted e:
                MakeHolds().Grant(e.Hold);
                return true;
            case HoldCommitted e:
                MakeHolds().Remove(e.Hold);
                PutBack(e.Unit, e.Freed, e.Repaid);
                return true;
            case HoldReleased e:
                MakeHolds().Remove(e.Hold);
                Holds!.Count(e.Reward, -1);
                PutBack(e.Unit, e.Freed, e.Repaid);
                return true;
            case PointsRedeemed e:
                Book(e.Unit).TakeMany(e.Lots);
                return true;
            case RedemptionReversed e:
                Holds?.Count(e.After.Reward, -1);
                PutBack(e.After.Unit, e.Freed, e.Repaid);
                return true;
            default:
                return false;
        }
    }

    private void TakeTender(PurchaseRecorded purchase)
    {
        if (purchase.Tender is { } tender)
        {
            Book(tender.Tender.Unit).TakeMany(tender.Lots);
        }
    }

    private void GiveTenderBack(ReturnRecorded returned)
    {
        if (returned.Tender is { } tender)
        {
            PutBack(tender.Unit, tender.Freed, tender.Repaid);
        }
    }

    private void PutBack(string unit, Lot[] lots, long repaid)
    {
        var book = Book(unit);
        book.AddMany(lots);
        book.Debt -= repaid;
    }
}
