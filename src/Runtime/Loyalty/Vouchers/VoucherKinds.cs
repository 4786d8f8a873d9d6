using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>What the three kinds of actors of vouchers have in common.</summary>
public abstract class VoucherActorKind : ActorKind
{
    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ApplyOne(state, VoucherCodec.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var raised = new List<VoucherEvent>(2);
        BringUpToDate(state, turn, raised);
        if (command is VoucherCommand request)
        {
            command.Reply = DecideRequest(state, request, turn, raised);
        }
        else
        {
            Answer(state, command, turn, raised);
        }

        foreach (var fact in raised)
        {
            VoucherCodec.Write(turn.Events, fact);
            VoucherLedger.Post(fact, turn);
        }

        turn.EventCount += raised.Count;
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events)
    {
        VoucherEvent? fact = null;
        VoucherRequest? recorded = null;
        RequestRefused? refused = null;
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var stored = VoucherCodec.Read(ref reader);
            var request = RequestOf(stored);
            if (request?.Id == command.RequestId)
            {
                (fact, recorded) = (stored, request);
            }

            refused = stored is VoucherRefused { Refused: var r } && r.RequestId == command.RequestId ? r : refused;
        }

        command.Reply = Outcomes.Replay((RequestCommand)command, actor, fact, recorded, refused, null);
        return command.Reply is not null;
    }

    /// <inheritdoc />
    public override IReadOnlyList<object> ReadFacts(ReadOnlySpan<byte> events)
    {
        var facts = new List<object>();
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            // The secret makes every code of the batch: it is for nobody who looks into the books.
            var fact = VoucherCodec.Read(ref reader);
            facts.Add(fact is BatchCreated created ? created with { Secret = [] } : fact);
        }

        return facts;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            VoucherLedger.Post(VoucherCodec.Read(ref reader), ledger);
        }
    }

    /// <summary>Changes the state by a fact.</summary>
    protected abstract void ApplyOne(object state, VoucherEvent fact);

    /// <summary>Does what is due.</summary>
    protected virtual void BringUpToDate(object state, Turn turn, List<VoucherEvent> raised)
    {
    }

    /// <summary>Decides a request; null: done.</summary>
    /// <param name="state">The state.</param>
    /// <param name="command">The request.</param>
    /// <param name="turn">The turn.</param>
    /// <param name="raised">Takes the facts.</param>
    /// <param name="isUnknown">What it is about is not known: that is not remembered.</param>
    protected abstract Refusal? DecideOne(object state, VoucherCommand command, Turn turn, List<VoucherEvent> raised, out bool isUnknown);

    /// <summary>Answers everything else.</summary>
    protected abstract void Answer(object state, Command command, Turn turn, List<VoucherEvent> raised);

    private RequestOutcome DecideRequest(object state, VoucherCommand command, Turn turn, List<VoucherEvent> raised)
    {
        var before = raised.Count;
        var refusal = DecideOne(state, command, turn, raised, out var isUnknown);
        if (isUnknown)
        {
            return new(OutcomeKind.Unknown, null, null, refusal, false);
        }

        turn.AddKey(KeyScopes.Request, command.Request.Id, unique: true);
        if (refusal is not null)
        {
            VoucherBook.Refuse(command.Request.Id, Fingerprint.Of(command.Request), refusal, raised);
            return new(OutcomeKind.Refused, null, null, refusal, false);
        }

        return new(OutcomeKind.Recorded, raised[before], null, null, false);
    }

    private static VoucherRequest? RequestOf(VoucherEvent fact) => fact switch
    {
        BatchCreated e => e.Request,
        VoucherIssued e => e.Request,
        BatchEnded e => e.Request,
        VoucherHeld e => e.Request,
        VoucherHoldEnded e => e.Request,
        VoucherRedeemed e => e.Request,
        VoucherVoided e => e.Request,
        AllowanceSet e => e.Request,
        StoreReconciled e => e.Request,
        _ => null,
    };
}

/// <summary>Batches as actors.</summary>
public sealed class VoucherBatchKind : VoucherActorKind
{
    /// <inheritdoc />
    public override string Name => VoucherActors.BatchKind;

    /// <inheritdoc />
    public override object Create(string key) => new VoucherBatch();

