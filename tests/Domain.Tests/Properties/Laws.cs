using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Tests.Model;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>What later commands can see of a member.</summary>
internal static class View
{
    public static string Of(RealMember member, Instant now, bool withPurchases = true)
    {
        var state = member.State;
        var books = state.Books.Where(book => book.Lots.Length > 0 || book.Debt > 0 || book.Lapsed.ToArray().Any(lot => lot.Points > 0)).OrderBy(book => book.Unit, StringComparer.Ordinal).Select(book =>
            $"{book.Unit}: {string.Join(" ", book.Lots.ToArray())} debt {book.Debt} lapsed {string.Join(" ", book.Lapsed.ToArray().Where(lot => lot.Points > 0).Select(lot => lot.ToString()).Order())} {book.ForgottenThrough}");
        var days = state.History.Days.ToArray().Where(day => day is not { Spend: 0, Points: 0, Visits: 0 }).Select(day => day.ToString());
        return string.Join(
            "\n",
            [
                $"{state.Status} {state.EnrolledOn} {state.LastGiven} tier {state.Tier}", .. books, .. days,
                .. state.Waiting.ToArray().Select(waiting => waiting.Id), string.Join(" ", MemberDecider.Balances(state, member.At(now))),
                withPurchases ? $"{state.Purchases} {state.Returns} {state.Spend}" : "",
            ]);
    }
}

public class WakingChangesNothing
{
    [Fact]
    public void A_member_that_is_woken_at_any_moments_in_between_answers_the_same_and_ends_the_same() =>
        Checks.ForAll(11, 800, Scripts.Of(40, Plans.OneVersion), script =>
        {
            var run = Run.Of(script);
            var woken = RealMember.Of(script.Plan);
            var sleeping = RealMember.Of(script.Plan);
            var random = new Random(script.Steps.Length);
            var before = script.Start;
            foreach (var asked in run.Asked)
            {
                for (var wakes = random.Next(4); wakes > 0; wakes--)
                {
                    before += (asked.Now - before) * random.NextDouble();
                    woken.Do(new(before, null));
                }

                before = asked.Now;
                var (one, other) = (woken.Do(asked), asked.Request is null ? (null, []) : sleeping.Do(asked));
                if (asked.Request is not null)
                {
                    run.Require(one.Refusal == other.Refusal, $"{asked.Request}: {one.Refusal} when woken; {other.Refusal} when not");
                    run.Require(Answer(one.Raised) == Answer(other.Raised), $"{asked.Request}: {Answer(one.Raised)} when woken; {Answer(other.Raised)} when not");
                }
            }

            woken.Do(new(before, null));
            sleeping.Do(new(before, null));
            run.Require(View.Of(woken, before) == View.Of(sleeping, before), $"woken:\n{View.Of(woken, before)}\nnot woken:\n{View.Of(sleeping, before)}");
        });

    private static string Answer(List<MemberEvent> raised) => string.Join(" ", raised.Select(fact => fact switch
    {
        PurchaseRecorded bought => string.Join(",", bought.Awards),
        ReturnRecorded returned => string.Join(",", returned.Takes) + string.Join(",", returned.Postings),
        PointsAdjusted adjusted => string.Join(",", adjusted.Postings),
        StatusChanged status => string.Join(",", status.Postings),
        RequestAnswered answered => string.Join(",", answered.Balances) + answered.Tier,
        _ => "",
    }).Where(text => text.Length > 0));
}

public class WakeAtIsInTime
{
    [Fact]
    public void Nothing_is_due_before_the_moment_at_which_the_member_wants_to_be_woken() =>
        Checks.ForAll(12, 800, Scripts.Of(25, Plans.OneVersion), script => Run.Of(script, run =>
        {
            var member = run.Real;
            if (run.Asked.Count == 0 || run.Asked[^1].Now < run.Now)
            {
                return;
            }

            var wake = MemberDecider.WakeAt(member.State, member.Programs.Latest);
            var latest = wake is { } at ? at - Duration.FromMilliseconds(1) : run.Now + Duration.FromDays(20 * 365);
            run.Require(wake is null || wake > run.Now, $"is to be woken at {wake}, now or in the past");
            var early = member.Fork();
            run.Require(early.Do(new(latest, null)).Raised.Count == 0, $"something was due at {latest}, and it would be woken at {wake}: {early.Facts[^1]}");
            if (wake is { } due)
            {
                var onTime = member.Fork();
                run.Require(onTime.Do(new(due, null)).Raised.Count > 0, $"woken at {due} in vain");
            }
        }));
}

public class MemoryIsWhatWasWritten
{
    [Fact]
    public void Snapshots_and_replayed_events_give_the_same_member() => Checks.ForAll(13, 500, Scripts.Of(40), script => Run.Of(script, Same));

