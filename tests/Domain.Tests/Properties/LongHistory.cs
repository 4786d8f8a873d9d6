using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Tests.Model;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>The engine folds days away when a member has more than 2,200 of them; the model never does.</summary>
public class LongHistory
{
    [Theory]
    [InlineData("rollingMonths", "months", 3, "spend", 130_000)]
    [InlineData("rollingMonths", "months", 1, "visits", 480)]
    [InlineData("calendarYear", "endOfPeriod", 0, "points", 600)]
    [InlineData("lifetime", "forever", 0, "spend", 400_000)]
    public void A_member_with_more_days_than_are_kept_stands_where_the_whole_walk_ends(string window, string retention, int count, string basis, long threshold)
    {
        var tiers = new PlanTiers(
            basis, "points", window, window == "rollingMonths" ? 24 : 0, retention, count, 10,
            [new("bronze", threshold / 2, 0.1m), new("silver", threshold * 9 / 10, 0.2m), new("gold", threshold, 0.5m)]);
        var plan = new Plan("Europe/London", [FoundByTheModel.Program(tiers: tiers) with { Earn = [new("base", "points", 1, 100, true)] }]);
        var member = RealMember.Of(plan);
        var random = new Random(7);
        var start = Instant.FromUtc(2004, 2, 29, 12, 0);
        var entries = new List<ModelProgress>();
        member.Do(new(start, new Enrolment { Id = "M1", AlternativeIds = [] }));
        var (now, levels) = (start, new HashSet<string?>());
        for (var i = 0; i < 2300; i++)
        {
            // Busy and quiet seasons, so that levels come and go.
            now += Duration.FromDays(random.Next(1, i / 250 % 2 == 0 ? 2 : 4));
            var amount = random.NextInt64(0, i / 300 % 2 == 0 ? 400 : 300) + 100;
            var (day, late) = (ModelDays.DayOf(now, plan.Zone), random.Next(60) == 0 ? random.Next(1, 200) : 0);
            Buy(member, now, $"p{i}", late, amount);
            entries.Add(new(day.AddDays(-late), amount, amount / 100, 1));
            if (random.Next(60) == 0)
            {
                var gone = entries.Count - 1 - random.Next(Math.Min(150, entries.Count));
                if (entries[gone].Visits > 0)
                {
                    Assert.Null(member.Do(new(now, new Return
                    {
                        Id = $"r{i}", Purchase = $"p{gone}", Member = "M1", Store = "S", At = now, Currency = "GBP", Lines = [new("a", null, null, 1, entries[gone].Spend)],
                    })).Refusal);
                    entries[gone] = entries[gone] with { Spend = 0, Points = 0, Visits = 0 };
                }
            }

            levels.Add(member.State.Tier.Level);
            if (i is 1000 or 2299)
            {
                var model = new ModelTiers(tiers, new(2004, 2, 29), entries).StandingOn(day);
                var held = member.State.Tier;
                Assert.Equal(model.Level == 0 ? null : tiers.Levels[model.Level - 1].Id, held.Level);
                Assert.Equal((model.Level == 0 ? null : model.Since, model.Through), (held.Level is null ? null : (DateOnly?)held.Since.ToDateOnly(), held.Through?.ToDateOnly()));
            }
        }

        Assert.True(levels.Count > 2, $"the example is too dull: {string.Join(", ", levels)}");
        Assert.Contains(member.Facts, fact => fact is TierHistoryFolded);
        Assert.InRange(member.State.History.Days.Length, 1400, TierHistory.MaxDays);
        Assert.Equal(member.Snapshot(), RealMember.SnapshotOf(member.Replayed()));
        Assert.Equal(member.Snapshot(), RealMember.SnapshotOf(member.Copy()));
    }

    private static void Buy(RealMember member, Instant now, string id, int daysLate, long amount) => Assert.Null(member.Do(new(now, new Purchase
    {
        Id = id, Member = "M1", Store = "S", At = now - Duration.FromDays(daysLate), Currency = "GBP", Lines = [new("a", null, null, 1, amount)],
    })).Refusal);
}
