using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Tests.Kernel;

public class BoundTests
{
    [Fact]
    public void A_full_queue_says_busy_and_what_was_taken_is_done()
    {
        var stage = new Stage(new() { Shards = 1, MaxQueuedPerShard = 3 });
        var commands = Enumerable.Range(0, 5).Select(i => stage.Send(new Pay("anna", $"p{i}", 1))).ToArray();
        stage.Run();
        Assert.Equal([CommandStatus.Done, CommandStatus.Done, CommandStatus.Done, CommandStatus.Busy, CommandStatus.Busy], commands.Select(c => c.Status));
        Assert.Equal(3, stage.BalanceOf("anna"));
    }

    [Fact]
    public void Of_commands_sent_together_a_shard_takes_all_or_none()
    {
        var stage = new Stage(new() { Shards = 1, MaxQueuedPerShard = 3 });
        var taken = stage.Send(new Pay("anna", "p", 1));
        var refused = Enumerable.Range(0, 3).Select(i => new Pay("anna", $"p{i}", 1)).ToArray();
        stage.SendTogether(refused);
        stage.Run();
        Assert.Equal(CommandStatus.Done, taken.Status);
        Assert.All(refused, command => Assert.Equal(CommandStatus.Busy, command.Status));
        stage.SendTogether([.. refused.Select(command => new Pay("anna", command.RequestId!, 1))]);
        stage.Run();
        Assert.Equal(4, stage.BalanceOf("anna"));
    }

    [Fact]
    public void While_too_many_appends_are_under_way_the_queue_fills_and_then_says_busy()
    {
        var stage = new Stage(new() { Shards = 1, MaxInFlightPerShard = 2, MaxQueuedPerShard = 3 });
        var disk = stage.HoldNextBatch();
        var taken = Enumerable.Range(0, 2).Select(i => stage.Send(new Pay("anna", $"p{i}", 1))).ToArray();
        stage.Run();
        var queued = Enumerable.Range(2, 3).Select(i => stage.Send(new Pay("anna", $"p{i}", 1))).ToArray();
        stage.Run();
        Assert.Equal(CommandStatus.Busy, stage.Ask(new Pay("anna", "p9", 1)).Status);
        Assert.All(taken.Concat(queued), command => Assert.Equal(CommandStatus.Pending, command.Status));
        disk.Open();
        stage.Run();
        Assert.All(taken.Concat(queued), command => Assert.Equal(CommandStatus.Done, command.Status));
    }

    [Fact]
    public void Questions_that_wait_for_a_slow_disk_fill_the_queue_too()
    {
        var stage = new Stage(new() { Shards = 1, MaxInFlightPerShard = 4, MaxQueuedPerShard = 10 });
        var disk = stage.HoldNextBatch();
        stage.Send(new Pay("anna", "p1", 1));
        stage.Run();
        var questions = new List<GetBalance>();
        for (var i = 0; i < 100; i++)
        {
            questions.Add(stage.Send(new GetBalance("anna")));
            stage.Run();
        }

        Assert.InRange(questions.Count(question => question.Status == CommandStatus.Pending), 1, 4 + 10);
        disk.Open();
        stage.Run();
        Assert.All(questions, question => Assert.Contains(question.Status, new[] { CommandStatus.Done, CommandStatus.Busy }));
        Assert.Equal(1, stage.BalanceOf("anna"));
    }

    [Fact]
    public void Too_many_commands_for_an_actor_that_is_loading_are_busy()
    {
        var stage = new Stage(new() { Shards = 1, MaxWaitingPerActor = 2 });
        var reader = new Gate();
        stage.Journal.BeforeLoad = _ => reader.Task;
        var commands = Enumerable.Range(0, 4).Select(i => stage.Send(new Pay("anna", $"p{i}", 1))).ToArray();
        stage.Run();
        reader.Open();
        stage.Run();
        Assert.Equal([CommandStatus.Done, CommandStatus.Done, CommandStatus.Busy, CommandStatus.Busy], commands.Select(command => command.Status));
    }

    [Fact]
    public void A_tiny_memory_bound_changes_nothing_that_can_be_observed()
    {
        var small = new Stage(new() { Shards = 2, MaxActorBytes = 1 });
        var large = new Stage(new() { Shards = 2 });
        var random = new Random(7);
        for (var i = 0; i < 2000; i++)
        {
            var (from, to, id, amount) = ($"a{random.Next(40)}", $"a{random.Next(40)}", $"r{random.Next(1500)}", random.Next(100));
            AccountCommand Make() => (i % 5) switch
            {
                0 => new Transfer(from, id, to, amount),
                1 => new Undo(from, id, $"r{amount}", 3),
                2 => new GetBalance(from),
                _ => new Pay(from, id, amount),
            };
            Assert.Equal(large.Done(Make()), small.Done(Make()));
        }

        Assert.True(small.Host.Figures.Passivated > 1000);
        Assert.InRange(small.Host.Figures.Actors, 0, 4);
        Assert.Equal(0, large.Host.Figures.Passivated);
        Assert.Equal(large.Replayed(), small.Replayed());
    }

    [Fact]
    public void An_actor_is_not_passivated_while_something_is_under_way()
    {
        var stage = new Stage(new() { Shards = 1, MaxActorBytes = 1 });
        var disk = stage.HoldNextBatch();
        stage.Send(new Pay("anna", "p1", 5));
        stage.Run();
        stage.Ask(new GetBalance("ben"));
        stage.Ask(new GetBalance("carl"));
        var second = stage.Send(new Pay("anna", "p2", 5));
        stage.Run();
        Assert.Equal(CommandStatus.Pending, second.Status);
        disk.Open();
        stage.Run();
        Assert.Equal(10, second.Answer.Balance);
    }
}
