using System.Text;
using System.Text.Json.Nodes;
using Loyalty.Gateway.Http;
using NodaTime;

namespace Loyalty.Gateway.Tests;

public sealed class ProgramTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private static readonly string Sample = Encoding.UTF8.GetString(OperationsEndpoint.ReadResource("sample-program.json"));

    private Api Api => gateway.Api;

    [Fact]
    public async Task A_second_version_judges_the_sales_from_its_time_on()
    {
        var before = (await Api.GetAsync("/v1/program")).Expect(200).Json;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Sample), before["definition"]));
        var second = JsonNode.Parse(Sample)!;
        second["earn"]![0]!["points"] = 2;
        second["effectiveFrom"] = "2026-03-11T00:00:00Z";

        var published = (await Api.PutAsync("/v1/program", second.ToJsonString())).Expect(200).Json;
        Assert.Equal((long)before["version"]! + 1, (long)published["version"]!);
        Assert.Equal("2026-03-11T00:00:00Z", (string)published["effectiveFrom"]!);
        var again = (await Api.PutAsync("/v1/program", second.ToJsonString())).Expect(200).Json;
        Assert.True(JsonNode.DeepEquals(published, again));
        Assert.Equal((long)before["version"]!, (long)(await Api.GetAsync("/v1/program")).Json["version"]!);
        Assert.Equal(14, (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), "M-program", ("1", 1, 1485)))).Expect(200).Available());

        gateway.Clock.Advance(Duration.FromDays(1));

        Assert.Equal((long)published["version"]!, (long)(await Api.GetAsync("/v1/program")).Json["version"]!);
        var next = Sales.Purchase(Sales.NewId(), "M-program", ("1", 1, 1485)).With("at", "2026-03-11T00:00:00Z");
        Assert.Equal(14 + 29, (await Api.PurchaseAsync(next)).Expect(200).Available());
    }

    [Theory]
    [InlineData("currency", "\"EUR\"", "currency")]
    [InlineData("currency", "\"gbp\"", "currency", "currency")]
    [InlineData("timeZone", "\"Europe/Berlin\"", "timeZone")]
    [InlineData("timeZone", "\"Mars/Base\"", "timeZone", "timeZone")]
    [InlineData("effectiveFrom", "\"2020-01-01T00:00:00Z\"", "effectiveFrom")]
    [InlineData("effectiveFrom", "\"2026-02-30T00:00:00Z\"", "effectiveFrom")]
    [InlineData("effectiveFrom", "\"9999-12-31T23:59:59-18:00\"", "effectiveFrom")]
    [InlineData("units", "[]", "units", "earn[0].unit", "tiers.unit", "units")]
    [InlineData("units", """[ { "id": "miles" } ]""", "earn[0].unit", "units")]
    [InlineData("earn", """[ { "unit": "points", "points": 0, "per": 100 } ]""", "earn[0].points")]
    [InlineData("earn", """[ { "unit": "points", "points": 1000000, "per": 1 } ]""", "earn[0].points")]
    [InlineData("tiers", "null", "tiers", "tiers")]
    [InlineData("negativeBalance", "\"\\ud800\"", "negativeBalance")]
    [InlineData("rounding", """{ "mode": "up" }""", "rounding.mode")]
    [InlineData("clockSkewSeconds", "1e2", "clockSkewSeconds")]
    [InlineData("colour", "1", "colour")]
    [InlineData("\\ud800", "1", "")]
    public async Task A_program_that_is_not_valid_is_refused_with_its_fields_and_the_one_in_force_stays(string field, string value, params string[] fields)
    {
        var before = (await Api.GetAsync("/v1/program")).Text;
        var definition = JsonNode.Parse(Sample)!.AsObject();
        definition.Remove(field);

        (await Api.PutAsync("/v1/program", $"{definition.ToJsonString()[..^1]},\"{field}\":{value}}}")).ExpectProblem(400, "malformed", fields);

        Assert.Equal(before, (await Api.GetAsync("/v1/program")).Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("\ufeff{}")]
    public async Task What_is_no_program_at_all_is_malformed(string body) => (await Api.PutAsync("/v1/program", body)).ExpectProblem(400, "malformed", "");

    [Fact]
    public async Task A_program_of_more_than_a_megabyte_is_too_large()
    {
        (await Api.PutAsync("/v1/program", new string(' ', 1 << 20) + Sample)).ExpectProblem(413, "too-large");
    }

    [Fact]
    public async Task However_much_is_wrong_the_answer_stays_short()
    {
        var body = "{" + string.Join(",", Enumerable.Range(0, 5000).Select(i => $"\"field{i}\":1")) + "}";

        Assert.True((await Api.PutAsync("/v1/program", body)).Expect(400).Fields.Length == 20);
    }
}
