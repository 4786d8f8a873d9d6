using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

public sealed class LedgerTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private Api Api => gateway.Api;

    [Fact]
    public async Task A_purchase_leads_to_its_postings_and_the_statement_leads_back()
    {
        (await Api.PurchaseAsync(Sales.Purchase("T/1", "M-trace", ("1", 2, 2000)))).Expect(200);

        var trace = (await Api.GetAsync("/v1/requests/T%2F1")).Expect(200).Json;
        Assert.Equal("member M-trace recorded", $"{trace["decidedBy"]!["kind"]} {trace["decidedBy"]!["key"]} {trace["outcome"]}");
        Assert.Equal("issued member 20 points", Assert.Single(trace["postings"]!.AsArray().Select(one => $"{one!["from"]} {one["to"]} {one["points"]} {one["unit"]}")));
        var fact = trace["facts"]!.AsArray().Single(one => (string)one!["fact"]! == "purchaseRecorded")!;
        Assert.Equal("T/1", (string)fact["content"]!["purchase"]!["id"]!);
        Assert.Equal("00000000000000000000000000000000", (string)trace["chainBefore"]!);

        var entry = (await Api.GetAsync("/v1/members/M-trace/statement")).Expect(200).Json["entries"]![0]!;
        Assert.Equal("T/1", (string)entry["request"]!);
        Assert.Equal((long)fact["version"]!, (long)entry["version"]!);

        // The next request's chain begins where this one's ends.
        (await Api.PurchaseAsync(Sales.Purchase("T2", "M-trace", ("1", 2, 2000)))).Expect(200);
        Assert.Equal((string)trace["chain"]!, (string)(await Api.GetAsync("/v1/requests/T2")).Expect(200).Json["chainBefore"]!);
    }

    [Fact]
    public async Task A_refused_request_and_an_anonymous_sale_are_found_too()
    {
        (await Api.PurchaseAsync(Sales.Purchase("T3", "M-trace-3", ("1", 1, 100)).With("currency", "EUR"))).Expect(422);
        (await Api.PurchaseAsync(Sales.Purchase("T4", null, ("1", 1, 100)))).Expect(200);

        var refused = (await Api.GetAsync("/v1/requests/T3")).Expect(200).Json;
        Assert.Equal("refused", (string)refused["outcome"]!);
        Assert.Equal("wrong-currency", (string)refused["facts"]!.AsArray().Single(one => (string)one!["fact"]! == "requestRefused")!["content"]!["refusal"]!["code"]!);
        Assert.Equal("sales", (string)(await Api.GetAsync("/v1/requests/T4")).Expect(200).Json["decidedBy"]!["kind"]!);
    }

    [Fact]
    public async Task A_request_that_nobody_decided_is_not_known()
    {
        (await Api.GetAsync("/v1/requests/never")).ExpectProblem(404, "unknown-request", "id");
        (await Api.GetAsync("/v1/requests/" + new string('x', 301))).ExpectProblem(400, "malformed", "id");
    }
}

/// <summary>Books of their own: the report is about all members.</summary>
public sealed class LiabilityTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private Api Api => gateway.Api;

    [Fact]
    public async Task Points_are_told_by_the_month_in_which_they_lapse_and_add_up_to_the_account()
    {
        var empty = (await Api.GetAsync("/v1/reports/liability")).Expect(200).Json;
        Assert.Empty(empty["units"]!.AsArray());

        (await Api.PurchaseAsync(Sales.Purchase("L1", "M-1", ("1", 1, 2000)))).Expect(200);
        (await Api.PurchaseAsync(Sales.Purchase("L2", "M-2", ("1", 1, 3000)).With("at", "2026-01-31T11:00:00Z"))).Expect(200);
        (await Api.PurchaseAsync(Sales.Purchase("L3", "M-3", ("1", 1, 500)))).Expect(200);
        (await Api.ReturnAsync(Sales.Return("L4", null, "M-3", ("1", 1, 1200)))).Expect(200);

        var report = (await Api.GetAsync("/v1/reports/liability")).Expect(200).Json;
        var unit = Assert.Single(report["units"]!.AsArray())!;
        Assert.Equal(["2029-01 30 0", "2029-03 20 0"], unit["months"]!.AsArray().Select(month => $"{month!["month"]} {month["points"]} {month["held"]}"));
        Assert.Equal("members 3, lots 50, debt 7, account 43", $"members {unit["members"]}, lots {unit["inLots"]}, debt {unit["debt"]}, account {unit["member"]}");

        var books = (await Api.GetAsync("/v1/ledger/trial-balance")).Expect(200).Json;
        Assert.Equal((long)books["asOf"]!, (long)report["position"]!);
        Assert.Equal(43, (long)books["units"]![0]!["accounts"]!.AsArray().Single(account => (string)account!["account"]! == "member")!["balance"]!);
    }
}

