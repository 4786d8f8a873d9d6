using Loyalty.Domain.Ledger;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Runtime.Tests;
using Loyalty.Runtime.Tests.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.TestingHost;

namespace Loyalty.Grains.Tests;

/// <summary>Silos come and go while tills send: nothing acknowledged is lost, nothing is applied twice, and nobody has to send again.</summary>
public sealed class ClusterChangesTests : IAsyncLifetime
{
    private const int Members = 40;

    private MemoryJournal _books = null!;
    private readonly ManualClock _clock = new(Instant.FromUtc(2026, 3, 2, 10, 0));
    private InProcessTestCluster _cluster = null!;
    private LoyaltyEngine _engine = null!;
    private int _sent;

    public async Task InitializeAsync()
    {
        _books = EmptyBooks();
        var builder = new InProcessTestClusterBuilder(2);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddLoyalty(_ => _books, new KernelOptions { Shards = 2 }, _clock);
            silo.Configure<ClusterMembershipOptions>(membership =>
            {
                membership.ProbeTimeout = TimeSpan.FromMilliseconds(500);
                membership.NumMissedProbesLimit = 2;
                membership.NumVotesForDeathDeclaration = 1;
                membership.TableRefreshTimeout = TimeSpan.FromSeconds(1);
            });
        });
        builder.ConfigureClient(client => client.AddLoyalty(_clock));
        _cluster = builder.Build();
        await _cluster.DeployAsync();
        _engine = _cluster.Client.ServiceProvider.GetRequiredService<LoyaltyEngine>();
        await _cluster.Client.ServiceProvider.GetRequiredService<ISiloList>().RefreshAsync();
        Assert.Empty(await _engine.StartAsync(Programs.First));
    }

    private static MemoryJournal EmptyBooks() => new(null);

    public async Task DisposeAsync()
    {
        await _cluster.DisposeAsync();
        await _books.DisposeAsync();
    }

    [Fact]
    public async Task A_silo_that_is_killed_under_load_costs_a_moment_and_no_purchase()
    {
        await SendWhileAsync(async () => await _cluster.KillSiloAsync(_cluster.Silos[1]));
        ExpectEachOnce();
        Assert.Single((await _engine.Host.ReadFiguresAsync()), silo => silo.Actors.Actors > 0);
    }

    [Fact]
    public async Task A_silo_that_stops_in_good_order_hands_its_members_over()
    {
        await SendWhileAsync(async () => await _cluster.StopSiloAsync(_cluster.Silos[1]));
        ExpectEachOnce();
    }

    [Fact]
    public async Task A_silo_that_joins_takes_its_share_of_the_members()
    {
        await SendWhileAsync(async () =>
        {
            await _cluster.StartAdditionalSiloAsync();
            await UntilAsync("three silos have members", async () => (await _engine.Host.ReadFiguresAsync()).Count(silo => silo.Actors.Actors > 0) == 3);
        });
        ExpectEachOnce();
    }

    [Fact]
    public async Task A_version_of_the_program_is_in_force_on_every_silo_when_its_publisher_is_told()
    {
        var other = _cluster.Silos.Select(silo => silo.ServiceProvider.GetRequiredService<ProgramSource>()).ToArray();
        var published = await _engine.PublishAsync(Programs.Of(points: 2));
        Assert.Equal(CommandStatus.Done, published.Status);
        Assert.All(other, programs => Assert.Equal(2, programs.Current.Versions.Count));
    }

    /// <summary>Tills send, in groups and one by one, until what happens has happened and a little longer.</summary>
    private async Task SendWhileAsync(Func<Task> happens)
    {
        using var end = new CancellationTokenSource();
        var tills = Enumerable.Range(0, 4).Select(till => Task.Run(() => SellAsync(till, end.Token))).ToArray();
        await UntilAsync("there is load", () => Task.FromResult(Volatile.Read(ref _sent) > 200));
        await happens();
        var now = Volatile.Read(ref _sent);
        await UntilAsync("the load goes on", async () =>
        {
            foreach (var failed in tills.Where(till => till.IsFaulted))
            {
                await failed;
            }

            return Volatile.Read(ref _sent) > now + 400;
        });
        await end.CancelAsync();
        await Task.WhenAll(tills);
    }

    private async Task SellAsync(int till, CancellationToken end)
    {
        for (var group = 0; !end.IsCancellationRequested; group++)
        {
            var commands = Enumerable.Range(0, 16).Select(i => Purchase($"t{till}-{group}-{i}", $"m{((group * 16) + i + till) % Members}")).ToArray();
            foreach (var command in await _engine.Host.AskAllAsync(commands))
            {
                Assert.True(command.Status == CommandStatus.Done, $"{command.RequestId}: {command.Status}, {command.Problem}");
            }

            var single = await _engine.Host.AskAsync(Purchase($"t{till}-{group}-single", $"m{group % Members}"));
            Assert.True(single.Status == CommandStatus.Done, $"{single.RequestId}: {single.Status}, {single.Problem}");
            Interlocked.Add(ref _sent, commands.Length + 1);
        }
    }

    private static RecordPurchase Purchase(string id, string member) => new(ActorIds.Member(member), new Purchase
    {
        Id = id,
        Member = member,
        Store = "s1",
        At = Instant.FromUtc(2026, 3, 2, 9, 0),
        Currency = "GBP",
        Lines = [new("tea", null, null, 1, 1_00)],
    });

    private void ExpectEachOnce()
    {
        var sums = _books.Totals().Sums;
        Assert.Equal(_sent, sums[MeasureNames.Counter(Counters.MemberPurchases)]);
        Assert.Equal(_sent * 100L, sums[MeasureNames.Counter(Counters.MemberAmount)]);
        Assert.Equal(0, sums.Where(sum => MeasureNames.ParseAccount(sum.Key) is not null).Sum(sum => sum.Value));
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!await condition())
        {
            Assert.False(deadline.IsCancellationRequested, $"never: {what}");
            await Task.Delay(20);
        }
    }
}
