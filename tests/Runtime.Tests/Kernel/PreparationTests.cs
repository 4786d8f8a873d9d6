using Loyalty.Runtime.Kernel;
using Loyalty.Storage;

namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>Decisions that need something from outside their actor: they wait for it without holding others up, and give it back when they come to nothing.</summary>
public class PreparationTests
{
    private readonly Stage stage = new();
    private readonly Pot pot = new(100);

    [Fact]
    public void A_decision_waits_for_what_it_needs_and_its_actor_keeps_its_order_while_others_go_on()
    {
        var missing = pot.Missing = new();
        var waits = stage.Send(new PayFromPot("anna", "p1", 5, pot));
        var behind = stage.Send(new Pay("anna", "p2", 1));
        Assert.Equal(1, stage.Done(new Pay("ben", "p3", 1)).Balance);
        Assert.Equal(CommandStatus.Pending, waits.Status);
        Assert.Equal(CommandStatus.Pending, behind.Status);
        pot.Missing = null;
        missing.Complete();
        stage.Run();
        Assert.Equal((5, 6), (waits.Answer.Balance, behind.Answer.Balance));
        Assert.Equal((95, 5, 0), (pot.Free, pot.Spent, pot.Doubtful));
    }

    [Fact]
    public void What_does_not_come_ends_unavailable_after_a_bounded_number_of_looks()
    {
        pot.Missing = new();
        pot.Missing.Complete();
        var command = stage.Ask(new PayFromPot("anna", "p1", 5, pot));
        Assert.Equal(CommandStatus.Unavailable, command.Status);
        Assert.Equal(new KernelOptions().MaxPutOffs, command.PutOffs);
        pot.IsLost = true;
        command = stage.Ask(new PayFromPot("anna", "p1", 5, pot));
        Assert.Equal((CommandStatus.Unavailable, "the pot is lost", 0), (command.Status, command.Problem, command.PutOffs));
        Assert.Equal((100, 0), (pot.Free, stage.BalanceOf("anna")));
    }

    [Theory]
    [InlineData(MemoryFaultKind.Fail, 100, 0)]
    [InlineData(MemoryFaultKind.UnknownButWritten, 95, 5)]
    [InlineData(MemoryFaultKind.UnknownNotWritten, 95, 5)]
    public void What_a_lost_append_had_taken_is_free_again_or_doubtful_as_the_outcome_is(MemoryFaultKind fault, long free, long doubtful)
    {
        stage.NextBatch(fault);
        Assert.Equal(CommandStatus.Unavailable, stage.Ask(new PayFromPot("anna", "p1", 5, pot)).Status);
        Assert.Equal((free, 0, doubtful), (pot.Free, pot.Spent, pot.Doubtful));
    }

    [Fact]
    public void A_decision_that_raises_nothing_takes_nothing()
    {
        pot.IsHeldBack = true;
        stage.Ask(new PayFromPot("anna", "p1", 5, pot));
        Assert.Equal((100, 0, 0), (pot.Free, pot.Spent, pot.Doubtful));
    }

    [Fact]
    public void A_decision_that_waits_ends_with_its_actor()
    {
        var held = stage.HoldNextBatch(MemoryFaultKind.Fail);
        var first = stage.Send(new Pay("anna", "p1", 1));
        stage.Run();
        pot.Missing = new();
        var waits = stage.Send(new PayFromPot("anna", "p2", 5, pot));
        stage.Run();
        held.Open();
        stage.Run();
        pot.Missing.Complete();
        stage.Run();
        Assert.Equal((CommandStatus.Unavailable, CommandStatus.Unavailable), (first.Status, waits.Status));
        Assert.Equal((100, 0), (pot.Free, stage.BalanceOf("anna")));
    }
}
