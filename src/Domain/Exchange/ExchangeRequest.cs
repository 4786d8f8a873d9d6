using Loyalty.Domain.Encoding;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Exchange;

/// <summary>Which way an exchange goes.</summary>
public enum ExchangeDirection : byte
{
    /// <summary>Points leave the member; partner units come to its account there.</summary>
    Out = 1,

    /// <summary>Partner units leave the member's account there; points come to the member.</summary>
    In = 2,

    /// <summary>The partner gives points, out of the pool.</summary>
    Earn = 3,
}

/// <summary>A member exchanges, or earns at a partner. docs/EXCHANGE.md is the specification.</summary>
public sealed record ExchangeRequest : Request
{
    /// <summary>Which pool.</summary>
    public required string Pool { get; init; }

    /// <summary>Whose points.</summary>
    public required string Member { get; init; }

    /// <summary>Which way.</summary>
    public required ExchangeDirection Direction { get; init; }

    /// <summary>Points of <see cref="ExchangeDirection.Out"/> and <see cref="ExchangeDirection.Earn"/>, partner units of <see cref="ExchangeDirection.In"/>; 1 to <see cref="RequestLimits.Amount"/>.</summary>
    public required long Amount { get; init; }

    /// <summary>The member's account at the partner, 1 to 128 characters; null: none was given.</summary>
    public string? Account { get; init; }
}

/// <summary>Liquidity that is put into a pool, or taken out of it, by hand.</summary>
public sealed record PoolFunding : Request
{
    /// <summary>Which pool.</summary>
    public required string Pool { get; init; }

    /// <summary>The pool's unit of points, or its partner unit.</summary>
    public required string Unit { get; init; }

    /// <summary>Above 0: put in; below: taken out; not 0; at most <see cref="PoolState.MaxFunding"/> either way.</summary>
    public required long Amount { get; init; }

    /// <summary>Why, for the auditor.</summary>
    public required string Reason { get; init; }

    /// <summary>Who decided.</summary>
    public required string Author { get; init; }
}

/// <summary>The stored form of requests about exchanges; their fingerprints are taken of it, so it never changes.</summary>
public static class ExchangeRequestCodec
{
    /// <summary>Writes an exchange.</summary>
    public static void Write(ByteWriter writer, ExchangeRequest request)
    {
        writer.Text(request.Id);
        writer.Text(request.Pool);
        writer.Text(request.Member);
        writer.Byte((byte)request.Direction);
        writer.VarInt(request.Amount);
        writer.Text(request.Account);
    }

    /// <summary>Reads an exchange.</summary>
    public static ExchangeRequest ReadExchange(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        Pool = reader.Text()!,
        Member = reader.Text()!,
        Direction = (ExchangeDirection)reader.Byte(),
        Amount = reader.VarInt(),
        Account = reader.Text(),
    };

    /// <summary>Writes a funding.</summary>
    public static void Write(ByteWriter writer, PoolFunding request)
    {
        writer.Text(request.Id);
        writer.Text(request.Pool);
        writer.Text(request.Unit);
        writer.VarInt(request.Amount);
        writer.Text(request.Reason);
        writer.Text(request.Author);
    }

    /// <summary>Reads a funding.</summary>
    public static PoolFunding ReadFunding(ref ByteReader reader) => new()
    {
        Id = reader.Text()!,
        Pool = reader.Text()!,
        Unit = reader.Text()!,
        Amount = reader.VarInt(),
        Reason = reader.Text()!,
        Author = reader.Text()!,
    };
}
