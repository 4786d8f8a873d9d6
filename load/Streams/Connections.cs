using System.Runtime.ExceptionServices;

namespace Loyalty.Load.Streams;

/// <summary>Runs one thread for each connection and waits for all of them.</summary>
internal static class Connections
{
    public const int CountMax = 1024;
    private const int StackBytes = 512 * 1024;

    /// <summary>Rethrows the first failure, after all have ended.</summary>
    public static void RunAll(int count, Action<int> run)
    {
        ExceptionDispatchInfo? failure = null;
        var threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            int index = i;
            threads[i] = new Thread(
                () =>
                {
                    try
                    {
                        run(index);
                    }
                    catch (Exception error)
                    {
                        Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(error), null);
                    }
                },
                StackBytes)
            {
                IsBackground = true,
                Name = $"connection {i}",
            };
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        failure?.Throw();
    }
}
