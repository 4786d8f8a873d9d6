using Loyalty.Runtime.Kernel;
using Loyalty.Storage;

namespace Loyalty.Runtime.Tests.Kernel;

public class EffectTests
{
    private readonly Stage stage = new(new() { Shards = 4 });

    [Fact]
    public void A_transfer_arrives_once()
    {
        stage.Done(new Pay("anna", "p1", 10));
        stage.Done(new Transfer("anna", "t1", "ben", 4));
        Assert.Equal(6, stage.BalanceOf("anna"));
        Assert.Equal(4, stage.BalanceOf("ben"));
    }

    [Fact]
    public void An_actor_can_send_to_itself()
    {
        stage.Done(new Transfer("anna", "t1", "anna", 4));
        Assert.Equal(0, stage.BalanceOf("anna"));
        Assert.Equal(0, stage.Memory.Totals().Sums["account:money:transit"]);
    }

    [Fact]
    public void Nothing_is_sent_before_the_transfer_is_durable()
    {
        stage.Done(new GetBalance("ben"));
        var disk = stage.HoldNextBatch(MemoryFaultKind.Fail);
        var transfer = stage.Send(new Transfer("anna", "t1", "ben", 4));
        stage.Run();
        disk.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Unavailable, transfer.Status);
        Assert.Equal(0, stage.BalanceOf("ben"));
        stage.Done(new Transfer("anna", "t1", "ben", 4));
        Assert.Equal(4, stage.BalanceOf("ben"));
    }

    [Fact]
    public void A_message_that_is_delivered_again_is_applied_once()
    {
        stage.Done(new Transfer("anna", "t1", "ben", 4));
        stage.Done(new Transfer("anna", "t2", "ben", 3));
        foreach (var sequence in new long[] { 1, 2, 1 })
        {
            var again = stage.Ask(new EffectCommand(AccountKind.Id("ben"), AccountKind.Id("anna"), sequence, BitConverter.GetBytes(4L)));
            Assert.Equal(CommandStatus.Done, again.Status);
        }

        Assert.Equal(7, stage.BalanceOf("ben"));
        stage.Crash();
        stage.Ask(new EffectCommand(AccountKind.Id("ben"), AccountKind.Id("anna"), 2, BitConverter.GetBytes(3L)));
        Assert.Equal(7, stage.BalanceOf("ben"));
    }

    [Fact]
    public async Task A_transfer_that_was_durable_when_the_process_died_is_delivered_by_the_next_one()
    {
        var disk = stage.HoldNextBatch();
        stage.Send(new Transfer("anna", "t1", "ben", 4));
        stage.Run();
        disk.Open();
        stage.Crash();
        Assert.Equal(["anna"], stage.Replayed().Keys);

        Assert.Equal(1, await stage.WakeDue());
        Assert.Equal(4, stage.BalanceOf("ben"));
        Assert.Equal(0, await stage.WakeDue());
    }

    [Theory]
    [InlineData(MemoryFaultKind.Fail)]
    [InlineData(MemoryFaultKind.UnknownButWritten)]
    [InlineData(MemoryFaultKind.UnknownNotWritten)]
    public async Task A_receiver_that_fails_gets_the_message_again_and_applies_it_once(MemoryFaultKind kind)
    {
        stage.BatchAfter(1, kind);
        stage.Done(new Transfer("anna", "t1", "ben", 4));
        for (var i = 0; i < 3; i++)
        {
            stage.Clock.Now += NodaTime.Duration.FromMinutes(1);
            await stage.WakeDue();
        }

        Assert.Equal(4, stage.BalanceOf("ben"));
        Assert.Equal(0, await stage.WakeDue());
    }

    [Theory]
    [InlineData(MemoryFaultKind.Fail)]
    [InlineData(MemoryFaultKind.UnknownButWritten)]
    [InlineData(MemoryFaultKind.UnknownNotWritten)]
    public async Task A_note_of_delivery_that_is_lost_leads_to_a_second_delivery_that_changes_nothing(MemoryFaultKind kind)
    {
        stage.BatchAfter(2, kind);
        stage.Done(new Transfer("anna", "t1", "ben", 4));
        for (var i = 0; i < 3; i++)
        {
            stage.Clock.Now += NodaTime.Duration.FromMinutes(1);
            await stage.WakeDue();
        }

        Assert.Equal(4, stage.BalanceOf("ben"));
        Assert.Equal(-4, stage.BalanceOf("anna"));
        Assert.Equal(0, await stage.WakeDue());
    }

    [Fact]
    public async Task An_effect_that_nobody_takes_is_tried_again_later_and_does_not_keep_the_host_busy()
    {
        var one = new Stage(new() { Shards = 1, WakeBatch = 1 });
        one.Done(new Transfer("anna", "t1", new ActorId("nobody", "x"), 4));
        Assert.Equal(1, await one.WakeDue());
        Assert.Equal(0, await one.WakeDue());
        one.Clock.Now += NodaTime.Duration.FromMinutes(1);
        Assert.Equal(1, await one.WakeDue());
        one.Crash();
        one.Clock.Now += NodaTime.Duration.FromMinutes(1);
        Assert.Equal(1, await one.WakeDue());
    }

    [Fact]
    public void An_actor_whose_appends_never_cease_still_sends_its_effects()
    {
        var hot = new Stage();
        hot.Done(new GetBalance("ben"));
        var disk = hot.HoldNextBatch();
        hot.Send(new Transfer("anna", "t1", "ben", 4));
        hot.Run();
        for (var i = 0; i < 5; i++)
        {
            // Before the disk has taken one append there is the next, always.
            var next = new Gate();
            hot.BatchAfter(0, MemoryFaultKind.None, next.Task);
            hot.Send(new Pay("anna", $"p{i}", 1));
            hot.Scheduler.RunAll();
            disk.Open();
            hot.Run();
            disk = next;
        }

        Assert.Equal(4, hot.Replayed()["ben"]);
        disk.Open();
        hot.Run();
        Assert.Equal(1, hot.BalanceOf("anna"));
    }

    [Fact]
    public void Effects_of_one_sender_arrive_in_the_order_in_which_they_were_raised()
    {
        stage.SendTogether([.. Enumerable.Range(1, 20).Select(i => new Transfer("anna", $"t{i}", i % 2 == 0 ? "ben" : "carl", i))]);
        stage.Run();
        foreach (var key in new[] { "ben", "carl" })
        {
            var received = stage.Memory.ReadAll(0).Where(record => record.Actor.Key == key).SelectMany(AccountKind.FactsOf).Select(fact => fact.Amount).ToArray();
            Assert.Equal(received.Order(), received);
            Assert.Equal(10, received.Length);
        }
    }

    [Fact]
    public async Task A_snapshot_keeps_effects_under_way_and_what_was_received()
    {
        var one = new Stage(new() { Shards = 1 });
        one.BatchAfter(1, MemoryFaultKind.Fail);
        one.Done(new Transfer("anna", "t1", "ben", 4));
        one.Done(new Transfer("ben", "t2", "anna", 1));
        Assert.True(await one.Drive(one.Host.CheckpointAsync()));
        one.Crash();
        one.Clock.Now += NodaTime.Duration.FromMinutes(1);
        await one.WakeDue();
        one.Ask(new EffectCommand(AccountKind.Id("anna"), AccountKind.Id("ben"), 1, BitConverter.GetBytes(1L)));
        Assert.Equal(-3, one.BalanceOf("anna"));
        Assert.Equal(3, one.BalanceOf("ben"));
    }
}
