using Loyalty.Gateway.Partners;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using NodaTime;

namespace Loyalty.Gateway.Hosting;

/// <summary>The engine in this process: journal, host, background work.</summary>
internal sealed class EngineProcess : IAsyncDisposable
{
    private readonly IJournal _journal;

    private readonly CampaignKeeper _campaigns;

    private EngineProcess(IJournal journal, EmbeddedHost host, LoyaltyEngine engine, CampaignKeeper campaigns)
    {
        _journal = journal;
        _campaigns = campaigns;
        Host = host;
        Engine = engine;
    }

    public EmbeddedHost Host { get; }

    public LoyaltyEngine Engine { get; }

    /// <summary>The journal's file in a data folder.</summary>
    public static string JournalFile(string dataFolder) => Path.Combine(dataFolder, "loyalty.db");

    /// <summary>Opens the journal and starts the engine.</summary>
    /// <exception cref="JournalUnavailableException">The journal cannot be opened: another process has it, say.</exception>
    /// <exception cref="UserError">The first program, or a campaign, is not valid.</exception>
    public static async Task<EngineProcess> StartAsync(
        string dataFolder, ProgramFiles program, KernelOptions options, IClock clock, ILoggerFactory loggers, PartnerConnectors? connectors = null)
    {
        var journal = OpenJournal(dataFolder, loggers);
        try
        {
            var programs = new ProgramSource();
            var host = new EmbeddedHost(
                journal, LoyaltyEngine.Kinds(programs, connectors ?? PartnersFile.Load(dataFolder, loggers.CreateLogger<PartnerConnectors>())), options, clock, new ThreadPoolScheduler(), loggers.CreateLogger<EmbeddedHost>());
            var engine = new LoyaltyEngine(host, new JournalBooks(journal), programs, clock);
            await StartAsync(engine, program).ConfigureAwait(false);
            host.StartBackground();
            return new(journal, host, engine, new(programs.Campaigns, loggers.CreateLogger<CampaignKeeper>()));
        }
        catch
        {
            await journal.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Opens the SQLite journal of a data folder.</summary>
    /// <exception cref="JournalUnavailableException">It cannot be opened: another process has it, say.</exception>
    public static SqliteJournal OpenJournal(string dataFolder, ILoggerFactory loggers) => SqliteJournal.Open(new SqliteJournalOptions
    {
        Path = JournalFile(dataFolder),
        OnTrouble = TroubleLog(loggers.CreateLogger<SqliteJournal>()),
    });

    /// <summary>Starts an engine whose host runs.</summary>
    /// <exception cref="UserError">The first program, or a campaign, is not valid.</exception>
    public static async Task StartAsync(LoyaltyEngine engine, ProgramFiles program)
    {
        var errors = await engine.StartAsync(program.Definition).ConfigureAwait(false);
        if (errors.Count > 0)
        {
            throw new UserError($"{program.Name} is no valid program:\n" + string.Join('\n', errors.Select(error => $"  {error.Field} {error.Message}")));
        }

        await program.PublishCampaignsAsync(engine).ConfigureAwait(false);
    }

    /// <summary>Every trouble is logged, but the same one (a full disk, at every commit) only every few seconds.</summary>
    public static Action<string> TroubleLog(ILogger logger)
    {
        const int QuietMs = 5000;
        var gate = new Lock();
        var (last, lastAtMs) = ("", 0L);
        return words =>
        {
            lock (gate)
            {
                var now = Environment.TickCount64;
                if (words == last && now - lastAtMs < QuietMs)
                {
                    return;
                }

                (last, lastAtMs) = (words, now);
            }

            logger.LogWarning("{Trouble}", words);
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _campaigns.DisposeAsync().ConfigureAwait(false);
        await Host.DisposeAsync().ConfigureAwait(false);
        await _journal.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>Something the user can mend: the message says how. Printed without a stack trace; exit code 2.</summary>
internal sealed class UserError(string message) : Exception(message);
