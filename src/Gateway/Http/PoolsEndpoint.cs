using System.Text.Json;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.AspNetCore.Http.Features;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary>Partners' pools, their statements, and exchanges. docs/EXCHANGE.md.</summary>
internal sealed class PoolsEndpoint(LoyaltyEngine engine)
{
    /// <summary>How long a sender waits for an exchange to end before it is answered 202.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Where the rights of a key are kept that is bound to pools.</summary>
    public const string RightsItem = "loyalty.pool-rights";

    private static readonly string[] Directions = ["out", "in", "earn"];
    private static readonly string[] Resolutions = ["retry", "completed", "cancelled"];

    /// <summary><c>PUT /v1/pools/{id}</c>.</summary>
    public async Task PublishAsync(HttpContext context)
    {
        var id = PoolOf(context);
        var (bytes, problem) = await DocumentBody.ReadAsync(context, PoolParser.MaxBytes).ConfigureAwait(false);
        if (bytes is null || !PoolParser.IsId(id))
        {
            await HttpReplies.WriteProblemAsync(context, problem ?? Problem.Shape("id", $"is '{id}'; 1 to {PoolParser.IdLength} lower-case letters, digits and - are needed")).ConfigureAwait(false);
            return;
        }

        var command = await engine.Host.AskAsync(new PublishPool(id, bytes)).ConfigureAwait(false);
        await ReplyAsync(context, command, id).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/pools/{id}</c>.</summary>
    public async Task GetAsync(HttpContext context)
    {
        var id = PoolOf(context);
        if ((CheckRights(context, id) ?? (PoolParser.IsId(id) ? null : UnknownPool(id))) is { } problem)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await ReplyAsync(context, await engine.PoolAsync(id).ConfigureAwait(false), id).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/pools/{id}/fundings</c>.</summary>
    public async Task FundAsync(HttpContext context)
    {
        var id = PoolOf(context);
        var (funding, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            var read = new PoolFunding
            {
                Id = fields.Text("id", RequestLimits.IdLength),
                Pool = id,
                Unit = fields.Text("unit", 32),
                Amount = fields.Whole("amount", -PoolState.MaxFunding, PoolState.MaxFunding),
                Reason = fields.Text("reason", RequestLimits.TextLength),
                Author = fields.Text("author", RequestLimits.TextLength),
            };
            if (read.Amount == 0 && fields.Has("amount"))
            {
                fields.Error("amount", "is 0; above 0 puts in, below 0 takes out");
            }

            return read;
        }).ConfigureAwait(false);
        problem = PoolParser.IsId(id) ? problem : UnknownPool(id);
        if (problem is not null || funding is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var command = await engine.Host.AskAsync(new FundPool(funding)).ConfigureAwait(false);
        problem = command is { Status: CommandStatus.Done, Outcome.Kind: OutcomeKind.Unknown } ? UnknownPool(id) : ReplyWriter.ProblemOf(command);
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem, funding.Id, command is { Status: CommandStatus.Done, Outcome.Replayed: true }).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, (funding, command.Outcome.Replayed), static (writer, x) =>
        {
            writer.WriteStartObject();
            writer.WriteString("id"u8, x.funding.Id);
            writer.WriteString("pool"u8, x.funding.Pool);
            writer.WriteString("unit"u8, x.funding.Unit);
            writer.WriteNumber("amount"u8, x.funding.Amount);
            writer.WriteBoolean("replayed"u8, x.Replayed);
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/exchanges</c>.</summary>
    public async Task ExchangeAsync(HttpContext context)
    {
        var (request, problem) = await DocumentBody.ReadAsync(context, ReadExchange).ConfigureAwait(false);
        if (request is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        problem = CheckRights(context, request.Pool) ?? (PoolParser.IsId(request.Pool) ? null : UnknownPool(request.Pool));
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem, request.Id).ConfigureAwait(false);
            return;
        }

        var (command, replayed) = await engine.ExchangeAsync(request, Patience).ConfigureAwait(false);
        problem = command switch
        {
            RequestCommand start => ReplyWriter.ProblemOf(start),
            { Status: CommandStatus.Busy } => Problem.Busy(command.Problem),
            { Status: CommandStatus.Unavailable } => Problem.Unavailable(command.Problem),
            { Reply: PoolReply { View: null } } => UnknownPool(request.Pool),
            { Reply: MemberReply { View: null } } => Problem.UnknownMember(request.Member),
            { Reply: ExchangeReply { State: { Stage: ExchangeStage.Undone, Refusal: { } refusal } } } => Problem.Rule(refusal.Code, refusal.Field, refusal.Detail),
            _ => null,
        };
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem, request.Id, replayed).ConfigureAwait(false);
            return;
        }

        var state = ((ExchangeReply)command.Reply!).State!;
        if (state.Stage != ExchangeStage.Completed)
        {
            context.Response.Headers.Location = "/v1/exchanges/" + Uri.EscapeDataString(request.Id);
            context.Response.Headers.RetryAfter = "1";
        }

        await HttpReplies.WriteJsonAsync(context, state.Stage == ExchangeStage.Completed ? 200 : 202, (state, (bool?)replayed), Write).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/exchanges/{id}</c>.</summary>
    public async Task GetExchangeAsync(HttpContext context)
    {
        var id = ExchangeOf(context);
        var command = await engine.Host.AskAsync<Command>(new GetExchange(id)).ConfigureAwait(false);
        if (command.Reply is ExchangeReply { State.Request: { } request } && CheckRights(context, request.Pool) is { } problem)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await ReplyAsync(context, command, id).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/exchanges/{id}/resolve</c>.</summary>
    public async Task ResolveAsync(HttpContext context)
    {
        var id = ExchangeOf(context);
        var (command, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            var resolution = (ExchangeResolution)(fields.Choice("resolution", Resolutions) + 1);
            var reference = fields.Text("reference", PartnerConnectors.MaxText, "-");
            if (fields.Has("reference") && resolution != ExchangeResolution.Completed)
            {
                fields.Error("reference", "is possible with \"resolution\": \"completed\" only");
            }

            return new ResolveExchange(
                id, resolution, fields.Text("reason", RequestLimits.TextLength), fields.Text("author", RequestLimits.TextLength), fields.Has("reference") ? reference : null);
        }).ConfigureAwait(false);
        if (command is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        await ReplyAsync(context, await engine.Host.AskAsync<Command>(command).ConfigureAwait(false), id).ConfigureAwait(false);
    }

    /// <summary>Why the key may have nothing to do with a pool; null: it may.</summary>
    public static Problem? CheckRights(HttpContext context, string pool) => context.Items[RightsItem] is Security.KeyRights rights && !rights.MayUse(pool)
        ? new(403, "scope", "The key may not do this", $"the key is bound to other pools than '{pool}'", [])
        : null;

    /// <summary>The pool an address names.</summary>
    public static string PoolOf(HttpContext context) => (string)context.Request.RouteValues["id"]!;

    /// <summary>There is no such pool.</summary>
    public static Problem UnknownPool(string pool) =>
        new(404, "unknown-pool", "The pool is not known", $"there is no pool '{pool}'; PUT /v1/pools/{{id}} makes one", [new("pool", $"'{pool}' is not known")]);

    private static ExchangeRequest ReadExchange(JsonFields fields)
    {
        var direction = (ExchangeDirection)(fields.Choice("direction", Directions) + 1);
        var (given, other) = direction == ExchangeDirection.In ? ("units", "points") : ("points", "units");
        if (fields.Has(other))
        {
            fields.Error(other, $"is not given for \"direction\": \"{Directions[(int)direction - 1]}\"; '{given}' is");
        }

        _ = fields.Whole(other, long.MinValue, long.MaxValue, 0);
        var account = fields.Text("account", RequestLimits.IdLength, "-");
        return new()
        {
            Id = fields.Text("id", RequestLimits.IdLength),
            Pool = fields.Text("pool", RequestLimits.IdLength),
            Member = fields.Text("member", RequestLimits.IdLength),
            Direction = direction,
            Amount = fields.Whole(given, 1, RequestLimits.Amount),
            Account = fields.Has("account") ? account : null,
        };
    }

    /// <summary>The exchange an address names; see <see cref="MembersEndpoint.MemberOf"/>.</summary>
    private static string ExchangeOf(HttpContext context)
    {
        const string Before = "/v1/exchanges/";
        var id = (string)context.Request.RouteValues["id"]!;
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var start = id.Contains("%2F", StringComparison.OrdinalIgnoreCase) ? target.IndexOf(Before, StringComparison.OrdinalIgnoreCase) + Before.Length : 0;
        if (start < Before.Length)
        {
            return id;
        }

        var end = target.AsSpan(start).IndexOfAny('/', '?');
        return Uri.UnescapeDataString(end < 0 ? target[start..] : target[start..(start + end)]);
    }

    private static Task ReplyAsync(HttpContext context, Command command, string id)
    {
        var problem = command switch
        {
            { Status: CommandStatus.Busy } => Problem.Busy(command.Problem),
            { Status: CommandStatus.Unavailable } => Problem.Unavailable(command.Problem),
            { Reply: PoolReply { Errors: { Count: > 0 } errors } } => Problem.Shape(errors),
            { Reply: PoolReply { View: null } } => UnknownPool(id),
            { Reply: ExchangeReply { State: null } } => new(404, "unknown-exchange", "The exchange is not known", $"there is no exchange '{id}'", [new("id", $"'{id}' is not known")]),
            { Reply: ExchangeReply { Refusal: { } refusal } } => new(409, refusal.Code, "The exchange is not in a state for this", refusal.Detail, []),
            _ => null,
        };
        return problem is not null
            ? HttpReplies.WriteProblemAsync(context, problem).AsTask()
            : command.Reply is PoolReply pool
                ? HttpReplies.WriteJsonAsync(context, 200, pool.View!, Write).AsTask()
                : HttpReplies.WriteJsonAsync(context, 200, (((ExchangeReply)command.Reply!).State!, (bool?)null), Write).AsTask();
    }

    private static void Write(Utf8JsonWriter writer, (ExchangeState State, bool? Replayed) x)
    {
        var (state, request) = (x.State, x.State.Request!);
        writer.WriteStartObject();
        writer.WriteString("id"u8, state.Id);
        writer.WriteString("pool"u8, request.Pool);
        writer.WriteString("member"u8, request.Member);
        writer.WriteString("direction"u8, StatementLine.NameOf(request.Direction));
        writer.WriteString("state"u8, state.Stage.ToString().ToLowerInvariant());
        if (x.Replayed is { } replayed)
        {
            writer.WriteBoolean("replayed"u8, replayed);
        }

        if (request.Account is not null)
        {
            writer.WriteString("account"u8, request.Account);
        }

        if (state.Reservation is { } reservation)
        {
            writer.WriteNumber("points"u8, reservation.MemberPoints);
            writer.WriteNumber("fee"u8, reservation.Fee);
            writer.WriteNumber("units"u8, reservation.Units);
            if (reservation.Rate is { } rate)
            {
                writer.WriteString("rate"u8, rate.ToString());
            }
        }

        if (state.Reference is not null)
        {
            writer.WriteString("reference"u8, state.Reference);
        }

        writer.WriteString("startedAt"u8, InstantPattern.ExtendedIso.Format(state.StartedAt));
        writer.WriteString("changedAt"u8, InstantPattern.ExtendedIso.Format(state.ChangedAt));
        if (state.Calls > 0)
        {
            writer.WriteNumber("calls"u8, state.Calls);
        }

        if (state.Stage == ExchangeStage.Waiting)
        {
            writer.WriteString("nextCallAt"u8, InstantPattern.ExtendedIso.Format(state.NextCallAt));
        }

        if (state.Problem is not null)
        {
            writer.WriteString("problem"u8, state.Problem);
        }

        if (state.Refusal is { } refusal)
        {
            writer.WriteStartObject("refusal"u8);
            writer.WriteString("code"u8, refusal.Code);
            writer.WriteString("detail"u8, refusal.Detail);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, PoolView view)
    {
        var definition = view.Definition;
        writer.WriteStartObject();
        writer.WriteString("id"u8, definition.Id);
        writer.WriteNumber("version"u8, definition.Version);
        writer.WriteString("status"u8, definition.IsPaused ? "paused" : "open");
        Write(writer, "free"u8, view.Free);
        Write(writer, "reserved"u8, view.Reserved);
        writer.WriteNumber("openExchanges"u8, view.OpenCount);
        writer.WriteNumber("parkedExchanges"u8, view.ParkedCount);
        writer.WriteStartArray("parked"u8);
        foreach (var parked in view.Parked)
        {
            writer.WriteStringValue(parked);
        }

        writer.WriteEndArray();
        writer.WriteStartObject("low"u8);
        writer.WriteBoolean("points"u8, view.IsLowOnPoints);
        writer.WriteBoolean("partnerUnits"u8, view.IsLowOnUnits);
        writer.WriteEndObject();
        writer.WriteString("firstPeriod"u8, SettlementCalendar.NameOf(definition.Settlement, view.FirstPeriod));
        writer.WriteStartObject("period"u8);
        writer.WriteString("name"u8, SettlementCalendar.NameOf(definition.Settlement, view.Period.Start));
        StatementWriter.WriteSums(writer, view.Period);
        writer.WriteEndObject();
        writer.WritePropertyName("definition"u8);
        writer.WriteRawValue(definition.Source.Span, skipInputValidation: true);
        writer.WriteEndObject();
    }

    internal static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Position position)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("points"u8, position.Points);
        writer.WriteNumber("partnerUnits"u8, position.Units);
        writer.WriteEndObject();
    }
}
