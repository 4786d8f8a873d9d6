using Loyalty.Domain.Validation;

namespace Loyalty.Domain.Programs;

/// <summary>How points may be spent. docs/SPENDING.md, "Taking points".</summary>
/// <param name="HoldSeconds">How long a hold lasts that does not say, seconds.</param>
/// <param name="MaxHoldSeconds">How long a hold may last, seconds.</param>
/// <param name="Rules">At most one for each unit.</param>
public sealed record RedemptionPolicy(int HoldSeconds, int MaxHoldSeconds, IReadOnlyList<RedemptionRule> Rules)
{
    /// <summary>What holds when the program does not say.</summary>
    public static readonly RedemptionPolicy Default = new(900, 86_400, []);

    /// <summary>What so many points of a unit may pay is said for one unit at least.</summary>
    public bool HasTenderRates { get; } = Rules.Any(rule => rule.Tender is not null);

    /// <summary>The rule of a unit.</summary>
    public RedemptionRule Of(string unit)
    {
        foreach (var rule in Rules)
        {
            if (string.Equals(rule.Unit, unit, StringComparison.Ordinal))
            {
                return rule;
            }
        }

        return new(unit, 1, RedemptionRule.MaxPoints, 1, null);
    }

    /// <summary>Reads the section <c>redemption</c> of a program.</summary>
    internal static RedemptionPolicy Read(JsonFields fields, HashSet<string> unitIds, List<FieldError> errors)
    {
        var max = (int)fields.Whole("maxHoldSeconds", 1, 2_592_000, Default.MaxHoldSeconds);
        var seconds = (int)fields.Whole("holdSeconds", 1, 2_592_000, Math.Min(Default.HoldSeconds, max));
        if (seconds > max)
        {
            fields.Error("holdSeconds", $"is {seconds}; maxHoldSeconds is {max}, and no hold may last longer");
        }

        var rules = new List<RedemptionRule>();
        foreach (var (element, path) in fields.List("units", 0, 16))
        {
            var rule = new JsonFields(element, path, errors);
            var unit = rule.Text("unit", 32);
            if (!unitIds.Contains(unit))
            {
                rule.Error("unit", $"is '{unit}', which units does not list");
            }
            else if (rules.Exists(other => other.Unit == unit))
            {
                rule.Error("unit", $"'{unit}' has a rule already; one for each unit is possible");
            }

            var minimum = rule.Whole("minimum", 1, RedemptionRule.MaxPoints, 1);
            var maximum = rule.Whole("maximum", 1, RedemptionRule.MaxPoints, RedemptionRule.MaxPoints);
            var step = rule.Whole("step", 1, RedemptionRule.MaxPoints, 1);
            if (maximum / step * step < minimum)
            {
                rule.Error("maximum", $"is {maximum}; no multiple of {step} from {minimum} to it exists, so nothing could be spent");
            }

            TenderRate? tender = null;
            if (rule.Nested("tender", required: false) is { } rate)
            {
                tender = new(rate.Whole("points", 1, 1_000_000_000), rate.Whole("amount", 1, 1_000_000_000));
                rate.RefuseUnknown();
            }

            rule.RefuseUnknown();
            rules.Add(new(unit, minimum, maximum, step, tender));
        }

        fields.RefuseUnknown();
        return new(seconds, max, rules);
    }
}

/// <summary>How points of a unit may be spent.</summary>
/// <param name="Unit">Which unit.</param>
/// <param name="Minimum">Points at least, 1 or more.</param>
/// <param name="Maximum">Points at most.</param>
/// <param name="Step">Points are a multiple of it.</param>
/// <param name="Tender">What they pay of a purchase; null: the program does not say.</param>
public sealed record RedemptionRule(string Unit, long Minimum, long Maximum, long Step, TenderRate? Tender)
{
    /// <summary>Points of a request, at most.</summary>
    public const long MaxPoints = Requests.RequestLimits.Amount;
}

/// <summary><paramref name="Points"/> points pay <paramref name="Amount"/> minor units of money: an exact fraction.</summary>
/// <param name="Points">Denominator, 1 to 1,000,000,000.</param>
/// <param name="Amount">Numerator, 1 to 1,000,000,000.</param>
public readonly record struct TenderRate(long Points, long Amount)
{
    /// <summary>What so many points pay, rounded down, minor units of money.</summary>
    public Int128 Of(long points) => (Int128)points * Amount / Points;
}
