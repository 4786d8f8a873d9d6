using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using NodaTime;

namespace Loyalty.Runtime.Tests.Exchange;

/// <summary>
/// Exchanges while the process dies, the store fails and the partner loses requests and answers, doubles them, is late or refuses. LOYALTY_EXCHANGES gives the number of random ones (10,000), LOYALTY_SEED the seed.
/// </summary>
public class CrashTests
{
    private static readonly int Exchanges = int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_EXCHANGES"), out var count) ? count : 10_000;
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_SEED"), out var seed) ? seed : 20260302;

    public static TheoryData<ExchangeDirection> Directions => [ExchangeDirection.Out, ExchangeDirection.In, ExchangeDirection.Earn];

    [Theory]
    [MemberData(nameof(Directions))]
    public void A_crash_after_every_step_of_an_exchange_in_turn_leaves_it_complete_or_undone(ExchangeDirection direction)
    {
        foreach (var behaviour in Enum.GetValues<Behaviour>())
        {
            // One step more each time, until the crash comes after the end.
            for (var step = 1; One(direction, behaviour, bureau => bureau.Steps, step, static bureau => bureau.Crash()); step++)
            {
                Assert.True(step < 500, "the exchange never ends");
            }
        }
    }

    [Theory]
    [InlineData(MemoryFaultKind.Fail)]
    [InlineData(MemoryFaultKind.UnknownButWritten)]
    [InlineData(MemoryFaultKind.UnknownNotWritten)]
    public void A_fault_of_the_store_at_every_append_of_an_exchange_in_turn_leaves_it_complete_or_undone(MemoryFaultKind kind)
    {
        foreach (var direction in Enum.GetValues<ExchangeDirection>())
        {
            foreach (var behaviour in new[] { Behaviour.Answers, Behaviour.AnswerLost, Behaviour.Refuses })
            {
                var appends = 0;
                for (var at = 1; at == 1 || at <= appends + 1; at++)
                {
                    var number = 0;
                    var bureau = Open(direction, behaviour);
                    bureau.Fault = _ => ++number == at ? new(kind, null) : MemoryFault.None;
                    bureau.Send(new StartExchange(Bureau.Request("x1", "anna", direction, 100)));
                    Drive(bureau);
                    appends = number;
                    RequireEnd(bureau, behaviour);
                }
            }
        }
    }

