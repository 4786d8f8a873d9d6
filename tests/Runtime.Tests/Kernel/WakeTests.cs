using Loyalty.Runtime.Kernel;
using Loyalty.Storage;
using NodaTime;

namespace Loyalty.Runtime.Tests.Kernel;

public class WakeTests
{
    private readonly Stage stage = new(new() { Shards = 4, WakeBatch = 3 });

    private long NowMs => stage.Clock.Now.ToUnixTimeMilliseconds();

    [Fact]
    public async Task An_actor_is_woken_once_when_its_time_has_come()
    {
        stage.Done(new RemindAt("anna", NowMs + 60_000));
        Assert.Equal(0, await stage.WakeDue());
        stage.Clock.Now += Duration.FromMinutes(1);
        Assert.Equal(1, await stage.WakeDue());
        Assert.Equal(0, await stage.WakeDue());
        Assert.Equal(1, stage.Done(new GetBalance("anna")).Reminded);
    }

    [Fact]
    public async Task Who_was_due_while_nothing_ran_is_woken_after_the_start()
    {
        stage.Done(new RemindAt("anna", NowMs + 60_000));
        stage.Crash();
        stage.Clock.Now += Duration.FromDays(1);
        Assert.Equal(1, await stage.WakeDue());
        Assert.Equal(1, stage.Done(new GetBalance("anna")).Reminded);
    }

    [Fact]
    public async Task More_due_actors_than_a_batch_holds_are_all_woken()
    {
        for (var i = 0; i < 10; i++)
        {
            stage.Done(new RemindAt($"a{i}", NowMs + 60_000 + i));
        }

        stage.Clock.Now += Duration.FromMinutes(2);
        Assert.Equal(10, await stage.WakeDue());
        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal(1, stage.Done(new GetBalance($"a{i}")).Reminded));
    }

    [Fact]
    public async Task Whoever_is_due_and_does_nothing_about_it_does_not_keep_the_host_busy_nor_the_others_waiting()
    {
        for (var i = 0; i < 7; i++)
        {
            stage.Done(new GoDeaf($"deaf{i}"));
            stage.Done(new RemindAt($"deaf{i}", NowMs + 1));
        }

        stage.Done(new RemindAt("anna", NowMs + 60_000));
        stage.Clock.Now += Duration.FromMinutes(2);
        Assert.Equal(8, await stage.WakeDue());
        Assert.Equal(0, await stage.WakeDue());
        Assert.Equal(1, stage.Done(new GetBalance("anna")).Reminded);
    }

    [Theory]
    [InlineData(MemoryFaultKind.Fail)]
    [InlineData(MemoryFaultKind.UnknownButWritten)]
    [InlineData(MemoryFaultKind.UnknownNotWritten)]
    public async Task A_wake_up_that_fails_comes_again(MemoryFaultKind kind)
    {
        stage.Done(new RemindAt("anna", NowMs + 60_000));
        stage.Clock.Now += Duration.FromMinutes(1);
        stage.NextBatch(kind);
        await stage.WakeDue();
        await stage.WakeDue();
        Assert.Equal(1, stage.Done(new GetBalance("anna")).Reminded);
    }
}
