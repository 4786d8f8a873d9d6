using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Domain.Vouchers;

/// <summary>A hold that has not ended.</summary>
/// <param name="Id">Its id.</param>
/// <param name="ExpiresAt">The first instant at which it is over.</param>
/// <param name="Nominal">Minor units of money that it keeps.</param>
/// <param name="Member">Who asked for it, or null.</param>
/// <param name="Basket">The basket it was asked for, or null.</param>
public sealed record OpenVoucherHold(string Id, Instant ExpiresAt, long Nominal, string? Member, long? Basket);

/// <summary>What is known of a voucher that somebody did something with.</summary>
public sealed class VoucherEntry
{
    /// <summary>Uses that are redeemed.</summary>
    public int Used { get; internal set; }

    /// <summary>Uses that were ended by hand.</summary>
    public int Voided { get; internal set; }

    /// <summary>Whose it is; null: the bearer's.</summary>
    public string? Member { get; internal set; }

    /// <summary>Open holds, in the order in which they were asked for.</summary>
    public List<OpenVoucherHold> Holds { get; } = [];

    /// <summary>Uses that nobody can have any more.</summary>
    public int Gone => Used + Voided + Holds.Count;
}

/// <summary>
/// The book of up to <see cref="VoucherLimits.BookSize"/> vouchers of one batch: what was done with them. A voucher that nobody touched takes no room. Changed by <see cref="Apply"/> alone; the same state,
/// request, terms and time always give the same facts.
/// </summary>
public sealed class VoucherBook
{
    private readonly SortedDictionary<int, VoucherEntry> _entries = [];

    /// <summary>Where the rest went when the batch ended; null: it has not.</summary>
    public string? EndedInto { get; private set; }

    /// <summary>Vouchers that somebody did something with.</summary>
    public IReadOnlyDictionary<int, VoucherEntry> Entries => _entries;

    /// <summary>What is known of a voucher; null: nothing was done with it.</summary>
    public VoucherEntry? Find(int serial) => _entries.GetValueOrDefault(serial);

    /// <summary>When the next hold is over, or null.</summary>
    public Instant? WakeAt
    {
        get
        {
            Instant? at = null;
            foreach (var entry in _entries.Values)
            {
                foreach (var hold in entry.Holds)
                {
                    at = at is { } earlier && earlier <= hold.ExpiresAt ? at : hold.ExpiresAt;
                }
            }

            return at;
        }
    }

    /// <summary>Ends holds whose time is over.</summary>
    public void BringUpToDate(Instant now, List<VoucherEvent> raised)
    {
        if (WakeAt is not { } due || due > now)
        {
            return;
        }

        foreach (var (serial, entry) in _entries)
        {
            foreach (var hold in entry.Holds.FindAll(hold => hold.ExpiresAt <= now))
            {
                Raise(new VoucherHoldEnded(null, serial, hold.Id, hold.Nominal, PlaceOf(entry)), raised);
            }
        }
    }

    /// <summary>Whether there is such a voucher: of a bound batch those that were issued.</summary>
    public bool Has(int serial, VoucherTerms terms) => terms.IsBound ? Find(serial) is { Member: not null } : serial < terms.Codes;

    /// <summary>Uses left that somebody could have now.</summary>
    public int Left(int serial, VoucherTerms terms) => EndedInto is not null ? 0 : terms.Uses - (Find(serial)?.Gone ?? 0);

    /// <summary>Keeps a use, or refuses.</summary>
    public Refusal? Hold(VoucherHold request, VoucherTerms terms, Instant now, List<VoucherEvent> raised)
    {
        var refusal = Check(request.Voucher.Serial, request.Member, request.Basket, terms, now);
        if (refusal is null && Find(request.Voucher.Serial)?.Holds.Count >= VoucherLimits.OpenHolds)
        {
            refusal = new("too-many-holds", "code", $"{VoucherLimits.OpenHolds} holds of the voucher are open already");
        }

        if (refusal is null)
        {
            Raise(new VoucherHeld(request, now + Duration.FromSeconds(request.Seconds), terms.Nominal), raised);
        }

        return refusal;
    }

