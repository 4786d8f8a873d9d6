using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>A definition that is being worked on.</summary>
/// <param name="Json">UTF-8 JSON.</param>
/// <param name="Author">Who saved it last.</param>
/// <param name="SavedAt">When.</param>
/// <param name="ApprovedBy">Null: nobody yet.</param>
public sealed record CampaignDraft(ReadOnlyMemory<byte> Json, string Author, Instant SavedAt, string? ApprovedBy);

/// <summary>A version as it was published.</summary>
/// <param name="Definition">It, with the <c>From</c> that holds.</param>
/// <param name="Author">Who published it.</param>
/// <param name="ApprovedBy">Null: nobody had to.</param>
/// <param name="At">When.</param>
public sealed record PublishedVersion(CampaignDefinition Definition, string Author, string? ApprovedBy, Instant At);

/// <summary>A change of status as it was made.</summary>
/// <param name="Change">What holds from when.</param>
/// <param name="Author">Who; empty: the campaign itself.</param>
/// <param name="Reason">Why.</param>
public sealed record StatusEntry(CampaignStatusChange Change, string Author, string Reason);

/// <summary>A piece of a budget that a process may spend.</summary>
public sealed class CampaignLease
{
    /// <summary>Counted from 1 within the campaign.</summary>
    public required long Number { get; init; }

    /// <summary>Of which purse.</summary>
    public required PurseKey Purse { get; init; }

    /// <summary>The process.</summary>
    public required string Holder { get; init; }

    /// <summary>See <see cref="LeaseGranted"/>.</summary>
    public required long Nonce { get; init; }

    /// <summary>How many purchases and returns may use it.</summary>
    public required int Slots { get; init; }

    /// <summary>See <see cref="LeaseMoved"/>.</summary>
    public long Granted { get; internal set; }

    /// <summary>As last reported.</summary>
    public long Spent { get; internal set; }

    /// <summary>Of the last message.</summary>
    public long Sequence { get; internal set; }
}

/// <summary>What is known of one purse.</summary>
public sealed class CampaignPurse
{
    /// <summary>Spent of leases that have ended.</summary>
    public long Settled { get; internal set; }

    /// <summary>Granted to open leases.</summary>
    public long Granted { get; internal set; }

    /// <summary>Spent of open leases, as far as reported.</summary>
    public long Reported { get; internal set; }

    /// <summary>Open leases.</summary>
    public int Leases { get; internal set; }

    /// <summary>All that is known to be spent.</summary>
    public long Spent => Settled + Reported;

    /// <summary>Granted and not known to be spent.</summary>
    public long Leased => Granted - Reported;
}

/// <summary>A campaign's books: draft, versions, status, and the accounts of its budget.</summary>
public sealed partial class CampaignState(string id)
{
    /// <summary>Versions that one campaign can have.</summary>
    public const int MaxVersions = 1000;

    /// <summary>Bytes of all versions' definitions together: every process has all of them, and each change tells all of them.</summary>
    public const int MaxVersionBytes = 2 * 1024 * 1024;

    /// <summary>Pauses, resumptions and the end, together.</summary>
    public const int MaxChanges = 1000;

    /// <summary>Purses that are kept by themselves; with more, those of the oldest periods are folded into one number and closed.</summary>
    public const int MaxPurses = 20_000;

    /// <summary>Leases that can be open at a time; beyond, nothing is granted until some end.</summary>
    public const int MaxLeases = 50_000;

    private readonly List<PublishedVersion> _versions = [];
    private readonly List<StatusEntry> _changes = [];
    private readonly Dictionary<PurseKey, CampaignPurse> _purses = [];
    private readonly SortedDictionary<long, CampaignLease> _leases = [];

    /// <summary>Id.</summary>
    public string Id { get; } = id;

    /// <summary>Counts every change of draft, versions and status.</summary>
    public long Revision { get; private set; }

    /// <summary>Null: there is none, or it was published as it stands.</summary>
    public CampaignDraft? Draft { get; private set; }

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<PublishedVersion> Versions => _versions;

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<StatusEntry> Changes => _changes;

    /// <summary>The first version's time came.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Purses by key.</summary>
    public IReadOnlyDictionary<PurseKey, CampaignPurse> Purses => _purses;

    /// <summary>Open leases by number.</summary>
    public IReadOnlyDictionary<long, CampaignLease> Leases => _leases;

    /// <summary>Of the newest lease.</summary>
    public long LastLease { get; private set; }

    /// <summary>Purses of periods that began up to that day are closed; null: none.</summary>
    public LocalDate? FoldedThrough { get; private set; }

    /// <summary>Spent of purses that are folded, by what they count.</summary>
    public IReadOnlyDictionary<BudgetMeasure, long> Folded => _folded;

    private readonly SortedDictionary<BudgetMeasure, long> _folded = [];

    /// <summary>Whether anything ever happened to it.</summary>
    public bool Exists => Revision > 0;

    /// <summary>Whether it has ended for ever.</summary>
    public bool HasEnded => _changes.Count > 0 && _changes[^1].Change.Status == CampaignStatus.Ended;

    /// <summary>All that is published of it; null: nothing.</summary>
    public CampaignTimeline? Timeline => _versions.Count == 0
        ? null
        : new(Id, Revision, [.. _versions.Select(version => version.Definition)], [.. _changes.Select(entry => entry.Change)]);

