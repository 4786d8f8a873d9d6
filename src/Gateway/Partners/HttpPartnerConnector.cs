using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Partners;

/// <summary>A partner's system over HTTP. docs/EXCHANGE.md, "Connector", is its contract. Thread-safe.</summary>
internal sealed class HttpPartnerConnector : IPartnerConnector, IDisposable
{
    /// <summary>Header with the Unix seconds that are signed.</summary>
    public const string TimestampHeader = "X-Loyalty-Timestamp";

    /// <summary>Header with the signature.</summary>
    public const string SignatureHeader = "X-Loyalty-Signature";

    /// <summary>Bytes of an answer that are read; a longer one is none.</summary>
    public const int MaxAnswerBytes = 16 * 1024;

    private readonly HttpClient _http;
    private readonly byte[] _secret;
    private readonly TimeProvider _time;

    /// <param name="address">Where <c>/exchanges</c> is.</param>
    /// <param name="secret">Shared with the partner; at least 16 characters.</param>
    /// <param name="timeout">Of one call.</param>
    /// <param name="time">For the time that is signed.</param>
    public HttpPartnerConnector(Uri address, string secret, TimeSpan timeout, TimeProvider time)
    {
        _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
        {
            BaseAddress = new(address.AbsoluteUri.TrimEnd('/') + "/"),
            Timeout = timeout,
            MaxResponseContentBufferSize = MaxAnswerBytes,
        };
        _secret = Encoding.UTF8.GetBytes(secret);
        _time = time;
    }

    /// <inheritdoc />
    public ValueTask<PartnerAnswer> SendAsync(PartnerRequest request, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["id"] = request.Id,
            ["pool"] = request.Pool,
            ["direction"] = StatementLine.NameOf(request.Direction),
            ["account"] = request.Account,
            ["unit"] = request.Unit,
            ["units"] = request.Units,
        });
        return CallAsync(HttpMethod.Post, "exchanges", body, request.Id, cancellation);
    }

    /// <inheritdoc />
    public ValueTask<PartnerAnswer> AskAsync(PartnerRequest request, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        return CallAsync(HttpMethod.Get, "exchanges/" + Uri.EscapeDataString(request.Id), [], request.Id, cancellation);
    }

    /// <summary>The signature of a call: hexadecimal HMAC-SHA256 of its timestamp, method, path and body, each but the body followed by a newline.</summary>
    public static string Sign(byte[] secret, string timestamp, string method, string path, ReadOnlySpan<byte> body)
    {
        var head = Encoding.UTF8.GetBytes($"{timestamp}\n{method}\n{path}\n");
        return "v1=" + Convert.ToHexStringLower(HMACSHA256.HashData(secret.AsSpan(), [.. head, .. body]));
    }

    /// <inheritdoc />
    public void Dispose() => _http.Dispose();

    private async ValueTask<PartnerAnswer> CallAsync(HttpMethod method, string relative, byte[] body, string id, CancellationToken cancellation)
    {
        using var message = new HttpRequestMessage(method, new Uri(_http.BaseAddress!, relative));
        var timestamp = _time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        message.Headers.Add(TimestampHeader, timestamp);
        message.Headers.Add(SignatureHeader, Sign(_secret, timestamp, method.Method, message.RequestUri!.PathAndQuery, body));
        if (method == HttpMethod.Post)
        {
            message.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        }

        using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseContentRead, cancellation).ConfigureAwait(false);
        if (method == HttpMethod.Get && response.StatusCode == HttpStatusCode.NotFound)
        {
            return new(PartnerResult.NotKnown);
        }

        return response.StatusCode == HttpStatusCode.OK
            ? Read(await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false), id)
            : new(PartnerResult.Unknown, Detail: $"answered {(int)response.StatusCode}");
    }

    /// <summary>What does not say clearly what became of this very exchange says nothing.</summary>
    private static PartnerAnswer Read(byte[] body, string id)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || Text(root, "id") != id)
            {
                return new(PartnerResult.Unknown, Detail: "the answer is about another exchange, or about none");
            }

            return Text(root, "status") switch
            {
                "done" => new(PartnerResult.Done, Text(root, "reference")),
                "refused" => new(PartnerResult.Refused, null, Text(root, "code"), Text(root, "detail")),
                var status => new(PartnerResult.Unknown, Detail: $"the answer has status '{status}'; 'done' or 'refused' is needed"),
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new(PartnerResult.Unknown, Detail: $"the answer is not JSON: {e.Message}");
        }
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
}
