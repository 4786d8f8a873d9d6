using Xunit;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>
/// Random programs, campaigns and lives: after every request awards, take-backs, reasons, balances, lots, tiers and what is spent of budgets are those of the model, and the quote before a request is what the request then gives. The
/// environment variable LOYALTY_TESTS makes it longer: 30 is some 100,000 baskets.
/// </summary>
public class AgreesWithTheModelOnCampaigns
{
    [Fact]
    public void After_every_request_the_books_are_those_of_the_model_and_the_quote_was_right_in_short_lives() => Checks.ForAll(31, 500, CampaignScripts.Of(8), script => Run.Of(script));

    [Fact]
    public void After_every_request_the_books_are_those_of_the_model_and_the_quote_was_right_in_long_lives() => Checks.ForAll(32, 60, CampaignScripts.Of(40), script => Run.Of(script));
}

public class CampaignsInMemoryAreWhatWasWritten
{
    [Fact]
    public void Snapshots_and_replayed_events_give_the_same_member() => Checks.ForAll(33, 80, CampaignScripts.Of(20), script => Run.Of(script, run =>
    {
        var written = run.Real.Snapshot();
        run.Require(written.AsSpan().SequenceEqual(RealMember.SnapshotOf(run.Real.Copy())), "the snapshot does not give the same member");
        run.Require(written.AsSpan().SequenceEqual(RealMember.SnapshotOf(run.Real.Replayed())), "the events do not give the same member");
    }));
}
