using Loyalty.Runtime.Kernel;
using Loyalty.Storage;

namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>Effects with a key of their own: decided once for all times, by whomever and however often they are brought.</summary>
public class KeyedEffectTests
{
    private readonly Stage stage = new(new() { Shards = 4 });

    [Fact]
    public void A_keyed_effect_is_applied_once_whoever_brings_it()
    {
        stage.Done(new Transfer("anna", "t1", "ben", 4) { Key = "step:t1" });
        Assert.Equal(4, stage.BalanceOf("ben"));
        foreach (var sender in new[] { "anna", "carl" })
        {
            Assert.Equal(CommandStatus.Done, stage.Ask(Again(sender, "step:t1")).Status);
        }

        stage.Crash();
        Assert.Equal(CommandStatus.Done, stage.Ask(Again("anna", "step:t1")).Status);
        Assert.Equal(4, stage.BalanceOf("ben"));
        Assert.Equal(CommandStatus.Done, stage.Ask(Again("anna", "step:t2")).Status);
        Assert.Equal(8, stage.BalanceOf("ben"));
    }

    [Fact]
    public void The_same_keyed_effect_twice_at_once_is_applied_once()
    {
        stage.Done(new GetBalance("ben"));
        var disk = stage.HoldNextBatch();
        var both = new[] { stage.Send(Again("anna", "k")), stage.Send(Again("carl", "k")) };
        stage.Run();
        Assert.All(both, command => Assert.Equal(CommandStatus.Pending, command.Status));
        disk.Open();
        stage.Run();
        Assert.All(both, command => Assert.Equal(CommandStatus.Done, command.Status));
        Assert.Equal(4, stage.BalanceOf("ben"));
    }

    [Fact]
    public void A_request_and_an_effect_may_have_the_same_id()
    {
        stage.Done(new Pay("ben", "x", 1));
        stage.Done(new Transfer("anna", "t1", "ben", 4) { Key = "x" });
        Assert.Equal(5, stage.BalanceOf("ben"));
        Assert.True(stage.Done(new Pay("ben", "x", 1)).Replayed);
        Assert.Equal(5, stage.BalanceOf("ben"));
    }

    [Fact]
    public void A_receiver_that_hears_from_very_many_keeps_nothing_of_them()
    {
        for (var i = 0; i < 200; i++)
        {
            stage.Done(new Transfer($"m{i}", $"t{i}", "reward", 1) { Key = $"reserve:{i}" });
        }

        var snapshot = Assert.IsType<Runtime.Journal.Snapshot>(stage.Ask(new SnapshotCommand(AccountKind.Id("reward"))).Reply);
        Assert.True(snapshot.State.Length < 20, $"{snapshot.State.Length} bytes");
        Assert.Equal(200, stage.BalanceOf("reward"));
    }

    [Theory]
    [InlineData(0, MemoryFaultKind.UnknownButWritten)]
    [InlineData(1, MemoryFaultKind.Fail)]
    [InlineData(1, MemoryFaultKind.UnknownButWritten)]
    [InlineData(1, MemoryFaultKind.UnknownNotWritten)]
    [InlineData(2, MemoryFaultKind.Fail)]
    [InlineData(2, MemoryFaultKind.UnknownButWritten)]
    public async Task Whatever_is_lost_on_the_way_a_keyed_effect_arrives_once(int batch, MemoryFaultKind kind)
    {
        stage.BatchAfter(batch, kind);
        stage.Ask(new Transfer("anna", "t1", "ben", 4) { Key = "step:t1" });
        for (var i = 0; i < 3; i++)
        {
            stage.Clock.Now += NodaTime.Duration.FromMinutes(1);
            await stage.WakeDue();
        }

        Assert.Equal(4, stage.BalanceOf("ben"));
        Assert.Equal(0, await stage.WakeDue());
    }

    [Fact]
    public async Task A_snapshot_keeps_the_keys_of_effects_under_way()
    {
        var one = new Stage(new() { Shards = 1 });
        one.BatchAfter(1, MemoryFaultKind.Fail);
        one.Done(new Transfer("anna", "t1", "ben", 4) { Key = "step:t1" });
        Assert.True(await one.Drive(one.Host.CheckpointAsync()));
        one.Crash();
        one.Clock.Now += NodaTime.Duration.FromMinutes(1);
        await one.WakeDue();
        Assert.Equal(CommandStatus.Done, one.Ask(Again("anna", "step:t1")).Status);
        Assert.Equal(4, one.BalanceOf("ben"));
    }

    private static EffectCommand Again(string sender, string key) => new(AccountKind.Id("ben"), AccountKind.Id(sender), 1, BitConverter.GetBytes(4L), key);
}
