using Loyalty.Domain.Encoding;
using Loyalty.Domain.Households;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Households as actors: <see cref="HouseholdDecider"/> behind the kernel. All that changes them comes from members as effects.</summary>
public sealed class HouseholdKind(ProgramSource programs) : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.HouseholdKind;

    /// <inheritdoc />
    public override object Create(string key) => new HouseholdState();

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ((HouseholdState)state).Apply(HouseholdState.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var household = (HouseholdState)state;
        var context = programs.ContextOf(turn);
        var raised = new List<HouseholdEvent>();
        var decider = new HouseholdDecider(household, context, raised);
        switch (command)
        {
            case EffectCommand effect:
                Households.Decide(decider, effect, turn);
                break;
            case GetHousehold:
                decider.BringUpToDate();
                command.Reply = View(command.Target.Key, household, context);
                break;
            case WakeCommand:
                decider.BringUpToDate();
                break;
            default:
                throw new InvalidOperationException($"households do not understand {command.GetType().Name}");
        }

        foreach (var fact in raised)
        {
            HouseholdState.Write(turn.Events, fact);
            HouseholdState.Post(fact, turn);
        }

        turn.EventCount += raised.Count;
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => false;

    /// <inheritdoc />
    public override long WakeAtMs(object state, Instant now) => programs.IsLoaded && ((HouseholdState)state).FirstLapse() is { } day
        ? programs.Current.At(now).Calendar.StartOf(day).ToUnixTimeMilliseconds()
        : 0;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => ((HouseholdState)state).EstimateBytes();

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer) => ((HouseholdState)state).WriteSnapshot(writer);

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes) => HouseholdState.ReadSnapshot(bytes);

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            HouseholdState.Post(HouseholdState.Read(ref reader), ledger);
        }
    }

    private static HouseholdView View(string id, HouseholdState household, TurnContext context) => new(
        id, [.. household.Members], [.. household.Pool.Select(book => new Balance(book.Unit, book.InLots - book.Pending(context.Today), book.Pending(context.Today), 0))]);
}

/// <summary>What members and households send each other: effects with a key of their own, so that each step is decided once.</summary>
internal static class Households
{
    private enum Message : byte
    {
        Asked = 1,
        Shared = 2,
    }

    /// <summary>The request that a fact records, or null.</summary>
    public static Request? RequestOf(MemberEvent fact) => (fact as HouseholdAsked)?.Request;

    /// <summary>Keys by which an answer is found, and what has to be sent.</summary>
    public static void AddTo(Turn turn, MemberEvent fact)
    {
        var writer = new ByteWriter();
        switch (fact)
        {
            case HouseholdAsked e:
                writer.Byte((byte)Message.Asked);
                HouseholdRequestCodec.Write(writer, e.Request);
                MemberCodec.WriteLots(writer, e.Lots);
                writer.Count(e.Debts.Length);
                foreach (var (unit, points) in e.Debts)
                {
                    writer.Text(unit);
                    writer.VarInt(points);
                }

                turn.AddEffect(ActorIds.Household(e.Request.Household), writer.Written.ToArray(), $"household:{e.Request.Id}");
                break;
            case EarningsShared e:
                writer.Byte((byte)Message.Shared);
                writer.Text(e.Unit);
                MemberCodec.WriteLots(writer, e.Lots);
                turn.AddEffect(ActorIds.Household(e.Household), writer.Written.ToArray(), $"share:{e.Unit}:{e.Purchase}");
                break;
            case HouseholdAnswered e:
                turn.AddKey(KeyScopes.Left, e.Request.Id, unique: false);
                break;
        }
    }

    /// <summary>A household decides what a member sent.</summary>
    public static void Decide(HouseholdDecider decider, EffectCommand effect, Turn turn)
    {
        var reader = new ByteReader(effect.Message.Span);
        if ((Message)reader.Byte() == Message.Shared)
        {
            decider.Fill(effect.Sender.Key, reader.Text()!, MemberCodec.ReadLotsOf(ref reader));
            return;
        }

        var request = HouseholdRequestCodec.Read(ref reader);
        var lots = MemberCodec.ReadLotsOf(ref reader);
        var debts = new (string, long)[reader.Count()];
        for (var i = 0; i < debts.Length; i++)
        {
            debts[i] = (reader.Text()!, reader.VarInt());
        }

        var answer = decider.Decide(request, lots, debts);
        var writer = new ByteWriter();
        writer.Byte((byte)MemberMessage.HouseholdAnswers);
        writer.Text(request.Id);
        MemberCodec.WriteRefusal(writer, answer.Refusal);
        writer.Count(answer.Paid.Count);
        foreach (var paid in answer.Paid)
        {
            writer.Text(paid.Unit);
            MemberCodec.WriteLots(writer, paid.Lots);
        }

        turn.AddEffect(effect.Sender, writer.Written.ToArray(), $"household-answer:{request.Id}");
    }

    /// <summary>A member hears what its household says; false: the message is about something else.</summary>
    public static bool Decide(MemberDecider decider, EffectCommand effect)
    {
        var reader = new ByteReader(effect.Message.Span);
        if ((MemberMessage)reader.Byte() != MemberMessage.HouseholdAnswers)
        {
            return false;
        }

        var (id, refusal) = (reader.Text()!, MemberCodec.ReadRefusal(ref reader));
        var paid = new UnitLots[reader.Count()];
        for (var i = 0; i < paid.Length; i++)
        {
            paid[i] = new(reader.Text()!, MemberCodec.ReadLotsOf(ref reader));
        }

        decider.EndHouseholdAsk(id, new(refusal, paid));
        return true;
    }

    /// <summary>A request to a household as it stands, or null.</summary>
    public static HouseholdAskView? View(MemberState member, GetHouseholdAsk command)
    {
        foreach (var ask in member.HouseholdAsks)
        {
            if (ask.Request.Id == command.Ask)
            {
                return new(ask.Request, true, null, [], null);
            }
        }

        if (command.Recalled is not { } record || record.Actor != command.Target)
        {
            return null;
        }

        HouseholdAskView? view = null;
        var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
        while (!reader.AtEnd)
        {
            view = MemberCodec.Read(ref reader) switch
            {
                HouseholdAnswered e when e.Request.Id == command.Ask => new(e.Request, false, e.Refusal, e.Back, null),
                RequestAnswered answer when view is not null => view with { Answer = answer },
                _ => view,
            };
        }

        return view;
    }
}
