namespace Loyalty.Runtime;

/// <summary>Names one virtual actor: a kind (<c>member</c>, <c>sales</c>, <c>program</c> …) and a key that is unique within the kind.</summary>
/// <param name="Kind">Lower-case name of the kind, at most 32 characters, no <c>/</c>.</param>
/// <param name="Key">The key, 1 to 200 characters.</param>
public readonly record struct ActorId(string Kind, string Key)
{
    /// <summary>Characters of a kind, at most.</summary>
    public const int MaxKindLength = 32;

    /// <summary>Characters of a key, at most.</summary>
    public const int MaxKeyLength = 200;

    /// <summary>Both parts hash the key only: kinds are few and keys differ.</summary>
    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc />
    public bool Equals(ActorId other) =>
        string.Equals(Key, other.Key, StringComparison.Ordinal) && string.Equals(Kind, other.Kind, StringComparison.Ordinal);

    /// <summary>
    /// A hash that never changes between processes, machines or versions: it decides the shard of an actor and the place of its
    /// snapshot on disk. XxHash3 over the UTF-8 text <c>kind/key</c>, seed 0.
    /// </summary>
    public ulong StableHash()
    {
        Span<byte> buffer = stackalloc byte[1024];
        var written = System.Text.Encoding.UTF8.GetBytes(Kind, buffer);
        buffer[written++] = (byte)'/';
        written += System.Text.Encoding.UTF8.GetBytes(Key, buffer[written..]);
        return System.IO.Hashing.XxHash3.HashToUInt64(buffer[..written]);
    }

    /// <summary><c>kind/key</c>.</summary>
    public override string ToString() => $"{Kind}/{Key}";
}
