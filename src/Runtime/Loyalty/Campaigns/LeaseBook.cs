using System.Collections.Concurrent;
using Loyalty.Domain.Campaigns;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Who holds leases, and who else does: as the host of this process sees it.</summary>
/// <param name="Name">This process, among all that ever open the books.</param>
/// <param name="IsAlive">Whether another holder may still spend. Saying no of one that lives is safe: its leases are closed to it.</param>
/// <param name="LooksAfter">Whether this process looks after a campaign whose holders are gone.</param>
public sealed record LeaseHolder(string Name, Func<string, bool> IsAlive, Func<ActorId, bool> LooksAfter)
{
    /// <summary>The only process that has the books open.</summary>
    public static LeaseHolder Alone(string name) => new(name, other => other == name, static _ => true);
}

/// <summary>
/// The pieces of budgets that this process may spend. A turn takes from them in memory (<see cref="TurnBudgets"/>); when they run low more is asked for, beside the turns, and a decision that lacks
/// something is put off until the answer is there. docs/ARCHITECTURE.md, "Budgets and leases". Thread-safe.
/// </summary>
public sealed partial class LeaseBook
{
    private readonly CampaignSource _campaigns;
    private readonly ConcurrentDictionary<(string Campaign, PurseKey Key), HeldPurse> _purses = [];
    private IActorHost? _host;
    private IJournal? _journal;
    private LeaseHolder _holder = LeaseHolder.Alone("");
    private LeaseOptions _options = new();
    private ILogger _logger = NullLogger.Instance;
    private long _nonce;

    internal LeaseBook(CampaignSource campaigns) => _campaigns = campaigns;

    /// <summary>Whether leases can be had: the process runs actors.</summary>
    public bool IsOpen => Volatile.Read(ref _host) is not null;

    /// <summary>The bounds.</summary>
    public LeaseOptions Options => _options;

    /// <summary>Lets the process have leases. To be called once, before members decide.</summary>
    /// <param name="host">Reaches the campaigns' actors; must not run their turns within the call.</param>
    /// <param name="journal">The books: what holders who died have spent.</param>
    /// <param name="holder">This process.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="logger">For failures.</param>
    public void Open(IActorHost host, IJournal journal, LeaseHolder holder, LeaseOptions? options = null, ILogger? logger = null)
    {
        (_journal, _holder, _options, _logger) = (journal, holder, options ?? new(), logger ?? NullLogger.Instance);
        Volatile.Write(ref _host, host);
    }

    internal void Complain(FormatException e) => _logger.LogError(e, "A campaign has a form that this engine does not know; it judges nothing here");

    internal IActorHost Host => _host!;

    internal IJournal Journal => _journal!;

    /// <summary>Whether this process looks after an actor's background work.</summary>
    internal bool LooksAfter(ActorId actor) => _holder.LooksAfter(actor);

    /// <summary>What a durable record spends of budgets. Tests have records of their own.</summary>
    internal Func<JournalRecord, IReadOnlyList<BudgetSpend>> SpendsOf { get; set; } = BudgetFacts.Of;

    internal HeldPurse? Find(string campaign, in PurseKey key) => _purses.GetValueOrDefault((campaign, key));

    /// <summary>Sees to it that a decision finds what it needs of a purse, if there is that much, and sets it aside for it.</summary>
    /// <param name="turn">The decision.</param>
    /// <param name="campaign">Whose purse.</param>
    /// <param name="key">Which.</param>
    /// <param name="need">The most that the decision may take; 0: it gives back, and needs a lease to be credited.</param>
    /// <param name="hasWaited">The decision was put off before: a message that was not answered is a reason to give up.</param>
    /// <param name="problem">Why it cannot be had; null: it can.</param>
    /// <returns>Null: decide now. Else: decide when it is complete.</returns>
    internal Preparation? Ensure(TurnBudgets turn, string campaign, in PurseKey key, long need, bool hasWaited, out string? problem)
    {
        problem = null;
        while (true)
        {
            var purse = _purses.GetOrAdd((campaign, key), static id => new(id.Campaign, id.Key));
            lock (purse.Gate)
            {
                if (!purse.IsForgotten)
                {
                    return SetAside(turn, purse, need, hasWaited, out problem);
                }
            }
        }
    }

    private Preparation? SetAside(TurnBudgets turn, HeldPurse purse, long need, bool hasWaited, out string? problem)
    {
        problem = null;
        purse.IdleTicks = 0;
        purse.LastNeed = need;
        if (purse.Lease is { IsUsable: true, IsSuspect: false } lease && (lease.Remaining >= need || purse.IsExhausted))
        {
            turn.SetAside(purse, lease, Math.Clamp(lease.Remaining, 0, need));

            // More is asked for before it is empty: the next purchases then need not wait.
            if (purse.Request is null && !purse.IsExhausted && purse.Free > 0 && need > 0 && lease.Remaining < purse.LastGrant / 4)
            {
                Request(purse, need);
            }

            return null;
        }

        if (purse is { Lease: null, IsExhausted: true } && need > 0)
        {
            return null;
        }

        if (hasWaited && purse is { Request: null, Trouble: { } trouble })
        {
            problem = trouble;
            return null;
        }

        return Request(purse, need);
    }

    /// <summary>Begins to ask, or joins those who wait for an answer already. Under the purse's lock.</summary>
    private Preparation Request(HeldPurse purse, long need)
    {
        purse.Wanted = Math.Max(purse.Wanted, need);
        if (purse.Request is null)
        {
            var request = purse.Request = new();
            purse.Trouble = null;
            purse.RequestTask = Task.Run(() => RequestAsync(purse, request));
        }

        return purse.Request;
    }

