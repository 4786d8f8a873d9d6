using System.Buffers.Text;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Loyalty.Load.Gateway;
using Loyalty.Load.Http;
using Loyalty.Load.Streams;

namespace Loyalty.Load.Drive;

/// <summary>
/// One till with its keep-alive connection: one request at a time, one write and usually one read for each. What has no answer is sent again with
/// the same id until it has one, or patience is over. Driven by one thread.
/// </summary>
internal sealed class SingleLane
{
    private const int LengthDigits = 8;

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);

    private readonly GatewayTarget target;
    private readonly Till till;
    private readonly Patience patience;
    private readonly ByteBuffer body = new();
    private readonly byte[] purchaseHead;
    private readonly byte[] returnHead;
    private readonly byte[] json;
    private readonly byte[] request;
    private HttpConnection? connection;
    private int requestLength;
    private long tag;
    private long due;
    private long sentAt;
    private long sendAt;
    private State state = State.Idle;

    public SingleLane(GatewayTarget target, Till till, int requestBytesMax, Patience patience)
    {
        this.target = target;
        this.till = till;
        this.patience = patience;
        purchaseHead = Head(target, "/v1/purchases");
        returnHead = Head(target, "/v1/returns");
        json = new byte[requestBytesMax];
        request = new byte[requestBytesMax + Math.Max(purchaseHead.Length, returnHead.Length)];
    }

    private enum State
    {
        /// <summary>Nothing is open; the next request goes out when it is due.</summary>
        Idle,

        /// <summary>A request waits to be sent, at <see cref="sendAt"/>.</summary>
        Waiting,

        /// <summary>An answer is awaited.</summary>
        Sent,
        Done,
    }

    public long Resent { get; private set; }

    public long Disconnects { get; private set; }

    public bool IsDone => state == State.Done;

    /// <summary>The socket on which an answer is awaited; null when none is.</summary>
    public Socket? Awaits => state == State.Sent ? connection!.Socket : null;

    /// <summary>When there will be something to do without an answer, in Stopwatch ticks.</summary>
    public long WakeAt => state switch
    {
        State.Idle => till.NextDue,
        State.Waiting => sendAt,
        State.Sent => sentAt + (long)(AnswerTimeout.TotalSeconds * Stopwatch.Frequency),
        _ => long.MaxValue,
    };

    /// <summary>Opens the connection before the time counts; a gateway that is not there yet is met again when something is sent.</summary>
    public void Open()
    {
        try
        {
            connection ??= HttpConnection.Open(target, AnswerTimeout);
        }
        catch (SocketException)
        {
            Disconnects++;
        }
    }

    /// <summary>Does what can be done without an answer: sends what is due, gives up waiting for what does not come.</summary>
    public void Step(long now)
    {
        if (state == State.Sent && now >= WakeAt)
        {
            Fail();
        }

        if (state == State.Idle)
        {
            MakeNext(now);
        }

        if (state == State.Waiting && now >= sendAt)
        {
            Send();
        }
    }

    /// <summary>Reads the answer that has begun to arrive. Waits for the rest of it, at most the answer timeout.</summary>
    public void Receive()
    {
        try
        {
            body.Clear();
            connection!.Answers.ReadWhole(body);
        }
        catch (Exception error) when (error is IOException or InvalidDataException)
        {
            Fail();
            return;
        }

        Verdict verdict = Judge();
        int retryAfterSeconds = connection.Answers.RetryAfterSeconds;
        if (!connection.Answers.KeepsAlive)
        {
            Drop();
        }

        if (verdict == Verdict.Settled)
        {
            state = State.Idle;
        }
        else
        {
            TryLater(retryAfterSeconds);
        }
    }

    public void Close() => Drop();

    private void MakeNext(long now)
    {
        if (!till.Next(json, waits: false, out int length, out tag, out due))
        {
            state = till.IsOver ? State.Done : State.Idle;
            return;
        }

        // The request goes out in one piece, with its length in the room that the head leaves for it.
        byte[] head = till.IsReturn(tag) ? returnHead : purchaseHead;
        head.CopyTo(request, 0);
        WriteLength(request.AsSpan(head.Length - 4 - LengthDigits, LengthDigits), length);
        json.AsSpan(0, length).CopyTo(request.AsSpan(head.Length));
        requestLength = head.Length + length;
        due = due == 0 ? now : due;
        patience.Renew();
        sendAt = now;
        state = State.Waiting;
    }

    private void Send()
    {
        try
        {
            connection ??= HttpConnection.Open(target, AnswerTimeout);
            connection.Send(request.AsSpan(0, requestLength));
            sentAt = Stopwatch.GetTimestamp();
            state = State.Sent;
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            Fail();
        }
    }

    private void Fail()
    {
        Disconnects++;
        Drop();
        TryLater(0);
    }

    private void TryLater(int retryAfterSeconds)
    {
        if (patience.IsOver)
        {
            till.GiveUp(tag);
            state = State.Idle;
            return;
        }

        sendAt = Stopwatch.GetTimestamp() + (long)(patience.NextPause(retryAfterSeconds).TotalSeconds * Stopwatch.Frequency);
        Resent++;
        state = State.Waiting;
    }

    private Verdict Judge()
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
        Span<byte> digits = stackalloc byte[LengthDigits];
        Utf8Formatter.TryFormat(length, digits, out int count);
        room.Fill((byte)' ');
        digits[..count].CopyTo(room[^count..]);
    }
}
