using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace Loyalty.Grains;

/// <summary>Puts actors on the silo that looks after their shard (<see cref="ShardMap"/>).</summary>
[GenerateSerializer, Immutable, Alias("loyalty.shard-placement")]
public sealed class ShardPlacement : PlacementStrategy
{
    /// <summary>The map says where an actor is: <see cref="ShardDirectory"/>.</summary>
    public override bool IsUsingGrainDirectory => false;
}

/// <summary>The grain is placed by <see cref="ShardPlacement"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ShardPlacementAttribute() : PlacementAttribute(new ShardPlacement());

/// <summary>Puts a grain on the silo that its key names.</summary>
[GenerateSerializer, Immutable, Alias("loyalty.silo-placement")]
public sealed class SiloPlacement : PlacementStrategy
{
    /// <summary>The key says where the grain is.</summary>
    public override bool IsUsingGrainDirectory => false;
}

/// <summary>The grain is placed by <see cref="SiloPlacement"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class SiloPlacementAttribute() : PlacementAttribute(new SiloPlacement());

internal sealed class ShardPlacementDirector : IPlacementDirector
{
    private ShardMap? _last;

    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var silos = context.GetCompatibleSilos(target);
        var map = _last;
        if (map is null || map.Silos.Count != silos.Length || !map.Silos.SequenceEqual(silos.Order()))
        {
            _last = map = new ShardMap(silos);
        }

        return Task.FromResult(map.OwnerOf(GrainTypes.ActorOf(target.GrainIdentity)));
    }
}

internal sealed class SiloPlacementDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var key = target.GrainIdentity.Key.ToString()!;
        var silo = SiloAddress.FromParsableString(key);
        return context.GetCompatibleSilos(target).Contains(silo)
            ? Task.FromResult(silo)
            : throw new SiloUnavailableException($"the silo {key} is not there any more");
    }
}
