using System.Numerics;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>
/// Judges one request after another by the campaigns in force: docs/CAMPAIGNS.md, "Combination". Looks at the member and changes nothing of it; only budgets are taken. Used again by all
/// requests of a thread, one after the other, so that a campaign that does not match costs no memory.
/// </summary>
internal sealed partial class CampaignJudge
{
    /// <summary>The most that all campaigns together give of one unit to one request; what goes beyond is not given (<see cref="SkipReasons.Cap"/>).</summary>
    public const long MaxAwards = 100_000_000_000_000_000;

    /// <summary>Completions of one campaign by one request; what is complete beyond waits for the next one.</summary>
    public const int MaxDoneAtOnce = 100;

    [ThreadStatic]
    private static CampaignJudge? _ofThread;

    private readonly List<(CompiledCampaign Campaign, bool IsTriggered)> _queue = [];
    private readonly List<CompiledCampaign> _cards = [];
    private readonly List<string> _groups = [];
    private readonly long[] _points = new long[CampaignParser.MaxGives];
    private readonly List<Award> _awards = [];
    private readonly List<Donation> _donations = [];
    private readonly List<JudgedCampaign> _judged = [];
    private readonly List<TallyChange> _tallies = [];
    private readonly List<CampaignDone> _done = [];
    private readonly List<Posting> _stamps = [];
    private readonly List<BudgetSpend> _spends = [];
    private readonly List<(string Unit, LotId Lot)> _lots = [];
    private readonly HashSet<string> _answered = new(StringComparer.Ordinal);

    private MemberState _state = null!;
    private TurnContext _context = null!;
    private CampaignSet _set = null!;
    private ProgramDefinition _program = null!;
    private SaleLine[] _lines = [];
    private Activity? _activity;
    private Instant _at;
    private LocalDate _day;
    private string? _store;
    private string? _channel;
    private string? _levelId;
    private int _level;
    private long _total;
    private long _given;
    private long _credit;
    private LocalDateTime? _local;
    private long _number;

    /// <summary>The one of this thread: what it says is valid until it judges again.</summary>
    public static CampaignJudge OfThread => _ofThread ??= new();

    /// <summary>What campaigns gave to the last request; valid until the next.</summary>
    public List<Award> Awards => _awards;

    /// <summary>Judges a purchase.</summary>
    /// <param name="state">The member.</param>
    /// <param name="context">The turn's.</param>
    /// <param name="set">In force at the purchase's own time.</param>
    /// <param name="purchase">The request.</param>
    /// <param name="day">Of the purchase.</param>
    /// <param name="level">That judges it, or null.</param>
    /// <param name="lines">With what was paid with money.</param>
    /// <param name="baseAwards">What it earned by the program's own rules.</param>
    /// <param name="tender">Points that pay for a part of it.</param>
    /// <returns>Null: no campaign had to do with it.</returns>
    public CampaignFacts? Judge(MemberState state, TurnContext context, CampaignSet set, Purchase purchase, SaleLine[] lines, LocalDate day, string? level, Award[] baseAwards, TenderTaken? tender)
    {
        _set = set;
        Begin(state, context, set.Program, purchase.At, day, purchase.Store, purchase.Channel, level);
        (_lines, _total, _activity) = (lines, MemberState.Sum(lines), null);
        foreach (ref readonly var award in baseAwards.AsSpan())
        {
            _lots.Add((award.Unit, award.Lot));
        }

        context.ForgetSkipped();
        Span<ulong> bits = stackalloc ulong[set.Words];
        if (context.Explain)
        {
            bits.Fill(ulong.MaxValue);
        }
        else
        {
            set.Candidates(_store, _channel, level, state.Engagement?.Attributes.Tags, lines, bits);
        }

        for (var word = 0; word < bits.Length; word++)
        {
            for (var rest = bits[word]; rest != 0; rest &= rest - 1)
            {
                var at = (word << 6) + BitOperations.TrailingZeroCount(rest);
                if (at < set.Purchase.Length)
                {
                    _queue.Add((set.Purchase[at], true));
                }
            }
        }

        JudgeQueue();
        foreach (var campaign in set.Counting)
        {
            var bought = Millionths(campaign.Bought!.Measure(lines, withQuantity: true, out _, out var quantity) ? quantity : 0m);
            if (bought > 0)
            {
                _tallies.Add(new(campaign.Id, TallyKind.Bought, day, bought));
                Note(campaign, CampaignRoles.Counted);
            }
        }

        foreach (var campaign in set.Stepped)
        {
            if (ConditionsOf(campaign) is null && Contribute(campaign, lines, 1))
            {
                Note(campaign, CampaignRoles.Progress);
                Complete(campaign);
            }
        }

        StampCards(baseAwards, tender);
        return _judged.Count + _tallies.Count + _done.Count == 0 ? null : Facts(new(purchase.Store, [.. _judged], [.. _donations], Credited()));
    }

