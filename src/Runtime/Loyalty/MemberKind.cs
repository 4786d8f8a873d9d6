using Loyalty.Domain.Directory;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Sales;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Members as actors: <see cref="MemberDecider"/> behind the kernel.</summary>
public sealed partial class MemberKind(ProgramSource programs) : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.MemberKind;

    /// <inheritdoc />
    public override object Create(string key) => new MemberState(key);

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ((MemberState)state).Apply(MemberCodec.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var member = (MemberState)state;
        var context = programs.ContextOf(turn);
        context = Explains(command) ? context with { Explain = true } : context;
        var raised = Raised(turn);
        raised.Clear();
        var decider = new MemberDecider(member, context, raised);
        switch (command)
        {
            case RequestCommand request:
                command.Reply = Decide(member, request, decider, context, raised, turn);
                break;
            case GetMember:
                decider.BringUpToDate();
                command.Reply = new MemberReply(View(member, context) is { } view ? view with { Version = turn.Version + raised.Count } : null, null);
                break;
            case WakeCommand:
                decider.BringUpToDate();
                break;
            case GetHouseholdAsk ask:
                decider.BringUpToDate();
                command.Reply = Households.View(member, ask);
                break;
            case GetTransfer transfer:
                decider.BringUpToDate();
                command.Reply = Transfers.View(member, transfer);
                break;
            case GetHold hold:
                decider.BringUpToDate();
                command.Reply = Spendings.View(member, hold);
                break;
            case ListHolds:
                decider.BringUpToDate();
                command.Reply = Spendings.List(member);
                break;
            case StepCommand step:
                command.Reply = Exchanges.Do(step, decider, turn);
                break;
            case EffectCommand effect:
                if (!Transfers.Decide(decider, effect, turn) && !Households.Decide(decider, effect))
                {
                    MemberMessages.Decide(decider, effect);
                }

                break;
            case EnrolMember enrol:
                command.Reply = Enrol(member, enrol.Enrolment, decider, context, turn);
                break;
            case ChangeStatus change:
                command.Reply = Change(member, change, decider, context, turn);
                break;
            case ReplaceAlternativeIds replace:
                command.Reply = Replace(member, replace.AlternativeIds, decider, context, turn);
                break;
            default:
                if (!DecideCampaigns(member, command, decider, context, turn))
                {
                    throw new InvalidOperationException($"members do not understand {command.GetType().Name}");
                }

                break;
        }

        if (context.Budgets is TurnBudgets budgets && budgets.HasUses(command))
        {
            budgets.Finish(BudgetFacts.Of(raised));
        }

        foreach (var fact in raised)
        {
            MemberCodec.Write(turn.Events, fact);
            MemberLedger.Post(fact, turn);
            AddCampaignKeys(fact, turn);
            Spendings.AddTo(turn, fact);
            Transfers.AddTo(turn, fact);
            Households.AddTo(turn, fact);
        }

        turn.EventCount += raised.Count;
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events)
    {
        object? fact = null;
        Request? recorded = null;
        RequestRefused? refused = null;
        RequestAnswered? answer = null;
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var stored = MemberCodec.Read(ref reader);
            Request? request = stored switch
            {
                PurchaseRecorded e => e.Purchase,
                ReturnRecorded e => e.Return,
                ReturnWaits e => e.Return,
                PointsAdjusted e => e.Adjustment,
                MemberImported e => e.Request,
                ActivityRecorded e => e.Activity,
                _ => Spendings.RequestOf(stored) ?? Transfers.RequestOf(stored) ?? Households.RequestOf(stored),
            };
            if (request?.Id == command.RequestId)
            {
                (fact, recorded) = (stored, request);
            }

            refused = stored is RequestRefused r && r.RequestId == command.RequestId ? r : refused;
            answer = stored as RequestAnswered ?? answer;
        }

        if (command is StepCommand step)
        {
            command.Reply = Exchanges.Replay(step, events);
            return command.Reply is not null;
        }

        command.Reply = Outcomes.Replay((RequestCommand)command, actor, fact, recorded, refused, answer);
        return command.Reply is not null;
    }

    /// <inheritdoc />
    public override int Warm(object state) => ((MemberState)state).Warm();

    /// <inheritdoc />
    public override long WakeAtMs(object state, Instant now) =>
        programs.IsLoaded && MemberDecider.WakeAt((MemberState)state, programs.Current.At(now)) is { } at ? at.ToUnixTimeMilliseconds() : 0;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => ((MemberState)state).EstimateBytes();

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer) => MemberCodec.Write(writer, (MemberState)state);

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes) => MemberCodec.ReadSnapshot(key, bytes);

    /// <inheritdoc />
    public override IReadOnlyList<object> ReadFacts(ReadOnlySpan<byte> events)
    {
        var facts = new List<object>();
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            facts.Add(MemberCodec.Read(ref reader));
        }

        return facts;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            MemberLedger.Post(MemberCodec.Read(ref reader), ledger);
        }
    }

    private static RequestOutcome Decide(
        MemberState member, RequestCommand command, MemberDecider decider, TurnContext context, List<MemberEvent> raised, Turn turn)
    {
        if (member.Status == MemberStatus.Unknown && command is not ImportMember && (command is AdjustPoints or SpendingCommand or TransferPoints or AskHousehold || !context.Program.EnrolUnknownMembers))
        {
            return new(OutcomeKind.UnknownMember, null, null, null, false);
        }

        var request = command.Request;
        RequestOutcome? unknown = null;
        var refusal = command switch
        {
            SpendingCommand spending => Spendings.Decide(member, spending, decider, out unknown),
            RecordPurchase purchase => decider.Record(purchase.Purchase),
            RecordReturn returned => decider.Record(returned.Return, returned.ReadRecalled()),
            RecordActivity activity => decider.Record(activity.Activity, IsFriendKnown(activity)),
            AdjustPoints adjustment => decider.Record(adjustment.Adjustment),
            ImportMember import => decider.Record(import.Import, Fingerprint.Of(import.Import)),
            TransferPoints transfer => decider.Record(transfer.Transfer),
            AskHousehold household => decider.Record(household.Ask),
            _ => throw new InvalidOperationException($"members do not understand {command.GetType().Name}"),
        };
        if (unknown is not null)
        {
            return unknown;
        }

        turn.AddKey(KeyScopes.Request, request.Id, unique: true);
        if (refusal is not null)
        {
            decider.Refuse(request.Id, Fingerprint.Of(request), refusal);
            return new(OutcomeKind.Refused, null, null, refusal, false);
        }

        object? fact = null;
        foreach (var one in raised)
        {
            switch (one)
            {
                case PurchaseRecorded or PointsAdjusted or ReturnWaits or MemberImported:
                    fact = one;
                    break;
                case ReturnRecorded returned:
                    fact ??= one;
                    if (returned.After is not null)
                    {
                        turn.AddKey(KeyScopes.Left, returned.Return.Purchase!, unique: false);
                    }

                    break;
                case ActivityRecorded activity:
                    fact ??= ReferenceEquals(activity.Activity, request) ? one : fact;
                    break;
                default:
                    fact = ReferenceEquals(Spendings.RequestOf(one) ?? Transfers.RequestOf(one) ?? Households.RequestOf(one), request) ? one : fact;
                    break;
            }
        }

        return new(OutcomeKind.Recorded, fact, decider.Answer(), null, false) { Skipped = context.Explain ? [.. context.Skipped] : null };
    }

    private static MemberReply Enrol(MemberState member, Enrolment enrolment, MemberDecider decider, TurnContext context, Turn turn)
    {
        var fingerprint = Fingerprint.Of(enrolment);
        if (member.Status != MemberStatus.Unknown && !member.IsAutomatic)
        {
            return member.EnrolmentFingerprint == fingerprint
                ? new(View(member, context), null, Replayed: true)
                : new(null, new("conflict", "id", $"member {member.Id} is enrolled already, with other content"));
        }

        if (member.Status is MemberStatus.Blocked or MemberStatus.Closed)
        {
            return new(null, new(member.Status == MemberStatus.Blocked ? "member-blocked" : "member-closed", "id", $"member {member.Id} is {member.Status}"));
        }

        if (enrolment.EnrolledAt is { } at && at > context.Now + context.Program.ClockSkew)
        {
            return new(null, new("in-the-future", "enrolledAt", $"is {at}; the engine's clock says {context.Now}"));
        }

        // A sale had enrolled it, and it was given ids since: only those of the enrolment stay.
        var former = member.AlternativeIds;
        decider.Enrol(enrolment, fingerprint);
        Release(member.Id, former.Except(enrolment.AlternativeIds), turn);
        decider.BringUpToDate();
        return new(View(member, context), null);
    }

    private static MemberReply Change(MemberState member, ChangeStatus change, MemberDecider decider, TurnContext context, Turn turn)
    {
        if (member.Status == MemberStatus.Unknown)
        {
            return new(null, null);
        }

        var before = member.Status;
        if (change.NewStatus == MemberStatus.Closed && before == MemberStatus.Closed)
        {
            return new(View(member, context), null, Replayed: true);
        }

        var alternativeIds = member.AlternativeIds;
        var refusal = decider.SetStatus(change.NewStatus, change.Reason, change.Author);
        if (refusal is null && change.NewStatus == MemberStatus.Closed && before != MemberStatus.Closed)
        {
            Release(member.Id, alternativeIds, turn);
        }

        return new(View(member, context), refusal, Replayed: refusal is null && before == change.NewStatus);
    }

    private static MemberReply Replace(MemberState member, AlternativeId[] ids, MemberDecider decider, TurnContext context, Turn turn)
    {
        if (member.Status is MemberStatus.Unknown)
        {
            return new(null, null);
        }

        if (member.Status == MemberStatus.Closed)
        {
            return new(null, new("member-closed", "", $"member {member.Id} is closed"));
        }

        var former = member.AlternativeIds;
        if (former.SequenceEqual(ids))
        {
            return new(View(member, context), null, Replayed: true);
        }

        decider.ReplaceAlternativeIds(ids);
        Release(member.Id, former.Except(ids), turn);
        return new(View(member, context), null);
    }

    private static void Release(string member, IEnumerable<AlternativeId> ids, Turn turn)
    {
        foreach (var id in ids)
        {
            turn.AddEffect(ActorIds.Directory(id), DirectoryKind.ReleaseMessage(member, turn.Version));
        }
    }

    private static MemberView? View(MemberState member, TurnContext context)
    {
        if (member.Status == MemberStatus.Unknown)
        {
            return null;
        }

        TierView? tier = null;
        if (context.Program.Tiers is { } tiers)
        {
            var index = tiers.IndexOf(member.Tier.Level);
            var next = index < tiers.Levels.Count ? tiers.Levels[index] : null;
            tier = new(
                index == 0 ? null : member.Tier.Level, index == 0 ? null : member.Tier.Since, index == 0 ? null : member.Tier.Through,
                char.ToLowerInvariant(tiers.Basis.ToString()[0]) + tiers.Basis.ToString()[1..],
                member.History.Ladder(tiers, member.EnrolledOn).ProgressOn(context.Today), next?.Id, next?.Threshold);
        }

        var calendar = context.Program.Calendar;
        var lots = new List<LotView>();
        foreach (var book in member.Books)
        {
            // An answer stays small whatever the member has: the first lots to lapse are the ones people ask about.
            foreach (var lot in book.Lots[..Math.Min(book.Lots.Length, 100)])
            {
                lots.Add(new(book.Unit, lot.Points, lot.Id, lot.Id.LastDay is { } last ? calendar.StartOf(last.PlusDays(1)) : null));
            }
        }

        return new(
            member.Id, member.Status, member.EnrolledAt, member.AlternativeIds, tier, MemberDecider.Balances(member, context), lots,
            Array.ConvertAll(member.Waiting.ToArray(), waiting => waiting.Id), member.Purchases, member.Returns, member.Spend, 0);
    }

    private static List<MemberEvent> Raised(Turn turn)
    {
        if (!turn.Cache.TryGetValue(typeof(List<MemberEvent>), out var cached))
        {
            turn.Cache[typeof(List<MemberEvent>)] = cached = new List<MemberEvent>();
        }

        return (List<MemberEvent>)cached;
    }
}

