using System.Text;
using System.Text.Json;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.AspNetCore.Http.Features;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary>Members: enrol, look up, block, close, statement, adjustments.</summary>
internal sealed class MembersEndpoint(LoyaltyEngine engine)
{
    private const int DefaultPage = 50;

    /// <summary><c>POST /v1/members</c>.</summary>
    public async Task EnrolAsync(HttpContext context)
    {
        var (enrolment, problem) = await DocumentBody.ReadAsync(context, fields => new Enrolment
        {
            Id = fields.Text("id", RequestLimits.IdLength),
            EnrolledAt = ReadTime(fields, "enrolledAt"),
            AlternativeIds = ReadAlternativeIds(fields),
        }).ConfigureAwait(false);
        if (enrolment is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var command = await engine.EnrolAsync(enrolment).ConfigureAwait(false);
        await ReplyAsync(context, command, enrolment.Id, created: true).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/members/{id}</c>.</summary>
    public async Task GetAsync(HttpContext context)
    {
        var id = MemberOf(context);
        await ReplyAsync(context, await engine.Host.AskAsync<Command>(new GetMember(id)).ConfigureAwait(false), id).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/members?type=card&amp;value=…</c>.</summary>
    public async Task FindAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var errors = new List<FieldError>();
        foreach (var name in query.Keys.Where(name => name is not ("type" or "value")))
        {
            errors.Add(new(name, "is not a parameter here; known are type, value"));
        }

        string? type = query["type"], value = query["value"];
        if (!AlternativeId.Types.Contains(type))
        {
            errors.Add(new("type", $"is '{type}'; one of {string.Join(", ", AlternativeId.Types)} is needed"));
        }

        if (value is not { Length: > 0 and <= RequestLimits.IdLength })
        {
            errors.Add(new("value", $"is missing or too long; 1 to {RequestLimits.IdLength} characters are needed"));
        }

        if (errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape(errors)).ConfigureAwait(false);
            return;
        }

        var command = await engine.FindMemberAsync(new(type!, value!)).ConfigureAwait(false);
        await ReplyAsync(context, command, $"{type}:{value}").ConfigureAwait(false);
    }

    /// <summary><c>PUT /v1/members/{id}/alternative-ids</c>.</summary>
    public async Task ReplaceAlternativeIdsAsync(HttpContext context)
    {
        var id = MemberOf(context);
        var (ids, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            if (!fields.Has("alternativeIds"))
            {
                // An empty list takes all away; a body without one is a mistake.
                fields.Error("alternativeIds", $"is missing; a list of 0 to {RequestLimits.AlternativeIds} is needed");
            }

            return ReadAlternativeIds(fields);
        }).ConfigureAwait(false);
        if (ids is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        await ReplyAsync(context, await engine.ReplaceAlternativeIdsAsync(id, ids).ConfigureAwait(false), id).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/members/{id}/block</c>, <c>/unblock</c>, <c>/close</c>.</summary>
    public async Task ChangeStatusAsync(HttpContext context, MemberStatus status)
    {
        var id = MemberOf(context);
        var (why, problem) = await DocumentBody.ReadAsync(
            context, fields => Tuple.Create(fields.Text("reason", RequestLimits.TextLength), fields.Text("author", RequestLimits.TextLength))).ConfigureAwait(false);
        if (why is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var command = await engine.Host.AskAsync<Command>(new ChangeStatus(id, status, why.Item1, why.Item2)).ConfigureAwait(false);
        await ReplyAsync(context, command, id).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/adjustments</c>.</summary>
    public async Task AdjustAsync(HttpContext context)
    {
        var (adjustment, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            var read = new Adjustment
            {
                Id = fields.Text("id", RequestLimits.IdLength),
                Member = fields.Text("member", RequestLimits.IdLength),
                Unit = fields.Text("unit", 32),
                Points = fields.Whole("points", -RequestLimits.Amount, RequestLimits.Amount),
                Reason = fields.Text("reason", RequestLimits.TextLength),
                Author = fields.Text("author", RequestLimits.TextLength),
            };
            if (read.Points == 0)
            {
                fields.Error("points", "is 0; above 0 gives points, below 0 takes them");
            }

            return read;
        }).ConfigureAwait(false);
        if (adjustment is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var command = await engine.Host.AskAsync(new AdjustPoints(adjustment)).ConfigureAwait(false);
        await SalesEndpoint.ReplyAsync(context, engine, command).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/members/{id}/statement</c>.</summary>
    public async Task StatementAsync(HttpContext context)
    {
        var id = MemberOf(context);
        var query = context.Request.Query;
        var errors = new List<FieldError>();
        foreach (var name in query.Keys.Where(name => name is not ("limit" or "cursor")))
        {
            errors.Add(new(name, "is not a parameter here; known are limit, cursor"));
        }

        var limit = DefaultPage;
        if (query.ContainsKey("limit") && (!int.TryParse(query["limit"], out limit) || limit < 1 || limit > LoyaltyEngine.MaxStatementPage))
        {
            errors.Add(new("limit", $"is '{query["limit"]}'; a whole number from 1 to {LoyaltyEngine.MaxStatementPage} is needed"));
        }

        var cursor = query.ContainsKey("cursor") ? ReadCursor(query["cursor"]!) : null;
        if (cursor is null && query.ContainsKey("cursor"))
        {
            errors.Add(new("cursor", "is not one of this statement; use the 'next' of a page as it is"));
        }

        if (errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape(errors)).ConfigureAwait(false);
            return;
        }

        try
        {
            var (page, command) = await engine.StatementAsync(id, cursor, limit).ConfigureAwait(false);
            if (page is null)
            {
                await ReplyAsync(context, command!, id).ConfigureAwait(false);
                return;
            }

            await HttpReplies.WriteJsonAsync(context, 200, (id, page), static (writer, x) => Write(writer, x.id, x.page)).ConfigureAwait(false);
        }
        catch (JournalUnavailableException e)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Unavailable(e.Message)).ConfigureAwait(false);
        }
    }

    /// <summary>The member an address names. Routing sees the path with everything decoded but %2F; whether that was sent as it is or is a slash, only the raw target tells.</summary>
    public static string MemberOf(HttpContext context) => IdOf(context, "/v1/members/");

    /// <summary>The id that an address has behind <paramref name="before"/>; see <see cref="MemberOf"/>.</summary>
    public static string IdOf(HttpContext context, string before)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var start = id.Contains("%2F", StringComparison.OrdinalIgnoreCase) ? target.IndexOf(before, StringComparison.OrdinalIgnoreCase) + before.Length : 0;
        if (start < before.Length)
        {
            return id;
        }

        var end = target.AsSpan(start).IndexOfAny('/', '?');
        return Uri.UnescapeDataString(end < 0 ? target[start..] : target[start..(start + end)]);
    }

    private static async Task ReplyAsync(HttpContext context, Command command, string id, bool created = false)
    {
        var reply = command.Reply as MemberReply;
        var problem = command switch
        {
            { Status: CommandStatus.Busy } => Problem.Busy(command.Problem),
            { Status: CommandStatus.Unavailable } => Problem.Unavailable(command.Problem),
            ClaimAlternativeId claim => new(409, "alternative-id-taken", "Another member has the alternative id", $"{claim.Target.Key} belongs to another member",
                [new("alternativeIds", $"{claim.Target.Key} belongs to another member")]),
            _ when reply?.Refusal is { Code: "conflict" } refusal => Problem.Conflict(refusal.Detail),
            _ when reply?.Refusal is { } refusal => Problem.Rule(refusal.Code, refusal.Field, refusal.Detail),
            _ when reply?.View is null => Problem.UnknownMember(id),
            _ => null,
        };
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem, id).ConfigureAwait(false);
            return;
        }

