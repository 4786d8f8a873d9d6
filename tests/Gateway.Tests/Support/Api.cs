using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

/// <summary>A client of the gateway. Every reply is held against the OpenAPI document.</summary>
internal sealed class Api : IDisposable
{
    public const string Json = "application/json";
    public const string Lines = "application/x-ndjson";

    private readonly HttpClient _http;

    public Api(Uri address, string? key)
    {
        _http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 128 }) { BaseAddress = address };
        if (key is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
    }

    public Task<Reply> GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

    public Task<Reply> PostAsync(string path, string body, string type = Json) => SendAsync(HttpMethod.Post, path, Encoding.UTF8.GetBytes(body), type);

    public Task<Reply> PostAsync(string path, JsonNode body) => PostAsync(path, body.ToJsonString());

    public Task<Reply> PutAsync(string path, string body, string type = Json) => SendAsync(HttpMethod.Put, path, Encoding.UTF8.GetBytes(body), type);

    public Task<Reply> StreamAsync(string path, params JsonNode[] lines) =>
        PostAsync(path, string.Concat(lines.Select(line => line.ToJsonString() + "\n")), Lines);

    public Task<Reply> SendAsync(HttpMethod method, string path, byte[] body, string? type)
    {
        var content = new ByteArrayContent(body);
        if (type is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        return SendAsync(new HttpRequestMessage(method, path) { Content = content });
    }

    public async Task<Reply> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await _http.SendAsync(request);
            var body = await response.Content.ReadAsByteArrayAsync();
            var headers = response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(",", header.Value), StringComparer.OrdinalIgnoreCase);
            var reply = new Reply((int)response.StatusCode, headers, body);
            if (request.Method != HttpMethod.Head)
            {
                Contract.Check(request.Method.Method, request.RequestUri!.IsAbsoluteUri ? request.RequestUri.PathAndQuery : request.RequestUri.OriginalString, reply.Status, reply.Header, body);
            }

            return reply;
        }
    }

    public void Dispose() => _http.Dispose();

    // What tests ask again and again.

    public Task<Reply> PurchaseAsync(JsonNode body) => PostAsync("/v1/purchases", body);

    public Task<Reply> ReturnAsync(JsonNode body) => PostAsync("/v1/returns", body);

    public Task<Reply> MemberAsync(string id) => GetAsync("/v1/members/" + Uri.EscapeDataString(id));

    public async Task<long> PointsAsync(string member) => (await MemberAsync(member)).Available();

    /// <summary>All books as one text: accounts and counters (without the count of refusals).</summary>
    public async Task<string> BooksAsync()
    {
        var books = (await GetAsync("/v1/ledger/trial-balance")).Json;
        Assert.All(books["units"]!.AsArray(), unit => Assert.Equal(0, (long)unit!["sum"]!));
        books["sales"]!.AsObject().Remove("refusals");
        return books["units"]!.ToJsonString() + books["sales"]!.ToJsonString();
    }

    /// <summary>Everything that a refused request must leave alone: the books, their length, a member.</summary>
    public async Task<string> StateAsync(string member)
    {
        var view = await MemberAsync(member);
        var books = await GetAsync("/v1/ledger/trial-balance");
        return books.Text + view.Text;
    }
}

/// <summary>What the gateway said.</summary>
internal sealed record Reply(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public JsonNode Json => JsonNode.Parse(Body)!;

    public JsonNode[] Lines => [.. Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];

    /// <summary>The problem's code.</summary>
    public string Problem => ((string)Json["type"]!).Split(':')[^1];

    /// <summary>The fields the problem names.</summary>
    public string[] Fields => [.. (Json["errors"]?.AsArray() ?? []).Select(error => (string)error!["field"]!)];

    public string? Header(string name) => Headers.GetValueOrDefault(name);

    public long Available(string unit = "points") => (long)Json["balances"]!.AsArray().Single(balance => (string)balance!["unit"]! == unit)!["available"]!;

    public Reply Expect(int status)
    {
        Assert.True(Status == status, $"Expected {status}, got {Status}: {Text}");
        return this;
    }

    public Reply ExpectProblem(int status, string code, params string[] fields)
    {
        Expect(status);
        Assert.Equal(code, Problem);
        Assert.Equal("application/problem+json", Header("Content-Type"));
        Assert.Equal(fields, Fields);
        return this;
    }
}

/// <summary>Requests as a till sends them.</summary>
internal static class Sales
{
    private static int count;

    /// <summary>An id nobody else uses.</summary>
    public static string NewId(string prefix = "R") => $"{prefix}-{Interlocked.Increment(ref count)}";

    public static JsonObject Purchase(string id, string? member, params (string Sku, decimal Quantity, long Amount)[] lines) => Sale(id, member, lines);

    public static JsonObject Return(string id, string? purchase, string? member, params (string Sku, decimal Quantity, long Amount)[] lines)
    {
        var sale = Sale(id, member, lines);
        if (purchase is not null)
        {
            sale["purchase"] = purchase;
        }

        return sale;
    }

    public static JsonObject With(this JsonObject sale, string field, JsonNode? value)
    {
        sale[field] = value;
        return sale;
    }

    private static JsonObject Sale(string id, string? member, (string Sku, decimal Quantity, long Amount)[] lines)
    {
        var sale = new JsonObject { ["id"] = id, ["store"] = "S042", ["channel"] = "till", ["at"] = "2026-03-10T11:00:00+00:00", ["currency"] = "GBP" };
        if (member is not null)
        {
            sale["member"] = member;
        }

        sale["lines"] = new JsonArray([.. lines.Select(line => (JsonNode)new JsonObject { ["sku"] = line.Sku, ["quantity"] = line.Quantity, ["amount"] = line.Amount })]);
        return sale;
    }
}
