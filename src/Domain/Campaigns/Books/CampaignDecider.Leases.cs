namespace Loyalty.Domain.Campaigns;

/// <summary>A process's message about one of its leases.</summary>
/// <param name="Lease">Which; 0: a new one.</param>
/// <param name="Nonce">Of a new one: the holder's number, so that the same message twice opens one.</param>
/// <param name="Sequence">Of an open one: the holder's number of the message; one that is not newer than the last changes nothing.</param>
/// <param name="Spent">By what is durable, less what durable returns gave back.</param>
/// <param name="Want">How much more it needs at least, as far as there is; 0: nothing.</param>
/// <param name="HandBack">How much the holder will not spend of it any more; 0 when it wants more.</param>
/// <param name="Close">The holder will use it no more.</param>
public readonly record struct LeaseMessage(long Lease, long Nonce, long Sequence, long Spent, long Want, long HandBack, bool Close);

/// <summary>What a lease comes to.</summary>
/// <param name="Lease">Which; 0: it is not open (any more).</param>
/// <param name="Granted">In all.</param>
/// <param name="Slots">How many purchases and returns may use it.</param>
/// <param name="Free">What nobody has of the purse.</param>
/// <param name="Elsewhere">What other leases of the purse hold and have not reported as spent.</param>
/// <param name="Others">These leases, the first of them.</param>
public sealed record LeaseAnswer(long Lease, long Granted, int Slots, long Free, long Elsewhere, IReadOnlyList<LeaseEntry> Others);

/// <summary>An open lease, for others.</summary>
public sealed record LeaseEntry(long Lease, PurseKey Purse, string Holder, long Granted, long Spent, int Slots);

/// <summary>The part that keeps the accounts of a budget.</summary>
public readonly ref partial struct CampaignDecider
{
    /// <summary>Purchases and returns that may use one lease: a lease is closed to all others by so many keys, when its holder died.</summary>
    public const int LeaseSlots = 2048;

    /// <summary>How many leases of others an answer tells.</summary>
    public const int MaxOthers = 64;

    /// <summary>
    /// Opens a lease, makes it larger or smaller, notes what is spent of it, or closes it. A wish is granted with what it needs at least, and more while there is much: a quarter of what is free,
    /// divided among the processes that spend from the purse; so leases become smaller as the budget runs out.
    /// </summary>
    public LeaseAnswer Change(in PurseKey purse, string holder, in LeaseMessage message)
    {
        BringUpToDate();
        var lease = message.Lease != 0 ? _state.Leases.GetValueOrDefault(message.Lease) : Opened(holder, message.Nonce);
        if (message.Lease == 0)
        {
            if (lease is null && _state.Leases.Count < CampaignState.MaxLeases && (_state.AmountOf(purse) > 0 || message.Want == 0))
            {
                FoldIfMany();
                var number = _state.LastLease + 1;
                Raise(new LeaseGranted(number, purse, holder, message.Nonce, Share(purse, holder, message.Want), LeaseSlots));
                lease = _state.Leases[number];
            }
        }
        else if (lease is null || lease.Holder != holder)
        {
            lease = null;
        }
        else if (message.Close)
        {
            Raise(new LeaseSettled(lease.Number, message.Spent, FromJournal: false));
            lease = null;
        }
        else if (message.Sequence > lease.Sequence)
        {
            var more = message.Want > 0 ? Share(purse, holder, message.Want) : -message.HandBack;
            Raise(new LeaseMoved(lease.Number, lease.Granted + more, message.Spent, message.Sequence));
        }

        return Answer(purse, lease);
    }

    /// <summary>Notes what is spent of leases.</summary>
    /// <returns>Those of them that are not open any more: nothing can be spent of them.</returns>
    public IReadOnlyList<long> Report(string holder, IReadOnlyList<(long Lease, long Sequence, long Spent)> spent)
    {
        BringUpToDate();
        List<long> gone = [];
        foreach (var (number, sequence, amount) in spent)
        {
            if (_state.Leases.GetValueOrDefault(number) is not { } lease || lease.Holder != holder)
            {
                gone.Add(number);
            }
            else if (sequence > lease.Sequence && amount != lease.Spent)
            {
                Raise(new LeaseMoved(number, lease.Granted, amount, sequence));
            }
        }

        return gone;
    }

    /// <summary>Ends the lease of a holder that is dead or unsure, by what the journal says.</summary>
    /// <returns>False: it is not open; nothing was done.</returns>
    public bool Settle(long lease, long spent)
    {
        if (!_state.Leases.ContainsKey(lease))
        {
            return false;
        }

        Raise(new LeaseSettled(lease, spent, FromJournal: true));
        return true;
    }

    private CampaignLease? Opened(string holder, long nonce)
    {
        // The newest are the likely ones, and there are few of one holder.
        foreach (var lease in _state.Leases.Values.Reverse())
        {
            if (lease.Nonce == nonce && lease.Holder == holder)
            {
                return lease;
            }
        }

        return null;
    }

    private long Share(in PurseKey purse, string holder, long want)
    {
        var free = _state.FreeOf(purse);
        if (want <= 0 || free == 0)
        {
            return 0;
        }

        var holders = 1;
        if (_state.Purses.TryGetValue(purse, out var known) && known.Leases > 0)
        {
            var key = purse;
            holders += _state.Leases.Values.Where(lease => lease.Purse == key && lease.Holder != holder).Select(lease => lease.Holder).Distinct().Count();
        }

        return Math.Min(free, Math.Max(want, free / (4 * holders)));
    }

    private LeaseAnswer Answer(in PurseKey purse, CampaignLease? lease)
    {
        List<LeaseEntry> others = [];
        long elsewhere = 0;
        if (_state.Purses.TryGetValue(purse, out var known) && known.Leases > 0)
        {
            foreach (var other in _state.Leases.Values)
            {
                if (other.Purse == purse && other.Number != lease?.Number)
                {
                    elsewhere += other.Granted - other.Spent;
                    if (others.Count < MaxOthers)
                    {
                        others.Add(new(other.Number, other.Purse, other.Holder, other.Granted, other.Spent, other.Slots));
                    }
                }
            }
        }

        return new(lease?.Number ?? 0, lease?.Granted ?? 0, lease?.Slots ?? 0, _state.FreeOf(purse), elsewhere, others);
    }

    private void FoldIfMany()
    {
        if (_state.Purses.Count < CampaignState.MaxPurses)
        {
            return;
        }

        // Those of the older half of the periods; days are whole, so all stores of a day go together.
        var starts = _state.Purses.Keys.Where(key => key.Period != CampaignPeriod.Campaign).Select(key => key.Start).Order().ToArray();
        if (starts.Length > 0 && starts[starts.Length / 2] is var through && through < starts[^1])
        {
            Raise(new PursesFolded(through));
        }
    }
}
