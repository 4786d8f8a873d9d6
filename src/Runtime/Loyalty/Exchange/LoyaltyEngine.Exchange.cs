using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Exchanges with partners and their pools.</summary>
public sealed partial class LoyaltyEngine
{
    /// <summary>The actors and services of exchanges.</summary>
    private static ActorKind[] ExchangeKinds(ProgramSource programs, PartnerConnectors connectors) =>
        [new PoolKind(programs), new ExchangeKind(), new ExchangeService(connectors), new AlarmService(connectors)];

    /// <summary>
    /// Begins an exchange (or finds the one with that id) and waits until it is over, or until it waits for somebody outside, or <paramref name="patience"/> is used up.
    /// </summary>
    /// <returns>
    /// The command that ended it: a <see cref="GetExchange"/> that says how it stands; else the one that did not go through: <see cref="GetPool"/> or <see cref="GetMember"/> with an empty reply (not known; nothing was
    /// begun), <see cref="StartExchange"/> with a conflict, or any that is busy or unavailable. And whether the exchange had been begun before.
    /// </returns>
    /// <param name="request">The exchange.</param>
    /// <param name="patience">How long.</param>
    public async Task<(Command Command, bool Replayed)> ExchangeAsync(ExchangeRequest request, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(request);
        var known = await Host.AskAllAsync<Command>([new GetPool(request.Pool), new GetMember(request.Member)]).ConfigureAwait(false);
        foreach (var command in known)
        {
            if (command.Status != CommandStatus.Done || command.Reply is PoolReply { View: null } or MemberReply { View: null })
            {
                return (command, false);
            }
        }

        var shards = ((PoolReply)known[0].Reply!).View!.Definition.Shards;
        var start = await Host.AskAsync(new StartExchange(request, shards)).ConfigureAwait(false);
        if (start.Status != CommandStatus.Done || start.Outcome.Kind != OutcomeKind.Recorded)
        {
            return (start, false);
        }

        var until = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        for (var pause = 2; ; pause = Math.Min(100, pause * 2))
        {
            var get = await Host.AskAsync(new GetExchange(request.Id)).ConfigureAwait(false);
            var rests = get.Reply is ExchangeReply { State: { } state } && (state.IsOver || state.Stage is ExchangeStage.Parked or ExchangeStage.Waiting);
            if (get.Status != CommandStatus.Done || rests || Environment.TickCount64 >= until)
            {
                return (get, start.Outcome.Replayed);
            }

            await Task.Delay(pause).ConfigureAwait(false);
        }
    }

    /// <summary>How a pool stands, its shards included. The reply of the returned command is a <see cref="PoolReply"/>, or it is busy or unavailable.</summary>
    public async Task<GetPool> PoolAsync(string pool)
    {
        var main = await Host.AskAsync(new GetPool(pool)).ConfigureAwait(false);
        if (main.Reply is not PoolReply { View: { Definition.Shards: > 1 } view })
        {
            return main;
        }

        foreach (var part in await Host.AskAllAsync([.. Enumerable.Range(1, view.Definition.Shards).Select(shard => new GetPool(ActorIds.Pool(pool, shard)))]).ConfigureAwait(false))
        {
            if (part.Status != CommandStatus.Done)
            {
                return part;
            }

            if (part.Reply is PoolReply { View: { } shard })
            {
                view = view with
                {
                    Free = view.Free + shard.Free,
                    Reserved = view.Reserved + shard.Reserved,
                    OpenCount = view.OpenCount + shard.OpenCount,
                    Parked = [.. view.Parked.Concat(shard.Parked).Take(PoolView.MaxParked)],
                    ParkedCount = view.ParkedCount + shard.ParkedCount,
                };
            }
        }

        main.Reply = new PoolReply(view, []);
        return main;
    }

    /// <summary>The statement of a closed period of a pool, read from the journal; null: no such period was closed.</summary>
    /// <param name="pool">The pool's id; of a shard <c>id/1</c> …: each of a pool's actors has a statement of its own.</param>
    /// <param name="period">Its name: <c>2026-03</c>, <c>2026-W10</c>, <c>2026-03-05</c>.</param>
    /// <exception cref="Journal.JournalUnavailableException">The store cannot be read now.</exception>
    /// <exception cref="InvalidOperationException">It has more than <see cref="PoolStatement.MaxLines"/> lines, or its chain is broken.</exception>
    public Task<PoolStatement?> PoolStatementAsync(string pool, string period) => PoolStatements.ReadAsync(Books, pool, period);
}
