using Loyalty.Storage.Sqlite;

namespace Loyalty.Storage.Tests;

public class DueBucketsTests
{
    private const ulong Hash = 0x1234_5678_9ABC_DEF0;
    private readonly DueBuckets buckets = new();

    public DueBucketsTests()
    {
        // The first look goes through every bucket.
        foreach (var (bucket, mark) in buckets.Candidates(0))
        {
            buckets.Looked(bucket, mark, long.MaxValue);
        }
    }

    [Fact]
    public void A_bucket_in_which_nothing_is_due_is_not_looked_through_again() => Assert.Empty(buckets.Candidates(1000));

    [Fact]
    public void A_stored_wake_up_time_makes_its_bucket_a_candidate_when_it_comes()
    {
        buckets.Changed(Hash, 500);
        buckets.Changed(Hash, 500);

        Assert.Empty(buckets.Candidates(499));
        Assert.Equal(DueBuckets.Of(Hash), Assert.Single(buckets.Candidates(500)).Bucket);
    }

    [Fact]
    public void A_look_between_the_writing_of_a_snapshot_and_its_commit_does_not_hide_its_wake_up_time()
    {
        buckets.Changed(Hash, 100);
        var (bucket, mark) = Assert.Single(buckets.Candidates(200));
        // The reader's view is from before the commit: it sees nothing in the bucket.
        buckets.Looked(bucket, mark, long.MaxValue);
        buckets.Changed(Hash, 100);

        Assert.Single(buckets.Candidates(200));
    }
}
