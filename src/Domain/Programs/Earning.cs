using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Programs;

/// <summary>What a sale earns. docs/RULES.md, "Award".</summary>
public static class Earning
{
    /// <summary>Adds what the lines earn, rule by rule; awards of zero are left out.</summary>
    /// <param name="program">The version in force at the sale.</param>
    /// <param name="level">The tier level in force at the sale, from 1; 0: none.</param>
    /// <param name="lines">What was bought, or what is left of it.</param>
    /// <param name="awards">Where to add.</param>
    public static void Compute(ProgramDefinition program, int level, ReadOnlySpan<SaleLine> lines, List<EarnedPoints> awards)
    {
        var tier = level > 0 && program.Tiers is { } tiers && level <= tiers.Levels.Count ? tiers.Levels[level - 1] : null;
        for (var i = 0; i < program.Earn.Count; i++)
        {
            var rule = program.Earn[i];
            var basePoints = Points(program, lines, rule.Points, rule.Per);
            if (basePoints != 0)
            {
                awards.Add(new(rule.Id, rule.Unit, basePoints, IsTierBonus: false));
            }

            if (tier is { BonusNumerator: > 0 } && rule.TierBonus)
            {
                var bonus = Points(program, lines, (Int128)rule.Points * tier.BonusNumerator, (Int128)rule.Per * tier.BonusDenominator);
                if (bonus != 0)
                {
                    awards.Add(new(tier.BonusRules[i], rule.Unit, bonus, IsTierBonus: true));
                }
            }
        }
    }

    private static long Points(ProgramDefinition program, ReadOnlySpan<SaleLine> lines, Int128 numerator, Int128 denominator)
    {
        if (program.RoundEachLine)
        {
            long sum = 0;
            foreach (ref readonly var line in lines)
            {
                sum += Round(line.Amount, numerator, denominator, program.Rounding);
            }

            return sum;
        }

        long amount = 0;
        foreach (ref readonly var line in lines)
        {
            amount += line.Amount;
        }

        return Round(amount, numerator, denominator, program.Rounding);
    }

    /// <summary><c>amount × numerator / denominator</c>, rounded; exact for every amount the engine accepts. Amount and fraction are not negative.</summary>
    public static long Round(long amount, Int128 numerator, Int128 denominator, RoundingMode mode)
    {
        // The usual fraction (1 point for 100) needs no 128-bit division.
        if (amount <= int.MaxValue && numerator <= int.MaxValue && denominator <= int.MaxValue)
        {
            var product64 = amount * (long)numerator;
            var quotient64 = Math.DivRem(product64, (long)denominator, out var rest64);
            return quotient64 + Carry(quotient64, rest64 * 2, (long)denominator, mode);
        }

        var (quotient, rest) = Int128.DivRem(amount * numerator, denominator);
        return checked((long)quotient) + Carry((long)quotient, rest * 2, denominator, mode);
    }

    private static long Carry(long quotient, Int128 twiceRest, Int128 denominator, RoundingMode mode) => mode switch
    {
        RoundingMode.HalfUp => twiceRest >= denominator ? 1 : 0,
        RoundingMode.HalfEven => twiceRest > denominator || (twiceRest == denominator && (quotient & 1) == 1) ? 1 : 0,
        _ => 0,
    };
}

/// <summary>Points that a rule gives for a sale.</summary>
/// <param name="Rule">Which rule.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">How many; not 0.</param>
/// <param name="IsTierBonus">Bonuses do not count as tier progress.</param>
public readonly record struct EarnedPoints(string Rule, string Unit, long Points, bool IsTierBonus);