    /// <summary>Judges an activity.</summary>
    /// <returns>Null: beside awards there is nothing to note.</returns>
    public CampaignFacts? Judge(MemberState state, TurnContext context, CampaignSet set, Activity activity, LocalDate day, string? level)
    {
        _set = set;
        Begin(state, context, set.Program, activity.At, day, activity.Store, activity.Channel, level);
        (_lines, _activity) = ([], activity);
        context.ForgetSkipped();
        foreach (var campaign in set.Activity.GetValueOrDefault(activity.Type) ?? [])
        {
            _queue.Add((campaign, true));
        }

        JudgeQueue();
        foreach (var campaign in set.SteppedByActivity.GetValueOrDefault(activity.Type) ?? [])
        {
            if (ConditionsOf(campaign) is null)
            {
                Contribute(campaign, activity.Type);
                Complete(campaign);
            }
        }

        StampCards([], null);
        return _donations.Count + _tallies.Count + _done.Count + _spends.Count == 0 && _credit == 0 ? null : Facts(null);
    }

    private void Begin(MemberState state, TurnContext context, ProgramDefinition program, Instant at, LocalDate day, string? store, string? channel, string? level)
    {
        (_state, _context, _program) = (state, context, program);
        (_at, _day, _store, _channel, _levelId) = (at, day, store, channel, level);
        _level = level is null ? 0 : _program.Tiers?.IndexOf(level) ?? 0;
        (_credit, _given, _local, _number) = (0, 0, null, -1);
        _queue.Clear();
        _cards.Clear();
        _groups.Clear();
        _awards.Clear();
        _donations.Clear();
        _judged.Clear();
        _tallies.Clear();
        _done.Clear();
        _stamps.Clear();
        _spends.Clear();
        _undone.Clear();
        _lots.Clear();
        _givenBack.Clear();
        _answered.Clear();
    }

    private CampaignFacts Facts(PurchaseCampaigns? left) => new()
    {
        Left = left,
        Donations = left is null ? [.. _donations] : left.Donations,
        Credit = Credited(),
        Tallies = [.. _tallies],
        Done = [.. _done],
        Stamps = [.. _stamps],
        Spends = [.. _spends],
    };

    private CreditedProgress? Credited() => _credit == 0 || _program.Tiers is not { } tiers ? null : new(tiers.Basis, _credit);

    private void JudgeQueue()
    {
        for (var i = 0; i < _queue.Count; i++)
        {
            var (campaign, isTriggered) = _queue[i];
            var reason = Judge(campaign, isTriggered);
            if (_context.Explain)
            {
                _answered.Add(campaign.Id);
                if (reason is not null)
                {
                    _context.Skipped.Add(new(campaign.Id, reason));
                }
            }
        }

        if (!_context.Explain)
        {
            return;
        }

        foreach (var campaign in _set.All)
        {
            if (campaign.Definition is { Gives.Count: > 0 } or { Card: not null } && !_answered.Contains(campaign.Id))
            {
                _context.Skipped.Add(new(campaign.Id, SkipReasons.NotTriggered));
            }
        }
    }

