using System.Net;
using Loyalty.Grains;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Grains.Tests;

public sealed class ShardMapTests
{
    private static readonly SiloAddress[] Silos = [.. Enumerable.Range(1, 5).Select(i => SiloAddress.New(IPAddress.Loopback, 11110 + i, 7))];

    private static readonly ActorId[] Members = [.. Enumerable.Range(0, 5000).Select(i => new ActorId("member", $"m{i}"))];

    [Fact]
    public void Everybody_computes_the_same_map_whatever_the_order_of_the_list()
    {
        var (one, other) = (new ShardMap(Silos), new ShardMap([.. Silos.Reverse()]));
        Assert.All(Members, member => Assert.Equal(one.OwnerOf(member), other.OwnerOf(member)));
    }

    [Fact]
    public void Every_actor_is_in_exactly_the_ranges_of_its_owner()
    {
        var map = new ShardMap(Silos);
        var ranges = Silos.ToDictionary(silo => silo, map.RangesOf);
        Assert.All(Members, member => Assert.Equal(
            [map.OwnerOf(member)], Silos.Where(silo => ranges[silo].Any(range => range.Contains(member.StableHash())))));
    }

    [Fact]
    public void Each_silo_has_its_share()
    {
        var map = new ShardMap(Silos);
        Assert.All(Silos, silo => Assert.InRange(Members.Count(member => map.OwnerOf(member).Equals(silo)), 500, 1700));
    }

    [Fact]
    public void When_a_silo_goes_only_its_own_actors_move()
    {
        var (before, after) = (new ShardMap(Silos), new ShardMap(Silos[1..]));
        Assert.All(Members, member => Assert.True(before.OwnerOf(member).Equals(Silos[0]) || before.OwnerOf(member).Equals(after.OwnerOf(member))));
    }

    [Fact]
    public void One_silo_has_everything_in_one_range() => Assert.Equal([HashRange.All], new ShardMap(Silos[..1]).RangesOf(Silos[0]));
}
