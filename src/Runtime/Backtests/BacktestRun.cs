using System.Threading.Channels;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Backtests;

/// <summary>Makes a trial: reads the past, spreads the members over workers, sums what they counted.</summary>
public sealed class BacktestRun
{
    private const int BatchRecords = 512;
    private readonly Backtest _question;
    private readonly IPastSales _sales;
    private readonly int _workers;
    private readonly Action<long, long>? _onProgress;
    private readonly HashSet<UInt128> _returned = [];
    private int _passes = 1;
    private long _read;

    private BacktestRun(Backtest question, IPastSales sales, int workers, Action<long, long>? onProgress) => (_question, _sales, _workers, _onProgress) = (question, sales, workers, onProgress);

    /// <summary>Runs on the caller's thread and <paramref name="workers"/> others, at low priority.</summary>
    /// <param name="question">What is to be tried.</param>
    /// <param name="sales">The past.</param>
    /// <param name="workers">1 to 64; one when anything has a budget.</param>
    /// <param name="onProgress">Is told records read and records to read, of all readings, now and then.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="BacktestRefusedException">It cannot be made.</exception>
    /// <exception cref="JournalUnavailableException">The store cannot be read.</exception>
    /// <exception cref="JournalCorruptException">A record fails a check.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static BacktestReport Run(Backtest question, IPastSales sales, int workers, Action<long, long>? onProgress, CancellationToken stop)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workers, 64);
        if (question.Drafts.Count is < 1 or > Backtest.MaxDrafts)
        {
            throw new BacktestRefusedException($"{question.Drafts.Count} drafts were given; 1 to {Backtest.MaxDrafts} can be tried at once");
        }

        if (question.From >= question.Until)
        {
            throw new BacktestRefusedException($"the period ends ({question.Until}) before it begins ({question.From})");
        }

        if ((question.Until - question.From).TotalDays > Backtest.MaxDays)
        {
            throw new BacktestRefusedException($"the period has {(question.Until - question.From).TotalDays:0} days; at most {Backtest.MaxDays} are possible");
        }

        var started = System.Diagnostics.Stopwatch.StartNew();
        var hasBudgets = question.Drafts.Any(draft => draft.Budget is not null)
            || question.Campaigns.Campaigns.Any(campaign => campaign.Versions.Any(version => version.Budget is not null));
        var run = new BacktestRun(question, sales, hasBudgets ? 1 : workers, onProgress);
        run.LookAhead(stop);
        if (hasBudgets && run._passes > 1)
        {
            throw new BacktestRefusedException(
                $"the books have more than {Backtest.MembersPerPass} members and a campaign has a budget: who comes first cannot be told in several readings. Try the draft without its budget");
        }

        var catalogs = question.Drafts.Select(question.With).ToArray();
        var budgets = question.Drafts.Select(_ => hasBudgets ? new TrialBudgets() : null).ToArray();
        DraftTally[]? tallies = null;
        long purchases = 0, returns = 0, activities = 0;
        for (var pass = 0; pass < run._passes; pass++)
        {
            var workerReplays = run.Pass(pass, catalogs, budgets, stop);
            var earliest = workerReplays.Min(replays => replays[0].Earliest);
            foreach (var replays in workerReplays)
            {
                purchases += replays[0].Purchases;
                returns += replays[0].Returns;
                activities += replays[0].Activities;
                foreach (var replay in replays)
                {
                    replay.CountMembers(earliest);
                }

                if (tallies is null)
                {
                    tallies = [.. replays.Select(replay => replay.Tally)];
                }
                else
                {
                    for (var i = 0; i < tallies.Length; i++)
                    {
                        tallies[i].Add(replays[i].Tally);
                    }
                }
            }
        }

