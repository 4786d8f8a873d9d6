using Loyalty.Domain.Encoding;
using Loyalty.Domain.Validation;

namespace Loyalty.Domain.Exchange;

/// <summary>
/// The stored form of <see cref="PoolEvent"/> and of a pool's snapshot: a type byte, a schema version byte and a framed body. A type's number is never used again.
/// </summary>
public static class PoolCodec
{
    private enum Kind : byte
    {
        Defined = 1,
        Funded = 2,
        Reserved = 3,
        Committed = 4,
        Released = 5,
        Refused = 6,
        Parked = 7,
        Alerted = 8,
        PeriodClosed = 9,
        Moved = 10,
        Asked = 11,
    }

    /// <summary>Writes an event.</summary>
    public static void Write(ByteWriter writer, PoolEvent fact)
    {
        switch (fact)
        {
            case PoolReserved e: Frame(writer, Kind.Reserved, e.Reservation, Write); break;
            case PoolCommitted e: Frame(writer, Kind.Committed, e, static (w, e) => { Write(w, e.Reservation); w.Time(e.At); w.Text(e.Reference); w.VarInt(e.Line); }); break;
            case PoolReleased e: Frame(writer, Kind.Released, e.Reservation, Write); break;
            case PoolRefused e: Frame(writer, Kind.Refused, e.Refused, SaleCodec.Write); break;
            case PoolFunded e: Frame(writer, Kind.Funded, e, static (w, e) => { ExchangeRequestCodec.Write(w, e.Funding); w.Flag(e.IsPoints); w.Time(e.At); w.VarInt(e.Line); }); break;
            case PoolParked e: Frame(writer, Kind.Parked, e, static (w, e) => { w.Text(e.Exchange); w.Flag(e.IsParked); }); break;
            case PoolAlerted e: Frame(writer, Kind.Alerted, e, static (w, e) => { w.Flag(e.IsPoints); w.Flag(e.IsLow); w.VarInt(e.Free); }); break;
            case PoolPeriodClosed e: Frame(writer, Kind.PeriodClosed, e, static (w, e) => { Write(w, e.Period); w.Time(e.From); w.Time(e.Until); w.Text(e.Name); }); break;
            case PoolMoved e: Frame(writer, Kind.Moved, e, static (w, e) => { w.Count(e.Shard); Write(w, e.Change); w.Time(e.At); w.VarInt(e.Line); }); break;
            case PoolAsked e: Frame(writer, Kind.Asked, e, static (w, e) => w.Time(e.At)); break;
            case PoolDefined e: Frame(writer, Kind.Defined, e, static (w, e) => { Write(w, e.Definition); w.Time(e.At); w.Day(e.On); }); break;
            default: throw new InvalidOperationException($"no form for {fact?.GetType().Name}");
        }
    }

    /// <summary>Reads the next event.</summary>
    /// <exception cref="FormatException">The bytes are no event that this version of the engine knows.</exception>
    public static PoolEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = ((Kind)reader.Byte(), reader.Byte());
        if (schema != 1)
        {
            throw new FormatException($"pool event {kind} has schema version {schema}; this engine knows version 1: a newer engine wrote it");
        }

