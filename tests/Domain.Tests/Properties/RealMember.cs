using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Tests.Model;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>What somebody asked of the engine at some time: a request, a <see cref="MemberStatus"/>, or null (woken).</summary>
internal sealed record Asked(Instant Now, object? Request);

/// <summary>The real domain code, driven as the kernel drives it.</summary>
internal sealed class RealMember(ProgramCatalog programs, CampaignCatalog? campaigns = null)
{
    private readonly PlainBudgets _budgets = new();
    private readonly Dictionary<string, PurchaseState> _purchases = [];
    private readonly HashSet<string> _refused = [];

    public MemberState State { get; private set; } = new("M1");

    public List<MemberEvent> Facts { get; } = [];

    public ProgramCatalog Programs => programs;

    public static RealMember Of(Plan plan) => new(Catalog(plan), new(plan.Campaigns.Select(Timeline)));

    private static CampaignTimeline Timeline(PlanCampaign campaign)
    {
        var errors = new List<FieldError>();
        var definition = CampaignParser.Parse(System.Text.Encoding.UTF8.GetBytes(campaign.ToJson().ToJsonString()), campaign.Id, 1, null, null, errors)
            ?? throw new InvalidOperationException($"{string.Join("; ", errors)} {campaign}");
        return new(campaign.Id, 1, [definition], [.. campaign.Pauses.Select(pause => new CampaignStatusChange(pause.At, pause.Paused ? CampaignStatus.Paused : CampaignStatus.Active))]);
    }

    public static ProgramCatalog Catalog(Plan plan)
    {
        var versions = new List<ProgramDefinition>();
        foreach (var version in plan.Versions)
        {
            versions.Add(Parsed(version.ToJson(plan.Zone), versions.Count + 1, versions.LastOrDefault()));
        }

        return new(versions);
    }

    public static ProgramDefinition Parsed(byte[] json, int version = 1, ProgramDefinition? previous = null)
    {
        var errors = new List<FieldError>();
        return ProgramParser.Parse(json, version, Instant.FromUtc(2000, 1, 1, 0, 0), previous, errors)
            ?? throw new InvalidOperationException(string.Join("; ", errors) + System.Text.Encoding.UTF8.GetString(json));
    }

    public TurnContext At(Instant now) => new(now, programs) { Campaigns = campaigns ?? CampaignCatalog.Empty, Budgets = _budgets, Explain = true };

    /// <summary>Why campaigns gave nothing to the last purchase or activity.</summary>
    public List<SkippedCampaign> Skipped { get; private set; } = [];

    /// <summary>What the member has had of a purse.</summary>
    public long SpentOf(BudgetPurse purse) => _budgets.Spent(purse);

    /// <summary>Does what was asked; the facts it raised and the refusal.</summary>
    public (Refusal? Refusal, List<MemberEvent> Raised) Do(Asked asked)
    {
        var raised = new List<MemberEvent>();
        var context = At(asked.Now);
        var decider = new MemberDecider(State, context, raised);
        Refusal? refusal = null;
        _budgets.Foresee(Needs(asked, context));
        switch (asked.Request)
        {
            case null:
                decider.BringUpToDate();
                break;
            case Enrolment enrolment:
                decider.Enrol(enrolment, 1);
                decider.Answer();
                break;
            case MemberStatus status:
                refusal = decider.SetStatus(status, "reason", "author");
                break;
            case Purchase purchase:
                refusal = decider.Record(purchase);
                Skipped = [.. context.Skipped];
                Finish(decider, purchase.Id, refusal);
                break;
            case Activity activity:
                refusal = decider.Record(activity, isFriendKnown: false);
                Skipped = [.. context.Skipped];
                Finish(decider, activity.Id, refusal);
                break;
            case MemberAttributes attributes:
                refusal = decider.SetAttributes(attributes);
                break;
            case Return back:
                refusal = decider.Record(back, Recall(back.Purchase));
                Finish(decider, back.Id, refusal);
                break;
            case Adjustment adjustment:
                refusal = decider.Record(adjustment);
                Finish(decider, adjustment.Id, refusal);
                break;
        }

        foreach (var fact in raised)
        {
            if (fact is PurchaseRecorded recorded)
            {
                _purchases[recorded.Purchase.Id] = PurchaseState.Of(recorded);
            }
            else if (fact is ReturnRecorded { After: { } after })
            {
                _purchases[after.Id] = after;
            }
            else if (fact is RequestRefused refused)
            {
                _refused.Add(refused.RequestId);
            }
        }

        Facts.AddRange(raised);
        return (refusal, raised);
    }

