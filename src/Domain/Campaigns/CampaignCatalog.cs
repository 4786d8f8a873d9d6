using NodaTime;

namespace Loyalty.Domain.Campaigns;


/// <summary>A campaign was paused, resumed or ended at a moment of the engine's clock.</summary>
/// <param name="At">Holds for sales at or after it.</param>
/// <param name="Status">What holds from then on: <see cref="CampaignStatus.Active"/>, <see cref="CampaignStatus.Paused"/> or <see cref="CampaignStatus.Ended"/>.</param>
public readonly record struct CampaignStatusChange(Instant At, CampaignStatus Status);

/// <summary>Where a campaign stands.</summary>
public enum CampaignStatus : byte
{
    /// <summary>Not published.</summary>
    Draft,

    /// <summary>Published; begins later.</summary>
    Scheduled,

    /// <summary>Judges sales.</summary>
    Active,

    /// <summary>Judges no sale of the pause.</summary>
    Paused,

    /// <summary>For ever.</summary>
    Ended,
}

/// <summary>All that is published of one campaign.</summary>
/// <param name="Id">Of the campaign.</param>
/// <param name="Revision">Counts up with each version and change: of two, the higher one is newer.</param>
/// <param name="Versions">Numbered 1, 2, 3 …, with <c>From</c> that does not go back.</param>
/// <param name="Changes">In order of time.</param>
public sealed record CampaignTimeline(string Id, long Revision, IReadOnlyList<CampaignDefinition> Versions, IReadOnlyList<CampaignStatusChange> Changes);

/// <summary>All campaigns that were ever published. Immutable and thread-safe; a change makes a new catalog.</summary>
public sealed partial class CampaignCatalog
{
    /// <summary>Campaigns that can be published in one set of books, ended ones included.</summary>
    public const int MaxCampaigns = 10_000;

    /// <summary>No campaigns.</summary>
    public static readonly CampaignCatalog Empty = new([]);

    private readonly Dictionary<string, CampaignTimeline> _campaigns;

    /// <param name="campaigns">Each id once.</param>
    public CampaignCatalog(IEnumerable<CampaignTimeline> campaigns) => _campaigns = campaigns.ToDictionary(campaign => campaign.Id, StringComparer.Ordinal);

    /// <summary>All of them, in no order.</summary>
    public IReadOnlyCollection<CampaignTimeline> Campaigns => _campaigns.Values;

    /// <summary>With a newer timeline in place of an older one of the same campaign; itself when it is not newer.</summary>
    public CampaignCatalog With(CampaignTimeline timeline) =>
        _campaigns.TryGetValue(timeline.Id, out var known) && known.Revision >= timeline.Revision
            ? this
            : new(_campaigns.Values.Where(campaign => campaign.Id != timeline.Id).Append(timeline)) { _compiled = _compiled };

    /// <summary>One version; null: there is none.</summary>
    public CampaignDefinition? Find(string id, int version) =>
        _campaigns.TryGetValue(id, out var campaign) && version >= 1 && version <= campaign.Versions.Count ? campaign.Versions[version - 1] : null;
}
