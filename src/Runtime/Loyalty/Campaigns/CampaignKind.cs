using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Campaigns as actors: <see cref="CampaignDecider"/> behind the kernel.</summary>
/// <param name="programs">The program, and the campaigns that this process knows.</param>
public sealed class CampaignKind(ProgramSource programs) : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.CampaignKind;

    /// <inheritdoc />
    public override object Create(string key) => new CampaignState(key);

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ((CampaignState)state).Apply(CampaignCodec.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var campaign = (CampaignState)state;
        var raised = new List<CampaignEvent>(2);
        var decider = new CampaignDecider(campaign, turn.Now, raised);
        var revision = campaign.Revision;
        switch (command)
        {
            case CampaignCommand about:
                command.Reply = Decide(campaign, about, decider, turn.Now);
                break;
            case ChangeLease change:
                command.Reply = decider.Change(change.Purse, change.Holder, change.Message);
                break;
            case ReportLeases report:
                command.Reply = decider.Report(report.Holder, Array.ConvertAll(report.Reports, one => (one.Lease, one.Sequence, one.Spent))).ToArray();
                break;
            case SettleLease settle:
                command.Reply = Settle(campaign.Id, settle, decider, turn);
                break;
            case GetBudget budget:
                decider.BringUpToDate();
                command.Reply = campaign.Exists ? View(campaign, budget) : null;
                break;
            case WakeCommand:
                decider.BringUpToDate();
                break;
            default:
                throw new InvalidOperationException($"campaigns do not understand {command.GetType().Name}");
        }

        foreach (var fact in raised)
        {
            CampaignCodec.Write(turn.Events, fact);
        }

        turn.EventCount += raised.Count;
        if (campaign.Revision != revision)
        {
            turn.AddEffect(ActorIds.Campaigns, Stored(CampaignEntry.Of(campaign)));
        }
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => false;

    /// <inheritdoc />
    public override long WakeAtMs(object state, Instant now) => CampaignDecider.WakeAt((CampaignState)state)?.ToUnixTimeMilliseconds() ?? 0;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => ((CampaignState)state).EstimateBytes();

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer) => ((CampaignState)state).Write(writer);

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return CampaignState.ReadSnapshot(key, ref reader);
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
    }

    /// <summary>The key of a slot of a lease: whoever uses it, a purchase or the settlement, brings it, and only one can.</summary>
    internal static string SlotKey(string campaign, long lease, int slot) => $"{campaign}:{lease}:{slot}";

    private CampaignReply Decide(CampaignState campaign, CampaignCommand command, CampaignDecider decider, Instant now)
    {
        if (!campaign.Exists && command is not SaveCampaignDraft)
        {
            return new(null, [], null);
        }

        var program = programs.Current.At(now);
        var errors = new List<FieldError>();
        Refusal? refusal = null;
        switch (command)
        {
            case SaveCampaignDraft save:
                refusal = decider.SaveDraft(save.Json, save.Author, program, errors);
                break;
            case ApproveCampaign approve:
                refusal = decider.Approve(approve.Author);
                break;
            case PublishCampaign publish:
                refusal = decider.Publish(publish.Author, program, programs.Campaigns.Catalog, errors);
                break;
            case SetCampaignStatus set:
                refusal = decider.SetStatus(set.NewStatus, set.Author, set.Reason);
                break;
            default:
                decider.BringUpToDate();
                break;
        }

        return new(campaign.Exists ? View(campaign, now) : null, errors, refusal);
    }

    private static bool Settle(string campaign, SettleLease settle, CampaignDecider decider, Turn turn)
    {
        if (!decider.Settle(settle.Lease, settle.Spent))
        {
            return false;
        }

        foreach (var slot in settle.UnusedSlots)
        {
            turn.AddKey(KeyScopes.Lease, SlotKey(campaign, settle.Lease, slot), unique: true);
        }

        return true;
    }

    private static CampaignView View(CampaignState campaign, Instant now) => new(
        campaign.Id, CampaignEntry.NameOf(campaign), campaign.StatusAt(now), campaign.Revision, campaign.Draft,
        [.. campaign.Versions.Select(version => new CampaignVersionView(
            version.Definition.Version, version.Definition.From!.Value, version.Definition.Source, version.Author, version.ApprovedBy, version.At))],
        [.. campaign.Changes]);

    private static BudgetView View(CampaignState campaign, GetBudget asked)
    {
        var budget = campaign.Versions.Count > 0 ? campaign.Versions[^1].Definition.Budget : null;
        var purses = campaign.Purses
            .Where(pair => (asked.Store is null || pair.Key.Store == asked.Store) && (asked.Day is null || pair.Key.Start == asked.Day))
            .OrderByDescending(pair => pair.Key.Start).ThenBy(pair => pair.Key.Store, StringComparer.Ordinal)
            .Take(GetBudget.MaxPurses)
            .Select(pair => new PurseView(pair.Key, campaign.AmountOf(pair.Key), pair.Value.Spent, pair.Value.Leased, campaign.FreeOf(pair.Key)))
            .ToList();
        if (purses.Count == 0 && budget is { ByStore: false, Period: CampaignPeriod.Campaign } && asked is { Store: null, Day: null })
        {
            // Nothing was ever asked of it: all of it is free.
            purses.Add(new(PurseKey.Of(budget, "", default), budget.Amount, 0, 0, budget.Amount));
        }

        var leases = campaign.Leases.Values.Reverse().Take(GetBudget.MaxLeases)
            .Select(lease => new LeaseEntry(lease.Number, lease.Purse, lease.Holder, lease.Granted, lease.Spent, lease.Slots));
        return new(campaign.Id, budget, purses, [.. leases], campaign.FoldedThrough);
    }

    private static byte[] Stored(CampaignEntry entry)
    {
        var writer = new ByteWriter();
        CampaignEntry.Write(writer, entry);
        return writer.Written.ToArray();
    }
}
