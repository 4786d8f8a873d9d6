using System.Diagnostics;
using System.Numerics;
using System.Text;
using Loyalty.Load.Streams;

namespace Loyalty.Load.Drive;

/// <summary>
/// One connection's till: makes its requests one after the other, judges their answers and keeps the books about them. One thread may make
/// requests while another judges.
/// </summary>
internal sealed class Till : ILineSource, IAnswerJudge
{
    private const long RetryFlag = 1L << 62;
    private const int RefusalsShown = 3;

    /// <summary>In an account file a till that sends single requests marks so many as sent at once.</summary>
    private const int SendingStep = 64;

    private readonly Workload workload;
    private readonly Pace pace;
    private readonly TillAccount account;
    private readonly AccountFile? file;
    private readonly int connection;
    private readonly bool inStream;
    private readonly byte[] idText;
    private readonly AtClock clock = new();
    private readonly long[] atOf = new long[8];
    private readonly bool[] acknowledged;
    private long next;
    private long nextMarked;
    private long retryPending = -1;
    private long lastDue;
    private long answersDue;
    private long answersNow;
    private long answersAlike;
    private long answered;
    private int refusalsShown;

    /// <param name="inFlightMax">No more requests than this are unanswered at any time.</param>
    public Till(Workload workload, Pace pace, TillAccount account, AccountFile? file, int connection, bool inStream, int inFlightMax)
    {
        this.workload = workload;
        this.pace = pace;
        this.account = account;
        this.file = file;
        this.connection = connection;
        this.inStream = inStream;
        idText = new byte[workload.IdLength];
        acknowledged = new bool[BitOperations.RoundUpToPowerOf2((uint)(inFlightMax + (2 * Workload.RetryDistance)))];
    }

    public LatencyHistogram Latencies { get; } = new();

    /// <summary>Different requests sent.</summary>
    public long Sent => next;

    /// <summary>Exact repetitions sent.</summary>
    public long Retries { get; private set; }

    public long Acknowledged { get; private set; }

    public long Refused { get; private set; }

    public long Unknown { get; private set; }

    /// <summary>Repetitions of an acknowledged request that the engine took for a new one.</summary>
    public long NotReplayed { get; private set; }

    /// <summary>Answers that name another id, or are neither success nor problem.</summary>
    public long Garbled { get; private set; }

    /// <summary>Answers so far, for progress. May be read by any thread.</summary>
    public long Answered => Volatile.Read(ref answered);

    /// <summary>Nothing more will come of this till.</summary>
    public bool IsOver => retryPending < 0 && (next >= pace.Share(connection) || pace.IsOver);

    /// <summary>When the next request is due; 0 or in the past: now. Not later than the end of the run.</summary>
    public long NextDue => retryPending >= 0 ? 0 : Math.Min(pace.Due(connection, next), pace.Ends);

    public void Fill(LineBatch batch)
    {
        while (!batch.IsFull && Next(batch.Open(workload.RequestBytesMax + 1), batch.Count == 0, out int length, out long tag, out long due))
        {
            batch.Open(length + 1)[length] = (byte)'\n';
            batch.Close(length + 1, tag, due);
        }

        file?.Sending(connection, next);
    }

    /// <summary>Makes the next request.</summary>
    /// <param name="waits">Waits until it is due; otherwise false when it is not due yet.</param>
    /// <param name="tag">Names the request to <see cref="Judge"/>.</param>
    /// <param name="due">When it was due; 0 for "when it is sent".</param>
    /// <returns>False when there is none.</returns>
    public bool Next(Span<byte> to, bool waits, out int length, out long tag, out long due)
    {
        length = 0;
        tag = 0;
        due = lastDue;
        if (retryPending >= 0)
        {
            tag = retryPending | RetryFlag;
            Slot before = workload.At(connection, retryPending);
            length = workload.Render(before, clock.Text(atOf[retryPending & 7]), inStream, to);
            retryPending = -1;
            Retries++;
            return true;
        }

        if (next >= pace.Share(connection) || pace.IsOver)
        {
            return false;
        }

        due = pace.Due(connection, next);
        while (due > Stopwatch.GetTimestamp())
        {
            if (!waits || pace.IsOver)
            {
                return false;
            }

            pace.WaitUntil(due);
        }

        if (!inStream && file is not null && next >= nextMarked)
        {
            file.Sending(connection, nextMarked += SendingStep);
        }

        lastDue = due;
        long at = AtClock.Now();
        atOf[next & 7] = at;
        acknowledged[next & (acknowledged.Length - 1)] = false;
        Slot slot = workload.At(connection, next);
        length = workload.Render(slot, clock.Text(at), inStream, to);
        tag = next;
        if (workload.RetriesAfter(connection, next))
        {
            retryPending = next - Workload.RetryDistance;
        }

        next++;
        return true;
    }

    public bool IsReturn(long tag) => workload.At(connection, tag & ~RetryFlag).IsReturn;

    public Verdict Judge(long tag, ReadOnlySpan<byte> answer, long dueTicks, long nowTicks)
    {
        AnswerScan scan = AnswerScan.Of(answer);
        if (scan.IsTransient)
        {
            return Verdict.Again;
        }

        CountLatency(dueTicks, nowTicks);
        long index = tag & ~RetryFlag;
        bool isRetry = tag != index;
        workload.WriteId(connection, index, idText);
        if ((!scan.IsSuccess && scan.Status == 0) || (scan.IsSuccess && !AnswerScan.Names(answer, idText)))
        {
            Garbled++;
            Show(index, answer);
        }
        else if (isRetry)
        {
            JudgeRetry(index, scan, answer);
        }
        else if (scan.IsSuccess)
        {
            Acknowledge(index, answer);
        }
        else
        {
            Refused++;
            file?.Refused(connection, index);
            Show(index, answer);
        }

        Volatile.Write(ref answered, answered + 1);
        return Verdict.Settled;
    }

    public void Pause()
    {
        if (answersAlike > 0)
        {
            Latencies.Record(Stopwatch.GetElapsedTime(answersDue, answersNow), answersAlike);
            answersAlike = 0;
        }
    }

    public void GiveUp(long tag)
    {
        // An open repetition leaves nothing open: its original was sent before it.
        if (tag < RetryFlag)
        {
            Unknown++;
            account.LeaveUnknown(workload.At(connection, tag));
        }
    }

    private void Acknowledge(long index, ReadOnlySpan<byte> answer)
    {
        Slot slot = workload.At(connection, index);
        bool isWaiting = slot.IsReturn && answer.IndexOf("\"waiting\""u8) >= 0;
        long points = AnswerScan.Points(answer);
        Acknowledged++;
        acknowledged[index & (acknowledged.Length - 1)] = true;
        account.Acknowledge(slot, points, isWaiting);
        file?.Acknowledged(connection, index, points, isWaiting);
    }

    private void JudgeRetry(long index, AnswerScan scan, ReadOnlySpan<byte> answer)
    {
        if (acknowledged[index & (acknowledged.Length - 1)] && !(scan.IsSuccess && scan.IsReplayed))
        {
            NotReplayed++;
            Show(index, answer);
        }
    }

    private void Show(long index, ReadOnlySpan<byte> answer)
    {
        if (refusalsShown++ < RefusalsShown)
        {
            Progress.Say($"request {connection}/{index}: {Encoding.UTF8.GetString(answer[..Math.Min(answer.Length, 400)])}");
        }
    }

    private void CountLatency(long due, long now)
    {
        if (due != answersDue || now != answersNow)
        {
            Pause();
            answersDue = due;
            answersNow = now;
        }

        answersAlike++;
    }
}
