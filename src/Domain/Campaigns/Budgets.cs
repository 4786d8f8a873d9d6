using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>One purse of a campaign's budget: the campaign's own, a store's, a period's.</summary>
/// <param name="Campaign">Id of the campaign.</param>
/// <param name="Store">When the budget is by store, else null.</param>
/// <param name="PeriodStart">First day of the period; the earliest day when the budget is for the campaign's whole life.</param>
public readonly record struct BudgetPurse(string Campaign, string? Store, LocalDate PeriodStart);

/// <summary>What a fact spends of a lease (above 0) or gives back to it (below 0). It rests in the purchase's or return's own record.</summary>
/// <param name="Campaign">Whose budget.</param>
/// <param name="Lease">Number of the lease within the campaign.</param>
/// <param name="Amount">In the budget's measure.</param>
public readonly record struct BudgetSpend(string Campaign, long Lease, long Amount);

/// <summary>
/// The leases of this process, as a decision sees them. Called within a turn, without any I/O; what is taken belongs to the turn until its append is durable, and goes back when the append
/// fails. Thread-safe.
/// </summary>
public interface IBudgets
{
    /// <summary>Takes from a purse.</summary>
    /// <param name="budget">Its definition.</param>
    /// <param name="purse">Which.</param>
    /// <param name="wanted">In the budget's measure; above 0.</param>
    /// <param name="all">True: all or nothing; false: what there is.</param>
    /// <param name="lease">Which lease it was taken from; 0 when nothing was.</param>
    /// <returns>How much was taken, 0 to <paramref name="wanted"/>.</returns>
    long Take(CampaignBudget budget, BudgetPurse purse, long wanted, bool all, out long lease);

    /// <summary>What there is to take, taking nothing: for quotes.</summary>
    long Look(CampaignBudget budget, BudgetPurse purse) => long.MaxValue;

    /// <summary>Gives back what a return frees; below zero it never goes.</summary>
    /// <returns>The lease that was credited.</returns>
    long GiveBack(CampaignBudget budget, BudgetPurse purse, long amount);
}

/// <summary>Budgets without an end: for back-tests of definitions without one, and for tests.</summary>
public sealed class UnlimitedBudgets : IBudgets
{
    /// <summary>The only one.</summary>
    public static readonly UnlimitedBudgets Instance = new();

    /// <inheritdoc />
    public long Take(CampaignBudget budget, BudgetPurse purse, long wanted, bool all, out long lease)
    {
        lease = 1;
        return wanted;
    }

    /// <inheritdoc />
    public long GiveBack(CampaignBudget budget, BudgetPurse purse, long amount) => 1;
}

/// <summary>Budgets that have nothing: where none are connected.</summary>
public sealed class NoBudgets : IBudgets
{
    /// <summary>The only one.</summary>
    public static readonly NoBudgets Instance = new();

    /// <inheritdoc />
    public long Take(CampaignBudget budget, BudgetPurse purse, long wanted, bool all, out long lease)
    {
        lease = 0;
        return 0;
    }

    /// <inheritdoc />
    public long Look(CampaignBudget budget, BudgetPurse purse) => 0;

    /// <inheritdoc />
    public long GiveBack(CampaignBudget budget, BudgetPurse purse, long amount) => 0;
}

/// <summary>Budgets that are only looked at: says what would be given, and takes nothing. For one request; not thread-safe.</summary>
/// <param name="budgets">The real ones.</param>
public sealed class BudgetsLookedAt(IBudgets budgets) : IBudgets
{
    private readonly Dictionary<BudgetPurse, long> _taken = [];

    /// <summary>What was wanted of each purse and could not be given whole.</summary>
    public List<(CampaignBudget Budget, BudgetPurse Purse, long Wanted)> Missing { get; } = [];

    /// <inheritdoc />
    public long Take(CampaignBudget budget, BudgetPurse purse, long wanted, bool all, out long lease)
    {
        var taken = _taken.GetValueOrDefault(purse);
        var there = Math.Max(0, budgets.Look(budget, purse) - taken);
        lease = 1;
        if (there < wanted)
        {
            Missing.Add((budget, purse, wanted));
            wanted = all ? 0 : there;
        }

        _taken[purse] = taken + wanted;
        return wanted;
    }

    /// <inheritdoc />
    public long Look(CampaignBudget budget, BudgetPurse purse) => budgets.Look(budget, purse);

    /// <inheritdoc />
    public long GiveBack(CampaignBudget budget, BudgetPurse purse, long amount)
    {
        _taken[purse] = _taken.GetValueOrDefault(purse) - amount;
        return 1;
    }
}