        return new(
            sales.Description, question.From, question.Until, purchases, returns, activities,
            [.. tallies!.Select((tally, i) => tally.ToReport(question.Programs.Latest, budgets[i]))], started.Elapsed);
    }

    /// <summary>A purchase's id among those that are returned.</summary>
    internal static UInt128 KeyOf(string purchase) => System.IO.Hashing.XxHash128.HashToUInt128(System.Runtime.InteropServices.MemoryMarshal.AsBytes(purchase.AsSpan()));

    /// <summary>First reading: which purchases are returned (only these are remembered in the others), and how many members there are.</summary>
    private void LookAhead(CancellationToken stop)
    {
        var members = new HashSet<UInt128>();
        foreach (var record in _sales.Read())
        {
            Progress(stop);
            members.Add(KeyOf(record.Member));
            if (record.Request is Return { Purchase: { } purchase })
            {
                _returned.Add(KeyOf(purchase));
            }
            else if (record.Request is null)
            {
                var reader = new ByteReader(record.Facts.Span);
                while (!reader.AtEnd)
                {
                    if (MemberCodec.SkipToReturn(ref reader) is { Purchase: { } named })
                    {
                        _returned.Add(KeyOf(named));
                    }
                }
            }
        }

        _passes = (members.Count / Backtest.MembersPerPass) + 1;
    }

    private List<DraftReplay[]> Pass(int pass, CampaignCatalog[] catalogs, TrialBudgets?[] budgets, CancellationToken stop)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var workers = new List<(Channel<List<PastRecord>> Inbox, DraftReplay[] Replays, Task Work)>();
        for (var i = 0; i < _workers; i++)
        {
            var inbox = Channel.CreateBounded<List<PastRecord>>(new BoundedChannelOptions(8) { SingleReader = true, SingleWriter = true });
            var replays = catalogs.Select((catalog, d) => new DraftReplay(_question, _question.Drafts[d], catalog, budgets[d], _returned)).ToArray();
            workers.Add((inbox, replays, Task.Factory.StartNew(() => Work(inbox.Reader, replays, failed), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        }

        try
        {
            var batches = new List<PastRecord>[_workers];
            foreach (var record in _sales.Read())
            {
                Progress(failed.Token);
                var hash = (ulong)KeyOf(record.Member);
                if (HashRange.ShardOf(hash, _passes) != pass)
                {
                    continue;
                }

                var worker = (int)(hash % (ulong)_workers);
                var batch = batches[worker] ??= new(BatchRecords);
                batch.Add(record);
                if (batch.Count == BatchRecords)
                {
                    Post(workers[worker].Inbox.Writer, batch, failed.Token);
                    batches[worker] = null!;
                }
            }

            for (var i = 0; i < _workers; i++)
            {
                if (batches[i] is { } rest)
                {
                    Post(workers[i].Inbox.Writer, rest, failed.Token);
                }

                workers[i].Inbox.Writer.Complete();
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // A worker failed: its own error is thrown below.
        }
        catch
        {
            failed.Cancel();
            throw;
        }

        try
        {
            Task.WaitAll([.. workers.Select(worker => worker.Work)], CancellationToken.None);
        }
        catch (AggregateException e)
        {
            stop.ThrowIfCancellationRequested();
            var first = e.Flatten().InnerExceptions.FirstOrDefault(inner => inner is not OperationCanceledException) ?? e;
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        }

        return [.. workers.Select(worker => worker.Replays)];
    }

    private static void Post(ChannelWriter<List<PastRecord>> inbox, List<PastRecord> batch, CancellationToken stop)
    {
        while (!inbox.TryWrite(batch))
        {
            inbox.WaitToWriteAsync(stop).AsTask().GetAwaiter().GetResult();
        }
    }

    private static void Work(ChannelReader<List<PastRecord>> inbox, DraftReplay[] replays, CancellationTokenSource failed)
    {
        Thread.CurrentThread.Priority = ThreadPriority.BelowNormal;
        try
        {
            while (inbox.WaitToReadAsync(failed.Token).AsTask().GetAwaiter().GetResult())
            {
                while (inbox.TryRead(out var batch))
                {
                    foreach (var record in batch)
                    {
                        Replay(record, replays);
                    }
                }
            }
        }
        catch
        {
            failed.Cancel();
            throw;
        }
    }

    private static void Replay(PastRecord record, DraftReplay[] replays)
    {
        if (record.Request is { } request)
        {
            MemberEvent fact = request switch
            {
                Purchase purchase => new PurchaseRecorded(purchase, 1, null, default, [], 0),
                Return returned => new ReturnWaits(returned),
                _ => throw new InvalidOperationException($"a file of sales holds no {request.GetType().Name}"),
            };
            Take(fact);
            return;
        }

        var reader = new ByteReader(record.Facts.Span);
        while (!reader.AtEnd)
        {
            Take(MemberCodec.Read(ref reader));
        }

        void Take(MemberEvent fact)
        {
            foreach (var replay in replays)
            {
                replay.Take(record.Member, record.DecidedAt, fact);
            }
        }
    }

    private void Progress(CancellationToken stop)
    {
        if ((++_read & 0xFFF) == 0)
        {
            stop.ThrowIfCancellationRequested();
            _onProgress?.Invoke(_read, _sales.Count * (_passes + 1));
        }
    }
}
