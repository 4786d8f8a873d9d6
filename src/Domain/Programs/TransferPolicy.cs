using Loyalty.Domain.Validation;

namespace Loyalty.Domain.Programs;

/// <summary>Which points members may give each other. docs/HOUSEHOLDS.md, "Transfers".</summary>
/// <param name="Rules">At most one for each unit; a unit without one is not given away.</param>
public sealed record TransferPolicy(IReadOnlyList<TransferRule> Rules)
{
    /// <summary>What holds when the program does not say: nothing is given away.</summary>
    public static readonly TransferPolicy None = new([]);

    /// <summary>The rule of a unit, or null: it is not given away.</summary>
    public TransferRule? Of(string unit)
    {
        foreach (var rule in Rules)
        {
            if (string.Equals(rule.Unit, unit, StringComparison.Ordinal))
            {
                return rule;
            }
        }

        return null;
    }

    /// <summary>Reads the section <c>transfers</c> of a program.</summary>
    internal static TransferPolicy Read(JsonFields fields, HashSet<string> unitIds, List<FieldError> errors)
    {
        var rules = new List<TransferRule>();
        foreach (var (element, path) in fields.List("units", 1, 16))
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

            const long Most = RedemptionRule.MaxPoints;
            var minimum = rule.Whole("minimum", 1, Most, 1);
            var maximum = rule.Whole("maximum", 1, Most, Most);
            var (perDay, perYear) = (rule.Whole("perDay", 1, Most, Most), rule.Whole("perYear", 1, Most, Most));
            var fee = rule.Whole("fee", 0, Most, 0);
            if (minimum > Math.Min(maximum, Math.Min(perDay, perYear)))
            {
                rule.Error("minimum", $"is {minimum}; that is above maximum, perDay or perYear, so nothing could be given");
            }

            rule.RefuseUnknown();
            rules.Add(new(unit, minimum, maximum, perDay, perYear, fee));
        }

        fields.RefuseUnknown();
        return new(rules);
    }
}

/// <summary>How points of a unit may be given away.</summary>
/// <param name="Unit">Which unit.</param>
/// <param name="Minimum">Points of a transfer, at least.</param>
/// <param name="Maximum">Points of a transfer, at most.</param>
/// <param name="PerDay">Points that a member gives on a day of the program, at most; fees do not count.</param>
/// <param name="PerYear">Points that a member gives in a calendar year of the program, at most; fees do not count.</param>
/// <param name="Fee">Points that a transfer costs its sender on top.</param>
public sealed record TransferRule(string Unit, long Minimum, long Maximum, long PerDay, long PerYear, long Fee);
