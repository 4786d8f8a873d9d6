using System.Globalization;
using System.Text.Json;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Domain.Campaigns;

/// <summary>When, who, where and what.</summary>
public static partial class CampaignParser
{
    private sealed partial class Reader
    {
        private const int AllWeekdays = 127;

        private static readonly string[] Weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

        private CampaignWhen? ReadWhen(JsonFields fields, Instant? from, Instant? until)
        {
            var storeZone = fields.Choice("zone", ["program", "store"], 0) == 1;
            var dates = fields.Has("dates") ? ReadDates(fields) : null;
            var weekdays = fields.Has("weekdays") ? ReadWeekdays(fields) : AllWeekdays;
            var hours = fields.Has("hours") ? ReadHours(fields) : null;
            fields.Known("dates");
            fields.Known("weekdays");
            fields.Known("hours");
            fields.RefuseUnknown();
            if (dates is { Count: > 0 })
            {
                if (weekdays != 0 && !dates.Any(date => (weekdays & (1 << ((int)date.DayOfWeek - 1))) != 0))
                {
                    fields.Error("weekdays", "are days of the week of none of dates: it would never hold");
                }

                if (!dates.Any(date => LiesWithin(date, storeZone ? null : program?.Calendar, from, until)))
                {
                    fields.Error("dates", "are all outside from and until: it would never hold");
                }
            }

            return dates is null && weekdays == AllWeekdays && hours is null ? null : new(dates, weekdays, hours, storeZone);
        }

        private HashSet<LocalDate> ReadDates(JsonFields fields)
        {
            var dates = new HashSet<LocalDate>();
            foreach (var (element, path) in fields.List("dates", 1, 366))
            {
                if (JsonFields.TextOf(element) is not { Length: 10 } text || text[0] is not ('1' or '2') || LocalDatePattern.Iso.Parse(text) is not { Success: true, Value: var date })
                {
                    errors.Add(new(path, $"is {JsonFields.Shown(element)}; a day YYYY-MM-DD is needed, for example 2026-12-24"));
                }
                else if (!dates.Add(date))
                {
                    errors.Add(new(path, $"is {JsonFields.Shown(element)} once more; each is listed once"));
                }
            }

            return dates;
        }

        private int ReadWeekdays(JsonFields fields)
        {
            var days = 0;
            foreach (var (element, path) in fields.List("weekdays", 1, 7))
            {
                var day = JsonFields.TextOf(element) is { } word ? Array.IndexOf(Weekdays, word) : -1;
                if (day < 0)
                {
                    errors.Add(new(path, $"is {JsonFields.Shown(element)}; one of {string.Join(", ", Weekdays)} is needed"));
                }
                else if ((days & (1 << day)) != 0)
                {
                    errors.Add(new(path, $"is {JsonFields.Shown(element)} once more; each is listed once"));
                }
                else
                {
                    days |= 1 << day;
                }
            }

            return days;
        }

        private List<(int FromMinute, int ToMinute)> ReadHours(JsonFields fields)
        {
            var hours = new List<(int FromMinute, int ToMinute)>();
            foreach (var (element, path) in fields.List("hours", 1, 24))
            {
                var span = new JsonFields(element, path, errors);
                var (from, to) = (Minute(span, "from", 23 * 60 + 59), Minute(span, "to", 24 * 60));
                span.RefuseUnknown();
                if (from is not null && from == to)
                {
                    span.Error("to", "is the same as from: nothing lies between; for the whole day say 00:00 to 24:00");
                }

                hours.Add((from ?? 0, to ?? 0));
            }

            return hours;
        }

