using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Records something that a member did which is no purchase.</summary>
public sealed class RecordActivity(Activity activity) : RequestCommand(ActorIds.Member(activity.Member), activity)
{
    /// <summary>The request.</summary>
    public Activity Activity { get; } = activity;

    /// <summary>Whether the outcome says why campaigns gave nothing (<see cref="RequestOutcome.Skipped"/>).</summary>
    public bool Explain { get; init; }

    /// <summary>Whom a referral brought: each friend counts once in the books.</summary>
    public override string? RecallId => Activity.Type == Activity.Referral ? Activity.Friend : null;

    /// <inheritdoc />
    public override string? RecallScope => KeyScopes.Friend;
}

/// <summary>Replaces what is known of a member; the same again changes nothing. Reply: <see cref="MemberReply"/>.</summary>
public sealed class SetAttributes(string member, MemberAttributes attributes) : Command(ActorIds.Member(member))
{
    /// <summary>All that is known from now on.</summary>
    public MemberAttributes Attributes { get; } = attributes;
}

/// <summary>Asks what a purchase would earn now. Nothing is written and no budget is taken. Reply: <see cref="MemberQuote"/>; null: the member is not known, and the program does not enrol by itself.</summary>
public sealed class QuotePurchase(string member, Purchase purchase) : Command(ActorIds.Member(member))
{
    /// <summary>The basket.</summary>
    public Purchase Purchase { get; } = purchase;

    /// <summary>Whether the quote says why campaigns gave nothing.</summary>
    public bool Explain { get; init; }
}

/// <summary>Asks what is known of a member and how far it has come. Reply: <see cref="MemberCampaignsView"/>; null: not known.</summary>
public sealed class GetMemberCampaigns(string member) : Command(ActorIds.Member(member));

/// <summary>A member among the campaigns.</summary>
/// <param name="Member">Id.</param>
/// <param name="Attributes">What is known of it.</param>
/// <param name="Progress">Of all cards, challenges and streaks in force, by campaign.</param>
public sealed record MemberCampaignsView(string Member, MemberAttributes Attributes, IReadOnlyList<CampaignProgress> Progress);
