using Loyalty.Domain.Campaigns;
using NodaTime;

namespace Loyalty.Runtime.Backtests;

/// <summary>Budgets of a trial: whole at its beginning, spent in the order of the requests. One thread.</summary>
internal sealed class TrialBudgets : IBudgets
{
    private readonly Dictionary<BudgetPurse, long> _spent = [];
    private readonly Dictionary<string, Instant> _exhaustedAt = new(StringComparer.Ordinal);

    /// <summary>Own time of the request that is judged.</summary>
    public Instant At { get; set; }

    /// <inheritdoc />
    public long Take(CampaignBudget budget, BudgetPurse purse, long wanted, bool all, out long lease)
    {
        var spent = _spent.GetValueOrDefault(purse);
        var free = Math.Max(0, budget.Amount - spent);
        var taken = wanted <= free ? wanted : all ? 0 : free;
        if (taken < wanted)
        {
            _exhaustedAt.TryAdd(purse.Campaign, At);
        }

        if (taken > 0)
        {
            _spent[purse] = spent + taken;
        }

        lease = taken > 0 ? 1 : 0;
        return taken;
    }

    /// <inheritdoc />
    public long GiveBack(CampaignBudget budget, BudgetPurse purse, long amount)
    {
        _spent[purse] = Math.Max(0, _spent.GetValueOrDefault(purse) - amount);
        return 1;
    }

    /// <summary>What a campaign spent, all purses together.</summary>
    public long SpentOf(string campaign) => _spent.Where(purse => purse.Key.Campaign == campaign).Sum(purse => purse.Value);

    /// <summary>The first sale that got less than it would have, or null.</summary>
    public Instant? ExhaustedAt(string campaign) => _exhaustedAt.TryGetValue(campaign, out var at) ? at : null;
}
