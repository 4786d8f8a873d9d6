using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Text;
using Loyalty.Load.Gateway;
using Loyalty.Load.Http;

namespace Loyalty.Load.Streams;

/// <summary>Where the lines of one connection come from.</summary>
internal interface ILineSource
{
    /// <summary>
    /// Adds lines that are due, in order, until the batch is full; may wait for the first one to be due. Adding none means that
    /// nothing will ever come.
    /// </summary>
    void Fill(LineBatch batch);
}

internal enum Verdict
{
    /// <summary>The outcome is known.</summary>
    Settled,

    /// <summary>To be sent again with the same id.</summary>
    Again,
}

/// <summary>Judges the answers of one connection. Called by one thread at a time.</summary>
internal interface IAnswerJudge
{
    Verdict Judge(long tag, ReadOnlySpan<byte> answer, long dueTicks, long nowTicks);

    /// <summary>The answers that had arrived together have all been judged.</summary>
    void Pause();

    /// <summary>Patience is over: the outcome of this request stays unknown.</summary>
    void GiveUp(long tag);
}

/// <summary>
/// One ordered stream to the gateway: requests of many lines, at most <see cref="RequestsInFlight"/> of them pipelined, so that the gateway
/// never waits for the client. A thread sends, a second one reads. What was not answered when a connection dies is sent again, in order.
/// </summary>
internal sealed class StreamClient(GatewayTarget target, ILineSource source, IAnswerJudge judge, int batchLines, Patience patience)
{
    public const int RequestsInFlight = 2;
    private const int AnswerLineBytesMax = 1024 * 1024;
    private const byte AttemptsMax = 200;

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly LineBatch[] batches = [.. Enumerable.Range(0, RequestsInFlight + 1).Select(_ => new LineBatch(batchLines))];
    private List<UnansweredLine> unanswered = [];
    private int retryAfterSeconds;
    private bool sourceDone;
    private ExceptionDispatchInfo? fatal;

    /// <summary>How many lines were sent once more.</summary>
    public long Resent { get; private set; }

    /// <summary>How many connections died under way.</summary>
    public long Disconnects { get; private set; }

    /// <summary>Sends everything the source has; returns when each line is answered or given up.</summary>
    public void Run()
    {
        patience.Renew();
        while (!sourceDone || unanswered.Count > 0)
        {
            if (unanswered.Count > 0 && patience.IsOver)
            {
                GiveUp();
                return;
            }

            try
            {
                using HttpConnection connection = HttpConnection.Open(target, AnswerTimeout);
                Converse(connection);
            }
            catch (SocketException)
            {
                if (patience.IsOver)
                {
                    GiveUp();
                    return;
                }

                patience.Pause();
            }

            fatal?.Throw();
        }
    }

    private void Converse(HttpConnection connection)
    {
        using var free = new BlockingCollection<LineBatch>(new ConcurrentQueue<LineBatch>());
        using var sent = new BlockingCollection<LineBatch>(new ConcurrentQueue<LineBatch>());
        foreach (LineBatch batch in batches)
        {
            free.Add(batch);
        }

        var unfinished = new List<LineBatch>();
        var reader = new Thread(() => ReadAnswers(connection, sent, free, unfinished)) { IsBackground = true, Name = "answers" };
        reader.Start();
        Send(connection, sent, free);
        sent.CompleteAdding();
        reader.Join();
        lock (gate)
        {
            foreach (LineBatch batch in unfinished)
            {
                for (int i = batch.Answered; i < batch.Count; i++)
                {
                    KeepForResend(batch, i);
                }
            }
        }
    }

    private void Send(HttpConnection connection, BlockingCollection<LineBatch> sent, BlockingCollection<LineBatch> free)
    {
        try
        {
            // Ends when the reader has completed `free`: the connection is gone or the gateway refuses everything.
            while (free.TryTake(out LineBatch? batch, Timeout.Infinite))
            {
                batch.Clear();
                TakeResends(batch);
                if (batch.Count > 0 && patience.IsOver)
                {
                    sourceDone = true;
                }

                if (!sourceDone && batch.Count == 0)
                {
                    source.Fill(batch);
                    sourceDone = batch.Count == 0;
                    patience.Renew();
                }

                if (batch.Count == 0)
                {
                    return;
                }

                batch.StampDue(Stopwatch.GetTimestamp());
                sent.Add(batch);
                connection.Send(batch.Request(target));
            }
        }
        catch (IOException)
        {
            connection.Break();
        }
        catch (Exception error)
        {
            fatal = ExceptionDispatchInfo.Capture(error);
            connection.Break();
        }
    }

