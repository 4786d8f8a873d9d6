using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Orleans.Serialization;

namespace Loyalty.Grains.Tests;

/// <summary>What campaigns and their leases send between silos: as it is, and as the first version sent it.</summary>
public sealed class CampaignWireTests
{
    private static readonly Serializer Wire = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();
    private static readonly Instant At = Instant.FromUtc(2026, 3, 2, 10, 0);
    private static readonly byte[] Json = """{ "name": "Boost", "gives": [ { "type": "bonus", "unit": "points", "points": 5 } ] }"""u8.ToArray();
    private static readonly PurseKey Week = new(BudgetMeasure.Points, CampaignPeriod.Week, "s1", new(2026, 3, 2));
    private static readonly PurseKey Whole = new(BudgetMeasure.Uses, CampaignPeriod.Campaign, null, LocalDate.MinIsoValue);
    private static readonly LeaseEntry Lease = new(7, Week, "S127.0.0.1:11111:1", 100, 40, 512);
    private static readonly LotId Lot = new(new(2026, 3, 2), new(2026, 3, 2), null);

    private static readonly Activity Referral = new() { Id = "a1", Member = "anna", Type = Activity.Referral, At = At, Friend = "ben" };

    /// <summary>One of each form, by name. Forms are only added to: what is here stays.</summary>
    private static readonly Dictionary<string, object> Forms = new()
    {
        ["campaign-reply"] = new Answer<CampaignReply>(CommandStatus.Done, null, new(
            new("boost", "Boost", CampaignStatus.Paused, 5, new(Json, "carl", At, "ben"), [new(1, At, Json, "anna", "ben", At)], [new(new(At, CampaignStatus.Paused), "anna", "too popular")]),
            [new FieldError("gives", "are missing")], new("no-draft", "", "there is none"))),
        ["campaign-list"] = new Answer<CampaignList>(CommandStatus.Done, null, new([new("boost", 5, "Boost", true, [new(At, Json)], [new(At, CampaignStatus.Ended)])])),
        ["lease-message"] = new LeaseMessage(7, 2, 3, 40, 50, 6, Close: true),
        ["lease-answer"] = new Answer<LeaseAnswer>(CommandStatus.Done, null, new(7, 100, 512, 900, 60, [Lease])),
        ["lease-reports"] = new LeaseReport[] { new(7, 3, 40), new(8, 1, -5) },
        ["purse"] = Whole,
        ["budget-view"] = new Answer<BudgetView>(CommandStatus.Done, null, new(
            "boost", new(BudgetMeasure.Money, 1000, true, CampaignPeriod.Week, true), [new(Week, 1000, 40, 60, 900)], [Lease], new(2026, 2, 2))),
        ["board-batch"] = new BoardBatch(99, 10, [new(98, "anna", 5), new(99, "ben", -2)]),
        ["board-view"] = new Answer<BoardView>(CommandStatus.Done, null, new(99, 2, false, [new(1, "anna", 5), new(1, "ben", 5)])),
        ["activity"] = Referral,
        ["attributes"] = MemberAttributes.Of(["vip", "tea"], new AnnualDate(2, 29)),
        ["quote"] = new Answer<MemberQuote>(CommandStatus.Done, null, new(
            null, new ActivityRecorded(Referral, 1, "silver", new(2026, 3, 2), [new("campaign:boost", "points", 5, true, Lot)]), [new("points", 14, 2, 1)], "silver", [new("other", "not-now")])),
        ["outcome"] = new RequestOutcome(OutcomeKind.Refused, null, null, new("already-referred", "friend", "is ben"), false) { Skipped = [new("other", "cap")] },
        ["member-campaigns"] = new Answer<MemberCampaignsView>(CommandStatus.Done, null, new(
            "anna", MemberAttributes.Of(["vip"], null), [new("boost", "Boost", "challenge", [new("visits", 2, 3)], 1, At)])),
    };

    public static TheoryData<string> Names => [.. Forms.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_sent_arrives(string name) => Assert.Equal(Say(Forms[name]), Say(Crossed(name)));

    /// <summary>The bytes of the first version: as long as there is a silo that sends them, they must be understood. Never written again; LOYALTY_WRITE_GOLDEN=1 writes those that are missing.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void What_an_older_silo_sent_is_still_understood(string name)
    {
        if (Environment.GetEnvironmentVariable("LOYALTY_WRITE_GOLDEN") is not null)
        {
            var source = Path.Combine(AppContext.BaseDirectory, "../../../Golden", $"wire-1-{name}.bin");
            if (!File.Exists(source))
            {
                File.WriteAllBytes(source, Bytes(name));
            }

            return;
        }

        var bytes = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", $"wire-1-{name}.bin"));
        Assert.Equal(Say(Forms[name]), Say(Wire.Deserialize<object>(bytes)!));
    }

    private static byte[] Bytes(string name) => Wire.SerializeToArray(Forms[name]);

    private static object Crossed(string name) => Wire.Deserialize<object>(Bytes(name))!;

    /// <summary>All that is in it, lists and bytes too.</summary>
    private static string Say(object value) => System.Text.Json.JsonSerializer.Serialize(value, value.GetType(), Telling);

    private static readonly System.Text.Json.JsonSerializerOptions Telling = new() { Converters = { new BytesTold(), new DayTold(), new MomentTold(), new AnnualTold(), new FactTold() } };

    private sealed class BytesTold : Told<ReadOnlyMemory<byte>>
    {
        protected override string Say(ReadOnlyMemory<byte> value) => Convert.ToHexString(value.Span);
    }

    private sealed class DayTold : Told<LocalDate>
    {
        protected override string Say(LocalDate value) => value.ToString();
    }

    private sealed class MomentTold : Told<Instant>
    {
        protected override string Say(Instant value) => value.ToString();
    }

    private sealed class AnnualTold : Told<AnnualDate>
    {
        protected override string Say(AnnualDate value) => value.ToString();
    }

    private sealed class FactTold : Told<MemberEvent>
    {
        protected override string Say(MemberEvent value)
        {
            var writer = new global::Loyalty.Domain.Encoding.ByteWriter();
            MemberCodec.Write(writer, value);
            return Convert.ToHexString(writer.Written);
        }
    }

    private abstract class Told<T> : System.Text.Json.Serialization.JsonConverter<T>
    {
        public override T Read(ref System.Text.Json.Utf8JsonReader reader, Type typeToConvert, System.Text.Json.JsonSerializerOptions options) => throw new NotSupportedException();

        public override void Write(System.Text.Json.Utf8JsonWriter writer, T value, System.Text.Json.JsonSerializerOptions options) => writer.WriteStringValue(Say(value));

        protected abstract string Say(T value);
    }
}
