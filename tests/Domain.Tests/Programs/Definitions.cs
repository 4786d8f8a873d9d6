using System.Text.Json.Nodes;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;
using NodaTime;
using Xunit;
using Utf8 = System.Text.Encoding;

namespace Loyalty.Domain.Tests.Programs;

public class Definitions
{
    private const string Complete = """
        {
          "name": "Retrospot rewards", "currency": "GBP", "timeZone": "Europe/London", "effectiveFrom": "2026-01-01T00:00:00+01:00",
          "units": [
            { "id": "points", "name": "Points", "pendingDays": 14, "expiry": { "policy": "rolling", "months": 36, "days": 1, "roundTo": "endOfMonth" } },
            { "id": "stamps", "expiry": { "policy": "endOfPeriod", "period": "quarter", "periods": 2 } },
            { "id": "miles", "expiry": { "policy": "fixedDates", "dates": ["03-31", "02-29"], "minimumDays": 90 } },
            { "id": "cash", "expiry": { "policy": "inactivity", "months": 18 } },
            { "id": "hearts", "expiry": { "policy": "none" } },
            { "id": "plain" }
          ],
          "earn": [
            { "unit": "points", "points": 1, "per": 100 },
            { "id": "extra", "unit": "stamps", "points": 3, "per": 1000, "tierBonus": false }
          ],
          "rounding": { "mode": "half-even", "per": "line" },
          "tiers": {
            "basis": "points", "unit": "points", "window": "rollingMonths", "months": 12, "retention": { "policy": "months", "months": 13 }, "graceDays": 30,
            "levels": [
              { "id": "silver", "name": "Silver", "threshold": 500, "bonus": 0.25, "perks": ["free delivery"] },
              { "id": "gold", "threshold": 1000, "bonus": 0.333333 }
            ]
          },
          "negativeBalance": "zero", "unknownMembers": "refuse", "clockSkewSeconds": 60
        }
        """;

    private const string Minimal = """
        { "name": "n", "currency": "GBP", "timeZone": "UTC", "units": [{ "id": "points" }], "earn": [{ "unit": "points", "points": 1, "per": 100 }] }
        """;

    [Fact]
    public void A_complete_definition_is_read_with_everything_in_it()
    {
        var program = Read(Complete);
        Assert.Equal((1, "Retrospot rewards", "GBP", "Europe/London"), (program.Version, program.Name, program.Currency, program.Calendar.Zone.Id));
        Assert.Equal(Instant.FromUtc(2025, 12, 31, 23, 0), program.EffectiveFrom);
        Assert.Equal(["points", "stamps", "miles", "cash", "hearts", "plain"], program.Units.Select(unit => unit.Id));
        Assert.Equal(("Points", 14, new ExpiryPolicy.Rolling(36, 1, true)), (program.Units[0].Name, program.Units[0].PendingDays, program.Units[0].Expiry));
        Assert.Equal(new ExpiryPolicy.EndOfPeriod(3, 2), program.Units[1].Expiry);
        var fixedDates = Assert.IsType<ExpiryPolicy.FixedDates>(program.Units[2].Expiry);
        Assert.Equal(([new AnnualDate(3, 31), new AnnualDate(2, 29)], 90), (fixedDates.Dates, fixedDates.MinimumDays), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2 == b.Item2);
        Assert.Equal(new ExpiryPolicy.Inactivity(18), program.Units[3].Expiry);
        Assert.IsType<ExpiryPolicy.Never>(program.Units[4].Expiry);
        Assert.IsType<ExpiryPolicy.Never>(program.Units[5].Expiry);
        Assert.Equal([new("base", "points", 1, 100, true), new("extra", "stamps", 3, 1000, false)], program.Earn);
        Assert.Equal((RoundingMode.HalfEven, true), (program.Rounding, program.RoundEachLine));
        var tiers = program.Tiers!;
        Assert.Equal((TierBasis.Points, "points", TierWindow.RollingMonths, 12), (tiers.Basis, tiers.Unit, tiers.Window, tiers.WindowMonths));
        Assert.Equal((TierRetention.Months, 13, 30), (tiers.Retention, tiers.RetentionCount, tiers.GraceDays));
        Assert.Equal([("silver", "Silver", 500L, 0.25m), ("gold", "gold", 1000L, 0.333333m)], tiers.Levels.Select(l => (l.Id, l.Name, l.Threshold, (decimal)l.BonusNumerator / l.BonusDenominator)));
        Assert.Equal(["free delivery"], tiers.Levels[0].Perks);
        Assert.Equal((NegativeBalancePolicy.Zero, false, Duration.FromSeconds(60)), (program.NegativeBalance, program.EnrolUnknownMembers, program.ClockSkew));
    }

