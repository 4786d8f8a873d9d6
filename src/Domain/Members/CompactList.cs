namespace Loyalty.Domain.Members;

/// <summary>
/// A list that is part of its owner, not an object beside it: of a member in memory there are hundreds of thousands, and each object less is one place less that the
/// processor has to wait for. To be held in a field that is not readonly, never copied.
/// </summary>
internal struct CompactList<T>
{
    private T[]? _items;

    public int Count { get; private set; }

    public readonly ref T this[int index] => ref Items[index];

    public readonly Span<T> Items => _items.AsSpan(0, Count);

    public void Add(T item) => Insert(Count, item);

    public void Insert(int index, T item)
    {
        if (_items is null || Count == _items.Length)
        {
            Array.Resize(ref _items, Math.Max(2, Count * 2));
        }

        Array.Copy(_items, index, _items, index + 1, Count - index);
        _items[index] = item;
        Count++;
    }

    public void RemoveAt(int index) => RemoveRange(index, 1);

    public void RemoveRange(int index, int count)
    {
        Array.Copy(_items!, index + count, _items!, index, Count - index - count);
        Count -= count;
        Array.Clear(_items!, Count, count);
    }

    public void Replace(ReadOnlySpan<T> items)
    {
        _items = items.ToArray();
        Count = items.Length;
    }
}
