using System.Security.Cryptography;
using Loyalty.Runtime.Journal;
using NodaTime;

namespace Loyalty.Runtime.Backtests;

/// <summary>How far a trial is.</summary>
public enum BacktestStatus
{
    /// <summary>Under way.</summary>
    Running,

    /// <summary>The report is there.</summary>
    Done,

    /// <summary>It could not be made.</summary>
    Failed,

    /// <summary>It was stopped by somebody.</summary>
    Cancelled,
}

/// <summary>A trial that runs in the background. Thread-safe.</summary>
public sealed class BacktestJob
{
    private long _read;
    private long _all;

    internal BacktestJob(string id, string campaign, Instant startedAt) => (Id, Campaign, StartedAt) = (id, campaign, startedAt);

    /// <summary>Random, 32 hexadecimal digits.</summary>
    public string Id { get; }

    /// <summary>Id of the campaign whose draft is tried.</summary>
    public string Campaign { get; }

    /// <summary>When it began.</summary>
    public Instant StartedAt { get; }

    /// <summary>How far.</summary>
    public BacktestStatus Status { get; private set; }

    /// <summary>Records read.</summary>
    public long Read => Volatile.Read(ref _read);

    /// <summary>About how many there are to read; 0: not known yet.</summary>
    public long All => Volatile.Read(ref _all);

    /// <summary>When <see cref="BacktestStatus.Done"/>.</summary>
    public BacktestReport? Report { get; private set; }

    /// <summary>Why not, when <see cref="BacktestStatus.Failed"/>.</summary>
    public string? Problem { get; private set; }

    internal CancellationTokenSource Stop { get; } = new();

    internal void Progress(long read, long all)
    {
        Volatile.Write(ref _all, all);
        Volatile.Write(ref _read, read);
    }

    internal void End(BacktestStatus status, BacktestReport? report, string? problem) => (Report, Problem, Status) = (report, problem, status);
}

/// <summary>The trials of this process. Thread-safe; a restart forgets them.</summary>
public sealed class BacktestJobs(IClock clock)
{
    /// <summary>Trials that run at a time; one more is refused.</summary>
    public const int MaxRunning = 2;

    /// <summary>Trials that are kept, running ones included; beyond that the oldest ended one is forgotten.</summary>
    public const int MaxKept = 64;

    private readonly Lock _gate = new();
    private readonly List<BacktestJob> _jobs = [];

    /// <summary>Half the cores: tills come first.</summary>
    public static int Workers => Math.Clamp(Environment.ProcessorCount / 2, 1, 64);

    /// <summary>Begins a trial; null: <see cref="MaxRunning"/> are under way.</summary>
    public BacktestJob? Start(Backtest question, Func<IPastSales> sales)
    {
        BacktestJob job;
        lock (_gate)
        {
            if (_jobs.Count(kept => kept.Status == BacktestStatus.Running) >= MaxRunning)
            {
                return null;
            }

            if (_jobs.Count >= MaxKept)
            {
                _jobs.Remove(_jobs.First(kept => kept.Status != BacktestStatus.Running));
            }

            job = new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), question.Drafts[0].Id, clock.GetCurrentInstant());
            _jobs.Add(job);
        }

        _ = Task.Factory.StartNew(() => Run(job, question, sales), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return job;
    }

    /// <summary>One of them, or null.</summary>
    public BacktestJob? Find(string id)
    {
        lock (_gate)
        {
            return _jobs.Find(job => job.Id == id);
        }
    }

    /// <summary>Stops one that runs; it is <see cref="BacktestStatus.Cancelled"/> a moment later.</summary>
    public static void Cancel(BacktestJob job) => job.Stop.Cancel();

    private static void Run(BacktestJob job, Backtest question, Func<IPastSales> sales)
    {
        Thread.CurrentThread.Priority = ThreadPriority.BelowNormal;
        try
        {
            job.End(BacktestStatus.Done, BacktestRun.Run(question, sales(), Workers, job.Progress, job.Stop.Token), null);
        }
        catch (OperationCanceledException)
        {
            job.End(BacktestStatus.Cancelled, null, null);
        }
        catch (Exception e) when (e is BacktestRefusedException or JournalUnavailableException or JournalCorruptException)
        {
            job.End(BacktestStatus.Failed, null, e.Message);
        }
        catch (Exception e)
        {
            job.End(BacktestStatus.Failed, null, $"the trial failed: {e.GetType().Name}: {e.Message}");
        }
        finally
        {
            Thread.CurrentThread.Priority = ThreadPriority.Normal;
        }
    }
}
