using System.Diagnostics;
using System.Globalization;

namespace Loyalty.Silo.Hosting;

/// <summary>A process of a local cluster stops when the one that started it is gone, however that ended.</summary>
internal static class ParentWatch
{
    /// <summary>Cancelled when the process named by <c>LOYALTY_PARENT</c> is gone, or when the other token is.</summary>
    public static CancellationToken Until(CancellationToken stop)
    {
        if (!int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_PARENT"), CultureInfo.InvariantCulture, out var id))
        {
            return stop;
        }

        var gone = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _ = Task.Run(
            async () =>
            {
                try
                {
                    using var parent = Process.GetProcessById(id);
                    await parent.WaitForExitAsync(stop).ConfigureAwait(false);
                }
                catch (ArgumentException)
                {
                    // It is gone already.
                }

                await gone.CancelAsync().ConfigureAwait(false);
            },
            stop);
        return gone.Token;
    }
}
