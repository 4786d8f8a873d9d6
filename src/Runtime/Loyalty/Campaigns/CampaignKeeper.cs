using Microsoft.Extensions.Logging;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Looks after the leases of a process and feeds leader boards, in the background; hands the leases back at its end.</summary>
public sealed class CampaignKeeper : IAsyncDisposable
{
    /// <summary>How long the end of a process waits for its leases to be handed back. What is not is settled from the journal by others.</summary>
    public static readonly TimeSpan HandBackPatience = TimeSpan.FromSeconds(2);

    private readonly LeaseBook _leases;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly BoardFeeder _boards;
    private readonly Task _loop;

    /// <summary>Starts.</summary>
    /// <param name="campaigns">The campaigns of this process.</param>
    /// <param name="logger">For failures.</param>
    public CampaignKeeper(CampaignSource campaigns, ILogger<CampaignKeeper> logger)
    {
        ArgumentNullException.ThrowIfNull(campaigns);
        (_leases, _boards, _logger) = (campaigns.Leases, campaigns.Boards, logger);
        _loop = Task.WhenAll(Task.Run(() => LoopAsync("Looking after the leases", _leases.TickAsync)), Task.Run(() => LoopAsync("Feeding the leader boards", FeedAsync)));
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

    private async Task FeedAsync()
    {
        while (!_stopping.IsCancellationRequested && await _boards.PassAsync().ConfigureAwait(false))
        {
            // There is more.
        }
    }

    private async Task LoopAsync(string what, Func<Task> step)
    {
        using var timer = new PeriodicTimer(_leases.Options.TickInterval);
        while (await NextAsync(timer).ConfigureAwait(false))
        {
            try
            {
                await step().ConfigureAwait(false);
            }
            catch (Journal.JournalUnavailableException e)
            {
                _logger.LogWarning(e, "{What} has to wait for the store; again later", what);
            }
            catch (Exception e)
            {
                _logger.LogError(e, "{What} failed; again later", what);
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