    /// <summary>Judges one campaign; null: it gave something, or it has nothing to give of its own.</summary>
    private string? Judge(CompiledCampaign campaign, bool isTriggered)
    {
        if (ConditionsOf(campaign) is { } reason)
        {
            return isTriggered ? reason : SkipReasons.NotTriggered;
        }

        if (!Matches(campaign, _lines, out var amount, out var quantity))
        {
            return isTriggered ? SkipReasons.NotInBasket : SkipReasons.NotTriggered;
        }

        var definition = campaign.Definition;
        if (isTriggered && definition.Card is not null)
        {
            _cards.Add(campaign);
        }

        if (definition.Gives.Count == 0)
        {
            return null;
        }

        var isShutOut = definition.Group is { } group && _groups.Contains(group);
        if (!Compute(campaign, amount, quantity))
        {
            return !isTriggered ? SkipReasons.NotTriggered : isShutOut ? SkipReasons.Exclusive : SkipReasons.NotInBasket;
        }

        if (!HasUse(campaign))
        {
            return !isTriggered ? SkipReasons.NotTriggered : isShutOut ? SkipReasons.Exclusive : SkipReasons.Cap;
        }

        var room = CapRoom(campaign);
        long spent = 0;
        var why = !isTriggered ? SkipReasons.NotTriggered
            : isShutOut ? SkipReasons.Exclusive
            : !Cut(campaign, room, definition.Caps?.WhenShortNone == true) || IsTooMuch(campaign) ? SkipReasons.Cap
            : definition.Budget is { } budget && !TakeBudget(campaign, budget, out spent) ? SkipReasons.Budget
            : null;
        if (why is not null && definition.Budget is not null)
        {
            // It gave nothing of its budget, so it gives nothing after a return either.
            return why;
        }

        var roles = CampaignRoles.Judged;
        if (why is null)
        {
            roles |= CampaignRoles.Gave | CampaignRoles.GaveThen;
            room = definition.Budget is { In: not BudgetMeasure.Uses } ? Counted(campaign) : room;
            List(campaign);
            CountForCaps(campaign, Counted(campaign), 1);
        }

        if (_activity is null)
        {
            _judged.Add(new(campaign.Id, definition.Version, roles, room, spent));
        }

        if (_set.Chained.TryGetValue(campaign.Id, out var followers))
        {
            foreach (var follower in followers)
            {
                _queue.Add((follower, why is null));
            }
        }

        return why;
    }

    private bool Matches(CompiledCampaign campaign, ReadOnlySpan<SaleLine> lines, out long amount, out decimal quantity)
    {
        if (_activity is null)
        {
            return campaign.What.Holds(lines, _total, campaign.NeedsQuantity, out amount, out quantity);
        }

        (amount, quantity) = (_activity.Amount ?? 0, _activity.Quantity ?? 0m);
        return campaign.What.Holds(amount, quantity);
    }

    /// <summary>What each give comes to, before caps and budget; false: nothing.</summary>
    private bool Compute(CompiledCampaign campaign, long amount, decimal quantity)
    {
        var any = campaign.TierCredit > 0 && _program.Tiers is not null;
        for (var i = 0; i < campaign.Gives.Length; i++)
        {
            _points[i] = campaign.PointsOf(i, amount, quantity, _level);
            any |= _points[i] > 0;
        }

        return any;
    }

    /// <summary>Points of the first give's unit.</summary>
    private long Counted(CompiledCampaign campaign)
    {
        long sum = 0;
        for (var i = 0; i < campaign.Gives.Length; i++)
        {
            sum += campaign.FirstUnit is not null && campaign.Units[i] == campaign.FirstUnit ? _points[i] : 0;
        }

        return sum;
    }

