using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>Definitions as versions.</summary>
public static class CampaignVersions
{
    /// <summary>The definition with the first instant that it judges.</summary>
    public static CampaignDefinition InForceFrom(this CampaignDefinition definition, Instant from)
    {
        ArgumentNullException.ThrowIfNull(definition);
        return definition.From == from
            ? definition
            : new()
            {
                Id = definition.Id,
                Version = definition.Version,
                Name = definition.Name,
                From = from,
                Until = definition.Until,
                Trigger = definition.Trigger,
                When = definition.When,
                Who = definition.Who,
                Where = definition.Where,
                What = definition.What,
                Gives = definition.Gives,
                Card = definition.Card,
                Challenge = definition.Challenge,
                Streak = definition.Streak,
                Priority = definition.Priority,
                Group = definition.Group,
                Caps = definition.Caps,
                Budget = definition.Budget,
                HoldoutPerTenThousand = definition.HoldoutPerTenThousand,
                Leaderboard = definition.Leaderboard,
                Source = definition.Source,
            };
    }
}
