using Orleans.Concurrency;

namespace Loyalty.Load.Baseline;

/// <summary>A line of a receipt.</summary>
[GenerateSerializer, Immutable]
public sealed record PurchaseLine([property: Id(0)] string Sku, [property: Id(1)] int Quantity, [property: Id(2)] long Amount);

/// <summary>What the till sends.</summary>
[GenerateSerializer, Immutable]
public sealed record Purchase([property: Id(0)] string Id, [property: Id(1)] string Store, [property: Id(2)] DateTimeOffset At, [property: Id(3)] PurchaseLine[] Lines);

/// <summary>What the till is answered once the purchase is durable.</summary>
[GenerateSerializer, Immutable]
public sealed record Receipt([property: Id(0)] string Id, [property: Id(1)] long Points, [property: Id(2)] long Balance, [property: Id(3)] bool IsReplayed);

/// <summary>A member who collects points.</summary>
public interface IMemberGrain : IGrainWithStringKey
{
    /// <summary>Records a purchase once, however often it is sent.</summary>
    Task<Receipt> Record(Purchase purchase);
}

/// <summary>All that is stored of a member.</summary>
[GenerateSerializer]
public sealed class MemberState
{
    /// <summary>Points to spend.</summary>
    [Id(0)]
    public long Balance { get; set; }

    /// <summary>Points ever earned.</summary>
    [Id(1)]
    public long Earned { get; set; }

    /// <summary>The last purchases, oldest first, so that a repeated one earns nothing.</summary>
    [Id(2)]
    public List<RecordedPurchase> Recent { get; set; } = [];
}

/// <summary>A purchase that a member remembers.</summary>
[GenerateSerializer]
public sealed record RecordedPurchase([property: Id(0)] string Id, [property: Id(1)] long Points);

/// <summary>
/// A member as Orleans' documentation teaches to write one: the state in a property, and <c>WriteStateAsync</c> before the answer. It knows less than the engine: no lots, tiers,
/// campaigns, ledger or history, and it remembers the last requests only.
/// </summary>
[GrainType("baseline-member")]
public sealed class MemberGrain([PersistentState("member")] IPersistentState<MemberState> member) : Grain, IMemberGrain
{
    private const int RecentMax = 16;
    private const long AmountPerPoint = 100;

    /// <inheritdoc />
    public async Task<Receipt> Record(Purchase purchase)
    {
        ArgumentNullException.ThrowIfNull(purchase);
        MemberState state = member.State;
        if (state.Recent.Find(known => known.Id == purchase.Id) is { } known)
        {
            return new Receipt(purchase.Id, known.Points, state.Balance, IsReplayed: true);
        }

        long points = purchase.Lines.Sum(line => line.Amount) / AmountPerPoint;
        state.Balance += points;
        state.Earned += points;
        if (state.Recent.Count == RecentMax)
        {
            state.Recent.RemoveAt(0);
        }

        state.Recent.Add(new RecordedPurchase(purchase.Id, points));
        try
        {
            await member.WriteStateAsync();
        }
        catch
        {
            // What is in memory may not be what is stored: read it again.
            DeactivateOnIdle();
            throw;
        }

        return new Receipt(purchase.Id, points, state.Balance, IsReplayed: false);
    }
}
