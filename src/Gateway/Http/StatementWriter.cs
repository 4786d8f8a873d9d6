using System.Buffers;
using System.Text;
using System.Text.Json;
using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Loyalty;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary><c>GET /v1/pools/{id}/statements/{period}</c>: a pool's statement as JSON or CSV, written while it is read out. The bytes of a statement are the same for ever.</summary>
internal sealed class StatementWriter(LoyaltyEngine engine)
{
    private const int LinesAtOnce = 500;

    /// <summary>Answers.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        var (pool, period) = (PoolsEndpoint.PoolOf(context), (string)context.Request.RouteValues["period"]!);
        if (PoolsEndpoint.CheckRights(context, pool) is { } forbidden)
        {
            await HttpReplies.WriteProblemAsync(context, forbidden).ConfigureAwait(false);
            return;
        }

        var isCsv = context.Request.Headers.Accept.ToString() is var accept && Media.Is(accept, "text/csv");
        var shard = 0;
        foreach (var (name, value) in context.Request.Query)
        {
            var problem = name != "shard"
                ? Problem.Shape(name, "is not a parameter here; known is shard, and the Accept header chooses between application/json and text/csv")
                : !int.TryParse(value, out shard) || shard is < 1 or > PoolState.MaxShards ? Problem.Shape(name, $"is '{value}'; 1 to {PoolState.MaxShards} are possible") : null;
            if (problem is not null)
            {
                await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
                return;
            }
        }

        var statement = PoolParser.IsId(pool) && period.Length <= 10 ? await engine.PoolStatementAsync(ActorIds.Pool(pool, shard).Key, period).ConfigureAwait(false) : null;
        if (statement is null)
        {
            await HttpReplies.WriteProblemAsync(context, new(
                404, "unknown-statement", "There is no such statement",
                $"pool '{pool}' has closed no period '{period}'; a running one is closed when it is over, and GET /v1/pools/{{id}} names the first and the running one", [])).ConfigureAwait(false);
            return;
        }

        context.Response.StatusCode = 200;
        context.Response.ContentType = isCsv ? "text/csv; charset=utf-8" : "application/json";
        await (isCsv ? WriteCsvAsync(context, statement) : WriteJsonAsync(context, statement)).ConfigureAwait(false);
    }

    /// <summary>The figures of a period, into an object that is open.</summary>
    public static void WriteSums(Utf8JsonWriter writer, PoolPeriod period)
    {
        PoolsEndpoint.Write(writer, "opening"u8, period.Opening);
        PoolsEndpoint.Write(writer, "closing"u8, period.Closing);
        PoolsEndpoint.Write(writer, "reserved"u8, period.Reserved);
        PoolsEndpoint.Write(writer, "funded"u8, period.Funded);
        WriteSums(writer, "out"u8, period.Out);
        WriteSums(writer, "in"u8, period.In);
        WriteSums(writer, "earn"u8, period.Earn);
        writer.WriteNumber("firstLine"u8, period.FirstLine);
        writer.WriteNumber("lineCount"u8, period.Lines);
        writer.WriteString("openingHash"u8, period.OpeningHash);
        writer.WriteString("closingHash"u8, period.ClosingHash);
    }

    private static void WriteSums(Utf8JsonWriter writer, ReadOnlySpan<byte> name, DirectionSums sums)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("count"u8, sums.Count);
        writer.WriteNumber("points"u8, sums.Points);
        writer.WriteNumber("fees"u8, sums.Fees);
        writer.WriteNumber("units"u8, sums.Units);
        writer.WriteNumber("serviceFees"u8, sums.ServiceFees);
        writer.WriteEndObject();
    }

    private static async Task WriteCsvAsync(HttpContext context, PoolStatement statement)
    {
        var text = new StringBuilder(StatementLine.CsvHeader).Append('\n');
        for (var i = 0; i < statement.Lines.Count; i++)
        {
            var (line, hash) = statement.Lines[i];
            text.Append(line.ToCsv()).Append(',').Append(hash).Append('\n');
            if (i % LinesAtOnce == LinesAtOnce - 1)
            {
                await context.Response.WriteAsync(text.ToString(), context.RequestAborted).ConfigureAwait(false);
                text.Clear();
            }
        }

        await context.Response.WriteAsync(text.ToString(), context.RequestAborted).ConfigureAwait(false);
    }

    private static async Task WriteJsonAsync(HttpContext context, PoolStatement statement)
    {
        var buffer = new ArrayBufferWriter<byte>(16 * 1024);
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true });
        writer.WriteStartObject();
        writer.WriteString("pool"u8, statement.Pool);
        writer.WriteString("period"u8, statement.Closed.Name);
        writer.WriteString("from"u8, InstantPattern.ExtendedIso.Format(statement.Closed.From));
        writer.WriteString("until"u8, InstantPattern.ExtendedIso.Format(statement.Closed.Until));
        WriteSums(writer, statement.Closed.Period);
        writer.WriteStartArray("lines"u8);
        for (var i = 0; i < statement.Lines.Count; i++)
        {
            Write(writer, statement.Lines[i].Line, statement.Lines[i].Hash);
            if (i % LinesAtOnce == LinesAtOnce - 1)
            {
                await FlushAsync(context, writer, buffer).ConfigureAwait(false);
            }
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        await FlushAsync(context, writer, buffer).ConfigureAwait(false);
    }

    private static async Task FlushAsync(HttpContext context, Utf8JsonWriter writer, ArrayBufferWriter<byte> buffer)
    {
        writer.Flush();
        await context.Response.Body.WriteAsync(buffer.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
        buffer.ResetWrittenCount();
    }

    private static void Write(Utf8JsonWriter writer, StatementLine line, string hash)
    {
        writer.WriteStartObject();
        writer.WriteNumber("line"u8, line.Number);
        writer.WriteString("kind"u8, line.Kind);
        writer.WriteString("id"u8, line.Id);
        writer.WriteString("at"u8, InstantPattern.ExtendedIso.Format(line.At));
        WriteSome(writer, "member"u8, line.Member);
        WriteSome(writer, "account"u8, line.Account);
        writer.WriteNumber("points"u8, line.Points);
        writer.WriteNumber("fee"u8, line.Fee);
        writer.WriteNumber("units"u8, line.Units);
        WriteSome(writer, "rate"u8, line.Rate?.ToString());
        writer.WriteNumber("serviceFee"u8, line.ServiceFee);
        WriteSome(writer, "reference"u8, line.Reference);
        writer.WriteString("hash"u8, hash);
        writer.WriteEndObject();
    }

    private static void WriteSome(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }
}
