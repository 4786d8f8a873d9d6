using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using NodaTime;
using Replacement = Loyalty.Runtime.Loyalty.ReplaceAlternativeIds;

namespace Loyalty.Runtime.Loyalty;

/// <summary>
/// What gateways talk to: routes requests to actors on whatever host runs them, and answers the questions that are about more than one actor.
/// </summary>
public sealed partial class LoyaltyEngine(IActorHost host, IBooks books, ProgramSource programs, IClock clock)
{
    /// <summary>Records of a statement page, at most.</summary>
    public const int MaxStatementPage = 500;

    /// <summary>The actors' host.</summary>
    public IActorHost Host { get; } = host;

    /// <summary>The books.</summary>
    public IBooks Books { get; } = books;

    /// <summary>The program's versions.</summary>
    public ProgramSource Programs { get; } = programs;

    /// <summary>The engine's clock.</summary>
    public IClock Clock { get; } = clock;

    /// <summary>The kinds of actors of a loyalty engine.</summary>
    /// <param name="programs">The program's versions.</param>
    /// <param name="connectors">The partners' systems; null: none is called from this process.</param>
    public static IReadOnlyList<ActorKind> Kinds(ProgramSource programs, PartnerConnectors? connectors = null) =>
        [
            .. ExchangeKinds(programs, connectors ?? new()), new MemberKind(programs), new SalesKind(programs), new DirectoryKind(), new ProgramKind(), new FeedKind(),
            new VoucherBatchKind(), new VoucherBookKind(), new VoucherStoreKind(),
            new CampaignKind(programs), new CampaignsKind(), new HouseholdKind(programs), new BoardKind(), new RewardKind(), new RewardsKind(),
        ];

    /// <summary>Loads the program, or publishes a first one in new books. To be called once before anything else.</summary>
    /// <param name="firstProgram">Used when there is none yet.</param>
    /// <returns>What is wrong with the first program; empty: the engine is ready.</returns>
    /// <exception cref="JournalUnavailableException">The store cannot be read or written.</exception>
    public async Task<IReadOnlyList<FieldError>> StartAsync(ReadOnlyMemory<byte> firstProgram)
    {
        var command = await Host.AskAsync(new PublishProgram(firstProgram, onlyIfNone: true)).ConfigureAwait(false);
        if (command.Status != CommandStatus.Done)
        {
            throw new JournalUnavailableException($"the program cannot be loaded: {command.Problem}");
        }

        var reply = (PublishReply)command.Reply!;
        if (reply.Errors.Count == 0)
        {
            Programs.Current = new ProgramCatalog(reply.Versions);
            await StartCampaignsAsync().ConfigureAwait(false);
        }

        return reply.Errors;
    }

    /// <summary>Publishes a version of the program; it is in force in this process when this returns.</summary>
    public async Task<PublishProgram> PublishAsync(ReadOnlyMemory<byte> json)
    {
        var command = await Host.AskAsync(new PublishProgram(json, onlyIfNone: false)).ConfigureAwait(false);
        if (command is { Status: CommandStatus.Done, Reply: PublishReply { Errors.Count: 0 } reply })
        {
            Programs.Adopt(new ProgramCatalog(reply.Versions));
        }

        return command;
    }

    /// <summary>Who records a purchase.</summary>
    public ActorId TargetOf(Purchase purchase) =>
        purchase.Member is { } member ? ActorIds.Member(member) : SalesDay(purchase.Store, purchase.At);

    /// <summary>Who records a return, when that can be told without asking: see <see cref="NeedsPurchase"/>.</summary>
    public ActorId TargetOf(Return request) => request.Member is { } member ? ActorIds.Member(member) : SalesDay(request.Store, request.At);

    /// <summary>A return with a receipt but without a member goes where the purchase is; the purchase has to be durable and looked for.</summary>
    public static bool NeedsPurchase(Return request) => request is { Member: null, Purchase: not null };

    /// <summary>Finds who records a return that <see cref="NeedsPurchase"/>.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read.</exception>
    public async ValueTask<ActorId> FindTargetAsync(Return request) =>
        await Books.FindActorAsync(request.Purchase!).ConfigureAwait(false) ?? TargetOf(request);

    /// <summary>Enrols a member. Its alternative ids are claimed first, so that two members never have the same one.</summary>
    /// <returns>The command that ended it: <see cref="EnrolMember"/>, or what was not granted or not done before it.</returns>
    public async Task<Command> EnrolAsync(Enrolment enrolment)
    {
        var (claim, version) = await ClaimAsync(enrolment.Id, enrolment.AlternativeIds).ConfigureAwait(false);
        var command = claim
            ?? await Host.AskAsync<Command>(new EnrolMember(enrolment)).ConfigureAwait(false);
        return command is EnrolMember { Status: not CommandStatus.Done }
            || (command is EnrolMember { Reply: MemberReply { Refusal: null, View: { } view } } && enrolment.AlternativeIds.All(view.AlternativeIds.Contains))
            ? command
            : await ReleaseUnusedAsync(enrolment.Id, enrolment.AlternativeIds, version).ConfigureAwait(false) ?? command;
    }

