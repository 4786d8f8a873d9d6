using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Runtime.Backtests;

/// <summary>Decides the past of some members once more with one draft in force. One thread at a time.</summary>
internal sealed class DraftReplay(Backtest question, CampaignDefinition draft, CampaignCatalog catalog, TrialBudgets? budgets, IReadOnlySet<UInt128> returned)
{
    private readonly Dictionary<string, Past> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Bought> _bought = new(StringComparer.Ordinal);
    private readonly List<MemberEvent> _raised = [];
    private TurnContext? _context;

    public DraftTally Tally { get; } = new(draft);

    /// <summary>Own time of the earliest sale that was seen.</summary>
    public Instant Earliest { get; private set; } = Instant.MaxValue;

    public long Purchases { get; private set; }

    public long Returns { get; private set; }

    public long Activities { get; private set; }

    /// <summary>Decides one request, or takes over a fact that no campaign changes.</summary>
    public void Take(string member, Instant decidedAt, MemberEvent fact)
    {
        if (!_members.TryGetValue(member, out var past))
        {
            _members[member] = past = new(member);
        }

        if (_context is null || _context.Now != decidedAt)
        {
            _context = new(decidedAt, question.Programs) { Campaigns = catalog, Budgets = (IBudgets?)budgets ?? UnlimitedBudgets.Instance };
        }

        _raised.Clear();
        var decider = new MemberDecider(past.State, _context, _raised);
        switch (fact)
        {
            case PurchaseRecorded e:
                Earliest = Instant.Min(Earliest, e.Purchase.At);
                SetTime(e.Purchase.At);
                Check(decider.Record(e.Purchase), e.Purchase.At);
                break;
            case ReturnRecorded { Waited: false } e:
                Return(decider, e.Return);
                break;
            case ReturnWaits e:
                Return(decider, e.Return);
                break;
            case ActivityRecorded { Activity.Type: not Activity.SignUp } e:
                // Sign-ups are the decider's own doing: it makes them again when the member joins.
                SetTime(e.Activity.At);
                Check(decider.Record(e.Activity, isFriendKnown: false), e.Activity.At);
                break;
            case AttributesSet e:
                Check(decider.SetAttributes(e.Attributes), decidedAt);
                break;
            case PointsAdjusted e:
                Check(decider.Record(e.Adjustment), decidedAt);
                break;
            case StatusChanged e:
                Check(decider.SetStatus(e.Status, e.Reason, e.Author), decidedAt);
                break;
            case MemberEnrolled { Automatic: false } e:
                SetTime(e.At);
                decider.Enrol(new() { Id = member, EnrolledAt = e.At, AlternativeIds = e.AlternativeIds }, e.Fingerprint);
                break;
        }

        foreach (var raised in _raised)
        {
            Count(past, raised);
        }
    }

    /// <summary>Closes the account of all members.</summary>
    /// <param name="earliest">Own time of the earliest sale that any worker saw.</param>
    public void CountMembers(Instant earliest)
    {
        var span = question.Until - question.From;
        foreach (var past in _members.Values)
        {
            if (past.Net is not { } net)
            {
                continue;
            }

            var reach = question.From - Instant.Max(earliest, past.State.EnrolledAt);
            long? usual = reach < Duration.FromDays(7) ? null
                : reach >= span ? past.Before
                : (long)Math.Round(past.Before * (span / reach), MidpointRounding.ToEven);
            Tally.AddMember(net, usual, past.Actual);
        }

        _members.Clear();
        _bought.Clear();
    }

    private void Return(MemberDecider decider, Return request)
    {
        SetTime(request.At);
        var recalled = request.Purchase is null ? default
            : _bought.TryGetValue(request.Purchase, out var bought) ? new RecalledPurchase(RecallResult.Mine, bought.State)
            : new(RecallResult.Unknown, null);
        Check(decider.Record(request, recalled), request.At);
    }

    private void SetTime(Instant at)
    {
        if (budgets is not null)
        {
            budgets.At = at;
        }
    }

    private void Check(Refusal? refusal, Instant at)
    {
        if (refusal is not null && IsInPeriod(at))
        {
            Tally.NotReplayed++;
        }
    }

    private bool IsInPeriod(Instant at) => at >= question.From && at < question.Until;

    private void Count(Past past, MemberEvent fact)
    {
        switch (fact)
        {
            case PurchaseRecorded { Purchase: var purchase } e:
                Spend(past, purchase.At, MemberState.Sum(purchase.Lines));
                if (returned.Contains(BacktestRun.KeyOf(purchase.Id)))
                {
                    _bought[purchase.Id] = new(PurchaseState.Of(e), purchase.At, purchase.Store);
                }

                if (IsInPeriod(purchase.At))
                {
                    Purchases++;
                    Give(past, e.Awards, e.Day, e.Tier, purchase.Store);
                }

                break;
            case ActivityRecorded { Activity: var activity } e when IsInPeriod(activity.At):
                Activities++;
                Give(past, e.Awards, e.Day, past.State.Tier.Level, activity.Store);
                break;
            case ReturnRecorded { After: { } after } e when _bought.TryGetValue(after.Id, out var bought):
                _bought[after.Id] = bought with { State = after };
                Spend(past, bought.At, -e.Spend);
                Returns += IsInPeriod(e.Return.At) ? 1 : 0;
                if (IsInPeriod(bought.At))
                {
                    foreach (var take in e.Takes)
                    {
                        if (Tally.IsMine(take.Rule))
                        {
                            Tally.Add(take.Unit, -take.Points, after.Day, after.Tier, bought.Store);
                            past.Add(take.Unit, -take.Points);
                        }
                    }
                }

                break;
            case ReturnRecorded e:
                Spend(past, e.Return.At, -e.Spend);
                Returns += IsInPeriod(e.Return.At) ? 1 : 0;
                break;
        }
    }

    private void Give(Past past, Award[] awards, LocalDate day, string? tier, string? store)
    {
        var counted = false;
        foreach (ref readonly var award in awards.AsSpan())
        {
            if (!Tally.IsMine(award.Rule))
            {
                continue;
            }

            if (!counted)
            {
                Tally.CountRequest(day, tier, store);
                counted = true;
            }

            Tally.Add(award.Unit, award.Points, day, tier, store);
            past.Add(award.Unit, award.Points);
        }
    }

    private void Spend(Past past, Instant at, long amount)
    {
        if (IsInPeriod(at))
        {
            past.Actual += amount;
        }
        else if (at < question.From && at >= question.From - (question.Until - question.From))
        {
            past.Before += amount;
        }
    }

    private readonly record struct Bought(PurchaseState State, Instant At, string Store);

    private sealed class Past(string id)
    {
        public MemberState State { get; } = new(id);

        /// <summary>What is left of the draft's points, by unit; null: it never gave any.</summary>
        public Dictionary<string, long>? Net { get; private set; }

        public long Before { get; set; }

        public long Actual { get; set; }

        public void Add(string unit, long points)
        {
            Net ??= new(1, StringComparer.Ordinal);
            Net[unit] = Net.GetValueOrDefault(unit) + points;
        }
    }
}
