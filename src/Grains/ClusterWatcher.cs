using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Loyalty.Grains;

/// <summary>In a gateway of its own: keeps the list of silos fresh, and looks whether another gateway published a version of the program. Purchases are judged by silos; the gateway only tells their answers.</summary>
public sealed class ClusterWatcher(GrainBooks books, OrleansHost host, ISiloList silos, ProgramSource programs, ILogger<ClusterWatcher> logger) : BackgroundService
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                try
                {
                    await silos.RefreshAsync().ConfigureAwait(false);
                    if (programs.IsLoaded && await books.CountProgramVersionsAsync().ConfigureAwait(false) > programs.Current.Versions.Count
                        && (await host.AskAsync(new GetPrograms()).ConfigureAwait(false)).Reply is PublishReply { Versions.Count: > 0 } reply)
                    {
                        programs.Adopt(new(reply.Versions));
                    }
                }
                catch (JournalUnavailableException e)
                {
                    logger.LogWarning(e, "No silo can be asked about the program; again later");
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The gateway stops.
        }
    }
}
