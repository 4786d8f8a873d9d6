using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>
/// The leases as the decisions of one shard see them, one after the other. <see cref="Prepare"/> sets aside what the next decision may take, <see cref="Take"/> takes of that, and
/// <see cref="Finish"/> compares with the facts that were raised: what they do not spend is free again, and the record gets the key of a slot of each lease that it uses. All is tied to the append.
/// </summary>
internal sealed class TurnBudgets(LeaseBook book) : IBudgets
{
    private readonly List<LeaseUse> _uses = [];
    private Turn? _turn;
    private Command? _command;

    /// <summary>To be called before each decision that needs budgets is prepared.</summary>
    public void Begin(Turn turn, Command command)
    {
        (_turn, _command) = (turn, command);
        _uses.Clear();
    }

    /// <summary><see cref="LeaseBook.Ensure"/>.</summary>
    public Preparation? Prepare(string campaign, in PurseKey key, long need, bool hasWaited, out string? problem) =>
        book.Ensure(this, campaign, key, need, hasWaited, out problem);

    /// <summary>Whether anything was set aside for the command's decision.</summary>
    public bool HasUses(Command command) => _uses.Count > 0 && ReferenceEquals(command, _command);

    /// <summary>Sets an amount of a lease aside for the decision. Under the purse's lock; the lease is usable.</summary>
    public void SetAside(HeldPurse purse, HeldLease lease, long amount)
    {
        foreach (var known in _uses)
        {
            if (ReferenceEquals(known.Lease, lease))
            {
                known.SetAside(amount);
                return;
            }
        }

        var use = new LeaseUse(purse, lease, ++lease.SlotsUsed);
        lease.Pending++;
        use.SetAside(amount);
        _uses.Add(use);
        _turn!.Reserve(use);
    }

    /// <inheritdoc />
    public long Take(CampaignBudget budget, BudgetPurse purse, long wanted, bool all, out long lease)
    {
        lease = 0;
        if (wanted <= 0 || UseOf(purse.Campaign, PurseKey.Of(budget, purse)) is not { } use)
        {
            return 0;
        }

        var taken = use.Take(wanted, all);
        lease = taken > 0 ? use.Lease.Number : 0;
        return taken;
    }

    /// <summary>What comes back can be spent when the return is durable, not before.</summary>
    public long GiveBack(CampaignBudget budget, BudgetPurse purse, long amount) => UseOf(purse.Campaign, PurseKey.Of(budget, purse))?.Lease.Number ?? 0;

    /// <summary>What the decision can take, and has not.</summary>
    public long Look(CampaignBudget budget, BudgetPurse purse) => UseOf(purse.Campaign, PurseKey.Of(budget, purse))?.Left ?? 0;

    /// <summary>To be called when all facts are raised, if any budgets were set aside for the command.</summary>
    /// <param name="spends">Of all facts.</param>
    public void Finish(IReadOnlyList<BudgetSpend> spends)
    {
        foreach (var use in _uses)
        {
            long spent = 0;
            long credited = 0;
            for (var i = 0; i < spends.Count; i++)
            {
                if (spends[i].Lease == use.Lease.Number && spends[i].Campaign == use.Purse.Campaign)
                {
                    spent += Math.Max(0, spends[i].Amount);
                    credited += Math.Max(0, -spends[i].Amount);
                }
            }

            if (use.Settle(spent, credited))
            {
                _turn!.AddKey(KeyScopes.Lease, CampaignKind.SlotKey(use.Purse.Campaign, use.Lease.Number, use.Slot), unique: true);
            }
        }
    }

    private LeaseUse? UseOf(string campaign, in PurseKey key)
    {
        foreach (var known in _uses)
        {
            if (known.Purse.Key == key && known.Purse.Campaign == campaign)
            {
                return known;
            }
        }

        return null;
    }

    /// <summary>What one decision does with one lease.</summary>
    private sealed class LeaseUse(HeldPurse purse, HeldLease lease, int slot) : IReservation
    {
        private long _aside;
        private long _taken;
        private long _spent;
        private long _credited;

        public HeldPurse Purse { get; } = purse;

        public HeldLease Lease { get; } = lease;

        public int Slot { get; } = slot;

        /// <summary>What can be taken, with what nobody has set aside.</summary>
        public long Left
        {
            get
            {
                lock (Purse.Gate)
                {
                    return _aside + Math.Max(0, Lease.Remaining);
                }
            }
        }

        public void SetAside(long amount)
        {
            Lease.Remaining -= amount;
            _aside += amount;
        }

        public long Take(long wanted, bool all)
        {
            if (_aside < wanted)
            {
                // More than was foreseen: what is there besides.
                lock (Purse.Gate)
                {
                    SetAside(Math.Clamp(Lease.Remaining, 0, wanted - _aside));
                }
            }

            var taken = all && _aside < wanted ? 0 : Math.Min(_aside, wanted);
            _aside -= taken;
            _taken += taken;
            return taken;
        }

        /// <returns>Whether the record uses the lease at all.</returns>
        public bool Settle(long spent, long credited)
        {
            lock (Purse.Gate)
            {
                (_spent, _credited) = (spent, credited);
                Lease.Remaining += _aside + _taken - spent;
                (_aside, _taken) = (0, spent);
                var isUsed = spent != 0 || credited != 0;
                if (!isUsed && Lease.SlotsUsed == Slot)
                {
                    Lease.SlotsUsed--;
                }

                return isUsed;
            }
        }

        public void Keep()
        {
            lock (Purse.Gate)
            {
                Lease.Spent += _spent - _credited;
                Lease.Remaining += _credited;
                Purse.OnEnded(Lease);
            }
        }

        public void Undo(bool isCertain)
        {
            lock (Purse.Gate)
            {
                var isUsed = _spent != 0 || _credited != 0;
                if (isCertain || !isUsed)
                {
                    Lease.Remaining += _aside + _taken;
                    Lease.IsSuspect |= isUsed;
                }
                else
                {
                    Lease.IsDoubtful = true;
                }

                Purse.OnEnded(Lease);
            }
        }
    }
}
