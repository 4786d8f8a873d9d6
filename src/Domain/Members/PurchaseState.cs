using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What is left of a purchase after its returns so far.</summary>
/// <param name="Id">The purchase.</param>
/// <param name="Day">Of the sale.</param>
/// <param name="ProgramVersion">The version that judged it.</param>
/// <param name="Tier">The level that judged it, or null.</param>
/// <param name="Lines">Its lines with what is left of quantity and amount.</param>
/// <param name="Awards">Its awards with what is left of their points.</param>
public sealed record PurchaseState(string Id, LocalDate Day, int ProgramVersion, string? Tier, SaleLine[] Lines, Award[] Awards)
{
    /// <summary>What campaigns gave for what is left, and how they were judged; null: no campaign had to do with it.</summary>
    public PurchaseCampaigns? Campaigns { get; init; }

    /// <summary>What is left of the points that paid for a part of it; null: it was paid with money.</summary>
    public PurchaseTender? Tender { get; init; }

    /// <summary>Before any return.</summary>
    public static PurchaseState Of(PurchaseRecorded recorded) =>
        new(recorded.Purchase.Id, recorded.Day, recorded.ProgramVersion, recorded.Tier, recorded.Purchase.Lines, recorded.Awards)
        {
            Campaigns = recorded.Campaigns?.Left,
            Tender = recorded.Tender is { } taken ? new(taken.Tender, Array.ConvertAll(recorded.Purchase.Lines, line => line.Amount), taken.Lots) : null,
        };

    /// <summary>The lines of which this much is left, with what was paid for them with money: what earns.</summary>
    public SaleLine[] PaidWithMoney(SaleLine[] left) => Tender?.PaidWithMoney(left) ?? left;

    /// <summary>Whether any quantity is left.</summary>
    public bool IsReturnedWhole => Array.TrueForAll(Lines, line => line.Quantity == 0m);

    /// <summary>Takes returned lines off. docs/RULES.md, "Return with a purchase".</summary>
    /// <param name="returned">What came back.</param>
    /// <param name="clamp">True: what is more than was bought is passed over; false: it is refused.</param>
    /// <param name="refusal">Why not.</param>
    /// <returns>The lines that are left, or null when refused.</returns>
    public SaleLine[]? LinesAfter(SaleLine[] returned, bool clamp, out Refusal? refusal)
    {
        var left = (SaleLine[])Lines.Clone();
        for (var i = 0; i < returned.Length; i++)
        {
            var (quantity, amount) = (returned[i].Quantity, returned[i].Amount);
            var known = false;
            for (var j = 0; j < left.Length && (quantity > 0m || amount > 0); j++)
            {
                ref var line = ref left[j];
                if (!string.Equals(line.Sku, returned[i].Sku, StringComparison.Ordinal))
                {
                    continue;
                }

                known = true;
                if (line.Quantity == 0m)
                {
                    continue;
                }

                var takenQuantity = Math.Min(quantity, line.Quantity);
                var takenAmount = Math.Min(amount, line.Amount);
                quantity -= takenQuantity;
                amount -= takenAmount;
                line = line with { Quantity = line.Quantity - takenQuantity, Amount = line.Amount - takenAmount };
            }

            if (clamp || (known && quantity == 0m && amount == 0))
            {
                continue;
            }

            refusal = !known
                ? new("not-bought", $"lines[{i}].sku", $"purchase {Id} has no line of sku '{returned[i].Sku}'")
                : quantity > 0m
                    ? new("more-than-bought", $"lines[{i}].quantity", $"is {returned[i].Quantity}; {returned[i].Quantity - quantity} of sku '{returned[i].Sku}' are left of purchase {Id}")
                    : new("more-than-bought", $"lines[{i}].amount", $"is {returned[i].Amount}; {returned[i].Amount - amount} are left of sku '{returned[i].Sku}' of purchase {Id}");
            return null;
        }

        refusal = null;
        return left;
    }
}
