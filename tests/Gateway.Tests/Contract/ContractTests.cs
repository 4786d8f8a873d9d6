using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Loyalty.Gateway.Tests;

public sealed class ContractTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    [Fact]
    public void Every_address_is_in_the_document_and_the_document_has_no_others()
    {
        var mapped = gateway.App.Services.GetServices<EndpointDataSource>().Concat(((IEndpointRouteBuilder)gateway.App).DataSources)
            .SelectMany(source => source.Endpoints).OfType<RouteEndpoint>().Distinct()
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => $"{method} {endpoint.RoutePattern.RawText}"))
            .Distinct().Order(StringComparer.Ordinal);

        Assert.Equal(Contract.Operations.Select(one => $"{one.Method} {one.Path}").Order(StringComparer.Ordinal), mapped);
    }

    [Fact]
    public async Task The_document_is_served_as_it_is_built_in()
    {
        var reply = await gateway.Api.GetAsync("/openapi/v1.json");

        Assert.Equal("application/json", reply.Header("Content-Type"));
        Assert.True(JsonElement.DeepEquals(Contract.Document, JsonDocument.Parse(reply.Body).RootElement));
        Assert.StartsWith("3.1", (string)reply.Json["openapi"]!, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_example_of_the_document_keeps_to_its_schema()
    {
        var checkedOnes = 0;
        Visit(Contract.Document);
        Assert.True(checkedOnes > 20, $"only {checkedOnes} examples");

        void Visit(JsonElement element)
        {
            if (element.ValueKind == JsonValueKind.Array)
            {
                element.EnumerateArray().ToList().ForEach(Visit);
                return;
            }

            if (element.ValueKind != JsonValueKind.Object)
            {
                return;
            }

            if (element.TryGetProperty("schema", out var schema) && element.TryGetProperty("example", out var example))
            {
                if (schema.TryGetProperty("x-line-schema", out var lineSchema))
                {
                    foreach (var line in example.GetString()!.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    {
                        Assert.Empty(Contract.Check(lineSchema, JsonDocument.Parse(line).RootElement));
                        checkedOnes++;
                    }
                }
                else
                {
                    Assert.Empty(Contract.Check(schema, example));
                    checkedOnes++;
                }
            }

            foreach (var property in element.EnumerateObject())
            {
                Visit(property.Value);
            }
        }
    }

    [Fact]
    public void Every_reference_of_the_document_leads_somewhere_and_every_part_is_used()
    {
        var text = Contract.Document.GetRawText();
        var references = System.Text.RegularExpressions.Regex.Matches(text, "\"#/components/([a-z]+)/([A-Za-z]+)\"").Select(match => (match.Groups[1].Value, match.Groups[2].Value)).ToHashSet();
        var parts = new[] { "parameters", "responses", "schemas" }
            .SelectMany(kind => Contract.Document.GetProperty("components").GetProperty(kind).EnumerateObject().Select(part => (kind, part.Name))).ToHashSet();

        Assert.Empty(references.Except(parts));

        // What no documented operation answers: unknown addresses and methods.
        Assert.Equal([("responses", "Method"), ("responses", "NotFound")], parts.Except(references).Order());
    }

    [Fact]
    public void Every_operation_names_its_scopes_and_what_goes_wrong_without_a_key()
    {
        foreach (var (method, path, operation) in Contract.Operations.Where(one => one.Path.StartsWith("/v1", StringComparison.Ordinal)))
        {
            Assert.True(operation.GetProperty("description").GetString()!.StartsWith("Scopes: ", StringComparison.Ordinal), $"{method} {path}");
            Assert.True(operation.GetProperty("responses").TryGetProperty("401", out _) && operation.GetProperty("responses").TryGetProperty("403", out _), $"{method} {path}");
        }
    }

    public static TheoryData<string, string, string?> Purchases => new()
    {
        { "as it should be", "store", "\"S042\"" },
        { "no store", "store", null },
        { "store null", "store", "null" },
        { "store of 64", "store", $"\"{new string('s', 64)}\"" },
        { "store of 65", "store", $"\"{new string('s', 65)}\"" },
        { "store with tab", "store", "\"a\\tb\"" },
        { "store with delete", "store", "\"a\\u007fb\"" },
        { "id empty", "id", "\"\"" },
        { "id of 129", "id", $"\"{new string('i', 129)}\"" },
        { "id a number", "id", "12" },
        { "member null", "member", "null" },
        { "member of 128", "member", $"\"{new string('m', 128)}\"" },
        { "member of 129", "member", $"\"{new string('m', 129)}\"" },
        { "channel null", "channel", "null" },
        { "channel empty", "channel", "\"\"" },
        { "type purchase", "type", "\"purchase\"" },
        { "type return", "type", "\"return\"" },
        { "type sale", "type", "\"sale\"" },
        { "type null", "type", "null" },
        { "a receipt", "purchase", "\"X\"" },
        { "no time", "at", null },
        { "a date", "at", "\"2026-03-10\"" },
        { "no offset", "at", "\"2026-03-10T11:00:00\"" },
        { "no seconds", "at", "\"2026-03-10T11:00Z\"" },
        { "fractions", "at", "\"2026-03-10T11:00:00.1234567Z\"" },
        { "a day that is none", "at", "\"2026-02-30T11:00:00Z\"" },
        { "currency of 4", "currency", "\"POUND\"" },
        { "currency null", "currency", "null" },
        { "lines no list", "lines", "{}" },
        { "lines empty", "lines", "[]" },
        { "line null", "lines", "[null]" },
        { "line empty", "lines", "[{}]" },
        { "line with price", "lines", """[{"sku":"1","quantity":1,"amount":1,"price":1}]""" },
        { "quantity 0", "lines", """[{"sku":"1","quantity":0,"amount":1}]""" },
        { "quantity 0.000001", "lines", """[{"sku":"1","quantity":0.000001,"amount":1}]""" },
        { "quantity 1e-7", "lines", """[{"sku":"1","quantity":1e-7,"amount":1}]""" },
        { "quantity 1e3", "lines", """[{"sku":"1","quantity":1e3,"amount":1}]""" },
        { "quantity 1000000000", "lines", """[{"sku":"1","quantity":1000000000,"amount":1}]""" },
        { "quantity 1000000001", "lines", """[{"sku":"1","quantity":1000000001,"amount":1}]""" },
        { "quantity a text", "lines", """[{"sku":"1","quantity":"1","amount":1}]""" },
        { "amount 0", "lines", """[{"sku":"1","quantity":1,"amount":0}]""" },
        { "amount -1", "lines", """[{"sku":"1","quantity":1,"amount":-1}]""" },
        { "amount 10^12", "lines", """[{"sku":"1","quantity":1,"amount":1000000000000}]""" },
        { "amount 10^12+1", "lines", """[{"sku":"1","quantity":1,"amount":1000000000001}]""" },
        { "amount 1.5", "lines", """[{"sku":"1","quantity":1,"amount":1.5}]""" },
        { "brand null", "lines", """[{"sku":"1","brand":null,"quantity":1,"amount":1}]""" },
        { "sku null", "lines", """[{"sku":null,"quantity":1,"amount":1}]""" },
        { "something else", "colour", "\"red\"" },
    };

    [Theory]
    [MemberData(nameof(Purchases))]
    public async Task What_the_document_allows_is_taken_and_what_it_forbids_is_malformed(string what, string field, string? value)
    {
        var body = Sales.Purchase(Sales.NewId("C"), "M-contract", ("22138", 3, 1485));
        body.Remove(field);
        if (value is not null)
        {
            body[field] = JsonNode.Parse(value);
        }

        var reply = await gateway.Api.PurchaseAsync(body);
        var errors = Contract.CheckSchema("Purchase", JsonDocument.Parse(body.ToJsonString()).RootElement);

        Assert.True(errors.Count == 0 == (reply.Status != 400), $"{what}: the gateway says {reply.Status} {reply.Text}; the contract says {string.Join("; ", errors)}");
    }
}
