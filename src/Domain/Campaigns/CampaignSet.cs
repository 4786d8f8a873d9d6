using System.Collections.Concurrent;
using System.Numerics;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>
/// The campaigns in force in a span of time under one version of the program. Asked for every purchase: those whose stores or goods cannot match are left out by bits, one for each campaign, before
/// any of them is looked at. Immutable (but for what it remembers of stores) and thread-safe.
/// </summary>
public sealed class CampaignSet
{
    /// <summary>Stores whose campaigns are remembered; others are worked out each time.</summary>
    public const int MaxStoresRemembered = 20_000;

    private readonly ulong[] _anyLine;
    private readonly Dictionary<string, ulong[]> _bySku = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ulong[]> _byCategory = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ulong[]> _byBrand = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ulong[]> _byStore = new(StringComparer.Ordinal);
    private readonly NamedBits _channels;
    private readonly NamedBits _levels;
    private readonly NamedBits _tags;
    private readonly bool _storesMatter;

    internal CampaignSet(Instant from, Instant until, ProgramDefinition program, IEnumerable<CompiledCampaign> campaigns, IEnumerable<CompiledCampaign> counting)
    {
        (From, Until, Program) = (from, until, program);
        All = [.. campaigns.OrderByDescending(campaign => campaign.Definition.Priority).ThenBy(campaign => campaign.Id, StringComparer.Ordinal)];
        Purchase = [.. All.Where(campaign => campaign.Definition.Trigger is { Activity: null, Award: null } && Gives(campaign))];
        Activity = Grouped(All.Where(campaign => campaign.Definition.Trigger.Activity is not null), campaign => [campaign.Definition.Trigger.Activity!]);
        Chained = Grouped(All.Where(campaign => campaign.Definition.Trigger.Award is not null), campaign => [campaign.Definition.Trigger.Award!]);
        Stepped = [.. All.Where(campaign => campaign.Definition.Streak is not null || campaign.Definition.Challenge?.Steps.Any(step => step.Counts != StepCount.Activities) == true)];
        SteppedByActivity = Grouped(
            All.Where(campaign => campaign.Definition.Challenge is not null),
            campaign => campaign.Definition.Challenge!.Steps.Where(step => step.Counts == StepCount.Activities).Select(step => step.Activity!).Distinct());
        Counting = [.. counting];
        HasBudgets = All.Any(campaign => campaign.Definition.Budget is not null);
        _storesMatter = Purchase.Any(campaign => campaign.Definition.Where is { } where && (where.Stores is not null || where.StoreGroups is not null));
        Words = (Purchase.Length + 63) / 64;
        _channels = new(Words, Purchase, campaign => campaign.Definition.Where?.Channels);
        _levels = new(Words, Purchase, campaign => campaign.Definition.Who?.Tiers);
        _tags = new(Words, Purchase, campaign => campaign.Definition.Who?.Tags);
        _anyLine = new ulong[Words];
        for (var i = 0; i < Purchase.Length; i++)
        {
            var what = Purchase[i].What;
            if (what.IsAny)
            {
                Set(_anyLine, i);
                continue;
            }

            Index(_bySku, what.Skus, i);
            Index(_byCategory, what.Categories, i);
            Index(_byBrand, what.Brands, i);
        }
    }

    /// <summary>First instant of the span.</summary>
    public Instant From { get; }

    /// <summary>First instant behind the span.</summary>
    public Instant Until { get; }

    /// <summary>The version of the program.</summary>
    public ProgramDefinition Program { get; }

    /// <summary>Whether no campaign is in force, and none counts what was bought before it is.</summary>
    public bool IsEmpty => All.Length == 0 && Counting.Length == 0;

    /// <summary>Whether one of them has a budget.</summary>
    public bool HasBudgets { get; }

    /// <summary>How many are in force.</summary>
    public int Count => All.Length;

    /// <summary>All in force, higher priority first, equals by id.</summary>
    internal CompiledCampaign[] All { get; }

    /// <summary>Those that a purchase is judged by, without the chained ones.</summary>
    internal CompiledCampaign[] Purchase { get; }

    /// <summary>By type of activity.</summary>
    internal Dictionary<string, CompiledCampaign[]> Activity { get; }

    /// <summary>By the campaign that triggers them.</summary>
    internal Dictionary<string, CompiledCampaign[]> Chained { get; }

    /// <summary>Challenges and streaks that purchases bring progress to.</summary>
    internal CompiledCampaign[] Stepped { get; }

    /// <summary>Challenges by the type of activity that brings progress to them.</summary>
    internal Dictionary<string, CompiledCampaign[]> SteppedByActivity { get; }

    /// <summary>Those that count what is bought, in force or not yet.</summary>
    internal CompiledCampaign[] Counting { get; }

    /// <summary>Length of the bits of <see cref="Candidates"/>.</summary>
    internal int Words { get; }

