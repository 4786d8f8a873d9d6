using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;
using NodaTime;
using Xunit;
using Utf8 = System.Text.Encoding;

namespace Loyalty.Domain.Tests.Programs;

/// <summary>Stores, causes, kinds and values of units: the part of a program that campaigns need.</summary>
public class WhatCampaignsNeed
{
    private const string Complete = """
        {
          "name": "n", "currency": "GBP", "timeZone": "Europe/London",
          "units": [
            { "id": "points", "value": { "money": 1, "points": 2 } }, { "id": "stamps", "kind": "stamps" }, { "id": "wallet", "kind": "cash" },
            { "id": "regular", "kind": "badge" }, { "id": "free-coffee", "kind": "entitlement", "value": { "money": 300 } }
          ],
          "earn": [{ "unit": "points", "points": 1, "per": 100 }],
          "stores": [
            { "id": "S1", "zone": "Europe/Lisbon", "groups": ["south", "outlet"] }, { "id": "S2", "zone": "Europe/Lisbon" }, { "id": "S3" }
          ],
          "causes": [{ "id": "bees", "name": "A field for bees" }, { "id": "school" }],
          "campaignApproval": true
        }
        """;

    [Fact]
    public void Stores_causes_and_what_units_are_worth_are_read()
    {
        var program = Read(Complete);
        Assert.Equal([UnitKind.Points, UnitKind.Stamps, UnitKind.Cash, UnitKind.Badge, UnitKind.Entitlement], program.Units.Select(unit => unit.Kind));
        Assert.Equal([new UnitValue(1, 2), null, new UnitValue(1, 1), null, new UnitValue(300, 1)], program.Units.Select(unit => unit.Value));
        Assert.Equal(["outlet", "south"], program.FindStore("S1")!.Groups.Order());
        Assert.Equal("Europe/Lisbon", program.FindStore("S1")!.Zone!.Zone.Id);
        Assert.Same(program.FindStore("S1")!.Zone, program.FindStore("S2")!.Zone);
        Assert.Null(program.FindStore("S3")!.Zone);
        Assert.Null(program.FindStore("S4"));
        Assert.Equal([new("bees", "A field for bees"), new("school", "school")], program.Causes);
        Assert.True(program.CampaignApproval);
    }

    [Fact]
    public void A_program_that_says_nothing_of_them_has_none()
    {
        var program = Read("""{ "name": "n", "currency": "GBP", "timeZone": "UTC", "units": [{ "id": "points" }], "earn": [{ "unit": "points", "points": 1, "per": 100 }] }""");
        Assert.Equal((0, 0, false, UnitKind.Points, null), (program.Stores.Count, program.Causes.Count, program.CampaignApproval, program.Units[0].Kind, program.Units[0].Value));
    }

    [Theory]
    [InlineData("units[0].kind", "\"pebbles\"", "units[0].kind", "one of points, stamps, miles, cash, badge, entitlement")]
    [InlineData("units[0].value", "0.5", "units[0].value", "an object is needed")]
    [InlineData("units[0].value.money", "-1", "units[0].value.money", "from 0 to 1000000000")]
    [InlineData("units[0].value.points", "0", "units[0].value.points", "from 1 to 1000000000")]
    [InlineData("units[0].value.money", null, "units[0].value.money", "missing")]
    [InlineData("units[2].value", "{ \"money\": 1, \"points\": 100 }", "units[2].value", "leave the value out")]
    [InlineData("stores", "{}", "stores", "a list of 0 to 10000")]
    [InlineData("stores[1].id", "\"S1\"", "stores[1].id", "earlier store")]
    [InlineData("stores[1].id", null, "stores[1].id", "missing")]
    [InlineData("stores[1].zone", "\"Europe/Lisboa\"", "stores[1].zone", "IANA")]
    [InlineData("stores[1].colour", "1", "stores[1].colour", "known are groups, id, zone")]
    [InlineData("stores[0].groups", "[]", "stores[0].groups", "a list of 1 to 16")]
    [InlineData("stores[0].groups[1]", "\"south\"", "stores[0].groups[1]", "once more")]
    [InlineData("stores[0].groups[1]", "7", "stores[0].groups[1]", "1 to 32 printable")]
    [InlineData("causes[1].id", "\"bees\"", "causes[1].id", "earlier cause")]
    [InlineData("causes[1].id", "\"the school\"", "causes[1].id", "letters, digits")]
    [InlineData("campaignApproval", "\"yes\"", "campaignApproval", "true or false")]
    public void What_is_wrong_is_named_with_its_field(string path, string? json, string field, string fragment) =>
        Assert.Contains(Errors(Definitions.Changed(Complete, path, json)), error => error.Field == field && error.Message.Contains(fragment, StringComparison.Ordinal));

    [Fact]
    public void A_cause_that_was_given_to_cannot_vanish()
    {
        var errors = Errors(Definitions.Changed(Complete, "causes[1]", null), Read(Complete));
        Assert.Contains(errors, error => error.Field == "causes" && error.Message.Contains("lacks 'school' of version 1", StringComparison.Ordinal));
        Assert.Empty(Errors(Definitions.Changed(Complete, "stores", "[]"), Read(Complete)));
    }

    [Fact]
    public void What_points_cost_is_rounded_up()
    {
        var value = new UnitValue(1, 3);
        Assert.Equal([0L, 1, 1, 2, 4], new long[] { 0, 1, 3, 4, 10 }.Select(value.Of));
        Assert.Equal(long.MaxValue, new UnitValue(1_000_000_000, 1).Of(long.MaxValue));
    }

    private static ProgramDefinition Read(string json)
    {
        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(Utf8.UTF8.GetBytes(json), 1, Instant.FromUtc(2026, 5, 1, 0, 0), null, errors);
        Assert.Empty(errors);
        return program!;
    }

    private static List<FieldError> Errors(string json, ProgramDefinition? previous = null)
    {
        var errors = new List<FieldError>();
        ProgramParser.Parse(Utf8.UTF8.GetBytes(json), previous is null ? 1 : 2, Instant.FromUtc(2026, 5, 1, 0, 0), previous, errors);
        return errors;
    }
}
