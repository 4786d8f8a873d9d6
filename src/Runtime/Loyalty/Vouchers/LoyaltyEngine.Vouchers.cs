using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Vouchers: codes to batches and numbers, and the reconciliation of a store.</summary>
public sealed partial class LoyaltyEngine
{
    /// <summary>Batches whose terms and secrets a process remembers; then it forgets all and asks again.</summary>
    public const int RememberedBatches = 10_000;

    /// <summary>How often a till's entry is sent again that could not be decided at once.</summary>
    private const int EntryTries = 4;

    private readonly ConcurrentDictionary<string, (VoucherTerms Terms, byte[] Secret)> _batches = new(StringComparer.Ordinal);

    /// <summary>Makes a batch with a new secret.</summary>
    public Task<VoucherCommand> CreateBatchAsync(BatchCreation request) =>
        Host.AskAsync(new VoucherCommand(request, secret: RandomNumberGenerator.GetBytes(VoucherCode.SecretBytes)));

    /// <summary>A batch as it stands; null: there is none of that id.</summary>
    /// <returns>The batch, and what was asked.</returns>
    public async Task<(VoucherBatchView? Batch, Command Command)> GetBatchAsync(string batch)
    {
        var command = await Host.AskAsync<Command>(new GetVoucherBatch(VoucherCode.HeadOf(batch))).ConfigureAwait(false);
        return (command.Reply is VoucherBatchView view && view.Terms.Batch == batch ? view : null, command);
    }

    /// <summary>The voucher of a code; null: there is none, or (the command says so) it cannot be told now.</summary>
    /// <param name="code">Of <see cref="VoucherCode.Normalize"/>.</param>
    public async Task<(VoucherId? Voucher, VoucherTerms? Terms, Command? Failure)> FindVoucherAsync(string code)
    {
        var (terms, secret, failure) = await BatchOfAsync(VoucherCode.HeadOfCode(code)).ConfigureAwait(false);
        return terms is not null && VoucherCode.SerialOf(code, secret, terms.Codes) is { } serial ? (new(terms.Head, serial), terms, null) : (null, null, failure);
    }

    /// <summary>The terms and the secret of the codes with a head; null: no batch has it.</summary>
    public async Task<(VoucherTerms? Terms, byte[] Secret, Command? Failure)> BatchOfAsync(string head)
    {
        if (_batches.TryGetValue(head, out var known))
        {
            return (known.Terms, known.Secret, null);
        }

        var command = await Host.AskAsync<Command>(new GetVoucherBatch(head)).ConfigureAwait(false);
        if (command.Reply is not VoucherBatchView batch)
        {
            return (null, [], command.Status == CommandStatus.Done ? null : command);
        }

        if (_batches.Count >= RememberedBatches)
        {
            _batches.Clear();
        }

        _batches[head] = (batch.Terms, batch.Secret);
        return (batch.Terms, batch.Secret, null);
    }

    /// <summary>Sends a request about a voucher. One that gives points needs a member that the program knows, or enrols.</summary>
    public async Task<Command> SendVoucherAsync(VoucherRequest request, VoucherTerms? terms)
    {
        if (request is VoucherRedemption { Member: { } member, AcceptedAt: null } && terms?.Value.Type == VoucherValueType.Points)
        {
            var found = await Host.AskAsync(new GetMember(member)).ConfigureAwait(false);
            if (found.Status != CommandStatus.Done || found.Reply is not MemberReply { View: { Status: MemberStatus.Active } })
            {
                var isUnknown = found.Status == CommandStatus.Done && found.Reply is MemberReply { View: null };
                var known = isUnknown && Programs.Current.At(Clock.GetCurrentInstant()).EnrolUnknownMembers;
                if (!known && (found.Status != CommandStatus.Done || await Books.FindActorAsync(request.Id).ConfigureAwait(false) is null))
                {
                    return found;
                }
            }
        }

        return await Host.AskAsync<Command>(new VoucherCommand(request, terms)).ConfigureAwait(false);
    }

    /// <summary>Where a hold is, and which voucher it keeps; null: there is no hold of that id.</summary>
    public async Task<(VoucherHold? Hold, VoucherTerms? Terms, Command? Failure)> FindVoucherHoldAsync(string hold)
    {
        var trace = await TraceAsync(hold).ConfigureAwait(false);
        if (trace?.Facts.OfType<VoucherHeld>().FirstOrDefault(held => held.Request.Id == hold)?.Request is not { } request)
        {
            return (null, null, null);
        }

        var (terms, _, failure) = await BatchOfAsync(request.Voucher.Batch).ConfigureAwait(false);
        return (terms is null ? null : request, terms, failure);
    }

