using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>A loyalty engine that a test starts, stops, kills and starts again, on books that outlive it. One for each kind of host and store.</summary>
public abstract class LoyaltyFixture : IAsyncDisposable
{
    /// <summary>The engine's clock. It stands still until a test moves it.</summary>
    public ManualClock Clock { get; } = new(Instant.FromUtc(2026, 3, 2, 10, 0));

    /// <summary>The partners' systems, which live on when the engine dies.</summary>
    public PartnerConnectors Connectors { get; } = new();

    /// <summary>The engine that runs now.</summary>
    public LoyaltyEngine Engine { get; private set; } = null!;

    /// <summary>Starts an engine on the books.</summary>
    public async Task StartAsync()
    {
        var programs = new ProgramSource();
        var (host, books) = await OpenAsync(programs);
        Engine = new(host, books, programs, Clock);
        Assert.Empty(await Engine.StartAsync(Programs.First));
    }

    /// <summary>Ends the engine in good order, and starts another.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    /// <summary>Kills the engine at this moment, with whatever is under way, and starts another on what is durable.</summary>
    public async Task CrashAsync()
    {
        await KillAsync();
        await StartAsync();
    }

    /// <summary>Wakes every actor that is due.</summary>
    public abstract Task<int> WakeDueAsync();

    /// <summary>Takes a checkpoint.</summary>
    public abstract Task CheckpointAsync();

    /// <summary>Every durable record.</summary>
    public abstract IEnumerable<JournalRecord> ReadAll();

    /// <inheritdoc />
    public abstract ValueTask DisposeAsync();

    /// <summary>Opens the books and makes a host that runs the loyalty actors on them, by these programs.</summary>
    protected abstract Task<(IActorHost Host, IBooks Books)> OpenAsync(ProgramSource programs);

    /// <summary>Ends host and books in good order.</summary>
    protected abstract Task StopAsync();

    /// <summary>Takes host and books away as a power cut would.</summary>
    protected abstract Task KillAsync();
}
