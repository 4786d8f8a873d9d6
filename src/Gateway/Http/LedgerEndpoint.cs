using System.Text.Json;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Sales;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Loyalty;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary>Questions of auditors: what became of a request, and what members have by the month in which it lapses.</summary>
internal sealed class LedgerEndpoint(LoyaltyEngine engine)
{
    /// <summary>How long a request waits for the report; it is made on, and asking again gets it.</summary>
    private static readonly TimeSpan ReportPatience = TimeSpan.FromSeconds(20);

    /// <summary>Characters of a request id: the longest is that of an imported member.</summary>
    public const int MaxId = RequestLimits.IdLength + ImportLimits.ImportIdLength + 8;

    /// <summary><c>GET /v1/requests/{id}</c>.</summary>
    public async Task TraceAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, "/v1/requests/");
        if (id.Length is 0 or > MaxId)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape("id", $"has {id.Length} characters; 1 to {MaxId} are possible")).ConfigureAwait(false);
            return;
        }

        var trace = await engine.TraceAsync(id).ConfigureAwait(false);
        await (trace is null
            ? HttpReplies.WriteProblemAsync(context, new(
                404, "unknown-request", "No request of that id is in the books", $"nobody decided a request '{id}': it never came, or was not remembered (malformed, unknown member, busy)",
                [new FieldError("id", $"'{id}' is not known")])).AsTask()
            : HttpReplies.WriteJsonAsync(context, 200, (id, trace), static (writer, x) => Write(writer, x.id, x.trace)).AsTask()).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/reports/liability</c>.</summary>
    public async Task LiabilityAsync(HttpContext context)
    {
        var report = await engine.Books.LiabilityAsync(ReportPatience).ConfigureAwait(false);
        await (report is null
            ? HttpReplies.WriteProblemAsync(context, new(
                503, "unavailable", "The engine cannot serve now", "the report is being made, which takes longer in books of this size; ask again, and it is given when it is ready", [])).AsTask()
            : HttpReplies.WriteJsonAsync(context, 200, report, static (writer, report) => Write(writer, report)).AsTask()).ConfigureAwait(false);
    }

    private static void Write(Utf8JsonWriter writer, string id, RequestTrace trace)
    {
        var record = trace.Record;
        writer.WriteStartObject();
        writer.WriteString("id"u8, id);
        writer.WriteString("outcome"u8, trace.Facts.Any(fact => fact is Domain.Members.RequestRefused refused && refused.RequestId == id || fact is SaleRefused sale && sale.Refused.RequestId == id) ? "refused" : "recorded");
        writer.WriteStartObject("decidedBy"u8);
        writer.WriteString("kind"u8, record.Actor.Kind);
        writer.WriteString("key"u8, record.Actor.Key);
        writer.WriteEndObject();
        writer.WriteString("recordedAt"u8, Instant.FromUnixTimeMilliseconds(record.RecordedAtMs).ToDateTimeUtc());
        writer.WriteNumber("position"u8, record.Position);
        writer.WriteNumber("firstVersion"u8, record.FirstVersion);
        writer.WriteNumber("lastVersion"u8, record.LastVersion);
        writer.WriteString("chainBefore"u8, trace.Before.ToString());
        writer.WriteString("chain"u8, record.Hash.ToString());
        writer.WriteStartArray("facts"u8);
        for (var i = 0; i < trace.Facts.Count; i++)
        {
            writer.WriteStartObject();
            writer.WriteString("fact"u8, FactText.NameOf(trace.Facts[i]));
            writer.WriteNumber("version"u8, trace.FirstFact + i);
            writer.WriteStartObject("content"u8);
            FactText.WriteProperties(writer, trace.Facts[i]);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("postings"u8);
        foreach (var posting in trace.Postings)
        {
            writer.WriteStartObject();
            writer.WriteString("unit"u8, posting.Unit);
            writer.WriteString("from"u8, posting.From);
            writer.WriteString("to"u8, posting.To);
            writer.WriteNumber("points"u8, posting.Points);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("counts"u8);
        foreach (var (counter, delta) in trace.Counts)
        {
            writer.WriteStartObject();
            writer.WriteString("counter"u8, counter);
            writer.WriteNumber("delta"u8, delta);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, LiabilityReport report)
    {
        writer.WriteStartObject();
        writer.WriteNumber("position"u8, report.Position);
        if (report.Position > 0)
        {
            writer.WriteString("asOf"u8, report.AsOf.ToDateTimeUtc());
        }

        writer.WriteStartArray("units"u8);
        foreach (var unit in report.Units)
        {
            writer.WriteStartObject();
            writer.WriteString("unit"u8, unit.Unit);
            writer.WriteNumber("members"u8, unit.Members);
            writer.WriteNumber("inLots"u8, unit.InLots);
            writer.WriteNumber("held"u8, unit.Held);
            writer.WriteNumber("debt"u8, unit.Debt);
            writer.WriteNumber("member"u8, unit.Member);
            writer.WriteStartArray("months"u8);
            foreach (var month in unit.Months)
            {
                writer.WriteStartObject();
                if (month.Month is { } first)
                {
                    writer.WriteString("month"u8, LocalDatePattern.Iso.Format(first)[..7]);
                }

                writer.WriteNumber("points"u8, month.Points);
                writer.WriteNumber("held"u8, month.Held);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