/// <summary>Answers to requests that came before.</summary>
internal static class Outcomes
{
    /// <summary>What to say to a request whose id has a record: what was said then, or that the contents differ. Null: the record is not about the id.</summary>
    public static RequestOutcome? Replay(
        RequestCommand command, ActorId actor, object? fact, Request? recorded, RequestRefused? refused, RequestAnswered? answer)
    {
        if (recorded is null && refused is null)
        {
            return null;
        }

        var fingerprint = recorded is null ? refused!.Fingerprint : Fingerprint.Of(recorded);
        if (fingerprint != Fingerprint.Of(command.Request))
        {
            var what = recorded switch
            {
                Purchase => "a purchase", Return => "a return", Adjustment => "an adjustment", Hold => "a hold", Redemption => "a redemption", HoldCommit => "a commit",
                HoldCancel => "a cancellation", Activity => "an activity", Reversal => "a reversal", Transfer => "a transfer", HouseholdRequest => "a request to a household", ExchangeRequest => "an exchange", PoolFunding => "a funding of a pool", StockChange => "a change of stock", not null => "a request", _ => "a request that was refused",
            };
            var whose = actor.Kind == ActorIds.MemberKind ? $"of member {actor.Key}" : "without member";
            return new(
                OutcomeKind.Conflict, null, null,
                new("conflict", "id", $"'{command.RequestId}' names {what} {whose} with other content; nothing was changed. A new request needs an id of its own"), false);
        }

        return refused is null
            ? new(OutcomeKind.Recorded, fact, answer, null, Replayed: true)
            : new(OutcomeKind.Refused, null, null, refused.Refusal, Replayed: true);
    }
}

