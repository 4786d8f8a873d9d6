using System.Text.Json;
using System.Text.Json.Nodes;
using Loyalty.Load.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Loyalty.Load.Tests.Fakes;

/// <summary>How the fake misbehaves with its n-th new request (counted from 1); 0: never.</summary>
internal sealed record Misbehaviour
{
    /// <summary>Acknowledges it and keeps nothing.</summary>
    public int LosesNth { get; init; }

    /// <summary>Counts it twice.</summary>
    public int DoublesNth { get; init; }

    /// <summary>Counts it with another amount.</summary>
    public int MiscountsNth { get; init; }

    /// <summary>Gives other points than it says.</summary>
    public int MispointsNth { get; init; }

    /// <summary>Forgets its id, so that a repetition is a new request.</summary>
    public int ForgetsNth { get; init; }

    /// <summary>Refuses it with 422.</summary>
    public int RefusesNth { get; init; }

    /// <summary>Answers so many requests with 503 before it takes any.</summary>
    public int UnavailableFirst { get; init; }

    /// <summary>Ends the connection after it has recorded every so many new requests, before it answers.</summary>
    public int DropsEvery { get; init; }

    /// <summary>Answers 503 to every line for ever.</summary>
    public bool IsDown { get; init; }

    /// <summary>Names another id in the answer.</summary>
    public int MisnamesNth { get; init; }
}

/// <summary>
/// A gateway that keeps purchases in memory, one point for each pound of each purchase, and misbehaves on request. It follows docs/API.md as
/// far as the load tool looks.
/// </summary>
internal sealed class FakeGateway : IAsyncDisposable
{
    public const string Key = "test-key";

    private readonly Lock gate = new();
    private readonly Misbehaviour misbehaviour;
    private readonly WebApplication app;
    private readonly Dictionary<string, Recorded> recorded = [];
    private readonly Dictionary<string, Member> members = [];
    private int taken;
    private string? refusedId;
    private int unavailable;

    private FakeGateway(Misbehaviour misbehaviour, string url)
    {
        this.misbehaviour = misbehaviour;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(url);
        builder.Logging.ClearProviders();
        app = builder.Build();
        app.Run(Answer);
    }

    public GatewayTarget Target { get; private set; } = null!;

    /// <summary>Lines and single requests that arrived, repetitions too.</summary>
    public int Arrived { get; private set; }

    public List<string> Order { get; } = [];

    public IReadOnlyCollection<string> Ids => recorded.Keys;

    public static async Task<FakeGateway> Start(Misbehaviour? misbehaviour = null, string url = "http://127.0.0.1:0")
    {
        var fake = new FakeGateway(misbehaviour ?? new Misbehaviour(), url);
        await fake.app.StartAsync();
        string address = fake.app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        fake.Target = new GatewayTarget(new Uri(address), Key);
        return fake;
    }

    public long SpendOf(string member) => members[member].Spend;

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private async Task Answer(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        if (path == "/readyz")
        {
            return;
        }

        if (context.Request.Headers.Authorization != $"Bearer {Key}")
        {
            context.Response.StatusCode = 401;
            return;
        }

        if (path == "/v1/ledger/trial-balance")
        {
            await Write(context, TrialBalance());
        }
        else if (path.StartsWith("/v1/members/", StringComparison.Ordinal))
        {
            await ShowMember(context, path["/v1/members/".Length..]);
        }
        else if (context.Request.ContentType == "application/x-ndjson")
        {
            await Stream(context);
        }
        else
        {
            using var reader = new StreamReader(context.Request.Body);
            string json = await reader.ReadToEndAsync();
            JsonObject? answer = Take(JsonNode.Parse(json)!.AsObject(), isReturn: path == "/v1/returns");
            if (answer is null)
            {
                context.Abort();
                return;
            }

            context.Response.StatusCode = answer["status"] is JsonValue status && status.TryGetValue(out int code) ? code : 200;
            await Write(context, answer);
        }
    }

    private async Task Stream(HttpContext context)
    {
        context.Response.ContentType = "application/x-ndjson";
        using var reader = new StreamReader(context.Request.Body);
        while (await reader.ReadLineAsync() is { } line)
        {
            JsonObject request = JsonNode.Parse(line)!.AsObject();
            JsonObject? answer = Take(request, (string?)request["type"] == "return");
            if (answer is null)
            {
                context.Abort();
                return;
            }

            await context.Response.WriteAsync(answer.ToJsonString() + "\n");
        }
    }

