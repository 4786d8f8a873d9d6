using Loyalty.Domain.Exchange;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Orleans.Serialization;

namespace Loyalty.Grains.Tests;

/// <summary>What crosses between silos of exchanges and pools.</summary>
public sealed class ExchangeWireTests
{
    private static readonly Serializer Wire = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    private static readonly ExchangeRequest Request = new() { Id = "x1", Pool = "sky", Member = "anna", Direction = ExchangeDirection.Out, Amount = 1000, Account = "SK1" };

    private static readonly Reservation Reserved = new()
    {
        Exchange = "x1", Pool = "sky", Member = "anna", Account = "SK1", Direction = ExchangeDirection.Out, Unit = "points", PartnerUnit = "skymiles", Points = 1000, Fee = 100, Units = 450,
        Rate = new(1, 2), ServiceFee = 3, Day = new(2026, 3, 2), Version = 2, Shard = 0, Connector = "sky", Retry = new(4, 1, 60), MemberDay = 5000,
    };

    [Fact]
    public void Requests_answers_and_steps_arrive_as_they_were_sent()
    {
        Assert.Equal(Request, Crossed(Request));
        var funding = new PoolFunding { Id = "f1", Pool = "sky", Unit = "points", Amount = -5, Reason = "r", Author = "a" };
        Assert.Equal(funding, Crossed(funding));
        foreach (var answer in new[] { StepAnswer.Done, StepAnswer.Refused(new("pool-liquidity", "pool", "has nothing")), new(StepResult.Done, null, Reserved, "P-1") })
        {
            Assert.Equal(answer, Crossed(new Answer<StepAnswer>(CommandStatus.Done, null, answer)).Reply);
        }
    }

    [Fact]
    public void An_exchange_arrives_as_it_stands_and_one_that_is_not_there_as_nothing()
    {
        var state = new ExchangeState("x1");
        state.Apply(new ExchangeStarted(Request, Instant.FromUtc(2026, 3, 2, 10, 0)));
        state.Apply(new ExchangeStepped(new(StepResult.Done, null, Reserved), Instant.FromUtc(2026, 3, 2, 10, 1)));
        var arrived = Crossed(new ExchangeReply(state, new("not-parked", "", "is holding"))) is { State: { } there, Refusal: { } refusal } ? (there, refusal) : default;
        Assert.Equal(("x1", ExchangeStage.Holding, Reserved, Request), (arrived.there.Id, arrived.there.Stage, arrived.there.Reservation, arrived.there.Request));
        Assert.Equal("not-parked", arrived.refusal.Code);
        Assert.Equal(new(null, null), Crossed(new ExchangeReply(null, null)));
    }

    [Fact]
    public void A_pool_arrives_with_its_definition_and_figures()
    {
        var view = View();
        var arrived = Crossed(new PoolReply(view, [new FieldError("rates[0].out", "is wrong")]));
        Assert.Equal("rates[0].out", Assert.Single(arrived.Errors).Field);
        Assert.Equal(view.Definition.Source.ToArray(), arrived.View!.Definition.Source.ToArray());
        Assert.Equal(view.Parked, arrived.View.Parked);
        Assert.Equal(view with { Definition = null!, Parked = [] }, arrived.View with { Definition = null!, Parked = [] });
        Assert.Null(Crossed(new PoolReply(null, [])).View);
    }

    [Theory]
    [InlineData("exchange")]
    [InlineData("pool")]
    [InlineData("request")]
    public void What_version_1_sent_is_understood(string name)
    {
        var bytes = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", $"wire-1-exchange-{name}.bin"));
        switch (name)
        {
            case "exchange":
                Assert.Equal("anna", Arrived<Answer<ExchangeReply>>(bytes).Reply!.State!.Request!.Member);
                break;
            case "pool":
                Assert.Equal(new(7, 8), Arrived<Answer<PoolReply>>(bytes).Reply!.View!.Free);
                break;
            default:
                Assert.Equal(Request, Arrived<ExchangeRequest>(bytes));
                break;
        }
    }

    [Fact]
    public void Make_golden_bytes_where_there_are_none()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "../../../Golden");
        if (Environment.GetEnvironmentVariable("LOYALTY_WRITE_GOLDEN") is null || File.Exists(Path.Combine(folder, "wire-1-exchange-pool.bin")))
        {
            return;
        }

        var state = new ExchangeState("x1");
        state.Apply(new ExchangeStarted(Request, Instant.FromUtc(2026, 3, 2, 10, 0)));
        File.WriteAllBytes(Path.Combine(folder, "wire-1-exchange-exchange.bin"), Wire.SerializeToArray(new Answer<ExchangeReply>(CommandStatus.Done, null, new(state, null))));
        File.WriteAllBytes(Path.Combine(folder, "wire-1-exchange-pool.bin"), Wire.SerializeToArray(new Answer<PoolReply>(CommandStatus.Done, null, new(View(), []))));
        File.WriteAllBytes(Path.Combine(folder, "wire-1-exchange-request.bin"), Wire.SerializeToArray(Request));
    }

    private static PoolView View()
    {
        var definition = PoolParser.Parse("""{ "unit": "points", "partnerUnit": "skymiles", "earn": {} }"""u8.ToArray(), "sky", 3, null, null, [])!;
        var period = new PoolPeriod(
            new(2026, 3, 1), new(1, 2), new(3, 4), new(5, 6), new(7, 8), new(1, 2, 3, 4, 5), default, default, 1, 12, StatementLine.FirstHash, StatementLine.FirstHash);
        return new(definition, new(7, 8), new(-1, 5), 2, ["x1"], 1, true, false, period, new(2026, 3, 1), 12);
    }

    private static T Crossed<T>(T value) => Arrived<T>(Wire.SerializeToArray(value));

    private static T Arrived<T>(byte[] bytes) => Wire.Deserialize<T>(bytes) ?? throw new InvalidOperationException("nothing arrived");
}
