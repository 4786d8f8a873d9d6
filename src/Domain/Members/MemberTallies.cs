using Loyalty.Domain.Campaigns;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>Something counted on a day.</summary>
/// <param name="Kind">What.</param>
/// <param name="Day">When; the earliest day: once for ever.</param>
/// <param name="Value">How much; not 0.</param>
public readonly record struct TallyEntry(TallyKind Kind, LocalDate Day, long Value);

/// <summary>What is counted for a member and one campaign, or for a type of activity.</summary>
public sealed class MemberTally(string owner)
{
    /// <summary>Days (of a streak: periods) that are kept of each count; of older ones only how often something was done is known.</summary>
    public const int MaxDays = 400;

    /// <summary>Completions that can be undone; older ones stand.</summary>
    public const int MaxDone = 64;

    private CompactList<TallyEntry> _entries;
    private CompactList<CampaignDone> _done;

    /// <summary>The campaign's id, or the type of activity.</summary>
    public string Owner { get; } = owner;

    /// <summary>By kind, then by day. Valid until the tally changes.</summary>
    public ReadOnlySpan<TallyEntry> Entries => _entries.Items;

    /// <summary>The newest completions, in the order they were made. Valid until the tally changes.</summary>
    public ReadOnlySpan<CampaignDone> Done => _done.Items;

    /// <summary>Whether there is nothing in it.</summary>
    public bool IsEmpty => _entries.Count == 0 && _done.Count == 0;

    /// <summary>The sum over days from one to another, both included.</summary>
    public long Sum(TallyKind kind, LocalDate from, LocalDate through)
    {
        long sum = 0;
        for (var i = Find(kind, from, out _); i < _entries.Count && _entries[i].Kind == kind && _entries[i].Day <= through; i++)
        {
            sum += _entries[i].Value;
        }

        return sum;
    }

    /// <summary>The sum over all days.</summary>
    public long Sum(TallyKind kind) => Sum(kind, LocalDate.MinIsoValue, LocalDate.MaxIsoValue);

    internal void Add(TallyKind kind, LocalDate day, long by)
    {
        var at = Find(kind, day, out var found);
        if (found)
        {
            var value = _entries[at].Value + by;
            if (value == 0)
            {
                _entries.RemoveAt(at);
            }
            else
            {
                _entries[at] = new(kind, day, value);
            }

            return;
        }

        if (by == 0)
        {
            return;
        }

        _entries.Insert(at, new(kind, day, by));
        var first = Find(kind, LocalDate.MinIsoValue.PlusDays(1), out _);
        var next = first;
        while (next < _entries.Count && _entries[next].Kind == kind)
        {
            next++;
        }

        if (next - first <= MaxDays)
        {
            return;
        }

        var oldest = _entries[first];
        _entries.RemoveAt(first);
        if (kind is TallyKind.Done or TallyKind.Activities)
        {
            Add(kind, LocalDate.MinIsoValue, oldest.Value);
        }
    }

    internal void Add(CampaignDone done)
    {
        _done.Add(done);
        if (_done.Count > MaxDone)
        {
            _done.RemoveAt(0);
        }
    }

    internal void Undo(LocalDate day)
    {
        for (var i = _done.Count - 1; i >= 0; i--)
        {
            if (_done[i].Day == day)
            {
                _done.RemoveAt(i);
                return;
            }
        }
    }

    private int Find(TallyKind kind, LocalDate day, out bool found)
    {
        var (low, high) = (0, _entries.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = _entries[middle].Kind.CompareTo(kind);
            order = order != 0 ? order : _entries[middle].Day.CompareTo(day);
            if (order == 0)
            {
                found = true;
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        found = false;
        return low;
    }
}

/// <summary>What a member has beside points because of campaigns: attributes, activities, and what is counted.</summary>
public sealed class MemberEngagement
{
    /// <summary>Campaigns of which something is counted; of one more the one that was not touched for longest is forgotten.</summary>
    public const int MaxCampaigns = 256;

    /// <summary>Different types of activities of a member.</summary>
    public const int MaxActivityTypes = 64;

    private readonly List<MemberTally> _campaigns = [];
    private readonly List<MemberTally> _activities = [];

    /// <summary>What the member is like.</summary>
    public MemberAttributes Attributes { get; internal set; } = MemberAttributes.None;

    /// <summary>By campaign, the one touched last at the end.</summary>
    public IReadOnlyList<MemberTally> Campaigns => _campaigns;

    /// <summary>By type of activity, in the order of their first time.</summary>
    public IReadOnlyList<MemberTally> Activities => _activities;

    /// <summary>What is counted for a campaign, or null.</summary>
    public MemberTally? Find(string campaign)
    {
        for (var i = _campaigns.Count - 1; i >= 0; i--)
        {
            if (string.Equals(_campaigns[i].Owner, campaign, StringComparison.Ordinal))
            {
                return _campaigns[i];
            }
        }

        return null;
    }

    /// <summary>Activities of a type on days up to one.</summary>
    public long CountOf(string type, LocalDate through)
    {
        foreach (var activity in _activities)
        {
            if (string.Equals(activity.Owner, type, StringComparison.Ordinal))
            {
                return activity.Sum(TallyKind.Activities, LocalDate.MinIsoValue, through);
            }
        }

        return 0;
    }

    /// <summary>Whether another activity of the type can be counted.</summary>
    public bool HasRoomFor(string type) => _activities.Count < MaxActivityTypes || _activities.Exists(activity => activity.Owner == type);

    /// <summary>About how many bytes of memory this takes.</summary>
    public int EstimateBytes()
    {
        var bytes = 200 + (Attributes.Tags.Length * 60);
        foreach (var tally in _campaigns)
        {
            bytes += 120 + (tally.Entries.Length * 24) + (tally.Done.Length * 160);
        }

        foreach (var tally in _activities)
        {
            bytes += 120 + (tally.Entries.Length * 24);
        }

        return bytes;
    }

    internal MemberTally Activity(string type)
    {
        var known = _activities.Find(activity => activity.Owner == type);
        if (known is null)
        {
            _activities.Add(known = new(type));
        }

        return known;
    }

    /// <summary>The campaign's tally, made when needed, as the one touched last.</summary>
    internal MemberTally Campaign(string id)
    {
        var at = _campaigns.Count - 1;
        while (at >= 0 && _campaigns[at].Owner != id)
        {
            at--;
        }

        if (at == _campaigns.Count - 1 && at >= 0)
        {
            return _campaigns[at];
        }

        var tally = at >= 0 ? _campaigns[at] : new(id);
        if (at >= 0)
        {
            _campaigns.RemoveAt(at);
        }
        else if (_campaigns.Count >= MaxCampaigns)
        {
            _campaigns.RemoveAt(0);
        }

        _campaigns.Add(tally);
        return tally;
    }

    internal void Apply(CampaignFacts facts)
    {
        foreach (ref readonly var change in facts.Tallies.AsSpan())
        {
            Campaign(change.Campaign).Add(change.Count, change.Day, change.By);
        }

        foreach (var done in facts.Done)
        {
            Campaign(done.Campaign).Add(done);
        }

        foreach (ref readonly var undone in facts.Undone.AsSpan())
        {
            Campaign(undone.Campaign).Undo(undone.Day);
        }
    }
}
