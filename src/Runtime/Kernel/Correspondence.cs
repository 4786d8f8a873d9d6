using Loyalty.Domain.Encoding;

namespace Loyalty.Runtime.Kernel;

/// <summary>An effect that waits for its delivery.</summary>
internal readonly record struct PendingEffect(long Sequence, ActorId Target, byte[] Message);

/// <summary>
/// What the kernel keeps of an actor beside the kind's own state: effects on their way out, and the last effect applied of each sender. Stored in
/// front of the kind's events and snapshot; most actors have none.
/// </summary>
internal sealed class Correspondence
{
    private enum Entry : byte
    {
        Raised = 1,
        Delivered = 2,
        Received = 3,
    }

    private readonly SortedDictionary<long, PendingEffect> _outbox = [];
    private readonly Dictionary<ActorId, long> _received = [];
    private long _raised;

    /// <summary>Undelivered, oldest first.</summary>
    public IReadOnlyCollection<PendingEffect> Outbox => _outbox.Values;

    public long NextSequence => _raised + 1;

    public bool HasReceived(ActorId sender, long sequence) => _received.TryGetValue(sender, out var last) && sequence <= last;

    public static void WriteRaised(ByteWriter writer, in PendingEffect effect)
    {
        writer.Byte((byte)Entry.Raised);
        Write(writer, effect);
    }

    public static void WriteDelivered(ByteWriter writer, long sequence)
    {
        writer.Byte((byte)Entry.Delivered);
        writer.VarInt(sequence);
    }

    public static void WriteReceived(ByteWriter writer, ActorId sender, long sequence)
    {
        writer.Byte((byte)Entry.Received);
        writer.Text(sender.Kind);
        writer.Text(sender.Key);
        writer.VarInt(sequence);
    }

    /// <summary>Applies what was written by the methods above.</summary>
    public void Apply(ReadOnlySpan<byte> entries)
    {
        var reader = new ByteReader(entries);
        while (!reader.AtEnd)
        {
            switch ((Entry)reader.Byte())
            {
                case Entry.Raised:
                    var effect = Read(ref reader);
                    _outbox[effect.Sequence] = effect;
                    _raised = Math.Max(_raised, effect.Sequence);
                    break;
                case Entry.Delivered:
                    _outbox.Remove(reader.VarInt());
                    break;
                case Entry.Received:
                    var sender = new ActorId(reader.Text()!, reader.Text()!);
                    _received[sender] = reader.VarInt();
                    break;
                default:
                    throw new FormatException("an entry of the correspondence is not known: a newer engine wrote it");
            }
        }
    }

    public void WriteSnapshot(ByteWriter writer)
    {
        writer.VarInt(_raised);
        writer.Count(_outbox.Count);
        foreach (var effect in _outbox.Values)
        {
            Write(writer, effect);
        }

        writer.Count(_received.Count);
        foreach (var (sender, sequence) in _received.OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal))
        {
            writer.Text(sender.Kind);
            writer.Text(sender.Key);
            writer.VarInt(sequence);
        }
    }

    public static Correspondence ReadSnapshot(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var result = new Correspondence { _raised = reader.VarInt() };
        for (var count = reader.Count(); count > 0; count--)
        {
            var effect = Read(ref reader);
            result._outbox[effect.Sequence] = effect;
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            result._received[new(reader.Text()!, reader.Text()!)] = reader.VarInt();
        }

        return result;
    }

    private static void Write(ByteWriter writer, in PendingEffect effect)
    {
        writer.VarInt(effect.Sequence);
        writer.Text(effect.Target.Kind);
        writer.Text(effect.Target.Key);
        writer.Bytes(effect.Message);
    }

    private static PendingEffect Read(ref ByteReader reader) =>
        new(reader.VarInt(), new(reader.Text()!, reader.Text()!), reader.Bytes().ToArray());
}
