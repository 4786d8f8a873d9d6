using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Loyalty.EndToEnd.Tests.Support;

/// <summary>A till's open stream: lines go out while answers come back (HttpClient would read nothing before all is sent).</summary>
internal sealed class TillStream : IDisposable
{
    private readonly TcpClient _client = new() { NoDelay = true };
    private readonly NetworkStream _stream;
    private readonly StringBuilder _received = new();
    private readonly byte[] _buffer = new byte[64 * 1024];

    private TillStream(Engine engine)
    {
        _client.Connect(engine.Url.Host, engine.Url.Port);
        _stream = _client.GetStream();
    }

    public static async Task<TillStream> OpenAsync(Engine engine)
    {
        var till = new TillStream(engine);
        await till.WriteAsync(
            $"POST /v1/purchases HTTP/1.1\r\nHost: {engine.Url.Authority}\r\nAuthorization: Bearer {engine.Key}\r\n" +
            "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n");
        return till;
    }

    public Task SendAsync(string line) => WriteAsync((line.Length + 1).ToString("x", CultureInfo.InvariantCulture) + $"\r\n{line}\n\r\n");

    public Task EndAsync() => WriteAsync("0\r\n\r\n");

    /// <summary>Reads until so many lines of the answer are there, or the connection ends; returns those lines.</summary>
    public async Task<string[]> AnswersAsync(int count)
    {
        using var tooLong = new CancellationTokenSource(Patience.Ready);
        while (Answers().Length < count)
        {
            var read = 0;
            try
            {
                read = await _stream.ReadAsync(_buffer, tooLong.Token);
            }
            catch (IOException)
            {
                // Reset: no more will come.
            }

            if (read == 0)
            {
                break;
            }

            _received.Append(Encoding.UTF8.GetString(_buffer, 0, read));
        }

        return Answers();
    }

    public void Dispose()
    {
        _stream.Dispose();
        _client.Dispose();
    }

    // Every answer is a line of its own; lengths of chunks and the head are lines that do not begin with a brace.
    private string[] Answers() =>
        [.. _received.ToString().Split('\n').SkipLast(1).Where(line => line.StartsWith('{'))];

    private async Task WriteAsync(string text) => await _stream.WriteAsync(Encoding.UTF8.GetBytes(text));
}
