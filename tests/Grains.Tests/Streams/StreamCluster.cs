using System.Diagnostics;
using Loyalty.Grains.Streams;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Runtime.Tests;
using Loyalty.Runtime.Tests.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Streams;
using Orleans.TestingHost;

namespace Loyalty.Grains.Tests.Streams;

/// <summary>Silos with streams, on books, queues and consumers' stores that outlive them.</summary>
public sealed class StreamCluster : IAsyncDisposable
{
    private InProcessTestCluster? _cluster;
    private MemoryJournal? _journal;

    /// <summary>The engine's clock; it stands still until a test moves it.</summary>
    public ManualClock Clock { get; } = new(Instant.FromUtc(2026, 3, 2, 10, 0));

    /// <summary>What the consumers keep.</summary>
    public Diaries Diaries { get; } = new();

    /// <summary>The queue server; null: Orleans' memory streams, which die with the silos.</summary>
    public LastingQueues? Queues { get; init; }

    /// <summary>Trouble of the store.</summary>
    public MemoryJournalOptions Store { get; init; } = new();

    /// <summary>The streams, with short intervals.</summary>
    public LoyaltyStreamOptions Options { get; set; } = new()
    {
        PublishMemberEvents = true,
        AcceptPurchases = true,
        PollInterval = TimeSpan.FromMilliseconds(10),
        ProgressInterval = TimeSpan.FromMilliseconds(50),
        BatchRecords = 50,
        RetryMin = TimeSpan.FromMilliseconds(5),
        RetryMax = TimeSpan.FromMilliseconds(50),
    };

    public MemoryJournal Journal => _journal ??= new(Store);

    public LoyaltyEngine Engine => Services.GetRequiredService<LoyaltyEngine>();

    public IEnumerable<MemberEventPublisher> Publishers => _cluster!.Silos.Select(silo => silo.ServiceProvider.GetService<MemberEventPublisher>()).OfType<MemberEventPublisher>();

    /// <summary>What the books say there is to tell.</summary>
    public MemberStreamEvent[] Told =>
        [.. Journal.ReadAll(0).Where(record => record.Actor.Kind == ActorIds.MemberKind).SelectMany(MemberEventReader.Of)
            .OrderBy(told => told.Member, StringComparer.Ordinal).ThenBy(told => told.Position).ThenBy(told => told.Index)];

    /// <summary>Whether the books note that all of that was published.</summary>
    public bool IsNoted
    {
        get
        {
            var noted = Journal.ReadAll(0).Where(record => record.Actor.Kind == ActorIds.FeedKind).GroupBy(record => record.Actor)
                .ToDictionary(records => records.Key, records => ProgressOf(records.Last()));
            return Told.All(told => noted.GetValueOrDefault(ActorIds.Feed(MemberEventPublisher.Feed, ShardMap.ShardOf(ActorIds.Member(told.Member)))) >= told.Position);
        }
    }

    private IServiceProvider Services => _cluster!.Silos[0].ServiceProvider;

    /// <summary>Starts two silos.</summary>
    public async Task StartAsync()
    {
        var journal = Journal;
        var builder = new InProcessTestClusterBuilder(2);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddLoyalty(_ => journal, new() { Shards = 2 }, Clock);
            silo.AddLoyaltyStreams(Options);
            silo.Services.AddSingleton(Diaries);
            silo.AddMemoryGrainStorage("PubSubStore");
            if (Queues is null)
            {
                silo.AddMemoryStreams(Options.Provider, streams => streams.ConfigurePullingAgent(Hasten));
            }
            else
            {
                silo.AddPersistentStreams(Options.Provider, Queues.CreateFactory, streams => streams.ConfigurePullingAgent(Hasten));
            }
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        Assert.Empty(await Engine.StartAsync(Programs.First));

        static void Hasten(Microsoft.Extensions.Options.OptionsBuilder<StreamPullingAgentOptions> agents) =>
            agents.Configure(options => options.GetQueueMsgsTimerPeriod = TimeSpan.FromMilliseconds(10));
    }

    /// <summary>Starts one more silo: some shards move there.</summary>
    public Task StartSiloAsync() => _cluster!.StartAdditionalSiloAsync();

    /// <summary>Takes all silos away as a power cut would; what is durable stays.</summary>
    public async Task KillAsync()
    {
        var old = _cluster!;
        _journal = Journal.Crash();
        foreach (var silo in old.Silos.ToArray())
        {
            await old.KillSiloAsync(silo);
        }

        await old.DisposeAsync();
        _cluster = null;
    }

    /// <summary>Records purchases, in order of each member.</summary>
    public async Task BuyAsync(params IEnumerable<Domain.Requests.Purchase> purchases)
    {
        foreach (var chunk in purchases.Chunk(100))
        {
            var commands = await Engine.Host.AskAllAsync(Array.ConvertAll(chunk, purchase => new RecordPurchase(Engine.TargetOf(purchase), purchase)));
            Assert.All(commands, command => Assert.Equal(CommandStatus.Done, command.Status));
        }
    }

    /// <summary>Sends messages by stream, as one.</summary>
    public Task SendAsync(string till, params object[] messages) =>
        Services.GetRequiredKeyedService<IStreamProvider>(Options.Provider).GetStream<object>(StreamId.Create(LoyaltyStreams.Purchases, till)).OnNextBatchAsync(messages);

    /// <summary>The member's balance in the books.</summary>
    public async Task<long> BalanceAsync(string member)
    {
        var command = await Engine.Host.AskAsync(new GetMember(member));
        return ((MemberReply)command.Reply!).View!.Balances.Sum(balance => balance.Available + balance.Pending);
    }

    /// <summary>Ends when it is so.</summary>
    public static async Task UntilAsync(Func<bool> condition, Func<string> otherwise)
    {
        for (var watch = Stopwatch.StartNew(); !condition();)
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), otherwise());
            await Task.Delay(10);
        }
    }

    /// <summary>Ends when the consumers have seen all that the books tell, and nothing else, in order.</summary>
    public async Task AllIsToldAsync()
    {
        var told = Told;
        await UntilAsync(
            () => Diaries.Events.Length >= told.Length,
            () => $"{told.Length} events are in the books, {Diaries.Events.Length} were told; {string.Join(", ", Publishers.Select(publisher => publisher.ReadFigures()))}");
        Assert.Equal(told.Select(Place), Diaries.Events.Select(Place));
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.StopAllSilosAsync();
            await _cluster.DisposeAsync();
        }

        await Journal.DisposeAsync();
    }

    private static long ProgressOf(JournalRecord record)
    {
        var reader = new Domain.Encoding.ByteReader(ActorState.KindPart(record.Events.Span, out _)[2..]);
        return reader.VarInt();
    }

    private static (string Member, long Position, int Index, Type Type) Place(MemberStreamEvent told) => (told.Member, told.Position, told.Index, told.GetType());
}
