using System.Text.Json;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;

namespace Loyalty.Domain.Campaigns;

/// <summary>What is given, and how much of it at most.</summary>
public static partial class CampaignParser
{
    private sealed partial class Reader
    {
        private static readonly string[] Types = ["rate", "multiplier", "bonus", "each", "tierCredit", "donation"];
        private static readonly string[] Counts = ["visits", "quantity", "amount", "activities"];

        private List<CampaignGive> ReadGives(JsonFields fields)
        {
            var gives = new List<CampaignGive>();
            if (!fields.Has("gives"))
            {
                fields.Known("gives");
                if (!fields.Has("card") && !fields.Has("challenge") && !fields.Has("streak"))
                {
                    fields.Error("gives", $"is missing; a list of 1 to {MaxGives} is needed, or a card, challenge or streak that gives");
                }

                return gives;
            }

            foreach (var (element, path) in fields.List("gives", 1, MaxGives))
            {
                gives.Add(ReadGive(new JsonFields(element, path, errors)));
            }

            return gives;
        }

        private CampaignGive ReadGive(JsonFields give)
        {
            CampaignGive read;
            switch (give.Choice("type", Types, give.IsObject ? null : 2))
            {
                case 0:
                    var (rateUnit, ratePoints, per) = (Unit(give), Points(give), give.Whole("per", 1, MaxPoints));
                    CheckRate(give, ratePoints, per);
                    read = new CampaignGive.Rate(rateUnit, ratePoints, per);
                    break;
                case 1:
                    read = ReadMultiplier(give);
                    break;
                case 3:
                    var each = new CampaignGive.Each(Unit(give), Points(give), give.Fraction("quantity", 0.000001m, RequestLimits.Quantity, RequestLimits.QuantityDecimals));
                    // 10^12 is the most that a purchase may have of an article; the award must stay far from the end of 64 bits.
                    if (each.Points > each.Quantity * 1_000_000m)
                    {
                        give.Error("points", $"is {each.Points} for each {each.Quantity}; at most 1000000 for each 1 are possible");
                    }

                    read = each;
                    break;
                case 4:
                    read = new CampaignGive.TierCredit(give.Whole("amount", 1, RequestLimits.Amount));
                    if (program is { Tiers: null })
                    {
                        give.Error("type", "is tierCredit, and the program has no tiers");
                    }

                    break;
                case 5:
                    read = ReadDonation(give);
                    break;
                default:
                    read = give.IsObject ? new CampaignGive.Bonus(Unit(give), Points(give)) : new CampaignGive.Bonus("", 1);
                    break;
            }

            give.RefuseUnknown();
            return read;
        }

        private CampaignGive.Multiplier ReadMultiplier(JsonFields give)
        {
            var unit = Unit(give);
            var factor = give.Fraction("factor", 1.0001m, 100m, 4);
            var withTier = give.Choice("base", ["base", "tier"], 0) == 1;
            if (_onActivity)
            {
                give.Error("type", "is multiplier: an activity earns nothing that could be multiplied; rate, bonus or each are possible");
            }
            else if (program is not null && program.FindUnit(unit) is not null)
            {
                var rules = program.Earn.Where(rule => rule.Unit == unit).ToList();
                var bonus = withTier ? program.Tiers?.Levels.Max(level => (decimal)level.BonusNumerator / level.BonusDenominator) ?? 0m : 0m;
                if (rules.Count == 0)
                {
                    give.Error("unit", $"is '{unit}', which no earn rule of the program gives: there is nothing to multiply");
                }
                else if (rules.Sum(rule => (decimal)rule.Points / rule.Per * (rule.TierBonus ? 1m + bonus : 1m)) * (factor - 1m) is var most && most > 1000m)
                {
                    give.Error("factor", $"gives up to {most:0.####} points for one minor unit of money; at most 1000 are possible");
                }
            }

            return new(unit, (long)((factor - 1m) * 10_000m), withTier);
        }

        private CampaignGive.Donation ReadDonation(JsonFields give)
        {
            var (unit, cause, points, per) = (Unit(give), ProgramParser.Id(give, "cause"), Points(give), give.Whole("per", 1, MaxPoints, 0));
            if (per > 0)
            {
                CheckRate(give, points, per);
            }

            if (program is not null && program.Causes.All(known => known.Id != cause))
            {
                give.Error("cause", $"is '{cause}', which is no cause of the program; {Known(program.Causes.Select(known => known.Id))}");
            }

            return new(unit, cause, points, per);
        }