    private void ReadAnswers(HttpConnection connection, BlockingCollection<LineBatch> sent, BlockingCollection<LineBatch> free, List<LineBatch> unfinished)
    {
        var body = new ByteBuffer();
        bool alive = true;
        foreach (LineBatch batch in sent.GetConsumingEnumerable())
        {
            if (!alive)
            {
                unfinished.Add(batch);
                continue;
            }

            try
            {
                ReadAnswer(connection.Answers, body, batch);
                free.Add(batch);
            }
            catch (Exception error) when (error is IOException or InvalidDataException)
            {
                Disconnects++;
                alive = Die();
            }
            catch (Exception error)
            {
                // Not the network's fault: this connection's thread throws it on.
                fatal = ExceptionDispatchInfo.Capture(error);
                alive = Die();
            }

            bool Die()
            {
                unfinished.Add(batch);
                connection.Break();
                free.CompleteAdding();
                return false;
            }
        }
    }

    private void ReadAnswer(HttpAnswerReader answers, ByteBuffer body, LineBatch batch)
    {
        body.Clear();
        answers.ReadHead();
        if (answers.Status != 200)
        {
            RefuseWhole(answers, body, batch);
            return;
        }

        while (answers.ReadBody(body))
        {
            long now = Stopwatch.GetTimestamp();
            int lineEnd;
            bool settled = false;
            while ((lineEnd = body.Filled.IndexOf((byte)'\n')) >= 0)
            {
                ReadOnlySpan<byte> line = body.Filled[..lineEnd].TrimEnd((byte)'\r');
                if (line.Length > 0)
                {
                    settled |= JudgeLine(batch, line, now);
                }

                body.Take(lineEnd + 1);
            }

            judge.Pause();
            if (settled)
            {
                patience.Renew();
            }

            if (body.Length > AnswerLineBytesMax)
            {
                throw new InvalidDataException($"An answer line is longer than {AnswerLineBytesMax} bytes.");
            }
        }

        if (body.Length > 0)
        {
            JudgeLine(batch, body.Filled, Stopwatch.GetTimestamp());
            judge.Pause();
        }

        if (batch.Answered < batch.Count)
        {
            throw new InvalidDataException($"The answer ended after {batch.Answered} of {batch.Count} lines.");
        }
    }

    private bool JudgeLine(LineBatch batch, ReadOnlySpan<byte> line, long now)
    {
        int index = batch.Answered;
        if (index >= batch.Count)
        {
            throw new InvalidDataException($"More answers than the {batch.Count} lines that were asked.");
        }

        Verdict verdict = judge.Judge(batch.Tag(index), line, batch.Due(index), now);
        if (verdict == Verdict.Again)
        {
            lock (gate)
            {
                KeepForResend(batch, index);
            }
        }

        batch.Answered = index + 1;
        return verdict == Verdict.Settled;
    }

    private void RefuseWhole(HttpAnswerReader answers, ByteBuffer body, LineBatch batch)
    {
        while (answers.ReadBody(body))
        {
        }

        if (answers.Status is not (429 or 500 or 502 or 503 or 504))
        {
            throw new UserError(
                $"The gateway refuses the stream with {answers.Status}: {Encoding.UTF8.GetString(body.Filled[..Math.Min(body.Length, 400)])}");
        }

        lock (gate)
        {
            retryAfterSeconds = answers.RetryAfterSeconds;
            for (int i = batch.Answered; i < batch.Count; i++)
            {
                KeepForResend(batch, i);
            }

            batch.Answered = batch.Count;
        }

        if (!answers.KeepsAlive)
        {
            throw new EndOfStreamException("The gateway closes the connection.");
        }
    }

    private void KeepForResend(LineBatch batch, int index)
    {
        if (batch.Attempt(index) >= AttemptsMax)
        {
            judge.GiveUp(batch.Tag(index));
            return;
        }

        unanswered.Add(new UnansweredLine(
            batch.Line(index).ToArray(), batch.Tag(index), batch.Due(index), (byte)(batch.Attempt(index) + 1)));
    }

    /// <summary>Lines to be sent again go first, and alone, after a pause.</summary>
    private void TakeResends(LineBatch batch)
    {
        lock (gate)
        {
            if (unanswered.Count == 0)
            {
                return;
            }
        }

        patience.Pause(Interlocked.Exchange(ref retryAfterSeconds, 0));
        lock (gate)
        {
            int taken = 0;
            while (taken < unanswered.Count && !batch.IsFull)
            {
                UnansweredLine line = unanswered[taken++];
                line.Bytes.CopyTo(batch.Open(line.Bytes.Length));
                batch.Close(line.Bytes.Length, line.Tag, line.Due, line.Attempt);
            }

            unanswered.RemoveRange(0, taken);
            Resent += taken;
        }
    }

    private void GiveUp()
    {
        foreach (UnansweredLine line in unanswered)
        {
            judge.GiveUp(line.Tag);
        }

        unanswered = [];
        sourceDone = true;
    }

    private readonly record struct UnansweredLine(byte[] Bytes, long Tag, long Due, byte Attempt);
}
