using System.Numerics;
using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>One version of a campaign under one version of the program, ready to judge. Immutable and thread-safe.</summary>
internal sealed class CompiledCampaign
{
    private readonly ExactRate[]?[] _multipliers;
    private readonly CompiledWhat[] _steps;

    public CompiledCampaign(CampaignDefinition definition, ProgramDefinition program)
    {
        (Definition, Program) = (definition, program);
        What = definition.What is null ? CompiledWhat.All : new(definition.What);
        Bought = definition.Who?.Bought is { } bought ? new(bought.What) : null;
        _steps = definition.Challenge is { } challenge ? [.. challenge.Steps.Select(step => new CompiledWhat(step.What))] : [];
        _multipliers = new ExactRate[definition.Gives.Count][];
        for (var i = 0; i < definition.Gives.Count; i++)
        {
            _multipliers[i] = definition.Gives[i] is CampaignGive.Multiplier multiplier ? Multipliers(multiplier, program) : null;
            NeedsQuantity |= definition.Gives[i] is CampaignGive.Each;
            TierCredit += definition.Gives[i] is CampaignGive.TierCredit credit ? credit.Amount : 0;
        }

        Gives = [.. definition.Gives];

        // The program's own text, not one that is equal: ledgers and books find it by reference.
        Units = Array.ConvertAll(Gives, give => CampaignParser.UnitOf(give) is { } unit ? program.FindUnit(unit)?.Id ?? unit : null);
        FirstUnit = Units.Length == 0 ? null : Units[0];
        FirstValue = FirstUnit is null ? null : program.FindUnit(FirstUnit)?.Value;
        IsStepped = definition.Challenge is not null || definition.Streak is not null;
    }

    public CampaignDefinition Definition { get; }

    public ProgramDefinition Program { get; }

    public string Id => Definition.Id;

    public CompiledWhat What { get; }

    /// <summary>What is counted for <c>bought</c>; null: nothing.</summary>
    public CompiledWhat? Bought { get; }

    /// <summary>What it gives.</summary>
    public CampaignGive[] Gives { get; }

    /// <summary>The unit of each give; null: it has none.</summary>
    public string?[] Units { get; }

    /// <summary>The unit that caps and the budget count; null: the first give has none.</summary>
    public string? FirstUnit { get; }

    public UnitValue? FirstValue { get; }

    public bool NeedsQuantity { get; }

    public long TierCredit { get; }

    /// <summary>Whether it has a challenge or a streak.</summary>
    public bool IsStepped { get; }

    public CompiledWhat StepWhat(int step) => _steps[step];

    /// <summary>Points of one give.</summary>
    /// <param name="give">Its place in the list.</param>
    /// <param name="amount">That counts.</param>
    /// <param name="quantity">That counts.</param>
    /// <param name="level">The tier level of the sale, from 1; 0: none.</param>
    public long PointsOf(int give, long amount, decimal quantity, int level) => Gives[give] switch
    {
        CampaignGive.Rate rate => Earning.Round(amount, rate.Points, rate.Per, Program.Rounding),
        CampaignGive.Multiplier when _multipliers[give] is { } rates => rates[Math.Min(level, rates.Length - 1)].Of(amount, Program.Rounding),
        CampaignGive.Bonus bonus => bonus.Points,
        CampaignGive.Each each => (long)Math.Min(each.Points * decimal.Floor(quantity / each.Quantity), MaxAward),
        CampaignGive.Donation { Per: > 0 } donation => Earning.Round(amount, donation.Points, donation.Per, Program.Rounding),
        CampaignGive.Donation donation => donation.Points,
        _ => 0,
    };

    /// <summary>No give comes to more.</summary>
    private const long MaxAward = 10_000_000_000_000_000;

    /// <summary>The local time that <c>when</c> goes by.</summary>
    public BusinessCalendar CalendarAt(string? store) =>
        Definition.When is { StoreZone: true } && store is not null && Program.FindStore(store)?.Zone is { } zone ? zone : Program.Calendar;

