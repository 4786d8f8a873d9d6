using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

/// <summary>Campaigns, activities and quotes as program managers and integrators see them.</summary>
public sealed class CampaignTests(TestGateway gateway) : IClassFixture<TestGateway>
{
    private readonly string _member = Sales.NewId("shopper");

    private Api Api => gateway.Api;

    [Fact]
    public async Task A_campaign_is_drafted_published_paused_resumed_and_ended()
    {
        var id = await DraftAsync(Bonus(25));
        var draft = (await Api.GetAsync($"/v1/campaigns/{id}")).Expect(200).Json;
        Assert.Equal(("draft", "e.brown", 25L), ((string)draft["status"]!, (string)draft["draft"]!["author"]!, (long)draft["draft"]!["definition"]!["gives"]![0]!["points"]!));
        Assert.Equal(0, await GivenAsync(id));

        var published = (await PostAsync(id, "publish", ("author", "e.brown"))).Expect(200).Json;
        Assert.Equal(("active", 1L), ((string)published["status"]!, (long)published["versions"]![0]!["version"]!));
        Assert.Equal(25, await GivenAsync(id));
        gateway.Clock.Advance(NodaTime.Duration.FromSeconds(1));
        Assert.Equal("paused", (string)(await PostAsync(id, "pause", ("author", "jo"), ("reason", "too good"))).Expect(200).Json["status"]!);
        Assert.Equal(0, await GivenAsync(id));
        gateway.Clock.Advance(NodaTime.Duration.FromSeconds(1));
        Assert.Equal("active", (string)(await PostAsync(id, "resume", ("author", "jo"), ("reason", "not so good"))).Expect(200).Json["status"]!);
        Assert.Equal(25, await GivenAsync(id));
        Assert.Equal(25L, (long)(await Api.GetAsync($"/v1/campaigns/{id}/versions/1")).Expect(200).Json["definition"]!["gives"]![0]!["points"]!);
        gateway.Clock.Advance(NodaTime.Duration.FromSeconds(1));
        var ended = (await PostAsync(id, "end", ("author", "jo"), ("reason", "over"))).Expect(200).Json;
        Assert.Equal(("ended", 3), ((string)ended["status"]!, ended["changes"]!.AsArray().Count));
        Assert.Equal(0, await GivenAsync(id));
        (await PostAsync(id, "resume", ("author", "jo"), ("reason", "again"))).ExpectProblem(422, "campaign-ended", "");
        Assert.Contains((await Api.GetAsync("/v1/campaigns?limit=500")).Expect(200).Json["campaigns"]!.AsArray(), one => (string)one!["id"]! == id && (string)one["status"]! == "ended");
    }

    [Fact]
    public async Task The_list_has_pages()
    {
        await DraftAsync(Bonus(1));
        await DraftAsync(Bonus(1));
        var first = (await Api.GetAsync("/v1/campaigns?limit=1")).Expect(200).Json;
        var next = (string)first["next"]!;
        Assert.NotEqual(next, (string)(await Api.GetAsync($"/v1/campaigns?limit=1&after={next}")).Expect(200).Json["campaigns"]![0]!["id"]!);
        (await Api.GetAsync("/v1/campaigns?limit=0&page=2")).ExpectProblem(400, "malformed", "page", "limit");
    }

