using System.Text;
using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

public sealed class StreamTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private readonly string _member = Sales.NewId("M");

    private Api Api => gateway.Api;

    [Fact]
    public async Task Purchases_and_returns_are_answered_line_by_line_in_order()
    {
        var (first, second) = (Sales.NewId(), Sales.NewId());
        var reply = (await Api.StreamAsync("/v1/purchases",
            Purchase(first).With("type", "purchase"),
            Sales.Return(Sales.NewId(), first, _member, ("22138", 1, 495)).With("type", "return"),
            Purchase(second),
            Sales.Return(Sales.NewId(), second, _member, ("22138", 3, 1485)).With("type", "return"))).Expect(200);

        Assert.Equal("application/x-ndjson", reply.Header("Content-Type"));
        Assert.Equal([14, 9, 23, 9], reply.Lines.Select(line => (long)line["balances"]![0]!["available"]!));
    }

    [Fact]
    public async Task The_address_says_what_a_line_is_that_does_not_say_it_itself()
    {
        var purchase = Sales.NewId();
        var reply = (await Api.StreamAsync("/v1/returns", Purchase(purchase).With("type", "purchase"), Sales.Return(Sales.NewId(), purchase, _member, ("22138", 3, 1485)))).Expect(200);

        Assert.Equal("applied", (string)reply.Lines[1]["status"]!);
        Assert.Equal(0, await Api.PointsAsync(_member));
    }

    [Fact]
    public async Task Empty_lines_carriage_returns_and_a_last_line_without_an_end_are_fine()
    {
        var ids = Enumerable.Range(0, 3).Select(_ => Sales.NewId()).ToArray();
        var body = $"\n\r\n{Purchase(ids[0]).ToJsonString()}\r\n \t\r\n\n{Purchase(ids[1]).ToJsonString()}\n\n{{}}\n{Purchase(ids[2]).ToJsonString()}";

        var reply = (await Api.PostAsync("/v1/purchases", body, Api.Lines)).Expect(200);

        Assert.Equal([ids[0], ids[1], null, ids[2]], reply.Lines.Select(line => (string?)line["id"]));
        Assert.Equal(8, (long)reply.Lines[2]["line"]!);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n\r\n")]
    public async Task A_stream_without_lines_has_no_answers(string body) => Assert.Empty((await Api.PostAsync("/v1/purchases", body, Api.Lines)).Expect(200).Lines);

    [Fact]
    public async Task A_line_is_answered_while_the_next_has_not_been_sent()
    {
        using var connection = await gateway.ConnectAsync();
        await connection.BeginAsync("/v1/purchases");
        for (var i = 0; i < 5; i++)
        {
            var id = Sales.NewId();
            await connection.ChunkAsync(Purchase(id).ToJsonString() + "\n");
            if (i == 0)
            {
                Assert.Equal(200, await connection.ReadHeadAsync());
            }

            Assert.Equal(id, (string)(await connection.ReadLineAsync())!["id"]!);
        }

        await connection.EndAsync();
        Assert.Null(await connection.ReadLineAsync());
    }

    [Fact]
    public async Task A_return_of_a_purchase_right_before_it_in_the_stream_finds_it_also_without_its_member()
    {
        var lines = new List<JsonNode>();
        for (var i = 0; i < 20; i++)
        {
            var id = Sales.NewId();
            lines.Add(Purchase(id));
            lines.Add(Sales.Return(Sales.NewId(), id, null, ("22138", 3, 1485)).With("type", "return"));
        }

        var reply = (await Api.StreamAsync("/v1/purchases", [.. lines])).Expect(200);

        Assert.All(reply.Lines, line => Assert.Equal(_member, (string)line["member"]!));
        Assert.Equal(0, await Api.PointsAsync(_member));
        Assert.Equal(20, (long)(await Api.MemberAsync(_member)).Json["totals"]!["returns"]!);
    }

    [Fact]
    public async Task A_receipt_without_member_on_the_last_line_without_an_end_finds_its_purchase_too()
    {
        var id = Sales.NewId();
        var body = $"{Purchase(id).ToJsonString()}\n{Sales.Return(Sales.NewId(), id, null, ("22138", 3, 1485)).With("type", "return").ToJsonString()}";

        Assert.Equal(_member, (string)(await Api.PostAsync("/v1/purchases", body, Api.Lines)).Expect(200).Lines[1]["member"]!);
    }

    public static TheoryData<string, byte[], string> BadLines => new()
    {
        { "no JSON", "hello"u8.ToArray(), "" },
        { "half an object", "{\"id\":\"x\""u8.ToArray(), "" },
        { "a list", "[]"u8.ToArray(), "" },
        { "two objects", "{} {}"u8.ToArray(), "" },
        { "a byte-order mark", [0xEF, 0xBB, 0xBF, .. "{}"u8], "" },
        { "bytes that are no text", [.. "{\"id\":\""u8, 0xFF, 0xFE, .. "\"}"u8], "id" },
        { "a field of bytes that are no text", [.. "{\""u8, 0xFF, 0xFE, .. "\":1}"u8], "?" },
        { "half a character in a field name", "{\"\\ud800\":1}"u8.ToArray(), "?" },
        { "half a character in a field name as long as a known one", "{\"\\ud800ab\":1}"u8.ToArray(), "?" },
        { "half a character in the type", "{\"type\":\"\\ud800aaaa\"}"u8.ToArray(), "type" },
        { "half a character in the time", "{\"at\":\"\\ud800aaaaaaaaaaaaaaaaaaaaaaaa\"}"u8.ToArray(), "at" },
        { "a name cut in the middle of a character", Encoding.UTF8.GetBytes($"{{\"{new string('a', 63)}🎁🎁\":1}}"), new string('a', 63) + "…" },
        { "an unknown type", "{\"type\":\"gift\"}"u8.ToArray(), "type" },
        { "ten thousand levels", Encoding.UTF8.GetBytes("{\"id\":" + new string('[', 10_000) + new string(']', 10_000) + "}"), "" },
        { "a zero byte", "\0"u8.ToArray(), "" },
    };

    [Theory]
    [MemberData(nameof(BadLines))]
    public async Task A_bad_line_does_not_disturb_the_others(string what, byte[] bad, string field)
    {
        var (before, after) = (Sales.NewId(), Sales.NewId());
        byte[] body = [.. Encoding.UTF8.GetBytes(Purchase(before).ToJsonString()), (byte)'\n', .. bad, (byte)'\n', .. Encoding.UTF8.GetBytes(Purchase(after).ToJsonString())];

        var lines = (await Api.SendAsync(HttpMethod.Post, "/v1/purchases", body, Api.Lines)).Expect(200).Lines;

        Assert.True(lines.Length == 3, what);
        Assert.Equal([before, after], new[] { (string)lines[0]["id"]!, (string)lines[2]["id"]! });
        Assert.Equal(400, (int)lines[1]["status"]!);
        Assert.Equal(2, (long)lines[1]["line"]!);
        Assert.Equal(field, (string)lines[1]["errors"]![0]!["field"]!);
        Assert.Equal(28, await Api.PointsAsync(_member));

        // Alone the same is malformed in the same way.
        Assert.Equal(field, (await Api.SendAsync(HttpMethod.Post, "/v1/purchases", bad, Api.Json)).Expect(400).Fields[0]);
    }

    [Fact]
    public async Task Refusals_conflicts_and_replays_are_answered_in_their_places()
    {
        var id = Sales.NewId();
        var lines = (await Api.StreamAsync("/v1/purchases", Purchase(id), Purchase(id), Purchase(id).With("store", "S043"), Purchase(Sales.NewId()).With("currency", "EUR"), Purchase(Sales.NewId()))).Lines;

        Assert.False((bool)lines[0]["replayed"]!);
        Assert.True((bool)lines[1]["replayed"]!);
        Assert.Equal([409, 422], lines[2..4].Select(line => (int)line["status"]!));
        Assert.Equal([3, 4], lines[2..4].Select(line => (int)line["line"]!));
        Assert.Equal(28, (long)lines[4]["balances"]![0]!["available"]!);
    }

    [Fact]
    public async Task A_line_of_more_than_a_megabyte_ends_the_stream()
    {
        var (before, after) = (Sales.NewId(), Sales.NewId());
        var body = $"{Purchase(before).ToJsonString()}\n{{\"id\":\"{new string('x', 1 << 20)}\"}}\n{Purchase(after).ToJsonString()}\n";

        var lines = (await Api.PostAsync("/v1/purchases", body, Api.Lines)).Expect(200).Lines;

        Assert.Equal(2, lines.Length);
        Assert.Equal(413, (int)lines[1]["status"]!);
        Assert.Equal(2, (long)lines[1]["line"]!);
        Assert.Equal(14, await Api.PointsAsync(_member));
    }

    [Fact]
    public async Task A_line_of_exactly_a_megabyte_is_fine()
    {
        var line = Purchase(Sales.NewId()).ToJsonString();

        var lines = (await Api.PostAsync("/v1/purchases", line + new string(' ', (1 << 20) - line.Length) + "\n", Api.Lines)).Expect(200).Lines;

        Assert.Equal(14, (long)lines[0]["balances"]![0]!["available"]!);
    }

    [Fact]
    public async Task Fifty_thousand_lines_in_one_body_are_fifty_thousand_answers_in_order()
    {
        const int Count = 50_000;
        var prefix = Sales.NewId("bulk");
        using var connection = await gateway.ConnectAsync();
        await connection.BeginAsync("/v1/purchases");
        var sending = SendAllAsync();
        Assert.Equal(200, await connection.ReadHeadAsync());
        var lines = await connection.ReadLinesAsync();
        await sending;

        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"{prefix}-{i}"), lines.Select(line => (string)line["id"]!));
        Assert.Equal(500, await Api.PointsAsync($"{_member}-7"));
        await Api.BooksAsync();

        // While it listens, as a sender of a long stream has to.
        async Task SendAllAsync()
        {
            foreach (var part in Enumerable.Range(0, Count).Chunk(100))
            {
                await connection.ChunkAsync(string.Concat(part.Select(i =>
                    $$"""{"id":"{{prefix}}-{{i}}","member":"{{_member}}-{{i % 100}}","store":"S1","at":"2026-03-10T11:00:00Z","currency":"GBP","lines":[{"sku":"1","quantity":1,"amount":100}]}""" + "\n")));
            }

            await connection.EndAsync();
        }
    }

    [Fact]
    public async Task A_till_that_is_cut_off_and_sends_everything_again_has_each_purchase_once()
    {
        var lines = Enumerable.Range(0, 2000).Select(_ => Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 100)).ToJsonString() + "\n").ToArray();
        using (var connection = await gateway.ConnectAsync())
        {
            await connection.BeginAsync("/v1/purchases");
            await connection.ChunkAsync(string.Concat(lines.Take(1000)));
            await connection.ReadHeadAsync();
            await connection.ReadLineAsync();
            await connection.ChunkAsync(string.Concat(lines.Skip(1000).Take(500)) + lines[1500][..50]);
            connection.Reset();
        }

        var reply = (await Api.PostAsync("/v1/purchases", string.Concat(lines), Api.Lines)).Expect(200);

        Assert.Equal(2000, reply.Lines.Length);
        Assert.All(reply.Lines, line => Assert.NotNull(line["awards"]));
        Assert.Contains(reply.Lines, line => (bool)line["replayed"]!);
        Assert.Contains(reply.Lines, line => !(bool)line["replayed"]!);
        Assert.Equal(2000, (long)(await Api.MemberAsync(_member)).Json["totals"]!["purchases"]!);
        await Api.BooksAsync();
    }

    [Fact]
    public async Task A_body_that_ends_in_the_middle_of_a_line_does_not_apply_the_half()
    {
        using var connection = await gateway.ConnectAsync();
        var (whole, half) = (Purchase(Sales.NewId()).ToJsonString() + "\n", Purchase(Sales.NewId()).ToJsonString());
        await connection.SendAsync($"POST /v1/purchases HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-ndjson\r\nContent-Length: {whole.Length + half.Length + 1}\r\n\r\n{whole}{half}");
        await connection.ReadHeadAsync();
        await connection.ReadLineAsync();
        connection.HangUp();

        while (await connection.ReadLineAsync() is not null)
        {
        }

        Assert.Equal(14, await Api.PointsAsync(_member));
    }

    [Fact]
    public async Task A_till_that_sends_but_does_not_listen_is_made_to_wait()
    {
        // Each of these lines is answered with hundreds of bytes. What the buffers between the two hold is far below this bound.
        const long Bound = 64 << 20;
        var lines = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("{}\n", 20_000)));
        using var connection = await RawConnection.OpenAsync(gateway.Address, receiveBuffer: 8192);
        await connection.SendAsync($"POST /v1/purchases HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-ndjson\r\nContent-Length: {Bound * 2}\r\n\r\n");
        long sent = 0;
        var offset = 0;
        while (sent < Bound && connection.CanSend())
        {
            offset %= lines.Length;
            var before = offset;
            connection.TrySend(lines, ref offset);
            sent += offset - before;
        }

        Assert.True(sent < Bound, "the gateway took all of it");

        // And who begins to listen gets the answers, in order.
        Assert.Equal(200, await connection.ReadHeadAsync());
        for (var i = 1; i <= 20_000; i++)
        {
            Assert.Equal(i, (long)(await connection.ReadLineAsync())!["line"]!);
        }
    }

    [Fact]
    public async Task A_body_that_comes_byte_by_byte_is_the_same_body()
    {
        using var connection = await gateway.ConnectAsync();
        var id = Sales.NewId();
        await connection.BeginAsync("/v1/purchases");
        foreach (var b in Encoding.UTF8.GetBytes($"\r\n{Purchase(id).ToJsonString()}\r\n{Sales.Return(Sales.NewId(), id, null, ("22138", 1, 495)).With("type", "return").ToJsonString()}"))
        {
            await connection.ChunkAsync((byte[])[b]);
        }

        await connection.EndAsync();
        await connection.ReadHeadAsync();
        var lines = await connection.ReadLinesAsync();

        Assert.Equal([14, 9], lines.Select(line => (long)line["balances"]![0]!["available"]!));
    }

    [Fact]
    public async Task Two_members_in_one_stream_do_not_disturb_each_other()
    {
        var lines = Enumerable.Range(0, 600).Select(i => (JsonNode)Sales.Purchase(Sales.NewId(), _member + (i % 2 == 0 ? "a" : "b"), ("22138", 1, i % 2 == 0 ? 100 : 200))).ToArray();

        var replies = (await Api.StreamAsync("/v1/purchases", lines)).Expect(200).Lines;

        for (var i = 0; i < 600; i++)
        {
            Assert.Equal((string)lines[i]["id"]!, (string)replies[i]["id"]!);
            Assert.Equal((i / 2 + 1) * (i % 2 + 1), (long)replies[i]["balances"]![0]!["available"]!);
        }
    }

    [Fact]
    public async Task Streams_side_by_side_count_a_purchase_that_both_send_once()
    {
        var body = string.Concat(Enumerable.Range(0, 200).Select(_ => Sales.Purchase(Sales.NewId(), _member, ("22138", 1, 100)).ToJsonString() + "\n"));

        var replies = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Api.PostAsync("/v1/purchases", body, Api.Lines)));

        Assert.Equal(200, replies.SelectMany(reply => reply.Lines).Count(line => !(bool)line["replayed"]!));
        Assert.Equal(200, await Api.PointsAsync(_member));
    }

    private JsonObject Purchase(string id) => Sales.Purchase(id, _member, ("22138", 3, 1485));
}

