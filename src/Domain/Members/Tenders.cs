using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>Points that paid for a part of a purchase, as they were taken.</summary>
/// <param name="Tender">As it was sent.</param>
/// <param name="Lots">What was taken, in the order of spending.</param>
public sealed record TenderTaken(Tender Tender, Lot[] Lots);

/// <summary>What is left of a tender after the returns so far.</summary>
/// <param name="Tender">As it was sent.</param>
/// <param name="Amounts">The amounts of the purchase's lines, as they were bought.</param>
/// <param name="Lots">What is redeemed still, in the order of spending.</param>
public sealed record PurchaseTender(Tender Tender, long[] Amounts, Lot[] Lots)
{
    /// <summary>The lines of which this much is left, with the part of their amounts that was paid with money.</summary>
    public SaleLine[] PaidWithMoney(SaleLine[] left)
    {
        var parts = TenderShares.Of(Amounts, Tender.Amount);
        var lines = new SaleLine[left.Length];
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = left[i] with { Amount = left[i].Amount - TenderShares.Left(parts[i], Amounts[i], left[i].Amount) };
        }

        return lines;
    }

    /// <summary>What of the points stays redeemed when this much of the tender's amount is left.</summary>
    public long PointsLeft(long amountLeft) => TenderShares.Left(Tender.Points, Tender.Amount, amountLeft);
}

/// <summary>Points and money that a return gives back, where the purchase was paid with both.</summary>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">Points that came back.</param>
/// <param name="Amount">What they had paid of the returned goods, minor units.</param>
/// <param name="Money">What of the returned goods had been paid with money, minor units.</param>
/// <param name="Freed">The lots that came back.</param>
/// <param name="Repaid">Points that came back and repaid debt.</param>
public sealed record TenderReturned(string Unit, long Points, long Amount, long Money, Lot[] Freed, long Repaid);

/// <summary>How a tender is shared over the lines of a purchase, and what is left of a share. docs/SPENDING.md, "Tender".</summary>
public static class TenderShares
{
    /// <summary>The part of each line that is paid with points; they sum up to the tender exactly, and none is above its line.</summary>
    /// <param name="amounts">Of the lines, minor units.</param>
    /// <param name="tender">What the points pay, 0 to the sum of the lines.</param>
    public static long[] Of(ReadOnlySpan<long> amounts, long tender)
    {
        long total = 0;
        foreach (var amount in amounts)
        {
            total += amount;
        }

        var parts = new long[amounts.Length];
        long sum = 0;
        long before = 0;
        for (var i = 0; i < parts.Length && total > 0; i++)
        {
            sum += amounts[i];
            var through = (long)((Int128)tender * sum / total);
            parts[i] = through - before;
            before = through;
        }

        return parts;
    }

    /// <summary>What is left of a part when so much of the whole is left, rounded up: all of it while nothing came back, nothing when all has.</summary>
    public static long Left(long part, long whole, long left) => whole == 0 ? 0 : (long)((((Int128)part * left) + whole - 1) / whole);
}
