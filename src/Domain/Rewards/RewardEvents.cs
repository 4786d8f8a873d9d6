using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Rewards;

/// <summary>A fact of a reward.</summary>
public abstract record RewardEvent;

/// <summary>An entry was put, or a new revision of it; if it was withdrawn, it is there again.</summary>
public sealed record RewardPut(RewardDefinition Definition) : RewardEvent;

/// <summary>The entry ended for new holds.</summary>
public sealed record RewardWithdrawn(string Reason, string Author) : RewardEvent;

/// <summary>The stock was changed by hand.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="FreeAfter">Free stock after it.</param>
public sealed record StockChanged(StockChange Request, long FreeAfter) : RewardEvent;

/// <summary>Reserved for a hold.</summary>
public sealed record RewardReserved(string Hold, int Quantity) : RewardEvent;

/// <summary>A reservation ended: redeemed, or free again.</summary>
public sealed record RewardEnded(string Hold, bool IsConfirmed) : RewardEvent;

/// <summary>A redemption was reversed.</summary>
public sealed record RewardRestocked(string Hold, int Quantity) : RewardEvent;

/// <summary>A change of stock was refused by a rule.</summary>
public sealed record StockChangeRefused(RequestRefused Refused) : RewardEvent;

/// <summary>The stored form of rewards: a type byte, a schema version byte and a framed body.</summary>
public static class RewardCodec
{
    /// <summary>Writes an event.</summary>
    public static void Write(ByteWriter writer, RewardEvent fact)
    {
        writer.Byte(fact switch { RewardPut => 1, RewardWithdrawn => 2, StockChanged => 3, RewardReserved => 4, RewardEnded => 5, RewardRestocked => 6, _ => 7 });
        writer.Byte(1);
        writer.Framed(fact, static (writer, fact) =>
        {
            switch (fact)
            {
                case RewardPut e:
                    Write(writer, e.Definition);
                    break;
                case RewardWithdrawn e:
                    writer.Text(e.Reason);
                    writer.Text(e.Author);
                    break;
                case StockChanged e:
                    SpendingCodec.Write(writer, e.Request);
                    writer.VarInt(e.FreeAfter);
                    break;
                case RewardReserved e:
                    writer.Text(e.Hold);
                    writer.VarInt(e.Quantity);
                    break;
                case RewardEnded e:
                    writer.Text(e.Hold);
                    writer.Flag(e.IsConfirmed);
                    break;
                case RewardRestocked e:
                    writer.Text(e.Hold);
                    writer.VarInt(e.Quantity);
                    break;
                case StockChangeRefused e:
                    SaleCodec.Write(writer, e.Refused);
                    break;
            }
        });
    }

    /// <summary>Reads the next event.</summary>
    /// <exception cref="FormatException">The bytes are no event that this version of the engine knows.</exception>
    public static RewardEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = (reader.Byte(), reader.Byte());
        var body = new ByteReader(reader.Bytes());
        return (kind, schema) switch
        {
            (1, 1) => new RewardPut(ReadDefinition(ref body)),
            (2, 1) => new RewardWithdrawn(body.Text()!, body.Text()!),
            (3, 1) => new StockChanged(SpendingCodec.ReadStockChange(ref body), body.VarInt()),
            (4, 1) => new RewardReserved(body.Text()!, (int)body.VarInt()),
            (5, 1) => new RewardEnded(body.Text()!, body.Flag()),
            (6, 1) => new RewardRestocked(body.Text()!, (int)body.VarInt()),
            (7, 1) => new StockChangeRefused(SaleCodec.ReadRefused(ref body)),
            _ => throw new FormatException($"reward event type {kind} with schema version {schema} is not known: a newer engine wrote it"),
        };
    }

    /// <summary>Writes an entry.</summary>
    public static void Write(ByteWriter writer, RewardDefinition definition)
    {
        writer.Text(definition.Id);
        writer.Count(definition.Revision);
        writer.Text(definition.Name);
        writer.Byte((byte)definition.Type);
        writer.Text(definition.Unit);
        writer.VarInt(definition.Points);
        writer.VarInt(definition.Money);
        writer.Flag(definition.LimitedStock);
        writer.VarInt(definition.Limit?.Quantity ?? 0);
        writer.Byte((byte)(definition.Limit?.Period ?? 0));
        writer.Count(definition.Tiers.Count);
        foreach (var tier in definition.Tiers)
        {
            writer.Text(tier);
        }

        writer.Flag(definition.ValidFrom is not null);
        if (definition.ValidFrom is { } from)
        {
            writer.Time(from);
        }

        writer.Flag(definition.ValidUntil is not null);
        if (definition.ValidUntil is { } until)
        {
            writer.Time(until);
        }
    }

    /// <summary>Reads an entry.</summary>
    public static RewardDefinition ReadDefinition(ref ByteReader reader)
    {
        var (id, revision, name, type, unit) = (reader.Text()!, (int)reader.VarUInt(), reader.Text()!, (RewardType)reader.Byte(), reader.Text()!);
        var (points, money, limited, quantity, period) = (reader.VarInt(), reader.VarInt(), reader.Flag(), (int)reader.VarInt(), (RewardPeriod)reader.Byte());
        var tiers = new string[reader.Count()];
        for (var i = 0; i < tiers.Length; i++)
        {
            tiers[i] = reader.Text()!;
        }

        return new(
            id, revision, name, type, unit, points, money, limited, quantity == 0 ? null : new(quantity, period), tiers,
            reader.Flag() ? reader.Time() : null, reader.Flag() ? reader.Time() : null);
    }
}