        private static void CheckRate(JsonFields give, long points, long per)
        {
            if (points > per * 1000)
            {
                give.Error("points", $"is {points} for {per}; at most 1000 points for one minor unit of money are possible");
            }
        }

        private static long Points(JsonFields fields) => fields.Whole("points", 1, MaxPoints);

        private string Unit(JsonFields fields, string name = "unit")
        {
            var unit = ProgramParser.Id(fields, name);
            if (unit.Length > 0 && program is not null && program.FindUnit(unit) is null)
            {
                fields.Error(name, $"is '{unit}', which is no unit of the program; {Known(program.Units.Select(known => known.Id))}");
            }

            return unit;
        }

        /// <summary>What a finished card, challenge or streak gives: bonuses.</summary>
        private List<CampaignGive.Bonus> ReadBonuses(JsonFields fields)
        {
            var bonuses = new List<CampaignGive.Bonus>();
            foreach (var (element, path) in fields.List("gives", 1, MaxGives))
            {
                var give = new JsonFields(element, path, errors);
                if (!give.IsObject)
                {
                    continue;
                }

                give.Choice("type", ["bonus"]);
                bonuses.Add(new(Unit(give), Points(give)));
                give.RefuseUnknown();
            }

            return bonuses;
        }

        private StampCard ReadCard(JsonFields fields)
        {
            var card = new StampCard(Unit(fields), fields.Whole("size", 1, 1_000_000), ReadBonuses(fields));
            fields.RefuseUnknown();
            if (card.Unit.Length > 0 && card.Gives.Where(give => give.Unit == card.Unit).Sum(give => give.Points) >= card.Size)
            {
                fields.Error("gives", $"gives at least the {card.Size} '{card.Unit}' that are taken: the card would be full again without end");
            }

            return card;
        }

        private Challenge ReadChallenge(JsonFields fields)
        {
            var steps = new List<ChallengeStep>();
            foreach (var (element, path) in fields.List("steps", 1, MaxSteps))
            {
                var step = new JsonFields(element, path, errors);
                var name = step.Text("name", 100);
                var counts = (StepCount)step.Choice("count", Counts);
                CampaignWhat? what = null;
                string? activity = null;
                if (counts == StepCount.Activities)
                {
                    activity = ReadActivity(step, "activity");
                }
                else
                {
                    what = step.Nested("what", required: false) is { } whatFields ? ReadSelection(whatFields, thresholds: false) : null;
                }

                var target = step.Whole("target", 1, counts is StepCount.Quantity or StepCount.Amount ? RequestLimits.Amount : 1_000_000);
                step.RefuseUnknown();
                if (name.Length > 0 && steps.Any(other => other.Name == name))
                {
                    step.Error("name", $"'{name}' is the name of an earlier step; each needs its own");
                }

                steps.Add(new(name, counts, what, activity, target));
            }

            int? within = fields.Has("withinDays") ? (int)fields.Whole("withinDays", 1, MaxDaysBack) : null;
            fields.Known("withinDays");
            var repeat = fields.Flag("repeat", false);
            var gives = ReadBonuses(fields);
            fields.RefuseUnknown();
            return new(steps, within, repeat, gives);
        }

        private Streak ReadStreak(JsonFields fields)
        {
            var period = (CampaignPeriod)(fields.Choice("period", Spans[1..]) + 1);
            var length = (int)fields.Whole("length", 2, 366);
            var minimum = fields.Whole("minimumAmount", 0, RequestLimits.Amount, 0);
            var repeat = fields.Flag("repeat", true);
            var gives = ReadBonuses(fields);
            fields.RefuseUnknown();
            return new(period, length, minimum, repeat, gives);
        }

        private static void CheckProgress(JsonFields fields, CampaignTrigger trigger)
        {
            string[] given = [.. ((string[])["card", "challenge", "streak"]).Where(fields.Has)];
            foreach (var name in given.Skip(1))
            {
                fields.Error(name, $"is given, and {given[0]} too; a campaign has at most one of card, challenge and streak");
            }

            if (trigger != CampaignTrigger.Purchase && given is [not "card", ..])
            {
                fields.Error("trigger", $"is no purchase; a {given[0]} counts what it names itself: leave the trigger out");
            }
        }