    /// <summary>
    /// Reconciles what a store's tills accepted without connection: each entry is decided by its own id, then the store is told what they came to. Sent again after a failure half-way, what was decided is
    /// answered as it was.
    /// </summary>
    /// <param name="id">Id of the reconciliation.</param>
    /// <param name="store">Which store.</param>
    /// <param name="entries">At most <see cref="VoucherLimits.Entries"/>.</param>
    /// <returns>Each entry's outcome, in order, and the command that ended it.</returns>
    public async Task<(IReadOnlyList<OfflineOutcome> Outcomes, Command Command)> ReconcileAsync(string id, string store, IReadOnlyList<OfflineEntry> entries)
    {
        // Entries of one voucher are decided in the order in which they were sent: which of them came first is what an overdraft is about.
        var byId = new ConcurrentDictionary<string, OfflineOutcome>(StringComparer.Ordinal);
        foreach (var some in entries.GroupBy(entry => VoucherCode.Normalize(entry.Code, out _) ?? "").Chunk(32))
        {
            await Task.WhenAll(some.Select(async voucher =>
            {
                foreach (var entry in voucher)
                {
                    byId[entry.Id] = await TakeAsync(store, entry).ConfigureAwait(false);
                }
            })).ConfigureAwait(false);
        }

        var outcomes = entries.Select(entry => byId[entry.Id]).ToList();
        if (outcomes.Find(outcome => outcome.Failure is not null) is { Failure: { } failed })
        {
            return (outcomes, failed);
        }

        var (rightly, overdrawn) = (outcomes.FindAll(one => one.Redeemed is { Overdraft: null }), outcomes.FindAll(one => one.Redeemed is { Overdraft: not null }));
        var command = await Host.AskAsync<Command>(new VoucherCommand(new StoreReconciliation
        {
            Id = id,
            Store = store,
            Entries = HashOf(entries),
            Sent = entries.Count,
            Accepted = rightly.Count,
            AcceptedMoney = rightly.Sum(one => one.Redeemed!.Money),
            Overdrawn = overdrawn.Count,
            OverdrawnMoney = overdrawn.Sum(one => one.Redeemed!.Money),
            Unknown = outcomes.Count - rightly.Count - overdrawn.Count,
        })).ConfigureAwait(false);
        return (outcomes, command);
    }

    private async Task<OfflineOutcome> TakeAsync(string store, OfflineEntry entry)
    {
        if (VoucherCode.Normalize(entry.Code, out var problem) is not { } code)
        {
            return new(entry.Id, null, new("mistyped-code", "code", problem), false, null);
        }

        for (var attempt = 1; ; attempt++)
        {
            var (voucher, terms, failure) = await FindVoucherAsync(code).ConfigureAwait(false);
            if (failure is null && voucher is null)
            {
                return new(entry.Id, null, new("unknown-voucher", "code", "no batch has this code"), false, null);
            }

            var command = failure ?? await SendVoucherAsync(
                new VoucherRedemption { Id = entry.Id, Voucher = voucher!.Value, Member = entry.Member, Store = store, Basket = entry.Basket, AcceptedAt = entry.At }, terms).ConfigureAwait(false);
            if (command is VoucherCommand { Status: CommandStatus.Done, Outcome: var outcome })
            {
                return new(entry.Id, outcome.Fact as VoucherRedeemed, outcome.Refusal, outcome.Replayed, null);
            }

            if (attempt == EntryTries)
            {
                return new(entry.Id, null, null, false, command);
            }

            await Task.Delay(20 << attempt).ConfigureAwait(false);
        }
    }

    private static UInt128 HashOf(IReadOnlyList<OfflineEntry> entries)
    {
        var hash = new System.IO.Hashing.XxHash128();
        foreach (var entry in entries)
        {
            hash.Append(Encoding.UTF8.GetBytes($"{entry.Id}\0{entry.Code}\0{entry.At.ToUnixTimeMilliseconds()}\0{entry.Member}\0{entry.Basket}\n"));
        }

        return hash.GetCurrentHashAsUInt128();
    }
}

/// <summary>A voucher that a till accepted without connection.</summary>
/// <param name="Id">The till's own id of it.</param>
/// <param name="Code">As it was read.</param>
/// <param name="At">When.</param>
/// <param name="Member">Who had it, or null.</param>
/// <param name="Basket">The basket, minor units, or null.</param>
public sealed record OfflineEntry(string Id, string Code, Instant At, string? Member, long? Basket);

/// <summary>What an entry came to.</summary>
/// <param name="Id">The till's own id of it.</param>
/// <param name="Redeemed">The fact; null: it is in no book.</param>
/// <param name="Problem">Why not: no such voucher, or the id names another request.</param>
/// <param name="Replayed">It had been decided before.</param>
/// <param name="Failure">It could not be decided now: what was asked.</param>
public sealed record OfflineOutcome(string Id, VoucherRedeemed? Redeemed, Refusal? Problem, bool Replayed, Command? Failure);
