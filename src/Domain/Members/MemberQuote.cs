using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>What a request would come to now. Nothing is written, and budgets are only looked at.</summary>
/// <param name="Refusal">Why it would be refused; null: it would be recorded.</param>
/// <param name="Fact">The <see cref="PurchaseRecorded"/> or <see cref="ActivityRecorded"/> that it would become; null: refused.</param>
/// <param name="Balances">After it.</param>
/// <param name="Tier">After it; null: none.</param>
/// <param name="Skipped">Why campaigns in force would give nothing; only when the context says so.</param>
public sealed record MemberQuote(Refusal? Refusal, MemberEvent? Fact, IReadOnlyList<Balance> Balances, string? Tier, IReadOnlyList<SkippedCampaign> Skipped)
{
    [ThreadStatic]
    private static ByteWriter? _writer;

    /// <summary>What a purchase would come to. The same rules judge it as will the purchase itself, on a copy of the member.</summary>
    public static MemberQuote Of(MemberState state, Purchase purchase, TurnContext context) => Of(state, context, decider => decider.Record(purchase));

    /// <summary>What an activity would come to.</summary>
    /// <param name="state">The member; it does not change.</param>
    /// <param name="activity">The request.</param>
    /// <param name="context">Clock, program, campaigns, budgets.</param>
    /// <param name="isFriendKnown">Whether another referral in the books names the same friend.</param>
    public static MemberQuote Of(MemberState state, Activity activity, TurnContext context, bool isFriendKnown) => Of(state, context, decider => decider.Record(activity, isFriendKnown));

    /// <summary>A copy of a member.</summary>
    public static MemberState Copy(MemberState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var writer = _writer ??= new ByteWriter();
        writer.Clear();
        MemberCodec.Write(writer, state);
        return MemberCodec.ReadSnapshot(state.Id, writer.Written)!;
    }

    private static MemberQuote Of(MemberState state, TurnContext context, Decision decide)
    {
        var copy = Copy(state);
        context = context with { Budgets = new BudgetsLookedAt(context.Budgets) };
        var raised = new List<MemberEvent>();
        var refusal = decide(new MemberDecider(copy, context, raised));
        var fact = refusal is null ? raised.Find(fact => fact is PurchaseRecorded or ActivityRecorded { Activity.Type: not Activity.SignUp }) : null;
        return new(refusal, fact, MemberDecider.Balances(copy, context), copy.Tier.Level, [.. context.Skipped]);
    }

    private delegate Refusal? Decision(MemberDecider decider);
}
