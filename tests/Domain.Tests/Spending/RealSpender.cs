using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using NodaTime;

namespace Loyalty.Domain.Tests.Spending;

/// <summary>The real domain code with holds, redemptions and tender, driven as the kernel drives it.</summary>
internal sealed class RealSpender(ProgramCatalog programs)
{
    private readonly Dictionary<string, MemberEvent> _last = [];
    private readonly Dictionary<string, PurchaseState> _purchases = [];

    public MemberState State { get; private set; } = new("M1");

    public List<MemberEvent> Facts { get; } = [];

    public Balance Balance(Instant now) => MemberDecider.Balances(State, new(now, programs))[0];

    /// <summary>When it wants to be woken.</summary>
    public Instant? WakeAt(Instant now) => MemberDecider.WakeAt(State, programs.At(now));

    /// <summary>Does what was asked: a request, a <see cref="MemberStatus"/>, the decision of a reward, or nothing (null).</summary>
    public Refusal? Do(Instant now, object? asked, RewardDefinition? reward = null)
    {
        var raised = new List<MemberEvent>();
        var decider = new MemberDecider(State, new(now, programs), raised);
        Refusal? refusal = null;
        switch (asked)
        {
            case null: decider.BringUpToDate(); break;
            case Enrolment it: decider.Enrol(it, 1); break;
            case MemberStatus it: refusal = decider.SetStatus(it, "reason", "author"); break;
            case Purchase it: refusal = decider.Record(it); break;
            case Return it: refusal = decider.Record(it, it.Purchase is { } id && _purchases.TryGetValue(id, out var known) ? new(RecallResult.Mine, known) : new(RecallResult.Unknown, null)); break;
            case Adjustment it: refusal = decider.Record(it); break;
            case Hold it: refusal = decider.Record(it, reward); break;
            case Redemption it: refusal = decider.Record(it, reward); break;
            case HoldCommit it: refusal = decider.Record(it, Recall(it.Hold)); break;
            case HoldCancel it: refusal = decider.Record(it, Recall(it.Hold)); break;
            case Reversal it: refusal = decider.Record(it, Recall(it.Redemption)); break;
            case RewardDecision it: decider.DecideReward(it.Hold, it.Refusal); break;
        }

        foreach (var fact in raised)
        {
            switch (fact)
            {
                case HoldOpened e: _last[e.Hold] = e; break;
                case HoldCommitted e: _last[e.Hold] = e; break;
                case HoldReleased e: _last[e.Hold] = e; break;
                case PointsRedeemed e: _last[e.Request.Id] = e; break;
                case RedemptionReversed e: _last[e.After.Id] = e; break;
                case PurchaseRecorded e: _purchases[e.Purchase.Id] = PurchaseState.Of(e); break;
                case ReturnRecorded { After: { } after }: _purchases[after.Id] = after; break;
            }
        }

        Facts.AddRange(raised);
        return refusal;
    }

    public byte[] Snapshot()
    {
        var writer = new ByteWriter();
        MemberCodec.Write(writer, State);
        return writer.Written.ToArray();
    }

    /// <summary>Goes on with what its snapshot says.</summary>
    public void Reload() => State = MemberCodec.ReadSnapshot(State.Id, Snapshot())!;

    /// <summary>The snapshot of a member to which the facts are applied after they were written and read.</summary>
    public byte[] Replayed()
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

        writer.Clear();
        MemberCodec.Write(writer, state);
        return writer.Written.ToArray();
    }

    private RecalledSpending Recall(string id) => _last.TryGetValue(id, out var last) ? new(RecallResult.Mine, last) : new(RecallResult.NoPurchase, null);
}

/// <summary>What a reward says to a hold.</summary>
internal sealed record RewardDecision(string Hold, Refusal? Refusal);