    /// <inheritdoc />
    public override long WakeAtMs(object state, Instant now) => ((VoucherBatch)state).WakeAt?.ToUnixTimeMilliseconds() ?? 0;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 400;

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(1);
        ((VoucherBatch)state).Write(writer);
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return reader.Byte() == 1 ? VoucherBatch.Read(ref reader) : null;
    }

    /// <inheritdoc />
    protected override void ApplyOne(object state, VoucherEvent fact) => ((VoucherBatch)state).Apply(fact);

    /// <inheritdoc />
    protected override void BringUpToDate(object state, Turn turn, List<VoucherEvent> raised)
    {
        var batch = (VoucherBatch)state;
        if (batch.BringUpToDate(turn.Now, raised))
        {
            TellBooks(batch, turn);
        }
    }

    /// <inheritdoc />
    protected override Refusal? DecideOne(object state, VoucherCommand command, Turn turn, List<VoucherEvent> raised, out bool isUnknown)
    {
        var batch = (VoucherBatch)state;
        isUnknown = false;
        switch (command.Voucher)
        {
            case BatchCreation creation:
                return batch.Create(creation, command.Secret!, turn.Now, raised);
            case VoucherIssue issue when batch.Terms?.Batch == issue.Batch:
                var refusal = batch.Issue(issue, turn.Now, raised);
                if (refusal is null)
                {
                    var serial = batch.Issued - 1;
                    turn.AddEffect(VoucherActors.Book(new(batch.Terms.Head, serial)), VoucherMessages.Bind(batch.Terms, serial, issue.Member));
                }

                return refusal;
            case BatchVoid ended when batch.Terms?.Batch == ended.Batch:
                var over = batch.End(ended, raised);
                if (over is null)
                {
                    TellBooks(batch, turn);
                }

                return over;
            default:
                isUnknown = true;
                return new("unknown-batch", "batch", "there is no such batch");
        }
    }

    /// <inheritdoc />
    protected override void Answer(object state, Command command, Turn turn, List<VoucherEvent> raised)
    {
        var batch = (VoucherBatch)state;
        if (command is GetVoucherBatch)
        {
            command.Reply = batch.Terms is { } terms ? new VoucherBatchView(terms, batch.Secret, batch.Vouchers, batch.EndedInto) : null;
        }
    }

    private static void TellBooks(VoucherBatch batch, Turn turn)
    {
        for (var book = 0; book < batch.Books; book++)
        {
            turn.AddEffect(VoucherActors.Book(batch.Terms!.Head, book), VoucherMessages.End(batch.Terms, batch.EndedInto!, batch.VouchersOf(book)));
        }
    }
}

/// <summary>Books of vouchers as actors.</summary>
public sealed class VoucherBookKind : VoucherActorKind
{
    /// <inheritdoc />
    public override string Name => VoucherActors.BookKind;

    /// <inheritdoc />
    public override object Create(string key) => new VoucherBook();

    /// <inheritdoc />
    public override long WakeAtMs(object state, Instant now) => ((VoucherBook)state).WakeAt?.ToUnixTimeMilliseconds() ?? 0;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => ((VoucherBook)state).EstimateBytes();

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(1);
        ((VoucherBook)state).Write(writer);
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return reader.Byte() == 1 ? VoucherBook.Read(ref reader) : null;
    }

    /// <inheritdoc />
    protected override void ApplyOne(object state, VoucherEvent fact) => ((VoucherBook)state).Apply(fact);

    /// <inheritdoc />
    protected override void BringUpToDate(object state, Turn turn, List<VoucherEvent> raised) => ((VoucherBook)state).BringUpToDate(turn.Now, raised);

    /// <inheritdoc />
    protected override Refusal? DecideOne(object state, VoucherCommand command, Turn turn, List<VoucherEvent> raised, out bool isUnknown)
    {
        var (book, terms) = ((VoucherBook)state, command.Terms!);
        var serial = command.Voucher switch
        {
            VoucherHold r => r.Voucher.Serial,
            VoucherRedemption r => r.Voucher.Serial,
            VoucherHoldCancel r => r.Voucher.Serial,
            VoucherVoid r => r.Voucher.Serial,
            _ => throw new InvalidOperationException($"books of vouchers do not understand {command.Voucher.GetType().Name}"),
        };
        isUnknown = !book.Has(serial, terms);
        if (isUnknown)
        {
            return new("unknown-voucher", "code", "there is no such voucher");
        }

        switch (command.Voucher)
        {
            case VoucherHold hold:
                return book.Hold(hold, terms, turn.Now, raised);
            case VoucherHoldCancel cancel:
                return book.Cancel(cancel, raised);
            case VoucherVoid ended:
                return book.Void(ended, terms, raised);
            default:
                var refusal = book.Redeem((VoucherRedemption)command.Voucher, terms, turn.Now, raised);
                if (refusal is null && raised[^1] is VoucherRedeemed { Value: { Type: VoucherValueType.Points, Name: { } unit } value, Overdraft: null, Member: { } member } redeemed)
                {
                    turn.AddEffect(ActorIds.Member(member), VoucherMessages.Points(redeemed.Request.Id, unit, value.Amount), $"voucher:{redeemed.Request.Id}");
                }

                return refusal;
        }
    }

    /// <inheritdoc />
    protected override void Answer(object state, Command command, Turn turn, List<VoucherEvent> raised)
    {
        var book = (VoucherBook)state;
        switch (command)
        {
            case GetVoucher { Voucher.Serial: var serial, Terms: var terms }:
                var entry = book.Find(serial);
                command.Reply = book.Has(serial, terms)
                    ? new VoucherView(entry?.Used ?? 0, entry?.Voided ?? 0, book.Left(serial, terms), entry?.Member, [.. entry?.Holds ?? []], book.EndedInto)
                    : null;
                break;
            case EffectCommand effect:
                VoucherMessages.Take(book, effect.Message.Span, raised);
                break;
        }
    }
}

