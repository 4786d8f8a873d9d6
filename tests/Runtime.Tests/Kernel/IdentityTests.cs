using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Storage;

namespace Loyalty.Runtime.Tests.Kernel;

public class IdentityTests
{
    private readonly Stage stage = new();

    [Fact]
    public void The_same_request_again_gets_the_first_answer()
    {
        stage.Done(new Pay("anna", "p1", 5));
        stage.Done(new Pay("anna", "p2", 5));
        var again = stage.Done(new Pay("anna", "p1", 5));
        Assert.True(again.Replayed);
        Assert.Equal(5, again.Balance);
        Assert.Equal(10, stage.BalanceOf("anna"));
    }

    [Fact]
    public void The_same_request_while_the_first_is_under_way_waits_for_it_and_gets_its_answer()
    {
        var disk = stage.HoldNextBatch();
        stage.Send(new Pay("anna", "p1", 5));
        stage.Run();
        var again = stage.Send(new Pay("anna", "p1", 5));
        stage.Run();
        Assert.Equal(CommandStatus.Pending, again.Status);
        disk.Open();
        stage.Run();
        Assert.True(again.Answer.Replayed);
        Assert.Equal(1, stage.TimesApplied("p1"));
    }

    [Fact]
    public void The_same_request_while_the_first_is_under_way_fails_with_it()
    {
        var disk = stage.HoldNextBatch(MemoryFaultKind.Fail);
        stage.Send(new Pay("anna", "p1", 5));
        stage.Run();
        var again = stage.Send(new Pay("anna", "p1", 5));
        stage.Run();
        disk.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Unavailable, again.Status);
        Assert.Equal(0, stage.TimesApplied("p1"));
    }

    [Fact]
    public void Another_body_under_the_same_id_is_a_conflict_and_changes_nothing_also_while_the_first_is_under_way()
    {
        var disk = stage.HoldNextBatch();
        stage.Send(new Pay("anna", "p1", 5));
        var meanwhile = stage.Send(new Pay("anna", "p1", 6));
        stage.Run();
        disk.Open();
        stage.Run();
        Assert.True(meanwhile.Answer.Conflict);
        Assert.True(stage.Done(new Pay("anna", "p1", 7)).Conflict);
        Assert.True(stage.Done(new Transfer("anna", "p1", "ben", 5)).Conflict);
        Assert.Equal(5, stage.BalanceOf("anna"));
    }

    [Fact]
    public void The_id_of_a_request_of_another_actor_is_a_conflict()
    {
        stage.Done(new Pay("anna", "p1", 5));
        Assert.True(stage.Done(new Pay("ben", "p1", 5)).Conflict);
        Assert.Equal(0, stage.BalanceOf("ben"));
    }

    [Fact]
    public void The_first_answer_holds_after_a_restart()
    {
        stage.Done(new Pay("anna", "p1", 5));
        stage.Crash();
        Assert.True(stage.Done(new Pay("anna", "p1", 5)).Replayed);
        Assert.True(stage.Done(new Pay("anna", "p1", 6)).Conflict);
        Assert.Equal(5, stage.BalanceOf("anna"));
    }

    [Fact]
    public void The_first_answer_holds_after_the_actor_left_memory()
    {
        var small = new Stage(new() { Shards = 1, MaxActorBytes = 1 });
        small.Done(new Pay("anna", "p1", 5));
        Enumerable.Range(0, 10).ToList().ForEach(i => small.Done(new Pay($"other{i}", $"o{i}", 1)));
        Assert.True(small.Host.Figures.Passivated > 5);
        Assert.True(small.Done(new Pay("anna", "p1", 5)).Replayed);
        Assert.Equal(5, small.BalanceOf("anna"));
    }

    [Fact]
    public void Two_actors_of_one_shard_that_decide_the_same_id_at_once_apply_it_once()
    {
        var disk = stage.HoldNextBatch();
        var anna = stage.Send(new Pay("anna", "p1", 5));
        var ben = stage.Send(new Pay("ben", "p1", 5));
        stage.Run();
        disk.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Done, anna.Status);
        Assert.Equal(CommandStatus.Busy, ben.Status);
        Assert.True(stage.Done(new Pay("ben", "p1", 5)).Conflict);
        Assert.Equal(1, stage.TimesApplied("p1"));
    }

    [Fact]
    public void Two_actors_of_two_shards_that_decide_the_same_id_at_once_apply_it_once_and_the_loser_keeps_its_other_requests()
    {
        var wide = new Stage(new() { Shards = 16 });
        var disk = wide.HoldNextBatch();
        var commands = Enumerable.Range(0, 20).Select(i => wide.Send(new Pay($"a{i}", "p1", 5))).ToArray();
        var others = Enumerable.Range(0, 20).Select(i => wide.Send(new Pay($"a{i}", $"o{i}", 1))).ToArray();
        wide.Run();
        disk.Open();
        wide.Run();

        // A loser of another shard is told what the winner's shard never was asked: the journal refused its append, so it looks, and finds a conflict.
        var winner = Assert.Single(commands, command => command is { Status: CommandStatus.Done, Answer.Conflict: false });
        Assert.All(commands, command => Assert.True(ReferenceEquals(command, winner) || command.Status == CommandStatus.Busy || command.Answer.Conflict));
        Assert.Contains(commands, command => command is { Status: CommandStatus.Done, Answer.Conflict: true });
        for (var i = 0; i < 20; i++)
        {
            wide.Done(new Pay($"a{i}", $"o{i}", 1));
            Assert.Equal(ReferenceEquals(commands[i], winner) ? 6 : 1, wide.BalanceOf($"a{i}"));
        }

        Assert.Equal(1, wide.TimesApplied("p1"));
        Assert.Equal(20, others.Length);
    }

    [Fact]
    public void A_filter_that_is_wrong_costs_a_look_up_and_nothing_else()
    {
        stage.Journal.FilterIsFull = true;
        Assert.False(stage.Done(new Pay("anna", "p1", 5)).Replayed);
        Assert.True(stage.Done(new Pay("anna", "p1", 5)).Replayed);
        Assert.Equal(3, stage.Done(new Undo("anna", "u1", "p1", 2)).Balance);
        Assert.Equal(0, stage.Done(new Undo("anna", "u2", "p1", 9)).Balance);
        Assert.Equal(0, stage.Done(new Undo("anna", "u3", "never", 9)).Balance);
    }

    [Fact]
    public void Duplicates_that_arrive_while_the_first_is_looked_up_are_applied_once_in_order()
    {
        stage.Done(new Pay("anna", "p0", 1));
        stage.Journal.FilterIsFull = true;
        var reader = new Gate();
        stage.Journal.BeforeFind = _ => reader.Task;
        var commands = new[] { stage.Send(new Pay("anna", "p1", 5)), stage.Send(new Pay("anna", "p1", 5)), stage.Send(new Pay("anna", "p2", 6)) };
        stage.Run();
        Assert.All(commands, command => Assert.Equal(CommandStatus.Pending, command.Status));

        stage.Journal.BeforeFind = null;
        reader.Open();
        stage.Run();
        Assert.Equal([false, true, false], commands.Select(command => command.Answer.Replayed));
        Assert.Equal([6, 6, 12], commands.Select(command => command.Answer.Balance));
    }

    [Fact]
    public void A_look_up_that_fails_is_answered_as_unavailable_and_those_behind_it_go_on()
    {
        stage.Done(new Pay("anna", "p0", 1));
        stage.Journal.FilterIsFull = true;
        var failures = 1;
        stage.Journal.BeforeFind = _ => failures-- > 0 ? throw new JournalUnavailableException("no disk") : null;
        var first = stage.Send(new Pay("anna", "p1", 5));
        var second = stage.Send(new Pay("anna", "p2", 6));
        stage.Run();
        Assert.Equal(CommandStatus.Unavailable, first.Status);
        Assert.Equal(7, second.Answer.Balance);
    }

    [Fact]
    public void An_append_that_fails_during_a_look_up_fails_the_command_that_waits_and_all_behind_it()
    {
        var disk = stage.HoldNextBatch(MemoryFaultKind.Fail);
        stage.Send(new Pay("anna", "p0", 1));
        stage.Run();
        stage.Journal.FilterIsFull = true;
        var reader = new Gate();
        stage.Journal.BeforeFind = _ => reader.Task;
        var first = stage.Send(new Pay("anna", "p1", 5));
        var behind = stage.Send(new GetBalance("anna"));
        stage.Run();
        disk.Open();
        stage.Run();
        reader.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Unavailable, first.Status);
        Assert.Equal(CommandStatus.Unavailable, behind.Status);
        stage.Journal.BeforeFind = null;
        Assert.Equal(5, stage.Done(new Pay("anna", "p1", 5)).Balance);
    }
}
