using Loyalty.Domain.Encoding;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>
/// The stored form of member events and snapshots. Each event is a type byte, a schema version byte and a framed body. A type's number is never used again;
/// a new field is added at the end under a new schema version, and the reader fills it in for older ones.
/// </summary>
public static partial class MemberCodec
{
    private enum Kind : byte
    {
        Enrolled = 1,
        Purchase = 2,
        Return = 3,
        ReturnWaits = 4,
        Lapsed = 5,
        Tier = 6,
        Folded = 7,
        Adjusted = 8,
        Status = 9,
        AlternativeIds = 10,
        Refused = 11,
        Answered = 12,
        Activity = 13,
        Attributes = 14,
        HoldOpened = 20,
        HoldGranted = 21,
        HoldCommitted = 22,
        HoldReleased = 23,
        Redeemed = 24,
        Reversed = 25,
        TransferSent = 30,
        TransferReceived = 31,
        TransferEnded = 32,
        HouseholdAsked = 33,
        HouseholdAnswered = 34,
        EarningsShared = 35,
        VoucherPoints = 50,
        Imported = 60,
        ExchangeOpened = 40,
        ExchangeEnded = 41,
    }

    /// <summary>Version of the snapshot's form. Another one is not read; the member is built from its events instead.</summary>
    public const byte SnapshotVersion = 1;

    /// <summary>Writes an event.</summary>
    public static void Write(ByteWriter writer, MemberEvent fact)
    {
        switch (fact)
        {
            case PurchaseRecorded e: Frame(writer, Kind.Purchase, e, Write, SectionsOf(e) > 0 ? WithSections : (byte)1); break;
            case RequestAnswered e: Frame(writer, Kind.Answered, e, Write); break;
            case ReturnRecorded e: Frame(writer, Kind.Return, e, Write, SectionsOf(e) > 0 ? WithSections : (byte)1); break;
            case ActivityRecorded e: Frame(writer, Kind.Activity, e, Write); break;
            case AttributesSet e: Frame(writer, Kind.Attributes, e, static (w, e) => ActivityCodec.Write(w, e.Attributes)); break;
            case ReturnWaits e: Frame(writer, Kind.ReturnWaits, e, static (w, e) => SaleCodec.Write(w, e.Return)); break;
            case PointsLapsed e: Frame(writer, Kind.Lapsed, e, Write); break;
            case TierChanged e: Frame(writer, Kind.Tier, e, Write); break;
            case TierHistoryFolded e: Frame(writer, Kind.Folded, e, static (w, e) => { w.Day(e.On); Write(w, e.Standing); }); break;
            case PointsAdjusted e: Frame(writer, Kind.Adjusted, e, Write); break;
            case MemberEnrolled e: Frame(writer, Kind.Enrolled, e, Write); break;
            case StatusChanged e: Frame(writer, Kind.Status, e, Write); break;
            case AlternativeIdsReplaced e: Frame(writer, Kind.AlternativeIds, e, static (w, e) => Write(w, e.AlternativeIds)); break;
            case MemberImported e: Frame(writer, Kind.Imported, e, Write); break;
            case RequestRefused e: Frame(writer, Kind.Refused, e, static (w, e) => SaleCodec.Write(w, e)); break;
            default:
                if (!WriteSpending(writer, fact) && !WriteTransfer(writer, fact) && !WriteHousehold(writer, fact) && !WriteExchange(writer, fact) && !WriteVouchers(writer, fact))
                {
                    throw new InvalidOperationException($"no form for {fact.GetType().Name}");
                }

                break;
        }
    }

