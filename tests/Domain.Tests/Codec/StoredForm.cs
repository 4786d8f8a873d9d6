using System.Runtime.CompilerServices;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Tests.Model;
using Loyalty.Domain.Tests.Properties;
using Xunit;

namespace Loyalty.Domain.Tests.Codec;

public class StoredForm
{
    [Fact]
    public void There_is_an_example_of_every_type_of_event()
    {
        var types = typeof(MemberEvent).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(MemberEvent)));
        Assert.Empty(types.Except(Everything.Select(example => example.GetType())));
    }

    /// <summary>The file is never written again; an event with a new form gets a file of its own (set LOYALTY_WRITE_GOLDEN=1 once, in a new version of this test).</summary>
    [Theory]
    [InlineData("events-v1.txt")]
    [InlineData("events-spending-v1.txt")]
    [InlineData("events-exchange-v1.txt")]
    [InlineData("events-transfers-v1.txt")]
    [InlineData("events-households-v1.txt")]
    [InlineData("events-campaigns-v1.txt")]
    [InlineData("events-import-v1.txt")]
    [InlineData("events-vouchers-v1.txt")]
    public void Events_written_by_version_1_stay_readable(string name)
    {
        var path = GoldenPath(name);
        var examples = Golden(name);
        if (Environment.GetEnvironmentVariable("LOYALTY_WRITE_GOLDEN") is not null && !File.Exists(path))
        {
            File.WriteAllLines(path, examples.Select(example => $"{example.GetType().Name} {Convert.ToHexStringLower(Written(example))}"));
        }

        var lines = File.ReadAllLines(path);
        Assert.Equal(examples.Length, lines.Length);
        foreach (var (line, example) in lines.Zip(examples))
        {
            var parts = line.Split(' ');
            var reader = new ByteReader(Convert.FromHexString(parts[1]));
            var read = MemberCodec.Read(ref reader);
            Assert.True(reader.AtEnd);
            Assert.Equal(parts[0], read.GetType().Name);
            Assert.Equal(Told.Of(example), Told.Of(read));
        }
    }

    [Fact]
    public void A_section_that_is_not_known_is_of_a_newer_engine()
    {
        var bytes = Written(new PurchaseRecorded(Examples.Purchase, 1, null, new(2026, 3, 1), [], 0) { Campaigns = new() });

        // One section: its number, its length, what is in it.
        var at = Array.LastIndexOf(bytes, (byte)1);
        bytes[at] = 99;
        Assert.Contains("newer engine", Assert.Throws<FormatException>(() =>
        {
            var reader = new ByteReader(bytes);
            MemberCodec.Read(ref reader);
        }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        foreach (var example in Everything)
        {
            var reader = new ByteReader(Written(example));
            Assert.Equal(Told.Of(example), Told.Of(MemberCodec.Read(ref reader)));
            Assert.True(reader.AtEnd);
        }
    }

    [Fact]
    public void The_form_that_fingerprints_of_spending_are_taken_of_never_changes()
    {
        string[] forms =
        [
            Form(writer => SpendingCodec.Write(writer, SpendingExamples.Hold)), Form(writer => SpendingCodec.Write(writer, SpendingExamples.Redemption)),
            Form(writer => SpendingCodec.Write(writer, SpendingExamples.Commit)), Form(writer => SpendingCodec.Write(writer, SpendingExamples.Cancel)),
            Form(writer => SpendingCodec.Write(writer, SpendingExamples.Reversal)), Form(writer => SpendingCodec.Write(writer, SpendingExamples.Tender)),
            Form(writer => SpendingCodec.Write(writer, SpendingExamples.Stock)),
        ];
        var path = GoldenPath("fingerprints-spending-v1.txt");
        if (Environment.GetEnvironmentVariable("LOYALTY_WRITE_GOLDEN") is not null && !File.Exists(path))
        {
            File.WriteAllLines(path, forms);
        }

        Assert.Equal(File.ReadAllLines(path), forms);
    }

    [Fact]
    public void The_form_that_fingerprints_of_transfers_are_taken_of_never_changes() =>
        Assert.Equal("035432064d31303031064d3130303207706f696e7473c8010000", Form(writer => TransferCodec.Write(writer, TransferExamples.Plain)));

    [Fact]
    public void The_form_that_fingerprints_are_taken_of_never_changes()
    {
        string[] forms =
        [
            Form(writer => SaleCodec.Write(writer, Examples.Purchase)), Form(writer => SaleCodec.Write(writer, Examples.Return)),
            Form(writer => SaleCodec.Write(writer, Examples.Adjustment)), Form(writer => SaleCodec.Write(writer, Examples.Enrolment)),
        ];
        var path = GoldenPath("fingerprints-v1.txt");
        if (Environment.GetEnvironmentVariable("LOYALTY_WRITE_GOLDEN") is not null && !File.Exists(path))
        {
            File.WriteAllLines(path, forms);
        }

        Assert.Equal(File.ReadAllLines(path), forms);
    }

    [Fact]
    public void A_quantity_has_one_form_however_it_was_spelled()
    {
        var one = Examples.Purchase with { Lines = [new("a", null, null, 1.50m, 5), new("b", null, null, 2.000000m, 5)] };
        var other = Examples.Purchase with { Lines = [new("a", null, null, 1.5m, 5), new("b", null, null, 2m, 5)] };
        Assert.Equal(Form(writer => SaleCodec.Write(writer, one)), Form(writer => SaleCodec.Write(writer, other)));
    }

    [Fact]
    public void An_event_of_a_later_schema_says_so()
    {
        var bytes = Written(Examples.All[0]);
        bytes[1] = 2;
        Assert.Contains("newer engine", Throws(bytes), StringComparison.Ordinal);
        Assert.Contains("not known", Throws([99, 1, 0]), StringComparison.Ordinal);

        static string Throws(byte[] bytes) => Assert.Throws<FormatException>(() =>
        {
            var reader = new ByteReader(bytes);
            MemberCodec.Read(ref reader);
        }).Message;
    }

    [Fact]
    public void A_snapshot_of_another_version_is_passed_over()
    {
        var bytes = RealMember.SnapshotOf(new MemberState("M1"));
        bytes[0] = 9;
        Assert.Null(MemberCodec.ReadSnapshot("M1", bytes));
    }

    [Fact]
    public void Truncated_events_are_format_errors()
    {
        foreach (var bytes in Everything.Select(Written))
        {
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.Throws<FormatException>(() =>
                {
                    var reader = new ByteReader(bytes.AsSpan(0, length));
                    MemberCodec.Read(ref reader);
                });
            }
        }
    }

    [Fact]
    public void Garbled_events_are_read_or_are_format_errors()
    {
        var random = new Random(20260301);
        foreach (var original in Everything.Select(Written))
        {
            for (var i = 0; i < 4000; i++)
            {
                var bytes = Garbled(original, random);
                FormatErrorOrNothing(bytes, () =>
                {
                    var reader = new ByteReader(bytes);
                    MemberCodec.Read(ref reader);
                });
            }
        }
    }

    [Fact]
    public void Truncated_and_garbled_snapshots_are_read_or_are_format_errors()
    {
        var random = new Random(20260301);
        for (var seed = 0; seed < 40; seed++)
        {
            var snapshot = Run.Of(Scripts.Make(new Random(seed), 40, Plans.Any)).Real.Snapshot();
            for (var i = 0; i < 1000; i++)
            {
                var bytes = i % 4 == 0 ? snapshot[..random.Next(snapshot.Length)] : Garbled(snapshot, random);
                FormatErrorOrNothing(bytes, () => MemberCodec.ReadSnapshot("M1", bytes));
            }
        }
    }

    [Fact]
    public void A_snapshot_with_more_points_than_there_can_be_is_a_format_error()
    {
        var state = new MemberState("M1");
        foreach (var (day, points) in new[] { (1, 1L), (2, 1L << 62) })
        {
            state.Apply(new PointsAdjusted(Examples.Adjustment, new(2026, 1, day), [new("points", PostingPlace.Lot, new(new(2026, 1, day), new(2026, 1, day), null), points)]));
        }

        var changed = Convert.ToHexStringLower(RealMember.SnapshotOf(state)).Replace(
            Form(writer => writer.VarInt(1L << 62)), Form(writer => writer.VarInt(long.MaxValue)), StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => MemberCodec.ReadSnapshot("M1", Convert.FromHexString(changed)));
    }

    private static MemberEvent[] Everything => [.. Examples.All, .. SpendingExamples.All, .. CampaignExamples.All, .. ImportExamples.All, .. ImportExamples.Vouchers, .. ExchangeExamples.All, .. TransferExamples.All, .. TransferExamples.Households];

    private static MemberEvent[] Golden(string name) => name switch
    {
        "events-vouchers-v1.txt" => ImportExamples.Vouchers,
        "events-import-v1.txt" => ImportExamples.All,
        "events-v1.txt" => Examples.All,
        "events-campaigns-v1.txt" => CampaignExamples.All,
        "events-exchange-v1.txt" => ExchangeExamples.All,
        "events-transfers-v1.txt" => TransferExamples.All,
        "events-households-v1.txt" => TransferExamples.Households,
        _ => SpendingExamples.All,
    };

    private static byte[] Garbled(byte[] original, Random random)
    {
        var bytes = original.ToArray();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            bytes[random.Next(bytes.Length)] = random.Next(3) switch { 0 => 0, 1 => 255, _ => (byte)random.Next(256) };
        }

        return bytes;
    }

    private static void FormatErrorOrNothing(byte[] bytes, Action read)
    {
        try
        {
            read();
        }
        catch (FormatException)
        {
            // As it should be.
        }
        catch (Exception e)
        {
            Assert.Fail($"{Convert.ToHexStringLower(bytes)}: {e}");
        }
    }

    private static byte[] Written(MemberEvent fact)
    {
        var writer = new ByteWriter();
        MemberCodec.Write(writer, fact);
        return writer.Written.ToArray();
    }

    private static string Form(Action<ByteWriter> write)
    {
        var writer = new ByteWriter();
        write(writer);
        return Convert.ToHexStringLower(writer.Written);
    }

    private static string GoldenPath(string name, [CallerFilePath] string source = "") => Path.Combine(Path.GetDirectoryName(source)!, "..", "Golden", name);
}
