using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>What a pool's main actor and its shards tell each other, by the outbox: each message is applied once.</summary>
internal static class PoolMessages
{
    private enum Kind : byte
    {
        Define = 1,
        Ask = 2,
        Lease = 3,
        Back = 4,
    }

    /// <summary>The main actor tells its shards of a new version.</summary>
    public static void Tell(PoolState pool, List<PoolEvent> raised, Turn turn)
    {
        for (var shard = 1; pool.Definition is { Shards: > 1 } definition && shard <= definition.Shards && raised.Exists(static fact => fact is PoolDefined); shard++)
        {
            Send(turn, pool, shard, Kind.Define, definition, static (writer, definition) => PoolCodec.Write(writer, definition));
        }
    }

    /// <summary>A shard asks for liquidity, unless it did lately.</summary>
    public static void Ask(PoolState pool, PoolDecider decider, Turn turn)
    {
        if (decider.Ask())
        {
            Send(turn, pool, 0, Kind.Ask, pool.Shard, static (writer, shard) => writer.Count(shard));
        }
    }

    /// <summary>A shard gives back what is free when its lease is over.</summary>
    public static void GiveBack(PoolState pool, PoolDecider decider, Turn turn)
    {
        if (decider.GiveBack() is var back && back != default)
        {
            Send(turn, pool, 0, Kind.Back, (pool.Shard, back), static (writer, x) => Write(writer, x.Shard, x.back));
        }
    }

    /// <summary>Decides on a message.</summary>
    public static void Decide(PoolState pool, PoolDecider decider, EffectCommand effect, Turn turn)
    {
        var reader = new ByteReader(effect.Message.Span);
        switch ((Kind)reader.Byte())
        {
            case Kind.Define:
                decider.Adopt(PoolCodec.ReadDefinition(ref reader));
                break;
            case Kind.Ask:
                var shard = (int)reader.VarUInt();
                Send(turn, pool, shard, Kind.Lease, decider.Lend(shard), static (writer, lease) => Write(writer, 0, lease));
                break;
            case Kind.Lease or Kind.Back:
                decider.Take((int)reader.VarUInt(), new(reader.VarInt(), reader.VarInt()));
                break;
            default:
                throw new FormatException("a message between a pool's actors is not known: a newer engine wrote it");
        }
    }

    private static void Write(ByteWriter writer, int from, Position change)
    {
        writer.Count(from);
        writer.VarInt(change.Points);
        writer.VarInt(change.Units);
    }

    private static void Send<T>(Turn turn, PoolState pool, int to, Kind kind, T value, Action<ByteWriter, T> body)
    {
        var writer = new ByteWriter();
        writer.Byte((byte)kind);
        body(writer, value);
        turn.AddEffect(ActorIds.Pool(pool.Id, to), writer.Written.ToArray());
    }
}
