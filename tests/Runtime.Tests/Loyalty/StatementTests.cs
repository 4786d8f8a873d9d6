using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>Statements that are read while tills go on.</summary>
public class StatementTests
{
    [Fact]
    public async Task Sales_that_come_between_the_balances_and_the_first_page_do_not_enter_a_statement_however_many_they_are()
    {
        await using var fixture = new MemoryFixture();
        await fixture.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            await BuyAsync(fixture.Engine, $"before{i}");
        }

        var sales = 5;
        var books = new BusyBooks(fixture.Engine.Books, async () =>
        {
            for (; sales > 0; sales--)
            {
                await BuyAsync(fixture.Engine, $"between{sales}");
            }
        });
        var engine = new LoyaltyEngine(fixture.Engine.Host, books, fixture.Engine.Programs, fixture.Clock);
        var entries = new List<StatementEntry>();
        for (StatementCursor? cursor = null; entries.Count == 0 || cursor is not null;)
        {
            var (page, _) = await engine.StatementAsync("anna", cursor, records: 2);
            entries.AddRange(page!.Entries);
            cursor = page.Next;
        }

        Assert.Equal(["before2", "before1", "before0"], entries.Select(entry => entry.Request));
        Assert.Equal([3, 2, 1], entries.Select(entry => entry.Balance));
    }

    private static async Task BuyAsync(LoyaltyEngine engine, string id)
    {
        var sale = new Purchase { Id = id, Member = "anna", Store = "S1", At = engine.Clock.GetCurrentInstant(), Currency = "GBP", Lines = [new("a", null, null, 1, 100)] };
        Assert.Equal(CommandStatus.Done, (await engine.Host.AskAsync(new RecordPurchase(engine.TargetOf(sale), sale))).Status);
    }

    /// <summary>Something happens before the history is read.</summary>
    private sealed class BusyBooks(IBooks inner, Func<Task> before) : IBooks
    {
        public string Description => inner.Description;

        public ValueTask<LiabilityReport?> LiabilityAsync(TimeSpan patience) => throw new NotSupportedException();

        public ValueTask<ActorId?> FindActorAsync(string requestId) => inner.FindActorAsync(requestId);

        public ValueTask<JournalRecord?> FindAsync(string requestId) => inner.FindAsync(requestId);

        public async ValueTask<IReadOnlyList<JournalRecord>> ReadHistoryAsync(ActorId actor, long position, int count)
        {
            await before();
            return await inner.ReadHistoryAsync(actor, position, count);
        }

        public ValueTask<JournalTotals> TotalsAsync() => inner.TotalsAsync();

        public ValueTask<CheckpointState> CheckpointAsync() => inner.CheckpointAsync();
    }
}