    /// <summary>Uses a voucher once, or refuses. What a till accepted without connection is never refused: it has happened.</summary>
    public Refusal? Redeem(VoucherRedemption request, VoucherTerms terms, Instant now, List<VoucherEvent> raised)
    {
        var serial = request.Voucher.Serial;
        if (request.AcceptedAt is not null)
        {
            Reconcile(request, terms, now, raised);
            return null;
        }

        if (request.Hold is { } id)
        {
            if (Find(serial)?.Holds.Find(hold => hold.Id == id) is not { } hold)
            {
                return new("hold-over", "hold", $"'{id}' is not open any more: it was redeemed or given up, or its time was over");
            }

            var basket = request.Basket ?? hold.Basket;
            var refusal = CheckNeeds(serial, request.Member ?? hold.Member, basket, terms);
            if (refusal is null)
            {
                Redeem(request, request.Member ?? hold.Member, terms, basket, VoucherAccounts.Held, null, raised);
            }

            return refusal;
        }

        var refused = Check(serial, request.Member, request.Basket, terms, now) ?? CheckNeeds(serial, request.Member, request.Basket, terms);
        if (refused is null)
        {
            Redeem(request, request.Member, terms, request.Basket, VoucherAccounts.Open, null, raised);
        }

        return refused;
    }

    /// <summary>Gives a hold up, or refuses: it is over.</summary>
    public Refusal? Cancel(VoucherHoldCancel request, List<VoucherEvent> raised)
    {
        if (Find(request.Voucher.Serial) is not { } entry || entry.Holds.Find(hold => hold.Id == request.Hold) is not { } hold)
        {
            return new("hold-over", "hold", $"'{request.Hold}' is not open any more: it was redeemed or given up, or its time was over");
        }

        Raise(new VoucherHoldEnded(request, request.Voucher.Serial, hold.Id, hold.Nominal, PlaceOf(entry)), raised);
        return null;
    }

    /// <summary>Ends a voucher, or refuses: there is nothing left of it. What is held stays held until its hold ends.</summary>
    public Refusal? Void(VoucherVoid request, VoucherTerms terms, List<VoucherEvent> raised)
    {
        var left = Left(request.Voucher.Serial, terms);
        if (left <= 0)
        {
            return EndedInto is null
                ? new("voucher-used", "code", "nothing is left of the voucher that could be ended")
                : new("voucher-over", "code", "the voucher's batch has ended");
        }

        Raise(new VoucherVoided(request, left, checked(left * terms.Nominal)), raised);
        return null;
    }

    /// <summary>A voucher of the book was issued to a member.</summary>
    public void Bind(int serial, string member, VoucherTerms terms, List<VoucherEvent> raised)
    {
        if (Find(serial)?.Member is not null)
        {
            return;
        }

        Raise(new VoucherBound(serial, member), raised);
        if (EndedInto is { } into)
        {
            Raise(new VoucherBookEnded(into, terms.Uses, checked(terms.Uses * terms.Nominal)), raised);
        }
    }

    /// <summary>The batch ended: everything that can still be used goes.</summary>
    /// <param name="into">Where.</param>
    /// <param name="terms">Of the batch.</param>
    /// <param name="vouchers">How many bearer vouchers the book has.</param>
    /// <param name="raised">Takes the facts.</param>
    public void End(string into, VoucherTerms terms, int vouchers, List<VoucherEvent> raised)
    {
        if (EndedInto is not null)
        {
            return;
        }

        var uses = (long)(terms.IsBound ? _entries.Values.Count(entry => entry.Member is not null) : vouchers) * terms.Uses;
        foreach (var entry in _entries.Values)
        {
            uses -= entry.Gone;
        }

        Raise(new VoucherBookEnded(into, uses, checked(uses * terms.Nominal)), raised);
    }

