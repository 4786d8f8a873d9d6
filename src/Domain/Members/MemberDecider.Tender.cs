using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>Points as tender in a purchase. docs/SPENDING.md, "Tender".</summary>
public readonly ref partial struct MemberDecider
{
    /// <summary>The tender of a purchase as it will be taken, or null and perhaps a refusal.</summary>
    private TenderTaken? TakeTender(Purchase purchase, out Refusal? refusal)
    {
        refusal = null;
        if (purchase.Tender is not { } tender)
        {
            return null;
        }

        refusal = CheckTender(tender, MemberState.Sum(purchase.Lines));
        return refusal is null && Spendable(tender.Unit, tender.Points, out refusal) is { } lots ? new(tender, lots) : null;
    }

    private Refusal? CheckTender(Tender tender, long total)
    {
        if (CheckRules(tender.Unit, tender.Points) is { } refusal)
        {
            return refusal with { Field = $"tender.{refusal.Field}" };
        }

        if (tender.Amount > total)
        {
            return new("tender-too-large", "tender.amount", $"is {tender.Amount}; the lines add up to {total}");
        }

        var policy = _context.Program.Redemption;
        if (policy.Of(tender.Unit).Tender is { } rate)
        {
            return tender.Amount > rate.Of(tender.Points)
                ? new("tender-value", "tender.amount", $"is {tender.Amount}; {tender.Points} {tender.Unit} pay {rate.Of(tender.Points)}")
                : null;
        }

        return policy.HasTenderRates ? new("tender-not-allowed", "tender.unit", $"is '{tender.Unit}', which pays for no purchases") : null;
    }

    /// <summary>What a return gives back of a tender: the points that are no longer redeemed, and what is left then.</summary>
    private (TenderReturned Returned, PurchaseTender Left) GiveTenderBack(PurchaseTender tender, SaleLine[] before, SaleLine[] after)
    {
        var amountBefore = MemberState.Sum(before) - MemberState.Sum(tender.PaidWithMoney(before));
        var amountAfter = MemberState.Sum(after) - MemberState.Sum(tender.PaidWithMoney(after));
        var (kept, back) = Split(tender.Lots, tender.PointsLeft(amountAfter));
        var points = Lot.Sum(back);
        var amount = amountBefore - amountAfter;
        var money = MemberState.Sum(before) - MemberState.Sum(after) - amount;
        return (new(tender.Tender.Unit, points, amount, money, back, 0), tender with { Lots = kept });
    }
}
