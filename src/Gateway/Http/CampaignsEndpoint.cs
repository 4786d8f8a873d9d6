using System.Globalization;
using System.Text.Json;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary>Campaigns for those who run them: drafts, versions, life, budgets. docs/CAMPAIGNS.md.</summary>
internal sealed class CampaignsEndpoint(LoyaltyEngine engine)
{
    private const int DefaultPage = 100;
    private const int MaxPage = 500;

    /// <summary><c>GET /v1/campaigns/schema</c>.</summary>
    public static async Task SchemaAsync(HttpContext context) =>
        await HttpReplies.WriteAsync(context, 200, "application/schema+json", CampaignParser.Schema.Span).ConfigureAwait(false);

    /// <summary><c>GET /v1/campaigns?limit=&amp;after=</c>.</summary>
    public async Task ListAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var errors = Unknown(query, "limit", "after");
        var limit = DefaultPage;
        if (query.ContainsKey("limit") && (!int.TryParse(query["limit"], out limit) || limit < 1 || limit > MaxPage))
        {
            errors.Add(new("limit", $"is '{query["limit"]}'; a whole number from 1 to {MaxPage} is needed"));
        }

        var after = query["after"].ToString();
        if (errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape(errors)).ConfigureAwait(false);
            return;
        }

        var command = await engine.ListCampaignsAsync().ConfigureAwait(false);
        if (SpendingEndpoint.NotDone(command) is { } problem)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        var found = ((CampaignList)command.Reply!).Entries.Where(entry => string.CompareOrdinal(entry.Id, after) > 0).OrderBy(entry => entry.Id, StringComparer.Ordinal).Take(limit + 1).ToList();
        await HttpReplies.WriteJsonAsync(context, 200, (found, limit, engine.Clock.GetCurrentInstant()), static (writer, x) =>
        {
            var (found, limit, now) = x;
            writer.WriteStartObject();
            writer.WriteStartArray("campaigns"u8);
            foreach (var entry in found.Take(limit))
            {
                writer.WriteStartObject();
                writer.WriteString("id"u8, entry.Id);
                writer.WriteString("name"u8, entry.Name);
                writer.WriteString("status"u8, NameOf(entry.StatusAt(now)));
                writer.WriteNumber("versions"u8, entry.Versions.Count);
                writer.WriteBoolean("hasDraft"u8, entry.HasDraft);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            if (found.Count > limit)
            {
                writer.WriteString("next"u8, found[limit - 1].Id);
            }

            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/campaigns/{id}</c>.</summary>
    public async Task GetAsync(HttpContext context) => await ReplyAsync(context, await engine.GetCampaignAsync(IdOf(context)).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary><c>PUT /v1/campaigns/{id}?author=</c>: saves the draft.</summary>
    public async Task PutAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var errors = Unknown(query, "author");
        var author = query["author"].ToString();
        if (author.Length is 0 or > RequestLimits.TextLength || author.Any(char.IsControl))
        {
            errors.Add(new("author", $"is missing or too long; the address needs ?author= with 1 to {RequestLimits.TextLength} printable characters"));
        }

        if (IdOf(context) == "schema")
        {
            errors.Add(new("id", "is 'schema', the address of the schema; take another id"));
        }

        var (bytes, problem) = errors.Count > 0 ? (null, Problem.Shape(errors)) : await DocumentBody.ReadAsync(context, CampaignParser.MaxBytes).ConfigureAwait(false);
        if (bytes is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        await ReplyAsync(context, await engine.SaveCampaignDraftAsync(IdOf(context), bytes, author).ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/campaigns/{id}/approve</c>.</summary>
    public Task ApproveAsync(HttpContext context) => ChangeAsync(context, withReason: false, async (id, author, _) => await engine.ApproveCampaignAsync(id, author).ConfigureAwait(false));

    /// <summary><c>POST /v1/campaigns/{id}/publish</c>.</summary>
    public Task PublishAsync(HttpContext context) => ChangeAsync(context, withReason: false, async (id, author, _) => await engine.PublishCampaignAsync(id, author).ConfigureAwait(false));

    /// <summary><c>POST /v1/campaigns/{id}/pause</c>, <c>/resume</c>, <c>/end</c>.</summary>
    public Task SetStatusAsync(HttpContext context, CampaignStatus status) =>
        ChangeAsync(context, withReason: true, async (id, author, reason) => await engine.SetCampaignStatusAsync(id, status, author, reason).ConfigureAwait(false));

    /// <summary><c>GET /v1/campaigns/{id}/versions/{version}</c>.</summary>
    public async Task GetVersionAsync(HttpContext context)
    {
        var (id, number) = (IdOf(context), (string)context.Request.RouteValues["version"]!);
        var command = await engine.GetCampaignAsync(id).ConfigureAwait(false);
        var view = (command.Reply as CampaignReply)?.View;
        var version = view is not null && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? view.Versions.FirstOrDefault(version => version.Version == wanted) : null;
        var problem = SpendingEndpoint.NotDone(command) ?? (view is null ? UnknownCampaign(id) : version is null
            ? Problem.Unknown("unknown-version", "version", $"there is no version '{(number.Length > 9 ? "…" : number)}' of campaign {id}; it has {view.Versions.Count}") : null);
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, (id, version!), static (writer, x) =>
        {
            writer.WriteStartObject();
            writer.WriteString("id"u8, x.id);
            WriteVersion(writer, x.Item2);
            writer.WritePropertyName("definition"u8);
            writer.WriteRawValue(x.Item2.Json.Span);
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/campaigns/{id}/budget?store=&amp;day=</c>.</summary>
    public async Task GetBudgetAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var errors = Unknown(query, "store", "day");
        var store = query.ContainsKey("store") ? query["store"].ToString() : null;
        if (store is { Length: 0 or > RequestLimits.NameLength })
        {
            errors.Add(new("store", $"has {store.Length} characters; 1 to {RequestLimits.NameLength} are needed"));
        }

        LocalDate? day = null;
        if (query.ContainsKey("day"))
        {
            var parsed = LocalDatePattern.Iso.Parse(query["day"].ToString());
            day = parsed.Success ? parsed.Value : null;
            if (!parsed.Success)
            {
                errors.Add(new("day", "is no day; the first day of a period is needed, for example 2026-03-01"));
            }
        }

        if (errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape(errors)).ConfigureAwait(false);
            return;
        }

        var id = IdOf(context);
        var command = await engine.GetBudgetAsync(id, store, day).ConfigureAwait(false);
        if ((SpendingEndpoint.NotDone(command) ?? (command.Reply is null ? UnknownCampaign(id) : null)) is { } problem)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, (BudgetView)command.Reply!, Write).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/campaigns/{id}/leaderboard?day=</c>.</summary>
    public async Task GetLeaderboardAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var errors = Unknown(query, "day");
        LocalDate? day = null;
        if (query.ContainsKey("day"))
        {
            var parsed = LocalDatePattern.Iso.Parse(query["day"].ToString());
            day = parsed.Success ? parsed.Value : null;
            if (!parsed.Success)
            {
                errors.Add(new("day", "is no day; a day of the period is needed, for example 2026-03-01"));
            }
        }

        if (errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape(errors)).ConfigureAwait(false);
            return;
        }

        var id = IdOf(context);
        var (command, period, start) = await engine.GetLeaderboardAsync(id, day).ConfigureAwait(false);
        var problem = SpendingEndpoint.NotDone(command)
            ?? (command is not GetCampaign asked ? null
            : (asked.Reply as CampaignReply)?.View is null ? UnknownCampaign(id)
            : Problem.Unknown("no-leaderboard", "leaderboard", $"no version of campaign {id} has a leader board"));
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, (id, period, start, (BoardView)command.Reply!), Write).ConfigureAwait(false);
    }

    private static void Write(Utf8JsonWriter writer, (string Campaign, CampaignPeriod Period, LocalDate Start, BoardView View) board)
    {
        writer.WriteStartObject();
        writer.WriteString("campaign"u8, board.Campaign);
        writer.WriteString("period"u8, NameOf(board.Period));
        if (board.Period != CampaignPeriod.Campaign)
        {
            writer.WriteString("from"u8, LocalDatePattern.Iso.Format(board.Start));
        }

        writer.WriteNumber("members"u8, board.View.Members);
        writer.WriteBoolean("complete"u8, board.View.IsComplete);
        writer.WriteStartArray("places"u8);
        foreach (var place in board.View.Places)
        {
            writer.WriteStartObject();
            writer.WriteNumber("rank"u8, place.Rank);
            writer.WriteString("member"u8, place.Member);
            writer.WriteNumber("points"u8, place.Points);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static async Task ChangeAsync(HttpContext context, bool withReason, Func<string, string, string, Task<CampaignCommand>> change)
    {
        var (why, problem) = await DocumentBody.ReadAsync(
            context, fields => Tuple.Create(fields.Text("author", RequestLimits.TextLength), withReason ? fields.Text("reason", RequestLimits.TextLength) : "")).ConfigureAwait(false);
        if (why is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        await ReplyAsync(context, await change(IdOf(context), why.Item1, why.Item2).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private static async Task ReplyAsync(HttpContext context, CampaignCommand command)
    {
        var reply = command.Reply as CampaignReply;
        var problem = SpendingEndpoint.NotDone(command)
            ?? (reply!.Errors.Count > 0 ? Problem.Shape(reply.Errors)
            : reply.Refusal is { } refusal ? Problem.Rule(refusal.Code, refusal.Field, refusal.Detail)
            : reply.View is null ? UnknownCampaign(command.Campaign) : null);
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, reply!.View!, Write).ConfigureAwait(false);
    }

    private static string IdOf(HttpContext context) => (string)context.Request.RouteValues["id"]!;

    private static List<FieldError> Unknown(IQueryCollection query, params string[] known) =>
        [.. query.Keys.Where(name => !known.Contains(name)).Select(name => new FieldError(name, $"is not a parameter here; known are {string.Join(", ", known)}"))];

    private static Problem UnknownCampaign(string id) => Problem.Unknown("unknown-campaign", "campaign", $"there is no campaign '{(id.Length > 32 ? "…" : id)}'; GET /v1/campaigns lists them");

    private static string NameOf(Enum value) => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    private static void Write(Utf8JsonWriter writer, CampaignView view)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, view.Id);
        writer.WriteString("name"u8, view.Name);
        writer.WriteString("status"u8, NameOf(view.Status));
        writer.WriteNumber("revision"u8, view.Revision);
        if (view.Draft is { } draft)
        {
            writer.WriteStartObject("draft"u8);
            writer.WriteString("author"u8, draft.Author);
            writer.WriteString("savedAt"u8, draft.SavedAt.ToDateTimeUtc());
            if (draft.ApprovedBy is { } approver)
            {
                writer.WriteString("approvedBy"u8, approver);
            }

            writer.WritePropertyName("definition"u8);
            writer.WriteRawValue(draft.Json.Span);
            writer.WriteEndObject();
        }

        writer.WriteStartArray("versions"u8);
        foreach (var version in view.Versions)
        {
            writer.WriteStartObject();
            WriteVersion(writer, version);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("changes"u8);
        foreach (var (change, author, reason) in view.Changes)
        {
            writer.WriteStartObject();
            writer.WriteString("at"u8, change.At.ToDateTimeUtc());
            writer.WriteString("status"u8, NameOf(change.Status));
            writer.WriteString("author"u8, author);
            writer.WriteString("reason"u8, reason);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteVersion(Utf8JsonWriter writer, CampaignVersionView version)
    {
        writer.WriteNumber("version"u8, version.Version);
        writer.WriteString("from"u8, version.From.ToDateTimeUtc());
        writer.WriteString("publishedAt"u8, version.At.ToDateTimeUtc());
        writer.WriteString("author"u8, version.Author);
        if (version.ApprovedBy is { } approver)
        {
            writer.WriteString("approvedBy"u8, approver);
        }
    }

    private static void Write(Utf8JsonWriter writer, BudgetView view)
    {
        writer.WriteStartObject();
        writer.WriteString("campaign"u8, view.Campaign);
        if (view.Budget is { } budget)
        {
            writer.WriteString("in"u8, NameOf(budget.In));
            writer.WriteNumber("amount"u8, budget.Amount);
            writer.WriteString("by"u8, budget.ByStore ? "store" : "campaign");
            writer.WriteString("period"u8, NameOf(budget.Period));
        }

        writer.WriteStartArray("purses"u8);
        foreach (var purse in view.Purses)
        {
            writer.WriteStartObject();
            WriteKey(writer, purse.Purse);
            writer.WriteNumber("amount"u8, purse.Amount);
            writer.WriteNumber("spent"u8, purse.Spent);
            writer.WriteNumber("leased"u8, purse.Leased);
            writer.WriteNumber("free"u8, purse.Free);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("leases"u8);
        foreach (var lease in view.Leases)
        {
            writer.WriteStartObject();
            writer.WriteNumber("lease"u8, lease.Lease);
            WriteKey(writer, lease.Purse);
            writer.WriteString("holder"u8, lease.Holder);
            writer.WriteNumber("granted"u8, lease.Granted);
            writer.WriteNumber("spent"u8, lease.Spent);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (view.FoldedThrough is { } through)
        {
            writer.WriteString("closedThrough"u8, LocalDatePattern.Iso.Format(through));
        }

        writer.WriteEndObject();
    }

    private static void WriteKey(Utf8JsonWriter writer, PurseKey key)
    {
        if (key.Store is { } store)
        {
            writer.WriteString("store"u8, store);
        }

        if (key.Period != CampaignPeriod.Campaign)
        {
            writer.WriteString("from"u8, LocalDatePattern.Iso.Format(key.Start));
        }
    }
}
