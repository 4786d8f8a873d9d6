using System.Numerics;

namespace Loyalty.Domain.Tests.Model;

internal sealed record ModelLine(string Sku, decimal Quantity, long Amount)
{
    public string? Category { get; init; }

    public string? Brand { get; init; }
}

/// <param name="IsBonus">No base points: a tier's bonus, or of a campaign.</param>
internal sealed record ModelAward(string Rule, string Unit, long Points, bool IsBonus)
{
    /// <summary>To whose account it goes, when not to the member's.</summary>
    public string? Cause { get; init; }
}

/// <summary>What an amount earns: "Award" of docs/RULES.md, with whole numbers of any size.</summary>
internal static class ModelEarning
{
    /// <summary>All awards, also those of 0 points, in the order of the program.</summary>
    public static List<ModelAward> Earn(PlanVersion program, string? level, IReadOnlyList<ModelLine> lines)
    {
        var awards = new List<ModelAward>();
        foreach (var rule in program.Earn)
        {
            awards.Add(new(rule.Id, rule.Unit, Points(program, lines, rule.Points, rule.Per), false));
            var bonus = program.Tiers?.Levels.FirstOrDefault(l => l.Id == level)?.Bonus ?? 0m;
            if (bonus > 0m && rule.Bonus)
            {
                // b = millionths / 1,000,000
                var millionths = new BigInteger(bonus * 1_000_000m);
                awards.Add(new(rule.Id == "base" ? $"tier:{level}" : $"tier:{level}:{rule.Id}", rule.Unit, Points(program, lines, rule.Points * millionths, rule.Per * new BigInteger(1_000_000)), true));
            }
        }

        return awards;
    }

    private static long Points(PlanVersion program, IReadOnlyList<ModelLine> lines, BigInteger points, BigInteger per)
    {
        BigInteger result;
        if (program.PerLine)
        {
            result = 0;
            foreach (var line in lines)
            {
                result += Round(line.Amount * points, per, program.Rounding);
            }
        }
        else
        {
            BigInteger amount = 0;
            foreach (var line in lines)
            {
                amount += line.Amount;
            }

            result = Round(amount * points, per, program.Rounding);
        }

        return (long)result;
    }

    /// <summary>Rounds numerator / denominator, neither negative.</summary>
    public static BigInteger Round(BigInteger numerator, BigInteger denominator, string mode)
    {
        var whole = numerator / denominator;
        var twiceTheRest = (numerator - (whole * denominator)) * 2;
        return mode switch
        {
            "down" => whole,
            "half-up" => twiceTheRest >= denominator ? whole + 1 : whole,
            "half-even" => twiceTheRest > denominator || (twiceTheRest == denominator && !whole.IsEven) ? whole + 1 : whole,
            _ => throw new ArgumentException(mode),
        };
    }
}
