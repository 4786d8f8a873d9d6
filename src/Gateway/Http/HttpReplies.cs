using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Encodings.Web;

namespace Loyalty.Gateway.Http;

/// <summary>Writing JSON answers without copies: one writer and buffer a thread.</summary>
internal static class HttpReplies
{
    private static readonly JsonWriterOptions Options = new() { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _buffer;

    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    [ThreadStatic]
    private static AnswerText? _answer;

    /// <summary>Answers with JSON.</summary>
    public static ValueTask WriteJsonAsync<T>(HttpContext context, int status, T value, Action<Utf8JsonWriter, T> write) =>
        WriteAsync(context, status, "application/json", value, write);

    /// <summary>Answers with a problem.</summary>
    public static ValueTask WriteProblemAsync(HttpContext context, Problem problem, string? id = null, bool replayed = false)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return default;
        }

        if (problem.RetryAfterSeconds > 0)
        {
            context.Response.Headers.RetryAfter = problem.RetryAfterSeconds.ToString();
        }

        return WriteAsync(
            context, problem.Status, "application/problem+json", (problem, id, replayed), static (writer, x) => x.problem.Write(writer, x.id, 0, x.replayed));
    }

    /// <summary>Writes a value as one JSON text into a buffer.</summary>
    public static void WriteTo<T>(IBufferWriter<byte> buffer, T value, Action<Utf8JsonWriter, T> write)
    {
        var writer = _writer ??= new Utf8JsonWriter(buffer, Options);
        writer.Reset(buffer);
        write(writer, value);
        writer.Flush();
    }

    /// <summary>The thread's buffer for answers, empty.</summary>
    public static AnswerText EmptyAnswer()
    {
        var answer = _answer ??= new AnswerText();
        answer.Clear();
        return answer;
    }

    /// <summary>Answers with JSON that is written already.</summary>
    public static ValueTask WriteAsync(HttpContext context, int status, string type, ReadOnlySpan<byte> json)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = type;
        response.ContentLength = json.Length;
        var body = response.BodyWriter;
        body.Write(json);
        return FlushAsync(context, body);
    }

    private static ValueTask WriteAsync<T>(HttpContext context, int status, string type, T value, Action<Utf8JsonWriter, T> write)
    {
        var buffer = _buffer ??= new ArrayBufferWriter<byte>(4096);
        buffer.ResetWrittenCount();
        WriteTo(buffer, value, write);
        if (buffer.Capacity > 1 << 20)
        {
            _buffer = null;
        }

        return WriteAsync(context, status, type, buffer.WrittenSpan);
    }

    private static ValueTask FlushAsync(HttpContext context, PipeWriter body)
    {
        var flush = body.FlushAsync(context.RequestAborted);
        return flush.IsCompletedSuccessfully ? default : new ValueTask(flush.AsTask());
    }
}