    /// <summary>Null when the connection is to be dropped.</summary>
    private JsonObject? Take(JsonObject request, bool isReturn)
    {
        lock (gate)
        {
            Arrived++;
            string id = (string)request["id"]!;
            if (misbehaviour.IsDown || unavailable < misbehaviour.UnavailableFirst)
            {
                unavailable++;
                return new JsonObject { ["type"] = "urn:loyalty:problem:unavailable", ["status"] = 503, ["id"] = id };
            }

            if (recorded.TryGetValue(id, out Recorded? before))
            {
                return before.Content == request.ToJsonString()
                    ? Reply(id, isReturn, before.Member, before.Points, replayed: true)
                    : new JsonObject { ["type"] = "urn:loyalty:problem:conflict", ["status"] = 409, ["id"] = id };
            }

            return TakeNew(request, id, isReturn);
        }
    }

    private JsonObject? TakeNew(JsonObject request, string id, bool isReturn)
    {
        int nth = ++taken;
        if (nth == misbehaviour.RefusesNth || id == refusedId)
        {
            // A refusal is remembered, like everything that was decided.
            refusedId = id;
            return new JsonObject { ["type"] = "urn:loyalty:problem:rule", ["status"] = 422, ["id"] = id };
        }

        Order.Add(id);
        string? memberId = (string?)request["member"];
        long amount = request["lines"]!.AsArray().Sum(line => (long)line!["amount"]!) * (isReturn ? -1 : 1);
        long points = memberId is null ? 0 : amount / 100;
        if (nth != misbehaviour.ForgetsNth)
        {
            recorded.Add(id, new Recorded(memberId, points, request.ToJsonString()));
        }

        if (memberId is not null && nth != misbehaviour.LosesNth)
        {
            Member member = members.TryGetValue(memberId, out Member? known) ? known : members[memberId] = new Member();
            int times = nth == misbehaviour.DoublesNth ? 2 : 1;
            member.Purchases += isReturn ? 0 : times;
            member.Returns += isReturn ? times : 0;
            member.Spend += (times * amount) + (nth == misbehaviour.MiscountsNth ? 1 : 0);
            member.Points += (times * points) + (nth == misbehaviour.MispointsNth ? 1 : 0);
        }

        if (misbehaviour.DropsEvery > 0 && nth % misbehaviour.DropsEvery == 0)
        {
            return null;
        }

        return Reply(nth == misbehaviour.MisnamesNth ? "somebody-else" : id, isReturn, memberId, points, replayed: false);
    }

    private static JsonObject Reply(string id, bool isReturn, string? member, long points, bool replayed)
    {
        var reply = new JsonObject { ["id"] = id };
        if (member is not null)
        {
            reply["member"] = member;
        }

        reply["replayed"] = replayed;
        if (isReturn)
        {
            reply["status"] = "applied";
        }

        reply["awards"] = points == 0 ? [] : new JsonArray(new JsonObject { ["rule"] = "base", ["unit"] = "points", ["points"] = points });
        reply["balances"] = member is null ? [] : new JsonArray(new JsonObject { ["unit"] = "points", ["available"] = 1, ["pending"] = 0, ["held"] = 0 });
        return reply;
    }

    private JsonObject TrialBalance()
    {
        lock (gate)
        {
            long points = members.Values.Sum(member => member.Points);
            return new JsonObject
            {
                ["asOf"] = taken,
                ["units"] = new JsonArray(new JsonObject
                {
                    ["unit"] = "points",
                    ["accounts"] = new JsonArray(
                        new JsonObject { ["account"] = "issued", ["balance"] = -points },
                        new JsonObject { ["account"] = "member", ["balance"] = points }),
                    ["sum"] = 0,
                }),
            };
        }
    }

    private async Task ShowMember(HttpContext context, string id)
    {
        JsonObject? shown;
        lock (gate)
        {
            shown = members.TryGetValue(id, out Member? member)
                ? new JsonObject
                {
                    ["id"] = id,
                    ["balances"] = new JsonArray(new JsonObject { ["unit"] = "points", ["available"] = member.Points, ["pending"] = 0, ["held"] = 0 }),
                    ["totals"] = new JsonObject { ["purchases"] = member.Purchases, ["returns"] = member.Returns, ["spend"] = member.Spend },
                }
                : null;
        }

        context.Response.StatusCode = shown is null ? 404 : 200;
        await Write(context, shown ?? []);
    }

    private static async Task Write(HttpContext context, JsonObject json)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(json);
        context.Response.ContentType = "application/json";
        context.Response.Headers.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body);
    }

    private sealed record Recorded(string? Member, long Points, string Content);

    private sealed class Member
    {
        public int Purchases { get; set; }

        public int Returns { get; set; }

        public long Spend { get; set; }

        public long Points { get; set; }
    }
}