        var body = new ByteReader(reader.Bytes());
        return kind switch
        {
            Kind.Reserved => new PoolReserved(ReadReservation(ref body)),
            Kind.Committed => new PoolCommitted(ReadReservation(ref body), body.Time(), body.Text(), body.VarInt()),
            Kind.Released => new PoolReleased(ReadReservation(ref body)),
            Kind.Refused => new PoolRefused(SaleCodec.ReadRefused(ref body)),
            Kind.Funded => new PoolFunded(ExchangeRequestCodec.ReadFunding(ref body), body.Flag(), body.Time(), body.VarInt()),
            Kind.Parked => new PoolParked(body.Text()!, body.Flag()),
            Kind.Alerted => new PoolAlerted(body.Flag(), body.Flag(), body.VarInt()),
            Kind.PeriodClosed => new PoolPeriodClosed(ReadPeriod(ref body), body.Time(), body.Time(), body.Text()!),
            Kind.Moved => new PoolMoved((int)body.VarUInt(), ReadPosition(ref body), body.Time(), body.VarInt()),
            Kind.Asked => new PoolAsked(body.Time()),
            Kind.Defined => new PoolDefined(ReadDefinition(ref body), body.Time(), body.SomeDay()),
            _ => throw new FormatException($"pool event type {(byte)kind} is not known: a newer engine wrote it"),
        };
    }

    /// <summary>Writes a reservation.</summary>
    public static void Write(ByteWriter writer, Reservation r)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(r);
        writer.Text(r.Exchange);
        writer.Text(r.Pool);
        writer.Text(r.Member);
        writer.Text(r.Account);
        writer.Byte((byte)r.Direction);
        writer.Text(r.Unit);
        writer.Text(r.PartnerUnit);
        writer.VarInt(r.Points);
        writer.VarInt(r.Fee);
        writer.VarInt(r.Units);
        writer.VarInt(r.Rate?.Numerator ?? 0);
        writer.VarInt(r.Rate?.Denominator ?? 1);
        writer.VarInt(r.ServiceFee);
        writer.Day(r.Day);
        writer.Count(r.Version);
        writer.Count(r.Shard);
        writer.Text(r.Connector);
        writer.Count(r.Retry.Attempts);
        writer.Count(r.Retry.FirstSeconds);
        writer.Count(r.Retry.MaxSeconds);
        writer.VarInt(r.MemberDay ?? -1);
    }

    /// <summary>Reads a reservation.</summary>
    public static Reservation ReadReservation(ref ByteReader reader) => new()
    {
        Exchange = reader.Text()!,
        Pool = reader.Text()!,
        Member = reader.Text()!,
        Account = reader.Text(),
        Direction = (ExchangeDirection)reader.Byte(),
        Unit = reader.Text()!,
        PartnerUnit = reader.Text()!,
        Points = reader.VarInt(),
        Fee = reader.VarInt(),
        Units = reader.VarInt(),
        Rate = (reader.VarInt(), reader.VarInt()) is (> 0, > 0) rate ? new Ratio(rate.Item1, rate.Item2) : null,
        ServiceFee = reader.VarInt(),
        Day = reader.SomeDay(),
        Version = (int)reader.VarUInt(),
        Shard = (int)reader.VarUInt(),
        Connector = reader.Text(),
        Retry = new((int)reader.VarUInt(), (int)reader.VarUInt(), (int)reader.VarUInt()),
        MemberDay = reader.VarInt() is >= 0 and var limit ? limit : null,
    };

    /// <summary>Writes a snapshot.</summary>
    public static void Write(ByteWriter writer, PoolState state)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(state);
        writer.Byte(1);
        writer.Flag(state.Definition is not null);
        if (state.Definition is null)
        {
            return;
        }

        Write(writer, state.Definition);
        Write(writer, state.Free);
        Write(writer, state.Reserved);
        writer.Count(state.Open.Count);
        foreach (var reservation in state.Open.Values.OrderBy(open => open.Exchange, StringComparer.Ordinal))
        {
            Write(writer, reservation);
        }

        writer.Count(state.Parked.Count);
        foreach (var parked in state.Parked)
        {
            writer.Text(parked);
        }

        writer.Day(state.Day);
        foreach (var used in state.Used)
        {
            writer.VarInt(used);
        }

        Write(writer, state.Period!);
        writer.Day(state.FirstPeriod);
        writer.VarInt(state.Lines);
        writer.Text(state.Hash);
        writer.Flag(state.IsLowOnPoints);
        writer.Flag(state.IsLowOnUnits);
        writer.Flag(state.IsAsking);
        writer.Time(state.MovedAt);
    }

    /// <summary>Reads a snapshot, or null when it has another form.</summary>
    public static PoolState? ReadSnapshot(string id, ReadOnlySpan<byte> bytes, int shard = 0)
    {
        var reader = new ByteReader(bytes);
        if (reader.Byte() != 1)
        {
            return null;
        }

        var state = new PoolState(id, shard);
        if (!reader.Flag())
        {
            return state;
        }

        var (definition, free, reserved) = (ReadDefinition(ref reader), ReadPosition(ref reader), ReadPosition(ref reader));
        var open = new Reservation[reader.Count()];
        for (var i = 0; i < open.Length; i++)
        {
            open[i] = ReadReservation(ref reader);
        }

        var parked = new string[reader.Count()];
        for (var i = 0; i < parked.Length; i++)
        {
            parked[i] = reader.Text()!;
        }

        var day = reader.SomeDay();
        var used = new long[state.Used.Length];
        for (var i = 0; i < used.Length; i++)
        {
            used[i] = reader.VarInt();
        }

        state.Restore(
            definition, free, reserved, open, parked, day, used, ReadPeriod(ref reader), reader.SomeDay(), reader.VarInt(), reader.Text()!, reader.Flag(), reader.Flag(),
            !reader.AtEnd && reader.Flag(), reader.AtEnd ? default : reader.Time());
        return state;
    }

    /// <summary>Writes a definition.</summary>
    public static void Write(ByteWriter writer, PoolDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(definition);
        writer.Text(definition.Id);
        writer.Count(definition.Version);
        writer.Bytes(definition.Source.Span);
    }

    /// <summary>Reads a definition.</summary>
    /// <exception cref="FormatException">What was published once is not valid any more.</exception>
    public static PoolDefinition ReadDefinition(ref ByteReader reader)
    {
        var (id, version, source) = (reader.Text()!, (int)reader.VarUInt(), reader.Bytes().ToArray());
        var errors = new List<FieldError>();
        return PoolParser.Parse(source, id, version, null, null, errors)
            ?? throw new FormatException($"version {version} of pool {id} is not valid any more: {errors[0].Field} {errors[0].Message}");
    }

    /// <summary>Writes the sums of a period.</summary>
    public static void Write(ByteWriter writer, PoolPeriod period)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(period);
        writer.Day(period.Start);
        Write(writer, period.Opening);
        Write(writer, period.Closing);
        Write(writer, period.Reserved);
        Write(writer, period.Funded);
        Write(writer, period.Out);
        Write(writer, period.In);
        Write(writer, period.Earn);
        writer.VarInt(period.FirstLine);
        writer.VarInt(period.Lines);
        writer.Text(period.OpeningHash);
        writer.Text(period.ClosingHash);
    }

    /// <summary>Reads the sums of a period.</summary>
    public static PoolPeriod ReadPeriod(ref ByteReader reader) => new(
        reader.SomeDay(), ReadPosition(ref reader), ReadPosition(ref reader), ReadPosition(ref reader), ReadPosition(ref reader), ReadSums(ref reader), ReadSums(ref reader),
        ReadSums(ref reader), reader.VarInt(), reader.VarInt(), reader.Text()!, reader.Text()!);

    private static void Frame<T>(ByteWriter writer, Kind kind, T fact, Action<ByteWriter, T> body)
    {
        writer.Byte((byte)kind);
        writer.Byte(1);
        writer.Framed(fact, body);
    }

    private static void Write(ByteWriter writer, Position position)
    {
        writer.VarInt(position.Points);
        writer.VarInt(position.Units);
    }

    private static Position ReadPosition(ref ByteReader reader) => new(reader.VarInt(), reader.VarInt());

    private static void Write(ByteWriter writer, DirectionSums sums)
    {
        writer.VarInt(sums.Count);
        writer.VarInt(sums.Points);
        writer.VarInt(sums.Fees);
        writer.VarInt(sums.Units);
        writer.VarInt(sums.ServiceFees);
    }

    private static DirectionSums ReadSums(ref ByteReader reader) => new(reader.VarInt(), reader.VarInt(), reader.VarInt(), reader.VarInt(), reader.VarInt());
}
