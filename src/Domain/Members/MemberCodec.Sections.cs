using Loyalty.Domain.Encoding;

namespace Loyalty.Domain.Members;

/// <summary>
/// What a purchase, a return or a snapshot has beyond the first version of its form: sections, each an id byte and framed bytes, in the order of their ids. What has none is written as
/// ever. A section that is not known was written by a newer engine, and is an error: passing over it would lose points.
/// </summary>
public static partial class MemberCodec
{
    /// <summary>The schema version of purchases and returns with sections: the body of version 1, the count of sections, the sections.</summary>
    private const byte WithSections = 2;

    /// <summary>Version of the snapshot's form with sections: version 1, then sections up to the end.</summary>
    private const byte SnapshotWithSections = 2;

    private enum Section : byte
    {
        Campaigns = 1,
        Spending = 2,
        Households = 3,
        Exchange = 4,
        Vouchers = 5,
    }

    private static int SectionsOf(PurchaseRecorded e) => (e.Campaigns is null ? 0 : 1) + (e.Tender is null ? 0 : 1);

    private static int SectionsOf(ReturnRecorded e) => (e.Campaigns is null ? 0 : 1) + (e.Tender is null ? 0 : 1);

    private static void WriteSections(ByteWriter writer, PurchaseRecorded e)
    {
        writer.Count(SectionsOf(e));
        if (e.Campaigns is { } campaigns)
        {
            WriteSection(writer, Section.Campaigns, campaigns, Write);
        }

        if (e.Tender is { } tender)
        {
            WriteSection(writer, Section.Spending, tender, WriteTender);
        }
    }

    private static void WriteSections(ByteWriter writer, ReturnRecorded e)
    {
        writer.Count(SectionsOf(e));
        if (e.Campaigns is { } campaigns)
        {
            WriteSection(writer, Section.Campaigns, campaigns, Write);
        }

        if (e.Tender is { } returned)
        {
            WriteSection(writer, Section.Spending, (Left: e.After!.Tender!, returned), static (w, x) => WriteTender(w, x.Left, x.returned));
        }
    }

    private static PurchaseRecorded ReadSections(ref ByteReader reader, PurchaseRecorded e)
    {
        for (var count = reader.Count(); count > 0; count--)
        {
            var id = (Section)reader.Byte();
            var body = new ByteReader(reader.Bytes());
            switch (id)
            {
                case Section.Campaigns:
                    e = e with { Campaigns = ReadCampaigns(ref body) };
                    break;
                case Section.Spending:
                    var tender = ReadTender(ref body);
                    e = e with { Tender = tender, Purchase = e.Purchase with { Tender = tender.Tender } };
                    break;
                default:
                    throw UnknownSection(id);
            }
        }

        return e;
    }

    private static ReturnRecorded ReadSections(ref ByteReader reader, ReturnRecorded e)
    {
        for (var count = reader.Count(); count > 0; count--)
        {
            var id = (Section)reader.Byte();
            var body = new ByteReader(reader.Bytes());
            switch (id)
            {
                case Section.Campaigns:
                    var campaigns = ReadCampaigns(ref body);
                    e = e with { Campaigns = campaigns, After = e.After is { } after ? after with { Campaigns = campaigns.Left } : null };
                    break;
                case Section.Spending when e.After is not null:
                    var (left, returned) = ReadTenderReturned(ref body);
                    e = e with { Tender = returned, After = e.After with { Tender = left } };
                    break;
                default:
                    throw UnknownSection(id);
            }
        }

        return e;
    }

    private static bool HasSections(MemberState state) => state.Engagement is not null || state.Holds is { IsEmpty: false } || HasTransfers(state) || state.Exchanges is not null;

    private static void WriteSections(ByteWriter writer, MemberState state)
    {
        if (state.Engagement is { } engagement)
        {
            WriteSection(writer, Section.Campaigns, engagement, Write);
        }

        if (state.Holds is { IsEmpty: false } holds)
        {
            WriteSection(writer, Section.Spending, holds, WriteHolds);
        }

        if (HasTransfers(state))
        {
            WriteSection(writer, Section.Households, state, WriteTransfers);
        }

        if (state.Exchanges is { } exchanges)
        {
            WriteSection(writer, Section.Exchange, exchanges, WriteExchanges);
        }
    }

    private static void ReadSections(ref ByteReader reader, MemberState state)
    {
        while (!reader.AtEnd)
        {
            var id = (Section)reader.Byte();
            var body = new ByteReader(reader.Bytes());
            switch (id)
            {
                case Section.Campaigns:
                    Read(ref body, state.Engage());
                    break;
                case Section.Spending:
                    ReadHolds(ref body, state.MakeHolds());
                    break;
                case Section.Households:
                    ReadTransfers(ref body, state);
                    break;
                case Section.Exchange:
                    ReadExchanges(ref body, state.MakeExchanges());
                    break;
                default:
                    throw UnknownSection(id);
            }
        }
    }

    private static void WriteSection<T>(ByteWriter writer, Section id, T value, Action<ByteWriter, T> body)
    {
        writer.Byte((byte)id);
        writer.Framed(value, body);
    }

    private static FormatException UnknownSection(Section id) => new($"section {(byte)id} is not known here: a newer engine wrote it");
}
