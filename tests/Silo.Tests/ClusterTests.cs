using Loyalty.Silo.Postgres;
using Loyalty.Tests.Shared;

namespace Loyalty.Silo.Tests;

/// <summary>Two silos that know each other from the database only, each with a host and ports of its own.</summary>
[NeedsPostgres]
public sealed class ClusterTests : IAsyncLifetime
{
    private readonly string _schema = PrivatePostgres.NewSchemaName();
    private readonly List<TestSilo> _silos = [];

    private TestSilo North => _silos[0];

    private TestSilo South => _silos[1];

    [StoreFact]
    public async Task Two_silos_find_each_other_and_share_the_grains()
    {
        await AssureBothAsync();
        var places = new HashSet<SiloAddress>();
        for (var member = 0; member < 40; member++)
        {
            places.Add(await North.Grains.GetGrain<IReviewGrain>($"member {member}").FindSilo());
        }

        Assert.Equal([.. new[] { North.Address, South.Address }.Order()], places.Order());
    }

    [StoreFact]
    public async Task A_silo_that_is_stopped_says_so_and_may_come_back_on_the_same_port()
    {
        await AssureBothAsync();
        var before = South.Address;
        await South.StopAsync();
        Assert.Equal(SiloStatus.Dead, await StatusAsync(before));
        await AssureNorthAloneAsync();
        await South.StartAsync();
        await AssureBothAsync();
        Assert.Equal((before.Endpoint, true), (South.Address.Endpoint, South.Address.Generation > before.Generation));
    }

    [StoreFact]
    public async Task A_silo_that_dies_is_noticed_by_the_other()
    {
        await AssureBothAsync();
        var before = South.Address;
        await South.KillAsync();
        await TestSilo.UntilAsync(async () => await StatusAsync(before) == SiloStatus.Dead, "the other silo declares it dead");
        await AssureNorthAloneAsync();
        Assert.Equal(North.Address, await North.Grains.GetGrain<IReviewGrain>("anna").FindSilo());
        await South.StartAsync();
        await AssureBothAsync();
    }

    [StoreFact]
    public async Task A_silo_that_restarts_at_once_on_the_same_port_takes_the_place_of_the_one_that_died()
    {
        await AssureBothAsync();
        var before = South.Address;
        await South.KillAsync();
        await South.StartAsync();
        await AssureBothAsync();
        Assert.Equal(before.Endpoint, South.Address.Endpoint);
        Assert.Equal(SiloStatus.Dead, await StatusAsync(before));
    }

    [StoreFact]
    public async Task A_reminder_is_due_again_and_again_until_it_is_cancelled()
    {
        await AssureBothAsync();
        var anna = North.Grains.GetGrain<IReviewGrain>("anna");
        Assert.False(await anna.IsPlanned());
        await anna.Plan(TimeSpan.FromMilliseconds(200));
        Assert.True(await anna.IsPlanned());
        await TestSilo.UntilAsync(async () => await anna.CountReviews() >= 3, "three reviews");
        await anna.Cancel();
        Assert.False(await anna.IsPlanned());
        Assert.Equal(0L, await PrivatePostgres.Shared.ExecuteAsync($"SELECT count(*) FROM {_schema}.orleans_reminder"));
    }

    [StoreFact]
    public async Task A_reminder_outlives_the_silo_that_planned_it()
    {
        await AssureBothAsync();
        var members = Enumerable.Range(0, 8).Select(n => $"member {n}").ToArray();
        foreach (var member in members)
        {
            await South.Grains.GetGrain<IReviewGrain>(member).Plan(TimeSpan.FromMilliseconds(500));
        }

        await South.StopAsync();
        await AssureNorthAloneAsync();
        foreach (var member in members)
        {
            var grain = North.Grains.GetGrain<IReviewGrain>(member);
            Assert.True(await grain.IsPlanned());
            await TestSilo.UntilAsync(async () => await grain.CountReviews() > 0, $"{member} is reviewed on the silo that is left");
            await grain.Cancel();
        }
    }

    public async Task InitializeAsync()
    {
        if (PrivatePostgres.WhyNot is not null)
        {
            return;
        }

        await OrleansSchema.MigrateAsync(PrivatePostgres.Shared.ConnectionString, _schema);
        foreach (var name in new[] { "north", "south" })
        {
            _silos.Add(await new TestSilo(_schema, name).RegisterAsync());
        }

        await Task.WhenAll(_silos.Select(silo => silo.StartAsync()));
    }

    public async Task DisposeAsync()
    {
        foreach (var silo in _silos)
        {
            await silo.DisposeAsync();
        }
    }

    private async Task AssureBothAsync()
    {
        SiloAddress[] both = [.. new[] { North.Address, South.Address }.Order()];
        await TestSilo.UntilAsync(() => Task.FromResult(_silos.All(silo => silo.Active.SequenceEqual(both))), "both silos take both for active");
    }

    private Task AssureNorthAloneAsync() =>
        TestSilo.UntilAsync(() => Task.FromResult(North.Active is [var only] && only.Equals(North.Address)), "the other silo knows that it is alone");

    private async Task<SiloStatus> StatusAsync(SiloAddress silo)
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        return Assert.Single((await tables.Membership.ReadRowAsync(silo)).Members).Item1.Status;
    }
}
