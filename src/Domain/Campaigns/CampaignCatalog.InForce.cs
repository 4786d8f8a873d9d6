using System.Collections.Concurrent;
using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>Which campaigns judge a sale of some time.</summary>
public sealed partial class CampaignCatalog
{
    /// <summary>Sets that are kept for spans of time and versions of the program; beyond it all are made again when they are asked for.</summary>
    private const int MaxSets = 512;

    private readonly ConcurrentDictionary<(int Span, ProgramDefinition Program), CampaignSet> _sets = new();
    private ConcurrentDictionary<(CampaignDefinition Campaign, ProgramDefinition Program), CompiledCampaign> _compiled = new();
    private Instant[]? _edges;

    /// <summary>Whether nothing was ever published.</summary>
    public bool IsEmpty => _campaigns.Count == 0;

    /// <summary>The campaigns that judge requests of that time, compiled; made once for each span in which nothing begins or ends.</summary>
    /// <param name="instant">The request's own time.</param>
    /// <param name="program">The version of the program that judges the request.</param>
    public CampaignSet InForceAt(Instant instant, ProgramDefinition program)
    {
        var edges = _edges ??= Edges();
        var at = Array.BinarySearch(edges, instant);
        var span = at >= 0 ? at + 1 : ~at;
        if (_sets.TryGetValue((span, program), out var known))
        {
            return known;
        }

        var from = span == 0 ? Instant.MinValue : edges[span - 1];
        var set = new CampaignSet(
            from, span == edges.Length ? Instant.MaxValue : edges[span], program,
            _campaigns.Values.Select(campaign => InForce(campaign, from)).OfType<CampaignDefinition>().Select(version => Compiled(version, program)),
            _campaigns.Values.Select(campaign => Asking(campaign, from)).OfType<CampaignDefinition>().Select(version => Compiled(version, program)));
        if (_sets.Count >= MaxSets)
        {
            _sets.Clear();
        }

        return _sets.GetOrAdd((span, program), set);
    }

    /// <summary>The definitions that judge requests of that time, in no order.</summary>
    public IEnumerable<CampaignDefinition> InForceAt(Instant instant) => _campaigns.Values.Select(campaign => InForce(campaign, instant)).OfType<CampaignDefinition>();

    /// <summary>Where a campaign stands at an instant.</summary>
    public static CampaignStatus StatusOf(CampaignTimeline campaign, Instant at)
    {
        ArgumentNullException.ThrowIfNull(campaign);
        var status = LastChange(campaign, at);
        if (campaign.Versions.Count == 0 || status == CampaignStatus.Ended)
        {
            return campaign.Versions.Count == 0 ? CampaignStatus.Draft : CampaignStatus.Ended;
        }

        var version = VersionAt(campaign, at);
        return version is null ? CampaignStatus.Scheduled : version.Until <= at ? version == campaign.Versions[^1] ? CampaignStatus.Ended : CampaignStatus.Scheduled : status;
    }

    /// <summary>One version under one version of the program.</summary>
    /// <exception cref="CampaignNotKnownException">This process has not heard of it.</exception>
    internal CompiledCampaign Compiled(string id, int version, ProgramDefinition program) =>
        Compiled(Find(id, version) ?? throw new CampaignNotKnownException(id, version), program);

    private CompiledCampaign Compiled(CampaignDefinition version, ProgramDefinition program) =>
        _compiled.GetOrAdd((version, program), static key => new CompiledCampaign(key.Campaign, key.Program));

    private Instant[] Edges() =>
    [
        .. _campaigns.Values.SelectMany(campaign => campaign.Changes.Select(change => change.At).Concat(campaign.Versions.SelectMany(Ends))).Distinct().Order(),
    ];

    private static IEnumerable<Instant> Ends(CampaignDefinition version)
    {
        if (version.From is { } from)
        {
            yield return from;
        }

        if (version.Until is { } until)
        {
            yield return until;
        }
    }

    private static CampaignDefinition? InForce(CampaignTimeline campaign, Instant at) =>
        LastChange(campaign, at) == CampaignStatus.Active && VersionAt(campaign, at) is { } version && !(version.Until <= at) ? version : null;

    /// <summary>The version that counts what is bought: from its publication on, so before it begins, and in a pause too.</summary>
    private static CampaignDefinition? Asking(CampaignTimeline campaign, Instant at)
    {
        if (campaign.Versions.Count == 0 || LastChange(campaign, at) == CampaignStatus.Ended)
        {
            return null;
        }

        var version = VersionAt(campaign, at) ?? campaign.Versions[0];
        return version.Who?.Bought is null || version.Until <= at ? null : version;
    }

    private static CampaignDefinition? VersionAt(CampaignTimeline campaign, Instant at)
    {
        for (var i = campaign.Versions.Count - 1; i >= 0; i--)
        {
            if (campaign.Versions[i].From is not { } from || from <= at)
            {
                return campaign.Versions[i];
            }
        }

        return null;
    }

    private static CampaignStatus LastChange(CampaignTimeline campaign, Instant at)
    {
        for (var i = campaign.Changes.Count - 1; i >= 0; i--)
        {
            if (campaign.Changes[i].At <= at)
            {
                return campaign.Changes[i].Status;
            }
        }

        return CampaignStatus.Active;
    }
}

/// <summary>A return names a purchase that a version of a campaign judged of which this process has not heard yet. Asking again a moment later is safe.</summary>
public sealed class CampaignNotKnownException(string campaign, int version) : Exception($"version {version} of campaign {campaign} is not known here yet")
{
    /// <summary>Which campaign.</summary>
    public string Campaign { get; } = campaign;

    /// <summary>Which version.</summary>
    public int Version { get; } = version;
}
