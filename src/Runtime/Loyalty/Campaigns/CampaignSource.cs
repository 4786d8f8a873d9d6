using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Loyalty;

/// <summary>The campaigns as this process knows them, and what it holds of their budgets. Thread-safe.</summary>
public sealed class CampaignSource
{
    private readonly Lock _gate = new();
    private volatile CampaignCatalog _catalog = CampaignCatalog.Empty;
    private volatile CampaignTimeline[] _budgeted = [];
    private volatile Dictionary<string, CampaignBoard> _boards = [];
    private long _version;

    /// <summary>Knows nothing yet.</summary>
    public CampaignSource()
    {
        Leases = new(this);
        Boards = new(this, Leases);
    }

    /// <summary>All that is published.</summary>
    public CampaignCatalog Catalog => _catalog;

    /// <summary>The leases of this process.</summary>
    public LeaseBook Leases { get; }

    /// <summary>Feeds the leader boards.</summary>
    public BoardFeeder Boards { get; }

    /// <summary>Whether some campaign has a leader board.</summary>
    internal bool HasBoards => _boards.Count > 0;

    /// <summary>The board that awards of a rule count for; null: none.</summary>
    internal CampaignBoard? BoardOf(string rule) => _boards.GetValueOrDefault(rule);

    /// <summary>Campaigns of which some version has a budget.</summary>
    internal IReadOnlyList<CampaignTimeline> Budgeted => _budgeted;

    /// <summary>Takes entries that are newer than what is known.</summary>
    /// <exception cref="FormatException">One has a definition that this engine does not know; the others are taken.</exception>
    public void Adopt(IReadOnlyList<CampaignEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        FormatException? unknown = null;
        lock (_gate)
        {
            Dictionary<string, CampaignTimeline>? timelines = null;
            var known = _catalog.Campaigns.ToDictionary(campaign => campaign.Id, StringComparer.Ordinal);
            foreach (var entry in entries)
            {
                if (entry.Versions.Count == 0 || (known.TryGetValue(entry.Id, out var before) && before.Revision >= entry.Revision))
                {
                    continue;
                }

                try
                {
                    (timelines ??= known)[entry.Id] = entry.ToTimeline()!;
                }
                catch (FormatException e)
                {
                    unknown = e;
                }
            }

            if (timelines is not null)
            {
                _budgeted = [.. timelines.Values.Where(campaign => campaign.Versions.Any(version => version.Budget is not null)).OrderBy(campaign => campaign.Id, StringComparer.Ordinal)];
                _boards = BoardsOf(timelines.Values);
                _catalog = new(timelines.Values);
            }
        }

        if (unknown is not null)
        {
            throw unknown;
        }
    }

    /// <summary>Looks in the books whether the list of campaigns has changed, and takes what is new. Reads one record when nothing has.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public async Task RefreshAsync(IJournal journal)
    {
        ArgumentNullException.ThrowIfNull(journal);
        var newest = await journal.ReadHistoryAsync(ActorIds.Campaigns, 0, 1).ConfigureAwait(false);
        if (newest.Count == 0 || newest[0].LastVersion <= Volatile.Read(ref _version))
        {
            return;
        }

        try
        {
            Adopt((await CampaignsKind.ReadAsync(journal).ConfigureAwait(false)).Entries);
        }
        catch (FormatException e)
        {
            // During an upgrade: processes that know the form judge by it, this one goes on with the others.
            Leases.Complain(e);
        }

        Volatile.Write(ref _version, newest[0].LastVersion);
    }

    private static Dictionary<string, CampaignBoard> BoardsOf(IEnumerable<CampaignTimeline> campaigns)
    {
        var boards = new Dictionary<string, CampaignBoard>(StringComparer.Ordinal);
        foreach (var campaign in campaigns)
        {
            if (campaign.Versions.Select(CampaignBoard.Of).LastOrDefault(board => board is not null) is { } board)
            {
                boards[campaign.Versions[0].Rule] = boards[campaign.Versions[0].DoneRule] = board;
            }
        }

        return boards;
    }
}