    /// <summary>Remembers a refusal as the outcome of a request.</summary>
    public static void Refuse(string requestId, UInt128 fingerprint, Refusal refusal, List<VoucherEvent> raised) => raised.Add(new VoucherRefused(new(requestId, fingerprint, refusal)));

    /// <summary>Changes the state by a fact.</summary>
    /// <exception cref="InvalidOperationException">The fact does not fit: the books are damaged.</exception>
    public void Apply(VoucherEvent fact)
    {
        switch (fact)
        {
            case VoucherBound e:
                Entry(e.Serial).Member = e.Member;
                break;
            case VoucherHeld e:
                Entry(e.Request.Voucher.Serial).Holds.Add(new(e.Request.Id, e.ExpiresAt, e.Nominal, e.Request.Member, e.Request.Basket));
                break;
            case VoucherHoldEnded e:
                Remove(e.Serial, e.Hold);
                if (e.Into == VoucherAccounts.Voided && EndedInto is null)
                {
                    Entry(e.Serial).Voided++;
                }

                break;
            case VoucherRedeemed e:
                if (e.Request.Hold is { } hold)
                {
                    Remove(e.Request.Voucher.Serial, hold);
                }

                // An overdraft is a use that there never was.
                Entry(e.Request.Voucher.Serial).Used += e.From == VoucherAccounts.Overdrawn ? 0 : 1;
                break;
            case VoucherVoided e:
                Entry(e.Request.Voucher.Serial).Voided += e.Uses;
                break;
            case VoucherBookEnded e:
                EndedInto = e.Into;
                break;
            case VoucherRefused:
                break;
            default:
                throw new InvalidOperationException($"no rule applies {fact.GetType().Name} to a book of vouchers");
        }
    }

    /// <summary>About how many bytes of memory this takes.</summary>
    public int EstimateBytes() => 200 + (_entries.Count * 120) + _entries.Values.Sum(entry => entry.Holds.Count * 150);

