using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>What a decision may take of a purse, at most.</summary>
/// <param name="Campaign">Whose.</param>
/// <param name="Purse">Which.</param>
/// <param name="Amount">In the budget's measure; 0: it only gives back.</param>
public readonly record struct BudgetNeed(string Campaign, PurseKey Purse, long Amount);

/// <summary>
/// Foresees from which purses a decision may take and how much at most, without deciding: by the campaigns in force, their goods, stores and channels, and what they give before caps. Members' own
/// conditions are not looked at; what is set aside and not taken is free again after the decision.
/// </summary>
public static class BudgetNeeds
{
    /// <summary>What a purchase may need.</summary>
    /// <param name="context">Clock, program, campaigns.</param>
    /// <param name="purchase">The request.</param>
    /// <param name="joins">The member joins by it.</param>
    /// <param name="needs">Takes the answer.</param>
    public static void Of(TurnContext context, Purchase purchase, bool joins, List<BudgetNeed> needs)
    {
        ArgumentNullException.ThrowIfNull(purchase);
        var (set, day) = SetAt(context, purchase.At);
        if (!set.HasBudgets)
        {
            return;
        }

        var total = MemberState.Sum(purchase.Lines);
        foreach (var campaign in set.All)
        {
            if (campaign.Definition is { Budget: not null, Trigger.Activity: null } && campaign.HoldsIn(purchase.Store) && campaign.HoldsOn(purchase.Channel)
                && campaign.What.Holds(purchase.Lines, total, campaign.NeedsQuantity, out var amount, out var quantity))
            {
                Add(campaign, purchase.Store, day, MostOf(campaign, amount, quantity), needs);
            }
        }

        if (joins)
        {
            OfActivity(set, Activity.SignUp, null, null, 0, 0m, day, needs);
        }
    }

    /// <summary>What an activity may need.</summary>
    public static void Of(TurnContext context, Activity activity, bool joins, List<BudgetNeed> needs)
    {
        ArgumentNullException.ThrowIfNull(activity);
        var (set, day) = SetAt(context, activity.At);
        if (set.HasBudgets)
        {
            OfActivity(set, activity.Type, activity.Store, activity.Channel, activity.Amount ?? 0, activity.Quantity ?? 0m, day, needs);
        }

        if (set.HasBudgets && joins)
        {
            OfActivity(set, Activity.SignUp, null, null, 0, 0m, day, needs);
        }
    }

    /// <summary>What joining may need.</summary>
    public static void OfJoining(TurnContext context, Instant at, List<BudgetNeed> needs)
    {
        var (set, day) = SetAt(context, at);
        if (set.HasBudgets)
        {
            OfActivity(set, Activity.SignUp, null, null, 0, 0m, day, needs);
        }
    }

    /// <summary>What a return may need: it gives back what the purchase holds of budgets, and may take again what another campaign of the group had kept from one.</summary>
    /// <param name="context">Clock, program, campaigns.</param>
    /// <param name="purchase">What is left of the purchase.</param>
    /// <param name="needs">Takes the answer.</param>
    /// <returns>False: a version that judged the purchase is not known in this process yet.</returns>
    public static bool Of(TurnContext context, PurchaseState purchase, List<BudgetNeed> needs)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(purchase);
        if (purchase.Campaigns is not { } held)
        {
            return true;
        }

        var program = context.Programs.Numbered(purchase.ProgramVersion);
        foreach (var judged in held.Judged)
        {
            if (context.Campaigns.Find(judged.Campaign, judged.Version) is not { } definition)
            {
                return false;
            }

            if (definition.Budget is null || !judged.Roles.HasFlag(CampaignRoles.GaveThen))
            {
                continue;
            }

            var campaign = context.Campaigns.Compiled(judged.Campaign, judged.Version, program);
            campaign.What.Measure(purchase.Lines, campaign.NeedsQuantity, out var amount, out var quantity);
            Add(campaign, held.Store, purchase.Day, Math.Max(0, MostOf(campaign, amount, quantity) - judged.Spent), needs);
        }

        return true;
    }

    private static (CampaignSet Set, LocalDate Day) SetAt(TurnContext context, Instant at)
    {
        ArgumentNullException.ThrowIfNull(context);
        return (context.CampaignsAt(at, context.Programs.At(at)), LocalDate.Min(context.Program.Calendar.DayOf(at), context.Today));
    }

    private static void OfActivity(CampaignSet set, string type, string? store, string? channel, long amount, decimal quantity, LocalDate day, List<BudgetNeed> needs)
    {
        foreach (var campaign in set.All)
        {
            var trigger = campaign.Definition.Trigger;
            if (campaign.Definition.Budget is not null && (trigger.Activity == type || trigger.Award is not null) && campaign.HoldsIn(store) && campaign.HoldsOn(channel)
                && campaign.What.Holds(amount, quantity))
            {
                Add(campaign, store, day, MostOf(campaign, amount, quantity), needs);
            }
        }
    }

    private static void Add(CompiledCampaign campaign, string? store, LocalDate day, long most, List<BudgetNeed> needs)
    {
        var budget = campaign.Definition.Budget!;
        var purse = PurseKey.Of(budget, new(campaign.Id, budget.ByStore ? store : null, CampaignPeriods.StartOf(budget.Period, day)));
        for (var i = 0; i < needs.Count; i++)
        {
            if (needs[i].Campaign == campaign.Id && needs[i].Purse == purse)
            {
                // Joining and what is bought may both trigger it.
                needs[i] = needs[i] with { Amount = needs[i].Amount + most };
                return;
            }
        }

        needs.Add(new(campaign.Id, purse, most));
    }

    /// <summary>In the budget's measure, at the level that gets most.</summary>
    private static long MostOf(CompiledCampaign campaign, long amount, decimal quantity)
    {
        var definition = campaign.Definition;
        if (definition.Budget!.In == BudgetMeasure.Uses)
        {
            return 1;
        }

        Int128 points = 0;
        for (var i = 0; i < definition.Gives.Count; i++)
        {
            if (campaign.FirstUnit is null || CampaignParser.UnitOf(definition.Gives[i]) != campaign.FirstUnit)
            {
                continue;
            }

            long most = 0;
            for (var level = campaign.Program.Tiers?.Levels.Count ?? 0; level >= 0; level--)
            {
                most = Math.Max(most, campaign.PointsOf(i, amount, quantity, level));
            }

            points += most;
        }

        points = Int128.Min(points, definition.Caps?.PointsPerPurchase ?? long.MaxValue);
        var bounded = (long)Int128.Min(points, CampaignJudge.MaxAwards);
        return definition.Budget.In == BudgetMeasure.Money ? campaign.FirstValue?.Of(bounded) ?? 0 : bounded;
    }
}
