using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Domain.Members;

public sealed partial class MemberState
{
    /// <summary>Attributes, activities and what campaigns count; null: there never was any.</summary>
    public MemberEngagement? Engagement { get; private set; }

    internal MemberEngagement Engage() => Engagement ??= new();

    private void ForgetAttributesOfClosed()
    {
        if (Status == MemberStatus.Closed && Engagement is { } engagement)
        {
            engagement.Attributes = MemberAttributes.None;
        }
    }

    private void ApplyCampaigns(CampaignFacts? facts, LocalDate day)
    {
        if (facts is null)
        {
            return;
        }

        Post(facts.Stamps);
        if (facts.Tallies.Length + facts.Done.Length + facts.Undone.Length > 0)
        {
            Engage().Apply(facts);
        }

        if (facts.Credit is { } credit)
        {
            var (spend, points, visits) = credit.Basis switch
            {
                TierBasis.Spend => (credit.Amount, 0L, 0L),
                TierBasis.Points => (0L, credit.Amount, 0L),
                _ => (0L, 0L, credit.Amount),
            };
            History.Add(day, spend, points, visits);
        }
    }
}
