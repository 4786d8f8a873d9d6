using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>A lease that this process holds. Touched under its purse's lock.</summary>
internal sealed class HeldLease(long number, int slots)
{
    public readonly long Number = number;

    /// <summary>How many records may use it: numbered from 1.</summary>
    public readonly int Slots = slots;

    /// <summary>As the campaign's actor said last.</summary>
    public long Granted;

    /// <summary>What can be taken now: granted, less what is spent or taken by decisions under way.</summary>
    public long Remaining;

    /// <summary>By what is durable.</summary>
    public long Spent;

    public long ReportedSpent;

    /// <summary>Of the last message about it.</summary>
    public long Sequence;

    public int SlotsUsed;

    /// <summary>Decisions whose append is under way.</summary>
    public int Pending;

    /// <summary>An append that used it came to nothing: perhaps because somebody settled it. Asked about at the next report.</summary>
    public bool IsSuspect;

    /// <summary>The outcome of an append that used it is unknown: only the journal can tell what is spent.</summary>
    public bool IsDoubtful;

    /// <summary>Nothing is taken from it any more.</summary>
    public bool IsClosing;

    public bool IsUsable => !IsClosing && !IsDoubtful && SlotsUsed < Slots;
}

/// <summary>What this process holds of one purse. All members under its own lock: taken for a few dozen nanoseconds, by the turns that spend from this purse.</summary>
internal sealed class HeldPurse(string campaign, PurseKey key)
{
    public readonly Lock Gate = new();
    public readonly string Campaign = campaign;
    public readonly PurseKey Key = key;

    public HeldLease? Lease;

    /// <summary>Of the next lease; the same until one is there, so that an answer that was lost leaves no lease behind. 0: none is wanted.</summary>
    public long Nonce;

    /// <summary>Ends with <see cref="Request"/>.</summary>
    public Task RequestTask = Task.CompletedTask;

    /// <summary>The message to the campaign's actor that is under way.</summary>
    public Preparation? Request;

    /// <summary>The most that a decision which waits needs.</summary>
    public long Wanted;

    /// <summary>The most that a decision needed lately.</summary>
    public long LastNeed;

    /// <summary>The campaign's actor has no more for now; asked again at every tick. Decisions do with what is there.</summary>
    public bool IsExhausted;

    /// <summary>The last message was not answered; null: it was.</summary>
    public string? Trouble;

    /// <summary>What nobody had when the actor answered last.</summary>
    public long Free;

    /// <summary>What the last wish brought.</summary>
    public long LastGrant;

    /// <summary>Ticks since a decision last asked for it.</summary>
    public int IdleTicks;

    /// <summary>Not used for long, and left out of the book: whoever still has it looks again.</summary>
    public bool IsForgotten;

    /// <summary>Completed when no decision under way uses the lease any more.</summary>
    public TaskCompletionSource? Drained;

    /// <summary>A decision that used the lease has ended.</summary>
    public void OnEnded(HeldLease lease)
    {
        lease.Pending--;
        if (lease.Pending == 0 && ReferenceEquals(lease, Lease))
        {
            Drained?.TrySetResult();
            Drained = null;
        }
    }
}
