using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Storage;

namespace Loyalty.Runtime.Tests.Kernel;

public class ReplyTests
{
    private readonly Stage stage = new();

    [Fact]
    public void Nobody_is_answered_before_the_append_is_durable()
    {
        var disk = stage.HoldNextBatch();
        var pay = stage.Send(new Pay("anna", "p1", 5));
        stage.Run();

        Assert.Equal(CommandStatus.Pending, pay.Status);
        disk.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Done, pay.Status);
        Assert.Equal(5, pay.Answer.Balance);
    }

    [Fact]
    public void A_question_that_saw_an_append_under_way_is_answered_with_it_and_one_about_another_actor_at_once()
    {
        stage.Done(new Pay("ben", "p0", 1));
        var disk = stage.HoldNextBatch();
        stage.Send(new Pay("anna", "p1", 5));
        var question = stage.Send(new GetBalance("anna"));
        stage.Run();
        Assert.Equal(CommandStatus.Pending, question.Status);
        Assert.Equal(1, stage.BalanceOf("ben"));

        disk.Open();
        stage.Run();
        Assert.Equal(5, question.Answer.Balance);
    }

    [Fact]
    public void The_next_command_is_decided_while_an_append_is_under_way_and_answered_after_it()
    {
        var first = stage.HoldNextBatch();
        stage.Send(new Pay("anna", "p1", 5));
        stage.Run();
        var second = stage.Send(new Pay("anna", "p2", 6));
        stage.Run();
        Assert.Equal(CommandStatus.Pending, second.Status);

        first.Open();
        stage.Run();
        Assert.Equal(["Done p1", "Done p2"], stage.Heard);
        Assert.Equal(11, second.Answer.Balance);
    }

    [Fact]
    public void Commands_sent_together_share_one_batch_and_keep_the_order_of_each_actor()
    {
        stage.SendTogether(new Pay("anna", "p1", 1), new Pay("ben", "p2", 2), new Pay("anna", "p3", 4), new Pay("ben", "p4", 8));
        stage.Run();

        Assert.Equal([4], stage.Journal.Batches);
        Assert.Equal(["Done p1", "Done p2", "Done p3", "Done p4"], stage.Heard);
        Assert.Equal(5, stage.BalanceOf("anna"));
        Assert.Equal(10, stage.BalanceOf("ben"));
    }

    [Fact]
    public void A_full_batch_is_sent_and_the_rest_goes_into_the_next()
    {
        var small = new Stage(new() { Shards = 1, MaxBatch = 3 });
        small.SendTogether([.. Enumerable.Range(0, 8).Select(i => new Pay("anna", $"p{i}", 1))]);
        small.Run();
        Assert.Equal([3, 3, 2], small.Journal.Batches);
        Assert.Equal(8, small.BalanceOf("anna"));
    }

    [Theory]
    [InlineData(MemoryFaultKind.Fail)]
    [InlineData(MemoryFaultKind.UnknownButWritten)]
    [InlineData(MemoryFaultKind.UnknownNotWritten)]
    public void After_a_failed_append_the_same_request_again_is_applied_once(MemoryFaultKind kind)
    {
        stage.Done(new Pay("anna", "p0", 1));
        stage.NextBatch(kind);
        var failed = stage.Ask(new Pay("anna", "p1", 5));
        Assert.Equal(CommandStatus.Unavailable, failed.Status);
        Assert.Null(failed.Reply);

        var again = stage.Done(new Pay("anna", "p1", 5));
        Assert.Equal(6, again.Balance);
        Assert.Equal(kind == MemoryFaultKind.UnknownButWritten, again.Replayed);
        Assert.Equal(1, stage.TimesApplied("p1"));
        Assert.Equal(stage.Replayed()["anna"], stage.BalanceOf("anna"));
    }

    [Theory]
    [InlineData(MemoryFaultKind.Fail)]
    [InlineData(MemoryFaultKind.UnknownButWritten)]
    [InlineData(MemoryFaultKind.UnknownNotWritten)]
    public void What_was_decided_on_top_of_a_failed_append_fails_or_is_true(MemoryFaultKind kind)
    {
        var disk = stage.HoldNextBatch(kind);
        var first = stage.Send(new Pay("anna", "p1", 1));
        stage.Run();
        var second = stage.Send(new Pay("anna", "p2", 2));
        var question = stage.Send(new GetBalance("anna"));
        stage.Run();
        disk.Open();
        stage.Run();

        Assert.Equal(CommandStatus.Unavailable, first.Status);
        Assert.Equal(CommandStatus.Unavailable, question.Status);

        // The second one is in the books only if the first one is.
        Assert.Equal(kind == MemoryFaultKind.UnknownButWritten ? CommandStatus.Done : CommandStatus.Unavailable, second.Status);
        stage.Done(new Pay("anna", "p1", 1));
        Assert.Equal(3, stage.Done(new Pay("anna", "p2", 2)).Balance);
        Assert.Equal(3, stage.BalanceOf("anna"));
        Assert.All(stage.Answers.Values, answers => Assert.Equal(1, answers));
    }

    [Fact]
    public void An_append_whose_predecessor_is_stale_is_stale_itself_even_where_another_history_has_come_to_the_same_length()
    {
        var first = stage.HoldNextBatch(MemoryFaultKind.UnknownButWritten);
        var second = new Gate();
        stage.BatchAfter(1, MemoryFaultKind.None, second.Task);
        stage.Send(new Pay("anna", "p1", 1));
        stage.Run();
        var behind = stage.Send(new Pay("anna", "p2", 2));
        stage.Run();
        first.Open();
        stage.Run();

        // The account is loaded again, with the first payment and without the second, which is still on its way.
        var third = stage.Send(new Pay("anna", "p3", 4));
        stage.Run();
        var fourth = stage.Send(new Pay("anna", "p4", 8));
        stage.Run();
        second.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Done, behind.Status);
        Assert.Equal(CommandStatus.Unavailable, third.Status);
        Assert.Equal(CommandStatus.Unavailable, fourth.Status);
        Assert.Equal("", stage.ChainBreaks());
        stage.Done(new Pay("anna", "p3", 4));
        Assert.Equal(15, stage.Done(new Pay("anna", "p4", 8)).Balance);
    }

    [Fact]
    public void A_second_host_that_does_not_know_what_the_first_wrote_cannot_write_and_learns_it()
    {
        stage.Done(new Pay("anna", "p1", 1));
        var other = new EmbeddedHost(
            stage.Journal, [new AccountKind()], new() { Shards = 1 }, stage.Clock, stage.Scheduler,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<EmbeddedHost>.Instance);
        var elsewhere = new Pay("anna", "p2", 2);
        other.Send(elsewhere);
        stage.Run();
        Assert.Equal(3, elsewhere.Answer.Balance);

        Assert.Equal(CommandStatus.Unavailable, stage.Ask(new Pay("anna", "p3", 4)).Status);
        Assert.Equal(7, stage.Done(new Pay("anna", "p3", 4)).Balance);
    }

    [Fact]
    public void A_store_that_refuses_a_batch_outright_fails_its_commands_and_the_shard_goes_on()
    {
        stage.Journal.OnAppend = new JournalUnavailableException("closed");
        Assert.Equal(CommandStatus.Unavailable, stage.Ask(new Pay("anna", "p1", 5)).Status);
        Assert.Equal(CommandStatus.Unavailable, stage.Ask(new Pay("ben", "p2", 5)).Status);

        stage.Journal.OnAppend = null;
        Assert.Equal(5, stage.Done(new Pay("anna", "p1", 5)).Balance);
    }

    [Fact]
    public void An_answer_that_was_not_reached_carries_no_reply()
    {
        var disk = stage.HoldNextBatch(MemoryFaultKind.Fail);
        stage.Send(new Pay("anna", "p1", 5));
        var question = stage.Send(new GetBalance("anna"));
        stage.Run();
        disk.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Unavailable, question.Status);
        Assert.Null(question.Reply);
    }
}
