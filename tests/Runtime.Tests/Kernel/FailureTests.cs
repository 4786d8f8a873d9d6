using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Tests.Kernel;

public class FailureTests
{
    private readonly Stage stage = new();

    public static TheoryData<string> LoadFailures => ["unavailable", "corrupt", "another"];

    [Theory]
    [MemberData(nameof(LoadFailures))]
    public void A_load_that_fails_is_answered_as_unavailable_and_the_next_command_loads_again(string kind)
    {
        stage.Done(new Pay("anna", "p1", 5));
        stage.Crash();
        var failures = 1;
        stage.Journal.BeforeLoad = _ => failures-- <= 0
            ? null
            : throw (kind switch
            {
                "unavailable" => new JournalUnavailableException("no disk"),
                "corrupt" => new JournalCorruptException("bits fell over"),
                _ => new IOException("who knows"),
            });
        var commands = new[] { stage.Send(new GetBalance("anna")), stage.Send(new GetBalance("anna")) };
        stage.Run();
        Assert.Equal(CommandStatus.Unavailable, commands[0].Status);
        Assert.NotEqual(CommandStatus.Pending, commands[1].Status);
        Assert.Equal(5, stage.BalanceOf("anna"));
    }

    [Fact]
    public void Commands_that_came_while_the_actor_was_loading_are_decided_in_order()
    {
        var reader = new Gate();
        stage.Journal.BeforeLoad = actor => actor.Key == "anna" ? reader.Task : null;
        var commands = Enumerable.Range(0, 5).Select(i => stage.Send(new Pay("anna", $"p{i}", 1))).ToArray();
        Assert.Equal(0, stage.BalanceOf("ben"));
        Assert.All(commands, command => Assert.Equal(CommandStatus.Pending, command.Status));
        reader.Open();
        stage.Run();
        Assert.Equal([1, 2, 3, 4, 5], commands.Select(command => command.Answer.Balance));
    }

    [Fact]
    public void An_address_that_no_store_accepts_is_answered_and_the_shard_goes_on()
    {
        Assert.Equal(CommandStatus.Unavailable, stage.Ask(new GetBalance("")).Status);
        Assert.Equal(CommandStatus.Unavailable, stage.Ask(new GetBalance(new string('x', 201))).Status);
        Assert.Equal(1, stage.Done(new Pay("anna", "p1", 1)).Balance);
    }

    [Fact]
    public void A_kind_that_does_not_run_here_is_answered()
    {
        var command = stage.Ask(new WakeCommand(new("nobody", "x")));
        Assert.Equal(CommandStatus.Unavailable, command.Status);
    }

    [Fact]
    public void A_decider_that_throws_half_way_leaves_no_trace_and_its_shard_goes_on()
    {
        stage.Done(new Pay("anna", "p1", 5));
        var broken = stage.Send(new ThrowHalfway("anna"));
        var behind = stage.Send(new GetBalance("anna"));
        stage.Run();
        Assert.Equal(CommandStatus.Unavailable, broken.Status);
        Assert.Null(broken.Reply);
        Assert.NotEqual(CommandStatus.Pending, behind.Status);
        Assert.Equal(5, stage.BalanceOf("anna"));
        Assert.Equal(1, stage.Done(new Pay("ben", "p2", 1)).Balance);
        Assert.Equal(0, stage.TimesApplied("half"));
    }

    [Fact]
    public void A_decider_that_throws_does_not_take_back_what_is_on_its_way_to_the_disk()
    {
        var disk = stage.HoldNextBatch();
        var pay = stage.Send(new Pay("anna", "p1", 5));
        stage.Send(new ThrowHalfway("anna"));
        stage.Run();
        disk.Open();
        stage.Run();
        Assert.Equal(CommandStatus.Done, pay.Status);
        Assert.Equal(5, stage.BalanceOf("anna"));
    }

    [Fact]
    public async Task A_record_that_this_engine_cannot_read_fails_the_request_that_meets_it_and_not_the_shard()
    {
        stage.Done(new Pay("anna", "p1", 5));
        await AppendUnreadable("carl", "p9");
        stage.Crash();
        Assert.Equal(CommandStatus.Unavailable, stage.Ask(new Pay("anna", "p9", 5)).Status);
        Assert.Equal(CommandStatus.Unavailable, stage.Ask(new GetBalance("carl")).Status);
        Assert.Equal(5, stage.BalanceOf("anna"));
    }

    /// <summary>A newer engine wrote a record whose form is not known here.</summary>
    private async Task AppendUnreadable(string key, string request)
    {
        byte[] events = [0, 99];
        var done = new TaskCompletionSource();
        var batch = new AppendBatch { Completed = _ => done.SetResult() };
        events.CopyTo(batch.Payload.GetSpan(events.Length));
        batch.Payload.Advance(events.Length);
        batch.Keys.Add(new(RequestKey.Of(KeyScopes.Request, request, stage.Memory.KeySeed), true));
        batch.Entries.Add(new AppendEntry
        {
            Actor = AccountKind.Id(key),
            EventCount = 1,
            PayloadLength = events.Length,
            KeyCount = 1,
            Hash = Hash128.Next(default, AccountKind.Id(key), 1, 0, events),
        });
        stage.Memory.Append(batch);
        await done.Task;
    }
}
