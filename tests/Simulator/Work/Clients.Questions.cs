using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Simulator.Engine;

namespace Loyalty.Simulator.Work;

/// <summary>What goes through more than one actor, and what only asks.</summary>
internal sealed partial class Clients
{
    private readonly Dictionary<int, byte[]> _programs = [];

    /// <summary>The versions of the program as they are sent, by number.</summary>
    public required Func<int, long, byte[]> ProgramOf { get; init; }

    /// <summary>The processes read what they know they wrote: no other process writes.</summary>
    public required bool ReadsOwnWrites { get; init; }

    private async Task RunAsync(Wish wish, bool isLast, SimulatedProcess process)
    {
        if (wish.IsAboutCards)
        {
            if (wish.RunsIn is { IsAlive: true })
            {
                return;
            }

            wish.RunsIn = process;
        }

        try
        {
            var isFinal = wish.Op switch
            {
                EnrolOp op => CheckEnrol(op, await process.Engine.EnrolAsync(new Enrolment { Id = op.Member, AlternativeIds = op.Ids }).ConfigureAwait(false)),
                ReplaceIdsOp op => CheckReplaced(op, await process.Engine.ReplaceAlternativeIdsAsync(op.Member, op.Ids).ConfigureAwait(false)),
                StatusOp op => IsDone(await process.Engine.Host.AskAsync(new ChangeStatus(op.Member, op.Status, "r", "a")).ConfigureAwait(false)),
                LookOp op => await LookAsync(op, process).ConfigureAwait(false),
                FindOp op => CheckFound(op, await process.Engine.FindMemberAsync(op.Id).ConfigureAwait(false)),
                StatementOp op => await StatementAsync(op, process).ConfigureAwait(false),
                PublishOp op => await PublishAsync(op, process).ConfigureAwait(false),
                WakeOp => await process.Host.WakeDueAsync().ConfigureAwait(false) >= 0,
                CheckpointOp => await process.Host.CheckpointAsync().ConfigureAwait(false) || true,
                _ => throw new InvalidOperationException($"nobody knows how to do {wish.Op}"),
            };
            wish.RunsIn = null;
            Reply(wish, isLast, process, isFinal);
        }
        catch (Exception e) when (e is JournalUnavailableException or JournalCorruptException)
        {
            // The background work logs it and comes again by itself; a statement of hundreds of pages would never come through a store that fails often.
            wish.RunsIn = null;
            Reply(wish, isLast, process, wish.Op is WakeOp or CheckpointOp or StatementOp);
        }
    }

    private static bool IsDone(Command command) => command.Status == CommandStatus.Done;

    private bool CheckEnrol(EnrolOp op, Command command)
    {
        if (command is not EnrolMember { Status: CommandStatus.Done, Reply: MemberReply reply })
        {
            // A card that somebody else has is an answer, too.
            return command is ClaimAlternativeId { Status: CommandStatus.Done };
        }

        auditor.CatchUp();
        var member = auditor.Member(op.Member);
        world.Require(reply.Refusal is not null || member is { Status: not MemberStatus.Unknown, IsAutomatic: false }, $"{op.Member} is told to be enrolled; the books say {member?.Status}");
        return true;
    }

    private bool CheckReplaced(ReplaceIdsOp op, Command command)
    {
        if (command is not ReplaceAlternativeIds { Status: CommandStatus.Done, Reply: MemberReply reply })
        {
            return command is ClaimAlternativeId { Status: CommandStatus.Done };
        }

        auditor.CatchUp();
        if (reply is { Refusal: null, View: { } view })
        {
            world.Require(view.AlternativeIds.SequenceEqual(op.Ids), $"{op.Member} asked for [{string.Join(", ", (IEnumerable<AlternativeId>)op.Ids)}] and is told [{string.Join(", ", view.AlternativeIds)}]");
        }

        return true;
    }

