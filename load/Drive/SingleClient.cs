using System.Buffers.Text;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Loyalty.Load.Gateway;
using Loyalty.Load.Http;
using Loyalty.Load.Streams;

namespace Loyalty.Load.Drive;

/// <summary>
/// One till that sends one request at a time over a keep-alive connection: one write and usually one read for each. What has no answer is sent
/// again with the same id until it has one, or patience is over.
/// </summary>
internal sealed class SingleClient(GatewayTarget target, Till till, int requestBytesMax, Patience patience)
{
    private const int LengthDigits = 8;

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);

    private readonly ByteBuffer body = new();
    private readonly byte[] purchaseHead = Head(target, "/v1/purchases");
    private readonly byte[] returnHead = Head(target, "/v1/returns");
    private HttpConnection? connection;

    public long Resent { get; private set; }

    public long Disconnects { get; private set; }

    public void Run()
    {
        byte[] json = new byte[requestBytesMax];
        byte[] request = new byte[requestBytesMax + Math.Max(purchaseHead.Length, returnHead.Length)];
        try
        {
            while (till.Next(json, waits: true, out int length, out long tag, out long due))
            {
                // The request goes out in one piece, with its length in the room that the head leaves for it.
                byte[] head = till.IsReturn(tag) ? returnHead : purchaseHead;
                head.CopyTo(request, 0);
                WriteLength(request.AsSpan(head.Length - 4 - LengthDigits, LengthDigits), length);
                json.AsSpan(0, length).CopyTo(request.AsSpan(head.Length));
                patience.Renew();
                Settle(request.AsSpan(0, head.Length + length), tag, due == 0 ? Stopwatch.GetTimestamp() : due);
            }
        }
        finally
        {
            connection?.Dispose();
        }
    }

    private void Settle(ReadOnlySpan<byte> request, long tag, long due)
    {
        while (true)
        {
            int retryAfterSeconds = 0;
            try
            {
                connection ??= HttpConnection.Open(target, AnswerTimeout);
                connection.Send(request);
                body.Clear();
                connection.Answers.ReadWhole(body);
                Verdict verdict = Judge(tag, due);
                retryAfterSeconds = connection.Answers.RetryAfterSeconds;
                if (!connection.Answers.KeepsAlive)
                {
                    Drop();
                }

                if (verdict == Verdict.Settled)
                {
                    return;
                }
            }
            catch (Exception error) when (error is IOException or SocketException or InvalidDataException)
            {
                Disconnects++;
                Drop();
            }

            if (patience.IsOver)
            {
                till.GiveUp(tag);
                return;
            }

            patience.Pause(retryAfterSeconds);
            Resent++;
        }
    }

    private Verdict Judge(long tag, long due)
    {
        int status = connection!.Answers.Status;
        if (status is 401 or 403 or 404 or 405 or 415)
        {
            throw new UserError($"The gateway refuses with {status}: {Encoding.UTF8.GetString(body.Filled[..Math.Min(body.Length, 400)])}");
        }

        if (status is 429 or 500 or 502 or 503 or 504)
        {
            return Verdict.Again;
        }

        Verdict verdict = till.Judge(tag, body.Filled, due, Stopwatch.GetTimestamp());
        till.Pause();
        return verdict;
    }

    private void Drop()
    {
        connection?.Dispose();
        connection = null;
    }

    private static byte[] Head(GatewayTarget target, string path) =>
    [
        .. Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n"),
        .. target.HeadFields,
        .. Encoding.ASCII.GetBytes($"Content-Length: {new string(' ', LengthDigits)}\r\n\r\n"),
    ];

    /// <summary>Right-aligned: blanks before a value are allowed.</summary>
    private static void WriteLength(Span<byte> room, int length)
    {
        room.Fill((byte)' ');
        Utf8Formatter.TryFormat(length, room, out int digits);
        room[..digits].CopyTo(room[^digits..]);
        room[..^digits].Fill((byte)' ');
    }
}