        private static int? Minute(JsonFields fields, string name, int latest)
        {
            if (!fields.Has(name))
            {
                fields.Text(name, 5);
                return null;
            }

            var value = fields.Raw(name)!.Value;
            if (JsonFields.TextOf(value) is { Length: 5 } text && text[2] == ':'
                && int.TryParse(text.AsSpan(0, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var hour)
                && int.TryParse(text.AsSpan(3, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var minute)
                && minute < 60 && (hour * 60) + minute <= latest)
            {
                return (hour * 60) + minute;
            }

            fields.Error(name, $"is {JsonFields.Shown(value)}; a time of day HH:MM up to {latest / 60:00}:{latest % 60:00} is needed");
            return null;
        }

        private CampaignWho? ReadWho(JsonFields fields, CampaignTrigger trigger)
        {
            var tiers = fields.Words("tiers", 1, 17, 32);
            if (program is not null)
            {
                foreach (var tier in (tiers ?? []).Where(tier => tier != "none" && (program.Tiers?.IndexOf(tier) ?? 0) == 0))
                {
                    fields.Error("tiers", $"has '{tier}', which is no level of the program; {Known(["none", .. program.Tiers?.Levels.Select(level => level.Id) ?? []])}");
                }
            }

            var tags = fields.Words("tags", 1, MaxTags, RequestLimits.NameLength);
            var noTags = fields.Words("noTags", 1, MaxTags, RequestLimits.NameLength);
            foreach (var tag in (tags ?? []).Intersect(noTags ?? []))
            {
                fields.Error("noTags", $"has '{tag}', and tags too; a member cannot have and lack it");
            }

            int? joined = fields.Has("joinedWithinDays") ? (int)fields.Whole("joinedWithinDays", 0, 3650) : null;
            int? absent = fields.Has("absentDays") ? (int)fields.Whole("absentDays", 1, 3650) : null;
            var first = fields.Flag("firstPurchase", false);
            var birthday = fields.Raw("birthday") is { } value ? ReadBirthday(fields, value) : null;
            var visit = fields.Nested("visit", required: false) is { } visitFields ? ReadVisit(visitFields) : null;
            var bought = fields.Nested("bought", required: false) is { } boughtFields ? ReadBought(boughtFields) : null;
            fields.Known("joinedWithinDays");
            fields.Known("absentDays");
            fields.RefuseUnknown();
            if (first)
            {
                const string Never = "members of whom it holds have bought before, and firstPurchase says they have not: it would never hold";
                if (absent is not null)
                {
                    fields.Error("absentDays", Never);
                }

                if (bought is not null)
                {
                    fields.Error("bought", Never);
                }

                if (visit is not null && trigger == CampaignTrigger.Purchase && (visit.Every > 1 || (visit.Every == 0 && !visit.Numbers.Contains(1))))
                {
                    fields.Error("visit", "is another than the first, and firstPurchase says it is the first: it would never hold");
                }
            }

            return tiers is null && tags is null && noTags is null && joined is null && absent is null && !first && birthday is null && visit is null && bought is null
                ? null
                : new(tiers, tags, noTags, joined, first, birthday, visit, absent, bought);
        }

        private BirthdayWindow ReadBirthday(JsonFields fields, JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Object)
            {
                if (JsonFields.TextOf(value) != "month")
                {
                    fields.Error("birthday", $"is {JsonFields.Shown(value)}; \"month\" or {{\"daysBefore\": 0–30, \"daysAfter\": 0–30}} is needed");
                }

                return new(0, 0, true);
            }

            var window = new JsonFields(value, fields.Path("birthday"), errors);
            var (before, after) = ((int)window.Whole("daysBefore", 0, 30, 0), (int)window.Whole("daysAfter", 0, 30, 0));
            window.RefuseUnknown();
            return new(before, after, false);
        }

        private VisitNumber ReadVisit(JsonFields fields)
        {
            var every = fields.Has("every") ? (int)fields.Whole("every", 1, 1_000_000) : 0;
            var numbers = new SortedSet<int>();
            var given = fields.Has("numbers");
            foreach (var (element, path) in given ? fields.List("numbers", 1, 100) : [])
            {
                if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt32(out var number) || number is < 1 or > 1_000_000)
                {
                    errors.Add(new(path, $"is {JsonFields.Shown(element)}; a whole number from 1 to 1000000 is needed"));
                }
                else if (!numbers.Add(number))
                {
                    errors.Add(new(path, $"is {number} once more; each is listed once"));
                }
            }

            if (given == (every != 0))
            {
                fields.Error("every", given ? "is given, and numbers too; one of them is needed" : "is missing, and numbers too; one of them is needed");
            }

            fields.Known("every");
            fields.Known("numbers");
            fields.RefuseUnknown();
            return new(every, [.. numbers]);
        }

        private static BoughtBefore ReadBought(JsonFields fields)
        {
            var what = fields.Nested("what", required: true) is { } whatFields ? ReadSelection(whatFields, thresholds: false) : null;
            var days = (int)fields.Whole("withinDays", 1, MaxDaysBack);
            var quantity = Quantity(fields, "quantity", 1m);
            fields.RefuseUnknown();
            return new(what ?? new(null, null, null, null, null, null, 0m, 0, 0), days, quantity);
        }

