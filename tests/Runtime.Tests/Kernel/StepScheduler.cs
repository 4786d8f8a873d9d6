using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>Runs shards when the test says so, on the test's thread, in an order that the test chooses.</summary>
internal sealed class StepScheduler : IShardScheduler
{
    private readonly object _gate = new();
    private readonly List<IThreadPoolWorkItem> _items = [];
    private TaskCompletionSource _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when an item is there to run.</summary>
    public Task Arrival
    {
        get
        {
            lock (_gate)
            {
                return _arrival.Task;
            }
        }
    }

    public void Schedule(IThreadPoolWorkItem item)
    {
        lock (_gate)
        {
            _items.Add(item);
            _arrival.TrySetResult();
        }
    }

    /// <summary>Runs one item; false: there was none.</summary>
    public bool RunOne(Random? random = null)
    {
        IThreadPoolWorkItem item;
        lock (_gate)
        {
            if (_items.Count == 0)
            {
                return false;
            }

            var at = random?.Next(_items.Count) ?? 0;
            item = _items[at];
            _items.RemoveAt(at);
            if (_items.Count == 0)
            {
                _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        item.Execute();
        return true;
    }

    /// <summary>Runs until nothing is scheduled.</summary>
    public void RunAll(Random? random = null)
    {
        for (var steps = 0; RunOne(random); steps++)
        {
            Assert.True(steps < 1_000_000, "the shards never come to rest");
        }
    }
}
