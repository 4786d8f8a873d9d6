using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>A definition among the campaigns that are published.</summary>
public static partial class CampaignParser
{
    /// <summary>Checks what only holds at the moment of publishing. What <see cref="Parse"/> checks is taken as checked.</summary>
    /// <param name="definition">The draft.</param>
    /// <param name="catalog">All that is published.</param>
    /// <param name="now">The engine's clock: nothing before it is judged.</param>
    /// <param name="errors">Everything that speaks against it is added.</param>
    public static void CheckPublishable(CampaignDefinition definition, CampaignCatalog catalog, Instant now, List<FieldError> errors)
    {
        var known = Timeline(catalog, definition.Id);
        if (known is null && catalog.Campaigns.Count >= CampaignCatalog.MaxCampaigns)
        {
            errors.Add(new("id", $"would be one more than the {CampaignCatalog.MaxCampaigns} campaigns that a set of books can have"));
        }

        if (known is not null && HasEnded(known, now))
        {
            errors.Add(new("id", $"'{definition.Id}' is the id of a campaign that has ended; it is not used again: take another"));
        }

        if (definition.Until is { } until && until <= now)
        {
            errors.Add(new("until", $"is {until}, and it is {now}: it would judge nothing; a later time is needed"));
        }

        // In force from its publication or its from, whichever is later.
        var from = definition.From is { } said && said > now ? said : now;
        if (definition.When?.Dates is { Count: > 0 } dates && !dates.Any(date => LiesWithin(date, null, from, definition.Until)))
        {
            errors.Add(new("when.dates", "are all over: it would never hold; a later day is needed"));
        }

        if (definition.Trigger.Award is { } award)
        {
            CheckChain(catalog, definition.Id, award, from, errors);
            if (Timeline(catalog, award) is { } trigger && HasEnded(trigger, from))
            {
                errors.Add(new("trigger.award", $"is '{award}', a campaign that has ended: it would never follow"));
            }
        }
        else
        {
            CheckChain(catalog, definition.Id, null, from, errors);
        }
    }

    private static CampaignTimeline? Timeline(CampaignCatalog catalog, string id) =>
        catalog.Campaigns.FirstOrDefault(campaign => string.Equals(campaign.Id, id, StringComparison.Ordinal));

    private static bool HasEnded(CampaignTimeline campaign, Instant at) =>
        (campaign.Changes.Count > 0 && campaign.Changes[^1] is { Status: CampaignStatus.Ended } end && end.At <= at) || campaign.Versions is [.., { Until: { } until }] && until <= at;

    /// <summary>The campaigns that trigger <paramref name="campaign"/>, in any version that judges something at or after the instant; null: in its newest one.</summary>
    private static IEnumerable<string> TriggersOf(CampaignTimeline campaign, Instant? since)
    {
        for (var i = 0; i < campaign.Versions.Count; i++)
        {
            var isOver = i < campaign.Versions.Count - 1 && (since is null || campaign.Versions[i + 1].From <= since);
            if (!isOver && campaign.Versions[i].Trigger.Award is { } award)
            {
                yield return award;
            }
        }
    }

    /// <summary>That the triggering campaign is there, that the campaign does not trigger itself by others, and that the chain is not too long.</summary>
    private static void CheckChain(CampaignCatalog catalog, string id, string? award, Instant? since, List<FieldError> errors)
    {
        if (award is not null && award != id && Timeline(catalog, award) is null)
        {
            errors.Add(new("trigger.award", $"is '{award}', which is no published campaign; publish it first"));
            return;
        }

        // Upwards: a way that leads back is a circle.
        var above = new Dictionary<string, string?>(StringComparer.Ordinal);
        var level = new List<string>();
        if (award is not null)
        {
            above[award] = null;
            level.Add(award);
        }

        var up = 0;
        while (level.Count > 0 && !above.ContainsKey(id))
        {
            up++;
            var next = new List<string>();
            foreach (var campaign in level.Select(name => Timeline(catalog, name)).OfType<CampaignTimeline>())
            {
                foreach (var trigger in TriggersOf(campaign, since))
                {
                    if (above.TryAdd(trigger, campaign.Id))
                    {
                        next.Add(trigger);
                    }
                }
            }

            level = next;
        }

        if (above.TryGetValue(id, out var from))
        {
            var way = new List<string> { id };
            for (var at = from; at is not null; at = above[at])
            {
                way.Add(at);
            }

            way.Add(id);
            errors.Add(new("trigger.award", $"makes a circle: {string.Join(" gives to ", way)}; a campaign cannot follow itself"));
            return;
        }

        // Downwards: what follows it already.
        var down = 0;
        level = [id];
        var below = new HashSet<string>(StringComparer.Ordinal) { id };
        while (level.Count > 0 && up + down < MaxChain)
        {
            level = [.. catalog.Campaigns.Where(campaign => TriggersOf(campaign, since).Any(level.Contains) && below.Add(campaign.Id)).Select(campaign => campaign.Id)];
            down += level.Count > 0 ? 1 : 0;
        }

        if (up + down + 1 > MaxChain)
        {
            errors.Add(new("trigger.award", $"would make a chain of more than {MaxChain} campaigns; a shorter one is needed"));
        }
    }

    /// <summary>Whether the chain that leads to this campaign begins with an activity.</summary>
    private static bool StartsWithActivity(CampaignCatalog catalog, string award)
    {
        for (var steps = 0; steps < MaxChain; steps++)
        {
            if (Timeline(catalog, award) is not { Versions: [.., var newest] })
            {
                return false;
            }

            if (newest.Trigger.Award is not { } next)
            {
                return newest.Trigger.Activity is not null;
            }

            award = next;
        }

        return false;
    }
}
