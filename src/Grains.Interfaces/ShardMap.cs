using System.IO.Hashing;
using System.Text;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Grains;

/// <summary>
/// Which silo looks after which actors. Silos, placement and gateways compute the same map from the same list of silos, so a batch meets its members where they live.
/// Rendezvous hashing: when a silo comes or goes, only the shards that it gains or had move.
/// </summary>
public sealed class ShardMap
{
    /// <summary>Parts into which the actors are divided. Never changes: old and new silos must agree.</summary>
    public const int Shards = 256;

    private readonly SiloAddress[] _owners = new SiloAddress[Shards];

    /// <param name="silos">The silos that take actors, in any order; at least one.</param>
    public ShardMap(IReadOnlyCollection<SiloAddress> silos)
    {
        ArgumentNullException.ThrowIfNull(silos);
        ArgumentOutOfRangeException.ThrowIfZero(silos.Count, nameof(silos));
        Silos = [.. silos.Order()];
        var names = Silos.Select(silo => Encoding.UTF8.GetBytes(silo.ToParsableString())).ToArray();
        for (var shard = 0; shard < Shards; shard++)
        {
            var best = 0UL;
            for (var i = 0; i < names.Length; i++)
            {
                var weight = XxHash3.HashToUInt64(names[i], shard);
                if (i == 0 || weight > best)
                {
                    (best, _owners[shard]) = (weight, Silos[i]);
                }
            }
        }
    }

    /// <summary>The silos, in order of address.</summary>
    public IReadOnlyList<SiloAddress> Silos { get; }

    /// <summary>The shard of an actor: 0 to <see cref="Shards"/> - 1.</summary>
    public static int ShardOf(ActorId actor) => HashRange.ShardOf(actor.StableHash(), Shards);

    /// <summary>Who looks after an actor.</summary>
    public SiloAddress OwnerOf(ActorId actor) => _owners[ShardOf(actor)];

    /// <summary>Who looks after a shard.</summary>
    public SiloAddress OwnerOf(int shard) => _owners[shard];

    /// <summary>What a silo looks after, neighbouring shards joined.</summary>
    public IReadOnlyList<HashRange> RangesOf(SiloAddress silo)
    {
        var ranges = new List<HashRange>();
        for (var shard = 0; shard < Shards; shard++)
        {
            if (!_owners[shard].Equals(silo))
            {
                continue;
            }

            var range = HashRange.OfShard(shard, Shards);
            if (ranges.Count > 0 && ranges[^1].Last + 1 == range.First)
            {
                ranges[^1] = new(ranges[^1].First, range.Last);
            }
            else
            {
                ranges.Add(range);
            }
        }

        return ranges;
    }
}
