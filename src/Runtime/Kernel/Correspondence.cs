using Loyalty.Domain.Encoding;

namespace Loyalty.Runtime.Kernel;

/// <summary>An effect that waits for its delivery.</summary>
/// <param name="Sequence">Counted by the sender from 1.</param>
/// <param name="Target">The receiver.</param>
/// <param name="Message">Understood by the receiver's kind.</param>
/// <param name="Id">Of a keyed effect: what it is known by to the receiver, for ever; null: the receiver remembers the sender's sequence.</param>
internal readonly record struct PendingEffect(long Sequence, ActorId Target, byte[] Message, string? Id = null);

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
        RaisedKeyed = 4,
        ReceivedKeyed = 5,
    }

    private readonly SortedDictionary<long, PendingEffect> _outbox = [];
    private readonly Dictionary<ActorId, long> _received = [];
    private long _raised;

    /// <summary>Undelivered, oldest first.</summary>
    public IReadOnlyCollection<PendingEffect> Outbox => _outbox.Values;

    public long NextSequence => _raised + 1;

    /// <summary>Whether the effect is raised and not noted as delivered.</summary>
    public bool IsUnderWay(long sequence) => _outbox.ContainsKey(sequence);

    public bool HasReceived(ActorId sender, long sequence) => _received.TryGetValue(sender, out var last) && sequence <= last;

    public static void WriteRaised(ByteWriter writer, in PendingEffect effect)
    {
        writer.Byte((byte)(effect.Id is null ? Entry.Raised : Entry.RaisedKeyed));
        Write(writer, effect);
        if (effect.Id is not null)
        {
            writer.Text(effect.Id);
        }
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

    /// <summary>Notes that a keyed effect was applied. The state does not keep it: the record is found by the key <see cref="KeyScopes.Effect"/>.</summary>
    public static void WriteReceivedKeyed(ByteWriter writer, ActorId sender, string id)
    {
        writer.Byte((byte)Entry.ReceivedKeyed);
        writer.Text(sender.Kind);
        writer.Text(sender.Key);
        writer.Text(id);
    }

    /// <summary>Whether the kernel's entries of a record say that the keyed effect was applied.</summary>
    public static bool HasReceivedKeyed(ReadOnlySpan<byte> entries, string id)
    {
        var reader = new ByteReader(entries);
        while (!reader.AtEnd)
        {
            if (ReadEntry(ref reader, out _, out _, out _) is { } received && received == id)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Applies what was written by the methods above.</summary>
    public void Apply(ReadOnlySpan<byte> entries)
    {
        var reader = new ByteReader(entries);
        while (!reader.AtEnd)
        {
            ReadEntry(ref reader, out var raised, out var delivered, out var received);
            if (raised is { } effect)
            {
                _outbox[effect.Sequence] = effect;
                _raised = Math.Max(_raised, effect.Sequence);
            }
            else if (delivered != 0)
            {
                _outbox.Remove(delivered);
            }
            else if (received is { } last)
            {
                _received[last.Sender] = last.Sequence;
            }
        }
    }

    /// <summary>Reads one entry: an effect raised, the sequence of one delivered, the last one received of a sender; or the id of a keyed one received is returned.</summary>
    internal static string? ReadEntry(ref ByteReader reader, out PendingEffect? raised, out long delivered, out (ActorId Sender, long Sequence)? received)
    {
        (raised, delivered, received) = (null, 0, null);
        switch ((Entry)reader.Byte())
        {
            case Entry.Raised:
                raised = Read(ref reader);
                return null;
            case Entry.RaisedKeyed:
                raised = Read(ref reader) with { Id = reader.Text() };
                return null;
            case Entry.Delivered:
                delivered = reader.VarInt();
                return null;
            case Entry.Received:
                received = (new(reader.Text()!, reader.Text()!), reader.VarInt());
                return null;
            case Entry.ReceivedKeyed:
                _ = (reader.Text(), reader.Text());
                return reader.Text();
            default:
                throw new FormatException("an entry of the correspondence is not known: a newer engine wrote it");
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

        // Behind what the first version of the form had, and only where there is any.
        var keyed = _outbox.Values.Where(effect => effect.Id is not null).ToArray();
        if (keyed.Length > 0)
        {
            writer.Count(keyed.Length);
            foreach (var effect in keyed)
            {
                writer.VarInt(effect.Sequence);
                writer.Text(effect.Id);
            }
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

        for (var count = reader.AtEnd ? 0 : reader.Count(); count > 0; count--)
        {
            var sequence = reader.VarInt();
            if (!result._outbox.TryGetValue(sequence, out var effect))
            {
                throw new FormatException($"effect {sequence} has a key and is not in the outbox");
            }

            result._outbox[sequence] = effect with { Id = reader.Text() };
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