public sealed class StreamLimitTests(SmallGateway gateway) : IClassFixture<SmallGateway>
{
    [Fact]
    public async Task One_line_too_many_ends_the_stream_and_the_lines_before_stand()
    {
        var lines = Enumerable.Range(0, 12).Select(_ => (JsonNode)Sales.Purchase(Sales.NewId(), "M-many", ("22138", 1, 100))).ToArray();

        var replies = (await gateway.Api.StreamAsync("/v1/purchases", lines)).Expect(200).Lines;

        Assert.Equal(11, replies.Length);
        Assert.Equal((413, 11), ((int)replies[10]["status"]!, (int)replies[10]["line"]!));
        Assert.Equal(10, await gateway.Api.PointsAsync("M-many"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(100_000)]
    public async Task A_line_that_grows_too_long_ends_the_stream_however_it_is_cut(int chunk)
    {
        using var connection = await gateway.ConnectAsync();
        await connection.BeginAsync("/v1/purchases");
        var body = "{}\n{\"id\":\"" + new string('x', 2100);
        foreach (var piece in body.Chunk(chunk))
        {
            await connection.ChunkAsync(new string(piece));
        }

        await connection.ReadHeadAsync();
        Assert.Equal(400, (int)(await connection.ReadLineAsync())!["status"]!);
        Assert.Equal(413, (int)(await connection.ReadLineAsync())!["status"]!);
        Assert.Null(await connection.ReadLineAsync());
    }
}