    [Fact]
    public void Ten_thousand_exchanges_with_crashes_at_random_and_a_partner_that_does_everything_wrong_end_complete_or_undone_on_both_sides()
    {
        const int Together = 50;
        var stages = new Dictionary<ExchangeStage, int>();
        Parallel.For(0, (Exchanges + Together - 1) / Together, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, Environment.ProcessorCount / 2) }, round =>
        {
            var ended = Many(Seed + round, Together);
            lock (stages)
            {
                foreach (var stage in ended)
                {
                    stages[stage] = stages.GetValueOrDefault(stage) + 1;
                }
            }
        });

        Assert.Equal([ExchangeStage.Completed, ExchangeStage.Undone], stages.Keys.Order());
        Assert.All(stages.Values, count => Assert.True(count > Exchanges / 20));
    }

    private static ExchangeStage[] Many(int seed, int count)
    {
        var random = new Random(seed);
        var behaviours = Enum.GetValues<Behaviour>();
        var partner = new TestPartner((_, _) => random.Next(3) == 0 ? behaviours[random.Next(behaviours.Length)] : Behaviour.Answers);
        partner.QueryFails = _ => random.Next(3) == 0;
        var bureau = new Bureau(partner, shards: random.Next(2) == 0 ? 1 : random.Next(2, 5));
        bureau.Fund("points", 40_000);
        bureau.Fund("skymiles", 20_000);
        for (var i = 0; i < 8; i++)
        {
            bureau.Buys($"m{i}", 4000);
        }

        if (random.Next(2) == 0)
        {
            bureau.Fault = _ => random.Next(60) == 0 ? new((MemoryFaultKind)random.Next(1, 4), null) : MemoryFault.None;
        }

        var requests = Enumerable.Range(0, count).Select(i => Bureau.Request(
            $"x{i}", $"m{random.Next(8)}", (ExchangeDirection)random.Next(1, 4), random.Next(1, 1200))).ToArray();
        foreach (var request in requests)
        {
            bureau.Send(bureau.Start(request));
            for (var steps = random.Next(8); steps > 0 && bureau.RunOne(random); steps--)
            {
            }

            if (random.Next(12) == 0)
            {
                bureau.Crash();
            }

            if (random.Next(6) == 0)
            {
                bureau.Clock.Now += Duration.FromSeconds(random.Next(40));
                bureau.WakeDue(random);
            }

            bureau.RequireBalance();
        }

        bureau.Fault = null;
        foreach (var request in requests)
        {
            // Whoever got no answer sends the same again; it is the same exchange.
            bureau.Ask(bureau.Start(request));
        }

        var ids = requests.Select(request => request.Id).ToArray();
        bureau.Settle(ids, random);
        foreach (var parked in ids.Where(id => bureau.Exchange(id).Stage == ExchangeStage.Parked))
        {
            Resolve(bureau, parked);
        }

        var ended = ids.Select(bureau.Exchange).ToArray();
        bureau.RequireSettled(ended);
        bureau.Crash();
        Assert.Equal(ended.Select(state => state.Stage), ids.Select(id => bureau.Exchange(id).Stage));
        bureau.RequireSettled(ended);
        return [.. ended.Select(state => state.Stage)];
    }

    /// <summary>An exchange with a disturbance after so many steps; false: it had ended before.</summary>
    private static bool One(ExchangeDirection direction, Behaviour behaviour, Func<Bureau, int> counted, int at, Action<Bureau> disturb)
    {
        var bureau = Open(direction, behaviour);
        var start = counted(bureau);
        var disturbed = false;
        bureau.Send(new StartExchange(Bureau.Request("x1", "anna", direction, 100)));
        while (bureau.RunOne())
        {
            bureau.RequireBalance();
            if (!disturbed && counted(bureau) - start == at)
            {
                disturb(bureau);
                disturbed = true;
            }
        }

        Drive(bureau);
        RequireEnd(bureau, behaviour);
        return disturbed;
    }

    private static void Drive(Bureau bureau)
    {
        bureau.Run();
        bureau.RequireBalance();
        bureau.Ask(new StartExchange(Bureau.Request("x1", "anna", bureau.Direction, 100)));
        bureau.Settle(["x1"]);
    }

    private static void RequireEnd(Bureau bureau, Behaviour behaviour)
    {
        if (bureau.Exchange("x1").Stage == ExchangeStage.Parked)
        {
            Assert.True(behaviour is Behaviour.RequestLost or Behaviour.Nonsense or Behaviour.Late, $"{behaviour} needed an operator");
            Resolve(bureau, "x1");
        }

        var state = bureau.Exchange("x1");
        bureau.RequireSettled([state]);
        Assert.Equal(
            bureau.Direction != ExchangeDirection.Earn && behaviour is Behaviour.Refuses or Behaviour.RefusalLost or Behaviour.RequestLost or Behaviour.Nonsense,
            state.Stage == ExchangeStage.Undone && bureau.Direction != ExchangeDirection.Earn);
    }

    /// <summary>The operator looks at the partner's books, and has it closed there when there is nothing.</summary>
    private static void Resolve(Bureau bureau, string id)
    {
        var found = bureau.Partner.LookUp(id);
        if (found is null)
        {
            bureau.Partner.Close(id);
        }

        bureau.Ask(new ResolveExchange(
            id, found?.Result == PartnerResult.Done ? ExchangeResolution.Completed : ExchangeResolution.Cancelled, "looked it up", "olga", found?.Reference));
        bureau.Run();
    }

    private static Bureau Open(ExchangeDirection direction, Behaviour behaviour)
    {
        var bureau = new Bureau(new((_, _) => behaviour)) { Direction = direction };
        bureau.Fund("points", 1000);
        bureau.Fund("skymiles", 1000);
        bureau.Buys("anna", 500);
        return bureau;
    }
}
