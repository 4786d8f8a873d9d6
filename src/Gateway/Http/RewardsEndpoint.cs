using System.Text.Json;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Http;

/// <summary>The catalogue of rewards. docs/SPENDING.md, "Rewards".</summary>
internal sealed class RewardsEndpoint(LoyaltyEngine engine)
{
    private const string Rewards = "/v1/rewards/";
    private const int DefaultPage = 100;
    private const int MaxPage = 500;

    /// <summary><c>GET /v1/rewards?limit=&amp;after=</c>.</summary>
    public async Task ListAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var errors = new List<FieldError>();
        foreach (var name in query.Keys.Where(name => name is not ("limit" or "after")))
        {
            errors.Add(new(name, "is not a parameter here; known are limit, after"));
        }

        var limit = DefaultPage;
        if (query.ContainsKey("limit") && (!int.TryParse(query["limit"], out limit) || limit < 1 || limit > MaxPage))
        {
            errors.Add(new("limit", $"is '{query["limit"]}'; a whole number from 1 to {MaxPage} is needed"));
        }

        string after = query.ContainsKey("after") ? query["after"].ToString() : "";
        if (after.Length > 0 && !RewardParser.IsId(after))
        {
            errors.Add(new("after", "is no id of a reward; use the 'next' of a page as it is"));
        }

        if (errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape(errors)).ConfigureAwait(false);
            return;
        }

        var (page, next, command) = await engine.ListRewardsAsync(after, limit).ConfigureAwait(false);
        if (page is null)
        {
            await HttpReplies.WriteProblemAsync(context, SpendingEndpoint.NotDone(command)!).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, (page, next), static (writer, x) =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("rewards"u8);
            foreach (var reward in x.page)
            {
                Write(writer, reward, replayed: null);
            }

            writer.WriteEndArray();
            if (x.next is not null)
            {
                writer.WriteString("next"u8, x.next);
            }

            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/rewards/{id}</c>.</summary>
    public async Task GetAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, Rewards);
        if (RewardParser.IsId(id))
        {
            await ReplyAsync(context, await engine.Host.AskAsync<Command>(new GetReward(id)).ConfigureAwait(false), id, tellsReplayed: false).ConfigureAwait(false);
        }
        else
        {
            await HttpReplies.WriteProblemAsync(context, UnknownReward(id)).ConfigureAwait(false);
        }
    }

    /// <summary><c>PUT /v1/rewards/{id}</c>.</summary>
    public async Task PutAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, Rewards);
        var (definition, problem) = await DocumentBody.ReadAsync(context, fields => RewardParser.Read(fields, id, engine.Programs.Current.Latest)).ConfigureAwait(false);
        if (definition is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        await ReplyAsync(context, await engine.PutRewardAsync(definition).ConfigureAwait(false), id, tellsReplayed: true).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/rewards/{id}/withdraw</c>.</summary>
    public async Task WithdrawAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, Rewards);
        var (why, problem) = await DocumentBody.ReadAsync(
            context, fields => Tuple.Create(fields.Text("reason", RequestLimits.TextLength), fields.Text("author", RequestLimits.TextLength))).ConfigureAwait(false);
        problem ??= RewardParser.IsId(id) ? null : UnknownReward(id);
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        var command = await engine.Host.AskAsync<Command>(new WithdrawReward(id, why!.Item1, why.Item2)).ConfigureAwait(false);
        await ReplyAsync(context, command, id, tellsReplayed: true).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/rewards/{id}/stock</c>.</summary>
    public async Task ChangeStockAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, Rewards);
        var (change, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            var read = new StockChange
            {
                Id = fields.Text("id", RequestLimits.IdLength), Reward = id, Change = fields.Whole("change", -RequestLimits.Amount, RequestLimits.Amount),
                Reason = fields.Text("reason", RequestLimits.TextLength), Author = fields.Text("author", RequestLimits.TextLength),
            };
            if (read.Change == 0)
            {
                fields.Error("change", "is 0; above 0 puts in stock, below 0 takes out");
            }

            return read;
        }).ConfigureAwait(false);
        problem ??= RewardParser.IsId(id) ? null : UnknownReward(id);
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        var command = await engine.Host.AskAsync(new ChangeStock(change!)).ConfigureAwait(false);
        await SalesEndpoint.ReplyAsync(context, engine, command).ConfigureAwait(false);
    }

    private static async Task ReplyAsync(HttpContext context, Command command, string id, bool tellsReplayed)
    {
        var reply = command.Reply as RewardReply;
        var problem = SpendingEndpoint.NotDone(command) ?? command switch
        {
            AddReward => Problem.Rule("too-many-rewards", "", $"{RewardParser.MaxRewards} rewards exist; no more are kept"),
            _ when reply?.Refusal is { } refusal => Problem.Rule(refusal.Code, refusal.Field, refusal.Detail),
            _ when reply?.View is null => UnknownReward(id),
            _ => null,
        };
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(
            context, 200, (reply!, tellsReplayed), static (writer, x) => Write(writer, x.Item1.View!, x.tellsReplayed ? x.Item1.Replayed : null)).ConfigureAwait(false);
    }

    private static Problem UnknownReward(string id) =>
        Problem.Unknown("unknown-reward", "reward", $"there is no reward '{(id.Length > 32 ? "…" : id)}'; GET /v1/rewards lists them");

    private static void Write(Utf8JsonWriter writer, RewardView view, bool? replayed)
    {
        var reward = view.Definition;
        writer.WriteStartObject();
        writer.WriteString("id"u8, reward.Id);
        writer.WriteNumber("revision"u8, reward.Revision);
        if (replayed is { } again)
        {
            writer.WriteBoolean("replayed"u8, again);
        }

        writer.WriteString("status"u8, view.IsWithdrawn ? "withdrawn" : "active");
        writer.WriteString("name"u8, reward.Name);
        writer.WriteString("type"u8, RewardParser.NameOf(reward.Type));
        writer.WriteString("unit"u8, reward.Unit);
        writer.WriteNumber("points"u8, reward.Points);
        writer.WriteNumber("money"u8, reward.Money);
        writer.WriteBoolean("limitedStock"u8, reward.LimitedStock);
        if (reward.LimitedStock)
        {
            writer.WriteNumber("free"u8, view.Free);
        }

        writer.WriteNumber("reserved"u8, view.Reserved);
        writer.WriteNumber("redeemed"u8, view.Redeemed);
        if (reward.Limit is { } limit)
        {
            writer.WriteStartObject("limit"u8);
            writer.WriteNumber("quantity"u8, limit.Quantity);
            writer.WriteString("per"u8, RewardParser.NameOf(limit.Period));
            writer.WriteEndObject();
        }

        writer.WriteStartArray("tiers"u8);
        foreach (var tier in reward.Tiers)
        {
            writer.WriteStringValue(tier);
        }

        writer.WriteEndArray();
        if (reward.ValidFrom is { } from)
        {
            writer.WriteString("validFrom"u8, from.ToDateTimeUtc());
        }

        if (reward.ValidUntil is { } until)
        {
            writer.WriteString("validUntil"u8, until.ToDateTimeUtc());
        }

        writer.WriteEndObject();
    }
}
