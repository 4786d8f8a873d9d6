using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>
/// Feeds leader boards from the journal, in commit order, so that they tell only what is durable. How far all boards have come is noted in the books (a feed), after the boards have it; each board remembers
/// the position that it considers, so what comes again after a crash, or from two feeders at once, counts once.
/// </summary>
public sealed class BoardFeeder
{
    /// <summary>Records read at a time.</summary>
    public const int BatchRecords = 2000;

    /// <summary>The feed that notes the progress.</summary>
    public static readonly ActorId Feed = ActorIds.Feed("boards", 0);

    private readonly CampaignSource _campaigns;
    private readonly LeaseBook _leases;
    private FeedProgress? _done;

    internal BoardFeeder(CampaignSource campaigns, LeaseBook leases) => (_campaigns, _leases) = (campaigns, leases);

    /// <summary>Feeds the next records, if this process looks after the boards and there are any.</summary>
    /// <returns>Whether there may be more at once.</returns>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public async Task<bool> PassAsync()
    {
        if (!_leases.IsOpen || !_leases.LooksAfter(Feed) || !_campaigns.HasBoards)
        {
            // Another process may go on meanwhile: what is noted then has to be asked for again.
            _done = null;
            return false;
        }

        var (host, journal) = (_leases.Host, _leases.Journal);
        var done = _done ??= await StartAsync(host, journal).ConfigureAwait(false);
        var (through, records, ofMembers) = await Task.Run(() => Read(journal, done)).ConfigureAwait(false);
        if (through == done.Position)
        {
            return false;
        }

        // Behind the reading: every campaign that gave something in these records was in the list before.
        await _campaigns.RefreshAsync(journal).ConfigureAwait(false);
        var boards = new Dictionary<ActorId, (int Places, List<BoardEntry> Entries)>();
        foreach (var record in ofMembers)
        {
            foreach (var fact in MemberFacts.Of(record))
            {
                Add(boards, record, fact);
            }
        }

        var commands = boards.Select(board => new AdvanceBoard(board.Key, new(through, board.Value.Places, board.Value.Entries))).ToArray();
        await host.AskAllAsync(commands).ConfigureAwait(false);
        if (Array.Find(commands, command => command.Status != CommandStatus.Done) is { } failed)
        {
            _done = null;
            throw new JournalUnavailableException($"{failed.Target} did not take what the journal says: {failed.Problem}");
        }

        var progress = new FeedProgress(through, done.Records + records);
        if (boards.Count > 0 || records == BatchRecords)
        {
            // A restart may read again what changed no board; noting that is not worth a record.
            await host.AskAsync(new AdvanceFeed(Feed, progress)).ConfigureAwait(false);
        }

        _done = progress;
        return records == BatchRecords;
    }

    /// <summary>From what is noted, or, the first time, from the first campaign: before it there is nothing to tell.</summary>
    private static async Task<FeedProgress> StartAsync(IActorHost host, IJournal journal)
    {
        var command = await host.AskAsync(new GetFeed(Feed)).ConfigureAwait(false);
        if (command.Reply is not FeedProgress noted)
        {
            throw new JournalUnavailableException($"the progress of the boards cannot be read: {command.Problem}");
        }

        if (noted.Position > 0)
        {
            return noted;
        }

        long first = 0;
        for (var before = 0L; ;)
        {
            var page = await journal.ReadHistoryAsync(ActorIds.Campaigns, before, 1000).ConfigureAwait(false);
            if (page.Count == 0)
            {
                return new(Math.Max(0, first - 1), 0);
            }

            before = first = page[^1].Position;
        }
    }

    private static (long Through, int Records, List<JournalRecord> OfMembers) Read(IJournal journal, FeedProgress done)
    {
        var (through, records) = (done.Position, 0);
        var ofMembers = new List<JournalRecord>();
        foreach (var record in journal.ReadAll(done.Position))
        {
            if (record.Actor.Kind == ActorIds.MemberKind)
            {
                ofMembers.Add(record);
            }

            through = record.Position;
            if (++records == BatchRecords)
            {
                break;
            }
        }

        return (through, records, ofMembers);
    }

    private void Add(Dictionary<ActorId, (int Places, List<BoardEntry> Entries)> boards, JournalRecord record, MemberEvent fact)
    {
        switch (fact)
        {
            case PurchaseRecorded e:
                Array.ForEach(e.Awards, award => Add(boards, record, e.Day, award.Rule, award.Unit, award.Points));
                break;
            case ActivityRecorded e:
                Array.ForEach(e.Awards, award => Add(boards, record, e.Day, award.Rule, award.Unit, award.Points));
                break;
            case ReturnRecorded e:
                Array.ForEach(e.Takes, take => Add(boards, record, e.Day, take.Rule, take.Unit, -take.Points));
                break;
        }
    }

    private void Add(Dictionary<ActorId, (int Places, List<BoardEntry> Entries)> boards, JournalRecord record, LocalDate day, string rule, string unit, long points)
    {
        if (_campaigns.BoardOf(rule) is not { } board || board.Unit != unit)
        {
            return;
        }

        var id = BoardKind.Id(board.Campaign, board.Leaderboard.Period, day);
        if (!boards.TryGetValue(id, out var known))
        {
            boards[id] = known = (board.Leaderboard.Places, []);
        }

        known.Entries.Add(new(record.Position, record.Actor.Key, points));
    }
}

/// <summary>What a campaign's board counts.</summary>
/// <param name="Campaign">Which campaign.</param>
/// <param name="Leaderboard">As its newest version with a board says.</param>
/// <param name="Unit">The unit of its first award.</param>
internal sealed record CampaignBoard(string Campaign, Leaderboard Leaderboard, string Unit)
{
    /// <summary>Null: the definition has no board, or gives nothing that could be counted.</summary>
    public static CampaignBoard? Of(CampaignDefinition definition)
    {
        if (definition.Leaderboard is not { } leaderboard)
        {
            return null;
        }

        var unit = definition.Gives.Select(UnitOf).FirstOrDefault(unit => unit is not null)
            ?? (definition.Card?.Gives ?? definition.Challenge?.Gives ?? definition.Streak?.Gives ?? []).Select(give => give.Unit).FirstOrDefault();
        return unit is null ? null : new(definition.Id, leaderboard, unit);
    }

    private static string? UnitOf(CampaignGive give) => give switch
    {
        CampaignGive.Rate it => it.Unit,
        CampaignGive.Multiplier it => it.Unit,
        CampaignGive.Bonus it => it.Unit,
        CampaignGive.Each it => it.Unit,
        _ => null,
    };
}
