using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Loyalty.Runtime.Journal;

/// <summary>128 bits: the link of an actor's hash chain.</summary>
public readonly record struct Hash128(ulong High, ulong Low)
{
    /// <summary>Bytes of the encoded form.</summary>
    public const int Size = 16;

    private const int TogetherMax = 1024;

    [ThreadStatic]
    private static IncrementalHash? _sha;

    /// <summary>Before an actor's first record.</summary>
    public static readonly Hash128 Zero;

    /// <summary>Big-endian, high half first.</summary>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    /// <summary>Reads what <see cref="WriteTo"/> wrote.</summary>
    public static Hash128 Read(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[8..]));

    /// <summary>
    /// The chain: the first 128 bits of SHA-256 over the previous link (16 bytes), the actor's kind, a zero byte, its key, a zero byte
    /// (UTF-8), the version of the record's first event (8 bytes, big-endian), the time it was recorded (Unix milliseconds, 8 bytes,
    /// big-endian) and the encoded events. Whoever changes, drops or swaps a record changes every later link of its actor.
    /// </summary>
    public static Hash128 Next(Hash128 previous, ActorId actor, long firstVersion, long recordedAtMs, ReadOnlySpan<byte> events)
    {
        // Where head and events fit, they are hashed in one call: each call into the hash costs as much as some hundred bytes.
        var headMax = Size + ((ActorId.MaxKindLength + ActorId.MaxKeyLength) * 3) + 2 + 16;
        var together = events.Length <= TogetherMax;
        Span<byte> head = stackalloc byte[headMax + (together ? TogetherMax : 0)];
        previous.WriteTo(head);
        var at = Size;
        at += System.Text.Encoding.UTF8.GetBytes(actor.Kind, head[at..]);
        head[at++] = 0;
        at += System.Text.Encoding.UTF8.GetBytes(actor.Key, head[at..]);
        head[at++] = 0;
        BinaryPrimitives.WriteInt64BigEndian(head[at..], firstVersion);
        BinaryPrimitives.WriteInt64BigEndian(head[(at + 8)..], recordedAtMs);
        at += 16;

        // One hash object a thread, used again: making one costs as much as hashing a purchase.
        var sha = _sha ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        if (together)
        {
            events.CopyTo(head[at..]);
            sha.AppendData(head[..(at + events.Length)]);
        }
        else
        {
            sha.AppendData(head[..at]);
            sha.AppendData(events);
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        sha.GetHashAndReset(digest);
        return Read(digest);
    }

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => $"{High:x16}{Low:x16}";
}
