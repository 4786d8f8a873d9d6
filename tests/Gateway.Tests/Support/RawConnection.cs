using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Loyalty.Gateway.Tests;

/// <summary>HTTP byte by byte: for what a proper client would not send, and for answers while a body is still under way.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly byte[] _buffer = new byte[16 * 1024];

    // A net for tests that would hang; nothing depends on how long it is.
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromMinutes(2));
    private int _at;
    private int _filled;
    private long _leftInChunk = -1;
    private bool _ended;

    private RawConnection(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public int Status { get; private set; }

    public static async Task<RawConnection> OpenAsync(Uri address, int receiveBuffer = 0)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer > 0)
        {
            socket.ReceiveBufferSize = receiveBuffer;
        }

        await socket.ConnectAsync(address.Host, address.Port);
        return new(socket);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await _stream.WriteAsync(bytes, _patience.Token);

    /// <summary>Begins a request whose body comes in chunks.</summary>
    public Task BeginAsync(string path, string type = Api.Lines) =>
        SendAsync($"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {type}\r\nTransfer-Encoding: chunked\r\n\r\n");

    /// <summary>Sends a piece of the body.</summary>
    public Task ChunkAsync(string text) => ChunkAsync(Encoding.UTF8.GetBytes(text));

    public async Task ChunkAsync(ReadOnlyMemory<byte> bytes) => await SendAsync((byte[])[.. Encoding.ASCII.GetBytes($"{bytes.Length:x}\r\n"), .. bytes.Span, .. "\r\n"u8]);

    public Task EndAsync() => SendAsync("0\r\n\r\n");

    /// <summary>Says that no more will be sent, and listens on.</summary>
    public void HangUp() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Goes away at once, as a till does whose plug is pulled.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Close();
    }

    /// <summary>Whether there is room for more soon; a gateway that is only slow may look like one that has stopped, never the other way round.</summary>
    public bool CanSend() => _socket.Poll(TimeSpan.FromMilliseconds(300), SelectMode.SelectWrite);

    /// <summary>Sends what there is room for.</summary>
    public void TrySend(byte[] bytes, ref int offset)
    {
        _socket.Blocking = false;
        var sent = _socket.Send(bytes, offset, bytes.Length - offset, SocketFlags.None, out var error);
        _socket.Blocking = true;
        if (error is not (SocketError.Success or SocketError.WouldBlock))
        {
            throw new SocketException((int)error);
        }

        offset += error == SocketError.Success ? sent : 0;
    }

    /// <summary>Reads status and headers; 0: the gateway closed the connection without an answer.</summary>
    public async Task<int> ReadHeadAsync()
    {
        var first = await ReadRawLineAsync();
        if (first is null)
        {
            return Status = 0;
        }

        Status = int.Parse(first.Split(' ')[1]);
        Headers.Clear();
        _ended = false;
        while (await ReadRawLineAsync() is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            Headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        _leftInChunk = Headers.TryGetValue("Content-Length", out var length) ? long.Parse(length) : -1;
        return Status;
    }

    /// <summary>Reads one line of the body; null at its end.</summary>
    public async Task<JsonNode?> ReadLineAsync()
    {
        var line = new List<byte>();
        while (await ReadByteOfBodyAsync() is { } b)
        {
            if (b == '\n')
            {
                return JsonNode.Parse(line.ToArray());
            }

            line.Add(b);
        }

        return line.Count == 0 ? null : JsonNode.Parse(line.ToArray());
    }

    /// <summary>Reads the lines of the body up to its end.</summary>
    public async Task<List<JsonNode>> ReadLinesAsync()
    {
        var lines = new List<JsonNode>();
        while (await ReadLineAsync() is { } line)
        {
            lines.Add(line);
        }

        return lines;
    }

    /// <summary>Reads a whole answer and holds it against the contract; null: closed without one.</summary>
    public async Task<Reply?> ReadReplyAsync(string method, string path)
    {
        if (await ReadHeadAsync() == 0)
        {
            return null;
        }

        var body = new List<byte>();
        while (method != "HEAD" && await ReadByteOfBodyAsync() is { } b)
        {
            body.Add(b);
        }

        var reply = new Reply(Status, new Dictionary<string, string>(Headers, StringComparer.OrdinalIgnoreCase), [.. body]);
        if (method != "HEAD" && body.Count > 0)
        {
            Contract.Check(method, path, reply.Status, reply.Header, reply.Body);
        }

        return reply;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _patience.Dispose();
    }

    private async Task<byte?> ReadByteOfBodyAsync()
    {
        if (_ended)
        {
            return null;
        }

        if (Headers.ContainsKey("Content-Length"))
        {
            return _leftInChunk-- > 0 ? await ReadByteAsync() : null;
        }

        if (_leftInChunk <= 0)
        {
            if (_leftInChunk == 0)
            {
                await ReadRawLineAsync();
            }

            var size = await ReadRawLineAsync();
            _leftInChunk = size is null ? 0 : Convert.ToInt64(size, 16);
            if (_leftInChunk == 0)
            {
                _ended = true;
                if (size is not null)
                {
                    await ReadRawLineAsync();
                }

                return null;
            }
        }

        _leftInChunk--;
        return await ReadByteAsync();
    }

    private async Task<string?> ReadRawLineAsync()
    {
        var line = new List<byte>();
        while (await ReadByteAsync() is { } b)
        {
            if (b == '\n')
            {
                return Encoding.Latin1.GetString([.. line]).TrimEnd('\r');
            }

            line.Add(b);
        }

        return null;
    }

    private async ValueTask<byte?> ReadByteAsync()
    {
        if (_at == _filled)
        {
            try
            {
                (_at, _filled) = (0, await _stream.ReadAsync(_buffer, _patience.Token));
            }
            catch (IOException)
            {
                (_at, _filled) = (0, 0);
            }

            if (_filled == 0)
            {
                return null;
            }
        }

        return _buffer[_at++];
    }
}
