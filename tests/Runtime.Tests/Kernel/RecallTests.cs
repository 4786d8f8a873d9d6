using Loyalty.Runtime.Kernel;
using Loyalty.Storage;

namespace Loyalty.Runtime.Tests.Kernel;

public class RecallTests
{
    private readonly Stage stage = new();

    [Fact]
    public void An_undo_right_behind_its_payment_in_the_same_message_sees_it()
    {
        var undo = new Undo("anna", "u1", "p1", 2);
        stage.SendTogether(new Pay("anna", "p1", 5), undo);
        stage.Run();
        Assert.Equal([2], stage.Journal.Batches);
        Assert.Equal(3, undo.Answer.Balance);
    }

    [Fact]
    public void Each_undo_sees_what_the_one_before_it_left_whether_durable_or_under_way()
    {
        stage.Done(new Pay("anna", "p1", 5));
        Assert.Equal(3, stage.Done(new Undo("anna", "u1", "p1", 2)).Balance);
        var disk = stage.HoldNextBatch();
        var second = stage.Send(new Undo("anna", "u2", "p1", 2));
        stage.Run();
        var third = stage.Send(new Undo("anna", "u3", "p1", 2));
        stage.Run();
        disk.Open();
        stage.Run();
        Assert.Equal(1, second.Answer.Balance);
        Assert.Equal(0, third.Answer.Balance);
        stage.Crash();
        Assert.Equal(0, stage.Done(new Undo("anna", "u4", "p1", 2)).Balance);
    }

    [Fact]
    public void An_undo_is_not_decided_on_a_payment_under_way_that_can_still_fail_alone()
    {
        // The account's first append fails; the payment behind it is still on its way and will be stale.
        var first = stage.HoldNextBatch(MemoryFaultKind.Fail);
        var second = new Gate();
        stage.BatchAfter(1, MemoryFaultKind.None, second.Task);
        stage.Send(new Pay("anna", "p0", 1));
        stage.Run();
        var payment = stage.Send(new Pay("anna", "p1", 5));
        stage.Run();
        first.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Pending, payment.Status);

        var undo = stage.Send(new Undo("anna", "u1", "p1", 5));
        stage.Run();
        second.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Unavailable, payment.Status);
        Assert.Equal(CommandStatus.Busy, undo.Status);
        Assert.Equal(5, stage.Done(new Pay("anna", "p1", 5)).Balance);
        Assert.Equal(0, stage.Done(new Undo("anna", "u1", "p1", 5)).Balance);
    }

    [Fact]
    public void An_undo_of_a_payment_of_another_actor_waits_for_the_books()
    {
        var disk = stage.HoldNextBatch();
        stage.Send(new Pay("anna", "p1", 5));
        var undo = stage.Send(new Undo("ben", "u1", "p1", 5));
        stage.Run();
        disk.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Busy, undo.Status);
        Assert.Equal(0, stage.Done(new Undo("ben", "u1", "p1", 5)).Balance);
        Assert.Equal(5, stage.BalanceOf("anna"));
    }
}