    public bool HoldsAt(LocalDateTime local)
    {
        var when = Definition.When!;
        if ((when.Weekdays >> ((int)local.DayOfWeek - 1) & 1) == 0 || when.Dates?.Contains(local.Date) == false)
        {
            return false;
        }

        if (when.Hours is not { } hours)
        {
            return true;
        }

        var minute = (local.Hour * 60) + local.Minute;
        for (var i = 0; i < hours.Count; i++)
        {
            var (from, to) = hours[i];
            if (from < to ? minute >= from && minute < to : minute >= from || minute < to)
            {
                return true;
            }
        }

        return false;
    }

    public bool HoldsIn(string? store)
    {
        if (Definition.Where is not { } where || (where.Stores is null && where.StoreGroups is null))
        {
            return true;
        }

        if (store is null)
        {
            return false;
        }

        if (where.Stores?.Contains(store) == true)
        {
            return true;
        }

        var known = where.StoreGroups is null ? [] : Program.FindStore(store)?.Groups ?? [];
        for (var i = 0; i < known.Count; i++)
        {
            if (where.StoreGroups!.Contains(known[i]))
            {
                return true;
            }
        }

        return false;
    }

    public bool HoldsOn(string? channel) => Definition.Where?.Channels is not { } channels || (channel is not null && channels.Contains(channel));

    /// <summary>For each level from 0: the base rates of the unit times (factor − 1).</summary>
    private static ExactRate[] Multipliers(CampaignGive.Multiplier multiplier, ProgramDefinition program)
    {
        var levels = program.Tiers?.Levels;
        var rates = new ExactRate[(levels?.Count ?? 0) + 1];
        for (var level = 0; level < rates.Length; level++)
        {
            var (numerator, denominator) = (BigInteger.Zero, BigInteger.One);
            foreach (var rule in program.Earn.Where(rule => rule.Unit == multiplier.Unit))
            {
                var (points, per) = ((BigInteger)rule.Points, (BigInteger)rule.Per);
                if (multiplier.WithTier && rule.TierBonus && level > 0)
                {
                    var tier = levels![level - 1];
                    (points, per) = (points * (tier.BonusDenominator + tier.BonusNumerator), per * tier.BonusDenominator);
                }

                (numerator, denominator) = ((numerator * per) + (points * denominator), denominator * per);
            }

            rates[level] = ExactRate.Of(numerator * multiplier.ExtraTenThousandths, denominator * 10_000);
        }

        return rates;
    }

    /// <summary>A fraction that amounts are multiplied with exactly, whatever its size.</summary>
    private readonly record struct ExactRate(Int128 Numerator, Int128 Denominator, BigInteger LargeNumerator, BigInteger LargeDenominator)
    {
        public static ExactRate Of(BigInteger numerator, BigInteger denominator)
        {
            var common = BigInteger.GreatestCommonDivisor(numerator, denominator);
            (numerator, denominator) = (numerator / common, denominator / common);

            // Amounts go up to 10^12: products of this size, twice, fit into 128 bits.
            var limit = BigInteger.One << 84;
            return numerator < limit && denominator < limit << 40 ? new((Int128)numerator, (Int128)denominator, default, default) : new(0, 0, numerator, denominator);
        }

        public long Of(long amount, RoundingMode mode)
        {
            if (Denominator != 0)
            {
                return Earning.Round(amount, Numerator, Denominator, mode);
            }

            var quotient = BigInteger.DivRem(amount * LargeNumerator, LargeDenominator, out var rest);
            var order = (rest * 2).CompareTo(LargeDenominator);
            return (long)quotient + (mode switch
            {
                RoundingMode.HalfUp => order >= 0 ? 1 : 0,
                RoundingMode.HalfEven => order > 0 || (order == 0 && !quotient.IsEven) ? 1 : 0,
                _ => 0,
            });
        }
    }
}
