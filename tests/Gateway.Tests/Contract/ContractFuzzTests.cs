using System.Text;
using System.Text.Json;

namespace Loyalty.Gateway.Tests;

/// <summary>
/// Every operation of openapi.json gets requests that are made from its own schemas, some valid, some broken: no answer is a failure, none is outside the contract (the client checks each), none takes
/// long, and a request that is refused changes no account. LOYALTY_FUZZ multiplies the number.
/// </summary>
public sealed class ContractFuzzTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private static readonly int Count = 16 * (int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_FUZZ"), out var factor) ? factor : 1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Requests_made_from_the_contract_are_answered_within_it_and_refused_ones_change_nothing()
    {
        (await gateway.Api.PurchaseAsync(Sales.Purchase("fuzz-1", "M-fuzz", ("22138", 1000, 1_000_000)))).Expect(200);
        var random = new Random(20261128);
        var generator = new SchemaGenerator(random);
        var statuses = new SortedDictionary<int, int>();
        foreach (var (method, path, operation) in Contract.Operations.Where(one => !IsEndless(one.Operation)))
        {
            for (var i = 0; i < Count; i++)
            {
                generator.Oddness = i % 3 == 0 ? 0 : i % 3 == 1 ? 0.03 : 0.15;
                var before = await gateway.SumsAsync();
                var (target, body, type) = Request(generator, random, path, operation);
                var reply = await gateway.Api.SendAsync(new HttpMethod(method), target, body, type).WaitAsync(Patience);
                var said = $"{method} {(target.Length > 300 ? target[..60] + "… " + target.Length + target[^40..] : target)} {Encoding.UTF8.GetString(body)}: {reply.Status} {(reply.Text.Length > 500 ? "…" : reply.Text)}";
                Assert.True(reply.Status < 500 || reply.Status == 501, said);
                statuses[reply.Status] = statuses.GetValueOrDefault(reply.Status) + 1;
                if (reply.Status >= 400 || method == "GET")
                {
                    var after = await gateway.SumsAsync();
                    foreach (var (name, sum) in after)
                    {
                        Assert.True(!name.StartsWith("account:", StringComparison.Ordinal) || before.GetValueOrDefault(name) == sum, $"{name} was {before.GetValueOrDefault(name)} and is {sum} after {said}");
                    }
                }
            }
        }

        // Some get through, some do not: otherwise this would say little.
        Assert.True(statuses.GetValueOrDefault(200) + statuses.GetValueOrDefault(201) > 50 && statuses.GetValueOrDefault(400) > 100, string.Join(", ", statuses));
        await gateway.Api.BooksAsync();
    }

    /// <summary>Streams of events and what runs in the background for long.</summary>
    private static bool IsEndless(JsonElement operation) =>
        operation.GetProperty("responses").EnumerateObject().Any(response => Contract.Resolve(response.Value).TryGetProperty("content", out var content) && content.TryGetProperty("text/event-stream", out _));

    private static (string Target, byte[] Body, string? Type) Request(SchemaGenerator generator, Random random, string path, JsonElement operation)
    {
        var query = new StringBuilder();
        foreach (var reference in operation.TryGetProperty("parameters", out var parameters) ? parameters.EnumerateArray().ToArray() : [])
        {
            var parameter = Contract.Resolve(reference);
            var name = parameter.GetProperty("name").GetString()!;
            var value = generator.Make(parameter.GetProperty("schema"), name)?.ToString() ?? "";
            if (parameter.GetProperty("in").GetString() == "path")
            {
                value = random.Next(3) == 0 && value.Length > 0 ? value : path.StartsWith("/v1/members", StringComparison.Ordinal) ? "M-fuzz" : "word";
                path = path.Replace($"{{{name}}}", Uri.EscapeDataString(value.Replace("\0", "0", StringComparison.Ordinal)), StringComparison.Ordinal);
            }
            else if (random.Next(2) == 0)
            {
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
        }

        if (!operation.TryGetProperty("requestBody", out var requestBody))
        {
            return (path + query, [], null);
        }

        var contents = Contract.Resolve(requestBody).GetProperty("content").EnumerateObject().ToArray();
        var content = contents[random.Next(contents.Length)];
        var schema = content.Value.GetProperty("schema");
        if (schema.TryGetProperty("x-line-schema", out var line))
        {
            var lines = Enumerable.Range(0, random.Next(1, 5)).Select(_ => generator.Make(line)?.ToJsonString() ?? "null");
            return (path + query, Encoding.UTF8.GetBytes(string.Join('\n', lines)), content.Name);
        }

        return (path + query, Encoding.UTF8.GetBytes(generator.Make(schema)?.ToJsonString() ?? "null"), content.Name);
    }
}