    /// <summary>Writes the state.</summary>
    public void Write(ByteWriter writer)
    {
        writer.Text(EndedInto);
        writer.Count(_entries.Count);
        foreach (var (serial, entry) in _entries)
        {
            writer.Count(serial);
            writer.Count(entry.Used);
            writer.Count(entry.Voided);
            writer.Text(entry.Member);
            writer.Count(entry.Holds.Count);
            foreach (var hold in entry.Holds)
            {
                writer.Text(hold.Id);
                writer.Time(hold.ExpiresAt);
                writer.VarInt(hold.Nominal);
                writer.Text(hold.Member);
                writer.VarInt(hold.Basket ?? -1);
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static VoucherBook Read(ref ByteReader reader)
    {
        var book = new VoucherBook { EndedInto = reader.Text() };
        for (var count = reader.Count(); count > 0; count--)
        {
            var entry = book.Entry((int)reader.VarUInt());
            (entry.Used, entry.Voided, entry.Member) = ((int)reader.VarUInt(), (int)reader.VarUInt(), reader.Text());
            for (var holds = reader.Count(); holds > 0; holds--)
            {
                entry.Holds.Add(new(reader.Text()!, reader.Time(), reader.VarInt(), reader.Text(), reader.VarInt() is >= 0 and var basket ? basket : null));
            }
        }

        return book;
    }

    private void Raise(VoucherEvent fact, List<VoucherEvent> raised)
    {
        Apply(fact);
        raised.Add(fact);
    }

    private VoucherEntry Entry(int serial)
    {
        if (!_entries.TryGetValue(serial, out var entry))
        {
            _entries[serial] = entry = new();
        }

        return entry;
    }

    private void Remove(int serial, string hold)
    {
        if (Find(serial)?.Holds.RemoveAll(open => open.Id == hold) is not 1)
        {
            throw new InvalidOperationException($"hold {hold} of voucher {serial} is not open");
        }
    }

    /// <summary>Where a use goes that comes back: it can be used again, unless the voucher or its batch has ended meanwhile.</summary>
    private string PlaceOf(VoucherEntry entry) => EndedInto ?? (entry.Voided > 0 ? VoucherAccounts.Voided : VoucherAccounts.Open);

    private Refusal? Check(int serial, string? member, long? basket, VoucherTerms terms, Instant now)
    {
        if (now < terms.ValidFrom)
        {
            return new("voucher-not-yet", "code", $"the voucher can be used from {terms.ValidFrom} on");
        }

        if (EndedInto == VoucherAccounts.Voided || Find(serial) is { Voided: > 0 })
        {
            return new("voucher-void", "code", "the voucher was ended");
        }

        if (EndedInto is not null || now >= terms.ValidUntil)
        {
            return new("voucher-expired", "code", $"the voucher could be used until {terms.ValidUntil}");
        }

        if (Left(serial, terms) <= 0)
        {
            return Find(serial) is { Holds.Count: > 0 }
                ? new("voucher-held", "code", "the voucher's last use is held by somebody")
                : new("voucher-used", "code", terms.Uses == 1 ? "the voucher is used" : $"the voucher is used {terms.Uses} times, as often as it can be");
        }

        return CheckNeeds(serial, member, basket, terms, isFinal: false);
    }

    /// <summary>What a use needs; a hold may come before the basket is known.</summary>
    private Refusal? CheckNeeds(int serial, string? member, long? basket, VoucherTerms terms, bool isFinal = true)
    {
        if (Find(serial)?.Member is { } owner && owner != member)
        {
            return new("voucher-of-another", "member", member is null ? "is missing; the voucher belongs to a member" : "is another than the one the voucher belongs to");
        }

        if (terms.Value.Type == VoucherValueType.Points && member is null)
        {
            return new("member-needed", "member", "is missing; the voucher gives points to a member");
        }

        if (basket < terms.MinimumBasket)
        {
            return new("basket-too-small", "basket", $"is {basket}; the voucher needs {terms.MinimumBasket}");
        }

        return isFinal && basket is null && (terms.MinimumBasket > 0 || terms.Value.Type == VoucherValueType.Percent)
            ? new("basket-needed", "basket", "is missing; without it nobody can tell what the voucher is worth")
            : null;
    }

    private void Reconcile(VoucherRedemption request, VoucherTerms terms, Instant now, List<VoucherEvent> raised)
    {
        var (serial, at) = (request.Voucher.Serial, request.AcceptedAt!.Value);
        var entry = Find(serial);
        var overdraft = at > now ? "accepted in the future"
            : at < terms.ValidFrom ? "accepted before its time"
            : at >= terms.ValidUntil ? "accepted after its time"
            : EndedInto == VoucherAccounts.Voided || entry is { Voided: > 0 } ? "was ended"
            : terms.Uses - (entry?.Gone ?? 0) <= 0 ? entry!.Holds.Count > 0 ? "its last use is held by somebody" : "was used before"
            : CheckNeeds(serial, request.Member, request.Basket, terms)?.Code;
        Redeem(request, request.Member, terms, request.Basket, overdraft is null ? EndedInto ?? VoucherAccounts.Open : VoucherAccounts.Overdrawn, overdraft, raised);
    }

    private void Redeem(VoucherRedemption request, string? member, VoucherTerms terms, long? basket, string from, string? overdraft, List<VoucherEvent> raised)
    {
        var serial = request.Voucher.Serial;
        var money = terms.MoneyOf(basket) ?? 0;
        var nominal = from == VoucherAccounts.Overdrawn && terms.Nominal > 0 ? money : terms.Nominal;
        var left = Math.Max(0, Left(serial, terms) - (from == VoucherAccounts.Open ? 1 : 0));
        Raise(new VoucherRedeemed(request, member, money, nominal, terms.Value, left, from, overdraft), raised);
    }
}
