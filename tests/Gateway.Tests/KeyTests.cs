using System.Net.Http.Headers;
using Loyalty.Gateway.Security;

namespace Loyalty.Gateway.Tests;

public sealed class KeyTests(GuardedGateway gateway) : IClassFixture<GuardedGateway>
{
    public static TheoryData<string, string> Guarded
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (method, path, _) in Contract.Operations.Where(one => one.Path.StartsWith("/v1", StringComparison.Ordinal)))
            {
                data.Add(method, path);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Guarded))]
    public async Task Each_scope_may_do_what_the_contract_says_and_nothing_else(string method, string path)
    {
        var says = Contract.Operations.Single(one => one.Method == method && one.Path == path).Operation.GetProperty("description").GetString()!;
        var scopes = says["Scopes: ".Length..says.IndexOf('.', StringComparison.Ordinal)].Replace(" or ", ", ", StringComparison.Ordinal).Split(", ");

        foreach (var (scope, key) in gateway.Keys.Where(one => one.Key is "till" or "partner" or "read" or "admin"))
        {
            var reply = await SendAsync(method, path, new AuthenticationHeaderValue("Bearer", key));

            if (scopes.Contains(scope))
            {
                Assert.True(reply.Status is not (401 or 403), $"{scope} {method} {path}: {reply.Text}");
            }
            else
            {
                Assert.Contains(scopes[^1], (string)reply.ExpectProblem(403, "scope").Json["detail"]!, StringComparison.Ordinal);
            }
        }

        (await SendAsync(method, path, null)).ExpectProblem(401, "no-key");
        (await SendAsync(method, path, new AuthenticationHeaderValue("Bearer", "lk_unknown"))).ExpectProblem(401, "no-key");
    }

    [Theory]
    [InlineData("Basic", "dGlsbDp0aWxs")]
    [InlineData("Bearer", "")]
    [InlineData("Bearer", "zoë")]
    public async Task What_is_no_key_opens_nothing(string scheme, string value)
    {
        using var api = new Api(gateway.Address, null);
        var request = new HttpRequestMessage(HttpMethod.Get, "/v1/program");
        request.Headers.TryAddWithoutValidation("Authorization", value.Length == 0 ? scheme : $"{scheme} {Uri.EscapeDataString(value)}");

        (await api.SendAsync(request)).ExpectProblem(401, "no-key");
    }

    [Fact]
    public async Task A_key_as_long_as_a_book_is_not_known()
    {
        (await SendAsync("GET", "/v1/program", new AuthenticationHeaderValue("Bearer", new string('k', 8000)))).ExpectProblem(401, "no-key");
    }

    [Theory]
    [InlineData("bearer")]
    [InlineData("BEARER")]
    public async Task The_scheme_may_be_written_in_any_case(string scheme)
    {
        (await SendAsync("GET", "/v1/program", new AuthenticationHeaderValue(scheme, gateway.Keys["read"]))).Expect(200);
    }

    [Fact]
    public async Task A_key_may_also_come_in_its_own_header()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/v1/program");
        request.Headers.Add("X-Api-Key", gateway.Keys["read"]);

        (await gateway.Api.SendAsync(request)).Expect(200);
    }

    [Fact]
    public async Task A_key_with_two_scopes_may_do_what_either_may()
    {
        var key = new AuthenticationHeaderValue("Bearer", gateway.Keys["both"]);

        (await SendAsync("GET", "/v1/system", key)).Expect(200);
        (await SendAsync("POST", "/v1/purchases", key)).ExpectProblem(400, "malformed", "id", "store", "at", "currency", "lines");
        (await SendAsync("POST", "/v1/adjustments", key)).ExpectProblem(403, "scope");
    }

    [Fact]
    public async Task A_key_that_is_withdrawn_while_the_engine_runs_soon_opens_nothing()
    {
        var key = new AuthenticationHeaderValue("Bearer", gateway.Keys["lost"]);
        (await SendAsync("GET", "/v1/program", key)).Expect(200);

        Assert.True(ApiKeys.Remove(gateway.Folder, "lost"));
        Reply reply;
        do
        {
            reply = await SendAsync("GET", "/v1/program", key);
        }
        while (reply.Status == 200);

        reply.ExpectProblem(401, "no-key");
        (await SendAsync("GET", "/v1/program", new AuthenticationHeaderValue("Bearer", gateway.Keys["read"]))).Expect(200);
    }

    [Fact]
    public async Task Only_a_hash_of_a_key_is_stored()
    {
        var stored = await File.ReadAllTextAsync(Path.Combine(gateway.Folder, "keys.json"));

        Assert.All(gateway.Keys.Values, key => Assert.DoesNotContain(key, stored, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    [InlineData("/openapi/v1.json")]
    public async Task Probes_and_the_contract_need_no_key(string path) => (await gateway.Api.GetAsync(path)).Expect(200);

    [Fact]
    public async Task Who_may_not_send_a_stream_is_told_before_the_first_line_is_read()
    {
        using var connection = await gateway.ConnectAsync();
        await connection.BeginAsync("/v1/purchases");

        Assert.Equal(401, await connection.ReadHeadAsync());
    }

    private Task<Reply> SendAsync(string method, string path, AuthenticationHeaderValue? key)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path.Replace("{id}", "M-keys", StringComparison.Ordinal));
        request.Headers.Authorization = key;
        if (method != "GET")
        {
            request.Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
        }

        return gateway.Api.SendAsync(request);
    }
}