        private static CampaignCaps ReadCaps(JsonFields fields, List<CampaignGive> gives)
        {
            long? purchase = null, day = null, week = null, month = null, member = null;
            long? usesDay = null, usesWeek = null, usesMonth = null, usesMember = null;
            var any = false;
            if (fields.Nested("points", required: false) is { } points)
            {
                (purchase, day, week, month, member) = (Cap(points, "purchase"), Cap(points, "day"), Cap(points, "week"), Cap(points, "month"), Cap(points, "member"));
                points.RefuseUnknown();
                NeedsPoints(fields, "points", gives);
                any = true;
                if ((purchase ?? day ?? week ?? month ?? member) is null && points.IsObject)
                {
                    fields.Error("points", "has none of purchase, day, week, month, member; one at least is needed");
                }
            }

            if (fields.Nested("uses", required: false) is { } uses)
            {
                (usesDay, usesWeek, usesMonth, usesMember) = (Cap(uses, "day"), Cap(uses, "week"), Cap(uses, "month"), Cap(uses, "member"));
                uses.RefuseUnknown();
                any = true;
                if ((usesDay ?? usesWeek ?? usesMonth ?? usesMember) is null && uses.IsObject)
                {
                    fields.Error("uses", "has none of day, week, month, member; one at least is needed");
                }
            }

            if (!any && fields.IsObject)
            {
                fields.Error("points", "is missing, and uses too; one of them is needed");
            }

            var none = fields.Choice("whenShort", Shortages, 0) == 1;
            fields.RefuseUnknown();
            NeedsGives(fields, gives);
            long?[] limits = [purchase, day, week, month, member];
            if (none && limits.Min() is { } least && gives is [CampaignGive.Bonus { Points: var once }] && once > least)
            {
                fields.Error("points", $"caps at {least}, below the {once} that are given at once, and whenShort is none: nothing would ever be given");
            }

            return new(purchase, day, week, month, member, usesDay, usesWeek, usesMonth, usesMember, none);
        }

        private static long? Cap(JsonFields fields, string name)
        {
            fields.Known(name);
            return fields.Has(name) ? fields.Whole(name, 1, MaxTotal) : null;
        }

        private CampaignBudget ReadBudget(JsonFields fields, List<CampaignGive> gives)
        {
            var measure = (BudgetMeasure)fields.Choice("in", ["points", "money", "uses"]);
            var amount = fields.Whole("amount", 1, MaxTotal);
            var byStore = fields.Choice("by", ["campaign", "store"], 0) == 1;
            var period = (CampaignPeriod)fields.Choice("period", Spans, 0);
            var none = fields.Choice("whenShort", Shortages, 0) == 1;
            fields.RefuseUnknown();
            NeedsGives(fields, gives);
            if (measure != BudgetMeasure.Uses && fields.IsObject)
            {
                NeedsPoints(fields, "in", gives);
            }

            if (measure == BudgetMeasure.Money && gives.Count > 0 && UnitOf(gives[0]) is { } unit && program?.FindUnit(unit) is { Value: null })
            {
                fields.Error("in", $"is money, and the program says no value of the unit '{unit}'; give it one, or count in points");
            }

            if (measure == BudgetMeasure.Points && none && gives is [CampaignGive.Bonus { Points: var once }] && once > amount)
            {
                fields.Error("amount", $"is {amount}, below the {once} that are given at once, and whenShort is none: nothing would ever be given");
            }

            return new(measure, amount, byStore, period, none);
        }

        private static Leaderboard ReadLeaderboard(JsonFields fields, List<CampaignGive> gives)
        {
            var board = new Leaderboard((CampaignPeriod)fields.Choice("period", Spans), (int)fields.Whole("places", 1, 1000));
            fields.RefuseUnknown();
            NeedsPoints(fields, "period", gives);
            return board;
        }

        private static void NeedsGives(JsonFields fields, List<CampaignGive> gives)
        {
            if (gives.Count == 0 && fields.IsObject)
            {
                fields.Error("whenShort", "and its neighbours bound what gives gives, and gives is missing; what a card, challenge or streak gives is not bounded");
            }
        }

        private static void NeedsPoints(JsonFields fields, string name, List<CampaignGive> gives)
        {
            if (gives.Count > 0 && UnitOf(gives[0]) is null)
            {
                fields.Error(name, "counts points of the first give, and that is a tierCredit; put another give first, or count uses");
            }
        }
    }

    /// <summary>The unit that a give is in; null: none.</summary>
    internal static string? UnitOf(CampaignGive give) => give switch
    {
        CampaignGive.Rate rate => rate.Unit,
        CampaignGive.Multiplier multiplier => multiplier.Unit,
        CampaignGive.Bonus bonus => bonus.Unit,
        CampaignGive.Each each => each.Unit,
        CampaignGive.Donation donation => donation.Unit,
        _ => null,
    };
}
