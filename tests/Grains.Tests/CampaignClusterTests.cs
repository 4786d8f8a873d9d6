using System.Text;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
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

/// <summary>A budget that several silos spend from, one of which is lost: exactly the budget is given, and what the lost one had spent is counted.</summary>
public sealed class CampaignClusterTests : IAsyncLifetime
{
    private readonly ManualClock _clock = new(Instant.FromUtc(2026, 3, 2, 10, 0));
    private MemoryJournal _books = null!;
    private InProcessTestCluster _cluster = null!;
    private LoyaltyEngine _engine = null!;
    private long _given;
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
        var json = Encoding.UTF8.GetBytes(
            """{ "name": "Boost", "gives": [ { "type": "bonus", "unit": "points", "points": 900 } ], "budget": { "in": "points", "amount": 1000000 } }""");
        Assert.Empty(((CampaignReply)(await _engine.SaveCampaignDraftAsync("boost", json, "anna")).Reply!).Errors);
        Assert.Equal(CampaignStatus.Active, ((CampaignReply)(await _engine.PublishCampaignAsync("boost", "anna")).Reply!).View!.Status);
    }

    public async Task DisposeAsync()
    {
        await _cluster.DisposeAsync();
        await _books.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sixty_four_clients_are_given_exactly_the_budget_when_a_silo_is_lost_meanwhile(bool killed)
    {
        var clients = Enumerable.Range(0, 64).Select(client => Task.Run(() => BuyAsync(client))).ToArray();
        while (Volatile.Read(ref _sent) < 200)
        {
            await Task.Delay(5);
        }

        Assert.True(Volatile.Read(ref _given) < 1_000_000);
        if (killed)
        {
            await _cluster.KillSiloAsync(_cluster.Silos[1]);
        }
        else
        {
            await _cluster.StopSiloAsync(_cluster.Silos[1]);
        }

        await Task.WhenAll(clients).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(1_000_000, _given);
        Assert.Equal(1_000_000, _books.ReadAll(0).Sum(record => BudgetFacts.Of(record).Sum(spend => spend.Amount)));

        // What is reported and settled says the same, a few seconds later.
        for (var tries = 0; ; tries++)
        {
            var purse = Assert.Single(((BudgetView)(await _engine.GetBudgetAsync("boost")).Reply!).Purses);
            Assert.Equal(1_000_000, purse.Spent + purse.Leased + purse.Free);
            if (purse.Spent == 1_000_000)
            {
                break;
            }

            Assert.True(tries < 600, $"{purse.Spent} are known to be spent");
            await Task.Delay(50);
        }
    }

    /// <summary>Buys until the budget is given.</summary>
    private async Task BuyAsync(int client)
    {
        for (var i = 0; Volatile.Read(ref _given) < 1_000_000; i++)
        {
            var purchase = new Purchase
            {
                Id = $"p{client}-{i}",
                Member = $"m{client}",
                Store = "s1",
                At = _clock.Now,
                Currency = "GBP",
                Lines = [new("tea", null, null, 1, 1_00)],
            };
            RecordPurchase command;
            do
            {
                command = new(ActorIds.Member(purchase.Member), purchase);
                await _engine.Host.AskAsync(command);
            }
            while (command.Status != CommandStatus.Done);

            Interlocked.Add(ref _given, ((PurchaseRecorded)command.Outcome.Fact!).Awards.Where(award => award.Rule == "campaign:boost").Sum(award => award.Points));
            Interlocked.Increment(ref _sent);
        }
    }

    private static MemoryJournal EmptyBooks() => new(null);
}
