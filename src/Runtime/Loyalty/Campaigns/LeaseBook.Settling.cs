using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Microsoft.Extensions.Logging;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Reporting, handing back, and settling what others left behind.</summary>
public sealed partial class LeaseBook
{
    private int _ticks;

    /// <summary>Reports what is spent, hands idle leases back, and now and then settles leases whose holders are gone. To be called every <see cref="LeaseOptions.TickInterval"/>, one call at a time.</summary>
    public async Task TickAsync()
    {
        if (!IsOpen)
        {
            return;
        }

        var idle = new List<HeldPurse>();
        var asked = new List<Task>();
        var reports = new Dictionary<string, List<(HeldPurse Purse, LeaseReport Report)>>(StringComparer.Ordinal);
        foreach (var purse in _purses.Values)
        {
            lock (purse.Gate)
            {
                purse.IdleTicks++;
                if (purse.IsExhausted && purse.Request is null && purse.IdleTicks <= _options.IdleTicks)
                {
                    // Something may have come back meanwhile. Decisions go on with what is there until it has.
                    Request(purse, Math.Max(1, purse.LastNeed));
                    asked.Add(purse.RequestTask);
                }

                if (purse is { Lease: null, Request: null } && purse.IdleTicks > _options.ForgetTicks)
                {
                    purse.IsForgotten = true;
                    _purses.TryRemove((purse.Campaign, purse.Key), out _);
                }

                if (purse.Lease is not { } lease || purse.Request is not null)
                {
                    continue;
                }

                var isShort = purse.Free <= lease.Remaining;
                if (lease.IsDoubtful || purse.IdleTicks > (isShort ? _options.IdleTicksWhenShort : _options.IdleTicks))
                {
                    idle.Add(purse);
                }
                else if (lease.Spent != lease.ReportedSpent || lease.IsSuspect)
                {
                    if (!reports.TryGetValue(purse.Campaign, out var together))
                    {
                        reports[purse.Campaign] = together = [];
                    }

                    lease.IsSuspect = false;
                    together.Add((purse, new(lease.Number, ++lease.Sequence, lease.Spent)));
                }
            }
        }

        foreach (var purse in idle)
        {
            await HandBackAsync(purse).ConfigureAwait(false);
        }

        foreach (var (campaign, together) in reports)
        {
            await ReportAsync(campaign, together).ConfigureAwait(false);
        }

        await Task.WhenAll(asked).ConfigureAwait(false);
        if (_ticks++ % _options.LookTicks == 0)
        {
            await LookForTheDeadAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Hands everything back, as far as no decision under way uses it: the process ends. What could not be handed back is settled from the journal by others.</summary>
    public async Task CloseAsync()
    {
        foreach (var purse in IsOpen ? _purses.Values : [])
        {
            await HandBackAsync(purse).ConfigureAwait(false);
        }
    }

    /// <summary>Settles leases whose holders are gone, of the campaigns that this process looks after.</summary>
    public async Task LookForTheDeadAsync()
    {
        foreach (var campaign in _campaigns.Budgeted)
        {
            if (!_holder.LooksAfter(ActorIds.Campaign(campaign.Id)))
            {
                continue;
            }

            var command = await _host!.AskAsync(new GetBudget(campaign.Id)).ConfigureAwait(false);
            if (command.Reply is BudgetView view)
            {
                await SettleTheDeadAsync(campaign.Id, view.Leases).ConfigureAwait(false);
            }
        }
    }

    /// <returns>Whether something was settled.</returns>
    private async Task<bool> SettleTheDeadAsync(string campaign, IReadOnlyList<LeaseEntry> leases)
    {
        var settled = false;
        foreach (var lease in leases)
        {
            if (lease.Holder == _holder.Name ? IsForgotten(campaign, lease) : !_holder.IsAlive(lease.Holder))
            {
                settled |= await SettleAsync(campaign, lease.Lease, lease.Slots).ConfigureAwait(false);
            }
        }

        return settled;
    }

    /// <summary>Whether a lease that was granted to this process never came to its knowledge: the answer was lost.</summary>
    private bool IsForgotten(string campaign, LeaseEntry lease)
    {
        if (Find(campaign, lease.Purse) is not { } purse)
        {
            return true;
        }

        lock (purse.Gate)
        {
            return purse.Request is null && purse.Lease?.Number != lease.Lease;
        }
    }

    /// <summary>
    /// Ends a lease by what the journal says. The slots that no durable record has are taken by the settlement itself: an append that is still under way somewhere, of a process that was taken for dead
    /// or of a connection that was lost, then finds its slot taken and is refused. So what is counted is all that is ever spent.
    /// </summary>
    /// <returns>True: it is settled, by this call or by another.</returns>
    private async Task<bool> SettleAsync(string campaign, long lease, int slots)
    {
        for (var attempt = 1; attempt <= _options.MaxSettlements; attempt++)
        {
            var unused = new List<int>();
            long spent = 0;
            for (var slot = 1; slot <= slots; slot++)
            {
                var key = RequestKey.Of(KeyScopes.Lease, CampaignKind.SlotKey(campaign, lease, slot), _journal!.KeySeed);
                var record = !_journal.IsExclusive || _journal.MightContain(key) ? await _journal.FindAsync(key).ConfigureAwait(false) : null;
                if (record is null)
                {
                    unused.Add(slot);
                }
                else
                {
                    spent += SpendsOf(record).Where(spend => spend.Lease == lease && spend.Campaign == campaign).Sum(spend => spend.Amount);
                }
            }

            var command = await _host!.AskAsync(new SettleLease(campaign, lease, spent, [.. unused])).ConfigureAwait(false);
            if (command.Status == CommandStatus.Done)
            {
                _logger.LogInformation("Lease {Lease} of campaign {Campaign} was settled from the journal: {Spent} are spent", lease, campaign, spent);
                return true;
            }
        }

        return false;
    }

    private async Task HandBackAsync(HeldPurse purse)
    {
        HeldLease lease;
        Preparation request;
        lock (purse.Gate)
        {
            if (purse.Lease is not { Pending: 0 } idle || purse.Request is not null)
            {
                return;
            }

            // Decisions that come meanwhile wait for another lease.
            lease = idle;
            lease.IsClosing = true;
            purse.Request = request = new();
        }

        try
        {
            await CloseAsync(purse, lease).ConfigureAwait(false);
        }
        finally
        {
            lock (purse.Gate)
            {
                purse.Request = null;
            }

            request.Complete();
        }
    }

    private async Task ReportAsync(string campaign, List<(HeldPurse Purse, LeaseReport Report)> together)
    {
        var command = await _host!.AskAsync(new ReportLeases(campaign, _holder.Name, [.. together.Select(one => one.Report)])).ConfigureAwait(false);
        var gone = command.Reply as long[];
        foreach (var (purse, report) in together)
        {
            lock (purse.Gate)
            {
                if (purse.Lease?.Number != report.Lease)
                {
                    continue;
                }

                if (gone is null)
                {
                    // Not answered: again at the next tick.
                    purse.Lease.IsSuspect = true;
                }
                else if (gone.Contains(report.Lease))
                {
                    purse.Lease = null;
                }
                else
                {
                    purse.Lease.ReportedSpent = report.Spent;
                }
            }
        }
    }
}
