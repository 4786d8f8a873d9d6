using Loyalty.Domain.Encoding;
using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Kernel;

/// <summary>An actor's whole state: the kind's own and the kernel's, with version and chain. Rebuilds itself from a journal, and is written to snapshots.</summary>
internal sealed class ActorState
{
    private readonly ActorKind _kind;

    private ActorState(ActorKind kind, ActorId id, object state)
    {
        _kind = kind;
        Id = id;
        Value = state;
    }

    public ActorId Id { get; }

    public ActorKind Kind => _kind;

    /// <summary>The kind's own state.</summary>
    public object Value { get; private set; }

    public long Version { get; private set; }

    public Hash128 Hash { get; private set; }

    public Correspondence? Correspondence { get; private set; }

    /// <summary>The newest effect that was raised; 0: none ever.</summary>
    public long LastEffect => Correspondence is { } correspondence ? correspondence.NextSequence - 1 : 0;

    public static ActorState Empty(ActorKind kind, ActorId id) => new(kind, id, kind.Create(id.Key));

    /// <exception cref="JournalCorruptException">Versions or chain do not follow on each other, or an event has no known form.</exception>
    public static ActorState Of(ActorKind kind, ActorId id, LoadedActor loaded)
    {
        var state = Empty(kind, id);
        if (loaded.Snapshot is { } snapshot)
        {
            state.Restore(snapshot);
        }

        foreach (var record in loaded.Later)
        {
            state.Apply(record);
        }

        return state;
    }

    /// <summary>Applies a stored record after checking that it follows.</summary>
    public void Apply(JournalRecord record)
    {
        if (record.FirstVersion != Version + 1)
        {
            throw new JournalCorruptException($"{Id}: version {record.FirstVersion} follows on {Version} at position {record.Position}");
        }

        var hash = Hash128.Next(Hash, Id, record.FirstVersion, record.RecordedAtMs, record.Events.Span);
        if (hash != record.Hash)
        {
            throw new JournalCorruptException($"{Id}: the hash chain breaks at version {record.FirstVersion}, position {record.Position}");
        }

        try
        {
            var kindPart = KindPart(record.Events.Span, out var kernelPart);
            if (!kernelPart.IsEmpty)
            {
                Correspond(kernelPart);
            }

            _kind.Apply(Value, kindPart);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException)
        {
            throw new JournalCorruptException($"{Id}: version {record.FirstVersion} at position {record.Position}: {e.Message}");
        }

        Advance(record.EventCount, hash);
    }

    /// <summary>Notes events that were applied as they were raised.</summary>
    public void Advance(int events, Hash128 hash)
    {
        Version += events;
        Hash = hash;
    }

    /// <summary>Applies the kernel's own entries of a turn.</summary>
    public void Correspond(ReadOnlySpan<byte> entries) => (Correspondence ??= new()).Apply(entries);

    public Snapshot ToSnapshot(ByteWriter writer, ByteWriter scratch, long wakeAtMs)
    {
        writer.Clear();
        scratch.Clear();
        Correspondence?.WriteSnapshot(scratch);
        writer.Bytes(scratch.Written);
        _kind.WriteSnapshot(Value, writer);
        return new(Id, Version, Hash, wakeAtMs, writer.Written.ToArray());
    }

    /// <summary>The kind's part of stored events or of a stored snapshot, behind the kernel's part and its length.</summary>
    public static ReadOnlySpan<byte> KindPart(ReadOnlySpan<byte> stored, out ReadOnlySpan<byte> kernelPart)
    {
        var reader = new ByteReader(stored);
        kernelPart = reader.Bytes();
        return reader.Rest;
    }

    private void Restore(Snapshot snapshot)
    {
        try
        {
            var kindPart = KindPart(snapshot.State.Span, out var kernelPart);
            Value = _kind.ReadSnapshot(Id.Key, kindPart)
                ?? throw new JournalCorruptException($"{Id}: the snapshot of version {snapshot.Version} has a form that this engine does not know");
            Correspondence = kernelPart.IsEmpty ? null : Correspondence.ReadSnapshot(kernelPart);
        }
        catch (FormatException e)
        {
            throw new JournalCorruptException($"{Id}: the snapshot of version {snapshot.Version}: {e.Message}");
        }

        (Version, Hash) = (snapshot.Version, snapshot.Hash);
    }
}
