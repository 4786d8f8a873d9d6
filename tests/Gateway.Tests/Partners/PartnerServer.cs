using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Loyalty.Gateway.Partners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Loyalty.Gateway.Tests.Partners;

/// <summary>A partner's server as docs/EXCHANGE.md describes it, which behaves by what the account is called: <c>refuse</c>, <c>silent-…</c>, <c>lost-…</c>, <c>garbage-…</c>, <c>twice-…</c>.</summary>
internal sealed class PartnerServer : IAsyncDisposable
{
    public const string Secret = "a secret of the test's partner";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, (long Units, string Answer)> _done = new();
    private readonly ConcurrentDictionary<string, int> _calls = new();

    private PartnerServer(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    /// <summary>The partner's own list: the exchanges that it did; below 0: taken.</summary>
    public IEnumerable<(string Id, long Units)> Done => _done.Where(pair => pair.Value.Units != 0).Select(pair => (pair.Key, pair.Value.Units));

    /// <summary>Calls whose signature was wrong.</summary>
    public int Unsigned { get; private set; }

    /// <summary>While true, nothing is answered.</summary>
    public bool IsDown { get; set; }

    public static async Task<PartnerServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var server = new PartnerServer(app);
        app.MapPost("/api/exchanges", server.PostAsync);
        app.MapGet("/api/exchanges/{id}", server.GetAsync);
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task PostAsync(HttpContext context)
    {
        using var stream = new MemoryStream();
        await context.Request.Body.CopyToAsync(stream);
        var body = stream.ToArray();
        if (IsWrong(context, body))
        {
            return;
        }

        var request = JsonNode.Parse(body)!;
        var (id, account, units) = ((string)request["id"]!, (string)request["account"]!, (long)request["units"]!);
        var call = _calls.AddOrUpdate(id, 1, static (_, count) => count + 1);
        if (account.StartsWith("lost", StringComparison.Ordinal) && call == 1)
        {
            // It never reached the partner's books.
            context.Abort();
            return;
        }

        var signed = (string)request["direction"]! == "out" ? units : -units;
        var answer = account == "refuse"
            ? new JsonObject { ["id"] = id, ["status"] = "refused", ["code"] = "no-account", ["detail"] = "there is no account 'refuse'" }.ToJsonString()
            : new JsonObject { ["id"] = id, ["status"] = "done", ["reference"] = "P-" + id }.ToJsonString();
        answer = _done.GetOrAdd(id, (account == "refuse" ? 0 : signed, answer)).Answer;
        if (account.StartsWith("silent", StringComparison.Ordinal))
        {
            // Done, and nobody hears of it: longer than the connector waits.
            await Task.Delay(TimeSpan.FromSeconds(30), context.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
            return;
        }

        await context.Response.WriteAsync(account.StartsWith("garbage", StringComparison.Ordinal) ? "<html>busy</html>" : answer);
    }

    private async Task GetAsync(HttpContext context)
    {
        if (IsWrong(context, []))
        {
            return;
        }

        if (!_done.TryGetValue(Uri.UnescapeDataString((string)context.Request.RouteValues["id"]!), out var known))
        {
            context.Response.StatusCode = 404;
            return;
        }

        await context.Response.WriteAsync(known.Answer);
    }

    private bool IsWrong(HttpContext context, byte[] body)
    {
        var timestamp = context.Request.Headers[HttpPartnerConnector.TimestampHeader].ToString();
        var signature = HttpPartnerConnector.Sign(Encoding.UTF8.GetBytes(Secret), timestamp, context.Request.Method, context.Features.Get<IHttpRequestFeature>()!.RawTarget, body);
        if (signature != context.Request.Headers[HttpPartnerConnector.SignatureHeader])
        {
            Unsigned++;
            context.Response.StatusCode = 401;
            return true;
        }

        if (IsDown)
        {
            context.Response.StatusCode = 503;
            return true;
        }

        return false;
    }
}
