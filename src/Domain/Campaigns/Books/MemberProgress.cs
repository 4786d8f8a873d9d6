using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>How far a member has come with a card, challenge or streak.</summary>
/// <param name="Campaign">Which.</param>
/// <param name="Name">For people.</param>
/// <param name="Kind"><c>card</c>, <c>challenge</c> or <c>streak</c>.</param>
/// <param name="Steps">A card and a streak have one.</param>
/// <param name="Done">How often it was completed.</param>
/// <param name="Until">When the campaign ends; null: never.</param>
public sealed record CampaignProgress(string Campaign, string Name, string Kind, IReadOnlyList<ProgressStep> Steps, long Done, Instant? Until);

/// <summary>One step.</summary>
/// <param name="Name">For people; of a card its unit, of a streak its period.</param>
/// <param name="Progress">Towards the next completion, 0 to the target.</param>
/// <param name="Target">When it is complete.</param>
public readonly record struct ProgressStep(string Name, long Progress, long Target);

/// <summary>Says how far a member has come.</summary>
public static class MemberProgress
{
    /// <summary>Of all campaigns in force now that have a card, a challenge or a streak and do not leave the member out, by id.</summary>
    public static IReadOnlyList<CampaignProgress> Of(MemberState state, TurnContext context)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(context);
        var progress = new List<CampaignProgress>();
        foreach (var campaign in context.CampaignsAt(context.Now, context.Program).All.OrderBy(campaign => campaign.Id, StringComparer.Ordinal))
        {
            var definition = campaign.Definition;
            if (CampaignPeriods.IsHeldOut(definition.Id, state.Id, definition.HoldoutPerTenThousand))
            {
                continue;
            }

            var tally = state.Engagement?.Find(definition.Id);
            var (kind, steps) = definition switch
            {
                { Card: { } card } => ("card", [Step(card.Unit, state.FindBook(card.Unit)?.Balance ?? 0, card.Size)]),
                { Challenge: { } challenge } => ("challenge", StepsOf(challenge, tally, context.Today)),
                { Streak: { } streak } => ("streak", [StepOf(streak, tally, context.Today)]),
                _ => ("", Array.Empty<ProgressStep>()),
            };
            if (steps.Length > 0)
            {
                progress.Add(new(definition.Id, definition.Name, kind, steps, tally?.Sum(TallyKind.Done) ?? 0, definition.Until));
            }
        }

        return progress;
    }

    private static ProgressStep[] StepsOf(Challenge challenge, MemberTally? tally, LocalDate today)
    {
        var (from, through) = challenge.WithinDays is { } days ? (today.PlusDays(1 - days), today) : (LocalDate.MinIsoValue, LocalDate.MaxIsoValue);
        var done = challenge.Repeat ? tally?.Sum(TallyKind.Done, from, through) ?? 0 : 0;
        return [.. challenge.Steps.Select((step, i) =>
        {
            var counted = tally?.Sum((TallyKind)((int)TallyKind.Step + i), from, through) ?? 0;
            return Step(step.Name, (step.Counts == StepCount.Quantity ? counted / 1_000_000 : counted) - (done * step.Target), step.Target);
        })];
    }

    private static ProgressStep StepOf(Streak streak, MemberTally? tally, LocalDate today)
    {
        // A period that is not over yet does not break it.
        var at = CampaignPeriods.StartOf(streak.Period, today);
        at = Counts(at) ? at : CampaignPeriods.StartOf(streak.Period, at.PlusDays(-1));
        long length = 0;
        for (; Counts(at); at = CampaignPeriods.StartOf(streak.Period, at.PlusDays(-1)))
        {
            length++;
        }

        return Step(streak.Period.ToString().ToLowerInvariant(), streak.Repeat && length > 0 ? ((length - 1) % streak.Length) + 1 : length, streak.Length);

        bool Counts(LocalDate start) => tally?.Sum(TallyKind.Streak, start, start) > 0;
    }

    private static ProgressStep Step(string name, long progress, long target) => new(name, Math.Clamp(progress, 0, target), target);
}
