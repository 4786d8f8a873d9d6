using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Campaigns between the kernel and <see cref="MemberDecider"/>: what decisions need of budgets, and what they take.</summary>
public sealed partial class MemberKind
{
    /// <summary>Sees to it that the decision finds its budgets: docs/ARCHITECTURE.md, "Budgets and leases".</summary>
    public override void Prepare(object state, Command command, Turn turn)
    {
        if (command is RecordReturn returned)
        {
            PrepareReturn(returned, turn);
            return;
        }

        if (programs.Campaigns.Budgeted.Count == 0)
        {
            return;
        }

        var member = (MemberState)state;
        var needs = Needs(turn);
        needs.Clear();
        switch (command)
        {
            case RecordPurchase purchase:
                BudgetNeeds.Of(programs.ContextOf(turn), purchase.Purchase, member.Status == MemberStatus.Unknown, needs);
                break;
            case RecordActivity activity:
                BudgetNeeds.Of(programs.ContextOf(turn), activity.Activity, member.Status == MemberStatus.Unknown, needs);
                break;
            case QuotePurchase quote:
                BudgetNeeds.Of(programs.ContextOf(turn), quote.Purchase, member.Status == MemberStatus.Unknown, needs);
                break;
            case EnrolMember enrol:
                BudgetNeeds.OfJoining(programs.ContextOf(turn), enrol.Enrolment.EnrolledAt ?? turn.Now, needs);
                break;
            default:
                return;
        }

        SetAside(command, needs, turn);
    }

    private void PrepareReturn(RecordReturn command, Turn turn)
    {
        if (command.ReadRecalled().State is not { Campaigns: not null } purchase)
        {
            return;
        }

        var needs = Needs(turn);
        needs.Clear();
        if (!BudgetNeeds.Of(programs.ContextOf(turn), purchase, needs))
        {
            turn.GiveUp("a campaign that judged the purchase is not known in this process yet; send the same request again");
            return;
        }

        SetAside(command, needs, turn);
    }

    private static void SetAside(Command command, List<BudgetNeed> needs, Turn turn)
    {
        if (needs.Count == 0)
        {
            return;
        }

        var budgets = (TurnBudgets)turn.Cache[typeof(TurnBudgets)];
        budgets.Begin(turn, command);
        Preparation? missing = null;
        foreach (var (campaign, purse, amount) in needs)
        {
            // All that are missing are asked for at once; the decision is taken up again when the first is there.
            var later = budgets.Prepare(campaign, purse, amount, command.PutOffs > 0, out var problem);
            missing ??= later;
            if (problem is not null)
            {
                turn.GiveUp(problem);
                return;
            }
        }

        if (missing is not null)
        {
            turn.Later(missing);
        }
    }

    private static bool DecideCampaigns(MemberState member, Command command, MemberDecider decider, TurnContext context, Turn turn)
    {
        switch (command)
        {
            case QuotePurchase quote:
                command.Reply = member.Status == MemberStatus.Unknown && !context.Program.EnrolUnknownMembers
                    ? null
                    : MemberQuote.Of(member, quote.Purchase, quote.Explain ? context with { Explain = true } : context);
                return true;
            case SetAttributes set:
                var refusal = member.Status == MemberStatus.Unknown ? null : decider.SetAttributes(set.Attributes);
                command.Reply = new MemberReply(View(member, context), refusal);
                return true;
            case GetMemberCampaigns:
                decider.BringUpToDate();
                command.Reply = member.Status == MemberStatus.Unknown
                    ? null
                    : new MemberCampaignsView(member.Id, member.Engagement?.Attributes ?? MemberAttributes.None, MemberProgress.Of(member, context));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Keys by which what campaigns have to keep apart is found.</summary>
    private static void AddCampaignKeys(MemberEvent fact, Turn turn)
    {
        if (fact is ActivityRecorded { Activity: { Type: Activity.Referral, Friend: { } friend } })
        {
            turn.AddKey(KeyScopes.Friend, friend, unique: true);
        }
    }

    /// <summary>Whether another referral in the books names the same friend.</summary>
    private static bool IsFriendKnown(RecordActivity command)
    {
        if (command.Recalled is not { } record || record.Actor.Kind != ActorIds.MemberKind)
        {
            return false;
        }

        var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
        while (!reader.AtEnd)
        {
            if (MemberCodec.Read(ref reader) is ActivityRecorded { Activity: { Type: Activity.Referral } known } && known.Friend == command.Activity.Friend)
            {
                return true;
            }
        }

        return false;
    }

    private static bool Explains(Command command) => command is RecordPurchase { Explain: true } or RecordActivity { Explain: true };

    private static List<BudgetNeed> Needs(Turn turn)
    {
        if (!turn.Cache.TryGetValue(typeof(List<BudgetNeed>), out var needs))
        {
            turn.Cache[typeof(List<BudgetNeed>)] = needs = new List<BudgetNeed>();
        }

        return (List<BudgetNeed>)needs;
    }
}
