using Loyalty.Load.Baseline;
using Loyalty.Tests.Shared;
using Orleans.Storage;

namespace Loyalty.Silo.Tests;

/// <summary>What the engine is compared with must itself be right, or the comparison says nothing.</summary>
[NeedsPostgres]
public sealed class BaselineTests
{
    private static readonly GrainId Anna = GrainId.Create("member", "anna");

    [StoreFact]
    public async Task The_baseline_stores_what_it_acknowledges_and_leaves_nothing_behind()
    {
        var run = await BaselineRun.StartAsync(PrivatePostgres.Shared.ConnectionString, members: 20, default);
        await using (run)
        {
            var result = await run.MeasureAsync(seconds: 1, callers: 4, default);
            Assert.True((bool)result["isWell"]!, result.ToJsonString());
            Assert.Equal((long)result["acknowledgedPoints"]!, (long)result["storedPoints"]!);
            Assert.Equal(1L, await SchemasAsync(run));
        }

        Assert.Equal(0L, await SchemasAsync(run));
    }

    [StoreFact]
    public async Task Of_two_writers_of_the_same_state_exactly_one_wins()
    {
        await using var run = await BaselineRun.StartAsync(PrivatePostgres.Shared.ConnectionString, members: 1, default);
        GrainState<MemberState> here = new(new()), there = new(new());

        // The first time nothing is stored, then something is, and in the end it was cleared.
        foreach (var round in Enumerable.Range(0, 12))
        {
            (here.State!.Balance, there.State!.Balance) = ((2 * round) + 1, (2 * round) + 2);
            var written = await Task.WhenAll(TryWriteAsync(run.Storage, here), TryWriteAsync(run.Storage, there));
            Assert.Single(written, won => won);
            var expected = (written[0] ? here : there).State!.Balance;
            await Task.WhenAll(run.Storage.ReadStateAsync("member", Anna, here), run.Storage.ReadStateAsync("member", Anna, there));
            Assert.Equal((expected, expected, here.ETag), (here.State.Balance, there.State.Balance, there.ETag));
            if (round % 4 == 3)
            {
                await run.Storage.ClearStateAsync("member", Anna, here);
                await Assert.ThrowsAsync<InconsistentStateException>(() => run.Storage.ClearStateAsync("member", Anna, there));
                await Task.WhenAll(run.Storage.ReadStateAsync("member", Anna, here), run.Storage.ReadStateAsync("member", Anna, there));
                Assert.Equal((false, 0L), (there.RecordExists, there.State.Balance));
            }
        }
    }

    private static async Task<bool> TryWriteAsync(IGrainStorage storage, GrainState<MemberState> state)
    {
        try
        {
            await storage.WriteStateAsync("member", Anna, state);
            return true;
        }
        catch (InconsistentStateException)
        {
            return false;
        }
    }

    private static async Task<object?> SchemasAsync(BaselineRun run) =>
        await PrivatePostgres.Shared.ExecuteAsync($"SELECT count(*) FROM pg_namespace WHERE nspname = '{run.Schema}'");
}