    /// <summary>What is set aside for the decision before it is made.</summary>
    private List<BudgetNeed> Needs(Asked asked, TurnContext context)
    {
        var needs = new List<BudgetNeed>();
        var joins = State.Status == MemberStatus.Unknown;
        switch (asked.Request)
        {
            case Enrolment enrolment:
                BudgetNeeds.OfJoining(context, enrolment.EnrolledAt ?? asked.Now, needs);
                break;
            case Purchase purchase:
                BudgetNeeds.Of(context, purchase, joins, needs);
                break;
            case Activity activity:
                BudgetNeeds.Of(context, activity, joins, needs);
                break;
            case Return back when Recall(back.Purchase).State is { } purchase:
                if (!BudgetNeeds.Of(context, purchase, needs))
                {
                    throw new InvalidOperationException("a campaign is not known");
                }

                break;
        }

        return needs;
    }

    private static void Finish(MemberDecider decider, string id, Refusal? refusal)
    {
        if (refusal is not null)
        {
            decider.Refuse(id, 7, refusal);
        }

        decider.Answer();
    }

    /// <summary>What the kernel finds under the id.</summary>
    public RecalledPurchase Recall(string? id) =>
        id is null ? new(RecallResult.Unknown, null)
        : id == "foreign" ? new(RecallResult.Foreign, null)
        : _refused.Contains(id) ? new(RecallResult.NoPurchase, null)
        : _purchases.TryGetValue(id, out var known) ? new(RecallResult.Mine, known)
        : new(RecallResult.Unknown, null);

    public bool WasRefused(string id) => _refused.Contains(id);

    public byte[] Snapshot() => SnapshotOf(State);

    public static byte[] SnapshotOf(MemberState state)
    {
        var writer = new ByteWriter();
        MemberCodec.Write(writer, state);
        return writer.Written.ToArray();
    }

    /// <summary>The same member, as read from its snapshot.</summary>
    public MemberState Copy() => MemberCodec.ReadSnapshot(State.Id, Snapshot())!;

    /// <summary>Goes on with the snapshot of another.</summary>
    public RealMember Fork()
    {
        var fork = new RealMember(programs, campaigns) { State = Copy() };
        foreach (var (id, purchase) in _purchases)
        {
            fork._purchases[id] = purchase;
        }

        fork._refused.UnionWith(_refused);
        fork.Facts.AddRange(Facts);
        return fork;
    }

    /// <summary>A fresh member to which the facts are applied after they were written and read.</summary>
    public MemberState Replayed()
    {
        var writer = new ByteWriter();
        foreach (var fact in Facts)
        {
            MemberCodec.Write(writer, fact);
        }

        var state = new MemberState(State.Id);
        var reader = new ByteReader(writer.Written);
        while (!reader.AtEnd)
        {
            state.Apply(MemberCodec.Read(ref reader));
        }

        return state;
    }
}

/// <summary>The budgets of one process that has all of them. Decisions may only touch what was foreseen for them.</summary>
internal sealed class PlainBudgets : IBudgets
{
    private readonly Dictionary<BudgetPurse, long> _spent = [];
    private readonly Dictionary<(string, PurseKey), long> _foreseen = [];

    public void Foresee(List<BudgetNeed> needs)
    {
        _foreseen.Clear();
        foreach (var need in needs)
        {
            _foreseen.Add((need.Campaign, need.Purse), need.Amount);
        }
    }

    public long Spent(BudgetPurse purse) => _spent.GetValueOrDefault(purse);

    public long Look(CampaignBudget budget, BudgetPurse purse) => Math.Max(0, budget.Amount - Spent(purse));

    public long Take(CampaignBudget budget, BudgetPurse purse, long wanted, bool all, out long lease)
    {
        var there = Look(budget, purse);
        var taken = there >= wanted ? wanted : all ? 0 : there;
        (_spent[purse], lease) = (Spent(purse) + taken, taken > 0 ? 1 : 0);
        var key = (purse.Campaign, PurseKey.Of(budget, purse));
        if (wanted > 0 && (!_foreseen.ContainsKey(key) || (_foreseen[key] -= taken) < 0))
        {
            throw new InvalidOperationException($"{taken} of {wanted} are taken from {purse}, and {_foreseen.GetValueOrDefault(key) + taken} were foreseen");
        }

        return taken;
    }

    public long GiveBack(CampaignBudget budget, BudgetPurse purse, long amount)
    {
        if (!_foreseen.ContainsKey((purse.Campaign, PurseKey.Of(budget, purse))))
        {
            throw new InvalidOperationException($"{purse} is given back {amount}, which was not foreseen");
        }

        _spent[purse] = Spent(purse) - amount;
        return _spent[purse] >= 0 ? 1 : throw new InvalidOperationException($"{purse} is given back more than was taken");
    }
}
