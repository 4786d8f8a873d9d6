namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>Something that a test holds up. What waits goes on inside <see cref="Open"/>, on the test's thread.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource _source = new();

    public Task Task => _source.Task;

    public void Open()
    {
        // With the test runner's context the continuations would be sent to another thread.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        _source.SetResult();
        SynchronizationContext.SetSynchronizationContext(context);
    }
}
