using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Examples;

/// <summary>docs/RULES.md, "Import".</summary>
public sealed class FromAnotherSystem
{
    private static readonly ProgramCatalog Programs = Read("""
        {
          "name": "Test", "currency": "GBP", "timeZone": "Europe/London",
          "units": [ { "id": "points", "expiry": { "policy": "rolling", "months": 12 } }, { "id": "stamps", "expiry": { "policy": "inactivity", "months": 6 } } ],
          "earn": [ { "unit": "points", "points": 1, "per": 100 } ],
          "tiers": { "basis": "spend", "window": "calendarYear", "retention": { "policy": "endOfPeriod", "periods": 1 },
            "levels": [ { "id": "silver", "threshold": 50000, "bonus": 0.5 }, { "id": "gold", "threshold": 100000, "bonus": 1 } ] }
        }
        """);

    private readonly MemberState _state = new("anna");
    private readonly List<MemberEvent> _raised = [];
    private Instant _now = Instant.FromUtc(2026, 3, 10, 12, 0);

    private MemberDecider Decider => new(_state, new TurnContext(_now, Programs), _raised);

    [Fact]
    public void A_member_has_what_it_had_there()
    {
        Assert.Null(Import(Plain with
        {
            EnrolledAt = Instant.FromUtc(2019, 5, 1, 0, 0),
            Tier = new("silver", new(2025, 6, 1), null),
            Lots = [new("points", 30, new(2025, 11, 30), null, new(2027, 1, 31), false), new("points", 20, new(2025, 10, 1), null, null, false), new("points", 5, new(2024, 1, 1), null, null, true)],
        }));
        Assert.Equal(
            ["2025-10-01/2025-10-01/2026-10-01 20", "2025-11-30/2025-11-30/2027-01-31 30", "2024-01-01/2024-01-01/- 5"],
            _state.FindBook("points")!.Lots.ToArray().Select(lot => $"{lot.Id} {lot.Points}"));
        Assert.Equal(new HeldTier("silver", new(2025, 6, 1), new(2026, 12, 31)), _state.Tier);
        Assert.Equal(new LocalDate(2019, 5, 1), _state.EnrolledOn);
    }

    [Fact]
    public void A_level_counts_for_the_next_purchase_and_falls_at_its_review()
    {
        Assert.Null(Import(Plain with { Tier = new("gold", new(2025, 6, 1), new(2026, 6, 30)) }));
        Assert.Null(Decider.Record(Buy("p1", 100_00)));
        Assert.Equal(200, _state.FindBook("points")!.Balance);
        _now = Instant.FromUtc(2026, 7, 1, 12, 0);
        Decider.BringUpToDate();
        Assert.Equal("silver", _state.Tier.Level);
    }

    [Fact]
    public void Days_that_it_brings_lead_to_the_next_level_with_the_first_purchase()
    {
        Assert.Null(Import(Plain with { Days = [new(new(2026, 1, 5), 99_000, 0, 1)] }));
        Assert.Null(_state.Tier.Level);
        Assert.Null(Decider.Record(Buy("p1", 10_00)));
        Assert.Equal("gold", _state.Tier.Level);
        Assert.Equal(new LocalDate(2026, 3, 10), _state.Tier.Since);
    }

    [Fact]
    public void Points_that_lapse_by_inactivity_have_their_time_from_the_import_on()
    {
        Assert.Null(Import(Plain with { EnrolledAt = Instant.FromUtc(2019, 5, 1, 0, 0), Lots = [new("stamps", 4, new(2019, 6, 1), null, null, false)] }));
        Assert.Equal(4, _state.FindBook("stamps")!.Balance);
        _now = Instant.FromUtc(2026, 9, 12, 12, 0);
        Decider.BringUpToDate();
        Assert.Equal(0, _state.FindBook("stamps")!.Balance);
    }

