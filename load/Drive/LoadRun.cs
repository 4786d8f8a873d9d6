using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Loyalty.Load.Gateway;
using Loyalty.Load.Streams;

namespace Loyalty.Load.Drive;

/// <summary>How a workload is sent.</summary>
/// <param name="Rate">Requests a second, open loop; 0 for as fast as it goes.</param>
/// <param name="Count">Requests in all; 0 for as many as the time allows.</param>
/// <param name="Single">One request at a time on each connection, instead of streams.</param>
internal sealed record LoadOptions(
    WorkloadOptions Workload,
    double Rate = 0,
    double DurationSeconds = 30,
    long Count = 0,
    bool Single = false,
    int BatchLines = 1000,
    bool Check = false,
    bool ComparesPoints = true,
    bool Enrols = false,
    string? AccountPath = null,
    double PatienceSeconds = 60)
{
    public const int BatchLinesMax = 10_000;

    /// <summary>With a count the time is not what ends the run, but it is bounded all the same.</summary>
    public const double DurationSecondsMax = 7 * 86400;
}

/// <summary>What came of a run.</summary>
internal sealed record LoadResult
{
    public long Sent { get; init; }
    public long Acknowledged { get; init; }
    public long Refused { get; init; }
    public long Unknown { get; init; }
    public long Retries { get; init; }
    public long Resent { get; init; }
    public long Disconnects { get; init; }
    public long NotReplayed { get; init; }
    public long Garbled { get; init; }

    /// <summary>Open loop: requests that were due before the end and never sent, because the engine was too slow for the rate.</summary>
    public long Overdue { get; init; }

    public double Seconds { get; init; }
    public double ClientMicrosPerRequest { get; init; }
    public LatencyHistogram Latencies { get; init; } = new();
    public CheckResult? Check { get; init; }

    public double PerSecond => Acknowledged / Seconds;

    public bool IsWell => Unknown == 0 && NotReplayed == 0 && Garbled == 0 && Refused == 0 && (Check?.IsWell ?? true);

    public JsonObject ToJson() => new()
    {
        ["sent"] = Sent,
        ["acknowledged"] = Acknowledged,
        ["refused"] = Refused,
        ["retries"] = Retries,
        ["resent"] = Resent,
        ["disconnects"] = Disconnects,
        ["overdue"] = Overdue,
        ["seconds"] = Math.Round(Seconds, 3),
        ["perSecond"] = Math.Round(PerSecond, 1),
        ["p50Ms"] = Latencies.Milliseconds(50),
        ["p99Ms"] = Latencies.Milliseconds(99),
        ["p999Ms"] = Latencies.Milliseconds(99.9),
        ["maxMs"] = Latencies.MaxMilliseconds,
        ["clientMicrosPerRequest"] = Math.Round(ClientMicrosPerRequest, 2),
        ["checked"] = Check?.Members ?? 0,
        ["lost"] = Check?.Lost ?? 0,
        ["doubled"] = Check?.Doubled ?? 0,
        ["wrong"] = (Check?.Wrong ?? 0) + Garbled,
        ["notReplayed"] = NotReplayed,
        ["unknown"] = Unknown,
    };
}

/// <summary>Sends a workload, keeps the account, and compares it with the engine's books afterwards.</summary>
internal static class LoadRun
{
    private const int CheckConnections = 4;

    /// <summary>The client is to leave most of the machine to the engine; two threads drive some 60,000 requests a second.</summary>
    private const int SingleThreads = 2;

