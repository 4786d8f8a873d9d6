using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Runtime.Backtests;

/// <summary>What is to be tried. docs/BACKTESTS.md is the specification.</summary>
/// <param name="Drafts">1 to <see cref="MaxDrafts"/>; the first one's id may be that of a published campaign.</param>
/// <param name="From">Sales from this time on, by their own time.</param>
/// <param name="Until">Sales before this time; after <paramref name="From"/>.</param>
/// <param name="Programs">All versions.</param>
/// <param name="Campaigns">All that were published.</param>
public sealed record Backtest(IReadOnlyList<CampaignDefinition> Drafts, Instant From, Instant Until, ProgramCatalog Programs, CampaignCatalog Campaigns)
{
    /// <summary>Drafts beside each other.</summary>
    public const int MaxDrafts = 2;

    /// <summary>Members in memory at a time.</summary>
    public const int MembersPerPass = 3_000_000;

    /// <summary>Length of a period, in days.</summary>
    public const int MaxDays = 3660;

    /// <summary>Stores in a report; the others are summed.</summary>
    public const int MaxStores = 1000;

    /// <summary>The catalog with a draft in force in the whole period, in the place of what was published under its id.</summary>
    internal CampaignCatalog With(CampaignDefinition draft)
    {
        var published = Campaigns.Campaigns.FirstOrDefault(campaign => campaign.Id == draft.Id);
        var versions = (published?.Versions ?? []).TakeWhile(version => version.From < From).ToList();
        var changes = (published?.Changes ?? []).TakeWhile(change => change.At < From).ToList();
        if (changes.Count > 0)
        {
            changes.Add(new(From, CampaignStatus.Active));
        }

        versions.Add(draft with { Version = versions.Count + 1, From = From, Until = Until });
        return new(Campaigns.Campaigns.Where(campaign => campaign.Id != draft.Id).Append(new(draft.Id, long.MaxValue, versions, changes)));
    }
}

/// <summary>What a trial found.</summary>
/// <param name="Source">Where the sales came from, for people.</param>
/// <param name="From">As asked.</param>
/// <param name="Until">As asked.</param>
/// <param name="Purchases">Judged in the period.</param>
/// <param name="Returns">Judged in the period.</param>
/// <param name="Activities">Judged in the period.</param>
/// <param name="Drafts">In the order of the question.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record BacktestReport(string Source, Instant From, Instant Until, long Purchases, long Returns, long Activities, IReadOnlyList<DraftReport> Drafts, TimeSpan Elapsed);

/// <summary>What one draft would have given.</summary>
/// <param name="Id">Of the campaign.</param>
/// <param name="Requests">To which it gave something.</param>
/// <param name="Members">Who have something left of it.</param>
/// <param name="Points">By unit.</param>
/// <param name="ByDay">Net, by day of the sale.</param>
/// <param name="ByTier">Net, by the tier that judged the sale; <c>none</c>: no level.</param>
/// <param name="ByStore">Net, by store; the ones beyond <see cref="Backtest.MaxStores"/> as <c>*</c>.</param>
/// <param name="UsualSpend">Who would have bought anyway.</param>
/// <param name="Budget">Null: it has none.</param>
/// <param name="NotReplayed">Requests that could not be decided again.</param>
public sealed record DraftReport(
    string Id, long Requests, long Members, IReadOnlyList<UnitPoints> Points, IReadOnlyList<PointsBy> ByDay, IReadOnlyList<PointsBy> ByTier, IReadOnlyList<PointsBy> ByStore,
    UsualSpendReport UsualSpend, BudgetReport? Budget, long NotReplayed);

/// <summary>Points of a unit.</summary>
/// <param name="Unit">Which.</param>
/// <param name="Given">By purchases and activities of the period.</param>
/// <param name="TakenBack">By their returns.</param>
/// <param name="Cost">Net at the unit's value, minor units of money, rounded up; null: the unit has no value.</param>
public sealed record UnitPoints(string Unit, long Given, long TakenBack, long? Cost)
{
    /// <summary>What is left.</summary>
    public long Net => Given - TakenBack;
}

/// <summary>Net points by unit of a day, tier or store.</summary>
/// <param name="Key">Which.</param>
/// <param name="Requests">To which the draft gave something.</param>
/// <param name="Net">By unit.</param>
/// <param name="Cost">Of all units that have a value.</param>
public sealed record PointsBy(string Key, long Requests, IReadOnlyDictionary<string, long> Net, long Cost);

/// <summary>How the reached members' spend compares with their spend before.</summary>
/// <param name="MembersKnown">Whose books reach back far enough.</param>
/// <param name="MembersUnknown">Whose do not.</param>
/// <param name="Usual">Spend in an equally long span before, minor units of money, of members known.</param>
/// <param name="Actual">Spend in the period, of members known.</param>
/// <param name="Points">By unit.</param>
public sealed record UsualSpendReport(long MembersKnown, long MembersUnknown, long Usual, long Actual, IReadOnlyList<UsualPoints> Points);

/// <summary>Points by what they were given for.</summary>
/// <param name="Unit">Which unit.</param>
/// <param name="Anyway">For usual spend.</param>
/// <param name="Growth">For more than the usual.</param>
/// <param name="Unknown">To members whose books do not reach back far enough.</param>
public sealed record UsualPoints(string Unit, long Anyway, long Growth, long Unknown);

/// <summary>What became of a budget.</summary>
/// <param name="Amount">Of each purse.</param>
/// <param name="Spent">Of all purses.</param>
/// <param name="ExhaustedAt">Own time of the first sale that got less than it would have; null: none did.</param>
public sealed record BudgetReport(long Amount, long Spent, Instant? ExhaustedAt);

/// <summary>The trial cannot be made; the message says why and what would be right.</summary>
public sealed class BacktestRefusedException(string message) : Exception(message);
