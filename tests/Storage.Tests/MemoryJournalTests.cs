using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Tests;

public sealed class MemoryJournalTests : JournalBehaviour
{
    protected override Task<IJournal> OpenAsync() => Task.FromResult<IJournal>(new MemoryJournal());

    protected override Task<IJournal> CrashAsync(IJournal journal) => Task.FromResult<IJournal>(((MemoryJournal)journal).Crash());

    [Theory]
    [InlineData(MemoryFaultKind.None, AppendOutcome.Appended, 1)]
    [InlineData(MemoryFaultKind.Fail, AppendOutcome.Failed, 0)]
    [InlineData(MemoryFaultKind.UnknownButWritten, AppendOutcome.Unknown, 1)]
    [InlineData(MemoryFaultKind.UnknownNotWritten, AppendOutcome.Unknown, 0)]
    public async Task A_fault_ends_as_it_says(MemoryFaultKind fault, AppendOutcome outcome, int records)
    {
        var journal = new MemoryJournal(new() { CompleteInline = true, Fault = _ => new(fault) });
        Assert.Equal(outcome, await new Books(journal).Try(Anna, "x"));
        Assert.Equal(records, (await journal.LoadAsync(Anna)).Later.Count);
    }

    [Fact]
    public void Inline_completion_happens_before_append_returns()
    {
        var journal = new MemoryJournal(new() { CompleteInline = true });
        var batch = Books.Batch();
        Books.Add(batch, Anna, 0, "x");
        Assert.True(Books.Send(journal, batch).IsCompleted);
    }

    [Fact]
    public async Task A_delayed_batch_holds_up_later_ones_and_dies_in_a_crash()
    {
        var disk = new TaskCompletionSource();
        var journal = new MemoryJournal(new() { CompleteInline = true, Fault = _ => new(MemoryFaultKind.None, disk.Task) });
        var (first, second) = (Books.Batch(), Books.Batch());
        Books.Add(first, Anna, 0, "first");
        Books.Add(second, Anna, 1, "second");
        var sent = Task.WhenAll(Books.Send(journal, first), Books.Send(journal, second));
        Assert.False(sent.IsCompleted);
        Assert.Empty((await journal.LoadAsync(Anna)).Later);
        disk.SetResult();
        await sent;
        Assert.Equal(2, (await journal.LoadAsync(Anna)).Later.Count);

        var never = new TaskCompletionSource();
        var dying = new MemoryJournal(new() { CompleteInline = true, Fault = _ => new(MemoryFaultKind.None, never.Task) });
        var lost = Books.Batch();
        Books.Add(lost, Anna, 0, "lost");
        var answer = Books.Send(dying, lost);
        var after = dying.Crash(new());
        never.SetResult();
        Assert.Empty((await after.LoadAsync(Anna)).Later);
        Assert.False(answer.IsCompleted);
    }
}
