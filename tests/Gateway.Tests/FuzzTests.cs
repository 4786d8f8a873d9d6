using System.Text;
using Loyalty.Gateway.Http;

namespace Loyalty.Gateway.Tests;

/// <summary>Valid bodies, damaged at random (the same random every time): every answer is one that the contract knows, none is a failure, and the books balance.</summary>
public sealed class FuzzTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private static readonly string[] Scraps =
    [
        "null", "{}", "[]", "-1", "0", "1e999", "1e-7", "9223372036854775807", "\"\"", "\"\\ud800\"", "\"\\u0000\"", "true", "{\"a\":[{}]}", ",", ":", "\"", "\\", "{", "}", "[", "]", "\n", "\ufeff", "🎁", "\"id\":", "\"type\":\"return\",",
        "\"at\":\"9999-12-31T23:59:59-18:00\"", "\"purchase\":\"fuzz-1\",", "2026-02-30", "EUR",
    ];

    public static TheoryData<string, string, string, string, int> Targets => new()
    {
        { "POST", "/v1/purchases", Api.Json, Sale("\"member\":\"M-fuzz\","), 1200 },
        { "POST", "/v1/returns", Api.Json, Sale("\"member\":\"M-fuzz\",\"purchase\":\"fuzz-1\","), 600 },
        { "POST", "/v1/returns", Api.Json, Sale("\"purchase\":\"fuzz-1\","), 300 },
        { "POST", "/v1/purchases", Api.Lines, Sale("\"type\":\"purchase\",\"member\":\"M-fuzz\",") + "\n" + Sale("\"type\":\"return\",\"purchase\":\"fuzz-1\",") + "\r\n\n" + Sale(""), 600 },
        { "POST", "/v1/adjustments", Api.Json, """{"id":"fuzz-N","member":"M-fuzz","unit":"points","points":5,"reason":"goodwill","author":"e.brown"}""", 300 },
        { "POST", "/v1/members", Api.Json, """{"id":"M-fuzz-N","enrolledAt":"2026-01-01T00:00:00Z","alternativeIds":[{"type":"card","value":"card-N"}]}""", 300 },
        { "PUT", "/v1/members/M-fuzz/alternative-ids", Api.Json, """{"alternativeIds":[{"type":"card","value":"card-N"},{"type":"phoneHash","value":"N"}]}""", 200 },
        { "POST", "/v1/members/M-fuzz/unblock", Api.Json, """{"reason":"fuzz","author":"fuzz"}""", 100 },
        { "PUT", "/v1/members/M-fuzz/attributes", Api.Json, """{"tags":["student","tag-N"],"birthday":"02-29"}""", 100 },
        { "POST", "/v1/activities", Api.Json, """{"id":"fuzz-N","member":"M-fuzz","type":"survey","at":"2026-03-10T11:00:00+00:00","store":"S1","amount":5,"quantity":1.5,"score":9,"answers":{"why":"because","what":"-N"}}""", 300 },
        { "POST", "/v1/quotes?explain=true", Api.Json, Sale("\"member\":\"M-fuzz\","), 200 },
        { "PUT", "/v1/campaigns/fuzz?author=fuzz", Api.Json, """{"name":"fuzz","when":{"weekdays":["monday"]},"who":{"tags":["x"]},"what":{"skus":["22138"]},"gives":[{"type":"rate","unit":"points","points":1,"per":100}],"caps":{"points":{"day":50}},"budget":{"in":"points","amount":500}}""", 400 },
        { "PUT", "/v1/program", Api.Json, Encoding.UTF8.GetString(OperationsEndpoint.ReadResource("sample-program.json")), 500 },
    };

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Damaged_requests_are_answered_and_the_books_stay_sound(string method, string path, string type, string body, int count)
    {
        (await gateway.Api.PurchaseAsync(Sales.Purchase("fuzz-1", "M-fuzz", ("22138", 1000, 1_000_000)))).Expect(200);
        var random = new Random(20260310 + body.Length);
        var statuses = new Dictionary<int, int>();
        for (var i = 0; i < count; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(body.Replace("fuzz-N", Sales.NewId("fuzz"), StringComparison.Ordinal).Replace("-N", $"-{i}", StringComparison.Ordinal)).ToList();
            for (var damage = random.Next(4); damage > 0; damage--)
            {
                Damage(bytes, random);
            }

            var reply = await gateway.Api.SendAsync(new HttpMethod(method), path, [.. bytes], type);

            Assert.True(reply.Status is >= 200 and < 500, $"{reply.Status} for {Convert.ToBase64String([.. bytes])}: {reply.Text}");
            Assert.All(type == Api.Lines ? reply.Lines : [], line => Assert.True(line["status"] is not { } status || status.GetValueKind() != System.Text.Json.JsonValueKind.Number || (int)status < 500, line.ToJsonString()));
            statuses[reply.Status] = statuses.GetValueOrDefault(reply.Status) + 1;
        }

        // The damage is neither none nor total.
        Assert.True(statuses.GetValueOrDefault(200) + statuses.GetValueOrDefault(201) > 0, string.Join(", ", statuses));
        Assert.True(type == Api.Lines || statuses.GetValueOrDefault(400) > 0, string.Join(", ", statuses));
        await gateway.Api.BooksAsync();
        var entries = (await gateway.Api.GetAsync("/v1/members/M-fuzz/statement?limit=500")).Expect(200).Json;
        Assert.NotEmpty(entries["entries"]!.AsArray());
    }

    private static string Sale(string more) =>
        $$"""{"id":"fuzz-N",{{more}}"store":"S1","channel":"till","at":"2026-03-10T11:00:00+00:00","currency":"GBP","lines":[{"sku":"22138","category":"baking","quantity":1,"amount":100},{"sku":"22138","brand":null,"quantity":0.5,"amount":99}]}""";

    private static void Damage(List<byte> bytes, Random random)
    {
        if (bytes.Count == 0)
        {
            return;
        }

        var at = random.Next(bytes.Count);
        var length = Math.Min(random.Next(1, 12), bytes.Count - at);
        switch (random.Next(7))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, random.Next(4) == 0 ? bytes.Count - at : length);
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 4:
                bytes.InsertRange(at, Encoding.UTF8.GetBytes(Scraps[random.Next(Scraps.Length)]));
                break;
            case 5:
                // A value for another value.
                var colon = bytes.IndexOf((byte)':', at);
                var end = colon < 0 ? -1 : bytes.FindIndex(colon, b => b is (byte)',' or (byte)'}');
                if (end > 0)
                {
                    bytes.RemoveRange(colon + 1, end - colon - 1);
                    bytes.InsertRange(colon + 1, Encoding.UTF8.GetBytes(Scraps[random.Next(13)]));
                }

                break;
            default:
                bytes.Insert(at, (byte)random.Next(128, 256));
                break;
        }
    }
}