        var status = created && !reply!.Replayed ? 201 : 200;
        if (status == 201)
        {
            context.Response.Headers.Location = $"/v1/members/{Uri.EscapeDataString(id)}";
        }

        await HttpReplies.WriteJsonAsync(context, status, reply!, static (writer, reply) => Write(writer, reply)).ConfigureAwait(false);
    }

    private static void Write(Utf8JsonWriter writer, MemberReply reply)
    {
        var view = reply.View!;
        writer.WriteStartObject();
        writer.WriteString("id"u8, view.Id);
        writer.WriteString("status"u8, Camel(view.Status.ToString()));
        writer.WriteString("enrolledAt"u8, view.EnrolledAt.ToDateTimeUtc());
        if (reply.Replayed)
        {
            writer.WriteBoolean("replayed"u8, true);
        }

        writer.WriteStartArray("alternativeIds"u8);
        foreach (var id in view.AlternativeIds)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, id.Type);
            writer.WriteString("value"u8, id.Value);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("balances"u8);
        foreach (var balance in view.Balances)
        {
            writer.WriteStartObject();
            writer.WriteString("unit"u8, balance.Unit);
            writer.WriteNumber("available"u8, balance.Available);
            writer.WriteNumber("pending"u8, balance.Pending);
            writer.WriteNumber("held"u8, balance.Held);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (view.Tier is { } tier)
        {
            if (tier.Level is not null)
            {
                writer.WriteString("tier"u8, tier.Level);
            }

            writer.WriteStartObject("standing"u8);
            WriteDay(writer, "since", tier.Since);
            WriteDay(writer, "through", tier.Through);
            writer.WriteString("basis"u8, tier.Basis);
            writer.WriteNumber("progress"u8, tier.Progress);
            if (tier.NextLevel is not null)
            {
                writer.WriteString("nextLevel"u8, tier.NextLevel);
                writer.WriteNumber("nextThreshold"u8, tier.NextThreshold!.Value);
            }

            writer.WriteEndObject();
        }

        writer.WriteStartArray("lots"u8);
        foreach (var lot in view.Lots)
        {
            writer.WriteStartObject();
            writer.WriteString("unit"u8, lot.Unit);
            writer.WriteNumber("points"u8, lot.Points);
            writer.WriteString("lot"u8, lot.Id.ToString());
            if (lot.ExpiresAt is { } expiresAt)
            {
                writer.WriteString("expiresAt"u8, expiresAt.ToDateTimeUtc());
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (view.WaitingReturns.Count > 0)
        {
            writer.WriteStartArray("waitingReturns"u8);
            foreach (var id in view.WaitingReturns)
            {
                writer.WriteStringValue(id);
            }

            writer.WriteEndArray();
        }

        writer.WriteStartObject("totals"u8);
        writer.WriteNumber("purchases"u8, view.Purchases);
        writer.WriteNumber("returns"u8, view.Returns);
        writer.WriteNumber("spend"u8, view.Spend);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, string id, StatementPage page)
    {
        writer.WriteStartObject();
        writer.WriteString("member"u8, id);
        writer.WriteStartArray("entries"u8);
        foreach (var entry in page.Entries)
        {
            writer.WriteStartObject();
            writer.WriteNumber("version"u8, entry.Version);
            writer.WriteString("at"u8, entry.At.ToDateTimeUtc());
            writer.WriteString("recordedAt"u8, entry.RecordedAt.ToDateTimeUtc());
            writer.WriteString("kind"u8, entry.Kind);
            if (entry.Request is not null)
            {
                writer.WriteString("request"u8, entry.Request);
            }

            if (entry.Rule is not null)
            {
                writer.WriteString("rule"u8, entry.Rule);
            }

            writer.WriteString("unit"u8, entry.Unit);
            writer.WriteNumber("points"u8, entry.Points);
            writer.WriteString("from"u8, entry.From);
            writer.WriteString("to"u8, entry.To);
            if (entry.Lot is { } lot)
            {
                writer.WriteString("lot"u8, lot.ToString());
            }

            writer.WriteNumber("balance"u8, entry.Balance);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (page.Next is { } next)
        {
            writer.WriteString("next"u8, WriteCursor(next));
        }

        writer.WriteEndObject();
    }

    private static void WriteDay(Utf8JsonWriter writer, string name, LocalDate? day)
    {
        if (day is { } value)
        {
            writer.WriteString(name, LocalDatePattern.Iso.Format(value));
        }
    }

    private static string Camel(string text) => char.ToLowerInvariant(text[0]) + text[1..];

    internal static Instant? ReadTime(JsonFields fields, string name)
    {
        if (fields.Time(name) is not { } instant)
        {
            return null;
        }

        if (instant < RequestLimits.EarliestSale)
        {
            fields.Error(name, $"is before {RequestLimits.EarliestSale}");
        }

        return Instant.FromUnixTimeMilliseconds(instant.ToUnixTimeMilliseconds());
    }

    internal static AlternativeId[] ReadAlternativeIds(JsonFields fields)
    {
        var ids = new List<AlternativeId>();
        var errors = new List<FieldError>();
        foreach (var (element, path) in fields.List("alternativeIds", 0, RequestLimits.AlternativeIds))
        {
            var one = new JsonFields(element, path, errors);
            var id = new AlternativeId(AlternativeId.Types[one.Choice("type", AlternativeId.Types, null)], one.Text("value", RequestLimits.IdLength));
            one.RefuseUnknown();
            if (ids.Contains(id))
            {
                errors.Add(new(path, "is there twice"));
            }

            ids.Add(id);
        }

        foreach (var error in errors)
        {
            fields.Error(error.Field, error.Message);
        }

        return [.. ids];
    }

    private static string WriteCursor(StatementCursor cursor)
    {
        var text = cursor.Before + "|" + string.Join("|", cursor.Balances.Select(balance => $"{balance.Key}={balance.Value}"));
        return Convert.ToBase64String(Encoding.UTF8.GetBytes(text)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    private static StatementCursor? ReadCursor(string text)
    {
        try
        {
            text = text.Replace('-', '+').Replace('_', '/');
            var parts = Encoding.UTF8.GetString(Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='))).Split('|');
            var balances = new Dictionary<string, long>(StringComparer.Ordinal);
            foreach (var part in parts.Skip(1).Where(part => part.Length > 0))
            {
                var at = part.LastIndexOf('=');
                balances[part[..at]] = long.Parse(part[(at + 1)..]);
            }

            var before = long.Parse(parts[0]);
            return before > 0 ? new(before, balances) : null;
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            return null;
        }
    }
}