    /// <summary>Reads the next event.</summary>
    /// <exception cref="FormatException">The bytes are no event that this version of the engine knows.</exception>
    public static MemberEvent Read(ref ByteReader reader)
    {
        var kind = (Kind)reader.Byte();
        var schema = reader.Byte();
        var hasSections = schema == WithSections && kind is Kind.Purchase or Kind.Return;
        if (schema != 1 && !hasSections)
        {
            throw new FormatException($"event {kind} has schema version {schema}, which this engine does not know: a newer engine wrote it");
        }

        var body = new ByteReader(reader.Bytes());
        return kind switch
        {
            Kind.Purchase when hasSections => ReadPurchase(ref body) is var purchase ? ReadSections(ref body, purchase) : null!,
            Kind.Return when hasSections => ReadReturn(ref body) is var returned ? ReadSections(ref body, returned) : null!,
            Kind.Purchase => ReadPurchase(ref body),
            Kind.Answered => ReadAnswered(ref body),
            Kind.Return => ReadReturn(ref body),
            Kind.Activity => ReadActivity(ref body),
            Kind.Attributes => new AttributesSet(ActivityCodec.ReadAttributes(ref body)),
            Kind.ReturnWaits => new ReturnWaits(SaleCodec.ReadReturn(ref body)),
            Kind.Lapsed => new PointsLapsed(body.Text()!, ReadLots(ref body), body.Time()),
            Kind.Tier => new TierChanged(ReadTier(ref body), ReadTier(ref body), (TierChangeReason)body.Byte(), body.SomeDay()),
            Kind.Folded => new TierHistoryFolded(body.SomeDay(), ReadTier(ref body)),
            Kind.Adjusted => new PointsAdjusted(SaleCodec.ReadAdjustment(ref body), body.SomeDay(), ReadPostings(ref body)),
            Kind.Enrolled => new MemberEnrolled(body.Time(), body.SomeDay(), body.Flag(), body.Flag(), ReadAlternativeIds(ref body), body.Wide()),
            Kind.Status => new StatusChanged((MemberStatus)body.Byte(), body.Text()!, body.Text()!, ReadPostings(ref body)),
            Kind.AlternativeIds => new AlternativeIdsReplaced(ReadAlternativeIds(ref body)),
            Kind.Imported => ReadImported(ref body),
            Kind.Refused => SaleCodec.ReadRefused(ref body),
            _ => ReadSpending(kind, ref body) ?? ReadTransfer(kind, ref body) ?? ReadHousehold(kind, ref body) ?? ReadExchange(kind, ref body) ?? ReadVouchers(kind, ref body) ?? throw new FormatException($"event type {(byte)kind} is not known"),
        };
    }

    /// <summary>Writes a snapshot.</summary>
    public static void Write(ByteWriter writer, MemberState state)
    {
        writer.Byte(HasSections(state) ? SnapshotWithSections : SnapshotVersion);
        writer.Byte((byte)state.Status);
        writer.Time(state.EnrolledAt);
        writer.Day(state.EnrolledOn);
        writer.Flag(state.IsAutomatic);
        writer.Wide(state.EnrolmentFingerprint);
        Write(writer, [.. state.AlternativeIds]);
        Write(writer, state.Tier);
        writer.Text(state.FixedLevel);
        writer.Day(state.ReviewedOn);
        writer.Day(state.LastGiven);
        writer.VarInt(state.Purchases);
        writer.VarInt(state.Returns);
        writer.VarInt(state.Spend);
        writer.Count(state.Waiting.Length);
        foreach (var waiting in state.Waiting)
        {
            SaleCodec.Write(writer, waiting);
        }

        var history = state.History;
        Write(writer, history.Earlier);
        writer.Day(history.FixedOn);
        writer.Day(history.Fixed.Since);
        writer.Day(history.Fixed.Through);
        writer.Count(history.Days.Length);
        foreach (var day in history.Days)
        {
            Write(writer, day);
        }

        writer.Count(state.Books.Count());
        for (var book = state.FirstBook; book is not null; book = book.Next)
        {
            writer.Text(book.Unit);
            writer.VarInt(book.Debt);
            writer.Day(book.ForgottenThrough);
            Write(writer, book.Lots);
            Write(writer, book.Lapsed);
        }

        WriteSections(writer, state);
    }

    /// <summary>Reads a snapshot, or null when it has another form.</summary>
    public static MemberState? ReadSnapshot(string id, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var version = reader.Byte();
        if (version is not (SnapshotVersion or SnapshotWithSections))
        {
            return null;
        }

        var state = new MemberState(id);
        var (status, enrolledAt, enrolledOn, automatic, fingerprint) =
            ((MemberStatus)reader.Byte(), reader.Time(), reader.SomeDay(), reader.Flag(), reader.Wide());
        var alternativeIds = ReadAlternativeIds(ref reader);
        var tier = ReadTier(ref reader);
        var (fixedLevel, reviewedOn, lastGiven) = (reader.Text(), reader.SomeDay(), reader.Day());
        var (purchases, returns, spend) = (reader.VarInt(), reader.VarInt(), reader.VarInt());
        var waiting = new Return[reader.Count()];
        for (var i = 0; i < waiting.Length; i++)
        {
            waiting[i] = SaleCodec.ReadReturn(ref reader);
        }

        state.Restore(
            status, enrolledAt, enrolledOn, automatic, fingerprint, alternativeIds, tier, fixedLevel, reviewedOn, lastGiven, purchases, returns, spend, waiting);

        var earlier = ReadDay(ref reader);
        var (fixedOn, since, through) = (reader.SomeDay(), reader.SomeDay(), reader.Day());
        var days = new ProgressDay[reader.Count()];
        for (var i = 0; i < days.Length; i++)
        {
            days[i] = ReadDay(ref reader);
        }

        state.History.Restore(days, earlier, fixedOn, new(0, since, through));
        for (var books = reader.Count(); books > 0; books--)
        {
            var book = state.Book(reader.Text()!);
            book.Debt = reader.VarInt();
            book.ForgottenThrough = reader.SomeDay();
            foreach (var lot in ReadLots(ref reader))
            {
                if (lot.Points <= 0 || lot.Points > long.MaxValue - book.InLots)
                {
                    throw new FormatException($"lots of {book.Unit} have no points, or more than there can be");
                }

                book.Add(lot.Id, lot.Points);
            }

            foreach (var lot in ReadLots(ref reader))
            {
                book.AddLapsed(lot.Id, lot.Points);
            }
        }

        if (version == SnapshotWithSections)
        {
            ReadSections(ref reader, state);
        }

        return state;
    }

