using Loyalty.Runtime.Journal;

namespace Loyalty.Grains.Storage;

/// <summary>Sealed segments: read once when many want them, the least recently used forgotten beyond a bound of bytes.</summary>
internal sealed class SegmentCache(RecordStore store, long bytesMax)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, LinkedListNode<Item>> _items = [];
    private readonly LinkedList<Item> _byUse = new();
    private long _bytes;

    /// <exception cref="JournalUnavailableException">The provider failed.</exception>
    /// <exception cref="JournalCorruptException">The segment is missing or damaged.</exception>
    public async ValueTask<Segment> GetAsync(int number)
    {
        Item item;
        lock (_gate)
        {
            if (_items.TryGetValue(number, out var node))
            {
                _byUse.Remove(node);
                _byUse.AddLast(node);
                item = node.Value;
            }
            else
            {
                item = new(number, ReadAsync(number));
                _items.Add(number, _byUse.AddLast(item));
            }
        }

        try
        {
            var segment = await item.Segment.ConfigureAwait(false);
            Count(item, segment.Bytes.Length);
            return segment;
        }
        catch
        {
            Forget(item);
            throw;
        }
    }

    public void Put(Segment segment)
    {
        Item item;
        lock (_gate)
        {
            if (_items.ContainsKey(segment.Number))
            {
                return;
            }

            item = new(segment.Number, Task.FromResult(segment));
            _items.Add(segment.Number, _byUse.AddLast(item));
        }

        Count(item, segment.Bytes.Length);
    }

    private async Task<Segment> ReadAsync(int number)
    {
        await Task.Yield();
        return await store.ReadAsync(RecordStore.SegmentName(number)).ConfigureAwait(false) is { } stored
            ? Segment.Parse(number, stored.Bytes)
            : throw new JournalCorruptException($"Segment {number} of the books is missing.");
    }

    private void Count(Item item, int bytes)
    {
        lock (_gate)
        {
            if (item.Bytes != 0 || !_items.TryGetValue(item.Number, out var node) || node.Value != item)
            {
                return;
            }

            item.Bytes = bytes;
            _bytes += bytes;
            for (var oldest = _byUse.First; oldest is not null && _bytes > bytesMax;)
            {
                var next = oldest.Next;
                // One that is still being read is not counted yet, and others wait for it.
                if (oldest.Value.Bytes != 0)
                {
                    Remove(oldest);
                }

                oldest = next;
            }
        }
    }

    private void Forget(Item item)
    {
        lock (_gate)
        {
            if (_items.TryGetValue(item.Number, out var node) && node.Value == item)
            {
                Remove(node);
            }
        }
    }

    private void Remove(LinkedListNode<Item> node)
    {
        _bytes -= node.Value.Bytes;
        _items.Remove(node.Value.Number);
        _byUse.Remove(node);
    }

    private sealed class Item(int number, Task<Segment> segment)
    {
        public readonly int Number = number;
        public readonly Task<Segment> Segment = segment;
        public int Bytes;
    }
}
