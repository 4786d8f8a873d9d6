using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Tests;

public sealed class HashRangeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(1000)]
    public void Shards_share_all_hashes_without_gap_or_overlap(int shards)
    {
        ulong next = 0;
        for (var shard = 0; shard < shards; shard++)
        {
            var range = HashRange.OfShard(shard, shards);
            Assert.Equal(next, range.First);
            Assert.Equal(shard, HashRange.ShardOf(range.First, shards));
            Assert.Equal(shard, HashRange.ShardOf(range.Last, shards));
            next = unchecked(range.Last + 1);
        }

        Assert.Equal(0UL, next);
    }
}
