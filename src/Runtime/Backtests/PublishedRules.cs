using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Runtime.Backtests;

/// <summary>The program and the campaigns as an archive has them.</summary>
public static class PublishedRules
{
    /// <summary>Reads the whole archive for them: both are few records among many.</summary>
    /// <exception cref="BacktestRefusedException">The books have no program yet.</exception>
    /// <exception cref="JournalCorruptException">A record fails a check.</exception>
    public static (ProgramCatalog Programs, CampaignCatalog Campaigns) Read(IJournalArchive archive)
    {
        var programs = new ProgramKind();
        var campaigns = new CampaignsKind();
        var versions = (List<ProgramDefinition>)programs.Create(ActorIds.Program.Key);
        var entries = (SortedDictionary<string, CampaignEntry>)campaigns.Create(ActorIds.Campaigns.Key);
        foreach (var record in archive.ReadAll(static damage => throw new JournalCorruptException($"position {damage.Position}: {damage.What}. './loyalty verify' says more.")))
        {
            if (record.Actor == ActorIds.Program)
            {
                programs.Apply(versions, ActorState.KindPart(record.Events.Span, out _));
            }
            else if (record.Actor == ActorIds.Campaigns)
            {
                campaigns.Apply(entries, ActorState.KindPart(record.Events.Span, out _));
            }
        }

        if (versions.Count == 0)
        {
            throw new BacktestRefusedException("the books are new: they have no program and no sales");
        }

        return (new(versions), new(entries.Values.Select(entry => entry.ToTimeline()).OfType<CampaignTimeline>()));
    }
}