    private static void Frame<T>(ByteWriter writer, Kind kind, T fact, Action<ByteWriter, T> body, byte schema = 1)
    {
        writer.Byte((byte)kind);
        writer.Byte(schema);
        writer.Framed(fact, body);
    }

    private static void Write(ByteWriter writer, PurchaseRecorded e)
    {
        SaleCodec.Write(writer, e.Purchase);
        writer.Count(e.ProgramVersion);
        writer.Text(e.Tier);
        writer.Day(e.Day);
        Write(writer, e.Awards);
        writer.VarInt(e.ProgressPoints);
        if (SectionsOf(e) > 0)
        {
            WriteSections(writer, e);
        }
    }

    private static PurchaseRecorded ReadPurchase(ref ByteReader reader) =>
        new(SaleCodec.ReadPurchase(ref reader), (int)reader.VarUInt(), reader.Text(), reader.SomeDay(), ReadAwards(ref reader), reader.VarInt());

    private static void Write(ByteWriter writer, RequestAnswered e)
    {
        writer.Count(e.Balances.Length);
        foreach (ref readonly var balance in e.Balances.AsSpan())
        {
            writer.Text(balance.Unit);
            writer.VarInt(balance.Available);
            writer.VarInt(balance.Pending);
            writer.VarInt(balance.Held);
        }

        writer.Text(e.Tier);
    }

    private static RequestAnswered ReadAnswered(ref ByteReader reader)
    {
        var balances = new Balance[reader.Count()];
        for (var i = 0; i < balances.Length; i++)
        {
            balances[i] = new(reader.Text()!, reader.VarInt(), reader.VarInt(), reader.VarInt());
        }

        return new(balances, reader.Text());
    }

    private static void Write(ByteWriter writer, ReturnRecorded e)
    {
        SaleCodec.Write(writer, e.Return);
        writer.Day(e.Day);
        writer.Flag(e.After is not null);
        if (e.After is { } after)
        {
            writer.Text(after.Id);
            writer.Day(after.Day);
            writer.Count(after.ProgramVersion);
            writer.Text(after.Tier);
            SaleCodec.Write(writer, after.Lines);
            Write(writer, after.Awards);
        }

        writer.Count(e.Takes.Length);
        foreach (var take in e.Takes)
        {
            writer.Text(take.Rule);
            writer.Text(take.Unit);
            writer.VarInt(take.Points);
        }

        Write(writer, e.Postings);
        writer.VarInt(e.Spend);
        writer.VarInt(e.ProgressPoints);
        writer.Count(e.Visits);
        writer.Flag(e.Waited);
        if (SectionsOf(e) > 0)
        {
            WriteSections(writer, e);
        }
    }

    private static ReturnRecorded ReadReturn(ref ByteReader reader)
    {
        var request = SaleCodec.ReadReturn(ref reader);
        var day = reader.SomeDay();
        PurchaseState? after = null;
        if (reader.Flag())
        {
            after = new(reader.Text()!, reader.SomeDay(), (int)reader.VarUInt(), reader.Text(), SaleCodec.ReadLines(ref reader), ReadAwards(ref reader));
        }

        var takes = new TakeBack[reader.Count()];
        for (var i = 0; i < takes.Length; i++)
        {
            takes[i] = new(reader.Text()!, reader.Text()!, reader.VarInt());
        }

        return new(request, day, after, takes, ReadPostings(ref reader), reader.VarInt(), reader.VarInt(), (int)reader.VarUInt(), reader.Flag());
    }

    private static void Write(ByteWriter writer, PointsLapsed e)
    {
        writer.Text(e.Unit);
        Write(writer, e.Lots);
        writer.Time(e.At);
    }