    public static TheoryData<string, string, string> Mistakes => new()
    {
        { "a rate of 10^12", """{"name":"n","gives":[{"type":"rate","unit":"points","points":1000000000000,"per":1}]}""", "gives[0].points" },
        { "an end before the beginning", """{"name":"n","from":"2026-05-02T00:00:00Z","until":"2026-05-01T00:00:00Z","gives":[{"type":"bonus","unit":"points","points":1}]}""", "until" },
        { "a unit that nobody knows", """{"name":"n","gives":[{"type":"bonus","unit":"gold","points":1}]}""", "gives[0].unit" },
        { "no hour of the day", """{"name":"n","when":{"hours":[{"from":"25:00","to":"26:00"}]},"gives":[{"type":"bonus","unit":"points","points":1}]}""", "when.hours[0].from" },
        { "a budget of nothing", """{"name":"n","gives":[{"type":"bonus","unit":"points","points":1}],"budget":{"in":"points","amount":0}}""", "budget.amount" },
        { "nothing to give", """{"name":"n"}""", "gives" },
        { "a field that is none", """{"name":"n","gives":[{"type":"bonus","unit":"points","points":1}],"hurry":true}""", "hurry" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_in_a_definition_is_named_with_its_field(string what, string definition, string field)
    {
        var id = Sales.NewId("bad");
        var reply = await Api.PutAsync($"/v1/campaigns/{id}?author=e.brown", definition);
        Assert.True(reply.Status == 400 && reply.Fields.Contains(field), $"{what}: {reply.Status} {reply.Text}");
        (await Api.GetAsync($"/v1/campaigns/{id}")).ExpectProblem(404, "unknown-campaign", "campaign");
    }

    [Fact]
    public async Task A_circle_of_triggers_is_refused()
    {
        var first = await DraftAsync(Bonus(1));
        await PublishAsync(first);
        var second = await DraftAsync(Bonus(1).With("trigger", new JsonObject { ["award"] = first }));
        await PublishAsync(second);
        var reply = await Api.PutAsync($"/v1/campaigns/{first}?author=e.brown", Bonus(1).With("trigger", new JsonObject { ["award"] = second }).ToJsonString());
        reply = reply.Status == 200 ? await PostAsync(first, "publish", ("author", "e.brown")) : reply;
        reply.ExpectProblem(400, "malformed", "trigger.award");
        Assert.Contains("circle", reply.Text, StringComparison.Ordinal);
        var lost = await DraftAsync(Bonus(1).With("trigger", new JsonObject { ["award"] = "nothing-like-this" }));
        (await PostAsync(lost, "publish", ("author", "e.brown"))).ExpectProblem(400, "malformed", "trigger.award");
    }

    [Fact]
    public async Task What_is_missing_in_the_address_or_the_body_is_said()
    {
        (await Api.PutAsync("/v1/campaigns/abc", Bonus(1).ToJsonString())).ExpectProblem(400, "malformed", "author");
        (await Api.PutAsync($"/v1/campaigns/{new string('x', 33)}?author=jo", Bonus(1).ToJsonString())).ExpectProblem(400, "malformed", "id");
        (await Api.PutAsync("/v1/campaigns/abc?author=jo", "{")).Expect(400);
        (await PostAsync("nothing-here", "publish", ("author", "jo"))).ExpectProblem(404, "unknown-campaign", "campaign");
        (await Api.GetAsync("/v1/campaigns/nothing-here/budget")).ExpectProblem(404, "unknown-campaign", "campaign");
        (await Api.GetAsync("/v1/campaigns/nothing-here/budget?day=soon&store=")).ExpectProblem(400, "malformed", "store", "day");
        var id = await DraftAsync(Bonus(1));
        (await PostAsync(id, "pause", ("author", "jo"))).ExpectProblem(400, "malformed", "reason");
        (await PostAsync(id, "pause", ("author", "jo"), ("reason", "r"))).ExpectProblem(422, "not-published", "");
        (await Api.GetAsync($"/v1/campaigns/{id}/versions/7")).ExpectProblem(404, "unknown-version", "version");
        Assert.Equal("application/schema+json", (await Api.GetAsync("/v1/campaigns/schema")).Expect(200).Header("Content-Type"));
    }

    [Fact]
    public async Task A_leader_board_shows_who_was_given_most()
    {
        var id = await DraftAsync(Bonus(40).With("leaderboard", new JsonObject { ["period"] = "campaign", ["places"] = 3 }));
        (await Api.GetAsync($"/v1/campaigns/{id}/leaderboard")).ExpectProblem(404, "no-leaderboard", "leaderboard");
        await PublishAsync(id);
        var bought = (await Api.PurchaseAsync(Basket(id, Sales.NewId()))).Expect(200);
        Reply board;
        for (var tries = 0; ; tries++)
        {
            board = (await Api.GetAsync($"/v1/campaigns/{id}/leaderboard?day=2026-03-01")).Expect(200);
            if (board.Json["places"]!.AsArray().Count > 0)
            {
                break;
            }

            Assert.True(tries < 1000, board.Text);
            await Task.Delay(20);
        }

        var first = board.Json["places"]![0]!;
        Assert.Equal((1, (string)bought.Json["member"]!, 40L), ((int)first["rank"]!, (string)first["member"]!, (long)first["points"]!));
        Assert.True((bool)board.Json["complete"]!);
        (await Api.GetAsync("/v1/campaigns/nothing-here/leaderboard")).ExpectProblem(404, "unknown-campaign", "campaign");
        (await Api.GetAsync($"/v1/campaigns/{id}/leaderboard?day=soon&week=1")).ExpectProblem(400, "malformed", "week", "day");
    }

    [Fact]
    public async Task A_quote_is_what_the_purchase_gives_and_takes_no_budget()
    {
        var id = await DraftAsync(Bonus(40).With("budget", new JsonObject { ["in"] = "points", ["amount"] = 60 }));
        await PublishAsync(id);
        foreach (var expected in new[] { 40, 20, 0 })
        {
            var purchase = Basket(id, Sales.NewId());
            var basket = JsonNode.Parse(purchase.ToJsonString())!.AsObject();
            basket.Remove("id");
            var quote = (await Api.PostAsync("/v1/quotes?explain=true", basket)).Expect(200);
            var bought = (await Api.PostAsync("/v1/purchases?explain=true", purchase)).Expect(200);
            Assert.Equal(expected, Given(bought, id));
            Assert.Equal(bought.Json["awards"]!.ToJsonString(), quote.Json["awards"]!.ToJsonString());
            Assert.Equal(bought.Available(), quote.Available());
            Assert.Equal(expected == 0, bought.Json["skipped"]!.AsArray().Any(skipped => (string)skipped!["campaign"]! == id && (string)skipped["reason"]! == "budget"));
            Assert.Null((await Api.PurchaseAsync(purchase)).Expect(200).Json["skipped"]);
        }

        var budget = (await Api.GetAsync($"/v1/campaigns/{id}/budget")).Expect(200).Json;
        var purse = budget["purses"]![0]!;
        Assert.Equal(60, (long)purse["spent"]! + (long)purse["leased"]! + (long)purse["free"]!);
        var nobody = Basket(id, "q");
        nobody.Remove("member");
        (await Api.PostAsync("/v1/quotes", nobody)).ExpectProblem(400, "malformed", "member");
        (await Api.PostAsync("/v1/quotes", Basket(id, "q").With("currency", "EUR"))).ExpectProblem(422, "wrong-currency", "currency");
        (await Api.PostAsync("/v1/quotes?explain=perhaps", Basket(id, "q"))).ExpectProblem(400, "malformed", "explain");
    }

    [Fact]
    public async Task Activities_earn_have_an_identity_and_each_friend_counts_once()
    {
        var id = await DraftAsync(Bonus(75).With("trigger", new JsonObject { ["activity"] = "referral" }));
        await PublishAsync(id);
        var friend = Sales.NewId("friend");
        var referral = Activity("referral").With("friend", friend);
        var first = (await Api.PostAsync("/v1/activities?explain=true", referral)).Expect(200);
        Assert.Equal((75L, false, "referral"), (Given(first, id), (bool)first.Json["replayed"]!, (string)first.Json["type"]!));
        Assert.True((bool)(await Api.PostAsync("/v1/activities", referral)).Expect(200).Json["replayed"]!);
        (await Api.PostAsync("/v1/activities", Activity("referral").With("id", (string)referral["id"]!).With("friend", "another"))).ExpectProblem(409, "conflict", "id");
        (await Api.PostAsync("/v1/activities", Activity("referral").With("friend", friend).With("member", "somebody-else"))).ExpectProblem(422, "already-referred", "friend");
        (await Api.PostAsync("/v1/activities", Activity("referral").With("friend", _member))).ExpectProblem(422, "own-friend", "friend");
        Assert.Equal(75, await Api.PointsAsync(_member));
        (await Api.PostAsync("/v1/activities", Activity("sign-up").With("score", 3))).ExpectProblem(400, "malformed", "type", "score");
        (await Api.PostAsync("/v1/activities", Activity("survey").With("score", 11).With("answers", new JsonObject { ["q"] = 5 }))).ExpectProblem(400, "malformed", "score", "answers.q");
        (await Api.PostAsync("/v1/activities", new JsonObject())).ExpectProblem(400, "malformed", "id", "member", "type", "at");
    }

    [Fact]
    public async Task A_stream_of_activities_is_answered_line_by_line()
    {
        var stream = await Api.StreamAsync("/v1/activities", Activity("review").With("score", 5), Activity("dance"), Activity("x-dance").With("quantity", 1.5));
        Assert.Equal([null, 400, null], stream.Expect(200).Lines.Select(line => (int?)line["status"]));
        Assert.Equal("x-dance", (string)stream.Lines[2]["type"]!);
    }

    [Fact]
    public async Task Surveys_and_reviews_are_key_figures()
    {
        var before = (await Api.GetAsync("/v1/feedback")).Expect(200).Json;
        foreach (var score in new[] { 10, 9, 8, 3 })
        {
            (await Api.PostAsync("/v1/activities", Activity("survey").With("score", score).With("answers", new JsonObject { ["why"] = "because" }))).Expect(200);
        }

        (await Api.PostAsync("/v1/activities", Activity("review").With("score", 4))).Expect(200);
        var after = (await Api.GetAsync("/v1/feedback")).Expect(200).Json;
        Assert.Equal((2L, 1L, 1L), (Grown("promoters"), Grown("passives"), Grown("detractors")));
        Assert.Equal(1, Grown("reviews"));
        Assert.InRange((decimal)after["netPromoterScore"]!, -100, 100);
        Assert.InRange((decimal)after["satisfaction"]!, 1, 5);

        long Grown(string name) => (long)after[name]! - (long)before[name]!;
    }

    [Fact]
    public async Task Attributes_decide_who_gets_a_campaign_and_progress_is_visible()
    {
        var id = await DraftAsync(Bonus(30).With("who", new JsonObject { ["tags"] = new JsonArray("student") }).With(
            "challenge", JsonNode.Parse("""{"steps":[{"name":"visits","count":"visits","target":3}],"gives":[{"type":"bonus","unit":"points","points":9}]}""")));
        await PublishAsync(id);
        (await Api.PutAsync($"/v1/members/{_member}/attributes", """{"tags":["student"]}""")).ExpectProblem(404, "unknown-member", "member");
        Assert.Equal(0, await GivenAsync(id));
        var set = (await Api.PutAsync($"/v1/members/{_member}/attributes", """{"tags":["student","choir"],"birthday":"02-29"}""")).Expect(200).Json;
        Assert.Equal("""["choir","student"]""", set["tags"]!.ToJsonString());
        Assert.Equal(30, await GivenAsync(id));
        var view = (await Api.GetAsync($"/v1/members/{_member}/campaigns")).Expect(200).Json;
        var progress = view["campaigns"]!.AsArray().Single(one => (string)one!["campaign"]! == id)!;
        Assert.Equal(("02-29", "challenge", 1L, 3L), ((string)view["birthday"]!, (string)progress["kind"]!, (long)progress["steps"]![0]!["progress"]!, (long)progress["steps"]![0]!["target"]!));
        (await Api.PutAsync($"/v1/members/{_member}/attributes", """{"birthday":"02-30"}""")).ExpectProblem(400, "malformed", "tags", "birthday");
        (await Api.GetAsync("/v1/members/nobody-here/campaigns")).ExpectProblem(404, "unknown-member", "member");
    }

    [Fact]
    public async Task A_return_says_what_campaigns_take_back_and_the_books_balance()
    {
        var id = await DraftAsync(Bonus(40));
        await PublishAsync(id);
        var purchase = Basket(id, Sales.NewId());
        (await Api.PurchaseAsync(purchase)).Expect(200);
        var returned = (await Api.ReturnAsync(Sales.Return(Sales.NewId(), (string)purchase["id"]!, _member, (id, 1, 1000)))).Expect(200);
        Assert.Equal(-40, Given(returned, id));
        await Api.BooksAsync();
        Assert.Contains((await Api.GetAsync($"/v1/members/{_member}/statement")).Expect(200).Json["entries"]!.AsArray(), entry => (string?)entry!["rule"] == $"campaign:{id}");
    }

    /// <summary>A campaign for the goods of its own name, so that tests do not meet in one basket.</summary>
    private static JsonObject Bonus(long points) => new()
    {
        ["name"] = "A bonus", ["gives"] = new JsonArray(new JsonObject { ["type"] = "bonus", ["unit"] = "points", ["points"] = points }),
    };

    private async Task<string> DraftAsync(JsonObject definition)
    {
        var id = Sales.NewId("camp");
        if (definition["trigger"] is null)
        {
            definition["what"] = new JsonObject { ["skus"] = new JsonArray(id) };
        }

        (await Api.PutAsync($"/v1/campaigns/{id}?author=e.brown", definition.ToJsonString())).Expect(200);
        return id;
    }

    private async Task PublishAsync(string id) => (await PostAsync(id, "publish", ("author", "e.brown"))).Expect(200);

    private Task<Reply> PostAsync(string id, string what, params (string Field, string Value)[] body)
    {
        var json = new JsonObject();
        foreach (var (field, value) in body)
        {
            json[field] = value;
        }

        return Api.PostAsync($"/v1/campaigns/{id}/{what}", json);
    }

    private JsonObject Basket(string sku, string id) => Sales.Purchase(id, _member, (sku, 1, 1000)).With("at", Now());

    private string Now() => gateway.Clock.GetCurrentInstant().ToString("uuuu-MM-dd'T'HH:mm:ss'+00:00'", null);

    private JsonObject Activity(string type) => new() { ["id"] = Sales.NewId("act"), ["member"] = _member, ["type"] = type, ["at"] = Now() };

    private async Task<long> GivenAsync(string id) => Given((await Api.PurchaseAsync(Basket(id, Sales.NewId()))).Expect(200), id);

    private static long Given(Reply reply, string id) =>
        reply.Json["awards"]!.AsArray().Where(award => (string)award!["rule"]! == $"campaign:{id}").Sum(award => (long)award!["points"]!);
}
