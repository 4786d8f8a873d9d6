using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using MathNet.Numerics.Distributions;
using NodaTime;

namespace Loyalty.Runtime.Backtests;

/// <summary>What a hold-out says of a campaign. docs/BACKTESTS.md, "What a hold-out says".</summary>
/// <param name="Campaign">Which.</param>
/// <param name="From">Spend from this time on.</param>
/// <param name="Until">Spend before this time.</param>
/// <param name="With">Members who could get the campaign.</param>
/// <param name="HeldOut">Members who could not.</param>
/// <param name="Uplift">Null: a group has fewer than two members.</param>
/// <param name="Points">What the campaign gave, net of returns, by unit.</param>
public sealed record CampaignReport(string Campaign, Instant From, Instant Until, GroupSpend With, GroupSpend HeldOut, Uplift? Uplift, IReadOnlyDictionary<string, long> Points)
{
    /// <summary>Reads the books and compares the groups.</summary>
    /// <param name="campaign">A published version.</param>
    /// <param name="from">Beginning; members enrolled before it are compared.</param>
    /// <param name="until">End.</param>
    /// <param name="sales">The books.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="BacktestRefusedException">There are more members than <see cref="Backtest.MembersPerPass"/> times 4.</exception>
    public static CampaignReport Of(CampaignDefinition campaign, Instant from, Instant until, IPastSales sales, CancellationToken stop)
    {
        var spend = new Dictionary<string, (Instant EnrolledAt, long Spend)>(StringComparer.Ordinal);
        var soldAt = new Dictionary<UInt128, Instant>();
        var points = new SortedDictionary<string, long>(StringComparer.Ordinal);
        long read = 0;
        foreach (var record in sales.Read())
        {
            if ((++read & 0xFFF) == 0)
            {
                stop.ThrowIfCancellationRequested();
            }

            var reader = new ByteReader(record.Facts.Span);
            while (!reader.AtEnd)
            {
                Take(record.Member, MemberCodec.Read(ref reader));
            }
        }

        var with = new Moments();
        var heldOut = new Moments();
        foreach (var (member, (enrolledAt, spent)) in spend)
        {
            if (enrolledAt < from)
            {
                (campaign.HoldsOut(member) ? heldOut : with).Add(spent);
            }
        }

        return new(campaign.Id, from, until, with.ToGroup(), heldOut.ToGroup(), Uplift.Of(with.ToGroup(), heldOut.ToGroup()), points);

        void Take(string member, MemberEvent fact)
        {
            switch (fact)
            {
                case MemberEnrolled { IsFirst: true } e:
                    if (spend.Count >= Backtest.MembersPerPass * 4)
                    {
                        throw new BacktestRefusedException($"the books have more than {Backtest.MembersPerPass * 4} members, the most that a report compares");
                    }

                    spend.TryAdd(member, (e.At, 0));
                    break;
                case PurchaseRecorded e:
                    if (e.Purchase.At >= from && e.Purchase.At < until)
                    {
                        Spend(member, MemberState.Sum(e.Purchase.Lines));
                        soldAt[BacktestRun.KeyOf(e.Purchase.Id)] = e.Purchase.At;
                        foreach (var award in e.Awards)
                        {
                            Give(award.Rule, award.Unit, award.Points);
                        }
                    }

                    break;
                case ReturnRecorded e when e.After is { } after ? soldAt.ContainsKey(BacktestRun.KeyOf(after.Id)) : e.Return.At >= from && e.Return.At < until:
                    Spend(member, -e.Spend);
                    foreach (var take in e.Takes)
                    {
                        Give(take.Rule, take.Unit, -take.Points);
                    }

                    break;
            }
        }

        void Spend(string member, long amount)
        {
            ref var entry = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(spend, member);
            if (!System.Runtime.CompilerServices.Unsafe.IsNullRef(ref entry))
            {
                entry.Spend += amount;
            }
        }

        void Give(string rule, string unit, long given)
        {
            if (rule == campaign.Rule || rule == campaign.DoneRule)
            {
                points[unit] = points.GetValueOrDefault(unit) + given;
            }
        }
    }

    /// <summary>Mean and variance in one reading (Welford).</summary>
    private sealed class Moments
    {
        private long _count;
        private double _mean;
        private double _squares;
        private long _sum;

        public void Add(long value)
        {
            _count++;
            _sum += value;
            var before = value - _mean;
            _mean += before / _count;
            _squares += before * (value - _mean);
        }

        public GroupSpend ToGroup() => new(_count, _sum, _mean, _count < 2 ? 0 : _squares / (_count - 1));
    }
}

/// <summary>Spend of a group of members, minor units of money.</summary>
/// <param name="Members">How many, those who bought nothing included.</param>
/// <param name="Spend">In all.</param>
/// <param name="Mean">Of a member.</param>
/// <param name="Variance">Sample variance (n − 1).</param>
public sealed record GroupSpend(long Members, long Spend, double Mean, double Variance);

/// <summary>The difference of the means, with its 95 % confidence interval by Welch's method.</summary>
/// <param name="Mean">Minor units of money for a member.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
/// <param name="DegreesOfFreedom">By Welch and Satterthwaite.</param>
/// <param name="Relative">The difference over the mean of the held-out; null: that is 0.</param>
public sealed record Uplift(double Mean, double Low, double High, double DegreesOfFreedom, double? Relative)
{
    /// <summary>Share of such intervals that hold the true value.</summary>
    public const double Confidence = 0.95;

    /// <summary>Compares two groups; null: one has fewer than two members.</summary>
    public static Uplift? Of(GroupSpend with, GroupSpend heldOut)
    {
        if (with.Members < 2 || heldOut.Members < 2)
        {
            return null;
        }

        var (a, b) = (with.Variance / with.Members, heldOut.Variance / heldOut.Members);
        var difference = with.Mean - heldOut.Mean;
        double? relative = heldOut.Mean == 0 ? null : difference / heldOut.Mean;
        if (a + b == 0)
        {
            // All members of each group spent the same.
            return new(difference, difference, difference, with.Members + heldOut.Members - 2, relative);
        }

        // Welch, B. L. (1947), Biometrika 34: degrees of freedom of the difference of two means with unequal variances.
        var freedom = (a + b) * (a + b) / ((a * a / (with.Members - 1)) + (b * b / (heldOut.Members - 1)));
        var half = StudentT.InvCDF(0, 1, freedom, 1 - ((1 - Confidence) / 2)) * Math.Sqrt(a + b);
        return new(difference, difference - half, difference + half, freedom, relative);
    }
}