    private static void Write(ByteWriter writer, TierChanged e)
    {
        Write(writer, e.From);
        Write(writer, e.To);
        writer.Byte((byte)e.Reason);
        writer.Day(e.ReviewedOn);
    }

    private static void Write(ByteWriter writer, PointsAdjusted e)
    {
        SaleCodec.Write(writer, e.Adjustment);
        writer.Day(e.Day);
        Write(writer, e.Postings);
    }

    private static void Write(ByteWriter writer, MemberEnrolled e)
    {
        writer.Time(e.At);
        writer.Day(e.On);
        writer.Flag(e.Automatic);
        writer.Flag(e.IsFirst);
        Write(writer, e.AlternativeIds);
        writer.Wide(e.Fingerprint);
    }

    private static void Write(ByteWriter writer, StatusChanged e)
    {
        writer.Byte((byte)e.Status);
        writer.Text(e.Reason);
        writer.Text(e.Author);
        Write(writer, e.Postings);
    }

    private static void Write(ByteWriter writer, Award[] awards)
    {
        writer.Count(awards.Length);
        foreach (ref readonly var award in awards.AsSpan())
        {
            writer.Text(award.Rule);
            writer.Text(award.Unit);
            writer.VarInt(award.Points);
            writer.Flag(award.IsTierBonus);
            Write(writer, award.Lot);
        }
    }

    private static Award[] ReadAwards(ref ByteReader reader)
    {
        var awards = new Award[reader.Count()];
        for (var i = 0; i < awards.Length; i++)
        {
            awards[i] = new(reader.Text()!, reader.Text()!, reader.VarInt(), reader.Flag(), ReadLotId(ref reader));
        }

        return awards;
    }

    private static void Write(ByteWriter writer, Posting[] postings)
    {
        writer.Count(postings.Length);
        foreach (ref readonly var posting in postings.AsSpan())
        {
            writer.Text(posting.Unit);
            writer.Byte((byte)posting.Place);
            writer.VarInt(posting.Points);
            if (posting.Place is PostingPlace.Lot or PostingPlace.Lapsed)
            {
                Write(writer, posting.Lot);
            }
        }
    }

    private static Posting[] ReadPostings(ref ByteReader reader)
    {
        var postings = new Posting[reader.Count()];
        for (var i = 0; i < postings.Length; i++)
        {
            var (unit, place, points) = (reader.Text()!, (PostingPlace)reader.Byte(), reader.VarInt());
            postings[i] = new(unit, place, place is PostingPlace.Lot or PostingPlace.Lapsed ? ReadLotId(ref reader) : default, points);
        }

        return postings;
    }

    private static void Write(ByteWriter writer, ReadOnlySpan<Lot> lots)
    {
        writer.Count(lots.Length);
        foreach (ref readonly var lot in lots)
        {
            Write(writer, lot.Id);
            writer.VarInt(lot.Points);
        }
    }

    private static Lot[] ReadLots(ref ByteReader reader)
    {
        var lots = new Lot[reader.Count()];
        for (var i = 0; i < lots.Length; i++)
        {
            lots[i] = new(ReadLotId(ref reader), reader.VarInt());
        }

        return lots;
    }

    private static void Write(ByteWriter writer, LotId lot)
    {
        writer.Day(lot.EarnedOn);
        writer.Day(lot.AvailableOn == lot.EarnedOn ? null : lot.AvailableOn);
        writer.Day(lot.LastDay);
    }

    private static LotId ReadLotId(ref ByteReader reader)
    {
        var earned = reader.SomeDay();
        return new(earned, reader.Day() ?? earned, reader.Day());
    }

    private static void Write(ByteWriter writer, ProgressDay day)
    {
        writer.Day(day.Date);
        writer.VarInt(day.Spend);
        writer.VarInt(day.Points);
        writer.VarInt(day.Visits);
    }

    private static ProgressDay ReadDay(ref ByteReader reader) => new(reader.SomeDay(), reader.VarInt(), reader.VarInt(), reader.VarInt());

    private static void Write(ByteWriter writer, HeldTier tier)
    {
        writer.Text(tier.Level);
        writer.Day(tier.Since);
        writer.Day(tier.Through);
    }

    private static HeldTier ReadTier(ref ByteReader reader) => new(reader.Text(), reader.SomeDay(), reader.Day());

    private static void Write(ByteWriter writer, AlternativeId[] ids)
    {
        writer.Count(ids.Length);
        foreach (var id in ids)
        {
            writer.Text(id.Type);
            writer.Text(id.Value);
        }
    }

    private static AlternativeId[] ReadAlternativeIds(ref ByteReader reader)
    {
        var ids = new AlternativeId[reader.Count()];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = new(reader.Text()!, reader.Text()!);
        }

        return ids;
    }
}