/// <summary>Reads what a return's purchase has come to from the record that the kernel found.</summary>
internal static class Recalls
{
    /// <summary>For the actor that decides.</summary>
    public static RecalledPurchase Of(RecordReturn command, ActorId actor)
    {
        if (command.Recalled is not { } record)
        {
            return new(RecallResult.Unknown, null);
        }

        PurchaseState? state = null;
        var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
        while (!reader.AtEnd)
        {
            state = record.Actor.Kind switch
            {
                ActorIds.MemberKind => MemberCodec.Read(ref reader) switch
                {
                    PurchaseRecorded purchase when purchase.Purchase.Id == command.RecallId => PurchaseState.Of(purchase),
                    ReturnRecorded { After: { } after } when after.Id == command.RecallId => after,
                    _ => state,
                },
                ActorIds.SalesKind => SalesCodec.Read(ref reader) switch
                {
                    SaleCounted sale when sale.Purchase.Id == command.RecallId => new(sale.Purchase.Id, default, 1, null, sale.Purchase.Lines, []),
                    SaleReturned { After: { } after } when after.Id == command.RecallId => after,
                    _ => state,
                },
                _ => throw new InvalidOperationException($"no purchases are kept by {record.Actor}"),
            };
        }

        return state is null
            ? new(RecallResult.NoPurchase, null)
            : record.Actor == actor ? new(RecallResult.Mine, state) : new(RecallResult.Foreign, null);
    }
}
