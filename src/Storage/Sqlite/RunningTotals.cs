using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Sqlite;

/// <summary>
/// The sums that every commit carries. The writer changes the running values; <see cref="Commit"/> makes them the durable ones, <see cref="Rollback"/>
/// takes them back. Sums wrap beyond 64 bits: a book of 9 · 10^18 minor units of one account is not one.
/// </summary>
internal sealed class RunningTotals
{
    /// <summary>More names than this are a mistake: a name per member, for instance. Every commit carries all of them.</summary>
    public const int MeasureNamesMax = 10_000;

    private readonly Lock gate = new();
    private readonly Dictionary<string, int> index = new(StringComparer.Ordinal);
    private readonly List<byte[]> names = [];
    private readonly (string? Name, int At)[] recent = new (string?, int)[16];
    private long[] running = new long[64];
    private long[] durable = new long[64];
    private int durableCount;
    private int namesBytes;
    private Counters now;
    private Counters committed;

    public long Position => committed.Position;

    public long Records => committed.Records;

    public int EncodedSize => 28 + namesBytes + (names.Count * 10);

    /// <summary>Whether all names of the measures are known or there is room for them.</summary>
    public bool HasRoomFor(ReadOnlySpan<Measure> measures) => names.Count + measures.Length <= MeasureNamesMax || AllKnown(measures);

    public void Add(long position, int events, ReadOnlySpan<Measure> measures)
    {
        now = new(position, now.Records + 1, now.Events + events);
        foreach (ref readonly var measure in measures)
        {
            running[IndexOf(measure.Name)] += measure.Delta;
        }
    }

    public void Commit()
    {
        lock (gate)
        {
            committed = now;
            durableCount = names.Count;
            if (durable.Length < running.Length)
            {
                durable = new long[running.Length];
            }

            running.AsSpan(0, durableCount).CopyTo(durable);
        }
    }

    public void Rollback()
    {
        now = committed;
        running.AsSpan().Clear();
        durable.AsSpan(0, durableCount).CopyTo(running);
    }

    public JournalTotals Read()
    {
        lock (gate)
        {
            var sums = new Dictionary<string, long>(durableCount, StringComparer.Ordinal);
            foreach (var (name, at) in index.ToArray())
            {
                if (at < durableCount)
                {
                    sums[name] = durable[at];
                }
            }

            return new(committed.Position, committed.Records, committed.Events, sums);
        }
    }

    public int Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt64LittleEndian(destination, now.Position);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], now.Records);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], now.Events);
        BinaryPrimitives.WriteInt32LittleEndian(destination[24..], names.Count);
        var at = 28;
        for (var i = 0; i < names.Count; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(destination[at..], (ushort)names[i].Length);
            names[i].CopyTo(destination[(at + 2)..]);
            at += 2 + names[i].Length;
            BinaryPrimitives.WriteInt64LittleEndian(destination[at..], running[i]);
            at += 8;
        }

        return at;
    }

    /// <summary>Takes over what a commit carried.</summary>
    public void Restore(ReadOnlySpan<byte> encoded)
    {
        now = new(
            BinaryPrimitives.ReadInt64LittleEndian(encoded),
            BinaryPrimitives.ReadInt64LittleEndian(encoded[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(encoded[16..]));
        var count = BinaryPrimitives.ReadInt32LittleEndian(encoded[24..]);
        var at = 28;
        for (var i = 0; i < count; i++)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(encoded[at..]);
            var name = Encoding.UTF8.GetString(encoded.Slice(at + 2, length));
            at += 2 + length;
            running[IndexOf(name)] = BinaryPrimitives.ReadInt64LittleEndian(encoded[at..]);
            at += 8;
        }

        Commit();
    }

    private int IndexOf(string name)
    {
        // The same few names, as the same objects, come with every record: no text has to be hashed.
        foreach (ref readonly var known in recent.AsSpan())
        {
            if (ReferenceEquals(known.Name, name))
            {
                return known.At;
            }
        }

        var at = IndexOfAny(name);
        recent[at % recent.Length] = (name, at);
        return at;
    }

    private int IndexOfAny(string name)
    {
        if (index.TryGetValue(name, out var at))
        {
            return at;
        }

        var utf8 = Encoding.UTF8.GetBytes(name);
        lock (gate)
        {
            at = names.Count;
            index.Add(name, at);
            names.Add(utf8);
            namesBytes += utf8.Length;
            if (at == running.Length)
            {
                Array.Resize(ref running, at * 2);
            }
        }

        return at;
    }

    private bool AllKnown(ReadOnlySpan<Measure> measures)
    {
        foreach (ref readonly var measure in measures)
        {
            if (!index.ContainsKey(measure.Name))
            {
                return false;
            }
        }

        return true;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Counters(long Position, long Records, long Events);
}
