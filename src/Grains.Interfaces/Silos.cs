using Loyalty.Domain.Requests;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Grains;

/// <summary>Purchases and returns that travel to a silo as one message.</summary>
/// <param name="Sales">In the order in which they arrived.</param>
[GenerateSerializer, Immutable, Alias("loyalty.sale-batch")]
public sealed record SaleBatch([property: Id(0)] SaleEntry[] Sales);

/// <summary>One of a <see cref="SaleBatch"/>.</summary>
/// <param name="Actor">Who records it.</param>
/// <param name="Purchase">The purchase, or null.</param>
/// <param name="Return">The return, or null: it is the other.</param>
[GenerateSerializer, Immutable, Alias("loyalty.sale")]
public readonly record struct SaleEntry([property: Id(0)] ActorId Actor, [property: Id(1)] Purchase? Purchase, [property: Id(2)] Return? Return);

/// <summary>The answers to a <see cref="SaleBatch"/>, in its order, when all of them are durable.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.sale-answers")]
public sealed record SaleAnswers([property: Id(0)] Answer<RequestOutcome>[] Answers);

/// <summary>A silo, addressed as such: the key is its address (<see cref="SiloAddress.ToParsableString"/>). There is one on each silo.</summary>
[Alias("loyalty.silo")]
public interface ISiloGrain : IGrainWithStringKey
{
    /// <summary>
    /// Records a batch; commands of one actor keep their order. Whose actor lives on another silo is sent on.
    /// </summary>
    [Alias("record")]
    ValueTask<SaleAnswers> Record(SaleBatch batch);

    /// <summary>Reads the program's versions again; they are in force on this silo when this returns.</summary>
    [Alias("refresh-program")]
    ValueTask RefreshProgram();

    /// <summary>Figures for operators.</summary>
    [Alias("figures")]
    ValueTask<SiloFigures> ReadFigures();
}

/// <summary>Questions to the books, for gateways that have no journal. The key is always <c>main</c>; any silo answers.</summary>
[Alias("loyalty.books")]
public interface IBooksGrain : IGrainWithStringKey
{
    /// <summary>What store the books are in.</summary>
    [Alias("describe")]
    ValueTask<string> Describe();

    /// <summary>The silos that take actors now, as the silo sees it that answers.</summary>
    [Alias("active-silos")]
    ValueTask<SiloAddress[]> ListActiveSilos();

    /// <summary>How many versions of the program the silo knows: gateways look whether there are new ones.</summary>
    [Alias("program-versions")]
    ValueTask<int> CountProgramVersions();

    /// <summary><see cref="IBooks.FindActorAsync"/>.</summary>
    [Alias("find-actor")]
    ValueTask<ActorId?> FindActor(string requestId);

    /// <summary><see cref="IBooks.FindAsync"/>.</summary>
    [Alias("find")]
    ValueTask<JournalRecord?> Find(string requestId);

    /// <summary><see cref="IBooks.ReadHistoryAsync"/>.</summary>
    [Alias("history")]
    ValueTask<IReadOnlyList<JournalRecord>> ReadHistory(ActorId actor, long before, int count);

    /// <summary><see cref="IBooks.TotalsAsync"/>.</summary>
    [Alias("totals")]
    ValueTask<JournalTotals> ReadTotals();

    /// <summary><see cref="IBooks.CheckpointAsync"/>.</summary>
    [Alias("checkpoint")]
    ValueTask<CheckpointState> ReadCheckpoint();
}

/// <summary>Reports over all the books. There is one in a cluster, with the key <c>main</c>: a report is made once, whoever asks.</summary>
[Alias("loyalty.reports")]
public interface IReportsGrain : IGrainWithStringKey
{
    /// <summary><see cref="IBooks.LiabilityAsync"/>; none: it is not ready within the time.</summary>
    /// <param name="patience">Shorter than a call may take.</param>
    [Alias("liability")]
    ValueTask<LiabilityReport?> ReadLiability(TimeSpan patience);
}
