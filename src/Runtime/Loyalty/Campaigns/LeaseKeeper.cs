using Microsoft.Extensions.Logging;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Looks after the leases of a process in the background, and hands them back at its end.</summary>
public sealed class LeaseKeeper : IAsyncDisposable
{
    /// <summary>How long the end of a process waits for its leases to be handed back. What is not is settled from the journal by others.</summary>
    public static readonly TimeSpan HandBackPatience = TimeSpan.FromSeconds(5);

    private readonly LeaseBook _leases;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;

    /// <summary>Starts.</summary>
    /// <param name="leases">The process's leases.</param>
    /// <param name="logger">For failures.</param>
    public LeaseKeeper(LeaseBook leases, ILogger<LeaseKeeper> logger)
    {
        (_leases, _logger) = (leases, logger);
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>Hands everything back.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        try
        {
            await _leases.CloseAsync().WaitAsync(HandBackPatience).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _logger.LogWarning(e, "Leases could not be handed back; they are settled from the journal later");
        }

        _stopping.Dispose();
    }

    private async Task LoopAsync()
    {
        using var timer = new PeriodicTimer(_leases.Options.TickInterval);
        while (await NextAsync(timer).ConfigureAwait(false))
        {
            try
            {
                await _leases.TickAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _logger.LogError(e, "Looking after the leases failed; again later");
            }
        }
    }

    private async ValueTask<bool> NextAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
