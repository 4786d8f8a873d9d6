using System.Runtime.CompilerServices;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Orleans.Serialization;
using Request = Loyalty.Domain.Requests.Request;

namespace Loyalty.Grains.Tests;

/// <summary>Requests that spend, rewards and what is said about them, between silos.</summary>
public sealed class SpendingWireTests
{
    private static readonly Serializer Wire = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    private static readonly Instant At = Instant.FromUtc(2026, 3, 2, 9, 0);

    private static readonly Purchase Purchase = new()
    {
        Id = "p1", Member = "anna", Store = "S042", At = At, Currency = "GBP", Lines = [new("tea", "drinks", null, 1.5m, 1485)], Tender = new("points", 500, 250),
    };

    private static readonly Hold Hold = new() { Id = "h1", Member = "anna", Reward = "mug", Quantity = 2, Seconds = 60, Reference = "order 7" };

    private static readonly RewardDefinition Mug = new("mug", 3, "A mug", RewardType.Experience, "points", 500, 250, true, new(2, RewardPeriod.Week), ["gold", "none"], At, At + Duration.FromDays(1));

    private static readonly Answer<HoldView> View = new(CommandStatus.Done, null, new(
        "h1", "anna", HoldStatus.Refused, "points", 1000, At, new("mug", 2, 500, null, null), new("out-of-stock", "quantity", "is 2; 1 is free"), new([new("points", 7, 0, 0)], "gold")));

    [Fact]
    public void Requests_that_spend_arrive_as_they_were_sent()
    {
        foreach (var request in new Request[]
        {
            Purchase, Hold, new Redemption { Id = "r1", Member = "anna", Unit = "points", Points = 7 }, new HoldCommit { Id = "c1", Member = "anna", Hold = "h1", Points = 5 },
            new HoldCancel { Id = "x1", Member = "anna", Hold = "h1" }, new Reversal { Id = "v1", Member = "anna", Redemption = "h1", Restock = false, Reason = "broken", Author = "jo" },
            new StockChange { Id = "s1", Reward = "mug", Change = -5, Reason = "broken", Author = "jo" },
        })
        {
            Request arrived = request switch
            {
                Purchase it => Crossed(it),
                Hold it => Crossed(it),
                Redemption it => Crossed(it),
                HoldCommit it => Crossed(it),
                HoldCancel it => Crossed(it),
                Reversal it => Crossed(it),
                StockChange it => Crossed(it),
                _ => throw new InvalidOperationException(),
            };
            Assert.Equal(request.GetType(), arrived.GetType());
            Assert.Equal(Fingerprint.Of(request), Fingerprint.Of(arrived));
        }
    }

    [Fact]
    public void A_reward_and_a_hold_arrive_as_they_stand()
    {
        var view = new RewardView(Mug, true, 5, 2, 80);
        var arrived = Crossed(new RewardReply(view, null, true)).View!;
        Assert.True(Mug.Says(arrived.Definition) && arrived.Definition.Revision == 3);
        Assert.Equal(view with { Definition = Mug }, arrived with { Definition = Mug });
        var hold = Crossed(View).Reply!;
        Assert.Equal(View.Reply! with { Answer = null }, hold with { Answer = null });
        Assert.Equal(View.Reply!.Answer!.Balances, hold.Answer!.Balances);
        var outcome = Crossed(new RequestOutcome(OutcomeKind.Recorded, new StockChanged(new() { Id = "s1", Reward = "mug", Change = 5, Reason = "r", Author = "a" }, 12), null, null, false));
        Assert.Equal(12, Assert.IsType<StockChanged>(outcome.Fact).FreeAfter);
    }

    /// <summary>The bytes of the first version: as long as there is a silo that sends them, they must be understood. Written once, with LOYALTY_WRITE_GOLDEN set.</summary>
    [Theory]
    [InlineData("tender")]
    [InlineData("hold")]
    [InlineData("reward")]
    [InlineData("hold-view")]
    public void What_an_older_silo_sent_is_still_understood(string name)
    {
        var path = GoldenPath($"wire-1-{name}.bin");
        if (Environment.GetEnvironmentVariable("LOYALTY_WRITE_GOLDEN") is not null && !File.Exists(path))
        {
            File.WriteAllBytes(path, name switch
            {
                "tender" => Wire.SerializeToArray(new SaleBatch([new(ActorIds.Member("anna"), Purchase, null)])),
                "hold" => Wire.SerializeToArray(Hold),
                "reward" => Wire.SerializeToArray(Mug),
                _ => Wire.SerializeToArray(View),
            });
        }

        var bytes = File.ReadAllBytes(path);
        switch (name)
        {
            case "tender":
                Assert.Equal(Purchase.Tender, Arrived<SaleBatch>(bytes).Sales[0].Purchase!.Tender);
                break;
            case "hold":
                Assert.Equal(Hold, Arrived<Hold>(bytes));
                break;
            case "reward":
                Assert.True(Mug.Says(Arrived<RewardDefinition>(bytes)));
                break;
            default:
                Assert.Equal("out-of-stock", Arrived<Answer<HoldView>>(bytes).Reply!.Refusal!.Code);
                break;
        }
    }

    private static T Crossed<T>(T value) => Arrived<T>(Wire.SerializeToArray(value));

    private static T Arrived<T>(byte[] bytes) => Wire.Deserialize<T>(bytes) ?? throw new InvalidOperationException("nothing arrived");

    private static string GoldenPath(string name, [CallerFilePath] string source = "") => Path.Combine(Path.GetDirectoryName(source)!, "Golden", name);
}