    /// <summary>Cuts what is given in the first give's unit, the last give first; false: nothing is to be given.</summary>
    private bool Cut(CompiledCampaign campaign, long room, bool none)
    {
        if (room == long.MaxValue)
        {
            return true;
        }

        var tooMuch = Counted(campaign) - room;
        if (tooMuch <= 0)
        {
            return true;
        }

        if (none || room <= 0)
        {
            return false;
        }

        for (var i = campaign.Gives.Length - 1; i >= 0 && tooMuch > 0; i--)
        {
            if (campaign.Units[i] == campaign.FirstUnit)
            {
                var cut = Math.Min(_points[i], tooMuch);
                _points[i] -= cut;
                tooMuch -= cut;
            }
        }

        return true;
    }

    private bool IsTooMuch(CompiledCampaign campaign)
    {
        var all = _given;
        for (var i = 0; i < campaign.Gives.Length; i++)
        {
            all += _points[i];
        }

        if (all <= MaxAwards)
        {
            return false;
        }

        for (var i = 0; i < campaign.Gives.Length; i++)
        {
            if (_points[i] > 0 && campaign.Units[i] is { } unit)
            {
                var sum = _points[i];
                foreach (var award in _awards)
                {
                    sum += award.Unit == unit ? award.Points : 0;
                }

                if (sum > MaxAwards)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Lists what the campaign gives.</summary>
    private void List(CompiledCampaign campaign)
    {
        var definition = campaign.Definition;
        for (var i = 0; i < campaign.Gives.Length; i++)
        {
            if (_points[i] == 0)
            {
                continue;
            }

            _given += _points[i];

            if (campaign.Gives[i] is CampaignGive.Donation donation)
            {
                Donate(definition.Rule, campaign.Units[i]!, donation.Cause, _points[i]);
            }
            else
            {
                Award(definition.Rule, campaign.Units[i]!, _points[i]);
            }
        }

        _credit += campaign.TierCredit;
        if (definition.Group is { } group)
        {
            _groups.Add(group);
        }
    }

    private void Award(string rule, string unit, long points)
    {
        for (var i = 0; i < _awards.Count; i++)
        {
            if (ReferenceEquals(_awards[i].Rule, rule) && _awards[i].Unit == unit)
            {
                _awards[i] = _awards[i] with { Points = _awards[i].Points + points };
                return;
            }
        }

        _awards.Add(new(rule, unit, points, IsTierBonus: true, LotOf(unit)));
    }

    /// <summary>Where points of a unit lie: worked out once, dates with months are dear.</summary>
    private LotId LotOf(string unit)
    {
        foreach (var (known, lot) in _lots)
        {
            if (ReferenceEquals(known, unit) || known == unit)
            {
                return lot;
            }
        }

        var made = MemberDecider.LotOf(_program.FindUnit(unit)!, _day);
        _lots.Add((unit, made));
        return made;
    }

    private void Donate(string rule, string unit, string cause, long points)
    {
        for (var i = 0; i < _donations.Count; i++)
        {
            if (_donations[i].Rule == rule && _donations[i].Unit == unit && _donations[i].Cause == cause)
            {
                _donations[i] = _donations[i] with { Points = _donations[i].Points + points };
                return;
            }
        }

        _donations.Add(new(rule, unit, cause, points));
    }

    /// <summary>Notes what the campaign was to the sale, beside what it gave.</summary>
    private void Note(CompiledCampaign campaign, CampaignRoles role)
    {
        for (var i = 0; i < _judged.Count; i++)
        {
            if (_judged[i].Campaign == campaign.Id && _judged[i].Version == campaign.Definition.Version)
            {
                _judged[i] = _judged[i] with { Roles = _judged[i].Roles | role };
                return;
            }
        }

        _judged.Add(new(campaign.Id, campaign.Definition.Version, role, long.MaxValue, 0));
    }

    private static long Millionths(decimal quantity) => (long)(Math.Min(quantity, 1_000_000_000_000m) * 1_000_000m);
}
