using System.Diagnostics;
using System.Net.Sockets;

namespace Loyalty.Load.Drive;

/// <summary>
/// Drives many lanes with one thread: sends what is due, waits until any answer has come, reads it and sends the next. A thread for each
/// connection would cost twice the CPU, in changes from one to the other.
/// </summary>
internal sealed class SingleClient(IReadOnlyList<SingleLane> lanes)
{
    private static readonly TimeSpan PollMin = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan PollMax = TimeSpan.FromMilliseconds(100);

    private readonly List<Socket> awaited = new(lanes.Count);
    private readonly Dictionary<Socket, SingleLane> laneOf = new(lanes.Count, ReferenceEqualityComparer.Instance);

    /// <summary>Returns when every lane has sent and settled all its requests.</summary>
    public void Run()
    {
        try
        {
            while (StepAll(out long wakeAt))
            {
                Await(wakeAt);
                foreach (Socket socket in awaited)
                {
                    SingleLane lane = laneOf[socket];
                    lane.Receive();
                    lane.Step(Stopwatch.GetTimestamp());
                }
            }
        }
        finally
        {
            foreach (SingleLane lane in lanes)
            {
                lane.Close();
            }
        }
    }

    /// <summary>False when all lanes are done.</summary>
    private bool StepAll(out long wakeAt)
    {
        long now = Stopwatch.GetTimestamp();
        bool anyLeft = false;
        wakeAt = long.MaxValue;
        awaited.Clear();
        laneOf.Clear();
        foreach (SingleLane lane in lanes)
        {
            if (lane.IsDone)
            {
                continue;
            }

            if (lane.WakeAt <= now)
            {
                lane.Step(now);
            }

            anyLeft |= !lane.IsDone;
            wakeAt = Math.Min(wakeAt, lane.WakeAt);
            if (lane.Awaits is { } socket)
            {
                awaited.Add(socket);
                laneOf.Add(socket, lane);
            }
        }

        return anyLeft;
    }

    /// <summary>Leaves in <see cref="awaited"/> the sockets that have something to read.</summary>
    private void Await(long wakeAt)
    {
        TimeSpan wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), wakeAt);
        wait = wait < PollMin ? PollMin : wait > PollMax ? PollMax : wait;
        if (awaited.Count == 0)
        {
            Thread.Sleep(wait);
        }
        else
        {
            Socket.Select(awaited, null, null, wait);
        }
    }
}
