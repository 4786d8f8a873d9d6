using System.Text.Json;
using System.Text.Unicode;
using Loyalty.Domain.Validation;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Domain.Programs;

/// <summary>Reads and checks a program definition. docs/PROGRAM.md lists every field.</summary>
public static partial class ProgramParser
{
    /// <summary>Largest definition that is read, bytes.</summary>
    public const int MaxBytes = 1 << 20;

    private static readonly string[] Policies = ["none", "rolling", "endOfPeriod", "fixedDates", "inactivity"];
    private static readonly string[] Periods = ["month", "quarter", "year"];
    private static readonly string[] Bases = ["spend", "points", "visits"];
    private static readonly string[] Windows = ["calendarYear", "rollingMonths", "membershipYear", "lifetime"];
    private static readonly string[] Retentions = ["endOfPeriod", "months", "forever"];
    private static readonly string[] Modes = ["down", "half-up", "half-even"];
    private static readonly string[] RoundingScopes = ["purchase", "line"];
    private static readonly string[] NegativeBalances = ["debt", "zero", "refuse"];
    private static readonly string[] UnknownMembers = ["enrol", "refuse"];

    /// <summary>Parses a definition.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="version">The version it will be.</param>
    /// <param name="effectiveFrom">What counts when the definition does not say <c>effectiveFrom</c>.</param>
    /// <param name="previous">The version before, or null: what members hold (units, levels) cannot be taken away, nor currency or time zone changed.</param>
    /// <param name="errors">Everything that is wrong.</param>
    /// <returns>The program, or null when there are errors.</returns>
    public static ProgramDefinition? Parse(
        ReadOnlyMemory<byte> json, int version, Instant effectiveFrom, ProgramDefinition? previous, List<FieldError> errors)
    {
        if (json.Length > MaxBytes)
        {
            errors.Add(new("", $"is {json.Length} bytes long; at most {MaxBytes} are read"));
            return null;
        }

        if (!Utf8.IsValid(json.Span))
        {
            errors.Add(new("", "is not JSON: it is not valid UTF-8"));
            return null;
        }

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16, CommentHandling = JsonCommentHandling.Disallow });
        }
        catch (JsonException e)
        {
            errors.Add(new("", $"is not JSON: {e.Message}"));
            return null;
        }

        using (document)
        {
            var fields = new JsonFields(document.RootElement, "", errors);
            if (errors.Count > 0)
            {
                return null;
            }

            var program = Read(fields, json, version, effectiveFrom, previous, errors);
            return errors.Count == 0 ? program : null;
        }
    }

    private static ProgramDefinition Read(
        JsonFields fields, ReadOnlyMemory<byte> json, int version, Instant effectiveFrom, ProgramDefinition? previous, List<FieldError> errors)
    {
        var name = fields.Text("name", 200);
        var currency = fields.Text("currency", 3);
        if (currency.Length != 3 || !currency.All(char.IsAsciiLetterUpper))
        {
            fields.Error("currency", $"is '{currency}'; an ISO 4217 code of three capital letters is needed, for example GBP");
        }

        var zoneId = fields.Text("timeZone", 64);
        var zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(zoneId);
        if (zone is null)
        {
            fields.Error("timeZone", $"is '{zoneId}'; an IANA time zone is needed, for example Europe/London");
        }

        effectiveFrom = fields.Time("effectiveFrom") ?? effectiveFrom;
        var units = ReadUnits(fields, errors);
        var unitIds = units.Select(unit => unit.Id).ToHashSet(StringComparer.Ordinal);
        var earn = ReadEarn(fields, unitIds, errors);

        var mode = RoundingMode.Down;
        var eachLine = false;
        if (fields.Nested("rounding", required: false) is { } rounding)
        {
            mode = (RoundingMode)rounding.Choice("mode", Modes, 0);
            eachLine = rounding.Choice("per", RoundingScopes, 0) == 1;
            rounding.RefuseUnknown();
        }

        var tiers = fields.Nested("tiers", required: false) is { } tierFields ? ReadTiers(tierFields, unitIds, earn, errors) : null;
        var negative = (NegativeBalancePolicy)fields.Choice("negativeBalance", NegativeBalances, 0);
        var enrol = fields.Choice("unknownMembers", UnknownMembers, 0) == 0;
        var skew = fields.Whole("clockSkewSeconds", 0, 86_400, 300);
        var stores = ReadStores(fields, errors);
        var causes = ReadCauses(fields, errors);
        var approval = fields.Flag("campaignApproval", false);
        var redemption = fields.Nested("redemption", required: false) is { } spending ? RedemptionPolicy.Read(spending, unitIds, errors) : RedemptionPolicy.Default;
        var transfers = fields.Nested("transfers", required: false) is { } giving ? TransferPolicy.Read(giving, unitIds, errors) : TransferPolicy.None;
        var households = fields.Nested("households", required: false) is { } household ? HouseholdPolicy.Read(household) : null;
        fields.RefuseUnknown();

        if (previous is not null)
        {
            CheckAgainst(previous, fields, currency, zoneId, unitIds, tiers, effectiveFrom);
            CheckCauses(previous, fields, causes);
        }

        return new ProgramDefinition
        {
            Version = version,
            EffectiveFrom = effectiveFrom,
            Name = name,
            Currency = currency,
            Calendar = previous?.Calendar ?? new BusinessCalendar(zone ?? DateTimeZone.Utc),
            Units = units,
            Earn = earn,
            Rounding = mode,
            RoundEachLine = eachLine,
            Tiers = tiers,
            NegativeBalance = negative,
            EnrolUnknownMembers = enrol,
            ClockSkew = Duration.FromSeconds(skew),
            Stores = stores,
            Causes = causes,
            CampaignApproval = approval,
            Redemption = redemption,
            Transfers = transfers,
            Households = households,
            Source = json.ToArray(),
        };
    }

    private static void CheckAgainst(
        ProgramDefinition previous, JsonFields fields, string currency, string zoneId, HashSet<string> unitIds, TierPolicy? tiers, Instant effectiveFrom)
    {
        if (currency != previous.Currency)
        {
            fields.Error("currency", $"is {currency}; the books are kept in {previous.Currency}, and that cannot change");
        }

        if (zoneId != previous.Calendar.Zone.Id)
        {
            fields.Error("timeZone", $"is {zoneId}; the books' days are those of {previous.Calendar.Zone.Id}, and that cannot change");
        }

        foreach (var unit in previous.Units.Where(unit => !unitIds.Contains(unit.Id)))
        {
            fields.Error("units", $"lacks '{unit.Id}' of version {previous.Version}: members may hold it; keep it, without an earn rule if it is to end");
        }

        foreach (var level in previous.Tiers?.Levels.Where(level => tiers is null || tiers.IndexOf(level.Id) == 0) ?? [])
        {
            fields.Error("tiers", $"lacks level '{level.Id}' of version {previous.Version}: members may stand on it; keep its id");
        }

        if (effectiveFrom < previous.EffectiveFrom)
        {
            fields.Error("effectiveFrom", $"is before {previous.EffectiveFrom}, when version {previous.Version} takes effect; a later time is needed");
        }
    }

    private static List<UnitDefinition> ReadUnits(JsonFields fields, List<FieldError> errors)
    {
        var units = new List<UnitDefinition>();
        foreach (var (element, path) in fields.List("units", 1, 16))
        {
            var unit = new JsonFields(element, path, errors);
            var id = Id(unit, "id");
            var label = unit.Text("name", 100, id.Length == 0 ? "unit" : id);
            var pending = (int)unit.Whole("pendingDays", 0, 3650, 0);
            var expiry = unit.Nested("expiry", required: false) is { } policy ? ReadExpiry(policy) : new ExpiryPolicy.Never();
            var (kind, value) = ReadKind(unit);
            unit.RefuseUnknown();
            if (units.Any(other => other.Id == id))
            {
                unit.Error("id", $"'{id}' is the id of an earlier unit; each needs its own");
            }

            units.Add(new(id, label, pending, expiry, kind, value));
        }

        return units;
    }

    private static ExpiryPolicy ReadExpiry(JsonFields fields)
    {
        ExpiryPolicy policy;
        switch (fields.Choice("policy", Policies))
        {
            case 1:
                var months = (int)fields.Whole("months", 0, 1200, 0);
                var days = (int)fields.Whole("days", 0, 36_500, 0);
                if (months + days == 0)
                {
                    fields.Error("months", "is missing or 0, and days too; a period of at least a day is needed");
                }

                policy = new ExpiryPolicy.Rolling(months, days, fields.Choice("roundTo", ["day", "endOfMonth"], 0) == 1);
                break;
            case 2:
                policy = new ExpiryPolicy.EndOfPeriod(fields.Choice("period", Periods) switch { 0 => 1, 1 => 3, _ => 12 }, (int)fields.Whole("periods", 0, 100, 0));
                break;
            case 3:
                var dates = new List<AnnualDate>();
                foreach (var (element, path) in fields.List("dates", 1, 12))
                {
                    if (JsonFields.TextOf(element) is { } date && AnnualDatePattern.Iso.Parse(date) is { Success: true } parsed)
                    {
                        dates.Add(parsed.Value);
                    }
                    else
                    {
                        fields.Error(path[(path.LastIndexOf('.') + 1)..], "is no day of the year; MM-DD is needed, for example 03-31");
                    }
                }

                policy = new ExpiryPolicy.FixedDates(dates, (int)fields.Whole("minimumDays", 0, 3650, 0));
                break;
            case 4:
                policy = new ExpiryPolicy.Inactivity((int)fields.Whole("months", 1, 1200));
                break;
            default:
                policy = new ExpiryPolicy.Never();
                break;
        }

        fields.RefuseUnknown();
        return policy;
    }

    private static List<EarnRule> ReadEarn(JsonFields fields, HashSet<string> unitIds, List<FieldError> errors)
    {
        var rules = new List<EarnRule>();
        foreach (var (element, path) in fields.List("earn", 1, 16))
        {
            var rule = new JsonFields(element, path, errors);
            var id = rule.Has("id") ? Id(rule, "id") : "base";
            var unit = rule.Text("unit", 32);
            if (!unitIds.Contains(unit))
            {
                rule.Error("unit", $"is '{unit}', which units does not list");
            }

            var points = rule.Whole("points", 1, 1_000_000);
            var per = rule.Whole("per", 1, 1_000_000_000);
            var bonus = rule.Flag("tierBonus", true);
            rule.RefuseUnknown();
            if (rules.Any(other => other.Id == id && other.Unit == unit))
            {
                rule.Error("id", $"'{id}' names an earlier rule of unit '{unit}'; each needs its own id");
            }

            // 10^12 of money is the most a purchase may be; the award must stay far from the end of 64 bits.
            if (points > per * 1000)
            {
                rule.Error("points", $"is {points} for {per}; at most 1000 points for one minor unit of money are possible");
            }

            rules.Add(new(id, unit, points, per, bonus));
        }

        return rules;
    }

    private static TierPolicy ReadTiers(JsonFields fields, HashSet<string> unitIds, List<EarnRule> earn, List<FieldError> errors)
    {
        var basis = (TierBasis)fields.Choice("basis", Bases);
        var unit = fields.Text("unit", 32, unitIds.FirstOrDefault() ?? "points");
        if (!unitIds.Contains(unit))
        {
            fields.Error("unit", $"is '{unit}', which units does not list");
        }

        var window = (TierWindow)fields.Choice("window", Windows);
        var months = window == TierWindow.RollingMonths ? (int)fields.Whole("months", 1, 24) : 0;
        var retention = window == TierWindow.Lifetime ? TierRetention.Forever : TierRetention.Months;
        var count = 12;
        if (fields.Nested("retention", required: false) is { } kept)
        {
            retention = (TierRetention)kept.Choice("policy", Retentions);
            count = retention switch
            {
                TierRetention.EndOfPeriod => (int)kept.Whole("periods", 0, 10, 1),
                TierRetention.Months => (int)kept.Whole("months", 1, 120),
                _ => 0,
            };
            if (retention == TierRetention.EndOfPeriod && window is TierWindow.RollingMonths or TierWindow.Lifetime)
            {
                kept.Error("policy", "is endOfPeriod, but a rolling or lifetime window has no periods; use months or forever");
            }

            kept.RefuseUnknown();
        }

        var grace = (int)fields.Whole("graceDays", 0, 3650, 0);
        var levels = new List<TierLevel>();
        foreach (var (element, path) in fields.List("levels", 1, 16))
        {
            var level = new JsonFields(element, path, errors);
            var id = Id(level, "id");
            var label = level.Text("name", 100, id.Length == 0 ? "level" : id);
            var threshold = level.Whole("threshold", 1, 1_000_000_000_000_000);
            var bonus = level.Fraction("bonus", 0m, 100m, 6, 0m);
            var perks = new List<string>();
            foreach (var (perk, perkPath) in level.List("perks", 0, 50))
            {
                if (JsonFields.TextOf(perk) is { Length: > 0 and <= 200 } text)
                {
                    perks.Add(text);
                }
                else
                {
                    errors.Add(new(perkPath, "is no text of 1 to 200 characters"));
                }
            }

            level.RefuseUnknown();
            if (levels.Count > 0 && threshold <= levels[^1].Threshold)
            {
                level.Error("threshold", $"is {threshold}; it must be above {levels[^1].Threshold}, the level before");
            }

            if (levels.Any(other => other.Id == id))
            {
                level.Error("id", $"'{id}' is the id of an earlier level; each needs its own");
            }

            levels.Add(new(id, label, threshold, (long)(bonus * 1_000_000m), 1_000_000, perks, [.. earn.Select(rule => rule.Id == "base" ? $"tier:{id}" : $"tier:{id}:{rule.Id}")]));
        }

        fields.RefuseUnknown();
        return new(basis, unit, window, months, retention, count, grace, levels);
    }

    internal static string Id(JsonFields fields, string name)
    {
        var id = fields.Text(name, 32);
        if (!id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
        {
            fields.Error(name, $"is '{id}'; letters, digits, - and _ are allowed");
        }

        return id;
    }
}
