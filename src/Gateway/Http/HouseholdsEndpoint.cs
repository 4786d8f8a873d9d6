using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Http;

/// <summary>Households and their pools. docs/HOUSEHOLDS.md.</summary>
internal sealed class HouseholdsEndpoint(LoyaltyEngine engine)
{
    private const string Prefix = "/v1/households/";

    private static readonly string[] Roles = ["head", "adult", "child"];

    /// <summary><c>POST /v1/households/{id}/members</c>.</summary>
    public Task JoinAsync(HttpContext context) => AskAsync(context, (fields, household) => Read(fields, household, HouseholdAsk.Join) with
    {
        Role = (HouseholdRole)fields.Choice("role", Roles, null), Share = (int)fields.Whole("share", 0, 100, 0),
    });

    /// <summary><c>POST /v1/households/{id}/leave</c>.</summary>
    public Task LeaveAsync(HttpContext context) => AskAsync(context, (fields, household) => Read(fields, household, HouseholdAsk.Leave));

    /// <summary><c>POST /v1/households/{id}/contributions</c>.</summary>
    public Task ContributeAsync(HttpContext context) => AskAsync(context, (fields, household) => ReadPoints(fields, Read(fields, household, HouseholdAsk.Contribute)));

    /// <summary><c>POST /v1/households/{id}/withdrawals</c>.</summary>
    public Task WithdrawAsync(HttpContext context) => AskAsync(context, (fields, household) => ReadPoints(fields, Read(fields, household, HouseholdAsk.Withdraw)));

    /// <summary><c>GET /v1/households/{id}</c>.</summary>
    public async Task GetAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, Prefix);
        var command = id.Length <= RequestLimits.IdLength ? await engine.Host.AskAsync(new GetHousehold(id)).ConfigureAwait(false) : null;
        if (command?.Reply is not HouseholdView { Members.Length: > 0 } view)
        {
            await HttpReplies.WriteProblemAsync(context, (command is null ? null : SpendingEndpoint.NotDone(command))
                ?? Problem.Unknown("unknown-household", "household", $"there is no household '{(id.Length > RequestLimits.IdLength ? "…" : id)}'")).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, view, static (writer, view) =>
        {
            writer.WriteStartObject();
            writer.WriteString("id"u8, view.Id);
            writer.WriteStartArray("members"u8);
            foreach (var member in view.Members)
            {
                writer.WriteStartObject();
                writer.WriteString("member"u8, member.Member);
                writer.WriteString("role"u8, Roles[(int)member.Role]);
                writer.WriteNumber("share"u8, member.Share);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("pool"u8);
            foreach (var pool in view.Pool)
            {
                writer.WriteStartObject();
                writer.WriteString("unit"u8, pool.Unit);
                writer.WriteNumber("available"u8, pool.Available);
                writer.WriteNumber("pending"u8, pool.Pending);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private static HouseholdRequest Read(JsonFields fields, string household, HouseholdAsk ask) => new()
    {
        Id = fields.Text("id", RequestLimits.IdLength), Member = fields.Text("member", RequestLimits.IdLength), Household = household, Ask = ask,
    };

    private static HouseholdRequest ReadPoints(JsonFields fields, HouseholdRequest request) =>
        request with { Unit = fields.Text("unit", 32), Points = fields.Whole("points", 1, RequestLimits.Amount) };

    private async Task AskAsync(HttpContext context, Func<JsonFields, string, HouseholdRequest> read)
    {
        var household = MembersEndpoint.IdOf(context, Prefix);
        if (household.Length > RequestLimits.IdLength)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape("household", $"has {household.Length} characters; 1 to {RequestLimits.IdLength} are possible")).ConfigureAwait(false);
            return;
        }

        var (request, problem) = await DocumentBody.ReadAsync(context, fields => read(fields, household)).ConfigureAwait(false);
        if (request is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var end = await engine.AskHouseholdAsync(request).ConfigureAwait(false);
        if (end.View is not { } view)
        {
            await SalesEndpoint.ReplyAsync(context, engine, end.Command).ConfigureAwait(false);
        }
        else if (view.Refusal is { } refusal)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Rule(refusal.Code, refusal.Field, refusal.Detail), request.Id, end.Command.Outcome.Replayed).ConfigureAwait(false);
        }
        else
        {
            var answer = HttpReplies.EmptyAnswer();
            ReplyWriter.Write(answer, view, end.Command.Outcome.Replayed);
            await HttpReplies.WriteAsync(context, view.IsPending ? 202 : 200, "application/json", answer.Written).ConfigureAwait(false);
        }
    }
}
