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
        if (refusal is not null)
        {
            return null;
        }

        var lots = Spendable(tender.Unit, tender.Points, out refusal);
        refusal = refusal is null ? null : refusal with { Field = $"tender.{refusal.Field}" };
        return lots is null ? null : new(tender, lots);
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

    /// <summary>The lines of a purchase with what is paid for them with money.</summary>
    private static SaleLine[] PaidWithMoney(Purchase purchase)
    {
        if (purchase.Tender is not { } tender)
        {
            return purchase.Lines;
        }

        var parts = TenderShares.Of(Array.ConvertAll(purchase.Lines, line => line.Amount), tender.Amount);
        var lines = new SaleLine[parts.Length];
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = purchase.Lines[i] with { Amount = purchase.Lines[i].Amount - parts[i] };
        }

        return lines;
    }

    /// <summary>What a return gives back of a tender (nothing of it repays debt yet), and what is left of it then; nulls without one.</summary>
    private static (TenderReturned? Returned, PurchaseTender? Left) GiveTenderBack(PurchaseState purchase, SaleLine[] after)
    {
        if (purchase.Tender is not { } tender)
        {
            return (null, null);
        }

        var (totalBefore, totalAfter) = (MemberState.Sum(purchase.Lines), MemberState.Sum(after));
        var amountAfter = totalAfter - MemberState.Sum(tender.PaidWithMoney(after));
        var amount = totalBefore - MemberState.Sum(tender.PaidWithMoney(purchase.Lines)) - amountAfter;
        var (kept, back) = Split(tender.Lots, tender.PointsLeft(amountAfter));
        return (new(tender.Tender.Unit, Lot.Sum(back), amount, totalBefore - totalAfter - amount, back, 0), tender with { Lots = kept });
    }

    /// <summary>Points that come back repay debt first, also what the same return has made.</summary>
    private TenderReturned? RepayFirst(TenderReturned? returned, List<Posting> postings)
    {
        if (returned is null)
        {
            return null;
        }

        var debt = _state.FindBook(returned.Unit)?.Debt ?? 0;
        foreach (var posting in postings)
        {
            debt -= posting.Place == PostingPlace.Debt && posting.Unit == returned.Unit ? posting.Points : 0;
        }

        var repaid = Math.Min(debt, returned.Points);
        return returned with { Freed = Split(returned.Freed, repaid).Left, Repaid = repaid };
    }
}