    /// <summary>Replaces a member's alternative ids; the new ones are claimed first.</summary>
    /// <returns>The command that ended it: <see cref="ReplaceAlternativeIds"/>, or what was not granted or not done before it.</returns>
    public async Task<Command> ReplaceAlternativeIdsAsync(string member, AlternativeId[] ids)
    {
        var (claim, version) = await ClaimAsync(member, ids).ConfigureAwait(false);
        var command = claim
            ?? await Host.AskAsync<Command>(new ReplaceAlternativeIds(member, ids)).ConfigureAwait(false);
        return command is Replacement { Status: not CommandStatus.Done } or Replacement { Reply: MemberReply { Refusal: null, View: not null } }
            ? command
            : await ReleaseUnusedAsync(member, ids, version).ConfigureAwait(false) ?? command;
    }

    /// <summary>Finds a member by an alternative id. The reply of the returned command is a <see cref="MemberReply"/> or, when nobody has the id, null.</summary>
    public async Task<Command> FindMemberAsync(AlternativeId id)
    {
        var found = await Host.AskAsync<Command>(new FindMember(id)).ConfigureAwait(false);
        if (found.Status != CommandStatus.Done || found.Reply is not string member)
        {
            return found;
        }

        var command = await Host.AskAsync<Command>(new GetMember(member)).ConfigureAwait(false);

        // A claim of a crashed enrolment is no member yet, and one that is being released is none any more.
        if (command.Reply is MemberReply { View: { } view } && !view.AlternativeIds.Contains(id))
        {
            command.Reply = null;
        }

        return command;
    }

    /// <summary>A page of a member's statement, newest first.</summary>
    /// <param name="member">Which member.</param>
    /// <param name="cursor">Where to begin; null: at the newest.</param>
    /// <param name="records">1 to <see cref="MaxStatementPage"/> records of the member's history; each has a few postings.</param>
    /// <returns>The page and the command that brought the member up to date (null with a cursor); the page is null when that failed or the member is not known.</returns>
    public async Task<(StatementPage? Page, GetMember? Command)> StatementAsync(string member, StatementCursor? cursor, int records)
    {
        GetMember? command = null;
        var balances = new Dictionary<string, long>(StringComparer.Ordinal);
        var newest = long.MaxValue;
        if (cursor is null)
        {
            command = await Host.AskAsync(new GetMember(member)).ConfigureAwait(false);
            if (command.Reply is not MemberReply { View: { } view })
            {
                return (null, command);
            }

            newest = view.Version;
            foreach (var balance in view.Balances)
            {
                balances[balance.Unit] = balance.Available + balance.Pending;
            }
        }
        else
        {
            foreach (var (unit, balance) in cursor.Balances)
            {
                balances[unit] = balance;
            }
        }

        var history = await Books.ReadHistoryAsync(ActorIds.Member(member), cursor?.Before ?? 0, records).ConfigureAwait(false);
        while (history.Count == records && history[^1].LastVersion > newest)
        {
            // A whole page was appended since the balances were taken: the statement begins behind it.
            history = await Books.ReadHistoryAsync(ActorIds.Member(member), history[^1].Position, records).ConfigureAwait(false);
        }

        var builder = new StatementBuilder(balances);
        foreach (var record in history)
        {
            // What was appended since the balances were taken belongs to a later look.
            if (record.LastVersion <= newest)
            {
                builder.Add(record);
            }
        }

        var next = history.Count == records && history[^1].FirstVersion > 1 ? new StatementCursor(history[^1].Position, balances) : null;
        return (new(builder.Entries, next), command);
    }

    /// <returns>What failed, or null; and the member's version before the claims.</returns>
    private async Task<(Command? Failure, long MemberVersion)> ClaimAsync(string member, AlternativeId[] ids)
    {
        if (ids.Length == 0)
        {
            return (null, 0);
        }

        var before = await Host.AskAsync(new GetMember(member)).ConfigureAwait(false);
        if (before.Status != CommandStatus.Done)
        {
            return (before, 0);
        }

        var version = (before.Reply as MemberReply)?.View?.Version ?? 0;
        foreach (var id in ids)
        {
            var claim = await Host.AskAsync<Command>(new ClaimAlternativeId(id, member, version)).ConfigureAwait(false);
            if (claim.Status != CommandStatus.Done || claim.Reply is false)
            {
                return (claim, version);
            }
        }

        return (null, version);
    }

    /// <summary>
    /// Gives back what was claimed for nothing: the request was refused, or it came again long after the member changed its ids. When that fails, the sender is told to ask again instead of what was decided: it comes to the same, and then the claim is given back. If nobody
    /// asks again, the claim keeps the id from others until the member claims or releases it.
    /// </summary>
    /// <returns>What failed, or null.</returns>
    private async Task<Command?> ReleaseUnusedAsync(string member, AlternativeId[] ids, long memberVersion)
    {
        if (ids.Length == 0)
        {
            return null;
        }

        var current = await Host.AskAsync(new GetMember(member)).ConfigureAwait(false);
        if (current.Status != CommandStatus.Done)
        {
            return current;
        }

        var used = (current.Reply as MemberReply)?.View?.AlternativeIds ?? [];
        var released = await Host.AskAllAsync([.. ids.Except(used).Select(id => new ReleaseAlternativeId(id, member, memberVersion))]).ConfigureAwait(false);
        return Array.Find(released, release => release.Status != CommandStatus.Done);
    }

    private ActorId SalesDay(string store, Instant at)
    {
        // Times that will be refused have a day too: that of the nearest time that would not.
        var latest = Clock.GetCurrentInstant() + Duration.FromDays(2);
        at = at < RequestLimits.EarliestSale ? RequestLimits.EarliestSale : at > latest ? latest : at;
        return ActorIds.Sales(store, Programs.Current.Latest.Calendar.DayOf(at));
    }
}
