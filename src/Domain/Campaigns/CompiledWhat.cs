using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Campaigns;

/// <summary>Which lines count, ready to be asked for every line of every purchase: no allocation, texts compared ordinally. Immutable and thread-safe.</summary>
public sealed class CompiledWhat
{
    /// <summary>All lines.</summary>
    public static readonly CompiledWhat All = new(null);

    private readonly HashSet<string>? _skus;
    private readonly HashSet<string>? _categories;
    private readonly HashSet<string>? _brands;
    private readonly HashSet<string>? _notSkus;
    private readonly HashSet<string>? _notCategories;
    private readonly HashSet<string>? _notBrands;
    private readonly bool _isAny;
    private readonly bool _isAll;
    private readonly decimal _minimumQuantity;
    private readonly long _minimumAmount;
    private readonly long _basketAmount;

    /// <param name="what">Null: all lines.</param>
    public CompiledWhat(CampaignWhat? what)
    {
        (_skus, _categories, _brands) = (Set(what?.Skus), Set(what?.Categories), Set(what?.Brands));
        (_notSkus, _notCategories, _notBrands) = (Set(what?.NotSkus), Set(what?.NotCategories), Set(what?.NotBrands));
        _isAny = _skus is null && _categories is null && _brands is null;
        _isAll = _isAny && _notSkus is null && _notCategories is null && _notBrands is null;
        (_minimumQuantity, _minimumAmount, _basketAmount) = (what?.MinimumQuantity ?? 0m, what?.MinimumAmount ?? 0, what?.BasketAmount ?? 0);
    }

    internal IEnumerable<string>? Skus => _skus;

    internal IEnumerable<string>? Categories => _categories;

    internal IEnumerable<string>? Brands => _brands;

    /// <summary>Whether lines are chosen by nothing that they must be, only by what they must not be.</summary>
    internal bool IsAny => _isAny;

    /// <summary>Whether the line counts. One of which nothing is left must not be asked for.</summary>
    public bool Matches(in SaleLine line) =>
        _isAll || (IsWanted(line) && _notSkus?.Contains(line.Sku) != true && !Has(_notCategories, line.Category) && !Has(_notBrands, line.Brand));

    /// <summary>What counts of the lines.</summary>
    /// <param name="lines">What was bought, or what is left of it: lines of which something is left.</param>
    /// <param name="withQuantity">Whether the quantity is of interest.</param>
    /// <param name="amount">Sum of the amounts of lines that count.</param>
    /// <param name="quantity">Sum of their quantities; 0 unless of interest.</param>
    /// <returns>Whether a line counts at all.</returns>
    public bool Measure(ReadOnlySpan<SaleLine> lines, bool withQuantity, out long amount, out decimal quantity)
    {
        (amount, quantity) = (0, 0m);
        var any = false;
        foreach (ref readonly var line in lines)
        {
            if (Matches(line))
            {
                any = true;
                amount += line.Amount;
                if (withQuantity)
                {
                    quantity += line.Quantity;
                }
            }
        }

        return any;
    }

    /// <summary>Whether a line counts and the minima are reached.</summary>
    /// <param name="lines">As for <see cref="Measure"/>.</param>
    /// <param name="total">Sum of the amounts of all lines.</param>
    /// <param name="withQuantity">Whether the quantity is of interest.</param>
    /// <param name="amount">Sum of the amounts of lines that count.</param>
    /// <param name="quantity">Sum of their quantities; 0 unless of interest.</param>
    public bool Holds(ReadOnlySpan<SaleLine> lines, long total, bool withQuantity, out long amount, out decimal quantity)
    {
        if (total < _basketAmount)
        {
            (amount, quantity) = (0, 0m);
            return false;
        }

        if (_isAll && !withQuantity && _minimumQuantity == 0m)
        {
            (amount, quantity) = (total, 0m);
            return lines.Length > 0 && amount >= _minimumAmount;
        }

        return Measure(lines, withQuantity || _minimumQuantity > 0m, out amount, out quantity) && amount >= _minimumAmount && quantity >= _minimumQuantity;
    }

    /// <summary>Whether the minima are reached by an activity.</summary>
    public bool Holds(long amount, decimal quantity) => amount >= _minimumAmount && quantity >= _minimumQuantity;

    private bool IsWanted(in SaleLine line) => _isAny || _skus?.Contains(line.Sku) == true || Has(_categories, line.Category) || Has(_brands, line.Brand);

    private static bool Has(HashSet<string>? set, string? name) => set is not null && name is not null && set.Contains(name);

    private static HashSet<string>? Set(IReadOnlySet<string>? names) => names is null || names.Count == 0 ? null : new(names, StringComparer.Ordinal);
}
