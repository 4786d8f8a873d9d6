using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;

namespace Loyalty.Domain.Exchange;

/// <summary>The stored form of <see cref="ExchangeEvent"/> and of an exchange's snapshot: a type byte, a schema version byte and a framed body.</summary>
public static class ExchangeCodec
{
    private enum Kind : byte
    {
        Started = 1,
        Stepped = 2,
        Asked = 3,
        Resolved = 4,
    }

    /// <summary>Writes an event.</summary>
    public static void Write(ByteWriter writer, ExchangeEvent fact)
    {
        switch (fact)
        {
            case ExchangeStarted e: Frame(writer, Kind.Started, e, static (w, e) => { ExchangeRequestCodec.Write(w, e.Request); w.Time(e.At); WriteShard(w, e.Shard); }); break;
            case ExchangeStepped e: Frame(writer, Kind.Stepped, e, static (w, e) => { ExchangeStepCodec.Write(w, e.Answer); w.Time(e.At); }); break;
            case ExchangeAsked e: Frame(writer, Kind.Asked, e, static (w, e) => w.Time(e.At)); break;
            case ExchangeResolved e:
                Frame(writer, Kind.Resolved, e, static (w, e) => { w.Byte((byte)e.Resolution); w.Text(e.Reason); w.Text(e.Author); w.Text(e.Reference); w.Time(e.At); });
                break;
            default: throw new InvalidOperationException($"no form for {fact?.GetType().Name}");
        }
    }

    /// <summary>Reads the next event.</summary>
    /// <exception cref="FormatException">The bytes are no event that this version of the engine knows.</exception>
    public static ExchangeEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = ((Kind)reader.Byte(), reader.Byte());
        var body = new ByteReader(reader.Bytes());
        return (kind, schema) switch
        {
            (Kind.Started, 1) => new ExchangeStarted(ExchangeRequestCodec.ReadExchange(ref body), body.Time(), ReadShard(ref body)),
            (Kind.Stepped, 1) => new ExchangeStepped(ExchangeStepCodec.ReadAnswer(ref body), body.Time()),
            (Kind.Asked, 1) => new ExchangeAsked(body.Time()),
            (Kind.Resolved, 1) => new ExchangeResolved((ExchangeResolution)body.Byte(), body.Text()!, body.Text()!, body.Text(), body.Time()),
            _ => throw new FormatException($"exchange event type {(byte)kind} with schema version {schema} is not known: a newer engine wrote it"),
        };
    }

    /// <summary>Writes a snapshot; also what silos tell each other of an exchange.</summary>
    public static void Write(ByteWriter writer, ExchangeState state)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(state);
        writer.Byte(1);
        writer.Byte((byte)state.Stage);
        if (state.Request is null)
        {
            return;
        }

        ExchangeRequestCodec.Write(writer, state.Request);
        writer.Flag(state.Reservation is not null);
        if (state.Reservation is { } reservation)
        {
            PoolCodec.Write(writer, reservation);
        }

        writer.Count(state.Calls);
        writer.Flag(state.IsQuery);
        writer.Time(state.NextCallAt);
        writer.Text(state.Reference);
        writer.Text(state.Refusal?.Code);
        writer.Text(state.Refusal?.Field);
        writer.Text(state.Refusal?.Detail);
        writer.Text(state.Problem);
        writer.Time(state.StartedAt);
        writer.Time(state.ChangedAt);
        WriteShard(writer, state.Shard);
    }

    /// <summary>Reads a snapshot, or null when it has another form.</summary>
    public static ExchangeState? ReadSnapshot(string id, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (reader.Byte() != 1)
        {
            return null;
        }

        var state = new ExchangeState(id);
        var stage = (ExchangeStage)reader.Byte();
        if (stage == ExchangeStage.None)
        {
            return state;
        }

        var request = ExchangeRequestCodec.ReadExchange(ref reader);
        var reservation = reader.Flag() ? PoolCodec.ReadReservation(ref reader) : null;
        var (calls, isQuery, next, reference) = ((int)reader.VarUInt(), reader.Flag(), reader.Time(), reader.Text());
        var (code, field, detail) = (reader.Text(), reader.Text(), reader.Text());
        state.Restore(
            request, stage, reservation, calls, isQuery, next, reference, code is null ? null : new Refusal(code, field!, detail!), reader.Text(), reader.Time(), reader.Time(), ReadShard(ref reader));
        return state;
    }

    /// <summary>The main actor of a pool is written as nothing: pools with shards came later.</summary>
    private static void WriteShard(ByteWriter writer, int shard)
    {
        if (shard > 0)
        {
            writer.Count(shard);
        }
    }

    private static int ReadShard(ref ByteReader reader) => reader.AtEnd ? 0 : (int)reader.VarUInt();

    private static void Frame<T>(ByteWriter writer, Kind kind, T fact, Action<ByteWriter, T> body)
    {
        writer.Byte((byte)kind);
        writer.Byte(1);
        writer.Framed(fact, body);
    }
}
