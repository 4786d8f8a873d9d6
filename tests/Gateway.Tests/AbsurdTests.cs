using System.IO.Compression;
using System.Text;

namespace Loyalty.Gateway.Tests;

public sealed class AbsurdTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private const string Member = "M-absurd";

    private Api Api => gateway.Api;

    /// <summary>Bodies with <c>ID</c> for an id of its own, and the field that is wrong; several when a comma is between.</summary>
    public static TheoryData<string, string, string> Bodies()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var amount in new[]
        {
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "-1", "1e3", "1.5", "1.0", "1E400", "\"12\"", "\"\"", "null", "true", "[]", "{}",
            "1000000000001", new string('9', 5000),
        })
        {
            data.Add($"amount {Short(amount)}", Body(line: $$"""{"sku":"1","quantity":1,"amount":{{amount}}}"""), "lines[0].amount");
        }

        foreach (var quantity in new[] { "0", "0.0", "-0", "-1", "1e-7", "1e30", "1e400", "1e-400", "0.0000001", "1.0000001", "1000000000.000001", "1000000001", "\"1\"", "null", "[1]" })
        {
            data.Add($"quantity {quantity}", Body(line: $$"""{"sku":"1","quantity":{{quantity}},"amount":1}"""), "lines[0].quantity");
        }

        foreach (var nonsense in new[] { "NaN", "Infinity", "01", "+1", ".5", "1.", "0x10", "1_000", "--1", "'1'", "undefined" })
        {
            data.Add($"number {nonsense}", Body(line: $$"""{"sku":"1","quantity":1,"amount":{{nonsense}}}"""), "");
        }

        var huge = new string('i', 10 * 1024);
        foreach (var (field, length) in new[] { ("id", 128), ("member", 128), ("store", 64), ("channel", 64), ("currency", 3) })
        {
            foreach (var text in new[]
            {
                $"\"{huge}\"", $"\"{new string('i', length + 1)}\"", "\"\"", "\"\\u0000\"", "\"a\\nb\"", "\"\\u007f\"", "\"\\u0085\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\ud800\\ud800\"", "12", "true", "[]", "{}",
                $"[{new string(' ', 100)}[[]]]",
            })
            {
                data.Add($"{field} {Short(text)}", Body(field, text), field);
            }
        }

        foreach (var field in new[] { "id", "store", "currency", "at", "lines" })
        {
            data.Add($"{field} null", Body(field, "null"), field);
            data.Add($"no {field}", Body(field, null), field);
        }

        foreach (var at in new[]
        {
            "", "now", "2026-03-10", "2026-03-10T11:00:00", "2026-03-10T11:00Z", "2026-03-10 11:00:00Z", "2026-02-30T11:00:00Z", "2026-02-29T11:00:00Z", "2026-13-01T11:00:00Z", "2026-00-10T11:00:00Z",
            "2026-03-10T24:00:00Z", "2026-03-10T11:60:00Z", "2026-06-30T23:59:60Z", "2026-03-10T11:00:00+25:00", "2026-03-10T11:00:00+0100", "2026-03-10T11:00:00 Europe/London",
            "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "2026-03-10T11:00:00." + new string('1', 100) + "Z",
            "\\ud800aaaaaaaaaaaaaaaaaaa", new string('Z', 10_000),
        })
        {
            data.Add($"at {Short(at)}", Body("at", $"\"{at}\""), "at");
        }

        data.Add("at a number", Body("at", "1773140400"), "at");
        data.Add("lines no list", Body("lines", "{}"), "lines");
        data.Add("no lines", Body("lines", "[]"), "lines");
        data.Add("10,000 lines", Body("lines", "[" + string.Join(",", Enumerable.Repeat("""{"sku":"1","quantity":1,"amount":1}""", 10_000)) + "]"), "lines");
        data.Add("1001 lines", Body("lines", "[" + string.Join(",", Enumerable.Repeat("""{"sku":"1","quantity":1,"amount":1}""", 1001)) + "]"), "lines");
        data.Add("more money than there is", Body("lines", """[{"sku":"1","quantity":1,"amount":1000000000000},{"sku":"1","quantity":1,"amount":1}]"""), "lines");
        data.Add("line null", Body(line: "null"), "lines[0]");
        data.Add("line a number", Body(line: "1"), "lines[0]");
        data.Add("line a list", Body(line: "[[[]]]"), "lines[0]");
        data.Add("line empty", Body(line: "{}"), "lines[0].sku,lines[0].quantity,lines[0].amount");
        data.Add("unknown field", Body("colour", "\"red\""), "colour");
        data.Add("unknown field with much in it", Body("colour", """{"a":[{"b":{}}],"id":1}"""), "colour");
        data.Add("unknown field of a line", Body(line: """{"sku":"1","quantity":1,"amount":1,"price":{"a":[1]}}"""), "lines[0].price");
        data.Add("field of a line outside", Body("sku", "\"1\""), "sku");
        data.Add("field in other case", Body("Member", "\"M\""), "Member");
        data.Add("field twice", Body("x", "1").Replace("\"x\":1", "\"store\":\"S2\"", StringComparison.Ordinal), "store");
        data.Add("field of a line twice", Body(line: """{"sku":"1","sku":"1","quantity":1,"amount":1}"""), "lines[0].sku");
        data.Add("everything wrong", """{"id":1,"store":2,"at":3,"currency":4,"lines":5,"z":6}""", "id,store,at,currency,lines,z");
        data.Add("empty object", "{}", "id,store,at,currency,lines");
        foreach (var body in new[] { "", " ", "null", "[]", "[{}]", "12", "\"text\"", "true", "{", "}", "{]", "{\"id\"}", "{\"id\":}", "{id:1}", "{'id':1}", "{,}", "\0", "\ufeff{}", "// nothing", "<purchase/>", "id=1&store=2" })
        {
            data.Add($"body {body}", body, "");
        }

        data.Add("trailing text", Body() + "x", "");
        data.Add("trailing object", Body() + "{}", "");
        data.Add("trailing comma", Body()[..^1] + ",}", "");
        data.Add("comment", "/* purchase */" + Body(), "");
        data.Add("10,000 levels of lists", Body("id", new string('[', 10_000) + new string(']', 10_000)), "");
        data.Add("10,000 levels of objects", Body("x", string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000)), "");
        data.Add("17 levels", Body("colour", new string('[', 17) + new string(']', 17)), "");
        return data;

        static string Short(string text) => text.Length > 30 ? text[..30] + "…" : text;
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task What_makes_no_sense_is_refused_with_its_fields_and_changes_nothing(string what, string body, string fields)
    {
        (await Api.PurchaseAsync(Sales.Purchase("absurd-first", Member, ("22138", 3, 1485)))).Expect(200);
        var before = await Api.StateAsync(Member);
        body = body.Replace("ID", Sales.NewId("absurd"), StringComparison.Ordinal);

        foreach (var path in new[] { "/v1/purchases", "/v1/returns" })
        {
            var reply = (await Api.PostAsync(path, body)).Expect(400);
            Assert.Equal("malformed", reply.Problem);
            Assert.True(fields.Split(',').Order().SequenceEqual(reply.Fields.Order()), $"{what}: {reply.Text}");
            if (body.Trim().Length > 0 && !body.Contains('\n', StringComparison.Ordinal))
            {
                var line = Assert.Single((await Api.PostAsync(path, body, Api.Lines)).Expect(200).Lines);
                Assert.Equal(400, (int)line["status"]!);
            }
        }

        Assert.Equal(before, await Api.StateAsync(Member));
    }

    [Theory]
    [InlineData("id", "🎁")]
    [InlineData("id", "Zoë O'Brien ﷽ \u200b")]
    [InlineData("member", "👩‍👩‍👧‍👦")]
    [InlineData("store", "店")]
    public async Task Any_printable_text_is_a_name(string field, string text)
    {
        var sale = Sales.Purchase(Sales.NewId(), Member, ("🧁", 0.000001m, 0)).With(field, $"{Sales.NewId()}{text}");

        Assert.Equal((string)sale["id"]!, (string)(await Api.PurchaseAsync(sale)).Expect(200).Json["id"]!);
    }

    [Fact]
    public async Task The_largest_purchase_there_can_be_is_a_purchase()
    {
        var lines = Enumerable.Range(0, 1000).Select(i => ($"{new string('s', 120)}{i}", 999_999_999.999999m, 1_000_000_000L)).ToArray();

        Assert.Equal(10_000_000_000, (await Api.PurchaseAsync(Sales.Purchase(Sales.NewId(), "M-largest", lines))).Expect(200).Available());
    }

    [Theory]
    [InlineData("é", 0xFF)]
    [InlineData("é", 0xC0)]
    public async Task Bytes_that_are_no_text_are_refused_where_they_are(string there, byte bad)
    {
        var before = await Api.BooksAsync();
        foreach (var field in new[] { "id", "member", "store", "channel", "currency" })
        {
            var body = Encoding.UTF8.GetBytes(Sales.Purchase(Sales.NewId(), Member, ("1", 1, 1)).With(field, "MARK").ToJsonString());
            var at = body.AsSpan().IndexOf("MARK"u8);
            var reply = await Api.SendAsync(HttpMethod.Post, "/v1/purchases", [.. body[..at], bad, .. body[(at + 4)..]], Api.Json);

            reply.ExpectProblem(400, "malformed", field);
        }

        Assert.NotEmpty(there);
        Assert.Equal(before, await Api.BooksAsync());
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/jsonx")]
    [InlineData("application/xml; charset=utf-8")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("nonsense")]
    [InlineData("")]
    [InlineData(null)]
    public async Task Another_content_type_is_not_understood(string? type)
    {
        var before = await Api.BooksAsync();
        var body = Encoding.UTF8.GetBytes(Sales.Purchase(Sales.NewId(), Member, ("1", 1, 100)).ToJsonString());
        foreach (var path in new[] { "/v1/purchases", "/v1/returns", "/v1/adjustments", "/v1/members" })
        {
            (await Api.SendAsync(HttpMethod.Post, path, body, type)).ExpectProblem(415, "media-type", "Content-Type");
        }

        (await Api.SendAsync(HttpMethod.Put, "/v1/program", body, type)).ExpectProblem(415, "media-type", "Content-Type");
        (await Api.SendAsync(HttpMethod.Post, "/v1/adjustments", body, Api.Lines)).ExpectProblem(415, "media-type", "Content-Type");
        Assert.Equal(before, await Api.BooksAsync());
    }

    [Theory]
    [InlineData("application/json; charset=utf-8")]
    [InlineData("APPLICATION/JSON")]
    public async Task The_content_type_may_have_parameters_and_any_case(string type) =>
        (await Api.PostAsync("/v1/purchases", Sales.Purchase(Sales.NewId(), Member, ("1", 1, 100)).ToJsonString(), type)).Expect(200);

    [Theory]
    [InlineData("/v1/purchases", Api.Json)]
    [InlineData("/v1/purchases", Api.Lines)]
    [InlineData("/v1/members", Api.Json)]
    [InlineData("/v1/program", Api.Json)]
    public async Task A_compressed_body_is_not_understood(string path, string type)
    {
        using var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes(Sales.Purchase(Sales.NewId(), Member, ("1", 1, 100)).ToJsonString()));
        }

        var request = new HttpRequestMessage(path == "/v1/program" ? HttpMethod.Put : HttpMethod.Post, path) { Content = new ByteArrayContent(zipped.ToArray()) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        request.Content.Headers.ContentEncoding.Add("gzip");

        (await Api.SendAsync(request)).ExpectProblem(415, "media-type", "Content-Encoding");
    }

    [Fact]
    public async Task A_body_of_two_megabytes_is_too_large()
    {
        var before = await Api.BooksAsync();
        var body = Sales.Purchase(Sales.NewId(), Member, ("1", 1, 100)).ToJsonString() + new string(' ', 2 << 20);

        (await Api.PostAsync("/v1/purchases", body)).ExpectProblem(413, "too-large");
        (await Api.PostAsync("/v1/members", body)).ExpectProblem(413, "too-large");
        Assert.Equal(before, await Api.BooksAsync());
    }

    [Fact]
    public async Task A_body_of_exactly_a_megabyte_is_fine()
    {
        var body = Sales.Purchase(Sales.NewId(), Member, ("1", 1, 100)).ToJsonString();

        (await Api.PostAsync("/v1/purchases", body + new string(' ', (1 << 20) - body.Length))).Expect(200);
    }

    public static TheoryData<string, string, int> Broken => new()
    {
        { "a header of a megabyte", "GET /v1/program HTTP/1.1\r\nHost: test\r\nX-Huge: " + new string('x', 1 << 20) + "\r\n\r\n", 431 },
        { "an address of a megabyte", "GET /v1/members/" + new string('x', 1 << 20) + " HTTP/1.1\r\nHost: test\r\n\r\n", 414 },
        { "a thousand headers", "GET /v1/program HTTP/1.1\r\nHost: test\r\n" + string.Concat(Enumerable.Range(0, 1000).Select(i => $"X-{i}: 1\r\n")) + "\r\n", 431 },
        { "no request at all", "hello\r\n\r\n", 400 },
        { "no host", "GET /v1/program HTTP/1.1\r\n\r\n", 400 },
        { "another protocol", "GET /v1/program HTTP/7.0\r\nHost: test\r\n\r\n", 505 },
        { "a zero byte in the address", "GET /v1/members/a%00b HTTP/1.1\r\nHost: test\r\n\r\n", 400 },
        { "no length", "POST /v1/purchases HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\r\n", 400 },
        { "a length that is no number", "POST /v1/purchases HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n{}", 400 },
        { "two lengths", "POST /v1/purchases HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400 },
        { "chunks of no size", "POST /v1/purchases HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n", 400 },
        { "chunks of no size in an enrolment", "POST /v1/members HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n", 400 },
        { "another transfer encoding", "POST /v1/purchases HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip\r\n\r\nhello\r\n", 501 },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task What_is_no_proper_http_is_refused_and_changes_nothing(string what, string request, int status)
    {
        var before = await Api.BooksAsync();
        using var connection = await gateway.ConnectAsync();
        try
        {
            await connection.SendAsync(request);
        }
        catch (IOException)
        {
            // The gateway has seen enough before all of it was sent.
        }

        var found = await connection.ReadHeadAsync();

        Assert.True(found == status || found == 0 || (status > 499 && found is 400), $"{what} is answered {found}");
        Assert.Equal(before, await Api.BooksAsync());
    }

    [Theory]
    [InlineData("/v1/purchases", "application/json")]
    [InlineData("/v1/purchases", "application/x-ndjson")]
    [InlineData("/v1/members", "application/json")]
    [InlineData("/v1/program", "application/json")]
    public async Task A_body_shorter_than_it_says_changes_nothing(string path, string type)
    {
        var before = await Api.BooksAsync();
        var body = Sales.Purchase(Sales.NewId(), Member, ("1", 1, 100)).ToJsonString();
        using (var connection = await gateway.ConnectAsync())
        {
            await connection.SendAsync($"{(path == "/v1/program" ? "PUT" : "POST")} {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {type}\r\nContent-Length: {body.Length + 1}\r\n\r\n{body}");
            connection.HangUp();
            Assert.True(await connection.ReadHeadAsync() is 0 or 200 or 400);
            Assert.Empty(type == Api.Lines && connection.Status == 200 ? await connection.ReadLinesAsync() : []);
        }

        Assert.Equal(before, await Api.BooksAsync());
    }

    [Fact]
    public async Task What_is_sent_beyond_the_length_is_no_part_of_the_request()
    {
        var body = Sales.Purchase(Sales.NewId(), Member, ("1", 1, 100)).ToJsonString();
        using var connection = await gateway.ConnectAsync();
        await connection.SendAsync($"POST /v1/purchases HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}{body}\r\n\r\n");

        Assert.Equal(200, (await connection.ReadReplyAsync("POST", "/v1/purchases"))!.Status);
        Assert.Equal(400, (await connection.ReadReplyAsync("POST", "/v1/purchases"))!.Status);
    }

    [Fact]
    public async Task A_till_that_hangs_up_in_the_middle_of_a_purchase_has_bought_nothing()
    {
        var before = await Api.BooksAsync();
        var body = Sales.Purchase(Sales.NewId(), Member, ("1", 1, 100)).ToJsonString();
        using (var connection = await gateway.ConnectAsync())
        {
            await connection.BeginAsync("/v1/purchases", "application/json");
            await connection.ChunkAsync(body);
            connection.Reset();
        }

        Assert.Equal(before, await Api.BooksAsync());
    }

    private static string Body(string? field = null, string? value = null, string line = """{"sku":"1","quantity":1,"amount":100}""")
    {
        var fields = new List<(string Name, string? Value)>
        {
            ("id", "\"ID\""), ("member", $"\"{Member}\""), ("store", "\"S1\""), ("at", "\"2026-03-10T11:00:00Z\""), ("currency", "\"GBP\""), ("lines", $"[{line}]"),
        };
        if (field is not null)
        {
            var at = fields.FindIndex(one => one.Name == field);
            if (at >= 0)
            {
                fields[at] = (field, value);
            }
            else
            {
                fields.Add((field, value));
            }
        }

        return "{" + string.Join(",", fields.Where(one => one.Value is not null).Select(one => $"\"{one.Name}\":{one.Value}")) + "}";
    }
}
