using System.Text.Json;
using Loyalty.Domain.Validation;

namespace Loyalty.Gateway.Http;

/// <summary>An answer that says what is wrong: RFC 9457, with a field for each thing.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Code">Stable; <c>type</c> is <c>urn:loyalty:problem:</c> and it.</param>
/// <param name="Title">The same for every problem of the code.</param>
/// <param name="Detail">This one.</param>
/// <param name="Errors">Field by field.</param>
internal sealed record Problem(int Status, string Code, string Title, string Detail, IReadOnlyList<FieldError> Errors)
{
    private const int MaxErrors = 20;

    /// <summary>Seconds for <c>Retry-After</c>; 0: none.</summary>
    public int RetryAfterSeconds => Status is 429 or 503 ? 1 : 0;

    public static Problem Shape(IReadOnlyList<FieldError> errors) =>
        new(400, "malformed", "The request is malformed", $"{(errors[0].Field.Length == 0 ? "the body" : errors[0].Field)} {errors[0].Message}", errors.Count > MaxErrors ? [.. errors.Take(MaxErrors)] : errors);

    public static Problem Shape(string field, string message) => Shape([new FieldError(field, message)]);

    public static Problem Rule(string code, string field, string detail) =>
        new(422, code, "A rule of the program forbids it", field.Length == 0 ? detail : $"{field} {detail}", [new(field, detail)]);

    public static Problem Conflict(string detail) => new(409, "conflict", "The id names another request", detail, [new("id", detail)]);

    public static Problem UnknownMember(string? member) =>
        new(404, "unknown-member", "The member is not known", $"there is no member '{member}'; enrol it with POST /v1/members", [new("member", $"'{member}' is not known")]);

    /// <summary>Something other than a member that a request names.</summary>
    public static Problem Unknown(string code, string field, string detail) => new(404, code, "What the request names is not known", detail, [new(field, detail)]);

    public static Problem NotFound(string path) =>
        new(404, "not-found", "There is nothing here", $"'{path}' is no address of this API; /openapi/v1.json lists them", []);

    public static Problem TooLarge(string detail) => new(413, "too-large", "The request is too large", detail, []);

    public static Problem MediaType(string? found, string needed) =>
        new(415, "media-type", "The content type is not understood", $"is '{found}'; needed is {needed}", [new("Content-Type", $"is '{found}'; needed is {needed}")]);

    public static Problem Encoding(string found) =>
        new(415, "media-type", "The content type is not understood", $"Content-Encoding is '{found}'; bodies are not compressed here", [new("Content-Encoding", $"is '{found}'; bodies are not compressed here")]);

    public static Problem Busy(string? detail) => new(429, "busy", "Too much at once", $"{detail ?? "the engine is busy"}; send the same request again after Retry-After", []);

    public static Problem Unavailable(string? detail) =>
        new(503, "unavailable", "The engine cannot serve now", $"{detail ?? "the store is not available"}; send the same request again after Retry-After: it is applied once", []);

    /// <summary>Writes it as JSON.</summary>
    public void Write(Utf8JsonWriter writer, string? id = null, long line = 0, bool replayed = false)
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, "urn:loyalty:problem:" + Code);
        writer.WriteString("title"u8, Title);
        writer.WriteNumber("status"u8, Status);
        writer.WriteString("detail"u8, Detail);
        if (id is not null)
        {
            writer.WriteString("id"u8, id);
        }

        if (line > 0)
        {
            writer.WriteNumber("line"u8, line);
        }

        if (replayed)
        {
            writer.WriteBoolean("replayed"u8, true);
        }

        if (Errors.Count > 0)
        {
            writer.WriteStartArray("errors"u8);
            foreach (var error in Errors)
            {
                writer.WriteStartObject();
                writer.WriteString("field"u8, error.Field);
                writer.WriteString("message"u8, error.Message);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }
}
