using Loyalty.Grains.Streams;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;

namespace Loyalty.Grains.Tests.Streams;

/// <summary>Purchases and returns that come by stream.</summary>
public sealed class PurchaseStreamTests
{
    [Fact]
    public async Task What_comes_by_stream_has_the_identity_of_all_requests_and_whatever_is_wrong_with_it_is_told()
    {
        await using var cluster = new StreamCluster();
        await cluster.StartAsync();
        var purchase = Sale("p1", "anna", 100_00);
        await cluster.SendAsync("till-1", purchase, Sale("p2", "anna", 50_00));
        await cluster.SendAsync("till-1", purchase);
        await cluster.SendAsync("till-1", purchase with { Store = "s2" });
        await cluster.SendAsync("till-1", Sale("p3", "anna", 1) with { Currency = "EUR" });
        await cluster.SendAsync("till-1", Sale("", "anna", 1) with { Lines = [new("tea", null, "b\n", -1, -1)], Store = null, At = null, Purchase = "p1" });
        await cluster.SendAsync("till-1", "no sale at all", Sale(new('x', 500), null, 1) with { Lines = new SaleMessageLine[1001] });
        await cluster.SendAsync("till-1", Sale("r1", null, 100_00) with { IsReturn = true, Purchase = "p1" }, Sale("n1", null, 5_00), Sale("n2", null, 3_00) with { IsReturn = true, Purchase = "n1" });
        await StreamCluster.UntilAsync(() => cluster.Diaries.Outcomes.Count >= 11, () => $"{cluster.Diaries.Outcomes.Count} outcomes are told");

        var told = cluster.Diaries.Outcomes.ToArray();
        Assert.Equal(["p1", "p2", "p1", "p1", "p3", "", null, new string('x', 128), "r1", "n1", "n2"], told.Select(outcome => outcome.RequestId));
        Assert.Equal(
            [
                SaleOutcomeKind.Recorded, SaleOutcomeKind.Recorded, SaleOutcomeKind.Recorded, SaleOutcomeKind.Conflict, SaleOutcomeKind.Refused, SaleOutcomeKind.Invalid,
                SaleOutcomeKind.Invalid, SaleOutcomeKind.Invalid, SaleOutcomeKind.Recorded, SaleOutcomeKind.Recorded, SaleOutcomeKind.Recorded,
            ],
            told.Select(outcome => outcome.Kind));
        Assert.Equal([2], told.Index().Where(outcome => outcome.Item.Replayed).Select(outcome => outcome.Index));
        Assert.Equal("conflict", told[3].Code);
        Assert.Equal("wrong-currency", told[4].Code);
        Assert.Equal(["at", "id", "lines[0].amount", "lines[0].brand", "lines[0].quantity", "purchase", "store"], told[5].Problems.Select(problem => problem.Field).Order(StringComparer.Ordinal));
        Assert.Equal(["id", "lines"], told[7].Problems.Select(problem => problem.Field));
        Assert.Equal(50, await cluster.BalanceAsync("anna"));
    }

    [Fact]
    public async Task A_sender_is_told_when_its_purchase_is_durable_and_not_before()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new MemoryJournalOptions
        {
            Fault = batch =>
            {
                if (!batch.Entries.Exists(entry => entry.Actor == ActorIds.Member("anna")))
                {
                    return MemoryFault.None;
                }

                asked.TrySetResult();
                return new(MemoryFaultKind.None, gate.Task);
            },
        };
        await using var cluster = new StreamCluster { Queues = new(), Store = store };
        await cluster.StartAsync();
        await cluster.SendAsync("till-1", Sale("p1", "anna", 100_00));
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Empty(cluster.Diaries.Outcomes);
        Assert.Equal(1, cluster.Queues.Waiting);

        var known = false;
        cluster.Diaries.OnOutcome = _ => known = IsDurable(cluster, "anna");
        gate.SetResult();
        await StreamCluster.UntilAsync(() => !cluster.Diaries.Outcomes.IsEmpty, () => "no outcome is told");
        Assert.True(known);
        Assert.Equal(SaleOutcomeKind.Recorded, Assert.Single(cluster.Diaries.Outcomes).Kind);
    }

    [Fact]
    public async Task While_the_store_fails_purchases_wait_in_the_queue_and_then_each_is_recorded_once()
    {
        var failing = true;
        var store = new MemoryJournalOptions
        {
            Fault = batch => Volatile.Read(ref failing) && batch.Entries.Exists(entry => entry.Actor.Kind == ActorIds.MemberKind)
                ? new(MemoryFaultKind.UnknownButWritten)
                : MemoryFault.None,
        };
        await using var cluster = new StreamCluster { Queues = new(), Store = store };
        cluster.Options = cluster.Options with { PublishMemberEvents = false, RecordPatience = TimeSpan.FromMilliseconds(100) };
        await cluster.StartAsync();
        for (var i = 0; i < 20; i++)
        {
            await cluster.SendAsync($"till-{i % 4}", Sale($"p{i}", $"m{i % 3}", 10_00));
        }

        await StreamCluster.UntilAsync(() => IsDurable(cluster, "m0"), () => "nothing is tried");
        Volatile.Write(ref failing, false);
        await StreamCluster.UntilAsync(
            () => cluster.Diaries.Outcomes.Select(outcome => outcome.RequestId).Distinct().Count() == 20, () => $"{cluster.Diaries.Outcomes.Count} outcomes are told");
        Assert.All(cluster.Diaries.Outcomes, outcome => Assert.Equal(SaleOutcomeKind.Recorded, outcome.Kind));
        Assert.Equal(200, await cluster.BalanceAsync("m0") + await cluster.BalanceAsync("m1") + await cluster.BalanceAsync("m2"));
    }

    [Fact]
    public async Task Purchases_that_wait_in_the_queue_when_the_silos_are_killed_are_recorded_by_the_next_ones()
    {
        await using var cluster = new StreamCluster { Queues = new() };
        await cluster.StartAsync();
        for (var i = 0; i < 200; i++)
        {
            await cluster.SendAsync($"till-{i % 4}", Sale($"p{i}", "anna", 1_00));
        }

        await cluster.KillAsync();
        await cluster.StartAsync();
        await StreamCluster.UntilAsync(
            () => cluster.Diaries.Outcomes.Select(outcome => outcome.RequestId).Distinct().Count() == 200, () => $"{cluster.Diaries.Outcomes.Count} outcomes are told");
        Assert.Equal(200, await cluster.BalanceAsync("anna"));
    }

    private static bool IsDurable(StreamCluster cluster, string member) => cluster.Journal.ReadAll(0).Any(record => record.Actor == ActorIds.Member(member));

    private static SaleMessage Sale(string id, string? member, long amount) => new()
    {
        Id = id,
        Member = member,
        Store = "s1",
        At = new DateTimeOffset(2026, 3, 2, 9, 0, 0, TimeSpan.FromHours(1)),
        Currency = "GBP",
        Lines = [new("tea", null, null, 1, amount)],
    };
}
