using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>The program's versions as this process knows them.</summary>
public sealed class ProgramSource
{
    private volatile ProgramCatalog? _current;

    /// <summary>All versions.</summary>
    /// <exception cref="InvalidOperationException">None is loaded yet.</exception>
    public ProgramCatalog Current
    {
        get => _current ?? throw new InvalidOperationException("no program is loaded yet");
        set => _current = value;
    }

    /// <summary>The campaigns as this process knows them.</summary>
    public CampaignSource Campaigns { get; } = new();

    /// <summary>Takes the versions unless more are known already: two publishers may come back in either order.</summary>
    public void Adopt(ProgramCatalog catalog)
    {
        var known = _current;
        while (known is null || catalog.Versions.Count > known.Versions.Count)
        {
            var found = Interlocked.CompareExchange(ref _current, catalog, known);
            if (ReferenceEquals(found, known))
            {
                return;
            }

            known = found;
        }
    }

    /// <summary>Whether there is a program.</summary>
    public bool IsLoaded => _current is not null;

    /// <summary>The context of a turn; made once for all turns of a shard at the same time.</summary>
    internal TurnContext ContextOf(Turn turn)
    {
        var programs = Current;
        if (!turn.Cache.TryGetValue(typeof(TurnContext), out var cached) || cached is not TurnContext context
            || context.Now != turn.Now || !ReferenceEquals(context.Programs, programs) || !ReferenceEquals(context.Campaigns, Campaigns.Catalog))
        {
            if (!turn.Cache.TryGetValue(typeof(TurnBudgets), out var budgets))
            {
                turn.Cache[typeof(TurnBudgets)] = budgets = new TurnBudgets(Campaigns.Leases);
            }

            context = new TurnContext(turn.Now, programs) { Campaigns = Campaigns.Catalog, Budgets = (TurnBudgets)budgets };
            turn.Cache[typeof(TurnContext)] = context;
        }

        return context;
    }
}