        private CampaignWhere? ReadWhere(JsonFields fields)
        {
            var stores = Names(fields, "stores", RequestLimits.NameLength);
            var groups = Names(fields, "storeGroups", 32);
            var channels = Names(fields, "channels", RequestLimits.NameLength);
            fields.RefuseUnknown();
            if (program is not null)
            {
                foreach (var store in (stores ?? []).Where(store => program.Stores.Count > 0 && program.FindStore(store) is null))
                {
                    fields.Error("stores", $"has '{store}', which is none of the program's stores; list it there first");
                }

                if (groups is not null)
                {
                    var known = program.Stores.Values.SelectMany(store => store.Groups).ToHashSet(StringComparer.Ordinal);
                    foreach (var group in groups.Where(group => !known.Contains(group)))
                    {
                        fields.Error("storeGroups", $"has '{group}', which no store of the program belongs to; {Known(known)}");
                    }
                }
            }

            return stores is null && groups is null && channels is null ? null : new(stores, groups, channels);
        }

        private CampaignWhat? ReadWhat(JsonFields fields)
        {
            if (!_onActivity)
            {
                return ReadSelection(fields, thresholds: true);
            }

            foreach (var name in (string[])["skus", "categories", "brands", "not", "basketAmount"])
            {
                if (fields.Has(name))
                {
                    fields.Error(name, "is about lines of goods, and an activity has none; minimumAmount and minimumQuantity are possible");
                }

                fields.Known(name);
            }

            var quantity = fields.Has("minimumQuantity") ? Quantity(fields, "minimumQuantity", null) : 0m;
            var amount = fields.Whole("minimumAmount", 1, RequestLimits.Amount, 0);
            fields.Known("minimumQuantity");
            fields.RefuseUnknown();
            return quantity == 0m && amount == 0 ? null : new(null, null, null, null, null, null, quantity, amount, 0);
        }

        /// <summary>Which goods; with <paramref name="thresholds"/> also how much of them.</summary>
        private static CampaignWhat? ReadSelection(JsonFields fields, bool thresholds)
        {
            var skus = Names(fields, "skus", RequestLimits.IdLength);
            var categories = Names(fields, "categories", RequestLimits.NameLength);
            var brands = Names(fields, "brands", RequestLimits.NameLength);
            HashSet<string>? notSkus = null, notCategories = null, notBrands = null;
            if (fields.Nested("not", required: false) is { } not)
            {
                notSkus = Names(not, "skus", RequestLimits.IdLength);
                notCategories = Names(not, "categories", RequestLimits.NameLength);
                notBrands = Names(not, "brands", RequestLimits.NameLength);
                not.RefuseUnknown();
                Apart(not, "skus", skus, notSkus);
                Apart(not, "categories", categories, notCategories);
                Apart(not, "brands", brands, notBrands);
            }

            var (quantity, amount, basket) = (0m, 0L, 0L);
            if (thresholds)
            {
                quantity = fields.Has("minimumQuantity") ? Quantity(fields, "minimumQuantity", null) : 0m;
                amount = fields.Whole("minimumAmount", 1, RequestLimits.Amount, 0);
                basket = fields.Whole("basketAmount", 1, RequestLimits.Amount, 0);
                fields.Known("minimumQuantity");
            }

            fields.RefuseUnknown();
            var any = (skus ?? categories ?? brands ?? notSkus ?? notCategories ?? notBrands) is not null;
            return any || quantity != 0m || amount != 0 || basket != 0 ? new(skus, categories, brands, notSkus, notCategories, notBrands, quantity, amount, basket) : null;
        }

        private static void Apart(JsonFields not, string name, HashSet<string>? wanted, HashSet<string>? unwanted)
        {
            foreach (var both in (wanted ?? []).Where(word => unwanted?.Contains(word) == true))
            {
                not.Error(name, $"has '{both}', and {name} too; it cannot match and not match");
            }
        }

        private static HashSet<string>? Names(JsonFields fields, string name, int maxLength) =>
            fields.Words(name, 1, MaxNames, maxLength)?.ToHashSet(StringComparer.Ordinal);

        private static decimal Quantity(JsonFields fields, string name, decimal? fallback) =>
            fields.Fraction(name, 0.000001m, RequestLimits.Quantity, RequestLimits.QuantityDecimals, fallback);

        private static string Known(IEnumerable<string> words) => words.Order(StringComparer.Ordinal).Take(20).ToList() is { Count: > 0 } some ? $"known are {string.Join(", ", some)}" : "there are none";
    }

    /// <summary>Whether a part of the day may lie from <paramref name="from"/> to before <paramref name="until"/>; without a calendar in any zone of the earth.</summary>
    private static bool LiesWithin(LocalDate date, BusinessCalendar? calendar, Instant? from, Instant? until)
    {
        var start = calendar?.StartOf(date) ?? date.AtMidnight().InUtc().ToInstant() - Duration.FromHours(14);
        var end = calendar?.StartOf(date.PlusDays(1)) ?? date.PlusDays(1).AtMidnight().InUtc().ToInstant() + Duration.FromHours(12);
        return (from is null || end > from) && (until is null || start < until);
    }
}
