using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Simulator.Engine;

/// <summary>Members with a planted mistake: decides as they do, and then changes what was decided, in the state as in the events.</summary>
/// <param name="inner">The members.</param>
/// <param name="defects">Which mistakes.</param>
/// <param name="send">Takes messages that leave too early.</param>
internal sealed class MistakenMembers(MemberKind inner, Defects defects, Action<Command, Turn> send) : ActorKind
{
    public override string Name => inner.Name;

    public override object Create(string key) => new Box(inner.Create(key));

    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var box = (Box)state;
        box.Former = Written(box.Inner);
        inner.Apply(box.Inner, events);
    }

    public override void Prepare(object state, Command command, Turn turn) => inner.Prepare(((Box)state).Inner, command, turn);

    public override void Decide(object state, Command command, Turn turn)
    {
        var box = (Box)state;
        box.Former = Written(box.Inner);
        inner.Decide(box.Inner, command, turn);
        var facts = new List<MemberEvent>();
        var reader = new ByteReader(turn.Events.Written);
        while (!reader.AtEnd)
        {
            facts.Add(MemberCodec.Read(ref reader));
        }

        var changed = Changed(facts, (MemberState)box.Inner, turn.Now);
        if (changed is not null)
        {
            box.Inner = inner.ReadSnapshot(command.Target.Key, box.Former)!;
            turn.Events.Clear();
            turn.Measures.Clear();
            turn.EventCount = changed.Count;
            foreach (var fact in changed)
            {
                ((MemberState)box.Inner).Apply(fact);
                MemberCodec.Write(turn.Events, fact);
                MemberLedger.Post(fact, turn);
            }
        }

        if (defects.HasFlag(Defects.ForgottenRequestKey))
        {
            turn.Keys.Clear();
        }

        if (defects.HasFlag(Defects.WrongMeasure) && turn.Measures.Count > 2)
        {
            turn.Measures[0] = turn.Measures[0] with { Delta = turn.Measures[0].Delta + 1 };
        }

        if (defects.HasFlag(Defects.OutboxBeforeAppend) && turn.Effects.Count > 0)
        {
            send(command, turn);
        }
    }

    public override bool Replay(Command command, Runtime.ActorId actor, ReadOnlySpan<byte> events) => inner.Replay(command, actor, events);

    public override int Warm(object state) => inner.Warm(((Box)state).Inner);

    public override long WakeAtMs(object state, Instant now) => defects.HasFlag(Defects.NoWakeUp) ? 0 : inner.WakeAtMs(((Box)state).Inner, now);

    public override int EstimateBytes(object state) => inner.EstimateBytes(((Box)state).Inner);

    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        var box = (Box)state;
        if (defects.HasFlag(Defects.SnapshotBehind) && box.Former is { } former)
        {
            writer.Raw(former);
        }
        else
        {
            inner.WriteSnapshot(box.Inner, writer);
        }
    }

    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes) => inner.ReadSnapshot(key, bytes) is { } state ? new Box(state) : null;

    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger) => inner.Post(events, ledger);

    private byte[] Written(object state)
    {
        var writer = new ByteWriter();
        inner.WriteSnapshot(state, writer);
        return writer.Written.ToArray();
    }

    /// <summary>The facts with the mistake, or null: it shows nothing this time.</summary>
    private List<MemberEvent>? Changed(List<MemberEvent> facts, MemberState state, Instant now)
    {
        if (defects.HasFlag(Defects.ReturnKeepsTheTier) && facts.Exists(fact => fact is ReturnRecorded))
        {
            return facts.RemoveAll(fact => fact is TierChanged { Reason: TierChangeReason.Rejudged }) > 0 ? facts : null;
        }

        if (defects.HasFlag(Defects.DebtForgotten))
        {
            return Replace<ReturnRecorded>(facts, fact => Array.Exists(fact.Postings, posting => posting.Place == PostingPlace.Debt)
                ? fact with { Postings = Array.ConvertAll(fact.Postings, posting => posting.Place == PostingPlace.Debt ? posting with { Place = PostingPlace.WrittenOff } : posting) }
                : fact);
        }

        if (defects.HasFlag(Defects.TimeOutKeepsPoints))
        {
            return Replace<HoldReleased>(facts, fact => fact.End == HoldEnd.TimedOut ? fact with { Freed = [] } : fact);
        }

        if (defects.HasFlag(Defects.ExpiryIgnoresHolds) && facts.Count > 0)
        {
            var today = LocalDate.FromDateTime(now.ToDateTimeUtc());
            foreach (var hold in state.Holds?.Open ?? [])
            {
                var over = Array.FindAll(hold.Lots, lot => lot.Id.LastDay < today);
                if (over.Length > 0)
                {
                    return [.. facts, new HoldReleased(hold.Id, null, hold.Unit, hold.Lots, 0, HoldEnd.TimedOut, now, null, hold.Reward), new PointsLapsed(hold.Unit, over, now)];
                }
            }
        }

        return null;
    }

    private static List<MemberEvent>? Replace<T>(List<MemberEvent> facts, Func<T, T> change)
        where T : MemberEvent
    {
        var changed = facts.ConvertAll(fact => fact is T one ? change(one) : fact);
        return changed.SequenceEqual(facts, ReferenceEqualityComparer.Instance) ? null : changed;
    }

    private sealed class Box(object inner)
    {
        public object Inner { get; set; } = inner;

        /// <summary>The state before the last change, in its stored form.</summary>
        public byte[]? Former { get; set; }
    }
}