    [Fact]
    public void What_is_not_said_has_its_default()
    {
        var program = Read(Minimal);
        Assert.Equal((RoundingMode.Down, false, NegativeBalancePolicy.Debt, true, 300), (program.Rounding, program.RoundEachLine, program.NegativeBalance, program.EnrolUnknownMembers, (int)program.ClockSkew.TotalSeconds));
        Assert.Null(program.Tiers);
        Assert.Equal(Instant.FromUtc(2026, 5, 1, 0, 0), program.EffectiveFrom);
    }

    /// <summary>A path into the complete definition, what is put there (nothing: it is taken away), the field and a part of the message that must come back.</summary>
    [Theory]
    [InlineData("name", null, "name", "missing")]
    [InlineData("name", "\"\"", "name", "1 to 200")]
    [InlineData("name", "7", "name", "a text is needed")]
    [InlineData("name", "\"a\\u0000b\"", "name", "unprintable")]
    [InlineData("name", "\"\\ud800\"", "name", "Unicode")]
    [InlineData("currency", "\"gbp\"", "currency", "ISO 4217")]
    [InlineData("currency", "\"POUND\"", "currency", "ISO 4217")]
    [InlineData("currency", "null", "currency", "missing")]
    [InlineData("timeZone", "\"Europe/Londn\"", "timeZone", "IANA")]
    [InlineData("effectiveFrom", "\"2026-01-01\"", "effectiveFrom", "offset is needed")]
    [InlineData("effectiveFrom", "\"2026-02-30T00:00:00Z\"", "effectiveFrom", "offset is needed")]
    [InlineData("unitz", "[]", "unitz", "is not a field here")]
    [InlineData("units", "[]", "units", "a list of 1 to 16")]
    [InlineData("units", "{}", "units", "a list of 1 to 16")]
    [InlineData("units[0]", "\"points\"", "units[0]", "an object is needed")]
    [InlineData("units[1].id", "\"points\"", "units[1].id", "earlier unit")]
    [InlineData("units[0].id", "\"my points\"", "units[0].id", "letters, digits")]
    [InlineData("units[0].pendingDays", "-1", "units[0].pendingDays", "from 0 to 3650")]
    [InlineData("units[0].pendingDays", "1.5", "units[0].pendingDays", "whole number")]
    [InlineData("units[0].pendingDays", "\"14\"", "units[0].pendingDays", "whole number")]
    [InlineData("units[0].colour", "1", "units[0].colour", "known are expiry, id, kind, name, pendingDays, value")]
    [InlineData("units[0].expiry.policy", "\"sometimes\"", "units[0].expiry.policy", "one of none, rolling")]
    [InlineData("units[0].expiry.policy", null, "units[0].expiry.policy", "missing")]
    [InlineData("units[0].expiry", "{ \"policy\": \"rolling\" }", "units[0].expiry.months", "at least a day")]
    [InlineData("units[0].expiry.months", "99999999999999999999999", "units[0].expiry.months", "from 0 to 1200")]
    [InlineData("units[0].expiry.roundTo", "\"endOfYear\"", "units[0].expiry.roundTo", "one of day, endOfMonth")]
    [InlineData("units[0].expiry.period", "\"month\"", "units[0].expiry.period", "is not a field here")]
    [InlineData("units[1].expiry.period", "\"week\"", "units[1].expiry.period", "one of month, quarter, year")]
    [InlineData("units[2].expiry.dates", "[]", "units[2].expiry.dates", "a list of 1 to 12")]
    [InlineData("units[2].expiry.dates[0]", "\"02-30\"", "units[2].expiry.dates[0]", "MM-DD")]
    [InlineData("units[2].expiry.dates[1]", "331", "units[2].expiry.dates[1]", "MM-DD")]
    [InlineData("units[3].expiry.months", "0", "units[3].expiry.months", "from 1 to 1200")]
    [InlineData("units[4].expiry.months", "3", "units[4].expiry.months", "is not a field here")]
    [InlineData("earn", null, "earn", "missing")]
    [InlineData("earn[0].unit", "\"pints\"", "earn[0].unit", "which units does not list")]
    [InlineData("earn[0].points", "0", "earn[0].points", "from 1 to 1000000")]
    [InlineData("earn[0].points", "1e400", "earn[0].points", "whole number")]
    [InlineData("earn[0].per", "0", "earn[0].per", "from 1 to 1000000000")]
    [InlineData("earn[0].tierBonus", "\"yes\"", "earn[0].tierBonus", "true or false")]
    [InlineData("earn[1]", "{ \"unit\": \"points\", \"points\": 1, \"per\": 1 }", "earn[1].id", "earlier rule")]
    [InlineData("earn[0]", "{ \"unit\": \"points\", \"points\": 1001, \"per\": 1 }", "earn[0].points", "at most 1000 points")]
    [InlineData("rounding", "\"down\"", "rounding", "an object is needed")]
    [InlineData("rounding.mode", "\"up\"", "rounding.mode", "one of down, half-up, half-even")]
    [InlineData("rounding.per", "\"basket\"", "rounding.per", "one of purchase, line")]
    [InlineData("tiers.basis", null, "tiers.basis", "missing")]
    [InlineData("tiers.unit", "\"pints\"", "tiers.unit", "which units does not list")]
    [InlineData("tiers.months", "25", "tiers.months", "from 1 to 24")]
    [InlineData("tiers.window", "\"calendarYear\"", "tiers.months", "is not a field here")]
    [InlineData("tiers.retention", "{ \"policy\": \"endOfPeriod\" }", "tiers.retention.policy", "use months or forever")]
    [InlineData("tiers.retention.months", "0", "tiers.retention.months", "from 1 to 120")]
    [InlineData("tiers.graceDays", "3651", "tiers.graceDays", "from 0 to 3650")]
    [InlineData("tiers.levels", "[]", "tiers.levels", "a list of 1 to 16")]
    [InlineData("tiers.levels[1].threshold", "500", "tiers.levels[1].threshold", "above 500")]
    [InlineData("tiers.levels[1].id", "\"silver\"", "tiers.levels[1].id", "earlier level")]
    [InlineData("tiers.levels[0].bonus", "0.1234567", "tiers.levels[0].bonus", "at most 6 decimals")]
    [InlineData("tiers.levels[0].bonus", "-0.1", "tiers.levels[0].bonus", "from 0 to 100")]
    [InlineData("tiers.levels[0].bonus", "1e99", "tiers.levels[0].bonus", "from 0 to 100")]
    [InlineData("tiers.levels[0].perks[0]", "\"\"", "tiers.levels[0].perks[0]", "1 to 200")]
    [InlineData("negativeBalance", "\"forgive\"", "negativeBalance", "one of debt, zero, refuse")]
    [InlineData("unknownMembers", "true", "unknownMembers", "one of enrol, refuse")]
    [InlineData("rounding.mode", "\"\\ud800\"", "rounding.mode", "one of down")]
    [InlineData("units[2].expiry.dates[0]", "\"\\ud800\"", "units[2].expiry.dates[0]", "MM-DD")]
    [InlineData("tiers.levels[0].perks[0]", "\"\\ud800\"", "tiers.levels[0].perks[0]", "1 to 200")]
    [InlineData("rounding", "{ \"\\ud800\": 1 }", "rounding", "no valid Unicode")]
    [InlineData("clockSkewSeconds", "86401", "clockSkewSeconds", "from 0 to 86400")]
    public void What_is_wrong_is_named_with_its_field(string path, string? json, string field, string fragment)
    {
        var errors = Errors(Utf8.UTF8.GetBytes(Changed(Complete, path, json)));
        Assert.Contains(errors, error => error.Field == field && error.Message.Contains(fragment, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("{", "not JSON")]
    [InlineData("{} {}", "not JSON")]
    [InlineData("{ 'name': 1 }", "not JSON")]
    [InlineData("{ \"clockSkewSeconds\": NaN }", "not JSON")]
    [InlineData("{ \"clockSkewSeconds\": 1, }", "not JSON")]
    [InlineData("{ /* hello */ }", "not JSON")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "not JSON")]
    [InlineData("[]", "a list; an object is needed")]
    [InlineData("null", "null; an object is needed")]
    [InlineData("\"program\"", "a text; an object is needed")]
    public void What_is_no_object_is_refused_as_a_whole(string json, string fragment)
    {
        var error = Assert.Single(Errors(Utf8.UTF8.GetBytes(json)));
        Assert.Equal("", error.Field);
        Assert.Contains(fragment, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_field_given_twice_is_refused() =>
        Assert.Contains(Errors(Utf8.UTF8.GetBytes(Minimal.Replace("\"name\": \"n\"", "\"name\": \"n\", \"name\": \"m\"", StringComparison.Ordinal))), e => e is { Field: "name", Message: "is given twice" });

    [Fact]
    public void A_nested_field_given_twice_is_refused() =>
        Assert.Contains(Errors(Utf8.UTF8.GetBytes(Minimal.Replace("\"per\": 100", "\"per\": 100, \"per\": 1", StringComparison.Ordinal))), e => e is { Field: "earn[0].per", Message: "is given twice" });

    [Fact]
    public void Bytes_that_are_no_UTF_8_are_refused()
    {
        var bytes = Utf8.UTF8.GetBytes(Minimal);
        bytes[Array.IndexOf(bytes, (byte)'n', 10)] = 0xff;
        Assert.NotEmpty(Errors(bytes));
        foreach (var text in new[] { "GBP", "UTC", "points", "name" })
        {
            var garbled = Utf8.UTF8.GetBytes(Minimal);
            garbled[Minimal.IndexOf(text, StringComparison.Ordinal)] = 0xc0;
            Assert.NotEmpty(Errors(garbled));
        }
    }

    [Fact]
    public void A_definition_of_more_than_1_MiB_is_not_read()
    {
        Assert.Empty(Errors([.. Utf8.UTF8.GetBytes(Minimal.TrimEnd()), .. Enumerable.Repeat((byte)' ', ProgramParser.MaxBytes - Minimal.TrimEnd().Length)]));
        var error = Assert.Single(Errors([.. Utf8.UTF8.GetBytes(Minimal.TrimEnd()), .. Enumerable.Repeat((byte)' ', ProgramParser.MaxBytes - Minimal.TrimEnd().Length + 1)]));
        Assert.Contains("1048576", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_errors_come_at_once()
    {
        var json = Changed(Changed(Changed(Complete, "currency", "\"x\""), "earn[0].per", "0"), "tiers.levels[0].bonus", "true");
        Assert.Equal(["currency", "earn[0].per", "tiers.levels[0].bonus"], Errors(Utf8.UTF8.GetBytes(json)).Select(error => error.Field).Where(field => field != "earn[0].points").Order());
    }

    [Fact]
    public void Garbled_definitions_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(20260301);
        for (var i = 0; i < 5000; i++)
        {
            var bytes = Utf8.UTF8.GetBytes(Complete);
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)(random.Next(3) == 0 ? random.Next(256) : "{}[]\",:0123456789-.etrufalsn"[random.Next(28)]);
            }

            Assert.NotNull(Errors(bytes));
        }
    }

    // ---- a second version

    [Theory]
    [InlineData("currency", "\"EUR\"", "currency", "cannot change")]
    [InlineData("timeZone", "\"Europe/Paris\"", "timeZone", "cannot change")]
    [InlineData("units[5]", null, "units", "lacks 'plain' of version 1")]
    [InlineData("tiers.levels[1]", null, "tiers", "lacks level 'gold' of version 1")]
    [InlineData("tiers", null, "tiers", "lacks level 'silver' of version 1")]
    [InlineData("effectiveFrom", "\"2025-01-01T00:00:00Z\"", "effectiveFrom", "a later time is needed")]
    public void What_members_hold_cannot_vanish_with_a_new_version(string path, string? json, string field, string fragment)
    {
        var errors = Errors(Utf8.UTF8.GetBytes(Changed(Complete, path, json)), Read(Complete));
        Assert.Contains(errors, error => error.Field == field && error.Message.Contains(fragment, StringComparison.Ordinal));
    }

    [Fact]
    public void A_new_version_may_earn_expire_and_rank_otherwise()
    {
        var json = Changed(Changed(Changed(Complete, "earn[1]", null), "units[0].expiry", "{ \"policy\": \"none\" }"), "tiers.levels[0].threshold", "1");
        Assert.Empty(Errors(Utf8.UTF8.GetBytes(json), Read(Complete)));
    }

    private static ProgramDefinition Read(string json)
    {
        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(Utf8.UTF8.GetBytes(json), 1, Instant.FromUtc(2026, 5, 1, 0, 0), null, errors);
        Assert.Empty(errors);
        return program!;
    }

    private static List<FieldError> Errors(byte[] json, ProgramDefinition? previous = null)
    {
        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(json, previous is null ? 1 : 2, Instant.FromUtc(2026, 5, 1, 0, 0), previous, errors);
        Assert.Equal(program is null, errors.Count > 0);
        return errors;
    }

    /// <summary>The JSON with something else at a path; text, so that numbers which no type holds can be put there.</summary>
    internal static string Changed(string json, string path, string? value)
    {
        var node = JsonNode.Parse(json)!;
        var names = path.Replace("[", ".[", StringComparison.Ordinal).Split('.');
        var parent = node;
        foreach (var name in names[..^1])
        {
            parent = name[0] == '[' ? parent[int.Parse(name[1..^1])]! : parent[name]!;
        }

        var (last, placeholder) = (names[^1], value is null ? null : JsonValue.Create("<here>"));
        if (last[0] == '[')
        {
            if (placeholder is null)
            {
                parent.AsArray().RemoveAt(int.Parse(last[1..^1]));
            }
            else
            {
                parent[int.Parse(last[1..^1])] = placeholder;
            }
        }
        else if (placeholder is null)
        {
            parent.AsObject().Remove(last);
        }
        else
        {
            parent[last] = placeholder;
        }

        var options = new System.Text.Json.JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        return node.ToJsonString(options).Replace("\"<here>\"", value, StringComparison.Ordinal);
    }
}
