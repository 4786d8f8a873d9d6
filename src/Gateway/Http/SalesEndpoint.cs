using System.Buffers;
using System.IO.Pipelines;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Http;

/// <summary>Purchases and returns: one as a JSON object, or a stream of lines.</summary>
internal sealed class SalesEndpoint(LoyaltyEngine engine, GatewayLimits limits)
{
    [ThreadStatic]
    private static SaleReader? _reader;

    /// <summary><c>POST /v1/purchases</c> and <c>POST /v1/returns</c>.</summary>
    public Task HandleAsync(HttpContext context, bool isReturn)
    {
        var problem = Media.ProblemOf(context.Request, "application/json for one, application/x-ndjson for a stream", "application/json", "application/x-ndjson");
        var isExplained = !isReturn && ReadExplain(context.Request, ref problem);
        if (problem is not null)
        {
            return HttpReplies.WriteProblemAsync(context, problem).AsTask();
        }

        return Media.Is(context.Request.ContentType, "application/x-ndjson")
            ? new SaleStream(engine, limits, context, isReturn, isExplained).RunAsync()
            : HandleOneAsync(context, isReturn, isExplained);
    }

    /// <summary>Whether <c>?explain=true</c> asks for the campaigns that gave nothing.</summary>
    public static bool ReadExplain(HttpRequest request, ref Problem? problem)
    {
        if (!request.QueryString.HasValue || !request.Query.TryGetValue("explain", out var said))
        {
            return false;
        }

        if (said.ToString() is "true" or "false")
        {
            return said.ToString() == "true";
        }

        problem ??= Problem.Shape("explain", $"is '{(said.ToString().Length > 20 ? "…" : said.ToString())}'; true or false is needed");
        return false;
    }

    /// <summary>Makes the command of a request; asks the books where a return without member belongs.</summary>
    public static async ValueTask<RequestCommand> CommandOfAsync(LoyaltyEngine engine, Return request) =>
        new RecordReturn(LoyaltyEngine.NeedsPurchase(request) ? await engine.FindTargetAsync(request).ConfigureAwait(false) : engine.TargetOf(request), request);

    private async Task HandleOneAsync(HttpContext context, bool isReturn, bool isExplained)
    {
        var body = context.Request.BodyReader;
        ReadResult result;
        while (true)
        {
            result = await body.ReadAsync(context.RequestAborted).ConfigureAwait(false);
            if (result.Buffer.Length > limits.SingleBodyBytes)
            {
                body.AdvanceTo(result.Buffer.End);
                await HttpReplies.WriteProblemAsync(context, Problem.TooLarge($"a request has at most {limits.SingleBodyBytes} bytes; send many as a stream")).ConfigureAwait(false);
                return;
            }

            if (result.IsCompleted)
            {
                break;
            }

            body.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }

        var (request, problem, id) = Parse(result.Buffer, isReturn);
        body.AdvanceTo(result.Buffer.End);
        if (request is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!, id).ConfigureAwait(false);
            return;
        }

        RequestCommand command;
        try
        {
            command = request is Purchase purchase
                ? new RecordPurchase(engine.TargetOf(purchase), purchase) { Explain = isExplained }
                : await CommandOfAsync(engine, (Return)request).ConfigureAwait(false);
        }
        catch (JournalUnavailableException e)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Unavailable(e.Message), request.Id).ConfigureAwait(false);
            return;
        }

        await engine.Host.AskAsync(command).ConfigureAwait(false);
        await ReplyAsync(context, engine, command).ConfigureAwait(false);
    }

    /// <summary>Answers a single request.</summary>
    public static ValueTask ReplyAsync(HttpContext context, LoyaltyEngine engine, RequestCommand command)
    {
        if (ReplyWriter.ProblemOf(command) is { } problem)
        {
            return HttpReplies.WriteProblemAsync(context, problem, command.Request.Id, command.Status == CommandStatus.Done && command.Outcome.Replayed);
        }

        var answer = HttpReplies.EmptyAnswer();
        ReplyWriter.Write(answer, command, engine.Programs.Current);
        return HttpReplies.WriteAsync(context, 200, "application/json", answer.Written);
    }

    private static (Request? Request, Problem? Problem, string? Id) Parse(in ReadOnlySequence<byte> buffer, bool isReturn)
    {
        var reader = _reader ??= new SaleReader();
        Request? request;
        if (buffer.IsSingleSegment)
        {
            request = reader.Read(buffer.FirstSpan, isReturn, mixed: false);
        }
        else
        {
            var length = (int)buffer.Length;
            var rented = ArrayPool<byte>.Shared.Rent(length);
            buffer.CopyTo(rented);
            request = reader.Read(rented.AsSpan(0, length), isReturn, mixed: false);
            ArrayPool<byte>.Shared.Return(rented);
        }

        return request is null ? (null, Problem.Shape([.. reader.Errors]), reader.Id) : (request, null, null);
    }
}

/// <summary>Content types.</summary>
internal static class Media
{
    /// <summary>Whether the header names the type, with parameters or without.</summary>
    public static bool Is(string? header, string type) =>
        header is not null && header.StartsWith(type, StringComparison.OrdinalIgnoreCase)
        && (header.Length == type.Length || header[type.Length] is ';' or ' ');

    /// <summary>What is wrong with the way a body is sent: another type than those, or compressed. Null: nothing.</summary>
    public static Problem? ProblemOf(HttpRequest request, string needed, params ReadOnlySpan<string> types)
    {
        var header = request.ContentType;
        var isKnown = false;
        foreach (var type in types)
        {
            isKnown |= Is(header, type);
        }

        return !isKnown ? Problem.MediaType(header, needed)
            : request.Headers.ContentEncoding is { Count: > 0 } encoding && !string.Equals(encoding, "identity", StringComparison.OrdinalIgnoreCase) ? Problem.Encoding(encoding.ToString())
            : null;
    }
}

/// <summary>Bounds of the gateway. Over them: 413, or 429 with Retry-After.</summary>
internal sealed record GatewayLimits
{
    /// <summary>Bytes of a request that is no stream.</summary>
    public int SingleBodyBytes { get; init; } = 1 << 20;

    /// <summary>Bytes of a line of a stream.</summary>
    public int LineBytes { get; init; } = 1 << 20;

    /// <summary>Lines of a stream.</summary>
    public long StreamLines { get; init; } = 10_000_000;

    /// <summary>Lines handed to the engine at a time.</summary>
    public int GroupLines { get; init; } = 256;

    /// <summary>Groups of a stream that wait for their answers; then reading pauses.</summary>
    public int GroupsInFlight { get; init; } = 8;

    /// <summary>Connections.</summary>
    public int Connections { get; init; } = 10_000;
}
