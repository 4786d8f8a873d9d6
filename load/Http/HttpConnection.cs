using System.Net.Sockets;
using Loyalty.Load.Gateway;

namespace Loyalty.Load.Http;

/// <summary>
/// One keep-alive connection with blocking calls: one thread may send while another reads. <see cref="Break"/> may be called from any thread.
/// </summary>
internal sealed class HttpConnection : IDisposable
{
    private readonly Socket socket;
    private readonly NetworkStream stream;

    private HttpConnection(Socket socket)
    {
        this.socket = socket;
        stream = new NetworkStream(socket, ownsSocket: true);
        Answers = new HttpAnswerReader(stream);
    }

    public HttpAnswerReader Answers { get; }

    /// <summary>To wait for answers of several connections at once; not to be read from.</summary>
    public Socket Socket => socket;

    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static HttpConnection Open(GatewayTarget target, TimeSpan answerTimeout) => new(target.Connect(answerTimeout));

    /// <exception cref="IOException">The connection is gone.</exception>
    public void Send(ReadOnlySpan<byte> bytes) => stream.Write(bytes);

    /// <summary>Ends the connection, so that a thread that waits on it wakes with an <see cref="IOException"/>.</summary>
    public void Break()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Broken already.
        }
    }

    public void Dispose() => stream.Dispose();
}
