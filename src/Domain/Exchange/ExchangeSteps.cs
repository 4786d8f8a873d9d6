using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;

namespace Loyalty.Domain.Exchange;

/// <summary>One step of an exchange, as it is sent to whoever does it. docs/EXCHANGE.md, "The saga".</summary>
/// <param name="Exchange">Id of the exchange.</param>
public abstract record ExchangeStep(string Exchange)
{
    /// <summary>
    /// The step's own identity where the receiver decides it once for ever; null: repeated it comes to the same. No sender's id begins like this: ids have no control characters.
    /// </summary>
    public string? RequestId => this switch
    {
        ReservePool => "\u0001reserve:" + Exchange,
        HoldPoints => "\u0001hold:" + Exchange,
        _ => null,
    };
}

/// <summary>The pool reserves.</summary>
/// <param name="Request">The exchange.</param>
/// <param name="Shard">Which of the pool's actors is asked.</param>
public sealed record ReservePool(ExchangeRequest Request, int Shard) : ExchangeStep(Request.Id);

/// <summary>The member holds points, or makes room for them.</summary>
public sealed record HoldPoints(Reservation Reservation) : ExchangeStep(Reservation.Exchange);

/// <summary>The partner is called.</summary>
/// <param name="Reservation">What is asked for.</param>
/// <param name="IsQuery">Asked for the status; else for the units.</param>
/// <param name="Call">Counted from 1.</param>
public sealed record CallPartner(Reservation Reservation, bool IsQuery, int Call) : ExchangeStep(Reservation.Exchange);

/// <summary>The pool commits.</summary>
public sealed record CommitPool(string Exchange, string Pool, int Shard, string? Reference) : ExchangeStep(Exchange);

/// <summary>Held points leave the member, or points come to it.</summary>
public sealed record CreditMember(string Exchange, string Member) : ExchangeStep(Exchange);

/// <summary>Held points go back to their lots.</summary>
public sealed record FreePoints(string Exchange, string Member) : ExchangeStep(Exchange);

/// <summary>The pool frees the reservation.</summary>
public sealed record ReleasePool(string Exchange, string Pool, int Shard) : ExchangeStep(Exchange);

/// <summary>The pool is told that an exchange needs an operator, or does not any more. Nobody waits for the answer.</summary>
public sealed record ParkAtPool(string Exchange, string Pool, int Shard, bool IsParked) : ExchangeStep(Exchange);

/// <summary>How a step ended.</summary>
public enum StepResult : byte
{
    /// <summary>Done, now or before.</summary>
    Done = 1,

    /// <summary>Refused, for ever.</summary>
    Refused = 2,

    /// <summary>Of the partner: no answer that can be trusted.</summary>
    Unknown = 3,

    /// <summary>Of the partner's status: it does not know the exchange.</summary>
    NotKnown = 4,

    /// <summary>Of a pool's shard: the pool's main actor has to decide. Nothing was decided here.</summary>
    Elsewhere = 5,
}

/// <summary>The answer to a step.</summary>
/// <param name="Result">How it ended.</param>
/// <param name="Refusal">Why not: of a refusal, and (with any code) of an unknown answer.</param>
/// <param name="Reservation">Of <see cref="ReservePool"/> that is done.</param>
/// <param name="Reference">Of the partner; null: none.</param>
public sealed record StepAnswer(StepResult Result, Refusal? Refusal = null, Reservation? Reservation = null, string? Reference = null)
{
    /// <summary>Done, with nothing more to say.</summary>
    public static readonly StepAnswer Done = new(StepResult.Done);

    /// <summary>Refused.</summary>
    public static StepAnswer Refused(Refusal refusal) => new(StepResult.Refused, refusal);
}

/// <summary>The stored form of steps and their answers: in the outbox, in the books, and between silos.</summary>
public static class ExchangeStepCodec
{
    /// <summary>Writes a step.</summary>
    public static void Write(ByteWriter writer, ExchangeStep step)
    {
        ArgumentNullException.ThrowIfNull(writer);
        switch (step)
        {
            case ReservePool s:
                writer.Byte(1);
                ExchangeRequestCodec.Write(writer, s.Request);
                writer.Count(s.Shard);
                break;
            case HoldPoints s:
                writer.Byte(2);
                PoolCodec.Write(writer, s.Reservation);
                break;
            case CallPartner s:
                writer.Byte(3);
                PoolCodec.Write(writer, s.Reservation);
                writer.Flag(s.IsQuery);
                writer.Count(s.Call);
                break;
            case CommitPool s:
                writer.Byte(4);
                writer.Text(s.Exchange);
                writer.Text(s.Pool);
                writer.Count(s.Shard);
                writer.Text(s.Reference);
                break;
            case CreditMember s:
                writer.Byte(5);
                writer.Text(s.Exchange);
                writer.Text(s.Member);
                break;
            case FreePoints s:
                writer.Byte(6);
                writer.Text(s.Exchange);
                writer.Text(s.Member);
                break;
            case ReleasePool s:
                writer.Byte(7);
                writer.Text(s.Exchange);
                writer.Text(s.Pool);
                writer.Count(s.Shard);
                break;
            case ParkAtPool s:
                writer.Byte(8);
                writer.Text(s.Exchange);
                writer.Text(s.Pool);
                writer.Count(s.Shard);
                writer.Flag(s.IsParked);
                break;
            default:
                throw new InvalidOperationException($"no form for {step?.GetType().Name}");
        }
    }

    /// <summary>Reads a step.</summary>
    /// <exception cref="FormatException">It is none that this version of the engine knows.</exception>
    public static ExchangeStep ReadStep(ref ByteReader reader)
    {
        var kind = reader.Byte();
        return kind switch
        {
            1 => new ReservePool(ExchangeRequestCodec.ReadExchange(ref reader), (int)reader.VarUInt()),
            2 => new HoldPoints(PoolCodec.ReadReservation(ref reader)),
            3 => new CallPartner(PoolCodec.ReadReservation(ref reader), reader.Flag(), (int)reader.VarUInt()),
            4 => new CommitPool(reader.Text()!, reader.Text()!, (int)reader.VarUInt(), reader.Text()),
            5 => new CreditMember(reader.Text()!, reader.Text()!),
            6 => new FreePoints(reader.Text()!, reader.Text()!),
            7 => new ReleasePool(reader.Text()!, reader.Text()!, (int)reader.VarUInt()),
            8 => new ParkAtPool(reader.Text()!, reader.Text()!, (int)reader.VarUInt(), reader.Flag()),
            _ => throw new FormatException($"step {kind} of an exchange is not known: a newer engine wrote it"),
        };
    }

    /// <summary>Writes an answer.</summary>
    public static void Write(ByteWriter writer, StepAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(answer);
        writer.Byte((byte)answer.Result);
        writer.Text(answer.Refusal?.Code);
        writer.Text(answer.Refusal?.Field);
        writer.Text(answer.Refusal?.Detail);
        writer.Text(answer.Reference);
        writer.Flag(answer.Reservation is not null);
        if (answer.Reservation is { } reservation)
        {
            PoolCodec.Write(writer, reservation);
        }
    }

    /// <summary>Reads an answer.</summary>
    public static StepAnswer ReadAnswer(ref ByteReader reader)
    {
        var result = (StepResult)reader.Byte();
        var (code, field, detail) = (reader.Text(), reader.Text(), reader.Text());
        var reference = reader.Text();
        return new(result, code is null ? null : new(code, field!, detail!), reader.Flag() ? PoolCodec.ReadReservation(ref reader) : null, reference);
    }
}