    [Fact]
    public void Also_when_a_new_version_changes_the_tiers() => Checks.ForAll(14, 400, Scripts.Of(40, Plans.ChangingTiers), script =>
    {
        // The model knows one tier policy; here the requests are played to the domain alone.
        var run = new Run(script);
        foreach (var asked in Requests(script))
        {
            run.Real.Do(asked);
            Same(run);
        }
    });

    [Fact]
    public void A_member_goes_on_from_its_snapshot_as_if_it_had_stayed() => Checks.ForAll(15, 400, Scripts.Of(40), script =>
    {
        RealMember? fork = null;
        var run = Run.Of(script, run =>
        {
            fork = (fork ?? run.Real).Fork();
            if (fork.Facts.Count != run.Real.Facts.Count)
            {
                fork = fork.Facts.Count == 0 ? run.Real.Fork() : Caught(fork, run);
            }
        });
        run.Require(fork is null || fork.Snapshot().AsSpan().SequenceEqual(run.Real.Snapshot()), "the member that went on from snapshots differs");

        static RealMember Caught(RealMember fork, Run run)
        {
            fork.Do(run.Asked[^1]);
            return fork;
        }
    });

    private static IEnumerable<Asked> Requests(Script script)
    {
        var (now, i) = (script.Start, 0);
        foreach (var step in script.Steps)
        {
            now += Duration.FromSeconds(step.Seconds);
            i++;
            object? request = step.Act switch
            {
                Enrol => i == 1 ? new Enrolment { Id = "M1", AlternativeIds = [new("card", "c1")] } : null,
                Buy buy => new Purchase { Id = $"{buy.Id}-{i}", Member = "M1", Store = "S", Channel = "web", At = now + Duration.FromSeconds(buy.At), Currency = buy.Currency, Lines = Goods(buy.Lines) },
                GiveBack back => new Return
                {
                    Id = back.Id, Purchase = back.Purchase is null ? null : $"{back.Purchase}-{i - 2}", Member = "M1", Store = "S", At = now, Currency = back.Currency, Lines = Goods(back.Lines),
                },
                Adjust adjust => new Adjustment { Id = adjust.Id, Member = "M1", Unit = adjust.Unit, Points = adjust.Points, Reason = "r", Author = "a" },
                _ => null,
            };
            yield return new(now, request);
        }
    }

    private static SaleLine[] Goods(ModelLine[] lines) => [.. lines.Select(line => new SaleLine(line.Sku, "cat", null, line.Quantity, line.Amount))];

    private static void Same(Run run)
    {
        var written = run.Real.Snapshot();
        run.Require(written.AsSpan().SequenceEqual(RealMember.SnapshotOf(run.Real.Copy())), "the snapshot does not give the same member");
        run.Require(written.AsSpan().SequenceEqual(RealMember.SnapshotOf(run.Real.Replayed())), "the events do not give the same member");
    }
}

public class ReturnsLeaveNoTrace
{
    private static readonly ModelLine[] Goods = [new("x", 2, 1999), new("y", 0.5m, 301), new("z", 1, 0)];

    [Fact]
    public void A_purchase_and_its_whole_return_leave_balances_debt_and_standing_as_if_it_had_never_been() =>
        Checks.ForAll(16, 1200, Scripts.Of(25), script =>
        {
            var run = Run.Of(script);
            run.Play(new(0, new Wake()));
            var state = run.Real.State;
            if (state.Status != MemberStatus.Active || (script.Plan.At(run.Now).Negative != "debt" && state.Books.Any(book => book.Debt > 0)))
            {
                return;
            }

            // A late sale that repays debt and has lapsed already shares its lapsed lot with others of its day: not covered by the law.
            var before = View.Of(run.Real, run.Now, withPurchases: false);
            foreach (var at in state.Books.Any(book => book.Debt > 0) ? [0L] : new[] { 0L, -86_400, -86_400 * 40, -86_400 * 500 })
            {
                run.Play(new(0, new Buy($"x{at}", at, Plan.Currency, Goods)));
                run.Play(new(0, new GiveBack($"xr{at}", $"x{at}", 0, Plan.Currency, Portion.Whole, [])));
                var after = View.Of(run.Real, run.Now, withPurchases: false);
                run.Require(before == after, $"before the purchase at {at}:\n{before}\nafter its return:\n{after}");
            }
        });

