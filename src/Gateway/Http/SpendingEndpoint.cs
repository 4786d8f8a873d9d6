using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Http;

/// <summary>Holds, redemptions and their reversal. docs/SPENDING.md.</summary>
internal sealed class SpendingEndpoint(LoyaltyEngine engine)
{
    private const string Holds = "/v1/holds/";
    private const string Redemptions = "/v1/redemptions/";
    private const int MaxSeconds = 2_592_000;

    /// <summary><c>POST /v1/holds</c>.</summary>
    public async Task HoldAsync(HttpContext context)
    {
        var (hold, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            var (unit, points, reward, quantity) = ReadWhat(fields);
            return new Hold
            {
                Id = fields.Text("id", RequestLimits.IdLength), Member = fields.Text("member", RequestLimits.IdLength), Unit = unit, Points = points, Reward = reward,
                Quantity = quantity, Reference = ReadReference(fields), Seconds = (int)fields.Whole("seconds", 1, MaxSeconds, 0) is var seconds and not 0 ? seconds : null,
            };
        }).ConfigureAwait(false);
        await (hold is null
            ? HttpReplies.WriteProblemAsync(context, problem!).AsTask()
            : ReplyAsync(context, hold, await engine.HoldAsync(hold).ConfigureAwait(false))).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/redemptions</c>.</summary>
    public async Task RedeemAsync(HttpContext context)
    {
        var (redemption, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            var (unit, points, reward, quantity) = ReadWhat(fields);
            return new Redemption
            {
                Id = fields.Text("id", RequestLimits.IdLength), Member = fields.Text("member", RequestLimits.IdLength), Unit = unit, Points = points, Reward = reward,
                Quantity = quantity, Reference = ReadReference(fields),
            };
        }).ConfigureAwait(false);
        await (redemption is null
            ? HttpReplies.WriteProblemAsync(context, problem!).AsTask()
            : ReplyAsync(context, redemption, await engine.RedeemAsync(redemption).ConfigureAwait(false))).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/holds/{id}</c>.</summary>
    public async Task GetHoldAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, Holds);
        if (await HolderOfAsync(context, id, "unknown-hold", "hold").ConfigureAwait(false) is not { } member)
        {
            return;
        }

        var command = await engine.Host.AskAsync(new GetHold(member, id)).ConfigureAwait(false);
        if (command.Reply is HoldView hold)
        {
            var answer = HttpReplies.EmptyAnswer();
            ReplyWriter.Write(answer, hold);
            await HttpReplies.WriteAsync(context, 200, "application/json", answer.Written).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteProblemAsync(context, NotDone(command) ?? UnknownHold(id, "unknown-hold", "hold"), id).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/members/{id}/holds</c>.</summary>
    public async Task ListHoldsAsync(HttpContext context)
    {
        var member = MembersEndpoint.MemberOf(context);
        var command = await engine.Host.AskAsync(new ListHolds(member)).ConfigureAwait(false);
        if (command.Reply is not HoldView[] holds)
        {
            await HttpReplies.WriteProblemAsync(context, NotDone(command) ?? Problem.UnknownMember(member), member).ConfigureAwait(false);
            return;
        }

        var answer = HttpReplies.EmptyAnswer();
        answer.Raw("{\"holds\":["u8);
        for (var i = 0; i < holds.Length; i++)
        {
            if (i > 0)
            {
                answer.Raw(","u8);
            }

            ReplyWriter.Write(answer, holds[i]);
        }

        answer.Raw("]}"u8);
        await HttpReplies.WriteAsync(context, 200, "application/json", answer.Written).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/holds/{id}/commit</c>.</summary>
    public Task CommitAsync(HttpContext context) => AboutHoldAsync(context, Holds, "unknown-hold", "hold", (fields, member, hold) => new CommitHold(new()
    {
        Id = fields.Text("id", RequestLimits.IdLength), Member = member, Hold = hold, Points = ReadPoints(fields),
    }));

    /// <summary><c>POST /v1/holds/{id}/cancel</c>.</summary>
    public Task CancelAsync(HttpContext context) => AboutHoldAsync(context, Holds, "unknown-hold", "hold", (fields, member, hold) => new CancelHold(new()
    {
        Id = fields.Text("id", RequestLimits.IdLength), Member = member, Hold = hold,
    }));

    /// <summary><c>POST /v1/redemptions/{id}/reversal</c>.</summary>
    public Task ReverseAsync(HttpContext context) => AboutHoldAsync(context, Redemptions, "unknown-redemption", "redemption", (fields, member, redemption) => new ReverseRedemption(new()
    {
        Id = fields.Text("id", RequestLimits.IdLength), Member = member, Redemption = redemption, Points = ReadPoints(fields), Restock = fields.Flag("restock", true),
        Reason = fields.Text("reason", RequestLimits.TextLength), Author = fields.Text("author", RequestLimits.TextLength),
    }));

    private static (string? Unit, long Points, string? Reward, int Quantity) ReadWhat(JsonFields fields)
    {
        if (fields.Has("reward"))
        {
            const string Both = "is given beside reward, which has its own price; one of the two is needed";
            fields.Exclude("unit", Both);
            fields.Exclude("points", Both);
            return (null, 0, fields.Text("reward", 32), (int)fields.Whole("quantity", 1, RequestLimits.RewardQuantity, 1));
        }

        fields.Exclude("reward", "");
        fields.Exclude("quantity", "is given without reward; points are as many as points says");
        return (fields.Text("unit", 32), fields.Whole("points", 1, RequestLimits.Amount), null, 1);
    }

    private static string? ReadReference(JsonFields fields) => fields.Text("reference", RequestLimits.IdLength, "") is { Length: > 0 } text ? text : null;

    private static long? ReadPoints(JsonFields fields) => fields.Whole("points", 1, RequestLimits.Amount, 0) is var points and not 0 ? points : null;

    private async Task AboutHoldAsync(HttpContext context, string before, string code, string field, Func<JsonFields, string, string, SpendingCommand> read)
    {
        var id = MembersEndpoint.IdOf(context, before);
        if (await HolderOfAsync(context, id, code, field).ConfigureAwait(false) is not { } member)
        {
            return;
        }

        var (command, problem) = await DocumentBody.ReadAsync(context, fields => read(fields, member, id)).ConfigureAwait(false);
        if (command is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        await engine.Host.AskAsync(command).ConfigureAwait(false);
        await SalesEndpoint.ReplyAsync(context, engine, command).ConfigureAwait(false);
    }

    /// <summary>Whose hold it is; when there is none, that is answered.</summary>
    private async Task<string?> HolderOfAsync(HttpContext context, string id, string code, string field)
    {
        var member = id.Length <= RequestLimits.IdLength ? await engine.FindHolderAsync(id).ConfigureAwait(false) : null;
        if (member is null)
        {
            await HttpReplies.WriteProblemAsync(context, UnknownHold(id.Length > RequestLimits.IdLength ? "…" : id, code, field)).ConfigureAwait(false);
        }

        return member;
    }

    private async Task ReplyAsync(HttpContext context, Spending request, SpendingEnd end)
    {
        if (end.Command is not SpendingCommand command)
        {
            await HttpReplies.WriteProblemAsync(
                context, NotDone(end.Command) ?? Problem.Unknown("unknown-reward", "reward", $"there is no reward '{request.Reward}'; GET /v1/rewards lists them"), request.Id).ConfigureAwait(false);
            return;
        }

        if (end.Hold is not { } hold)
        {
            await SalesEndpoint.ReplyAsync(context, engine, command).ConfigureAwait(false);
            return;
        }

        if (hold is { Status: HoldStatus.Refused, Refusal: { } refusal })
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Rule(refusal.Code, refusal.Field, refusal.Detail), request.Id, command.Outcome.Replayed).ConfigureAwait(false);
            return;
        }

        var answer = HttpReplies.EmptyAnswer();
        ReplyWriter.Write(answer, command, hold);
        await HttpReplies.WriteAsync(context, hold.Status == HoldStatus.Reserving ? 202 : 200, "application/json", answer.Written).ConfigureAwait(false);
    }

    private static Problem UnknownHold(string id, string code, string field) => Problem.Unknown(code, field, $"there is no {field} '{id}'");

    /// <summary>Why a command was not done; null: it was.</summary>
    public static Problem? NotDone(Command command) => command.Status switch
    {
        CommandStatus.Busy => Problem.Busy(command.Problem),
        CommandStatus.Unavailable => Problem.Unavailable(command.Problem),
        _ => null,
    };
}
