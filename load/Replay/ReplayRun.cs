using System.Diagnostics;
using System.Text;
using Loyalty.Load.Gateway;
using Loyalty.Load.Streams;

namespace Loyalty.Load.Replay;

/// <param name="Connections">Ordered streams; each member belongs to one of them.</param>
/// <param name="Speed">Times life; 0 for as fast as it goes.</param>
internal sealed record ReplayOptions(int Connections = 4, double Speed = 0, int BatchLines = 200, double PatienceSeconds = 60);

/// <summary>What came of the requests.</summary>
internal sealed class ReplayCounts
{
    public long Purchases;
    public long Returns;
    public long Anonymous;
    public long Replayed;
    public long Refused;
    public long Unknown;
    public long Resent;
    public long Disconnects;

    public long Answered => Purchases + Returns + Refused;

    public void Add(ReplayCounts more)
    {
        Purchases += more.Purchases;
        Returns += more.Returns;
        Anonymous += more.Anonymous;
        Replayed += more.Replayed;
        Refused += more.Refused;
        Unknown += more.Unknown;
        Resent += more.Resent;
        Disconnects += more.Disconnects;
    }
}

/// <summary>Sends a plan to the gateway: one ordered stream for each partition of the members.</summary>
internal static class ReplayRun
{
    private const int RefusalsShown = 5;

    public static ReplayCounts Run(GatewayTarget target, RetailPlan plan, ReplayOptions options, CancellationToken stop)
    {
        var partitions = new Partition[options.Connections];
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < partitions.Length; i++)
        {
            partitions[i] = new Partition(plan, options, started, stop);
        }

        for (int i = 0; i < plan.Requests.Count; i++)
        {
            RetailRequest request = plan.Requests[i];
            partitions[PartitionOf(request.Member ?? request.Id, partitions.Length)].Add(i);
        }

        using (Progress.Start("replay", plan.Requests.Count, () => partitions.Sum(partition => partition.Done)))
        {
            Connections.RunAll(partitions.Length, i =>
            {
                var client = new StreamClient(
                    target, partitions[i], partitions[i], options.BatchLines, new Patience(TimeSpan.FromSeconds(options.PatienceSeconds), stop));
                client.Run();
                partitions[i].Counts.Resent = client.Resent;
                partitions[i].Counts.Disconnects = client.Disconnects;
            });
        }

        var counts = new ReplayCounts();
        foreach (Partition partition in partitions)
        {
            counts.Add(partition.Counts);
            counts.Unknown += partition.NeverSent;
        }

        return counts;
    }

    /// <summary>FNV-1a, so that a member has the same stream in every run.</summary>
    private static int PartitionOf(string name, int count)
    {
        uint hash = 2166136261;
        foreach (char c in name)
        {
            hash = (hash ^ c) * 16777619;
        }

        return (int)(hash % (uint)count);
    }

    /// <summary>The requests of some members, in time order.</summary>
    private sealed class Partition(RetailPlan plan, ReplayOptions options, long started, CancellationToken stop) : ILineSource, IAnswerJudge
    {
        private readonly List<int> requests = [];
        private int next;
        private int refusalsShown;
        private long done;

        public ReplayCounts Counts { get; } = new();

        public long Done => Volatile.Read(ref done);

        public long NeverSent => requests.Count - next;

        public void Add(int request) => requests.Add(request);

        public void Fill(LineBatch batch)
        {
            while (next < requests.Count && !batch.IsFull && !stop.IsCancellationRequested)
            {
                RetailRequest request = plan.Requests[requests[next]];
                long due = Due(request);
                if (due > Stopwatch.GetTimestamp())
                {
                    if (batch.Count > 0)
                    {
                        return;
                    }

                    stop.WaitHandle.WaitOne(Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due));
                    continue;
                }

                request.Line.CopyTo(batch.Open(request.Line.Length));
                batch.Close(request.Line.Length, requests[next], due);
                next++;
            }
        }

        public Verdict Judge(long tag, ReadOnlySpan<byte> answer, long dueTicks, long nowTicks)
        {
            RetailRequest request = plan.Requests[(int)tag];
            AnswerScan scan = AnswerScan.Of(answer);
            if (scan.IsTransient)
            {
                return Verdict.Again;
            }

            if (scan.IsSuccess && AnswerScan.Names(answer, Encoding.UTF8.GetBytes(request.Id)))
            {
                Counts.Purchases += request.IsReturn ? 0 : 1;
                Counts.Returns += request.IsReturn ? 1 : 0;
                Counts.Anonymous += request.Member is null ? 1 : 0;
                Counts.Replayed += scan.IsReplayed ? 1 : 0;
            }
            else
            {
                Counts.Refused++;
                if (refusalsShown++ < RefusalsShown)
                {
                    Progress.Say($"refused {request.Id}: {Encoding.UTF8.GetString(answer[..Math.Min(answer.Length, 400)])}");
                }
            }

            Volatile.Write(ref done, done + 1);
            return Verdict.Settled;
        }

        public void Pause()
        {
        }

        public void GiveUp(long tag) => Counts.Unknown++;

        private long Due(RetailRequest request)
        {
            if (options.Speed <= 0)
            {
                return 0;
            }

            TimeSpan life = request.At - plan.Requests[0].At;
            return started + (long)(life.TotalSeconds / options.Speed * Stopwatch.Frequency);
        }
    }
}
