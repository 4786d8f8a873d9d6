using Orleans.Storage;

namespace Loyalty.Grains.Storage;

/// <summary>What a <see cref="GrainStorageJournal"/> has the provider keep as the state of one grain id: a segment, a snapshot, or the head of the books.</summary>
[GenerateSerializer, Alias("loyalty.books-record")]
public sealed class BooksRecord
{
    /// <summary>In the journal's own format, which carries its checksum.</summary>
    [Id(0)]
    public byte[] Bytes { get; set; } = [];
}

/// <summary>
/// Writes a <see cref="BooksRecord"/> as its bytes. The providers' own serializer writes JSON, in which bytes are a third longer. Both are readable by the provider that
/// wrote them only: keep the one with which the books began.
/// </summary>
public sealed class BooksRecordSerializer : IGrainStorageSerializer
{
    /// <inheritdoc />
    /// <exception cref="NotSupportedException">It is another type: give this serializer to the books' provider only.</exception>
    public BinaryData Serialize<T>(T? input) => input is BooksRecord record ? new BinaryData(record.Bytes) : throw Other<T>();

    /// <inheritdoc />
    /// <exception cref="NotSupportedException">It is another type.</exception>
    public T Deserialize<T>(BinaryData input)
    {
        ArgumentNullException.ThrowIfNull(input);
        // The provider takes its buffer back after this returns.
        return typeof(T) == typeof(BooksRecord) ? (T)(object)new BooksRecord { Bytes = input.ToMemory().ToArray() } : throw Other<T>();
    }

    private static NotSupportedException Other<T>() => new($"This provider holds the loyalty books and nothing else; {typeof(T)} needs a provider of its own.");
}