    [Fact]
    public void Debt_is_repaid_by_the_next_purchase()
    {
        Assert.Null(Import(Plain with { Debts = [new("points", 30)] }));
        Assert.Equal(-30, _state.FindBook("points")!.Balance);
        Assert.Null(Decider.Record(Buy("p1", 50_00)));
        Assert.Equal((0, 20), (_state.FindBook("points")!.Debt, _state.FindBook("points")!.Balance));
    }

    [Fact]
    public void A_snapshot_and_a_replay_agree_with_what_was_brought_in()
    {
        Assert.Null(Import(ImportedWithEverything));
        var replayed = new MemberState("anna");
        _raised.ForEach(replayed.Apply);
        Assert.Equal(Snapshot(_state), Snapshot(replayed));
        Assert.Equal(Snapshot(_state), Snapshot(MemberCodec.ReadSnapshot("anna", Snapshot(_state))!));
    }

    [Fact]
    public void A_member_that_is_known_stays_as_it_is()
    {
        Assert.Null(Decider.Record(Buy("p1", 50_00)));
        var before = Snapshot(_state);
        Assert.Equal("member-exists", Import(ImportedWithEverything)!.Code);
        Assert.Equal(before, Snapshot(_state));
    }

    [Fact]
    public void Everything_that_the_program_does_not_allow_is_named_with_its_field()
    {
        var errors = new List<FieldError>();
        MemberDecider.CheckImport(
            Plain with
            {
                EnrolledAt = Instant.FromUtc(2027, 1, 1, 0, 0),
                Tier = new("bronze", new(2026, 3, 11), new(2026, 1, 1)),
                Lots =
                [
                    new("miles", 1, new(2026, 1, 1), null, null, false), new("points", 1, new(2026, 3, 11), null, null, false), new("points", 1, new(2025, 1, 1), null, null, false),
                    new("points", 1, new(2026, 1, 1), new(2025, 12, 31), new(2026, 3, 9), false), new("points", 1, new(2026, 1, 1), new(2026, 6, 1), new(2026, 5, 1), false),
                ],
                Debts = [new("points", 1), new("stamps", 1), new("stamps", 1)],
                Days = [new(new(2026, 3, 11), 0, 0, 0)],
            },
            new TurnContext(_now, Programs), errors);
        Assert.Equal(
            [
                "enrolledAt", "tier.level", "tier.since", "tier.through", "lots[0].unit", "lots[1].earnedOn", "lots[2].lastDay", "lots[3].availableOn", "lots[3].lastDay", "lots[4].lastDay",
                "debts[0].unit", "debts[2].unit", "progress[0].day",
            ],
            errors.Select(error => error.Field));
    }

    private static MemberImport Plain => new() { Id = "import:old:anna", Import = "old", Member = "anna", AlternativeIds = [], Lots = [], Debts = [], Days = [] };

    private static MemberImport ImportedWithEverything => Plain with
    {
        AlternativeIds = [new("card", "1")],
        Tier = new("gold", new(2025, 6, 1), new(2026, 12, 31)),
        Lots = [new("points", 250, new(2025, 11, 30), new(2026, 4, 1), new(2027, 11, 30), false)],
        Debts = [new("stamps", 3)],
        Days = [new(new(2026, 1, 2), 10_000, 100, 1), new(new(2025, 1, 2), 5, 0, 1)],
    };

    private static ProgramCatalog Read(string json)
    {
        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(System.Text.Encoding.UTF8.GetBytes(json), 1, Instant.FromUtc(2026, 1, 1, 0, 0), null, errors);
        Assert.Empty(errors);
        return new([program!]);
    }

    private static byte[] Snapshot(MemberState state)
    {
        var writer = new Loyalty.Domain.Encoding.ByteWriter();
        MemberCodec.Write(writer, state);
        return writer.Written.ToArray();
    }

    private Refusal? Import(MemberImport import) => Decider.Record(import, 1);

    private Purchase Buy(string id, long amount) => new() { Id = id, Member = "anna", Store = "S1", At = _now, Currency = "GBP", Lines = [new("A", null, null, 1, amount)] };
}