    [Fact]
    public void Also_with_other_purchases_in_between_that_the_same_tier_judged() => Checks.ForAll(17, 1000, Scripts.Of(25, Plans.OneVersion), script =>
    {
        Step[] steps = [.. script.Steps.Where(step => step.Act is Buy or Enrol or Wake), new(0, new Wake())];
        if (steps.Length < 3 || script.Plan.Versions[0].Units.Any(unit => unit.Expiry.Policy == "inactivity"))
        {
            return;
        }

        var random = new Random(steps.Length);
        var bought = random.Next(1, steps.Length);
        var returned = random.Next(bought, steps.Length);
        var without = Run.Of(script with { Steps = steps });
        var with = Run.Of(script with
        {
            Steps =
            [
                .. steps[..bought], new(0, new Buy("x", -random.Next(0, 90_000), Plan.Currency, Goods)), .. steps[bought..returned],
                new(0, new GiveBack("xr", "x", 0, Plan.Currency, Portion.Whole, [])), .. steps[returned..],
            ],
        });
        if (Tiers(with).Where(tier => tier.Id != "x").SequenceEqual(Tiers(without)))
        {
            var (one, other) = (View.Of(with.Real, with.Now, withPurchases: false), View.Of(without.Real, without.Now, withPurchases: false));
            with.Require(one == other, $"with:\n{one}\nwithout:\n{other}");
        }

        static IEnumerable<(string Id, string? Tier)> Tiers(Run run) => run.Real.Facts.OfType<PurchaseRecorded>().Select(fact => (fact.Purchase.Id, fact.Tier));
    });

    [Fact]
    public void Partial_returns_take_back_exactly_what_one_whole_return_takes() => Checks.ForAll(18, 800, Scripts.Of(25), script =>
    {
        var random = new Random(script.Steps.Length);
        ModelLine[] goods = [.. new[] { "x", "y", "z" }.Take(random.Next(1, 4)).Select(sku => new ModelLine(sku, random.Next(1, 5) * 0.5m, random.Next(0, 9000)))];
        Step[] life =
        [
            .. script.Steps, new(0, new Buy("x", -random.Next(0, 40) * 86_400, Plan.Currency, goods)), new(random.Next(3) * 86_400, new Wake()),
            new(0, new Adjust("spent", script.Plan.Versions[0].Units[0].Id, -random.Next(1, 2000))),
        ];
        var whole = Run.Of(script with { Steps = [.. life, new(0, new GiveBack("back", "x", 0, Plan.Currency, Portion.Whole, []))] });
        if (whole.Real.WasRefused("x") || whole.Real.WasRefused("back"))
        {
            return;
        }

        var parts = random.Next(2, 6);
        var partial = Run.Of(script with
        {
            Steps = [.. life, .. Parts(goods, parts, random).Select((lines, i) => new Step(0, new GiveBack($"part{i}", "x", 0, Plan.Currency, Portion.Custom, lines)))],
        });
        var (one, many) = (Taken(whole, "back"), Taken(partial, "part"));
        partial.Require(one == many, $"whole takes {one}; {parts} parts take {many}");
        partial.Require(
            View.Of(partial.Real, partial.Now, false) == View.Of(whole.Real, whole.Now, false),
            $"parts:\n{View.Of(partial.Real, partial.Now, false)}\nwhole:\n{View.Of(whole.Real, whole.Now, false)}");
    });

    private static string Taken(Run run, string id)
    {
        var facts = run.Real.Facts.OfType<ReturnRecorded>().Where(fact => fact.Return.Id.StartsWith(id, StringComparison.Ordinal)).ToList();
        var takes = facts.SelectMany(fact => fact.Takes).GroupBy(take => (take.Unit, take.Rule)).Select(group => $"{group.Key} {group.Sum(take => take.Points)}").Order();
        var places = facts.SelectMany(fact => fact.Postings).GroupBy(posting => posting with { Points = 0 }).Select(group => $"{group.Key} {group.Sum(posting => posting.Points)}").Order();
        return string.Join(", ", takes) + " from " + string.Join(", ", places);
    }

    /// <summary>The goods in several parcels; every line is in one or more of them.</summary>
    private static IEnumerable<ModelLine[]> Parts(ModelLine[] goods, int parts, Random random)
    {
        var left = goods.ToArray();
        for (var part = 0; part < parts; part++)
        {
            var parcel = new List<ModelLine>();
            for (var i = 0; i < left.Length; i++)
            {
                if (left[i].Quantity == 0 || (part < parts - 1 && random.Next(3) == 0))
                {
                    continue;
                }

                var all = part == parts - 1 || random.Next(6) == 0;
                var taken = all ? left[i] : left[i] with { Quantity = left[i].Quantity / 4, Amount = random.NextInt64(0, left[i].Amount + 1) };
                left[i] = left[i] with { Quantity = left[i].Quantity - taken.Quantity, Amount = left[i].Amount - taken.Amount };
                parcel.Add(taken);
            }

            if (parcel.Count > 0)
            {
                yield return [.. parcel];
            }
        }
    }
}
