using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Orleans.Concurrency;
using Orleans.GrainDirectory;

namespace Loyalty.Grains;

/// <summary>Takes batches for the actors of its silo.</summary>
[GrainType("silo"), SiloPlacement, GrainDirectory(ShardDirectory.Name), Reentrant]
public sealed class SiloGrain(SiloActors actors, SiloKeeper keeper, OrleansHost host) : Grain, ISiloGrain
{
    /// <inheritdoc />
    public async ValueTask<SaleAnswers> Record(SaleBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var commands = new Command[batch.Sales.Length];
        for (var i = 0; i < commands.Length; i++)
        {
            var (actor, purchase, request) = batch.Sales[i];
            commands[i] = purchase is not null ? new RecordPurchase(actor, purchase) : new RecordReturn(actor, request!);
        }

        await host.AskGrainsAsync(commands);
        return new([.. commands.Select(command => new Answer<RequestOutcome>(command.Status, command.Problem, command.Reply as RequestOutcome))]);
    }

    /// <inheritdoc />
    public async ValueTask RefreshProgram() => await actors.RefreshProgramAsync();

    /// <inheritdoc />
    public ValueTask<SiloFigures> ReadFigures() =>
        new(SiloFigures.OfThisProcess(this.GetPrimaryKeyString(), actors.Figures, actors.Options.MaxActorBytes, keeper.Checkpoints));
}

/// <summary>Reads the books for gateways that have none.</summary>
[StatelessWorker, Reentrant]
public sealed class BooksGrain(SiloActors actors, ISiloList silos) : Grain, IBooksGrain
{
    private readonly JournalBooks _books = new(actors.Journal);

    /// <inheritdoc />
    public ValueTask<string> Describe() => new(_books.Description);

    /// <inheritdoc />
    public ValueTask<SiloAddress[]> ListActiveSilos() => new([.. silos.Map?.Silos ?? []]);

    /// <inheritdoc />
    public ValueTask<int> CountProgramVersions() => new(actors.Programs.IsLoaded ? actors.Programs.Current.Versions.Count : 0);

    /// <inheritdoc />
    public ValueTask<ActorId?> FindActor(string requestId) => _books.FindActorAsync(requestId);

    /// <inheritdoc />
    public ValueTask<JournalRecord?> Find(string requestId) => _books.FindAsync(requestId);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<JournalRecord>> ReadHistory(ActorId actor, long before, int count) => _books.ReadHistoryAsync(actor, before, count);

    /// <inheritdoc />
    public ValueTask<JournalTotals> ReadTotals() => _books.TotalsAsync();

    /// <inheritdoc />
    public ValueTask<CheckpointState> ReadCheckpoint() => _books.CheckpointAsync();
}

/// <summary>Makes reports on the silo where it happens to be.</summary>
[GrainType("reports"), Reentrant]
public sealed class ReportsGrain(SiloActors actors) : Grain, IReportsGrain
{
    /// <inheritdoc />
    public async ValueTask<LiabilityReport?> ReadLiability(TimeSpan patience) => await LiabilityReader.Of(actors.Journal).ReadAsync(patience);
}