    /// <summary>Finds those of <see cref="Purchase"/> that can match store, channel, member and goods: one bit for each.</summary>
    /// <param name="store">Where.</param>
    /// <param name="channel">May be absent.</param>
    /// <param name="level">The tier's level, or null.</param>
    /// <param name="tags">Of the member.</param>
    /// <param name="lines">What was bought.</param>
    /// <param name="bits">As many words as <see cref="Words"/>.</param>
    internal void Candidates(string? store, string? channel, string? level, ReadOnlySpan<string> tags, ReadOnlySpan<SaleLine> lines, Span<ulong> bits)
    {
        _anyLine.CopyTo(bits);
        foreach (ref readonly var line in lines)
        {
            Or(bits, _bySku, line.Sku);
            Or(bits, _byCategory, line.Category);
            Or(bits, _byBrand, line.Brand);
        }

        if (_storesMatter)
        {
            And(bits, At(store ?? ""));
        }

        if (_channels.Matter)
        {
            And(bits, _channels.Of(channel));
        }

        if (_levels.Matter)
        {
            And(bits, _levels.Of(level ?? "none"));
        }

        if (_tags.Matter)
        {
            _tags.AndAny(bits, tags);
        }
    }

    private static void And(Span<ulong> bits, ulong[] others)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            bits[i] &= others[i];
        }
    }

    private ulong[] At(string store)
    {
        if (_byStore.TryGetValue(store, out var known))
        {
            return known;
        }

        var bits = new ulong[Words];
        for (var i = 0; i < Purchase.Length; i++)
        {
            if (Purchase[i].HoldsIn(store.Length == 0 ? null : store))
            {
                Set(bits, i);
            }
        }

        if (_byStore.Count < MaxStoresRemembered)
        {
            _byStore.TryAdd(store, bits);
        }

        return bits;
    }

    private static void Or(Span<ulong> bits, Dictionary<string, ulong[]> index, string? name)
    {
        if (name is null || index.Count == 0 || !index.TryGetValue(name, out var found))
        {
            return;
        }

        for (var i = 0; i < bits.Length; i++)
        {
            bits[i] |= found[i];
        }
    }

    private void Index(Dictionary<string, ulong[]> index, IEnumerable<string>? names, int campaign)
    {
        foreach (var name in names ?? [])
        {
            if (!index.TryGetValue(name, out var bits))
            {
                index[name] = bits = new ulong[Words];
            }

            Set(bits, campaign);
        }
    }

    private static void Set(ulong[] bits, int at) => bits[at >> 6] |= 1UL << (at & 63);

    /// <summary>One that only has steps is not judged when goods are bought, only counted.</summary>
    private static bool Gives(CompiledCampaign campaign) => campaign.Definition.Gives.Count > 0 || campaign.Definition.Card is not null;

    private static Dictionary<string, CompiledCampaign[]> Grouped(IEnumerable<CompiledCampaign> campaigns, Func<CompiledCampaign, IEnumerable<string>> keys) =>
        campaigns.SelectMany(campaign => keys(campaign).Select(key => (key, campaign))).GroupBy(pair => pair.key, pair => pair.campaign, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);

    /// <summary>Which campaigns allow a name of some list of theirs; those without a list allow all.</summary>
    private sealed class NamedBits
    {
        private readonly ulong[] _any;
        private readonly Dictionary<string, ulong[]> _byName = new(StringComparer.Ordinal);

        public NamedBits(int words, CompiledCampaign[] campaigns, Func<CompiledCampaign, IEnumerable<string>?> namesOf)
        {
            _any = new ulong[words];
            for (var i = 0; i < campaigns.Length; i++)
            {
                if (namesOf(campaigns[i]) is null)
                {
                    Set(_any, i);
                }
            }

            for (var i = 0; i < campaigns.Length; i++)
            {
                foreach (var name in namesOf(campaigns[i]) ?? [])
                {
                    if (!_byName.TryGetValue(name, out var bits))
                    {
                        _byName[name] = bits = (ulong[])_any.Clone();
                    }

                    Set(bits, i);
                }
            }
        }

        /// <summary>Whether any campaign has such a list.</summary>
        public bool Matter => _byName.Count > 0;

        public ulong[] Of(string? name) => name is not null && _byName.TryGetValue(name, out var bits) ? bits : _any;

        /// <summary>Leaves the bits of campaigns that allow one of the names.</summary>
        public void AndAny(Span<ulong> bits, ReadOnlySpan<string> names)
        {
            for (var i = 0; i < bits.Length; i++)
            {
                var allowed = _any[i];
                foreach (var name in names)
                {
                    allowed |= _byName.TryGetValue(name, out var found) ? found[i] : 0;
                }

                bits[i] &= allowed;
            }
        }
    }
}
