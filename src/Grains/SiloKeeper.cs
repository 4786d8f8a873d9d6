using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Grains;

/// <summary>
/// The background work of a silo: wakes due actors and takes checkpoints in the shards that it looks after, lets actors go that belong to other silos now or were
/// not used lately, and looks whether the program has a new version.
/// </summary>
public sealed class SiloKeeper : BackgroundService
{
    /// <summary>How often the program and the list of silos are looked at.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>How many times, after a silo came or went, it is looked for actors that belong elsewhere.</summary>
    private const int LooksAfterAChange = 30;

    /// <summary>
    /// After so long every silo and gateway knows of a change of the list. What was loaded since <see cref="LookBackMs"/> before it, and until then, is loaded once more: another silo may have written
    /// meanwhile.
    /// </summary>
    private const long SettleMs = 10_000;

    /// <summary>A silo hears of a change that much later than another, at most.</summary>
    private const long LookBackMs = 5_000;

    /// <summary>Actors let go at a time, so that those who need them do not all wait at once.</summary>
    private const int ReloadsAtATime = 2_000;

    private readonly SiloActors _actors;
    private readonly ISiloList _silos;
    private readonly SiloAddress _here;
    private readonly ILogger _logger;
    private readonly JournalKeeper _journal;
    private readonly ILogger<CampaignKeeper> _campaignLogger;

    /// <param name="actors">The silo's actors.</param>
    /// <param name="host">Reaches them.</param>
    /// <param name="silos">The silos.</param>
    /// <param name="silo">This silo.</param>
    /// <param name="clock">The engine's clock.</param>
    /// <param name="logger">For failures.</param>
    /// <param name="campaignLogger">For failures with leases and leader boards.</param>
    public SiloKeeper(SiloActors actors, OrleansHost host, ISiloList silos, ILocalSiloDetails silo, IClock clock, ILogger<SiloKeeper> logger, ILogger<CampaignKeeper> campaignLogger)
    {
        ArgumentNullException.ThrowIfNull(actors);
        ArgumentNullException.ThrowIfNull(silo);
        _campaignLogger = campaignLogger;
        (_actors, _silos, _here, _logger) = (actors, silos, silo.SiloAddress, logger);
        _journal = new(actors.Journal, host, actors.Options, clock, () => _silos.Map?.RangesOf(_here) ?? [], logger);
    }

    /// <summary>Checkpoints completed since the start.</summary>
    public long Checkpoints => _journal.Checkpoints;

    /// <summary>Wakes every actor of this silo that is due; returns how many.</summary>
    public Task<int> WakeDueAsync() => _journal.WakeDueAsync();

    /// <summary><see cref="JournalKeeper.CheckpointAsync"/>.</summary>
    public Task<bool> CheckpointAsync() => _journal.CheckpointAsync();

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _journal.Start();
        await using var journal = _journal.ConfigureAwait(false);
        await using var campaigns = new CampaignKeeper(_actors.Programs.Campaigns, _campaignLogger).ConfigureAwait(false);
        using var timer = new PeriodicTimer(Interval);
        var map = _silos.Map;
        var looks = LooksAfterAChange;
        var idleAt = Environment.TickCount64;
        var (unsettledSince, settledAt) = (map?.Silos.Count > 1 ? idleAt : long.MaxValue, idleAt + SettleMs);
        while (await NextAsync(timer, stoppingToken).ConfigureAwait(false))
        {
            try
            {
                await _actors.RefreshProgramAsync().ConfigureAwait(false);
                if (_silos.Map is { } current && !ReferenceEquals(current, map))
                {
                    map = current;
                    looks = LooksAfterAChange;
                    (unsettledSince, settledAt) = (Math.Min(unsettledSince, Environment.TickCount64 - LookBackMs), Environment.TickCount64 + SettleMs);
                    _logger.LogInformation("{Silos} silos now", current.Silos.Count);
                }

                // More than once: an actor that is let go before every silo knows of the change can come back here.
                if (map is not null && looks > 0)
                {
                    looks--;
                    if (_actors.MoveAway(map, _here) is > 0 and var moved)
                    {
                        _logger.LogInformation("{Moved} actors of this silo go elsewhere", moved);
                    }
                }

                if (unsettledSince < settledAt && Environment.TickCount64 > settledAt && _actors.Reload(unsettledSince, settledAt, ReloadsAtATime) < ReloadsAtATime)
                {
                    unsettledSince = long.MaxValue;
                }

                if (Environment.TickCount64 - idleAt > Math.Max(1000, _actors.Options.IdleAge.TotalMilliseconds / 10))
                {
                    idleAt = Environment.TickCount64;
                    _actors.PassivateIdle();
                }
            }
            catch (JournalUnavailableException e)
            {
                _logger.LogWarning(e, "The store is not available; again later");
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                _logger.LogError(e, "The silo's background work failed; again later");
            }
        }
    }

    private static async ValueTask<bool> NextAsync(PeriodicTimer timer, CancellationToken stopping)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
