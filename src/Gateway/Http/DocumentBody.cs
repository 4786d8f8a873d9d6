using System.Text.Json;
using Loyalty.Domain.Validation;

namespace Loyalty.Gateway.Http;

/// <summary>Reads the body of a request that is not on the hot path.</summary>
internal static class DocumentBody
{
    /// <summary>The body, at most <paramref name="maxBytes"/>; or a problem.</summary>
    public static async Task<(byte[]? Bytes, Problem? Problem)> ReadAsync(HttpContext context, int maxBytes)
    {
        if (Media.ProblemOf(context.Request, "application/json", "application/json") is { } problem)
        {
            return (null, problem);
        }

        using var stream = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted).ConfigureAwait(false)) > 0)
        {
            if (stream.Length + read > maxBytes)
            {
                return (null, Problem.TooLarge($"this request has at most {maxBytes} bytes"));
            }

            stream.Write(buffer, 0, read);
        }

        return (stream.ToArray(), null);
    }

    /// <summary>The body as an object that <paramref name="read"/> reads; or a problem with everything that is wrong.</summary>
    public static async Task<(T? Value, Problem? Problem)> ReadAsync<T>(HttpContext context, Func<JsonFields, T> read, int maxBytes = 64 * 1024)
        where T : class
    {
        var (bytes, problem) = await ReadAsync(context, maxBytes).ConfigureAwait(false);
        if (bytes is null)
        {
            return (null, problem);
        }

        var errors = new List<FieldError>();
        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 16 });
            var fields = new JsonFields(document.RootElement, "", errors);
            if (errors.Count == 0)
            {
                var value = read(fields);
                fields.RefuseUnknown();
                if (errors.Count == 0)
                {
                    return (value, null);
                }
            }
        }
        catch (JsonException e)
        {
            errors.Add(new("", $"is not valid JSON: {e.Message}"));
        }

        return (null, Problem.Shape(errors));
    }
}
