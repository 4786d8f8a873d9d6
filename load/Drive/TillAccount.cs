namespace Loyalty.Load.Drive;

/// <summary>What the engine has acknowledged for one member.</summary>
internal struct MemberSums
{
    public int Purchases;
    public int Returns;
    public long Spend;
    public long Points;
}

/// <summary>Requests of one member whose outcome never became known.</summary>
internal sealed class UnknownSums
{
    public int Purchases { get; set; }

    public int Returns { get; set; }

    public long Spend { get; set; }
}

/// <summary>
/// The client's own account of a run: per member what was acknowledged, and what stays unknown. 24 bytes a member, whatever the number
/// of requests. Thread-safe while it is written; read it after the run.
/// </summary>
internal sealed class TillAccount(int members)
{
    private readonly MemberSums[] sums = new MemberSums[members];
    private readonly byte[] pointsOpen = new byte[members];
    private readonly Dictionary<int, UnknownSums> unknown = [];

    public int Members => sums.Length;

    public long UnknownCount => unknown.Values.Sum(sum => (long)sum.Purchases + sum.Returns);

    public ref readonly MemberSums Of(int member) => ref sums[member];

    public UnknownSums? UnknownOf(int member) => unknown.GetValueOrDefault(member);

    /// <summary>False when the answers did not say how many points a request was worth in the end.</summary>
    public bool KnowsPoints(int member) => pointsOpen[member] == 0 && !unknown.ContainsKey(member);

    public bool IsTouched(int member) => sums[member].Purchases != 0 || sums[member].Returns != 0 || unknown.ContainsKey(member);

    /// <param name="isWaiting">A return that the engine keeps until its purchase comes: its points will be taken back unseen.</param>
    public void Acknowledge(in Slot slot, long points, bool isWaiting)
    {
        ref MemberSums sum = ref sums[slot.Member];
        Interlocked.Increment(ref slot.IsReturn ? ref sum.Returns : ref sum.Purchases);
        Interlocked.Add(ref sum.Spend, slot.Spend);
        Interlocked.Add(ref sum.Points, points);
        if (isWaiting)
        {
            pointsOpen[slot.Member] = 1;
        }
    }

    public void LeaveUnknown(in Slot slot)
    {
        lock (unknown)
        {
            if (!unknown.TryGetValue(slot.Member, out UnknownSums? sum))
            {
                unknown.Add(slot.Member, sum = new UnknownSums());
            }

            sum.Purchases += slot.IsReturn ? 0 : 1;
            sum.Returns += slot.IsReturn ? 1 : 0;
            sum.Spend += slot.Spend;
        }
    }
}