/// <summary>Stores' allowances as actors.</summary>
public sealed class VoucherStoreKind : VoucherActorKind
{
    /// <inheritdoc />
    public override string Name => VoucherActors.StoreKind;

    /// <inheritdoc />
    public override object Create(string key) => new VoucherStore();

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 100;

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(1);
        ((VoucherStore)state).Write(writer);
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return reader.Byte() == 1 ? VoucherStore.Read(ref reader) : null;
    }

    /// <inheritdoc />
    protected override void ApplyOne(object state, VoucherEvent fact) => ((VoucherStore)state).Apply(fact);

    /// <inheritdoc />
    protected override Refusal? DecideOne(object state, VoucherCommand command, Turn turn, List<VoucherEvent> raised, out bool isUnknown)
    {
        isUnknown = false;
        var store = (VoucherStore)state;
        switch (command.Voucher)
        {
            case StoreAllowance allowance:
                store.Allow(allowance, raised);
                return null;
            case StoreReconciliation reconciliation:
                store.Reconcile(reconciliation, raised);
                return null;
            default:
                throw new InvalidOperationException($"stores do not understand {command.Voucher.GetType().Name}");
        }
    }

    /// <inheritdoc />
    protected override void Answer(object state, Command command, Turn turn, List<VoucherEvent> raised)
    {
        if (command is GetVoucherStore)
        {
            var store = (VoucherStore)state;
            command.Reply = new VoucherStoreView(store.Uses, store.Money, store.Reconciliations, store.Overdrawn, store.OverdrawnMoney);
        }
    }
}

/// <summary>What actors of vouchers send to each other and to members.</summary>
internal static class VoucherMessages
{
    private const byte IsBound = 1;
    private const byte IsEnded = 2;

    public static byte[] Bind(VoucherTerms terms, int serial, string member) => Made(writer =>
    {
        writer.Byte(IsBound);
        VoucherTerms.Write(writer, terms);
        writer.Count(serial);
        writer.Text(member);
    });

    public static byte[] End(VoucherTerms terms, string into, int vouchers) => Made(writer =>
    {
        writer.Byte(IsEnded);
        VoucherTerms.Write(writer, terms);
        writer.Text(into);
        writer.Count(vouchers);
    });

    public static byte[] Points(string redemption, string unit, long points) => Made(writer =>
    {
        writer.Byte((byte)MemberMessage.VoucherPoints);
        writer.Text(redemption);
        writer.Text(unit);
        writer.VarInt(points);
    });

    /// <summary>What a book does about a message of its batch.</summary>
    public static void Take(VoucherBook book, ReadOnlySpan<byte> message, List<VoucherEvent> raised)
    {
        var reader = new ByteReader(message);
        var step = reader.Byte();
        var terms = VoucherTerms.Read(ref reader);
        switch (step)
        {
            case IsBound:
                book.Bind((int)reader.VarUInt(), reader.Text()!, terms, raised);
                break;
            case IsEnded:
                book.End(reader.Text()!, terms, (int)reader.VarUInt(), raised);
                break;
            default:
                throw new InvalidOperationException($"books of vouchers do not understand message {step}");
        }
    }

    private static byte[] Made(Action<ByteWriter> write)
    {
        var writer = new ByteWriter();
        write(writer);
        return writer.Written.ToArray();
    }
}
