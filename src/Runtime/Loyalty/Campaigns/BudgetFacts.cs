using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Loyalty;

/// <summary>What facts spend of budgets.</summary>
internal static class BudgetFacts
{
    /// <summary>Of a durable record.</summary>
    public static IReadOnlyList<BudgetSpend> Of(JournalRecord record) => record.Actor.Kind == ActorIds.MemberKind ? Of(MemberFacts.Of(record)) : [];

    /// <summary>Of a member's facts.</summary>
    public static IReadOnlyList<BudgetSpend> Of(IReadOnlyList<MemberEvent> facts)
    {
        List<BudgetSpend>? spends = null;
        foreach (var fact in facts)
        {
            if (SpendsOf(fact) is { Length: > 0 } more)
            {
                (spends ??= []).AddRange(more);
            }
        }

        return spends ?? (IReadOnlyList<BudgetSpend>)[];
    }

    private static BudgetSpend[]? SpendsOf(MemberEvent fact) => fact switch
    {
        PurchaseRecorded e => e.Campaigns?.Spends,
        ReturnRecorded e => e.Campaigns?.Spends,
        ActivityRecorded e => e.Campaigns?.Spends,
        _ => null,
    };
}
