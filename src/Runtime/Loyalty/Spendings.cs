using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Holds and redemptions between the kernel and <see cref="MemberDecider"/>.</summary>
internal static class Spendings
{
    /// <summary>The request that a fact about spending records, or null.</summary>
    public static Request? RequestOf(MemberEvent fact) => fact switch
    {
        HoldOpened e => e.Request,
        HoldCommitted e => e.Request,
        HoldReleased e => e.Request,
        PointsRedeemed e => e.Request,
        RedemptionReversed e => e.Request,
        _ => null,
    };

    /// <summary>Decides a request that spends. The outcome is set when what it names is not known; then nothing is remembered.</summary>
    public static Refusal? Decide(MemberState member, SpendingCommand command, MemberDecider decider, out RequestOutcome? unknown)
    {
        unknown = null;
        var recalled = command.RecallId is null ? default : Recall(command, command.Target);
        if (command.RecallId is { } id && member.FindHold(id) is null && recalled.Found is RecallResult.Unknown or RecallResult.Foreign)
        {
            unknown = new(OutcomeKind.Unknown, null, null, UnknownOf(command, id), false);
            return null;
        }

        return command switch
        {
            OpenHoldCommand it => decider.Record(it.Hold, it.Reward),
            RedeemPoints it => decider.Record(it.Redemption, it.Reward),
            CommitHold it => decider.Record(it.Commit, recalled),
            CancelHold it => decider.Record(it.Cancel, recalled),
            ReverseRedemption it => decider.Record(it.Reversal, recalled),
            _ => throw new InvalidOperationException($"members do not understand {command.GetType().Name}"),
        };
    }

    /// <summary>Keys by which the end of a hold is found, and what has to be sent for it.</summary>
    public static void AddTo(Turn turn, MemberEvent fact)
    {
        switch (fact)
        {
            case HoldOpened { Reward: { } reward } e:
                RewardMessages.Send(turn, reward, e.Hold, RewardStep.Reserve);
                break;
            case HoldCommitted e:
                turn.AddKey(KeyScopes.Left, e.Hold, unique: false);
                RewardMessages.Send(turn, e.Reward, e.Hold, RewardStep.Confirm);
                break;
            case HoldReleased e:
                turn.AddKey(KeyScopes.Left, e.Hold, unique: false);
                RewardMessages.Send(turn, e.End == HoldEnd.Refused ? null : e.Reward, e.Hold, RewardStep.Release);
                break;
            case RedemptionReversed e:
                turn.AddKey(KeyScopes.Left, e.After.Id, unique: false);
                RewardMessages.Send(turn, e.Request.Restock ? e.After.Reward : null, e.After.Id, RewardStep.Restock);
                break;
        }
    }

    /// <summary>A hold as it stands, or null.</summary>
    public static HoldView? View(MemberState member, GetHold command)
    {
        if (member.FindHold(command.Hold) is { } open)
        {
            return View(member, open);
        }

        var recalled = Recall(command, command.Target, out var answer);
        return recalled.Last switch
        {
            HoldCommitted e => new(e.Hold, member.Id, HoldStatus.Committed, e.Unit, Lot.Sum(e.Redeemed), null, e.Reward, null, answer),
            HoldReleased e => new(e.Hold, member.Id, StatusOf(e.End), e.Unit, 0, null, e.Reward, e.Refusal, answer),
            PointsRedeemed e => new(e.Request.Id, member.Id, HoldStatus.Committed, e.Unit, Lot.Sum(e.Lots), null, null, null, answer),
            RedemptionReversed { After: var after } => new(
                after.Id, member.Id, after.Lots.Length == 0 ? HoldStatus.Reversed : HoldStatus.Committed, after.Unit, Lot.Sum(after.Lots), null, after.Reward, null, answer),
            _ => null,
        };
    }

    /// <summary>The open holds of a member; null: it is not known.</summary>
    public static HoldView[]? List(MemberState member) =>
        member.Status == MemberStatus.Unknown ? null : [.. (member.Holds?.Open ?? []).Select(hold => View(member, hold))];

    private static HoldView View(MemberState member, OpenHold hold) =>
        new(hold.Id, member.Id, hold.IsGranted ? HoldStatus.Open : HoldStatus.Reserving, hold.Unit, hold.Points, hold.ExpiresAt, hold.Reward, null, null);

    private static HoldStatus StatusOf(HoldEnd end) => end switch
    {
        HoldEnd.Cancelled => HoldStatus.Cancelled,
        HoldEnd.TimedOut => HoldStatus.TimedOut,
        HoldEnd.Closed => HoldStatus.Closed,
        _ => HoldStatus.Refused,
    };

    private static Refusal UnknownOf(SpendingCommand command, string id) => command is ReverseRedemption
        ? new("unknown-redemption", "redemption", $"'{id}' is no redemption of member {command.Target.Key}")
        : new("unknown-hold", "hold", $"'{id}' is no hold of member {command.Target.Key}");

    private static RecalledSpending Recall(Command command, ActorId actor) => Recall(command, actor, out _);

    /// <summary>Reads what a hold or redemption has come to from the record that the kernel found.</summary>
    private static RecalledSpending Recall(Command command, ActorId actor, out RequestAnswered? answer)
    {
        answer = null;
        if (command.Recalled is not { } record)
        {
            return new(RecallResult.Unknown, null);
        }

        if (record.Actor != actor)
        {
            return new(RecallResult.Foreign, null);
        }

        MemberEvent? last = null;
        var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
        while (!reader.AtEnd)
        {
            var fact = MemberCodec.Read(ref reader);
            answer = fact as RequestAnswered ?? answer;
            var id = fact switch
            {
                HoldOpened e => e.Hold,
                HoldCommitted e => e.Hold,
                HoldReleased e => e.Hold,
                PointsRedeemed e => e.Request.Id,
                RedemptionReversed e => e.After.Id,
                _ => null,
            };
            last = id == command.RecallId ? fact : last;
        }

        return last is null ? new(RecallResult.NoPurchase, null) : new(RecallResult.Mine, last);
    }
}
