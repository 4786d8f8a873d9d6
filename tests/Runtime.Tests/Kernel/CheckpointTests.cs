using Loyalty.Runtime.Kernel;
using Loyalty.Storage;

namespace Loyalty.Runtime.Tests.Kernel;

public class CheckpointTests
{
    private readonly Stage stage = new(new() { Shards = 4, CheckpointSlice = 3 });

    [Fact]
    public async Task After_a_checkpoint_the_tail_is_empty_and_a_restart_gives_the_same_actors()
    {
        for (var i = 0; i < 10; i++)
        {
            stage.Done(new Pay($"a{i}", $"p{i}", i));
        }

        Assert.True(await stage.Drive(stage.Host.CheckpointAsync()));
        Assert.Equal(1, stage.Host.Checkpoints);
        Assert.Equal(0, stage.Memory.Checkpoint.TailRecords);
        stage.Crash();
        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal(i, stage.BalanceOf($"a{i}")));
        Assert.True(stage.Done(new Pay("a1", "p1", 1)).Replayed);
        Assert.Equal(5, stage.Done(new Pay("a1", "q1", 4)).Balance);
    }

    [Fact]
    public async Task A_snapshot_of_what_never_became_durable_is_not_kept()
    {
        // The snapshot is of version 2; its event fails, and another event becomes version 2 before the snapshot is stored.
        var reader = new Gate();
        var late = new Stage(new() { Shards = 1 });
        late.Done(new Pay("anna", "p1", 1));
        late.Done(new Pay("ben", "p2", 1));
        late.Crash();
        late.BalanceOf("anna");
        late.Journal.BeforeLoad = actor => actor.Key == "ben" ? reader.Task : null;
        var disk = late.HoldNextBatch(MemoryFaultKind.Fail);
        late.Send(new Pay("anna", "lost", 100));
        late.Run();
        var checkpoint = late.Host.CheckpointAsync();
        late.Run();
        disk.Open();
        late.Run();
        Assert.Equal(6, late.Done(new Pay("anna", "p3", 5)).Balance);
        reader.Open();
        await late.Drive(checkpoint);

        late.Crash();
        Assert.Equal(6, late.BalanceOf("anna"));
    }

    [Fact]
    public async Task A_checkpoint_that_cannot_read_an_actor_is_not_complete_and_the_next_one_is()
    {
        stage.Done(new Pay("anna", "p1", 1));
        stage.Done(new Pay("ben", "p2", 1));
        stage.Crash();
        var failures = 1;
        stage.Journal.BeforeLoad = actor => actor.Key == "ben" && failures-- > 0 ? throw new IOException("no disk") : null;
        Assert.False(await stage.Drive(stage.Host.CheckpointAsync()));
        Assert.True(await stage.Drive(stage.Host.CheckpointAsync()));
    }
}
