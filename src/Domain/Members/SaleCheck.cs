using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What must be right of every sale, whoever bought.</summary>
public static class SaleCheck
{
    /// <summary>Why the sale is refused, or null.</summary>
    public static Refusal? Of(string currency, Instant at, TurnContext context)
    {
        if (!string.Equals(currency, context.Program.Currency, StringComparison.Ordinal))
        {
            return new("wrong-currency", "currency", $"is '{currency}'; the program is kept in {context.Program.Currency}");
        }

        if (at > context.Now + context.Program.ClockSkew)
        {
            return new(
                "in-the-future", "at",
                $"is {at}; the engine's clock says {context.Now}, and at most {context.Program.ClockSkew.TotalSeconds} seconds ahead are believed");
        }

        return at < RequestLimits.EarliestSale
            ? new("too-early", "at", $"is {at}; sales before {RequestLimits.EarliestSale} are not believed")
            : null;
    }
}