    public static LoadResult Execute(GatewayTarget target, LoadOptions options, CancellationToken stop)
    {
        WorkloadOptions shape = options.Workload;
        var workload = new Workload(shape);
        var account = new TillAccount(shape.Members);
        if (options.Enrols)
        {
            Enrol(target, workload);
        }

        using AccountFile? file = options.AccountPath is null ? null : new AccountFile(options.AccountPath, shape);
        var tills = new Till[shape.Connections];
        long resent;
        long disconnects;
        double durationSeconds = options.Count > 0 ? LoadOptions.DurationSecondsMax : options.DurationSeconds;
        TimeSpan cpuBefore = Environment.CpuUsage.TotalTime;
        var pace = new Pace(options.Rate, shape.Connections, TimeSpan.FromSeconds(durationSeconds), options.Count, stop);
        int inFlight = options.Single ? 1 : (StreamClient.RequestsInFlight + 1) * options.BatchLines * 2;
        for (int i = 0; i < tills.Length; i++)
        {
            tills[i] = new Till(workload, pace, account, file, i, !options.Single, inFlight);
        }

        SingleLane[] lanes = options.Single ? OpenLanes(target, options, workload, tills, stop) : [];
        pace.Begin();
        using (Progress.Start(() => Say(tills, pace, options, durationSeconds, file)))
        {
            if (options.Single)
            {
                (resent, disconnects) = SendSingly(lanes);
            }
            else
            {
                (resent, disconnects) = SendStreams(target, options, tills, stop);
            }
        }

        double seconds = Stopwatch.GetElapsedTime(pace.Started).TotalSeconds;
        TimeSpan cpu = Environment.CpuUsage.TotalTime - cpuBefore;
        for (int i = 0; i < tills.Length; i++)
        {
            file?.Sent(i, tills[i].Sent);
        }

        file?.Flush();
        CheckResult? check = options.Check && !stop.IsCancellationRequested
            ? new AccountCheck(target, workload, account, options.ComparesPoints).Run(
                CheckConnections, TimeSpan.FromSeconds(options.PatienceSeconds), stop)
            : null;
        var latencies = new LatencyHistogram();
        foreach (Till till in tills)
        {
            latencies.Add(till.Latencies);
        }

        long sent = tills.Sum(till => till.Sent);
        return new LoadResult
        {
            Sent = sent,
            Acknowledged = tills.Sum(till => till.Acknowledged),
            Refused = tills.Sum(till => till.Refused),
            Unknown = tills.Sum(till => till.Unknown),
            Retries = tills.Sum(till => till.Retries),
            NotReplayed = tills.Sum(till => till.NotReplayed),
            Garbled = tills.Sum(till => till.Garbled),
            Resent = resent,
            Disconnects = disconnects,
            Overdue = options.Rate > 0 && options.Count == 0 ? Math.Max(0, (long)(options.Rate * durationSeconds) - sent) : 0,
            Seconds = seconds,
            ClientMicrosPerRequest = cpu.TotalMicroseconds / Math.Max(1, tills.Sum(till => till.Answered)),
            Latencies = latencies,
            Check = check,
        };
    }

    /// <summary>Compares an account of an earlier run with the books.</summary>
    public static (CheckResult Check, long Unknown) CheckOnly(
        GatewayTarget target, string accountPath, bool comparesPoints, double patienceSeconds, CancellationToken stop)
    {
        (Workload workload, TillAccount account) = AccountFile.Read(accountPath);
        CheckResult result = new AccountCheck(target, workload, account, comparesPoints).Run(
            CheckConnections, TimeSpan.FromSeconds(patienceSeconds), stop);
        return (result, account.UnknownCount);
    }

    private static (long Resent, long Disconnects) SendStreams(GatewayTarget target, LoadOptions options, Till[] tills, CancellationToken stop)
    {
        StreamClient[] clients = [.. tills.Select(till => new StreamClient(
            target, till, till, options.BatchLines, new Patience(TimeSpan.FromSeconds(options.PatienceSeconds), stop)))];
        Connections.RunAll(clients.Length, i => clients[i].Run());
        return (clients.Sum(client => client.Resent), clients.Sum(client => client.Disconnects));
    }

    private static SingleLane[] OpenLanes(GatewayTarget target, LoadOptions options, Workload workload, Till[] tills, CancellationToken stop)
    {
        SingleLane[] lanes = [.. tills.Select(till => new SingleLane(
            target, till, workload.RequestBytesMax, new Patience(TimeSpan.FromSeconds(options.PatienceSeconds), stop)))];
        foreach (SingleLane lane in lanes)
        {
            lane.Open();
        }

        return lanes;
    }

    private static (long Resent, long Disconnects) SendSingly(SingleLane[] lanes)
    {
        int threads = Math.Min(lanes.Length, SingleThreads);
        Connections.RunAll(threads, thread => new SingleClient([.. lanes.Where((_, lane) => lane % threads == thread)]).Run());
        return (lanes.Sum(lane => lane.Resent), lanes.Sum(lane => lane.Disconnects));
    }

    private static string Say(Till[] tills, Pace pace, LoadOptions options, double durationSeconds, AccountFile? file)
    {
        file?.Flush();
        long answered = tills.Sum(till => till.Answered);
        double seconds = Math.Max(0.001, Stopwatch.GetElapsedTime(pace.Started).TotalSeconds);
        double left = options.Count > 0
            ? (options.Count - answered) / Math.Max(1, answered / seconds)
            : durationSeconds - seconds;
        return $"load: {answered:N0} answered, {answered / seconds:N0}/s, {Progress.TimeText(Math.Max(0, left))} left";
    }

    private static void Enrol(GatewayTarget target, Workload workload)
    {
        long done = 0;
        int members = workload.Options.Members;
        using (Progress.Start("enrol", members, () => Volatile.Read(ref done)))
        {
            Connections.RunAll(16, thread =>
            {
                for (int member = thread; member < members; member += 16)
                {
                    byte[] json = Encoding.ASCII.GetBytes($$"""{"id":"{{workload.MemberId(member)}}"}""");
                    (int status, byte[] body) = GatewayQueries.Post(target, "/v1/members", json);
                    if (status is not (200 or 201))
                    {
                        throw new UserError($"The gateway refuses to enrol with {status}: {Encoding.UTF8.GetString(body)}");
                    }

                    Interlocked.Increment(ref done);
                }
            });
        }
    }
}
