using System.Runtime.CompilerServices;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Codec;

/// <summary>The stored form of campaigns' own books.</summary>
public class CampaignBooksForm
{
    private static readonly Instant At = Instant.FromUtc(2026, 3, 2, 10, 0);

    private static readonly byte[] Json = System.Text.Encoding.UTF8.GetBytes(
        """{ "name": "Boost", "gives": [ { "type": "bonus", "unit": "points", "points": 5 } ], "budget": { "in": "points", "amount": 1000, "by": "store", "period": "week" } }""");

    private static readonly PurseKey Week = new(BudgetMeasure.Points, CampaignPeriod.Week, "s1", new(2026, 3, 2));

    /// <summary>A life: every type of fact, in an order in which they can follow.</summary>
    private static readonly CampaignEvent[] Life =
    [
        new DraftSaved(Json, "anna", At),
        new DraftApproved("ben", At),
        new VersionPublished(1, At, Json, "anna", "ben", At),
        new CampaignBegan(At),
        new LeaseGranted(1, new(BudgetMeasure.Uses, CampaignPeriod.Campaign, null, LocalDate.MinIsoValue), "silo-1", 1, 0, 512),
        new LeaseGranted(2, Week, "silo-1", 2, 250, 512),
        new LeaseMoved(2, 400, 17, 1),
        new LeaseGranted(3, Week with { Start = new(2026, 2, 23) }, "silo-2", 1, 100, 512),
        new LeaseSettled(3, 40, FromJournal: true),
        new PursesFolded(new(2026, 2, 23)),
        new DraftSaved(Json, "anna", At),
        new VersionPublished(2, At, Json, "anna", null, At),
        new CampaignStatusSet(CampaignStatus.Paused, At, "anna", "too popular"),
        new CampaignStatusSet(CampaignStatus.Active, At, "anna", "calm again"),
        new DraftSaved(Json, "carl", At),
    ];

    [Fact]
    public void There_is_an_example_of_every_type_of_fact()
    {
        var types = typeof(CampaignEvent).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(CampaignEvent)));
        Assert.Empty(types.Except(Life.Select(fact => fact.GetType())));
    }

    /// <summary>The file is never written again (set LOYALTY_WRITE_GOLDEN=1 once, in a new version of this test).</summary>
    [Fact]
    public void Facts_written_by_version_1_stay_readable_and_lead_to_the_same_books()
    {
        var path = Path.Combine(Here(), "..", "Golden", "campaign-books-v1.txt");
        if (Environment.GetEnvironmentVariable("LOYALTY_WRITE_GOLDEN") is not null && !File.Exists(path))
        {
            File.WriteAllLines(path, [.. Life.Select(fact => $"{fact.GetType().Name} {Hex(writer => CampaignCodec.Write(writer, fact))}"), $"snapshot {Hex(StateOf(Life).Write)}"]);
        }

        var lines = File.ReadAllLines(path).Select(line => line.Split(' ')).ToArray();
        var facts = lines[..^1].Select(parts => Read(parts[1])).ToArray();
        Assert.Equal(lines[..^1].Select(parts => parts[0]), facts.Select(fact => fact.GetType().Name));
        Assert.Equal(lines[..^1].Select(parts => parts[1]), facts.Select(fact => Hex(writer => CampaignCodec.Write(writer, fact))));
        Assert.Equal(lines[^1][1], Hex(StateOf(facts).Write));
    }

    [Fact]
    public void Books_come_back_from_their_snapshot()
    {
        var written = Convert.FromHexString(Hex(StateOf(Life).Write));
        var reader = new ByteReader(written);
        var state = CampaignState.ReadSnapshot("boost", ref reader)!;
        Assert.True(reader.AtEnd);
        Assert.Equal(Convert.ToHexStringLower(written), Hex(state.Write));
        Assert.Equal((17, 383, 600), (state.Purses[Week].Spent, state.Purses[Week].Leased, state.FreeOf(Week)));
        Assert.Equal(40, state.Folded[BudgetMeasure.Points]);
        Assert.Equal(("carl", 2, CampaignStatus.Active), (state.Draft!.Author, state.Versions.Count, state.StatusAt(At)));
    }

    private static CampaignState StateOf(IEnumerable<CampaignEvent> facts)
    {
        var state = new CampaignState("boost");
        foreach (var fact in facts)
        {
            state.Apply(fact);
        }

        return state;
    }

    private static CampaignEvent Read(string hex)
    {
        var reader = new ByteReader(Convert.FromHexString(hex));
        return CampaignCodec.Read(ref reader);
    }

    private static string Hex(Action<ByteWriter> write)
    {
        var writer = new ByteWriter();
        write(writer);
        return Convert.ToHexStringLower(writer.Written);
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