    private async Task<bool> LookAsync(LookOp op, SimulatedProcess process)
    {
        var acknowledged = Version(op.Member);
        var command = await process.Engine.Host.AskAsync(new GetMember(op.Member)).ConfigureAwait(false);
        if (!IsDone(command))
        {
            return false;
        }

        auditor.CatchUp();
        if (((MemberReply)command.Reply!).View is { } view)
        {
            world.Require(view.Version <= Version(op.Member), $"a look at {op.Member} shows version {view.Version}; durable is {Version(op.Member)}");
            world.Require(!ReadsOwnWrites || view.Version >= acknowledged, $"a look at {op.Member} shows version {view.Version}; durable was {acknowledged} before");
            var shown = Words(view.Balances.Select(balance => (balance.Unit, balance.Available + balance.Pending)));
            var booked = auditor.AuditOf(op.Member)?.BalancesAt(view.Version);
            world.Require(booked is null || booked == shown, $"a look at {op.Member} in version {view.Version} shows {shown}; the books have {booked}");
        }
        else
        {
            world.Require(!ReadsOwnWrites || acknowledged == 0 || auditor.Member(op.Member) is null or { Status: MemberStatus.Unknown }, $"{op.Member} is not known; the books have version {acknowledged}");
        }

        return true;
    }

    private bool CheckFound(FindOp op, Command command)
    {
        if (!IsDone(command))
        {
            return false;
        }

        auditor.CatchUp();
        if (command.Reply is MemberReply { View: { } view })
        {
            world.Require(view.AlternativeIds.Contains(op.Id), $"{op.Id.Value} leads to {view.Id}, who has it not");
        }

        return true;
    }

    private async Task<bool> StatementAsync(StatementOp op, SimulatedProcess process)
    {
        var entries = new List<StatementEntry>();
        StatementCursor? cursor = null;
        long version = 0;
        do
        {
            var (page, command) = await process.Engine.StatementAsync(op.Member, cursor, op.Page).ConfigureAwait(false);
            if (page is null)
            {
                return command is null || IsDone(command);
            }

            version = command is null ? version : ((MemberReply)command.Reply!).View!.Version;
            entries.AddRange(page.Entries);
            cursor = page.Next;
        }
        while (cursor is not null);
        auditor.CatchUp();
        var audit = auditor.AuditOf(op.Member);
        var postings = audit?.PostingsAt(version);
        world.Require(postings is null || postings == entries.Count, $"the statement of {op.Member} in version {version} has {entries.Count} postings; the books have {postings}");
        foreach (var unit in entries.GroupBy(entry => entry.Unit))
        {
            // From the newest back to nothing, each balance is the one before it and the posting.
            long? expected = null;
            foreach (var entry in unit)
            {
                world.Require(expected is null || entry.Balance == expected, $"the statement of {op.Member} has a balance of {entry.Balance} {entry.Unit} at version {entry.Version}, not {expected}");
                expected = entry.Balance - (entry.To == "member" || entry.From == "member" ? entry.Points : 0);
            }

            world.Require(expected is null or 0, $"the statement of {op.Member} begins with {expected} {unit.Key}");
        }

        return true;
    }

    private async Task<bool> PublishAsync(PublishOp op, SimulatedProcess process)
    {
        // The same definition again when it is sent again.
        if (!_programs.TryGetValue(op.Number, out var json))
        {
            _programs[op.Number] = json = ProgramOf(op.Version, op.InMs);
        }

        var command = await process.Engine.PublishAsync(json).ConfigureAwait(false);
        if (!IsDone(command))
        {
            return false;
        }

        auditor.CatchUp();
        var reply = (PublishReply)command.Reply!;
        world.Require(reply.Versions.Count <= auditor.Published, $"version {reply.Versions.Count} is answered and not durable");
        world.Require(reply.Errors.Count > 0 || process.KnownPrograms >= reply.Versions.Count, $"version {reply.Versions.Count} is answered and not in force in its process");
        return true;
    }

    private long Version(string member)
    {
        auditor.CatchUp();
        return auditor.Find(ActorIds.Member(member))?.Version ?? 0;
    }

    private static string Words(IEnumerable<(string Unit, long Balance)> balances) =>
        string.Join(", ", balances.Where(balance => balance.Balance != 0).Select(balance => $"{balance.Balance} {balance.Unit}").Order(StringComparer.Ordinal));
}