    /// <summary>Asks the campaign's actor, once or several times, and has the decisions that wait taken up again.</summary>
    private async Task RequestAsync(HeldPurse purse, Preparation request)
    {
        var isAnswered = false;
        try
        {
            // What was believed to be exhausted is only looked at again: nobody waits for that.
            var maxAsks = purse.IsExhausted ? 2 : _options.MaxAsks;
            isAnswered = await AskUntilEnoughAsync(purse, maxAsks).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _logger.LogError(e, "A lease of campaign {Campaign} cannot be had", purse.Campaign);
        }

        lock (purse.Gate)
        {
            purse.Trouble = isAnswered ? null : $"the budget of campaign {purse.Campaign} cannot be asked now; send the same request again";
            purse.Wanted = 0;
            purse.Request = null;
        }

        request.Complete();
    }

    /// <returns>False: the campaign's actor could not be asked.</returns>
    private async Task<bool> AskUntilEnoughAsync(HeldPurse purse, int maxAsks)
    {
        for (var asks = 1; ; asks++)
        {
            if (!await CloseIfUsedUpAsync(purse).ConfigureAwait(false) || await AskAsync(purse).ConfigureAwait(false) is not { } answer)
            {
                return false;
            }

            var isLast = asks >= maxAsks;
            if (Take(purse, answer, isLast))
            {
                return true;
            }

            // Nothing is free. What the dead held comes back by that; what the living hold they may hand back.
            if (answer.Free == 0 && answer.Lease != 0 && !isLast && !await SettleTheDeadAsync(purse.Campaign, answer.Others).ConfigureAwait(false))
            {
                await Task.Delay(_options.AskAgainAfter).ConfigureAwait(false);
            }
        }
    }

    /// <returns>Null: it was not answered.</returns>
    private async Task<LeaseAnswer?> AskAsync(HeldPurse purse)
    {
        LeaseMessage message;
        lock (purse.Gate)
        {
            if (purse.Lease is { } lease)
            {
                message = new(lease.Number, 0, ++lease.Sequence, lease.Spent, purse.Wanted, 0, Close: false);
            }
            else
            {
                purse.Nonce = purse.Nonce != 0 ? purse.Nonce : Interlocked.Increment(ref _nonce);
                message = new(0, purse.Nonce, 0, 0, purse.Wanted, 0, Close: false);
            }
        }

        var command = await _host!.AskAsync(new ChangeLease(purse.Campaign, purse.Key, _holder.Name, message)).ConfigureAwait(false);
        return command.Reply as LeaseAnswer;
    }

    /// <summary>Notes what the campaign's actor said.</summary>
    /// <returns>True: what the decisions need is there, or they have to do with what is there. False: ask again.</returns>
    private static bool Take(HeldPurse purse, LeaseAnswer answer, bool isLast)
    {
        lock (purse.Gate)
        {
            purse.Free = answer.Free;
            if (answer.Lease == 0)
            {
                // Somebody settled it (this process was taken for dead), and the next ask opens another. Or none can be opened at all.
                var wasOpen = purse.Lease is not null;
                purse.Lease = null;
                purse.IsExhausted = !wasOpen;
                return !wasOpen || isLast;
            }

            purse.Nonce = 0;
            var lease = purse.Lease ??= new(answer.Lease, answer.Slots);
            var more = answer.Granted - lease.Granted;
            lease.Granted = answer.Granted;
            lease.Remaining += more;
            lease.IsSuspect = false;
            purse.LastGrant = more;
            var isEnough = lease.Remaining >= purse.Wanted;
            purse.IsExhausted = !isEnough && (isLast || (answer.Free == 0 && answer.Elsewhere <= 0));
            return isEnough || purse.IsExhausted;
        }
    }

    /// <summary>A lease whose slots are used up, or of which an append is in doubt, makes room for another one.</summary>
    /// <returns>False: it could not be closed now.</returns>
    private async Task<bool> CloseIfUsedUpAsync(HeldPurse purse)
    {
        HeldLease lease;
        Task drained;
        lock (purse.Gate)
        {
            if (purse.Lease is not { IsUsable: false } used)
            {
                return true;
            }

            lease = used;
            lease.IsClosing = true;
            drained = lease.Pending == 0 ? Task.CompletedTask : (purse.Drained ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        // Bounded: every append ends.
        await drained.ConfigureAwait(false);
        return await CloseAsync(purse, lease).ConfigureAwait(false);
    }

    /// <summary>Ends a lease that nothing under way uses.</summary>
    private async Task<bool> CloseAsync(HeldPurse purse, HeldLease lease)
    {
        bool isDone;
        if (lease.IsDoubtful)
        {
            isDone = await SettleAsync(purse.Campaign, lease.Number, lease.Slots).ConfigureAwait(false);
        }
        else
        {
            var message = new LeaseMessage(lease.Number, 0, ++lease.Sequence, lease.Spent, 0, 0, Close: true);
            var command = await _host!.AskAsync(new ChangeLease(purse.Campaign, purse.Key, _holder.Name, message)).ConfigureAwait(false);
            isDone = command.Status == CommandStatus.Done;
        }

        lock (purse.Gate)
        {
            if (isDone && ReferenceEquals(purse.Lease, lease))
            {
                purse.Lease = null;
            }
        }

        return isDone;
    }
}