public sealed class MemberImportTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private Api Api => gateway.Api;

    [Fact]
    public async Task Rows_and_lines_bring_the_same_members_in()
    {
        var csv = """"
            member,card,enrolledAt,tier,tierSince,tierThrough,lots,debts,progress
            I-1,C1;C2,2019-05-01T00:00:00+01:00,gold,2025-06-01,2026-12-31,points:250:2025-11-30:2027-11-30 points:5:2024-01-01:never,,2026-01-05:99000::1
            "I,""2""",,,,,,,points:30,
            """".Replace("\n", "\r\n", StringComparison.Ordinal);
        var report = (await Api.PostAsync("/v1/imports/members?import=rows", csv, "text/csv")).Expect(200).Json;
        Assert.Equal(0, (long)report["errorCount"]!);
        Assert.Equal("2 2 255 30", $"{report["members"]} {report["imported"]} {report["units"]![0]!["points"]} {report["units"]![0]!["debt"]}");

        var member = (await Api.MemberAsync("I-1")).Expect(200).Json;
        Assert.Equal("gold", (string)member["tier"]!);
        Assert.Equal(["2025-11-30/2025-11-30/2027-11-30", "2024-01-01/2024-01-01/-"], member["lots"]!.AsArray().Select(lot => (string)lot!["lot"]!));
        Assert.Equal("I-1", (string)(await Api.GetAsync("/v1/members?type=card&value=C2")).Expect(200).Json["id"]!);
        Assert.Equal(-30, await Api.PointsAsync("I,\"2\""));
        Assert.Equal("import", (string)(await Api.GetAsync("/v1/members/I-1/statement")).Expect(200).Json["entries"]![0]!["kind"]!);
        (await Api.GetAsync("/v1/requests/import:rows:I-1")).Expect(200);

        var lines = """{"member":"I-3","lots":[{"unit":"points","points":7,"earnedOn":"2026-01-01"}]}""" + "\n\n" + """{"member":"I-4","alternativeIds":[{"type":"card","value":"C4"}]}""";
        report = (await Api.PostAsync("/v1/imports/members?import=lines", lines, Api.Lines)).Expect(200).Json;
        Assert.Equal(2, (long)report["imported"]!);
        Assert.Equal(7, await Api.PointsAsync("I-3"));
    }

    [Fact]
    public async Task The_same_file_again_brings_nobody_in_twice_and_another_content_is_a_conflict()
    {
        const string Path = "/v1/imports/members?import=again";
        var line = """{"member":"A-1","lots":[{"unit":"points","points":7,"earnedOn":"2026-01-01"}]}""";
        Assert.Equal(1, (long)(await Api.PostAsync(Path, line, Api.Lines)).Expect(200).Json["imported"]!);
        var books = await Api.BooksAsync();
        var again = (await Api.PostAsync(Path, line, Api.Lines)).Expect(200).Json;
        Assert.Equal("0 1", $"{again["imported"]} {again["replayed"]}");
        var other = (await Api.PostAsync(Path, line.Replace("7", "8", StringComparison.Ordinal), Api.Lines)).Expect(200).Json;
        Assert.Equal("conflict", (string)other["errors"]![0]!["code"]!);
        var elsewhere = (await Api.PostAsync("/v1/imports/members?import=another", line, Api.Lines)).Expect(200).Json;
        Assert.Equal("member-exists", (string)elsewhere["errors"]![0]!["code"]!);
        Assert.Equal(books, await Api.BooksAsync());
    }

    [Fact]
    public async Task A_dry_run_says_the_same_and_changes_nothing()
    {
        (await Api.PostAsync("/v1/imports/members?import=before", """{"member":"D-0","alternativeIds":[{"type":"card","value":"D0"}]}""", Api.Lines)).Expect(200);
        var lines = string.Join('\n',
            """{"member":"D-1","lots":[{"unit":"points","points":7,"earnedOn":"2026-01-01"}]}""",
            """{"member":"D-1"}""",
            """{"member":"D-0"}""",
            """{"member":"D-2","alternativeIds":[{"type":"card","value":"D0"}]}""",
            """{"member":"D-3","lots":[{"unit":"miles","points":7,"earnedOn":"2026-01-01"}]}""",
            """{"member":"D-4","colour":"red"}""",
            "not JSON");
        var before = await Api.StateAsync("D-0");
        var report = (await Api.PostAsync("/v1/imports/members?import=dry&dryRun=true", lines, Api.Lines)).Expect(200).Json;
        Assert.Equal(before, await Api.StateAsync("D-0"));
        Assert.Equal("7 1 4 2", $"{report["members"]} {report["imported"]} {report["refused"]} {report["malformed"]}");
        Assert.Equal(
            ["2 D-1 twice member", "3 D-0 member-exists member", "4 D-2 alternative-id-taken alternativeIds[0]", "5 D-3 import-rule lots[0].unit", "6 D-4 malformed colour", "7  malformed "],
            report["errors"]!.AsArray().Select(error => $"{error!["line"]} {error["member"]} {error["code"]} {error["field"]}"));

        // For real the right ones come in, and the alternative id of a refused one is free.
        report = (await Api.PostAsync("/v1/imports/members?import=dry", lines, Api.Lines)).Expect(200).Json;
        Assert.Equal(7, await Api.PointsAsync("D-1"));
        (await Api.MemberAsync("D-2")).ExpectProblem(404, "unknown-member", "member");
    }

    [Theory]
    [InlineData("member,shoe size\nA,1", "shoe size")]
    [InlineData("card\n1", "member")]
    [InlineData("member,member\n1,1", "member")]
    public async Task A_head_line_that_is_not_understood_is_malformed(string csv, string field) =>
        (await Api.PostAsync("/v1/imports/members?import=head", csv, "text/csv")).ExpectProblem(400, "malformed", field);

    [Theory]
    [InlineData("H-1,", "")]
    [InlineData("\"H-1", "")]
    [InlineData("H-1,points:1", "lots[0]")]
    [InlineData("H-1,points:one:2026-01-01", "lots[0].points")]
    [InlineData("H-1,points:1:2026-02-30", "lots[0].earnedOn")]
    [InlineData("H-1,points:0:2026-01-01", "lots[0].points")]
    [InlineData(",", "member")]
    public async Task A_row_that_is_not_understood_is_named_with_its_field(string row, string field)
    {
        var report = (await Api.PostAsync("/v1/imports/members?import=row", $"member,lots{(row.EndsWith("1,", StringComparison.Ordinal) ? ",debts" : "")}\n{row}", "text/csv")).Expect(200).Json;
        Assert.Equal($"2 malformed {field}", $"{report["errors"]![0]!["line"]} {report["errors"]![0]!["code"]} {report["errors"]![0]!["field"]}");
        Assert.Equal(0, (long)report["imported"]!);
    }

    [Theory]
    [InlineData("", "import")]
    [InlineData("?import=x&dryRun=yes", "dryRun")]
    [InlineData("?import=x&colour=red", "colour")]
    public async Task Parameters_are_checked(string query, string field) =>
        (await Api.PostAsync("/v1/imports/members" + query, "", "text/csv")).ExpectProblem(400, "malformed", field);

    [Fact]
    public async Task A_thousand_members_come_in_and_the_books_hold_what_they_brought()
    {
        var lines = string.Join('\n', Enumerable.Range(0, 1000).Select(i => new JsonObject
        {
            ["member"] = $"K-{i}",
            ["alternativeIds"] = new JsonArray(new JsonObject { ["type"] = "card", ["value"] = $"K{i / 2}" }),
            ["lots"] = new JsonArray(new JsonObject { ["unit"] = "points", ["points"] = 3, ["earnedOn"] = "2026-02-01" }),
        }.ToJsonString()));
        var report = (await Api.PostAsync("/v1/imports/members?import=many", lines, Api.Lines)).Expect(200).Json;

        // Of each two that want the same card one gets it, whichever comes first.
        Assert.Equal("1000 500 500", $"{report["members"]} {report["imported"]} {report["refused"]}");
        Assert.Equal(1500, (long)report["units"]![0]!["points"]!);
    }
}
