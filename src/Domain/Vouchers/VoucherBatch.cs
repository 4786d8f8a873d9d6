using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Domain.Vouchers;

/// <summary>A batch: its terms, the secret of its codes, how many of a bound one are issued. Changed by <see cref="Apply"/> alone.</summary>
public sealed class VoucherBatch
{
    /// <summary>What its vouchers have in common; null: it was not made.</summary>
    public VoucherTerms? Terms { get; private set; }

    /// <summary>Of its codes.</summary>
    public byte[] Secret { get; private set; } = [];

    /// <summary>How many of a bound batch are issued.</summary>
    public int Issued { get; private set; }

    /// <summary>Where the rest went when it ended; null: it has not.</summary>
    public string? EndedInto { get; private set; }

    /// <summary>How many vouchers there are.</summary>
    public int Vouchers => Terms is { IsBound: true } ? Issued : Terms?.Codes ?? 0;

    /// <summary>How many books look after them.</summary>
    public int Books => (Vouchers + VoucherLimits.BookSize - 1) / VoucherLimits.BookSize;

    /// <summary>When it ends, or null.</summary>
    public Instant? WakeAt => EndedInto is null ? Terms?.ValidUntil : null;

    /// <summary>Makes the batch, or refuses: there is one, or another one has codes with the same head.</summary>
    public Refusal? Create(BatchCreation request, byte[] secret, Instant now, List<VoucherEvent> raised)
    {
        if (Terms is { } known)
        {
            return known.Batch == request.Terms.Batch
                ? new("batch-exists", "batch", $"'{known.Batch}' is made already; batches are not changed")
                : new("head-taken", "batch", $"codes of '{request.Terms.Batch}' would begin as those of '{known.Batch}'; choose another id");
        }

        if (request.Terms.ValidUntil <= now)
        {
            return new("voucher-expired", "lastDay", "is past");
        }

        Raise(new BatchCreated(request, secret), raised);
        return null;
    }

    /// <summary>Issues the next voucher to a member, or refuses.</summary>
    public Refusal? Issue(VoucherIssue request, Instant now, List<VoucherEvent> raised)
    {
        var terms = Terms!;
        var refusal = !terms.IsBound ? new Refusal("bearer-batch", "batch", $"'{terms.Batch}' is for whoever has a code; all of its codes are issued")
            : EndedInto is not null || now >= terms.ValidUntil ? new("batch-over", "batch", $"'{terms.Batch}' has ended")
            : Issued >= terms.Codes ? new("batch-full", "batch", $"all {terms.Codes} vouchers of '{terms.Batch}' are issued")
            : null;
        if (refusal is null)
        {
            Raise(new VoucherIssued(request, Issued, checked(terms.Uses * terms.Nominal), terms.Uses), raised);
        }

        return refusal;
    }

    /// <summary>Ends the batch, or refuses: it has ended.</summary>
    public Refusal? End(BatchVoid request, List<VoucherEvent> raised)
    {
        if (EndedInto is not null)
        {
            return new("batch-over", "batch", $"'{Terms!.Batch}' has ended already");
        }

        Raise(new BatchEnded(request), raised);
        return null;
    }

    /// <summary>Ends the batch when its time is over.</summary>
    public bool BringUpToDate(Instant now, List<VoucherEvent> raised)
    {
        var ends = WakeAt <= now;
        if (ends)
        {
            Raise(new BatchEnded(null), raised);
        }

        return ends;
    }

    /// <summary>How many bearer vouchers a book has.</summary>
    public int VouchersOf(int book) => Math.Clamp(Vouchers - (book * VoucherLimits.BookSize), 0, VoucherLimits.BookSize);

    /// <summary>Changes the state by a fact.</summary>
    public void Apply(VoucherEvent fact)
    {
        switch (fact)
        {
            case BatchCreated e:
                (Terms, Secret) = (e.Request.Terms, e.Secret);
                break;
            case VoucherIssued e:
                Issued = e.Serial + 1;
                break;
            case BatchEnded e:
                EndedInto = e.Request is null ? VoucherAccounts.Expired : VoucherAccounts.Voided;
                break;
            case VoucherRefused:
                break;
            default:
                throw new InvalidOperationException($"no rule applies {fact.GetType().Name} to a batch of vouchers");
        }
    }

    /// <summary>Writes the state.</summary>
    public void Write(ByteWriter writer)
    {
        writer.Flag(Terms is not null);
        if (Terms is { } terms)
        {
            VoucherTerms.Write(writer, terms);
        }

        writer.Bytes(Secret);
        writer.Count(Issued);
        writer.Text(EndedInto);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static VoucherBatch Read(ref ByteReader reader) => new()
    {
        Terms = reader.Flag() ? VoucherTerms.Read(ref reader) : null,
        Secret = reader.Bytes().ToArray(),
        Issued = (int)reader.VarUInt(),
        EndedInto = reader.Text(),
    };

    private void Raise(VoucherEvent fact, List<VoucherEvent> raised)
    {
        Apply(fact);
        raised.Add(fact);
    }
}

/// <summary>What a store's tills may accept without connection, and what became of what they did. Changed by <see cref="Apply"/> alone.</summary>
public sealed class VoucherStore
{
    /// <summary>Uses until they are reconciled.</summary>
    public long Uses { get; private set; }

    /// <summary>Minor units of money until they are reconciled.</summary>
    public long Money { get; private set; }

    /// <summary>Reconciliations so far.</summary>
    public long Reconciliations { get; private set; }

    /// <summary>Uses that should not have been accepted, of all reconciliations.</summary>
    public long Overdrawn { get; private set; }

    /// <summary>Their money, minor units.</summary>
    public long OverdrawnMoney { get; private set; }

    /// <summary>Sets the allowance.</summary>
    public void Allow(StoreAllowance request, List<VoucherEvent> raised) => Raise(new AllowanceSet(request), raised);

    /// <summary>Notes a reconciliation, and what went beyond the allowance.</summary>
    public void Reconcile(StoreReconciliation request, List<VoucherEvent> raised) => Raise(
        new StoreReconciled(
            request, Math.Max(0, request.Accepted + request.Overdrawn - Uses), Math.Max(0, request.AcceptedMoney + request.OverdrawnMoney - Money)), raised);

    /// <summary>Changes the state by a fact.</summary>
    public void Apply(VoucherEvent fact)
    {
        switch (fact)
        {
            case AllowanceSet e:
                (Uses, Money) = (e.Request.Uses, e.Request.Money);
                break;
            case StoreReconciled e:
                Reconciliations++;
                Overdrawn += e.Request.Overdrawn;
                OverdrawnMoney += e.Request.OverdrawnMoney;
                break;
            case VoucherRefused:
                break;
            default:
                throw new InvalidOperationException($"no rule applies {fact.GetType().Name} to a store");
        }
    }

    /// <summary>Writes the state.</summary>
    public void Write(ByteWriter writer)
    {
        writer.VarInt(Uses);
        writer.VarInt(Money);
        writer.VarInt(Reconciliations);
        writer.VarInt(Overdrawn);
        writer.VarInt(OverdrawnMoney);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static VoucherStore Read(ref ByteReader reader) => new()
    {
        Uses = reader.VarInt(), Money = reader.VarInt(), Reconciliations = reader.VarInt(), Overdrawn = reader.VarInt(), OverdrawnMoney = reader.VarInt(),
    };

    private void Raise(VoucherEvent fact, List<VoucherEvent> raised)
    {
        Apply(fact);
        raised.Add(fact);
    }
}