    /// <summary>Where it stands at an instant that is not before its last change.</summary>
    public CampaignStatus StatusAt(Instant now)
    {
        if (HasEnded)
        {
            return CampaignStatus.Ended;
        }

        if (_versions.Count == 0)
        {
            return CampaignStatus.Draft;
        }

        if (_versions[^1].Definition.Until is { } until && until <= now)
        {
            return CampaignStatus.Ended;
        }

        return _changes.Count > 0 && _changes[^1].Change.Status == CampaignStatus.Paused
            ? CampaignStatus.Paused
            : _versions[0].Definition.From > now ? CampaignStatus.Scheduled : CampaignStatus.Active;
    }

    /// <summary>What a purse may give in all: as the newest version says that has a budget of its shape; 0: none has.</summary>
    public long AmountOf(in PurseKey purse)
    {
        // An activity that names no store has a purse of its own in budgets by store.
        long ofNoStore = -1;
        for (var i = _versions.Count - 1; i >= 0; i--)
        {
            if (_versions[i].Definition.Budget is not { } budget || budget.In != purse.In || budget.Period != purse.Period)
            {
                continue;
            }

            if (budget.ByStore == (purse.Store is not null))
            {
                return budget.Amount;
            }

            ofNoStore = budget.ByStore && ofNoStore < 0 ? budget.Amount : ofNoStore;
        }

        return Math.Max(0, ofNoStore);
    }

    /// <summary>What of a purse is neither spent nor granted.</summary>
    public long FreeOf(in PurseKey purse)
    {
        if (IsClosed(purse))
        {
            return 0;
        }

        var known = _purses.GetValueOrDefault(purse);
        return Math.Max(0, AmountOf(purse) - (known?.Settled ?? 0) - (known?.Granted ?? 0));
    }

    /// <summary>Whether nothing can be spent of a purse any more.</summary>
    public bool IsClosed(in PurseKey purse) => purse.Period != CampaignPeriod.Campaign && purse.Start <= FoldedThrough;

    /// <summary>Applies a fact.</summary>
    /// <exception cref="FormatException">A version is not valid any more, or the fact does not follow on what was before.</exception>
    public void Apply(CampaignEvent fact)
    {
        switch (fact)
        {
            case DraftSaved e:
                Revision++;
                Draft = new(e.Json, e.Author, e.At, null);
                break;
            case DraftApproved e:
                Revision++;
                Draft = (Draft ?? throw new FormatException($"campaign {Id} has no draft that could be approved")) with { ApprovedBy = e.Author };
                break;
            case VersionPublished e:
                Revision++;
                _versions.Add(new(DefinitionOf(e), e.Author, e.ApprovedBy, e.At));
                Draft = null;
                break;
            case CampaignStatusSet e:
                Revision++;
                _changes.Add(new(new(e.At, e.Status), e.Author, e.Reason));
                break;
            case CampaignBegan:
                HasBegun = true;
                break;
            case LeaseGranted e:
                Apply(e);
                break;
            case LeaseMoved e:
                var moved = Find(e.Lease);
                var purse = _purses[moved.Purse];
                purse.Granted += e.Granted - moved.Granted;
                purse.Reported += e.Spent - moved.Spent;
                (moved.Granted, moved.Spent, moved.Sequence) = (e.Granted, e.Spent, e.Sequence);
                break;
            case LeaseSettled e:
                Apply(e);
                break;
            case PursesFolded e:
                Apply(e);
                break;
            default:
                throw new FormatException($"campaigns do not know {fact.GetType().Name}");
        }
    }

    private void Apply(LeaseGranted e)
    {
        if (!_purses.TryGetValue(e.Purse, out var purse))
        {
            _purses[e.Purse] = purse = new();
        }

        _leases.Add(e.Lease, new() { Number = e.Lease, Purse = e.Purse, Holder = e.Holder, Nonce = e.Nonce, Slots = e.Slots, Granted = e.Granted });
        LastLease = Math.Max(LastLease, e.Lease);
        purse.Granted += e.Granted;
        purse.Leases++;
    }

    private void Apply(LeaseSettled e)
    {
        var lease = Find(e.Lease);
        _leases.Remove(e.Lease);
        var purse = _purses[lease.Purse];
        purse.Granted -= lease.Granted;
        purse.Reported -= lease.Spent;
        purse.Settled += e.Spent;
        purse.Leases--;
    }

    private void Apply(PursesFolded e)
    {
        FoldedThrough = e.Through;
        foreach (var (key, purse) in _purses.Where(pair => pair.Key.Period != CampaignPeriod.Campaign && pair.Key.Start <= e.Through && pair.Value.Leases == 0).ToArray())
        {
            _folded[key.In] = _folded.GetValueOrDefault(key.In) + purse.Settled;
            _purses.Remove(key);
        }
    }

    private CampaignLease Find(long lease) => _leases.GetValueOrDefault(lease) ?? throw new FormatException($"campaign {Id} has no open lease {lease}");

    private CampaignDefinition DefinitionOf(VersionPublished e)
    {
        var errors = new List<FieldError>();
        var definition = CampaignParser.Parse(e.Json, Id, e.Version, null, null, errors);
        return definition?.InForceFrom(e.From)
            ?? throw new FormatException($"version {e.Version} of campaign {Id} is not valid any more: {errors[0].Field} {errors[0].Message}");
    }
}
